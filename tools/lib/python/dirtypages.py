# SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
"""The modified private pages of processes, by libdirtypages.

    >>> import dirtypages
    >>> with dirtypages.Pages(1234) as pages:
    ...     for run in pages.read():
    ...         print(f"{run.start:x}-{run.end:x} {run.text}")
    ...     print(pages.sum("x").bytes, "bytes that no other process has")

Addresses and sizes are integers, in bytes; ends are exclusive. Flags are strings of
letters, such as "apd":

    a  anonymous mapping               f  private file mapping
    p  in memory                       s  in swap or in the memory of a device
    e  lost to a memory error          d  may have been written since acknowledged
    x  no other process has the page   h  mapped by a huge page
    k  merged by KSM                   l  lazily freed

Errors of the kernel and the library are OSError, with the errno that the manuals in
section 3 list, and its subclasses: ProcessLookupError if the process is gone,
PermissionError if it may not be read or acknowledged. An unknown argument is
ValueError, as is the use of an object that is closed.

Threads may use different objects at the same time, but not the same one.
"""

from __future__ import annotations

import ctypes
import errno
import os
from types import TracebackType
from typing import Any, Iterable, NamedTuple, Optional, Type, TypeVar

__all__ = [
    "Kernel",
    "Mapping",
    "Pages",
    "Range",
    "Sum",
    "Tracker",
    "kernel",
    "parse",
]

_ALL = 2**64 - 1

_Self = TypeVar("_Self")


class _Range(ctypes.Structure):
    _fields_ = [
        ("start", ctypes.c_uint64),
        ("end", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("unknown", ctypes.c_uint32),
        ("text", ctypes.c_char_p),
    ]


class _Mapping(ctypes.Structure):
    _fields_ = [
        ("start", ctypes.c_uint64),
        ("end", ctypes.c_uint64),
        ("offset", ctypes.c_uint64),
        ("inode", ctypes.c_uint64),
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("perms", ctypes.c_char * 8),
        ("name", ctypes.c_char_p),
    ]


class _Kernel(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_uint64),
        ("backends", ctypes.c_uint64),
        ("can", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
    ]


def _load() -> Any:
    library: Any = ctypes.CDLL("libdirtypages.so.0")
    pointer, u64, u32 = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32
    out, size, text = ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ctypes.c_char_p
    number, pid = ctypes.c_int, ctypes.c_int
    functions: tuple[tuple[Any, ...], ...] = (
        ("backend_name", text, number),
        ("backend_parse", number, text),
        ("kernel_query", number, ctypes.POINTER(_Kernel)),
        ("process_open", number, out, pid),
        ("process_open_pidfd", number, out, number),
        ("process_close", None, pointer),
        ("process_pid", pid, pointer),
        ("process_start_time", u64, pointer),
        ("open_process", number, out, pointer, number, ctypes.c_uint),
        ("close", None, pointer),
        ("get_backend", number, pointer),
        ("set_range", number, pointer, u64, u64),
        ("read", number, pointer, pointer),
        ("read_with_maps", number, pointer, pointer, out),
        ("sum", number, pointer, u32, u32, ctypes.POINTER(u64), ctypes.POINTER(u64)),
        ("acknowledge_ranges", number, pointer, ctypes.POINTER(_Range), size),
        ("acknowledge_range", number, pointer, u64, u64),
        ("reset", number, pointer, pointer, ctypes.POINTER(u64)),
        ("listing_new", number, out),
        ("listing_free", None, pointer),
        ("listing_count", size, pointer),
        ("listing_ranges", ctypes.POINTER(_Range), pointer),
        ("listing_problem", text, pointer),
        ("listing_parse", number, pointer, number),
        ("maps_free", None, pointer),
        ("maps_count", size, pointer),
        ("maps_get", ctypes.POINTER(_Mapping), pointer, size),
        ("track", number, out, pid, u64),
        ("untrack", None, pointer),
        ("tracker_note", text, pointer),
        ("tracker_set_note", number, pointer, text),
    )
    for name, result, *arguments in functions:
        function = getattr(library, "dirtypages_" + name)
        function.restype, function.argtypes = result, arguments
    return library


_library = _load()


class Range(NamedTuple):
    """Neighbouring pages with equal flags: a line of a listing."""

    start: int
    """Address of the first page."""
    end: int
    """Address after the last page."""
    flags: str
    """The letters that are set, in alphabetical order."""
    unknown: str
    """Letters that the back end does not report."""
    text: str
    """The flags as printed, in columns, with "-" and "?"."""

    @property
    def size(self) -> int:
        """Size of the pages, in bytes."""
        return self.end - self.start


class Mapping(NamedTuple):
    """A line of /proc/<pid>/maps."""

    start: int
    end: int
    perms: str
    """Permissions, such as "rw-p"."""
    offset: int
    """Offset in the file, in bytes."""
    major: int
    minor: int
    inode: int
    """Inode number of the file, 0 if there is none."""
    name: str
    """Name of the mapping, "" if it has none."""


class Sum(NamedTuple):
    """Sizes of pages, in bytes."""

    bytes: int
    """Size of the pages that have the flags."""
    unknown: int
    """Size of the pages for which the back end does not report one of them."""


class Kernel(NamedTuple):
    """The abilities of the running kernel."""

    backends: tuple[str, ...]
    """Names of the back ends that exist, best first."""
    can_track: bool
    """Writes set "d", so "d" means something."""
    can_acknowledge: bool
    """Acknowledging clears "d"."""
    can_range: bool
    """The best back end reads a range without the rest."""
    flags: str
    """The letters that the best back end reports for all pages."""


def _check(result: int) -> int:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


def _letters(flags: int) -> str:
    return "".join(chr(97 + i) for i in range(26) if flags >> i & 1)


def _flags(letters: str) -> int:
    flags = 0
    for letter in letters:
        if not "a" <= letter <= "z":
            raise ValueError(f"unknown flag {letter!r}")
        flags |= 1 << ord(letter) - 97
    return flags


def _address(value: int) -> int:
    if not 0 <= value <= _ALL:
        raise ValueError(f"{value} is not an address")
    return value


def _backend(name: str) -> int:
    backend: int = _library.dirtypages_backend_parse(name.encode())
    if backend < 0:
        raise ValueError(f"unknown back end {name!r}")
    return backend


def _backend_name(backend: int) -> str:
    name: bytes = _library.dirtypages_backend_name(backend)
    return name.decode()


class _Listing:
    """A listing of the library, as long as it is being read."""

    def __init__(self) -> None:
        self.pointer = ctypes.c_void_p()
        _check(_library.dirtypages_listing_new(ctypes.byref(self.pointer)))

    def __enter__(self) -> _Listing:
        return self

    def __exit__(self, *unused: object) -> None:
        _library.dirtypages_listing_free(self.pointer)

    def check(self, result: int) -> None:
        problem = _library.dirtypages_listing_problem(self.pointer)
        if result == -errno.EPROTO and problem:
            line = _library.dirtypages_listing_count(self.pointer) + 1
            raise OSError(errno.EPROTO, f"line {line}: {problem.decode()}")
        _check(result)

    def ranges(self) -> list[Range]:
        count = _library.dirtypages_listing_count(self.pointer)
        lines = _library.dirtypages_listing_ranges(self.pointer)
        known: dict[bytes, tuple[str, str, str]] = {}
        result = []
        for i in range(count):
            line = lines[i]
            text = line.text
            if text not in known:
                known[text] = (
                    _letters(line.flags),
                    _letters(line.unknown),
                    text.decode("latin-1"),
                )
            result.append(Range(line.start, line.end, *known[text]))
        return result


def kernel() -> Kernel:
    """Determine the abilities of the running kernel.

    This changes nothing that another process can see. Raises OSError if /proc cannot
    be read.
    """
    found = _Kernel(size=ctypes.sizeof(_Kernel))
    _check(_library.dirtypages_kernel_query(ctypes.byref(found)))
    return Kernel(
        tuple(_backend_name(i) for i in range(1, 64) if found.backends >> i & 1),
        bool(found.can & 1),
        bool(found.can & 2),
        bool(found.can & 4),
        _letters(found.flags),
    )


def parse(fd: int) -> list[Range]:
    """Read a saved listing from a descriptor, from its position to its end.

    Raises OSError with EPROTO if a line is malformed, out of order or incomplete.
    """
    with _Listing() as listing:
        listing.check(_library.dirtypages_listing_parse(listing.pointer, fd))
        return listing.ranges()


class _Closing:
    """An object that the end of a with block closes."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


class Pages(_Closing):
    """The address space that a process has now; after execve(), still the old one.

    pid: the process, 0 for the calling one.
    backend: "dirty_pages", "pagemap-scan", "pagemap", or "auto" for the best one.
    pidfd: a PID file descriptor, instead of a PID.
    acknowledge: allow acknowledge() and acknowledge_range().
    reset: allow these and reset().

    Raises ProcessLookupError (ESRCH) if there is no such process; PermissionError
    (EACCES, EPERM) if the caller may not read it, or not acknowledge its pages;
    OSError with ENOSYS if the kernel does not have the back end, with EOPNOTSUPP if
    it cannot acknowledge, or with EADDRINUSE if the memory to be acknowledged is that
    of another process; ValueError if the back end is unknown.
    """

    def __init__(
        self,
        pid: int = 0,
        backend: str = "auto",
        *,
        pidfd: Optional[int] = None,
        acknowledge: bool = False,
        reset: bool = False,
    ) -> None:
        self._pages = ctypes.c_void_p()
        self._process = ctypes.c_void_p()
        self._size = 0
        number = _backend(backend)
        out = ctypes.byref(self._process)
        if pidfd is None:
            _check(_library.dirtypages_process_open(out, pid))
        else:
            _check(_library.dirtypages_process_open_pidfd(out, pidfd))
        try:
            flags = acknowledge | reset << 1
            out = ctypes.byref(self._pages)
            _check(
                _library.dirtypages_open_process(out, self._process, number, flags)
            )
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the address space. More calls do nothing."""
        pages, self._pages = self._pages, ctypes.c_void_p()
        process, self._process = self._process, ctypes.c_void_p()
        _library.dirtypages_close(pages)
        _library.dirtypages_process_close(process)

    def __del__(self) -> None:
        if hasattr(self, "_process"):
            self.close()

    def _open(self) -> ctypes.c_void_p:
        if not self._pages:
            raise ValueError("these pages are closed")
        return self._pages

    @property
    def pid(self) -> int:
        """PID of the process."""
        self._open()
        pid: int = _library.dirtypages_process_pid(self._process)
        return pid

    @property
    def start_time(self) -> int:
        """Start time of the process, in clock ticks since boot."""
        self._open()
        start_time: int = _library.dirtypages_process_start_time(self._process)
        return start_time

    @property
    def backend(self) -> str:
        """Name of the source of listings, never "auto"."""
        return _backend_name(_library.dirtypages_get_backend(self._open()))

    def set_range(self, start: int = 0, end: int = _ALL) -> None:
        """Restrict listings, sums and resets to a range of addresses.

        It is rounded outwards to whole pages. Without arguments, restore the whole
        address space. Raises OSError with EINVAL if start is not below end.
        """
        start, end = _address(start), _address(end)
        _check(_library.dirtypages_set_range(self._open(), start, end))
        page = os.sysconf("SC_PAGESIZE")
        self._size = 0
        if (start, end) != (0, _ALL):
            self._size = -(-end // page) * page - start // page * page

    def read(self) -> list[Range]:
        """Read the current listing of the range, ascending.

        Raises ProcessLookupError if the address space vanished meanwhile.
        """
        with _Listing() as listing:
            listing.check(_library.dirtypages_read(self._open(), listing.pointer))
            return listing.ranges()

    def read_with_maps(self) -> tuple[list[Range], list[Mapping]]:
        """Read the listing of the range, and all mappings just before or after it.

        There are no mappings if they cannot be read. Raises ProcessLookupError if
        the address space vanished meanwhile.
        """
        maps = ctypes.c_void_p()
        with _Listing() as listing:
            try:
                listing.check(
                    _library.dirtypages_read_with_maps(
                        self._open(), listing.pointer, ctypes.byref(maps)
                    )
                )
                return listing.ranges(), _mappings(maps)
            finally:
                _library.dirtypages_maps_free(maps)

    def sum(self, want: str = "", deny: str = "") -> Sum:
        """Add up the pages of the range that have all flags in want and none in deny.

        Raises ProcessLookupError if the address space vanished meanwhile, ValueError
        if a flag is not a letter.
        """
        size, unknown = ctypes.c_uint64(), ctypes.c_uint64()
        _check(
            _library.dirtypages_sum(
                self._open(),
                _flags(want),
                _flags(deny),
                ctypes.byref(size),
                ctypes.byref(unknown),
            )
        )
        return Sum(size.value, unknown.value)

    def acknowledge(self, ranges: Iterable[Range]) -> None:
        """Clear "d" of the pages in those ranges that have it.

        Raises OSError with EBADF if the pages were not opened for this; with EINVAL
        if an address is not aligned to a page; with EOPNOTSUPP if the kernel does not
        track writes; ProcessLookupError if the address space is gone. On error, some
        of the ranges, from the first on, may be acknowledged.
        """
        lines = [_Range(r.start, r.end, _flags(r.flags), 0, None) for r in ranges]
        array = (_Range * len(lines))(*lines)
        _check(
            _library.dirtypages_acknowledge_ranges(self._open(), array, len(lines))
        )

    def acknowledge_range(self, start: int, end: int) -> None:
        """Clear "d" of all pages from start to end, also of those written just now.

        Raises the errors of acknowledge().
        """
        start, end = _address(start), _address(end)
        _check(_library.dirtypages_acknowledge_range(self._open(), start, end))

    def reset(self, contents: bytes) -> int:
        """Put the range back to earlier contents; return the size of changed pages.

        The range was set with set_range(), and contents is the whole range, as it
        was when all its pages were acknowledged. The process must be stopped, or must
        not use the range meanwhile. Pages that were dropped are not put back.

        Raises ValueError if contents has another size than the range, and OSError
        with EBADF if the pages were not opened for this.
        """
        done = ctypes.c_uint64()
        pages = self._open()
        if len(contents) != self._size:
            raise ValueError(f"the range has {self._size} bytes, not {len(contents)}")
        data = ctypes.cast(ctypes.c_char_p(contents), ctypes.c_void_p)
        _check(_library.dirtypages_reset(pages, data, ctypes.byref(done)))
        return done.value


def _mappings(maps: ctypes.c_void_p) -> list[Mapping]:
    result = []
    for i in range(_library.dirtypages_maps_count(maps)):
        m = _library.dirtypages_maps_get(maps, i).contents
        result.append(
            Mapping(
                m.start,
                m.end,
                m.perms.decode(),
                m.offset,
                m.major,
                m.minor,
                m.inode,
                os.fsdecode(m.name),
            )
        )
    return result


class Tracker(_Closing):
    """The right to acknowledge pages of a process, held until close().

    Only one program may acknowledge pages of a process, as all share one flag per
    page. dirtycat and dirtyckpt respect this.

    pages: the process. It may be closed while the right is held.

    Raises OSError with EBUSY if another tracker has the right.
    """

    def __init__(self, pages: Pages) -> None:
        self._tracker = ctypes.c_void_p()
        _check(
            _library.dirtypages_track(
                ctypes.byref(self._tracker), pages.pid, pages.start_time
            )
        )

    def close(self) -> None:
        """Give the right back. More calls do nothing."""
        tracker, self._tracker = self._tracker, ctypes.c_void_p()
        _library.dirtypages_untrack(tracker)

    def __del__(self) -> None:
        if hasattr(self, "_tracker"):
            self.close()

    def _open(self) -> ctypes.c_void_p:
        if not self._tracker:
            raise ValueError("this tracker is closed")
        return self._tracker

    @property
    def note(self) -> str:
        """The note that an earlier tracker left, "" if none continues."""
        note: bytes = _library.dirtypages_tracker_note(self._open())
        return os.fsdecode(note)

    def set_note(self, note: str) -> None:
        """Leave a note for the next tracker; its first line names this program.

        "" removes the note. Raises OSError with ESTALE or ENOENT if the lock is lost,
        because its file was removed or replaced.
        """
        _check(
            _library.dirtypages_tracker_set_note(self._open(), os.fsencode(note))
        )
