#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Random system calls on the files of processes that stop, exec and die, and of
# processes that reuse a pid. See tests/programs/fuzzfile.c. To run it for longer, and in the debug
# kernel, if that is built:
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

@test "random system calls give documented results, and do no damage" {
	local some='[1-9][0-9]*'
	TIMEOUT=$((FUZZ_SECONDS + TIMEOUT * 4))
	timeout "$TIMEOUT" fuzzfile "$FUZZ_SEED" "$FUZZ_SECONDS" >"$BATS_TEST_TMPDIR/out"
	sed 's/^/# /' "$BATS_TEST_TMPDIR/out" >&3
	grep -qE "^seed $FUZZ_SEED: $some sequences, $some calls, $some bytes read, $some written$" \
		"$BATS_TEST_TMPDIR/out"
}
