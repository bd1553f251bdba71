#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The guest runner returns output and status, and detects failures.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	export GUEST_TIMEOUT=120
}

# Messages of the runner and of QEMU go to standard error.
guest() {
	dev/guest "$@" 3>&-
}

@test "the guest returns the output and exit status of the command, and passes its arguments unchanged" {
	run -7 --separate-stderr guest bash -c 'printf "<%s>\n" "$@"; echo error >&2; exit 7' bash 'a  b' "c'd" '$e' ''
	[[ $output == $'<a  b>\n<c\'d>\n<$e>\n<>\nerror' ]]
}

@test "much output is passed without loss" {
	guest seq 30000 2>/dev/null | cmp - <(seq 30000)
}

@test "the guest sees the host's files, read-only" {
	run -0 --separate-stderr guest bash -c "cmp $PWD/README.md README.md; ! touch dev/guest 2>&1; touch /tmp/x /run/x /var/tmp/x"
	[[ $output == *"Read-only file system"* ]]
}

@test "the runner prints the accelerator that it uses" {
	run -0 guest true
	[[ $output =~ booting\ with\ (kvm|tcg) ]]
}

@test "a command is stopped at the deadline" {
	GUEST_TIMEOUT=15 run -124 guest sleep 1000
	[[ $output == *"not done after 15 s (GUEST_TIMEOUT)"* ]]
}

@test "a kernel that does not start is booted twice more" {
	GUEST_BOOT_TIMEOUT=1 run -125 guest true
	[[ $output == *"did not start its first program, at the first attempt"*"at the third attempt"* ]]
}

@test "a panic is a failure, and the end of the console is shown" {
	run -125 guest bash -c 'echo c >/proc/sysrq-trigger; sleep 60'
	[[ $output == *"Kernel panic"* ]]
}

@test "a kernel warning is a failure, even if the command succeeds" {
	run -125 guest bash -c 'echo "WARNING: CPU: 0 PID: 1 at test" >/dev/kmsg'
	[[ $output == *"the kernel reported a problem"* ]]
}
