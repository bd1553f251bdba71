#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""subsets.py SEED ROUNDS IMAGE - save and restore random pages of random mappings

In each round, memstate maps pieces side by side, anonymous or of a file, with random
permissions, writes to random pages and discards others. It is saved three times, with
more changes between, and restored to these three states in random order. Each time,
all bytes are compared with a model, also those in a core file.
"""
import random, re, signal, struct, subprocess, sys

PAGE = 4096
seed, rounds, image = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
random.seed(seed)
target = subprocess.Popen(["memstate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
pid = str(target.pid)
compared = differ = 0

with open("subsets.file", "wb") as file:
    file.write(b"".join(bytes([n + 1]) * PAGE for n in range(64)))

def tell(line):
    target.stdin.write(line + "\n")
    target.stdin.flush()
    answer = target.stdout.readline()
    assert answer.startswith("READY"), (line, answer)
    return answer[6:].strip()

def dirtyckpt(*args):
    done = subprocess.run(["dirtyckpt", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, (args, done.stdout)
    return done.stdout

class Piece:
    """One mapping: self.dirty has the contents of changed pages; the others are clean"""
    def __init__(self, number, first, pages, offset):
        self.number, self.first, self.pages, self.offset = number, first, pages, offset
        self.dirty = {}
        self.may_write = True

    def clean(self, page):
        return bytes([self.offset + page + 1]) * PAGE if self.offset is not None else bytes(PAGE)

    def run(self):
        first = random.randrange(self.pages)
        return range(first, min(self.pages, first + random.randint(1, 6)))

    def change(self):
        """Write to some pages, or discard them"""
        run, how = self.run(), random.random()
        if how < 0.3:
            tell(f"advise dontneed {self.first + run[0]} {len(run)}")
            for page in run:
                self.dirty.pop(page, None)
        elif how < 0.6 or not self.may_write:
            tell(f"poke {self.first + run[0]} {len(run)}")
            for page in run:
                self.dirty[page] = b"\x5a" + self.dirty.get(page, self.clean(page))[1:]
        else:
            byte = random.randint(0, 255)
            tell(f"fill {byte} {self.first + run[0]} {len(run)}")
            for page in run:
                self.dirty[page] = bytes([byte]) * PAGE

    def protect(self):
        """The last pages often stay clean, so that what follows is right behind them."""
        rights = random.choice(["none", "r", "r", "rw", "rw", "rx"])
        self.may_write = rights == "rw"
        tell(f"protect {rights} {self.first} {self.pages}")

def compare(name, page, got, expected):
    global compared, differ
    compared += 1
    if got != expected:
        differ += 1
        print(f"{name}: page {page} begins with {got[:2].hex()}, not {expected[:2].hex()}")

def lay_out():
    """Pieces side by side, in a range of addresses that is theirs"""
    sizes = [random.randint(1, 24) for _ in range(random.randint(2, 6))]
    start, end = (int(word, 16) for word in tell(f"map anon-aligned {sum(sizes)}").split("-"))
    whole = lay_out.maps
    lay_out.maps += 1
    pieces, first = [], 0
    for size in sizes:
        offset = random.randrange(64 - size) if random.random() < 0.4 else None
        pieces.append(Piece(whole, first, size, offset))
        if offset is not None:
            tell(f"file {first} {size} subsets.file {offset}")
        first += size
    for piece in pieces:
        for _ in range(random.randint(0, 4)):
            piece.change()
        piece.protect()
    return start, sum(sizes), pieces

lay_out.maps = 0

def model(pieces):
    return [(piece.offset is not None and page not in piece.dirty, piece.dirty.get(page, piece.clean(page)))
            for piece in pieces for page in range(piece.pages)]

def compare_core(name, start, expected):
    """Clean pages of files may be left to the file."""
    with open("core.file", "rb") as file:
        core = file.read()
    offset, = struct.unpack_from("<Q", core, 32)
    count, = struct.unpack_from("<H", core, 56)
    found = {}
    for n in range(count):
        kind, _, at, address, _, size, memory, _ = struct.unpack_from("<IIQQQQQQ", core, offset + n * 56)
        if kind == 1:
            for page in range(0, memory, PAGE):
                found[address + page] = core[at + page:at + page + PAGE] if page < size else None
    for page, (is_files, contents) in enumerate(expected):
        got = found.get(start + page * PAGE, b"none")
        if got is None and is_files:
            continue
        compare(name, page, bytes(PAGE) if got is None else got, contents)

target.stdout.readline()
for n in range(rounds):
    start, pages, pieces = lay_out()
    saved = {}
    for _ in range(3):
        for piece in random.choices(pieces, k=3):
            piece.change()
        told = dirtyckpt("save", "--stop", pid, image)
        assert "starting over" not in told, told
        generation = re.match(r"generation (\d+):", told).group(1)
        saved[generation] = model(pieces)
    order = random.sample(sorted(saved), 3)
    for generation in order:
        for piece in random.choices(pieces, k=2):
            piece.change()
        target.send_signal(signal.SIGSTOP)
        dirtyckpt("restore", pid, f"{image}@{generation}")
        dirtyckpt("verify", pid, f"{image}@{generation}")
        with open(f"/proc/{pid}/mem", "rb", 0) as mem:
            mem.seek(start)
            memory = mem.read(pages * PAGE)
        for page, (_, contents) in enumerate(saved[generation]):
            compare(f"seed {seed}, round {n}, generation {generation}", page,
                    memory[page * PAGE:(page + 1) * PAGE], contents)
        dirtyckpt("core", f"{image}@{generation}", "core.file")
        compare_core(f"seed {seed}, round {n}, core of {generation}", start, saved[generation])
        target.send_signal(signal.SIGCONT)
        # Set the model of each piece to the restored state.
        at = 0
        for piece in pieces:
            piece.dirty = {page: contents for page in range(piece.pages)
                           for is_files, contents in [saved[generation][at + page]]
                           if contents != piece.clean(page)}
            at += piece.pages
    tell("unmap")
target.kill()
print(f"{rounds} rounds, {compared} pages compared, {differ} differ")
sys.exit(differ != 0)
