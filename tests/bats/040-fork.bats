#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The x flag: no other process maps the page.

load lib

@test "after a fork, pages are shared in parent and child" {
	tell map anon 8
	tell write
	tell fork
	child=$answer
	expect 8:apd----
	expect_of "$child" 8:apd----
	check_references "$child"
}

@test "a page that the child has copied is exclusive in both, as each maps its own" {
	tell map anon 8
	tell write
	tell fork
	child=$answer
	tell child write 2 3
	expect_of "$child" 2:apd---- 3:apdx--- 3:apd----
	expect 2:apd---- 3:apdx--- 3:apd----
	check_references "$child"
}

@test "a page that the parent has copied is exclusive in both" {
	tell map anon 8
	tell write
	tell fork
	child=$answer
	tell write 2 3
	expect 2:apd---- 3:apdx--- 3:apd----
	expect_of "$child" 2:apd---- 3:apdx--- 3:apd----
}

@test "x returns when the child exits, without a write" {
	tell map anon 8
	tell write
	tell fork
	tell reap
	expect 8:apdx---
}

@test "pages that are not writable have x as well" {
	tell map anon 8
	tell write
	tell protect r
	expect 8:apdx---
	clear_soft_dirty "$pid"
	expect 8:ap-x---
}

@test "a fork also shares private copies of a file" {
	new_file /tmp/file 8
	tell map private 8 /tmp/file
	tell write 0 4
	tell fork
	child=$answer
	expect 4:fpd---- 4:-
	tell child write 4 2
	expect_of "$child" 4:fpd---- 2:fpdx--- 2:-
}

@test "a huge page that a child has copied in part: x is exact for each page" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	tell fork
	expect 512:apd-h--
	tell child write 7 1
	expect 7:apd-h-- 1:apdxh-- 504:apd-h--
	tell reap
	expect 512:apdxh--
}

@test "many partly copied huge pages: the text does not depend on the ends of batches" {
	batch=/sys/kernel/debug/dirty_pages/batch
	before=$(cat $batch)
	cleanup() { echo "$before" >"$batch"; }
	tell map anon-aligned 8192
	tell advise hugepage
	tell write
	tell fork
	tell child comb
	kill -STOP "$pid"
	listing >"$BATS_TEST_TMPDIR/whole"
	(($(wc -c <"$BATS_TEST_TMPDIR/whole") > 65536))
	for n in 1 100 513 700; do
		echo $n >"$batch"
		listing | cmp - "$BATS_TEST_TMPDIR/whole"
		dd if="/proc/$pid/dirty_pages" bs=999 status=none | cmp - "$BATS_TEST_TMPDIR/whole"
	done
	# x says the same as the mapcount of each page. (Bit 56 of pagemap does not on Linux
	# 7.3, which gives all pages of a huge entry the bit of the first.)
	run -0 python3 - "$pid" "$start" "$BATS_TEST_TMPDIR/whole" <<-'PYTHON'
		import struct, sys
		start = int(sys.argv[2], 16)
		pagemap = open(f"/proc/{sys.argv[1]}/pagemap", "rb")
		pagemap.seek(start // 4096 * 8)
		frames = [e & (1 << 55) - 1 for e in struct.unpack("8192Q", pagemap.read(8192 * 8))]
		kpagecount = open("/proc/kpagecount", "rb", buffering=0)
		def mapcount(frame):
		    kpagecount.seek(frame * 8)
		    return struct.unpack("Q", kpagecount.read(8))[0]
		listed = {}
		for line in open(sys.argv[3]):
		    range_, flags = line.split()
		    first, end = (int(x, 16) for x in range_.split("-"))
		    for addr in range(first, end, 4096):
		        listed[addr] = "x" in flags
		assert [mapcount(f) == 1 for f in frames] == [listed[start + i * 4096] for i in range(8192)]
		assert len(set(listed.values())) == 2
	PYTHON
}
