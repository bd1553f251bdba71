#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""resets.py N IMAGE - reset a memstate process N times, as a fuzzer does

memstate writes to its memory and dirtyckpt restores it. Then all writable private
memory is compared with its first contents. Prints the time of a reset, and for
comparison that of starting the program.
"""
import hashlib, re, signal, subprocess, sys, time

count, image = int(sys.argv[1]), sys.argv[2]
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
# On one CPU: when the process continues, the kernel writes the CPU's number into the
# thread's rseq area, and all private memory is compared here.
target = subprocess.Popen(["taskset", "-c", "0", "memstate"], **pipes)
pid = str(target.pid)

def hear():
    answer = target.stdout.readline()
    assert answer.startswith("READY"), answer

def tell(line):
    target.stdin.write(line + "\n")
    target.stdin.flush()
    hear()

def memory():
    """A digest of all writable private memory"""
    digest = hashlib.sha1()
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            start, end, perms = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            if perms == "rw-p":
                mem.seek(int(start, 16))
                digest.update(mem.read(int(end, 16) - int(start, 16)))
    return digest.digest()

def reset():
    resetter.stdin.write("\n")
    resetter.stdin.flush()
    answer = resetter.stdout.readline()
    assert answer == "restored\n", answer

hear()
tell("map anon 256")
tell("write 0 128 3")
subprocess.run(["dirtyckpt", "save", "--stop", pid, image], check=True, stdout=subprocess.DEVNULL)
resetter = subprocess.Popen(["dirtyckpt", "restore", "--quiet", "--each-line", pid, image], **pipes)
first = memory()
differ = 0
spent = 0.0
for i in range(count):
    tell(f"write {i * 7 % 250} 6 {i % 250 + 4}")
    if i % 10 == 0:
        assert memory() != first
    began = time.monotonic()
    reset()
    spent += time.monotonic() - began
    differ += memory() != first
resetter.stdin.close()
assert resetter.wait() == 0
target.send_signal(signal.SIGSTOP)
subprocess.run(["dirtyckpt", "restore", "--quiet", pid, image], check=True)
subprocess.run(["dirtyckpt", "verify", pid, image], check=True, stdout=subprocess.DEVNULL)
target.kill()

again = 20
began = time.monotonic()
for i in range(again):
    subprocess.run(["memstate"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
anew = (time.monotonic() - began) / again
print(f"{count} resets, {differ} differ; {spent / count * 1000:.1f} ms each, "
      f"executing it anew takes {anew * 1000:.1f} ms before it has written anything")
