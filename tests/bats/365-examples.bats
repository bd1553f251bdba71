#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The programs in examples/. Those in the manuals of the library are in 147-library.bats.

load lib
load dirtyckpt

examples=$BATS_TEST_DIRNAME/../../examples

# counter - print a program that counts its inputs, and fills 1 MiB with each
counter() {
	cat <<-'END'
		import os, sys
		count = 0
		memory = bytearray(1 << 20)
		print("ready", flush=True)
		while line := sys.stdin.readline():
		    count += 1
		    if line == "crash\n":
		        os.abort()
		    if line == "late crash\n":
		        print("crashing", flush=True)
		        os.abort()
		    for page in range(0, len(memory), 4096):
		        memory[page] += len(line)
		    print(count, sum(memory) // 256, flush=True)
	END
}

@test "fuzz-loop: no answer depends on an earlier input, and an input that ends the program is reported" {
	printf '%s\n' a bcd crash a 'late crash' a efgh >inputs
	counter >counter.py
	"$examples/fuzz-loop" python3 counter.py <inputs >answers 2>messages
	diff answers - <<-'END'
		1 2
		1 4
		1 2
		crashing
		1 2
		1 5
	END
	grep -qxF "fuzz-loop: status -6 after input 'crash\\n'" messages
	grep -qxF "fuzz-loop: status -6 after input 'late crash\\n'" messages
}

@test "save-cgroup: all processes are saved while they are frozen, and run afterwards" {
	group=/sys/fs/cgroup/example
	cleanup() {
		end "$second"
		end_target
		is_empty() { [[ ! -s $group/cgroup.procs && ! -s $group/below/cgroup.procs ]]; }
		wait_until is_empty
		rmdir "$group/below" "$group"
	}
	mkdir "$group" "$group/below"
	tell map anon 2048
	tell write 0 1024 3
	echo "$pid" >"$group/cgroup.procs"
	python3 -c 'while True: pass' 3>&- &
	second=$!
	echo $second >"$group/below/cgroup.procs"
	run -0 "$examples/save-cgroup" "$group" images
	grep -qx "frozen 0" "$group/cgroup.events"
	tell write 100 7 4
	run -0 "$examples/save-cgroup" "$group" images
	[[ $output != *"starting over"* ]]
	for process in "$pid" $second; do
		dirtyckpt list --json "images/$process" >"list.$process"
		run -0 jq -e '.generations | map(.kind) == ["moving", "stopped", "moving", "stopped"]' "list.$process"
	done
	# Nothing but these pages was written in between.
	run -0 jq -e '.generations[2].stored < 200' "list.$pid"
	stop "$pid"
	matches "images/$pid"
	go_on "$pid"
	run -1 "$examples/save-cgroup" /sys/fs images
	[[ $output == "save-cgroup: /sys/fs is no folder of a cgroup"* ]]
}

@test "save-cgroup: if a process cannot be saved, the cgroup is thawed, and the failure is reported" {
	group=/sys/fs/cgroup/example
	cleanup() {
		end_target
		is_empty() { [[ ! -s $group/cgroup.procs ]]; }
		wait_until is_empty
		rmdir "$group"
	}
	mkdir "$group"
	echo "$pid" >"$group/cgroup.procs"
	mkdir failing
	cat >failing/dirtyckpt <<-END
		#!/bin/bash
		[[ \$2 != --stop ]] || exit 1
		exec $BUILD/tools/dirtyckpt "\$@"
	END
	chmod +x failing/dirtyckpt
	PATH=$PWD/failing:$PATH run -1 "$examples/save-cgroup" "$group" images
	grep -qx "frozen 0" "$group/cgroup.events"
	tell map anon 1
}
