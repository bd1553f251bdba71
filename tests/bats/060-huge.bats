#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Transparent huge pages, hugetlb pages and larger folios.

load lib

@test "a transparent huge page is one run with h" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write 0 1
	expect 512:apdxh-- 512:-
	tell write
	expect 1024:apdxh--
}

@test "a huge page unmapped in part is split, and the rest stays dirty" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	tell unmap 10 10
	expect 10:apdx--- 10:- 492:apdx--- 512:apdxh--
}

@test "MADV_DONTNEED of a part of a huge page leaves the rest dirty" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell advise dontneed 100 50
	expect 100:apdx--- 50:- 362:apdx---
}

@test "a huge page split by mprotect stays dirty" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell protect r 0 256
	expect 256:apdx--- 256:apdx---
}

@test "if an acknowledged huge page is split, the rest stays acknowledged" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	acknowledge
	expect 1024:ap-xh--
	tell advise dontneed 100 50
	expect 100:ap-x--- 50:- 362:ap-x--- 512:ap-xh--
}

@test "a lazily freed huge page has l" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell advise free
	expect 512:apdxh-l
}

@test "mremap moves a huge page" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell move
	expect 512:apdxh--
}

@test "small pages collapsed into a huge page have h" {
	tell map anon-aligned 512
	tell advise nohugepage
	tell write
	expect 512:apdx---
	tell advise hugepage
	tell advise collapse
	expect 512:apdxh--
}

@test "clear_refs clears d of a huge page, and a write sets it again" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	clear_soft_dirty "$pid"
	expect 512:ap-xh--
	tell write 3 1
	expect 512:apdxh--
}

@test "large folios mapped by small entries (mTHP) are listed without h" {
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

@test "private hugetlb pages are always d, and exclusive" {
	hugetlb
	tell map private-hugetlb 1024
	tell write 0 1
	expect 512:fpdxh-- 512:-
	clear_soft_dirty "$pid"
	expect 512:fpdxh-- 512:-
}

@test "private hugetlb pages lose x by a fork, and regain it by a copy" {
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

# A pin brings the page in, and then makes its entry dirty by the path of transparent
# huge pages. The kernel's page-table check must not count it as one of them.
@test "a private hugetlb page can be pinned before it was ever written to" {
	hugetlb
	tell map private-hugetlb 512
	tell pin
	expect 512:fpdxh--
}

@test "a private hugetlb file: read pages are clean, written pages dirty" {
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

@test "shared hugetlb memory is absent" {
	hugetlb
	tell map shared-hugetlb 512
	tell write
	expect 512:-
}
