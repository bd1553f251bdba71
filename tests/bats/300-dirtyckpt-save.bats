#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtyckpt save: contents of an image, and reasons to start over.

load lib
load dirtyckpt

@test "the first save has all pages, the next only those written since" {
	tell map anon 1024
	tell write
	save
	[[ $(column whole 1) == true && $(column kind 1) == moving ]]
	(($(column stored 1) >= 1024 && $(column stored 1) == $(column pages 1)))
	tell write 100 10 7
	save
	[[ $(column whole 2) == false ]]
	(($(column stored 2) >= 10 && $(column stored 2) < 100 && $(column pages 2) >= 1024))
	saves_all
	(($(column size 3) < $(column size 1) / 10))
}

# bats test_tags=concurrent
@test "a process saved while it writes, and then with --stop, equals its last generation" {
	tell map anon 1024
	tell write
	tell storm 50 64
	for _ in 1 2 3; do
		save
		sleep 0.2
	done
	saves_all
}

@test "pages given back are not in the next generation, and come back when written again" {
	tell map anon 64
	tell write
	save
	tell advise dontneed 10 20
	save
	stop "$pid"
	matches
	(($(column pages 1) - $(column pages 2) == 20))
	go_on "$pid"
	tell write 15 1 9
	saves_all
	# The last list had 44 of them; the other one has come back.
	(($(column pages 3) - $(column pages 2) == 1))
}

@test "a page that was clean for a while is stored again, even if it is not listed as written" {
	tell map anon 8
	tell write 0 8 1
	save
	tell advise dontneed 3 1
	save
	tell write 3 1 2
	# Only another tracker does this. A tracker that relies on d alone misses the page.
	put "$(page_range 0 8) d"
	expect "8:ap-x---"
	saves_all
}

@test "zero-filled chunks are not in the file, and zero-filled pages are holes" {
	local i length
	tell map anon 512
	tell write 0 512 0
	# One for each chunk of 16 pages, whatever the alignment
	for ((i = 256; i < 512; i += 16)); do
		tell write $i 1 7
	done
	saves_all
	(($(column zero 1) >= 496))
	length=$(stat -c %s image/000001/pages)
	((length <= ($(column stored 1) - 15 * 16) * page))
	(($(column size 1) <= length - 15 * 15 * page))
}

@test "pages that the process itself cannot read are saved" {
	tell map anon 16
	tell write 0 16 5
	tell protect none 4 8
	save
	[[ $(column missing 1) == 0 ]]
	[[ $(saved_numbers 1 "$(page_range 6 1 | cut -d- -f1)" 1) == 5 ]]
	saves_all
}

@test "contents are read in large pieces" {
	tell map anon 2048
	tell write
	strace -P "/proc/$pid/task/$pid/mem" -e trace=pread64 -o reads dirtyckpt save "$pid" image
	# Reads are of 1 MiB, except where a span starts in the middle of one.
	(($(grep -c ' = 1048576$' reads) >= 7))
	saves_all
}

# steps - print the order of syncs and renames of a save under strace
steps() {
	strace -y -e trace=fsync,renameat,renameat2,write -o calls dirtyckpt save "$pid" image
	sed -nE 's|^fsync\([0-9]+<.*/([^/]+)>\) += 0$|\1 is on disk|p
		s|^write\([0-9]+<.*/dirty_pages>.*|acknowledged|p
		s|^renameat2?\(.*, "([^"]+)", [0-9]+<.*>, "([^"]+)".* = 0$|\1 becomes \2|p' calls
}

@test "the record is on disk before pages are acknowledged, and all files before the generation gets its name" {
	tell map anon 16
	tell write
	run -0 steps
	[[ ${lines[1]} == "${PWD##*/} is on disk" ]]
	tell write 0 16 2
	run -0 steps
	diff <(printf '%s\n' "${lines[@]:1}") - <<-'END'
		todo.new is on disk
		todo.new becomes todo
		image is on disk
		acknowledged
		pages is on disk
		index is on disk
		listing is on disk
		missing is on disk
		maps is on disk
		auxv is on disk
		threads is on disk
		head is on disk
		new is on disk
		new becomes 000002
		image is on disk
	END
}

@test "--stop saves one moment with the registers of all threads, and reports the pause" {
	start_threads
	run -0 dirtyckpt save --stop "$pid" image
	[[ $output =~ 6\ threads\ stopped\ for\ [0-9.]+\ ms ]]
	[[ $(column kind 1) == stopped && $(column threads 1) == 6 ]]
	[[ $(column pause 1) != null ]]
	ask wake
	run -0 dirtyckpt save "$pid" image
	[[ $output != *stopped* && $(column kind 2) == moving && $(column pause 2) == null ]]
	ask wake
}

# save_relay TIMES - save while threads keep creating others and exiting
save_relay() {
	start_program relay
	hear
	read -r first second <<<"$told"
	for ((n = 1; n <= $1; n++)); do
		save --stop
		read -r -a ahead <<<"$(saved_numbers $n "$first" 4)"
		read -r -a behind <<<"$(saved_numbers $n "$second" 4)"
		for line in 0 1 2 3; do
			((ahead[line] - behind[line] >= 0 && ahead[line] - behind[line] <= 1)) ||
				fail "generation $n, line $line: ${ahead[line]} and ${behind[line]}"
		done
	done
}

# bats test_tags=concurrent
@test "--stop stops threads that keep creating others and exiting" {
	save_relay 2
}

# bats test_tags=long
@test "--stop stops threads that keep creating others and exiting, 20 times" {
	save_relay 20
}

# bats test_tags=concurrent
@test "--stop works on such threads after the first thread has exited" {
	start_program relay alone
	hear
	for n in 1 2 3; do
		save --stop
		(($(column pages "$n") > 2048)) || fail "generation $n is of another memory"
	done
}

# bats test_tags=concurrent
@test "--stop neither hangs nor saves garbage while a thread calls exec over and over" {
	local whole=0
	start_program relay again
	hear
	for n in {1..10}; do
		status=0
		timeout -s KILL "$TIMEOUT" dirtyckpt save --stop "$pid" image >said 2>&1 || status=$?
		((status == 0 || status == 5)) || fail "save $n: $status, $(<said)"
		((status)) || ((whole += 1))
	done
	echo "$whole of $n are saved"
	((whole > 0))
	run -0 dirtyckpt list --check image
}

@test "--stop gives up with a message if a thread waits for a child of vfork()" {
	mkfifo pipe
	start_program python3 -c '
import os
input()
# The child waits for a writer, and then calls exec.
pid = os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, "pipe", os.O_RDONLY, 0)])
os.waitpid(pid, 0)
print("went on", flush=True)'
	echo >&"$orders"
	wait_until pgrep -P "$pid"
	run -6 timeout "$TIMEOUT" dirtyckpt save --stop "$pid" image
	[[ $output == *"does not stop"*vfork* ]]
	grep -q '^TracerPid:[[:space:]]*0$' "/proc/$pid/status"
	save
	: >pipe
	hear
	[[ $told == "went on" ]]
}

@test "--stop leaves a stopped process stopped, and a running one running" {
	stop "$pid"
	save --stop
	wait_until is_stopped "$pid"
	matches
	go_on "$pid"
	save --stop
	tell map anon 8
}

# is_idle - the target sleeps, and only SIGUSR2 is pending
is_idle() {
	[[ $(grep -cE '^(State:\s*S|ShdPnd:\s*0*800$)' "/proc/$pid/status") == 2 ]]
}

@test "signals sent to a stopped process are delivered afterwards" {
	start_program python3 -c '
import signal, sys
got = []
for s in signal.SIGUSR1, signal.SIGUSR2, signal.SIGRTMIN + 3:
    signal.signal(s, lambda s, f: got.append(s))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
print("ready", flush=True)
sys.stdin.readline()
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])
print(len(got), flush=True)'
	hear
	kill -USR2 "$pid"
	for i in 1 2 3 4 5 6; do
		# Two pending signals would count as one.
		wait_until is_idle
		kill -USR1 "$pid"
		kill -s RTMIN+3 "$pid"
		save --stop
	done
	order tell
	[[ $told == 13 ]] || fail "$told of 13"
}

@test "a signal that is about to be delivered when the process is stopped is delivered" {
	start_program bash -c 'got=none; trap "got=it" USR1; echo ready; read -r _; echo $got'
	hear
	# After PTRACE_SEIZE, and before PTRACE_INTERRUPT
	hold_save ptrace 1 --stop
	kill -USR1 "$pid"
	let_go
	((status == 0))
	order tell
	[[ $told == it ]]
}

@test "--rounds makes passes before the last one, which leave less to it" {
	tell map anon 1024
	tell write
	save --rounds 2 --stop
	[[ $(dirtyckpt list --raw --noheadings image | wc -l) == 3 ]]
	[[ $(column kind 2) == moving && $(column kind 3) == stopped ]]
	(($(column stored 1) >= 1024 && $(column stored 3) < 200))
}

# bats test_tags=concurrent
@test "--until-pages ends when few pages are left, or reports that this never happens" {
	tell map anon 1024
	tell write
	save --until-pages 100 --stop
	[[ $(dirtyckpt list --raw --noheadings image | wc -l) == 2 ]]
	(($(column stored 2) <= 100))
	tell storm 1 64
	save --until-pages 0 --rounds 2
	[[ $output == *"writes faster than dirtyckpt copies"* ]]
}

@test "a save starts over after exec, although PID and start time stay" {
	save
	save
	before=$(sed -n 's/^base //p' image/000002/head)
	grep -q '^whole no' image/000002/head
	printf 'exec memstate\n' >&"${MEMSTATE[1]}"
	hear_target exec
	tell map anon 8
	run -0 dirtyckpt save "$pid" image
	[[ $output == *"another program"* ]]
	grep -q '^whole yes' image/000003/head
	[[ $(sed -n 's/^base //p' image/000003/head) != "$before" ]]
	for part in pid start boot; do
		[[ $(grep "^$part " image/000003/head) == $(grep "^$part " image/000002/head) ]]
	done
	run -9 dirtyckpt restore "$pid" image@2
	stop "$pid"
	run -9 dirtyckpt verify "$pid" image@2
	matches
}

@test "a save starts over for another process with the same PID" {
	tell map anon 8
	save
	end_target
	dirtyckpt list image
	echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid
	sleep 1000 3>&- &
	cleanup() { end "$pid"; }
	[[ $! == "$pid" ]]
	wait_until grep -qx sleep "/proc/$pid/comm"
	run -0 dirtyckpt save "$pid" image
	[[ $output == *"starting over"* ]]
	checked_pid=
}

@test "a folder of another process is refused and left unchanged" {
	save
	before=$(find image -type f -exec cksum {} + | sort)
	sleep 1000 3>&- &
	other=$!
	cleanup() { end "$other"; }
	run -9 dirtyckpt save $other image
	[[ $output == *"use another folder"* ]]
	[[ $(find image -type f -exec cksum {} + | sort) == "$before" ]]
	[[ ! -s $(pid=$other lock_name) ]]
	# Its last head is damaged.
	save
	echo >image/000002/head
	run -9 dirtyckpt save $other image
	[[ $output == *"contains generations of process $pid (memstate), not of $other; use another folder" ]]
	# All heads are damaged.
	echo >image/000001/head
	before=$(find image -type f -exec cksum {} + | sort)
	run -9 dirtyckpt save $other image
	[[ $output == *"use another folder, or remove this one" ]]
	[[ $(find image -type f -exec cksum {} + | sort) == "$before" ]]
}

@test "other trackers, and dirtycat --clear, are refused, with the name of the image" {
	save
	[[ $(head -n 1 "$(lock_name)") == "dirtyckpt $PWD/image" ]]
	run -6 dirtycat --clear "$pid"
	[[ $output == *"dirtyckpt $PWD/image"* ]]
	run -9 dirtyckpt save "$pid" other
	[[ $output == *"dirtyckpt untrack $PWD/image" ]]
	save
	# An image that was removed tracks nothing.
	rm -r image
	run -0 dirtyckpt save "$pid" other
	[[ $(head -n 1 "$(lock_name)") == "dirtyckpt $PWD/other" ]]
}

@test "only one program at a time acknowledges pages" {
	exec {lock}>"$(lock_name)"
	flock -n $lock
	run -9 dirtyckpt save "$pid" image
	[[ $output == *"one tracker per process"* ]]
	exec {lock}>&-
	save
}

@test "the first save of a process removes lock files of exited processes, and no others" {
	save
	sleep 1000 3>&- &
	other=$!
	cleanup() { end "$other"; }
	# One of an earlier process with this PID, one that is locked, and one with another name
	touch /run/lock/dirty_pages.{"$other.1",999999.{1,2,3x}}
	exec {lock}>/run/lock/dirty_pages.999999.2
	flock $lock
	run -0 dirtyckpt save $other other
	diff <(printf '%s\n' "$(lock_name)" "$(pid=$other lock_name)" /run/lock/dirty_pages.999999.{2,3x} | sort) \
		<(printf '%s\n' /run/lock/dirty_pages.* | sort)
}

@test "a FIFO in place of the lock file blocks nobody" {
	setpriv --reuid 1000 --clear-groups sleep 1000 3>&- &
	end_target
	adopt $!
	checked_pid=
	cleanup() { rm -f "$(lock_name)"; }
	wait_until grep -qx sleep "/proc/$pid/comm"
	mkfifo -m 444 "$(lock_name)"
	for user in 0 1000; do
		run -6 timeout "$TIMEOUT" setpriv --reuid $user --clear-groups dirtyckpt save "$pid" /tmp/of-$user
		[[ $output == *"cannot be locked"* ]]
	done
}

# stand_in_for_lock - remove the lock file, and lock another one in its place
stand_in_for_lock() {
	local name
	name=$(lock_name)
	rm "$name"
	exec {lock}>"$name"
	flock -n $lock
}

@test "a save notices that its lock file was replaced, before and after locking it" {
	tell map anon 8
	tell write
	hold_save -P "$(lock_name)" flock 1
	stand_in_for_lock
	let_go
	((status == 9))
	grep "one tracker per process" said
	exec {lock}>&-
	hold_save mkdirat 1
	stand_in_for_lock
	let_go
	((status == 6))
	grep "nothing was acknowledged" said
	expect "8:apdx---"
	# The save does not remove it.
	[[ -e $(lock_name) ]]
}

@test "a save into an image older than the last acknowledged pages starts over" {
	tell map anon 64
	tell write
	save
	cp -r image copy
	tell write 5 1 9
	save
	rm -r image
	mv copy image
	run -0 dirtyckpt save "$pid" image
	[[ $output == *"starting over"* ]]
	stop "$pid"
	matches
}

@test "a save starts over after another tracker" {
	tell map anon 64
	tell write
	save
	rm "$(lock_name)"
	tell write 5 1 9
	dirtycat --clear "$pid" >/dev/null
	run -0 dirtyckpt save "$pid" image
	[[ $output == *"starting over"* ]]
	stop "$pid"
	matches
}

@test "images are private: folders have mode 0700, files 0600" {
	umask 0
	save
	run ! grep -q . <(find image -type d ! -perm 0700 -o -type f ! -perm 0600)
	[[ $(find image -type f | wc -l) == 8 ]]
}

@test "symbolic links in place of the folder, a generation, its files or the record are not followed" {
	mkdir real
	ln -s real image
	run -6 dirtyckpt save "$pid" image
	[[ $output == *"symbolic link"* ]]
	run -6 dirtyckpt save "$pid" image/
	[[ -z $(ls real) ]]
	rm image
	save
	mkdir elsewhere
	echo precious >elsewhere/file
	ln -s ../elsewhere image/new
	ln -s ../elsewhere/file image/todo.new
	save
	[[ $(<elsewhere/file) == precious && $(ls elsewhere) == file ]]
	mv image/000002/pages elsewhere
	ln -s ../../elsewhere/pages image/000002/pages
	run -8 dirtyckpt list --check image
	rm image/000002/pages
	mv elsewhere/pages image/000002/
	mv image/000002 elsewhere/
	ln -s ../elsewhere/000002 image/000002
	run -8 dirtyckpt list image
}

@test "--zstd makes images smaller, with the same contents" {
	tell map anon 512
	tell write
	save --zstd
	(($(column size 1) < 512 * page / 4))
	tell write 100 10 7
	stop "$pid"
	save --zstd=9
	matches
	matches image@2
	go_on "$pid"
	run -0 dirtyckpt list --check image
}

@test "prune leaves whole generations that still equal the process" {
	tell map anon 128
	tell write 0 128 1
	save
	tell write 10 5 2
	save
	tell write 12 50 3
	save
	stop "$pid"
	save
	run -0 dirtyckpt prune --keep 2 image
	[[ $(dirtyckpt list --json image | jq -c '[.generations[] | [.generation, .whole]]') == '[[3,true],[4,false]]' ]]
	matches
	go_on "$pid"
	tell write 1 1 4
	saves_all
	run -0 dirtyckpt prune --zstd image
	[[ $(dirtyckpt list --json image | jq -c '[.generations[] | [.generation, .whole]]') == '[[5,true]]' ]]
	stop "$pid"
	matches
	run -0 dirtyckpt prune image
	[[ -z $output ]]
}

@test "pages in swap and huge pages are saved" {
	cleanup() { drop_swap; }
	use_swap zram
	tell map anon-aligned 1024
	tell advise hugepage 0 512
	tell write 0 1024 5
	tell advise pageout 600 100
	save
	saves_all
}

@test "a page lost after a save is missing from later generations, not from earlier ones" {
	tell map anon 8
	tell write 0 8 1
	save --stop
	tell advise hwpoison 3 1
	oracle_differs="it takes lost pages for swapped ones"
	for n in 2 3; do
		run -0 dirtyckpt save --stop "$pid" image
		[[ $output != *"starting over"* && $(column missing $n) == 1 ]]
	done
	stop "$pid"
	run -7 dirtyckpt verify "$pid" image
	[[ $output == "$(page_range 3 1) was not saved" ]]
	run -7 dirtyckpt verify "$pid" image@1
	[[ $output == *"$(page_range 3 1) differs"* ]]
	run -9 dirtyckpt restore "$pid" image
	[[ $output == *"could not be read by the save"* ]]
	run -9 dirtyckpt restore "$pid" image@1
	[[ $output == *"cannot be read any more"* ]]
}

@test "a page lost to a memory error is missing, with a message" {
	tell map anon 8
	tell write
	tell advise hwpoison 3 1
	oracle_differs="it takes lost pages for swapped ones"
	run -0 dirtyckpt save "$pid" image
	[[ $output == *"could not be read"* ]]
	[[ $(column missing 1) == 1 ]]
	[[ $(<image/000001/missing) == "$(page_range 3 1) -" ]]
	stop "$pid"
	run -7 dirtyckpt verify "$pid" image
	[[ $output == "$(page_range 3 1) was not saved" ]]
}

# make_heads - make an image that list can show, and nothing else
make_heads() {
	python3 - <<-'PYTHON'
		import os, zlib
		def generation(number, size, lines):
		    folder = f"image/{number:06}"
		    os.makedirs(folder)
		    text = ("dirtyckpt 1\nbase word\n" + lines).encode()
		    with open(folder + "/head", "wb") as f:
		        f.write(text + b"crc32 %08x\n" % zlib.crc32(text))
		    with open(folder + "/pages", "wb") as f:
		        f.write(b"x" * size)
		generation(9, 12 << 20, "whole yes\nkind moving\ntime 1000000000\nspent 61000000\n"
		           "listed 3100\nstored 3100\nzero 28\nmissing 2\npid 42\ncomm a name\n")
		generation(10, 1536 << 10, "whole no\nkind stopped\ntime 1000000001\npause 1500000\nspent 2500000\n"
		           "listed 3000\nstored 384\nthreads 2\npid 42\ncomm a name\n")
		generation(11, 0, "generation 12\n")
	PYTHON
}

@test "list prints a row for each generation, under headings" {
	local table
	export TZ=UTC
	make_heads
	read -r -d '' table <<-END || true
		GENERATION KIND    WHOLE TIME                     PID COMM   PAGES STORED ZERO MISSING SIZE THREADS PAUSE  SPENT STATE
		         9 moving    yes 2001-09-09T01:46:40+0000  42 a name  3100   3100   28       2  12M       0       61.000 ok
		        10 stopped    no 2001-09-09T01:46:41+0000  42 a name  3000    384    0       0 1.5M       2 1.500  2.500 ok
		        11                                                                                                       damaged
	END
	run -8 --separate-stderr dirtyckpt list image
	diff -u <(echo "$table") <(echo "$output")
	[[ $stderr == *"image@11: damaged (head)"* ]]
	run -8 --separate-stderr dirtyckpt list -b image
	diff -u <(sed 's/SIZE/    SIZE/;s/ 12M/12582912/;s/1.5M/ 1572864/;s/^ *11 /&    /' <<<"$table") <(echo "$output")
	run -8 --separate-stderr dirtyckpt list -r -n image
	diff -u - <(echo "$output") <<-'END'
		9 moving yes 2001-09-09T01:46:40+0000 42 a\x20name 3100 3100 28 2 12M 0  61.000 ok
		10 stopped no 2001-09-09T01:46:41+0000 42 a\x20name 3000 384 0 0 1.5M 2 1.500 2.500 ok
		11              damaged
	END
}

@test "numbers for programs do not depend on the locale, in list and in dirtycat" {
	# This locale has a decimal comma.
	localedef -i de_DE -f UTF-8 ./german.UTF-8
	export LOCPATH=$PWD LC_ALL=german.UTF-8
	[[ $(env printf %.1f 1,5) == 1,5 ]]
	make_heads
	run -8 --separate-stderr dirtyckpt list --json image
	jq -e '.generations | .[0].spent == 61 and .[1].spent == 2.5' <<<"$output"
	run -0 dirtycat --openmetrics "$pid"
	grep -qE '^dirtycat_read_seconds\{.*\} [0-9]+\.[0-9]{6}$' <<<"$output"
	run -0 dirtycat -c 2 -d 0.1 "$pid"
}

# typed_by COMMAND... - print the output of a command on a terminal
typed_by() {
	LC_ALL=C script -qec "$*" typed </dev/null >/dev/null
	cat typed
}

@test "a progress bar is shown on a terminal, unless the save is short or the process stopped" {
	local bar=$'\r'"$pid: generation 1 \[[# ]{25}\] +[0-9]+% of 3[2-9] MiB"
	tell map anon 8192
	tell write
	typed=$(typed_by dirtyckpt save "$pid" image)
	[[ $typed =~ $bar$bar ]] || fail "$typed"
	# The report replaces the bar.
	[[ $typed == *"] 100% of 3"?$' MiB\r\033[Kgeneration 1:'* ]] || fail "$typed"
	tell write 0 8192 2
	run -0 dirtyckpt save "$pid" image
	[[ $output != *%* ]]
	[[ $(typed_by dirtyckpt save "$pid" image) != *%* ]]
	tell write 0 8192 3
	[[ $(typed_by dirtyckpt save --stop "$pid" image) != *%* ]]
}
