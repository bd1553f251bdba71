#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2030,SC2031  # each test is a subshell
# dirtycat: recordings and pictures of a process that writes.

load lib

setup() {
	target
	cd "$BATS_TEST_TMPDIR" || return
	recorder=
}

cleanup() {
	[[ -z $recorder ]] || kill -KILL "$recorder"
}

# rows FILE COLUMNS [OPTION...] - a row for each process and sample of a recording
rows() {
	dirtycat --input "$1" --raw -n --summary=only -o "${@:2}" >rows
	sed '/^$/d' rows
}

# record_in_background OPTION... - $recorder writes samples of the target to record
record_in_background() {
	dirtycat --record record --clear -d 0.3 "$@" "$pid" 3>&- &
	recorder=$!
}

# has_samples NUMBER - does the recording?
has_samples() {
	[[ -s record ]] && rows record PID >pids && (($(wc -l <pids) >= $1))
}

# has_ended - has the background process?
has_ended() {
	! kill -0 "$recorder" 2>/dev/null
}

# after_samples NUMBER - wait for that many more samples
after_samples() {
	local now=0
	[[ ! -s record ]] || now=$(rows record PID | wc -l)
	wait_until has_samples $((now + $1))
}

# stripes - make the target write two stripes of its mapping at different times
stripes() {
	tell map anon 400
	tell advise nohugepage
	tell write
	record_in_background "$@"
	after_samples 3
	tell write 100 100
	after_samples 3
	tell write 300 50
	after_samples 3
}

@test "with --clear, WRITTEN of a sample is the memory written since the previous one" {
	tell map anon 64
	tell write
	dirtycat --record plain -A "$start,$end" -c 2 -d 0 "$pid"
	run -0 rows plain DIRTY,WRITTEN,RATE
	[[ $output == "256K 256K ?"$'\n'"256K 256K ?" ]]
	record_in_background -A "$start,$end"
	after_samples 2
	tell write 8 4
	after_samples 2
	kill -KILL $recorder
	wait $recorder || true
	recorder=
	rows record WRITTEN >written
	[[ $(grep -vx 0B written | tr '\n' ' ') == "256K 16K " ]]
	# The first sample has no previous one.
	run -0 rows record RATE
	[[ ${lines[0]} == "?" ]]
	! printf '%s\n' "${lines[@]:1}" | grep -qF "?" || fail "$output"
}

@test "a heat map shows each stripe at the address and time of its write" {
	stripes --heatmap live.svg --plot live.png
	kill -INT $recorder
	wait_until has_ended
	wait $recorder
	recorder=
	for name in map.svg map.png map.tsv; do
		dirtycat --input record --heatmap $name
		[[ $(stat -c %a $name) == 600 ]]
	done
	cmp live.svg map.svg
	python3 "$BATS_TEST_DIRNAME/heatmap.py" "$start" 400 100,100 300,50
}

@test "a plot has the values of the columns" {
	tell map anon 64
	tell write
	dirtycat --record record -A "$start,$end" -c 2 -d 0.1 "$pid"
	tell advise dontneed 0 32
	dirtycat --record record -A "$start,$end" "$pid"
	dirtycat --input record --plot plot.tsv
	cut -f 3-5 plot.tsv | diff - <(
		printf 'DIRTY\tWRITTEN\tSHARED\n'
		rows record DIRTY,WRITTEN,SHARED -b | tr ' ' '\t'
	)
	dirtycat --input record --plot plot.svg
	for word in DIRTY WRITTEN SHARED KiB memstate; do
		grep -qE "<text>.*$word.*</text>" plot.svg
	done
	run ! grep 'not known' plot.svg
}

@test "exec begins another panel" {
	mkfifo go
	bash -c 'read -r <go; exec sleep 1000' 3>&- &
	other=$!
	# After the exec of this shell, so that one panel has all its samples.
	wait_until grep -qa "read -r" "/proc/$other/cmdline"
	dirtycat --record record -d 0.2 "$other" 3>&- 2>error &
	recorder=$!
	after_samples 2
	echo >go
	wait_until grep -q "called exec" error
	after_samples 2
	kill -KILL "$other" $recorder
	wait $recorder || true
	recorder=
	dirtycat --input record --heatmap map.svg
	grep -q "<text>bash ($other): modified</text>" map.svg
	grep -q "<text>sleep ($other): modified</text>" map.svg
	dirtycat --input record --heatmap map.tsv
	cut -f 2 map.tsv | sort -u | diff - <(printf '%s\n' WHAT modified)
}
