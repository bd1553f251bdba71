# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Waits of the host's scenarios, which end.

# wait_until COMMAND... - poll until it succeeds, for two minutes
wait_until() {
	local deadline=$((SECONDS + 120))
	until "$@"; do
		((SECONDS < deadline)) || {
			echo "timed out: $*"
			return 1
		}
		sleep 0.1
	done
}

# has_ended PID - has the child ended?
has_ended() {
	! kill -0 "$1" 2>/dev/null
}
