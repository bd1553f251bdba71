#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# 'make selftests' runs tests in two kernels and compares their results.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	out=$BATS_TEST_TMPDIR
	printf '%s\n' '# a comment' 'mm 60 0 ./tap -x' 'proc 60 8 ./uffd' 'mm 60 0 ./khugepaged' \
		'mm without cow no reason' >"$out/list"
	log >"$out/without"
	cp "$out/without" "$out/with"
}

# log - print the output of the guest
log() {
	cat <<-'END'
		selftests: begin mm ./tap -x
		TAP version 13
		1..5
		ok 1 reads at 0x7f0012340000
		not ok 2 writes
		ok 3 maps Extra pages 6 (0.0%), extra thread faults 173. # SKIP no room
		# [RUN] pins ... at once
		ok 4 writes
		ok 5 writes

		selftests: end 1 3 s
		selftests: begin proc ./uffd
		Testing move on anon... done
		Testing move on shmem... skipped [reason: no shmem]

		selftests: end 0 1 s
		selftests: begin mm ./khugepaged

		Run test: collapse_full (khugepaged:anon)
		Collapse table....^[[32mOK^[[0m

		selftests: end 0 2 s
		selftests: begin the kernel
		selftests: end 0
	END
}

# change SED-COMMAND - change the results of the kernel with the project
change() {
	sed -i "$1" "$out/with"
	! cmp -s "$out/without" "$out/with"
}

compared() {
	dev/selftests compare "$out/list" "$@"
}

@test "equal results are shown side by side, and do not differ" {
	# Addresses and counts vary between runs.
	change 's/0x7f0012340000/0x7fab/; s/pages 6/pages 7/'
	run -0 compared "$out/without" "$out/with"
	grep -qE '^mm \./tap -x +3 ok, 1 skip, 1 not ok, exit 1 +3 ok, 1 skip, 1 not ok, exit 1$' <<<"$output"
	grep -qE '^proc \./uffd +1 ok, 1 skip +1 ok, 1 skip$' <<<"$output"
	grep -qE '^mm \./khugepaged +1 ok +1 ok$' <<<"$output"
	[[ ${lines[-1]} == "3 tests, 12 results, 0 differ" ]]
}

@test "a result that differs is named, and sets the exit status" {
	change 's/^ok 5 writes/not &/'
	run -1 compared "$out/without" "$out/with"
	grep -qE '^! +pins \.\.\. at once: writes \(2\) +ok +not ok$' <<<"$output"
	[[ ${lines[-1]} == "3 tests, 12 results, 1 differ" ]]
	run -1 compared -v names=1 "$out/without" "$out/with"
	[[ $output == "mm ./tap -x" ]]
}

@test "a difference in any kind of result is found" {
	local command
	for command in 's/# SKIP no room//' 's/on anon... done/on anon... failed/' \
		's/32mOK/31mFail/' 's/^selftests: end 0 1 s/selftests: end 4 1 s/' '/^ok 1 /d' \
		'$s/0$/125/'; do
		log >"$out/with"
		change "$command"
		run -1 compared "$out/without" "$out/with"
		[[ ${lines[-1]} == *", 1 differ" ]]
	done
}

@test "only a difference in each run counts" {
	change 's/^not ok 2/ok 2/'
	run -1 compared "$out/without" "$out/with" "$out/without" "$out/with" "$out/without" "$out/with"
	[[ ${lines[-1]} == "3 tests, 12 results, 1 differ in each of 3 runs" ]]
	run -0 compared "$out/without" "$out/with" "$out/without" "$out/without" "$out/without" "$out/with"
	[[ ${lines[-1]} == *" 0 differ in each of 3 runs" ]]
}

@test "results that vary in both kernels are no difference" {
	change 's/^not ok 2/ok 2/; s/^selftests: end 1 /selftests: end 0 /'
	run -0 compared "$out/without" "$out/with" "$out/with" "$out/without"
	[[ ${lines[-1]} == *" 0 differ in each of 2 runs" ]]
	# A test without an end is not taken for one that varies.
	sed -i 's/^selftests: end [01] 3 s/selftests: end 124 60 s/' "$out/with"
	run -1 compared "$out/without" "$out/with" "$out/with" "$out/with"
	[[ ${lines[-1]} == *" 1 differ in each of 2 runs" ]]
}

@test "a test that does not end counts, even if in both kernels" {
	sed -i 's/^selftests: end 0 2 s/selftests: end 124 60 s/' "$out/without" "$out/with"
	run -1 compared "$out/without" "$out/with"
	grep -qE '^! +exit status +none +none$' <<<"$output"
	# A test that did not begin, and the end of the kernel
	sed -i '/^selftests: begin proc/,/^selftests: end/d; /^selftests: end 1/d' "$out/without" "$out/with"
	run -1 compared -v names=1 "$out/without" "$out/with"
	[[ $output == "mm ./tap -x
proc ./uffd
mm ./khugepaged" ]]
}

# Make a project of two tests, with a kernel source that builds them, and a guest that
# prints the file KERNEL.N in its Nth run if there is one. asked.KERNEL lists the tests
# that it was asked to run.
project() {
	local folder
	mkdir -p "$out"/project/{dev,tests} "$out/project/build/plain"
	cp dev/selftests dev/lib.sh "$out/project/dev"
	cp -r tests/selftests "$out/project/tests"
	cd "$out/project" || return
	printf '%s\n' 'VERSION = 6' 'PATCHLEVEL = 12' 'headers:' >build/plain/Makefile
	mkdir -p stable/6.12
	for folder in mm proc; do
		mkdir -p "build/plain/tools/testing/selftests/$folder"
		printf 'all:\n\ttouch $(OUTPUT)/%s-test\n' $folder >"build/plain/tools/testing/selftests/$folder/Makefile"
	done
	printf '%s\n' 'mm 60 0 ./mm-test' 'proc 60 0 ./proc-test' >tests/selftests/list
	cat >dev/guest <<-'END'
		#!/bin/bash
		n=$(($(cat "asked.$GUEST_KERNEL" 2>/dev/null | wc -l) + 1))
		cut -d' ' -f4 "${@: -1}" | paste -sd' ' >>"asked.$GUEST_KERNEL"
		while read -r folder _ _ command; do
			printf 'selftests: begin %s %s\n' "$folder" "$command"
			[[ ! -e $GUEST_KERNEL.$n || $folder != mm ]] || cat "$GUEST_KERNEL.$n"
			printf 'selftests: end 0 1 s\n'
		done <"${@: -1}"
	END
	chmod +x dev/guest
	unset BUILD KERNEL
}

@test "only tests that differ are run again, twice, before the run fails" {
	project
	printf 'ok 1 a\nok 2 b\n' | tee plain.1 plain.2 >plain.3
	printf 'ok 1 a\nnot ok 2 b\n' | tee test.1 test.2 >test.3
	run -1 dev/selftests
	[[ ${lines[-1]} == "2 tests, 5 results, 1 differ in each of 3 runs" ]]
	[[ $(<asked.test) == $'./mm-test ./proc-test\n./mm-test\n./mm-test' ]]
	cmp asked.test asked.plain
}

@test "a difference only in the first run passes" {
	project
	echo 'ok 1 a' | tee plain.1 plain.2 >test.2
	echo 'not ok 1 a' >test.1
	run -0 dev/selftests
	[[ ${lines[-1]} == "2 tests, 4 results, 0 differ in each of 2 runs" ]]
	[[ $(wc -l <asked.test) == 2 ]]
}

@test "one test can be chosen" {
	project
	run -0 dev/selftests proc-
	[[ $(<asked.test) == ./proc-test ]]
	run -1 dev/selftests nothing
	[[ $output == *"no test in tests/selftests/list matches 'nothing'" ]]
}

@test "a program that is neither run nor excluded is an error" {
	project
	sed -i /proc/d tests/selftests/list
	run -1 dev/selftests
	[[ $output == *"< proc/proc-test"* && ! -e asked.plain ]]
	echo 'proc without proc-test no reason' >>tests/selftests/list
	run -0 dev/selftests
	[[ $(<asked.test) == ./mm-test ]]
}

@test "a line may be for one version of the kernel" {
	project
	sed -i 's/^mm /mm:6.12 /; s/^proc /proc:7.3 /' tests/selftests/list
	run -1 dev/selftests
	[[ $output == *"< proc/proc-test"* && $output != *mm-test* ]]
	echo 'proc:6.12 60 0 ./proc-test -x' >>tests/selftests/list
	run -0 dev/selftests
	[[ $(<asked.test) == "./mm-test ./proc-test" ]]
	# A kernel that has no folder in stable/ has the tests of mainline.
	sed -i 's/= 12/= 0/; s/= 6/= 8/' build/plain/Makefile
	sed -i 's/^mm:6.12 /mm /' tests/selftests/list
	run -0 dev/selftests
	[[ $(tail -n 1 asked.test) == "./mm-test ./proc-test" ]]
}
