#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtycat, repeated: samples, acknowledging, rates, output files, pictures.

load lib

setup() {
	target
	cd "$BATS_TEST_TMPDIR" || return
}

# start_writer - start $writer, a process that writes 40 pages at address $buffer
# ten times a second
start_writer() {
	python3 -c '
import ctypes, mmap, time
m = mmap.mmap(-1, 4096 * 64, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
m[:] = b"x" * len(m)
print("%x" % ctypes.addressof(ctypes.c_char.from_buffer(m)), flush=True)
n = 0
while True:
    n += 1
    for page in range(40):
        m[page * 4096] = n & 255
    time.sleep(0.1)' >/tmp/writer 3>&- &
	writer=$!
	wait_until test -s /tmp/writer
	buffer=$(</tmp/writer)
}

# lock_name - print the lock file of trackers of the target
lock_name() {
	echo "/run/lock/dirty_pages.$pid.$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)"
}

@test "--count and --delay print that many samples, each at once" {
	mkfifo samples
	dirtycat --summary -d 0.1 -c 3 "$pid" >samples 3>&- &
	exec {fd}<samples
	for _ in {1..4}; do
		IFS= read -r -t "$TIMEOUT" line <&"$fd"
		seen+=("$line")
	done
	run ! read -r -t 5 line <&"$fd"
	exec {fd}<&-
	wait $!
	[[ ${seen[0]} =~ ^TIME\ +PID ]]
	[[ ${seen[3]} =~ ^20[0-9-]+T[0-9:]{8}\.[0-9]{3}Z\ +$pid\ memstate ]]
}

@test "each sample is flushed before the pause" {
	dirtycat --summary -d 600 "$pid" >samples 3>&- &
	reader=$!
	cleanup() { kill -KILL "$reader"; }
	wait_until grep -q memstate samples
	kill -0 $reader
}

@test "each sample of runs has a heading after a blank line; in JSON, it is a document" {
	run -0 dirtycat -c 2 -d 0 --summary=never "$pid"
	[[ $(grep -c '^TIME' <<<"$output") == 2 ]]
	[[ $(grep -c '^$' <<<"$output") == 1 ]]
	run -0 dirtycat --json -c 3 -d 0 "$pid"
	[[ $(jq -s length <<<"$output") == 3 ]]
	jq -e '.dirty_pages[0].time' <<<"$output"
}

@test "the pause is at least four times the reading time, and a diagnostic says so" {
	cleanup() { echo 8192 >/sys/kernel/debug/dirty_pages/batch; }
	tell many 20000
	echo 1 >/sys/kernel/debug/dirty_pages/batch
	SECONDS=0
	run -0 dirtycat --summary -d 0.01 -c 2 "$pid"
	[[ $output =~ "dirtycat: reading took "([0-9.]+)" s; the next sample is in "([0-9.]+)" s instead of 0.01 s" ]]
	awk "BEGIN { exit !(${BASH_REMATCH[2]} > 3.5 * ${BASH_REMATCH[1]}) }"
	awk "BEGIN { exit !($SECONDS + 1 > ${BASH_REMATCH[2]}) }"
	cleanup
	run -0 dirtycat --summary -d 2 -c 2 $$
	[[ $output != *"reading took"* ]]
}

@test "exit 5 if a process exits between samples; the others continue" {
	tell fork
	child=$answer
	mkfifo samples
	dirtycat --summary -d 0.1 -c 20 "$child" "$pid" >samples 2>error 3>&- &
	reader=$!
	exec {fd}<samples
	read -r -t "$TIMEOUT" _ <&"$fd"
	read -r -t "$TIMEOUT" _ <&"$fd"
	kill -KILL "$child"
	tell reap
	status=0
	cat <&"$fd" >rest
	exec {fd}<&-
	wait $reader || status=$?
	((status == 5))
	[[ $(grep -v "reading took" error) == "dirtycat: $child: has exited" ]]
	(($(grep -cE " $pid memstate" rest) >= 18))
}

end_napper() {
	kill -KILL "$1"
	wait "$1" || true
} 2>/dev/null

@test "--command looks for processes before each sample, and drops exited ones silently" {
	cp /bin/sleep /tmp/napper
	/tmp/napper 1000 3>&- &
	first=$!
	dirtycat --summary --raw -n -o PID -d 0.2 -C napper >samples 2>error 3>&- &
	reader=$!
	cleanup() { kill -KILL "$reader"; }
	wait_until grep -qx $first samples
	end_napper $first
	# No process has that name now.
	sleep 1
	/tmp/napper 1001 3>&- &
	second=$!
	wait_until grep -qx $second samples
	end_napper $second
	kill -0 $reader
	run ! grep -v "reading took" error
}

@test "--output-file is replaced as a whole, readable by others, and unchanged on failure" {
	mkdir -p /tmp/textfile
	echo old >/tmp/textfile/dirtycat.prom
	dirtycat --openmetrics --output-file /tmp/textfile/dirtycat.prom -d 0.05 -c 30 "$pid" 3>&- &
	reader=$!
	wait_until grep -q EOF /tmp/textfile/dirtycat.prom
	while kill -0 $reader 2>/dev/null; do
		[[ $(tail -n 1 /tmp/textfile/dirtycat.prom) == "# EOF" ]]
		promtool check metrics </tmp/textfile/dirtycat.prom
	done
	wait $reader
	[[ $(ls /tmp/textfile) == dirtycat.prom && $(stat -c %a /tmp/textfile/dirtycat.prom) == 644 ]]
	run -6 dirtycat --text --output-file /tmp/nowhere/file "$pid"
	[[ $output == *"/tmp/nowhere/file"*"No such file"* ]]
	mkdir -p /tmp/small
	mount -t tmpfs -o size=4k tmpfs /tmp/small
	cleanup() { umount /tmp/small; }
	echo kept >/tmp/small/file
	run -6 dirtycat --openmetrics --output-file /tmp/small/file "$pid"
	[[ $output == *"No space left on device (file left unchanged)"* ]]
	[[ $(ls /tmp/small) == file && $(</tmp/small/file) == kept ]]
}

@test "--clear acknowledges the pages shown, and nothing else" {
	tell map anon 32
	tell write
	range=$(page_range 4 8)
	run -0 dirtycat --clear --range "${range/-/,}" --summary=never "$pid"
	[[ $output == *apdx---* ]]
	expect 4:apdx--- 8:ap-x--- 20:apdx---
	tell write 6 1
	expect 4:apdx--- 2:ap-x--- 1:apdx--- 5:ap-x--- 20:apdx---
	dirtycat --clear -f +f "$pid" >/dev/null
	expect 4:apdx--- 2:ap-x--- 1:apdx--- 5:ap-x--- 20:apdx---
	run -0 dirtycat --clear "$pid"
	expect 32:ap-x---
	dirtycat --text "$pid" >/dev/null
	tell write 0 2
	expect 2:apdx--- 30:ap-x---
}

@test "--clear acknowledges nothing if the output cannot be written" {
	tell map anon 8
	tell write
	run -6 bash -c "dirtycat --clear $pid >/dev/full"
	expect 8:apdx---
	run -6 dirtycat --clear --output-file /tmp/nowhere/file "$pid"
	expect 8:apdx---
}

@test "--clear does not acknowledge pages that were shown without d" {
	tell map anon 8
	tell write
	put "$(page_range 0 8)"
	# It cannot print anything until the pipe is read.
	mkfifo full
	exec {fd}<>full
	dd if=/dev/zero of=full bs=4096 count=16 status=none
	dirtycat --clear "$pid" >full 3>&- &
	reader=$!
	wait_until grep -q pipe_write "/proc/$reader/wchan"
	tell write 2 1
	head -c 65536 <&"$fd" >/dev/null
	wait $reader
	exec {fd}<&-
	expect 2:ap-x--- 1:apdx--- 5:ap-x---
}

@test "--clear acknowledges many runs" {
	tell many 3000
	run -0 dirtycat --clear --text "$pid"
	[[ $(listing | awk '$2 ~ /d/' | wc -l) -lt 30 ]]
}

@test "--clear requires the permission to attach" {
	run -3 setpriv --reuid=65534 --regid=65534 --clear-groups dirtycat --clear "$pid"
	[[ $output == *"Yama must let you attach"* ]]
}

@test "--clear is refused while another program tracks the process" {
	tell map anon 8
	tell write
	lock=$(lock_name)
	flock "$lock" sleep 1000 3>&- &
	holder=$!
	wait_until test -e "$lock"
	wait_until pgrep -x sleep
	run -6 dirtycat --clear "$pid"
	[[ $output == "dirtycat: $pid: another program is acknowledging its pages; only one tracker per process" ]]
	run -6 dirtycat --rate --clear -d 0 -c 2 "$pid"
	run -0 dirtycat "$pid"
	pkill -KILL -x sleep
	{ wait $holder || true; } 2>/dev/null
	echo "dirtyckpt in /var/ckpt" >"$lock"
	run -6 dirtycat --clear "$pid"
	[[ $output == *"tracked by dirtyckpt in /var/ckpt, which would miss"* ]]
	[[ -e $lock ]]
	expect 8:apdx---
	rm "$lock"
	run -0 dirtycat --clear "$pid"
	expect 8:ap-x---
	[[ ! -e $lock ]]
}

@test "of two dirtycat --clear of one process, the second is refused" {
	dirtycat --clear --summary -d 600 "$pid" >samples 3>&- &
	first=$!
	wait_until grep -q memstate samples
	run -6 dirtycat --clear "$pid"
	kill -KILL $first
	{ wait $first || true; } 2>/dev/null
	run -0 dirtycat --clear "$pid"
}

@test "--rate shows the bytes that a mapping writes per second" {
	start_writer
	checked_pid=
	cleanup() { kill -KILL "$writer"; }
	run -0 dirtycat --rate --clear -d 2 -c 3 --raw -b -n -o START,RATE,WRITTEN -A "$buffer," "$writer"
	grep -E "^$buffer " <<<"$output" >"$BATS_TEST_TMPDIR/rates"
	mapfile -t rates <"$BATS_TEST_TMPDIR/rates"
	# The first sample has no rate. Then 40 pages are written in each two seconds.
	[[ ${rates[0]} == "$buffer ? 262144" ]]
	for i in 1 2; do
		read -r _ rate written <<<"${rates[i]}"
		((written == 40 * page))
		((rate > 20 * page / 2 && rate <= 40 * page / 2))
	done
	run -0 dirtycat --rate --clear --summary -c 2 -d 1 "$writer"
	[[ ${lines[0]} == *RATE* ]]
	run -0 dirtycat --rate --clear -c 2 "$pid"
	[[ ${lines[0]} =~ ^TIME\ +START\ .*WRITTEN\ +RATE\  ]]
}

# on_terminal WIDTH HEIGHT COMMAND - run in a terminal of that size, to be read by
# screen
on_terminal() {
	rm -f /tmp/tmux-done
	tmux -u -f /dev/null new-session -d -x "$1" -y "$2" \
		"PATH=$PATH $3; touch /tmp/tmux-done; sleep 1000" 3>&-
}

screen() {
	tmux capture-pane -p "$@"
}

picture_cleanup() {
	tmux kill-server 2>/dev/null || true
	end_target
}

arrange_picture() {
	tell map anon-fixed 128
	tell write 0 32
	put "$(page_range 8 24)"
	tell map private-fixed 64 /bin/bash
	tell write 16 8
	kill -STOP "$pid"
}

@test "--map draws a plain picture unless on a terminal" {
	arrange_picture
	run -0 dirtycat --map -A 100000000000,200000000000 "$pid"
	diff -u - <<-END <(printf '%s\n' "$output")
		$pid memstate: a cell is 4K; . clean, :+#@ modified
		100040000000 @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@................................
		100080000000 ................@@@@@@@@........................................
	END
	COLUMNS=40 run -0 dirtycat --map -A 100000000000,200000000000 "$pid"
	[[ ${lines[2]} =~ ^100040010000\ @{16}$ || ${lines[2]} =~ ^100040010000\ @{16} ]]
	listing | grep ^1000 >/tmp/kept
	run -0 dirtycat --map --input /tmp/kept
	[[ ${lines[1]} =~ ^100040000000\ @{32}\ {32}$ ]]
}

@test "--map on a terminal fits its size, with colours and blocks" {
	cleanup() { picture_cleanup; }
	# Cells of any size are then entirely red or entirely green.
	tell map anon-fixed 8192
	tell advise nohugepage
	tell write
	put "$(page_range 4096 4096)"
	kill -STOP "$pid"
	on_terminal 60 10 "dirtycat --map $pid"
	wait_until test -e /tmp/tmux-done
	screen -e >/tmp/screen
	cat /tmp/screen
	(($(grep -cE '^[0-9a-f]{12} ' /tmp/screen) <= 7))
	grep -q $'\033\[31m█' /tmp/screen
	grep -q $'\033\[32m█' /tmp/screen
	grep -qE 'a cell is [0-9]+[KMGT]; · clean, ░▒▓█ modified$' <(screen)
}

@test "--map --delay marks the cells that changed since the last picture" {
	cleanup() { picture_cleanup; }
	arrange_picture
	on_terminal 90 24 "dirtycat --map -d 5 -A 100000000000,200000000000 $pid"
	wait_until eval 'screen | grep -q 100080000000'
	kill -CONT "$pid"
	tell write 40 4
	wait_until eval 'screen -e | grep -q $'"'7m\\033\\[31m█'"
	[[ $(screen | grep -c 'a cell is') == 1 ]]
	tmux kill-server
	dirtycat --map -d 1 -A 100000000000,200000000000 "$pid" >pictures 3>&- &
	reader=$!
	wait_until grep -q ^100080000000 pictures
	tell write 50 2
	wait_until grep -qE '^100080000000 [^!]{50}!![^!]*$' pictures
	grep -q '! changed$' pictures
	kill -KILL $reader
}

@test "completion knows options, columns, back ends and processes" {
	cleanup() { picture_cleanup; }
	cat >/tmp/rc <<-END
		. /usr/share/bash-completion/bash_completion
		. $BATS_TEST_DIRNAME/../../tools/dirtycat/completion.bash
		PATH=$PATH
		PS1='# '
	END
	on_terminal 120 24 "bash --rcfile /tmp/rc -i"
	wait_until eval "screen | grep -q '^#'"
	while IFS='|' read -r typed completed; do
		tmux send-keys C-u "$typed" Tab
		wait_until eval "screen | grep -qF -- '# $completed'"
	done <<-'END'
		dirtycat --by-|dirtycat --by-mapping
		dirtycat --output-f|dirtycat --output-file
		dirtycat -o START,MA|dirtycat -o START,MAPPING
		dirtycat -o +PE|dirtycat -o +PERM
		dirtycat --backend=pagemap-|dirtycat --backend=pagemap-scan
		dirtycat --backend di|dirtycat --backend dirty_pages
		dirtycat --summary=on|dirtycat --summary=only
		dirtycat -C memst|dirtycat -C memstate
	END
}
