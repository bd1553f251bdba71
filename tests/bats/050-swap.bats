#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Pages in swap, and on the way there and back.

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

@test "pages swapped out to zram are s, and listing swaps nothing in" {
	use_swap zram
	tell map anon 16
	tell write
	tell advise pageout 4 8
	before=$(vm_swap)
	((before >= 32))
	expect 4:apdx--- 8:asdx--- 4:apdx---
	[[ $(vm_swap) == "$before" ]]
}

@test "pages swapped out to a file are s, and listing swaps nothing in" {
	use_swap file
	tell map anon 16
	tell write
	tell advise pageout
	expect 16:asdx---
	expect 16:asdx---
	(($(vm_swap) >= 64))
}

@test "pages swapped in by a read are p again, and exclusive" {
	use_swap zram
	tell map anon 16
	tell write
	tell advise pageout
	tell read 2 3
	expect 2:asdx--- 3:apdx--- 11:asdx---
}

@test "after swapoff all pages are p" {
	use_swap zram
	tell map anon 16
	tell write
	tell advise pageout
	expect 16:asdx---
	drop_swap
	expect 16:apdx---
}

@test "private copies of a file in swap are fs" {
	use_swap zram
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell read
	tell write 2 4
	tell advise pageout 2 4
	expect 2:- 4:fsdx--- 2:-
}

@test "after a fork, swapped pages are not exclusive" {
	use_swap zram
	tell map anon 8
	tell write
	tell advise pageout
	tell fork
	child=$answer
	expect 8:asd----
	expect_of "$child" 8:asd----
}

# share_swapped PAGES - map, write and swap out pages, and share them with $child
share_swapped() {
	tell map anon "$1"
	tell write
	tell advise pageout
	tell fork
	child=$answer
}

# shared_in_swap DEVICE - check x for pages that both have in swap, that one has in
# memory, and that one has alone
shared_in_swap() {
	use_swap "$1"
	share_swapped 10
	tell child advise dontneed 9 1
	expect 9:asd---- 1:asdx---
	tell child read 2 3
	expect 9:asd---- 1:asdx---
	expect_of "$child" 2:asd---- 3:apd---- 4:asd---- 1:-
	# Parent and child map pages 3 and 4, only the parent maps 5 and 6.
	tell read 3 4
	expect 3:asd---- 4:apd---- 2:asd---- 1:asdx---
	expect_of "$child" 2:asd---- 3:apd---- 4:asd---- 1:-
	check_references "$child"
	kill -CONT "$child"
	tell reap
	expect 3:asdx--- 4:apdx--- 3:asdx---
}

@test "x is exact if a child has the page in memory, in swap on zram, or has dropped it" {
	shared_in_swap zram
}

@test "x is exact if a child has the page in memory, in swap on a disk, or has dropped it" {
	shared_in_swap disk
}

@test "x is exact if a child has the page in memory, in a swap file, or has dropped it" {
	shared_in_swap file
}

@test "a page that a child has in swap: once the parent has written it, x in both" {
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

@test "adjacent pages in swap, some of them shared: x is exact for each page" {
	use_swap zram
	share_swapped 28
	tell child comb
	expect 1:asdx--- 1:asd---- 2:asdx--- 2:asd---- 3:asdx--- 3:asd---- 4:asdx--- 4:asd---- \
		5:asdx--- 3:asd----
}

@test "swapoff of pages shared with a child: they are shared in memory as well" {
	use_swap zram
	share_swapped 8
	tell child advise dontneed 2 3
	drop_swap
	expect 2:apd---- 3:apdx--- 3:apd----
	expect_of "$child" 2:apd---- 3:- 3:apd----
}

# share_large_folio - share a large folio of 16 pages in swap with $child. The whole
# folio is in the swap cache.
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

@test "a large folio in swap that a child has in memory: x is exact for each page" {
	share_large_folio
	tell child read 3 1
	expect_of "$child" 16:apd---- 48:-
	expect 16:asd---- 48:-
	tell child advise dontneed 4 3
	expect 4:asd---- 3:asdx--- 9:asd---- 48:-
	tell reap
	expect 16:asdx--- 48:-
}

@test "a large folio in memory that a child has in swap: x is exact for each page" {
	share_large_folio
	tell read 3 1
	expect 16:apd---- 48:-
	expect_of "$child" 16:asd---- 48:-
	tell child advise dontneed 4 3
	expect 4:apd---- 3:apdx--- 9:apd---- 48:-
	tell reap
	expect 16:apdx--- 48:-
}

# list_on - start a reader that notes lines of the mapping with x while /tmp/shared exists
# list_off - stop it, and fail if there were any
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
	[[ $line =~ ^[1-9][0-9]*$ ]] || fail "number of listings and lines with x: $line"
}

# bats test_tags=concurrent
@test "pages in swap have no x while a child swaps them in and out" {
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
@test "pages in memory have no x while a child swaps them in" {
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

@test "a dropped page between swapped ones is not listed, even if these have neither d nor x" {
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

@test "d of a swapped page: cleared by clear_refs, kept by swapout and swapin" {
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

@test "verify swaps pages in and finds no difference" {
	use_swap zram
	tell map anon 16
	tell write
	tell advise pageout
	verify "$pid"
	[[ $verified == *" differ 0 "* ]]
	expect 16:apdx---
}
