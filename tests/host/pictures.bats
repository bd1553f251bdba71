#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2030,SC2031  # each test is a subshell
# dirtycat --heatmap and --plot, on the kernel of this machine.

load wait

setup_file() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	dev/setup tests
	make -s -C tools/dirtycat OUTPUT="$BATS_FILE_TMPDIR/checked" \
		CFLAGS="-O1 -g -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover=all"
}

setup() {
	PATH=$BATS_FILE_TMPDIR/checked:$PATH
	cd "$BATS_TEST_TMPDIR" || return
	pid=
	umask 022
}

teardown() {
	terminal kill-server 2>/dev/null || true
	[[ -n $pid ]] || return 0
	{
		kill -KILL "$pid"
		wait "$pid" || true
	} 2>/dev/null
}

# wait_for PID - wait until a child ends, for two minutes, and return its status
wait_for() {
	wait_until has_ended "$1" || {
		kill -KILL "$1"
		return 1
	}
	wait "$1"
}

# has_samples NUMBER - does the recording?
has_samples() {
	[[ -s record ]] && dirtycat --input record --raw -n --summary=only -o PID >pids && (($(grep -c . pids) >= $1))
}

terminal() {
	tmux -S "$BATS_TEST_TMPDIR/tmux" -u -f /dev/null "$@"
}

# shows REGEX - on a line of the terminal
shows() {
	terminal capture-pane -p >screen
	grep -qE -- "$1" screen
}

# on_terminal COMMAND - run in a shell in a terminal, and print its status
on_terminal() {
	terminal new-session -d -x 100 -y 24 "PATH=$PATH PS1='\$ ' bash --norc --noprofile" 3>&-
	wait_until shows '^\$'
	terminal send-keys "stty -a >before; clear; $1; echo status \$?" Enter
}

# expect_restored - the terminal has the settings from before the command, and a cursor
expect_restored() {
	terminal send-keys "stty -a | diff - before && echo as before" Enter
	wait_until shows '^as before'
	[[ $(terminal display-message -p '#{cursor_flag}') == 1 ]]
}

# start_growing - a process that modifies another page ten times a second
start_growing() {
	start '
import mmap, time
m = mmap.mmap(-1, 4096 * 16384, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
m.madvise(mmap.MADV_NOHUGEPAGE)
print("ready", flush=True)
for page in range(16384):
    m[page * 4096] = 1
    time.sleep(0.1)'
}

# start PROGRAM [ARGUMENT...] - run it with python3 as $pid, and wait until it is ready
start() {
	mkfifo says
	python3 -c "$@" >says 3>&- &
	pid=$!
	read -r _ <says
}

# shellcheck disable=SC1003  # two backslashes
# A shell, gnuplot or a terminal may take these for commands or markup.
names=('`touch x`' 'a "quoted" name' $'a line\nand\ttab' '$(touch x)' '%d %s %n 100%' '{Symbol a}_b^c@x'
	'# no comment' "'; system \"touch x\"; #" '<script>alert(1)<script>&amp;' '\n \x22 \\' '"')

# start_named NAME... - start a process with a similar name, which maps these files
start_named() {
	start '
import ctypes, mmap, sys, time
maps = []
for name in sys.argv[1:]:
    with open(name, "wb+") as f:
        f.write(b"x" * 4096 * 64)
        f.flush()
        m = mmap.mmap(f.fileno(), 0, flags=mmap.MAP_PRIVATE)
    for page in range(64):
        m[page * 4096] = 1
    maps.append(m)
ctypes.CDLL(None).prctl(15, b"`touch x`\"\n%d")
print("ready", flush=True)
time.sleep(1000)' "$@"
}

# texts FILE - print the text of an SVG
texts() {
	python3 -c '
import sys, xml.dom.minidom
for text in xml.dom.minidom.parse(sys.argv[1]).getElementsByTagName("text"):
    print(text.firstChild.data.strip() if text.firstChild else "")' "$1"
}

@test "names of files and processes are drawn as text and never executed" {
	start_named "${names[@]}"
	HOME=$PWD dirtycat --record record -c 2 -d 0.1 --heatmap map.svg --plot plot.svg "$pid"
	HOME=$PWD dirtycat --input record --heatmap map.png --plot plot.png
	# No other file was created.
	[[ $(find . -mindepth 1 -printf x) == "$(printf 'x%.0s' "${names[@]}" map.{svg,png} plot.{svg,png} record says)" ]]
	[[ ! -e x ]]
	texts map.svg >got
	while IFS= read -r name; do
		grep -qF -- "$name  256K" got || {
			echo "missing: $name"
			cat got
			return 1
		}
	done <<-'END'
		`touch x`
		a \x22quoted\x22 name
		a line\012and\x09tab
		$(touch x)
		%d %s %n 100%
		{Symbol a}_b^c@x
		# no comment
		'; system \x22touch x\x22; #
		<script>alert(1)<script>&amp;
		\n \x5cx22 \\
		/\x22
	END
	for picture in map plot; do
		texts $picture.svg >got
		grep -qF "\`touch x\`\\x22\\x0a%d ($pid)" got
		run ! grep -i '<script' $picture.svg
	done
}

@test "start-up files of gnuplot are not read" {
	start_named one
	for file in .gnuplot .config/gnuplot/gnuplotrc; do
		mkdir -p "$(dirname $file)"
		echo 'system "touch executed"' >$file
	done
	HOME=$PWD XDG_CONFIG_HOME=$PWD/.config dirtycat -c 2 -d 0 --plot plot.svg "$pid"
	[[ ! -e executed ]]
}

@test "a heat map shows modified memory at its addresses, without the gaps" {
	start '
import ctypes, mmap, time
m = mmap.mmap(-1, 4096 * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
m.madvise(mmap.MADV_NOHUGEPAGE)
for page in [*range(1000, 1200), *range(3000, 3100)]:
    m[page * 4096] = 1
open("address", "w").write("%x" % ctypes.addressof(ctypes.c_char.from_buffer(m)))
print("ready", flush=True)
time.sleep(1000)'
	dirtycat -c 3 -d 0.1 --heatmap map.tsv "$pid"
	at=$((16#$(<address)))
	awk -F '\t' 'NR > 1 && $7 != 100 && $2 == "modified"' map.tsv >partial
	[[ ! -s partial ]]
	python3 - "$at" <<-'END'
		import sys
		at, page = int(sys.argv[1]), 4096
		rows = [line.split("\t") for line in open("map.tsv").read().splitlines()[1:]]
		mine = sorted((int(r[4], 16), int(r[5], 16)) for r in rows if at <= int(r[4], 16) < at + 4096 * page)
		assert mine[0][0] == at + 1000 * page, mine
		assert mine[-1][1] == at + 3100 * page, mine
		# At most one row spans the gap.
		inside = [m for m in mine if m[0] >= at + 1200 * page and m[1] <= at + 3000 * page]
		assert not inside, inside
	END
}

@test "pictures get mode 0600, even existing files, and links of other users are not followed" {
	start_named one
	dirtycat --record record -c 2 -d 0 "$pid"
	for name in a.svg b.png c.tsv d.PNG; do
		: >$name
		chmod 666 $name
		dirtycat --input record --heatmap $name
		[[ $(stat -c %a $name) == 600 ]]
		rm $name
		dirtycat --input record --plot $name
		[[ $(stat -c %a $name) == 600 ]]
	done
	[[ $(head -c 4 d.PNG | tr -d '\211') == PNG ]]
	run -6 dirtycat --input record --plot nowhere/a.svg
	[[ $output == "dirtycat: nowhere/a.svg: No such file or directory" ]]
	if ((EUID == 0)); then
		ln -s target link.svg
		chown -h nobody link.svg
		run -6 dirtycat --input record --plot link.svg
		[[ $output == *"link.svg: the symbolic link or its folder belongs to another user"* ]]
		[[ ! -e target ]]
	fi
}

@test "an interrupted run draws its samples" {
	start_named one
	dirtycat --record record -d 0.1 --heatmap map.svg --plot plot.png "$pid" 3>&- &
	drawer=$!
	wait_until has_samples 3
	kill -INT $drawer
	wait_for $drawer
	[[ -s map.svg && -s plot.png ]]
}

@test "SIGINT ends a recording without pictures, and leaves a valid one" {
	start_growing
	env --default-signal=INT dirtycat --record record -d 0 "$pid" 3>&- &
	recorder=$!
	wait_until has_samples 20
	kill -INT $recorder
	status=0
	wait_for $recorder || status=$?
	((status == 130))
	dirtycat --input record --raw -n --summary=only -o PID >before 2>error
	[[ ! -s error ]]
	dirtycat --record record -c 2 -d 0 "$pid"
	dirtycat --input record --raw -n --summary=only -o PID >after
	(($(grep -c . after) == $(grep -c . before) + 2))
}

@test "on a terminal, samples are redrawn until Ctrl-C, q or SIGTERM, and then a picture is drawn" {
	start_growing
	for end in C-c q TERM; do
		rm -f record
		on_terminal "dirtycat --record record -d 0.2 --heatmap $end.svg --plot $end.png --by-mapping $pid"
		wait_until shows '^[0-9:]{8}  1 process'
		[[ $(terminal display-message -p '#{cursor_flag}') == 0 ]]
		# The anonymous mapping grows on the same lines of the screen.
		cp screen first
		wait_until has_samples 10
		terminal capture-pane -p >screen
		[[ $(wc -l <first) == "$(wc -l <screen)" ]]
		run ! cmp first screen
		[[ $(grep -c MAPPING screen) == 1 ]]
		[[ $(terminal display-message -p '#{history_size}') == 0 ]]
		if [[ $end == TERM ]]; then
			pkill -TERM -x -P "$(terminal display-message -p '#{pane_pid}')" dirtycat
		else
			terminal send-keys "$end"
		fi
		wait_until shows '^status 0'
		expect_restored
		[[ $(stat -c %a "$end.svg" "$end.png" record) == 600$'\n'600$'\n'600 ]]
		texts "$end.svg" | grep -qF "python3 ($pid): modified"
		dirtycat --input record --heatmap again.svg 2>error
		[[ ! -s error ]]
		cmp "$end.svg" again.svg
		terminal kill-server
	done
}

@test "Ctrl-C on a terminal leaves a recording of whole samples" {
	start_growing
	on_terminal "dirtycat --record record -d 0 --summary=only $pid"
	wait_until has_samples 20
	terminal send-keys C-c
	# The shell drops the rest of an interrupted line.
	terminal send-keys "echo status \$?" Enter
	wait_until shows '^status 130'
	expect_restored
	dirtycat --input record --heatmap map.svg 2>error
	[[ ! -s error && -s map.svg ]]
}

# start_sleepers NUMBER - so many processes: $others
start_sleepers() {
	local i
	for ((i = 0; i < $1; i++)); do
		bash -c 'exec -a "$1" sleep 1000' - "sleeper-$$" 3>&- &
		others+=($!)
	done
	wait_until are_sleepers
}

are_sleepers() {
	local one
	for one in "${others[@]}"; do
		[[ $(<"/proc/$one/comm") == sleep ]] || return
	done
}

@test "more than twelve processes are refused before sampling begins" {
	start_sleepers 13
	for how in "${others[*]}" "--full ^sleeper-$$"; do
		for picture in --heatmap --plot; do
			# shellcheck disable=SC2086  # several words
			run -1 timeout 60 dirtycat --record record -d 1000 $picture a.svg $how
			[[ $output == "dirtycat: $picture: 13 processes"*", and a picture has 12 panels; choose some"* ]]
			[[ ! -e a.svg ]]
			# A selection is known only after the recording was created, which is empty.
			if [[ $how == --full* ]]; then
				[[ $(stat -c %s record) == 16 ]]
			else
				[[ ! -e record ]]
			fi
		done
	done
	kill "${others[@]}"
}

@test "programs that start while samples are taken are left out of a full picture" {
	start_sleepers 12
	dirtycat --record record -d 0 --plot plot.svg --full "^sleeper-$$" 2>error 3>&- &
	drawer=$!
	wait_until has_samples 12
	first=("${others[@]}")
	start_sleepers 1
	dirtycat --input record --raw -n --summary=only -o PID >pids
	wait_until has_samples $(($(grep -c . pids) + 39))
	kill -INT $drawer
	wait_for $drawer
	kill "${others[@]}"
	[[ $(<error) == "dirtycat: --plot: 13 programs, and a picture has 12 panels; it lacks those that came last" ]]
	texts plot.svg | grep -oP '^sleep \(\K\d+' | sort | diff - <(printf '%s\n' "${first[@]}" | sort)
}

@test "a recording of more than twelve programs is drawn in parts" {
	start_sleepers 13
	dirtycat --record record -c 2 -d 0.1 "${others[@]}"
	kill "${others[@]}"
	run -1 dirtycat --input record --plot plot.svg
	[[ $output == *"--plot: 13 processes or programs, and a picture has 12 panels; choose some by --pid"* ]]
	dirtycat --input record --plot plot.svg "${others[@]:1}"
	texts plot.svg >got
	(($(grep -cE '^sleep \([0-9]+\)$' got) == 12))
}

@test "errors are reported before sampling begins" {
	start_named one
	dirtycat --record record -c 2 -d 0 "$pid"
	dirtycat --record single "$pid"
	dirtycat --text "$pid" >listing
	while IFS='|' read -r arguments status words; do
		# shellcheck disable=SC2086  # several words
		run "-$status" dirtycat $arguments
		[[ $output == *"$words"* ]] || {
			echo "$arguments: $output"
			return 1
		}
	done <<-END
		--heatmap a.jpg $pid|1|a.jpg: a picture is called .svg or .png, and a table of its values .tsv
		--heatmap .svg $pid|1|.svg: a picture is called .svg or .png
		--heatmap a.svg $pid|1|--heatmap takes several samples; say --delay, --count, or a recording
		--plot a.svg --input listing|1|--plot takes several samples
		--plot a.svg --input single|6|--plot: a picture over time takes more than one sample
		--plot a.svg --input record -p 1|6|--plot: no process was sampled, so there is nothing to draw
	END
	mkdir bin
	ln -s "$(type -P dirtycat)" bin
	run -6 env PATH="$PWD/bin" dirtycat -d 1000 -c 2 --heatmap a.svg "$pid"
	[[ $output == "dirtycat: gnuplot is required to draw and is not installed; in Debian, its package is gnuplot-nox" ]]
	env PATH="$PWD/bin" dirtycat --input record --heatmap a.tsv
	printf '#!/bin/sh\nexit 1\n' >bin/gnuplot
	chmod 755 bin/gnuplot
	run -6 env PATH="$PWD/bin" dirtycat --input record --heatmap a.svg
	[[ $output == "dirtycat: gnuplot failed, for the reason above if there is one" ]]
	[[ ! -e a.svg ]]
}
