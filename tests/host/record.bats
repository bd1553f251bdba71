#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2030,SC2031  # each test is a subshell
# dirtycat --record and --input, on the kernel of this machine.

load wait

setup_file() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	make -s -C tools/dirtycat OUTPUT="$BATS_FILE_TMPDIR/checked" \
		CFLAGS="-O1 -g -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover=all"
}

setup() {
	PATH=$BATS_FILE_TMPDIR/checked:$PATH
	cd "$BATS_TEST_TMPDIR" || return
	started=()
	umask 022
}

teardown() {
	((${#started[@]})) || return 0
	{
		kill -KILL "${started[@]}"
		wait "${started[@]}" || true
	} 2>/dev/null
}

# runs PID NAME - does the process run a program of that name?
runs() {
	[[ $(readlink "/proc/$1/exe") == */"$2" ]]
}

# start NAME - start a process of that name, $pid, and stop it
start() {
	mkfifo "wait-$1"
	exec 4<>"wait-$1"
	cp "$(command -v sleep)" "$1"
	"./$1" 1000 3>&- 4>&- &
	pid=$!
	started+=("$pid")
	wait_until runs "$pid" "$1"
	kill -STOP "$pid"
}

# rows FILE COLUMNS [OPTION...] - a row for each process and sample of a recording
rows() {
	dirtycat --input "$1" --raw -n --summary=only -o "${@:2}" >rows
	sed '/^$/d' rows
}

# samples FILE - print the number of samples in a recording of one process
samples() {
	rows "$1" PID >pids
	wc -l <pids
}

# has_samples NUMBER - does the recording?
has_samples() {
	[[ -s record ]] && (($(samples record) >= $1))
}

@test "--input shows a recording as the samples were shown" {
	start one
	dirtycat --record record "$pid"
	for view in --summary=never --by-mapping\ --summary=never --summary=only; do
		# A recording has all columns but USER, CGROUP and ARGS.
		# shellcheck disable=SC2086  # several words
		read -r columns < <(dirtycat --input record $view --raw --output-all)
		columns=${columns/DELTA GROWTH /}
		for format in --json --raw --pairs; do
			rm -f record
			# shellcheck disable=SC2086
			dirtycat --record record $view $format -o "${columns// /,}" "$pid" >live
			[[ -s live ]]
			# shellcheck disable=SC2086
			dirtycat --input record $view $format -o "${columns// /,}" >kept
			diff live kept
		done
	done
	dirtycat --text "$pid" >live
	dirtycat --input record --text --output-file kept
	diff live kept
}

@test "--record prints nothing, and --input can read a pipe" {
	start one
	run -0 dirtycat --record record -c 3 -d 0 "$pid"
	[[ -z $output ]]
	(($(samples record) == 3))
	dirtycat --input - --summary=only < <(cat record) | diff - <(dirtycat --input record --summary=only)
}

@test "a sample without changes takes less than 100 bytes" {
	start one
	dirtycat --record record "$pid"
	one=$(stat -c %s record)
	dirtycat --record record -c 11 -d 0 "$pid"
	(($(stat -c %s record) < 2 * one + 10 * 100))
}

@test "a recording cut at any byte keeps the earlier samples and can be continued" {
	start one
	dirtycat --record record "$pid"
	ends=(16 "$(stat -c %s record)") whole=()
	for _ in 1 2; do
		cp record before
		dirtycat --record record -c 2 -d 0 "$pid"
		# Only bytes are appended.
		cmp -n "${ends[-1]}" before record
		ends+=("$(stat -c %s record)")
	done
	size=${ends[-1]}
	# In the header, around the end of the first sample, and in the last one
	for at in {1..40} $(seq $((ends[1] - 20)) 1 $((ends[1] + 20))) $(seq $((size - 45)) 1 "$size"); do
		head -c "$at" record >torn
		run -0 --separate-stderr samples torn
		if ((at < ends[1])); then
			[[ $output == 0 ]]
		elif ((at < ends[1] + 100)); then
			[[ $output == 1 ]]
		elif ((at < size)); then
			[[ $output == [34] ]]
		else
			[[ $output == 5 ]]
		fi
		if ((at == 16 || at == ends[1] || at == size)); then
			[[ -z $stderr ]]
		elif [[ -n $stderr ]]; then
			[[ $stderr == *"torn: the last sample is cut; its "*" bytes are dropped"* ]]
		else
			whole+=("$at")
		fi
	done
	# The end of the sample before the last is among them.
	((${#whole[@]} <= 1))
	for at in 0 1 15 16 17 $((ends[1] + 5)) $((size - 1)); do
		head -c "$at" record >torn
		before=0
		((!at)) || before=$(samples torn 2>/dev/null)
		run -0 dirtycat --record torn "$pid"
		run -0 samples torn
		[[ $output == "$((before + 1))" ]]
	done
}

@test "zeros at the end, as after a power failure, are dropped" {
	start one
	dirtycat --record record -c 2 -d 0 "$pid"
	head -c 5000 /dev/zero >>record
	run -0 --separate-stderr samples record
	[[ $output == 2 ]]
	[[ $stderr == *"its 5000 bytes are dropped"* ]]
}

@test "a killed writer leaves a valid recording" {
	start one
	dirtycat --record record -d 0 "$pid" 3>&- &
	started+=($!)
	wait_until has_samples 4
	kill -KILL $!
	wait $! || true
	unset 'started[-1]'
	run -0 samples record
	(("${lines[-1]}" > 3))
}

@test "a damaged recording is distinguished from a cut one and is not continued" {
	start one
	dirtycat --record record -c 3 -d 0 "$pid"
	for at in 16 20 24 28 200; do
		python3 - "$at" <<-'END'
			import sys
			data = bytearray(open("record", "rb").read())
			data[int(sys.argv[1])] ^= 1
			open("damaged", "wb").write(data)
		END
		run -6 dirtycat --input damaged --summary
		[[ $output == "dirtycat: damaged: damaged at byte 16; the "*" bytes from there on are left out" ]]
		run -6 dirtycat --record damaged "$pid"
		[[ $output == *"damaged: not continued; name another file" ]]
	done
}

@test "reading a recording with random bytes is safe" {
	start one
	dirtycat --record record -c 2 -d 0 "$pid"
	for seed in {1..40}; do
		python3 - "$seed" <<-'END'
			import random, struct, sys, zlib
			r = random.Random(int(sys.argv[1]))
			data = open("record", "rb").read()
			out, at = bytearray(data[:16]), 16
			while at < len(data):
			    size, = struct.unpack_from("<I", data, at)
			    body = bytearray(data[at + 12:at + 12 + size])
			    for _ in range(r.randint(1, 4)):
			        body[r.randrange(min(len(body), r.choice((8, 40, 4000))))] = r.choice((0, 1, 127, 128, 255, r.randrange(256)))
			    if r.random() < 0.2:
			        del body[r.randrange(len(body)):]
			    head = struct.pack("<II", len(body), zlib.crc32(body))
			    out += head + struct.pack("<I", zlib.crc32(head)) + body
			    at += 12 + size
			open("odd", "wb").write(out)
		END
		status=0
		dirtycat --input odd --by-mapping --json >shown 2>error || status=$?
		[[ $status == [046] ]] || {
			cat error
			return 1
		}
		run ! grep -E 'Sanitizer|runtime error' error
	done
}

@test "recordings have mode 0600; links and special files are refused" {
	start one
	dirtycat --record record "$pid"
	[[ $(stat -c %a record) == 600 ]]
	: >empty
	dirtycat --record empty "$pid"
	[[ $(stat -c %a empty) == 600 ]]
	ln -s record link
	run -6 dirtycat --record link "$pid"
	[[ $output == "dirtycat: link: a symbolic link; name its target instead" ]]
	mkfifo fifo
	exec 5<>fifo
	run -6 dirtycat --record fifo "$pid"
	[[ $output == "dirtycat: fifo: not a regular file, which a recording is" ]]
	exec 5>&-
	run -6 dirtycat --record . "$pid"
	[[ $output == "dirtycat: .: Is a directory" ]]
	run -6 dirtycat --record nowhere/record "$pid"
	[[ $output == "dirtycat: nowhere/record: No such file or directory" ]]
	echo text >text
	run -6 dirtycat --record text "$pid"
	[[ $output == "dirtycat: text: not a recording of dirtycat" ]]
	[[ $(<text) == text ]]
	if ((EUID == 0)); then
		: >other
		chown nobody other
		run -6 dirtycat --record other "$pid"
		[[ $output == "dirtycat: other: belongs to another user; name a file of yours" ]]
	fi
	flock record dirtycat --record record "$pid" 2>error && return 1
	grep -qx "dirtycat: record: another program is writing this recording; name another file" error
}

@test "a recording of another version is refused" {
	printf 'DIRTYREC\2\0\0\0\0\0\0\0' >record
	run -6 dirtycat --input record
	[[ $output == "dirtycat: record: a recording of another version; this dirtycat has version 1" ]]
	run -6 dirtycat --record record $$
	[[ $output == *"of another version"* ]]
}

@test "a full disk keeps the earlier samples" {
	start one
	dirtycat --record record "$pid"
	size=$(stat -c %s record)
	run -6 bash -c 'ulimit -f $(($2 * 2 / 1024 + 2)); trap "" XFSZ; dirtycat --record record -c 1000 -d 0 "$1"' - "$pid" "$size"
	[[ $output == *"dirtycat: record: File too large; the samples before this one are kept" ]]
	run -0 samples record
	[[ $output =~ ^[0-9]+$ && $output -gt 1 ]]
}

@test "processes that start, exit and call exec are recorded" {
	start one
	first=$pid
	bash -c 'read -r; exec sleep 1000' <wait-one 3>&- 4>&- &
	second=$!
	started+=("$second")
	dirtycat --record record "$first" "$second"
	echo >&4
	wait_until runs "$second" sleep
	dirtycat --record record "$first" "$second"
	kill -KILL "$first"
	wait "$first" 2>/dev/null || true
	started=("$second")
	run -2 dirtycat --record record "$first" "$second"
	rows record PID,COMM >got
	diff - got <<-END
		$first one
		$second bash
		$first one
		$second sleep
		$second sleep
	END
	run -0 rows record PID "$first"
	((${#lines[@]} == 2))
	run -0 rows record PID,COMM -C bash
	[[ $output == "$second bash" ]]
}

@test "--pid selects processes of a recording" {
	start one
	dirtycat --record record "$pid"
	range=$(dirtycat --raw -n --summary=never -o START,END "$pid" | sed -n 2p)
	run -0 dirtycat --input record --raw -n --summary=never -A "${range/ /,}" -o START,END
	[[ $output == "$range" ]]
	dirtycat --input record --raw -n --summary=never -f +a -o FLAGS >flags
	run ! grep -v '^a' flags
}

@test "names select from a recording, and DELTA compares its samples" {
	start one
	first=$pid
	start two
	dirtycat --record record -c 3 -d 0.01 "$first" "$pid"
	run -0 rows record COMM,DELTA,GROWTH -C two
	[[ $output == $'two ? ?\ntwo 0B 0B\ntwo 0B 0B' ]]
	run -0 rows record COMM --name '^o'
	[[ $output == $'one\none\none' ]]
	# Both have to match, and a PID adds to them.
	run -2 dirtycat --input record -C two --name '^o' --summary
	[[ $output == "dirtycat: a process that meets all criteria: not in record; --summary=only without it lists those that are" ]]
	run -0 rows record COMM -C two "$first"
	((${#lines[@]} == 6))
	run -0 rows record COMM --all
	((${#lines[@]} == 6))
	dirtycat --input record --openmetrics --output-file metrics -C two
	run -0 grep -c "^dirtycat_private_dirty_bytes{pid=\"$pid\",comm=\"two\"} [0-9]" metrics
	[[ $output == 1 ]]
}

@test "printing sums does not remove mappings from the recording" {
	start one
	dirtycat --record record --summary=only "$pid" >sums
	[[ -s sums ]]
	dirtycat --input record --by-mapping --raw -n --summary=never -o MAPPING >kept
	grep -q /one kept
}

@test "without a process, --record takes all and prints nothing" {
	start one
	run -0 --separate-stderr dirtycat --record record
	[[ -z $output ]]
	rows record PID >pids
	grep -qx "$pid" pids
}

@test "recording on a terminal draws nothing" {
	start one
	TERM=xterm script -qec "dirtycat --record record -c 2 -d 0 $pid" /dev/null >shown 3>&-
	[[ ! -s shown ]]
	TERM=xterm script -qec "dirtycat --input record --summary" /dev/null >shown 3>&-
	run ! grep -q $'\033\\[H' shown
	(($(grep -c one shown) == 2))
}

@test "options that cannot be combined are refused" {
	start one
	dirtycat --record record "$pid"
	dirtycat --text "$pid" >listing
	while IFS='|' read -r arguments status words; do
		# shellcheck disable=SC2086  # several words
		run "-$status" dirtycat $arguments
		[[ $output == *"$words"* ]] || {
			echo "$arguments: $output"
			return 1
		}
	done <<-END
		--input record --clear|1|--input cannot be combined with --clear, --delay, --count, --backend or --record
		--input record -d 1|1|--input cannot be combined with
		--input record --record other|1|--input cannot be combined with
		--input listing $pid|1|--input cannot be combined with processes unless it is recorded
		--input listing --by-mapping|1|--input cannot be combined with --by-mapping unless it is recorded
		--input record --text|1|--text takes one sample unless --output-file is given
		--diff record $pid|1|record: a recording; --diff takes a listing, as --text writes it
		--input record -p 1|2|1: not in record; --summary=only without it lists those that are
		--input record -C nobody|2|nobody: not in record
		--input record --user root|1|--input cannot be combined with --user; a recording has only PIDs and names
		--input record --full one|1|--input cannot be combined with --full
		--input record --cgroup /|1|--input cannot be combined with --cgroup
		--input record --unit one|1|--input cannot be combined with --unit
		--input listing --all|1|--input cannot be combined with processes unless it is recorded
		--input record --openmetrics --output-file metrics --labels user|1|--labels: a recording has only the labels pid and comm
		--input record -o +ARGS|1|--input: a recording has no USER, CGROUP or ARGS
	END
}
