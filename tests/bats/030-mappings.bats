#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# How system calls on mappings change the listing.

load lib

@test "MADV_DONTNEED removes pages from the listing" {
	tell map anon 8
	tell write
	tell advise dontneed 2 3
	expect 2:apdx--- 3:- 3:apdx---
}

@test "MADV_FREE: pages are lazily freed until they are written again" {
	tell map anon 8
	tell write
	tell advise free 2 4
	echo 1 >/proc/sys/vm/compact_memory
	expect 2:apdx--- 4:apdx--l 2:apdx---
	tell write 3 1
	expect 2:apdx--- 1:apdx--l 1:apdx--- 2:apdx--l 2:apdx---
}

@test "MADV_FREE under pressure: dropped pages are not listed" {
	cleanup() { drop_swap; }
	use_swap zram
	tell map anon 8
	tell write
	tell advise free 2 4
	echo 1 >/proc/sys/vm/compact_memory
	tell advise pageout 2 4
	expect 2:apdx--- 4:- 2:apdx---
}

@test "munmap removes pages from the listing" {
	tell map anon 8
	tell write
	tell unmap 4 2
	expect 4:apdx--- 2:- 2:apdx---
}

@test "mremap moves dirty pages to the new address" {
	tell map anon 8
	tell write 2 4
	tell move
	expect 2:- 4:apdx--- 2:-
	tell use 0
	expect 8:-
}

@test "mremap of whole page tables moves dirty pages to the new address" {
	tell map anon-aligned 2048
	tell advise nohugepage
	tell write 0 1024
	tell move
	expect 1024:apdx--- 1024:-
}

@test "adjacent mappings have separate lines, even with equal flags" {
	tell map anon 8
	tell write
	tell protect r 4 4
	expect 4:apdx--- 4:apdx---
}

@test "soft-dirty: clear_refs clears d, and a write sets it again" {
	tell map anon 8
	tell write
	clear_soft_dirty "$pid"
	expect 8:ap-x---
	tell write 3 2
	expect 3:ap-x--- 2:apdx--- 3:ap-x---
}

@test "soft-dirty: a new page in a cleared mapping is d" {
	tell map anon 8
	tell write 0 4
	clear_soft_dirty "$pid"
	tell write 4 2
	expect 4:ap-x--- 2:apdx--- 2:-
}

@test "soft-dirty: a new mapping is d" {
	clear_soft_dirty "$pid"
	tell map anon 8
	tell write
	expect 8:apdx---
}

@test "few pages in a mapping of 64 TiB are listed" {
	tell map anon-noreserve $((64 << 28))
	tell advise nohugepage
	tell write 0 1
	tell write $((32 << 28)) 2
	tell write $(((64 << 28) - 1)) 1
	expect 1:apdx--- $(((32 << 28) - 1)):- 2:apdx--- $(((32 << 28) - 3)):- 1:apdx---
}

@test "10,000 mappings are listed" {
	tell many 10000
	run -0 bash -c "cat /proc/$pid/dirty_pages | grep -c ' apdx---\$'"
	((output >= 10000))
}

@test "a mapping that grows down is listed" {
	tell map anon-growsdown 8
	tell write 2 6
	expect 2:- 6:apdx---
}
