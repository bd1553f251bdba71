#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The three scenarios of the FOLL_DIRTY patch of 2010, and similar ones.

load lib

@test "untouched pages beyond the end of a file are clean, and cause no SIGBUS" {
	new_file /tmp/file 4
	tell map private 8 /tmp/file
	tell write 0 2
	expect 2:fpdx--- 6:-
	tell read 2 2
	expect 2:fpdx--- 6:-
}

@test "a page that was written and then truncated away is clean" {
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell write 2 6
	expect 2:- 6:fpdx---
	truncate -s $((4 * page)) /tmp/file
	expect 2:- 2:fpdx--- 4:-
}

@test "after the file is extended again, untouched pages are clean and written ones dirty" {
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

@test "private copies survive a hole punched into the file" {
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell read
	tell write 2 2
	fallocate --punch-hole --offset 0 --length $((8 * page)) /tmp/file
	expect 2:- 2:fpdx--- 4:-
}

@test "overwriting the file changes nothing in the listing" {
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell write 2 2
	head -c $((8 * page)) /dev/zero | dd of=/tmp/file conv=notrunc status=none
	expect 2:- 2:fpdx--- 4:-
}
