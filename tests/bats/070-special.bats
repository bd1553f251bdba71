#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The states that few processes are ever in: KSM, userfaultfd, memory errors,
# devices, migration.

load lib

is_listed_as() {
	[[ $(picture) == "$*" ]]
}

@test "merged by KSM: k, not exclusive, and d if it was written before" {
	cleanup() { stop_ksm; }
	tell map anon 8
	clear_soft_dirty "$pid"
	tell fill 7
	tell advise mergeable
	start_ksm
	wait_until is_listed_as 8:apd--k-
	tell write 3 1 9
	expect 3:apd--k- 1:apdx--- 4:apd--k-
}

@test "unmerged from KSM: a page of one's own again" {
	cleanup() { stop_ksm; }
	tell map anon 8
	tell fill 7
	tell advise mergeable
	start_ksm
	wait_until is_listed_as 8:apd--k-
	tell advise unmergeable
	expect 8:apdx---
}

@test "KSM's zero page over a private file is dirty: the file holds something else" {
	cleanup() { stop_ksm; }
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell fill 0 2 4
	tell advise mergeable
	start_ksm 1
	wait_until is_listed_as "2:- 4:fpd--k- 2:-"
}

@test "KSM's zero page in anonymous memory is absent" {
	cleanup() { stop_ksm; }
	tell map anon 8
	tell fill 0
	tell advise mergeable
	start_ksm 1
	wait_until is_listed_as 8:-
}

@test "userfaultfd: a missing page is absent, a copied one dirty" {
	tell map anon 8
	tell uffd missing
	expect 8:-
	tell resolve copy 2 3
	expect 2:- 3:apdx--- 3:-
}

@test "UFFDIO_ZEROPAGE in anonymous memory is absent" {
	tell map anon 8
	tell uffd missing
	tell resolve zeropage 2 3
	expect 8:-
}

@test "UFFDIO_ZEROPAGE over a private file is dirty, and d" {
	tell map private-memfd 8
	tell uffd missing
	clear_soft_dirty "$pid"
	tell resolve zeropage 2 3
	expect 2:- 3:fpd---- 3:-
}

@test "UFFDIO_CONTINUE on private shared memory is clean: the file's own page" {
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell uffd minor
	tell resolve continue 2 3
	expect 8:-
}

@test "userfaultfd write-protect: markers are absent, protected pages listed" {
	# It counts the markers as swapped pages.
	oracle_differs="it takes markers for swap"
	tell map anon 8
	tell write 0 4
	tell uffd wp
	tell resolve wp
	expect 4:apdx--- 4:-
	# No page is made of a marker, by listing or by verify.
	before=$(pagemap_of "$pid")
	verify "$pid"
	[[ $verified == *" differ 0 "* ]]
	[[ $(pagemap_of "$pid") == "$before" ]]
	expect 4:apdx--- 4:-
}

@test "userfaultfd write-protect of hugetlb: no huge page is made of a marker" {
	oracle_differs="it takes markers for swap"
	cleanup() {
		end_target
		echo 0 >/proc/sys/vm/nr_hugepages
	}
	echo 4 >/proc/sys/vm/nr_hugepages
	tell map private-hugetlb 1024
	tell write 0 1
	tell uffd wp
	tell resolve wp
	expect 512:fpdxh-- 512:-
	before=$(grep HugePages_Free /proc/meminfo)
	verify "$pid"
	[[ $verified == *" differ 0 "* ]]
	[[ $(grep HugePages_Free /proc/meminfo) == "$before" ]]
	expect 512:fpdxh-- 512:-
}

@test "UFFDIO_POISON: the marker is absent, and verify knows it for an error" {
	oracle_differs="it takes markers for swap"
	tell map anon 8
	tell write 0 2
	tell uffd missing
	tell resolve poison 4 2
	expect 2:apdx--- 6:-
}

@test "contents lost to a memory error: e" {
	oracle_differs="it takes the lost page for a swapped one, not d"
	tell map anon 8
	tell write
	tell advise hwpoison 3 1
	expect 3:apdx--- 1:aed---- 4:apdx---
}

@test "in a device's memory: s, always d" {
	oracle_differs="it does not know d of a page on a device"
	tell map anon 8
	tell write
	clear_soft_dirty "$pid"
	tell hmm migrate 2 4
	expect 2:ap-x--- 4:asdx--- 2:ap-x---
}

@test "back from a device's memory" {
	tell map anon 8
	tell write
	tell hmm migrate 2 4
	tell hmm return 2 4
	expect 8:apdx---
}

@test "for a device's exclusive use: p, always d" {
	oracle_differs="it takes the page for a swapped one"
	tell map anon 8
	tell write
	clear_soft_dirty "$pid"
	tell hmm exclusive 2 4
	expect 2:ap-x--- 4:apdx--- 2:ap-x---
}

@test "moved to another memory node: dirty as before" {
	tell map anon 8
	tell write 0 4
	tell migrate 1
	grep -q 'N1=4' "/proc/$pid/numa_maps"
	expect 4:apdx--- 4:-
	tell migrate 0
	expect 4:apdx--- 4:-
}

# migrations NAME - so far, of that counter
migrations() {
	awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat
}

@test "pages under migration are never missing from the listing" {
	tell map anon 64
	tell advise nohugepage
	tell write
	before=$(migrations pgmigrate_success)
	tell migrate loop
	for _ in {1..20}; do
		run -0 picture
		[[ $output != *:-* && $output != *s* ]] || fail "$output"
	done
	(($(migrations pgmigrate_success) > before + 300))
}

@test "a huge page under migration is never missing, and never clean to verify" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	before=$(migrations thp_migration_success)
	tell migrate loop
	for _ in {1..15}; do
		run -0 picture
		[[ $output != *:-* && $output != *s* ]] || fail "$output"
	done
	for _ in {1..5}; do
		verify "$pid"
		[[ $verified == *" differ 0 "* ]]
	done
	(($(migrations thp_migration_success) > before + 10))
}

@test "memory compaction loses no page" {
	tell map anon 256
	tell advise nohugepage
	tell write
	before=$(migrations pgmigrate_success)
	for _ in {1..5}; do
		echo 1 >/proc/sys/vm/compact_memory
		run -0 picture
		[[ $output != *:-* ]] || fail "$output"
	done
	(($(migrations pgmigrate_success) > before))
}
