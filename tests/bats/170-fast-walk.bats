#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# The fast walk, which compares adjacent entries, gives the same result as the walk
# entry by entry, for any page tables. (verify compares the two; it also ends every
# scenario about a state of memory.)

load lib

batch=/sys/kernel/debug/dirty_pages/batch

: "${SEED:=1}" # of the random changes

setup() {
	RANDOM=$SEED
	step=0
	old_batch=$(<$batch)
	target
}

cleanup() {
	echo "$old_batch" >$batch
	end_target
	drop_swap
	stop_ksm
}

# verify_in_batches - run verify with different sizes of a batch
verify_in_batches() {
	local size
	for size in 1 7 $((RANDOM % 600 + 1)) 8192; do
		echo $size >$batch
		verify "$pid"
		[[ $verified =~ ^checked\ [1-9][0-9]*\ differ\ 0\  ]] ||
			fail "batches of $size, SEED=$SEED, step $step: $verified"
	done
}

# choose_range PAGES - set $first and $count, to short and long ranges alike
choose_range() {
	count=$(((RANDOM % 15 + 1) << (RANDOM % 8)))
	((count <= $1)) || count=$1
	first=$((RANDOM % ($1 - count + 1)))
}

# change_pages PAGES [file] - change random pages of the current mapping
change_pages() {
	local range ways first count
	choose_range "$1"
	range="$first $count"
	ways=("write $range" "write $range" "read $range" "advise pageout $range"
		"advise dontneed $range" "advise cold $range" "protect r $range" "protect rw"
		"child write $range" "child read $range")
	# Only anonymous memory can be freed lazily.
	[[ -n ${2-} ]] || ways+=("advise free $range")
	case $((RANDOM % 13)) in
	11) put "$(page_range "$first" "$count")" ;;
	12) clear_soft_dirty "$pid" ;;
	*)
		# The mapping may be read-only.
		local way=${ways[RANDOM % ${#ways[@]}]}
		[[ $way != *write* ]] || tell protect rw
		tell "$way"
		;;
	esac
}

# change_at_random STEPS PAGES [file] - make random changes, and verify now and then
change_at_random() {
	use_swap zram
	tell write
	tell fork
	for ((step = 1; step <= $1; step++)); do
		change_pages "${@:2}"
		((step % 15)) || verify_in_batches
	done
}

# change_anonymous STEPS, change_file STEPS, change_huge STEPS
change_anonymous() {
	tell map anon 1500
	change_at_random "$1" 1500
}

change_file() {
	new_file /tmp/file 1500
	tell map file 1500 /tmp/file
	change_at_random "$1" 1500 file
}

change_huge() {
	tell map anon-aligned 2048
	tell advise hugepage
	change_at_random "$1" 2048
}

@test "the walks agree after 30 random changes of anonymous memory" {
	change_anonymous 30
}

@test "the walks agree after 30 random changes of a private file mapping" {
	change_file 30
}

@test "the walks agree after 30 random changes of huge pages" {
	change_huge 30
}

# bats test_tags=long
@test "the walks agree after 1,000 random changes of anonymous memory" {
	change_anonymous 1000
}

# bats test_tags=long
@test "the walks agree after 1,000 random changes of a private file mapping" {
	change_file 1000
}

# bats test_tags=long
@test "the walks agree after 1,000 random changes of huge pages" {
	change_huge 1000
}

@test "the walks agree on merged pages among others" {
	local i
	start_ksm
	tell map anon 512
	tell write
	# A third of the pages have the same contents.
	for ((i = 0; i < 512; i += 12)); do
		tell fill 7 $i 4
	done
	tell advise mergeable
	merged() { listing "$pid" | grep -q 'k-$'; }
	wait_until merged
	verify_in_batches
}

# holds - set $holds to the number of times that a listing takes mmap_lock. Where it
# takes the locks of mappings instead, no event tells: count its batches.
holds() {
	local tracing=/sys/kernel/tracing event=events/mmap_lock/mmap_lock_acquire_returned
	local filter='write == 0' line='success=true'
	[[ $(uname -r) == 6.12.* ]] || event=events/dirty_pages/dirty_pages_list filter=0 line='dirty_pages_list: '
	echo >$tracing/trace
	echo "$filter" >$tracing/$event/filter
	echo 1 >$tracing/$event/enable
	listing >/dev/null
	echo 0 >$tracing/$event/enable
	echo 0 >$tracing/$event/filter
	holds=$(grep -c "\<cat-.*$line" $tracing/trace)
}

@test "a lock is held for no more than a batch, also on huge pages" {
	tell map anon-aligned $((16 * 512))
	tell advise hugepage
	tell write
	expect 8192:apdxh--
	kill -STOP "$pid"
	wait_until is_stopped "$pid"
	echo 1 >$batch
	holds
	many=$holds
	echo 8192 >$batch
	holds
	echo "$many holds, $holds in large batches"
	((many - holds >= 16))
}
