# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the scenarios about dirtyckpt share, after lib.bash.

# A target, and an image of it that is not there yet
setup() {
	target
	cd "$BATS_TEST_TMPDIR" || return
}

# end PID - without a word from the shell
end() {
	{ kill -KILL "$1" && wait "$1"; } 2>/dev/null || true
}

# adopt PID - the target is another one
adopt() {
	pid=$1
}

# stop PID / go_on PID
stop() {
	kill -STOP "$1"
	wait_until is_stopped "$1"
}

go_on() {
	kill -CONT "$1"
}

# shellcheck disable=SC2120  # scenarios pass some
# save [OPTION]... - of the target, into image; it has to go on from what is there
save() {
	run -0 dirtyckpt save "$@" "$pid" image
	[[ $output != *"starting over"* ]] || fail "$output"
}

# shellcheck disable=SC2120  # scenarios pass one
# matches [DIR[@N]] - the target, which is stopped, is as it was saved
matches() {
	# One that was stopped and traced stops again by itself.
	wait_until is_stopped "$pid"
	run -0 dirtyckpt verify "$pid" "${1:-image}"
	[[ $output == "equal: "* ]]
}

# saves_all - the target, saved while stopped, is in the image as a whole, and
# the image has not begun anew for that
saves_all() {
	stop "$pid"
	# shellcheck disable=SC2119  # nothing to add
	save
	# shellcheck disable=SC2119  # nor here
	matches
	go_on "$pid"
}

# column NAME N - of generation N in the list
column() {
	dirtyckpt list --json image | jq -r ".generations[] | select(.generation == $2) | .$1"
}

# lock_name - the file that whoever acknowledges pages of the target locks
lock_name() {
	echo "/run/lock/dirty_pages.$pid.$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)"
}

# start_program COMMAND... - the target is that, which is told what to do by order
start_program() {
	mkfifo orders answers
	"$@" <orders >answers 3>&- &
	adopt $!
	checked_pid=
	exec {orders}>orders {answers}<answers
}

# order LINE - sets $told to what the target answers
order() {
	echo "$*" >&"$orders"
	hear
}

# hear - what it says next
hear() {
	IFS= read -r -t "$TIMEOUT" told <&"$answers" || fail "it says nothing"
}

# hold_save [-P FILE]... CALL N [OPTION]... - a save of the target, stopped right after
# its Nth call of that kind, about these files, until let_go; with M..N, at each from
# the Mth on, until hold_again
hold_save() {
	local about=()
	while [[ $1 == -P ]]; do
		about+=(-P "$2")
		shift 2
	done
	rm -f held
	strace -qq -o held "${about[@]}" -e "trace=$1" -e "inject=$1:signal=STOP:when=$2" \
		dirtyckpt save "${@:3}" "$pid" image >said 2>&1 3>&- &
	saver=$!
	holds=1
	wait_until is_held
}

is_held() {
	[[ $(grep -cs "stopped by SIGSTOP" held) -ge $holds ]]
}

# hold_again - on to where it is stopped next
hold_again() {
	((++holds))
	kill -CONT "$(pgrep -P "$saver")"
	wait_until is_held
}

# let_go - on to its end; sets $status
let_go() {
	status=0
	kill -CONT "$(pgrep -P "$saver")"
	wait "$saver" || status=$?
}

# saved_numbers N ADDRESS COUNT - so many numbers of 64 bits at the start of a page
# that generation N stores
saved_numbers() {
	python3 - "$@" <<-'PYTHON'
		import struct, sys
		folder, address, count = f"image/{int(sys.argv[1]):06}", int(sys.argv[2], 16), sys.argv[3]
		with open(f"{folder}/index", "rb") as index, open(f"{folder}/pages", "rb") as contents:
		    for start, offset, pages, size, crc, how in struct.iter_unpack("<QQIIII", index.read()):
		        if start <= address < start + pages * 4096:
		            assert how == 0
		            contents.seek(offset + address - start)
		            print(*struct.unpack(f"<{count}Q", contents.read(8 * int(count))))
	PYTHON
}

# start_threads - that program; ask it by ask
start_threads() {
	start_program threads
	hear
	[[ $told == ready ]]
	ask wake
}

# ask LINE - sets $counts, and looks whether any thread noticed something
ask() {
	order "$@" || return
	[[ $told == *" wrong 0 0 0 0 0" ]] || {
		fail "to $*: $told"
		return 1
	}
	read -r -a counts <<<"$told"
}
