#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The pages that are listed, and the pages that never are.

load lib

@test "heap: written pages are dirty" {
	tell heap 8
	tell write 2 3
	expect 2:- 3:apdx--- 3:-
}

@test "stack: touched pages are dirty" {
	tell stack 20
	expect 20:apdx---
}

@test "bss: written pages are dirty, the others are absent" {
	tell bss
	tell write 3 4
	expect 3:- 4:apdx--- 9:-
}

@test "data of a program: a written page is a private copy of the file's" {
	tell data
	tell write 0 5
	expect 5:fpdx--- 11:-
}

@test "private file: copied pages are listed, clean pages are absent" {
	new_file /tmp/file 16
	tell map private 16 /tmp/file
	tell read
	tell write 5 2
	expect 5:- 2:fpdx--- 9:-
}

@test "a private file on the 9p root that was only read is absent" {
	tell map private 8 /usr/bin/bash
	tell read
	expect 8:-
}

@test "a mapping that was never writable has no dirty pages" {
	new_file /tmp/file 4
	tell map text 4 /tmp/file
	tell read
	expect 4:-
}

@test "a shared file is absent" {
	new_file /tmp/file 8
	tell map shared 8 /tmp/file
	tell write
	expect 8:-
}

@test "shared anonymous memory is absent" {
	tell map shared-anon 8
	tell write
	expect 8:-
}

@test "a shared memfd is absent" {
	tell map shared-memfd 8
	tell write
	expect 8:-
}

@test "POSIX shared memory is absent" {
	new_file /dev/shm/memory 8
	tell map shared 8 /dev/shm/memory
	tell write
	expect 8:-
	rm /dev/shm/memory
}

@test "private memfd: copied pages are listed" {
	tell map private-memfd 8
	tell read
	tell write 1 2
	expect 1:- 2:fpdx--- 5:-
}

@test "private /dev/zero is anonymous memory" {
	tell map private-zero 8
	tell read
	tell write 2 2
	expect 2:- 2:apdx--- 4:-
}

@test "the zero page in anonymous memory is absent" {
	tell map anon 8
	tell read
	expect 8:-
	tell write 7 1
	expect 7:- 1:apdx---
}

@test "the huge zero page is absent" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell read
	# Two PMD entries map it.
	run -0 awk '$1 == "thp_zero_page_alloc" { print $2 }' /proc/vmstat
	((output > 0))
	expect 1024:-
}

@test "memory that has become inaccessible (PROT_NONE) stays dirty" {
	tell map anon 8
	tell write 0 4
	tell protect none
	expect 4:apdx--- 4:-
}

@test "droppable memory is listed as lazily freed" {
	tell map droppable 8
	tell write 0 4
	expect 4:apdx--l 4:-
}

@test "a debugger's write to read-only text makes a private copy" {
	new_file /tmp/file 8
	tell map text 8 /tmp/file
	tell read
	tell poke 3 2
	expect 3:- 2:fpdx--- 3:-
}

@test "a uprobe makes a private copy of the text page" {
	cleanup() { stop_probe; }
	cp /run/bin/memstate /tmp/probed
	tell map text 4 /tmp/probed 1
	expect 4:-
	start_probe /tmp/probed $((page + 0x10))
	tell read
	expect 1:fpdx--- 3:-
	check_references "$pid"
	end_target
}

@test "the vdso is clean until a debugger writes to it" {
	tell vdso
	tell read
	expect 1:-
	tell poke
	expect 1:fpdx---
}

@test "raw page frames (VM_PFNMAP) are absent, private copies among them are listed" {
	# PAGEMAP_SCAN skips these mappings with their private copies.
	oracle_differs="it skips VM_PFNMAP"
	tell map private 8 /dev/mem 0xf0
	tell read
	expect 8:-
	tell write 2 3
	expect 2:- 3:fpdx--- 3:-
	verify "$pid"
	[[ $verified =~ skipped\ [1-9] ]]
}

@test "real programs have plausible listings: python3, bash and the children of a pipeline" {
	local p
	mkfifo /tmp/never
	python3 -c 'x = bytearray(8 << 20)
open("/tmp/ready", "w")
open("/tmp/never")' 3>&- &
	python=$!
	bash -c 'x=$(seq 10000); cat /tmp/never | cat | read -r y' 3>&- &
	shell=$!
	cleanup() { kill -KILL "$python" $(pgrep -P "$shell") "$shell"; }
	wait_until test -e /tmp/ready
	three_children() { [[ $(pgrep -c -P "$shell") == 3 ]]; }
	wait_until three_children
	for p in $python $shell $(pgrep -P $shell); do
		listing "$p" | grep -q ' ap' || fail "nothing listed for $(tr '\0' ' ' <"/proc/$p/cmdline")"
		check_references "$p"
	done
	# The 8 MiB are listed, and not much more.
	bytes=0
	while IFS='- ' read -r s e _; do
		bytes=$((bytes + 16#$e - 16#$s))
	done < <(listing "$python")
	((bytes > 8 << 20 && bytes < 24 << 20))
}
