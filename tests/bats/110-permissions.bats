#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Permissions to read and to acknowledge.

load lib

nobody=65534

# as_nobody COMMAND... - run it as user nobody
as_nobody() {
	setpriv --reuid=$nobody --regid=$nobody --clear-groups "$@" 3>&-
}

# target_of_nobody [OPTION...] - replace the target by one of user nobody, with these
# options of setpriv
# shellcheck disable=SC2120  # few scenarios have options
target_of_nobody() {
	end_target
	target setpriv --reuid=$nobody --regid=$nobody --clear-groups "$@"
	tell map anon 8
	tell write
}

# looking CODE - run Python code, with pid, opens(MODE [, PATH]), which returns the
# name of the error or "ok", and is_(GOT, WANTED)
looking() {
	python3 - "$pid" <<-PYTHON
		import ctypes, errno, os, sys
		pid = sys.argv[1]
		def opens(mode, path="/proc/%s/dirty_pages" % pid):
		    try:
		        fd = os.open(path, mode)
		        if mode & os.O_ACCMODE != os.O_WRONLY:
		            os.read(fd, 8)
		        os.close(fd)
		        return "ok"
		    except OSError as e:
		        return errno.errorcode[e.errno]
		def is_(got, want):
		    assert got == want, f"{got}, not {want}"
		$1
	PYTHON
}
export -f looking

# as_nobody_looking CODE - the same as user nobody
as_nobody_looking() {
	as_nobody env pid="$pid" bash -c 'looking "$@"' - "$1"
}

# opens MODE [PID] - open as nobody, and print the name of the error or "ok"
opens() {
	as_nobody_looking "print(opens(os.$1, '/proc/${2:-$pid}/dirty_pages'))"
}

@test "the file of another user's process: EACCES" {
	run -0 opens O_RDONLY
	[[ $output == EACCES ]]
	run -0 opens O_RDONLY 1
	[[ $output == EACCES ]]
}

@test "users may read the files of their own processes" {
	target_of_nobody
	run -0 opens O_RDONLY
	[[ $output == ok ]]
}

@test "the file of an undumpable process, as after a setuid exec: EACCES" {
	target_of_nobody
	tell undumpable
	run -0 opens O_RDONLY
	[[ $output == EACCES ]]
}

@test "root in a user namespace may read only processes of that namespace" {
	run -0 as_nobody unshare --user --map-root-user bash -c "
		head -c 1 /proc/self/dirty_pages >/dev/null &&
		! cat /proc/$pid/dirty_pages 2>&1"
	[[ $output == *"Permission denied"* ]]
}

@test "Yama restricts opening for writing, which is attaching, but not for reading" {
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

@test "hidepid: a hidden process cannot be opened" {
	mkdir -p /run/hidden
	mount -t proc -o hidepid=2 proc /run/hidden
	cleanup() { umount /run/hidden; }
	run -1 as_nobody cat "/run/hidden/$pid/dirty_pages"
	[[ $output == *"No such file"* ]]
}

@test "a descriptor kept across the target's setuid exec shows nothing of the new program" {
	cp /bin/sleep /run/sleep-as-root
	chmod 4755 /run/sleep-as-root
	rm -f /tmp/opened /tmp/executed
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

@test "after the pid is reused, an earlier descriptor shows nothing of the new process" {
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

@test "no combination of flags opens the file of another user's process or thread" {
	tell map anon 8
	tell leave
	as_nobody_looking "
for path in '/proc/$pid/dirty_pages', '/proc/$pid/task/$answer/dirty_pages':
    for mode in os.O_RDONLY, os.O_WRONLY, os.O_RDWR:
        for flag in 0, os.O_NONBLOCK, os.O_TRUNC, os.O_APPEND, os.O_CREAT:
            is_(opens(mode | flag, path), 'EACCES')
    # An O_PATH descriptor shows nothing, and gives no right to open the file.
    fd = os.open(path, os.O_PATH)
    is_(opens(os.O_RDONLY, f'/proc/self/fd/{fd}'), 'EACCES')
    is_(opens(os.O_RDWR, f'/proc/self/fd/{fd}'), 'EACCES')
    is_(os.fstat(fd).st_size, 0)
    try:
        os.read(fd, 1)
        assert False
    except OSError as e:
        is_(e.errno, errno.EBADF)"
	checked_pid=
}

@test "a refused open reveals no more than that of pagemap" {
	target_of_nobody
	tell zombie
	# Linux 7.3 does not open the pagemap of a zombie.
	as_nobody_looking "
for p in '$pid', '$answer', '1', '2', '4000000', 'self':
    theirs = opens(os.O_RDONLY, f'/proc/{p}/pagemap')
    is_(opens(os.O_RDONLY, f'/proc/{p}/dirty_pages'), 'ok' if theirs == 'ESRCH' else theirs)
is_(opens(os.O_RDONLY, '/proc/4000000/dirty_pages'), 'ENOENT')
is_(opens(os.O_RDONLY, '/proc/2/dirty_pages'), 'EACCES')"
	tell undumpable
	as_nobody_looking "
is_(opens(os.O_RDONLY), opens(os.O_RDONLY, f'/proc/{pid}/pagemap'))"
}

@test "a passed descriptor has the rights of its opener, as one of pagemap has" {
	tell map anon 8
	tell write
	looking "
import array, socket
ours, theirs = socket.socketpair()
files = [os.open(f'/proc/{pid}/{name}', os.O_RDWR if name == 'dirty_pages' else os.O_RDONLY)
         for name in ('dirty_pages', 'pagemap')]
socket.send_fds(ours, [b'x'], files)
for fd in files:
    os.close(fd)
if os.fork() == 0:
    os.setgroups([]); os.setgid($nobody); os.setuid($nobody)
    is_(opens(os.O_RDONLY), 'EACCES')
    fds = socket.recv_fds(theirs, 1, 2)[1]
    text = os.read(fds[0], 65536)
    assert b' apdx---' in text and os.pread(fds[1], 8, int(text.split(b'-')[0], 16) >> 9)
    assert os.write(fds[0], b'$(page_range 0 4) d\\n') > 0
    # but it cannot be opened again
    is_(opens(os.O_RDONLY, f'/proc/self/fd/{fds[0]}'), 'EACCES')
    os._exit(0)
assert os.wait()[1] == 0"
	expect "4:ap-x--- 4:apdx---"
}

@test "a user namespace gives no access to outside, its owner has access to inside" {
	target_of_nobody
	run -0 opens O_RDWR
	[[ $output == ok ]]
	# The same user has all capabilities, but only in a user namespace.
	run -0 as_nobody unshare --user --map-root-user bash -c "pid=$pid looking '
for mode in os.O_RDONLY, os.O_RDWR:
    is_(opens(mode), \"EACCES\")'"
	target_of_nobody unshare --user --map-root-user
	as_nobody_looking "is_(opens(os.O_RDWR), 'ok')"
	run -0 as_nobody unshare --user --map-root-user bash -c "pid=$pid looking '
is_(opens(os.O_RDONLY), \"EACCES\")'"
}

@test "a process with more capabilities than its reader: EACCES" {
	target_of_nobody --inh-caps=+net_raw --ambient-caps=+net_raw
	as_nobody_looking "
is_(opens(os.O_RDONLY), 'EACCES')
is_(opens(os.O_RDONLY, f'/proc/{pid}/pagemap'), 'EACCES')"
}

# with_capabilities LIST CODE - run Python code as nobody with capabilities "+a,+b"
with_capabilities() {
	as_nobody --inh-caps="$1" --ambient-caps="$1" env pid="$pid" bash -c 'looking "$@"' - "$2"
}

@test "another user's process requires CAP_SYS_PTRACE and a capability that opens mode 0600" {
	with_capabilities +dac_override "is_(opens(os.O_RDONLY), 'EACCES')"
	with_capabilities +sys_ptrace "is_(opens(os.O_RDONLY), 'EACCES')"
	with_capabilities +dac_read_search,+sys_ptrace "
is_(opens(os.O_RDONLY), 'ok')
is_(opens(os.O_RDWR), 'EACCES')"
	with_capabilities +dac_override,+sys_ptrace "is_(opens(os.O_RDWR), 'ok')"
}

@test "file-system credentials decide, as for all files" {
	target_of_nobody
	# To read, CAP_PERFMON is enough on Linux 7.3.
	run -0 setpriv --bounding-set=-sys_ptrace,-perfmon,-sys_admin bash -c "pid=$pid looking '
is_(opens(os.O_RDONLY), \"EACCES\")
libc = ctypes.CDLL(None)
libc.setfsgid($nobody)
libc.setfsuid($nobody)
is_(opens(os.O_RDWR), \"ok\")
is_(opens(os.O_RDONLY, \"/proc/1/dirty_pages\"), \"EACCES\")'"
}

@test "a process that becomes undumpable: open files stay usable, opening fails" {
	rm -f /tmp/kept /tmp/undumpable
	target_of_nobody
	as_nobody_looking "
fd = os.open(f'/proc/{pid}/dirty_pages', os.O_RDONLY)
open('/tmp/kept', 'w').close()
while not os.path.exists('/tmp/undumpable'):
    os.sched_yield()
assert b'-' in os.read(fd, 100)
is_(opens(os.O_RDONLY, f'/proc/self/fd/{fd}'), 'EACCES')
is_(opens(os.O_RDONLY, f'/proc/{pid}/task/{pid}/dirty_pages'), 'EACCES')" &
	wait_until test -e /tmp/kept
	tell undumpable
	touch /tmp/undumpable
	wait $!
}

@test "Yama: a parent may acknowledge its child with scope 1, but not with 2" {
	scope=/proc/sys/kernel/yama/ptrace_scope
	cleanup() { echo 0 >"$scope"; }
	for i in 1 2; do
		echo "$i" >"$scope"
		as_nobody_looking "
child = os.fork()
if child == 0:
    while True: os.sched_yield()
os.sched_yield()
got = opens(os.O_RDWR, f'/proc/{child}/dirty_pages')
os.kill(child, 9)
is_(got, {1: 'ok', 2: 'EACCES'}[$i])"
	done
}

@test "Yama: scope 1 admits a process named by PR_SET_PTRACER, scope 2 only CAP_SYS_PTRACE" {
	scope=/proc/sys/kernel/yama/ptrace_scope
	cleanup() { echo 0 >"$scope"; }
	target_of_nobody
	for i in 1 2; do
		echo "$i" >"$scope"
		as_nobody_looking "
PR_SET_PTRACER = 0x59616d61
for named, want in (False, 'EACCES'), (True, {1: 'ok', 2: 'EACCES'}[$i]):
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(told, 1)
        is_(opens(os.O_RDWR, f'/proc/{os.getppid()}/dirty_pages'), want)
        os._exit(0)
    if named: is_(ctypes.CDLL(None).prctl(PR_SET_PTRACER, child, 0, 0, 0), 0)
    os.write(tell, b'.')
    is_(os.waitpid(child, 0)[1], 0)"
		looking "is_(opens(os.O_RDWR), 'ok')"
	done
}

@test "hidepid: each value hides or refuses the file of another user's process" {
	local want
	mkdir -p /run/hidden
	cleanup() { umount /run/hidden; }
	for want in 1:EPERM noaccess:EPERM 2:ENOENT invisible:ENOENT 4:ENOENT ptraceable:ENOENT; do
		mount -t proc -o "hidepid=${want%:*}" proc /run/hidden
		as_nobody_looking "
for mode in os.O_RDONLY, os.O_RDWR, os.O_PATH:
    for task in '', '/task/$pid':
        is_(opens(mode, '/run/hidden/$pid' + task + '/dirty_pages'), '${want#*:}')
is_(opens(os.O_RDONLY, f'/run/hidden/{os.getpid()}/dirty_pages'), 'ok')"
		umount /run/hidden
	done
	cleanup() { :; }
}

# confined RULES CODE - run Python code in a profile that allows all but ptrace, and
# RULES. On Linux 7.3, capability perfmon would be enough to read.
confined() {
	apparmor_parser --skip-cache --replace <<-PROFILE
		profile dirty_pages_test flags=(attach_disconnected) {
			file,
			capability,
			deny capability perfmon,
			deny capability sys_admin,
			signal,
			unix,
			$1
		}
	PROFILE
	pid=$pid aa-exec --profile=dirty_pages_test -- bash -c 'looking "$@"' - "$2"
}

@test "AppArmor: reading requires the rule ptrace read, acknowledging ptrace trace" {
	mount -t securityfs securityfs /sys/kernel/security
	cleanup() {
		apparmor_parser --remove <<<'profile dirty_pages_test { }'
		umount /sys/kernel/security
	}
	confined "" "
is_(open('/proc/self/attr/current').read(), 'dirty_pages_test (enforce)\\n')
is_(opens(os.O_RDONLY), 'EACCES')
is_(opens(os.O_RDWR), 'EACCES')
is_(opens(os.O_RDONLY, '/proc/self/dirty_pages'), 'ok')"
	confined "ptrace read," "
is_(opens(os.O_RDONLY), 'ok')
is_(opens(os.O_RDWR), 'EACCES')"
	confined "ptrace (read, trace)," "
is_(opens(os.O_RDWR), 'ok')"
}

@test "debugfs: the files are accessible to root only, even if the directory is open" {
	run -0 find /sys/kernel/debug/dirty_pages -type f
	[[ ${#lines[@]} -ge 3 ]]
	run -0 find /sys/kernel/debug/dirty_pages -type f \( ! -user root -o -perm /077 \)
	[[ -z $output ]]
	cleanup() { mount -o remount,mode=700 /sys/kernel/debug; }
	mount -o remount,mode=755 /sys/kernel/debug
	as_nobody_looking "
is_(opens(os.O_RDONLY, '/sys/kernel/debug/dirty_pages/verify'), 'EACCES')
is_(opens(os.O_WRONLY, '/sys/kernel/debug/dirty_pages/batch'), 'EACCES')"
}
