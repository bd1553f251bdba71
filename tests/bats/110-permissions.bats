#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Who may look.

load lib

nobody=65534

# as_nobody COMMAND...
as_nobody() {
	setpriv --reuid=$nobody --regid=$nobody --clear-groups "$@" 3>&-
}

# The target belongs to nobody here, where it says so.
target_of_nobody() {
	kill -KILL "$pid"
	wait "$pid" || true
	coproc MEMSTATE { exec setpriv --reuid=$nobody --regid=$nobody --clear-groups memstate 3>&- 2>&1; }
	pid=$MEMSTATE_PID
	tell map anon 8
	tell write
}

# opens MODE [PID] - as nobody; prints the error's name, or "ok"
opens() {
	as_nobody python3 -c '
import errno, os, sys
try:
    fd = os.open("/proc/%s/dirty_pages" % sys.argv[2], getattr(os, sys.argv[1]))
    os.read(fd, 1)
    print("ok")
except OSError as e:
    print(errno.errorcode[e.errno])' "$1" "${2:-$pid}"
}

@test "another user's process: EACCES" {
	run -0 opens O_RDONLY
	[[ $output == EACCES ]]
	run -0 opens O_RDONLY 1
	[[ $output == EACCES ]]
}

@test "a user's own process: readable" {
	target_of_nobody
	run -0 opens O_RDONLY
	[[ $output == ok ]]
}

@test "a process that is not dumpable, as after a setuid exec: EACCES" {
	target_of_nobody
	tell undumpable
	run -0 opens O_RDONLY
	[[ $output == EACCES ]]
}

@test "root in a user namespace reaches its own processes only" {
	run -0 as_nobody unshare --user --map-root-user bash -c "
		head -c 1 /proc/self/dirty_pages >/dev/null &&
		! cat /proc/$pid/dirty_pages 2>&1"
	[[ $output == *"Permission denied"* ]]
}

@test "Yama: reading is not attaching, opening for writing is" {
	scope=/proc/sys/kernel/yama/ptrace_scope
	target_of_nobody
	cleanup() { echo 0 >"$scope"; }
	echo 0 >"$scope"
	run -0 opens O_RDWR
	[[ $output == ok ]]
	for i in 1 2; do
		echo "$i" >"$scope"
		run -0 opens O_RDONLY
		[[ $output == ok ]]
		run -0 opens O_RDWR
		[[ $output == EACCES ]]
	done
}

@test "hidepid: what cannot be seen cannot be opened" {
	mkdir -p /run/hidden
	mount -t proc -o hidepid=2 proc /run/hidden
	cleanup() { umount /run/hidden; }
	run -1 as_nobody cat "/run/hidden/$pid/dirty_pages"
	[[ $output == *"No such file"* ]]
}

@test "a descriptor kept across the target's setuid exec shows nothing of the new program" {
	cp /bin/sleep /run/sleep-as-root
	chmod 4755 /run/sleep-as-root
	target_of_nobody
	as_nobody bash -c "exec 5<'/proc/$pid/dirty_pages'
		touch /tmp/opened
		while [[ ! -e /tmp/executed ]]; do sleep 0.1; done
		cat <&5
		cat /proc/$pid/dirty_pages 2>&1; true" >"$BATS_TEST_TMPDIR/seen" 3>&- &
	wait_until test -e /tmp/opened
	printf 'exec /run/sleep-as-root 600\n' >&"${MEMSTATE[1]}"
	wait_until grep -q sleep "/proc/$pid/comm"
	touch /tmp/executed
	wait $!
	run -0 cat "$BATS_TEST_TMPDIR/seen"
	[[ $output == "cat: /proc/$pid/dirty_pages: Permission denied" ]]
}

@test "a new owner of the pid is not what an earlier descriptor shows" {
	target_of_nobody
	exec {fd}<"/proc/$pid/dirty_pages"
	kill -KILL "$pid"
	wait "$pid" || true
	echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid
	sleep 600 3>&- &
	reused=$!
	cleanup() { kill -KILL "$reused"; }
	((reused == pid))
	wait_until grep -q sleep "/proc/$pid/comm"
	run -0 cat <&"$fd"
	[[ -z $output ]]
	exec {fd}<&-
	listing "$reused" | grep -q .
}

@test "debugfs is root's: verify and batch are 0600" {
	run -0 stat -c '%a %U' /sys/kernel/debug/dirty_pages/verify /sys/kernel/debug/dirty_pages/batch
	[[ $output == $'600 root\n600 root' ]]
}
