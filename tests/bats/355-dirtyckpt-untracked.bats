#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2030,SC2031  # each test is a subshell
# dirtyckpt where /proc/<pid>/dirty_pages does not exist, and images that were saved
# both with it and without it.

load lib
load dirtyckpt

# untracked COMMAND [OPERAND]... - run dirtyckpt as on a kernel without the file, which
# it opens by this path
untracked() {
	strace -q -o calls -e trace=openat -e inject=openat:error=ENOENT -P "task/$pid/dirty_pages" \
		dirtyckpt "$@"
}

@test "without the file, save --stop, verify and restore work by contents" {
	tell map anon 400
	tell advise nohugepage
	tell write 0 200
	stop "$pid"
	run -4 untracked save "$pid" image
	[[ $output == *"CONFIG_PROC_DIRTY_PAGES"* ]]
	untracked save --stop "$pid" image
	grep -q 'dirty_pages.*ENOENT.*INJECTED' calls
	[[ ! -e $(lock_name) ]]
	matches
	untracked verify "$pid" image
	go_on "$pid"
	tell write 50 20 7
	tell write 300 10 7
	stop "$pid"
	run -0 untracked save --stop "$pid" image
	[[ $output == *"all pages were read and compared"* ]]
	(($(column stored 2) >= 30 && $(column stored 2) < 60))
	matches
	run -7 untracked verify "$pid" image@1
	untracked restore "$pid" image@1
	matches image@1
	untracked restore "$pid" image@2
	untracked verify "$pid" image@2
	matches image@2
}

@test "an image can be saved with and without the file, and no write is lost" {
	tell map anon 400
	tell write 0 100
	stop "$pid"
	save --stop
	go_on "$pid"
	tell write 10 5 7
	stop "$pid"
	untracked save --stop "$pid" image
	[[ $(column whole 2) == false ]]
	matches
	go_on "$pid"
	tell write 20 5 7
	stop "$pid"
	# Generation 2 acknowledged nothing, which the next save does not know.
	run -0 dirtyckpt save --stop "$pid" image
	[[ $output == *"starting over with all pages"* ]]
	matches
	run -7 dirtyckpt verify "$pid" image@2
	go_on "$pid"
	tell write 30 5 7
	stop "$pid"
	save --stop
	(($(column stored 4) < 30))
	matches
	run -0 dirtyckpt restore "$pid" image@2
	matches image@2
}

@test "without the file, lazily freed pages are restored for good" {
	tell map anon 400
	tell advise nohugepage
	tell write
	stop "$pid"
	untracked save --stop "$pid" image
	go_on "$pid"
	tell advise free 100 200
	stop "$pid"
	run -0 grep LazyFree "/proc/$pid/smaps_rollup"
	[[ $output != *" 0 kB" ]]
	untracked restore "$pid" image
	run -0 grep LazyFree "/proc/$pid/smaps_rollup"
	[[ $output == *" 0 kB" ]]
	matches
}
