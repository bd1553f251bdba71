#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Bugs reported of other checkpointers and trackers.

load lib
load dirtyckpt

# restores DIR[@N] - restore the stopped target
restores() {
	run -0 dirtyckpt restore "$pid" "$1"
	[[ $output == "restored generation "* ]] || fail "$output"
}

# Chains of generations: pages of the target are written, given up, read, written,
# unmapped and mapped again, with a save after each step.

# chain FIRST COUNT - make such a chain of the current mapping. Set $expected[N] to
# the sum of the mapping's bytes in generation N.
chain() {
	local others sum
	tell read
	others=$((answer - $2))
	expected=(none)
	for step in "write $1 $2 11" "advise dontneed $1 $2" "read $1 $2" "write $1 $2 14" "unmap $1 $2" "again $1 $2"; do
		# shellcheck disable=SC2086  # words
		tell $step
		[[ $step != again* ]] || settle "$1" "$2"
		save --stop
		sum=$others
		[[ $step != write* ]] || sum=$((others + $2 * ${step##* }))
		expected+=("$sum")
	done
	unmapped=5
}

# goes_back FIRST COUNT N... - restore the target to each of these generations of the
# chain
goes_back() {
	local n
	for n in "${@:3}"; do
		stop "$pid"
		restores "image@$n"
		matches "image@$n"
		go_on "$pid"
		if ((n == unmapped)); then
			[[ -z $(maps_of "$1" "$2") ]] || fail "generation $n: still mapped"
			run -9 dirtyckpt restore "$pid" image@6
			[[ $output == *"$(page_range "$1" "$2")"* || $output == *mapping* ]] || fail "$output"
			tell again "$1" "$2"
			settle "$1" "$2"
		else
			tell read
			((answer == expected[n])) || fail "generation $n: the sum is $answer, not ${expected[n]}"
		fi
		tell write "$1" "$2" 99
	done
}

# maps_of FIRST COUNT - print the lines of maps for these pages of the current mapping
maps_of() {
	python3 - "$pid" "$(page_range "$1" "$2")" <<-'PYTHON'
		import sys
		def ends(text):
		    return [int(word, 16) for word in text.split("-")]
		start, end = ends(sys.argv[2])
		for line in open(f"/proc/{sys.argv[1]}/maps"):
		    s, e = ends(line.split()[0])
		    if s < end and e > start:
		        print(line, end="")
	PYTHON
}

# is_restored_in_any_order FIRST COUNT - restore the chain in any order, also after prune
is_restored_in_any_order() {
	goes_back "$@" 5 3 1 6 2 4
	run -0 dirtyckpt prune --keep 4 image
	goes_back "$@" 4 6 3 5
}

@test "each of six generations of a page that is written, given up, read, written, unmapped and mapped again is restored" {
	settle() { :; }
	tell map anon 8
	tell write
	chain 3 1
	is_restored_in_any_order 3 1
}

@test "each of six generations of a huge page that is given up as a whole and mapped again is restored" {
	settle() { tell advise hugepage "$1" "$2"; }
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	expect 1024:apdxh--
	chain 0 512
	is_restored_in_any_order 0 512
}

@test "each of six generations of a huge page that is given up except for one page and mapped again is restored" {
	settle() { tell advise hugepage "$1" "$2"; }
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	expect 512:apdxh--
	chain 1 511
	is_restored_in_any_order 1 511
}

# addresses DIR - print addresses of all pages stored in its only generation
addresses() {
	python3 - "$1" <<-'PYTHON'
		import glob, struct, sys
		[path] = glob.glob(sys.argv[1] + "/0*/index")
		for start, _, pages, *_ in struct.iter_unpack("<QQIIII", open(path, "rb").read()):
		    for page in range(pages):
		        print(hex(start + page * 4096))
	PYTHON
}

@test "a process restored and saved into another image four times has the same pages each time" {
	new_file file 64
	tell map anon 64
	tell write 8 32 5
	tell map private 64 "$PWD/file"
	tell read
	tell write 3 20 6
	tell map anon-aligned 1024
	tell advise hugepage
	tell write 0 512 7
	tell read 512
	stop "$pid"
	run -0 dirtyckpt save --stop "$pid" image1
	cp -a image1 first
	addresses first >expected
	(($(wc -l <expected) > 32 + 20 + 512))
	for n in 1 2 3 4; do
		restores "image$n"
		# This ends the tracking by that image.
		rm -r "image$n"
		run -0 dirtyckpt save --stop "$pid" "image$((n + 1))"
		addresses "image$((n + 1))" >got
		diff expected got || fail "round $n stores other pages"
		matches "image$((n + 1))"
		matches first
	done
}

@test "adjacent mappings with different permissions, the first ending with clean pages, are restored byte for byte" {
	tell map anon 32
	tell fill 65 0 10
	tell fill 66 16 12
	tell protect r 16 16
	expect "10:apdx--- 6:- 12:apdx--- 4:-"
	bytes() {
		dd if="/proc/$pid/mem" bs=1M count=$((32 * page)) skip=$((16#$start)) \
			iflag=skip_bytes,count_bytes,fullblock status=none
	}
	save --stop
	bytes >before
	tell fill 70 9 5
	tell poke 15 3
	tell poke 27 2
	bytes >between
	run ! cmp before between
	stop "$pid"
	restores image
	bytes >after
	cmp before after
	matches
	[[ $(picture) == *" 6:- "*" 4:-" ]] || fail "clean pages are not clean again: $(picture)"
}

@test "any pages of adjacent mappings are restored byte for byte, and are the same in a core" {
	run -0 timeout "$((TIMEOUT * 4))" python3 "$BATS_TEST_DIRNAME/../programs/subsets.py" 1 6 image
	echo "# $output" >&3
	[[ $output =~ ^6\ rounds,\ [1-9][0-9]*\ pages\ compared,\ 0\ differ$ ]] || fail "$output"
}

# page_out [RANGE]... - page out these ranges of the target, or all of its private memory
page_out() {
	# Pages in the batch of a CPU cannot be paged out.
	echo 1 >/proc/sys/vm/compact_memory
	python3 - "$pid" "$@" <<-'PYTHON'
		import ctypes, os, struct, sys
		pid = int(sys.argv[1])
		if len(sys.argv) > 2:
		    ranges = sys.argv[2:]
		else:
		    ranges = [line.split()[0] for line in open(f"/proc/{pid}/maps") if "[v" not in line]
		for text in ranges:
		    start, end = (int(word, 16) for word in text.split("-"))
		    piece = struct.pack("QQ", start, end - start)
		    call = ctypes.CDLL(None, use_errno=True).syscall
		    done = call(440, os.pidfd_open(pid), piece, ctypes.c_long(1), 21, 0)
		    assert done == end - start, (text, done, os.strerror(ctypes.get_errno()))
	PYTHON
}

# is_paged_out - no page of the target is in memory
is_paged_out() {
	page_out
	listing >listed
	[[ -s listed ]] && ! grep -q ' .p' listed
}

# saves_from_swap zram|file - save a target with all of its memory in swap
saves_from_swap() {
	cleanup() {
		end_target
		drop_swap
	}
	use_swap "$1"
	new_file /tmp/file 64
	tell map private 64 /tmp/file
	tell write 5 20 3
	tell map anon 2048
	tell write 0 1500 4
	stop "$pid"
	wait_until is_paged_out
	save --stop
	(($(column stored 1) >= 1520 && $(column missing 1) == 0))
	matches
	go_on "$pid"
	tell read
	((answer == 1500 * 4))
	tell write 700 300 9

	# Page out half of it again while a save is held that has listed it
	hold_save -P pages openat 2
	page_out "$(page_range 600 200)"
	expect "600:ap-x--- 200:as-x--- 700:ap-x--- 548:-"
	let_go
	grep -q "^generation 2: " said || fail "$(cat said)"
	[[ $(column missing 2) == 0 ]]
	(($(column stored 2) >= 300 && $(column stored 2) < 600))
	saves_all
	save --stop
	tell write 0 2048 8
	stop "$pid"
	wait_until is_paged_out
	restores image
	matches
	go_on "$pid"
	tell read
	((answer == 1200 * 4 + 300 * 9)) || fail "the sum is $answer"
}

@test "nothing is missed of a process paged out to zram before the first save, and by half while it is copied" {
	saves_from_swap zram
}

@test "nothing is missed of a process paged out to a file before the first save, and by half while it is copied" {
	saves_from_swap file
}

# freeze 0|1 - freeze or thaw the cgroup of the target
freeze() {
	echo "$1" >"$group/cgroup.freeze"
	is_so() { grep -qx "frozen $1" "$group/cgroup.events"; }
	wait_until is_so "$1"
}

@test "a process in a frozen cgroup is listed, acknowledged and saved, and runs after thawing" {
	group=/sys/fs/cgroup/frozen
	cleanup() {
		echo 0 >"$group/cgroup.freeze"
		end_target
		is_empty() { [[ ! -s $group/cgroup.procs ]]; }
		wait_until is_empty
		rmdir "$group"
	}
	mkdir "$group"
	tell map anon 2048
	tell write 0 1024 3
	echo "$pid" >"$group/cgroup.procs"
	freeze 1
	expect "1024:apdx--- 1024:-"
	acknowledge
	expect "1024:ap-x--- 1024:-"
	save --stop
	(($(column stored 1) >= 1024))
	# Only the kernel can have written since, on behalf of the thread.
	save --stop
	(($(column stored 2) <= 8)) || fail "$(column stored 2) pages stored"
	[[ $(column kind 2) == stopped && $(column pages 2) -ge 1024 ]]
	grep -qx "frozen 1" "$group/cgroup.events"
	freeze 0
	tell write 100 7 4
	freeze 1
	expect "100:ap-x--- 7:apdx--- 917:ap-x--- 1024:-"
	save --stop
	(($(column stored 3) >= 7 && $(column stored 3) < 64)) || fail "$(column stored 3) pages stored"
	freeze 0
	stop "$pid"
	matches
	go_on "$pid"
	tell read
	((answer == 1024 * 3 + 7))
	tell write 0 2048 9
	stop "$pid"
	restores image
	matches
}

@test "writing 1 to clear_refs (referenced bits only, as cAdvisor does) leaves every d" {
	cleanup() {
		end_target
		drop_swap
	}
	use_swap zram
	new_file /tmp/file 64
	tell map private 64 /tmp/file
	tell read
	tell write 3 20
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	tell map anon 256
	tell write
	save
	tell write 10 5
	tell write 100 50
	tell advise pageout 120 40
	tell use 1
	tell write 7 1
	tell use 0
	tell write 6 2
	stop "$pid"
	listing >before
	grep -q ' apd...' before
	grep -q ' ap-...' before
	grep -q ' asd...' before
	grep -q ' fpd...' before
	referenced() { awk '/^Referenced/ { print $2 }' "/proc/$pid/smaps_rollup"; }
	before=$(referenced)
	for what in 1 2 3; do
		echo $what >"/proc/$pid/clear_refs"
		listing >after
		diff before after || fail "$what has changed the listing"
	done
	# Pages of libraries are referenced by other processes too.
	(($(referenced) < before / 2)) || fail "of $before kB, $(referenced) are still referenced"
	go_on "$pid"
	save
	(($(column stored 2) >= 57))
	saves_all
}

# workers FLAGS COPIED LEFT - fork four workers of a process with 64 MiB, one by one.
# Each writes to 4 MiB more than the one before. Rewritten pages have flags COPIED, pages
# that only the parent still has have LEFT, and all others FLAGS.
workers() {
	local n
	tell write
	expect "$((64 * 256)):$3"
	children=()
	for n in 1 2 3 4; do
		tell fork
		children[n]=$answer
		tell child write 0 $((n * 4 * 256)) $((n + 1))
	done
	for n in 1 2 3 4; do
		expect_of "${children[n]}" "$((n * 4 * 256)):$2" "$(((64 - n * 4) * 256)):$1"
	done
	expect "$((4 * 256)):$3" "$((60 * 256)):$1"
	for n in 1 2 3 4; do
		check_references "${children[n]}"
	done
}

@test "x tells how much of 64 MiB each of four workers has rewritten: 4, 8, 12 and 16 MiB" {
	tell map anon-aligned $((64 * 256))
	tell advise nohugepage
	workers apd---- apdx--- apdx---
}

@test "x tells how much of 64 MiB in huge pages each of four workers has rewritten" {
	tell map anon-aligned $((64 * 256))
	tell advise hugepage
	workers apd-h-- apdx--- apdxh--
}

@test "x tells how much of 64 MiB in 64 KiB folios each of four workers has rewritten" {
	size=/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled
	cleanup() { echo never >"$size"; }
	echo always >$size
	allocated=/sys/kernel/mm/transparent_hugepage/hugepages-64kB/stats/anon_fault_alloc
	before=$(cat $allocated)
	tell map anon-aligned $((64 * 256))
	workers apd---- apdx--- apdx---
	(($(cat $allocated) - before >= 64 * 16))
}
