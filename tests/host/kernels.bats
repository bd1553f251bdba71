#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The kernels that find more: what they are configured by, and that no report of
# theirs is overlooked.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	. dev/lib.sh
	set +u +o pipefail # as bats has them
}

@test "all that the kernels are configured by is known to this kernel source" {
	grep -rhoE '^[[:space:]]*(menu)?config [A-Z0-9_]+' --include='Kconfig*' "$tree" |
		awk '{ print "CONFIG_" $2 }' | sort -u >"$BATS_TEST_TMPDIR/known"
	grep -hoE '^(# )?CONFIG_[A-Z0-9_]+' kernel/configs/*.config | sed 's/^# //' | sort -u >"$BATS_TEST_TMPDIR/named"
	(($(wc -l <"$BATS_TEST_TMPDIR/named") > 150))
	[[ -z $(comm -23 "$BATS_TEST_TMPDIR/named" "$BATS_TEST_TMPDIR/known") ]]
}

@test "each kind of report makes a kernel unwell" {
	local line n=0
	while IFS= read -r line; do
		printf '[    3.1] Freeing unused memory\n[    4.200000] %s\n' "$line" >"$BATS_TEST_TMPDIR/console"
		is_healthy "$BATS_TEST_TMPDIR/console" && {
			echo "overlooked: $line"
			return 1
		}
		n=$((n + 1))
	done <<-'END'
		BUG: KASAN: slab-use-after-free in dirty_walk_batch+0x1/0x2
		BUG: KCSAN: data-race in walk_ptes / walk_ptes
		UBSAN: shift-out-of-bounds in fs/proc/task_dirty.c:1:2
		WARNING: possible circular locking dependency detected
		WARNING: possible recursive locking detected
		WARNING: inconsistent lock state
		WARNING: suspicious RCU usage
		WARNING: lock held when returning to user space!
		INFO: trying to register non-static key.
		INFO: lockdep is turned off.
		BUG: MAX_LOCKDEP_CHAINS too low!
		BUG: sleeping function called from invalid context at fs/proc/task_dirty.c:1
		BUG: scheduling while atomic: cat/82/0x00000002
		kernel BUG at mm/page_table_check.c:90!
		Oops: invalid opcode: 0000 [#1] PREEMPT SMP
		WARNING: CPU: 0 PID: 82 at mm/gup.c:1
		BUG: Bad page state in process cat  pfn:00001
		BUG: Bad rss-counter state mm:0 type:MM_ANONPAGES val:1
		BUG: non-zero pgtables_bytes on freeing mm: 4096
		list_del corruption, 0->next is LIST_POISON1
		ODEBUG: free active (active state 0) object: 0 object type: timer_list
		BUG kmalloc-64 (Not tainted): Left Redzone overwritten
		BUG task_struct (Not tainted): Poison overwritten
		kmemleak: Kernel memory leak detector disabled
		unreferenced object 0xffff888000000000 (size 64):
		rcu: INFO: rcu_sched detected stalls on CPUs/tasks:
		INFO: task cat:82 blocked for more than 120 seconds.
		Kernel panic - not syncing: sysrq triggered crash
	END
	((n == 28))
}

@test "an ordinary boot, with the checks announced, is well" {
	cat >"$BATS_TEST_TMPDIR/console" <<-'END'
		[    0.000000] kasan: KernelAddressSanitizer initialized (generic)
		[    0.000000] kcsan: enabled early
		[    0.300000] kcsan: selftest: 3/3 tests passed
		[    0.400000] page_owner is enabled
		[    0.500000] kmemleak: Kernel memory leak detector initialized (mem pool available: 60000)
		[    1.000000] Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
		[    2.000000] guest: status 0
	END
	is_healthy "$BATS_TEST_TMPDIR/console"
}
