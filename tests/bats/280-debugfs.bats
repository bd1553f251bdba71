#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The counters in debugfs.

load lib

debug=/sys/kernel/debug/dirty_pages

# counted COMMAND... - run it, and set more[NAME] to the increase of each counter
declare -gA more
counted() {
	local -A before
	local name value
	while read -r name value; do before[$name]=$value; done <$debug/stats
	"$@" >"$BATS_TEST_TMPDIR/counted" || return
	while read -r name value; do more[$name]=$((value - before[$name])); done <$debug/stats
}

@test "stats is readable by root only, each line is a name and a number, and all names are documented" {
	local name names rst=$BATS_TEST_DIRNAME/../../Documentation/filesystems/proc_dirty_pages.rst
	[[ $(stat -c %a $debug/stats) == 400 ]]
	run ! grep -vE '^[a-z_]+ [0-9]+$' $debug/stats
	names=$(cut -d' ' -f1 $debug/stats)
	[[ $(wc -l <<<"$names") -ge 15 ]]
	for name in $names; do
		grep -qE "^ +\`\`$name\`\` +" "$rst" || fail "$name is not documented"
	done
}

@test "a listing counts once, with all its lines and pages" {
	tell many 300
	tell map anon 4000
	tell write
	kill -STOP "$pid"
	counted listing
	((more[listings] == 1 && more[batches] == 1 + more[contended]))
	((more[ranges] == $(wc -l <"$BATS_TEST_TMPDIR/counted")))
	((more[pages] == $(pages_in "$BATS_TEST_TMPDIR/counted")))
	((more[fast_entries] >= 4000 && more[slow_entries] > 0))
	((more[ack_holds] == 0 && more[ack_pages] == 0))
}

@test "read-only pages count as slow entries, written pages as fast ones" {
	tell map anon 4000
	tell write
	kill -STOP "$pid"
	counted listing
	((more[slow_entries] < 4000 && more[fast_entries] >= 4000))
	acknowledge
	counted listing
	((more[slow_entries] >= 4000 && more[fast_entries] < 4000))
}

@test "reading stats, verify and other files counts nothing" {
	looking() { verify "$pid" && cat $debug/stats "/proc/$pid/smaps_rollup"; }
	counted looking
	((${#more[@]} >= 15))
	for name in "${!more[@]}"; do
		((more[$name] == 0)) || fail "$name: ${more[$name]}"
	done
}

@test "an acknowledgment counts its lines, holds, pages and entries" {
	tell map anon 100
	tell write
	counted put "$(page_range 0 50)" "$(page_range 60 10)" "$(page_range 0 9) apx----"
	((more[ack_lines] == 2 && more[ack_holds] >= 1 && more[ack_pages] == 60))
	((more[ack_slow_entries] == 60 && more[listings] == 0))
	# The references of each page of a line are checked, even if it has no d.
	counted put "$(page_range 0 100)"
	((more[ack_pages] == 40 && more[ack_slow_entries] == 100))
	counted put "$(page_range 0 100)"
	((more[ack_holds] == 1 && more[ack_pages] == 0 && more[ack_slow_entries] == 100))
}

@test "referenced pages count as held, after one drain of the CPUs' LRU batches" {
	tell map anon 8
	tell write
	tell pipe 2 4
	counted put "$(page_range 0 8)"
	((more[ack_pages] == 4 && more[ack_held_pages] == 4 && more[ack_drains] == 1))
	tell drain
}

@test "a partly acknowledged huge page counts as split" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	expect 512:apdxh--
	counted put "$(page_range 0 512)"
	((more[ack_pages] == 512 && more[ack_split_huge_pages] == 0))
	tell write
	counted put "$(page_range 0 10)"
	((more[ack_pages] == 10 && more[ack_split_huge_pages] == 1))
}

# bats test_tags=concurrent
@test "concurrent listings on several CPUs are all counted" {
	reading() {
		local readers=()
		for _ in {1..8}; do
			listing >/dev/null &
			readers+=($!)
		done
		wait "${readers[@]}"
	}
	counted reading
	((more[listings] == 8))
}
