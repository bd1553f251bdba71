#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# Programs that nobody tracks take the faults that they took without this project.
# This builds the kernel without it: some 8 minutes.
# bats file_tags=long

# count KERNEL - print the faults of each work, the least of three runs
count() {
	GUEST_KERNEL=$1 dev/guest bash -c '
		echo 256M >/sys/block/zram0/disksize
		mkswap -q /dev/zram0
		swapon /dev/zram0
		echo "int main(void) { return 0; }" >/tmp/x.c
		for i in 1 2 3; do
			faults gcc -O2 -c -o /tmp/x.o /tmp/x.c
		done' | sort -k1,1 -k2,2n | sort -uk1,1
}

@test "mprotect, swap, fork, growth and a compiler: as many faults as without this project" {
	local without with
	cd "$BATS_TEST_DIRNAME/../.."
	dev/kernel build plain >&2 3>&-
	without=$(count plain 3>&-)
	with=$(count test 3>&-)
	printf '%s\n' "without:" "$without" "with:" "$with"
	[[ $(wc -l <<<"$without") == 5 ]]
	# How many pages of a file one fault maps varies.
	join <(echo "$without") <(echo "$with") |
		awk '$2 * 100 > $3 * 101 || $3 * 100 > $2 * 101 { exit 1 }'
}
