#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Processes exit, exec and fork while they are listed.

load lib

# reader CODE - run Python code, with fd open on the target's file, and pid
reader() {
	python3 - "$pid" <<-PYTHON
		import errno, os, signal, subprocess, sys, time
		pid = int(sys.argv[1])
		fd = os.open(f"/proc/{pid}/dirty_pages", os.O_RDONLY)

		# Wait until the memory of the process is gone.
		def gone():
		    try:
		        while open(f"/proc/{pid}/maps").read(1):
		            time.sleep(0.05)
		    except (FileNotFoundError, ProcessLookupError):
		        pass

		def read_to_end():
		    n = 0
		    try:
		        while chunk := os.read(fd, 65536):
		            n += len(chunk)
		    except OSError as e:
		        return n, e.errno
		    return n, 0

		${1//$'\t'/}
	PYTHON
}

@test "a kernel thread has an empty file" {
	run -0 cat /proc/2/dirty_pages
	[[ -z $output ]]
}

@test "a zombie has an empty file" {
	tell zombie
	run -0 cat "/proc/$answer/dirty_pages"
	[[ -z $output ]]
}

@test "if the main thread has exited, its file is empty, and task/<tid> of a living thread has all" {
	tell map anon 8
	tell write
	tell leave
	tid=$answer
	run -0 cat "/proc/$pid/dirty_pages"
	[[ -z $output ]]
	listing "$pid/task/$tid" >"$BATS_TEST_TMPDIR/thread"
	listing "$tid" | cmp - "$BATS_TEST_TMPDIR/thread"
	expect_of "$tid" 8:apdx---
	check_references "$tid"
}

@test "a process that dies before the first read has an empty file, as a zombie has" {
	run -0 reader 'os.kill(pid, 9); gone(); assert read_to_end() == (0, 0)'
}

@test "if a process dies after the first read, ESRCH shows that the listing is incomplete" {
	tell many 5000
	run -0 reader 'os.read(fd, 1); os.kill(pid, 9); gone()
		n, error = read_to_end()
		assert error == errno.ESRCH and n > 0, (n, error)
		assert read_to_end() == (0, errno.ESRCH)
		try:
		    os.pread(fd, 100, 200)
		    assert False
		except OSError as e:
		    assert e.errno == errno.ESRCH'
}

@test "a listing that was read to the end stays at its end when the process dies" {
	run -0 reader 'n, error = read_to_end()
		os.kill(pid, 9); gone()
		assert n and not error and read_to_end() == (0, 0)'
}

@test "execve: an open file refers to the old address space, and shows nothing of the new one" {
	exec {fd}<"/proc/$pid/dirty_pages"
	printf 'exec sleep 600\n' >&"${MEMSTATE[1]}"
	wait_until grep -q sleep "/proc/$pid/comm"
	run -0 cat <&"$fd"
	[[ -z $output ]]
	exec {fd}<&-
	listing | grep -q .
}

@test "execve in the middle of a listing gives ESRCH" {
	tell many 5000
	exec {fd}<"/proc/$pid/dirty_pages"
	head -c 1 <&"$fd" >/dev/null
	printf 'exec sleep 600\n' >&"${MEMSTATE[1]}"
	wait_until grep -q sleep "/proc/$pid/comm"
	run -1 cat <&"$fd"
	[[ $output == *"No such process"* ]]
	exec {fd}<&-
}

# bats test_tags=concurrent
@test "processes that constantly fork, map, exec and exit can be listed" {
	(while :; do /bin/true; done) 3>&- &
	churn=($!)
	(while :; do (head -c 300000 /dev/zero | sort >/dev/null); done) 3>&- &
	churn+=($!)
	cleanup() { kill -KILL "${churn[@]}"; }
	run -0 python3 -c '
import glob
for _ in range(30):
    for path in glob.glob("/proc/[0-9]*/dirty_pages"):
        try:
            open(path).read()
        except (ProcessLookupError, FileNotFoundError):
            pass'
}

# bats test_tags=concurrent
@test "if a mapping is replaced in the middle of a run, nothing of the new one is listed" {
	local kind line text
	batch=/sys/kernel/debug/dirty_pages/batch
	before=$(<$batch)
	cleanup() { echo "$before" >"$batch"; }
	for kind in anon-shared-over anon-over; do
		tell map anon 64
		tell write
		clear_soft_dirty "$pid"
		tell write 0 4
		# Read by batches of one page up to the line of the first four
		# pages. Then the run of the other pages is unfinished.
		echo 1 >"$batch"
		exec {fd}<"/proc/$pid/dirty_pages"
		line=
		until [[ $line == "$(page_range 0 4) "* ]]; do
			IFS= read -r line <&"$fd"
		done
		tell map $kind 64
		text=$(cat <&"$fd")
		exec {fd}<&-
		expect 64:-
		[[ $text != *"-$end "* ]] || fail "$text"
	done
}

# bats test_tags=concurrent
@test "lines stay in order for a target that constantly maps and unmaps" {
	start_busy
	cleanup() { kill -KILL "$busy"; }
	for _ in {1..40}; do
		listing "$busy"
		echo end
	done | python3 -c '
import sys
last = lines = 0
for line in sys.stdin:
    if line == "end\n":
        last = 0
        continue
    lines += 1
    start, end = (int(x, 16) for x in line.split()[0].split("-"))
    assert last <= start < end, line
    last = end
assert lines > 1000'
}
