#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# A fail-fast check: does the file exist, and are its lines plausible?

load lib

@test "the file is in /proc/<pid>/ and in /proc/<pid>/task/<tid>/, mode 0600" {
	run -0 stat -c '%a %F' "/proc/$pid/dirty_pages"
	[[ $output == "600 regular empty file" ]]
	run -0 stat -c '%a %F' "/proc/$pid/task/$pid/dirty_pages"
	[[ $output == "600 regular empty file" ]]
}

@test "a written page is listed, an untouched one is not" {
	tell map anon 16
	tell write 4 8
	expect 4:- 8:apdx--- 4:-
}

@test "every line of every process has the documented form" {
	# Some processes may have exited meanwhile.
	cat /proc/[0-9]*/dirty_pages >"$BATS_TEST_TMPDIR/list" 2>/dev/null || true
	run ! grep -vE '^[0-9a-f]{8,16}-[0-9a-f]{8,16} [af][pse][d-][x-][h-][k-][l-]$' "$BATS_TEST_TMPDIR/list"
	(($(wc -l <"$BATS_TEST_TMPDIR/list") > 20))
}

@test "lines ascend and do not overlap, and each lies within one private mapping" {
	tell many 50
	tell map anon 16
	tell write 0 8
	listing >"$BATS_TEST_TMPDIR/list"
	run -0 python3 - "$pid" "$BATS_TEST_TMPDIR/list" <<-'PYTHON'
		import sys
		maps = []
		for line in open(f"/proc/{sys.argv[1]}/maps"):
		    fields = line.split()
		    maps.append([int(x, 16) for x in fields[0].split("-")] + [fields[1]])
		last = 0
		for line in open(sys.argv[2]):
		    start, end = (int(x, 16) for x in line.split()[0].split("-"))
		    assert last <= start < end, line
		    assert any(s <= start and end <= e and perm[3] == "p" for s, e, perm in maps), line
		    last = end
		assert last
	PYTHON
}
