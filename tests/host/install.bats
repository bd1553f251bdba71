#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The installed tools, on the kernel of this machine.

setup() {
	bats_require_minimum_version 1.5.0
	cd "$BATS_TEST_DIRNAME/../.." || return
	# Variables of the outer make must not reach the make in the tests.
	unset MAKEFLAGS MAKELEVEL
	make -s install DESTDIR="$BATS_TEST_TMPDIR" PREFIX=/usr
	PATH=$BATS_TEST_TMPDIR/usr/bin:$PATH
}

@test "make install installs programs, the library and its module, manuals, completion and units, and nothing else" {
	(cd "$BATS_TEST_TMPDIR" && find usr -type f | sort) | diff - <(printf '%s\n' \
		usr/bin/dirtycat \
		usr/bin/dirtyckpt \
		usr/include/dirtypages.h \
		usr/lib/libdirtypages.a \
		usr/lib/libdirtypages.so.0.1.0 \
		usr/lib/pkgconfig/dirtypages.pc \
		usr/lib/python3/dist-packages/dirtypages.py \
		usr/lib/systemd/system/dirtycat.service \
		usr/lib/systemd/system/dirtycat.timer \
		usr/share/bash-completion/completions/dirtycat \
		usr/share/bash-completion/completions/dirtyckpt \
		usr/share/doc/dirtycat/alerts.yml \
		usr/share/man/man1/dirtycat.1 \
		usr/share/man/man1/dirtyckpt.1 \
		usr/share/man/man3/dirtypages_acknowledge.3 \
		usr/share/man/man3/dirtypages_listing_new.3 \
		usr/share/man/man3/dirtypages_maps_read.3 \
		usr/share/man/man3/dirtypages_open.3 \
		usr/share/man/man3/dirtypages_process_open.3 \
		usr/share/man/man3/dirtypages_read.3 \
		usr/share/man/man3/dirtypages_track.3 \
		usr/share/man/man3/libdirtypages.3 \
		usr/share/man/man5/dirtycat-record.5 \
		usr/share/man/man5/proc_pid_dirty_pages.5)
	[[ $(stat -c %a "$BATS_TEST_TMPDIR/usr/bin/dirtycat") == 755 ]]
	[[ $(type -P dirtycat) == "$BATS_TEST_TMPDIR/usr/bin/dirtycat" ]]
	# The unit names the final path, without DESTDIR.
	grep -q '^ExecStart=/usr/bin/dirtycat ' "$BATS_TEST_TMPDIR/usr/lib/systemd/system/dirtycat.service"
}

@test "a program is built with the installed library, by pkg-config, and each function has a manual" {
	local function
	export PKG_CONFIG_PATH=$BATS_TEST_TMPDIR/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$BATS_TEST_TMPDIR
	export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
	[[ $(pkg-config --modversion dirtypages) == "$(dirtycat --version | cut -d' ' -f2)" ]]
	# shellcheck disable=SC2046  # several words
	tests/library/examples "$BATS_TEST_TMPDIR/examples" $(pkg-config --cflags --libs dirtypages)
	LD_LIBRARY_PATH=$BATS_TEST_TMPDIR/usr/lib "$BATS_TEST_TMPDIR/examples/libdirtypages-1"
	for function in $(grep -oE '\bdirtypages_[a-z_]+' debian/libdirtypages0.symbols | sort -u) dirtypages_sum_text; do
		run -0 grep "$function *(" "$BATS_TEST_TMPDIR/usr/share/man/man3/$function.3"
	done
	diff <(grep -oE '\bdirtypages_[a-z_]+' debian/libdirtypages0.symbols | sort -u) \
		<(find "$BATS_TEST_TMPDIR/usr/share/man/man3" -name '*.3' -printf '%f\n' | sed 's/\.3$//' | grep -vx -e libdirtypages -e dirtypages_sum_text | sort -u)
}

@test "make install installs to /usr/local by default" {
	run -0 make -n install DESTDIR=/nowhere
	make -s install DESTDIR="$BATS_TEST_TMPDIR/default"
	[[ -x $BATS_TEST_TMPDIR/default/usr/local/bin/dirtycat ]]
	[[ -x $BATS_TEST_TMPDIR/default/usr/local/bin/dirtyckpt ]]
	compgen -G "$BATS_TEST_TMPDIR/default/usr/local/lib/python3.*/dist-packages/dirtypages.py"
}

@test "the installed Python module uses the installed library, and make uninstall removes its compiled copy" {
	run -0 env -u PYTHONDONTWRITEBYTECODE -u PYTHONPYCACHEPREFIX \
		PYTHONPATH="$BATS_TEST_TMPDIR/usr/lib/python3/dist-packages" \
		LD_LIBRARY_PATH="$BATS_TEST_TMPDIR/usr/lib" /usr/bin/python3 -c '
import dirtypages
with dirtypages.Pages() as pages:
    assert pages.sum().bytes > 0
    print(dirtypages.__file__)'
	[[ $output == "$BATS_TEST_TMPDIR"/* ]]
	[[ -e $BATS_TEST_TMPDIR/usr/lib/python3/dist-packages/__pycache__ ]]
	make -s uninstall DESTDIR="$BATS_TEST_TMPDIR" PREFIX=/usr
	[[ -z $(find "$BATS_TEST_TMPDIR/usr" ! -type d) ]]
}

@test "make uninstall removes the files of make install, and nothing else" {
	mine=$BATS_TEST_TMPDIR/usr/share/man/man1/mine.1
	echo >"$mine"
	make -s uninstall DESTDIR="$BATS_TEST_TMPDIR" PREFIX=/usr
	[[ $(find "$BATS_TEST_TMPDIR/usr" ! -type d) == "$mine" ]]
	# The default prefix is that of make install. A second uninstall is no error.
	make -s install DESTDIR="$BATS_TEST_TMPDIR/default"
	make -s uninstall DESTDIR="$BATS_TEST_TMPDIR/default"
	make -s uninstall DESTDIR="$BATS_TEST_TMPDIR/default"
	[[ -z $(find "$BATS_TEST_TMPDIR/default" ! -type d) ]]
}

@test "each part builds into a folder that make creates" {
	cp -r tools tests include "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || return
	for part in tools/dirtycat tools/dirtyckpt tools/lib/common tools/lib/dirtypages tests/library tests/memstate tests/programs; do
		make -s -C "$part" OUTPUT=new/
		[[ -n $(find "$part/new" -type f) ]]
		make -s -C "$part" OUTPUT=new/ clean
		[[ -z $(find "$part/new" -type f) ]]
	done
}

@test "each tool builds on its own, in its folder" {
	# They need the kernel header in include.
	cp -r tools include "$BATS_TEST_TMPDIR"
	for tool in dirtycat dirtyckpt; do
		make -s -C "$BATS_TEST_TMPDIR/tools/$tool"
		"$BATS_TEST_TMPDIR/tools/$tool/$tool" --version
		make -s -C "$BATS_TEST_TMPDIR/tools/$tool" clean
	done
	diff -r tools "$BATS_TEST_TMPDIR/tools"
}

@test "on a kernel without dirty_pages, dirtycat shows the pages that python3 has written" {
	python3 -c '
import mmap, time
m = mmap.mmap(-1, 4096 * 1000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
m.madvise(mmap.MADV_NOHUGEPAGE)
m[0] = 0
for page in range(100, 300): m[page * 4096] = 1
import ctypes
print("%x" % ctypes.addressof(ctypes.c_char.from_buffer(m)), flush=True)
time.sleep(600)' >"$BATS_TEST_TMPDIR/address" 3>&- &
	python=$!
	until [[ -s $BATS_TEST_TMPDIR/address ]]; do sleep 0.1; done
	start=$(<"$BATS_TEST_TMPDIR/address")
	range=$(printf '%x,%x' $((16#$start)) $((16#$start + 4096 * 1000)))
	run -0 dirtycat --raw --noheadings -o PAGES -A "$range" $python
	[[ $output == 1$'\n'200 ]]
	run -0 dirtycat --summary --json -A "$range" --backend=pagemap $python
	[[ $output == *'"dirty": 823296'* ]]
	{ kill -KILL $python && wait $python || true; } 2>/dev/null
}

@test "on a kernel without dirty_pages, dirtyckpt names the required kernel option" {
	[[ ! -e /proc/self/dirty_pages ]] || skip "this kernel has the file"
	sleep 1000 3>&- &
	run -4 dirtyckpt save $! "$BATS_TEST_TMPDIR/image"
	kill -KILL $!
	[[ $output == *CONFIG_PROC_DIRTY_PAGES* ]]
	[[ ! -e $BATS_TEST_TMPDIR/image ]]
}

@test "completion offers commands, and the options of each command" {
	# shellcheck source=/dev/null
	. /usr/share/bash-completion/bash_completion
	# shellcheck source=/dev/null
	. "$BATS_TEST_TMPDIR/usr/share/bash-completion/completions/dirtyckpt"
	complete_words() {
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		COMP_LINE="$*"
		COMP_POINT=${#COMP_LINE}
		COMPREPLY=()
		_dirtyckpt
		printf '%s\n' "${COMPREPLY[@]}"
	}
	run -0 complete_words dirtyckpt ""
	[[ $(sort <<<"$output" | tr '\n' ' ') == "core export list prune restore save untrack verify " ]]
	run -0 complete_words dirtyckpt save --
	[[ $(sort <<<"$output" | tr '\n' ' ') == "--for-criu --full --help --rounds --stop --until-pages --version --zstd " ]]
	run -0 complete_words dirtyckpt list --j
	[[ $output == --json ]]
}
