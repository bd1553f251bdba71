#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The use of acknowledging: incremental checkpoints, as the document shows them.

load lib

rst=$BATS_TEST_DIRNAME/../../Documentation/filesystems/proc_dirty_pages.rst

# functions_of_document - print save, copy and restore of the document. They use
# descriptor 3, like bats, so save runs in a shell of its own.
functions_of_document() {
	local name
	for name in save copy restore; do
		sed -n "/^    $name() {/,/^    }/s/^    //p" "$rst" >"$BATS_TEST_TMPDIR/$name"
		(($(wc -l <"$BATS_TEST_TMPDIR/$name") > 5))
		# shellcheck source=/dev/null
		. "$BATS_TEST_TMPDIR/$name"
	done
}

# sum_of PID LISTING - print a checksum of all listed pages
sum_of() {
	local range flags
	while read -r range flags; do
		dd if="/proc/$1/mem" bs=1M status=none iflag=skip_bytes,count_bytes \
			skip=$((0x${range%-*})) count=$((0x${range#*-} - 0x${range%-*}))
	done <"$2" | sha256sum
}

# start_program - start a target that changes some of its memory all the time
start_program() {
	tell map anon 1024
	tell write
	tell storm 100 64
}

stop_program() {
	kill -STOP "$pid"
	wait_until is_stopped "$pid"
}

@test "the documented checkpoint of a running program restores all of its memory" {
	local dir=$BATS_TEST_TMPDIR/image round before
	functions_of_document
	start_program
	mkdir "$dir"
	for round in 1 2 3; do
		(save "$pid" "$dir")
		sleep 0.5
	done
	stop_program
	(save "$pid" "$dir")
	before=$(sum_of "$pid" "$dir/listing")
	# Each later round is smaller than the first.
	du -s "$dir"/[0-9]* | sort -k2 | awk 'NR == 1 { first = $1 } NR > 1 && $1 >= first { exit 1 }'

	kill -CONT "$pid"
	sleep 0.5
	stop_program
	[[ $(sum_of "$pid" "$dir/listing") != "$before" ]]
	restore "$pid" "$dir"
	[[ $(sum_of "$pid" "$dir/listing") == "$before" ]]
}

@test "a round that was killed after it acknowledged is finished by the next" {
	local dir=$BATS_TEST_TMPDIR/image before
	functions_of_document
	start_program
	mkdir "$dir"
	(save "$pid" "$dir")
	sleep 0.5
	(
		dd() { kill -KILL "$BASHPID"; }
		save "$pid" "$dir"
	) 2>/dev/null || true
	[[ -s $dir/todo ]]
	stop_program
	(save "$pid" "$dir")
	[[ ! -e $dir/todo ]]
	before=$(sum_of "$pid" "$dir/listing")
	kill -CONT "$pid"
	sleep 0.5
	stop_program
	restore "$pid" "$dir"
	[[ $(sum_of "$pid" "$dir/listing") == "$before" ]]
}

# bats test_tags=concurrent
@test "a reader killed at any system call misses nothing if its list is copied afterwards" {
	checked_pid=
	cd "$BATS_TEST_TMPDIR"
	run -0 timeout "$((TIMEOUT * 4))" killed
	[[ $output =~ ^killed\ at\ [1-9][0-9]+\ places,\ 0\ pages\ missed$ ]] || fail "$output"
}

# bats test_tags=concurrent
@test "a reader killed at any system call misses pages if its list is lost" {
	checked_pid=
	cd "$BATS_TEST_TMPDIR"
	run -0 timeout "$((TIMEOUT * 4))" killed --no-leftover
	[[ $output =~ ^killed\ at\ [1-9][0-9]+\ places,\ [1-9][0-9]*\ pages\ missed$ ]] || fail "$output"
}

# bats test_tags=concurrent
@test "pages unmapped while a round copies do not make it miss pages around them" {
	local dir=$BATS_TEST_TMPDIR/image before saver
	functions_of_document
	tell map anon 1024
	tell write
	mkdir "$dir"
	(
		# Unmap them between listing and copying
		sync() {
			command sync "$@"
			touch "$dir/listed"
			wait_until test -e "$dir/go"
		}
		save "$pid" "$dir"
	) &
	saver=$!
	wait_until test -e "$dir/listed"
	tell write 0 1024 7
	tell unmap 300 1
	tell unmap 302 2
	tell unmap 1023 1
	touch "$dir/go"
	wait $saver
	kill -STOP "$pid"
	wait_until is_stopped "$pid"
	(save "$pid" "$dir")
	before=$(sum_of "$pid" "$dir/listing")
	kill -CONT "$pid"
	tell write 0 300 9
	tell write 310 100 9
	kill -STOP "$pid"
	wait_until is_stopped "$pid"
	restore "$pid" "$dir"
	[[ $(sum_of "$pid" "$dir/listing") == "$before" ]]
}

@test "a full disk fails the round, and its list is kept" {
	local dir=$BATS_TEST_TMPDIR/image
	functions_of_document
	tell map anon 1024
	tell write
	mkdir "$dir"
	cleanup() { umount "$BATS_TEST_TMPDIR/image"; }
	mount -t tmpfs -o size=1M full "$dir"
	run bash -c "$(declare -f save copy); save $pid $dir"
	((status != 0))
	[[ -s $dir/todo ]]
}

@test "the session of the README works" {
	tell map anon 8
	tell write
	sed -n '/^\$ exec 3<>/,/^```/s/^\$ //p' "$BATS_TEST_DIRNAME/../../README.md" |
		sed "s/\/82\//\/$pid\//; /^\.\.\./d" >"$BATS_TEST_TMPDIR/session"
	(($(wc -l <"$BATS_TEST_TMPDIR/session") == 3))
	cd "$BATS_TEST_TMPDIR"
	run -0 bash session
	expect "8:ap-x---"
	[[ -s list ]]
}

@test "of two checkpointers that share the bit, one does not see pages that the other has acknowledged" {
	local one other
	tell map anon 4
	tell write
	exec {one}<>"/proc/$pid/dirty_pages" {other}<>"/proc/$pid/dirty_pages"
	put "$(page_range 0 2)"
	grep -q "^$(page_range 0 2) ap-x---" <&"$other"
	cat <&"$one" >"$BATS_TEST_TMPDIR/list"
	cat "$BATS_TEST_TMPDIR/list" >&"$other"
	expect "4:ap-x---"
	exec {one}>&- {other}>&-
}

# bats test_tags=concurrent
@test "checkpointers and clear_refs can run at once on a writing process" {
	local i loops=()
	tell map anon-aligned 2048
	tell advise hugepage 0 1024
	tell write
	tell storm
	for i in 1 2; do
		(exec 3>&- && while cat "/proc/$pid/dirty_pages" >"/run/list$i" 2>/dev/null; do
			cat "/run/list$i" >"/proc/$pid/dirty_pages"
		done) &
		loops+=($!)
	done
	(exec 3>&- && while echo 4 >"/proc/$pid/clear_refs"; do :; done) 2>/dev/null &
	loops+=($!)
	sleep 5
	kill "${loops[@]}"
	wait "${loops[@]}" || true
	put "$(page_range 0 2048)"
	seen() { [[ $(picture) =~ ^(([0-9]+:apdx(-|h)--\ ?)+)$ ]]; }
	wait_until seen
}
