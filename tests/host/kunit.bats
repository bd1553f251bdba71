#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The KUnit suites of fs/proc/tests, in User-Mode Linux and on x86-64.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	. dev/lib.sh
	set +u +o pipefail # as bats has them
}

suites="kunit.enable=1 kunit.autorun=1 kunit.filter_glob=dirty_pages* kunit_shutdown=poweroff"

# On a busy host, the boot-time check of the emulated timer can fail: skip it. Some
# cases make entries that the page-table check forbids.
emulated="console=ttyS0 no_timer_check panic=-1 reboot=t page_table_check=off"

# run_um / run_x86 - boot, run the suites, and power off. Standard output must be a
# file: User-Mode Linux drops lines if a pipe is full.
run_um() {
	use_kernel um
	# shellcheck disable=SC2086  # several arguments
	timeout 300 "$image" mem=256M con=null con0=fd:0,fd:1 $suites </dev/null 2>&1 3>&-
}

run_x86() {
	use_kernel test
	timeout 300 qemu-system-x86_64 -accel tcg -cpu max -m 256M -nodefaults -no-user-config \
		-display none -no-reboot -serial stdio -kernel "$image" \
		-append "$emulated $suites" </dev/null 2>&1 3>&-
}

# cases_run RUN... - print the TAP line of each case, and no other indented lines
cases_run() {
	"$@" >"$BATS_TEST_TMPDIR/console"
	tr -d '\r' <"$BATS_TEST_TMPDIR/console" | sed -E 's/^\[[^]]*\] ?//' >"$BATS_TEST_TMPDIR/log"
	grep -E '^    (not )?ok [0-9]+ ' "$BATS_TEST_TMPDIR/log" | sed -E 's/^ +//'
}

# names_of FILE... - print the names of the cases in these files
names_of() {
	sed -n 's/.*KUNIT_CASE(\([a-z0-9_]*\)).*/\1/p' "$@" | sort
}

# all_pass FILE... - fail unless exactly the cases of these files, with one suite each,
# have passed or were skipped, and the console has no report
all_pass() {
	if grep -E 'not ok|FAILED|BUG:|WARNING:|Oops|Bad ' "$BATS_TEST_TMPDIR/log"; then
		return 1
	fi
	[[ $(grep -c '^ok [0-9]* dirty_pages_' "$BATS_TEST_TMPDIR/log") == "$#" ]] || return
	diff <(sed -E 's/^ok [0-9]+ //; s/ #.*//' <<<"$output" | sort) <(names_of "$@")
}

# skipped - print the reasons of skipped cases
skipped() {
	sed -n 's/.*# SKIP //p' <<<"$output" | sort
}

@test "all suites pass in User-Mode Linux, except for features that it lacks" {
	run -0 cases_run run_um
	# The other suites need bits and pages that it lacks.
	all_pass fs/proc/tests/task_dirty{,_text,_line,_walk,_fast,_debug}_kunit.c
	[[ $(skipped) == "no device memory in this kernel
no memory failure in this kernel
no soft-dirty bits in this kernel
no soft-dirty bits in this kernel" ]]
}

@test "all suites pass on x86-64, without a skipped case" {
	run -0 cases_run run_x86
	all_pass fs/proc/tests/*_kunit.c
	[[ -z $(skipped) ]]
}

# In Linux 7.3, kunit.py uses KVM if it opens, even if no guest gets anywhere with it.
without_kvm=()
# shellcheck disable=SC2016  # for the other shell
if [[ -w /dev/kvm ]]; then
	without_kvm=(unshare --mount sh -c 'mount --bind /dev/null /dev/kvm && exec "$@"' sh)
	((EUID == 0)) || without_kvm=(unshare --map-root-user "${without_kvm[@]:1}")
fi

# kunit_py KERNEL OPTION... - print the last lines of the kernel's kunit.py
kunit_py() {
	use_kernel "$1"
	# It writes its log beside the kernel. A kernel that it leaves behind would keep
	# a pipe open.
	(cd "$tree" && timeout --kill-after=30 600 "${without_kvm[@]}" tools/testing/kunit/kunit.py exec "${@:2}" \
		--build_dir="${obj#"$tree"/}" 'dirty_pages*' </dev/null >"$BATS_TEST_TMPDIR/log" 2>&1 3>&-)
	tail -n 4 "$BATS_TEST_TMPDIR/log"
}

@test "the kernel's kunit.py runs the suites as well" {
	local um
	um=$(names_of fs/proc/tests/task_dirty{,_text,_line,_walk,_fast,_debug}_kunit.c | wc -l)
	run -0 kunit_py um
	[[ $output == *"Testing complete. Ran $um tests: passed: $((um - 4)), skipped: 4"$'\n'* ]]
}

# It boots a bzImage, which takes a minute to make.
# bats test_tags=long
@test "kunit.py runs the suites on x86-64 as well" {
	local x86
	x86=$(names_of fs/proc/tests/*_kunit.c | wc -l)
	use_kernel test
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$tree" O="$obj" CC="ccache gcc" HOSTCC="ccache gcc" bzImage 3>&-
	run -0 kunit_py test --arch=x86_64 --kernel_args=no_timer_check
	[[ $output == *"Testing complete. Ran $x86 tests: passed: $x86"$'\n'* ]]
}

@test "the kernels have the configuration that kunit.py requests" {
	use_kernel um
	run -1 grep -vxFf "$obj/.config" <(grep ^CONFIG_ fs/proc/tests/.kunitconfig)
	use_kernel test
	run -1 grep -vxFf "$obj/.config" <(grep ^CONFIG_ fs/proc/tests/{.kunitconfig,x86_64.config} -h)
}
