#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtyckpt on real programs, and its cores in debuggers.

load lib
load dirtyckpt

setup() {
	checked_pid=
	pid=
	cd "$BATS_TEST_TMPDIR" || return
}

@test "python3 with a growing heap is saved while it runs, restored, and works afterwards" {
	start_program python3 -c "$growing"
	order grow 5000
	save
	# Save it while it grows
	echo grow 60000 >&"$orders"
	for _ in 1 2 3; do save; done
	hear
	order grow 10
	expected=$told
	save --rounds 1 --stop
	stop "$pid"
	matches
	go_on "$pid"
	order grow 0
	[[ $told == "$expected" ]]
	for _ in 1 2; do
		order grow 2000
		[[ $told != "$expected" ]]
		run -0 dirtyckpt restore "$pid" image
		order tell
		[[ $told == "$expected" ]] || fail "$told, not $expected"
	done
	order grow 3000
	[[ $told == "68010 "* ]]
	saves_all
}

start_redis() {
	ip link set lo up
	redis-server --port 6399 --bind 127.0.0.1 --save "" --dir "$PWD" --daemonize no --enable-debug-command yes \
		--rdb-key-save-delay 1000000 >redis.log 3>&- &
	adopt $!
	wait_until redis-cli -p 6399 ping
	redis-cli -p 6399 debug populate 2000 key 1000
}

# start_load - start a client that increments a counter over one connection, until it gets
# no answer
start_load() {
	python3 -c '
import socket
while True:
    try:
        with socket.create_connection(("127.0.0.1", 6399)) as server:
            server.settimeout(2)
            while server.sendall(b"INCR counter\r\n") or server.recv(100):
                pass
    except OSError:
        pass' 3>&- &
	load=$!
	cleanup() { end "$load"; }
}

# has_connections COUNT - check the number of sockets of the target besides the listening
# one. Sockets are not restored, so it must have the same ones.
has_connections() {
	[[ $(find "/proc/$pid/fd" -lname 'socket:*' | wc -l) == $((1 + $1)) ]]
}

# loads_more - wait until the counter has increased
loads_more() {
	local before after
	before=$(redis-cli -p 6399 get counter)
	after=$before
	while ((after < before + 20)); do after=$(redis-cli -p 6399 get counter); done
}

# bats test_tags=concurrent
@test "redis-server under load during BGSAVE is saved while it runs, restored, and works afterwards" {
	start_redis
	redis-cli -p 6399 bgsave
	wait_until pgrep -P "$pid"
	save
	start_load
	loads_more
	for _ in 1 2 3; do save; done
	(($(column stored 4) < $(column stored 1)))
	saves_all

	redis-cli -p 6399 set word before
	wait_until has_connections 1
	save --stop
	redis-cli -p 6399 set word after
	loads_more
	redis-cli -p 6399 debug populate 50 other 100
	wait_until has_connections 1
	stop "$pid"
	run -0 dirtyckpt restore "$pid" image
	matches
	go_on "$pid"
	[[ $(redis-cli -p 6399 get word) == before ]]
	[[ $(redis-cli -p 6399 dbsize) == 2002 ]]
	loads_more
	# It is restored to a moment when its child was saving, and notices that the child exits.
	[[ $(redis-cli -p 6399 info persistence) == *rdb_bgsave_in_progress:1* ]]
	pkill -KILL -P "$pid"
	has_noticed() {
		[[ $(redis-cli -p 6399 info persistence) == *rdb_bgsave_in_progress:0*rdb_last_bgsave_status:err* ]]
	}
	wait_until has_noticed
	end "$load"
	wait_until has_connections 0

	digest=$(redis-cli -p 6399 debug digest)
	wait_until has_connections 0
	save --stop
	redis-cli -p 6399 set word after
	redis-cli -p 6399 debug populate 50 other 100
	wait_until has_connections 0
	run -0 dirtyckpt restore "$pid" image
	[[ $(redis-cli -p 6399 get word) == before ]]
	[[ $(redis-cli -p 6399 debug digest) == "$digest" ]]
	redis-cli -p 6399 set word again
	[[ $(redis-cli -p 6399 get word) == again ]]
}

# rows FIRST LAST - print statements for sqlite3 that insert these rows
rows() {
	echo "with recursive c(n) as (select $1 union all select n + 1 from c where n < $2) insert into t select n, hex(n) from c;"
}

@test "sqlite3 restored into the middle of a statement completes it, and can commit" {
	local last=50000
	is_at_work() { is_done || grep -q '^running' "/proc/$pid/syscall"; }
	is_done() { read -r -t 0 <&"$answers"; }
	start_program sqlite3 :memory:
	order "create table t(n integer primary key, text); select 'made';"
	while
		echo "begin; $(rows 1 "$last") select count(*) || ' ' || sum(length(text)) from t;" >&"$orders"
		wait_until is_at_work
		save --stop
		is_done
	do
		# It had completed before; repeat with more rows.
		hear
		last=$((4 * last))
		order "rollback; select 'undone';"
		rm -r image
	done
	hear
	expected=$told
	[[ $told == "$last "* ]]
	order "delete from t where n > 100; commit; select count(*) from t;"
	[[ $told == 100 ]]
	stop "$pid"
	run -0 dirtyckpt restore "$pid" image
	matches
	go_on "$pid"
	hear
	[[ $told == "$expected" ]]
	order "commit; pragma integrity_check;"
	[[ $told == ok ]]
	order "select count(*) from t;"
	[[ $told == "$last" ]]
	saves_all
}

@test "sqlite3 restored into a transaction loses later statements, and can commit" {
	start_program sqlite3 :memory:
	order "create table t(n integer primary key, text); select 'made';"
	[[ $told == made ]]
	order "begin; $(rows 1 2000) select count(*) from t;"
	[[ $told == 2000 ]]
	save
	echo "$(rows 2001 4000) select count(*) from t;" >&"$orders"
	save
	hear
	[[ $told == 4000 ]]
	order "delete from t where n > 2000; select count(*) from t;"
	saves_all
	order "insert into t values(5000, 'in the transaction'); select count(*) from t;"
	save --stop
	order "delete from t where n > 100; commit; select count(*) from t;"
	[[ $told == 100 ]]
	run -0 dirtyckpt restore "$pid" image
	order "select count(*) || text from t where n = 5000;"
	[[ $told == "1in the transaction" ]]
	order "select count(*) from t;"
	[[ $told == 2001 ]]
	order "commit; pragma integrity_check;"
	[[ $told == ok ]]
	order "select sum(n) from t;"
	[[ $told == 2006000 ]]
	saves_all
}

@test "if python3 with 64 MiB grows by 1 MiB, the next save has that, and little else" {
	start_program python3 -u -c '
import sys
kept = [bytes(4000) for _ in range(16000)]
more = [None] * 300
print("ready")
for line in sys.stdin:
    for i in range(260):
        more[i] = bytes(4000)
    print("more")'
	hear
	save
	(($(column stored 1) > 16000))
	order on
	save
	column stored 2
	# The interpreter has written some other pages.
	(($(column stored 2) >= 250 && $(column stored 2) < 400))
	saves_all
}

# in_gdb COMMAND... - run it on the core and on the living process, and compare
in_gdb() {
	local command options=()
	for command in "$@"; do options+=(-ex "$command"); done
	gdb -nx -q -batch "${options[@]}" "$(type -P threads)" core.file >of_core 2>core_errors
	gdb -nx -q -batch "${options[@]}" -p "$pid" >of_process 2>process_errors
}

# shown FILE - print it without messages of gdb that differ, and with the threads in
# the order of their IDs: gdb numbers them differently in a core
shown() {
	sed -nE '/^=begin/,$ { /^\[Inferior/d; s/^Thread [0-9]+ (.*\)) "threads"\):$/Thread \1):/
		s/^Thread [0-9]+ \(/Thread (/; p }' "$1" |
		awk -v RS= -v ORS='\0' '{ print }' | sort -z | tr '\0' '\n'
}

@test "gdb shows the same variables, threads and backtraces of a core and of the living process" {
	start_threads
	ask state
	stop "$pid"
	save --stop
	run -0 dirtyckpt core image core.file
	[[ $(stat -c %a core.file) == 600 ]]
	in_gdb "echo =begin\n" "thread apply all -ascending backtrace" "echo \n" "print sleeper" "print reader" \
		"print wake_pipe" "info registers rip rsp rax xmm0" "frame function main" "print line" "x/4s ((char **)environ)[0]"
	shown of_core >a
	shown of_process >b
	grep -q '^#.* main ' a
	grep -q 'compute' a
	grep -q '= "state' a
	(($(grep -c '^Thread ' a) == 6))
	diff a b
	run -0 gdb -nx -q -batch -ex 'info proc mappings' -ex 'info auxv' "$(type -P threads)" core.file
	[[ $output == *libc.so.6* && $output == *AT_RANDOM* ]]
}

@test "reserved memory that is mostly unused takes no space in a core, and is zero-filled" {
	target
	tell map anon 100000
	tell write 1 1 7
	stop "$pid"
	save
	run -0 dirtyckpt core image core.file
	(($(stat -c %s core.file) < 100000 * 4096 / 10))
	run -0 gdb -nx -q -batch -ex "x/1xb 0x$start + 4096" -ex "x/1xb 0x$start + 40960000" "$(type -P memstate)" core.file
	[[ $output == *0x07*0x00* ]]
	end_target
}

@test "eu-readelf and eu-unstrip find notes, files and build IDs in a core" {
	start_threads
	save
	ask wake
	save --stop
	run -0 dirtyckpt core image@2 core.file
	run -0 eu-readelf -n core.file
	for note in PRSTATUS PRPSINFO AUXV FILE FPREGSET X86_XSTATE; do
		[[ $output == *$note* ]] || fail "no $note"
	done
	[[ $(grep -c PRSTATUS <<<"$output") == 6 ]]
	[[ $output == *"pid: $pid,"* && $output == *"fname: threads"* ]]
	run -0 eu-readelf -h -l core.file
	[[ $output == *"CORE (Core file)"* ]]
	run -0 eu-unstrip -n --core core.file
	[[ $output == *libc.so.6* && $output =~ [0-9a-f]{40}@0x ]]
	# Clean pages of files are not in the core, and clean anonymous pages are holes.
	(($(stat -c '%b * 512' core.file) < 2000000))
	# A moving generation has no registers, and debuggers want a thread.
	run -0 dirtyckpt core image@1 core.moving
	[[ $output == *"not a consistent state"* ]]
	run -0 eu-readelf -n core.moving
	[[ $(grep -c PRSTATUS <<<"$output") == 1 && $output == *AUXV* ]]
	[[ $output =~ rip:\ +0x0000000000000000 ]]
}

@test "core refuses a 32-bit program, stopped or not" {
	start_threads
	save
	# No test runs a 32-bit program; its auxv would identify it.
	python3 - <<-'PYTHON'
		import re, struct, zlib
		auxv = struct.pack("<8I", 32, 0xf7f00540, 16, 0x1fabfbff, 6, 4096, 0, 0)
		with open("image/000001/auxv", "wb") as file:
		    file.write(auxv)
		with open("image/000001/head") as file:
		    head = file.read()
		part = f"part auxv {len(auxv)} {zlib.crc32(auxv):08x}"
		head = re.sub("crc32 .*\n$", "", re.sub("part auxv .*", part, head))
		with open("image/000001/head", "w") as file:
		    file.write(f"{head}crc32 {zlib.crc32(head.encode()):08x}\n")
	PYTHON
	run -0 dirtyckpt list --check image
	run -4 dirtyckpt core image core.file
	[[ $output == *"is of a 32-bit program"* ]]
	[[ ! -e core.file ]]
}

@test "the examples of the manual work" {
	start_threads
	sed -nE 's/^\.RB "[$#] " "(.*)"$/\1/p' "$BATS_TEST_DIRNAME/../../tools/dirtyckpt/dirtyckpt.1" |
		sed 's/\\(aq/'\''/g; s/\\(rs/\\/g; s/\\//g; /criu/d' >examples
	(($(wc -l <examples) >= 6))
	while read -r example; do
		example=${example//1234/$pid}
		example=${example// \/usr\/bin\/program / $(type -P threads) }
		example=${example//gdb /gdb -nx -q -batch }
		run -0 bash -c "$example"
		[[ $output != *"dirtyckpt:"* ]]
	done <examples
}

# bats test_tags=long
@test "no checkpoint of the benchmark fails" {
	run -0 --separate-stderr "$BATS_TEST_DIRNAME/../bench/checkpoints" 500
	printf '# %s\n' "${lines[@]}" >&3
	[[ $(grep -cvE '^(CHECKPOINT|criu) ' <<<"$output") == 8 && $(grep -v ^criu <<<"$output") != *fails:* ]]
}
