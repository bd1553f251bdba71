#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtycat sorts rows, shows the largest, sums and growth, and more about their
# processes, and prints JSON for programs that read line by line.

load lib

# cells COLUMNS [OPTION...] - print these columns, without headings
cells() {
	dirtycat --raw --bytes --noheadings -o "$1" "${@:2}"
}

# mappings PAGES... - of that many written pages each; then the target is stopped
mappings() {
	local pages
	for pages in "$@"; do
		tell map anon-fixed "$pages"
		tell advise nohugepage
		tell write
	done
	kill -STOP "$pid"
}

# nap_as TITLE [COMMAND...] - a process with that as its first argument: $nap
nap_as() {
	("${@:2}" bash -c 'exec -a "$1" sleep 1000' - "$1" 3>&-) &
	nap=$!
	wait_until grep -q sleep "/proc/$nap/comm"
}

@test "--sort: in the order of a column, shown or not; with -, the greatest first" {
	mappings 3 40 20
	cells SIZE --summary=never "$pid" >"$BATS_TEST_TMPDIR/sizes"
	for column in size +SIZE; do
		cells SIZE --sort $column --summary=never "$pid" | diff - <(sort -n "$BATS_TEST_TMPDIR/sizes")
	done
	cells SIZE --sort -SIZE --summary=never "$pid" | diff - <(sort -nr "$BATS_TEST_TMPDIR/sizes")
	cells START --sort -START --summary=never "$pid" | diff - <(cells START --summary=never "$pid" | tac)
	cells START --sort -DIRTY --by-mapping --summary=never "$pid" | diff - <(
		cells DIRTY,START --by-mapping --summary=never "$pid" | sort -s -k1,1nr | cut -d' ' -f2
	)
	cells MAPPING --sort MAPPING --by-mapping --summary=never "$pid" >"$BATS_TEST_TMPDIR/names"
	LC_ALL=C sort -c "$BATS_TEST_TMPDIR/names"
	cells DIRTY --sort -DIRTY --summary=only --all >"$BATS_TEST_TMPDIR/dirty"
	sort -cnr "$BATS_TEST_TMPDIR/dirty"
	dirtycat --json --sort -SIZE --summary=never "$pid" |
		jq -e '[.dirty_pages[].size] | . == (sort | reverse)'
}

@test "--top: so many rows, the largest, or the first of --sort; --total is of all" {
	mappings 300 400 500
	run -0 cells SIZE --top 2 "$pid" --summary=never
	[[ $output == $((500 * page))$'\n'$((400 * page)) ]]
	run -0 cells DIRTY --top 3 --by-mapping "$pid" --summary=never
	[[ $output == $((500 * page))$'\n'$((400 * page))$'\n'$((300 * page)) ]]
	run -0 cells START --top 1 --sort START "$pid" --summary=never
	[[ $output == "$(cells START "$pid" --summary=never | head -n 1)" ]]
	run -0 cells SIZE --top 2 --total "$pid" --summary=never
	((${#lines[@]} == 3))
	[[ ${lines[2]} == "$(cells SIZE "$pid" --summary=never | awk '{ sum += $1 } END { print sum }')" ]]
	run -0 --separate-stderr cells PID --top 1 --all --summary=only
	((${#lines[@]} == 1))
	# More rows than are printed at once
	tell_running many 9000
	run -0 cells SIZE --top 2 "$pid" --summary=never
	[[ $output == $((500 * page))$'\n'$((400 * page)) ]]
}

tell_running() {
	kill -CONT "$pid"
	tell "$@"
	kill -STOP "$pid"
}

@test "--total: a last row with sums, named for people and empty for programs" {
	mappings 3 4
	run -0 dirtycat --by-mapping --bytes --total --summary=never "$pid"
	[[ ${lines[-1]} =~ ^total\ +([0-9]+)\ .* ]]
	[[ ${BASH_REMATCH[1]} == "$(cells SIZE --by-mapping --summary=never "$pid" | awk '{ sum += $1 } END { print sum }')" ]]
	run -0 cells PID,COMM,RUNS,DIRTY --summary=only --total "$pid" $$
	awk 'NR <= 2 { runs += $3; dirty += $4 } NR == 3 { exit !($1 == "total" && $2 == "-" && $3 == runs && $4 == dirty) }
		END { exit NR != 3 }' <<<"$output"
	dirtycat --json --summary=only --total "$pid" $$ |
		jq -e '.processes | length == 3 and .[2].pid == null and .[0].dirty + .[1].dirty == .[2].dirty'
	run -0 dirtycat --pairs --summary=only --total -o PID,PAGES "$pid"
	[[ ${lines[1]} == "PID=\"\" PAGES=\"$(cells PAGES --summary=only "$pid")\"" ]]
	# If one row lacks a figure, the sum lacks it, too.
	run -0 cells HUGE --summary=only --total --backend=pagemap "$pid"
	[[ $output == $'?\n?' ]]
}

@test "DELTA and GROWTH: how much more there is than at the sample before" {
	tell map anon 400
	tell advise nohugepage
	dirtycat --raw -n -b --summary=only -d 0.1 -o DELTA,GROWTH "$pid" >"$BATS_TEST_TMPDIR/samples" 3>&- &
	reader=$!
	cleanup() { kill -KILL "$reader"; }
	wait_until grep -qx "0 0" "$BATS_TEST_TMPDIR/samples"
	[[ $(head -n 1 "$BATS_TEST_TMPDIR/samples") == "? ?" ]]
	tell write 0 100
	wait_until eval '[[ $(awk "NR > 1 { sum += \$1 } END { print sum }" "$BATS_TEST_TMPDIR/samples") -ge '$((100 * page))' ]]'
	grep -qE '^[0-9]+ [1-9][0-9]*$' "$BATS_TEST_TMPDIR/samples"
	tell advise dontneed 0 100
	wait_until grep -qE '^-[0-9]+ -[0-9]+$' "$BATS_TEST_TMPDIR/samples"
}

@test "USER, CGROUP and ARGS show the owner, the cgroup and the command line" {
	nap_as 'a "title" \ here' setpriv --reuid=65534 --regid=65534 --clear-groups
	cleanup() { kill -KILL "$nap"; }
	run -0 dirtycat --summary=only --raw -n -o USER,ARGS "$nap"
	[[ $output == 'nobody a\x20"title"\x20\x5c\x20here\x201000' ]]
	run -0 dirtycat --summary=only -n -o CGROUP "$nap"
	[[ ${output%% *} == "$(sed -n 's/^0:://p' "/proc/$nap/cgroup")" ]]
	run -0 dirtycat --by-mapping --summary=never --json -o USER,ARGS,MAPPING "$nap"
	jq -e '.mappings | length > 3 and all(.user == "nobody" and .args == "a \"title\" \\ here 1000")' <<<"$output"
	run -0 dirtycat --summary=only -n -o ARGS --full '^\[kthreadd\]$'
	[[ ${output%% *} == "[kthreadd]" ]]
	# A user without a name is its number.
	setpriv --reuid=54321 sleep 1000 3>&- &
	sleeper=$!
	cleanup() { kill -KILL "$nap" "$sleeper"; }
	wait_until grep -q sleep "/proc/$sleeper/comm"
	run -0 cells USER --summary=only "$sleeper"
	[[ $output == 54321 ]]
	run -0 dirtycat --text "$nap"
	dirtycat --input - -o +SIZE <<<"$output"
	run -0 dirtycat --input - --output-all <<<"$output"
	[[ $output != *ARGS* ]]
}

@test "--json=lines: a compact object for each sample" {
	nap_as $'quote " back \\ new\nline { [ , : \t end'
	cleanup() { kill -KILL "$nap"; }
	run -0 --separate-stderr dirtycat --json=lines --summary=only -c 3 -d 0.1 -o PID,ARGS,DIRTY "$nap" "$pid"
	((${#lines[@]} == 3))
	for line in "${lines[@]}"; do
		[[ $line == "$(jq -c . <<<"$line")" ]]
		jq -e --argjson nap "$nap" '.processes | length == 2 and .[0].pid == $nap' <<<"$line"
	done
	kill -STOP "$pid"
	for options in "" "--by-mapping" "--summary=only --total" "--flags +e"; do
		# shellcheck disable=SC2086  # may be none, or two words
		dirtycat --json=lines $options "$pid" >"$BATS_TEST_TMPDIR/line"
		[[ $(wc -l <"$BATS_TEST_TMPDIR/line") == 1 ]]
		# shellcheck disable=SC2086
		diff <(dirtycat --json $options "$pid" | jq -c .) "$BATS_TEST_TMPDIR/line"
	done
	dirtycat --json=lines --output-file "$BATS_TEST_TMPDIR/file" "$pid"
	jq -e '.dirty_pages | length > 3' "$BATS_TEST_TMPDIR/file"
	# The letter takes no argument, so that letters can be joined.
	dirtycat -Jn "$pid" | jq -e .dirty_pages
}

# on_tty COMMAND - its output on a terminal
on_tty() {
	TERM=xterm script -qec "$1" /dev/null
}

# has_colour COMMAND... - the words printed by it are in colour
has_colour() {
	"$@" >"$BATS_TEST_TMPDIR/coloured"
	grep -q $'\033\[' "$BATS_TEST_TMPDIR/coloured"
}

@test "--color: auto on a terminal, unless NO_COLOR or terminal-colors.d say no" {
	local table="dirtycat --summary $pid" config=$BATS_TEST_TMPDIR/config
	has_colour dirtycat --color=always --summary "$pid"
	has_colour on_tty "$table"
	has_colour on_tty "NO_COLOR= $table --color"
	has_colour on_tty "NO_COLOR=1 $table --color=always"
	run ! has_colour dirtycat --color=auto --summary "$pid"
	run ! has_colour dirtycat --color=always --raw --summary "$pid"
	run ! has_colour on_tty "$table --color=never"
	run ! has_colour on_tty "NO_COLOR=1 $table"
	run ! has_colour on_tty "TERM=dumb $table"
	run ! has_colour on_tty "dirtycat --map --color=never $pid"
	# The most specific file counts.
	mkdir -p "$config/terminal-colors.d"
	while read -r coloured files; do
		rm -f "$config/terminal-colors.d/"*
		for file in $files; do
			: >"$config/terminal-colors.d/$file"
		done
		status=0
		has_colour on_tty "XDG_CONFIG_HOME=$config $table" || status=$?
		[[ $coloured$status == yes0 || $coloured$status == no1 ]] || fail "$files: $status"
	done <<-'END'
		no disable
		no dirtycat.disable
		no dirtycat.disable enable
		no dirtycat@xterm.disable dirtycat.enable
		yes disable dirtycat.enable
		yes dirtycat.disable dirtycat@xterm.enable
		yes dirtycat.disable @xterm.enable
		yes other.disable dirtycat@linux.disable
	END
	printf '# comment\n\nheading 35\ntotal cyan\nunknown red\n' >"$config/terminal-colors.d/dirtycat.scheme"
	XDG_CONFIG_HOME=$config dirtycat --color=always --summary --total "$pid" >"$BATS_TEST_TMPDIR/coloured"
	grep -q $'\033\[35m *PID' "$BATS_TEST_TMPDIR/coloured"
	grep -q $'\033\[36mtotal' "$BATS_TEST_TMPDIR/coloured"
}

@test "each option's error names the cause, and a remedy" {
	while IFS='|' read -r args words; do
		eval "set -- $args"
		run -1 dirtycat "$@"
		[[ $output == "dirtycat: $words"*"see 'dirtycat --help'" ]] || fail "$args: $output"
	done <<-'END'
		--sort WRONG 1|WRONG: no such column
		--sort -DIRTY --summary=never 1|DIRTY: not a column of this table
		--sort "" 1|: no such column
		--top 0 1|0: invalid number of rows
		--top x 1|x: invalid number of rows
		--total --text 1|--text is not a table; --sort, --top and --total require one
		--sort PID --openmetrics 1|--openmetrics is not a table
		--top 1 --map 1|--map is not a table
		--summary -o DELTA 1|DELTA: compares samples and therefore requires --delay or --count
		--summary --sort -GROWTH 1|GROWTH: compares samples
		--color=blue 1|blue: invalid color mode; use auto, always or never
		--json=xml 1|xml: invalid form of JSON; use --json or --json=lines
	END
}
