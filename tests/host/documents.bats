#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# 'make help' and the README are correct.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
}

@test "make help names every target, and nothing else" {
	make help | grep -oE '^ [* ] *make [a-z-]+' | grep -oE '[a-z-]+$' | sort -u >"$BATS_TEST_TMPDIR/helped"
	make -qp | sed -n 's/^\.PHONY: //p' | tr ' ' '\n' | grep -vx help | sort -u |
		diff "$BATS_TEST_TMPDIR/helped" -
}

@test "the README's commands are targets" {
	local target
	grep -ohE '\bmake [a-z-]+' README.md | grep -oE '[a-z-]+$' | sort -u >"$BATS_TEST_TMPDIR/targets"
	while read -r target; do
		make -n "$target" KERNEL_SRC=/nowhere >/dev/null
	done <"$BATS_TEST_TMPDIR/targets"
}

@test "the files and folders that the README names exist" {
	local file
	for file in $(grep -oE '^\| .* \|' README.md | cut -d'|' -f2 | grep -oE '`[^` ]+`' | tr -d '`'); do
		[[ -e $file ]] || {
			echo "$file"
			return 1
		}
	done
}
