#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# dirtyckpt's parent images for CRIU.

load lib
load dirtyckpt

criu_py=$BATS_TEST_DIRNAME/../programs/criu.py

# export_image [OPTION]... - export the target into the folder parent
export_image() {
	run -0 dirtyckpt export --criu "$@" image parent
	exported=$output
}

# check_parent [PID] - check the files in parent, and compare the contents with the memory of
# the stopped target; set $ranges
check_parent() {
	run -0 "$criu_py" parent parent "${1:-$pid}" "$pid"
	ranges=("${lines[@]:1}")
}

# pages_of RANGE... - print the number of pages in all ranges
pages_of() {
	local range pages=0
	for range; do
		pages=$((pages + (16#${range#*-} - 16#${range%-*}) / page))
	done
	echo $pages
}

# exported_in START-END - print the number of pages of the mapping that are in the parent
exported_in() {
	local range s e pages=0
	for range in "${ranges[@]}"; do
		s=$((16#${range%-*})) e=$((16#${range#*-}))
		((s >= 16#${1%-*})) || s=$((16#${1%-*}))
		((e <= 16#${1#*-})) || e=$((16#${1#*-}))
		((s >= e)) || pages=$((pages + (e - s) / page))
	done
	echo $pages
}

# mapping_of NAME - print the range of the mapping with that name
mapping_of() {
	awk -v name="$1" '$6 == name { print $1 }' "/proc/$pid/maps"
}

@test "a parent image for CRIU has all pages of the last generation that are unwritten since, and the vdso" {
	tell map anon 100
	tell write 0 100
	save --for-criu
	tell write 0 10 5
	save
	tell write 20 3
	stop "$pid"
	unwritten=$(($(pages_in <(listing)) - $(pages_in <(listing | grep '[0-9a-f] .*d'))))
	vdso=$(mapping_of '[vdso]')
	export_image
	check_parent
	[[ $(exported_in "$start-$end") == 97 ]]
	[[ $(exported_in "$vdso") == $(pages_of "$vdso") ]]
	[[ $exported == "generation 2: $unwritten pages exported; "* ]]
	[[ $(pages_of "${ranges[@]}") == $((unwritten + $(pages_of "$vdso"))) ]]
}

@test "the uptime in the inventory is the tick after the start of the process" {
	save --for-criu
	stop "$pid"
	export_image --quiet
	[[ -z $exported ]]
	run -0 "$criu_py" parent parent "$pid"
	[[ ${lines[0]} == $((($(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20) + 1) * 10000)) ]]
}

@test "private hugetlb memory is never in a parent image, which export reports" {
	echo 4 >/proc/sys/vm/nr_hugepages
	cleanup() { echo 0 >/proc/sys/vm/nr_hugepages; }
	tell map private-hugetlb 1024
	tell write 0 600
	hugetlb=$start-$end
	save --for-criu
	save
	stop "$pid"
	export_image
	[[ $exported == *"1024 pages are left out, as the kernel does not track writes to them"* ]] || fail "$exported"
	check_parent
	[[ $(exported_in "$hugetlb") == 0 ]]
	end_target
}

@test "save --for-criu clears soft-dirty bits before the first generation, and only then" {
	tell map anon 64
	tell write
	save
	grep -q '^VmFlags.* sd' "/proc/$pid/smaps"
	run -0 dirtyckpt save --for-criu "$pid" image
	[[ $output == *"starting over with all pages: its last generation was saved without --for-criu"* ]]
	run -1 grep '^VmFlags.* sd' "/proc/$pid/smaps"
	tell map anon 64
	tell write
	save --for-criu
	save
	grep -q '^VmFlags.* sd' "/proc/$pid/smaps"
	[[ $(column whole 2) == true && $(column whole 3) == false && $(column whole 4) == false ]]
	stop "$pid"
	export_image
	check_parent
	[[ $(exported_in "$start-$end") == 64 ]]
}

@test "a save --for-criu that is killed after clear_refs loses nothing" {
	tell map anon 64
	tell write
	save
	tell write 0 64 7
	hold_save -P "/proc/$pid/task/$pid/clear_refs" write 1 --for-criu
	kill -KILL "$(pgrep -P "$saver")"
	wait "$saver" || true
	run -0 dirtyckpt save "$pid" image
	[[ $output == *"starting over with all pages"* ]] || fail "$output"
	stop "$pid"
	matches
}

# refused REASON IMAGE[@N] - check that export refuses, with this reason, and leaves nothing
refused() {
	run -9 dirtyckpt export --criu "$2" parent
	[[ $output == *"$1"* ]] || fail "$output"
	[[ -z $(ls -d parent* 2>/dev/null) ]]
}

@test "export refuses a generation that CRIU would take old contents from" {
	tell map anon 16
	tell write
	save
	refused "image@1: was saved without --for-criu; use 'dirtyckpt save --for-criu'" image
	run -0 dirtyckpt save --for-criu "$pid" image
	save
	refused "image@2: is not the last generation" image@2
	# A save that is killed after it has acknowledged, and before it has copied
	tell write 0 8 5
	hold_save -P "/proc/$pid/task/$pid/mem" pread64 3
	kill -KILL "$(pgrep -P "$saver")"
	wait "$saver" || true
	refused "image@3: acknowledged pages may be missing from it" image
	save
	stop "$pid"
	export_image
	check_parent
	[[ $(exported_in "$start-$end") == 16 ]]
	# A save would make the parent image wrong.
	run -9 dirtyckpt save "$pid" image
	[[ $output == *"exported to $PWD/parent, which would become wrong; remove that folder first" ]]
	rm -r parent
	save
	export_image
	rm -r parent
	go_on "$pid"
	run -0 dirtyckpt untrack image
	refused "image@5: acknowledged pages may be missing from it" image
	run -0 dirtyckpt save "$pid" other
	acknowledged=$(dirtyckpt save --for-criu "$pid" image 2>&1) && fail "two images track the process"
	[[ $acknowledged == *"tracked by another image"* ]]
	refused "image@5: acknowledged pages may be missing from it" image
	end_target
	run -2 dirtyckpt export --criu image parent
}

@test "export refuses a process that runs another program" {
	start_program bash -c 'read -r; exec cat'
	save --for-criu
	order again
	[[ $told == again ]] || fail "$told"
	refused "image@1: is of another process or program" image
}

@test "export writes all of its files, or none" {
	tell map anon 600
	tell write
	save --for-criu
	run -1 dirtyckpt export image parent
	[[ $output == *"requires --criu"* ]]
	mkdir parent
	run -9 dirtyckpt export --criu image parent
	[[ $output == *"parent: exists; use the name of a new folder" && -z $(ls parent) ]]
	run -6 dirtyckpt export --criu image nowhere/parent
	[[ $output == *"its parent must exist and be writable" ]]
	mkdir small
	mount -t tmpfs -o size=1m tmpfs small
	cleanup() { umount small; }
	run -6 dirtyckpt export --criu image small/parent
	[[ $output == *"No space left on device"* && -z $(ls small) ]]
	mkdir deep
	run -0 dirtyckpt export --criu image "deep/er/"
	[[ $(ls deep) == er ]]
}

@test "a parent image has the PID of the innermost namespace in its name" {
	end_target
	target unshare --pid --fork
	adopt "$(pgrep -P "$pid")"
	save --for-criu
	stop "$pid"
	export_image
	check_parent 1
}
