#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
# All back ends produce the same listing. (Besides, each scenario ends with a
# comparison with PAGEMAP_SCAN: check_references.)

load lib

# same_text COLUMNS - check that dirty_pages and pagemap agree in these columns of
# the flags, in the current mapping
same_text() {
	local columns=$1
	kill -STOP "$pid" && wait_until is_stopped "$pid" || return
	dirtycat --text --backend=dirty_pages -A "$start,$end" "$pid" >/tmp/ours
	dirtycat --text --backend=pagemap -A "$start,$end" "$pid" >/tmp/theirs
	# shellcheck disable=SC2086  # several
	diff <(what_both_know $columns </tmp/ours) <(what_both_know $columns </tmp/theirs)
	[[ -s /tmp/ours ]]
	kill -CONT "$pid"
}

@test "pagemap agrees on anonymous and file pages, d, x and shared pages" {
	new_file /tmp/file 32
	tell map private 32 /tmp/file
	tell read 0 16
	tell write 8 12
	same_text "1 2 3 4"
	tell map anon 64
	tell read 0 8
	tell write 8 32
	# pagemap reports d for all pages of a new mapping.
	clear_soft_dirty "$pid"
	tell write 8 2
	tell write 14 26
	same_text "1 2 3 4"
	tell fork
	tell write 12 4
	same_text "1 2 3 4"
	[[ $(what_both_know 4 </tmp/ours | cut -d' ' -f2 | sort -u | paste -sd ' ') == "- x" ]]
}

@test "pagemap agrees on swap, apart from x" {
	use_swap zram
	cleanup() {
		end_target
		drop_swap
	}
	tell map anon 64
	tell write
	tell advise pageout 8 16
	same_text "1 2 3"
	grep -q ' as' /tmp/ours
	grep -q ' asd???' /tmp/theirs
}

@test "pagemap omits the zero page and the huge zero page" {
	tell map anon-aligned 1024
	tell advise hugepage
	tell read 0 512
	tell write 600 8
	if [[ $(uname -r) == 6.12.* ]]; then
		same_text "1 2 3"
	else
		# The entries of pagemap do not tell the huge zero page, see dirtycat(1).
		run same_text "1 2 3"
		[[ $(head -n 1 /tmp/theirs) == "$(page_range 0 512) apd"* ]]
	fi
	[[ $(cut -d' ' -f1 /tmp/ours) == "$(page_range 512 512)" ]]
}

@test "pagemap agrees on hugetlb mappings, and on mappings larger than one read" {
	tell map anon-noreserve 200000
	tell advise nohugepage
	tell write 65530 20
	tell write 131070 3
	same_text "1 2 3 4"
	echo 4 >/proc/sys/vm/nr_hugepages
	cleanup() {
		end_target
		echo 0 >/proc/sys/vm/nr_hugepages
	}
	tell map hugetlb 1024
	tell write
	same_text "1 2 3"
}

@test "the back ends agree on more runs than one call of PAGEMAP_SCAN returns" {
	tell map anon-noreserve 40000
	tell advise nohugepage
	tell write
	tell comb
	kill -STOP "$pid"
	for backend in dirty_pages pagemap-scan pagemap; do
		dirtycat --text --backend=$backend -A "$start,$end" "$pid" | cut -d' ' -f1 >/tmp/$backend
	done
	(($(wc -l </tmp/dirty_pages) > 4900))
	cmp /tmp/dirty_pages /tmp/pagemap-scan
	cmp /tmp/dirty_pages /tmp/pagemap
}

@test "without root, pagemap shows the zero page as modified rather than miss a page" {
	local user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	end_target
	target "${user[@]}"
	wait_until grep -q memstate "/proc/$pid/comm"
	tell map anon 16
	tell read 0 8
	tell write 8 4
	kill -STOP "$pid"
	for backend in pagemap pagemap-scan dirty_pages; do
		"${user[@]}" dirtycat --text --backend=$backend -A "$start,$end" "$pid" >/tmp/$backend
	done
	cut -d' ' -f1 /tmp/dirty_pages | diff - <(cut -d' ' -f1 /tmp/pagemap-scan)
	[[ $(cut -d' ' -f1 /tmp/dirty_pages) == "$(page_range 8 4)" ]]
	[[ $(cut -d' ' -f1 /tmp/pagemap) == "$(page_range 0 8)"$'\n'"$(page_range 8 4)" ]]
}

@test "auto selects dirty_pages; a named back end is used" {
	run -0 dirtycat --summary -n --raw -o BACKEND "$pid"
	[[ $output == dirty_pages ]]
	for backend in dirty_pages pagemap-scan pagemap; do
		run -0 dirtycat --summary -n --raw -o BACKEND --backend=$backend "$pid"
		[[ $output == "$backend" ]]
	done
}

@test "if a process dies during PAGEMAP_SCAN, the listing is reported as truncated" {
	tell many 60000
	# PAGEMAP_SCAN itself does not report that the address space is gone.
	run -5 kill_target_during 'is_closed("/maps")' \
		dirtycat --backend=pagemap-scan "$pid"
	grep -q 'the listing is truncated' /tmp/error
	(($(grep -c apd /tmp/shown) < 60000))
}
