#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtycat on common programs, and the examples of its manual pages.

load lib

setup() {
	checked_pid=
	pid=
	cd "$BATS_TEST_TMPDIR" || return
}

# sums COLUMN PID - print the sum of the process, in bytes
sums() {
	dirtycat --summary --raw --bytes --noheadings -o "$1" "$2"
}

@test "the heap growth of python3 appears as DIRTY" {
	mkfifo orders answers
	python3 -c '
import sys
kept = []
for line in sys.stdin:
    kept.append(["%d" % i for i in range(int(line))])
    print("done", flush=True)' <orders >answers 3>&- &
	python=$!
	cleanup() { kill -KILL "$python"; }
	exec {orders}>orders {answers}<answers
	echo 1 >&"$orders"
	read -r -t "$TIMEOUT" _ <&"$answers"
	before=$(sums DIRTY $python)
	for _ in 1 2 3; do
		echo 20000 >&"$orders"
		read -r -t "$TIMEOUT" _ <&"$answers"
		after=$(sums DIRTY $python)
		# 20,000 strings of about 54 bytes, and their list
		echo "$((after - before)) bytes more"
		((after - before > 1100000 && after - before < 2500000))
		before=$after
	done
	heap=$(dirtycat --by-mapping --json $python | jq '[.mappings[] | select(.mapping == "[heap]" or .mapping == "[anon]") | .dirty] | add')
	((heap > after * 8 / 10))
	exec {orders}>&- {answers}<&-
}

@test "a forked shell shows shared pages, and the pages that the child copied" {
	cat >forks.sh <<-'END'
		data=$(head -c 2000000 /dev/zero | tr '\0' x)
		echo ready
		read -r _
		(data=$data$data; echo child; sleep 1000; exit) &
		wait
	END
	mkfifo orders answers
	bash forks.sh <orders >answers 3>&- &
	shell=$!
	exec {orders}>orders {answers}<answers
	read -r -t "$TIMEOUT" word <&"$answers"
	[[ $word == ready ]]
	(($(sums SHARED $shell) == 0))
	echo >&"$orders"
	read -r -t "$TIMEOUT" word <&"$answers"
	[[ $word == child ]]
	child=$(pgrep -P $shell)
	# Without its child, each ends by itself.
	cleanup() { kill -KILL $(pgrep -P "$child") "$child" "$shell" || true; }
	((shared = $(sums SHARED $shell), shared > 1000000))
	(($(sums SHARED "$child") >= shared / 2))
	(($(sums DIRTY "$child") - $(sums SHARED "$child") > 1000000))
	exec {orders}>&- {answers}<&-
}

# start_redis - start redis-server with 2,000 keys of 1,000 bytes and slow snapshots
start_redis() {
	ip link set lo up
	redis-server --port 6399 --save "" --dir "$PWD" --daemonize no --enable-debug-command yes \
		--rdb-key-save-delay 20000 >redis.log 3>&- &
	redis=$!
	wait_until redis-cli -p 6399 ping
	redis-cli -p 6399 debug populate 2000 key 1000
}

@test "redis-server during BGSAVE shows the pages copied since the fork" {
	start_redis
	cleanup() { kill -KILL "$redis"; }
	alone=$(sums SHARED $redis)
	((alone == 0))
	redis-cli -p 6399 bgsave
	wait_until pgrep -P $redis
	child=$(pgrep -P $redis)
	((before = $(sums SHARED $redis), before > 2000000))
	for ((i = 0; i < 300; i++)); do
		echo "setrange key:$i 0 new"
	done | redis-cli -p 6399 >replies
	[[ $(wc -l <replies) == 300 ]]
	((copied = before - $(sums SHARED $redis), copied > 300000 && copied < before))
	# Pages that the parent has copied belong to the child alone, too.
	(($(sums SHARED "$child") <= before - copied + 500000))
	run -0 dirtycat --openmetrics -C redis-server
	[[ $output == *"dirtycat_private_dirty_shared_bytes{pid=\"$redis\",comm=\"redis-server\"}"* ]]
	kill -KILL "$child"
	wait_until eval '(($(sums SHARED $redis) == 0))'
}

@test "the examples of the manual pages work" {
	mkdir -p /sys/fs/cgroup/system.slice/nginx.service
	(exec -a "postgres: user database idle" sleep 1000 3>&-) &
	named=$!
	echo "$named" >/sys/fs/cgroup/system.slice/nginx.service/cgroup.procs
	cleanup() {
		kill -KILL "$named"
		wait_until rmdir /sys/fs/cgroup/system.slice/{nginx.service,}
	}
	wait_until grep -q postgres "/proc/$named/cmdline"
	page=$BATS_TEST_DIRNAME/../../tools/dirtycat
	for manual in dirtycat.1:7 proc_pid_dirty_pages.5:2; do
		sed -nE 's/^\.RB "[$#] " "(.*)"$/\1/p' "$page/${manual%:*}" | sed 's/\\(aq/'\''/g; s/\\(rs/\\/g; s/\\//g' >examples
		(($(wc -l <examples) >= ${manual#*:}))
		while read -r example; do
			example=${example//\/var\/lib\/prometheus\/node-exporter/$PWD}
			example=${example// -d 15 / -d 0 -c 1 }
			example=${example// -d 10 / -d 0 -c 2 }
			example=${example// -d 0.5 -c 40 / -d 0 -c 3 }
			example=${example// -d 60 -c 60 / -d 0 -c 2 }
			example=${example//-C redis-server/-C bash}
			run -0 timeout "$TIMEOUT" bash -c "$example; true"
			[[ $example == *'> /tmp/before' || $example == *--diff* || $example == *output-file* ||
				$example == *--record* || $example == *--heatmap* || $example == *+s* || -n $output ]]
			[[ $output != *dirtycat:* ]] || fail "$example: $output"
		done <examples
	done
	grep -q EOF dirtycat.prom
}
