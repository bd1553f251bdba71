/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The modified private pages of a process: what counts, and how runs of such
 * pages are written down.
 *
 * This is the one definition of "dirty" that both page walks stand on, the
 * single-page walk with FOLL_DIRTY (mm/gup.c) and the range walk behind
 * /proc/<pid>/dirty_pages (fs/proc/task_dirty_walk.c). It speaks of copy-on-write
 * mappings only: nothing else can hold a modified private page.
 */
#ifndef _LINUX_DIRTY_PAGES_H
#define _LINUX_DIRTY_PAGES_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagewalk.h>
#include <linux/pgtable.h>
#include <linux/swap.h>
#include <linux/swapops.h>

#ifdef CONFIG_MMU
/*
 * Over anonymous memory the zero page is what fresh memory holds anyway. Over
 * a file it stands in for other contents: KSM put it there for a private copy
 * that was all zeroes, or UFFDIO_ZEROPAGE did. Not so where the mapping's
 * owner uses it himself, for holes (DAX) or as raw page frames.
 */
static inline bool vma_zero_page_is_dirty(struct vm_area_struct *vma)
{
	return !vma_is_anonymous(vma) && !vma_is_dax(vma) &&
	       !(vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP));
}

/*
 * Is what a present page-table entry maps dirty? @page is vm_normal_page() of
 * the entry and @pfn its page frame. A bare pte_page() will not do for @page:
 * the mapping of a DAX page can look like that of an anonymous one.
 */
static inline bool vma_page_is_dirty(struct vm_area_struct *vma,
				     struct page *page, unsigned long pfn)
{
	if (page)
		return PageAnon(page);
	return is_zero_pfn(pfn) && vma_zero_page_is_dirty(vma);
}

/*
 * A marker stands for no page. Only a poisoned one still says something: that
 * contents were lost, which a page walk reports as such.
 */
static inline bool pte_marker_is_clean(pte_t pte)
{
	return is_pte_marker(pte) &&
	       !is_poisoned_swp_entry(pte_to_swp_entry(pte));
}

/* Mappings where a writable entry may map what its owner put there */
#define DIRTY_VM_SPECIAL	(VM_PFNMAP | VM_MIXEDMAP | VM_HUGETLB)

/* The frame number in what pte_val() gives of an entry, before it is shifted */
extern unsigned long dirty_pfn_bits;

/*
 * The frame number of an entry, without what pte_pfn() has to undo in some: never
 * in one that is writable.
 */
static __always_inline unsigned long dirty_frame_of(pte_t pte)
{
#ifdef PFN_PTE_SHIFT
	return (pte_val(pte) & dirty_pfn_bits) >> PFN_PTE_SHIFT;
#else
	return pte_pfn(pte);
#endif
}

/* Does it lead to a table of entries? */
static inline bool dirty_pmd_is_table(pmd_t pmd)
{
	return pmd_present(pmd) && !pmd_leaf(pmd);
}
#endif /* CONFIG_MMU */

/* Flags of a run; one of the presence states is set, so none is zero. */
#define DIRTY_FILE	0x001	/* private file mapping, else anonymous */
#define DIRTY_PRESENT	0x002	/* in memory, also while migrating */
#define DIRTY_SWAPPED	0x004	/* in swap or device-private */
#define DIRTY_ERROR	0x008	/* contents lost to a memory error */
#define DIRTY_WRITTEN	0x010	/* since the last acknowledgment */
#define DIRTY_EXCLUSIVE	0x020	/* no other process has it */
#define DIRTY_HUGE	0x040	/* mapped by a huge page */
#define DIRTY_KSM	0x080	/* merged by KSM */
#define DIRTY_LAZYFREE	0x100	/* the kernel may drop the contents */

/**
 * struct dirty_run - neighbouring pages of one mapping with equal flags
 * @start: address of the first page
 * @end_flags: address after the last page, with the flags in the low bits, so
 *	that "adjacent and equal" is one comparison
 */
struct dirty_run {
	unsigned long start;
	unsigned long end_flags;
};

static inline unsigned long dirty_run_end(const struct dirty_run *run)
{
	return run->end_flags & PAGE_MASK;
}

static inline unsigned long dirty_run_flags(const struct dirty_run *run)
{
	return run->end_flags & ~PAGE_MASK;
}

/**
 * struct dirty_runs - room for runs, and the run that is not over yet
 * @free: the first that is free
 * @end: the end of the room
 * @start: where the run at hand begins
 * @flags: its flags, or 0 if there is none
 */
struct dirty_runs {
	struct dirty_run *free;
	struct dirty_run *end;
	unsigned long start;
	unsigned long flags;
};

/**
 * struct dirty_walk - a range walk over the dirty pages of an address space
 * @runs: takes what is found, ascending
 * @next: everything below has been looked at
 * @end: where to stop
 * @vma_flags: flags that every page of the mapping at hand has
 * @normal: every present entry of it maps a page of the usual kind
 * @plain: look at each entry by itself, for comparison
 * @budget: entries that this hold of the lock may still look at
 * @slow: entries so far that had to be followed to what they stand for
 */
struct dirty_walk {
	struct dirty_runs runs;
	unsigned long next;
	unsigned long end;
	unsigned long vma_flags;
	bool normal;
	bool plain;
	long budget;
	unsigned long slow;
};

/**
 * struct dirty_times - when things happened, for those who trace
 * @begin: the mmap lock was asked for; 0 if nobody traces, as is all else then
 * @locked: it was taken
 * @unlocked: it was let go
 */
struct dirty_times {
	u64 begin;
	u64 locked;
	u64 unlocked;
};

/**
 * struct dirty_batch - what a listing does while it holds the mmap lock
 * @times: when that was
 * @ranges: lines that were completed
 * @pages: pages in them
 * @fast: entries that were compared only
 * @slow: entries that were followed to what they stand for
 * @contended: nothing ended the batch but that somebody waits for the lock
 * @last: all has been looked at
 */
struct dirty_batch {
	struct dirty_times times;
	unsigned long ranges;
	unsigned long pages;
	unsigned long fast;
	unsigned long slow;
	bool contended;
	bool last;
};

/**
 * struct dirty_hold - what an acknowledgment does while it holds the mmap lock
 * @times: when that was
 * @ranges: lines, or parts of them
 * @entries: entries that were looked at, empty ones too
 * @slow: of those, entries whose page was asked who refers to it
 * @pages: pages that were acknowledged
 * @held: pages that stay as they are, since somebody refers to them
 * @split: huge pages that were split
 */
struct dirty_hold {
	struct dirty_times times;
	unsigned long ranges;
	unsigned long entries;
	unsigned long slow;
	unsigned long pages;
	unsigned long held;
	unsigned long split;
};

/* What debugfs dirty_pages/fail/ can have go wrong */
enum dirty_fault {
	DIRTY_FAIL_ALLOCATION,
	DIRTY_FAIL_CONTENTION,
	DIRTY_FAIL_COPY_FROM_USER,
	DIRTY_FAIL_COPY_TO_USER,
	DIRTY_FAIL_EXIT,
	DIRTY_FAIL_FLUSH,
	DIRTY_FAIL_LOCK,
	DIRTY_FAIL_MAPPING,
	DIRTY_FAIL_REAP,
	NR_DIRTY_FAULTS,
};

#ifdef CONFIG_PROC_DIRTY_PAGES_FAIL
bool dirty_should_fail(enum dirty_fault fault);
#else
static inline bool dirty_should_fail(enum dirty_fault fault)
{
	return false;
}
#endif

/*
 * While the mmap lock was not held, a mapping may have gone in the middle of
 * which the walk, about to begin at @addr again, had stopped: have it pass over.
 */
static inline void dirty_may_lose_mapping(struct vma_iterator *vmi,
					  struct mm_struct *mm,
					  unsigned long addr)
{
	struct vm_area_struct *vma;

	if (!IS_ENABLED(CONFIG_PROC_DIRTY_PAGES_FAIL))
		return;
	vma = vma_lookup(mm, addr);
	if (vma && vma->vm_start < addr && dirty_should_fail(DIRTY_FAIL_MAPPING))
		vma_iter_set(vmi, vma->vm_end);
}

extern u32 dirty_pages_batch;

bool dirty_walk_batch(struct mm_struct *mm, struct dirty_walk *walk);
int dirty_skip_huge_pud(pud_t *pud, unsigned long addr, unsigned long end,
			struct mm_walk *walk);

struct dirty_ack;

struct dirty_ack *dirty_ack_alloc(struct mm_struct *mm, pid_t pid);
void dirty_ack_free(struct dirty_ack *ack);
ssize_t dirty_ack_write(struct dirty_ack *ack, struct iov_iter *from);
int dirty_ack_flush(struct dirty_ack *ack);

#endif /* _LINUX_DIRTY_PAGES_H */
