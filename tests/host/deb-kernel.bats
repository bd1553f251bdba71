#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# make deb-kernel with a small tree in place of the kernel. Its build takes a moment.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	. dev/lib.sh
	set +u +o pipefail # as bats has them
	unset KERNEL
	export BUILD=$BATS_TEST_TMPDIR/build
	obj=$BUILD/linux/build-debian
	small_kernel
	export KERNEL_CONFIG=$BATS_TEST_TMPDIR/config.xz
	echo CONFIG_FROM=y | xz >"$KERNEL_CONFIG"
}

teardown() {
	! mountpoint -q "$BUILD" || umount "$BUILD"
}

# small_kernel - make a tree of the files that the project edits. Its build has 3
# objects. While there is a file named hold, it waits after the second, in a process
# that does not end with its parent.
small_kernel() {
	export KERNEL_SRC=$BATS_TEST_TMPDIR/small
	mkdir -p "$KERNEL_SRC/fs/proc"
	cp -r "$kbuild/pristine/." "$KERNEL_SRC"
	touch "$KERNEL_SRC/Kbuild" "$KERNEL_SRC/fs/proc/task_mmu.c"
	head -n 5 "$tree/Makefile" >"$KERNEL_SRC/Makefile" # its version
	cat >>"$KERNEL_SRC/Makefile" <<-'END'
		.RECIPEPREFIX = >
		alldefconfig:
		> cp $(KCONFIG_ALLCONFIG) $(O)/.config
		bindeb-pkg: $(O)/1.o $(O)/2.o $(O)/held $(O)/3.o
		> touch linux-image-1_1_amd64.deb linux-image-1.changes
		> touch linux-headers-1_1_amd64.deb linux-libc-dev_1_amd64.deb
		$(O)/held: $(O)/1.o $(O)/2.o
		$(O)/3.o: $(O)/held
		$(O)/held:
		> @while [ -e $(O)/../hold ]; do sleep 0.1; done & echo $$! >$(O)/waiting; wait
		$(O)/%.o:
		> @echo '  CC      $*.o'
		> @touch $@
	END
}

@test "the packages of image and headers are kept, and their folder is printed each time" {
	run -0 dev/kernel build debian
	[[ $output == *"to install this kernel: apt-get install $BUILD/deb-kernel/linux-image-*.deb, as root, and reboot"* ]]
	[[ ${lines[-1]} == "$BUILD/deb-kernel/linux-image-1_1_amd64.deb" ]]
	(cd "$BUILD/deb-kernel" && echo ./*) | grep -qx './linux-headers-1_1_amd64.deb ./linux-image-1_1_amd64.deb'
	[[ -z $(find "$BUILD/linux" -maxdepth 1 -name 'linux-*') ]]
	touch -r "$BUILD/deb-kernel" "$BATS_TEST_TMPDIR/before"
	run -0 dev/kernel build debian
	[[ ${lines[-1]} == "$BUILD/deb-kernel/linux-image-1_1_amd64.deb" ]]
	[[ ! $BUILD/deb-kernel -nt $BATS_TEST_TMPDIR/before ]]
	# It is built anew if the packages are gone, or the configuration is another one.
	rm -r "$BUILD/deb-kernel"
	dev/kernel build debian
	grep -qx CONFIG_FROM=y "$obj/.config"
	echo CONFIG_OTHER=y >"$BATS_TEST_TMPDIR/config"
	touch -d 2001-01-01 "$BATS_TEST_TMPDIR/config"
	KERNEL_CONFIG=$BATS_TEST_TMPDIR/config dev/kernel build debian
	grep -qx CONFIG_OTHER=y "$obj/.config"
	grep -qx CONFIG_PROC_DIRTY_PAGES=y "$obj/.config"
}

@test "Ctrl-C stops every process of the build, and the same command continues it" {
	dev/kernel tree debian
	touch "$BUILD/linux/hold"
	python3 - "$obj" dev/kernel build debian <<-'END'
		import os, signal, subprocess, sys, time
		kernel = subprocess.Popen(sys.argv[2:], stderr=subprocess.PIPE, text=True, start_new_session=True,
		                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
		waiting, compiled = sys.argv[1] + "/waiting", sys.argv[1] + "/compiled"
		def text(path):
		    try:
		        return open(path).read().strip()
		    except (FileNotFoundError, ProcessLookupError):
		        return ""
		while not text(waiting) or text(compiled) != "2":
		    time.sleep(0.1)
		os.killpg(kernel.pid, signal.SIGINT)
		said = kernel.stderr.read()
		assert said.endswith("kernel: stopped; run the same command to continue\n"), said
		assert kernel.wait() == 130
		# The compiler may die a moment later. Its parent is gone, so it may stay a zombie.
		def alive(pid):
		    stat = text("/proc/" + pid + "/stat")
		    return stat and ") Z " not in stat
		while alive(text(waiting)):
		    time.sleep(0.1)
	END
	[[ ! -e $BUILD/deb-kernel ]]
	rm "$BUILD/linux/hold"
	run -0 dev/kernel build debian
	grep -c '^  CC ' "$BUILD/kernel-debian.log" | grep -qx 1
	[[ -e $BUILD/deb-kernel/linux-image-1_1_amd64.deb ]]
}

@test "a failed build shows the errors, and the same command continues it" {
	dev/kernel tree debian
	mkdir "$obj/3.o.d"
	sed -i 's|^> @touch.*|> @test ! -e $@.d \|\| { echo "error: no luck"; exit 1; }\n&|' "$BUILD/linux/Makefile"
	run -1 dev/kernel build debian
	[[ $output == *"error: no luck"*"the build failed; the whole output is in $BUILD/kernel-debian.log" ]]
	rmdir "$obj/3.o.d"
	dev/kernel build debian
	[[ -e $BUILD/deb-kernel/linux-image-1_1_amd64.deb ]]
}

@test "a disk too small for the objects is reported before anything is compiled" {
	mkdir -p "$BUILD"
	mount -t tmpfs -o size=100m tmpfs "$BUILD"
	run -1 dev/kernel build debian
	[[ $output == *"$BUILD has "*" MiB free, but the kernel needs "*" MiB; free some space, or set BUILD=PATH" ]]
	[[ -z $(find "$BUILD" -name '*.o') ]]
}

@test "a missing configuration is named" {
	KERNEL_CONFIG=$BATS_TEST_TMPDIR/none run -1 dev/kernel build debian
	[[ $output == *"$BATS_TEST_TMPDIR/none cannot be read; KERNEL_CONFIG=FILE names another configuration" ]]
}

@test "debug info, and the keys and certificates of Debian, are taken from any configuration" {
	unset BUILD KERNEL_SRC
	cat >"$BATS_TEST_TMPDIR/preset" <<-'END'
		CONFIG_64BIT=y
		CONFIG_PROC_FS=y
		CONFIG_MODULES=y
		CONFIG_MODULE_SIG=y
		CONFIG_LOCALVERSION="-mine"
		CONFIG_DEBUG_KERNEL=y
		CONFIG_DEBUG_INFO_DWARF5=y
		CONFIG_SYSTEM_TRUSTED_KEYRING=y
		CONFIG_SYSTEM_TRUSTED_KEYS="debian/certs/debian-uefi-certs.pem"
		CONFIG_SYSTEM_BLACKLIST_KEYRING=y
		CONFIG_SYSTEM_REVOCATION_LIST=y
		CONFIG_SYSTEM_REVOCATION_KEYS="debian/certs/revoked.pem"
		CONFIG_MODULE_SIG_KEY="/etc/keys/key.pem"
	END
	cat kernel/configs/dirty_pages_debian.config >>"$BATS_TEST_TMPDIR/preset"
	make -s -C "$tree" O="$BATS_TEST_TMPDIR/obj" ARCH=x86_64 alldefconfig KCONFIG_ALLCONFIG="$BATS_TEST_TMPDIR/preset"
	for line in CONFIG_PROC_DIRTY_PAGES=y CONFIG_MEM_SOFT_DIRTY=y CONFIG_DEBUG_INFO_NONE=y \
		'CONFIG_LOCALVERSION="-dirty-pages"' CONFIG_MODULE_SIG_ALL=y \
		'CONFIG_MODULE_SIG_KEY="certs/signing_key.pem"' 'CONFIG_SYSTEM_TRUSTED_KEYS=""' \
		CONFIG_SYSTEM_REVOCATION_LIST=y 'CONFIG_SYSTEM_REVOCATION_KEYS=""'; do
		grep -qxF "$line" "$BATS_TEST_TMPDIR/obj/.config"
	done
	run ! grep -E '^CONFIG_DEBUG_INFO(_DWARF|_BTF|=)' "$BATS_TEST_TMPDIR/obj/.config"
}
