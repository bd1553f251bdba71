#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# What debugfs counts.

load lib

debug=/sys/kernel/debug/dirty_pages

# counted COMMAND... - run it; more[NAME] is then what has been added to stats
declare -gA more
counted() {
	local -A before
	local name value
	while read -r name value; do before[$name]=$value; done <$debug/stats
	"$@" >"$BATS_TEST_TMPDIR/counted" || return
	while read -r name value; do more[$name]=$((value - before[$name])); done <$debug/stats
}

@test "stats: root's to read, a name and a number a line, and all names are documented" {
	local name names rst=$BATS_TEST_DIRNAME/../../Documentation/filesystems/proc_dirty_pages.rst
	[[ $(stat -c %a $debug/stats) == 400 ]]
	run ! grep -vE '^[a-z_]+ [0-9]+$' $debug/stats
	names=$(cut -d' ' -f1 $debug/stats)
	[[ $(wc -l <<<"$names") -ge 15 ]]
	for name in $names; do
		grep -qE "^ +\`\`$name\`\` +" "$rst" || fail "$name is not documented"
	done
}

@test "stats count a listing: once, all its lines, all its pages" {
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

@test "stats: pages that are read-only are looked at one by one, those that are written are not" {
	tell map anon 4000
	tell write
	kill -STOP "$pid"
	counted listing
	((more[slow_entries] < 4000 && more[fast_entries] >= 4000))
	acknowledge
	counted listing
	((more[slow_entries] >= 4000 && more[fast_entries] < 4000))
}

@test "stats: looking at stats, verify and other files counts as nothing" {
	looking() { verify "$pid" && cat $debug/stats "/proc/$pid/smaps_rollup"; }
	counted looking
	((${#more[@]} >= 15))
	for name in "${!more[@]}"; do
		((more[$name] == 0)) || fail "$name: ${more[$name]}"
	done
}

@test "stats count an acknowledgment: lines, holds, pages, and entries" {
	tell map anon 100
	tell write
	counted put "$(page_range 0 50)" "$(page_range 60 10)" "$(page_range 0 9) apx----"
	((more[ack_lines] == 2 && more[ack_holds] >= 1 && more[ack_pages] == 60))
	((more[ack_slow_entries] == 60 && more[listings] == 0))
	# Each page of a line is asked who refers to it, cleared or not.
	counted put "$(page_range 0 100)"
	((more[ack_pages] == 40 && more[ack_slow_entries] == 100))
	counted put "$(page_range 0 100)"
	((more[ack_holds] == 1 && more[ack_pages] == 0 && more[ack_slow_entries] == 100))
}

@test "stats: pages that somebody holds are counted as held, after the CPUs' lists were drained once" {
	tell map anon 8
	tell write
	tell pipe 2 4
	counted put "$(page_range 0 8)"
	((more[ack_pages] == 4 && more[ack_held_pages] == 4 && more[ack_drains] == 1))
	tell drain
}

@test "stats: a huge page of which a part is acknowledged is split" {
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
@test "stats count what several CPUs do" {
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
