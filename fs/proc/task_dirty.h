/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Declarations shared by the files behind /proc/<pid>/dirty_pages: runs of dirty
 * pages, the walk that finds them, their text, acknowledgments, and faults to
 * inject. <linux/dirty_pages.h> defines which pages are dirty.
 */
#ifndef _FS_PROC_TASK_DIRTY_H
#define _FS_PROC_TASK_DIRTY_H

#include <linux/dirty_pages.h>
#include <linux/mm.h>
#include <linux/pagewalk.h>
#include <linux/pgtable.h>
#include <linux/types.h>

/* Flags of a run. One of the presence states is always set, so 0 means clean. */
#define DIRTY_FILE	0x001	/* private file mapping, else anonymous */
#define DIRTY_PRESENT	0x002	/* in memory, also while migrating */
#define DIRTY_SWAPPED	0x004	/* in swap or device-private */
#define DIRTY_ERROR	0x008	/* contents lost to a memory error */
#define DIRTY_WRITTEN	0x010	/* since the last acknowledgment */
#define DIRTY_EXCLUSIVE	0x020	/* no other process has it */
#define DIRTY_HUGE	0x040	/* mapped by a huge page */
#define DIRTY_KSM	0x080	/* merged by KSM */
#define DIRTY_LAZYFREE	0x100	/* the kernel may drop the contents */

/* Mappings where a writable entry may map a driver's page, or lack soft-dirty */
#define DIRTY_VM_SPECIAL	(VM_PFNMAP | VM_MIXEDMAP | VM_HUGETLB)

/**
 * struct dirty_run - neighbouring pages of one mapping with equal flags
 * @start: address of the first page
 * @end: address after the last page
 * @flags: their flags
 */
struct dirty_run {
	unsigned long start;
	unsigned long end;
	unsigned long flags;
};

/**
 * struct dirty_runs - an array of runs, and the run that is still growing
 * @free: the first free slot
 * @end: the end of the array
 * @start: where the growing run starts
 * @flags: its flags, or 0 if there is no such run
 */
struct dirty_runs {
	struct dirty_run *free;
	struct dirty_run *end;
	unsigned long start;
	unsigned long flags;
};

/*
 * Pages from @addr on have @flags, or are clean if @flags is 0. End the growing
 * run if its flags differ. Return false, with nothing changed, if the array has
 * no slot for that run: the walk must stop at @addr.
 */
static __always_inline bool dirty_set_flags(struct dirty_runs *runs,
					    unsigned long addr,
					    unsigned long flags)
{
	if (flags == runs->flags)
		return true;
	if (runs->flags) {
		if (runs->free == runs->end)
			return false;
		runs->free->start = runs->start;
		runs->free->end = addr;
		runs->free->flags = runs->flags;
		runs->free++;
	}
	runs->start = addr;
	runs->flags = flags;
	return true;
}

/**
 * struct dirty_walk - a range walk over the dirty pages of an address space
 * @runs: the runs found, in ascending order
 * @next: the walk is complete below this address
 * @end: where to stop
 * @vma_flags: flags of all pages of the current mapping
 * @normal: present entries of the current mapping map ordinary pages only
 * @plain: decode every entry; for comparison with the fast walk
 * @budget: entries that this batch may still visit
 * @slow: entries decoded so far, or followed to their page or its place in swap
 * @by_vma: lock one mapping at a time; else the caller holds the mmap lock
 * @locked: the mapping that is locked, or NULL
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
	bool by_vma;
	struct vm_area_struct *locked;
};

/**
 * struct dirty_times - timestamps of a batch; all are 0 unless tracing is enabled
 * @begin: before waiting for the lock
 * @locked: when the lock was taken
 * @unlocked: when the lock was dropped
 */
struct dirty_times {
	u64 begin;
	u64 locked;
	u64 unlocked;
};

/**
 * struct dirty_list_batch - the work of one batch of a listing
 * @times: timestamps
 * @ranges: lines completed
 * @pages: pages in these lines
 * @fast: entries that were only compared with a pattern
 * @slow: entries that were decoded, or followed to their page or its place in swap
 * @contended: the batch ended early because of a waiter for the lock
 * @last: the listing is complete
 */
struct dirty_list_batch {
	struct dirty_times times;
	unsigned long ranges;
	unsigned long pages;
	unsigned long fast;
	unsigned long slow;
	bool contended;
	bool last;
};

/**
 * struct dirty_ack_batch - the work of a writer during one hold of the mmap lock
 * @times: timestamps
 * @ranges: lines, or parts of lines
 * @entries: entries visited, including empty ones
 * @slow: of these, entries for which the references to the page were counted
 * @pages: pages acknowledged
 * @busy: pages that keep their bit because something else refers to them
 * @split: huge pages split
 */
struct dirty_ack_batch {
	struct dirty_times times;
	unsigned long ranges;
	unsigned long entries;
	unsigned long slow;
	unsigned long pages;
	unsigned long busy;
	unsigned long split;
};

/* The faults of debugfs dirty_pages/fail/ */
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
 * Between two batches no lock is held, so the mapping in which the walk stopped may
 * be unmapped. Return where the walk goes on that stopped at @addr. To simulate the
 * loss of the mapping, that is its end.
 */
static inline unsigned long dirty_resume_at(struct mm_struct *mm,
					    unsigned long addr)
{
	struct vm_area_struct *vma;

	if (!IS_ENABLED(CONFIG_PROC_DIRTY_PAGES_FAIL))
		return addr;
	rcu_read_lock();
	vma = vma_lookup(mm, addr);
	if (vma && vma->vm_start < addr && dirty_should_fail(DIRTY_FAIL_MAPPING))
		addr = vma->vm_end;
	rcu_read_unlock();
	return addr;
}

/* Return true if the entry points to a page table. */
static inline bool dirty_pmd_is_table(pmd_t pmd)
{
	return pmd_present(pmd) && !pmd_leaf(pmd);
}

/*
 * Return true if the page of an anonymous entry may have been written. No entry
 * should be writable without the soft-dirty bit; if one is, a write to its page
 * leaves no trace.
 */
static __always_inline bool dirty_pte_written(pte_t pte)
{
	return pte_soft_dirty(pte) || pte_write(pte);
}

/* Return the flags of a page, as the word that bit operations take. */
static __always_inline unsigned long *dirty_page_word(struct page *page)
{
	return (unsigned long *)&page->flags;
}

/* task_dirty_walk.c */
extern u32 dirty_pages_batch;

bool dirty_walk_batch(struct mm_struct *mm, struct dirty_walk *walk);
unsigned long dirty_pte_flags(struct vm_area_struct *vma, unsigned long addr,
			      pte_t pte);
unsigned long dirty_page_flags(struct page *page, pte_t pte);
bool dirty_is_only_swap_entry(swp_entry_t entry);
int dirty_skip_huge_pud(pud_t *pud, unsigned long addr, unsigned long end,
			struct mm_walk *walk);

/* task_dirty_fast.c */

/* The fast walk compares entries as words. PAE, for example, has larger ones. */
#define DIRTY_ENTRIES_ARE_WORDS	(sizeof(pte_t) == sizeof(unsigned long) && \
				 sizeof(pmd_t) == sizeof(unsigned long))

extern unsigned long dirty_pfn_bits;

/*
 * Return the frame number of an entry as the entry has it. Some entries have it
 * inverted, which only pte_pfn() undoes (see arch/x86/include/asm/pgtable-invert.h).
 * No writable entry does, but for those of a shadow stack that is PROT_NONE.
 */
static __always_inline unsigned long dirty_frame_of(pte_t pte)
{
#ifdef PFN_PTE_SHIFT
	return (pte_val(pte) & dirty_pfn_bits) >> PFN_PTE_SHIFT;
#else
	return pte_pfn(pte);
#endif
}

pte_t *dirty_walk_ptes(struct dirty_walk *walk, struct vm_area_struct *vma,
		       pte_t *pte, pte_t *end, unsigned long addr);
pmd_t *dirty_skip_pmds(pmd_t *pmd, pmd_t *end, unsigned long flags);

/* task_dirty_text.c */

/* "start-end flags\n": two addresses of at most 16 digits, seven flags */
#define DIRTY_LINE_MAX	(16 + 1 + 16 + 1 + 7 + 1)

char *dirty_format_runs(char *p, const struct dirty_run *run,
			const struct dirty_run *end);
int dirty_parse_line(const char *p, u64 limit, u64 *start, u64 *end);

/* task_dirty_ack.c */
struct dirty_ack;
struct iov_iter;

struct dirty_ack *dirty_ack_alloc(struct mm_struct *mm, pid_t pid);
void dirty_ack_free(struct dirty_ack *ack);
ssize_t dirty_ack_write(struct dirty_ack *ack, struct iov_iter *from);
int dirty_ack_flush(struct dirty_ack *ack);

#endif /* _FS_PROC_TASK_DIRTY_H */
