# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the scenarios share: a target process, what is listed of it, and the two
# checks that close every scenario about a state of memory.

# How many seconds a step may take until it hangs, however slow the machine is; and
# how many times as long load is put on the kernel, as that is slow
: "${TIMEOUT:=600}" "${SLOWNESS:=1}"

# Before each command, bats notes where it is, which takes twenty times as long as
# most commands. It is enough to look where one has failed; not so for bats --trace.
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
	# shellcheck disable=SC2119  # none here
	target
}

# A target that is still there is checked against both references. A scenario
# that changes the system sets it right in a function cleanup, whose variables
# must not be local to it.
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

# end_target - without a word from the shell
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

# target [COMMAND...] - start memstate, by that command, to be told what to do. Until
# it is ready, it may still be the shell, whose pages are not its own alone.
# shellcheck disable=SC2120  # scenarios pass one
target() {
	unset MEMSTATE_PID # the shell would speak of an earlier one
	coproc MEMSTATE { exec "$@" memstate 3>&- 2>&1; }
	pid=$MEMSTATE_PID
	hear_target start
}

# hear_target COMMAND - sets $answer to what it says to that
hear_target() {
	IFS= read -r -t "$TIMEOUT" answer <&"${MEMSTATE[0]}" || answer="no answer to '$*'"
	[[ $answer == READY* ]] || fail "$answer"
}

# tell COMMAND... - have the target do it; sets $answer, and $start and $end if
# that is a mapping
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

# listing [PID] - the file, as it is
listing() {
	timeout "$TIMEOUT" cat "/proc/${1:-$pid}/dirty_pages"
}

# pages_in FILE - of a listing
pages_in() {
	local range pages=0
	while read -r range _; do
		pages=$((pages + (0x${range#*-} - 0x${range%-*}) / page))
	done <"$1"
	echo $pages
}

# picture [PID] - the pages of the mapping at hand: COUNT:FLAGS for each run,
# COUNT:- for clean ones
picture() {
	local range flags s e at=$((16#$start)) last=$((16#$end)) out=()
	listing "${1:-$pid}" >"$BATS_TEST_TMPDIR/listing" || {
		fail "no listing of ${1:-$pid}"
		return 1
	}
	# The lines that touch the mapping; awk is much faster than bash at that.
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

# pagemap_of PID - the raw entries of the mapping at hand, without page frames
pagemap_of() {
	setpriv --bounding-set=-sys_admin dd if="/proc/$1/pagemap" bs=8 status=none \
		skip=$((16#$start / page)) count=$(((16#$end - 16#$start) / page)) | od -An -tx8 -v
}

# expect_of PID RUN... - the mapping at hand looks like this in that process
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
			fail "still not so: $*"
			return 1
		}
		sleep 0.1
	done
}

# clear_soft_dirty PID - as CRIU does, all at once
clear_soft_dirty() {
	echo 4 >"/proc/$1/clear_refs"
}

# acknowledge [PID] - list, and write back what was listed, by one descriptor
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

# page_range FIRST COUNT - such pages of the mapping at hand, as a range
page_range() {
	printf '%x-%x' "$((16#$start + $1 * page))" "$((16#$start + ($1 + $2) * page))"
}

# verify PID - the range walk against get_dirty_page(); sets $verified
verify() {
	local fd status=0
	exec {fd}<>/sys/kernel/debug/dirty_pages/verify
	echo "$1" >&"$fd" || status=1
	verified=$(cat <&"$fd")
	exec {fd}>&-
	return $status
}

is_stopped() {
	! grep -L '^State:[[:space:]]*[TZ]' "/proc/$1"/task/*/status | grep -q .
}

# many_runs MAPPINGS - the target gets runs of all kinds, and is stopped
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

join_runs() {
	awk '$1 == end && $3 == flags { end = $2; next }
		NR > 1 { print start "-" end, flags }
		{ start = $1; end = $2; flags = $3 }
		END { if (NR) print start "-" end, flags }'
}

# oracle_agrees PID - PAGEMAP_SCAN, listed by dirtycat, shows the same pages and the
# same flags but x, k and l. It reports all pages of a mapping with VM_SOFTDIRTY ("sd"
# in smaps), such as a new one, as d: there, d is not compared.
oracle_agrees() {
	local dir=$BATS_TEST_TMPDIR name
	awk '/^[0-9a-f]+-/ { range = $1 } /^VmFlags:.* sd/ { print range }' "/proc/$1/smaps" >"$dir/fresh"
	dirtycat --text --backend=dirty_pages "$1" >"$dir/listing" &&
		dirtycat --text --backend=pagemap-scan "$1" >"$dir/scan" || return
	for name in listing scan; do
		without_d "$dir/fresh" "$dir/$name" | what_both_know 1 2 3 5 >"$dir/$name.known"
	done
	[[ -s $dir/listing.known ]] && diff "$dir/listing.known" "$dir/scan.known"
}

# without_d RANGES LISTING - the listing, with ? for d where it starts in a range
without_d() {
	awk '
		function pad(x) { return substr("0000000000000000" x, length(x) + 1) }
		{ split($1, a, "-"); start = pad(a[1]) }
		FILENAME == ARGV[1] { first[++n] = start; end[n] = pad(a[2]); next }
		{
			while (i < n && end[i] "" <= start "") i++
			if (i && first[i] "" <= start "" && start "" < end[i] "")
				$2 = substr($2, 1, 2) "?" substr($2, 4)
			print
		}' "$1" "$2"
}

# what_both_know COLUMN... - a listing with those columns of its flags only
what_both_know() {
	awk -v columns="$*" '
		{
			split($1, a, "-")
			flags = ""
			n = split(columns, c, " ")
			for (i = 1; i <= n; i++) flags = flags substr($2, c[i], 1)
			print a[1], a[2], flags
		}' | join_runs
}

# check_references PID - verify differs in nothing, and PAGEMAP_SCAN agrees page
# for page, unless the scenario sets $oracle_differs to the reason why it cannot
check_references() {
	kill -STOP "$1" && wait_until is_stopped "$1" || return
	if [[ -z ${oracle_differs-} ]]; then
		oracle_agrees "$1" || {
			fail "PAGEMAP_SCAN (>) sees it otherwise"
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

# kill_target_during CONDITION COMMAND... - run the command, and kill the target
# once CONDITION holds, an expression that knows is_closed(NAME) and position(NAME)
# of the command's files. Its output goes to /tmp/shown and /tmp/error; the exit
# status is its own.
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
		        return 0  # closed since
		while not eval(sys.argv[2]):
		    assert reader.poll() is None
		os.kill(reader.pid, signal.SIGSTOP)
		os.kill(pid, signal.SIGKILL)
		try:
		    while open(f"/proc/{pid}/maps").read(1):
		        time.sleep(0.05)
		except (FileNotFoundError, ProcessLookupError):
		    pass  # somebody has waited for it
		os.kill(reader.pid, signal.SIGCONT)
		sys.exit(reader.wait())
	PYTHON
}

# start_busy - a process that maps, writes and unmaps all the time: $busy
start_busy() {
	python3 -c '
import mmap
while True:
    maps = [mmap.mmap(-1, 4096 * (1 + i % 7)) for i in range(50)]
    for m in maps: m[0] = 1
    for m in maps[::2]: m.close()' 3>&- &
	busy=$!
}

# new_file PATH PAGES - a file whose pages are not zero
new_file() {
	head -c $(($2 * page)) /dev/zero | tr '\0' 'x' >"$1"
}

# use_swap zram|disk|file - swap to that only, until drop_swap. What is written to a
# disk stays in the swap cache for a while.
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

# start_probe FILE OFFSET / stop_probe - a uprobe there, in all who map it
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
