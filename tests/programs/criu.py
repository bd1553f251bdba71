#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Read images of CRIU, and memory of processes that it dumps.

criu.py parent FOLDER PID [PROCESS]
        Check the permissions, the form and the order of a parent image. Print the
        uptime in microseconds, then the ranges of its pages. PID is the one in the
        names of the files. Compare the contents with the memory of PROCESS, if given.
criu.py stats FOLDER
        Print the counters of a dump: NAME VALUE for each. Times are in microseconds.
criu.py copy PROCESS FILE
        Copy the modified memory of a stopped process into a file.
criu.py compare PROCESS FILE
        Fail unless the memory of the process equals such a copy.
"""
import os, struct, sys

PAGE = 4096
COMMON, SERVICE = 0x54564319, 0x55105940
INVENTORY, PAGEMAP, STATS = 0x58313116, 0x56084025, 0x57093306
COUNTERS = {1: "freezing_time", 2: "frozen_time", 3: "memdump_time", 4: "memwrite_time",
            5: "pages_scanned", 6: "pages_skipped_parent", 7: "pages_written"}

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at

def fields(data):
    """The fields of a message: numbers, or the bytes of a message in it."""
    at, found = 0, {}
    while at < len(data):
        key, at = varint(data, at)
        assert key & 7 in (0, 2), key
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at : at + value], at + value
        found[key >> 3] = value
    return found

def messages(data, *magics):
    """The messages of a file that begins with these numbers."""
    assert struct.unpack_from(f"<{len(magics)}I", data) == magics
    at = 4 * len(magics)
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        assert at + 4 + size <= len(data)
        yield fields(data[at + 4 : at + 4 + size])
        at += 4 + size

def read_private(folder, name):
    path = os.path.join(folder, name)
    assert os.stat(path).st_mode & 0o7777 == 0o600, name
    with open(path, "rb") as file:
        return file.read()

def memory_of(process):
    fd = os.open(f"/proc/{process}/mem", os.O_RDONLY)
    return lambda start, size: os.pread(fd, size, start)

def parent(folder, pid, process=None):
    assert os.stat(folder).st_mode & 0o7777 == 0o700
    assert sorted(os.listdir(folder)) == ["inventory.img", f"pagemap-{pid}.img", "pages-1.img"]
    (inventory,) = messages(read_private(folder, "inventory.img"), INVENTORY)
    assert inventory.keys() == {1, 2, 8} and inventory[1] == 2 and inventory[2] == 1
    print(inventory[8])
    head, *ranges = messages(read_private(folder, f"pagemap-{pid}.img"), COMMON, PAGEMAP)
    assert head == {1: 1}
    contents = read_private(folder, "pages-1.img")
    memory = memory_of(process) if process else None
    at = last = differ = 0
    for entry in ranges:
        assert entry.keys() == {1, 2, 4} and entry[4] == 4
        start, size = entry[1], entry[2] * PAGE
        assert start > last and start % PAGE == 0 and size
        last = start + size
        print(f"{start:x}-{last:x}")
        for page in range(0, size, PAGE) if process else ():
            differ += memory(start + page, PAGE) != contents[at + page : at + page + PAGE]
        at += size
    assert at == len(contents)
    return f"{differ} pages differ" if differ else 0

def stats(folder):
    with open(os.path.join(folder, "stats-dump"), "rb") as file:
        (entry,) = messages(file.read(), SERVICE, STATS)
    for number, value in fields(entry[1]).items():
        if number in COUNTERS:
            print(COUNTERS[number], value)

def copy(process, name):
    memory = memory_of(process)
    with open(f"/proc/{process}/dirty_pages") as listing, open(name, "wb") as file:
        for line in listing:
            start, end = (int(address, 16) for address in line.split()[0].split("-"))
            for page in range(start, end, PAGE):
                file.write(struct.pack("<Q", page) + memory(page, PAGE))

def compare(process, name):
    memory, differ = memory_of(process), []
    with open(name, "rb") as file:
        while page := file.read(8):
            (start,) = struct.unpack("<Q", page)
            then, now = file.read(PAGE), memory(start, PAGE)
            if then != now:
                differ += [f"{start + i:x}" for i in range(PAGE) if then[i] != now[i]][:8]
    return f"different at {differ}" if differ else 0

command = {"parent": parent, "stats": stats, "copy": copy, "compare": compare}[sys.argv[1]]
sys.exit(command(*sys.argv[2:]))
