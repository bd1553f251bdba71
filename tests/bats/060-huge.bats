#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Huge pages: transparent ones, and hugetlb.

load lib

@test "a transparent huge page: one run, with h" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write 0 1
	expect 512:apdxh-- 512:-
	tell write
	expect 1024:apdxh--
}

@test "a huge page partly unmapped is split, its remains are dirty" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	tell unmap 10 10
	expect 10:apdx--- 10:- 492:apdx--- 512:apdxh--
}

@test "a huge page partly given up by MADV_DONTNEED" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell advise dontneed 100 50
	expect 100:apdx--- 50:- 362:apdx---
}

@test "a huge page split by a change of protection stays dirty" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell protect r 0 256
	expect 256:apdx--- 256:apdx---
}

@test "a huge page that is split after it was acknowledged stays so, on what is left" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	acknowledge
	expect 1024:ap-xh--
	tell advise dontneed 100 50
	expect 100:ap-x--- 50:- 362:ap-x--- 512:ap-xh--
}

@test "a huge page lazily freed" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell advise free
	expect 512:apdxh-l
}

@test "a huge page moved by mremap" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell move
	expect 512:apdxh--
}

@test "small pages collapsed into a huge one" {
	tell map anon-aligned 512
	tell advise nohugepage
	tell write
	expect 512:apdx---
	tell advise hugepage
	tell advise collapse
	expect 512:apdxh--
}

@test "d of a huge page goes with clear_refs and comes back with a write" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	clear_soft_dirty "$pid"
	expect 512:ap-xh--
	tell write 3 1
	expect 512:apdxh--
}

@test "larger folios mapped by small entries (mTHP)" {
	size=/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled
	cleanup() { echo never >"$size"; }
	echo always >$size
	tell map anon-aligned 64
	tell write 0 1
	expect 16:apdx--- 48:-
	tell fork
	tell child write 3 1
	expect 3:apd---- 1:apdx--- 12:apd---- 48:-
}

hugetlb() {
	cleanup() {
		end_target
		echo 0 >/proc/sys/vm/nr_hugepages
	}
	echo 8 >/proc/sys/vm/nr_hugepages
}

@test "hugetlb, private: always d, exclusive" {
	hugetlb
	tell map private-hugetlb 1024
	tell write 0 1
	expect 512:fpdxh-- 512:-
	clear_soft_dirty "$pid"
	expect 512:fpdxh-- 512:-
}

@test "hugetlb, private, after a fork and a copy" {
	hugetlb
	tell map private-hugetlb 512
	tell write
	tell fork
	child=$answer
	expect 512:fpd-h--
	tell child write 0 1
	expect 512:fpdxh--
	expect_of "$child" 512:fpdxh--
}

@test "hugetlb, private, of a file: read is clean, written is dirty" {
	hugetlb
	truncate -s 4M /dev/hugepages/file
	tell map shared 1024 /dev/hugepages/file
	tell write
	tell map private 1024 /dev/hugepages/file
	tell read
	expect 1024:-
	tell write 600 1
	expect 512:- 512:fpdxh--
	rm /dev/hugepages/file
}

@test "hugetlb, shared, is absent" {
	hugetlb
	tell map shared-hugetlb 512
	tell write
	expect 512:-
}
