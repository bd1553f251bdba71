#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# libdirtypages on the kernel of this machine; 147-library.bats does the same in a
# kernel with the file.

setup_file() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	unset MAKEFLAGS MAKELEVEL
	make -s -C tests/library OUTPUT="$BATS_FILE_TMPDIR"
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	built=$BATS_FILE_TMPDIR
}

# exported LIBRARY - print its dynamic symbols, as in the list of the package
exported() {
	nm -D --defined-only "$1" | awk '{ sub("@@", "@", $3); print $3 ~ /@/ ? $3 : $3 "@" $3 }' | LC_ALL=C sort
}

@test "each function of the library keeps its promises, with the shared and the static library" {
	"$built/check-shared"
	"$built/check-static"
	run -0 ldd "$built/check-shared"
	[[ $output == *"libdirtypages.so.0 => $built/libdirtypages.so.0"* ]]
	run -0 ldd "$built/check-static"
	[[ $output != *libdirtypages* ]]
}

@test "the library has no memory error, leak or undefined behaviour" {
	"$built/check-asan"
}

@test "threads that use different objects do not race" {
	"$built/check-tsan"
}

@test "the library exports the stored symbols, and no others" {
	diff <(exported "$built/libdirtypages.so.0") <(awk '/^ / { print $1 }' debian/libdirtypages0.symbols | LC_ALL=C sort)
	[[ $(readelf -d "$built/libdirtypages.so.0") == *"SONAME"*"[libdirtypages.so.0]"* ]]
	# The static library adds no other name to a program.
	diff <(nm -g --defined-only "$built/libdirtypages.a" | awk 'NF == 3 { print $3 }' | LC_ALL=C sort) \
		<(exported "$built/libdirtypages.so.0" | sed '/^LIB/d; s/@.*//')
}

@test "the header declares the exported functions as they were released" {
	diff <(grep -oE '\bdirtypages_[a-z_]+\(' tests/library/abi-0.h | tr -d '(' | grep -v range_fn | LC_ALL=C sort -u) \
		<(exported "$built/libdirtypages.so.0" | sed '/^LIB/d; s/@.*//')
	printf '#include <dirtypages.h>\n#include "abi-0.h"\n' >"$BATS_TEST_TMPDIR/abi.c"
	gcc -std=gnu11 -fsyntax-only -Wall -Wextra -Werror -Itools/lib/dirtypages -Itests/library "$BATS_TEST_TMPDIR/abi.c"
}

@test "the header is for C99 and later, and for C++, alone and without warnings" {
	local std
	for std in c99 gnu99 c11 gnu17; do
		gcc -std=$std -fsyntax-only -Wall -Wextra -Wpedantic -Werror -include dirtypages.h -Itools/lib/dirtypages -xc /dev/null
	done
	for std in c++11 c++17 c++20; do
		g++ -std=$std -fsyntax-only -Wall -Wextra -Wpedantic -Werror -include dirtypages.h -Itools/lib/dirtypages -xc++ /dev/null
	done
	# C++ programs find the same names.
	cat >"$BATS_TEST_TMPDIR/user.cc" <<-'END'
		#include <dirtypages.h>

		int main()
		{
			struct dirtypages *pages;
			uint64_t bytes = 0;

			if (dirtypages_open(&pages, 0, DIRTYPAGES_AUTO, 0))
				return 1;
			int error = dirtypages_sum(pages, DIRTYPAGES_ANONYMOUS | DIRTYPAGES_PRESENT, 0, &bytes, nullptr);
			dirtypages_close(pages);
			return error || !bytes || dirtypages_sum_text(-1, 0, 0, &bytes) != -EBADF;
		}
	END
	g++ -Wall -Wextra -Werror -Itools/lib/dirtypages -o "$BATS_TEST_TMPDIR/user" "$BATS_TEST_TMPDIR/user.cc" "$built/libdirtypages.a"
	"$BATS_TEST_TMPDIR/user"
}

@test "the examples of the manuals work" {
	local example status
	for example in "$built"/examples/*[0-9]; do
		status=0
		"$example" <<<"1000-2000 as-x---" >"$BATS_TEST_TMPDIR/output" || status=$?
		# Some end with 77 if the kernel does not have the file.
		[[ $status == 0 || ($status == 77 && ! -e /proc/self/dirty_pages) ]]
	done
	run -0 "$built/examples/libdirtypages-1"
	[[ $output =~ ^[1-9][0-9]*\ bytes,\ [1-9][0-9]*\ exclusive ]]
	run -0 "$built/examples/dirtypages_read-2"
	[[ $output == "40960 bytes" ]]
	run -0 "$built/examples/dirtypages_process_open-1"
	[[ $output == *"lives: 0" ]]
	run -0 "$built/examples/dirtypages_listing_new-1" <<<$'1000-2000 as-x---\n2000-3000 apdx---'
	[[ $output == "1000 2000 as-x---" ]]
	run -1 "$built/examples/dirtypages_listing_new-1" <<<"1000-2000"
	[[ $output == "line 1: not 'START-END FLAGS'" ]]
	run -0 "$built/examples/dirtypages_maps_read-1"
	[[ $output == *"[stack]"* ]]
}

@test "pid 0 is the caller, also where /proc belongs to another PID namespace" {
	cat >"$BATS_TEST_TMPDIR/own.c" <<-'END'
		#include <dirtypages.h>
		#include <stdio.h>

		int main(void)
		{
			struct dirtypages_process *process;

			if (dirtypages_process_open(&process, 0))
				return 1;
			printf("%d is %s\n", getpid(), dirtypages_process_comm(process));
			dirtypages_process_close(process);
			return 0;
		}
	END
	gcc -Wall -Werror -Itools/lib/dirtypages -o "$BATS_TEST_TMPDIR/own" "$BATS_TEST_TMPDIR/own.c" "$built/libdirtypages.a"
	run -0 unshare --pid --fork "$BATS_TEST_TMPDIR/own"
	[[ $output == "1 is own" ]]
}

@test "the Python module reads, adds up and tracks, and reports errors" {
	LD_LIBRARY_PATH=$built PYTHONPATH=tools/lib/python PYTHONDONTWRITEBYTECODE=1 \
		python3 -W error tests/library/test_dirtypages.py
}

@test "the Python module describes all that it exports" {
	LD_LIBRARY_PATH=$built PYTHONPATH=tools/lib/python PYTHONDONTWRITEBYTECODE=1 python3 -W error -c '
import dirtypages, typing
for name in dirtypages.__all__:
    thing = getattr(dirtypages, name)
    assert thing.__doc__, name
    for method in vars(thing):
        if callable(getattr(thing, method)) and not method.startswith("_"):
            assert typing.get_type_hints(getattr(thing, method)), (name, method)
            assert getattr(thing, method).__doc__, (name, method)'
}

@test "the library neither prints nor exits, and has no writable data" {
	run -0 nm -D --undefined-only "$built/libdirtypages.so.0"
	run ! grep -wE 'exit|_exit|abort|printf|puts|fwrite|perror|std(err|out)|signal|sigaction' <<<"${output//@/ }"
	run -0 objdump -t "$built"/dirtypages-*.o
	[[ $output == *dirtypages_open* ]]
	run ! grep -E '(O \.(data|bss)|\*COM\*)[[:space:]]' <<<"$output"
}
