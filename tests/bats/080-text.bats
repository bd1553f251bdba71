#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The same state gives the same text, by any way of reading.

load lib

batch=/sys/kernel/debug/dirty_pages/batch

# A stopped target with some 70 KiB of text, with all kinds of runs
setup() {
	target
	many_runs 2000
	file=/proc/$pid/dirty_pages
	whole=$BATS_TEST_TMPDIR/whole
	cat "$file" >"$whole"
	(($(wc -c <"$whole") > 65536))
}

@test "cat gives the same text again, also from task/<tid>" {
	cmp "$file" "$whole"
	cmp "/proc/$pid/task/$pid/dirty_pages" "$whole"
}

@test "the same text by blocks of 7 bytes, 4 KiB and 1 MiB" {
	local size
	for size in 7 4K 1M; do
		dd if="$file" bs=$size status=none | cmp - "$whole"
	done
}

@test "the same text by single bytes, for the first 10,000" {
	dd if="$file" bs=1 count=10000 status=none | cmp - <(head -c 10000 "$whole")
}

@test "the same text if a second reader of the descriptor continues" {
	local n
	for n in 1 33 65535 65536 65537; do
		head -c $n "$file" | cmp - <(head -c $n "$whole")
	done
	{
		dd bs=1000 count=5 status=none
		cat
	} <"$file" | cmp - "$whole"
}

@test "the same text by pread at odd offsets, lseek, readv, splice and sendfile" {
	run -0 python3 - "$file" "$whole" <<-'PYTHON'
		import os, sys
		whole = open(sys.argv[2], "rb").read()
		fd = os.open(sys.argv[1], os.O_RDONLY)

		def read_all(read):
		    out = b""
		    while chunk := read(len(out)):
		        out += chunk
		    return out

		for at in (0, 1, 4095, 4097, 65536, 65537, len(whole) - 1, len(whole), len(whole) + 9):
		    got = os.pread(fd, 5000, at)
		    assert got and whole[at:].startswith(got) or at >= len(whole) and not got, at
		assert read_all(lambda done: os.pread(fd, 30011, done)) == whole

		assert read_all(lambda done: os.read(fd, 1 << 20)) == whole
		os.lseek(fd, 0, os.SEEK_SET)
		assert read_all(lambda done: os.read(fd, 4096)) == whole
		os.lseek(fd, 777, os.SEEK_SET)
		assert read_all(lambda done: os.read(fd, 100000)) == whole[777:]

		os.lseek(fd, 0, os.SEEK_SET)
		bufs = [bytearray(3), bytearray(5000), bytearray(11)]
		n = os.readv(fd, bufs)
		assert b"".join(bufs)[:n] == whole[:n] and n > 3

		for move in ("splice", "sendfile"):
		    os.lseek(fd, 0, os.SEEK_SET)
		    out = b""
		    while True:
		        r, w = os.pipe()
		        n = os.splice(fd, w, 65536) if move == "splice" else os.sendfile(w, fd, None, 32768)
		        os.close(w)
		        while chunk := os.read(r, 65536):
		            out += chunk
		        os.close(r)
		        if not n:
		            break
		    assert out == whole, move
	PYTHON
}

@test "poll reports readable, mmap fails with ENODEV, SEEK_END with EINVAL" {
	run -0 python3 - "$file" <<-'PYTHON'
		import ctypes, errno, os, select, sys

		def error(call, *args):
		    try:
		        call(*args)
		    except OSError as e:
		        return e.errno
		    return 0

		fd = os.open(sys.argv[1], os.O_RDWR)
		poll = select.poll()
		poll.register(fd, select.POLLIN)
		assert poll.poll(0)[0][1] & select.POLLIN
		libc = ctypes.CDLL(None, use_errno=True)
		libc.mmap.restype = ctypes.c_void_p
		assert libc.mmap(None, 4096, 1, 2, fd, ctypes.c_long(0)) == 2 ** 64 - 1
		assert ctypes.get_errno() == errno.ENODEV
		assert error(os.lseek, fd, 0, os.SEEK_END) == errno.EINVAL
	PYTHON
}

@test "the same text for any size of a batch" {
	local n
	before=$(cat $batch)
	cleanup() { echo "$before" >$batch; }
	for n in 0 1 2 3 511 512 513 5000 100000; do
		echo $n >$batch
		cmp "$file" "$whole"
		dd if="$file" bs=100 status=none | cmp - "$whole"
	done
	verify "$pid"
	[[ $verified == *" differ 0 "* ]]
}

@test "lines are as long as possible: adjacent ones differ in flags or mapping" {
	run -0 python3 - "$pid" "$whole" <<-'PYTHON'
		import sys
		starts = {line.split("-")[0] for line in open(f"/proc/{sys.argv[1]}/maps")}
		last = (None, None)
		for line in open(sys.argv[2]):
		    range_, flags = line.split()
		    start, end = range_.split("-")
		    assert last != (start, flags) or start in starts, line
		    last = (end, flags)
	PYTHON
}

# bats test_tags=concurrent
@test "two concurrent readers of one descriptor: each byte goes to one of them" {
	{
		dd bs=512 status=none >"$BATS_TEST_TMPDIR/1" &
		dd bs=512 status=none >"$BATS_TEST_TMPDIR/2"
		wait $!
	} <"$file" 3>&-
	# The order of blocks is not fixed, so only count.
	(($(cat "$BATS_TEST_TMPDIR"/[12] | wc -c) == $(wc -c <"$whole")))
}
