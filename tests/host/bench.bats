#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The benchmark: its results agree and are plausible.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	export BENCH_TIMEOUT=300
}

# bench WAY CASE... - print the results, each a line of JSON. Instructions are counted
# in the kernel of the scenarios, which is built already.
bench() {
	BENCH_HOW=$1 BENCH_KERNEL=test BENCH_ROUNDS=2 dev/bench --json "${@:2}" 3>&- |
		jq -c '.measurements[].results[]'
}

@test "one case: all interfaces report the same pages, and dirty_pages needs the fewest instructions" {
	run -0 --separate-stderr bench instructions dense
	[[ $(wc -l <<<"$output") == 1 ]]
	jq -e '.pages >= 16384 and .lines < 20 and
		.dirty_pages.ticks > 16384 and .dirty_pages.ticks * 10 < .PAGEMAP_SCAN.ticks and
		.dirty_pages.ticks < .smaps_rollup.ticks and .dirty_pages.ticks < .pagemap.ticks' <<<"$output"
}

@test "in a kernel without soft-dirty and huge pages, all interfaces agree, and verify passes" {
	run -0 --separate-stderr bench time check
	(($(wc -l <<<"$output") >= 10))
	jq -s -e 'all(.differ == 0 and .tracked == false) and (map(.pages) | max) > 4000' <<<"$output"
}

@test "the table has a row for each case, with its ratio" {
	BENCH_HOW=instructions BENCH_KERNEL=test BENCH_ROUNDS=1 \
		run -0 --separate-stderr dev/bench nothing file 3>&-
	[[ $output == *"CASE "*" RATIO"* ]]
	[[ $output =~ nothing\ +[0-9]+\ +[0-9]+\ +[0-9]+\ .*[0-9.]+ ]]
	[[ $output =~ file\ +[0-9]+ ]]
}

@test "a range costs the same in large and small processes" {
	run -0 --separate-stderr bench instructions range-alone range-of-2G range-beside-64T range-beside-small
	[[ $(wc -l <<<"$output") == 4 ]]
	jq -s -e '(map(.range) | max) < 1.05 * (map(.range) | min) and
		(map(.whole) | max) > 50 * (map(.range) | max)' <<<"$output"
	jq -s -e 'all(.range * 10 < .PAGEMAP_SCAN)' <<<"$output"
}

@test "an unknown case is refused" {
	export BENCH_KERNEL=test
	run ! --separate-stderr dev/bench no-such-case 3>&-
	[[ $stderr == *"no-such-case"* ]]
}
