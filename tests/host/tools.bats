#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The tools on the kernel of this machine, with any features, and their memory use.

setup_file() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	make -s -C tools/dirtycat OUTPUT="$BATS_FILE_TMPDIR/checked" \
		CFLAGS="-O1 -g -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover=all"
}

setup() {
	PATH=$BATS_FILE_TMPDIR/checked:$PATH
}

@test "dirtycat frees all its memory, and accesses none out of bounds" {
	dirtycat --text $$ >"$BATS_TEST_TMPDIR/kept"
	for arguments in "--input KEPT" "--diff KEPT --input KEPT" "--diff KEPT $$" "--text --input KEPT" \
		"--map --input KEPT" "--record RECORDED -c 2 -d 0 $$" "--map --input RECORDED" "--openmetrics --output-file KEPT -C bash --input RECORDED" \
		"--summary=only --sort -GROWTH --name ^ba --input RECORDED" "--plot PLOT.svg --heatmap PLOT.tsv --input RECORDED" "--by-mapping $$" "--backend=pagemap $$" "-C bash" \
		"--name ^bash --full bash --user 0 --cgroup / $$" "--color=always --sort -DIRTY --top 1 --total $$" \
		"--summary --sort ARGS -o USER,CGROUP,ARGS,DELTA -c 2 -d 0 $$" "--json=lines -c 2 -d 0 $$" \
		"--json $$" "--openmetrics $$ $PPID" "--openmetrics --labels user,cgroup,comm $$ $PPID" "--summary=only -c 3 -d 0 $$" "--output-file KEPT --text $$"; do
		arguments=${arguments//KEPT/$BATS_TEST_TMPDIR/kept}
		arguments=${arguments//PLOT/$BATS_TEST_TMPDIR/plot}
		# shellcheck disable=SC2086  # several words
		run -0 dirtycat ${arguments//RECORDED/$BATS_TEST_TMPDIR/recorded}
	done
	printf '100-ffffffffffffffff apd?-??\n' >"$BATS_TEST_TMPDIR/kept"
	run -6 dirtycat --map --input "$BATS_TEST_TMPDIR/kept"
	[[ $output == *"line 1: an address is not aligned to a page"* ]]
}

@test "dirtycat shows written pages exactly if this kernel tracks writes" {
	run -0 dirtycat --raw -n --summary=only -o WRITTEN $$
	if grep -q '^VmFlags:.* sd' /proc/self/smaps; then
		[[ $output != "?" ]]
	else
		[[ $output == "?" ]]
	fi
}
