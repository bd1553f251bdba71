#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Cases in which soft-dirty tracking could miss a write: each scenario provokes one,
# before or after an acknowledgment. No write may be hidden.

load lib

large_folios=/sys/kernel/mm/transparent_hugepage/hugepages-64kB

# Restore all that a scenario may have changed in the system.
cleanup() {
	end_target
	stop_probe
	stop_ksm
	drop_swap
	unplug_memory
	taskset -pc 0-1 "$BASHPID" >/dev/null
	echo 8192 >/sys/kernel/debug/dirty_pages/batch
	echo 0 >/proc/sys/vm/nr_hugepages
	echo never >"$large_folios/enabled"
}

is_listed_as() {
	[[ $(picture) == "$*" ]]
}

# ---- the mapping as a whole ----

# beside_fresh FIRST COUNT FRESH COUNT - map fresh pages, which give the whole mapping
# VM_SOFTDIRTY, then make acknowledged pages writable and write to them
beside_fresh() {
	tell again "$3" "$4"
	tell protect none "$1" "$2"
	tell protect rw "$1" "$2"
	tell write "$1" "$2"
}

@test "beside fresh pages, acknowledged pages stay so, and are d when written" {
	tell map anon 10
	tell write
	acknowledge
	tell again 0 2
	expect "2:- 8:ap-x---"
	beside_fresh 2 4 0 2
	expect "2:- 4:apdx--- 4:ap-x---"
}

@test "beside fresh pages, acknowledged pages in swap are d when written after they return" {
	use_swap zram
	tell map anon 10
	tell write
	acknowledge
	tell again 0 2
	tell advise pageout 4 4
	expect "2:- 2:ap-x--- 4:as-x--- 2:ap-x---"
	tell read
	tell write 5 2
	expect "2:- 3:ap-x--- 2:apdx--- 3:ap-x---"
}

@test "beside fresh pages, acknowledged huge pages stay so, and are d when written" {
	tell map anon-aligned 1536
	tell advise hugepage
	tell write
	acknowledge
	expect "1536:ap-xh--"
	beside_fresh 512 512 0 512
	expect "512:- 512:apdxh-- 512:ap-xh--"
}

@test "beside fresh pages, a debugger's write to a read-only page sets d" {
	tell map anon 10
	tell write
	acknowledge
	tell again 0 2
	tell protect r
	tell poke 4 1
	expect "2:- 2:ap-x--- 1:apdx--- 5:ap-x---"
}

@test "a debugger's write creates a page in a read-only mapping: only this page is d" {
	tell map anon 10
	tell write 0 4
	acknowledge
	tell protect r
	tell poke 6 1
	expect "4:ap-x--- 2:- 1:apdx--- 3:-"
}

@test "after mprotect merges mappings, acknowledged pages stay so, and are d when written" {
	tell map anon 12
	tell write
	acknowledge
	tell protect r 4 4
	beside_fresh 8 2 10 2
	tell protect rw 4 4
	expect "8:ap-x--- 2:apdx--- 2:-"
	tell write 3 2
	expect "3:ap-x--- 2:apdx--- 3:ap-x--- 2:apdx--- 2:-"
}

@test "after munlock merges mappings, acknowledged pages stay so" {
	tell map anon 10
	tell write
	tell lock 6 4 # which writes to it
	acknowledge
	beside_fresh 2 4 0 2
	tell unlock 6 4
	expect "2:- 4:apdx--- 4:ap-x---"
}

@test "if the heap grows, only written pages are d" {
	tell heap 1 # the C library extends its own heap after this
	tell heap 8
	tell write
	acknowledge
	expect "8:ap-x---"
	tell heap 8
	tell write 2 3
	expect "2:- 3:apdx--- 3:-"
	tell use 1
	expect "8:ap-x---"
	tell write 7 1
	expect "7:ap-x--- 1:apdx---"
}

@test "if a heap of 32 MiB grows by 1 MiB and 266 pages are written, only these are d" {
	tell heap 1
	tell heap 8192
	tell write
	acknowledge
	tell write 4000 10
	tell heap 256
	tell write
	expect "256:apdx---"
	tell use 1
	expect "4000:ap-x--- 10:apdx--- 4182:ap-x---"
}

@test "naming a mapping, MADV_DONTFORK and leaving userfaultfd do not set d again" {
	tell map anon 12
	tell write
	acknowledge
	tell name 0 4
	tell advise dontfork 4 4
	tell again 8 4
	expect "4:ap-x--- 4:ap-x--- 4:-"
	tell uffd missing
	tell unregister
	tell advise dofork
	tell unname
	tell write 1 1
	expect "1:ap-x--- 1:apdx--- 6:ap-x--- 4:-"
}

@test "a debugger's write that grows a stack sets d only on the written pages" {
	tell stack 8
	acknowledge
	expect "8:ap-x---"
	tell pokestack 64
	local poked=$answer
	tell write 2 1
	# The running target also writes to the end of its stack.
	[[ $(picture) == "2:ap-x--- 1:apdx--- "[1-5]":ap-x---"* ]] || fail "$(picture)"
	# The written page has a line in the grown stack.
	grep -q "^$poked-.* apdx" <(listing) || fail "$poked: $(listing)"
}

@test "a page that is created after its range was acknowledged is d" {
	tell map anon 8
	tell write 0 4
	put "$(page_range 0 8)"
	tell write 6 1
	expect "4:ap-x--- 2:- 1:apdx--- 1:-"
}

@test "acknowledged pages that are unmapped, mapped again and written are d" {
	tell map anon 4
	tell write
	acknowledge
	tell again
	tell write 1 2
	expect "1:- 2:apdx--- 1:-"
}

# ---- mremap ----

@test "pages moved one by one by mremap are d at the new address" {
	tell map anon 8
	tell write
	acknowledge
	tell move 1 3
	expect "3:apdx---"
}

@test "whole page tables moved by mremap are d at the new address" {
	tell map anon-aligned 1024
	tell advise nohugepage
	tell write
	acknowledge
	expect "1024:ap-x---"
	tell move
	expect "1024:apdx---"
}

@test "a gigabyte of page tables moved by mremap is d at the new address" {
	tell map anon-aligned-noreserve 262144
	tell advise nohugepage
	tell write 5 1
	tell write 100000 3
	acknowledge
	expect "5:- 1:ap-x--- 99994:- 3:ap-x--- 162141:-"
	tell move
	expect "5:- 1:apdx--- 99994:- 3:apdx--- 162141:-"
}

@test "pages moved by mremap after clear_refs are d at the new address" {
	tell map anon-aligned 1024
	tell advise nohugepage
	tell write
	clear_soft_dirty "$pid"
	expect "1024:ap-x---"
	tell move
	expect "1024:apdx---"
}

@test "acknowledged pages moved by a child are d at the new address" {
	tell map anon-aligned 1024
	tell advise nohugepage
	tell write
	acknowledge
	tell fork
	child=$answer
	tell child move
	expect_of "$child" "1024:apd----"
	tell reap
}

@test "huge pages moved by mremap are d at the new address" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	acknowledge
	expect "1024:ap-xh--"
	tell move
	expect "1024:apdxh--"
}

# ---- writes by reference ----

@test "a pinned page stays d, so a read of the kernel into it is not missed" {
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

@test "a pinned page stays d, even if its entry is read-only" {
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

@test "a huge page that is pinned in part stays d when that part is acknowledged" {
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

@test "clear_refs: a pinned page stays d, even if it is read-only for a time" {
	new_file /tmp/file 4
	tell map anon 8
	tell write
	tell pin 0 4
	tell protect r
	clear_soft_dirty "$pid"
	tell fixedread /tmp/file 0 4
	tell read 0 4
	((answer == 4 * 0x78)) || fail "nothing was read: $answer"
	expect "4:apdx--- 4:ap-x---"
	acknowledge
	expect "4:apdx--- 4:ap-x---"
}

@test "clear_refs: a pinned huge page stays d" {
	new_file /tmp/file 4
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	tell pin 0 512
	clear_soft_dirty "$pid"
	tell fixedread /tmp/file 0 4
	expect "512:apdxh-- 512:ap-xh--"
	acknowledge
	expect "512:apdxh-- 512:ap-xh--"
}

# written_while_migrating FLAGS KIND PAGES - use clear_refs again and again while pages
# migrate, and check that pages written then have d, in pagemap and in the listing
written_while_migrating() {
	local i
	tell map "$2" "$3"
	[[ $2 != *aligned ]] || tell advise hugepage
	tell write
	tell migrate loop
	for ((i = 0; i < 60; i++)); do
		clear_soft_dirty "$pid"
	done
	tell migrate stop
	tell write
	expect "$3:$1"
	[[ -z $(dirtycat --text --backend=pagemap -f -d -A "$start,$end" "$pid") ]]
}

# bats test_tags=concurrent
@test "clear_refs while pages migrate: pages written later are d" {
	written_while_migrating apdx--- anon 64
}

# bats test_tags=concurrent
@test "clear_refs while huge pages migrate: pages written later are d" {
	written_while_migrating apdxh-- anon-aligned 2048
}

# Of 8 written pages, 4 stay d as long as they are in a pipe.
piped_pages_stay_d() {
	tell pipe 2 4
	acknowledge
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
	tell drain
	acknowledge
	expect "8:ap-x---"
}

@test "a page with an extra reference that is no pin stays d" {
	tell map anon 8
	tell write
	piped_pages_stay_d
}

@test "a page with an extra reference stays d in swap" {
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

# plug_memory - plug in the memory that dev/guest has kept from the kernel at boot, for
# movable pages only: user memory comes from there first. Set $first_frame to its first
# frame number.
plug_memory() {
	local size
	size=$((16#$(</sys/devices/system/memory/block_size_bytes)))
	[[ $(</proc/cmdline) =~ " mem="([0-9]+)G ]] || fail "the kernel uses all memory"
	first_frame=$((BASH_REMATCH[1] << 18))
	block=/sys/devices/system/memory/memory$((first_frame * page / size))
	[[ -e $block ]] || printf '%#x\n' $((first_frame * page)) >/sys/devices/system/memory/probe
	echo online_movable >"$block/state"
}

unplug_memory() {
	[[ -z ${block-} || $(<"$block/state") == offline ]] ||
		wait_until eval 'echo offline >"$block/state"'
}

# frames - print the frame numbers of the current mapping
frames() {
	local entry
	for entry in $(dd if="/proc/$pid/pagemap" bs=8 status=none skip=$((16#$start / page)) \
		count=$(((16#$end - 16#$start) / page)) | od -An -tx8 -v); do
		echo $((16#$entry & (1 << 55) - 1))
	done
}

@test "a page in memory that was plugged in after boot stays d with an extra reference" {
	local frame
	plug_memory
	taskset -pc 0 "$pid" >/dev/null # its memory comes from node 0, as the block does
	tell map anon 8
	tell write
	for frame in $(frames); do
		((frame >= first_frame)) || fail "frame $frame was there at boot"
	done
	piped_pages_stay_d
}

# bats test_tags=concurrent
@test "a page with an extra reference stays d while its migration fails again and again" {
	local i
	tell map anon 64
	tell write
	tell pipe 0 16
	tell migrate loop
	checked_pid=
	for ((i = 0; i < 25; i++)); do
		put "$(page_range 0 64)"
		# With a migration entry or not, but with d
		[[ $(picture) =~ ^(([0-9]+:apd[x-]---\ ?)+) ]] || fail "round $i: $(picture)"
		pages=0
		for run in ${BASH_REMATCH[1]}; do
			((pages += ${run%%:*}))
		done
		((pages >= 16)) || fail "round $i: $(picture)"
	done
}

# bats test_tags=concurrent
@test "new pages in the LRU batch of another CPU are acknowledged" {
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

# storm_on_its_own_cpu - let a thread of the target write to all pages forever. Nothing else
# runs on its CPU: a switch of processes would flush the TLB.
storm_on_its_own_cpu() {
	local thread
	taskset -pc 0 "$BASHPID" >/dev/null
	taskset -pc 0 "$pid" >/dev/null
	tell storm
	for thread in "/proc/$pid/task"/*; do
		[[ ${thread##*/} == "$pid" ]] || taskset -pc 1 "${thread##*/}" >/dev/null
	done
}

# bats test_tags=concurrent
@test "the TLBs of all CPUs are flushed: a thread that writes constantly sets d again" {
	local i
	tell map anon 8
	tell write
	storm_on_its_own_cpu
	for ((i = 0; i < 10; i++)); do
		put "$(page_range 0 8)"
		wait_until is_listed_as "8:apdx---"
	done
}

# An acknowledgment empties an entry for a moment. If a fault asked the file for the page
# then, the full disk would make it end in SIGBUS.
# bats test_tags=concurrent
@test "a process that writes to its copies of pages which the file no longer has may be acknowledged" {
	local i small=$BATS_TEST_TMPDIR/small
	cleanup() { umount -l "$BATS_TEST_TMPDIR/small"; }
	mkdir "$small"
	mount -t tmpfs -o size=5M small "$small"
	head -c 4M /dev/zero >"$small/file"
	tell map private 1024 "$small/file"
	tell write
	fallocate --punch-hole --offset 0 --length 4M "$small/file"
	head -c 8M /dev/zero >"$small/full" 2>/dev/null || true
	storm_on_its_own_cpu
	for ((i = 0; i < 100; i++)); do
		put "$(page_range 0 1024)"
	done
	wait_until is_listed_as "1024:fpdx---"
}

# ---- changes of state ----

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

@test "pages merged by KSM keep d, also through swap" {
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
	# MADV_PAGEOUT works only for pages that are mapped once.
	tell advise dontneed 1 3
	tell advise dontneed 5 3
	tell advise pageout
	expect "1:asdx--- 3:- 1:as-x--- 3:-"
	tell read
	[[ $(picture) =~ ^1:apd.-.-\ 3:-\ 1:ap-.-.-\ 3:-$ ]] || fail "$(picture)"
}

@test "pages merged by KSM are acknowledged, and d when written" {
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

@test "pages are acknowledged in swap, and d when written after they return" {
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

@test "a huge page is acknowledged as a whole, and one write sets d for all of it" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	acknowledge
	expect "1024:ap-xh--"
	tell write 700 1
	expect "512:ap-xh-- 512:apdxh--"
}

@test "an acknowledged huge page that is split is d only where it is written" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	put "$(page_range 0 512)"
	tell advise dontneed 100 1
	tell advise dontneed 700 1
	expect "100:ap-x--- 1:- 411:ap-x--- 188:apdx--- 1:- 323:apdx---"
	tell write 50 1
	expect "50:ap-x--- 1:apdx--- 49:ap-x--- 1:- 411:ap-x--- 188:apdx--- 1:- 323:apdx---"
}

@test "a huge page moved to another memory node stays acknowledged" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	put "$(page_range 0 512)"
	tell migrate 1
	expect "512:ap-xh-- 512:apdxh--"
	tell write 5 1
	expect "1024:apdxh--"
}

@test "a huge page is split if a line acknowledges a part of it" {
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

@test "a page written by a device in device memory is d when it returns" {
	tell map anon 8
	tell write
	acknowledge
	tell write 2 4
	tell hmm migrate 2 4
	tell hmm write 2 4
	tell protect r # loses the soft-dirty bit of a page in device memory
	tell hmm return 2 4
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
}

@test "pages in device memory, and in exclusive use by a device, stay d" {
	oracle_differs="it does not report d of a page in device memory"
	tell map anon 8
	tell write
	tell hmm migrate 0 2
	tell hmm exclusive 4 2
	acknowledge
	expect "2:asdx--- 2:ap-x--- 2:apdx--- 2:ap-x---"
}

@test "pages that return from exclusive use by a device are d, acknowledged there or before" {
	tell map anon 8
	tell write
	acknowledge
	tell hmm exclusive 2 4
	tell protect r
	acknowledge
	tell read
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
}

@test "a page created by a uprobe is d" {
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

@test "after MADV_DONTNEED, a read and a read-only pin, the new page of zeroes is d" {
	tell map anon 8
	tell write
	acknowledge
	tell advise dontneed 2 4
	tell read
	tell pinread 2 4
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
}

@test "a file page with a read-only pin becomes a private copy that is d" {
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell write 7 1
	acknowledge
	tell read
	tell pinread 2 4
	expect "2:- 4:fpdx--- 1:- 1:fp-x---"
}

@test "pages acknowledged under write protection by userfaultfd are d when written later" {
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

@test "acknowledged pages made writable by mprotect are d when written" {
	tell map anon 8
	tell write
	acknowledge
	tell protect r
	tell protect rw
	tell write 2 4
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
}

@test "lazily freed pages are acknowledged, and d when written again" {
	tell map anon 8
	tell write
	tell advise free
	acknowledge
	expect "8:ap-x--l"
	tell write 2 4
	expect "2:ap-x--l 4:apdx--- 2:ap-x--l"
}

@test "pages moved to another memory node keep their d" {
	tell map anon 8
	tell write
	put "$(page_range 2 4)"
	tell migrate 1
	expect "2:apdx--- 4:ap-x--- 2:apdx---"
	tell write 3 1
	expect "2:apdx--- 1:ap-x--- 1:apdx--- 2:ap-x--- 2:apdx---"
}

@test "a huge page collapsed from acknowledged and written pages is d" {
	tell map anon-aligned 512
	tell advise nohugepage
	tell write
	acknowledge
	tell write 5 1
	tell advise hugepage
	tell advise collapse
	expect "512:apdxh--"
}

# ---- children, and other trackers ----

# Tracking costs additional faults only on entries without the bit.
@test "without clear_refs and acknowledgments, every entry keeps its soft-dirty bit" {
	use_swap zram
	new_file /tmp/file 64
	tell map private 64 /tmp/file
	tell write
	tell map anon-aligned 1024
	tell advise hugepage 0 512
	tell write
	tell protect none
	tell protect rw
	tell advise pageout 600 100
	tell read
	tell migrate 1
	tell advise dontneed 100 1
	tell use 1
	tell move 512 512
	tell use 1
	tell fork
	child=$answer
	tell child write 120 300
	tell write 400 50
	tell pinread 30 4
	run ! grep -v '^[0-9a-f-]* [af].d' <(listing)
	run ! grep -v '^[0-9a-f-]* [af].d' <(listing "$child")
	tell reap
}

@test "a forked child inherits d, and then changes it independently" {
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

@test "fork copies d of each page of a large folio" {
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
	# Fresh pages in the same mapping make no difference.
	tell again 400 112
	tell fork
	expect_of "$answer" "3:apd---- 9:ap----- 4:apd---- 496:-"
	tell reap
}

@test "clear_refs works as before, beside an acknowledgment" {
	tell map anon 8
	tell write
	put "$(page_range 0 4)"
	expect "4:ap-x--- 4:apdx---"
	clear_soft_dirty "$pid"
	expect "8:ap-x---"
	tell write 3 2
	expect "3:ap-x--- 2:apdx--- 3:ap-x---"
}
