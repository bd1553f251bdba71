# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Functions for the scenarios about dirtyckpt, to be loaded after lib.bash.

# Start a target; its image does not exist yet.
setup() {
	target
	cd "$BATS_TEST_TMPDIR" || return
}

# end PID - kill it and reap it, without a message from the shell
end() {
	{ kill -KILL "$1" && wait "$1"; } 2>/dev/null || true
}

# adopt PID - make it the target
adopt() {
	pid=$1
}

# stop PID / go_on PID - by SIGSTOP and SIGCONT
stop() {
	kill -STOP "$1"
	wait_until is_stopped "$1"
}

go_on() {
	kill -CONT "$1"
}

# shellcheck disable=SC2120  # scenarios pass some
# save [OPTION]... - save the target into image, which must not start over
save() {
	run -0 dirtyckpt save "$@" "$pid" image
	[[ $output != *"starting over"* ]] || fail "$output"
}

# shellcheck disable=SC2120  # scenarios pass one
# matches [DIR[@N]] - check that the stopped target equals the generation
matches() {
	# A stopped process that was traced stops again by itself.
	wait_until is_stopped "$pid"
	run -0 dirtyckpt verify "$pid" "${1:-image}"
	[[ $output == "equal: "* ]]
}

# saves_all - stop the target, save it, and check that the image has all of it and has not
# started over
saves_all() {
	stop "$pid"
	# shellcheck disable=SC2119  # nothing to add
	save
	# shellcheck disable=SC2119  # nor here
	matches
	go_on "$pid"
}

# column NAME N - print a column of generation N in the list
column() {
	dirtyckpt list --json image | jq -r ".generations[] | select(.generation == $2) | .$1"
}

# lock_name - print the name of the lock file of the target
lock_name() {
	echo "/run/lock/dirty_pages.$pid.$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)"
}

# start_program COMMAND... - make it the target; order sends lines to it
start_program() {
	mkfifo orders answers
	"$@" <orders >answers 3>&- &
	adopt $!
	checked_pid=
	exec {orders}>orders {answers}<answers
}

# A python3 program for start_program: "grow N" adds N strings to its heap, and the answer
# to each line is the number and the hash of all
growing='
import hashlib, sys
kept, n = [], 0
for line in sys.stdin:
    if line.startswith("grow"):
        for i in range(int(line[4:])):
            n = n * 6364136223846793005 + 1 & (1 << 64) - 1
            kept.append(str(n))
    print(len(kept), hashlib.sha1("".join(kept).encode()).hexdigest(), flush=True)'

# order LINE - send a line to the target, and set $told to the answer
order() {
	echo "$*" >&"$orders"
	hear
}

# hear - set $told to the next line from the target
hear() {
	IFS= read -r -t "$TIMEOUT" told <&"$answers" || fail "it says nothing"
}

# hold_save [-P FILE]... CALL N [OPTION]... - start a save of the target, and stop it right
# after its Nth CALL on these files, until let_go; with M..N, at each such call from the
# Mth on, until hold_again
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

# hold_again - let the save continue to its next stop
hold_again() {
	((++holds))
	kill -CONT "$(pgrep -P "$saver")"
	wait_until is_held
}

# let_go - let the save run to its end, and set $status
let_go() {
	status=0
	kill -CONT "$(pgrep -P "$saver")"
	wait "$saver" || status=$?
}

# saved_numbers N ADDRESS COUNT - print COUNT 64-bit numbers from the start of a page that
# generation N stores
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

# start_threads - start the threads program; talk to it by ask
start_threads() {
	start_program threads
	hear
	[[ $told == ready ]]
	ask wake
}

# ask LINE - send a line, set $counts, and check that no thread noticed an error
ask() {
	order "$@" || return
	[[ $told == *" wrong 0 0 0 0 0" ]] || {
		fail "to $*: $told"
		return 1
	}
	read -r -a counts <<<"$told"
}
