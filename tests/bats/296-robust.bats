#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Readers and writers that stop, never go on, or are killed: they hold nothing
# that the target needs, and leave nothing behind. (140-bounds.bats has 200
# readers at once, and one without memory.)
# bats file_tags=concurrent

load lib

: "${ROBUST_STOP:=5}" # seconds that a reader is stopped
: "${ROBUST_OPENS:=2000}"
: "${ROBUST_SEED:=1}"

kilobytes_of() {
	awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo
}

is_freed() {
	(($(kilobytes_of AnonPages) < $1 - 48 * 1024))
}

# start_reader - reads the listing over and over, seven bytes at a time: $reader
start_reader() {
	python3 -c '
import os, sys
fd = os.open(f"/proc/{sys.argv[1]}/dirty_pages", os.O_RDONLY)
while True:
    while os.read(fd, 7): pass
    os.lseek(fd, 0, os.SEEK_SET)' "$pid" 3>&- &
	reader=$!
	cleanup() { kill -KILL "$reader"; }
	wait_until has_opened
}

has_opened() {
	[[ $(readlink "/proc/$reader/fd/3") == "/proc/$pid/dirty_pages" ]]
}

# The target maps, writes and unmaps all the time.
keep_busy() {
	local deadline=$((SECONDS + ROBUST_STOP))
	while ((SECONDS < deadline)); do
		tell map anon 8
		tell write
		tell unmap
	done
}

@test "a reader stopped in the middle holds nothing: its target maps, unmaps and ends at once" {
	tell many 2000
	start_reader
	for i in {1..5}; do
		kill -STOP "$reader"
		wait_until is_stopped "$reader"
		tell map anon 8
		tell write
		tell unmap
		kill -CONT "$reader"
	done
	tell map anon 16384
	tell write
	kill -STOP "$reader"
	wait_until is_stopped "$reader"
	keep_busy
	used=$(kilobytes_of AnonPages)
	end_target
	wait_until is_freed "$used"
	is_stopped "$reader"
}

@test "a reader and a writer of one byte a second hold nothing either" {
	tell many 2000
	python3 -c '
import os, sys, time
fd = os.open(f"/proc/{sys.argv[1]}/dirty_pages", os.O_RDWR)
for byte in b"0" * 128:
    os.read(fd, 1)
    os.write(fd, bytes([byte]))
    print(end=".", flush=True)
    time.sleep(1)' "$pid" >"$BATS_TEST_TMPDIR/bytes" 3>&- &
	reader=$!
	cleanup() { kill -KILL "$reader" || true; }
	wait_until test -s "$BATS_TEST_TMPDIR/bytes"
	keep_busy
	goes_on() { (($(wc -c <"$BATS_TEST_TMPDIR/bytes") > ROBUST_STOP / 2)); }
	wait_until goes_on
	kill -0 "$reader"
	tell map anon 16384
	tell write
	used=$(kilobytes_of AnonPages)
	end_target
	wait_until is_freed "$used"
}

# in_use CACHE - objects of a slab cache. Those of the slab that a CPU allocates
# from count as used, whether they are or not.
in_use() {
	echo 1 >"/sys/kernel/slab/$1/shrink"
	awk -v name="$1" '$1 == name { print $2 }' /proc/slabinfo
}

charged() {
	awk '$1 == "kernel" { print $2 }' "$group/memory.stat"
}

# opens COUNT - in the memory cgroup; one that leaks soon has no memory
run_opens() {
	bash -c 'echo $$ >"$1/cgroup.procs"; exec opens "$2" "$3"' - \
		"$group" "$1" "$ROBUST_SEED" 3>&-
}

# What an open file takes is charged: even the smallest object, left by each open,
# would be twice as much as this.
nothing_left() {
	mms_after=$(in_use mm_struct) charged_after=$(charged)
	((mms_after <= mms + 64 && charged_after < charged_before + 40000))
}

@test "$ROBUST_OPENS opens, read or not, written to or not, killed or not, leave nothing behind" {
	group=/sys/fs/cgroup/opens
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir "$group"
	cleanup() { wait_until rmdir "$group"; }
	echo 96M >"$group/memory.max"
	run_opens $((ROBUST_OPENS / 20))
	mms=$(in_use mm_struct) charged_before=$(charged)
	run_opens "$ROBUST_OPENS" >"$BATS_TEST_TMPDIR/out"
	wait_until nothing_left || {
		echo "mm_struct: $mms, then $mms_after; bytes: $charged_before, then $charged_after" >&2
		return 1
	}
	printf '# seed %s, %s; mm_struct: %s, then %s; bytes charged: %s, then %s\n' "$ROBUST_SEED" \
		"$(cat "$BATS_TEST_TMPDIR/out")" "$mms" "$mms_after" \
		"$charged_before" "$charged_after" >&3
}
