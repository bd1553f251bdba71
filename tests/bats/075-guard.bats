#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Guard regions, which Linux has since 6.13, and glibc uses for the stacks of threads.
# Where the kernel has none, the request for one must fail.

load lib
load dirtyckpt

# guard FIRST COUNT - make these pages a guard region; fail if the kernel has none
guard() {
	printf 'advise guard-install %s\n' "$*" >&"${MEMSTATE[1]}"
	IFS= read -r -t "$TIMEOUT" answer <&"${MEMSTATE[0]}"
	[[ $answer == READY ]] && return
	[[ $answer == FAIL*"Invalid argument" && $(uname -r) == 6.12.* ]] || fail "$answer"
	return 1
}

# guarded - print the number of guarded pages in the current mapping
guarded() {
	pagemap_of "$pid" | tr -s ' ' '\n' | grep -c '^44' || true
}

@test "a guard region is clean, also over pages that were written" {
	tell map anon 32
	tell write
	guard 8 4 || return 0
	expect 8:apdx--- 4:- 20:apdx---
	tell advise guard-remove 8 4
	expect 8:apdx--- 4:- 20:apdx---
	tell write 8 4
	expect 32:apdx---
}

@test "a guard region in a private file mapping is clean" {
	new_file /tmp/file 16
	tell map private 16 /tmp/file
	tell write 0 8
	guard 2 8 || return 0
	expect 2:fpdx--- 14:-
}

@test "acknowledging a mapping leaves its guard regions in place" {
	tell map anon 32
	tell write
	guard 8 4 || return 0
	acknowledge
	expect 8:ap-x--- 4:- 20:ap-x---
	[[ $(guarded) == 4 ]]
	tell write 0 8
	expect 8:apdx--- 4:- 20:ap-x---
}

@test "no back end mistakes a guard region for pages in swap" {
	local backend
	tell map anon 32
	tell write
	guard 8 4 || return 0
	kill -STOP "$pid"
	for backend in dirty_pages pagemap-scan pagemap; do
		dirtycat --text --backend=$backend -A "$start,$end" "$pid" | cut -d' ' -f1 >/tmp/$backend
	done
	[[ $(</tmp/dirty_pages) == "$(page_range 0 8)"$'\n'"$(page_range 12 20)" ]]
	cmp /tmp/dirty_pages /tmp/pagemap-scan
	cmp /tmp/dirty_pages /tmp/pagemap
}

@test "a restore that would have to write to a guard region is refused, and changes nothing" {
	tell map anon 32
	tell write
	save --stop
	tell write 0 4 9
	guard 8 4 || return 0
	stop "$pid"
	before=$(picture)
	run -9 dirtyckpt restore "$pid" image
	[[ $output == *"the page at $(page_range 8 1 | cut -d- -f1) cannot be read any more: "*"guard region"* ]]
	[[ $(picture) == "$before" ]]
}

@test "a save leaves guard regions out, and a restore beside them leaves them in place" {
	tell map anon 32
	tell write 0 16
	guard 20 4 || return 0
	save --stop
	tell write 0 4 9
	stop "$pid"
	run -0 dirtyckpt restore "$pid" image
	matches
	expect 4:apdx--- 12:ap-x--- 16:-
	[[ $(guarded) == 4 ]]
}
