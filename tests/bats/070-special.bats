#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Rare states of memory: KSM, userfaultfd, memory errors, device memory, migration.

load lib

is_listed_as() {
	[[ $(picture) == "$*" ]]
}

@test "pages merged by KSM are k, not exclusive, and keep d" {
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

@test "pages unmerged from KSM are exclusive again" {
	cleanup() { stop_ksm; }
	tell map anon 8
	tell fill 7
	tell advise mergeable
	start_ksm
	wait_until is_listed_as 8:apd--k-
	tell advise unmergeable
	expect 8:apdx---
}

@test "KSM's zero page over a private file is dirty, as the file has other contents" {
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

@test "userfaultfd: missing pages are absent, copied pages dirty" {
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

@test "UFFDIO_CONTINUE in a private mapping of shmem maps the file's clean pages" {
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell uffd minor
	tell resolve continue 2 3
	expect 8:-
}

@test "userfaultfd write-protect: markers are absent, protected pages listed" {
	oracle_differs="it reports markers as swapped pages"
	tell map anon 8
	tell write 0 4
	tell uffd wp
	tell resolve wp
	expect 4:apdx--- 4:-
	# Neither a listing nor verify faults in a page for a marker.
	before=$(pagemap_of "$pid")
	verify "$pid"
	[[ $verified == *" differ 0 "* ]]
	[[ $(pagemap_of "$pid") == "$before" ]]
	expect 4:apdx--- 4:-
}

@test "userfaultfd write-protect of hugetlb: verify allocates no huge page for a marker" {
	oracle_differs="it reports markers as swapped pages"
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

@test "UFFDIO_POISON: the marker is absent, and verify finds no difference" {
	oracle_differs="it reports markers as swapped pages"
	tell map anon 8
	tell write 0 2
	tell uffd missing
	tell resolve poison 4 2
	expect 2:apdx--- 6:-
}

@test "a page lost to a memory error is e" {
	oracle_differs="it reports the lost page as swapped, without d"
	tell map anon 8
	tell write
	tell advise hwpoison 3 1
	expect 3:apdx--- 1:aed---- 4:apdx---
}

@test "a page in device memory is s, and always d" {
	oracle_differs="it does not report d of a page in device memory"
	tell map anon 8
	tell write
	clear_soft_dirty "$pid"
	tell hmm migrate 2 4
	expect 2:ap-x--- 4:asdx--- 2:ap-x---
}

@test "a page that returns from device memory is p again" {
	tell map anon 8
	tell write
	tell hmm migrate 2 4
	tell hmm return 2 4
	expect 8:apdx---
}

@test "a page in exclusive use by a device is p, and always d" {
	oracle_differs="it reports the page as swapped"
	tell map anon 8
	tell write
	clear_soft_dirty "$pid"
	tell hmm exclusive 2 4
	expect 2:ap-x--- 4:apdx--- 2:ap-x---
}

@test "pages moved to another memory node stay dirty" {
	tell map anon 8
	tell write 0 4
	tell migrate 1
	grep -q 'N1=4' "/proc/$pid/numa_maps"
	expect 4:apdx--- 4:-
	tell migrate 0
	expect 4:apdx--- 4:-
}

# migrations NAME - print that counter of vmstat
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

@test "a huge page under migration is never missing, and verify finds no difference" {
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

@test "memory compaction loses no page from the listing" {
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
