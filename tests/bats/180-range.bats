#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# A listing of one range: the ioctl DIRTY_PAGES_RANGE.

load lib

batch=/sys/kernel/debug/dirty_pages/batch
trace=/sys/kernel/tracing/instances/dirty_pages

setup_file() {
	mkdir $trace
	echo 1 >$trace/events/dirty_pages/dirty_pages_list/enable
}

teardown_file() {
	rmdir $trace
}

# ranged CODE - run Python code, with pid, path, the current mapping as start and end,
# set_range(FD, START, END), which raises OSError, error(CALL, ARGUMENT...), which
# returns the name of the error that the call raises, batches(), which counts the
# batches of all listings, and entries_of(CALL, ARGUMENT...), which returns the number
# of entries that listings visit during the call, and the result of the call
ranged() {
	python3 - "$pid" "${start:-0}" "${end:-0}" 3>&- <<-PYTHON
		import errno, fcntl, glob, os, random, re, signal, struct, subprocess, sys, time
		pid, start, end = int(sys.argv[1]), int(sys.argv[2], 16), int(sys.argv[3], 16)
		path, page = f"/proc/{pid}/dirty_pages", 4096
		ALL = 2 ** 64 - page
		RANGE = 0x40206612 # _IOW('f', 18, 32 bytes)
		def pack(start, end, flags=0, size=None, tail=b""):
		    return struct.pack("=4Q", 32 + len(tail) if size is None else size,
		                       flags, start, end) + tail
		def set_range(fd, *args, request=RANGE, **more):
		    fcntl.ioctl(fd, request, bytearray(pack(*args, **more)))
		def error(call, *args, **more):
		    try:
		        call(*args, **more)
		    except OSError as e:
		        return errno.errorcode[e.errno]
		    return "ok"
		def read_all(fd, size=1 << 20):
		    return b"".join(iter(lambda: os.read(fd, size), b""))
		def line(first, count, flags="apdx---"):
		    return b"%08x-%08x %s\n" % (start + first * page, start + (first + count) * page,
		                                flags.encode())
		# Return the lines of a text, cut at the ends of a range.
		def cut(text, low, high):
		    out = b""
		    for l in text.splitlines():
		        addresses, flags = l.split(b" ")
		        s, e = (int(a, 16) for a in addresses.split(b"-"))
		        if max(s, low) < min(e, high):
		            out += b"%08x-%08x %s\n" % (max(s, low), min(e, high), flags)
		    return out
		def batches():
		    return sum(int(l.split()[1]) for stats in glob.glob("$trace/per_cpu/cpu*/stats")
		               for l in open(stats) if l.startswith(("entries:", "overrun:")))
		def entries_of(call, *args):
		    open("$trace/trace", "w").close()
		    result = call(*args)
		    return sum(int(n) for l in open("$trace/trace")
		               for n in re.findall(" (?:fast|slow)=([0-9]+)", l)), result
		def is_(got, want):
		    assert got == want, f"{got}, not {want}"
		$1
	PYTHON
}

@test "a listing of a range cuts the surrounding run at both ends" {
	tell map anon 64
	tell write
	ranged "
fd = os.open(path, os.O_RDONLY)
set_range(fd, start + 8 * page, start + 20 * page)
is_(read_all(fd), line(8, 12))
set_range(fd, start + 63 * page, end)
is_(read_all(fd), line(63, 1))"
}

@test "the listing of any range equals the whole listing, cut at the ends of the range" {
	many_runs 300
	ranged "
random.seed(1)
whole = open(path, 'rb').read()
fd = os.open(path, os.O_RDONLY)
places = sorted({int(a, 16) for l in whole.splitlines() for a in l.split()[0].split(b'-')})
for i in range(400):
    low, high = (random.choice(places) + random.randint(-3, 3) * page for _ in range(2))
    if low >= high:
        low, high = high, low + page
    set_range(fd, low, high)
    is_(read_all(fd), cut(whole, low, high))"
}

@test "a part of a huge page is listed without splitting the page" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell write
	expect 1024:apdxh--
	ranged "
fd = os.open(path, os.O_RDONLY)
for first, count in (0, 1), (100, 300), (511, 1), (511, 2), (500, 524), (1023, 1):
    set_range(fd, start + first * page, start + (first + count) * page)
    is_(read_all(fd), line(first, count, 'apdxh--'))"
	expect 1024:apdxh--
}

@test "a part of a huge page that a child has unmapped in part is listed exactly" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell fork
	tell child unmap 100 50
	kill -STOP "$pid"
	ranged "
whole = open(path, 'rb').read()
lines = cut(whole, start, end)
assert lines.count(b'\n') == 3, lines
fd = os.open(path, os.O_RDONLY)
for first, count in (0, 100), (90, 20), (110, 10), (110, 300), (149, 2), (0, 512):
    low, high = start + first * page, start + (first + count) * page
    set_range(fd, low, high)
    is_(read_all(fd), cut(lines, low, high))"
}

@test "a part of a hugetlb page is listed" {
	echo 4 >/proc/sys/vm/nr_hugepages
	cleanup() {
		end_target
		echo 0 >/proc/sys/vm/nr_hugepages
	}
	tell map hugetlb 1024
	tell write 0 512
	ranged "
fd = os.open(path, os.O_RDONLY)
set_range(fd, start + 100 * page, start + 900 * page)
is_(read_all(fd), line(100, 412, 'fpdxh--'))"
}

@test "the text of a range is the same for any size of buffer or batch, by pread, and after lseek" {
	many_runs 300
	before=$(<$batch)
	cleanup() { echo "$before" >"$batch"; }
	ranged "
whole = open(path, 'rb').read()
low, high = start + 500 * page, int(whole.splitlines()[-10].split(b'-')[0], 16)
want = cut(whole, low, high)
assert want.count(b'\n') > 300 and want not in whole
fd = os.open(path, os.O_RDONLY)
set_range(fd, low, high)
for size in 1, 7, 100, 4096, 1 << 20:
    is_(os.lseek(fd, 0, os.SEEK_SET), 0)
    is_(read_all(fd, size), want)
for at in 0, 1, 33, 500, len(want) - 1, len(want), len(want) + 9:
    got = os.pread(fd, 300, at)
    assert got and want[at:].startswith(got) or at >= len(want) and not got, at
os.lseek(fd, 77, os.SEEK_SET)
is_(read_all(fd), want[77:])
for batch in 1, 2, 3, 511, 513:
    open('$batch', 'w').write(str(batch))
    set_range(fd, low, high)
    is_(read_all(fd), want)
    is_(os.pread(fd, 1 << 16, 0), want[:1 << 16])
os.lseek(fd, 0, os.SEEK_SET)
r, w = os.pipe()
while os.splice(fd, w, 65536):
    pass
os.close(w)
is_(read_all(r), want)"
}

@test "after the ioctl the position is 0, and the old text is dropped" {
	many_runs 300
	ranged "
whole = open(path, 'rb').read()
for mode in os.O_RDONLY, os.O_RDWR:
    for size in 0, 1, 1000, 1 << 20:
        fd = os.open(path, mode)
        os.read(fd, size)
        set_range(fd, start, start + 3 * page)
        is_(os.lseek(fd, 0, os.SEEK_CUR), 0)
        is_(os.read(fd, 10), line(0, 3)[:10])
        is_(read_all(fd), line(0, 3)[10:])
        # The text ends there: a read at that offset finds the end.
        is_(os.pread(fd, 100, len(line(0, 3))), b'')
        os.close(fd)"
}

@test "a range replaces the one before, and the widest restores the whole listing" {
	many_runs 300
	ranged "
whole = open(path, 'rb').read()
fd = os.open(path, os.O_RDONLY)
for low, high, want in ((start, start + page, line(0, 1)),
                        (start + 5 * page, start + 9 * page, line(5, 4)),
                        (0, ALL, whole),
                        (start - page, start + 2 * page, line(0, 2)),
                        (0, page, b''),
                        (ALL - page, ALL, b''),
                        (0, 1 << 62, whole)):
    set_range(fd, low, high)
    is_(os.read(fd, 5), want[:5])
    set_range(fd, low, high)
    is_(read_all(fd), want)
# A new descriptor lists the whole process.
set_range(fd, start, start + page)
is_(open(path, 'rb').read(), whole)"
}

@test "a range that ends above all addresses ends with the last page" {
	tell map anon 8
	tell write
	kill -STOP "$pid"
	ranged "
whole = open(path, 'rb').read()
fd = os.open(path, os.O_RDONLY)
for high in 1 << 47, 1 << 56, 1 << 62, ALL:
    set_range(fd, start + 2 * page, high)
    is_(read_all(fd), cut(whole, start + 2 * page, 1 << 64))
set_range(fd, 1 << 62, (1 << 62) + page)
is_(read_all(fd), b'')"
}

@test "bad ranges are refused, and change neither position nor range" {
	tell map anon 16
	tell write
	ranged "
fd = os.open(path, os.O_RDONLY)
low, high = start + 4 * page, start + 8 * page
set_range(fd, low, high)
text = os.read(fd, 10)
for want, args, more in (
        ('EINVAL', (low, high), dict(size=0)),
        ('EINVAL', (low, high), dict(size=24)),
        ('EINVAL', (low, high), dict(size=31)),
        ('EINVAL', (low, high, 1), {}),
        ('EINVAL', (low, high, 1 << 63), {}),
        ('EINVAL', (low + 1, high), {}),
        ('EINVAL', (low, high - 1), {}),
        ('EINVAL', (low + 8, high + 8), {}),
        ('EINVAL', (low, 2 ** 64 - 1), {}),
        ('EINVAL', (low, low), {}),
        ('EINVAL', (high, low), {}),
        ('EINVAL', (0, 0), {}),
        ('E2BIG', (low, high), dict(tail=b'\1')),
        ('E2BIG', (low, high), dict(tail=bytes(31) + b'\1')),
        ('E2BIG', (low, high), dict(tail=bytes(5000))),
        ('ENOTTY', (low, high), dict(request=RANGE + 1)),
        ('ENOTTY', (low, high), dict(request=RANGE & ~0x40000000)),
        ('ENOTTY', (low, high), dict(request=0xc0686611)), # PROCMAP_QUERY
        ('ENOTTY', (low, high), dict(request=0xc0606610))): # PAGEMAP_SCAN
    is_((error(set_range, fd, *args, **more), args, more), (want, args, more))
def at_address(address):
    fcntl.ioctl(fd, RANGE, address)
is_(error(at_address, 0), 'EFAULT')
is_(error(at_address, 8), 'EFAULT')
# Neither the position nor the range has changed.
is_(text + read_all(fd), line(4, 4))
os.lseek(fd, 0, os.SEEK_SET)
is_(read_all(fd), line(4, 4))"
}

@test "a larger struct with a tail of zeroes is accepted, also with the ioctl number of its size" {
	tell map anon 16
	tell write
	ranged "
fd = os.open(path, os.O_RDONLY)
for n, more in enumerate((1, 8, 64, 4096 - 32)):
    for request in RANGE, RANGE + (more << 16):
        set_range(fd, 0, page)
        set_range(fd, start + n * page, start + 9 * page, tail=bytes(more), request=request)
        is_(read_all(fd), line(n, 9 - n))
    is_(error(set_range, fd, 0, page, tail=bytes(more - 1) + b'\1', request=request), 'E2BIG')"
}

@test "a 32-bit caller uses the same struct and the same ioctl" {
	tell map anon 16
	tell write
	ranged "
import ctypes, mmap
MAP_32BIT = 0x40
fd = os.open(path, os.O_RDONLY)
# ioctl() by the system call entry for 32-bit programs: push rbx; mov eax, 54;
# mov ebx, edi; mov ecx, esi; int 0x80; movsxd rax, eax; pop rbx; ret
code = mmap.mmap(-1, 4096, prot=7)
code.write(bytes.fromhex('53b83600000089fb89f1cd804863c05bc3'))
ioctl32 = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)(
    ctypes.addressof(ctypes.c_char.from_buffer(code)))
low = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_32BIT)
address = ctypes.addressof(ctypes.c_char.from_buffer(low))
assert address < 1 << 32
low[:32] = pack(start + 3 * page, start + 5 * page)
is_(ioctl32(fd, RANGE, address), 0)
is_(read_all(fd), line(3, 2))
low[:32] = pack(start + 5 * page, start + 3 * page)
is_(ioctl32(fd, RANGE, address), -errno.EINVAL)
is_(ioctl32(fd, RANGE + 1, address), -errno.ENOTTY)
os._exit(0)"
}

@test "the ioctl requires permission to read, and no more" {
	tell map anon 8
	tell write
	scope=/proc/sys/kernel/yama/ptrace_scope
	cleanup() { echo 0 >"$scope"; }
	ranged "
is_(error(set_range, os.open(path, os.O_WRONLY), start, end), 'EBADF')
is_(error(set_range, os.open(path, os.O_RDWR), start, end), 'ok')
is_(error(set_range, os.open(path, os.O_PATH), start, end), 'EBADF')"
	end_target
	target setpriv --reuid=65534 --regid=65534 --clear-groups
	tell map anon 8
	tell write
	echo 2 >"$scope"
	export -f ranged
	run -0 setpriv --reuid=65534 --regid=65534 --clear-groups env \
		pid="$pid" start="$start" end="$end" bash -c 'ranged "
is_(error(os.open, path, os.O_RDWR), \"EACCES\")
fd = os.open(path, os.O_RDONLY)
set_range(fd, start + page, start + 2 * page)
is_(read_all(fd), line(1, 1))"'
}

@test "a range does not restrict writing, and a line may begin before and end after the ioctl" {
	tell map anon 16
	tell write
	ranged "
fd = os.open(path, os.O_RDWR)
set_range(fd, start + 4 * page, start + 8 * page)
lines = line(0, 2) + line(12, 2)
is_(os.write(fd, lines), len(lines))
# A write neither uses nor moves the position of the reader.
is_(read_all(fd), line(4, 4))
begun = line(5, 1)
is_(os.write(fd, begun[:9]), 9)
set_range(fd, start, start + 16 * page)
is_(os.write(fd, begun[9:]), len(begun) - 9)
is_(read_all(fd), line(0, 2, 'ap-x---') + line(2, 3) + line(5, 1, 'ap-x---') +
    line(6, 6) + line(12, 2, 'ap-x---') + line(14, 2))
os.close(fd)"
	expect 2:ap-x--- 3:apdx--- 1:ap-x--- 6:apdx--- 2:ap-x--- 2:apdx---
}

@test "one descriptor lists a range, acknowledges it, and lists it again" {
	tell map anon 64
	tell write
	ranged "
fd = os.open(path, os.O_RDWR)
for first in 0, 16, 40:
    set_range(fd, start + first * page, start + (first + 8) * page)
    text = read_all(fd)
    is_(text, line(first, 8))
    is_(os.write(fd, text), len(text))
    os.lseek(fd, 0, os.SEEK_SET)
    is_(read_all(fd), line(first, 8, 'ap-x---'))"
	expect 8:ap-x--- 8:apdx--- 8:ap-x--- 16:apdx--- 8:ap-x--- 16:apdx---
}

@test "a kernel thread or zombie accepts the ioctl and has an empty listing" {
	local zombie
	tell zombie
	zombie=$answer
	tell map anon 8
	ranged "
for p in 2, $zombie:
    fd = os.open(f'/proc/{p}/dirty_pages', os.O_RDONLY)
    set_range(fd, start, end)
    is_(read_all(fd), b'')
    set_range(fd, 0, ALL)
    is_(read_all(fd), b'')"
}

@test "a process that has exited: an empty range, but ESRCH if text was read before" {
	tell map anon 8
	tell write
	ranged "
early, late = (os.open(path, os.O_RDONLY) for _ in range(2))
set_range(late, start, end)
is_(read_all(late), line(0, 8))
os.kill(pid, signal.SIGKILL)
try:
    while open(f'/proc/{pid}/maps').read(1):
        time.sleep(0.05)
except (FileNotFoundError, ProcessLookupError):
    pass
set_range(early, start, end)
is_(read_all(early), b'')
set_range(late, start, start + page)
is_(error(os.read, late, 100), 'ESRCH')"
	checked_pid=
}

@test "the cost of a range does not depend on the rest of the process" {
	tell many 5000
	tell map anon 20000
	tell write
	tell map anon-noreserve 16777216
	tell advise nohugepage
	tell write 8388608 1000
	kill -STOP "$pid"
	ranged "
fd = os.open(path, os.O_RDONLY)
def cost(low, high):
    set_range(fd, low, high)
    return entries_of(read_all, fd)
middle = start + (8 << 20) * page
assert cost(0, ALL)[0] > 26000
n, text = cost(middle, middle + 100 * page)
is_(text, line(8 << 20, 100))
assert 100 <= n < 110, n
# An empty range between page tables, and one of 16 GiB without page tables
for low, high in (middle + 5000 * page, middle + 5100 * page), (start, start + (4 << 20) * page):
    n, text = cost(low, high)
    is_(text, b'')
    assert n < 110, n
n, text = cost(start, end)
is_(text, line(8 << 20, 1000))
assert 1000 <= n < 3000, n"
}

# long_walk BATCH - start a target with page tables for 16 GiB, each kept by a zero
# page. To walk their four million entries, BATCH at a time, takes long, and gives no
# text before the only dirty page, at the end.
long_walk() {
	end_target
	python3 -c '
import ctypes, mmap, signal
MAP_NORESERVE = 0x4000
size, step = 16 << 30, 2 << 20
m = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
m.madvise(mmap.MADV_NOHUGEPAGE)
start = ctypes.addressof(ctypes.c_char.from_buffer(m))
for at in range(0, size, step):
    m[at]
m[size - 1] = 1
print("%x %x" % (start, start + size), flush=True)
signal.pause()' >"$BATS_TEST_TMPDIR/place" 3>&- &
	pid=$!
	wait_until test -s "$BATS_TEST_TMPDIR/place"
	read -r start end <"$BATS_TEST_TMPDIR/place"
	before=$(<$batch)
	echo "$1" >"$batch"
	cleanup() { echo "$before" >"$batch"; }
	checked_pid=
}

# bats test_tags=concurrent
@test "a signal interrupts a read that has no text yet" {
	long_walk 1
	ranged "
class Caught(Exception): pass
def caught(*_): raise Caught
signal.signal(signal.SIGALRM, caught)
fd = os.open(path, os.O_RDONLY)
set_range(fd, start, end)
before = batches()
signal.setitimer(signal.ITIMER_REAL, 0.1)
try:
    os.read(fd, 100)
    assert False, 'not interrupted'
except Caught:
    pass
# To the end it would have been four million batches.
assert batches() - before < 4 << 20
# The next read starts over, and is complete.
open('$batch', 'w').write('100000')
is_(read_all(fd), line((4 << 20) - 1, 1))"
}

# bats test_tags=concurrent
@test "a read completes despite a timer that interrupts it again and again" {
	long_walk 20
	ranged "
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, False)
fd = os.open(path, os.O_RDONLY)
set_range(fd, start, end)
before = batches()
is_(read_all(fd), line((4 << 20) - 1, 1))
undisturbed = batches() - before
os.lseek(fd, 0, os.SEEK_SET)
before = batches()
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
is_(read_all(fd), line((4 << 20) - 1, 1))
signal.setitimer(signal.ITIMER_REAL, 0)
# It was restarted, but only a few times.
assert undisturbed * 1.1 < batches() - before < undisturbed * 6"
}

# bats test_tags=concurrent
@test "signals in the middle of a listing neither lose nor repeat a line" {
	many_runs 300
	before=$(<$batch)
	cleanup() { echo "$before" >"$batch"; }
	echo 1 >"$batch"
	ranged "
whole = open(path, 'rb').read()
signal.signal(signal.SIGALRM, lambda *_: None)
for restart in False, True:
    signal.siginterrupt(signal.SIGALRM, not restart)
    signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
    for size in 100, 4096, 1 << 20:
        for i in range(5):
            fd = os.open(path, os.O_RDONLY)
            is_(read_all(fd, size), whole)
            got = os.pread(fd, 1 << 20, 5000)
            assert got and whole[5000:].startswith(got)
            os.close(fd)
    signal.setitimer(signal.ITIMER_REAL, 0)"
}

# bats test_tags=concurrent
@test "a signal interrupts a read, lseek or ioctl that waits for another read" {
	long_walk 1
	ranged "
class Caught(Exception): pass
def caught(*_): raise Caught
fd = os.open(path, os.O_RDONLY)
set_range(fd, start, end)
before = batches()
reader = os.fork()
if reader == 0:
    # This offset requires all earlier text; signals would not end the call.
    os.pread(fd, 1, 1 << 20)
    os._exit(0)
while batches() < before + 1000:
    time.sleep(0.01)
signal.signal(signal.SIGALRM, caught)
for call in (lambda: os.pread(fd, 1, 0), lambda: os.lseek(fd, 0, os.SEEK_SET),
             lambda: set_range(fd, 0, page)):
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        call()
        assert False, 'not interrupted'
    except Caught:
        pass
is_(os.waitpid(reader, os.WNOHANG), (0, 0))
os.kill(reader, signal.SIGKILL)
os.waitpid(reader, 0)
# None of these calls has changed the range.
open('$batch', 'w').write('100000')
is_(os.pread(fd, 100, 0), line((4 << 20) - 1, 1))"
}

# bats test_tags=concurrent
@test "if the range changes during reads, each text belongs to one of the ranges" {
	many_runs 300
	ranged "
whole = open(path, 'rb').read()
ranges = [(start, start + 3 * page), (start - 1000 * page, start + 100 * page), (0, ALL)]
texts = [cut(whole, *r) for r in ranges]
fd = os.open(path, os.O_RDONLY)
children = []
for i in range(3):
    child = os.fork()
    if child == 0:
        stop = time.monotonic() + 3
        while time.monotonic() < stop:
            if i == 0:
                set_range(fd, *random.choice(ranges))
            else:
                got = os.pread(fd, 60000, 0)
                assert any(got and t.startswith(got) for t in texts), got[:200]
        os._exit(0)
    children.append(child)
assert all(os.waitpid(c, 0)[1] == 0 for c in children)
set_range(fd, *ranges[0])
is_(read_all(fd), texts[0])"
}

@test "dirtycat --range: all back ends agree, and cut at the ends of the range" {
	local backend range low high
	tell many 50
	tell map anon-aligned 1024
	tell advise hugepage
	tell write 0 512
	tell advise nohugepage 512 512
	tell write 700 20
	kill -STOP "$pid"
	low=$(printf %x $((16#$start + 100 * page))) high=$(printf %x $((16#$start + 710 * page)))
	for range in "$low,$high" "$low-$high"; do
		for backend in dirty_pages pagemap-scan pagemap; do
			dirtycat --text --backend=$backend --range "$range" "$pid" >/tmp/$backend
			what_both_know 1 2 3 4 <"/tmp/$backend" >"/tmp/known-$backend"
		done
		diff - /tmp/dirty_pages <<-END
			$(page_range 100 412) apdxh--
			$(page_range 700 10) apdx---
		END
		cmp /tmp/known-dirty_pages /tmp/known-pagemap-scan
		cmp /tmp/known-dirty_pages /tmp/known-pagemap
	done
	# From the middle of one mapping to the middle of another, across many
	ranged "
def text(backend, *options):
    return subprocess.check_output(['dirtycat', '--text', '--backend=' + backend, *options, str(pid)])
for backend in 'dirty_pages', 'pagemap-scan', 'pagemap':
    whole = text(backend)
    low, high = start + 100 * page, int(whole.splitlines()[-1].split(b'-')[1].split()[0], 16) - page
    part = text(backend, '--range', '%x,%x' % (low, high))
    assert part.count(b'\n') > 50
    is_(part, cut(whole, low, high))"
}

@test "dirtycat --range reads only the range, from the file and from pagemap" {
	tell map anon 20000
	tell write
	tell map anon 100
	tell write
	kill -STOP "$pid"
	echo >$trace/trace
	run -0 dirtycat --raw -n -o PAGES --range "$(page_range 10 50)" "$pid"
	[[ $output == 50 ]]
	run -0 awk -F '[ =]' '{ for (i = 1; i < NF; i++) if ($i ~ /^(fast|slow)$/) n += $(i + 1) } END { print n }' $trace/trace
	((output >= 50 && output < 100))
	# To read all of pagemap would take hours here.
	kill -CONT "$pid"
	tell map anon-noreserve 8589934592
	tell write 4294967296 4
	run -0 timeout 100 dirtycat --raw -n -o PAGES --backend=pagemap \
		--range "$(page_range 4294967290 20)" "$pid"
	[[ $output == 4 ]]
}

@test "dirtycat --range works with --clear, --by-mapping, --summary and --map" {
	tell map anon 64
	tell write
	run -0 dirtycat --raw -n -b -o DIRTY --summary=only --range "$(page_range 8 8)" "$pid"
	[[ $output == $((8 * page)) ]]
	run -0 dirtycat --raw -n -b -o START,DIRTY --by-mapping --summary=never --range "$(page_range 8 8)" "$pid"
	[[ $output == *"$start $((8 * page))"* ]]
	run -0 dirtycat --clear -c 1 --range "$(page_range 8 8)" "$pid"
	expect 8:apdx--- 8:ap-x--- 48:apdx---
	run -0 dirtycat --map --range "$start-$end" "$pid"
	[[ -n $output ]]
}

@test "dirtycat --range: an error message names the cause and the remedy" {
	run -1 dirtycat --range "" "$pid"
	[[ $output == *"empty range; specify LOW,HIGH in hexadecimal"* ]]
	run -1 dirtycat --range 2000-1000 "$pid"
	[[ $output == *"2000-1000: the range ends before it begins; LOW must be below HIGH"* ]]
	run -1 dirtycat --range 12345678901234567,12345678901234568 "$pid"
	[[ $output == *"12345678901234567: address too large; the limit is 16 digits"* ]]
	run -1 dirtycat --range heap "$pid"
	[[ $output == *"heap: not a hexadecimal address such as"* ]]
}
