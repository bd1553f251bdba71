#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The self-check in debugfs: it compares the walk with get_dirty_page().

load lib

file=/sys/kernel/debug/dirty_pages/verify

@test "verify counts every page of a populated page table" {
	tell map anon-aligned 512
	tell advise nohugepage
	tell write 0 1
	verify "$pid"
	[[ $verified =~ ^checked\ ([0-9]+)\ differ\ 0 ]]
	((BASH_REMATCH[1] >= 512))
}

@test "verify faults in no clean page, as it uses FOLL_DIRTY" {
	new_file /tmp/file 16
	tell map private 16 /tmp/file
	tell write 0 4
	before=$(pagemap_of "$pid")
	verify "$pid"
	[[ $(pagemap_of "$pid") == "$before" ]]
	tell map anon 16
	tell write 0 4
	before=$(pagemap_of "$pid")
	verify "$pid"
	[[ $(pagemap_of "$pid") == "$before" ]]
}

@test "verify is empty before a pid is written, and can be reread after lseek" {
	run -0 cat $file
	[[ -z $output ]]
	run -0 python3 -c "
import os
fd = os.open('$file', os.O_RDWR)
for _ in range(2):
    os.write(fd, b'$pid\n')
    os.lseek(fd, 0, os.SEEK_SET)
    assert b' differ 0 ' in os.read(fd, 1000)"
}

@test "verify refuses text that is no pid, and a process without memory" {
	run ! bash -c "echo x >$file"
	[[ $output == *"Invalid argument"* ]]
	run ! bash -c "echo 4194304 >$file"
	[[ $output == *"No such process"* ]]
	run ! bash -c "echo 2 >$file"
	[[ $output == *"No such process"* ]]
}

@test "verify finds no difference in any process of the system" {
	local p
	for p in /proc/[0-9]*; do
		[[ -e $p/exe ]] || continue
		verify "${p#/proc/}" 2>/dev/null || continue
		[[ $verified == *" differ 0 "* ]] || fail "$p: $verified"
	done
}

# bats test_tags=concurrent
@test "verify finds no difference in a process that keeps changing" {
	start_busy
	cleanup() { kill -KILL "$busy"; }
	for _ in {1..10}; do
		verify "$busy"
		[[ $verified == *" differ 0 "* ]] || fail "$verified"
	done
}
