#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Problems of a first try: one line names the problem, and the next call continues.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	. dev/lib.sh
	set +u +o pipefail # as bats has them
	unset KERNEL # the kernel is small_kernel's
	export BUILD=$BATS_TEST_TMPDIR/build
	mkdir -p "$BUILD"
}

teardown() {
	[[ -z ${reachable-} ]] || rm -r "$reachable"
	! mountpoint -q "$BUILD" || umount "$BUILD"
}

# small_kernel - make a tarball of only the files that the project edits, and a large one
small_kernel() {
	local own=$BATS_TEST_TMPDIR/linux
	mkdir -p "$own/fs/proc"
	cp -r "$kbuild/pristine/." "$own"
	touch "$own/Kbuild" "$own/fs/proc/task_mmu.c"
	head -n 5 "$tree/Makefile" >"$own/Makefile" # its version
	head -c 16M /dev/zero >"$own/large"
	KERNEL_SRC=$BATS_TEST_TMPDIR/small.tar.xz
	export KERNEL_SRC
	tar -C "$BATS_TEST_TMPDIR" -cJf "$KERNEL_SRC" linux
}

# These few files have no configuration: the next step, which fails.
goes_on() {
	run -1 dev/kernel tree
	[[ $output == *"unpacking $KERNEL_SRC"*"no configuration" ]]
	cmp "$BUILD/linux/fs/proc/task_dirty.c" fs/proc/task_dirty.c
	grep -q get_dirty_page "$BUILD/linux/mm/memory.c"
}

@test "a folder with a blank in its path is refused" {
	mkdir "$BATS_TEST_TMPDIR/a folder"
	cp Makefile "$BATS_TEST_TMPDIR/a folder"
	unset BUILD
	for target in help run test; do
		run -2 make -C "$BATS_TEST_TMPDIR/a folder" "$target"
		[[ $output == *"cannot use a path with a blank"* ]]
		run -2 make BUILD="$BATS_TEST_TMPDIR/a folder" "$target"
		[[ $output == *"cannot use a path with a blank"* ]]
	done
}

@test "without root and sudo, setup prints one line to run" {
	local as=()
	((EUID)) || as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	reachable=$(mktemp -d) # accessible to other users
	chmod a+rx "$reachable"
	cp dev/setup dev/lib.sh "$reachable"
	# For dpkg, nothing is installed.
	run -1 env -u BUILD DPKG_ADMINDIR=/nonexistent PATH=/usr/bin:/bin "${as[@]}" "$reachable/setup" guest
	[[ ${#lines[@]} == 1 ]]
	[[ $output == "setup: run this as root, then repeat your command: apt-get update && apt-get install -y "*qemu* ]]
}

@test "without network, setup says so, and can be repeated" {
	mkdir -p "$BATS_TEST_TMPDIR/lists/partial"
	touch "$BATS_TEST_TMPDIR/status"
	cat >"$BATS_TEST_TMPDIR/apt.conf" <<-END
		Acquire::http::Proxy "http://127.0.0.1:9";
		Acquire::https::Proxy "http://127.0.0.1:9";
		Dir::State::Lists "$BATS_TEST_TMPDIR/lists";
		Dir::State::status "$BATS_TEST_TMPDIR/status";
	END
	run -1 env APT_CONFIG="$BATS_TEST_TMPDIR/apt.conf" DPKG_ADMINDIR=/nonexistent dev/setup stress
	[[ $output == *"setup: installation failed for the reason above; fix that, then run the same command to continue" ]]
}

@test "a full disk is reported before and during unpacking, and unpacking can be repeated" {
	mount -t tmpfs -o size=1m tmpfs "$BUILD"
	truncate -s 100M "$BATS_TEST_TMPDIR/large.tar.xz"
	KERNEL_SRC=$BATS_TEST_TMPDIR/large.tar.xz run -1 dev/kernel tree
	[[ $output == "kernel: $BUILD has "*" MiB free, but the kernel needs 1400 MiB; free some space, or set BUILD=PATH" ]]

	small_kernel
	mount -o remount,size=8m "$BUILD"
	run -1 dev/kernel tree
	[[ $output == *"No space left on device"*"$KERNEL_SRC cannot be unpacked"* ]]
	mount -o remount,size=64m "$BUILD"
	goes_on
}

@test "unpacking that Ctrl-C has stopped can be repeated" {
	local never=$BATS_TEST_TMPDIR/never.tar
	mkfifo "$never"
	KERNEL_SRC=$never run -0 python3 - dev/kernel tree <<-'END'
		import os, signal, subprocess, sys, time
		kernel = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE, text=True, start_new_session=True,
		                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
		assert "unpacking" in kernel.stderr.readline()
		time.sleep(1)
		os.killpg(kernel.pid, signal.SIGINT)
		assert kernel.stderr.read() == "kernel: stopped; run the same command to continue\n"
		assert kernel.wait() == 130
	END
	[[ ! -e $BUILD/base ]]
	small_kernel
	goes_on
}

# bats test_tags=long
@test "a build that Ctrl-C has stopped goes on where it was" {
	local log=$BUILD/kernel-test.log
	run -0 python3 - "$log" dev/kernel build <<-'END'
		import os, signal, subprocess, sys, time
		def compiled():
		    return open(sys.argv[1]).read().count("\n  CC ") if os.path.exists(sys.argv[1]) else 0
		kernel = subprocess.Popen(sys.argv[2:], stderr=subprocess.PIPE, text=True, start_new_session=True,
		                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
		while compiled() < 100:
		    assert kernel.poll() is None
		    time.sleep(0.1)
		os.killpg(kernel.pid, signal.SIGINT)
		assert kernel.stderr.read().endswith("kernel: stopped; run the same command to continue\n")
		assert kernel.wait() == 130
	END
	grep '^  CC ' "$log" | head -n 90 >"$BATS_TEST_TMPDIR/before"
	[[ ! -e $BUILD/linux/build-test/vmlinux ]]
	run -0 dev/kernel build
	[[ -e $BUILD/linux/build-test/vmlinux ]]
	# Nothing is compiled twice.
	run -1 grep -xFf "$BATS_TEST_TMPDIR/before" "$log"
}
