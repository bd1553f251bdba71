# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the scenarios about dirtyckpt share, after lib.bash.

# A target, and an image of it that is not there yet
setup() {
	target
	cd "$BATS_TEST_TMPDIR" || return
}

# end PID - without a word from the shell
end() {
	{ kill -KILL "$1" && wait "$1"; } 2>/dev/null || true
}

# adopt PID - the target is another one
adopt() {
	pid=$1
}

# stop PID / go_on PID
stop() {
	kill -STOP "$1"
	wait_until is_stopped "$1"
}

go_on() {
	kill -CONT "$1"
}

# shellcheck disable=SC2120  # scenarios pass some
# save [OPTION]... - of the target, into image; it has to go on from what is there
save() {
	run -0 dirtyckpt save "$@" "$pid" image
	[[ $output != *anew* ]] || fail "$output"
}

# shellcheck disable=SC2120  # scenarios pass one
# matches [DIR[@N]] - the target, which is stopped, is as it was saved
matches() {
	run -0 dirtyckpt verify "$pid" "${1:-image}"
	[[ $output == "equal: "* ]]
}

# saves_all - the target, saved while stopped, is in the image as a whole, and
# the image has not begun anew for that
saves_all() {
	stop "$pid"
	# shellcheck disable=SC2119  # nothing to add
	save
	# shellcheck disable=SC2119  # nor here
	matches
	go_on "$pid"
}

# column NAME N - of generation N in the list
column() {
	dirtyckpt list --json image | jq -r ".generations[] | select(.generation == $2) | .$1"
}

# lock_name - the file that whoever acknowledges pages of the target locks
lock_name() {
	echo "/run/lock/dirty_pages.$pid.$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)"
}

# start_threads - that program, of which $pid is the number; ask it by ask
start_threads() {
	mkfifo orders answers
	threads <orders >answers 3>&- &
	pid=$!
	checked_pid=
	exec {orders}>orders {answers}<answers
	IFS= read -r -t "$TIMEOUT" line <&"$answers"
	[[ $line == ready ]]
	ask wake
}

# ask LINE - sets $counts, and looks whether any thread noticed something
ask() {
	echo "$*" >&"$orders"
	IFS= read -r -t "$TIMEOUT" line <&"$answers" || fail "no answer to $*"
	[[ $line == *" wrong 0 0 0 0 0" ]] || {
		fail "to $*: $line"
		return 1
	}
	read -r -a counts <<<"$line"
}
