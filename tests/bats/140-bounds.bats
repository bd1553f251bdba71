#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Bounds on the cost of readers, and on their effect on others.

load lib

# bats test_tags=concurrent
@test "a reader stuck in a page fault blocks nobody: no lock is held during a copy" {
	# A second memstate reads into memory with page faults that are never resolved.
	mkfifo /tmp/commands
	memstate </tmp/commands >/tmp/answers 3>&- &
	reader=$!
	cleanup() { kill -KILL "$reader"; }
	exec {fd}>/tmp/commands
	printf 'map anon 4\nuffd missing\nreadfile /proc/%s/dirty_pages\n' "$pid" >&"$fd"
	wait_until grep -q handle_userfault "/proc/$reader/stack"
	[[ $(grep -c READY /tmp/answers) == 3 ]]
	tell map anon 8
	tell write
	tell unmap 2 2
	expect 2:apdx--- 2:- 4:apdx---
	[[ $(grep -c READY /tmp/answers) == 3 ]]
	exec {fd}>&-
}

# bats test_tags=concurrent
@test "a reader that stops reading blocks nobody" {
	tell many 5000
	exec {fd}<"/proc/$pid/dirty_pages"
	head -c 100 <&"$fd" >/dev/null
	tell map anon 8
	tell write
	expect 8:apdx---
	exec {fd}<&-
}

@test "an open file takes 64 KiB for reading and 64 KiB for writing, charged to its opener" {
	group=/sys/fs/cgroup/reader
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p "$group"
	cleanup() { wait_until rmdir "$group"; }
	run -0 bash -c "echo \$\$ >$group/cgroup.procs
		exec python3 - $pid" <<-'PYTHON'
		import os, sys, time
		def charged():
		    # The kernel sums up the counts of all CPUs every two seconds.
		    time.sleep(3)
		    for line in open("/sys/fs/cgroup/reader/memory.stat"):
		        name, value = line.split()
		        if name == "kernel":
		            return int(value)
		def open_many(n, mode):
		    return [os.open(f"/proc/{sys.argv[1]}/dirty_pages", mode) for _ in range(n)]
		first = open_many(20, os.O_RDWR)
		before = charged()
		for mode, ways in (os.O_RDONLY, 1), (os.O_WRONLY, 1), (os.O_RDWR, 2):
		    fds = open_many(200, mode)
		    for fd in fds:
		        if mode != os.O_WRONLY: os.read(fd, 1)
		        if mode != os.O_RDONLY: os.write(fd, b"0")
		    each = (charged() - before) / 200
		    for fd in fds:
		        try: os.close(fd)
		        except OSError: pass # close reports the unfinished line
		    after = charged()
		    print(mode, each, after - before)
		    assert ways * 64 << 10 <= each < (ways * 64 + 6) << 10, each
		    assert after - before < 200 * 2048, after - before
		    before = after
	PYTHON
}

@test "a reader in a full memory cgroup gets ENOMEM or is killed; the target is unharmed" {
	group=/sys/fs/cgroup/small
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir -p "$group"
	cleanup() { wait_until rmdir "$group"; }
	run bash -c "echo \$\$ >$group/cgroup.procs
		echo 12M >$group/memory.max
		exec python3 -c '
import errno, os
fds = []
try:
    while True:
        fds.append(os.open(\"/proc/$pid/dirty_pages\", os.O_RDONLY))
        os.write(1, b\".\")
except OSError as e:
    assert e.errno == errno.ENOMEM, e
'"
	((status == 0 || status == 137))
	[[ $output == ...* ]] # it was not killed before the first open
	tell map anon 8
	tell write
	expect 8:apdx---
}

# bats test_tags=concurrent
@test "200 concurrent readers get the same listing" {
	tell many 300
	kill -STOP "$pid"
	run -0 python3 - "$pid" <<-'PYTHON'
		import sys, threading
		whole = open(f"/proc/{sys.argv[1]}/dirty_pages", "rb").read()
		same, together = [], threading.Barrier(200)
		def look():
		    with open(f"/proc/{sys.argv[1]}/dirty_pages", "rb", 0) as f:
		        together.wait()
		        same.append(b"".join(iter(lambda: f.read(1000), b"")) == whole)
		threads = [threading.Thread(target=look) for _ in range(200)]
		for t in threads: t.start()
		for t in threads: t.join()
		assert len(same) == 200 and all(same)
	PYTHON
}
