#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The benchmark: its results agree and are plausible.

# One boot measures for all scenarios. It counts instructions in the kernel of the
# scenarios, which is built already.
setup_file() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	BENCH_HOW=instructions BENCH_KERNEL=test BENCH_ROUNDS=2 dev/bench dense nothing file \
		range-alone range-of-2G range-beside-64T range-beside-small 3>&- \
		>"$BATS_FILE_TMPDIR/tables"
	jq -c '.measurements[].results[]' "$(. dev/lib.sh && echo "$kbuild")/bench/results.json" \
		>"$BATS_FILE_TMPDIR/results"
}

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
}

# holds JQ-FILTER - does it hold for the list of all results?
holds() {
	jq -s -e "$1" "$BATS_FILE_TMPDIR/results"
}

@test "all interfaces report the same pages, and dirty_pages needs the fewest instructions" {
	holds 'map(select(.case == "dense")) | length == 1 and (.[0] |
		.pages >= 16384 and .lines < 20 and
		.dirty_pages.ticks > 16384 and .dirty_pages.ticks * 10 < .PAGEMAP_SCAN.ticks and
		.dirty_pages.ticks < .smaps_rollup.ticks and .dirty_pages.ticks < .pagemap.ticks)'
}

@test "in a kernel without soft-dirty and huge pages, all interfaces agree, and verify passes" {
	BENCH_HOW=time BENCH_ROUNDS=1 run -0 --separate-stderr dev/bench --json check 3>&-
	jq -e '[.measurements[].results[]] | length >= 10 and
		all(.differ == 0 and .tracked == false) and (map(.pages) | max) > 1000' <<<"$output"
}

@test "the table has a row for each case, with its ratio" {
	local tables
	tables=$(<"$BATS_FILE_TMPDIR/tables")
	[[ $tables == *"CASE "*" RATIO"* ]]
	[[ $tables =~ nothing\ +[0-9]+\ +[0-9]+\ +[0-9]+\ .*[0-9.]+ ]]
	[[ $tables =~ file\ +[0-9]+ ]]
}

@test "a range costs the same in large and small processes" {
	holds 'map(select(.measured == "range")) | length == 4 and
		(map(.range) | max) < 1.05 * (map(.range) | min) and
		(map(.whole) | max) > 50 * (map(.range) | max) and
		all(.range * 10 < .PAGEMAP_SCAN)'
}

@test "an unknown case is refused" {
	export BENCH_KERNEL=test
	run ! --separate-stderr dev/bench no-such-case 3>&-
	[[ $stderr == *"no-such-case"* ]]
}
