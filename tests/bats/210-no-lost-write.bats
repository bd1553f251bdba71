#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Where soft-dirty tracking has holes: each scenario makes one of them happen,
# after or before an acknowledgment. None may hide a write.

load lib

large_folios=/sys/kernel/mm/transparent_hugepage/hugepages-64kB

# What any of them may have changed of the system
cleanup() {
	end_target
	stop_probe
	stop_ksm
	drop_swap
	taskset -pc 0-1 "$BASHPID" >/dev/null
	echo 8192 >/sys/kernel/debug/dirty_pages/batch
	echo 0 >/proc/sys/vm/nr_hugepages
	echo never >$large_folios/enabled
}

# only_the_mapping_tells FIRST COUNT FRESH COUNT - pages that were acknowledged
# are written without a trace in their entries. VM_SOFTDIRTY, which the fresh
# pages beside them bring, allows that, and is all that tells of it.
only_the_mapping_tells() {
	tell again "$3" "$4"
	tell protect none "$1" "$2"
	tell protect rw "$1" "$2"
	tell write "$1" "$2"
}

is_listed_as() {
	[[ $(picture) == "$*" ]]
}

# ---- the mapping as a whole ----

@test "VM_SOFTDIRTY: acknowledging a part marks what only the mapping told of" {
	tell map anon 10
	tell write
	acknowledge
	only_the_mapping_tells 2 4 0 2
	put "$(page_range 6 1)"
	expect "2:- 4:apdx--- 1:ap-x--- 3:apdx---"
}

@test "VM_SOFTDIRTY: marked also in swap" {
	use_swap zram
	tell map anon 10
	tell write
	acknowledge
	tell again 0 2
	tell advise pageout 4 4
	put "$(page_range 3 1)"
	expect "2:- 1:apdx--- 1:ap-x--- 4:asdx--- 2:apdx---"
}

@test "VM_SOFTDIRTY: marked also in huge pages" {
	tell map anon-aligned 1536
	tell advise hugepage
	tell write
	acknowledge
	expect "1536:ap-xh--"
	tell again 0 512
	tell advise hugepage 0 512
	expect "512:- 1024:apdxh--"
	put "$(page_range 512 512)"
	expect "512:- 512:ap-xh-- 512:apdxh--"
}

@test "VM_SOFTDIRTY: marked in as many holds of the lock as it takes" {
	tell map anon 1000
	tell write
	acknowledge
	only_the_mapping_tells 2 998 0 2
	echo 7 >/sys/kernel/debug/dirty_pages/batch
	put "$(page_range 600 1)"
	expect "2:- 598:apdx--- 1:ap-x--- 399:apdx---"
}

# bats test_tags=concurrent
@test "VM_SOFTDIRTY: marked though others take the lock all the time" {
	tell map anon 20000
	tell write
	acknowledge
	only_the_mapping_tells 2 19998 0 2
	tell lockstorm
	echo 7 >/sys/kernel/debug/dirty_pages/batch
	page_range 600 1 >"$BATS_TEST_TMPDIR/line"
	echo >>"$BATS_TEST_TMPDIR/line"
	timeout "$TIMEOUT" dd if="$BATS_TEST_TMPDIR/line" of="/proc/$pid/dirty_pages" status=none
	expect "2:- 598:apdx--- 1:ap-x--- 19399:apdx---"
}

# bats test_tags=concurrent
@test "a page made by a debugger while a read-only mapping is being marked is d" {
	local i writer
	tell map anon-aligned-noreserve 102400
	for ((i = 0; i < 200; i++)); do
		tell write $((i * 512 + 1)) 1
	done
	tell protect r
	echo 1 >/sys/kernel/debug/dirty_pages/batch
	put "$(page_range 101889 1)" 3>&- &
	writer=$!
	i=2
	while kill -0 $writer 2>/dev/null && ((i < 500)); do
		tell poke $i 1
		((i += 1))
	done
	wait $writer
	((i > 3)) || fail "acknowledged before the debugger wrote"
	echo 8192 >/sys/kernel/debug/dirty_pages/batch
	[[ $(picture) == "1:- $((i - 1)):apdx--- "*"1:apdx--- 511:- 1:ap-x--- 510:-" ]] ||
		fail "$(picture)"
}

@test "mprotect merges into a neighbour with VM_SOFTDIRTY, which is kept" {
	tell map anon 10
	tell write
	acknowledge
	tell protect r 6 4
	only_the_mapping_tells 2 4 0 2
	tell protect rw 6 4
	expect "2:- 8:apdx---"
}

@test "mprotect joins three mappings, of which the last has VM_SOFTDIRTY" {
	tell map anon 12
	tell write
	acknowledge
	tell protect r 4 4
	only_the_mapping_tells 8 2 10 2
	tell protect rw 4 4
	expect "10:apdx--- 2:-"
}

@test "mlock merges into a neighbour with VM_SOFTDIRTY, which is kept" {
	tell map anon 10
	tell write
	acknowledge
	tell lock 6 4
	only_the_mapping_tells 2 4 0 2
	tell unlock 6 4
	expect "2:- 8:apdx---"
}

@test "the heap grows: its pages are d again, and what is not acknowledged stays so" {
	tell heap 1 # the C library takes its own share after this
	tell heap 8
	tell write
	acknowledge
	expect "8:ap-x---"
	local first=$start
	tell heap 8
	start=$first
	expect "8:apdx--- 8:-"
	put "$(page_range 0 2)"
	expect "2:ap-x--- 6:apdx--- 8:-"
}

@test "unmapped, and mapped and written again at the same place: d" {
	tell map anon 4
	tell write
	acknowledge
	tell again
	tell write 1 2
	expect "1:- 2:apdx--- 1:-"
}

# ---- mremap ----

@test "mremap moves pages one by one: d at the new place" {
	tell map anon 8
	tell write
	acknowledge
	tell move 1 3
	expect "3:apdx---"
}

@test "mremap moves whole page tables: d at the new place" {
	tell map anon-aligned 1024
	tell advise nohugepage
	tell write
	acknowledge
	expect "1024:ap-x---"
	tell move
	expect "1024:apdx---"
}

@test "mremap moves huge pages: d at the new place" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	acknowledge
	expect "1024:ap-xh--"
	tell move
	expect "1024:apdxh--"
}

# ---- who writes by a reference ----

@test "a pinned page stays d, and what the kernel reads into it is not lost" {
	new_file /tmp/file 4
	tell map anon 8
	tell write
	tell pin 2 4
	acknowledge
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
	tell fixedread /tmp/file 2 4
	acknowledge
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
	tell unpin
	acknowledge
	expect "8:ap-x---"
}

@test "a pinned page stays d though its entry is read-only" {
	tell map anon 4
	tell write
	tell pin
	tell protect r
	acknowledge
	expect "4:apdx---"
}

@test "a pinned huge page stays d" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell pin
	acknowledge
	expect "512:apdxh--"
}

@test "a part of a huge page that is pinned stays d when that part is acknowledged" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell pin 100 4
	put "$(page_range 96 12)"
	expect "512:apdx---"
	tell unpin
	put "$(page_range 96 12)"
	expect "96:apdx--- 12:ap-x--- 404:apdx---"
}

@test "clear_refs loses what is read into a pinned page that is read-only for now" {
	new_file /tmp/file 4
	tell map anon 4
	tell write
	tell pin
	tell protect r
	clear_soft_dirty "$pid"
	tell fixedread /tmp/file 0 4
	tell read
	((answer == 4 * 0x78)) || fail "nothing was read: $answer"
	expect "4:ap-x---"
}

@test "clear_refs loses what is read into a pinned huge page" {
	new_file /tmp/file 4
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell pin
	clear_soft_dirty "$pid"
	tell fixedread /tmp/file 0 4
	expect "512:ap-xh--"
}

@test "a page that somebody refers to without a pin stays d" {
	tell map anon 8
	tell write
	tell pipe 2 4
	acknowledge
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
	tell drain
	acknowledge
	expect "8:ap-x---"
}

@test "a page that somebody refers to stays d in swap" {
	use_swap zram
	tell map anon 8
	tell write
	tell pipe 2 4
	tell advise pageout
	expect "8:asdx---"
	acknowledge
	expect "2:as-x--- 4:asdx--- 2:as-x---"
	tell drain
	acknowledge
	expect "8:as-x---"
}

# bats test_tags=concurrent
@test "a page that somebody refers to stays d while its migration fails again and again" {
	local i
	tell map anon 64
	tell write
	tell pipe 0 16
	tell migrate loop
	checked_pid=
	for ((i = 0; i < 25; i++)); do
		put "$(page_range 0 64)"
		# In swap-like disguise or not, with d
		[[ $(picture) =~ ^(([0-9]+:apd[x-]---\ ?)+) ]] || fail "round $i: $(picture)"
		pages=0
		for run in ${BASH_REMATCH[1]}; do
			((pages += ${run%%:*}))
		done
		((pages >= 16)) || fail "round $i: $(picture)"
	done
}

# bats test_tags=concurrent
@test "freshly made pages that wait in another CPU's LRU batch are acknowledged" {
	local cpu
	for cpu in 0 1; do
		tell map anon 8
		taskset -pc "$cpu" "$pid" >/dev/null
		tell write
		taskset -pc "$((!cpu))" "$BASHPID" >/dev/null
		put "$(page_range 0 8)"
		expect "8:ap-x---"
		taskset -pc 0-1 "$BASHPID" >/dev/null
	done
}

# bats test_tags=concurrent
@test "every CPU's TLB is flushed: a thread that never stops writing is seen" {
	local i thread
	# A CPU of its own for the thread: to change processes is a flush, too.
	taskset -pc 0 "$BASHPID" >/dev/null
	taskset -pc 0 "$pid" >/dev/null
	tell map anon 8
	tell write
	tell storm
	for thread in "/proc/$pid/task"/*; do
		[[ ${thread##*/} == "$pid" ]] || taskset -pc 1 "${thread##*/}" >/dev/null
	done
	for ((i = 0; i < 10; i++)); do
		put "$(page_range 0 8)"
		wait_until is_listed_as "8:apdx---"
	done
}

# ---- one state after the other ----

@test "the zero page over a file stays d" {
	tell map private-memfd 8
	tell write 7 1
	acknowledge
	tell uffd missing
	tell resolve zeropage 2 3
	expect "2:- 3:fpd---- 2:- 1:fp-x---"
	acknowledge
	expect "2:- 3:fpd---- 2:- 1:fp-x---"
}

@test "merged by KSM: d if it was written before, also in swap and back" {
	use_swap zram
	tell map anon 8
	tell fill 7 0 4
	tell fill 9 4 4
	acknowledge
	tell fill 7 0 4
	tell advise mergeable
	start_ksm
	wait_until is_listed_as "4:apd--k- 4:ap---k-"
	echo 0 >/sys/kernel/mm/ksm/run
	# Pages that are mapped but once can be paged out by advice.
	tell advise dontneed 1 3
	tell advise dontneed 5 3
	tell advise pageout
	expect "1:asd---- 3:- 1:as----- 3:-"
	tell read
	[[ $(picture) =~ ^1:apd.-.-\ 3:-\ 1:ap-.-.-\ 3:-$ ]] || fail "$(picture)"
}

@test "merged by KSM: acknowledged, and d when written" {
	tell map anon 8
	tell fill 7
	tell advise mergeable
	start_ksm
	wait_until is_listed_as "8:apd--k-"
	acknowledge
	expect "8:ap---k-"
	tell write 3 1 9
	expect "3:ap---k- 1:apdx--- 4:ap---k-"
}

@test "in swap: acknowledged there, d when written after coming back" {
	use_swap zram
	tell map anon 8
	tell write
	tell advise pageout
	put "$(page_range 2 3)"
	expect "2:asdx--- 3:as-x--- 3:asdx---"
	tell read
	expect "2:apdx--- 3:ap-x--- 3:apdx---"
	tell write 3 1
	expect "2:apdx--- 1:ap-x--- 1:apdx--- 1:ap-x--- 3:apdx---"
}

@test "a huge page is acknowledged as a whole, and set d by one write" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	acknowledge
	expect "1024:ap-xh--"
	tell write 700 1
	expect "512:ap-xh-- 512:apdxh--"
}

@test "a huge page is never acknowledged beyond the line: it is split" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	put "$(page_range 10 20)"
	expect "10:apdx--- 20:ap-x--- 482:apdx--- 512:apdxh--"
	put "$(page_range 500 100)"
	expect "10:apdx--- 20:ap-x--- 470:apdx--- 100:ap-x--- 424:apdx---"
}

@test "hugetlb pages stay d" {
	echo 4 >/proc/sys/vm/nr_hugepages
	tell map hugetlb 1024
	tell write
	acknowledge
	expect "1024:fpdxh--"
}

@test "written by a device in its own memory, and back: d" {
	tell map anon 8
	tell write
	acknowledge
	tell write 2 4
	tell hmm migrate 2 4
	tell hmm write 2 4
	tell protect r # forgets the bit of a page that a device has
	tell hmm return 2 4
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
}

@test "in a device's memory, and for its exclusive use: stays d" {
	oracle_differs="it does not know d of a page on a device"
	tell map anon 8
	tell write
	tell hmm migrate 0 2
	tell hmm exclusive 4 2
	acknowledge
	expect "2:asdx--- 2:ap-x--- 2:apdx--- 2:ap-x---"
}

@test "back from a device's exclusive use, acknowledged there or before: d" {
	tell map anon 8
	tell write
	acknowledge
	tell hmm exclusive 2 4
	tell protect r
	acknowledge
	tell read
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
}

@test "a uprobe's page is d when it comes" {
	cp /run/bin/memstate /tmp/probed
	tell map text 4 /tmp/probed 1
	tell poke 2 1
	acknowledge
	expect "2:- 1:fp-x--- 1:-"
	start_probe /tmp/probed $((page + 0x10))
	expect "1:fpdx--- 1:- 1:fp-x--- 1:-"
	acknowledge
	expect "1:fp-x--- 1:- 1:fp-x--- 1:-"
	check_references "$pid"
	end_target
}

@test "given up, read, and pinned for reading: the new page of zeroes is d" {
	tell map anon 8
	tell write
	acknowledge
	tell advise dontneed 2 4
	tell read
	tell pinread 2 4
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
}

@test "a file's page pinned for reading becomes a copy, and d" {
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell write 7 1
	acknowledge
	tell read
	tell pinread 2 4
	expect "2:- 4:fpdx--- 1:- 1:fp-x---"
}

@test "acknowledged while write-protected by userfaultfd: d when written after" {
	tell map anon 8
	tell write
	tell uffd wp
	tell resolve wp
	acknowledge
	expect "8:ap-x---"
	tell resolve unwp
	tell write 2 4
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
}

@test "made writable by mprotect after an acknowledgment: d when written" {
	tell map anon 8
	tell write
	acknowledge
	tell protect r
	tell protect rw
	tell write 2 4
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
}

@test "lazily freed: acknowledged, and d when written again" {
	tell map anon 8
	tell write
	tell advise free
	acknowledge
	expect "8:ap-x--l"
	tell write 2 4
	expect "2:ap-x--l 4:apdx--- 2:ap-x--l"
}

@test "moved to another memory node: as acknowledged as before" {
	tell map anon 8
	tell write
	put "$(page_range 2 4)"
	tell migrate 1
	expect "2:apdx--- 4:ap-x--- 2:apdx---"
	tell write 3 1
	expect "2:apdx--- 1:ap-x--- 1:apdx--- 2:ap-x--- 2:apdx---"
}

@test "collapsed into a huge page: all of it is d" {
	tell map anon-aligned 512
	tell advise nohugepage
	tell write
	acknowledge
	tell write 5 1
	tell advise hugepage
	tell advise collapse
	expect "512:apdxh--"
}

# ---- relatives, and other trackers ----

@test "a forked child inherits the bits, and goes its own way" {
	tell map anon 8
	tell write
	put "$(page_range 0 4)"
	tell fork
	child=$answer
	expect_of "$child" "4:ap----- 4:apd----"
	tell child write 2 4
	expect_of "$child" "2:ap----- 4:apdx--- 2:apd----"
	tell write 0 1
	expect "1:apdx--- 1:ap----- 2:ap-x--- 2:apdx--- 2:apd----"
	checked_pid=$child
	check_references "$child"
	tell reap
	checked_pid=$pid
}

@test "fork copies the bits of a large folio's pages one by one" {
	local before
	echo always >$large_folios/enabled
	tell map anon-aligned 512
	before=$(<$large_folios/stats/anon_fault_alloc)
	tell write 0 16
	(($(<$large_folios/stats/anon_fault_alloc) > before))
	put "$(page_range 3 9)"
	tell fork
	expect_of "$answer" "3:apd---- 9:ap----- 4:apd---- 496:-"
	tell reap
	tell again 400 112
	tell fork
	expect_of "$answer" "16:apd---- 496:-"
	tell reap
}

@test "clear_refs works as ever beside an acknowledgment" {
	tell map anon 8
	tell write
	put "$(page_range 0 4)"
	expect "4:ap-x--- 4:apdx---"
	clear_soft_dirty "$pid"
	expect "8:ap-x---"
	tell write 3 2
	expect "3:ap-x--- 2:apdx--- 3:ap-x---"
}
