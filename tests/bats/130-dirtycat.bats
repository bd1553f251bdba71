#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The reader.

load lib

@test "a table, and a total that is the sum of its lines" {
	new_file /tmp/file 16
	tell map private 16 /tmp/file
	tell write 2 3
	file_range=$((16#$start + 2 * page))
	tell map anon-noreserve 512
	tell advise nohugepage
	tell write 0 300
	kill -STOP "$pid"
	run -0 dirtycat "$pid"
	[[ ${lines[0]} =~ ^START\ +END\ +SIZE\ FLAGS\ +MAPPING$ ]]
	printf -v line '%x +%x +12K fpdx--- /tmp/file$' "$file_range" $((file_range + 3 * page))
	grep -qE "^$line" <<<"$output"
	grep -qE "^$start +[0-9a-f]+ +1\.2M apdx--- \[anon\]$" <<<"$output"
	[[ ${lines[-1]} =~ ^total\ [0-9.]+[KMG]\ in\ ([0-9]+)\ runs,\ process\ $pid$ ]]
	((BASH_REMATCH[1] == ${#lines[@]} - 2))
	((BASH_REMATCH[1] == $(listing | wc -l)))
}

@test "names of mappings: heap, stack, file with blanks, anonymous" {
	new_file "/tmp/a" 4
	cp /tmp/a "/tmp/with blanks"
	tell heap 4
	tell write
	tell map private 4 "/tmp/a"
	tell write
	mv /tmp/a "/tmp/moved here"
	run -0 dirtycat "$pid"
	grep -q ' \[heap\]$' <<<"$output"
	grep -q ' \[stack\]$' <<<"$output"
	grep -q ' /tmp/moved here$' <<<"$output"
}

@test "--raw: the kernel's lines as they are" {
	tell many 100
	kill -STOP "$pid"
	dirtycat --raw "$pid" | cmp - <(listing)
	dirtycat -r "$pid" "$pid" | cmp - <(listing && listing)
}

@test "several processes, with a total each" {
	tell fork
	run -0 dirtycat "$pid" "$answer"
	[[ $(grep -c ^total <<<"$output") == 2 ]]
	[[ $(grep -c ^START <<<"$output") == 1 ]]
}

@test "a main thread that has exited: the living thread's memory" {
	tell map anon 8
	tell write
	tell leave
	run -0 dirtycat "$pid"
	grep -qE " apdx--- \[anon\]$" <<<"$output"
	[[ ${lines[-1]} != "total 0K"* ]]
}

@test "a kernel thread: nothing, and no error" {
	run -0 dirtycat 2
	[[ ${lines[-1]} == "total 0K in 0 runs, process 2" ]]
}

@test "a flag column and a field that later kernels add are shown, not fatal" {
	mkdir -p /tmp/new
	printf '10000000-10002000 apdx---n more\n' >/tmp/new/dirty_pages
	mount --bind /tmp/new/dirty_pages "/proc/$pid/dirty_pages"
	cleanup() { umount "/proc/$pid/dirty_pages"; }
	checked_pid=
	mount --bind /tmp/new/dirty_pages "/proc/$pid/task/$pid/dirty_pages"
	run -0 dirtycat "$pid"
	umount "/proc/$pid/task/$pid/dirty_pages"
	grep -qE '^10000000 +10002000 +8K apdx---n \[unmapped since\]$' <<<"$output"
}

@test "exit 1: no process named, not a number, an unknown option" {
	run -1 dirtycat
	[[ $output == *"which process"* ]]
	run -1 dirtycat 12x
	[[ $output == *"12x: not a process number"* ]]
	run -1 dirtycat --wrong
	run -1 dirtycat ""
}

@test "exit 2: no such process; the others are shown all the same" {
	run -2 dirtycat 4194304 "$pid"
	[[ $output == *"4194304: no such process"* ]]
	[[ $output == *"process $pid"* ]]
}

@test "exit 3: not permitted, and who is" {
	run -3 setpriv --reuid=65534 --clear-groups dirtycat "$pid"
	[[ $output == *"$pid: not permitted; this takes its owner, or root"* ]]
}

@test "exit 4: a kernel without the file, and what it takes" {
	mkdir -p /run/empty
	mount --bind /run/empty "/proc/$pid/task/$pid"
	checked_pid=
	run -4 dirtycat "$pid"
	umount "/proc/$pid/task/$pid"
	[[ $output == *"CONFIG_PROC_DIRTY_PAGES"* ]]
}

@test "exit 5: vanished while it was read, after what was read" {
	tell many 8000
	mkfifo /tmp/pipe
	dirtycat "$pid" >/tmp/pipe 2>/tmp/error 3>&- &
	reader=$!
	exec {fd}</tmp/pipe
	head -c 4000 <&"$fd" >/dev/null
	kill -KILL "$pid"
	wait_until test ! -e "/proc/$pid/exe"
	run -0 cat <&"$fd"
	[[ $(tail -n 1 <<<"$output") == total* ]]
	exec {fd}<&-
	status=0
	wait $reader || status=$?
	((status == 5))
	grep -q 'ended, or called exec, while it was read; the listing is cut' /tmp/error
}

@test "exit 6: output that cannot be written" {
	run -6 bash -c "dirtycat $pid >/dev/full"
	[[ $output == *"cannot write"* ]]
}

@test "--help names every flag and every exit status" {
	run -0 dirtycat --help
	for word in START END FLAGS 'a anonymous' 's in swap' 'k merged' 'l lazily' '1 usage' '6 anything'; do
		[[ $output == *"$word"* ]]
	done
}
