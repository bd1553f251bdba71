#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtycat in use: output files, unusual names, limits, kernels that report less,
# and processes that appear, exit and change.

load lib

# cells COLUMNS [OPTION...] - print these columns without heading
cells() {
	dirtycat --raw --noheadings -o "$1" "${@:2}"
}

# call_itself NAME - a process with that name, any bytes: $named
call_itself() {
	python3 -c '
import ctypes, sys, time
ctypes.CDLL(None).prctl(15, eval(sys.argv[1]), 0, 0, 0)
print("READY", flush=True)
time.sleep(1000)' "$1" >/tmp/named 3>&- &
	named=$!
	wait_until grep -q READY /tmp/named
}

end_named() {
	kill -KILL "$named" || true
	wait "$named" || true
} 2>/dev/null

@test "--output-file writes to a device or a pipe instead of replacing it" {
	mknod /tmp/null c 1 3
	mknod /tmp/full c 1 7
	mkfifo /tmp/pipe
	dirtycat --text --output-file /tmp/null "$pid"
	[[ -c /tmp/null ]]
	run -6 dirtycat --text --output-file /tmp/full "$pid"
	[[ $output == "dirtycat: /tmp/full: No space left on device" && -c /tmp/full ]]
	kill -STOP "$pid"
	cat /tmp/pipe >/tmp/read 3>&- &
	dirtycat --text --output-file /tmp/pipe "$pid"
	wait $!
	cmp /tmp/read <(listing)
	[[ -p /tmp/pipe ]]
}

@test "--output-file writes to the open file behind a link in /proc/self/fd or /dev/fd" {
	kill -STOP "$pid"
	for name in /dev/stdout /proc/self/fd/1 /dev/fd/1; do
		dirtycat --text --output-file $name "$pid" | cmp - <(listing)
		echo before >/tmp/shown
		dirtycat --text --output-file $name "$pid" >>/tmp/shown
		cmp /tmp/shown <(echo before && listing)
	done
	[[ -L /dev/stdout && -L /dev/fd ]]
}

@test "--output-file follows other symbolic links only if they can be trusted" {
	mkdir -p /tmp/mine /tmp/theirs
	chown 65534 /tmp/theirs
	for place in /tmp/mine /tmp/theirs; do
		echo old >/tmp/target
		ln -sfn /tmp/target $place/link
		ln -sfn /tmp/target $place/planted
		chown -h 65534 $place/planted
	done
	dirtycat --text --output-file /tmp/mine/link "$pid"
	[[ -L /tmp/mine/link && $(head -c 3 /tmp/target) != old ]]
	echo old >/tmp/target
	for link in /tmp/mine/planted /tmp/theirs/link /tmp/theirs/planted; do
		run -6 dirtycat --text --output-file $link "$pid"
		[[ $output == *"belongs to another user; name the target instead" ]]
		[[ $(</tmp/target) == old && -L $link ]]
	done
	ln -s /tmp/new /tmp/mine/dangling
	dirtycat --text --output-file /tmp/mine/dangling "$pid"
	[[ -s /tmp/new && -L /tmp/mine/dangling ]]
}

@test "--output-file keeps owner and mode except setuid bits, and leaves nothing behind" {
	mkdir -p /tmp/place
	echo old >/tmp/place/file
	chown 1234:2345 /tmp/place/file
	chmod 6640 /tmp/place/file
	dirtycat --text --output-file /tmp/place/file "$pid"
	[[ $(stat -c '%u:%g %a' /tmp/place/file) == "1234:2345 640" && $(ls /tmp/place) == file ]]
	(umask 027 && dirtycat --text --output-file /tmp/place/fresh "$pid")
	[[ $(stat -c '%u:%g %a' /tmp/place/fresh) == "0:0 640" ]]
	# A caller that cannot restore the owner leaves the file unchanged.
	chmod 777 /tmp/place
	echo old >/tmp/place/file
	printf '1000-2000 apdx---\n' >/tmp/kept
	run -6 setpriv --reuid=65534 --regid=65534 --clear-groups \
		dirtycat --text --input /tmp/kept --output-file /tmp/place/file
	[[ $output == *"Operation not permitted (file left unchanged)" ]]
	[[ $(</tmp/place/file) == old && $(find /tmp/place -type f | wc -l) == 2 ]]
}

@test "more processes than descriptors can be shown" {
	for ((i = 0; i < 100; i++)); do
		sleep 1000 3>&- &
	done
	cleanup() { pkill -KILL -x sleep; }
	wait_until eval '(($(pgrep -cx sleep) == 100))'
	for limit in -Sn -n; do
		run -0 bash -c "ulimit $limit 24; dirtycat -n --summary=only -p \$(pgrep -x sleep | paste -sd,)"
		((${#lines[@]} == 100))
	done
	run -0 bash -c "ulimit -Sn 24; dirtycat --clear -n --summary=only -p \$(pgrep -x sleep | paste -sd,)"
	((${#lines[@]} == 100))
}

@test "a process that is named several times is shown once" {
	run -0 cells PID --summary=only "$pid" -p "$pid,$pid" -C memstate
	[[ $output == "$pid" ]]
	run -0 dirtycat --openmetrics "$pid" "$pid"
	[[ $(grep -c '^dirtycat_read_success' <<<"$output") == 1 ]]
}

@test "names of processes are escaped in every format, and UTF-8 in JSON and OpenMetrics" {
	cleanup() { end_named; }
	# An escape, a C1 control, a byte outside UTF-8, a quote, a real letter
	call_itself 'b"\x1b[1m\xc2\x9b\xff\"\xc3\xa9\\x"'
	for options in "" --by-mapping --summary=only --raw --pairs --json "--json --summary=only" --map --openmetrics; do
		# shellcheck disable=SC2086  # some are two words
		LC_ALL=C.UTF-8 dirtycat $options -p "$named" >/tmp/shown
		iconv -f UTF-8 -t UTF-8 /tmp/shown >/tmp/converted
		run ! grep -aP '\x1b|\xc2[\x80-\x9f]' /tmp/shown
	done
	dirtycat --openmetrics -p "$named" | tee /tmp/metrics |
		grep -qF 'comm="\\x1b[1m\\xc2\\x9b\\xff\"é\\x5cx"'
	[[ -z $(promtool check metrics </tmp/metrics 2>&1) ]]
	[[ $(dirtycat --json --summary=only -p "$named" | jq -r '.processes[0].comm') == '\x1b[1m\xc2\x9b\xff"é\x5cx' ]]
}

@test "names of files and arguments are escaped in tables and in diagnostics" {
	local name=$'/tmp/\e[31mred\xff'
	new_file "$name" 4
	cp "$name" /tmp/plain
	tell map private 4 /tmp/plain
	tell write
	mv /tmp/plain "$name"
	for options in "" --by-mapping --raw --pairs --json; do
		# shellcheck disable=SC2086  # may be none
		dirtycat $options "$pid" >/tmp/shown
		grep -q 31mred /tmp/shown
		run ! grep -qa $'\e' /tmp/shown
	done
	printf '1000-2000 \e[31m----\n' >"$name"
	run -6 dirtycat --text --input "$name"
	[[ $output == *'/tmp/\x1b[31mred\xff: line 1: '* && $output != *$'\e'* ]]
	run -6 dirtycat --text --output-file "/tmp/nowhere/$(basename "$name")" "$pid"
	[[ $output == *'\x1b[31mred'* && $output != *$'\e'* ]]
	run -2 dirtycat -C $'\e[31m'
	[[ $output != *$'\e'* ]]
}

@test "without soft-dirty tracking, d is unknown" {
	# An empty pagemap looks like a kernel without soft-dirty.
	untracked() {
		# shellcheck disable=SC2016  # for that shell
		unshare --mount --propagation private bash -c '
			truncate -s 512G /tmp/entries
			mount --bind /tmp/entries "/proc/$$/pagemap"
			exec dirtycat "$@"' - "$@"
	}
	tell map anon 8
	tell write
	kill -STOP "$pid"
	for backend in dirty_pages pagemap-scan pagemap; do
		run -0 untracked --backend=$backend --raw -n --summary=only -o WRITTEN "$pid"
		[[ $output == "?" ]] || fail "$backend: $output"
		run -0 untracked --backend=$backend --raw -n -o FLAGS -A "$start,$end" "$pid"
		[[ $output == ap\?x* ]] || fail "$backend: $output"
		run -0 untracked --backend=$backend --openmetrics "$pid"
		[[ $output != *"written_bytes{"* && $output == *"dirty_bytes{"* ]]
		run -0 untracked --backend=$backend --json --summary=only "$pid"
		[[ $(jq '.processes[0].written' <<<"$output") == null ]]
		run -4 untracked --backend=$backend -f +d "$pid"
		[[ $output == *"a kernel with CONFIG_MEM_SOFT_DIRTY is required"* ]]
	done
	run -0 cells WRITTEN --summary=only "$pid"
	[[ $output != "?" ]]
}

@test "pagemap-scan reads x from the pagemap entries of the listed ranges" {
	tell map anon 64
	tell write
	tell fork
	tell write 0 16
	kill -STOP "$pid"
	run -0 cells START,END --backend=pagemap-scan -f +x -A "$start,$end" "$pid"
	[[ $output == "$(page_range 0 16 | tr - ' ')" ]]
	run -0 cells SHARED --backend=pagemap-scan --summary=only -A "$start,$end" "$pid"
	[[ $output == 192K ]]
	dirtycat --text --backend=pagemap-scan -A "$start,$end" "$pid" | what_both_know 1 2 3 4 5 |
		diff - <(dirtycat --text -A "$start,$end" "$pid" | what_both_know 1 2 3 4 5)
	# The entries are not read unless a column needs them.
	looks() {
		strace -y -o /tmp/calls -e trace=pread64 dirtycat --backend=pagemap-scan "$@" "$pid" >/dev/null
		grep -c "$pid/.*pagemap" /tmp/calls
	}
	(($(looks --by-mapping --summary=never -o DIRTY) == 1 && $(looks) > 10))
}

@test "x of a page in swap is unknown, an error only if the page may be selected" {
	use_swap zram
	cleanup() {
		end_target
		drop_swap
	}
	tell map anon 8
	tell write
	tell advise pageout 0 4
	kill -STOP "$pid"
	run -4 dirtycat --backend=pagemap-scan -f +x -A "$start,$end" "$pid"
	[[ $output == *"does not report x, which --flags needs"* ]]
	run -0 cells PAGES --backend=pagemap-scan -f +px -A "$start,$end" "$pid"
	[[ $output == 4 ]]
}

@test "DIRTY equals Anonymous plus Swap of private mappings in smaps, to the byte" {
	use_swap zram
	cleanup() {
		kill -KILL "$other"
		end_target
		drop_swap
	}
	new_file /tmp/file 16
	tell map private 16 /tmp/file
	tell write 0 4
	tell map anon 64
	tell write 0 32
	tell advise pageout 0 16
	tell read 0 8
	tell fork
	python3 -c 'import time; x = [bytes(5000) for i in range(2000)]; print("READY", flush=True); time.sleep(1000)' >/tmp/ready 3>&- &
	other=$!
	wait_until grep -q READY /tmp/ready
	for process in "$pid" "$other"; do
		kill -STOP "$process"
		wait_until is_stopped "$process"
		sum=$(awk '$1 ~ /^[0-9a-f]+-[0-9a-f]+$/ { private = $2 ~ /p$/ }
			private && /^(Anonymous|Swap):/ { kb += $2 }
			END { print kb * 1024 }' "/proc/$process/smaps")
		for backend in dirty_pages pagemap-scan; do
			run -0 cells DIRTY --bytes --backend=$backend --summary=only "$process"
			[[ $output == "$sum" && $sum -gt 0 ]] || fail "$backend: $output, smaps: $sum"
		done
	done
}

@test "--diff ignores flags that are unknown in one of the listings" {
	tell map anon 16
	tell write
	kill -STOP "$pid"
	dirtycat --backend=pagemap --text "$pid" >/tmp/before
	for backend in dirty_pages pagemap-scan pagemap; do
		run -0 dirtycat -n --backend=$backend --diff /tmp/before "$pid"
		[[ -z $output ]]
	done
	sed 's/$/n/' /tmp/before >/tmp/later
	run -0 dirtycat -n --diff /tmp/later "$pid"
	[[ -z $output ]]
}

@test "the cost of a listing depends on its lines, not on their ranges" {
	for line in '0-fffffffffffff000 apd?-??' '1000-202000e000000 apd?-??'; do
		echo "$line" >/tmp/huge
		for options in --map --summary=only --text; do
			run -0 timeout "$TIMEOUT" dirtycat --input /tmp/huge $options
		done
		COLUMNS=20 run -0 timeout "$TIMEOUT" dirtycat --input /tmp/huge --map
		((${#lines[@]} <= 24))
	done
	# Many distinct flags are no problem either.
	python3 -c '
import itertools, string
for i, t in enumerate(itertools.product(string.ascii_lowercase, repeat=4)):
    if i == 200000: break
    print("%08x-%08x apdx---%s" % (2 * i << 12, 2 * i + 1 << 12, "".join(t)))' >/tmp/many
	run -0 timeout "$TIMEOUT" dirtycat --raw -n --summary=only -o RUNS --input /tmp/many
	[[ $output == 200000 ]]
}

@test "neighbouring mappings are scanned in one call, shared mappings never" {
	python3 -c '
import mmap, sys, time
shared = mmap.mmap(-1, 1 << 30)
for page in range(0, 64 << 20, 4096): shared[page] = 1
many = [mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
                  prot=mmap.PROT_READ | mmap.PROT_WRITE if i % 2 else mmap.PROT_READ)
        for i in range(4000)]
for m in many[1::2]: m[0] = 1
print("READY", flush=True)
time.sleep(1000)' >/tmp/ready 3>&- &
	other=$!
	cleanup() { kill -KILL "$other"; }
	wait_until grep -q READY /tmp/ready
	(($(wc -l <"/proc/$other/maps") > 3000))
	cat >/tmp/gdb <<-'END'
		set breakpoint pending on
		break ioctl if $rsi == 0xc0606610
		commands
		silent
		printf "scan %lx %lx\n", ((unsigned long *)$rdx)[2], ((unsigned long *)$rdx)[3]
		continue
		end
		run
	END
	gdb -q -batch -x /tmp/gdb --args "$(command -v dirtycat)" --backend=pagemap-scan -n --summary=only "$other" \
		>/tmp/scans 2>&1
	calls=$(grep -c '^scan' /tmp/scans)
	((calls > 1 && calls < 20)) || fail "$calls calls"
	# Compare as numbers.
	grep ' rw-s ' "/proc/$other/maps" | cut -d' ' -f1 >/tmp/shared
	[[ -s /tmp/shared ]]
	while read -r _ from to; do
		while IFS=- read -r low high; do
			((16#$to <= 16#$low || 16#$from >= 16#$high)) || fail "$from-$to holds $low-$high"
		done </tmp/shared
	done < <(grep '^scan' /tmp/scans)
	dirtycat --text --backend=pagemap-scan "$other" | what_both_know 1 2 |
		diff - <(dirtycat --text "$other" | what_both_know 1 2)
}

@test "after exec, the name is read again and data about the old memory is dropped" {
	mkfifo /tmp/go
	bash -c 'read -r _ </tmp/go; exec sleep 1000' 3>&- &
	other=$!
	cleanup() { kill -KILL "$other" "$reader"; }
	dirtycat --rate --clear --summary=only --raw -n -d 0.3 -o COMM,RATE "$other" >/tmp/samples 2>/tmp/errors 3>&- &
	reader=$!
	wait_until grep -qE '^bash [0-9]' /tmp/samples
	echo >/tmp/go
	wait_until grep -q '^sleep' /tmp/samples
	[[ $(grep -m 1 '^sleep' /tmp/samples) == "sleep ?" ]]
	grep -q "^dirtycat: $other: called exec and is now sleep, with a new address space" /tmp/errors
}

@test "-C with several samples waits for a process to appear" {
	cp /bin/sleep /tmp/latecomer
	dirtycat --summary=only --raw -n -d 0.2 -o PID -C latecomer >/tmp/samples 2>/tmp/errors 3>&- &
	reader=$!
	cleanup() { pkill -KILL -x "latecomer|dirtycat"; }
	wait_until grep -q "latecomer: no process has that name yet" /tmp/errors
	/tmp/latecomer 1000 3>&- &
	late=$!
	wait_until grep -qx $late /tmp/samples
	[[ -n $(head -n 1 /tmp/samples) ]]
	kill -0 $reader
	run -2 dirtycat -C "nobody is called that"
}

@test "--text refuses several processes, even if found by name" {
	tell fork
	run -1 dirtycat --text -C memstate
	[[ $output == *"2 processes are selected; --text takes one"* ]]
	dirtycat --text -d 0.1 -c 2 --output-file /tmp/kept "$pid"
	run -0 dirtycat --input /tmp/kept
}

@test "a size that rounds up to 1024 is 1 of the next unit, and 10.0 is 10" {
	while read -r pages size; do
		printf '1000-%x apdx---\n' $((page + pages * page)) >/tmp/kept
		run -0 dirtycat --raw -n -o SIZE --input /tmp/kept
		[[ $output == "$size" ]] || fail "$pages: $output"
	done <<-'END'
		1 4K
		255 1020K
		256 1M
		262143 1G
		262144 1G
		2559 10M
		2560 10M
		2534 9.9M
		384 1.5M
	END
}

@test "--range LOW selects the page there; ends within pages are rounded outwards" {
	tell map anon 8
	tell write
	kill -STOP "$pid"
	run -0 cells START,END -A "$(printf '%x' $((16#$start + 2 * page + 5)))" "$pid"
	[[ $output == "$(page_range 2 1 | tr - ' ')" ]]
	run -0 cells START,END -A "$(printf '%x,%x' $((16#$start + page + 5)) $((16#$start + 3 * page + 1)))" "$pid"
	[[ $output == "$(page_range 1 3 | tr - ' ')" ]]
}

@test "no blank line precedes the sums if the table has no row" {
	run -0 --keep-empty-lines dirtycat -A 0 "$pid"
	[[ ${lines[0]} =~ ^\ *PID ]]
}

@test "--map: several pictures share the screen, with one escape per run of a colour" {
	cleanup() { tmux kill-server 2>/dev/null || true; }
	tell map anon 512
	tell write
	tell fork
	child=$answer
	tell map anon 8192
	tell write
	rm -f /tmp/tmux-done
	tmux -u -f /dev/null new-session -d -x 80 -y 30 \
		"PATH=$PATH script -q -c 'dirtycat --map $pid $child' /tmp/typescript; touch /tmp/tmux-done; sleep 1000" 3>&-
	wait_until test -e /tmp/tmux-done
	[[ $(tmux capture-pane -p | grep -c 'a cell is') == 2 ]]
	# A row of one colour has one escape before its cells and one after them.
	grep -a '^[0-9a-f]\{12\} ' /tmp/typescript >/tmp/rows
	[[ -s /tmp/rows ]]
	awk '{ runs = gsub(/\033\[[0-9;]*m/, "") } runs > 20 { exit 1 }' /tmp/rows
	LC_ALL=C grep -qaP '\x1b\[31m(\xe2\x96\x88){20}' /tmp/rows
}

@test "completion offers columns, and never an option as a column" {
	# shellcheck source=/dev/null
	source "$BATS_TEST_DIRNAME/../../tools/dirtycat/completion.bash"
	run -0 _dirtycat_columns
	[[ ${lines[0]} == TIME && $output != *--* ]]
	(($(wc -w <<<"$output") == ${#lines[@]}))
}
