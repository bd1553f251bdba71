#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# libdirtypages with the file; tests/host/library.bats has what needs no file.

load lib

@test "each function of the library does what it promises, also acknowledging and reset" {
	for kind in shared static asan; do
		run -0 "$BUILD/tools/check-$kind"
		[[ $output == *acknowledge*reset*reset-child* ]]
	done
}
