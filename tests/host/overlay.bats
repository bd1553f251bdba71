#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The overlay: applied to a developer's tree and removed again, linked into the build
# tree, and refreshed from edits there.

# Make a kernel of only the files that the project edits, and a copy of the project.
setup() {
	bats_require_minimum_version 1.5.0
	. "$BATS_TEST_DIRNAME/../../dev/lib.sh"
	set +u +o pipefail # as bats has them
	use_version "$tree"
	own=$BATS_TEST_TMPDIR/linux
	mkdir -p "$own/fs/proc" "$BATS_TEST_TMPDIR/project"
	cp -r "$kbuild/pristine/." "$own"
	touch "$own/Kbuild" "$own/fs/proc/task_mmu.c"
	be_version "$version"
	echo 'int untouched;' >"$own/mm/other.c"
	cp -r "$own" "$BATS_TEST_TMPDIR/before"
	tar -C "$top" --exclude=./build --exclude=./.git -cf - . | tar -C "$BATS_TEST_TMPDIR/project" -xf -
	cd "$BATS_TEST_TMPDIR/project" || return
	# In here, that kernel is the default.
	unset KERNEL
	locate mm/gup.c.patch && gup=$ours
	locate mm/memory.c.patch && memory=$ours
	locate mm/ksm.c.patch && ksm=$ours
	locate include/linux/mm_types.h.patch && types=$ours
	first_page=$(sed -n 's/^Mended: first-page: \([^ ]*\) .*/\1/p' "$memory")
}

# be_version VERSION - make the kernel this version of Linux
be_version() {
	printf 'VERSION = %s\nPATCHLEVEL = %s\nSUBLEVEL = 1\n' "${1%.*}" "${1#*.}" >"$own/Makefile"
}

# patches - print all patches of the project
patches() {
	find . -name '*.patch' | sort | xargs cat
}

# Make a build folder with that kernel as its tree.
build_tree() {
	export BUILD=$BATS_TEST_TMPDIR/build KERNEL_SRC=$BATS_TEST_TMPDIR/before
	mkdir -p "$BUILD"
	cp -r "$own" "$BUILD/linux"
	touch "$BUILD/unpacked"
	dev/overlay link
}

@test "apply copies the new files and applies the edits" {
	run -0 dev/overlay apply "$own"
	[[ $output != *"already has this fix"* ]]
	cmp fs/proc/task_dirty.c "$own/fs/proc/task_dirty.c"
	grep -q FOLL_DIRTY "$own/mm/gup.c"
	grep -q get_dirty_page "$own/mm/memory.c"
	grep -q proc_dirty_pages_operations "$own/fs/proc/base.c"
	# No leftovers of patch, and no links into this folder
	run -0 find "$own" -name '*.orig' -o -name '*.rej' -o -type l
	[[ -z $output ]]
}

@test "unapply restores the original tree" {
	dev/overlay apply "$own"
	run -0 dev/overlay unapply "$own"
	diff -r "$BATS_TEST_TMPDIR/before" "$own"
}

@test "apply a second time is refused, and changes nothing" {
	dev/overlay apply "$own"
	cp -r "$own" "$BATS_TEST_TMPDIR/applied"
	run -1 dev/overlay apply "$own"
	[[ $output == *"already has the overlay"* ]]
	diff -r "$BATS_TEST_TMPDIR/applied" "$own"
}

@test "a kernel that the edits do not fit is left unchanged" {
	sed -i 's/no_page_table/other_name/' "$own/mm/gup.c"
	cp -r "$own" "$BATS_TEST_TMPDIR/other"
	run -1 dev/overlay apply "$own"
	[[ $output == *"mm/gup.c do not fit Linux $version" ]]
	diff -r "$BATS_TEST_TMPDIR/other" "$own"
}

# other_version VERSION - make the kernel another version, with the folder stable/VERSION
other_version() {
	be_version "$1"
	mkdir -p "stable/$1"
	[[ -z $stable ]] || cp -r "$stable/." "stable/$1"
}

@test "a file in the folder of a version takes the place of the file for mainline" {
	other_version 6.11
	mkdir -p stable/6.11/{mm,fs/proc}
	sed 's/FOLL_DIRTY/FOLL_OTHER/' "$gup" >stable/6.11/mm/gup.c.patch
	echo '/* other */' >stable/6.11/fs/proc/task_dirty.h
	echo '/* only here */' >stable/6.11/fs/proc/extra.h
	cp -r "$own" "$BATS_TEST_TMPDIR/other"
	dev/overlay apply "$own"
	grep -q FOLL_OTHER "$own/mm/gup.c"
	cmp stable/6.11/fs/proc/task_dirty.h "$own/fs/proc/task_dirty.h"
	cmp stable/6.11/fs/proc/extra.h "$own/fs/proc/extra.h"
	cmp fs/proc/task_dirty.c "$own/fs/proc/task_dirty.c"
	dev/overlay unapply "$own"
	diff -r "$BATS_TEST_TMPDIR/other" "$own"
	# The same in the build tree, and for another version
	build_tree
	[[ $BUILD/linux/fs/proc/task_dirty.h -ef stable/6.11/fs/proc/task_dirty.h ]]
	grep -q FOLL_OTHER "$BUILD/linux/mm/gup.c"
	cp "$BATS_TEST_TMPDIR/before/Makefile" "$BUILD/linux/Makefile"
	dev/overlay link
	[[ $BUILD/linux/fs/proc/task_dirty.h -ef fs/proc/task_dirty.h && ! -L $BUILD/linux/fs/proc/extra.h ]]
	grep -q FOLL_DIRTY "$BUILD/linux/mm/gup.c"
}

@test "an empty file in the folder of a version means no such edit, and no such new file" {
	other_version 6.11
	mkdir -p stable/6.11/mm stable/6.11/fs/proc
	: >stable/6.11/mm/gup.c.patch
	: >stable/6.11/fs/proc/task_dirty_text.c
	dev/overlay apply "$own"
	cmp "$BATS_TEST_TMPDIR/before/mm/gup.c" "$own/mm/gup.c"
	grep -q get_dirty_page "$own/mm/memory.c"
	[[ -e $own/fs/proc/task_dirty.c && ! -e $own/fs/proc/task_dirty_text.c ]]
	dev/overlay unapply "$own"
	build_tree
	cmp "$BATS_TEST_TMPDIR/before/mm/gup.c" "$BUILD/linux/mm/gup.c"
	[[ -L $BUILD/linux/fs/proc/task_dirty.c && ! -L $BUILD/linux/fs/proc/task_dirty_text.c ]]
	run -0 dev/overlay refresh
	[[ -z $output ]]
}

@test "refresh writes the patch of the version that the build tree has" {
	other_version 6.11
	build_tree
	touch -d '1 minute ago' "$BUILD/unpacked"
	cp "$types" "$BATS_TEST_TMPDIR/types"
	mkdir -p stable/6.11/include/linux
	[[ stable/6.11/include/linux/mm_types.h.patch -ef $types ]] ||
		cp "$types" stable/6.11/include/linux/mm_types.h.patch
	sed -i 's/FOLL_DIRTY = 1 << 13/FOLL_DIRTY = 1 << 15/' "$BUILD/linux/include/linux/mm_types.h"
	echo 'int touched;' >>"$BUILD/linux/mm/other.c"
	run -0 dev/overlay refresh
	[[ $output == *"wrote stable/6.11/include/linux/mm_types.h.patch"* ]]
	[[ $output == *"wrote stable/6.11/mm/other.c.patch, which is new"* ]]
	grep -q '^+.*FOLL_DIRTY = 1 << 15' stable/6.11/include/linux/mm_types.h.patch
	cmp "$types" "$BATS_TEST_TMPDIR/types"
}

@test "a kernel between the supported versions is refused, and the nearest is named" {
	mkdir -p stable/6.1 stable/6.12
	echo "mainline=7.3" >>dev/lib.sh
	be_version 6.18
	cp -r "$own" "$BATS_TEST_TMPDIR/other"
	run -1 dev/overlay apply "$own"
	[[ $output == *"$own is Linux 6.18; supported are 6.1 6.12 7.3 and later, of which 7.3 is the nearest" ]]
	diff -r "$BATS_TEST_TMPDIR/other" "$own"
	be_version 6.3
	run -1 dev/overlay apply "$own"
	[[ $output == *"Linux 6.3; supported are 6.1 6.12 7.3 and later, of which 6.1 is the nearest" ]]
	be_version 4.19
	run -1 dev/overlay unapply "$own"
	[[ $output == *"of which 6.1 is the nearest" ]]
	: >"$own/Makefile"
	run -1 dev/overlay apply "$own"
	[[ $output == *"$own/Makefile has no version of Linux" ]]
}

@test "a kernel newer than mainline's version gets the same files, and a warning" {
	[[ -z $stable ]] || cp -r "$stable/." . # as if these files were mainline's
	echo "mainline=6.12" >>dev/lib.sh
	be_version 99.1
	run -0 dev/overlay apply "$own"
	[[ $output == *"applied to $own, Linux 99.1 (made for Linux 6.12); set"* ]]
	dev/overlay unapply "$own"
	sed -i 's/no_page_table/other_name/' "$own/mm/gup.c"
	run -1 dev/overlay apply "$own"
	[[ $output == *"mm/gup.c do not fit Linux 99.1 (made for Linux 6.12)" ]]
}

@test "a kernel that got a header of its own in place of ours is refused" {
	other_version 6.11
	mkdir -p stable/6.11/include/linux "$own/include/linux"
	echo '/* ours */' >stable/6.11/include/linux/leafops.h
	echo '/* its own */' >"$own/include/linux/leafops.h"
	cp -r "$own" "$BATS_TEST_TMPDIR/other"
	run -1 dev/overlay apply "$own"
	[[ $output == *"$own has its own include/linux/leafops.h; adapt stable/6.11/include/linux/leafops.h and the files that use it" ]]
	diff -r "$BATS_TEST_TMPDIR/other" "$own"
	run -1 build_tree
	[[ $output == *"has its own include/linux/leafops.h; adapt stable/6.11/include/linux/leafops.h"* ]]
	cmp "$own/include/linux/leafops.h" "$BATS_TEST_TMPDIR/build/linux/include/linux/leafops.h"
}

@test "unapply refuses to discard later edits" {
	dev/overlay apply "$own"
	echo '/* mine */' >>"$own/fs/proc/task_dirty.c"
	run -1 dev/overlay unapply "$own"
	[[ $output == *"fs/proc/task_dirty.c were changed"* ]]
	grep -q mine "$own/fs/proc/task_dirty.c"
	grep -q FOLL_DIRTY "$own/mm/gup.c"
}

@test "a missing argument, a folder that is no kernel tree, and a tree without the overlay are refused" {
	run -1 dev/overlay apply /tmp
	[[ $output == *"not a kernel source tree"* ]]
	run -1 dev/overlay apply
	[[ $output == *"no tree specified"* ]]
	run -1 dev/overlay unapply "$own"
	[[ $output == *"does not have the overlay"* ]]
}

@test "link makes links to new files, so an edit here is an edit in the build tree" {
	build_tree
	[[ $BUILD/linux/fs/proc/task_dirty.c -ef fs/proc/task_dirty.c ]]
	grep -q FOLL_DIRTY "$BUILD/linux/mm/gup.c"
}

@test "a second link touches nothing, so nothing is rebuilt" {
	build_tree
	find "$BUILD/linux" -printf '%p %t %T@\n' | sort >"$BATS_TEST_TMPDIR/1"
	dev/overlay link
	find "$BUILD/linux" -printf '%p %t %T@\n' | sort | diff "$BATS_TEST_TMPDIR/1" -
}

@test "link follows a patch that was edited here" {
	build_tree
	sed -i 's/^+\(.*\)FOLL_DIRTY = 1 << 13/+\1FOLL_DIRTY = 1 << 14/' "$types"
	dev/overlay link
	grep -q 'FOLL_DIRTY = 1 << 14' "$BUILD/linux/include/linux/mm_types.h"
}

@test "link removes files that have left the overlay" {
	build_tree
	rm -f fs/proc/task_dirty_debug.c "$gup" mm/gup.c.patch
	dev/overlay link
	[[ ! -e $BUILD/linux/fs/proc/task_dirty_debug.c && ! -L $BUILD/linux/fs/proc/task_dirty_debug.c ]]
	cmp "$BUILD/linux/mm/gup.c" "$KERNEL_SRC/mm/gup.c"
}

@test "link keeps an edit in the build tree, and refresh writes it to the patch" {
	build_tree
	sed -i 's/FOLL_DIRTY = 1 << 13/FOLL_DIRTY = 1 << 15/' "$BUILD/linux/include/linux/mm_types.h"
	dev/overlay link
	grep -q 'FOLL_DIRTY = 1 << 15' "$BUILD/linux/include/linux/mm_types.h"
	head -n 2 "$types" >"$BATS_TEST_TMPDIR/reason"
	dev/overlay refresh
	grep -q '^+.*FOLL_DIRTY = 1 << 15' "$types"
	head -n 2 "$types" | cmp - "$BATS_TEST_TMPDIR/reason"
}

@test "refresh keeps the labels of edits, and asks for that of a new one" {
	build_tree
	sed -n 's/^@@.*@@ //p' "$memory" >"$BATS_TEST_TMPDIR/labels"
	(($(wc -l <"$BATS_TEST_TMPDIR/labels") >= 6))
	sed -i 's|Different memory may|Other memory may|' "$BUILD/linux/mm/memory.c"
	run -0 dev/overlay refresh
	[[ $output == *"wrote $memory"* && $output != *label* ]]
	sed -n 's/^@@.*@@ //p' "$memory" | cmp - "$BATS_TEST_TMPDIR/labels"
	sed -i '1s/^/int first;\n/' "$BUILD/linux/mm/memory.c"
	run -0 dev/overlay refresh
	[[ $output == *"$memory has an edit without a label"* ]]
	sed -n 's/^@@.*@@ //p' "$memory" | cmp - "$BATS_TEST_TMPDIR/labels"
}

@test "refresh without edits changes no patch" {
	build_tree
	patches >"$BATS_TEST_TMPDIR/patches"
	run -0 dev/overlay refresh
	[[ -z $output ]]
	patches | cmp - "$BATS_TEST_TMPDIR/patches"
}

@test "a file edited in both places is refused, and no edit is lost" {
	build_tree
	sed -i 's/FOLL_DIRTY = 1 << 13/FOLL_DIRTY = 1 << 15/' "$BUILD/linux/include/linux/mm_types.h"
	sed -i 's/^+\(.*\)FOLL_DIRTY = 1 << 13/+\1FOLL_DIRTY = 1 << 14/' "$types"
	run -1 dev/overlay link
	[[ $output == *"both $types and"* ]]
	grep -q 'FOLL_DIRTY = 1 << 15' "$BUILD/linux/include/linux/mm_types.h"
	grep -q 'FOLL_DIRTY = 1 << 14' "$types"
}

@test "refresh writes a patch for a file that had none, and asks for the reason" {
	build_tree
	touch -d '1 minute ago' "$BUILD/unpacked"
	echo 'int touched;' >>"$BUILD/linux/mm/other.c"
	run -0 dev/overlay refresh
	[[ $output == *" ${stable:+$stable/}mm/other.c.patch, which is new: explain"* ]]
	grep -q '^+int touched;' "${stable:+$stable/}mm/other.c.patch"
}

# in_function FUNCTION FILE SED - edit the lines of one kernel function
in_function() {
	sed "/^[a-z].*\\b$1([^;]*\$/,/^}/ { $3 }" "$own/$2" >"$BATS_TEST_TMPDIR/edited"
	run -1 cmp -s "$BATS_TEST_TMPDIR/edited" "$own/$2"
	cp "$BATS_TEST_TMPDIR/edited" "$own/$2"
}

# Make the edits of the scenario a part of the original kernel.
keep_kernel() {
	rm -r "$BATS_TEST_TMPDIR/before"
	cp -r "$own" "$BATS_TEST_TMPDIR/before"
}

# Mainline fixes this by different code.
mend_ksm() {
	in_function replace_page mm/ksm.c \
		's/^\tflush_cache_page/\tnewpte = pte_soft_dirty(orig_pte) ? pte_mksoft_dirty(newpte) : newpte;\n&/'
	keep_kernel
}

# Fix this as only one of several edits of the file does.
mend_first_page() {
	in_function "$first_page" mm/memory.c \
		's/^\tentry = pte_sw_mkyoung(entry);/\tentry = pte_mksoft_dirty(pte_sw_mkyoung(entry));/'
	keep_kernel
}

@test "a kernel with the KSM fix: apply skips and names the edit, unapply restores the tree" {
	mend_ksm
	run -0 dev/overlay apply "$own"
	[[ $(grep -c "already has this fix" <<<"$output") == 1 ]]
	[[ $output == *"mm/ksm.c already has this fix"*2efc6332f18b* ]]
	cmp "$BATS_TEST_TMPDIR/before/mm/ksm.c" "$own/mm/ksm.c"
	grep -q FOLL_DIRTY "$own/mm/gup.c"
	run -1 dev/overlay apply "$own"
	[[ $output == *"already has the overlay"* ]]
	dev/overlay unapply "$own"
	diff -r "$BATS_TEST_TMPDIR/before" "$own"
}

@test "a kernel with exactly our KSM fix: unapply does not remove it" {
	patch --silent "$own/mm/ksm.c" "$ksm"
	keep_kernel
	dev/overlay apply "$own"
	dev/overlay unapply "$own"
	diff -r "$BATS_TEST_TMPDIR/before" "$own"
	# The same with a copy of the build tree, as for the kernel named plain
	build_tree
	cmp "$BUILD/linux/mm/ksm.c" "$BATS_TEST_TMPDIR/before/mm/ksm.c"
	cp -a "$BUILD/linux" "$BATS_TEST_TMPDIR/plain"
	dev/overlay unapply "$BATS_TEST_TMPDIR/plain"
	diff -r "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/plain"
}

@test "a kernel with the KSM fix in the build tree: link names it once, refresh keeps the edit" {
	mend_ksm
	build_tree 2>"$BATS_TEST_TMPDIR/said"
	grep -q "mm/ksm.c already has this fix" "$BATS_TEST_TMPDIR/said"
	cmp "$BUILD/linux/mm/ksm.c" "$KERNEL_SRC/mm/ksm.c"
	touch -d '1 minute ago' "$BUILD/unpacked"
	cp "$ksm" "$BATS_TEST_TMPDIR/patch"
	run -0 dev/overlay link
	[[ -z $output ]]
	run -0 dev/overlay refresh
	[[ -z $output ]]
	cmp "$ksm" "$BATS_TEST_TMPDIR/patch"
	# A later edit is written in front of the skipped one.
	sed -i '1s/^/int first;\n/' "$BUILD/linux/mm/ksm.c"
	run -0 dev/overlay refresh
	[[ $output == *"wrote $ksm"* ]]
	grep -A99 '^+int first;' "$ksm" >"$BATS_TEST_TMPDIR/rest"
	grep -q 'newpte = pte_mksoft_dirty(newpte);' "$BATS_TEST_TMPDIR/rest"
}

@test "a kernel that has one of the edits of a file: apply skips only that edit" {
	mend_first_page
	run -0 dev/overlay apply "$own"
	[[ $(grep -c "already has this fix" <<<"$output") == 1 ]]
	[[ $output == *"mm/memory.c already has this fix, skipping edit first-page "* ]]
	run ! grep -q 'Different memory may have been mapped' "$own/mm/memory.c"
	grep -q 'folio_test_anon(old_folio))' "$own/mm/memory.c"
	grep -q get_dirty_page "$own/mm/memory.c"
	dev/overlay unapply "$own"
	diff -r "$BATS_TEST_TMPDIR/before" "$own"
}

# Set a name and an address for git.
be_known() {
	export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=user.email GIT_CONFIG_VALUE_0=a@example.org
	export GIT_CONFIG_KEY_1=user.name GIT_CONFIG_VALUE_1=A
}

# Make a git repository of the original kernel, to apply the series to.
original_repository() {
	cd "$BATS_TEST_TMPDIR/before" || return
	git init -q && git add -A && git commit -q -m before
}

# Remove the files that are not for the kernel: configurations and licences.
without_ours() {
	rm -r "$own/kernel/configs" "$own/tools/lib/dirtypages/LICENSES"
	rmdir --ignore-fail-on-non-empty "$own/kernel"
}

# Undo the changes of the series that the overlay does not have.
undo_diffs() {
	local diff
	[[ -z $stable ]] || return 0
	for diff in "$top"/dev/series/*.diff; do
		patch --silent --reverse --no-backup-if-mismatch -p1 <"$diff"
	done
}

@test "a kernel that has one of the edits of a file: refresh and patches keep all edits" {
	mend_first_page
	build_tree
	patches >"$BATS_TEST_TMPDIR/patches"
	dev/overlay refresh
	patches | grep -v '^@@' >"$BATS_TEST_TMPDIR/refreshed"
	grep -v '^@@' "$BATS_TEST_TMPDIR/patches" | diff - "$BATS_TEST_TMPDIR/refreshed"
	be_known
	dev/patches
	dev/overlay apply "$own"
	rm "$own/dirty_pages.mended"
	without_ours
	original_repository
	git am -q --empty=drop "$BUILD"/patches/*/*.patch
	undo_diffs
	diff -r --exclude=.git . "$own"
	run ! grep -l '^Mended:' "$BUILD"/patches/*/*.patch
}

@test "the line of a fix in another function or in a comment does not count" {
	in_function write_protect_page mm/ksm.c 's/^\tentry = ptep_get.*/&\n\tentry = pte_mksoft_dirty(entry);/'
	in_function replace_page mm/ksm.c 's|^\tptep = |\t/* pte_mksoft_dirty()\n\t * pte_mksoft_dirty()\n\t */\n&|'
	keep_kernel
	run -0 dev/overlay apply "$own"
	[[ $output != *"already has this fix"* ]]
	grep -q 'newpte = pte_mksoft_dirty(newpte);' "$own/mm/ksm.c"
	dev/overlay unapply "$own"
	diff -r "$BATS_TEST_TMPDIR/before" "$own"
}

@test "a kernel without a fix, which an edit does not fit, is left unchanged" {
	in_function replace_page mm/ksm.c 's/\bflush_cache_page/flush_some_page/'
	in_function write_protect_page mm/ksm.c 's/^\tentry = ptep_get.*/&\n\tentry = pte_mksoft_dirty(entry);/'
	in_function "$first_page" mm/memory.c 's/^\tentry = pte_sw_mkyoung/\tentry = pte_some_young/'
	keep_kernel
	run -1 dev/overlay apply "$own"
	[[ $output == *"left unchanged: the edits of mm/ksm.c mm/memory.c do not fit"* ]]
	diff -r "$BATS_TEST_TMPDIR/before" "$own"
	run -1 build_tree
	[[ $output == *"$ksm does not fit Linux $version"* ]]
}

@test "an invalid probe is reported" {
	sed -i 's/^Mended: replace_page/Mended: /' "$ksm"
	run -1 dev/overlay apply "$own"
	[[ $output == *"$ksm: malformed probe"* ]]
	diff -r "$BATS_TEST_TMPDIR/before" "$own"
}

@test "patches makes two series for git am, with the same result as apply" {
	build_tree
	be_known
	run -0 dev/patches
	[[ $output == *"patches in $BUILD/patches/1-soft-dirty-fixes"*"patches in $BUILD/patches/2-dirty-pages" ]]
	# A tree without history knows no commit, but its version.
	grep -qx "base-commit: v$version.1, as packaged by Debian" "$BUILD"/patches/2-*/0000-*
	dev/overlay apply "$own"
	without_ours
	original_repository
	git am -q --empty=drop "$BUILD"/patches/1-*/*.patch
	# The fixes stand alone: nothing of the file is in them.
	run ! grep -r DIRTY_PAGES .
	git am -q --empty=drop "$BUILD"/patches/2-*/*.patch
	undo_diffs
	diff -r --exclude=.git . "$own"
}

@test "each patch is small and signed, gives a reason, and names the kernel it is for" {
	build_tree
	be_known
	BASE=0123456789abcdef0123456789abcdef01234567 run -0 dev/patches
	for patch in "$BUILD"/patches/*/*.patch; do
		if [[ $patch == */0000-* ]]; then
			grep -qx 'base-commit: 0123456789abcdef0123456789abcdef01234567' "$patch"
			run ! grep -E '[*]{3} (SUBJECT|BLURB) HERE' "$patch"
		else
			(($(wc -l <"$patch") <= 1500))
			grep -q '^Signed-off-by: A <a@example.org>' "$patch"
			(($(sed '1,/^$/d; /^Signed-off-by/,$d' "$patch" | wc -w) >= 15))
		fi
	done
}

@test "patches reports a file that belongs to no patch" {
	build_tree
	be_known
	echo >fs/proc/task_dirty_new.c
	run -1 dev/patches
	[[ $output == *"no patch of dev/series has all of fs/proc/task_dirty_new.c"* ]]
}

@test "patches reports a part of a file that it does not find" {
	build_tree
	be_known
	sed -i 's/set_range(/set_listed_range(/' fs/proc/task_dirty.c
	run -1 dev/patches
	[[ $output == *"task_dirty.c has no match for"*set_range* ]]
	sed -i 's/set_listed_range(/set_range(/' fs/proc/task_dirty.c
	sed -i 's/task_dirty.c:range/task_dirty.c:part/' dev/series/2-dirty-pages
	run -1 dev/patches
	[[ $output == *"fs/proc/task_dirty.c has no 'part'"* ]]
}
