#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Laying the project into a developer's own tree, and taking it off again.

# A tree of just the files that the project edits, as they are in the kernel
setup() {
	own=$BATS_TEST_TMPDIR/linux
	mkdir -p "$own/fs/proc"
	cp -r "$BUILD/pristine/." "$own"
	touch "$own/Kbuild" "$own/fs/proc/task_mmu.c"
	cp -r "$own" "$BATS_TEST_TMPDIR/before"
	cd "$BATS_TEST_DIRNAME/../.." || return
}

@test "apply copies the new files and applies the edits" {
	run -0 dev/overlay apply "$own"
	cmp fs/proc/task_dirty.c "$own/fs/proc/task_dirty.c"
	grep -q FOLL_DIRTY "$own/mm/gup.c"
	grep -q get_dirty_page "$own/mm/memory.c"
	grep -q proc_dirty_pages_operations "$own/fs/proc/base.c"
	# No leftovers of patch, and no links into this folder
	run -0 find "$own" -name '*.orig' -o -name '*.rej' -o -type l
	[[ -z $output ]]
}

@test "unapply gives the tree back as it was" {
	dev/overlay apply "$own"
	run -0 dev/overlay unapply "$own"
	diff -r "$BATS_TEST_TMPDIR/before" "$own"
}

@test "apply a second time is refused, and changes nothing" {
	dev/overlay apply "$own"
	cp -r "$own" "$BATS_TEST_TMPDIR/applied"
	run -1 dev/overlay apply "$own"
	[[ $output == *"has it already"* ]]
	diff -r "$BATS_TEST_TMPDIR/applied" "$own"
}

@test "a kernel that the edits do not fit is left as it is" {
	sed -i 's/no_page_table/other_name/' "$own/mm/gup.c"
	cp -r "$own" "$BATS_TEST_TMPDIR/other"
	run -1 dev/overlay apply "$own"
	[[ $output == *"mm/gup.c do not fit this kernel"* ]]
	diff -r "$BATS_TEST_TMPDIR/other" "$own"
}

@test "unapply refuses to throw away what was edited since" {
	dev/overlay apply "$own"
	echo '/* mine */' >>"$own/fs/proc/task_dirty.c"
	run -1 dev/overlay unapply "$own"
	[[ $output == *"fs/proc/task_dirty.c were changed"* ]]
	grep -q mine "$own/fs/proc/task_dirty.c"
	grep -q FOLL_DIRTY "$own/mm/gup.c"
}

@test "what is no kernel tree, or none at all, is refused" {
	run -1 dev/overlay apply /tmp
	[[ $output == *"not a kernel source tree"* ]]
	run -1 dev/overlay apply
	[[ $output == *"which tree"* ]]
	run -1 dev/overlay unapply "$own"
	[[ $output == *"does not have it"* ]]
}
