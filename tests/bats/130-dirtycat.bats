#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtycat: selection of processes, pages and columns, and every error.

load lib

# cells COLUMNS [OPTION...] - print these columns without heading
cells() {
	dirtycat --raw --noheadings -o "$1" "${@:2}"
}

@test "the default table has a row for each run of the listing, then a row of sums" {
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
	[[ ${lines[-2]} =~ ^\ *PID\ COMM\ +RUNS\ DIRTY\ WRITTEN\ SHARED\ SWAPPED\ HUGE$ ]]
	[[ ${lines[-1]} =~ ^\ *$pid\ memstate\ +([0-9]+)\  ]]
	((BASH_REMATCH[1] == ${#lines[@]} - 3))
	((BASH_REMATCH[1] == $(listing | wc -l)))
}

@test "mappings are named: heap, stack, file with blanks, anonymous" {
	new_file "/tmp/a" 4
	tell heap 4
	tell write
	tell map private 4 "/tmp/a"
	tell write
	mv /tmp/a "/tmp/moved here"
	run -0 dirtycat "$pid"
	grep -q ' \[heap\]$' <<<"$output"
	grep -q ' \[stack\]$' <<<"$output"
	grep -q ' /tmp/moved here$' <<<"$output"
	run -0 dirtycat --raw "$pid"
	grep -qF ' /tmp/moved\x20here' <<<"$output"
}

@test "--text prints the lines of the kernel unchanged" {
	tell many 100
	kill -STOP "$pid"
	dirtycat --text "$pid" | cmp - <(listing)
}

@test "--input shows a saved listing; - is standard input" {
	tell many 10
	kill -STOP "$pid"
	listing >/tmp/kept
	dirtycat --text --input /tmp/kept | cmp - /tmp/kept
	dirtycat --input - --raw -n -o START,END,SIZE,FLAGS </tmp/kept |
		cmp - <(cells START,END,SIZE,FLAGS "$pid")
	run -0 dirtycat --input /tmp/kept --summary
	[[ ${lines[1]} =~ ^\ *$(wc -l </tmp/kept)\  ]]
}

@test "--input refuses text that is not a listing or is truncated, and names the line" {
	printf '10000000-10001000 apd----\nnonsense\n' >/tmp/kept
	run -6 dirtycat --input /tmp/kept
	[[ $output == *"/tmp/kept: line 2: not 'START-END FLAGS'"* ]]
	[[ $output == *"10000000 10001000"* ]]
	while IFS='|' read -r bad words; do
		# shellcheck disable=SC2059  # it is a format
		printf "$bad" >/tmp/kept
		run -6 dirtycat --input /tmp/kept
		[[ $output == *"/tmp/kept: line "*": $words"* ]] || fail "$bad: $output"
	done <<-'END'
		10000000-10001000 apdx---|missing newline at the end
		20000000-20001000 apdx---\n10000000-10001000 apdx---\n|START is below the end of the previous line
		10001000-10000000 apdx---\n|END is not above START
		10000000-10001000\n|not 'START-END FLAGS'
		10000000-10001000 \n|not 'START-END FLAGS'
		 10000000-10001000 apdx---\n|not 'START-END FLAGS'
		00000000000001000-2000 apdx---\n|not 'START-END FLAGS'
		1000-2000\tapdx---\n|not 'START-END FLAGS'
		\n|not 'START-END FLAGS'
		1000-2000 apdx---\0\n|not 'START-END FLAGS'
		1000-2000 apdx---\r\n|the flags have a byte that is not printable ASCII
		1000-2000 apdx---\033[31m\n|the flags have a byte that is not printable ASCII
		100-2000 apdx---\n|an address is not aligned
		1000-2001 apdx---\n|an address is not aligned
		1000-2000 -p-x\n|the flags have fewer than seven columns
		1000-2000 rw-p 00000000 08:01 12 /bin/cat\n|the flags have fewer than seven columns
		1000-2000 padx---\n|the flags have a letter in the wrong column
		1000-2000 apdx--z\n|the flags have a letter in the wrong column
	END
	run -6 dirtycat --input /proc/self/maps --summary=only
	[[ $output == *"/proc/self/maps: line 1: the flags"* ]]
	run -6 dirtycat --input /tmp/nowhere
	[[ $output == *"/tmp/nowhere: No such file"* ]]
}

@test "--diff shows only pages that are new, gone, or have other flags" {
	tell map anon-fixed 32
	tell write 0 8
	tell write 16 8
	kill -STOP "$pid"
	dirtycat --text "$pid" >/tmp/before
	run -0 dirtycat -n --diff /tmp/before "$pid"
	[[ -z $output ]]
	kill -CONT "$pid"
	tell advise dontneed 4 4
	tell write 12 6
	put "$(page_range 20 2)"
	run -0 dirtycat --raw -n -A "$start,$end" -o CHANGE,START,END,OLD,FLAGS,SIZE,MAPPING \
		--diff /tmp/before "$pid"
	diff - <<-END <(printf '%s\n' "$output")
		gone $(page_range 4 4 | tr - ' ') apdx--- - 16K [anon]
		new $(page_range 12 4 | tr - ' ') - apdx--- 16K [anon]
		flags $(page_range 20 2 | tr - ' ') apdx--- ap-x--- 8K [anon]
	END
}

@test "--diff compares two saved listings" {
	printf '10000000-10004000 apd----\n10008000-1000a000 apd----\n' >/tmp/old
	printf '10002000-10006000 ap-----\n10008000-10009000 apd----\n20000000-20001000 fp-----\n' >/tmp/new
	run -0 dirtycat --raw -n -o CHANGE,START,END,OLD,FLAGS --diff /tmp/old --input /tmp/new
	diff - <<-END <(printf '%s\n' "$output")
		gone 10000000 10002000 apd---- -
		flags 10002000 10004000 apd---- ap-----
		new 10004000 10006000 - ap-----
		gone 10009000 1000a000 apd---- -
		new 20000000 20001000 - fp-----
	END
}

@test "--range cuts runs at its ends, and either end may be omitted" {
	tell map anon 16
	tell write
	kill -STOP "$pid"
	range=$(page_range 3 5)
	run -0 cells START,END,PAGES -A "${range/-/,}" "$pid"
	[[ $output == "${range/-/ } 5" ]]
	run -0 cells START -A "0x${range%-*}," "$pid"
	[[ ${lines[0]} == "${range%-*}" ]]
	run -0 cells END --range ",${range#*-}" "$pid"
	[[ ${lines[-1]} == "${range#*-}" ]]
	run -0 cells DIRTY,RUNS --summary -A "${range/-/,}" "$pid"
	[[ $output == "20K 1" ]]
}

@test "--flags selects pages with all flags after + and none after -" {
	tell map anon 16
	tell write 0 8
	tell advise free 0 2
	put "$(page_range 4 2)"
	wait_until grep -q 'l$' "/proc/$pid/dirty_pages"
	kill -STOP "$pid"
	run -0 cells START,PAGES -f +l "$pid"
	[[ $output == "$start 2" ]]
	run -0 cells START,PAGES -f a-d "$pid"
	[[ $output == "$(page_range 4 2 | cut -d- -f1) 2" ]]
	dirtycat --text --flags +px-fl "$pid" | cmp - <(listing | awk '$2 ~ /p/ && $2 ~ /x/ && $2 !~ /[fl]/')
}

@test "several processes are selected by operand, list and name, and have a PID column" {
	tell fork
	child=$answer
	run -0 cells PID,COMM --summary "$pid" -p "$child,$$"
	[[ ${lines[0]} == "$child memstate" && ${lines[2]} == "$pid memstate" ]]
	((${#lines[@]} == 3))
	run -0 cells PID --summary --command memstate
	[[ $output == "$(pgrep -x memstate)" ]]
	run -0 dirtycat "$pid" "$child"
	[[ ${lines[0]} =~ ^\ *PID\ START ]]
	[[ $(grep -c 'START' <<<"$output") == 1 ]]
	grep -qE "^ *$child [0-9a-f]+ " <<<"$output"
}

@test "--command matches comm, argv[0] and the executable" {
	# comm is truncated to 15 characters.
	cp /run/bin/memstate "/tmp/a name of some length"
	(exec -a /some/where/called "/tmp/a name of some length" 3>&-) < <(sleep 1000 3>&-) >/dev/null &
	other=$!
	cleanup() { kill -KILL "$other"; pkill -KILL -x sleep; }
	wait_until grep -q /some/where/called "/proc/$other/cmdline"
	for name in "called" "a name of some length" "a name of some "; do
		run -0 cells PID --summary -C "$name"
		[[ $output == "$other" ]]
	done
	run -2 dirtycat -C "no such name"
	[[ $output == "dirtycat: no such name: no process has that name" ]]
}

@test "--output selects columns, or adds them after +; --output-all shows all of the table" {
	tell map anon 4
	tell write
	kill -STOP "$pid"
	run -0 dirtycat -o size,PID,flags "$pid" --summary=never
	[[ ${lines[0]} =~ ^\ *SIZE\ +PID\ FLAGS\ *$ ]]
	run -0 dirtycat -o +PERM,PAGES "$pid"
	[[ ${lines[0]} =~ ^START\ +END\ +SIZE\ FLAGS\ +MAPPING\ +PERM\ +PAGES$ ]]
	for view in "--summary=never" "--by-mapping --summary=never" "--summary" "--diff /dev/null"; do
		letter=r
		case $view in
		--by*) letter=m ;;
		--summary) letter=s ;;
		--diff*) letter=c ;;
		esac
		# shellcheck disable=SC2086  # some are two words
		run -0 dirtycat $view --output-all --raw "$pid"
		[[ ${lines[0]} == "$(dirtycat --help |
			awk -v l=$letter '/^Columns/ { on = 1 } on && $2 ~ /^[r-][m-][s-][c-]$/ && $2 ~ l { print $1 }' |
			paste -sd ' ')" ]]
	done
}

@test "the columns about the mapping agree with maps" {
	new_file /tmp/file 16
	tell map private 8 /tmp/file 4
	tell write 2 1
	kill -STOP "$pid"
	run -0 cells PERM,OFFSET,DEV,INODE,MAPPING -A "$start,$end" "$pid"
	[[ $output == "rw-p 6000 $(awk -v s="^$start-" '$0 ~ s { print $4, $5 }' "/proc/$pid/maps") /tmp/file" ]]
}

@test "--by-mapping shows the sums of the runs" {
	use_swap zram
	cleanup() {
		end_target
		drop_swap
	}
	tell map anon-fixed 64
	tell write 0 32
	tell advise pageout 0 8
	put "$(page_range 16 4)"
	tell fork
	tell write 20 2
	kill -STOP "$pid"
	run -0 cells SIZE,DIRTY,WRITTEN,SHARED,SWAPPED,HUGE,RUNS,PAGES --bytes --by-mapping \
		-A "$start,$end" "$pid"
	shared=$(listing | awk -v s="$start" -v e="$end" '
		{ split($1, a, "-") } a[1] "" >= s "" && a[2] "" <= e "" && $2 !~ /x/ { print $1 }' |
		awk -F- '{ cmd = "echo $((0x" $2 " - 0x" $1 "))"; cmd | getline n; sum += n } END { print sum }')
	[[ $output == "$((64 * page)) $((32 * page)) $((28 * page)) $shared $((8 * page)) 0 "* ]]
	run -0 cells DIRTY --bytes --by-mapping "$pid"
	sum=0
	for n in "${lines[@]}"; do sum=$((sum + n)); done
	((sum == $(cells DIRTY --bytes --summary "$pid")))
	run -0 dirtycat --by-mapping "$pid"
	[[ ${lines[0]} =~ ^START\ +END\ +SIZE\ DIRTY\ WRITTEN\ SHARED\ SWAPPED\ HUGE\ MAPPING$ ]]
}

@test "--by-mapping counts only the part of a run inside the mapping" {
	tell map anon-fixed 8
	printf '%s-%x apdx---\n' "$start" "$((16#$end + 4 * page))" >/tmp/beyond
	cleanup() { umount "/proc/$pid/task/$pid/dirty_pages"; }
	checked_pid=
	mount --bind /tmp/beyond "/proc/$pid/task/$pid/dirty_pages"
	run -0 cells START,SIZE,DIRTY,WRITTEN --by-mapping "$pid"
	[[ $output == "$start 32K 32K 32K" ]]
}

@test "--summary takes never, always and only" {
	run -0 dirtycat --summary=never "$pid"
	[[ $output != *RUNS* ]]
	run -0 dirtycat --summary=always "$pid"
	[[ $output == *START*RUNS* ]]
	run -0 dirtycat --summary=only "$pid"
	[[ ${#lines[@]} == 2 && ${lines[0]} =~ ^\ *PID ]]
	run -0 dirtycat --summary "$pid"
	[[ ${#lines[@]} == 2 ]]
	for format in --json --pairs --raw; do
		run -0 dirtycat $format "$pid"
		[[ $output != *RUNS* && $output != *runs* ]]
	done
}

@test "--bytes prints bytes, --noheadings no heading, and other sizes are readable" {
	tell map anon 2000
	tell advise nohugepage
	tell write
	kill -STOP "$pid"
	run -0 dirtycat -n --summary=never -A "$start,$end" -o SIZE "$pid"
	[[ $output =~ ^7\.8M\ *$ ]]
	run -0 dirtycat -n -b --summary=never -A "$start,$end" -o SIZE "$pid"
	[[ $output =~ ^8192000\ *$ ]]
}

@test "a table of many rows has one heading and aligned columns" {
	tell many 20000
	# A wider cell in the first part only
	tell map anon-noreserve 250
	tell write
	kill -STOP "$pid"
	run -0 dirtycat --summary=never -o START,END,SIZE,FLAGS "$pid"
	((${#lines[@]} == $(listing | wc -l) + 1))
	[[ $(grep -c START <<<"$output") == 1 ]]
	head -n 8000 <<<"$output" | grep -qE ' 100[04]K '
	[[ $(awk 'length($1) == 12 { print length($0) }' <<<"$output" | sort -u | wc -l) == 1 ]]
}

@test "after the main thread has exited, a process is read through a live thread" {
	tell map anon 8
	tell write
	tell leave
	run -0 cells FLAGS,MAPPING -A "$start,$end" "$pid"
	[[ $output == "apdx--- [anon]" ]]
	run -0 cells FLAGS --backend=pagemap-scan -A "$start,$end" "$pid"
	[[ $output == "apdx-??" ]]
}

@test "a kernel thread and a zombie are empty, without an error" {
	tell zombie
	for empty in 2 "$answer"; do
		run -0 cells RUNS,DIRTY --summary "$empty"
		[[ $output == "0 0B" ]]
		run -0 dirtycat --backend=pagemap-scan "$empty"
	done
}

@test "a flag column and a field of later kernels are shown, not fatal" {
	mkdir -p /tmp/later
	printf '10000000-10002000 apdx---n more\n' >/tmp/later/dirty_pages
	cleanup() { umount "/proc/$pid/task/$pid/dirty_pages"; }
	checked_pid=
	mount --bind /tmp/later/dirty_pages "/proc/$pid/task/$pid/dirty_pages"
	run -0 dirtycat --summary=never "$pid"
	grep -qE '^10000000 +10002000 +8K apdx---n \[unmapped since\]$' <<<"$output"
	run -0 dirtycat --json "$pid"
	[[ $(jq -c '.dirty_pages[].flags' <<<"$output") == '["anonymous","present","written","exclusive","n"]' ]]
	run -0 dirtycat --flags +n "$pid"
	[[ $output == *apdx---n* ]]
}

@test "exit 1: an invalid command line, and the reason" {
	while IFS='|' read -r args words; do
		eval "set -- $args"
		run -1 dirtycat "$@"
		[[ $output == *"$words"*"dirtycat --help"* ]] || fail "$args: $output"
	done <<-'END'
		--clear|no process specified; --clear requires --all to take all processes
		--text|no process specified; --text takes one
		12x|12x: invalid PID
		""|: invalid PID
		0|0: invalid PID
		4294967296|4294967296: invalid PID
		-p 1,|: invalid PID
		--wrong|unrecognized option '--wrong'
		-o|requires an argument
		-o NOTHING 1|NOTHING: no such column
		-o RATE 1|RATE: not a column of this table
		-o START --summary 1|START: not a column of this table
		-o START --output-all 1|mutually exclusive
		-A 2000,1000 1|ends before it begins
		-A g,h 1|not a hexadecimal address
		-f D 1|flags are letters a to z
		-f +d-d 1|contradictory flag selection
		-f "" 1|contradictory flag selection
		-J -P 1|--json and --pairs are mutually exclusive
		--map --text 1|--map and --text are mutually exclusive
		--by-mapping --summary 1|--by-mapping and --summary=only are mutually exclusive
		--summary=sometimes 1|never, always or only
		--summary=always --json 1|--json has one table
		--summary=always --map 1|--map has no summary
		--text --json 1|--text is not a table
		--text 1 2|--text takes one process
		--text -d 1 1|--text takes one sample
		--openmetrics -c 2 1|--openmetrics takes one sample
		$'--\e[31m' 1|unrecognized option '--\x1b[31m'
		--json=no 1|no: invalid form of JSON; use --json or --json=lines
		--bytes=no 1|option '--bytes=no' doesn't allow an argument
		-Z 1|unrecognized option '-Z'
		--openmetrics -o PID 1|--openmetrics is not a table
		--rate 1|requires --clear
		--rate --clear --map 1|--rate requires --by-mapping or --summary=only
		--delay soon 1|soon: invalid number of seconds
		--delay -1 1|-1: invalid number of seconds
		--count 0 1|0: invalid number of samples
		--count 1x 1|1x: invalid number of samples
		--backend=magic 1|magic: unknown back end
		--input /dev/null 1|--input cannot be combined with processes
		--input /dev/null --clear|--input cannot be combined with
		--input /dev/null --by-mapping|--input cannot be combined with
	END
}

@test "exit 2: no such process; the others are still shown" {
	run -2 dirtycat 4194303 "$pid"
	[[ $output == *"4194303: no such process"* ]]
	grep -qE "^ *$pid memstate " <<<"$output"
}

@test "exit 3: not permitted, and the required permission" {
	run -3 setpriv --reuid=65534 --regid=65534 --clear-groups dirtycat "$pid"
	[[ $output == "dirtycat: $pid: not permitted; you must own the process, or have CAP_SYS_PTRACE" ]]
	run -3 setpriv --reuid=65534 --regid=65534 --clear-groups dirtycat --backend=pagemap-scan "$pid"
}

@test "exit 3: hidden by hidepid" {
	mount -o remount,hidepid=noaccess /proc
	cleanup() { mount -o remount,hidepid=off /proc; }
	run -3 setpriv --reuid=65534 --regid=65534 --clear-groups dirtycat "$pid"
	[[ $output == "dirtycat: $pid: not permitted; /proc hides it from you" ]]
}

@test "exit 4: the kernel or the back end does not support it" {
	run -4 dirtycat --backend=pagemap-scan --flags +k "$pid"
	[[ $output == *"pagemap-scan does not report k, which --flags needs; a kernel with CONFIG_PROC_DIRTY_PAGES is required"* ]]
	run -4 dirtycat --backend=pagemap --flags +h "$pid"
	[[ $output == *"does not report h, which --flags needs; --backend=pagemap-scan"* ]]
	run -4 dirtycat --flags +z "$pid"
	[[ $output == *"this listing has no flag z"* ]]
	run -4 dirtycat --backend=pagemap-scan --clear "$pid"
	[[ $output == *"CONFIG_PROC_DIRTY_PAGES"* ]]
}

@test "exit 5: the process vanished while being read; the lines read are shown" {
	cleanup() { echo 8192 >/sys/kernel/debug/dirty_pages/batch; }
	tell many 20000
	echo 1 >/sys/kernel/debug/dirty_pages/batch
	run -5 kill_target_during 'position("/dirty_pages")' dirtycat "$pid"
	grep -q 'exited or called exec while being read; the listing is truncated' /tmp/error
	(($(grep -c apdx /tmp/shown) > 100 && $(grep -c apdx /tmp/shown) < 20000))
}

@test "exit 6: the output cannot be written" {
	for command in "dirtycat $pid" "dirtycat --help" "dirtycat --version"; do
		run -6 bash -c "$command >/dev/full"
		[[ $output == "dirtycat: cannot write: No space left on device" ]]
	done
}

@test "--help and the manual name every option, column, flag and exit status" {
	run -0 dirtycat --help
	manual=$(mandoc -T utf8 "$BATS_TEST_DIRNAME/../../tools/dirtycat/dirtycat.1" | col -b)
	grep -oE '^	\{ "[a-z-]+"' "$BATS_TEST_DIRNAME/../../tools/dirtycat/options.c" |
		cut -d'"' -f2 >"$BATS_TEST_TMPDIR/options"
	(($(wc -l <"$BATS_TEST_TMPDIR/options") > 20))
	while read -r word; do
		[[ $output == *"--$word"* ]]
		[[ $manual == *"--$word"* ]]
	done <"$BATS_TEST_TMPDIR/options"
	for word in 'anonymous' 'in swap' 'merged by' 'lazily' '1 usage' '6 anything' MAPPING OLD; do
		[[ $output == *"$word"* ]]
	done
	run -0 dirtycat --version
}
