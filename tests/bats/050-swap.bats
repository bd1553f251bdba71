#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Pages in swap, and on the way.

load lib

cleanup() {
	end_target
	drop_swap
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
