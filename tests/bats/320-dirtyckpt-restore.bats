#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtyckpt restore: a process gets back a saved state, or is left unchanged for a reason.

load lib
load dirtyckpt

# restores [DIR[@N]] - restore the target
restores() {
	run -0 dirtyckpt restore "$pid" "${1:-image}"
	[[ $output == "restored generation "* ]]
}

# has_threads N - check that the target has N threads
has_threads() {
	[[ $(awk '/^Threads:/ { print $2 }' "/proc/$pid/status") == "$1" ]]
}

@test "modified pages get back their contents, and clean ones are clean again" {
	tell map anon 64
	tell write 0 32 1
	save --stop
	before=$(picture)
	[[ $before == "32:"*" 32:-" ]]
	tell write 5 3 9
	tell write 40 2 9
	tell advise dontneed 10 2
	stop "$pid"
	restores
	[[ $output == *" 2 given back"* ]]
	[[ $output == *"not restored: descriptors"* ]]
	matches
	[[ $(picture) == *" 32:-" ]]
	go_on "$pid"
	tell read 0 64
	[[ $answer == 32 ]]
}

@test "a process with a kernel-created thread (io_uring) is restored" {
	tell map anon 64
	tell poller
	wait_until has_threads 2
	tell write 0 32 1
	save --stop
	[[ $(column threads 1) == 2 ]]
	tell write 5 3 9
	stop "$pid"
	restores
	matches
	go_on "$pid"
	tell read 0 64
	[[ $answer == 32 ]]
}

@test "any of several generations can be restored, in any order" {
	tell map anon 64
	for n in 1 2 3 4; do
		tell write $((n * 4)) 10 $n
		save --stop
	done
	stop "$pid"
	for n in 2 4 1 3 1 4; do
		restores image@$n
		matches image@$n
	done
	go_on "$pid"
	tell write 0 64 9
	stop "$pid"
	restores image@2
	matches image@2
	# Restored pages count as written.
	save
	matches
	go_on "$pid"
}

@test "restore works if the pages written since are unknown" {
	tell map anon 64
	tell write 0 64 1
	save --stop
	rm "$(lock_name)"
	tell write 5 3 9
	clear_soft_dirty "$pid"
	stop "$pid"
	restores
	matches
}

@test "restore does not read pages that were certainly not written" {
	tell map anon 64
	tell write 0 64 1
	for _ in 1 2 3; do
		save --stop
		tell write 10 1 9
	done
	stop "$pid"
	# Pages written since generation 3 were also written before, so generation 2 or 3 has them.
	rm -r image/000001
	restores
	rm "$(lock_name)"
	run -8 dirtyckpt restore "$pid" image
	[[ $output == *"builds on"* ]]
}

@test "clean pages of a mapped file get back the contents of the file" {
	new_file file 16
	tell map file 16 "$PWD/file"
	tell write 3 1 7
	save --stop
	tell write 3 1 8
	tell write 10 2 9
	stop "$pid"
	restores
	matches
	expect "3:- 1:fpdx--- 12:-"
	go_on "$pid"
	tell read 10 1
	[[ $answer == 120 ]]
}

# press FIRST COUNT - have the kernel reclaim these pages of the current mapping
press() {
	# Pages in the batch of a CPU cannot be reclaimed.
	echo 1 >/proc/sys/vm/compact_memory
	python3 - "$pid" "$(page_range "$@")" <<-'PYTHON'
		import ctypes, os, struct, sys
		start, end = (int(word, 16) for word in sys.argv[2].split("-"))
		range = struct.pack("QQ", start, end - start)
		done = ctypes.CDLL(None).syscall(440, os.pidfd_open(int(sys.argv[1])), range, ctypes.c_long(1), 21, 0)
		assert done == end - start, done
	PYTHON
}

# bats test_tags=concurrent
@test "after a restore, the kernel does not drop pages that were lazily freed since the save" {
	cleanup() { drop_swap; }
	use_swap zram
	tell map anon 32
	tell write 0 32 1
	save --stop
	are_kept() {
		restores
		press "$1" 8
		[[ $(picture) != *l* ]]
		stop "$pid"
		matches
		go_on "$pid"
		tell read 0 32
		[[ $answer == 32 ]]
	}
	tell advise free 4 8
	echo 1 >/proc/sys/vm/compact_memory
	are_kept 4
	# The last pages stay in the batch of an idle CPU, and are not listed as freed yet.
	taskset -p -c 1 $BASHPID
	taskset -p -c 0 "$pid"
	tell advise free 16 8
	are_kept 16
	# This also holds if the written pages are unknown.
	rm "$(lock_name)"
	tell advise free 24 8
	are_kept 24
}

@test "pages that were lazily freed before the save may be dropped without a difference, and are restored" {
	cleanup() { drop_swap; }
	use_swap zram
	tell map anon 32
	tell write 0 32 1
	tell advise free 4 8
	echo 1 >/proc/sys/vm/compact_memory
	stop "$pid"
	save --stop
	expect "4:ap-x--- 8:ap-x--l 20:ap-x---"
	press 4 8
	expect "4:ap-x--- 8:- 20:ap-x---"
	matches
	restores
	[[ $output == *": 8 pages written"* ]]
	matches
	expect "4:ap-x--- 8:apdx--- 20:ap-x---"
	go_on "$pid"
	tell read 0 32
	[[ $answer == 32 ]]
}

@test "locked memory is written, as it cannot be given back" {
	new_file file 16
	tell map file 16 "$PWD/file"
	# Memory that is locked while read-only has no pages of its own.
	tell protect r
	tell lock 0 16
	expect "16:-"
	save --stop
	tell protect rw
	tell write 5 3 9
	tell protect r
	stop "$pid"
	restores
	[[ $output == *" 0 given back"* ]]
	matches
	go_on "$pid"
	tell read 5 3
	[[ $answer == 360 ]]
}

@test "locked memory of an unreadable file is refused before anything is changed" {
	new_file file 16
	tell map file 16 "$PWD/file"
	tell protect r
	tell lock 0 16
	save --stop
	tell protect rw
	tell write 5 3 9
	tell protect r
	rm file
	tell map anon 4
	run -9 setpriv --bounding-set=-sys_admin,-checkpoint_restore dirtyckpt restore "$pid" image
	[[ $output == *"its file cannot be read"* ]]
	# The new mapping still exists.
	tell write 0 4 1
	restores
}

# start_pages CODE - start a python3 that runs CODE. Its m are 16 pages. For each line
# of input, it writes to the next page, and prints the number of this page, its old
# contents, and those of the first page.
start_pages() {
	start_program python3 -c "
import ctypes, mmap, os, re, struct, sys
m = mmap.mmap(-1, 4096 * 16, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
m[0] = 1
prctl = ctypes.CDLL(None).prctl
prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
$1
for n, line in enumerate(sys.stdin, 2):
    was = m[4096 * n]
    m[4096 * n] = 7
    print(n, was, m[0], flush=True)"
}

@test "a process with a seccomp filter is restored without calls that the filter forbids" {
	# madvise kills the process, all other calls are allowed
	start_pages '
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 28), (6, 0, 0, 0x80000000), (6, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *c) for c in code))
prog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(code)))
assert prctl(38, 1, 0, 0, 0) == 0 and prctl(22, 2, ctypes.addressof(prog), 0, 0) == 0'
	order next
	save --stop
	for options in "" --bounding-set=-sys_admin; do
		order next
		run -0 setpriv $options dirtyckpt restore "$pid" image
		order next
		[[ $told == "3 0 1" ]]
	done
}

@test "no calls are injected into a process with syscall user dispatch" {
	# Calls from addresses above the libraries, such as the vdso, raise signals
	start_pages '
stack = int(re.search(r"(\w+)-.*\[stack", open("/proc/self/maps").read())[1], 16)
block = ctypes.create_string_buffer(b"\1")
assert prctl(59, 1, 0, stack, ctypes.addressof(block)) == 0'
	order next
	save --stop
	order next
	restores
	[[ $output == *" 0 given back"* ]]
	order next
	[[ $told == "3 0 1" ]]
}

@test "a thread in a critical section of rseq(2) is still in it after a restore" {
	checked_pid=
	end_target
	critical >address 3>&- &
	adopt $!
	wait_until test -s address
	stop "$pid"
	save --stop
	for _ in 1 2 3; do
		printf '\x07' | dd of="/proc/$pid/mem" bs=1 seek=$((16#$(<address))) conv=notrunc status=none
		restores
		[[ $output == *" 1 given back"* ]]
		matches
	done
	end_target
}

# bats test_tags=concurrent
@test "verify ignores that a thread has moved to another CPU" {
	taskset -p -c 0 "$pid"
	tell read 0 0
	save --stop
	taskset -p -c 1 "$pid"
	restores
	stop "$pid"
	run taskset -p -c 0 "$pid"
	run -0 dirtyckpt verify "$pid" image
}

# in_calls NUMBER COUNT... - check that COUNT threads of the target are in call NUMBER
in_calls() {
	local calls
	calls=$(cat "/proc/$pid"/task/*/syscall)
	while (($#)); do
		[[ $(grep -c "^$1 " <<<"$calls") == "$2" ]] || return
		shift 2
	done
}

@test "verify finds a continued call with a timeout equal to the saved call" {
	checked_pid=
	end_target
	python3 -c 'import select; select.poll().poll(1000000)' 3>&- &
	adopt $!
	# The kernel continues the call under the number of restart_syscall.
	wait_until in_calls 7 1
	save --stop
	wait_until in_calls 219 1
	save --stop
	stop "$pid"
	matches image@1
	matches image@2
	restores image@1
	go_on "$pid"
	wait_until in_calls 7 1
	stop "$pid"
	matches image@1
	matches image@2
	end_target
}

# sleeps_on SINCE - wait until the sleeping thread has slept again
sleeps_on() {
	ask state
	((counts[0] > $1 + 3))
}

@test "threads in any call, or in none, continue from the saved moment" {
	start_threads
	for _ in 1 2 3; do
		rm -rf image
		ask state
		was=("${counts[@]}")
		save --stop
		ask wake
		ask state
		((counts[1] > was[1] && counts[2] > was[2] && counts[3] > was[3]))
		restores
		ask state
		# Threads that count without input have continued; the others are back.
		((counts[0] >= was[0] && counts[4] >= was[4]))
		((counts[1] == was[1] && counts[2] == was[2] && counts[3] == was[3]))
		ask wake
		((counts[1] > was[1] && counts[2] > was[2] && counts[3] > was[3]))
	done
}

@test "a thread saved in one call and restored from another completes the saved call" {
	start_threads
	save --stop
	# Ten restores, each at another moment
	for i in 1 2 3 4 5 6 7 8 9 10; do
		((i % 2)) || ask wake
		restores
		ask state
	done
	ask wake
}

@test "a thread restored from a call with another timeout continues as saved" {
	start_threads
	for _ in 1 2 3; do
		rm -rf image
		ask state
		save --stop
		ask switch
		is_waiting() {
			ask state
			before=${counts[0]}
			sleep 0.3
			ask state
			((counts[0] == before))
		}
		wait_until is_waiting
		restores
		ask state
		wait_until sleeps_on "${counts[0]}"
	done
}

@test "a call with a timeout is made again, or fails with EINTR if it had been interrupted before" {
	start_threads
	ask timed
	# poll, nanosleep, and futex of three threads
	wait_until in_calls 7 1 35 1 202 3
	save --stop
	# Timeouts of less than an hour are of calls whose number is lost.
	ask wake
	wait_until sleeps_on "${counts[0]}"
	wait_until in_calls 219 3
	save --stop
	for n in 1 2 1 2; do
		ask switch
		ask wake
		wait_until in_calls 7 0 35 0 219 0 230 0 202 6
		restores image@$n
		# The program repeats calls that failed.
		wait_until in_calls 7 1 35 1 219 0 202 3
		order failed
		((n == 2)) && failed="1 1 1" || failed="0 0 0"
		[[ $told == "failed $failed, "*" wrong 0 0 0 0 0" ]] || fail "generation $n: $told"
	done
}

@test "restore sets the saved signal mask" {
	start_threads
	save --stop
	ask mask
	grep -q '^SigBlk:[[:space:]]*0*200$' "/proc/$pid/status"
	restores
	grep -q '^SigBlk:[[:space:]]*0*$' "/proc/$pid/status"
	ask state
}

@test "a stopped process stays stopped, and a running one runs" {
	tell map anon 16
	save --stop
	tell write
	stop "$pid"
	restores
	wait_until is_stopped "$pid"
	go_on "$pid"
	tell write
	restores
	tell read 0 16
	[[ $answer == 0 ]]
}

@test "new mappings are unmapped, and the heap gets back its size" {
	start_threads
	save --stop
	ask grow 50
	ask grow 50
	heap() { sed -n 's/ .*\[heap]$//p' "/proc/$pid/maps"; }
	grown=$(heap)
	# The target waits for input all the while.
	restores
	ask state
	ask grow 100
	stop "$pid"
	restores
	[[ $(heap) != "$grown" ]]
	matches
	go_on "$pid"
	ask grow 50
	end_target

	target
	rm -r image
	tell map anon 16
	tell write
	save --stop
	tell map anon 32
	tell write
	stop "$pid"
	restores
	[[ $output == *unmapped* ]]
	matches
}

@test "a new mapping right behind a grown heap is unmapped as well" {
	start_threads
	save --stop
	ask grow 10
	ask border
	stop "$pid"
	restores
	[[ $output == *" 12 unmapped"* ]]
	matches
	go_on "$pid"
	ask grow 10
}

@test "a grown stack keeps its size, without the new contents" {
	save --stop
	tell stack 64
	stop "$pid"
	restores
	matches
}

@test "a mapping that is gone or has changed is refused, with the reason, and nothing changes" {
	tell map anon 16
	tell write 0 16 1
	save --stop
	tell protect r 4 2
	tell read 0 16
	run -9 dirtyckpt restore "$pid" image
	[[ $output == *"was mapped as rw-p"*"is r--p"* ]]
	tell protect rw 4 2
	restores
	tell map anon 16
	save --stop
	tell unmap 3 1
	run -9 dirtyckpt restore "$pid" image
	[[ $output == *"is no longer mapped"* ]]
	tell write 0 1 1
}

@test "a thread that is new or has exited is refused" {
	start_threads
	save --stop
	ask start
	run -9 dirtyckpt restore "$pid" image
	[[ $output == *"is new; threads cannot be removed"* ]]
	ask wake
	save --stop
	restores
	ask end
	wait_until has_threads 6
	run -9 dirtyckpt restore "$pid" image
	[[ $output == *"has exited since; threads cannot be recreated"* ]]
	ask wake
}

# has_threads COUNT - check the number of threads of the target
has_threads() {
	grep -q "^Threads:[[:space:]]*$1\$" "/proc/$pid/status"
}

@test "verify prints threads that are new or have exited" {
	local new
	start_threads
	save --stop
	ask start
	new=$(cut -d' ' -f1 "/proc/$pid"/task/*/stat | sort -n | tail -n 1)
	stop "$pid"
	run -7 dirtyckpt verify "$pid" image
	[[ $output == *"thread $new is new"* ]]
	go_on "$pid"
	save --stop
	ask end
	wait_until has_threads 6
	stop "$pid"
	run -7 dirtyckpt verify "$pid" image
	[[ $output == *"thread $new has exited"* ]]
}

@test "verify refuses a process that a debugger has stopped" {
	save --stop
	run -0 gdb -nx -q -batch -ex "shell dirtyckpt verify $pid image" -ex 'print $_shell_exitcode' -p "$pid"
	[[ $output == *"is stopped by a debugger"* && $output == *" = 9"* ]]
	run -9 dirtyckpt verify "$pid" image
	[[ $output == *"is running"* ]]
}

@test "verify finds a single changed register" {
	local register
	save --stop
	for register in rbx xmm15.v4_int32[1]; do
		stop "$pid"
		matches
		gdb -nx -q -batch -ex "set var \$$register = 12345" -p "$pid"
		stop "$pid"
		run -7 dirtyckpt verify "$pid" image
		[[ $output == "thread $pid has other registers" ]]
		restores
	done
	go_on "$pid"
	tell map anon 16
}

@test "a moving generation, and another process, are refused" {
	save
	run -9 dirtyckpt restore "$pid" image
	[[ $output == *"save --stop"* ]]
	save --stop
	sleep 1000 3>&- &
	other=$!
	cleanup() { end "$other"; }
	run -9 dirtyckpt restore $other image
	[[ $output == *"only the same living process"* ]]
	run -9 dirtyckpt verify $other image
}

@test "if an injected call does not return, the process does not continue half restored" {
	# With such a registration, madvise waits until the event has been read.
	start_pages '
ioctl = ctypes.CDLL(None).ioctl
print("ready", flush=True)
for line in sys.stdin:
    m[4096] = 7
    uffd = ctypes.CDLL(None).syscall(323, os.O_CLOEXEC)
    api = ctypes.create_string_buffer(struct.pack("QQQ", 0xaa, 1 << 3, 0))
    assert ioctl(uffd, ctypes.c_ulong(0xc018aa3f), api) == 0
    where = ctypes.addressof(ctypes.c_char.from_buffer(m))
    register = ctypes.create_string_buffer(struct.pack("QQQQ", where + 4096, 4096, 1, 0))
    assert ioctl(uffd, ctypes.c_ulong(0xc020aa00), register) == 0
    print("registered", flush=True)'
	hear
	save --stop
	order register
	[[ $told == registered ]]
	run -6 timeout "$TIMEOUT" dirtyckpt restore "$pid" image
	[[ $output == *"does it wait for a userfaultfd?"* ]]
	[[ $output == *"half restored; it cannot be stopped"* ]]
	wait_until has_ended
}

# Kill it before the first, second, ... call that changes something, until it completes.
@test "if restore is killed in the middle, the process does not continue half restored" {
	local n status=0 unchanged=0 ended=0
	checked_pid=
	# At every third call only, as each takes a process of its own
	for ((n = 1; ; n += 3)); do
		tell map anon 600
		tell write 0 500 1
		rm -rf image
		save --stop
		tell write 0 600 2
		status=0
		killat $n dirtyckpt restore --quiet "$pid" image || status=$?
		((status < 2)) || fail "neither killed nor successful"
		((status == 0)) || break
		wait_until is_decided
		if has_ended; then
			((++ended))
			end_target
			target
			checked_pid=
		else
			((++unchanged))
			tell read 0 600
			[[ $answer == 1200 ]] || fail "half restored before call $n: $answer"
		fi
	done
	echo "killed $unchanged times before, $ended times after something had changed"
	((unchanged >= 1 && ended >= 2))
}

# settled - the target is not traced any more, and waits for input
settled() {
	grep -q '^TracerPid:[[:space:]]*0$' "/proc/$pid/status" &&
		grep -q '^State:[[:space:]]*S' "/proc/$pid/status"
}

is_decided() {
	has_ended || settled
}

has_ended() {
	[[ ! -e /proc/$pid/status ]] || grep -q '^State:[[:space:]]*[ZX]' "/proc/$pid/status"
}

# resets COUNT - reset a process COUNT times
resets() {
	timeout "$((TIMEOUT * 10))" python3 "$BATS_TEST_DIRNAME/../programs/resets.py" "$1" image
}

@test "100 resets of one process lead to the same state" {
	run -0 resets 100
	echo "# $output" >&3
	[[ $output == "100 resets, 0 differ;"* ]]
}

# bats test_tags=long
@test "2,000 resets of one process lead to the same state" {
	run -0 resets 2000
	echo "# $output" >&3
	[[ $output == "2000 resets, 0 differ;"* ]]
}
