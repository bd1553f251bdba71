#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Failures of dirtyckpt: nothing is lost, and messages have a remedy.

load lib
load dirtyckpt

# Other scenarios check the listing itself.
setup() {
	target
	checked_pid=
	cd "$BATS_TEST_TMPDIR" || return
}

# checksums - print checksums of all files in the image
checksums() {
	find image -type f -exec cksum {} + | sort
}

is_running() {
	[[ $(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status") == [SR] ]]
}

# killed_while_copying - kill a save of the target after it has acknowledged pages
killed_while_copying() {
	local n
	# Before that it creates a folder, the record and a note: five calls or more.
	for ((n = 6; n < 15; n++)); do
		run killat $n dirtyckpt save "$pid" image
		((status == 0)) || break
		[[ $(picture) != "64:ap-x---" ]] || return 0
	done
	fail "never acknowledged"
}

# Kill saves before the first, second, third ... call that changes something. Between
# saves, the process writes to pages that it never writes to again, so a missed page stays
# missed.
@test "a save killed before any call that changes something: the process runs, and the next save misses nothing" {
	local n status=0
	tell map anon 256
	tell write
	save
	for ((n = 1; status == 0; n++)); do
		tell write $((n * 3)) 2 7
		killat $n dirtyckpt save --stop "$pid" image >>killed.log 2>&1 || status=$?
		((status < 2)) || fail "$(<killed.log)"
		is_running || fail "not running after $n"
		tell write $((n * 3 + 2)) 1 7
		# Now and then a save completes.
		((n % 4)) || save
	done
	echo "killed at $((n - 2)) places"
	((n > 15 && n < 80))
	saves_all
	run ! grep "starting over" killed.log
	run -0 dirtyckpt list --check image
}

@test "after the first save was killed, the next one has all pages" {
	tell map anon 64
	tell write
	for n in 4 6 8; do
		rm -rf image
		run -0 killat $n dirtyckpt save "$pid" image
		tell write $n 2 $n
		stop "$pid"
		run -0 dirtyckpt save "$pid" image
		matches
		go_on "$pid"
	done
}

@test "recorded pages are copied although they are no longer listed as written" {
	tell map anon 64
	tell write
	save
	tell write 10 20 9
	killed_while_copying
	[[ -s image/todo ]]
	dirtyckpt list image 2>&1 | grep -q "generation 2 is incomplete"
	saves_all
	(($(column stored 2) >= 20))
	[[ ! -e image/todo ]]
}

@test "a save starts over if the record is damaged or missing" {
	tell map anon 64
	tell write
	save
	for way in damage remove; do
		tell write 10 20 9
		killed_while_copying
		[[ $way == remove ]] || sed -i 's/^\(.\)/f/' image/todo
		[[ $way == damage ]] || rm image/todo
		run -0 dirtyckpt save "$pid" image
		[[ $output == *"starting over"* ]]
		stop "$pid"
		matches
		go_on "$pid"
	done
}

# small_disk - mount 2 MiB on the folder "small"
small_disk() {
	cleanup() { umount "$BATS_TEST_TMPDIR/small"; }
	mkdir small
	mount -t tmpfs -o size=2M small small
}

@test "a full disk leaves earlier generations unchanged, and the next save misses nothing" {
	small_disk
	tell map anon 256
	tell write
	run -0 dirtyckpt save "$pid" small/image
	image=$(cd small/image && find . -type f -exec cksum {} + | sort)
	tell write 0 256 7
	run -6 dirtyckpt save --stop "$pid" small/image
	[[ $output == *"No space left"* && $output == *"free some space"* ]]
	is_running
	[[ $(cd small/image && find . -type f ! -name todo -exec cksum {} + | sort) == "$image" ]]
	[[ ! -e small/image/new ]]
	mount -o remount,size=8M small
	stop "$pid"
	run -0 dirtyckpt save "$pid" small/image
	[[ $output != *"starting over"* ]]
	matches small/image
}

@test "nothing is acknowledged if the record cannot be written" {
	small_disk
	tell map anon 64
	tell write
	run -0 dirtyckpt save "$pid" small/image
	tell write 5 1 7
	head -c 10M /dev/zero >small/full 2>/dev/null || true
	run -6 dirtyckpt save "$pid" small/image
	[[ $output == *"No space left"* ]]
	expect "5:ap-x---" "1:apdx---" "58:ap-x---"
	rm small/full
	stop "$pid"
	run -0 dirtyckpt save "$pid" small/image
	matches small/image
}

@test "a read-only folder is an error, and nothing changes" {
	cleanup() { umount "$BATS_TEST_TMPDIR/image"; }
	tell map anon 64
	tell write
	mkdir image
	mount -t tmpfs image image
	save
	mount -o remount,ro image
	before=$(checksums)
	tell write 5 1 7
	run -6 dirtyckpt save "$pid" image
	[[ $output == *"Read-only file system"* && $output == *"use a writable folder"* ]]
	expect "5:ap-x---" "1:apdx---" "58:ap-x---"
	[[ $(checksums) == "$before" ]]
	# Reading it works.
	run -0 dirtyckpt list --check image
	run -6 dirtyckpt save "$pid" /proc/nothing
	run -6 dirtyckpt save "$pid" /proc/version
}

# damage FILE OFFSET - change one byte
damage() {
	printf '\xa5' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "a damaged generation is reported and not used, and others still are" {
	tell map anon 64
	tell write 0 64 3
	save --stop
	tell write 0 64 4
	stop "$pid"
	save --stop
	cp -r image whole
	for file in head listing maps missing auxv threads index pages; do
		rm -r image
		cp -r whole image
		if [[ -s image/000002/$file ]]; then
			damage "image/000002/$file" $(($(stat -c %s "image/000002/$file") / 2))
		else
			echo x >image/000002/$file
		fi
		run -8 dirtyckpt list --check image
		[[ $output == *"image@2: damaged"* && $output == *" damaged" ]] || fail "$file: $output"
		[[ $file == maps || $file == auxv || $file == threads ]] || {
			run -8 dirtyckpt verify "$pid" image
			[[ $output == *damaged* ]]
		}
		run -7 dirtyckpt verify "$pid" image@1
	done
	before=$(checksums)
	go_on "$pid"
	tell write 0 64 5
	stop "$pid"
	run -8 dirtyckpt restore "$pid" image
	go_on "$pid"
	tell read 0 64
	[[ $answer == 320 ]] || fail "half restored"
	stop "$pid"
	run -8 dirtyckpt core image core.file
	[[ ! -e core.file ]]
	[[ $(checksums) == "$before" ]]
	# Memory is saved nevertheless, and generation 1 is still usable.
	damage image/000002/head 10
	run -0 dirtyckpt save "$pid" image
	[[ $output == *"starting over"* ]]
	matches
	run -7 dirtyckpt verify "$pid" image@1
	run -8 dirtyckpt prune --keep 2 image
}

@test "a save starts over if a generation that it would build on is damaged or missing" {
	local way note
	tell map anon 64
	tell write 0 64 1
	save
	tell write 5 1 2
	save
	tell write 6 1 3
	stop "$pid"
	save
	cp -r image whole
	note=$(<"$(lock_name)")
	for way in "damage image/000003/"{head,listing,maps,auxv,index}" 20" \
		"tee image/000003/"{missing,threads}" <<<x" \
		"truncate -s -1 image/000003/pages" "rm image/000003/pages" \
		"ln -sf ../000001/pages image/000003/pages" "damage image/000002/head 20" \
		"rm image/000002/index" "truncate -s +1 image/000001/pages" \
		"rm -r image/000002" "rm -r image/000001" true; do
		rm -r image
		cp -r whole image
		# The lock file names the generation that has all pages.
		cat <<<"$note" >"$(lock_name)"
		eval "$way" >/dev/null
		run -0 dirtyckpt save "$pid" image
		if [[ $way != true ]]; then
			[[ $output == *"starting over with all pages: "*" is damaged"* ]] || fail "$way: $output"
		else
			[[ $output != *"starting over"* ]] || fail "$output"
		fi
		grep -qx "whole $([[ $way == true ]] && echo no || echo yes)" image/000004/head
	done
}

@test "damaged contents of pages are found by list --check, not by the next save" {
	tell map anon 64
	tell write 0 64 1
	save
	damage image/000001/pages $(($(stat -c %s image/000001/pages) / 2))
	save
	run -8 dirtyckpt list --check image
	[[ $output == *"image@1: damaged (pages)"* ]]
}

@test "the copy has a page written right before it is acknowledged" {
	tell map anon 64
	tell write 0 64 1
	save
	tell write 5 1 2
	# The note about the generation is the last call before that.
	hold_save ftruncate 1
	expect "5:ap-x---" "1:apdx---" "58:ap-x---"
	tell write 5 1 3
	let_go
	expect "64:ap-x---"
	saves_all
}

# forge KIND - change something in the image, with correct checksums
forge() {
	python3 - "$1" <<'EOF'
import re, struct, sys, zlib

def change(name, edit):
    with open(name, "rb+") as f:
        data = edit(f.read())
        f.seek(0)
        f.truncate()
        f.write(data)
    return data

def seal(text):
    """With another checksum in its last line"""
    text = re.sub(rb"crc32 .*\n\Z", b"", text)
    return text + b"crc32 %08x\n" % zlib.crc32(text)

def change_part(name, edit):
    data = change(f"image/000001/{name}", edit)
    line = b"part %s %d %08x\n" % (name.encode(), len(data), zlib.crc32(data))
    change("image/000001/head",
           lambda text: seal(re.sub(rb"part %s .*\n" % name.encode(), line, text)))

def set_last(field, value):
    def edit(index):
        chunk = list(struct.unpack("<QQIIII", index[-32:]))
        chunk[field] = value
        return index[:-32] + struct.pack("<QQIIII", *chunk)
    change_part("index", edit)

what = sys.argv[1]
if what == "start":
    set_last(0, (1 << 64) - 4096)
elif what == "offset":
    set_last(1, (1 << 64) - 4096)
elif what == "lacking":
    change_part("index", lambda index: index[:-32])
elif what == "unaligned":
    change_part("listing", lambda text: re.sub(rb"\A(\w+)000-", rb"\g<1>010-", text))
elif what == "registers":
    # Cut 64 bytes off the last register set of the first thread
    def edit(threads):
        size = list(struct.unpack("<3Q", threads[32:56]))
        end = 56 + sum(size)
        size[2] -= 64
        return threads[:32] + struct.pack("<3Q", *size) + threads[56:end - 64] + threads[end:]
    change_part("threads", edit)
elif what == "zero":
    change("image/000001/head",
           lambda text: seal(text.replace(b"crc32", b"x \0\ny\ncrc32")))
elif what == "record":
    open("image/todo", "wb").write(seal(b"dirtyckpt-todo 2 x\0\n1000-2000\n"))
elif what == "order":
    open("image/todo", "wb").write(seal(b"dirtyckpt-todo 2 x\n3000-4000\n1000-2000\n"))
EOF
}

@test "a forged image is reported as damaged, without a crash or a hang" {
	local what file
	tell map anon 64
	tell write 0 64 3
	stop "$pid"
	save
	cp -r image whole
	for what in start offset lacking unaligned zero; do
		rm -r image
		cp -r whole image
		forge $what
		run -8 dirtyckpt verify "$pid" image
		[[ $output == *damaged* ]]
	done
	for file in head listing maps missing auxv threads index pages; do
		rm -r image
		cp -r whole image
		rm image/000001/$file
		mkfifo image/000001/$file
		run -8 timeout "$TIMEOUT" dirtyckpt list --check image
		[[ $output == *damaged* ]]
	done
	rm -r image
	cp -r whole image
	mkfifo image/todo
	run -6 timeout "$TIMEOUT" dirtyckpt save "$pid" image
	for what in record order; do
		rm -r image
		cp -r whole image
		forge $what
		run -0 dirtyckpt save "$pid" image
		[[ $output == *"todo: damaged"* && $output == *"starting over"* ]]
	done
	matches
}

@test "restore refuses an image with other register sets, and leaves the process unchanged" {
	tell map anon 16
	tell write 0 16 3
	save --stop
	tell write 0 16 4
	stop "$pid"
	forge registers
	run -0 dirtyckpt list --check image
	run -9 dirtyckpt restore "$pid" image
	[[ $output == *"has other register sets"* ]]
	go_on "$pid"
	tell read 0 16
	[[ $answer == 64 ]]
}

@test "prune removes nothing if the generation to keep is damaged" {
	tell map anon 64
	tell write 0 64 1
	save
	rm "$(lock_name)"
	run -0 dirtyckpt save "$pid" image
	grep -qx "whole yes" image/000002/head
	damage image/000002/pages $(($(stat -c %s image/000002/pages) / 2))
	before=$(checksums)
	run -8 dirtyckpt prune image
	[[ $output == *"image@2: damaged (pages)"* && $(checksums) == "$before" ]]
}

# Stop at every fourth of these calls: each step takes more than that, as files are
# removed one by one.
@test "a killed prune leaves only whole generations" {
	local n killed=0
	tell map anon 16
	for n in 1 2; do
		tell write "$n" 3 "$n"
		save
	done
	stop "$pid"
	save
	cp -r image whole
	for ((n = 2; killed == 0; n += 4)); do
		rm -r image
		cp -r whole image
		killat $n dirtyckpt prune image >>killed.log 2>&1 || killed=$?
		((killed < 2)) || fail "$(<killed.log)"
		run -0 dirtyckpt list --check image
	done
	((n > 20))
	matches image@3
	[[ $(dirtyckpt list --json image | jq -c '[.generations[].generation]') == '[3]' ]]
}

@test "a missing generation that others build on is named" {
	tell map anon 64
	tell write 0 64 3
	save
	tell write 5 1 4
	stop "$pid"
	save
	rm -r image/000001
	run -8 dirtyckpt verify "$pid" image
	[[ $output == *"builds on"* ]]
	run -8 dirtyckpt list --check image
	[[ $output == *"builds on"* ]]
}

@test "a missing generation damages those after it, and none before" {
	tell map anon 64
	tell write 0 64 3
	save --stop
	# These pages are in the second generation only.
	tell write 5 2 4
	save --stop
	tell write 7 1 5
	save --stop
	rm -r image/000002
	tell write 5 1 6
	stop "$pid"
	before=$(checksums)
	for command in "list --check image" "verify $pid image" "restore $pid image" "core image core.file" \
		"prune image"; do
		# shellcheck disable=SC2086  # words
		run -8 dirtyckpt $command
		[[ $output == *"image@2: missing, but @3 builds on it"* ]] || fail "$command: $output"
	done
	[[ ! -e core.file && $(checksums) == "$before" ]]
	# No list has the other written page, so all pages are compared.
	run -0 dirtyckpt restore "$pid" image@1
	matches image@1
	go_on "$pid"
	tell read 0 64
	[[ $answer == 192 ]] || fail "$answer"
}

@test "verify prints the ranges that differ, of modified pages and of clean ones" {
	tell map anon 64
	tell write 0 32 1
	stop "$pid"
	save
	matches
	printf '\x07' | dd of="/proc/$pid/mem" bs=1 seek=$((16#$start + 5 * page + 100)) conv=notrunc status=none
	printf '\x07' | dd of="/proc/$pid/mem" bs=1 seek=$((16#$start + 40 * page)) conv=notrunc status=none
	run -7 dirtyckpt verify "$pid" image
	[[ $output == "$(page_range 5 1) differs"$'\n'"$(page_range 40 1) differs" ]]
	# Zeroes are the original contents of anonymous memory.
	printf '\x00' | dd of="/proc/$pid/mem" bs=1 seek=$((16#$start + 40 * page)) conv=notrunc status=none
	printf '\x00' | dd of="/proc/$pid/mem" bs=1 seek=$((16#$start + 5 * page + 100)) conv=notrunc status=none
	matches
}

@test "verify prints mappings that are new, gone or different" {
	tell map anon 16
	tell write 0 16 1
	save
	tell protect r 4 2
	stop "$pid"
	run -7 dirtyckpt verify "$pid" image
	[[ $output == *"was mapped as rw-p"*"is r--p"* ]]
	go_on "$pid"
	tell protect rw 4 2
	tell map anon 32
	stop "$pid"
	run -7 dirtyckpt verify "$pid" image
	[[ $output == *"$(page_range 0 32) was not mapped"* ]]
	go_on "$pid"
	tell use 0
	tell protect r 4 2
	tell protect r 10 2
	stop "$pid"
	run -7 dirtyckpt verify "$pid" image
	[[ $(grep -c "was mapped as rw-p" <<<"$output") == 2 && $output == *"was not mapped"* ]] || fail "$output"
	go_on "$pid"
	tell protect rw 4 2
	tell protect rw 10 2
	tell use 1
	tell unmap
	tell use 0
	tell unmap 3 1
	stop "$pid"
	run -7 dirtyckpt verify "$pid" image
	[[ $output == *"is no longer mapped"* ]]
}

@test "a mapping right below a stack that has grown is not taken for the stack" {
	start_program python3 -c '
import ctypes, re, sys
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def stack():
    return int(re.search("(?m)^([0-9a-f]+)-.*\\[stack\\]$", open("/proc/self/maps").read()).group(1), 16)
print("%x" % stack(), flush=True)
sys.stdin.readline()
# Make the stack grow.
ctypes.memset(stack() - 4096, 0, 1)
# MAP_PRIVATE, MAP_FIXED and MAP_ANONYMOUS
start = libc.mmap(stack() - 4096, 4096, 1, 0x32, -1, 0)
print("%08x-%08x" % (start, start + 4096), flush=True)
sys.stdin.readline()'
	hear
	stop "$pid"
	save --stop
	go_on "$pid"
	order map
	stop "$pid"
	run -7 dirtyckpt verify "$pid" image
	grep -qx "$told was not mapped" <<<"$output"
	run -0 dirtyckpt restore "$pid" image
	[[ $output == *" unmapped"* ]]
	run -1 grep "^${told%-*}-" "/proc/$pid/maps"
}

# change_mappings - let the partner run until it has changed a mapping
change_mappings() {
	maps=$(cat "/proc/$pid/maps")
	kill -CONT "$partner"
	wait_until has_other_mappings
}

has_other_mappings() {
	[[ $(cat "/proc/$pid/maps") != "$maps" ]]
}

@test "verify finds changed mappings of an otherwise unchanged process" {
	tell map anon 16
	tell partner
	partner=$answer
	wait_until is_stopped "$partner"
	stop "$pid"
	save
	matches
	change_mappings
	run -7 dirtyckpt verify "$pid" image
	[[ $output == *"was mapped as rw-p"*"is r--p"* ]]
	save
	matches
	wait_until is_stopped "$partner"
	change_mappings
	run -7 dirtyckpt verify "$pid" image
	[[ $output == *" was not mapped"* ]]
}

@test "verify requires a stopped process" {
	save
	run -9 dirtyckpt verify "$pid" image
	[[ $output == *"kill -STOP"* ]]
}

@test "pages unmapped while they are copied are missing, and nothing else is" {
	tell map anon 2048
	tell write
	save
	tell write 0 2048 2
	# Unmap them while the save is held, after it has listed and acknowledged them.
	hold_save -P pages openat 2
	expect "2048:ap-x---"
	tell unmap 300 1
	tell unmap 302 2
	tell unmap 2047 1
	let_go
	((status == 0))
	[[ $(column missing 2) == 4 ]]
	saves_all
}

# Hold a save before it lists, before it acknowledges, and while it copies
moments=("mkdirat 1" "ftruncate 1" "-P pages openat 2")

has_no_memory() {
	[[ -z $(cat "/proc/$1/maps" 2>/dev/null) ]]
}

# lose_program exec|end - have the target lose its address space
lose_program() {
	if [[ $1 == exec ]]; then
		printf 'exec memstate\n' >&"${MEMSTATE[1]}"
		hear_target exec
	else
		# wait does not return for a traced process.
		kill -KILL "$pid"
		wait_until has_no_memory "$pid"
	fi
}

# held_up WAY MOMENT [OPTION]... - save a new target twice. Hold the second save at MOMENT,
# while the target loses its address space by WAY.
held_up() {
	end_target
	target
	rm -rf image
	tell map anon 64
	tell write 0 64 1
	save
	tell write 0 64 2
	# shellcheck disable=SC2086  # words
	hold_save $2 "${@:3}"
	cp "/proc/$pid/auxv" auxv
	lose_program "$1"
	let_go
}

# is_as_it_was - check that an incomplete save has not changed the image
is_as_it_was() {
	[[ ! -e image/000002 && ! -e image/new ]] && dirtyckpt list --check image
}

@test "a process that exits while it is saved is reported, and the image is unchanged" {
	local moment option
	for moment in "${moments[@]}"; do
		for option in "" --stop; do
			held_up end "$moment" $option
			((status == 5)) || fail "$moment $option: $status, $(<said)"
			grep "^dirtyckpt: .*$pid" said
			is_as_it_was
		done
	done
	# While its threads are interrupted, stopped, counted, and while registers are read
	for moment in "ptrace 2" "wait4 1" "getdents64 4" "ptrace 3"; do
		held_up end "$moment" --stop
		((status == 5)) || fail "$moment: $status, $(<said)"
		grep "^dirtyckpt: .*$pid" said
		is_as_it_was
	done
}

@test "a multithreaded process killed while it is stopped is reported at once" {
	local n
	for n in 1 3 6; do
		rm -rf image orders answers
		start_threads
		save
		hold_save "wait4" "$n" --stop
		kill -KILL "$pid"
		wait_until has_no_memory "$pid"
		SECONDS=0
		let_go
		((status == 5)) || fail "$n: $status, $(<said)"
		((SECONDS < 20)) # not only when its patience ends
		is_as_it_was
	done
}

@test "a process that calls exec while it is saved is reported, and the next save starts over" {
	local moment
	for moment in "${moments[@]}"; do
		held_up exec "$moment"
		((status == 5)) || fail "$moment: $status, $(<said)"
		grep "$pid: .*called exec" said
		is_as_it_was
		run -0 dirtyckpt save "$pid" image
		[[ $output == *"starting over with all pages: the process runs another program now"* ]]
		stop "$pid"
		matches
	done
}

@test "a generation is complete if the process exits or calls exec after its pages are copied" {
	local way option
	for way in end exec; do
		for option in "" --stop; do
			# Before the generation is written to disk
			held_up $way "ftruncate 2" $option
			((status == 0)) || fail "$way $option: $status, $(<said)"
			run -0 dirtyckpt list --check image
			cmp auxv image/000002/auxv
			[[ $way == end ]] || run -1 cmp -s auxv "/proc/$pid/auxv"
		done
	done
}

@test "after a page could not be read, later contents at its address are found" {
	tell map anon 16
	tell write 0 16 1
	save --stop
	tell write 0 16 2
	hold_save -P pages openat 2
	tell unmap
	let_go
	[[ $(column missing 2) == 16 ]]
	tell map anon-over 16
	tell write 0 16 3
	# Only another tracker does this. A tracker that relies on d alone misses the pages.
	put "$(page_range 0 16) d"
	stop "$pid"
	run -0 dirtyckpt restore "$pid" image@1
	matches image@1
	go_on "$pid"
	tell write 0 16 4
	put "$(page_range 0 16) d"
	saves_all
}

@test "pages that one pass could not read are copied by the next" {
	tell map anon 16
	tell write 0 16 1
	save
	tell write 0 16 2
	# The save first reads the missing list of the previous generation.
	hold_save -P pages -P missing openat 4..5 --rounds 1
	tell unmap
	hold_again
	tell map anon-over 16
	tell write 0 16 3
	put "$(page_range 0 16) d"
	let_go
	((status == 0))
	[[ $(column missing 2) == 16 && $(column missing 3) == 0 ]]
	saves_all
}

@test "each kind of error has a message and an exit status of its own" {
	run -1 dirtyckpt
	run -1 dirtyckpt remember
	run -1 dirtyckpt save "$pid"
	run -1 dirtyckpt save "$pid" image more
	run -1 dirtyckpt save 0 image
	run -1 dirtyckpt list --stop image
	[[ $output == *"takes no --stop"* ]]
	run -1 dirtyckpt save --rounds x "$pid" image
	run -1 dirtyckpt prune --keep 0 image
	run -1 dirtyckpt list --json --raw image
	run -2 dirtyckpt save 999999 image
	[[ ! -e image ]]
	run -6 dirtyckpt list image
	save
	run -6 dirtyckpt core image@7 core.file
	[[ $output == *"no generation 7"* ]]
	run -0 dirtyckpt --help
	run -0 dirtyckpt save --help
	run -0 dirtyckpt --version
	[[ $output == "dirtyckpt "* ]]
	chmod 755 .. . && chmod 1777 .
	run -3 setpriv --reuid 1000 --clear-groups dirtyckpt save "$pid" "$PWD/mine"
	[[ $output == *"not permitted"* ]]
}

@test "the second of two saves into one folder is refused" {
	save
	exec {lock}<image
	flock $lock
	run -9 dirtyckpt save "$pid" image
	[[ $output == *"another dirtyckpt"* ]]
	exec {lock}<&-
	save
}

@test "a /proc of another PID namespace is refused, with a remedy" {
	tell map anon 16
	save
	run -9 unshare --pid --fork dirtyckpt save "$pid" image
	[[ $output == *"$pid: /proc is of another PID namespace"*"--mount-proc" ]]
	run -2 unshare --pid --fork --mount-proc dirtyckpt save "$pid" image
	saves_all
}
