#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The guest runner: what it gives back, and that it notices what goes wrong.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	export GUEST_TIMEOUT=120
}

# The runner's own words, and QEMU's, go to standard error.
guest() {
	dev/guest "$@" 3>&-
}

@test "output and exit status are the command's, arguments come through as they are" {
	run -7 --separate-stderr guest bash -c 'printf "<%s>\n" "$@"; echo error >&2; exit 7' bash 'a  b' "c'd" '$e' ''
	[[ $output == $'<a  b>\n<c\'d>\n<$e>\n<>\nerror' ]]
}

@test "a lot of output comes through byte for byte" {
	guest seq 30000 2>/dev/null | cmp - <(seq 30000)
}

@test "the host's files are there, read-only" {
	run -0 --separate-stderr guest bash -c "cmp $PWD/README.md README.md; ! touch dev/guest 2>&1; touch /tmp/x /run/x /var/tmp/x"
	[[ $output == *"Read-only file system"* ]]
}

@test "it says which accelerator it uses" {
	run -0 guest true
	[[ $output =~ booting\ with\ (kvm|tcg) ]]
}

@test "a command that does not end is stopped at the deadline" {
	GUEST_TIMEOUT=15 run -124 guest sleep 1000
	[[ $output == *"not done after 15 s (GUEST_TIMEOUT)"* ]]
}

@test "a panic is a failure that shows the console's end" {
	run -125 guest bash -c 'echo c >/proc/sysrq-trigger; sleep 60'
	[[ $output == *"Kernel panic"* ]]
}

@test "a warning of the kernel is a failure, though the command went well" {
	run -125 guest bash -c 'echo "WARNING: CPU: 0 PID: 1 at test" >/dev/kmsg'
	[[ $output == *"the kernel is not well"* ]]
}
