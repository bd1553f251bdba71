# SPDX-License-Identifier: GPL-2.0
"""Check the Python module, on kernels with and without /proc/<pid>/dirty_pages."""

import ctypes
import errno
import mmap
import os
import signal
import subprocess
import tempfile
import threading
import unittest

import dirtypages

PAGE = mmap.PAGESIZE
HAS_FILE = os.path.exists("/proc/self/dirty_pages")


class Arena:
    """Some pages of our own, of which a few are written."""

    def __init__(self, pages=16, written=(2, 3, 7)):
        self.memory = mmap.mmap(-1, pages * PAGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.memory.madvise(mmap.MADV_NOHUGEPAGE)
        self.start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.end = self.start + pages * PAGE
        self.write(*written)

    def write(self, *pages, byte=1):
        for page in pages:
            self.memory[page * PAGE] = byte

    def page(self, number):
        return self.start + number * PAGE


def start_child(test):
    """Start a process that waits until the end of the test, however that ends.

    Popen() may return before exec has replaced our memory: wait for an answer.
    """
    pipe = subprocess.PIPE
    child = test.enterContext(subprocess.Popen(["cat"], stdin=pipe, stdout=pipe))
    test.addCleanup(child.kill)
    child.stdin.write(b"ready\n")
    child.stdin.flush()
    child.stdout.readline()
    return child


def parse(text):
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.seek(0)
        return dirtypages.parse(file.fileno())


class AnyKernel(unittest.TestCase):
    def test_kernel(self):
        kernel = dirtypages.kernel()
        self.assertEqual("dirty_pages" in kernel.backends, HAS_FILE)
        self.assertIn("pagemap", kernel.backends)
        self.assertEqual(kernel.can_acknowledge, HAS_FILE and kernel.can_track)
        self.assertTrue(set("afps") <= set(kernel.flags))

    def test_read_with_each_back_end(self):
        arena = Arena()
        for backend in dirtypages.kernel().backends:
            with self.subTest(backend), dirtypages.Pages(backend=backend) as pages:
                self.assertEqual(pages.backend, backend)
                self.assertEqual(pages.pid, os.getpid())
                pages.set_range(arena.start, arena.end)
                runs = pages.read()
                self.assertEqual(
                    [(run.start, run.end) for run in runs],
                    [
                        (arena.page(2), arena.page(4)),
                        (arena.page(7), arena.page(8)),
                    ],
                )
                self.assertEqual(runs[0].size, 2 * PAGE)
                self.assertTrue(set("apx") <= set(runs[0].flags))
                self.assertTrue(runs[0].text.startswith("ap"))
                self.assertFalse(set(runs[0].flags) & set(runs[0].unknown))
                self.assertEqual(pages.sum("x"), (3 * PAGE, 0))
                self.assertEqual(pages.sum("p", "x"), (0, 0))
                self.assertEqual(sum(pages.sum("p", "k")), 3 * PAGE)
                runs, mappings = pages.read_with_maps()
                self.assertEqual(len(runs), 2)
                names = [m.name for m in mappings]
                self.assertIn("[stack]", names)
                (mine,) = [m for m in mappings if m.start <= arena.start < m.end]
                self.assertEqual(mine.perms, "rw-p")
                pages.set_range(arena.page(3) + 1, arena.page(3) + 2)
                self.assertEqual(pages.read()[0].size, PAGE)
                if backend != "pagemap":
                    pages.set_range()
                    self.assertGreater(len(pages.read()), 10)

    def test_process_by_pidfd(self):
        child = start_child(self)
        pidfd = os.pidfd_open(child.pid)
        with dirtypages.Pages(pidfd=pidfd) as pages:
            self.assertEqual(pages.pid, child.pid)
            self.assertTrue(pages.read())
        child.kill()
        child.wait()
        with self.assertRaises(ProcessLookupError):
            dirtypages.Pages(pidfd=pidfd)
        with self.assertRaises(ProcessLookupError):
            dirtypages.Pages(child.pid)
        os.close(pidfd)

    def test_errors(self):
        with self.assertRaises(ValueError):
            dirtypages.Pages(backend="best")
        with self.assertRaises(ProcessLookupError):
            dirtypages.Pages(0x7FFFFFFF)
        with self.assertRaises(OSError) as caught:
            dirtypages.Pages(backend="pagemap", acknowledge=True)
        self.assertEqual(caught.exception.errno, errno.EOPNOTSUPP)
        pages = dirtypages.Pages()
        for action, number in (
            (lambda: pages.set_range(PAGE, PAGE), errno.EINVAL),
            (lambda: pages.acknowledge_range(0, PAGE), errno.EBADF),
            (lambda: pages.acknowledge([]), errno.EBADF),
            (lambda: pages.reset(b""), errno.EBADF),
        ):
            with self.assertRaises(OSError) as caught:
                action()
            self.assertEqual(caught.exception.errno, number)
        for action in (
            lambda: pages.sum("D"),
            lambda: pages.set_range(-1),
            lambda: pages.set_range(0, 2**64),
            lambda: pages.reset(b"1"),
        ):
            with self.assertRaises(ValueError):
                action()
        pages.close()
        pages.close()
        for action in (pages.read, pages.sum, lambda: pages.pid, lambda: pages.backend):
            with self.assertRaises(ValueError):
                action()

    def test_parse(self):
        self.assertEqual(parse(b""), [])
        runs = parse(b"1000-3000 apdx---\n8000-9000 fs?x---Z more\n")
        self.assertEqual(runs[0], (0x1000, 0x3000, "adpx", "", "apdx---"))
        self.assertEqual(runs[1], (0x8000, 0x9000, "fsx", "d", "fs?x---Z"))
        with self.assertRaises(OSError) as caught:
            parse(b"1000-2000 ap\n1000-2000 ap\n")
        self.assertEqual(caught.exception.errno, errno.EPROTO)
        self.assertIn("line 2: START is below", str(caught.exception))
        with self.assertRaises(OSError) as caught:
            dirtypages.parse(-1)
        self.assertEqual(caught.exception.errno, errno.EBADF)

    def test_tracker(self):
        with dirtypages.Pages() as pages:
            with dirtypages.Tracker(pages) as tracker:
                self.assertEqual(tracker.note, "")
                with self.assertRaises(OSError) as caught:
                    dirtypages.Tracker(pages)
                self.assertEqual(caught.exception.errno, errno.EBUSY)
                tracker.set_note("a test\n")
            with dirtypages.Tracker(pages) as tracker:
                self.assertEqual(tracker.note, "a test\n")
                tracker.set_note("")
            with self.assertRaises(ValueError):
                tracker.set_note("closed")

    def test_threads(self):
        arena = Arena()
        failed = []

        def work():
            for _ in range(20):
                with dirtypages.Pages() as pages:
                    pages.set_range(arena.start, arena.end)
                    if pages.sum("p").bytes != 3 * PAGE or len(pages.read()) != 2:
                        failed.append(1)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertFalse(failed)

    def test_no_descriptor_is_left(self):
        before = os.listdir("/proc/self/fd")
        for _ in range(3):
            pages = dirtypages.Pages()
            del pages
            with self.assertRaises(OSError):
                dirtypages.Pages(backend="pagemap", reset=True)
        self.assertEqual(os.listdir("/proc/self/fd"), before)


@unittest.skipUnless(HAS_FILE, "this kernel has no dirty_pages")
class WithFile(unittest.TestCase):
    def test_acknowledge(self):
        arena = Arena()
        with dirtypages.Pages(acknowledge=True) as pages:
            pages.set_range(arena.start, arena.end)
            runs = pages.read()
            self.assertEqual(pages.sum("d").bytes, 3 * PAGE)
            arena.write(12)
            pages.acknowledge(runs)
            self.assertEqual(pages.sum("d").bytes, PAGE)
            arena.write(2)
            self.assertEqual(pages.sum("d").bytes, 2 * PAGE)
            pages.acknowledge_range(arena.start, arena.end)
            self.assertEqual(pages.sum("d").bytes, 0)
            with self.assertRaises(OSError) as caught:
                pages.acknowledge_range(arena.start + 1, arena.end)
            self.assertEqual(caught.exception.errno, errno.EINVAL)

    def test_memory_of_another_process(self):
        done = threading.Event()
        self.addCleanup(done.set)
        thread = threading.Thread(target=done.wait)
        thread.start()
        for rights in ({"acknowledge": True}, {"reset": True}):
            with self.assertRaises(OSError) as caught:
                dirtypages.Pages(thread.native_id, **rights)
            self.assertEqual(caught.exception.errno, errno.EADDRINUSE)
        with dirtypages.Pages(thread.native_id) as pages:
            self.assertTrue(pages.read())

    def test_reset(self):
        arena = Arena(written=range(16))
        contents = arena.memory[:]
        with dirtypages.Pages(reset=True) as pages:
            pages.set_range(arena.start, arena.end)
            pages.acknowledge_range(arena.start, arena.end)
            for _ in range(3):
                arena.write(4, 5, byte=9)
                self.assertEqual(pages.reset(contents), 2 * PAGE)
                self.assertEqual(arena.memory[:], contents)
            self.assertEqual(pages.reset(contents), 0)

    def test_stopped_child(self):
        child = start_child(self)
        with dirtypages.Pages(child.pid, acknowledge=True) as pages:
            child.send_signal(signal.SIGSTOP)
            os.waitpid(child.pid, os.WUNTRACED)
            pages.acknowledge(pages.read())
            self.assertEqual(pages.sum("ad").bytes, 0)


if __name__ == "__main__":
    unittest.main()
