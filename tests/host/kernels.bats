#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The debug kernels: their configuration is valid, and no report of theirs is missed.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	. dev/lib.sh
	set +u +o pipefail # as bats has them
}

@test "the kernel source knows all configuration options that the project sets" {
	grep -rhoE '^[[:space:]]*(menu)?config [A-Z0-9_]+' --include='Kconfig*' "$tree" |
		awk '{ print "CONFIG_" $2 }' | sort -u >"$BATS_TEST_TMPDIR/known"
	grep -hoE '^(# )?CONFIG_[A-Z0-9_]+' "$tree"/kernel/configs/dirty_pages*.config | sed 's/^# //' |
		sort -u >"$BATS_TEST_TMPDIR/named"
	(($(wc -l <"$BATS_TEST_TMPDIR/named") > 150))
	[[ -z $(comm -23 "$BATS_TEST_TMPDIR/named" "$BATS_TEST_TMPDIR/known") ]]
}

@test "each kind of report makes a run unhealthy" {
	local line n=0
	while IFS= read -r line; do
		printf '[    3.1] Freeing unused memory\n[    4.200000] %s\n' "$line" >"$BATS_TEST_TMPDIR/console"
		is_healthy "$BATS_TEST_TMPDIR/console" && {
			echo "missed: $line"
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

@test "an ordinary boot, with the messages of the checks, is healthy" {
	cat >"$BATS_TEST_TMPDIR/console" <<-'END'
		[    0.000000] kasan: KernelAddressSanitizer initialized (generic)
		[    0.000000] kcsan: enabled early
		[    0.300000] kcsan: selftest: 3/3 tests passed
		[    0.342570] kcsan: non-strict mode configured - use CONFIG_KCSAN_STRICT=y to see all data races
		[    0.400000] page_owner is enabled
		[    0.500000] kmemleak: Kernel memory leak detector initialized (mem pool available: 60000)
		[    1.000000] Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
		[    2.000000] guest: status 0
	END
	is_healthy "$BATS_TEST_TMPDIR/console"
}

# race TITLE FUNCTION... - print a report of KCSAN: a page fault of one task, and an
# access by another with those functions in its stack
race() {
	local function
	printf '[    5.0] %s\n' "====================" "BUG: KCSAN: data-race in $1"
	printf '[    5.0]\n[    5.0] write to 0xffff888000000000 of 8 bytes by task 81 on cpu 0:\n'
	printf '[    5.0]  %s+0x10/0x200\n' set_pte_range asm_exc_page_fault
	printf '[    5.0]\n[    5.0] read to 0xffff888000000000 of 8 bytes by task 82 on cpu 1:\n'
	for function in "${@:2}"; do
		printf '[    5.0]  %s+0x10/0x200\n' "$function"
	done
	printf '[    5.0] %s\n' "Reported by Kernel Concurrency Sanitizer on:" "===================="
}

@test "a data race counts only if one of our functions is in its stacks" {
	printf '%s\n' walk_ptes dirty_walk_batch >"$BATS_TEST_TMPDIR/ours"
	{
		race "rwsem_spin_on_owner / exit_mm" rwsem_spin_on_owner do_exit
		echo "[    5.1] between"
		race "folio_lock / folio_unlock" folio_lock dirty_walk_batch vfs_read
		race "rwsem_spin_on_owner / exit_mm" walk_ptes_of_others
		echo "[    5.2] after"
	} >"$BATS_TEST_TMPDIR/console"
	run -0 --separate-stderr dev/races "$BATS_TEST_TMPDIR/ours" <"$BATS_TEST_TMPDIR/console"
	[[ $(grep -c 'BUG: KCSAN' <<<"$output") == 1 && $(grep -c === <<<"$output") == 2 ]]
	[[ $output == *"between"*"folio_lock / folio_unlock"*"dirty_walk_batch+0x10"*"after"* ]]
	[[ $stderr == *"not ours, 2 times: data-race in rwsem_spin_on_owner / exit_mm"* ]]
	printf '%s\n' do_exit >"$BATS_TEST_TMPDIR/ours"
	run -0 --separate-stderr dev/races "$BATS_TEST_TMPDIR/ours" <"$BATS_TEST_TMPDIR/console"
	[[ $(grep -c 'BUG: KCSAN' <<<"$output") == 1 && $output == *"rwsem_spin_on_owner+"* ]]
}

@test "a data race in memory allocation or an interrupt below our functions does not count" {
	local between
	echo dirty_pages_open >"$BATS_TEST_TMPDIR/ours"
	for between in __alloc_pages_noprof __kmalloc_cache_noprof kmem_cache_alloc_noprof \
		asm_exc_page_fault asm_sysvec_apic_timer_interrupt schedule; do
		race "shrink_node / tick" shrink_node $between dirty_pages_open vfs_open
	done >"$BATS_TEST_TMPDIR/console"
	run -0 --separate-stderr dev/races "$BATS_TEST_TMPDIR/ours" <"$BATS_TEST_TMPDIR/console"
	[[ -z $output && $stderr == *"not ours, 6 times: data-race in shrink_node / tick"* ]]
	# These functions in the other stack, or as callers, make no difference.
	race "folio_lock / tick" folio_lock dirty_pages_open __alloc_pages_noprof >"$BATS_TEST_TMPDIR/console"
	run -0 --separate-stderr dev/races "$BATS_TEST_TMPDIR/ours" <"$BATS_TEST_TMPDIR/console"
	[[ $output == *"folio_lock / tick"* ]]
}

@test "test-all continues after a failure, names it, and fails at the end" {
	mkdir -p "$BATS_TEST_TMPDIR/dev"
	cp dev/lib.sh dev/test-all "$BATS_TEST_TMPDIR/dev"
	cd "$BATS_TEST_TMPDIR" || return
	printf '%s\n' 'test:' $'\t@echo 5 passed, 0 failed' 'stress:' $'\t@echo for $(DURATION); false' >Makefile
	run -1 --separate-stderr env -u BUILD dev/test-all 'stress DURATION=3' unknown test
	[[ ${lines[1]} =~ ^stress\ DURATION=3\ +FAILED\ +[01]\ +for\ 3$ ]]
	[[ ${lines[2]} =~ ^unknown\ +FAILED ]]
	[[ ${lines[3]} =~ ^test\ +passed\ +[01]\ +5\ passed,\ 0\ failed$ ]]
	run -0 --separate-stderr env -u BUILD dev/test-all test
	[[ ${lines[1]} == "test "*passed* ]]
}
