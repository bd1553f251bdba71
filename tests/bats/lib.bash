# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Shared by the scenarios: a target process, its listing, and the two checks that end
# every scenario about a state of memory.

# TIMEOUT: the seconds after which a step hangs, even on a slow machine.
# SLOWNESS: a factor for the duration of load tests on a slow kernel.
: "${TIMEOUT:=600}" "${SLOWNESS:=1}"

# Before each command, bats records a stack trace, which takes twenty times as long as
# most commands. Record it only when a command fails, unless bats --trace is used.
if ((${BATS_TRACE_LEVEL:-0} == 0)); then
	bats_debug_trap() { :; }
	bats_error_trap() {
		bats_check_status_from_trap
		[[ -n $BATS_DEBUG_LAST_STACK_TRACE_IS_VALID ]] || bats_capture_stack_trace
		BATS_DEBUG_LAST_STACK_TRACE_IS_VALID=1
	}
fi
PATH=/run/bin:$PATH
page=4096

setup() {
	# shellcheck disable=SC2119  # without a command
	target
}

# Check a target that still runs against both references. A scenario that changes the
# system restores it in a function cleanup, which cannot use local variables of the
# scenario.
teardown() {
	local status=0
	if [[ -n ${checked_pid-$pid} && -e /proc/${checked_pid-$pid}/exe ]]; then
		check_references "${checked_pid-$pid}" || status=1
	fi
	if declare -F cleanup >/dev/null; then
		cleanup || status=1
	fi
	end_target
	return $status
}

# end_target - kill the target, without a message from the shell
end_target() {
	[[ -n $pid ]] || return 0
	{
		kill -KILL "$pid" || true
		wait "$pid" || true
	} 2>/dev/null
}

fail() {
	echo "$*" >&2
	return 1
}

# target [COMMAND...] - start memstate, by that command, and wait until it is ready.
# Before that it may still be the shell, with pages that are shared with its parent.
# shellcheck disable=SC2120  # scenarios pass one
target() {
	unset MEMSTATE_PID # or the shell would warn about an earlier one
	coproc MEMSTATE { exec "$@" memstate 3>&- 2>&1; }
	pid=$MEMSTATE_PID
	hear_target start
}

# hear_target COMMAND - set $answer to the answer to that command
hear_target() {
	IFS= read -r -t "$TIMEOUT" answer <&"${MEMSTATE[0]}" || answer="no answer to '$*'"
	[[ $answer == READY* ]] || fail "$answer"
}

# tell COMMAND... - make the target run a command. Set $answer, and also $start and
# $end if the answer is a mapping.
tell() {
	printf '%s\n' "$*" >&"${MEMSTATE[1]}"
	hear_target "$*" || return
	answer=${answer#READY}
	answer=${answer# }
	if [[ $answer =~ ^([0-9a-f]+)-([0-9a-f]+)$ ]]; then
		start=${BASH_REMATCH[1]}
		end=${BASH_REMATCH[2]}
	fi
}

# listing [PID] - print the file
listing() {
	timeout "$TIMEOUT" cat "/proc/${1:-$pid}/dirty_pages"
}

# pages_in FILE - print the number of pages in a listing
pages_in() {
	local range pages=0
	while read -r range _; do
		pages=$((pages + (0x${range#*-} - 0x${range%-*}) / page))
	done <"$1"
	echo $pages
}

# picture [PID] - print the pages of the current mapping: COUNT:FLAGS for each run,
# COUNT:- for clean pages
picture() {
	local range flags s e at=$((16#$start)) last=$((16#$end)) out=()
	listing "${1:-$pid}" >"$BATS_TEST_TMPDIR/listing" || {
		fail "no listing of ${1:-$pid}"
		return 1
	}
	# Select the lines that overlap the mapping; awk is much faster at that than bash.
	awk -v first="$start" -v last="$end" '
		function pad(x) { return substr("0000000000000000" x, length(x) + 1) }
		{ split($1, a, "-") }
		pad(a[2]) > pad(first) && pad(a[1]) < pad(last)' \
		"$BATS_TEST_TMPDIR/listing" >"$BATS_TEST_TMPDIR/lines" || return
	while read -r range flags _; do
		s=$((16#${range%-*})) e=$((16#${range#*-}))
		((s > at)) || s=$at
		((e < last)) || e=$last
		((s == at)) || out+=("$(((s - at) / page)):-")
		out+=("$(((e - s) / page)):$flags")
		at=$e
	done <"$BATS_TEST_TMPDIR/lines"
	((at == last)) || out+=("$(((last - at) / page)):-")
	printf '%s\n' "${out[*]}"
}

# pagemap_of PID - print the raw entries of the current mapping, without page frames
pagemap_of() {
	setpriv --bounding-set=-sys_admin dd if="/proc/$1/pagemap" bs=8 status=none \
		skip=$((16#$start / page)) count=$(((16#$end - 16#$start) / page)) | od -An -tx8 -v
}

# expect_of PID RUN... - fail unless that process has these runs in the current mapping
expect_of() {
	local got
	got=$(picture "$1") || return
	[[ $got == "${*:2}" ]] || fail "expected ${*:2}, got $got"
}

expect() {
	expect_of "$pid" "$@"
}

# wait_until COMMAND... - poll until it succeeds
wait_until() {
	local deadline=$((SECONDS + TIMEOUT))
	until "$@"; do
		((SECONDS < deadline)) || {
			fail "timed out: $*"
			return 1
		}
		sleep 0.1
	done
}

# clear_soft_dirty PID - clear d of all pages, as CRIU does
clear_soft_dirty() {
	echo 4 >"/proc/$1/clear_refs"
}

# acknowledge [PID] - list, and write the listing back by the same descriptor
acknowledge() {
	local fd
	exec {fd}<>"/proc/${1:-$pid}/dirty_pages"
	cat <&"$fd" >"$BATS_TEST_TMPDIR/acknowledged"
	cat "$BATS_TEST_TMPDIR/acknowledged" >&"$fd" || {
		fail "not acknowledged"
		return 1
	}
	exec {fd}>&-
}

# put LINE... - write lines to the file
put() {
	printf '%s\n' "$@" >"/proc/$pid/dirty_pages"
}

# page_range FIRST COUNT - print the range of these pages of the current mapping
page_range() {
	printf '%x-%x' "$((16#$start + $1 * page))" "$((16#$start + ($1 + $2) * page))"
}

# verify PID - compare the walk with get_dirty_page(), and set $verified to the result
verify() {
	local fd status=0
	exec {fd}<>/sys/kernel/debug/dirty_pages/verify
	echo "$1" >&"$fd" || status=1
	IFS= read -rd '' verified <&"$fd" || true # at its end
	verified=${verified%$'\n'}
	exec {fd}>&-
	return $status
}

# is_stopped PID - are all its threads stopped, or dead? Without other programs, as
# nearly every scenario calls it.
is_stopped() {
	local file key state
	for file in "/proc/$1"/task/*/status; do
		while read -r key state _; do
			[[ $key != State: ]] || break
		done 2>/dev/null <"$file" || continue
		[[ $state == [TZ] ]] || return
	done
}

# many_runs MAPPINGS - give the target runs of all kinds, and stop it
many_runs() {
	tell many "$1"
	tell map anon 64
	for i in {0..63..2}; do tell write "$i" 1; done
	tell map anon-aligned 1024
	tell advise hugepage
	tell write 0 512
	tell map anon-aligned 2048
	tell advise nohugepage
	tell write
	kill -STOP "$pid"
	wait_until is_stopped "$pid"
}

# oracle_agrees PID - compare the listing with PAGEMAP_SCAN: the pages, and all flags
# but x, k and l. In a mapping with VM_SOFTDIRTY ("sd" in smaps), such as a new one,
# PAGEMAP_SCAN reports every page as d; do not compare d there.
oracle_agrees() {
	local dir=$BATS_TEST_TMPDIR
	dirtycat --text --backend=dirty_pages "$1" >"$dir/listing" &&
		dirtycat --text --backend=pagemap-scan "$1" >"$dir/scan" || return
	known "1 2 3 5" "/proc/$1/smaps" "$dir/listing" "$dir/scan"
	[[ -s $dir/listing.known ]] && diff "$dir/listing.known" "$dir/scan.known"
}

# known COLUMNS SMAPS LISTING... - reduce the flags of each listing to these columns,
# and write the runs to LISTING.known, or to standard output for "-". In a mapping
# with VM_SOFTDIRTY, d becomes ?. One program does all that, as nearly every scenario
# calls it.
known() {
	awk -v columns="$1" '
		function pad(x) { return substr("0000000000000000" x, length(x) + 1) }
		function print_run() {
			if (end && to == "-.known") print start "-" end, flags
			else if (end) print start "-" end, flags >to
			end = ""
		}
		BEGIN { count = split(columns, column, " ") }
		FILENAME == ARGV[1] {
			if (/^[0-9a-f]+-/) split($1, range, "-")
			if (!/^VmFlags:.* sd/) next
			first[++fresh] = pad(range[1])
			last[fresh] = pad(range[2])
			next
		}
		FNR == 1 {
			print_run()
			to = FILENAME ".known"
			if (to != "-.known") printf "" >to
			i = 1
		}
		{
			split($1, a, "-")
			at = pad(a[1])
			while (i <= fresh && last[i] "" <= at "") i++
			is_fresh = i <= fresh && first[i] "" <= at ""
			now = ""
			for (c = 1; c <= count; c++)
				now = now (is_fresh && column[c] == 3 ? "?" : substr($2, column[c], 1))
			if (a[1] != end || now != flags) {
				print_run()
				start = a[1]
				flags = now
			}
			end = a[2]
		}
		END { print_run() }' "${@:2}"
}

# what_both_know COLUMN... - reduce the flags of a listing to these columns
what_both_know() {
	known "$*" /dev/null -
}

# check_references PID - fail unless verify finds no difference and PAGEMAP_SCAN agrees
# on each page. A scenario where PAGEMAP_SCAN cannot agree sets $oracle_differs to the
# reason.
check_references() {
	kill -STOP "$1" && wait_until is_stopped "$1" || return
	if [[ -z ${oracle_differs-} ]]; then
		oracle_agrees "$1" || {
			fail "PAGEMAP_SCAN (>) disagrees"
			return 1
		}
	elif oracle_agrees "$1" >/dev/null; then
		fail "PAGEMAP_SCAN agrees, though: $oracle_differs"
		return 1
	fi
	verify "$1" || return
	[[ $verified =~ ^checked\ [1-9][0-9]*\ differ\ 0\ skipped\ [0-9]+$ ]] ||
		fail "verify: $verified"
}

# kill_target_during CONDITION COMMAND... - run the command, and kill the target once
# CONDITION holds: a Python expression that may use is_closed(NAME) and position(NAME)
# for files of the command. The output goes to /tmp/shown and /tmp/error; the exit
# status is that of the command.
kill_target_during() {
	python3 - "$pid" "$@" <<-'PYTHON'
		import os, signal, subprocess, sys, time
		pid = int(sys.argv[1])
		reader = subprocess.Popen(sys.argv[3:], stdout=open("/tmp/shown", "w"),
		                          stderr=open("/tmp/error", "w"))
		def files(name):
		    for fd in os.listdir(f"/proc/{reader.pid}/fd"):
		        try:
		            if os.readlink(f"/proc/{reader.pid}/fd/{fd}").endswith(name):
		                yield fd
		        except FileNotFoundError:
		            pass
		seen = set()
		def is_closed(name):
		    if any(files(name)):
		        seen.add(name)
		        return False
		    return name in seen
		def position(name):
		    try:
		        return sum(int(open(f"/proc/{reader.pid}/fdinfo/{fd}").readline().split()[1])
		                   for fd in files(name))
		    except FileNotFoundError:
		        return 0  # closed meanwhile
		while not eval(sys.argv[2]):
		    assert reader.poll() is None
		os.kill(reader.pid, signal.SIGSTOP)
		os.kill(pid, signal.SIGKILL)
		try:
		    while open(f"/proc/{pid}/maps").read(1):
		        time.sleep(0.05)
		except (FileNotFoundError, ProcessLookupError):
		    pass  # it was reaped
		os.kill(reader.pid, signal.SIGCONT)
		sys.exit(reader.wait())
	PYTHON
}

# start_busy - start $busy, a process that constantly maps, writes and unmaps
start_busy() {
	python3 -c '
import mmap
while True:
    maps = [mmap.mmap(-1, 4096 * (1 + i % 7)) for i in range(50)]
    for m in maps: m[0] = 1
    for m in maps[::2]: m.close()' 3>&- &
	busy=$!
}

# new_file PATH PAGES - create a file with pages that are not zero
new_file() {
	head -c $(($2 * page)) /dev/zero | tr '\0' 'x' >"$1"
}

# use_swap zram|disk|file - swap to this device until drop_swap. Pages that are swapped
# out to a disk stay in the swap cache for a while.
use_swap() {
	local id
	if [[ $1 == zram ]]; then
		id=$(cat /sys/class/zram-control/hot_add)
		swap_device=/dev/zram$id
		echo 256M >"/sys/block/zram$id/disksize"
	elif [[ $1 == disk ]]; then
		truncate -s 128M /run/disk
		swap_loop=$(losetup --find --show /run/disk)
		swap_device=$swap_loop
	else
		mkdir -p /run/ext2
		truncate -s 300M /run/disk
		mkfs.ext2 -q /run/disk
		swap_loop=$(losetup --find --show /run/disk)
		mount "$swap_loop" /run/ext2
		swap_device=/run/ext2/swap
		dd if=/dev/zero of="$swap_device" bs=1M count=128 status=none
		chmod 600 "$swap_device"
	fi
	mkswap "$swap_device" >/dev/null
	swapon "$swap_device"
}

drop_swap() {
	[[ -n ${swap_device-} ]] || return 0
	swapoff "$swap_device" 2>/dev/null || true
	if [[ $swap_device == /dev/zram* ]]; then
		echo "${swap_device#/dev/zram}" >/sys/class/zram-control/hot_remove
	else
		[[ $swap_device == "$swap_loop" ]] || umount /run/ext2
		losetup --detach "$swap_loop"
		rm /run/disk
	fi
	swap_device=
}

# start_probe FILE OFFSET / stop_probe - a uprobe there, in all processes that map it
start_probe() {
	echo "p:probed $1:$2" >/sys/kernel/tracing/uprobe_events
	echo 1 >/sys/kernel/tracing/events/uprobes/probed/enable
}

stop_probe() {
	[[ -n $(</sys/kernel/tracing/uprobe_events) ]] || return 0
	echo 0 >/sys/kernel/tracing/events/uprobes/enable
	echo >/sys/kernel/tracing/uprobe_events
}

# start_ksm [use_zero_pages] / stop_ksm
start_ksm() {
	echo "${1:-0}" >/sys/kernel/mm/ksm/use_zero_pages
	echo 1000 >/sys/kernel/mm/ksm/pages_to_scan
	echo 10 >/sys/kernel/mm/ksm/sleep_millisecs
	echo 1 >/sys/kernel/mm/ksm/run
}

stop_ksm() {
	echo 2 >/sys/kernel/mm/ksm/run
	echo 0 >/sys/kernel/mm/ksm/run
	echo 0 >/sys/kernel/mm/ksm/use_zero_pages
}
