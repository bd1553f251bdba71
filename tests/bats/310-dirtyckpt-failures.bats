#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtyckpt when something goes wrong: nothing is lost, and it says what to do.

load lib
load dirtyckpt

# What the kernel tells is looked at elsewhere.
setup() {
	target
	checked_pid=
	cd "$BATS_TEST_TMPDIR" || return
}

# checksums - of all that is in the image
checksums() {
	find image -type f -exec cksum {} + | sort
}

is_running() {
	[[ $(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status") == [SR] ]]
}

# killed_while_copying - a save of the target is, which has acknowledged
killed_while_copying() {
	local n
	# Before that it makes a folder, the record and a note: five calls or more.
	for ((n = 6; n < 15; n++)); do
		run killat $n dirtyckpt save "$pid" image
		((status == 0)) || break
		[[ $(picture) != "64:ap-x---" ]] || return 0
	done
	fail "never acknowledged"
}

# Saves are killed, each before the next of all the calls that change something,
# and between them the process writes to pages that it never writes to again: what
# one of them misses stays missed.
@test "killed before any call that changes something: the process runs on, and nothing is missed" {
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
		# Now and then one comes to its end.
		((n % 4)) || save
	done
	echo "killed at $((n - 2)) places"
	((n > 15 && n < 80))
	saves_all
	run ! grep anew killed.log
	run -0 dirtyckpt list --check image
}

@test "killed in the first save of all: the next has everything" {
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

@test "what is on record is copied, though nothing says any more that it was written" {
	tell map anon 64
	tell write
	save
	tell write 10 20 9
	killed_while_copying
	[[ -s image/todo ]]
	dirtyckpt list image 2>&1 | grep -q "generation 2 was not completed"
	saves_all
	(($(column stored 2) >= 20))
	[[ ! -e image/todo ]]
}

@test "a record that is damaged or gone: the image begins anew" {
	tell map anon 64
	tell write
	save
	for way in damage remove; do
		tell write 10 20 9
		killed_while_copying
		[[ $way == remove ]] || sed -i 's/^\(.\)/f/' image/todo
		[[ $way == damage ]] || rm image/todo
		run -0 dirtyckpt save "$pid" image
		[[ $output == *anew* ]]
		stop "$pid"
		matches
		go_on "$pid"
	done
}

# small_disk - 2 MiB, in a folder of that name
small_disk() {
	cleanup() { umount "$BATS_TEST_TMPDIR/small"; }
	mkdir small
	mount -t tmpfs -o size=2M small small
}

@test "a full disk: earlier generations are untouched, and once there is room nothing is missed" {
	small_disk
	tell map anon 256
	tell write
	run -0 dirtyckpt save "$pid" small/image
	image=$(cd small/image && find . -type f -exec cksum {} + | sort)
	tell write 0 256 7
	run -6 dirtyckpt save --stop "$pid" small/image
	[[ $output == *"No space left"* && $output == *"make room"* ]]
	is_running
	[[ $(cd small/image && find . -type f ! -name todo -exec cksum {} + | sort) == "$image" ]]
	[[ ! -e small/image/new ]]
	mount -o remount,size=8M small
	stop "$pid"
	run -0 dirtyckpt save "$pid" small/image
	[[ $output != *anew* ]]
	matches small/image
}

@test "a disk that cannot take the record: nothing was acknowledged" {
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

@test "a folder that cannot be written: an error, and all is as it was" {
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
	[[ $output == *"Read-only file system"* && $output == *"take a folder that can be written"* ]]
	expect "5:ap-x---" "1:apdx---" "58:ap-x---"
	[[ $(checksums) == "$before" ]]
	# To look at it takes no writing.
	run -0 dirtyckpt list --check image
	run -6 dirtyckpt save "$pid" /proc/nothing
	run -6 dirtyckpt save "$pid" /proc/version
}

# damage FILE OFFSET - one byte of it
damage() {
	printf '\xa5' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

@test "a damaged generation: it is named, it is not used, and others still are" {
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
	# Memory is saved all the same; generation 1 is still there.
	damage image/000002/head 10
	run -0 dirtyckpt save "$pid" image
	[[ $output == *"begins anew"* ]]
	matches
	run -7 dirtyckpt verify "$pid" image@1
	run -8 dirtyckpt prune --keep 2 image
}

@test "a page that is written right before it is acknowledged: the copy has it" {
	tell map anon 64
	tell write 0 64 1
	save
	tell write 5 1 2
	# The note about the generation is the last thing before.
	hold_save ftruncate 1
	expect "5:ap-x---" "1:apdx---" "58:ap-x---"
	tell write 5 1 3
	let_go
	expect "64:ap-x---"
	saves_all
}

# forge WHAT - make up something in the image, with the right checksums
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
    # Of its first thread, the last set has 64 bytes less
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

@test "an image that somebody has made up: it is damaged, and nothing crashes or waits" {
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
		[[ $output == *"todo: damaged"* && $output == *anew* ]]
	done
	matches
}

@test "an image with other sets of registers than the process has: refused, and it is as it was" {
	tell map anon 16
	tell write 0 16 3
	save --stop
	tell write 0 16 4
	stop "$pid"
	forge registers
	run -0 dirtyckpt list --check image
	run -9 dirtyckpt restore "$pid" image
	[[ $output == *"has not the sets of registers"* ]]
	go_on "$pid"
	tell read 0 16
	[[ $answer == 64 ]]
}

# At each fourth of those calls: each step that counts takes more, as files go one
# by one.
@test "prune that is killed: what is there is whole" {
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

@test "a generation that others build on is not there: it is named" {
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

@test "verify: ranges that differ, one more, one less, one other" {
	tell map anon 64
	tell write 0 32 1
	stop "$pid"
	save
	matches
	printf '\x07' | dd of="/proc/$pid/mem" bs=1 seek=$((16#$start + 5 * page + 100)) conv=notrunc status=none
	printf '\x07' | dd of="/proc/$pid/mem" bs=1 seek=$((16#$start + 40 * page)) conv=notrunc status=none
	run -7 dirtyckpt verify "$pid" image
	[[ $output == "$(page_range 5 1) differs"$'\n'"$(page_range 40 1) differs" ]]
	# Zeroes in anonymous memory are what it has by itself.
	printf '\x00' | dd of="/proc/$pid/mem" bs=1 seek=$((16#$start + 40 * page)) conv=notrunc status=none
	printf '\x00' | dd of="/proc/$pid/mem" bs=1 seek=$((16#$start + 5 * page + 100)) conv=notrunc status=none
	matches
}

@test "verify: a mapping that is new, has gone, or is another one" {
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
	tell unmap
	tell use 0
	tell unmap 3 1
	stop "$pid"
	run -7 dirtyckpt verify "$pid" image
	[[ $output == *"is not any more"* ]]
}

# change_mappings - the partner goes on, until it has changed something
change_mappings() {
	maps=$(cat "/proc/$pid/maps")
	kill -CONT "$partner"
	wait_until has_other_mappings
}

has_other_mappings() {
	[[ $(cat "/proc/$pid/maps") != "$maps" ]]
}

@test "verify: of a process that is otherwise as it was, its mappings tell" {
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

@test "verify takes a process that is stopped" {
	save
	run -9 dirtyckpt verify "$pid" image
	[[ $output == *"kill -STOP"* ]]
}

@test "pages that go while they are copied, and the process that does" {
	tell map anon 2048
	tell write
	save
	tell write 0 2048 2
	# Behind the back of a save that has listed and acknowledged, and then waits
	hold_save -P pages openat 1
	expect "2048:ap-x---"
	tell unmap 300 1
	tell unmap 302 2
	tell unmap 2047 1
	let_go
	((status == 0))
	[[ $(column missing 2) == 4 ]]
	saves_all
}

@test "pages that could not be read: whatever is there by then is looked at" {
	tell map anon 16
	tell write 0 16 1
	save --stop
	tell write 0 16 2
	hold_save -P pages openat 1
	tell unmap
	let_go
	[[ $(column missing 2) == 16 ]]
	tell map anon-over 16
	tell write 0 16 3
	# What only another tracker does; whoever looks at d alone misses them.
	put "$(page_range 0 16) d"
	stop "$pid"
	run -0 dirtyckpt restore "$pid" image@1
	matches image@1
	go_on "$pid"
	tell write 0 16 4
	put "$(page_range 0 16) d"
	saves_all
}

@test "pages that could not be read in one pass are looked at in the next" {
	tell map anon 16
	tell write 0 16 1
	save
	tell write 0 16 2
	# What the generation before lacks is read first.
	hold_save -P pages -P missing openat 2..3 --rounds 1
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

@test "what makes no sense is told, with its own exit status" {
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

@test "two saves into one folder: the second is told to wait" {
	save
	exec {lock}<image
	flock $lock
	run -9 dirtyckpt save "$pid" image
	[[ $output == *"another dirtyckpt"* ]]
	exec {lock}<&-
	save
}
