# SPDX-License-Identifier: GPL-2.0
# The parts of a file that come in later patches of the series than the file itself.
# dev/patches sources this file.
#
# No part is stored a second time. Each is named by its definitions and lines, and
# dev/patches makes the earlier state of a file by removing the parts that are still
# to come. It stops if a part cannot be found. 'make series-check' compiles each state.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154  # Perl; variables of dev/patches

# All parts. If several have to be removed from a file, the later one goes first.
all_parts=(kunit-ack-huge kunit-ack kunit-text kunit-huge kunit kunit-debug faults debug foll-dirty
	range ack fast by-vma trace device)

# $file still needs these substitutions, Perl's s///. They find the texts as $text[N].
substitutions=() texts=()

# edit SUBSTITUTION... - change $file by Perl's s///; each must find something.
# carry_out() makes all changes to a file in one process.
edit() {
	substitutions+=("$@")
}

# carry_out - make the changes that $file still needs
carry_out() {
	local missing
	((${#substitutions[@]})) || return 0
	missing=$(perl -0777 -e '
		my ($file, $texts) = splice @ARGV, 0, 2;
		our @text = splice @ARGV, 0, $texts;
		open my $in, "<", $file or die "$file: $!\n";
		$_ = <$in>;
		for my $substitution (@ARGV) {
			my $found = eval $substitution;
			die $@ if $@;
			print $substitution and exit 1 if !$found;
		}
		open my $out, ">", $file or die "$file: $!\n";
		print $out $_;
		close $out or die "$file: $!\n"' "$file" ${#texts[@]} "${texts[@]}" "${substitutions[@]}") ||
		die "dev/parts.sh: ${file##*/tree/} has no match for $missing"
	substitutions=() texts=()
}

# drop NAME... - remove definitions from $file, each with the comment above it
drop() {
	local name
	for name in "$@"; do
		edit 's{^(/\*(?:(?!\*/).)*\*/\n)?[a-zA-Z_](?:(?!\n\n)[^;{}])*\b'"$name"'\b[^;{}]*(?:\n| )\{.*?^\}[^\n]*\n\n?}{}ms'
	done
}

# drop_config NAME... - remove Kconfig symbols from $file
drop_config() {
	local name
	for name in "$@"; do edit 's{^config '"$name"'\n.*?(?=^config )}{}ms'; done
}

# drop_lines TEXT... - remove the lines with this text, and at least one for each
drop_lines() {
	local text
	for text in "$@"; do
		edit 's{^[^\n]*\Q$text['${#texts[@]}']\E[^\n]*\n}{}mg'
		texts+=("$text")
	done
}

# drop_test NAME - remove the inclusion of a file of tests
drop_test() {
	edit 's{^#include "tests/'"$1"'_kunit\.c"\n}{}m'
}

# drop_tests - remove the inclusion of the tests at the end of $file
drop_tests() {
	edit 's{\n#if[^\n]*CONFIG_PROC_DIRTY_PAGES_KUNIT_TEST.*\z}{}s'
}

# take_out FILE PART - remove PART from $file, a copy of the kernel's FILE, if it has
# such a part, at the next carry_out(); else return 1
take_out() {
	# Linux 6.12 lists no mappings under their own locks, and so has no such patch.
	[[ $2 != by-vma || -z $stable ]] || return 1
	case $1:$2 in
	fs/proc/Kconfig:kunit) drop_config PROC_DIRTY_PAGES_KUNIT_TEST ;;
	fs/proc/Kconfig:faults) drop_config PROC_DIRTY_PAGES_FAIL ;;
	fs/proc/Kconfig:debug) drop_config PROC_DIRTY_PAGES_DEBUG ;;

	fs/proc/Makefile:debug) drop_lines task_dirty_debug.o ;;
	fs/proc/Makefile:fast) edit 's{ task_dirty_fast\.o}{}' ;;
	fs/proc/Makefile:ack) edit 's{ task_dirty_ack\.o}{}' 's{^proc-\S+\s\+=\n|\Z}{}m' ;;

	fs/proc/base.c:ack) edit 's{(REG\("dirty_pages", S_IRUSR) \| S_IWUSR}{$1}g' ;;

	fs/proc/task_dirty.h:faults)
		drop dirty_fault dirty_resume_at
		edit 's{^#ifdef CONFIG_PROC_DIRTY_PAGES_FAIL\n.*?^#endif\n\n}{}ms'
		;;
	fs/proc/task_dirty.h:debug)
		drop_lines '@plain: ' $'\tbool plain;'
		;;
	fs/proc/task_dirty.h:ack)
		drop dirty_ack_batch
		drop_lines 'int dirty_parse_line('
		edit 's{^/\* task_dirty_ack\.c \*/\n.*?\n(?=\n#endif)}{}ms' \
			's{\n(?=\n\n#endif /\* _FS)}{}' \
			's{^int dirty_skip_huge_pud\(.*?;\n}{}ms' \
			's{, their text, acknowledgments, and faults to\n \* inject\. (<linux/dirty_pages\.h>) defines}{, and their text.\n * $1 defines}'
		;;
	fs/proc/task_dirty.h:fast)
		edit 's{^/\* task_dirty_fast\.c \*/\n.*?(?=^/\* task_dirty_text)}{}ms' \
			's{^unsigned long dirty_page_flags\([^;]*;\n}{}m'
		drop_lines '@normal: ' $'\tbool normal;'
		;;
	fs/proc/task_dirty.h:by-vma)
		drop_lines '@by_vma: ' '@locked: the mapping that is' $'\tbool by_vma;' $'\tstruct vm_area_struct *locked;'
		;;
	fs/proc/task_dirty.h:trace)
		drop dirty_times dirty_list_batch
		drop_lines '@slow: entries decoded so far' $'\tunsigned long slow;'
		;;

	fs/proc/task_dirty_lock.h:by-vma) rm "$file" ;;

	fs/proc/task_dirty.c:kunit-text) drop_tests ;;
	fs/proc/task_dirty.c:faults)
		edit 's{dirty_should_fail\(DIRTY_FAIL_EXIT\) \|\| }{}' \
			's{dirty_should_fail\(DIRTY_FAIL_LOCK\) \? -EINTR :\n\t +}{}' \
			's{ \|\|\n\t\t dirty_should_fail\(DIRTY_FAIL_REAP\)}{}' \
			's{\t\tif \(!dirty_should_fail\(DIRTY_FAIL_ALLOCATION\)\)\n\t}{}' \
			's{\t/\*\n\t \* seq_file treats a shorter.*?\n\t\}\n(?=\tret = seq_read_iter)}{}s' \
			's{^\tiov_iter_reexpand\([^\n]*\n|^\tsize_t lacking = 0;\n}{}mg'
		;;
	fs/proc/task_dirty.c:range)
		drop get_range set_range dirty_pages_ioctl
		drop_lines '.unlocked_ioctl' '.compat_ioctl' '@start: start of the listed range' '@end: its end' \
			$'\tunsigned long start;' $'\tunsigned long end;' 'r->end = DIRTY_END;'
		edit 's{#include <uapi/linux/dirty_pages\.h>\n\n}{}' 's{w->end = r->end;}{w->end = DIRTY_END;}' \
			's{r->next = r->start;}{r->next = 0;}' \
			's{held during a read, a seek and a change of the range; protects all\n \*\tmembers below}{held during a read and a seek; protects all members below}' \
			's{/\* The end of a listing of the whole address space \*/}{/* The end of a listing */}'
		;;
	fs/proc/task_dirty.c:ack)
		drop dirty_pages_write dirty_pages_flush
		drop_lines '@ack: ' $'\tstruct dirty_ack *ack;' 'dirty_ack_free(' '.write_iter' '.splice_write' '.flush'
		edit 's{^\tif \(file->f_mode & FMODE_WRITE\) \{\n.*?^\t\}\n}{}ms' \
			's{file->f_mode & FMODE_WRITE \?\s+PTRACE_MODE_ATTACH : PTRACE_MODE_READ}{PTRACE_MODE_READ}' \
			's{ Opening for writing\n \* requires the permission to write to the memory of the process\.}{}' \
			's{^\tif \(file->f_mode & FMODE_READ\) \{\n(.*?)^\t\}\n}{$1 =~ s/^\t//mgr}mse'
		;;
	fs/proc/task_dirty.c:by-vma)
		edit 's{dirty_lock_mappings\(r->mm, w\)}{mmap_read_lock_killable(r->mm)}' \
			's{dirty_unlock_mappings\(r->mm, w\)}{mmap_read_unlock(r->mm)}' \
			's{#include "task_dirty_lock\.h"\n}{}' 's{dropped the locks of the walk}{dropped the mmap lock}'
		;;
	fs/proc/task_dirty.c:trace)
		drop account_batch pages_in_runs target_pid
		drop_lines '#include <linux/timekeeping.h>' '@pid: ' $'\tpid_t pid;' 'target_pid(' \
			'struct dirty_list_batch batch' 'trace_dirty_pages_list(' 'account_batch(' 'if (batch.times.begin)' \
			'#define CREATE_TRACE' '#include <trace/'
		edit 's{,\s+struct dirty_times \*times\)}{)}' \
			's{\tif \(times->begin\)\n[^\n]*\n}{}g' \
			's{\tif \(trace_dirty_pages_list_enabled\(\)\)\n[^\n]*\n}{}' \
			's{collect_batch\(r, &w, &batch\.times\)}{collect_batch(r, &w)}' \
			's{(?<="task_dirty\.h"\n)\n|(?<="task_dirty_lock\.h"\n)\n}{}' \
			's{\tlong budget = (max\(.*?\));\n\tstruct dirty_walk w = \{ \.budget = budget \};}{\tstruct dirty_walk w = { .budget = $1 };}'
		;;

	fs/proc/task_dirty_text.c:kunit-text) drop_tests ;;
	fs/proc/task_dirty_text.c:ack)
		drop scan_address dirty_parse_line
		edit 's{, both ways: a run becomes a line of a\n \* listing, and a line that is written back becomes a range\.}{: a run becomes a line.}' \
			's{\n+\z}{\n}'
		;;

	fs/proc/task_dirty_walk.c:kunit) drop_tests ;;
	fs/proc/task_dirty_walk.c:kunit-huge)
		edit 's{#ifdef CONFIG_TRANSPARENT_HUGEPAGE\n(#include "tests/[^\n]*\n)#endif\n}{}'
		;;
	fs/proc/task_dirty_walk.c:faults)
		edit 's{dirty_resume_at\(mm, w->next\)}{w->next}' \
			's{ \|\|\n\t +dirty_should_fail\(DIRTY_FAIL_CONTENTION\)}{}'
		;;
	fs/proc/task_dirty_walk.c:debug)
		edit 's{ && !w->plain}{}'
		;;
	fs/proc/task_dirty_walk.c:ack)
		edit 's{\n/\*\*\n \* dirty_skip_huge_pud\(\) - .*\z}{}s'
		;;
	fs/proc/task_dirty_walk.c:fast)
		drop is_fast dirty_page_flags
		edit 's{\tif \(is_fast\(w\)\)\n[^\n]*\n\telse\n\t\t(pte = )}{\t$1}' \
			's{\t\tif \(is_fast\(w\) && !mixed\)\n[^\n]*\n}{}' \
			's{\t\t\t/\* Pages of a DAX device.*?vma_is_dax\(vma\);\n}{}s' \
			's{\n \*\n \* This file has the plain walk, which decodes.*?(?=\n \*/)}{}s'
		;;
	fs/proc/task_dirty_walk.c:by-vma)
		drop dirty_hugetlb_by_vma_ops
		edit 's{\s+w->by_vma \? &dirty_hugetlb_by_vma_ops :\s+&dirty_hugetlb_ops, w}{ &dirty_hugetlb_ops, w}' \
			's{\t\tif \(IS_ERR\(vma\)\)\n\t\t\treturn false;\n}{}' \
			's{dirty_is_contended\(w, mm\)}{mmap_lock_is_contended(mm)}' \
			's{while \(\(vma = dirty_next_vma\(w, &vmi, mm, next\)\)\)}{while ((vma = vma_find(&vmi, w->end)))}' \
			's{\t\tnext = vma->vm_end;\n}{}' \
			's{#include <linux/err\.h>\n}{}' 's{#include "task_dirty_lock\.h"\n}{}' \
			's{ If the walk is by mapping, it may also\n \* end without progress.*?too many readers\.}{}s' \
			's{Process context, between dirty_lock_mappings\(\) and\n \* dirty_unlock_mappings\(\), or with the mmap lock held for reading\. May sleep\.}{Process context, mmap lock held for reading. May sleep.}' \
			's{a bounded hold of the locks}{a bounded hold of the mmap lock}' \
			's{one hold of a lock\. Large enough}{one hold of the mmap lock. Large enough}'
		;;
	fs/proc/task_dirty_walk.c:trace)
		edit 's{^\t+w->slow( \+= [^;]*|\+\+);\n}{}mg'
		;;

	fs/proc/task_dirty_fast.c:kunit) drop_tests ;;

	fs/proc/task_dirty_ack.c:kunit-ack)
		drop_tests
		drop_lines '#include <kunit/static_stub.h>' 'KUNIT_STATIC_STUB_REDIRECT('
		;;
	fs/proc/task_dirty_ack.c:kunit-ack-huge)
		edit 's{#ifdef CONFIG_TRANSPARENT_HUGEPAGE\n(#include "tests/[^\n]*\n)#endif\n}{}'
		;;
	fs/proc/task_dirty_ack.c:faults)
		edit 's{ \|\|\n\t +dirty_should_fail\(DIRTY_FAIL_CONTENTION\)}{}' \
			's{\tif \(dirty_should_fail\(DIRTY_FAIL_FLUSH\)\)\n[^\n]*\n}{}' \
			's{dirty_resume_at\(a->mm, a->next\)}{a->next}' \
			's{#include <linux/delay\.h>\n}{}' \
			's{ \|\|\n\t +dirty_should_fail\(DIRTY_FAIL_REAP\)}{}' \
			's{dirty_should_fail\(DIRTY_FAIL_EXIT\) \|\| }{}' \
			's{dirty_should_fail\(DIRTY_FAIL_LOCK\) \? -EINTR :\n\t +}{}' \
			's{\t\tif \(dirty_should_fail\(DIRTY_FAIL_COPY_FROM_USER\)\)\n[^\n]*\n}{}' \
			's{\tstruct dirty_ack \*a = NULL;\n\n\tif \(!dirty_should_fail\(DIRTY_FAIL_ALLOCATION\)\)\n\t\ta = (kvzalloc[^\n]*)\n}{\tstruct dirty_ack *a = $1\n\n}'
		;;

	fs/proc/task_dirty_debug.c:kunit-debug) drop_tests ;;
	fs/proc/task_dirty_debug.c:faults)
		edit 's{#ifdef CONFIG_PROC_DIRTY_PAGES_FAIL\n.*?#endif\n\n?}{}sg' \
			's{, the size of its\n \* batches, and fault injection\.}{, and the size of its\n * batches.}' \
			's{#include <linux/fault-inject\.h>\n}{}' 's{^ \* fail/[^\n]*\n}{}m'
		;;

	include/trace/events/dirty_pages.h:ack)
		edit 's{/\* One batch of an acknowledgment \*/\n.*?^\);\n\n}{}ms' 's{struct dirty_ack_batch;\n}{}' \
			's{/\* Defined in}{/* Defined in}'
		;;
	include/linux/dirty_pages.h:foll-dirty)
		drop pte_marker_is_clean
		edit 's{Both page walks use it.*?no other mapping can hold a modified private page\.}{The range walk behind /proc/<pid>/dirty_pages (fs/proc/task_dirty_walk.c) uses\n * it. It covers copy-on-write mappings only: no other mapping can hold a modified\n * private page.}s' \
			's{#include <linux/leafops\.h>\n}{}' 's{\n\n(?=#endif /\* CONFIG_MMU)}{\n}'
		;;
	include/linux/swap.h:ack) drop_lines 'void lru_add_drain(void);' ;;
	mm/migrate.c:device | mm/huge_memory.c:device)
		# Linux 6.12 has no huge pages on devices.
		grep -q 'folio_is_device_private(.*||$' "$file" || return 0
		edit 's{folio_is_device_private\([^\n]*\) \|\|\n\t+ +(?=\(folio_test_anon)}{}' \
			's{^(\t+)/\*\n\t+ \* A device writes to its memory(?:(?!\*/).)*\*/}{$1/* No anonymous page may be writable without the bit. */}ms'
		;;
	*) return 1 ;;
	esac
}
