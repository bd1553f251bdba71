#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The strictest scope of Yama cannot be reset, so this scenario has its own guest.

@test "Yama: with scope 3 nobody may acknowledge, not even root, and reading is unaffected" {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	# shellcheck disable=SC2016  # variables of the guest
	GUEST_TIMEOUT=120 run -0 --separate-stderr dev/guest bash -c '
		sleep 600 &
		file=/proc/$!/dirty_pages
		(: <>"$file") && echo both
		echo 3 >/proc/sys/kernel/yama/ptrace_scope
		(: <"$file") && echo reading
		(: >"$file") 2>/dev/null || (: <>"$file") 2>/dev/null || echo no writing' 3>&-
	[[ $output == $'both\nreading\nno writing' ]]
}
