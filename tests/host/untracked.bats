#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2030,SC2031  # each test is a subshell
# dirtyckpt on the kernel of this machine, which does not track writes.

setup_file() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	dev/setup tests
	make -s -C tools/dirtyckpt OUTPUT="$BATS_FILE_TMPDIR/checked" \
		CFLAGS="-O1 -g -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover=all"
}

setup() {
	[[ ! -e /proc/self/dirty_pages ]] || skip "this kernel has the file"
	PATH=$BATS_FILE_TMPDIR/checked:$PATH
	cd "$BATS_TEST_TMPDIR" || return
	pid=
	umask 022
	start
}

teardown() {
	[[ -n $pid ]] || return 0
	{
		kill -KILL "$pid"
		wait "$pid" || true
	} 2>/dev/null
}

# start - run a program, $pid, that has 4000 modified pages of 8000 and takes commands
start() {
	mkfifo orders answers
	python3 -u -c '
import ctypes, hashlib, mmap, os, sys
m = mmap.mmap(-1, 4096 * 8000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
m.madvise(mmap.MADV_NOHUGEPAGE)
def write(first, count, text):
    for page in range(first, first + count):
        m[page * 4096:page * 4096 + 8] = b"%8d" % (page * 10 + text)
write(0, 4000, 0)
print("%x" % ctypes.addressof(ctypes.c_char.from_buffer(m)))
for line in sys.stdin:
    word, *numbers = line.split()
    numbers = [int(n) for n in numbers]
    if word == "write":
        write(*numbers)
    elif word == "free":
        m.madvise(mmap.MADV_FREE, numbers[0] * 4096, numbers[1] * 4096)
    elif word == "exec":
        os.execlp("sleep", "sleep", "1000")
    print(hashlib.sha256(m).hexdigest() if word == "sum" else "done")' <orders >answers 3>&- &
	pid=$!
	exec {orders}>orders {answers}<answers
	hear
	start=$((16#$told))
}

# hear - set $told to the next answer
hear() {
	read -r -t 60 told <&"$answers"
}

# order LINE - send it, and set $told to the answer
order() {
	echo "$1" >&"$orders"
	hear
}

# save [OPTION]... - save the process, which must not start over, and set $output
save() {
	run -0 dirtyckpt save --stop "$@" "$pid" image
	[[ $output != *"starting over"* ]] || {
		echo "$output"
		return 1
	}
}

# column NAME N - print a column of generation N
column() {
	dirtyckpt list --json image | jq -r ".generations[] | select(.generation == $2) | .$1"
}

# stop - by SIGSTOP
stop() {
	local state=
	kill -STOP "$pid"
	for _ in {1..600}; do
		read -r _ _ state _ <"/proc/$pid/stat"
		[[ $state != T ]] || return 0
		sleep 0.1
	done
	return 1
}

# matches [DIR[@N]] - check that the stopped process equals the generation
matches() {
	stop
	run -0 dirtyckpt verify "$pid" "${1:-image}"
	[[ $output == "equal: "* ]]
}

# changed FIRST COUNT - print the address range of pages of the mapping
changed() {
	printf '%08x-%08x\n' $((start + $1 * 4096)) $((start + ($1 + $2) * 4096))
}

@test "save --stop stores a whole generation, which list, verify, core and prune can use" {
	save
	[[ $output != *"compared"* ]]
	[[ $(column kind 1) == stopped && $(column whole 1) == true ]]
	(($(column stored 1) >= 4000 && $(column stored 1) == $(column pages 1)))
	run -0 dirtyckpt list --check image
	[[ $output != *damaged* ]]
	matches
	run -0 dirtyckpt core image core
	run -0 gdb -q -batch -ex "x/8cb $start + 4096 * 7" "$(readlink "/proc/$pid/exe")" core
	[[ $output == *"55 '7'"*"48 '0'"* ]]
	kill -CONT "$pid"
	save
	run -0 dirtyckpt prune image
	run -0 dirtyckpt list --check image
	[[ $output != *damaged* && $(column whole 2) == true ]]
	matches
}

@test "the next save --stop stores only pages with other contents, and says that it read all" {
	save
	order "write 100 50 1"
	# These are written with the same contents.
	order "write 1000 2000 0"
	# These were not modified before.
	order "write 5000 30 0"
	save
	[[ $output == "generation 2: "*"; all pages were read and compared, as this kernel does not track writes" ]]
	[[ $(column whole 2) == false ]]
	# The interpreter writes to its own memory as well.
	(($(column stored 2) >= 80 && $(column stored 2) < 500))
	(($(column pages 2) >= 4030))
	matches
	run -7 dirtyckpt verify "$pid" image@1
	[[ $output == *"$(changed 100 50) differs"* && $output == *"$(changed 5000 30) differs"* ]]
	[[ $output != *"$(changed 1000 2000 | cut -d- -f1)"* ]]
	run -0 dirtyckpt list --check image
	[[ $output != *damaged* ]]
}

@test "restore resets the process to any generation" {
	order sum
	first=$told
	save
	order "write 100 50 1"
	order "write 5000 30 0"
	order sum
	second=$told
	save --zstd
	order "write 120 500 2"
	order "write 6000 30 0"
	for n in 1 2 1; do
		run -0 dirtyckpt restore "$pid" image@$n
		# The answers since are in the pipe, and the orders were read.
		matches image@$n
		kill -CONT "$pid"
		order sum
		[[ $told == "$([[ $n == 1 ]] && echo "$first" || echo "$second")" ]]
	done
}

@test "restore rewrites lazily freed pages, which the kernel could drop" {
	save
	order "free 200 300"
	stop
	run -0 grep LazyFree "/proc/$pid/smaps_rollup"
	[[ $output != *" 0 kB" ]] || skip "this kernel has dropped the pages at once"
	run -0 dirtyckpt restore "$pid" image
	run -0 grep LazyFree "/proc/$pid/smaps_rollup"
	[[ $output == *" 0 kB" ]]
	matches
}

@test "a page of a damaged generation is stored again" {
	save
	offset=$((4096 * 2000))
	printf '\1' | dd of=image/000001/pages bs=1 seek=$offset conv=notrunc status=none
	run -0 dirtyckpt save --stop "$pid" image
	[[ $output == *"image@1: damaged (pages)"*"image: storing all further pages, without comparing them"*"generation 2: "* ]]
	[[ $output != *"all pages were read and compared"* ]]
	(($(column stored 2) >= 1500 && $(column stored 2) < $(column pages 2)))
	matches image@2
	kill -CONT "$pid"
	run -8 dirtyckpt list --check image
	: >image/000002/head
	run -0 dirtyckpt save --stop "$pid" image
	[[ $output == *"starting over with all pages: the last generation is damaged"* ]]
	[[ $(column whole 3) == true ]]
	matches
}

@test "--full builds on no generation, with and without --stop" {
	save
	run -0 dirtyckpt save --full "$pid" image
	[[ $output == "generation 2: "* && $output != *compared* && $output != *"starting over"* ]]
	[[ $(column kind 2) == moving && $(column whole 2) == true ]]
	save --full
	[[ $(column kind 3) == stopped && $(column whole 3) == true ]]
	(($(column stored 3) >= 4000))
	rm -r image/00000[12]
	matches
}

@test "another program starts over" {
	save
	echo exec >&"$orders"
	for _ in {1..600}; do
		[[ $(<"/proc/$pid/comm") != sleep ]] || break
		sleep 0.1
	done
	run -0 dirtyckpt save --stop "$pid" image
	[[ $output == *"starting over with all pages: the process runs another program now"* ]]
	[[ $(column whole 2) == true && $(column comm 2) == sleep ]]
}

@test "options that require tracking are refused, and nothing is written" {
	while IFS='|' read -r options reason; do
		# shellcheck disable=SC2086  # several words
		run -4 dirtyckpt save $options "$pid" image
		[[ $output == "dirtyckpt: $pid: this kernel does not track writes, which $reason requires; use 'save --stop', which reads all modified pages, or a kernel with CONFIG_PROC_DIRTY_PAGES and CONFIG_MEM_SOFT_DIRTY" ]]
		[[ ! -e image ]]
	done <<-'END'
		|save without --stop
		--stop --rounds 2|--rounds
		--full --until-pages 5|--until-pages
	END
	# It takes no lock, and clears no bits of others.
	save
	[[ ! -e /run/lock/dirty_pages.$pid.$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20) ]]
	# LeakSanitizer cannot run under strace.
	ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=openat -o calls dirtyckpt save --stop "$pid" image
	run ! grep clear_refs calls
}
