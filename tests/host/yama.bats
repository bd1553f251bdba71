#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Yama's strictest setting, which no kernel takes back: in a guest of its own.

@test "Yama: under 3 nobody acknowledges, root neither, but who may read still may" {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	# shellcheck disable=SC2016  # the guest's own variables
	GUEST_TIMEOUT=120 run -0 --separate-stderr dev/guest bash -c '
		sleep 600 &
		file=/proc/$!/dirty_pages
		(: <>"$file") && echo both
		echo 3 >/proc/sys/kernel/yama/ptrace_scope
		(: <"$file") && echo reading
		(: >"$file") 2>/dev/null || (: <>"$file") 2>/dev/null || echo no writing' 3>&-
	[[ $output == $'both\nreading\nno writing' ]]
}
