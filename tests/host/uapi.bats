#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The kernel's header for user space, as 'make headers_install' exports it.

setup() {
	bats_require_minimum_version 1.5.0
	. "$BATS_TEST_DIRNAME/../../dev/lib.sh"
	set +u +o pipefail # as bats has them
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p scripts linux
	gcc -o scripts/unifdef "$tree/scripts/unifdef.c"
	sh "$tree/scripts/headers_install.sh" "$tree/include/uapi/linux/dirty_pages.h" linux/dirty_pages.h
}

# compiles COMMAND... - compile a program that includes only that header, and fails to
# compile if the layout of the struct differs
compiles() {
	printf '%s\n' '#include <linux/dirty_pages.h>' \
		'#define IS(expression, value) extern char is[(expression) == (value) ? 1 : -1]' \
		'IS(sizeof(struct dirty_pages_range), 32);' \
		'IS(DIRTY_PAGES_RANGE_SIZE_VER0, 32);' \
		'IS(__builtin_offsetof(struct dirty_pages_range, size), 0);' \
		'IS(__builtin_offsetof(struct dirty_pages_range, flags), 8);' \
		'IS(__builtin_offsetof(struct dirty_pages_range, start), 16);' \
		'IS(__builtin_offsetof(struct dirty_pages_range, end), 24);' \
		'IS(DIRTY_PAGES_RANGE, 0x40206612);' |
		"$@" -fsyntax-only -Wall -Wextra -Werror -I. -idirafter "/usr/include/$(uname -m)-linux-gnu" -
}

@test "the header is self-contained, and the struct is the same for 32-bit and 64-bit programs" {
	local bits
	for bits in 32 64; do
		compiles gcc -m$bits -std=c99 -x c
		compiles gcc -m$bits -std=gnu17 -x c
	done
}

@test "the header has no kernel-internal words" {
	grep -q 'WITH Linux-syscall-note' linux/dirty_pages.h
	grep -q '_IOW' linux/dirty_pages.h
	run ! grep -nE '_UAPI|__KERNEL__|__user|CONFIG_' linux/dirty_pages.h
}
