#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Acknowledgments while the process runs: they hold the mmap lock for reading, race
# with page faults, and defer the TLB flush.

load lib

fail=/sys/kernel/debug/dirty_pages/fail

setup() {
	# One CPU for this process, one for the writing thread: a switch of processes
	# would flush the TLB as well.
	taskset -pc 0 "$BASHPID" >/dev/null
	target
}

cleanup() {
	echo 0 >$fail/flush/probability
	taskset -pc 0-1 "$BASHPID" >/dev/null
	echo 8192 >/sys/kernel/debug/dirty_pages/batch
	echo 0 >/proc/sys/vm/nr_hugepages
	echo never >/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled
}

# write_all_the_time - start a thread of the target that writes to all pages, on its
# own CPU
write_all_the_time() {
	local thread
	tell storm
	for thread in "/proc/$pid/task"/*; do
		[[ ${thread##*/} == "$pid" ]] || taskset -pc 1 "${thread##*/}" >/dev/null
	done
}

# beside_late_flush CODE - start an acknowledgment of the mapping with a delayed flush,
# then run Python code. Repeat both until the code leaves the loop, which it does if
# late() shows that the flush is still pending at its end.
beside_late_flush() {
	run -0 timeout "$TIMEOUT" python3 - "$pid" "$start" "$end" "$fail/flush" 3>&- <<-END
		import ctypes, fcntl, os, struct, sys, threading
		path = f"/proc/{sys.argv[1]}/dirty_pages"
		start, end = (int(n, 16) for n in sys.argv[2:4])
		line = f"{start:x}-{end:x}\n".encode()
		mem = os.open(f"/proc/{sys.argv[1]}/mem", os.O_RDONLY)

		def put(name, value):
		    with open(f"{sys.argv[4]}/{name}", "w") as f:
		        f.write(str(value))
		def left():
		    return int(open(f"{sys.argv[4]}/times").read())
		def acknowledge():
		    fd = os.open(path, os.O_WRONLY)
		    os.write(fd, line)
		    os.close(fd)
		def contents():
		    return os.pread(mem, 8, start)
		def is_written():
		    for line in open(path):
		        range, flags = line.split()
		        first, last = (int(n, 16) for n in range.split("-"))
		        if first <= start < last:
		            return "d" in flags
		def late():
		    return thread.is_alive()
		def protect(mode):
		    UFFDIO_WRITEPROTECT = 0xc018aa06
		    fcntl.ioctl(uffd, UFFDIO_WRITEPROTECT, struct.pack("QQQ", start, end - start, mode))
		target, uffd = os.pidfd_open(int(sys.argv[1])), None
		for fd in os.listdir(f"/proc/{sys.argv[1]}/fd"):
		    if "userfaultfd" in os.readlink(f"/proc/{sys.argv[1]}/fd/{fd}"):
		        pidfd_getfd = 438
		        uffd = ctypes.CDLL(None).syscall(pidfd_getfd, target, int(fd), 0)
		put("verbose", 0); put("interval", 1); put("probability", 100)
		while True:
		    put("times", 1)
		    thread = threading.Thread(target=acknowledge)
		    thread.start()
		    while left() and late():
		        pass
		    $1
		    thread.join()
	END
}

# bats test_tags=concurrent
@test "of two acknowledgments of the same pages, neither returns before the flush of the other" {
	tell map anon 8
	tell write
	write_all_the_time
	beside_late_flush '
    acknowledge()
    before = contents()
    while contents() == before:
        pass
    written = is_written()
    if late():
        assert written, "written, and not d"
        break'
}

# bats test_tags=concurrent
@test "write protection by userfaultfd stops all writers, even while the flush of an acknowledgment is pending" {
	tell map anon 8
	tell write
	tell uffd wp
	write_all_the_time
	beside_late_flush '
    protect(1)
    before = contents()
    for i in range(1000):
        after = contents()
    stopped = late()
    protect(0)
    if stopped:
        assert after == before, "still written to"
        break'
}

# The page is clean, so its entry stays read-only when the protection is lifted. If the
# thread took that for a fault that is unresolved, it would wait, and nobody would wake
# it.
# bats test_tags=concurrent
@test "a write that userfaultfd stops goes on if the protection is lifted at the same moment" {
	tell map anon 8
	tell write
	tell uffd wp
	write_all_the_time
	beside_late_flush '
    for i in range(100):
        protect(1)
        acknowledge()
        protect(0)
        before = contents()
        while contents() == before:
            pass
    break'
}

# ---- references to a page, at any place of a batch ----

@test "pages in a pipe stay d, at any place in a batch of entries" {
	tell map anon-aligned 200
	tell advise nohugepage
	tell write
	tell pipe 0 1
	tell pipe 63 2
	tell pipe 199 1
	acknowledge
	expect "1:apdx--- 62:ap-x--- 2:apdx--- 134:ap-x--- 1:apdx---"
	put "$(page_range 30 100)"
	expect "1:apdx--- 62:ap-x--- 2:apdx--- 134:ap-x--- 1:apdx---"
	tell drain
	acknowledge
	expect "200:ap-x---"
}

@test "a page in a pipe keeps d for all pages of its large folio" {
	echo always >/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled
	tell map anon-aligned 512
	tell write 0 64
	tell pipe 20 1
	acknowledge
	expect "16:ap-x--- 16:apdx--- 32:ap-x--- 448:-"
	tell drain
	acknowledge
	expect "64:ap-x--- 448:-"
}

@test "references are checked even if a page is read-only and another tracker has cleared its bit" {
	tell map anon 8
	tell write
	tell pipe 2 4
	clear_soft_dirty "$pid"
	expect "8:ap-x---"
	acknowledge
	expect "8:ap-x---"
	put "$(page_range 0 8)"
	expect "2:ap-x--- 4:apdx--- 2:ap-x---"
	tell drain
	put "$(page_range 0 8)"
	expect "8:ap-x---"
}

# ---- locks ----

# bats test_tags=concurrent
@test "pages are acknowledged while the target changes its mappings constantly" {
	tell map anon 2000
	tell write
	tell lockstorm
	echo 7 >/sys/kernel/debug/dirty_pages/batch
	timeout "$TIMEOUT" bash -c "echo $(page_range 600 1000) >/proc/$pid/dirty_pages"
	expect "600:apdx--- 1000:ap-x--- 400:apdx---"
}

@test "the mmap lock of the target is never taken for writing" {
	local event=/sys/kernel/tracing/instances/turns/events/mmap_lock/mmap_lock_start_locking
	trace=/sys/kernel/tracing/instances/turns
	mkdir $trace
	echo 1 >$event/enable
	tell map anon-aligned 2048
	tell advise hugepage 0 1024
	tell write
	# Events of changes by the target show the address of its mm.
	mm=$(sed -n "s/.*-$pid .*mm=\([^ ]*\) .*write=true.*/\1/p" $trace/trace | head -n 1)
	[[ -n $mm ]]
	echo >$trace/trace
	put "$(page_range 10 2000)"
	echo 0 >$event/enable
	grep -q "mm=$mm .*write=false" $trace/trace
	run ! grep "mm=$mm .*write=true" $trace/trace
	rmdir $trace
	expect "10:apdx--- 502:ap-x--- 512:ap-xh-- 986:ap-x--- 38:apdx---"
}

# bats test_tags=concurrent
@test "no write is missed if pages are concurrently discarded, rewritten and acknowledged" {
	local i
	tell map anon 64
	tell write
	tell giver
	for ((i = 0; i < 50; i++)); do
		put "$(page_range 0 64)"
	done
	tell giver stop
	tell write
	expect "64:apdx---"
}
