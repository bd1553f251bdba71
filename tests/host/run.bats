#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# tests/run misses no failure, and shows its cause.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	. dev/lib.sh
	set +u +o pipefail # as bats has them
	mkdir -p "$kbuild/tests"
	dir=$(mktemp -d "$kbuild/tests/run.XXXXXX") # The guest sees build/.
	export TAGS='!long'
}

teardown() {
	rm -r "$dir" "$kbuild"/tests/test-*"${dir##*/}"*
}

# scenarios NAME - make a file of scenarios from standard input. They are spelled
# differently there, so that bats does not read them as scenarios of this file.
scenarios() {
	sed 's/^scenario /@test /; s/^tagged /# bats test_tags=/' >"$dir/$1.bats"
}

run_scenarios() {
	tests/run "$@" 3>&- 4>&-
}

@test "all files make one stream, in order, with the failures and a count" {
	scenarios a <<-'END'
		scenario "holds" { true; }
		tagged concurrent
		scenario "has two CPUs" { (($(nproc) == 2)); }
		scenario "does not hold" { echo because; false; }
		scenario "is skipped" { skip; }
		scenario "has one CPU" { (($(nproc) == 1)); }
		tagged long
		scenario "is not run" { false; }
	END
	scenarios b <<<'scenario "holds as well" { true; }'
	run -1 run_scenarios "$dir"
	grep -E '^(ok|not ok|1\.\.|[0-9]+ passed)' <<<"$output" | sed 's/ in [0-9]*ms//' | diff - <(
		cat <<-'END'
			ok 1 holds
			not ok 2 does not hold
			ok 3 is skipped # skip
			ok 4 has one CPU
			ok 5 holds as well
			ok 6 has two CPUs
			1..6
			4 passed, 2 failed
		END
	)
	[[ $output == *$'\n# because\n'* ]]
}

@test "a kernel panic fails all remaining scenarios, and shows the console" {
	scenarios a <<-'END'
		scenario "holds" { true; }
		scenario "panics" { echo c >/proc/sysrq-trigger; sleep 60; }
		scenario "never begins" { true; }
	END
	scenarios b <<<'scenario "never begins either" { true; }'
	run -1 run_scenarios "$dir"
	[[ $output == *"ok 1 holds in "*"not ok 2 a scenario of $dir/a.bats that did not come to its end"* ]]
	[[ $output == *"not ok 3 a scenario of "*"not ok 4 $dir/b.bats was not run"* ]]
	[[ $output == *"not ok 5 $dir/a.bats,$dir/b.bats ended with 125"* ]]
	[[ $output == *"Kernel panic - not syncing: sysrq triggered crash"* ]]
	[[ ${lines[-1]} == "1 passed, 4 failed" ]]
}

@test "scenarios that hang are stopped, and fail" {
	scenarios a <<-'END'
		scenario "holds" { true; }
		scenario "hangs" { sleep 1000; }
	END
	PART_TIMEOUT=30 run -1 run_scenarios "$dir"
	[[ $output == *"ok 1 holds in "*"not ok 2 a scenario of $dir/a.bats that did not"* ]]
	[[ $output == *"not ok 3 $dir/a.bats ended with 143"*"no result for 30 s"*"1 passed, 2 failed" ]]
}

@test "tags select scenarios, and it is an error if they select none" {
	scenarios a <<-'END'
		scenario "has no tag" { true; }
		tagged long
		scenario "is long" { true; }
		tagged concurrent,long
		scenario "is both" { true; }
	END
	TAGS=long run -0 run_scenarios "$dir"
	[[ $output == *"ok 1 is long"*"ok 2 is both"*"2 passed, 0 failed" ]]
	TAGS=concurrent,long run -0 run_scenarios "$dir"
	[[ $output == *"ok 1 is both"*"1 passed, 0 failed" ]]
	TAGS=other run -1 run_scenarios "$dir"
	[[ $output == "run: no scenario there has the tags 'other'" ]]
	run -1 run_scenarios "$dir/nowhere.bats"
	[[ $output == *"there is no $dir/nowhere.bats"* ]]
}

@test "Ctrl-C stops the guests" {
	scenarios a <<<'scenario "sleeps" { sleep 1000; }'
	run -0 python3 - "$dir" <<-'END'
		import os, signal, subprocess, sys, time
		run = subprocess.Popen(["tests/run", sys.argv[1]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
		                       preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
		def read(path):
		    try:
		        return open(path).read()
		    except OSError: # it has ended meanwhile
		        return ""
		def descendants(pid):
		    for child in read(f"/proc/{pid}/task/{pid}/children").split():
		        yield child
		        yield from descendants(child)
		def names():
		    return [read(f"/proc/{pid}/comm").strip() for pid in descendants(run.pid)]
		while not any(name.startswith("qemu") for name in names()):
		    time.sleep(0.2)
		pids = list(descendants(run.pid))
		run.send_signal(signal.SIGINT)
		assert run.wait() == 130, run.returncode
		while [pid for pid in pids if os.path.exists(f"/proc/{pid}/exe")]:
		    time.sleep(0.2)
	END
}
