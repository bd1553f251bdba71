#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The examples in the documents work as shown.

load lib

setup() {
	target
	cd "$BATS_TEST_DIRNAME/../.." || return
	rst=Documentation/filesystems/proc_dirty_pages.rst
}

@test "every sample line has the format of the file" {
	local n
	n=$(grep -hcE '^ *[0-9a-f]{8,16}-[0-9a-f]{8,16} ' README.md)
	((n >= 4))
	run ! bash -c "grep -hE '^ *[0-9a-f]{8,}-[0-9a-f]{8,} ' README.md $rst |
		grep -vE '^ *[0-9a-f]{8,16}-[0-9a-f]{8,16} [af][pse][d-][x-][h-][k-][l-]\$'"
}

@test "the awk examples select lines by a flag" {
	local example
	cleanup() { drop_swap; }
	use_swap zram
	tell map anon 8
	tell write
	tell advise pageout 0 4
	grep -hoE "awk '[^']+' /proc/[^ ]+/dirty_pages" README.md "$rst" >"$BATS_TEST_TMPDIR/examples"
	(($(wc -l <"$BATS_TEST_TMPDIR/examples") >= 3))
	while read -r example; do
		example=${example//\/proc\/82\//\/proc\/$pid\/}
		run -0 bash -c "pid=$pid; $example"
		letter=${example#*~ /}
		letter=${letter%%/*}
		[[ -n $output ]]
		run ! grep -vE "^[^ ]+ [^ ]*$letter" <<<"$output"
	done <"$BATS_TEST_TMPDIR/examples"
}

@test "the example session with verify works" {
	tell map anon 8
	tell write
	sed -n '/^The self-check/,/^Tracing/s/^    # //p' "$rst" | sed "s/1234/$pid/" >"$BATS_TEST_TMPDIR/session"
	grep -q 'cat <&3' "$BATS_TEST_TMPDIR/session"
	run -0 bash "$BATS_TEST_TMPDIR/session"
	[[ $output =~ ^checked\ [0-9]+\ differ\ 0\ skipped\ [0-9]+$ ]]
	grep -qE '^    checked [0-9]+ differ 0 skipped 0$' "$rst"
}

@test "dirtycat prints the table headings that the README shows" {
	local words
	dirtycat --by-mapping "$pid" >"$BATS_TEST_TMPDIR/table"
	for words in 'START END SIZE' 'PID COMM RUNS'; do
		grep -qxF "$(tr -s ' ' <"$BATS_TEST_TMPDIR/table" | sed 's/^ //' | grep "^$words")" \
			<(tr -s ' ' <README.md)
	done
}

@test "the dirtycat commands in the README work" {
	local line unit=/sys/fs/cgroup/memstate.service
	cleanup() {
		echo "$pid" >/sys/fs/cgroup/cgroup.procs
		rmdir /sys/fs/cgroup/memstate.service
	}
	mkdir "$unit"
	echo "$pid" >"$unit/cgroup.procs"
	cd "$BATS_TEST_TMPDIR" || return
	dirtycat --text "$pid" >before
	sed -nE 's/^(dirtycat [^#]*[^# ]) +#.*/\1/p' "$OLDPWD/README.md" >lines
	(($(wc -l <lines) >= 7))
	while read -r line; do
		line=${line//PID/$pid}
		line=${line// -d 1/ -d 0 -c 1}
		line=${line//--clear /--clear -c 1 }
		line=${line//nginx/memstate}
		run -0 timeout "$TIMEOUT" bash -c "$line"
	done <lines
}

# Every error that a scenario expects from the file, and the one that the smoke test
# of tests/arch expects without soft-dirty
expected_errors() {
	{
		grep -ohE '\bE[A-Z]+\b' tests/bats/{080,100,110,140,180,200,210,220,281}-*.bats
		echo EOPNOTSUPP
	} | grep -xFf <(python3 -c 'import errno; print("\n".join(dir(errno)))') | sort -u
}

@test "the errors that scenarios expect are exactly those in the table of errors" {
	diff <(expected_errors) <(sed -nE 's/^``(E[A-Z]+)``.*/\1/p' "$rst" | sort -u)
}
