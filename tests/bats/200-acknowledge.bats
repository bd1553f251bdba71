# SPDX-License-Identifier: GPL-2.0
# Writing to the file: the pages that a line acknowledges, and those that it does not.

load lib

@test "writing a listing back clears d, and nothing else" {
	tell map anon 4
	tell write
	expect "4:apdx---"
	acknowledge
	expect "4:ap-x---"
}

@test "a write after the acknowledgment sets d again, on that page only" {
	tell map anon 4
	tell write
	acknowledge
	tell write 2 1
	expect "2:ap-x--- 1:apdx--- 1:ap-x---"
}

@test "a line acknowledges only its own pages, the rest of the mapping stays d" {
	tell map anon 8
	tell write
	put "$(page_range 2 3)"
	expect "2:apdx--- 3:ap-x--- 3:apdx---"
	put "$(page_range 0 1) apdx---"
	expect "1:ap-x--- 1:apdx--- 3:ap-x--- 3:apdx---"
}

@test "a private copy of a file page is acknowledged" {
	new_file "$BATS_TEST_TMPDIR/file" 4
	tell map file 4 "$BATS_TEST_TMPDIR/file"
	tell write 1 2
	acknowledge
	expect "1:- 2:fp-x--- 1:-"
	tell write 2 1
	expect "1:- 1:fp-x--- 1:fpdx--- 1:-"
}

@test "a line without d does nothing" {
	tell map anon 2
	tell write
	put "$(page_range 0 2) ap-x---"
	put "$(page_range 0 2) -"
	expect "2:apdx---"
}

@test "unknown flags are accepted, with and without d" {
	tell map anon 2
	tell write
	put "$(page_range 0 1) apdx---zzzz" "$(page_range 1 1) ap-x---qrs"
	expect "1:ap-x--- 1:apdx---"
}

@test "addresses may be long or short, and in capitals" {
	tell map anon 3
	tell write
	put "$(printf '%016X-%016X' "$((16#$start))" "$((16#$start + page))")"
	expect "1:ap-x--- 2:apdx---"
	put "1000-2000"
}

@test "a range may cover holes and several mappings" {
	tell map anon 3
	tell write
	tell unmap 1 1
	put "$(page_range 0 3)"
	expect "1:ap-x--- 1:- 1:ap-x---"
}

@test "one line may acknowledge the whole address space, and is quick" {
	tell map anon-noreserve 16777216
	tell write 0 1
	tell write 16000000 1
	put "1000-7ffffffff000"
	expect "1:ap-x--- 15999999:- 1:ap-x--- 777215:-"
}

@test "a range of shared or unmapped memory is ignored" {
	tell map shared-anon 2
	tell write
	put "$(page_range 0 2)" "1000-2000"
	expect "2:-"
}

@test "a range that was unmapped since it was listed is ignored" {
	tell map anon 2
	tell write
	listing >"$BATS_TEST_TMPDIR/list"
	tell unmap
	cat "$BATS_TEST_TMPDIR/list" >"/proc/$pid/dirty_pages"
	expect "2:-"
}

@test "lines may come in any order, overlap, and be repeated" {
	tell map anon 6
	tell write
	put "$(page_range 4 2)" "$(page_range 0 1)" "$(page_range 3 2)" "$(page_range 0 1)"
	expect "1:ap-x--- 2:apdx--- 3:ap-x---"
}

@test "a line may be split into two writes at any byte" {
	local size i
	tell map anon 2
	tell write
	listing | awk '$2 ~ /d/' >"$BATS_TEST_TMPDIR/list"
	size=$(stat -c %s "$BATS_TEST_TMPDIR/list")
	python3 - "$pid" "$BATS_TEST_TMPDIR/list" <<-'END'
		import os, sys
		path = f"/proc/{sys.argv[1]}/dirty_pages"
		text = open(sys.argv[2], "rb").read()
		mem = os.open(f"/proc/{sys.argv[1]}/mem", os.O_RDWR)
		first = int(text.split(b"-")[0], 16)
		for i in range(len(text) + 1):
		    # A debugger's write sets d again, also on read-only pages.
		    byte = os.pread(mem, 1, first)
		    os.pwrite(mem, byte, first)
		    fd = os.open(path, os.O_RDWR)
		    assert b"d" in os.read(fd, 4096).splitlines()[0].split()[1], i
		    for part in text[:i], text[i:]:
		        assert os.write(fd, part) == len(part), i
		    os.lseek(fd, 0, 0)
		    assert b"d" not in os.read(fd, 4096).splitlines()[0].split()[1], i
		    os.close(fd)
	END
	((size > 40)) && expect "2:ap-x---"
}

@test "single bytes acknowledge: dd bs=1" {
	tell map anon 2
	tell write
	listing >"$BATS_TEST_TMPDIR/list"
	dd if="$BATS_TEST_TMPDIR/list" of="/proc/$pid/dirty_pages" bs=1 status=none
	expect "2:ap-x---"
}

@test "a file opened only for writing acknowledges; O_APPEND and O_TRUNC have no effect" {
	tell map anon 2
	tell write
	page_range 0 1 >"$BATS_TEST_TMPDIR/line"
	echo >>"$BATS_TEST_TMPDIR/line"
	cat "$BATS_TEST_TMPDIR/line" >>"/proc/$pid/dirty_pages"
	expect "1:ap-x--- 1:apdx---"
}

@test "writing neither uses nor moves the position of the reader" {
	local fd first rest
	tell map anon 1
	tell write
	exec {fd}<>"/proc/$pid/dirty_pages"
	first=$(head -c 10 <&"$fd" | cat)
	printf '1000-2000\n1000-2000\n' >&"$fd"
	[[ $(sed -n 's/^pos:[[:space:]]*//p' "/proc/$BASHPID/fdinfo/$fd") == 10 ]]
	rest=$(cat <&"$fd")
	[[ $first$rest == "$(listing)" ]]
	exec {fd}>&-
}

@test "acknowledging in the middle of a listing does not change its text" {
	kill -STOP "$pid"
	wait_until is_stopped "$pid"
	listing >"$BATS_TEST_TMPDIR/list"
	python3 - "$pid" "$BATS_TEST_TMPDIR/list" <<-'END'
		import os, sys
		fd = os.open(f"/proc/{sys.argv[1]}/dirty_pages", os.O_RDWR)
		want = open(sys.argv[2], "rb").read()
		got = os.read(fd, 100)
		assert os.write(fd, got[:got.rfind(b"\n") + 1]) > 0
		while part := os.read(fd, 100):
		    got += part
		assert got == want
	END
}

@test "sendfile into the file acknowledges" {
	tell map anon 2
	tell write
	listing >"$BATS_TEST_TMPDIR/list"
	python3 - "$pid" "$BATS_TEST_TMPDIR/list" <<-'END'
		import os, sys
		src = os.open(sys.argv[2], os.O_RDONLY)
		dst = os.open(f"/proc/{sys.argv[1]}/dirty_pages", os.O_WRONLY)
		size = os.fstat(src).st_size
		sent = 0
		while sent < size:
		    sent += os.sendfile(dst, src, sent, size - sent)
		os.close(dst)
	END
	expect "2:ap-x---"
}

@test "pwrite is refused with ESPIPE, and nothing is acknowledged" {
	tell map anon 2
	tell write
	python3 - "$pid" "$(page_range 0 2)" <<-'END'
		import errno, os, sys
		fd = os.open(f"/proc/{sys.argv[1]}/dirty_pages", os.O_WRONLY)
		try:
		    os.pwrite(fd, sys.argv[2].encode() + b"\n", 0)
		except OSError as e:
		    assert e.errno == errno.ESPIPE
		else:
		    raise SystemExit("pwrite was accepted")
	END
	expect "2:apdx---"
}

@test "io_uring writes as write() does, at any offset" {
	tell map anon 2
	tell write
	tell ringwrite "/proc/$pid/dirty_pages" 4711 "$(page_range 0 1)_apdx---_"
	[[ $answer == 42 || $answer == $((${#start} * 2 + 10)) ]] || fail "answer $answer"
	expect "1:ap-x--- 1:apdx---"
	tell ringwrite "/proc/$pid/dirty_pages" -1 "$(page_range 1 1)_"
	expect "2:ap-x---"
}

@test "opening for writing requires permission to attach" {
	tell map anon 2
	tell undumpable
	checked_pid=
	run setpriv --reuid=1000 --clear-groups --bounding-set=-all \
		bash -c 'echo 1000-2000 >/proc/$1/dirty_pages' - "$pid"
	[[ $status -ne 0 && $output == *"Permission denied"* ]]
}

@test "a process may acknowledge its own pages" {
	run python3 - <<-'END'
		import mmap, re
		m = mmap.mmap(-1, 4 * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
		m.write(b"x" * len(m))
		import ctypes
		at = ctypes.addressof(ctypes.c_char.from_buffer(m))
		def flags():
		    for line in open("/proc/self/dirty_pages"):
		        r, f = line.split()
		        a, b = (int(x, 16) for x in r.split("-"))
		        if a <= at < b:
		            return f
		before = flags()
		with open("/proc/self/dirty_pages", "w") as f:
		    f.write("%x-%x\n" % (at, at + len(m)))
		print(before, flags())
	END
	[[ $output == "apdx--- ap-x---" ]] || fail "$output"
}

@test "a kernel thread, a zombie and a process that has exited cannot be acknowledged" {
	run bash -c 'echo 1000-2000 >/proc/2/dirty_pages'
	[[ $status -ne 0 && $output == *"No such process"* ]]
	tell zombie
	run bash -c 'echo 1000-2000 >/proc/$1/dirty_pages' - "$answer"
	[[ $status -ne 0 && $output == *"No such process"* ]]

	sleep 1000 3>&- &
	run bash -c 'exec 4>/proc/$1/dirty_pages; kill -KILL "$1"; while [[ -e /proc/$1/exe ]]; do sleep 0.1; done
		echo 1000-2000 >&4' - $!
	[[ $status -ne 0 && $output == *"No such process"* ]]
}

@test "a long line is acknowledged completely despite signals" {
	cleanup() { echo 8192 >/sys/kernel/debug/dirty_pages/batch; }
	tell map anon 20000
	tell write
	echo 64 >/sys/kernel/debug/dirty_pages/batch
	timeout "$TIMEOUT" python3 - "$pid" "$(page_range 0 20000)" <<-'END'
		import os, signal, sys
		caught = 0
		def handler(*_):
		    global caught
		    caught += 1
		signal.signal(signal.SIGALRM, handler)
		fd = os.open(f"/proc/{sys.argv[1]}/dirty_pages", os.O_WRONLY)
		signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
		# Python repeats an interrupted write.
		while caught < 5:
		    assert os.write(fd, sys.argv[2].encode() + b"\n") == len(sys.argv[2]) + 1
		signal.setitimer(signal.ITIMER_REAL, 0)
	END
	echo 8192 >/sys/kernel/debug/dirty_pages/batch
	expect "20000:ap-x---"
}

@test "an acknowledgment is complete for any size of a batch" {
	local batch
	tell map anon 1500
	for batch in 1 2 511 512 513 8192; do
		tell write
		echo $batch >/sys/kernel/debug/dirty_pages/batch
		acknowledge
		echo 8192 >/sys/kernel/debug/dirty_pages/batch
		expect "1500:ap-x---"
	done
}
