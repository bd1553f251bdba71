#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Pages in swap, and on the way.

load lib

large_folios=/sys/kernel/mm/transparent_hugepage/hugepages-64kB

cleanup() {
	end_target
	drop_swap
	echo never >$large_folios/enabled
}

vm_swap() {
	awk '/^VmSwap/ { print $2 }' "/proc/$pid/status"
}

@test "swapped out to zram: listed as s, and reading brings nothing in" {
	use_swap zram
	tell map anon 16
	tell write
	tell advise pageout 4 8
	before=$(vm_swap)
	((before >= 32))
	expect 4:apdx--- 8:asdx--- 4:apdx---
	[[ $(vm_swap) == "$before" ]]
}

@test "swapped out to a file: listed as s, and reading brings nothing in" {
	use_swap file
	tell map anon 16
	tell write
	tell advise pageout
	expect 16:asdx---
	expect 16:asdx---
	(($(vm_swap) >= 64))
}

@test "swapped in by a read: p again, and exclusive" {
	use_swap zram
	tell map anon 16
	tell write
	tell advise pageout
	tell read 2 3
	expect 2:asdx--- 3:apdx--- 11:asdx---
}

@test "swapoff brings everything back" {
	use_swap zram
	tell map anon 16
	tell write
	tell advise pageout
	expect 16:asdx---
	drop_swap
	expect 16:apdx---
}

@test "private copies of a file go to swap too" {
	use_swap zram
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell read
	tell write 2 4
	tell advise pageout 2 4
	expect 2:- 4:fsdx--- 2:-
}

@test "after a fork a swapped page is not exclusive" {
	use_swap zram
	tell map anon 8
	tell write
	tell advise pageout
	tell fork
	child=$answer
	expect 8:asd----
	expect_of "$child" 8:asd----
}

# share_swapped PAGES - all in swap, here and in a child: $child
share_swapped() {
	tell map anon "$1"
	tell write
	tell advise pageout
	tell fork
	child=$answer
}

# shared_in_swap DEVICE - who has a page: both in swap, one in memory, one alone
shared_in_swap() {
	use_swap "$1"
	share_swapped 10
	tell child advise dontneed 9 1
	expect 9:asd---- 1:asdx---
	tell child read 2 3
	expect 9:asd---- 1:asdx---
	expect_of "$child" 2:asd---- 3:apd---- 4:asd---- 1:-
	# Pages 3 and 4 are mapped here and there, 5 and 6 only here.
	tell read 3 4
	expect 3:asd---- 4:apd---- 2:asd---- 1:asdx---
	expect_of "$child" 2:asd---- 3:apd---- 4:asd---- 1:-
	check_references "$child"
	kill -CONT "$child"
	tell reap
	expect 3:asdx--- 4:apdx--- 3:asdx---
}

@test "x while relatives have pages in memory, in swap in zram, or no more" {
	shared_in_swap zram
}

@test "x while relatives have pages in memory, in swap on a disk, or no more" {
	shared_in_swap disk
}

@test "x while relatives have pages in memory, in a swap file, or no more" {
	shared_in_swap file
}

@test "a page that a relative has in swap: x on both sides once it is written here" {
	use_swap zram
	share_swapped 8
	tell read
	expect 8:apd----
	tell write 2 3
	expect 2:apd---- 3:apdx--- 3:apd----
	expect_of "$child" 2:asd---- 3:asdx--- 3:asd----
	check_references "$child"
	kill -CONT "$child"
	tell child read
	expect 2:apd---- 3:apdx--- 3:apd----
	expect_of "$child" 2:apd---- 3:apdx--- 3:apd----
}

@test "neighbours in swap, some of them ours alone: x page by page" {
	use_swap zram
	share_swapped 28
	tell child comb
	expect 1:asdx--- 1:asd---- 2:asdx--- 2:asd---- 3:asdx--- 3:asd---- 4:asdx--- 4:asd---- \
		5:asdx--- 3:asd----
}

@test "swapoff with pages that relatives have in swap: shared in memory" {
	use_swap zram
	share_swapped 8
	tell child advise dontneed 2 3
	drop_swap
	expect 2:apd---- 3:apdx--- 3:apd----
	expect_of "$child" 2:apd---- 3:- 3:apd----
}

# share_large_folio - of 16 pages, in swap here and in a child: $child. What is in
# memory of it is the folio in the swap cache, as a whole.
share_large_folio() {
	use_swap disk
	echo always >$large_folios/enabled
	tell map anon-aligned 64
	tell write 0 1
	tell advise pageout
	expect 16:asdx--- 48:-
	(($(awk '/^SwapCached/ { print $2 }' /proc/meminfo) >= 64))
	tell fork
	child=$answer
	expect 16:asd---- 48:-
}

@test "x of a large folio in swap, page by page, that a relative has in memory" {
	share_large_folio
	tell child read 3 1
	expect_of "$child" 16:apd---- 48:-
	expect 16:asd---- 48:-
	tell child advise dontneed 4 3
	expect 4:asd---- 3:asdx--- 9:asd---- 48:-
	tell reap
	expect 16:asdx--- 48:-
}

@test "x of a large folio in memory, page by page, that a relative has in swap" {
	share_large_folio
	tell read 3 1
	expect 16:apd---- 48:-
	expect_of "$child" 16:asd---- 48:-
	tell child advise dontneed 4 3
	expect 4:apd---- 3:apdx--- 9:apd---- 48:-
	tell reap
	expect 16:apdx--- 48:-
}

# list_on - list over and over, and note lines of the mapping with x while /tmp/shared
# is there; list_off - there was none
list_on() {
	local line
	rm -f /tmp/shared /tmp/over
	exec {reader}< <(
		python3 - "$pid" "$start" "$end" <<-'PYTHON'
			import os, sys
			fd = os.open(f"/proc/{sys.argv[1]}/dirty_pages", os.O_RDONLY)
			start, end = (int(x, 16) for x in sys.argv[2:])
			def lines_alone():
			    for line in os.pread(fd, 1 << 16, 0).decode().splitlines():
			        addresses, flags = line.split()
			        if "x" in flags and start <= int(addresses.split("-")[0], 16) < end:
			            yield line
			print("listing", flush=True)
			looks, alone = 0, set()
			while not os.path.exists("/tmp/over"):
			    shared = os.path.exists("/tmp/shared")
			    lines = set(lines_alone())
			    if shared and os.path.exists("/tmp/shared"):
			        looks += 1
			        alone |= lines
			print(looks, *alone)
		PYTHON
	)
	read -r -t "$TIMEOUT" line <&"$reader"
}

list_off() {
	local line
	touch /tmp/over
	read -r -t "$TIMEOUT" line <&"$reader"
	exec {reader}<&-
	[[ $line =~ ^[1-9][0-9]*$ ]] || fail "listings, and lines with x: $line"
}

# bats test_tags=concurrent
@test "no x while a relative brings in, and puts back, pages that we have in swap" {
	use_swap zram
	share_swapped 100
	list_on
	touch /tmp/shared
	for _ in {1..60}; do
		tell child read
		tell child advise pageout
	done
	list_off
}

# bats test_tags=concurrent
@test "no x while a relative brings in pages that we have in memory" {
	use_swap zram
	tell map anon 100
	tell write
	list_on
	for _ in {1..20}; do
		tell advise pageout
		tell fork
		tell read
		touch /tmp/shared
		tell child read
		rm /tmp/shared
		tell reap
	done
	list_off
}

@test "a page that was dropped is not listed between swapped ones, even if these are neither written nor exclusive" {
	use_swap zram
	tell map anon 32
	tell write
	tell advise pageout
	tell fork
	clear_soft_dirty "$pid"
	tell advise dontneed 8 1
	tell advise dontneed 16 16
	expect 8:as----- 1:- 7:as----- 16:-
}

@test "d of a swapped page: not set when clean since clear_refs, kept through swap" {
	use_swap zram
	tell map anon 8
	tell write
	clear_soft_dirty "$pid"
	tell write 0 4
	tell advise pageout
	expect 4:asdx--- 4:as-x---
	tell read
	expect 4:apdx--- 4:ap-x---
}

@test "verify brings swapped pages in and agrees" {
	use_swap zram
	tell map anon 16
	tell write
	tell advise pageout
	verify "$pid"
	[[ $verified == *" differ 0 "* ]]
	expect 16:apdx---
}
