#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The protocol of acknowledgments, as a model in tests/model. spin searches all
# interleavings for a lost write. There is none, but if any rule of the protocol is
# removed, there is one.

setup() {
	bats_require_minimum_version 1.5.0
	models=$(cd "$BATS_TEST_DIRNAME/../model" && pwd)
	cd "$BATS_TEST_TMPDIR" || return
}

# search MODEL [RULE] - search, without that rule, and set $output to the verdict
search() {
	run -0 spin ${2:+"-D$2"} -a "$models/$1.pml"
	[[ -z $output ]]
	# An optimized build would take longer than it saves.
	gcc -w -DSAFETY -DNOREDUCE -o pan pan.c
	run -0 ./pan -m1000000
}

# holds MODEL - no write is lost, the search is complete, and no statement is idle
holds() {
	search "$1"
	[[ $output == *"Full statespace search for:"* && $output == *", errors: 0"* ]]
	[[ ! $output =~ Warning|truncated|hash-compact|"out of memory"|"depth too small"|"not completed" ]]
	# The end of an endless loop is never reached.
	[[ $output == *unreached* ]]
	run ! grep -P '^\t.*\.pml:\d+, state \d+, (?!"-end-")' <<<"$output"
}

# loses MODEL RULE - a write is lost without this rule
loses() {
	grep -qE "^#.*\b$2\b" "$models"/*.pml
	search "$1" "$2"
	[[ $output == *"assertion violated"* && $output == *", errors: 1"* ]]
}

@test "no write to an acknowledged page is lost" {
	holds acknowledge
}

@test "no write is lost by fork and mremap" {
	holds fork
}

@test "a write is lost without a flush" {
	loses acknowledge NO_FLUSH
}

@test "a write is lost if a flush comes after the hold" {
	loses acknowledge FLUSH_AFTER_HOLD
}

@test "a write is lost if only changed entries are flushed while another flush is pending" {
	loses acknowledge NO_NESTED_FLUSH
}

@test "a write is lost if the pending flush is not announced" {
	loses acknowledge NO_PENDING
}

@test "a write is lost if the pending flush is announced after the change" {
	loses acknowledge PENDING_LATE
}

@test "a write is lost without a flush of swap entries" {
	loses acknowledge NO_FLUSH_OF_SWAPPED
}

@test "a write is lost without a flush of entries that were not writable" {
	loses acknowledge NO_FLUSH_OF_READ_ONLY
}

@test "a write is lost without a barrier before the references are read" {
	loses acknowledge NO_BARRIER
}

@test "a write is lost if the references are read before the change" {
	loses acknowledge REFERENCES_FIRST
}

@test "a write is lost if the bit of held pages is not set again" {
	loses acknowledge NOT_GIVEN_BACK
}

@test "a write is lost if the references of clean pages are not checked" {
	loses acknowledge CLEAN_NOT_ASKED
}

@test "a write is lost if clear_refs leaves a writable entry without the bit" {
	loses acknowledge WRITABLE_LEFT
}

@test "a write is lost if tracking is off in a private mapping" {
	loses acknowledge NO_WP
}

@test "a write is lost if pages are copied before they are acknowledged" {
	loses acknowledge COPY_FIRST
}

@test "a write is lost if page tables are always moved as a whole" {
	loses fork NO_FLAG
}

@test "a write is lost if fork copies the flag before it has the lock" {
	loses fork FLAG_COPIED_EARLY
}

@test "a write is lost if the flag is set after the bits were cleared" {
	loses fork FLAG_SET_LATE
}

@test "a write is lost without the mmap lock" {
	loses fork NO_LOCK
}

@test "a scenario removes each rule of the models" {
	grep -ohE '^#(el)?if.*' "$models"/*.pml | grep -oE '\b[A-Z][A-Z_]+\b' | sort -u >rules
	[[ -s rules ]]
	grep -oP '^\tloses \w+ \K\w+' "$BATS_TEST_FILENAME" | sort -u | diff rules -
}
