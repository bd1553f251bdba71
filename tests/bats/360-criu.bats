#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2030,SC2031  # each test is a subshell
# dirtyckpt's parent images for CRIU, and CRIU itself, which needs a kernel of its own:
# 'make test-criu' boots it.

load lib
load dirtyckpt

criu_py=$BATS_TEST_DIRNAME/../programs/criu.py
PATH=$BUILD/criu:$PATH

# export_image [OPTION]... - export the target into the folder parent
export_image() {
	run -0 dirtyckpt export --criu "$@" image parent
	exported=$output
}

# check_parent [PID] - check the files in parent, and compare the contents with the memory of
# the stopped target; set $ranges
check_parent() {
	run -0 "$criu_py" parent parent "${1:-$pid}" "$pid"
	ranges=("${lines[@]:1}")
}

# pages_of RANGE... - print the number of pages in all ranges
pages_of() {
	local range pages=0
	for range; do
		pages=$((pages + (16#${range#*-} - 16#${range%-*}) / page))
	done
	echo $pages
}

# exported_in START-END - print the number of pages of the mapping that are in the parent
exported_in() {
	local range s e pages=0
	for range in "${ranges[@]}"; do
		s=$((16#${range%-*})) e=$((16#${range#*-}))
		((s >= 16#${1%-*})) || s=$((16#${1%-*}))
		((e <= 16#${1#*-})) || e=$((16#${1#*-}))
		((s >= e)) || pages=$((pages + (e - s) / page))
	done
	echo $pages
}

# mapping_of NAME - print the range of the mapping with that name
mapping_of() {
	awk -v name="$1" '$6 == name { print $1 }' "/proc/$pid/maps"
}

@test "a parent image for CRIU has all pages of the last generation that are unwritten since, and the vdso" {
	tell map anon 100
	tell write 0 100
	save --for-criu
	tell write 0 10 5
	save
	tell write 20 3
	stop "$pid"
	unwritten=$(($(pages_in <(listing)) - $(pages_in <(listing | grep '[0-9a-f] .*d'))))
	vdso=$(mapping_of '[vdso]')
	export_image
	check_parent
	[[ $(exported_in "$start-$end") == 97 ]]
	[[ $(exported_in "$vdso") == $(pages_of "$vdso") ]]
	[[ $exported == "generation 2: $unwritten pages exported; "* ]]
	[[ $(pages_of "${ranges[@]}") == $((unwritten + $(pages_of "$vdso"))) ]]
}

@test "the uptime in the inventory is the tick after the start of the process" {
	save --for-criu
	stop "$pid"
	export_image --quiet
	[[ -z $exported ]]
	run -0 "$criu_py" parent parent "$pid"
	[[ ${lines[0]} == $((($(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20) + 1) * 10000)) ]]
}

@test "private hugetlb memory is never in a parent image, which export reports" {
	echo 4 >/proc/sys/vm/nr_hugepages
	cleanup() { echo 0 >/proc/sys/vm/nr_hugepages; }
	tell map private-hugetlb 1024
	tell write 0 600
	hugetlb=$start-$end
	save --for-criu
	save
	stop "$pid"
	export_image
	[[ $exported == *"1024 pages are left out, as the kernel does not track writes to them"* ]] || fail "$exported"
	check_parent
	[[ $(exported_in "$hugetlb") == 0 ]]
	end_target
}

@test "save --for-criu clears soft-dirty bits before the first generation, and only then" {
	tell map anon 64
	tell write
	save
	grep -q '^VmFlags.* sd' "/proc/$pid/smaps"
	run -0 dirtyckpt save --for-criu "$pid" image
	[[ $output == *"starting over with all pages: its last generation was saved without --for-criu"* ]]
	run -1 grep '^VmFlags.* sd' "/proc/$pid/smaps"
	tell map anon 64
	tell write
	save --for-criu
	save
	grep -q '^VmFlags.* sd' "/proc/$pid/smaps"
	[[ $(column whole 2) == true && $(column whole 3) == false && $(column whole 4) == false ]]
	stop "$pid"
	export_image
	check_parent
	[[ $(exported_in "$start-$end") == 64 ]]
}

@test "a save --for-criu that is killed after clear_refs loses nothing" {
	tell map anon 64
	tell write
	save
	tell write 0 64 7
	hold_save -P "/proc/$pid/task/$pid/clear_refs" write 1 --for-criu
	kill -KILL "$(pgrep -P "$saver")"
	wait "$saver" || true
	run -0 dirtyckpt save "$pid" image
	[[ $output == *"starting over with all pages"* ]] || fail "$output"
	stop "$pid"
	matches
}

# refused REASON IMAGE[@N] - check that export refuses, with this reason, and leaves nothing
refused() {
	run -9 dirtyckpt export --criu "$2" parent
	[[ $output == *"$1"* ]] || fail "$output"
	[[ -z $(ls -d parent* 2>/dev/null) ]]
}

@test "export refuses a generation that CRIU would take old contents from" {
	tell map anon 16
	tell write
	save
	refused "image@1: was saved without --for-criu; use 'dirtyckpt save --for-criu'" image
	run -0 dirtyckpt save --for-criu "$pid" image
	save
	refused "image@2: is not the last generation" image@2
	# A save that is killed after it has acknowledged, and before it has copied
	tell write 0 8 5
	hold_save -P "/proc/$pid/task/$pid/mem" pread64 3
	kill -KILL "$(pgrep -P "$saver")"
	wait "$saver" || true
	refused "image@3: acknowledged pages may be missing from it" image
	save
	stop "$pid"
	export_image
	check_parent
	[[ $(exported_in "$start-$end") == 16 ]]
	# A save would make the parent image wrong.
	run -9 dirtyckpt save "$pid" image
	[[ $output == *"exported to $PWD/parent, which would become wrong; remove that folder first" ]]
	rm -r parent
	save
	export_image
	rm -r parent
	go_on "$pid"
	run -0 dirtyckpt untrack image
	refused "image@5: acknowledged pages may be missing from it" image
	run -0 dirtyckpt save "$pid" other
	acknowledged=$(dirtyckpt save --for-criu "$pid" image 2>&1) && fail "two images track the process"
	[[ $acknowledged == *"tracked by another image"* ]]
	refused "image@5: acknowledged pages may be missing from it" image
	end_target
	run -2 dirtyckpt export --criu image parent
}

@test "export refuses a process that runs another program" {
	start_program bash -c 'read -r; exec cat'
	save --for-criu
	echo "for read" >&"$orders"
	order again
	[[ $told == again ]] || fail "$told"
	refused "image@1: is of another process or program" image
}

@test "export writes all of its files, or none" {
	tell map anon 600
	tell write
	save --for-criu
	run -1 dirtyckpt export image parent
	[[ $output == *"requires --criu"* ]]
	mkdir parent
	run -9 dirtyckpt export --criu image parent
	[[ $output == *"parent: exists; use the name of a new folder" && -z $(ls parent) ]]
	run -6 dirtyckpt export --criu image nowhere/parent
	[[ $output == *"its parent must exist and be writable" ]]
	mkdir small
	mount -t tmpfs -o size=1m tmpfs small
	cleanup() { umount small; }
	run -6 dirtyckpt export --criu image small/parent
	[[ $output == *"No space left on device"* && -z $(ls small) ]]
	mkdir deep
	run -0 dirtyckpt export --criu image "deep/er/"
	[[ $(ls deep) == er ]]
}

@test "a parent image has the PID of the innermost namespace in its name" {
	end_target
	target unshare --pid --fork
	adopt "$(pgrep -P "$pid")"
	save --for-criu
	stop "$pid"
	export_image
	check_parent 1
}

# The scenarios below run CRIU, in the kernel of 'make test-criu'.

# only - end the usual target; CRIU needs the loopback device at its start
only() {
	end_target
	ip link set lo up
}

# start_alone COMMAND... - make it the target, as start_program does, in a session of its
# own and with no other open files
start_alone() {
	only
	mkfifo orders answers
	taskset -c 0 setsid "$@" <orders >answers 2>errors 3>&- &
	adopt $!
	checked_pid=
	exec {orders}>orders {answers}<answers
}

# start_memstate - make memstate the target, and read that it is ready
start_memstate() {
	start_alone memstate
	hear
}

# criu_does COMMAND [OPTION]... - run CRIU; if it fails, show the end of its log
criu_does() {
	local log=$PWD/criu-$1.log
	taskset -c 0 criu "$1" --images-dir dump -v4 --log-file "$log" "${@:2}" 3>&- >criu.output 2>&1 || {
		grep -E 'Error|Warn' "$log" | tail -n 20 >&2
		tail -n 20 criu.output "$log" >&2
		fail "criu $1 failed"
	}
}

# precopy - save the target twice while it runs, and export it
precopy() {
	save --for-criu
	"$@"
	save
	export_image
}

# dump [OPTION]... - stop the target, and dump it with the parent image
dump() {
	stop "$pid"
	"$criu_py" copy "$pid" memory
	listing >listing.dump
	unwritten=$(pages_in <(grep -v '[0-9a-f] .*d' listing.dump))
	vdso=$(pages_of "$(mapping_of '[vdso]')")
	mkdir dump
	criu_does dump --tree "$pid" --track-mem --prev-images-dir ../parent "$@"
	wait_until is_gone
	"$criu_py" stats dump >figures
}

# takes_unwritten - check that CRIU took the unwritten pages from the parent image
takes_unwritten() {
	local skipped
	skipped=$(counter pages_skipped_parent)
	echo "$unwritten unwritten, $skipped from the parent, $(counter pages_written) written"
	# A few pages are written for CRIU.
	((skipped >= unwritten * 98 / 100 - 8 && skipped <= unwritten + vdso))
}

is_gone() {
	[[ ! -e /proc/$pid ]]
}

# counter NAME - print that counter of the dump
counter() {
	sed -n "s/^$1 //p" figures
}

# restored [OPTION]... - restore the target as a new process, compare its memory, and let it
# continue
restored() {
	criu_does restore --restore-detached "$@"
	wait_until is_stopped "$pid"
	run -0 "$criu_py" compare "$pid" memory
	go_on "$pid"
}

# bats test_tags=criu,long
@test "python3 dumped by CRIU with a parent image goes on with all its data in a new process" {
	start_alone python3 -c "$growing"
	order grow 20000
	precopy order grow 3000
	order grow 100
	expected=$told
	dump
	takes_unwritten
	restored
	order tell
	[[ $told == "$expected" ]] || fail "$told, not $expected"
	order grow 100
	[[ $told == "23200 "* ]]
}

# bats test_tags=criu,long
@test "redis-server dumped by CRIU after load goes on with all its data in a new process" {
	only
	taskset -c 0 setsid redis-server --port 6397 --bind 127.0.0.1 --save "" --dir "$PWD" --daemonize no \
		--enable-debug-command yes </dev/null >redis.log 2>&1 3>&- &
	adopt $!
	wait_until redis-cli -p 6397 ping
	redis-cli -p 6397 debug populate 3000 key 1000
	precopy redis-benchmark -p 6397 -n 2000 -r 300 -t set,lpush -q
	redis-benchmark -p 6397 -n 500 -r 300 -t set,lpush -q
	keys=$(redis-cli -p 6397 dbsize)
	digest=$(redis-cli -p 6397 debug digest)
	only_listens() { [[ $(find "/proc/$pid/fd" -lname 'socket:*' | wc -l) == 1 ]]; }
	wait_until only_listens
	dump
	takes_unwritten
	restored
	[[ $(redis-cli -p 6397 dbsize) == "$keys" ]]
	[[ $(redis-cli -p 6397 debug digest) == "$digest" ]]
	redis-cli -p 6397 set word again
	[[ $(redis-cli -p 6397 get word) == again ]]
}

# bats test_tags=criu,long
@test "a program with threads dumped by CRIU goes on with all of them in a new process" {
	start_alone threads
	hear
	[[ $told == ready ]]
	ask wake
	ask grow 50
	precopy ask wake
	ask wake
	before=("${counts[@]}")
	dump
	takes_unwritten
	restored
	order wake
	# CRIU lets calls with a timeout fail with EINTR, which two of the threads notice.
	[[ $told =~ " wrong "[0-9]+" 0 0 "[0-9]+" 0"$ ]] || fail "$told"
	read -r -a counts <<<"$told"
	for i in {0..4}; do ((counts[i] > before[i])); done
}

# bats test_tags=criu,long
@test "sqlite3 dumped by CRIU in a transaction can commit it in a new process" {
	rows() {
		echo "with recursive c(n) as (select $1 union all select n + 1 from c where n < $2) insert into t select n, hex(n) from c;"
	}
	start_alone sqlite3 data.db
	order "create table t(n integer primary key, text); select 'made';"
	order "begin; $(rows 1 5000) select count(*) from t;"
	precopy order "$(rows 5001 6000) select count(*) from t;"
	order "$(rows 6001 7000) select count(*) from t;"
	dump --file-locks
	takes_unwritten
	restored --file-locks
	order "select count(*) from t;"
	[[ $told == 7000 ]]
	order "commit; pragma integrity_check;"
	[[ $told == ok ]]
	[[ $(sqlite3 data.db "select count(*), sum(n) from t;") == "7000|24503500" ]]
}

# bats test_tags=criu,long
@test "private hugetlb memory that is written between save and dump is right in the new process" {
	echo 8 >/proc/sys/vm/nr_hugepages
	cleanup() {
		end_target
		echo 0 >/proc/sys/vm/nr_hugepages
	}
	start_memstate
	order "map private-hugetlb 1024"
	order "write 0 1024 3"
	precopy order "write 0 8 4"
	[[ $exported == *"1024 pages are left out"* ]]
	order "write 500 40 9"
	dump
	takes_unwritten
	(($(counter pages_written) >= 1024))
	restored
	[[ $(order "write 0 1" && echo "$told") == READY* ]]
}

# bats test_tags=criu,long
@test "memory that is mapped after the export is dumped whole" {
	start_memstate
	order "map anon 500"
	# Other mappings must not be merged with this one.
	order "advise nohugepage"
	order "write"
	precopy order "write 0 100 5"
	order "map anon 300"
	order "write"
	dump
	takes_unwritten
	(($(counter pages_written) >= 300 && $(counter pages_written) < 500))
	restored
}

# bats test_tags=criu,long
@test "a mapping that has grown after the export is dumped whole" {
	start_memstate
	order "map anon 500"
	order "write"
	precopy order "write 0 100 5"
	order "map anon 300"
	order "write"
	dump
	(($(counter pages_written) >= 800))
	restored
}

# bats test_tags=criu,long
@test "the examples of the manual that use CRIU work" {
	start_memstate
	order "map anon 100"
	order "write"
	sed -nE 's/^\.RB "# " "(.*criu.*)"$/\1/p' "$BATS_TEST_DIRNAME/../../tools/dirtyckpt/dirtyckpt.1" |
		sed 's/\\//g' >examples
	(($(wc -l <examples) == 6))
	while read -r example; do
		run -0 bash -c "${example//1234/$pid} 3>&-"
		[[ $example != "criu dump"* ]] || wait_until is_gone
	done <examples
	order "write 0 1"
	[[ $told == READY* ]]
}
