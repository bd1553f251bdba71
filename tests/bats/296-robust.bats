#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Readers and writers that are stopped, slow or killed hold nothing that the target
# needs, and leak nothing. (140-bounds.bats has 200 concurrent readers, and one without
# memory.)
# bats file_tags=concurrent

load lib

: "${ROBUST_STOP:=5}" # seconds for which a reader is stopped
: "${ROBUST_OPENS:=2000}"
: "${ROBUST_SEED:=1}"

kilobytes_of() {
	awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo
}

is_freed() {
	(($(kilobytes_of AnonPages) < $1 - 48 * 1024))
}

# start_reader - start $reader, which reads the listing again and again, by seven bytes
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

# Make the target map, write and unmap for $ROBUST_STOP seconds.
keep_busy() {
	local deadline=$((SECONDS + ROBUST_STOP))
	while ((SECONDS < deadline)); do
		tell map anon 8
		tell write
		tell unmap
	done
}

@test "a reader stopped in the middle of a listing holds nothing: the target maps, unmaps and exits at once" {
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

@test "a reader and writer of one byte a second holds nothing either" {
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

# in_use CACHE - print the objects in use of a slab cache. All objects of the slab that
# a CPU allocates from count as used.
in_use() {
	echo 1 >"/sys/kernel/slab/$1/shrink"
	awk -v name="$1" '$1 == name { print $2 }' /proc/slabinfo
}

charged() {
	awk '$1 == "kernel" { print $2 }' "$group/memory.stat"
}

# run_opens COUNT - run opens in the memory cgroup, where a leak soon exhausts the limit
run_opens() {
	bash -c 'echo $$ >"$1/cgroup.procs"; exec opens "$2" "$3"' - \
		"$group" "$1" "$ROBUST_SEED" 3>&-
}

# The memory of an open file is charged to the cgroup: if each open leaked even the
# smallest object, it would be twice this limit.
nothing_left() {
	mms_after=$(in_use mm_struct) charged_after=$(charged)
	((mms_after <= mms + 64 && charged_after < charged_before + 40000))
}

@test "$ROBUST_OPENS opens, with and without reads, writes and kills, leak nothing" {
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
