#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# All loads at once: stress-ng, and readers, acknowledgers and verify on all running
# processes. See tests/programs/stressor.c.
# bats file_tags=concurrent

load lib

# A slow kernel needs more than a minute to run each kind of load.
: "${STRESS_SECONDS:=$((30 * SLOWNESS))}"
: "${STRESS_SEED:=1}"

# The stressors of stress-ng that must count an operation. One round of madvise, mmap
# and some methods of vm may take longer than the test.
kinds=(vm mremap fork userfaultfd pageswap)

setup() {
	pid=
	load=/sys/fs/cgroup/load
	victim=/sys/fs/cgroup/victim
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	mkdir "$load" "$victim"
	echo 700M >"$load/memory.high"
	echo 8M >"$victim/memory.max"
	echo 0 >"$victim/memory.swap.max"
	use_swap zram
	start_ksm 1
	khugepaged=/sys/kernel/mm/transparent_hugepage/khugepaged
	pace=$(<"$khugepaged/scan_sleep_millisecs")
	echo 100 >"$khugepaged/scan_sleep_millisecs"
	echo 100 >"$khugepaged/alloc_sleep_millisecs"
	echo 1 >/proc/sys/kernel/numa_balancing
}

teardown() {
	echo 1 >"$load/cgroup.kill"
	echo 1 >"$victim/cgroup.kill"
	echo 0 >/proc/sys/kernel/numa_balancing
	echo "$pace" >"$khugepaged/scan_sleep_millisecs"
	echo 60000 >"$khugepaged/alloc_sleep_millisecs"
	echo madvise >/sys/kernel/mm/transparent_hugepage/enabled
	echo 8192 >/sys/kernel/debug/dirty_pages/batch
	stop_ksm
	wait_until rmdir "$load"
	wait_until rmdir "$victim"
	drop_swap
}

# start_load - start stress-ng in its own memory cgroup
start_load() {
	local workers=("${kinds[@]/#/--}")
	workers=("${workers[@]/%/=1}")
	mkdir -p /tmp/stress-ng
	bash -c 'echo $$ >"$1/cgroup.procs"; cd /tmp/stress-ng; exec "${@:2}"' - "$load" \
		stress-ng --temp-path . --seed "$STRESS_SEED" --oomable \
		--timeout "$STRESS_SECONDS" --metrics-brief --log-brief \
		"${workers[@]}" --madvise=1 --mmap=1 --vm-bytes 24M --vm-method write64 \
		--vm-madvise mergeable --mmap-bytes 16M --mremap-bytes 8M >"$BATS_TEST_TMPDIR/load" 2>&1 3>&- &
	loader=$!
}

@test "under stress for $STRESS_SECONDS s: no wrong listing, no undocumented error, no difference in verify" {
	local status=0
	start_load
	stressor "$STRESS_SECONDS" "$STRESS_SEED" "$victim" \
		"$swap_device" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/error" 3>&- || status=$?
	printf '# seed %s, %s seconds\n' "$STRESS_SEED" "$STRESS_SECONDS" >&3
	sed 's/^/# /' "$BATS_TEST_TMPDIR/out" >&3
	cat "$BATS_TEST_TMPDIR/error" >&2
	TIMEOUT=180 wait_until is_gone "$loader" || echo 1 >"$load/cgroup.kill"
	sed 's/^/# /' "$BATS_TEST_TMPDIR/load" >&3
	((status == 0))
	for kind in "${kinds[@]}"; do
		has_run "$kind" || fail "stress-ng did no $kind"
	done
}

# has_run KIND - did stress-ng count operations of that kind?
has_run() {
	awk -v kind="$1" '$1 == kind && $2 > 0 { found = 1 } END { exit !found }' \
		"$BATS_TEST_TMPDIR/load"
}

is_gone() {
	! kill -0 "$1"
} 2>/dev/null
