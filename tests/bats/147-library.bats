#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# libdirtypages on a kernel with the file; tests/host/library.bats checks it without.

load lib

@test "each function of the library keeps its promises, also acknowledging and reset" {
	for kind in shared static asan; do
		run -0 "$BUILD/tools/check-$kind"
		[[ $output == *acknowledge*reset*reset-child* ]]
	done
}

@test "if the file cannot be restricted to a range, the library cuts its listing" {
	run -0 strace -f -o /dev/null -e trace=ioctl -e inject=ioctl:error=ENOTTY \
		"$BUILD/tools/check-shared" reading range acknowledge reset
	[[ $output == $'reading\nrange\nacknowledge\nreset' ]]
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
