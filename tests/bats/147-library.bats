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

@test "the Python module acknowledges and resets" {
	LD_LIBRARY_PATH=$BUILD/tools PYTHONPATH=tools/lib/python PYTHONDONTWRITEBYTECODE=1 \
		run -0 python3 -W error tests/library/test_dirtypages.py
	[[ $output == *OK* && $output != *skipped* ]]
}

@test "the examples of the library's manuals acknowledge and reset" {
	run -0 "$BUILD/tools/examples/dirtypages_read-1"
	[[ $output =~ ^[1-9][0-9]*\ bytes\ copied$ ]]
	run -0 "$BUILD/tools/examples/dirtypages_acknowledge-1"
	[[ $output == "$(printf 'ready: 4096 bytes reset\n%.0s' 1 2 3)" ]]
	run -0 "$BUILD/tools/examples/dirtypages_acknowledge-2"
	[[ $output == $'256 pages\n2 pages' ]]
	run -0 "$BUILD/tools/examples/dirtypages_open-1"
	[[ $output == $'dirty_pages\npagemap-scan\npagemap\npages can be acknowledged' ]]
}
