#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The three scenarios that the FOLL_DIRTY patch of 2010 was about, and company.

load lib

@test "a mapping beyond the end of the file, never touched, is clean: no SIGBUS" {
	new_file /tmp/file 4
	tell map private 8 /tmp/file
	tell write 0 2
	expect 2:fpdx--- 6:-
	tell read 2 2
	expect 2:fpdx--- 6:-
}

@test "a page written and then truncated away is clean" {
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell write 2 6
	expect 2:- 6:fpdx---
	truncate -s $((4 * page)) /tmp/file
	expect 2:- 2:fpdx--- 4:-
}

@test "the file extended again: an untouched page is clean, a written one dirty" {
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell write 4 4
	truncate -s $((4 * page)) /tmp/file
	truncate -s $((8 * page)) /tmp/file
	expect 8:-
	tell read 4 2
	expect 8:-
	tell write 6 1
	expect 6:- 1:fpdx--- 1:-
}

@test "a punched hole leaves the private copies where they are" {
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell read
	tell write 2 2
	fallocate --punch-hole --offset 0 --length $((8 * page)) /tmp/file
	expect 2:- 2:fpdx--- 4:-
}

@test "the file overwritten by others changes nothing" {
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell write 2 2
	head -c $((8 * page)) /dev/zero | dd of=/tmp/file conv=notrunc status=none
	expect 2:- 2:fpdx--- 4:-
}
