#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Faults injected by debugfs dirty_pages/fail/: readers and writers get only the
# documented errors, and nothing is lost.

load lib

debug=/sys/kernel/debug/dirty_pages
trace=/sys/kernel/tracing/instances/dirty_pages

# Start and stop a target with pages of several kinds, and save its listing, which
# takes many batches.
setup() {
	target
	tell many 20
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell map anon 800
	tell write 0 700
	kill -STOP "$pid"
	wait_until is_stopped "$pid"
	listing >"$BATS_TEST_TMPDIR/whole"
	batch=$(<$debug/batch)
	echo 20 >$debug/batch
}

cleanup() {
	local fault
	for fault in "$debug"/fail/*/; do echo 0 >"$fault/probability"; done
	let_fail Y
	echo "$batch" >$debug/batch
	[[ ! -e $trace ]] || rmdir $trace
}

# let_fail N|Y - set ignore-gfp-wait: with N, allocations that may wait fail as well
let_fail() {
	local fault
	for fault in failslab fail_page_alloc; do
		echo "$1" >/sys/kernel/debug/$fault/ignore-gfp-wait
		echo 0 >/sys/kernel/debug/$fault/verbose
	done
}

# with_fault FAULT CODE - run Python code, with the whole text of the target, the start
# of the current mapping, and functions that read and write. It prints the number of
# injected faults.
with_fault() {
	run python3 - "$pid" "$BATS_TEST_TMPDIR/whole" "$start" "$debug/fail/$1" 3>&- <<-END
		import contextlib, errno, os, sys
		path = f"/proc/{sys.argv[1]}/dirty_pages"
		whole = open(sys.argv[2], "rb").read()
		start = int(sys.argv[3], 16)
		runs = injected = turn = 0

		def put(name, value):
		    with open(f"{sys.argv[4]}/{name}", "w") as f:
		        f.write(str(value))
		def left():
		    return int(open(f"{sys.argv[4]}/times").read())
		@contextlib.contextmanager
		def fault(percent, times, interval=1):
		    global runs, injected
		    put("verbose", 0); put("interval", interval); put("times", times)
		    put("probability", percent)
		    try:
		        yield
		    finally:
		        put("probability", 0)
		        runs += 1; injected += times - left()
		# Inject the fault N times in a row, every Nth time, and at random.
		def faults():
		    for n in range(1, 5):
		        yield fault(100, n)
		    for n in range(2, 6):
		        yield fault(100, 10000, n)
		    for n in range(5):
		        yield fault(10, 10000)
		@contextlib.contextmanager
		def undisturbed():
		    percent = int(open(f"{sys.argv[4]}/probability").read())
		    put("probability", 0)
		    yield
		    put("probability", percent)

		# Read to the end, continuing after errors. Return the text and the errors.
		def read(size):
		    fd, text, errors = os.open(path, os.O_RDONLY), b"", []
		    while True:
		        try:
		            part = os.read(fd, size)
		        except OSError as e:
		            errors.append((len(text), e.errno))
		            assert len(errors) < 10000, errors[-1]
		            continue
		        if not part:
		            os.close(fd)
		            return text, errors
		        text += part
		# Read to the first error or the end.
		def read_once(size):
		    fd, text = os.open(path, os.O_RDONLY), b""
		    try:
		        while part := os.read(fd, size):
		            text += part
		        return text, 0
		    except OSError as e:
		        return text, e.errno
		    finally:
		        os.close(fd)

		def parse(text):
		    for line in text.decode().splitlines():
		        addresses, flags = line.split(" ")
		        yield (*(int(a, 16) for a in addresses.split("-")), flags)
		# Return the pages of the mapping that have d.
		def written():
		    pages = set()
		    for s, e, flags in parse(read(1 << 20)[0]):
		        if "d" in flags:
		            pages |= set(range(max((s - start) // 4096, 0), min((e - start) // 4096, 800)))
		    return pages
		# Write lines for 4 of each 6 of 24 pages, different ones in each call, size
		# bytes at a time, continuing after errors. After each write, compare the
		# pages with its result. Return the errors.
		def acknowledge(every=True, size=1 << 20):
		    global turn
		    first = turn * 24
		    turn += 1
		    groups = [set(range(p, p + 4)) for p in range(first, first + 24, 6)]
		    lines = [b"%x-%x apdx---\n" % (start + min(g) * 4096, start + (max(g) + 1) * 4096)
		             for g in groups]
		    data, done, errors = b"".join(lines), 0, []
		    with undisturbed():
		        before = written()
		    assert before >= set(range(first, first + 24))
		    fd = os.open(path, os.O_WRONLY)
		    while done < len(data):
		        try:
		            count = os.write(fd, data[done:done + size])
		            assert 0 < count <= len(data) - done
		            done += count
		        except OSError as e:
		            errors.append(e.errno)
		            assert len(errors) < 100, errors[-1]
		        with undisturbed():
		            now = written()
		        whole_lines = done // len(lines[0])
		        for i, group in enumerate(groups):
		            if i < whole_lines and every:
		                assert not group & now, (i, done)
		            if i > whole_lines:
		                assert group <= now, (i, done)
		        assert before - set().union(*groups) <= now
		    os.close(fd)
		    return errors

		$2
		assert injected > runs / 4, (injected, runs)
		print(f"{runs} runs, {injected} faults")
	END
	((status == 0)) || fail "$output"
	echo "# $1: $output" >&3
}

# bats test_tags=concurrent
@test "contention changes no byte of the text, and leaves no acknowledgment incomplete" {
	with_fault contention '
with fault(100, 100000):
    assert read(1 << 20) == (whole, [])
for each in faults():
    with each:
        assert read(1000) == (whole, [])
for each in faults():
    with each:
        assert acknowledge() == []'
}

@test "the tracepoint reports each contention" {
	mkdir $trace
	echo 1 >$trace/events/dirty_pages/enable
	with_fault contention '
with fault(100, 3):
    assert read(1 << 20) == (whole, [])'
	[[ $(grep -c 'dirty_pages_list: .* contended=1' $trace/trace) == 3 ]]
}

@test "short copies to the reader change no byte of the text" {
	with_fault copy_to_user '
for each in faults():
    with each:
        assert read(500) == (whole, [])
with fault(50, 100000):
    assert read(1 << 20) == (whole, [])'
}

@test "short copies from the writer: the result counts the copied bytes; EFAULT if there are none" {
	with_fault copy_from_user '
for each in faults():
    with each:
        assert set(acknowledge()) <= {errno.EFAULT}
with fault(100, 4):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, b"0")
        assert False
    except OSError as e:
        assert e.errno == errno.EFAULT
    os.close(fd)'
}

# bats test_tags=concurrent
@test "an interrupted wait for the lock gives EINTR, and a caller that continues loses nothing" {
	with_fault lock '
for each in faults():
    with each:
        text, errors = read(200)
        assert text == whole and all(e == errno.EINTR for _, e in errors)
for each in faults():
    with each:
        # An unfinished line is kept.
        assert set(acknowledge(size=50)) <= {errno.EINTR}'
}

@test "an address space that goes away: empty, or ESRCH after some text, so a cut text never looks complete" {
	local fault
	for fault in exit reap; do
		with_fault $fault '
seen = set()
for each in faults():
    with each:
        text, error = read_once(200)
    assert error in (0, errno.ESRCH)
    if error:
        assert text and whole.startswith(text) and text != whole
    else:
        assert text in (b"", whole)
    seen.add((error, bool(text)))
assert seen >= {(0, False), (errno.ESRCH, True)}, seen
for each in faults():
    with each:
        assert set(acknowledge()) <= {errno.ESRCH}
with fault(100, 1):
    assert acknowledge() == [errno.ESRCH]'
		# These pages are acknowledged now; the next fault uses other ones.
		listing >"$BATS_TEST_TMPDIR/whole"
		start=$(printf %x $((16#$start + 350 * page)))
	done
}

# bats test_tags=concurrent
@test "a mapping unmapped between batches: the rest is listed exactly, and pages not reached stay d" {
	with_fault mapping '
lines = list(parse(whole))
shorter = 0
for each in faults():
    with each:
        text, errors = read(1 << 20)
    assert errors == []
    at = 0
    for s, e, flags in parse(text):
        assert at <= s < e
        assert any(a <= s and e <= b and flags == f for a, b, f in lines)
        at = e
    shorter += text != whole
assert shorter > 0
open("/sys/kernel/debug/dirty_pages/batch", "w").write("4")
stayed = 0
for each in faults():
    with each:
        assert acknowledge(every=False) == []
    stayed += len(written() & set(range((turn - 1) * 24, turn * 24))) > 8
assert stayed > 0'
}

@test "without memory, open fails with ENOMEM, without other effects" {
	with_fault allocation '
def attempt(mode):
    try:
        os.close(os.open(path, mode))
        return 0
    except OSError as e:
        return e.errno
for mode in (os.O_RDONLY, os.O_RDWR):
    for each in faults():
        with each:
            assert {attempt(mode) for _ in range(5)} <= {0, errno.ENOMEM}
with fault(100, 1):
    assert [attempt(os.O_RDWR) for _ in range(2)] == [errno.ENOMEM, 0]
# Every second allocation: after the first turn, that is the buffer for written lines.
for _ in range(2):
    with fault(100, 1, 2):
        assert [attempt(os.O_RDWR) for _ in range(2)] == [errno.ENOMEM, 0]
assert read(1 << 20) == (whole, [])'
}

@test "if any single allocation of open fails, open fails with ENOMEM or succeeds, and the next one works" {
	echo 0 >$debug/fail/allocation/verbose
	let_fail N
	run -0 python3 - "$pid" "$BATS_TEST_TMPDIR/whole" <<-'END'
		import errno, os, sys
		path = f"/proc/{sys.argv[1]}/dirty_pages"
		whole = open(sys.argv[2], "rb").read()
		nth = os.open("/proc/thread-self/fail-nth", os.O_RDWR)
		for mode in os.O_RDONLY, os.O_WRONLY, os.O_RDWR:
		    n = refused = left = 0
		    while not left: # the nth allocation existed
		        n += 1
		        os.pwrite(nth, str(n).encode(), 0)
		        try:
		            os.close(os.open(path, mode))
		        except OSError as e:
		            assert e.errno == errno.ENOMEM, e
		            refused += 1
		        left = int(os.pread(nth, 20, 0))
		        os.pwrite(nth, b"0", 0)
		    print(f"mode {mode}: {n - 1} allocations, {refused} refused")
		    # The name, the file, two of seq_file, and one of dirty_pages
		    assert refused >= 5
		    with open(path, "rb") as f:
		        assert f.read() == whole
	END
	printf '# %s\n' "${lines[@]}" >&3
}
