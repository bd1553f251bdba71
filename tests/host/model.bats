#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The protocol of acknowledgments, as a model in tests/model. All interleavings
# are searched for a lost write. There is none; and as soon as one rule of the
# protocol is taken out, there is one.

setup() {
	bats_require_minimum_version 1.5.0
	models=$(cd "$BATS_TEST_DIRNAME/../model" && pwd)
	cd "$BATS_TEST_TMPDIR" || return
}

# search MODEL [RULE-TAKEN-OUT] - sets $output to the verdict
search() {
	run -0 spin ${2:+"-D$2"} -a "$models/$1.pml"
	[[ -z $output ]]
	# To optimize takes longer than the search.
	gcc -w -DSAFETY -DNOREDUCE -o pan pan.c
	run -0 ./pan -m1000000
}

# holds MODEL - no write is lost, the search is complete, and no statement is idle
holds() {
	search "$1"
	[[ $output == *"Full statespace search for:"* && $output == *", errors: 0"* ]]
	[[ ! $output =~ Warning|truncated|hash-compact|"out of memory"|"depth too small"|"not completed" ]]
	# Nobody gets to the end of an endless loop.
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

@test "a write is lost if nobody is told of the pending flush" {
	loses acknowledge NO_PENDING
}

@test "a write is lost if others are told of the pending flush after the change" {
	loses acknowledge PENDING_LATE
}

@test "a write is lost without a flush of swap entries" {
	loses acknowledge NO_FLUSH_OF_SWAPPED
}

@test "a write is lost without a flush of entries that were not writable" {
	loses acknowledge NO_FLUSH_OF_READ_ONLY
}

@test "a write is lost without a barrier before the look at the references" {
	loses acknowledge NO_BARRIER
}

@test "a write is lost if the references are looked at before the change" {
	loses acknowledge REFERENCES_FIRST
}

@test "a write is lost if held pages are not given their bit back" {
	loses acknowledge NOT_GIVEN_BACK
}

@test "a write is lost if clean pages are not asked for references" {
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

@test "a write is lost if page tables always move as a whole" {
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

@test "each rule of the models is taken out by a scenario" {
	grep -ohE '^#(el)?if.*' "$models"/*.pml | grep -oE '\b[A-Z][A-Z_]+\b' | sort -u >rules
	[[ -s rules ]]
	grep -oP '^\tloses \w+ \K\w+' "$BATS_TEST_FILENAME" | sort -u | diff rules -
}
