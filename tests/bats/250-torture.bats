#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# All at once: a target that writes and changes its memory in every way, a
# checkpointer that lists, acknowledges and copies, and memory pressure. See
# tests/programs/torture.c.
# bats file_tags=concurrent

load lib

: "${TORTURE_SEEDS:=1 2}"
: "${TORTURE_ROUNDS:=100}"

setup() {
	pid=
	group=/run/cgroup/torture
	mkdir -p /run/cgroup
	mount -t cgroup2 cgroup2 /run/cgroup
	mkdir "$group"
	use_swap zram
	disk=$(</sys/class/zram-control/hot_add)
	echo 1M >"/sys/block/zram$disk/disksize"
	start_ksm 1
	echo 8 >/proc/sys/vm/nr_hugepages
}

teardown() {
	dmesg | grep segfault >&2 || true
	[[ -z ${presser-} ]] || kill "$presser" || true
	echo 0 >/proc/sys/vm/nr_hugepages
	stop_ksm
	wait_until rmdir "$group"
	umount /run/cgroup
	drop_swap
	echo "$disk" >/sys/class/zram-control/hot_remove
	echo 8192 >/sys/kernel/debug/dirty_pages/batch
}

# press - swap the target out, compact memory, and change the size of a batch
press() {
	local batches=(8192 512 64 100 7)
	exec 3>&-
	for ((i = 0; ; i++)); do
		echo 4M >"$group/memory.reclaim" || true
		echo 1 >/proc/sys/vm/compact_memory
		echo "${batches[i % 5]}" >/sys/kernel/debug/dirty_pages/batch
		sleep 0.2
	done 2>/dev/null
}

@test "no write is lost in many rounds, and few pages are d without a reason" {
	local seed
	press &
	presser=$!
	for seed in $TORTURE_SEEDS; do
		bash -c 'echo $$ >"$1/cgroup.procs"; exec timeout "$2" torture "${@:3}"' - "$group" \
			"$((TIMEOUT * 100))" "$seed" "$TORTURE_ROUNDS" "/dev/zram$disk" >>"$BATS_TEST_TMPDIR/out"
	done
	sed 's/^/# /' "$BATS_TEST_TMPDIR/out" >&3
	# khugepaged may have collapsed some pages, and the huge page may have been split.
	awk '/: no reason$/ && $1 > 5 { exit 1 }' "$BATS_TEST_TMPDIR/out"
	[[ $(grep -c "0 lost; $TORTURE_ROUNDS rounds" "$BATS_TEST_TMPDIR/out") == "$(wc -w <<<"$TORTURE_SEEDS")" ]]
}
