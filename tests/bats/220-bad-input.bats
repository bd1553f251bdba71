#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Input that is no valid line, or not at this point, is refused and has no effect.

load lib

# writing CODE - run Python code, with path, line (valid, for pages 0 and 1) and rest
# (valid, for pages 2 and 3); the target has four written pages
writing() {
	python3 - "$pid" "$(page_range 0 2)" "$(page_range 2 2)" <<-END
		import errno, fcntl, os, sys
		path = f"/proc/{sys.argv[1]}/dirty_pages"
		line, rest = (a.encode() + b" apdx---\n" for a in sys.argv[2:])
		start = int(sys.argv[2].split("-")[0], 16)
		def attempt(call, *args):
		    try:
		        return call(*args)
		    except OSError as e:
		        return -e.errno
		def is_(got, want):
		    assert got == want, f"{got}, not {want}"
		$1
	END
}

@test "malformed lines: EINVAL, and nothing is acknowledged" {
	tell map anon 4
	tell write
	writing "
bad = [b'\n', b'x\n', b'-\n', b' ' + line, b'\t' + line, line[:-1] + b'\r\n',
    line[:-1] + b' \n', line[:-1] + b' more\n', line.replace(b'-', b' ', 1),
    line.replace(b' ', b'  '), line.replace(b' ', b'\t'), b'0x' + line, b'+' + line,
    b'-' + line, line.replace(b'-', b'--', 1), line.replace(b'apdx---', b'apDx---'),
    line.replace(b'apdx---', b'apdx--1'), line.replace(b' apdx---', b' '),
    line.replace(b'-', b'-0x', 1), b'\0' + line, line[:5] + b'\0' + line[5:],
    line[:-1] + b'\0\n', b'0' * 8 + line, b'%x-%x\n' % (start + 1, start + 8192),
    b'%x-%x\n' % (start, start + 8191), b'%x-%x\n' % (start + 8192, start),
    b'%x-%x\n' % (start, start), b'0-0\n', b'ffffffffff600000-ffffffffff601000\n',
    b'ffff800000000000-ffffffffff000000\n', b'0-fffffffffffff000\n', b'0-ffffffffffffffff\n',
    b'fffffffffffff000-0\n', b'%x-1%016x\n' % (start, start + 8192), b'%x\n' % start,
    b'%x-\n' % start, b'%d-%d dirty\n' % (start, start + 4096), b'\xff\xfe' + line,
    line[:-1] + b'a' * 120 + b'\n', '１０００-２０００\n'.encode()]
for text in bad:
    fd = os.open(path, os.O_RDWR)
    is_((text, attempt(os.write, fd, text)), (text, -errno.EINVAL))
    is_(attempt(os.write, fd, line), -errno.EINVAL)
    os.close(fd)"
	expect "4:apdx---"
}

@test "reads and writes of no bytes have no effect, also within a line" {
	tell map anon 4
	tell write
	writing "
fd = os.open(path, os.O_RDWR)
is_(os.read(fd, 0), b'')
is_(attempt(os.write, fd, b''), 0)
is_(attempt(os.write, fd, line[:5]), 5)
is_(attempt(os.write, fd, b''), 0)
is_(os.read(fd, 0), b'')
whole = b''.join(iter(lambda: os.read(fd, 65536), b''))
assert b'%x-' % start in whole, whole
is_(os.read(fd, 0), b'')
is_(attempt(os.write, fd, line[5:]), len(line) - 5)
os.close(fd)"
	expect "2:ap-x--- 2:apdx---"
}

@test "lines before the first bad one take effect, and the result counts them" {
	tell map anon 4
	tell write
	writing "
fd = os.open(path, os.O_RDWR)
is_(attempt(os.write, fd, line + b'bad\n' + rest), len(line))
is_(attempt(os.write, fd, b'bad\n' + rest), -errno.EINVAL)
is_(attempt(os.write, fd, rest), -errno.EINVAL)
is_(attempt(os.write, fd, b''), -errno.EINVAL)
os.close(fd)"
	expect "2:ap-x--- 2:apdx---"
}

@test "a bad line that began in an earlier write is refused when it ends" {
	tell map anon 4
	tell write
	writing "
fd = os.open(path, os.O_RDWR)
is_(attempt(os.write, fd, line + rest[:4]), len(line) + 4)
is_(attempt(os.write, fd, b' oops\n' + rest), -errno.EINVAL)
is_(attempt(os.close, fd), None)"
	expect "2:ap-x--- 2:apdx---"
}

@test "a last line without a newline has no effect, and close fails" {
	tell map anon 4
	tell write
	writing "
fd = os.open(path, os.O_WRONLY)
is_(attempt(os.write, fd, line + rest[:-1]), len(line + rest) - 1)
is_(attempt(os.close, fd), -errno.EINVAL)"
	expect "2:ap-x--- 2:apdx---"
}

@test "each close with an unfinished line fails, and a duplicate may still finish the line" {
	tell map anon 4
	tell write
	writing "
fd = os.open(path, os.O_WRONLY)
is_(attempt(os.write, fd, rest[:7]), 7)
second, third = os.dup(fd), os.dup(fd)
is_(attempt(os.close, second), -errno.EINVAL)
is_(attempt(os.close, third), -errno.EINVAL)
child = os.fork()
if child == 0:
    ok = attempt(os.close, fd) == -errno.EINVAL
    os._exit(0 if ok else 1)
is_(os.waitpid(child, 0)[1], 0)
is_(attempt(os.write, fd, rest[7:]), len(rest) - 7)
is_(attempt(os.close, fd), None)"
	expect "2:apdx--- 2:ap-x---"
}

@test "a line may have 128 bytes; a longer one is refused, however it is split" {
	tell map anon 4
	tell write
	writing "
longest = line[:-1] + b'-' * (128 - len(line) + 1)
for text in longest + b'-\n', longest + b'-':
    for cut in 0, 1, 100, 128:
        fd = os.open(path, os.O_WRONLY)
        if cut:
            is_(attempt(os.write, fd, text[:cut]), cut)
        is_(attempt(os.write, fd, text[cut:]), -errno.EINVAL)
        is_(attempt(os.close, fd), None)
fd = os.open(path, os.O_WRONLY)
is_(attempt(os.write, fd, longest), 128)
is_(attempt(os.write, fd, b'\n'), 1)
is_(attempt(os.close, fd), None)"
	expect "2:ap-x--- 2:apdx---"
}

@test "a gigabyte without a newline is refused at once" {
	tell map anon 4
	tell write
	writing "
import mmap
fd = os.open(path, os.O_WRONLY)
giant = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
is_(attempt(os.write, fd, memoryview(giant)), -errno.EINVAL)
is_(attempt(os.close, fd), None)"
	expect "4:apdx---"
}

@test "writes larger than the buffer of the kernel are processed up to the first bad line" {
	tell map anon 4
	tell write
	writing "
fd = os.open(path, os.O_WRONLY)
many = b'1000-2000 apdx---\n' * 20000
is_(attempt(os.write, fd, many + line), len(many + line))
is_(attempt(os.write, fd, many + b'bad\n' + rest), len(many))
os.close(fd)
# A bad line that begins just before the end of the kernel's buffer
for before in range(65536 - 8, 65536 + 2):
    fill = b'1000-2000\n' * 6545
    fill += b'1000-2000 ' + b'-' * (before - len(fill) - 11) + b'\n'
    is_(len(fill), before)
    fd = os.open(path, os.O_WRONLY)
    is_(attempt(os.write, fd, fill + b'bad\n' + rest), before)
    os.close(fd)
    fd = os.open(path, os.O_WRONLY)
    is_(attempt(os.write, fd, b'10'), 2)
    is_(attempt(os.write, fd, b'00-2000\n' + fill[10:] + b'bad\n' + rest), before - 2)
    os.close(fd)"
	expect "2:ap-x--- 2:apdx---"
}

@test "a write that reaches unmapped memory: the lines before it take effect" {
	tell map anon 4
	tell write
	writing "
import ctypes, mmap
libc = ctypes.CDLL(None, use_errno=True)
two = mmap.mmap(-1, 8192, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
at = ctypes.addressof(ctypes.c_char.from_buffer(two))
two[4096 - len(line):4096] = line
assert libc.munmap(ctypes.c_void_p(at + 4096), ctypes.c_size_t(4096)) == 0
fd = os.open(path, os.O_WRONLY)
got = libc.write(fd, ctypes.c_void_p(at + 4096 - len(line)), ctypes.c_size_t(len(line) + 50))
is_(got, len(line))
got = libc.write(fd, ctypes.c_void_p(at + 4096), ctypes.c_size_t(50))
is_((got, ctypes.get_errno()), (-1, errno.EFAULT))
is_(attempt(os.write, fd, rest), len(rest))
os._exit(0)"
	expect "4:ap-x---"
}

@test "a bad line on one descriptor does not affect another descriptor" {
	tell map anon 4
	tell write
	writing "
one, other = os.open(path, os.O_WRONLY), os.open(path, os.O_WRONLY)
is_(attempt(os.write, one, b'bad\n'), -errno.EINVAL)
is_(attempt(os.write, other, line), len(line))"
	expect "2:ap-x--- 2:apdx---"
}

@test "a descriptor with a bad line can still be read" {
	tell map anon 4
	writing "
fd = os.open(path, os.O_RDWR)
is_(attempt(os.write, fd, b'bad\n'), -errno.EINVAL)
assert b'-' in os.read(fd, 100)"
}

# bats test_tags=concurrent
@test "threads that share a descriptor: the line of each write stays whole" {
	tell map anon 4
	tell write
	writing "
import threading
fd = os.open(path, os.O_WRONLY)
def many():
    for i in range(300):
        assert os.write(fd, line) == len(line)
threads = [threading.Thread(target=many) for i in range(4)]
for t in threads: t.start()
for t in threads: t.join()
is_(attempt(os.close, fd), None)"
	expect "2:ap-x--- 2:apdx---"
}

@test "10,000 random damaged lines get the specified results" {
	checked_pid=
	timeout "$TIMEOUT" badlines 1 10000
}

# bats test_tags=long
@test "1,000,000 random damaged lines get the specified results" {
	checked_pid=
	timeout "$((TIMEOUT * 10))" badlines 2 1000000
}
