#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtyckpt on the runtimes of other languages, and on another libc. Their answers depend
# on the number of steps that they have made, and on all of their memory.

load lib
load dirtyckpt

setup() {
	checked_pid=
	pid=
	cd "$BATS_TEST_TMPDIR" || return
}

# is_idle - every thread of the target waits
is_idle() {
	! grep -L '^State:[[:space:]]*S' "/proc/$pid/task"/*/status | grep -q .
}

# goes_back STEPS - let the saved target make STEPS, restore it, and let it repeat them.
# Return false if restore refused because the runtime created a thread or changed a
# mapping.
goes_back() {
	local first
	order step "$1"
	first=$told
	wait_until is_idle
	stop "$pid"
	run dirtyckpt restore "$pid" image
	if ((status == 9)); then
		refused=$output
		go_on "$pid"
		return 1
	fi
	((status == 0)) || fail "$output" || return 2
	matches
	go_on "$pid"
	order step "$1"
	[[ $told == "$first" ]] || fail "after it was restored: $told, not $first" || return 2
}

# goes_on STEPS - save the target while it works and while it waits, and restore both
# moments
goes_on() {
	local n result
	hear
	[[ $told == ready ]] || fail "$told"
	order step "$1"
	save
	echo "step $1" >&"$orders"
	save
	hear
	for n in 1 2 3 4 5; do
		# A runtime has threads that wake up by themselves.
		wait_until is_idle
		stop "$pid"
		save --stop
		matches
		go_on "$pid"
		result=0
		goes_back "$1" || result=$?
		((result == 1)) || break
	done
	((result == 0)) || fail "not restored, at $n attempts: $refused"
	echo "# restored at attempt $n" >&3
	saves_all
	run -0 dirtyckpt list --check image
}

@test "a static musl program with threads is saved, verified and restored, and works afterwards" {
	start_program steps-musl
	goes_on 50
}

@test "a Go program with many threads that gives memory back is saved, verified and restored, and works afterwards" {
	has_threads() { (($(find "/proc/$pid/task" -maxdepth 1 -mindepth 1 | wc -l) > 1)); }
	start_program steps-go
	wait_until has_threads
	goes_on 20
}

@test "a Java program is saved, verified and restored, and works afterwards" {
	# The heap has its maximum size from the start.
	start_program env MALLOC_ARENA_MAX=1 java -Xint -Xshare:auto -Xms32m -Xmx32m -Xss512k -XX:+UseSerialGC \
		-XX:+AlwaysPreTouch -XX:-UsePerfData -cp "$BUILD/tools" Steps
	goes_on 10
}

@test "a node program with workers is saved, verified and restored, and works afterwards" {
	start_program env MALLOC_ARENA_MAX=1 node "$BATS_TEST_DIRNAME/../runtimes/steps.js"
	goes_on 10
}
