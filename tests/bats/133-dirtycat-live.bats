#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Samples on a terminal: redrawn in place, as top does, and the terminal as it was
# afterwards.

load lib

setup() {
	# shellcheck disable=SC2119  # none here
	target
	cleanup() { terminal kill-server 2>/dev/null || true; }
}

terminal() {
	tmux -L live -u -f /dev/null "$@"
}

# on_terminal WIDTH HEIGHT COMMAND - run in a shell in a terminal of that size
on_terminal() {
	terminal new-session -d -x "$1" -y "$2" "PATH=$PATH PS1='\$ ' bash --norc --noprofile" 3>&-
	wait_until shows '^\$'
	terminal send-keys "stty -a >$BATS_TEST_TMPDIR/before; clear; $3; echo status \$?" Enter
}

screen() {
	terminal capture-pane -p
}

# shows REGEX - on a line of the screen
shows() {
	screen >"$BATS_TEST_TMPDIR/screen"
	grep -qE -- "$1" "$BATS_TEST_TMPDIR/screen"
}

ask() {
	terminal display-message -p "$1"
}

# clear_screen - wait until nothing is left of the last table
clear_screen() {
	terminal send-keys clear Enter
	wait_until eval '! shows " COMM "'
}

# expect_restored - the terminal has the settings from before the command
expect_restored() {
	terminal send-keys "stty -a | diff - $BATS_TEST_TMPDIR/before && echo as before" Enter
	wait_until shows '^as before'
	[[ $(ask '#{cursor_flag}') == 1 ]]
}

# expect_fitting WIDTH HEIGHT - the table fits, and nothing has scrolled away
expect_fitting() {
	screen >"$BATS_TEST_TMPDIR/screen"
	[[ $(ask '#{history_size}') == 0 ]]
	[[ $(wc -l <"$BATS_TEST_TMPDIR/screen") == "$2" ]]
	(($(wc -L <"$BATS_TEST_TMPDIR/screen") <= $1))
	[[ $(head -n 1 "$BATS_TEST_TMPDIR/screen") =~ ^[0-9:]{8}\ \ [0-9]+\ processes ]]
	[[ $(grep -c '^ *PID COMM' "$BATS_TEST_TMPDIR/screen") == 1 ]]
	sed -n 2p "$BATS_TEST_TMPDIR/screen" | grep -q '^ *PID COMM'
}

@test "-d redraws in place: the largest first, fitted to 40 columns and 24 lines" {
	for ((i = 0; i < 30; i++)); do
		sleep 1000 3>&- &
	done
	cleanup() {
		terminal kill-server 2>/dev/null || true
		pkill -KILL -x sleep || true
	}
	tell map anon 2000
	tell write
	on_terminal 40 24 "dirtycat -d 0.2 --total --summary --name '^(sleep|memstate)'"
	wait_until shows ' memstate .* 0B'
	expect_fitting 40 24
	sed -n 3p "$BATS_TEST_TMPDIR/screen" | grep -q memstate
	tail -n 1 "$BATS_TEST_TMPDIR/screen" | grep -q '^total '
	tell map anon 3000
	tell write
	wait_until shows 'memstate .* 20M +0B'
	expect_fitting 40 24
	# Rows of processes that ended go: the first line and two rows have numbers.
	pkill -KILL -x sleep
	wait_until eval '(($(screen | grep -c "[0-9]") == 3))'
}

@test "a window that is resized is drawn again at once" {
	on_terminal 60 12 "dirtycat -d 1000"
	wait_until shows '^ *PID COMM'
	expect_fitting 60 12
	terminal resize-window -x 110 -y 24
	wait_until shows ' HUGE'
	wait_until eval '(($(screen | grep -c "[0-9]") > 12)) || (($(screen | grep -c "[0-9]") == $(ps -e | wc -l)))'
	terminal resize-window -x 30 -y 6
	wait_until eval 'screen | sed -n 2p | grep -q "^ *PID COMM"'
	[[ $(screen | wc -l) == 6 ]]
	[[ $(screen | head -n 1) =~ ^[0-9:]{8} ]]
}

@test "q leaves: the last sample stays, the terminal is as before" {
	on_terminal 80 24 "dirtycat -d 1000 --summary $pid"
	wait_until shows ' memstate '
	# Keys are not echoed, and others do nothing.
	terminal send-keys x y z
	terminal send-keys q
	wait_until shows '^status 0'
	shows "^ *$pid memstate "
	run ! shows 'xyz'
	expect_restored
}

@test "signals end it with the terminal as before; one that stops it as well" {
	on_terminal 80 24 "dirtycat -d 1000 --summary $pid"
	wait_until shows ' memstate '
	# The shell then drops the rest of its command line.
	terminal send-keys C-c
	wait_until shows '^\$ *$'
	terminal send-keys "echo status \$?" Enter
	wait_until shows '^status 130'
	expect_restored
	for signal in TERM:143 HUP:129 QUIT:131; do
		clear_screen
		terminal send-keys "dirtycat -d 1000 --summary $pid; echo status \$?" Enter
		wait_until shows ' memstate '
		pkill "-${signal%:*}" -x dirtycat
		wait_until shows "^status ${signal#*:}"
		expect_restored
	done
	clear_screen
	terminal send-keys "dirtycat -d 1000 --summary $pid" Enter
	wait_until shows ' memstate '
	terminal send-keys C-z
	wait_until shows 'Stopped'
	expect_restored
	clear_screen
	terminal send-keys "fg; echo status \$?" Enter
	wait_until shows '^ *PID COMM'
	[[ $(ask '#{cursor_flag}') == 0 ]]
	terminal send-keys q
	wait_until shows '^status 0'
	expect_restored
}

@test "it ends with its last process; diagnostics are in the first line, and stay" {
	# A slow machine would report that it cannot keep up with 0.1 s.
	on_terminal 100 24 "dirtycat -d 2 --summary $pid 99999"
	wait_until shows '^[0-9:]{8}  1 process  dirtycat: 99999: no such process'
	[[ $(ask '#{history_size}') == 0 ]]
	end_target
	wait_until shows '^status 2'
	shows '^dirtycat: 99999: no such process'
	shows "^dirtycat: $pid: "
	expect_restored
}

@test "elsewhere samples follow each other: in a pipe, a file, on a dumb terminal" {
	run -0 dirtycat -d 0 -c 3 --summary=only "$pid"
	((${#lines[@]} == 4))
	[[ ${lines[0]} == TIME* && $output != *$'\033'* ]]
	on_terminal 100 24 "TERM=dumb dirtycat -d 0.1 -c 3 --summary $pid"
	wait_until shows '^status 0'
	[[ $(screen | grep -c ' memstate ') == 3 ]]
	terminal send-keys "clear; dirtycat -d 0.1 -c 3 --raw --summary $pid; echo status \$?" Enter
	wait_until shows '^status 0'
	[[ $(screen | grep -c ' memstate ') == 3 ]]
	expect_restored
}
