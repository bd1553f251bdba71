#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Use and misuse of dirtyckpt: folders that are no image, untrack, and files and names
# that need care.

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

@test "every command reports a generation of a newer format, and none calls it damaged" {
	local command before
	tell map anon 16
	tell write 0 16 3
	save --stop
	save --stop
	stop "$pid"
	sed -i '1s/.*/dirtyckpt 2/' image/000002/head
	before=$(checksums)
	for command in "list image" "list --check image" "save $pid image" "verify $pid image" \
		"restore $pid image" "core image core.file" "prune image" "untrack image"; do
		# shellcheck disable=SC2086  # words
		run -10 dirtyckpt $command
		[[ $output == *"image@2: has format 2, but this dirtyckpt reads format 1"* && $output != *damaged* ]] ||
			fail "$command: $output"
		[[ $(checksums) == "$before" && ! -e core.file && -s $(lock_name) ]] || fail "$command"
	done
	run -10 --separate-stderr dirtyckpt list --json image
	[[ $(jq -r '.generations[].state' <<<"$output") == $'ok\nnewer' ]]
	# An earlier generation can still be used.
	run -0 dirtyckpt verify "$pid" image@1
	run -0 dirtyckpt core image@1 core.file
	run -0 dirtyckpt restore "$pid" image@1
	[[ $output != *damaged* && $(checksums) == "$before" ]]
}

@test "save and prune change nothing if a generation in the middle has a newer format" {
	local before n
	for n in 1 2 3; do
		save
	done
	sed -i '1s/.*/dirtyckpt 17/' image/000002/head
	before=$(checksums)
	run -10 dirtyckpt prune image
	run -10 dirtyckpt save "$pid" image
	[[ $output == *"image@2: has format 17"* && $(checksums) == "$before" ]]
	# A format that is not a number is damage.
	sed -i '1s/.*/dirtyckpt 17x/' image/000002/head
	run -8 dirtyckpt list image
	[[ $output == *"image@2: damaged (head)"* ]]
}

@test "every command reports a folder that is no image, and changes nothing" {
	local dir
	mkdir -p empty other/new
	echo precious >other/new/file
	echo precious >other/00001
	for dir in empty other; do
		for command in "list $dir" "list --json $dir" "prune $dir" "untrack $dir" "verify $pid $dir" \
			"restore $pid $dir" "core $dir core.file" "list --check $dir/"; do
			# shellcheck disable=SC2086  # words
			run -6 --separate-stderr dirtyckpt $command
			[[ -z $output && $stderr == *"$dir: no image there; "*"dirtyckpt save"* ]] ||
				fail "$command: $output$stderr"
		done
	done
	run -9 dirtyckpt save "$pid" other
	[[ $output == *"other: is not an image, and contains other files, for example "*"; use a new or an empty folder" ]]
	[[ $(<other/new/file) == precious && $(ls other) == $'00001\nnew' && ! -e core.file ]]
	run -0 dirtyckpt save "$pid" empty
	run -0 dirtyckpt list empty
}

@test "prune and untrack remove nothing from a folder with only the names of an image" {
	mkdir -p other/000001 other/new
	echo precious | tee other/new/file other/todo >other/000001/file
	for command in prune untrack; do
		run -8 dirtyckpt $command other
		[[ $output == *"other@1: damaged (no head)"* ]] || fail "$output"
		[[ $(cat other/new/file other/todo other/000001/file | uniq -c) == *" 3 precious" ]]
	done
}

@test "an image of many generations can be used with a low limit of open files" {
	local n
	tell map anon 16
	for ((n = 0; n < 16; n++)); do
		tell write $n 1 1
		save
	done
	for command in "list --check image" "core image /dev/null" "prune image"; do
		run -6 bash -c "ulimit -n 24; dirtyckpt $command"
		[[ $output == *"Too many open files"* && $output != *damaged* ]] || fail "$output"
	done
	for command in "list --check image" "core image /dev/null" "prune image"; do
		run -0 bash -c "ulimit -Sn 24; dirtyckpt $command"
	done
}

@test "list and prune report an incomplete first save, and the next save continues it" {
	for n in 4 8; do
		rm -rf image
		run -0 killat $n dirtyckpt save "$pid" image
		run -6 dirtyckpt list image
		[[ $output == *"image: no image there; "* ]]
		run -6 dirtyckpt prune image
		run -0 dirtyckpt save "$pid" image
	done
}

# is_untracked - check that nobody tracks the target
is_untracked() {
	[[ ! -e $(lock_name) ]]
}

@test "after untrack, the image stays usable, and another one can track the process" {
	tell map anon 64
	tell write 0 64 1
	save --stop
	run -9 dirtyckpt save "$pid" other
	[[ $output == *"dirtyckpt untrack $PWD/image"* ]] || fail "$output"
	before=$(checksums)
	run -0 dirtyckpt untrack image
	[[ $output == "$pid is no longer tracked"* ]] || fail "$output"
	is_untracked
	run -0 dirtyckpt untrack image
	[[ $output == "image tracks no process"* ]] || fail "$output"
	run -0 dirtyckpt untrack --quiet image
	[[ -z $output && $(checksums) == "$before" ]]
	run -0 dirtycat --clear "$pid"
	tell write 5 1 2
	run -0 dirtyckpt save "$pid" other
	# The image can still be used.
	run -0 dirtyckpt list --check image
	run -0 dirtyckpt core image core.file
	run -0 dirtyckpt restore "$pid" image
	tell read 0 64
	[[ $answer == 64 ]]
	run -9 dirtyckpt save "$pid" image
	[[ $output == *"dirtyckpt untrack $PWD/other"* ]]
	# This does not end the tracking by the other image.
	run -0 dirtyckpt untrack image
	run -9 dirtyckpt save "$pid" image
}

@test "after untrack, a save into the same image starts over, and misses nothing" {
	tell map anon 64
	tell write 0 64 1
	save
	run -0 dirtyckpt untrack image
	tell write 5 1 2
	run -0 dirtyckpt save "$pid" other
	tell write 6 1 3
	run -0 dirtyckpt untrack other
	stop "$pid"
	run -0 dirtyckpt save "$pid" image
	[[ $output == *"starting over with all pages: "*untrack* ]] || fail "$output"
	[[ $(column whole 2) == true ]]
	matches
	go_on "$pid"
	# Later saves are incremental again.
	tell write 7 1 4
	saves_all
}

@test "after an incomplete save and untrack, the next save has all acknowledged pages" {
	local n
	tell map anon 64
	tell write 0 64 1
	save
	tell write 5 20 2
	for ((n = 6; n < 15; n++)); do
		run killat $n dirtyckpt save "$pid" image
		((status)) || [[ $(picture) == "64:ap-x---" ]] && break
	done
	[[ -s image/todo ]]
	run -0 dirtyckpt untrack image
	[[ ! -e image/todo ]]
	run -0 --separate-stderr dirtyckpt list image
	[[ -z $stderr ]]
	stop "$pid"
	run -0 dirtyckpt save "$pid" image
	[[ $output == *"starting over"* ]]
	matches
}

@test "untrack killed before any call that changes something: the next save misses nothing" {
	local n status=1
	tell map anon 16
	save
	for ((n = 1; n < 20; n++)); do
		tell write 0 16 "$n"
		status=0
		killat $n dirtyckpt untrack image || status=$?
		((status)) && break
		stop "$pid"
		run -0 dirtyckpt save "$pid" image
		matches
		go_on "$pid"
	done
	((n > 1))
}

@test "untrack works after the process has exited, and after an incomplete first save" {
	local lock n
	lock=$(lock_name)
	for ((n = 5; n < 15; n++)); do
		rm -rf image
		run -0 killat "$n" dirtyckpt save "$pid" image
		[[ -s $lock ]] && break
	done
	[[ -s $lock && ! -e image/000001 ]]
	run -0 dirtyckpt untrack image
	[[ ! -e $lock ]]
	save
	end_target
	run -0 dirtyckpt untrack image
	[[ ! -e $lock ]]
	run -0 dirtyckpt list --check image
	run -0 dirtyckpt core image core.file
	run -0 dirtyckpt untrack image
}

@test "untrack does not wait for an image or a process in use, and refuses" {
	save
	exec {lock}<image
	flock $lock
	run -9 dirtyckpt untrack image
	[[ $output == *"another dirtyckpt"* && -s $(lock_name) ]]
	exec {lock}<&-
	exec {lock}<"$(lock_name)"
	flock $lock
	run -9 dirtyckpt untrack image
	[[ $output == *"try again"* && -s $(lock_name) ]]
	exec {lock}<&-
	cleanup() { rm -rf /tmp/theirs; }
	run -0 dirtyckpt untrack image
	run -0 dirtyckpt save "$pid" /tmp/theirs
	chmod 755 /tmp/theirs
	run -3 setpriv --reuid 1000 --clear-groups dirtyckpt untrack /tmp/theirs
	[[ $output == *"Permission denied"* && -s $(lock_name) ]]
}

@test "a thread, or a process with the memory of its parent, is refused" {
	local other thread partner
	tell map anon 16
	tell write
	save
	tell storm 0 1
	thread=$(cd "/proc/$pid/task" && printf '%s\n' * | grep -vx "$pid")
	tell partner
	partner=$answer
	tell write
	for other in $thread $partner; do
		run -9 dirtyckpt save "$other" other
		[[ $output == *"$other: its memory is that of another process; save its parent or"* ]] || fail "$output"
		run -2 dirtycat --clear "$other"
		[[ $output == *"$other: its memory is that of another process; acknowledge"* ]] || fail "$output"
		[[ ! -e other && ! -e $(pid=$other lock_name) ]]
		run -0 dirtycat "$other"
	done
	# Among processes by name, it is left out.
	run -6 --separate-stderr dirtycat --clear -C memstate
	[[ $stderr == *"$pid: tracked by"* && $stderr != *"$partner: "* ]] || fail "$stderr"
	saves_all
}

@test "a lock file that another user has put in place is not trusted" {
	local lock decoy
	lock=$(lock_name)
	decoy=$(pid=1 lock_name)
	cleanup() { rm -f "$lock" "$decoy"; }
	setpriv --reuid 1000 --clear-groups sh -c "echo 'dirtyckpt $PWD/image' | tee $lock >$decoy"
	run -6 dirtyckpt save "$pid" image
	[[ $output == *"$lock: belongs to another user; remove it" ]] || fail "$output"
	run -6 dirtycat --clear "$pid"
	[[ $output == *"belongs to another user; remove it" ]] || fail "$output"
	rm "$lock"
	save
	run -0 --separate-stderr dirtyckpt untrack image
	[[ $output == "$pid is no longer tracked; the image is unchanged" ]] || fail "$output"
	[[ $stderr == "dirtyckpt: $decoy: belongs to another user, and is ignored" ]] || fail "$stderr"
	is_untracked
}

@test "--help fits on a terminal, and completion finds commands and options in it" {
	run -0 dirtyckpt --help
	[[ -z $(awk 'length > 80' <<<"$output") ]] || fail "$(awk 'length > 80' <<<"$output")"
	[[ $output == *untrack* ]]
	# shellcheck disable=SC1091  # of the tools
	. "${BATS_TEST_DIRNAME}/../../tools/dirtyckpt/completion.bash"
	[[ $(_dirtyckpt_commands | xargs) == "save verify list restore core export prune untrack" ]]
	[[ $(_dirtyckpt_options save | xargs) == "--stop --full --for-criu --rounds --until-pages --zstd -h --help -V --version" ]]
	[[ $(_dirtyckpt_options untrack | xargs) == "-q --quiet -h --help -V --version" ]]
}

@test "write errors are reported by --help, --version, list, verify and prune" {
	save
	save
	stop "$pid"
	for command in --help --version "list image" "list -J image" "verify $pid image" "prune image" \
		"save $pid image" "untrack image"; do
		run -6 bash -c "dirtyckpt $command >/dev/full"
		[[ $output == *"cannot write"* ]] || fail "$command: $output"
	done
}

# is_safe TEXT - check that it is UTF-8 without control characters, C1 included
is_safe() {
	iconv -f UTF-8 -t UTF-8 <<<"$1" >/dev/null || fail "not UTF-8: $(od -c <<<"$1")"
	! LC_ALL=C grep -aqP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' <<<"$1" || fail "$(od -c <<<"$1")"
}

@test "escape sequences in the name of a process are not printed in lists and messages" {
	start_program python3 -c '
open("/proc/self/comm", "wb").write(b"\x1b[31mr\xc3\xa9\xc2\x9b\xff\x7f")
print("ready", flush=True)
input()'
	hear
	save
	for locale in C C.UTF-8; do
		# shellcheck disable=SC2030  # each scenario has its own
		export LC_ALL=$locale
		for command in "list image" "list --raw image" "list --json image"; do
			# shellcheck disable=SC2086  # words
			run -0 dirtyckpt $command
			is_safe "$output"
			[[ $output == *'x1b[31mr'*'xc2'*'x9b'*'xff'* ]] || fail "$command: $output"
		done
		run -9 dirtyckpt verify $$ image
		is_safe "$output"
		[[ $output == *"process $pid "*'x1b[31mr'* ]] || fail "$output"
	done
	run -0 dirtyckpt list image
	[[ $output == *'\x1b[31mré\xc2\x9b\xff\x7f'* ]] || fail "$output"
	run -0 dirtyckpt list --json image
	[[ $(jq -r '.generations[].comm' <<<"$output") == '\x1b[31mré\xc2\x9b\xff\x7f' ]] || fail "$output"
	is_safe "$(<image/000001/head)"
}

@test "escape sequences in folders, files, options and operands are not printed" {
	local bad=$'\e[31m\xff\xc2\x9b\a'
	# shellcheck disable=SC2031  # each scenario has its own
	export LC_ALL=C.UTF-8
	run -0 dirtyckpt save "$pid" "$bad"
	run -9 dirtyckpt save "$pid" other
	is_safe "$output"
	run -0 dirtyckpt save "$pid" "$bad"
	: >"$bad/000001/maps"
	run -8 dirtyckpt list --check "$bad"
	is_safe "$output"
	[[ $output == *'\x1b[31m\xff\xc2\x9b\x07@1: damaged (maps)'* ]] || fail "$output"
	run -8 dirtyckpt core "$bad@1" file
	is_safe "$output"
	run -0 dirtyckpt untrack "$bad"
	is_safe "$output"
	run -0 dirtyckpt untrack "$bad"
	is_safe "$output"
	save
	run -6 dirtyckpt core image "/nowhere/$bad"
	is_safe "$output"
	[[ $output == *'x1b[31m'* ]]
	run -6 dirtyckpt list "$bad$bad"
	is_safe "$output"
	for words in "$bad" "list --$bad image" "list -$bad image" "list --raw=$bad image" "save $bad image" \
		"save --rounds $bad $pid image" "list image $bad"; do
		# shellcheck disable=SC2086  # words
		run -1 dirtyckpt $words
		is_safe "$output"
	done
	# The owner of the lock file can write anything to it.
	echo "$bad" >"$(lock_name)"
	run -9 dirtyckpt save "$pid" image
	is_safe "$output"
	[[ $output == *'x1b[31m'* ]]
}

@test "escape sequences in a forged image are not printed" {
	mkdir -p image/000001
	python3 - <<-'PYTHON'
		import zlib
		text = b"dirtyckpt 1\ngeneration 1\nbase \x1b[31m\nwhole yes\nkind \x1b[31m\npid 42\ncomm \x1b[31m\xc2\x9b\xff\\x1b\\x0a\\\n"
		open("image/000001/head", "wb").write(text + b"crc32 %08x\n" % zlib.crc32(text))
		text = b"dirtyckpt-todo 2 \x1b[31m\n1000-2000\n"
		open("image/todo", "wb").write(text + b"crc32 %08x\n" % zlib.crc32(text))
	PYTHON
	for words in "list image" "list -r image" "list -J image" "list --check image" "save $pid image" \
		"verify $pid image" "core image file" "prune image" "untrack image"; do
		# shellcheck disable=SC2086  # words
		run dirtyckpt $words
		is_safe "$output"
	done
}

@test "core writes to devices, pipes and open files without replacing them" {
	tell map anon 64
	tell write 0 64 7
	tell write 5 20 0
	save --stop
	run -0 dirtyckpt core image whole
	run -6 dirtyckpt core image /dev/full
	[[ $output == *"No space left"* && -c /dev/full ]]
	run -0 dirtyckpt core image /dev/null
	[[ -c /dev/null ]]
	mkfifo pipe
	cat pipe >got &
	run -0 dirtyckpt core image pipe
	wait $!
	cmp got whole
	[[ -p pipe ]]
	for name in /dev/stdout /dev/fd/1 /proc/self/fd/1; do
		dirtyckpt core image $name | cmp - whole
		echo first >got
		dirtyckpt core image $name >>got
		tail -c +7 got | cmp - whole
	done
	[[ -L /dev/stdout && $(ls) == *whole* && $(ls) != *~* ]]
	run -0 readelf -l whole
	# A core may hold any escape sequence.
	LC_ALL=C script -qec "dirtyckpt core image /dev/tty" typed </dev/null >/dev/null || true
	grep -q "is a terminal" typed
	run ! grep -q ELF typed
}

@test "core makes a private file, and writes to no pipe of another user" {
	save
	umask 022
	run -0 dirtyckpt core image new
	for owner in 0:1000 1000:1000; do
		echo old >existing
		chown $owner existing
		chmod 4644 existing
		run -0 dirtyckpt core image existing
		[[ $(stat -c '%a %u %g' new existing) == $'600 0 0\n600 0 0' ]]
		cmp new existing
	done
	mkfifo -m 666 pipe
	chown 1000 pipe
	timeout "$TIMEOUT" cat pipe >got 3>&- &
	run -6 dirtyckpt core image pipe
	[[ $output == *"pipe: Operation not permitted"* && ! -s got ]] || fail "$output"
	wait $!
	run -6 dirtyckpt core image .
	run -6 dirtyckpt core image nowhere/file
	[[ $output == *"nowhere/file: "* && $(ls) != *~* ]]
}

@test "core follows a symbolic link only if it and its folder are our own" {
	save
	mkdir elsewhere
	echo precious >elsewhere/file
	ln -s elsewhere/file link
	run -0 dirtyckpt core image link
	[[ -L link && $(head -c 4 elsewhere/file) == $'\x7fELF' ]]
	echo precious >elsewhere/file
	# Planted by another user, or in a folder of another user
	ln -s elsewhere/file planted
	chown -h 1000 planted
	run -6 dirtyckpt core image planted
	[[ $output == *"planted: "*"another user"* ]] || fail "$output"
	mkdir theirs
	ln -s ../elsewhere/file theirs/link
	chown 1000 theirs
	run -6 dirtyckpt core image theirs/link
	[[ -L planted && -L theirs/link && $(<elsewhere/file) == precious ]]
}
