#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Random system calls on the file, of processes that stop, exec, die and leave
# their pid to another. See tests/memstate/fuzzfile.c. For longer:
#
#	make run CMD='FUZZ_SECONDS=3600 FUZZ_SEED=7 bats tests/bats/290-fuzz.bats'

load lib

: "${FUZZ_SECONDS:=12}"
: "${FUZZ_SEED:=1}"

setup() {
	pid=
}

@test "random system calls get documented answers, and harm nobody" {
	TIMEOUT=$((FUZZ_SECONDS + TIMEOUT * 4))
	timeout "$TIMEOUT" fuzzfile "$FUZZ_SEED" "$FUZZ_SECONDS" >"$BATS_TEST_TMPDIR/out"
	sed 's/^/# /' "$BATS_TEST_TMPDIR/out" >&3
	grep -qE "^seed $FUZZ_SEED: [1-9][0-9]* sequences, [1-9][0-9]* calls$" "$BATS_TEST_TMPDIR/out"
}
