#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The output formats of dirtycat, compared with the files in golden/.

load lib

setup() {
	golden=$BATS_TEST_DIRNAME/golden
	target
	arrange
}

cleanup() {
	end_target
	drop_swap
}

# Arrange the pages of the golden texts: shared with a child, acknowledged,
# written since, in swap, of a file with a blank in its name, huge.
arrange() {
	new_file /tmp/golden 16
	use_swap zram
	tell map anon-fixed 16
	range=$start,
	tell write 0 12
	tell fork
	tell write 0 2
	put "$(page_range 6 3)"
	tell map private-fixed 16 /tmp/golden
	tell write 4 4
	mv /tmp/golden "/tmp/golden file"
	tell map anon-fixed 8
	tell write
	tell advise pageout 0 4
	tell map anon-fixed 1024
	tell advise hugepage
	tell write 0 513
	range+=$end
	kill -STOP "$pid"
}

# same NAME COMMAND... - check that its output is golden/NAME, apart from the PID
same() {
	run -0 "${@:2}"
	sed -E "s/ *\b($pid|PID)\b/PID/g" <<<"$output" >"$BATS_TEST_TMPDIR/$1"
	diff -u "$golden/$1" "$BATS_TEST_TMPDIR/$1"
}

@test "tables match the golden texts" {
	same runs.txt dirtycat -A "$range" "$pid"
	same mappings.txt dirtycat --by-mapping --summary=never -A "$range" "$pid"
	same summary.txt dirtycat --summary -A "$range" "$pid"
	same raw.txt dirtycat --raw -o +COMM,PERM,OFFSET -A "$range" "$pid"
	same pairs.txt dirtycat --pairs --by-mapping -A "$range" "$pid"
}

@test "JSON has addresses as strings, sizes as numbers, flags as words" {
	same runs.json dirtycat --json -o +PID -A "$range" "$pid"
	jq -e '.dirty_pages | all((.start | type) == "string" and (.size | type) == "number" and
		(.pid | type) == "number" and (.flags | type) == "array" and all(.flags[]; type == "string"))' \
		<<<"$output"
	same mappings.json dirtycat --json --by-mapping -A "$range" "$pid"
	same summary.json dirtycat --json --summary --output +MERGED,LAZY,BACKEND -A "$range" "$pid"
	run -0 dirtycat --json --summary --backend=pagemap-scan "$pid"
	jq -e '.processes[0] | .shared == null and .dirty > 0' <<<"$output"
	run -0 dirtycat --json -A 1,2 "$pid"
	jq -e '.dirty_pages == []' <<<"$output"
}

@test "OpenMetrics passes promtool" {
	run -0 dirtycat --openmetrics -A "$range" "$pid"
	sed -E "s/\"$pid\"/\"PID\"/; s/(read_seconds.* )[0-9.]+$/\1TIME/" <<<"$output" \
		>"$BATS_TEST_TMPDIR/metrics.txt"
	diff -u "$golden/metrics.txt" "$BATS_TEST_TMPDIR/metrics.txt"
	dirtycat --openmetrics "$pid" "$$" >/tmp/metrics
	[[ -z $(promtool check metrics </tmp/metrics 2>&1) ]]
	[[ $(tail -n 1 /tmp/metrics) == "# EOF" ]]
}

@test "OpenMetrics: a failure is a gauge, unknown values have none, and labels are quoted" {
	run -0 dirtycat --openmetrics --backend=pagemap-scan "$pid"
	[[ $output != *"shared_bytes{"* && $output == *"swapped_bytes{"* ]]
	run -3 setpriv --reuid=65534 --regid=65534 --clear-groups dirtycat --openmetrics "$pid"
	[[ $output == *"read_success{pid=\"$pid\",comm=\"memstate\"} 0"* && $output != *"dirty_bytes{"* ]]
	cp /run/bin/memstate '/tmp/a"b\c'
	kill -CONT "$pid"
	printf 'exec %s\n' '/tmp/a"b\c' >&"${MEMSTATE[1]}"
	wait_until grep -q '"b' "/proc/$pid/comm"
	run -0 dirtycat --openmetrics "$pid"
	[[ $output == *'comm="a\"b\\c"'* ]]
}

@test "--text and --input match the golden texts" {
	dirtycat --text -A "$range" "$pid" | diff -u "$golden/text.txt" -
	run -0 dirtycat --input "$golden/text.txt"
	diff -u "$golden/input.txt" - <<<"$output"
}
