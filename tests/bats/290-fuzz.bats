#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Random system calls on the file, of processes that stop, exec, die and leave
# their pid to another. See tests/programs/fuzzfile.c. For longer, and in the
# debug kernel, once it is there:
#
#	make run CMD='FUZZ_SECONDS=3600 FUZZ_SEED=7 bats tests/bats/290-fuzz.bats'
#	GUEST_KERNEL=debug make run CMD='...'
# bats file_tags=concurrent

load lib

: "${FUZZ_SECONDS:=$((12 * SLOWNESS))}"
: "${FUZZ_SEED:=1}"

setup() {
	pid=
}

@test "random system calls get documented answers, and harm nobody" {
	local some='[1-9][0-9]*'
	TIMEOUT=$((FUZZ_SECONDS + TIMEOUT * 4))
	timeout "$TIMEOUT" fuzzfile "$FUZZ_SEED" "$FUZZ_SECONDS" >"$BATS_TEST_TMPDIR/out"
	sed 's/^/# /' "$BATS_TEST_TMPDIR/out" >&3
	grep -qE "^seed $FUZZ_SEED: $some sequences, $some calls, $some bytes read, $some written$" \
		"$BATS_TEST_TMPDIR/out"
}
