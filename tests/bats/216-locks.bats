#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The locks of a listing: the process need not wait for it to map memory elsewhere.

load lib

events=/sys/kernel/tracing/events/mmap_lock/mmap_lock_start_locking

setup() {
	mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
	target
}

cleanup() {
	echo 0 >$events/enable
	echo >/sys/kernel/tracing/trace
}

@test "a listing takes the mmap lock only where the kernel lists maps with it" {
	local mm taken
	tell map anon 64
	tell write
	new_file /tmp/file 16
	tell map private 16 /tmp/file
	tell write
	echo >/sys/kernel/tracing/trace
	echo 1 >$events/enable
	# The process takes the lock to map memory, which shows which lock it is.
	tell map anon 8
	listing >/tmp/listing
	echo 0 >$events/enable
	grep start_locking /sys/kernel/tracing/trace >/tmp/events
	mm=$(sed -n 's/^ *memstate-.*: mm=\([^ ]*\) .*write=true.*/\1/p' /tmp/events | head -n 1)
	[[ -n $mm && -s /tmp/listing ]]
	taken=$(grep -c "^ *cat-.*: mm=$mm .*write=false" /tmp/events || true)
	case $(uname -r) in
	6.12.*) ((taken > 0)) || fail "the lock was not taken" ;;
	*) ((taken == 0)) || fail "the lock was taken $taken times" ;;
	esac
}
