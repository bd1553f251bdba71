#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# A listing faults in no page, allocates no page table and sets no bit.

load lib

cleanup() {
	end_target
	drop_swap
}

# Print all that a listing could change.
traces() {
	grep -E '^Vm(PTE|RSS|Swap|Size|Data)|^Rss' "/proc/$pid/status"
	awk '{ sub(/.*\) /, ""); print "minflt", $8, "majflt", $10 }' "/proc/$pid/stat"
	# A fault by the reader on behalf of the target would count for the reader.
	awk '$1 ~ /^(pgmajfault|pswpin)$/' /proc/vmstat
	# Skip libraries: other processes touch their pages meanwhile.
	awk '/^[0-9a-f]+-/ { ours = NF == 5 || $6 ~ /^(\/tmp\/|\[heap|\[stack)/ }
		ours && /^(Referenced|Private_Dirty|Private_Clean|LazyFree|Swap|Anonymous):/ {
		n[$1] += $2 } END { for (i in n) print i, n[i] }' "/proc/$pid/smaps" | sort
	cat "/proc/$pid/maps"
}

look() {
	for _ in 1 2 3; do listing "$1" >/dev/null; done
	dd if="/proc/$1/dirty_pages" bs=1 count=500 status=none >/dev/null
}

@test "a listing leaves faults, page tables, memory, swap and referenced bits unchanged" {
	use_swap zram
	new_file /tmp/file 64
	tell map private 64 /tmp/file
	tell read 0 16
	tell write 4 4
	tell map anon 64
	tell write 0 32
	tell advise pageout 0 16
	tell map anon-aligned 1024
	tell advise hugepage
	tell write 0 1
	tell advise free 0 512
	tell map anon-noreserve $((1 << 28))
	tell map anon 16
	kill -STOP "$pid"
	wait_until is_stopped "$pid"
	echo 1 >"/proc/$pid/clear_refs"
	# Run the programs once, so that they are in memory.
	look $$
	traces >/dev/null
	traces >"$BATS_TEST_TMPDIR/before"
	look "$pid"
	traces >"$BATS_TEST_TMPDIR/after"
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	grep -q '^Referenced: 0$' "$BATS_TEST_TMPDIR/after"
}

@test "a listing leaves d unchanged" {
	tell map anon 8
	tell write
	clear_soft_dirty "$pid"
	tell write 2 2
	for _ in 1 2 3; do
		expect 2:ap-x--- 2:apdx--- 4:ap-x---
	done
}
