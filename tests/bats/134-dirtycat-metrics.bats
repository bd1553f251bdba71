#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The labels of dirtycat's metrics, and the sums of processes with equal labels.

load lib

cleanup() {
	local sleeper
	for sleeper in "${sleepers[@]}"; do
		kill -KILL "$sleeper" && wait "$sleeper"
	done
	[[ ! -d $group ]] || wait_until rmdir "$group"
} 2>/dev/null

# start COMMAND... - in the background, until the scenario ends: $!
start() {
	"$@" 3>&- &
	sleepers+=($!)
}

# sleeper COMMAND... - a process that changes nothing, as that command runs it: $!
sleeper() {
	start "$@" sleep 1000
	wait_until grep -qx sleep "/proc/$!/comm"
	# It modifies nothing once it sleeps.
	wait_until grep -q '^State:.*sleeping' "/proc/$!/status"
}

# metrics ARGUMENT... - into /tmp/metrics, which promtool finds nothing wrong with
metrics() {
	local status=0
	dirtycat --openmetrics "$@" >/tmp/metrics || status=$?
	[[ -z $(promtool check metrics </tmp/metrics 2>&1) ]] || fail "promtool: $(promtool check metrics </tmp/metrics 2>&1)"
	return $status
}

# value NAME [LABELS] - of that series in /tmp/metrics
value() {
	awk -v series="dirtycat_$1${2:+{$2\}}" 'substr($0, 1, length(series) + 1) == series " " { print $NF }' /tmp/metrics
}

# sum NAME - of all its series
sum() {
	awk -v name="dirtycat_$1{" 'index($0, name) == 1 { sum += $NF } END { printf "%.0f\n", sum }' /tmp/metrics
}

@test "--labels: in the order of the option, each once, pid and comm without it" {
	metrics "$pid"
	grep -q "^dirtycat_read_success{pid=\"$pid\",comm=\"memstate\"} 1$" /tmp/metrics
	metrics --labels cgroup,user,comm,pid,comm "$pid"
	grep -q "^dirtycat_read_success{cgroup=\"/\",user=\"root\",comm=\"memstate\",pid=\"$pid\"} 1$" /tmp/metrics
	run ! grep -q ^dirtycat_processes /tmp/metrics
	# Text that was kept has no process.
	dirtycat --text "$pid" >/tmp/kept
	dirtycat --openmetrics --input /tmp/kept >/tmp/metrics
	(($(value private_dirty_bytes) > 0))
}

@test "without pid: each gauge is the sum over processes with equal labels" {
	local name
	tell map anon 100
	tell write
	kill -STOP "$pid"
	wait_until is_stopped "$pid"
	sleeper env
	sleeper env
	sleeper env
	metrics "${sleepers[@]}" "$pid"
	declare -A each
	for name in private_dirty_{bytes,shared_bytes,written_bytes,runs} read_success; do
		each[$name]=$(($(sum "$name") - $(value "$name" "pid=\"$pid\",comm=\"memstate\"")))
	done
	metrics --labels comm "${sleepers[@]}" "$pid"
	for name in "${!each[@]}"; do
		[[ $name == read_success || $(value "$name" 'comm="sleep"') == "${each[$name]}" ]] ||
			fail "$name: $(value "$name" 'comm="sleep"'), not ${each[$name]}"
	done
	((each[private_dirty_bytes] > 3 * 40000 && each[read_success] == 3))
	[[ $(value processes 'comm="sleep"') == 3 && $(value processes 'comm="memstate"') == 1 ]]
	[[ $(value read_success 'comm="sleep"') == 1 ]]
	# Series come in the order of their first processes, and once in each gauge.
	[[ $(grep ^dirtycat_processes /tmp/metrics) == $'dirtycat_processes{comm="sleep"} 3\ndirtycat_processes{comm="memstate"} 1' ]]
	for name in private_dirty_bytes read_seconds processes; do
		(($(grep -c "^dirtycat_$name{" /tmp/metrics) == 2))
	done
	metrics --labels user "${sleepers[@]}" "$pid"
	[[ $(value processes 'user="root"') == 4 ]]
}

@test "without pid: pages that processes share count in each, and HELP says so" {
	tell map anon 1000
	tell write
	metrics --labels comm "$pid"
	before=$(value private_dirty_bytes 'comm="memstate"')
	tell fork
	metrics --labels comm -C memstate
	[[ $(value processes 'comm="memstate"') == 2 ]]
	(($(value private_dirty_bytes 'comm="memstate"') >= before + 1000 * page))
	(($(value private_dirty_shared_bytes 'comm="memstate"') >= 2 * 1000 * page))
	for name in '' written_ shared_ swapped_ huge_ merged_ lazyfree_ lost_; do
		grep -q "^# HELP dirtycat_private_dirty_${name}bytes Modified private pages.*, in bytes\. Where a series sums several processes, pages that they share count in each\.$" /tmp/metrics ||
			fail "$name"
	done
}

@test "HELP does not depend on the labels, and each text stands alone" {
	metrics "$pid"
	grep '^# HELP' /tmp/metrics >/tmp/help
	(($(wc -l </tmp/help) == 11))
	run ! grep -E ' (Those|That|These|It) ' /tmp/help
	metrics --labels comm "$pid"
	grep '^# HELP' /tmp/metrics | grep -v ' dirtycat_processes ' | diff /tmp/help -
}

@test "user is a name, or a number without one; cgroup is a path" {
	group='/sys/fs/cgroup/a "b"\c'
	mkdir "$group"
	sleeper setpriv --reuid=nobody --regid=nogroup --clear-groups
	sleeper setpriv --reuid=12345 --regid=12345 --clear-groups
	echo "${sleepers[0]}" >"$group/cgroup.procs"
	metrics --labels user,cgroup "${sleepers[@]}"
	grep -qxF 'dirtycat_processes{user="nobody",cgroup="/a \"b\"\\c"} 1' /tmp/metrics
	grep -qxF 'dirtycat_processes{user="12345",cgroup="/"} 1' /tmp/metrics
	# Show the effective user, even if root owns the folder in /proc.
	sleeper setpriv --euid=nobody
	metrics --labels user "${sleepers[2]}"
	[[ $(value processes 'user="nobody"') == 1 ]]
}

@test "quotes, backslashes, control characters and invalid UTF-8 are escaped, and differ" {
	local name names=('a"b' 'a\b' $'a\nb' $'a\\nb' $'a\xffb' $'a\e[1mb' 'a{b="c"},é')
	for name in "${names[@]}"; do
		cp /usr/bin/sleep "/tmp/$name"
		start "/tmp/$name" 1000
		wait_until grep -q ^a "/proc/$!/comm"
	done
	metrics --labels comm "${sleepers[@]}"
	for name in 'a\"b' 'a\\b' 'a\\x0ab' 'a\\nb' 'a\\xffb' 'a\\x1b[1mb' 'a{b=\"c\"},é'; do
		grep -qxF "dirtycat_processes{comm=\"$name\"} 1" /tmp/metrics || fail "$name"
	done
	(($(grep -c '^dirtycat_processes{' /tmp/metrics) == 7))
}

@test "a process that cannot be read spoils the sums of its series only" {
	sleeper env
	sleeper setpriv --reuid=65534 --regid=65534 --clear-groups
	run -3 setpriv --reuid=65534 --regid=65534 --clear-groups \
		dirtycat --openmetrics --labels user,comm "${sleepers[@]}"
	[[ $output == *'dirtycat_read_success{user="root",comm="sleep"} 0'* ]]
	[[ $output != *'dirty_bytes{user="root"'* ]]
	[[ $output == *'dirtycat_read_success{user="nobody",comm="sleep"} 1'* ]]
	[[ $output == *'dirty_bytes{user="nobody",comm="sleep"} '* ]]
	run -3 setpriv --reuid=65534 --regid=65534 --clear-groups \
		dirtycat --openmetrics --labels comm "${sleepers[@]}"
	[[ $output == *'dirtycat_read_success{comm="sleep"} 0'* && $output != *'dirty_bytes{'* ]]
}

@test "a process that has ended is no part of a sum" {
	sleeper env
	sleeper env
	dirtycat --openmetrics --labels comm --output-file /tmp/metrics -d 0.2 "${sleepers[@]}" 3>&- 2>/tmp/error &
	reader=$!
	wait_until grep -qx 'dirtycat_processes{comm="sleep"} 2' /tmp/metrics
	kill -KILL "${sleepers[1]}"
	wait_until grep -qx 'dirtycat_processes{comm="sleep"} 1' /tmp/metrics
	[[ $(value read_success 'comm="sleep"') == 1 && -n $(value private_dirty_bytes 'comm="sleep"') ]]
	kill -KILL "${sleepers[0]}"
	wait $reader || true
	grep -q "${sleepers[1]}: has exited" /tmp/error
}

@test "the errors of --labels name the labels that there are" {
	local arguments message
	while IFS='|' read -r arguments message; do
		# shellcheck disable=SC2086  # several words
		run -1 dirtycat $arguments
		[[ $output == "dirtycat: $message; see 'dirtycat --help'" ]] || fail "$arguments: $output"
	done <<-'END'
		--openmetrics --labels tid 1|tid: no such label; the labels are pid, comm, user, cgroup
		--openmetrics --labels comm,Comm 1|Comm: no such label; the labels are pid, comm, user, cgroup
		--openmetrics --labels comm, 1|: no such label; the labels are pid, comm, user, cgroup
		--labels comm 1|--labels is for metrics; say --openmetrics as well
		--openmetrics --labels comm --input /dev/null|--input cannot be combined with --labels, which name processes
	END
	run -0 dirtycat --help
	[[ $output == *'--labels LABELS '*'pid, comm, user, cgroup'* ]]
}
