#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtycat selects processes as pgrep, smem and systemd-cgtop do.

load lib

setup() {
	checked_pid='' pid=''
	cp /bin/sleep "$BATS_TEST_TMPDIR/napper"
	cleanup() { pkill -KILL -f "^$BATS_TEST_TMPDIR/napper|^title" || true; }
}

# nap [COMMAND...] - start a process that does nothing, by that command: $nap
nap() {
	"$@" "$BATS_TEST_TMPDIR/napper" 1000 3>&- 2>/dev/null &
	nap=$!
	wait_until grep -q napper "/proc/$nap/comm"
}

# nap_as TITLE - with that as its first argument
nap_as() {
	(exec -a "$1" "$BATS_TEST_TMPDIR/napper" 1000 3>&-) &
	nap=$!
	wait_until grep -qaF "$1" "/proc/$nap/cmdline"
}

# nap_in CGROUP - in that cgroup, which is made
nap_in() {
	mkdir -p "/sys/fs/cgroup/$1"
	nap
	echo "$nap" >"/sys/fs/cgroup/$1/cgroup.procs"
}

# shown OPTION... - the numbers of the processes that are shown, on one line
shown() {
	local pids status=0
	pids=$(dirtycat --summary=only --raw --noheadings -o PID "$@") || status=$?
	echo "${pids//$'\n'/ }"
	return $status
}

as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

@test "--name and --full select the same processes as pgrep and pgrep -f" {
	nap_as "title: checkpointer "
	nap_as "title-rdb-bgsave *:7777"
	nap
	while read -r option regex; do
		expected=$(pgrep ${option:+"$option"} -- "$regex" | paste -sd' ')
		[[ -n $expected ]]
		run -0 shown "--$([[ $option ]] && echo full || echo name)" "$regex"
		[[ $output == "$expected" ]] || fail "$option $regex: $output, expected $expected"
	done <<-'END'
		-f ^title: checkpointer
		-f ^title: checkpointer( 1000)?
		-f ^title.*\*:7777
		-f ^title[:-]
		-f /napper 1000$
	END
	for regex in '^napper$' 'apper|kthr' '^kswapd[0-9]+'; do
		run -0 shown --name "$regex"
		[[ $output == "$(pgrep "$regex" | paste -sd' ')" && -n $output ]]
	done
	run ! dirtycat --name '^Napper$'
}

@test "--user: by name, by number, several; it is the effective one" {
	nap setpriv --euid=65534 --clear-groups
	first=$nap
	nap setpriv --reuid=1234 --regid=1234 --clear-groups
	for users in nobody 65534; do
		run -0 shown --user $users
		[[ $output == "$first" ]]
	done
	run -0 shown -u nobody,1234
	[[ $output == "$first $nap" ]]
	run -0 shown -u 1234 -u nobody
	[[ $output == "$first $nap" ]]
}

@test "--cgroup: its processes and those below it, by the path in /proc or in /sys" {
	nap_in group
	first=$nap
	nap_in group/deep/er
	second=$nap
	nap_in grouping
	for path in /group group /group/ /sys/fs/cgroup/group; do
		run -0 shown --cgroup $path
		[[ $output == "$first $second" ]]
	done
	run -0 shown --cgroup /group/deep
	[[ $output == "$second" ]]
	run -0 shown --cgroup /group/deep --cgroup /grouping
	[[ $output == "$second $nap" ]]
	run -0 shown --cgroup /
	[[ " $output " == *" $PPID "* && " $output " == *" $first "* ]]
}

@test "--unit: a service, scope or slice of the system or of a user, wherever it lies" {
	nap_in system.slice/web.service
	units=$nap
	nap_in system.slice/web.service/workers/one
	units+=" $nap"
	nap_in user.slice/user-7.slice/user@7.service/app.slice/web.service
	units+=" $nap"
	nap_in machine.slice/guest.scope
	guest=$nap
	# Somebody in a container may call a cgroup as they like.
	nap_in machine.slice/guest.scope/system.slice/web.service
	guest+=" $nap"
	nap_in system.slice/_cgroup.service
	for name in web web.service; do
		run -0 shown --unit $name
		[[ $output == "$units" ]]
	done
	run -0 shown --unit cgroup
	[[ $output == "$nap" ]]
	run -0 shown --unit guest.scope
	[[ $output == "$guest" ]]
	run -0 shown --unit user-7.slice
	[[ $output == "${units##* }" ]]
	run -0 shown --unit system.slice
	[[ $output == "${units% *} $nap" ]]
}

@test "criteria: each kind has to be met, one of a kind is enough, a number always shown" {
	nap setpriv --reuid=1234 --regid=1234 --clear-groups
	first=$nap
	nap
	run -0 shown --name '^napper$' --user 1234
	[[ $output == "$first" ]]
	run -2 --separate-stderr shown --name '^napper$' --name '^no such$' --user 1234
	[[ $output == "$first" && $stderr == 'dirtycat: ^no such$: no process has a name that matches' ]]
	run -0 shown --user 1234 "$nap"
	[[ $output == "$nap $first" ]]
	run -0 shown --all --user 1234 "$first"
	[[ $output == "$first" ]]
}

@test "without arguments: a row for each process that has memory, as --all --summary" {
	nap
	python3 -c 'import os, time; os.fork() or os._exit(0); print("READY", flush=True); time.sleep(1000)' >"$BATS_TEST_TMPDIR/ready" 3>&- &
	parent=$!
	wait_until grep -q READY "$BATS_TEST_TMPDIR/ready"
	zombie=$(pgrep -P $parent)
	run -0 dirtycat
	kill -KILL $parent
	[[ ${lines[0]} =~ ^\ *PID\ COMM\ +RUNS\ +DIRTY ]]
	listed=" $(printf '%s\n' "${lines[@]:1}" | awk '{ print $1 }' | paste -sd' ') "
	[[ $listed == *" $nap "* && $listed == *" $parent "* ]]
	[[ $listed != *" 2 "* && $listed != *" $zombie "* ]]
	run -0 dirtycat --all --summary --noheadings
	((${#lines[@]} >= 3))
	run -0 --separate-stderr dirtycat --json
	jq -e --argjson pid "$nap" '.processes | map(.pid) | index($pid)' <<<"$output"
	run -0 dirtycat --by-mapping --raw -o PID,MAPPING --summary=never
	[[ $output == *"$nap "*napper* ]]
}

@test "processes that may not be read are counted in one line" {
	nap
	nap setpriv --reuid=65534 --regid=65534 --clear-groups
	run -0 --separate-stderr as_nobody dirtycat --summary=only --raw -n -o PID --all
	[[ $output == "$nap" ]]
	[[ $stderr =~ ^dirtycat:\ [0-9]+\ processes\ not\ permitted\;\ you\ must\ own\ them,\ or\ have\ CAP_SYS_PTRACE$ ]]
	run -0 --separate-stderr as_nobody dirtycat
	[[ ${#lines[@]} == 2 ]]
	# It is told again when their number has changed, so here once.
	run -3 --separate-stderr as_nobody dirtycat -n -c 3 -d 0.1 --name '^napper$'
	[[ $(grep -c 'not permitted' <<<"$stderr") == 1 ]]
	# Those that were selected by something are missing.
	run -3 --separate-stderr as_nobody dirtycat --summary=only -n --name '^napper$'
	[[ ${#lines[@]} == 1 ]]
	[[ $stderr == "dirtycat: 1 process not permitted; you must own it, or have CAP_SYS_PTRACE" ]]
}

@test "processes that end while all are read are no failure" {
	bash -c 'while :; do /bin/true; done' 3>&- &
	short=$!
	for _ in {1..5}; do
		run -0 --separate-stderr dirtycat
		[[ $stderr != *dirtycat:\ [0-9]*:* ]]
	done
	kill -KILL $short
}

@test "each option's error names the cause, and a remedy" {
	while IFS='|' read -r args words; do
		eval "set -- $args"
		run -1 dirtycat "$@"
		[[ $output == "dirtycat: $words"*"see 'dirtycat --help'" ]] || fail "$args: $output"
	done <<-'END'
		--name "("|(: invalid regular expression: 
		--full "[a"|[a: invalid regular expression: 
		--user nobody,who|who: no such user; use a name or a number
		-u 4294967295|4294967295: invalid user number
		--user ""|: no such user
		--cgroup ""|empty cgroup; use a path such as /system.slice, or / for the root
		--unit a/b.service|a/b.service: invalid unit; use a name such as nginx.service, or --cgroup
		--unit ""|: invalid unit
		--all --input /dev/null|--input cannot be combined with processes
		--map|no process specified; --map takes one
	END
	while IFS='|' read -r args words; do
		eval "set -- $args"
		run -2 dirtycat "$@"
		[[ $output == "dirtycat: $words" ]] || fail "$args: $output"
	done <<-'END'
		--name "^no such$"|^no such$: no process has a name that matches
		--full "^no such$"|^no such$: no process has a command line that matches
		--user 4321|4321: no process has that user
		--cgroup /nowhere|/nowhere: no process is in that cgroup
		--unit nowhere|nowhere.service: no process is in that unit
		--name bash --user 0 --cgroup / --full "^.kthreadd.$"|no process meets all criteria
	END
}
