#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The tracepoints report the work that was done.

load lib

trace=/sys/kernel/tracing/instances/dirty_pages

setup() {
	mkdir $trace
	target
}

cleanup() {
	rmdir $trace
}

# traced COMMAND... - run it, and set $events to its events, from their names on
traced() {
	echo >$trace/trace
	echo 1 >$trace/events/dirty_pages/enable
	"$@" >"$BATS_TEST_TMPDIR/traced" || return
	echo 0 >$trace/events/dirty_pages/enable
	events=$(grep -v '^#' $trace/trace | grep -o 'dirty_pages_[a-z]*: .*') || [[ -z $events ]]
}

# sum FIELD - print the sum of a field of all events
sum() {
	awk -v field=" $1=" 'i = index($0, field) { sum += substr($0, i + length(field)) }
		END { print sum + 0 }' <<<"$events"
}

# The time and the shorter time with the lock held are in nanoseconds.
times_are_right() {
	local time locked
	while read -r time locked; do
		((locked > 0 && time >= locked && time < TIMEOUT * 1000000000)) ||
			fail "$locked ns of $time"
	done < <(sed -n 's/.* time_ns=\([0-9]*\) locked_ns=\([0-9]*\).*/\1 \2/p' <<<"$events")
}

@test "a listing has an event for each batch, with its lines and pages; only one is the last" {
	tell many 3000
	tell map anon 20000
	tell write
	kill -STOP "$pid"
	traced listing
	(($(grep -c '^dirty_pages_list: ' <<<"$events") >= 3))
	run ! grep -v "^dirty_pages_list: pid=$pid " <<<"$events"
	(($(sum ranges) == $(wc -l <"$BATS_TEST_TMPDIR/traced")))
	(($(sum pages) == $(pages_in "$BATS_TEST_TMPDIR/traced")))
	(($(sum fast) >= 20000 && $(sum slow) > 0))
	[[ $(sum last) == 1 && $(tail -n 1 <<<"$events") == *" last=1" ]]
	times_are_right
	# No machine lists 3,000 mappings in less, nor takes 1,000 times as long.
	(($(sum time_ns) > 50000))
}

@test "a listing follows read-only entries to their pages, but not written ones" {
	tell map anon 4000
	tell write
	kill -STOP "$pid"
	traced listing
	(($(sum slow) < 4000 && $(sum fast) >= 4000))
	acknowledge
	traced listing
	(($(sum slow) >= 4000 && $(sum fast) < 4000))
}

# bats test_tags=concurrent
@test "listings on several CPUs have one last event each" {
	reading() {
		local readers=()
		for _ in {1..8}; do
			listing >/dev/null &
			readers+=($!)
		done
		wait "${readers[@]}"
	}
	traced reading
	[[ $(sum last) == 8 ]]
}

@test "an acknowledgment has an event for each hold, with its pages, and those that are held" {
	tell map anon 100
	tell write
	tell pipe 2 4
	traced put "$(page_range 0 50)" "$(page_range 60 10)"
	run ! grep -v "^dirty_pages_ack: pid=$pid " <<<"$events"
	(($(sum pages) == 56 && $(sum busy) == 4 && $(sum split) == 0))
	(($(sum ranges) >= 2))
	(($(sum slow) == 60 && $(sum fast) > 0))
	times_are_right
	tell drain
}

@test "an acknowledgment checks each page of a line with d, cleared or not" {
	tell map anon 100
	tell write
	traced put "$(page_range 0 50)" "$(page_range 60 10)" "$(page_range 0 9) apx----"
	(($(sum pages) == 60 && $(sum slow) == 60))
	traced put "$(page_range 0 100)"
	(($(sum pages) == 40 && $(sum slow) == 100))
	traced put "$(page_range 0 100)"
	(($(sum pages) == 0 && $(sum slow) == 100))
}

@test "an acknowledgment splits a huge page only for a part of it" {
	tell map anon-aligned 512
	tell advise hugepage
	tell write
	expect 512:apdxh--
	traced put "$(page_range 0 512)"
	(($(sum pages) == 512 && $(sum split) == 0))
	tell write
	traced put "$(page_range 0 10)"
	(($(sum pages) == 10 && $(sum split) == 1))
}

@test "all fields are documented" {
	local field rst=$BATS_TEST_DIRNAME/../../Documentation/filesystems/proc_dirty_pages.rst
	run -0 sed -n 's/.*field:.* \([a-z_]*\);.*/\1/p' $trace/events/dirty_pages/*/format
	((${#lines[@]} >= 18))
	for field in "${lines[@]}"; do
		[[ $field == common_* ]] || grep -qE "^\`\`$field\`\` +" "$rst" || fail "$field is not documented"
	done
}

@test "an event for a thread shows the pid of its process" {
	tell map anon 8
	tell write
	tell leave
	tid=$answer
	checked_pid=$tid
	[[ $tid != "$pid" ]]
	traced cat "/proc/$pid/task/$tid/dirty_pages"
	[[ $events == *"dirty_pages_list: pid=$pid "* ]]
}

@test "without a reader there are no events, and reading the event files causes none" {
	tell map anon 8
	tell write
	# Only opening the file reads nothing.
	quiet() { : <>"/proc/$pid/dirty_pages" && verify "$pid"; }
	traced quiet
	[[ -z $events ]]
	grep -q 'field:unsigned long pages;' $trace/events/dirty_pages/dirty_pages_list/format
}

@test "the session with trace-cmd in the document works" {
	local rst=$BATS_TEST_DIRNAME/../../Documentation/filesystems/proc_dirty_pages.rst
	tell map anon 8
	tell write
	cd "$BATS_TEST_TMPDIR" || return
	sed -n '/^Tracing/,/^See also/s/^    # //p' "$rst" | sed "s/1234/$pid/" >session
	(($(grep -c '^trace-cmd' session) == 2))
	run -0 bash -e session
	for event in list ack; do
		[[ $output =~ dirty_pages_$event:\ +pid=$pid\ ranges= ]]
		# The sample has the fields of the event.
		[[ $(grep -m1 -o "dirty_pages_$event: .*" "$rst" | sed 's/[0-9]\+//g; s/ \+/ /g') == \
			$(grep -m1 -o "dirty_pages_$event: .*" <<<"$output" | sed 's/[0-9]\+//g; s/ \+/ /g') ]]
	done
}
