// SPDX-License-Identifier: GPL-2.0
/*
 * Acknowledgment of the lines of /proc/<pid>/dirty_pages: a line that is written
 * back clears the soft-dirty bits of the dirty pages in its range, and
 * write-protects them, so that the next write to a page sets its bit again.
 *
 * The listing may show "d" for a page that was not written. It must never miss a
 * write: once write() has returned, every write to an acknowledged page sets "d".
 * A page keeps its bit where this cannot be guaranteed: while it is busy, that is
 * while somebody has a reference through which they may write to it, while it
 * migrates, and in all states that the listing always shows as "d" (hugetlb,
 * devices, the zero page over a file, memory errors).
 *
 * The mmap lock is held for reading, for a batch of entries. It excludes fork,
 * mremap, mprotect and khugepaged, which copy, move, protect or collapse the pages
 * of a mapping. Page faults go on: the page-table lock, held for 64 entries at
 * most, serializes them with this code.
 *
 * Each batch flushes the TLBs before it drops the mmap lock. Until the flush, a
 * CPU may still write to a page with a write-protected entry. That write precedes
 * the end of the acknowledgment, so it is not lost. The kernel does not copy the
 * page in this time either: it copies no page that is marked exclusive, and only
 * these are writable. Fork removes the mark, but the lock excludes fork. Other code
 * that removes it flushes first (see mm_tlb_flush_pending()).
 */
#include <kunit/static_stub.h>
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/hugetlb.h>
#include <linux/leafops.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_notifier.h>
#include <linux/oom.h>
#include <linux/sched/coredump.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/timekeeping.h>
#include <linux/uio.h>

#include <asm/tlbflush.h>

#include <trace/events/dirty_pages.h>

#include "task_dirty.h"

/* The memory of an open file. kmalloc() would double it for one more byte. */
#define ACK_SIZE	SZ_64K

/* The most text to copy from user space at a time */
#define ACK_TEXT_MAX	(ACK_SIZE - sizeof(struct dirty_ack))

/* The longest line, without its newline */
#define ACK_LINE_MAX	128

/* Entries for one hold of a page-table lock: as many as a u64 has bits */
#define ACK_ENTRIES	64

/**
 * struct ack_span - addresses for which CPUs may have stale translations
 * @vma: their mapping, or NULL if there are several
 * @start: the lowest address
 * @end: the end of the highest page, or 0 if the span is empty
 */
struct ack_span {
	struct vm_area_struct *vma;
	unsigned long start;
	unsigned long end;
};

/**
 * struct dirty_ack - the acknowledgments of an open file
 * @mm: the address space, pinned by mmgrab() only, or NULL if there was none
 * @pid: the process that had it when the file was opened, for the tracepoint
 * @lock: held during a write; protects all members below
 * @start: start of the current line's range
 * @next: the range is acknowledged below this address
 * @end: end of the range
 * @resume: a signal interrupted the current line; the next write may repeat it
 * @budget: entries that this batch may still visit
 * @batch: counts of this batch
 * @locked: the mmap lock is held for reading
 * @drain: a page is busy, perhaps only because of an LRU batch of a CPU: drain these
 * @drained: the LRU batches were drained during this write
 * @visited: the entries that this batch has visited
 * @changed: the entries that this batch has changed
 * @range: the range of the current MMU notification
 * @notified: the invalidation of @range has begun, and has not ended
 * @partial: bytes of an unfinished line at the start of @text
 * @broken: a bad line was written
 * @text: the text that is being written
 */
struct dirty_ack {
	struct mm_struct *mm;
	pid_t pid;
	struct mutex lock;
	unsigned long start;
	unsigned long next;
	unsigned long end;
	bool resume;
	long budget;
	struct dirty_ack_batch batch;
	bool locked;
	bool drain;
	bool drained;
	struct ack_span visited;
	struct ack_span changed;
	struct mmu_notifier_range range;
	bool notified;
	size_t partial;
	bool broken;
	char text[];
};

/* The line is acknowledged below @addr. Return 1 to end the batch. */
static int account_progress(struct dirty_ack *a, unsigned long addr, long entries)
{
	a->next = addr;
	a->budget -= entries;
	a->batch.entries += entries;
	return a->budget <= 0 || mmap_lock_is_contended(a->mm) ||
	       fatal_signal_pending(current) ||
	       dirty_should_fail(DIRTY_FAIL_CONTENTION);
}

static void add_to_span(struct ack_span *span, struct vm_area_struct *vma,
			unsigned long start, unsigned long end)
{
	if (!span->end) {
		span->vma = vma;
		span->start = start;
	} else if (span->vma != vma) {
		span->vma = NULL;
	}
	span->start = min(span->start, start);
	span->end = max(span->end, end);
}

static unsigned int expected_refs(struct folio *folio)
{
	unsigned int refs = folio_mapcount(folio);

	if (folio_test_swapcache(folio))
		refs += folio_nr_pages(folio);
	return refs;
}

/**
 * struct page_counts - counts of a small page, read at one moment
 * @mappings: number of mappings, less one
 * @refs: number of references
 *
 * Each mapping holds a reference at all times.
 */
struct page_counts {
	int mappings;
	int refs;
};

/* The two are neighbours, so that one 64-bit load reads both at one moment. */
static __always_inline struct page_counts counts_of(struct page *page)
{
	union {
		u64 both;
		struct page_counts counts;
	} u;

	BUILD_BUG_ON(offsetof(struct page, _refcount) !=
		     offsetof(struct page, _mapcount) + sizeof(int));
	u.both = READ_ONCE(*(u64 *)&page->_mapcount);
	return u.counts;
}

/* See folio_has_extra_refs(). */
static bool small_folio_has_extra_refs(struct folio *folio, unsigned int ours)
{
	bool cached = folio_test_swapcache(folio);
	struct page_counts count;

	/* Read the counts between two reads of the flag; pairs with no barrier. */
	smp_rmb();
	count = counts_of(&folio->page);
	/* likewise */
	smp_rmb();
	return count.refs != count.mappings + 1 + cached + ours ||
	       folio_test_swapcache(folio) != cached;
}

/*
 * Return true if the folio has references beyond those of the page tables, of the
 * swap cache, and @ours. Their owner may write to it at any time, pinned or not:
 * direct I/O, a pipe, a fixed buffer of io_uring.
 *
 * No new writer can appear while this function runs: the caller has write-protected
 * the entry, with a full barrier after that, and get_user_pages_fast() reads the
 * entry again after it has taken its reference. The caller also holds the page-table
 * lock, so the counts of a page that is not shared do not change.
 *
 * Relatives that share the page may unmap and map it, however. Each keeps its
 * reference for longer than its mapping, so they can make a page look busy that is
 * not, but counts that were read at one moment never hide an extra reference. The
 * counts of a large folio are read by five loads, one after the other. A reference
 * without a pin is missed only if twice a relative unmaps the folio while another
 * maps it, and each of these steps falls between the right two loads.
 */
static bool folio_has_extra_refs(struct folio *folio, unsigned int ours)
{
	unsigned int expected;
	int look;

	if (IS_ENABLED(CONFIG_64BIT) && !folio_test_large(folio))
		return small_folio_has_extra_refs(folio, ours);
	if (folio_maybe_dma_pinned(folio))
		return true;
	expected = expected_refs(folio);
	for (look = 0; look < 2; look++) {
		/* Read alternately, see above; there is no barrier to pair with. */
		smp_rmb();
		if (folio_ref_count(folio) != expected + ours)
			return true;
		/* likewise */
		smp_rmb();
		if (expected_refs(folio) != expected)
			return true;
	}
	return false;
}

/*
 * Return true if the mappings of a page are certainly all of its references. This
 * is right for large folios too. The first page has the references to the whole
 * folio, which equal its own mappings only if there are no others. The other pages
 * have no references, so the counts of a mapped one never match. NO_PAGE_MAPCOUNT does
 * not count their mappings either, so the caller has to look at the folio. Without this
 * check, acknowledging pages that are all written takes 87 % more instructions.
 */
static __always_inline bool page_is_only_mapped(struct page *page)
{
	struct page_counts count = counts_of(page);

	if (IS_ENABLED(CONFIG_NO_PAGE_MAPCOUNT) && count.mappings < 0)
		return false;
	return IS_ENABLED(CONFIG_64BIT) && count.refs == count.mappings + 1;
}

/*
 * Until the LRU batches of the CPUs are drained, the extra reference of a small page
 * may belong to one of them. Large folios do not wait in LRU batches.
 */
static bool is_surely_busy(struct dirty_ack *a, struct folio *folio)
{
	return a->drained || folio_test_large(folio) ||
	       folio_maybe_dma_pinned(folio);
}

/**
 * struct ack_entries - sets of neighbouring entries, one bit for each entry
 * @counted: entries for which the references to the page must be counted
 * @cleared: entries that had the soft-dirty bit, or were writable
 * @writable: entries that were writable
 * @busy: entries that have the bit again, because their page is busy
 * @unsure: those of @busy whose page may be busy only because of an LRU batch
 * @swapped: entries of pages in swap; their references were counted already
 */
struct ack_entries {
	u64 counted;
	u64 cleared;
	u64 writable;
	u64 busy;
	u64 unsure;
	u64 swapped;
};

static void note_busy(struct dirty_ack *a, struct ack_entries *e, u64 bit,
		      struct folio *folio)
{
	e->busy |= bit;
	if (!is_surely_busy(a, folio))
		e->unsure |= bit;
}

static __always_inline void protect_pte(struct vm_area_struct *vma,
					unsigned long addr, pte_t *ptep)
{
	pte_t old = ptep_modify_prot_start(vma, addr, ptep);

	ptep_modify_prot_commit(vma, addr, ptep, old,
				pte_clear_soft_dirty(pte_wrprotect(old)));
}

/*
 * Most entries are writable. In an ordinary mapping, these map anonymous pages (see
 * task_dirty_fast.c). Return the set of entries that were writable. Without this
 * loop, acknowledging pages that are all written takes 87 % more instructions.
 */
static noinline u64 protect_writable(struct vm_area_struct *vma,
				     unsigned long addr, pte_t *ptep,
				     unsigned int nr)
{
	pte_t *end = ptep + nr;
	u64 bit = 1, writable = 0;

	for (; ptep != end; ptep++, addr += PAGE_SIZE, bit <<= 1) {
		pte_t pte = ptep_get(ptep);

		if (pte_present(pte) && pte_write(pte)) {
			protect_pte(vma, addr, ptep);
			writable |= bit;
		}
	}
	return writable;
}

/*
 * An entry without the bit may have lost it while its page was busy, so references
 * are counted for such an entry as well.
 */
static void clear_present_pte(struct ack_entries *e, u64 bit,
			      struct vm_area_struct *vma, unsigned long addr,
			      pte_t *ptep, pte_t pte)
{
	struct page *page = vm_normal_page(vma, addr, pte);

	if (!page || !PageAnon(page))
		return;
	e->counted |= bit;
	if (pte_write(pte))
		e->writable |= bit;
	if (!pte_write(pte) && !pte_soft_dirty(pte))
		return;
	e->cleared |= bit;
	protect_pte(vma, addr, ptep);
}

static struct folio *cached_folio(softleaf_t entry)
{
	KUNIT_STATIC_STUB_REDIRECT(cached_folio, entry);
	return swap_cache_peek(entry);
}

static void clear_swap_pte(struct dirty_ack *a, struct ack_entries *e, u64 bit,
			   struct vm_area_struct *vma, unsigned long addr,
			   pte_t *ptep, pte_t pte)
{
	softleaf_t entry = softleaf_from_pte(pte);
	struct folio *folio;

	/*
	 * Set the bit for a page under migration: its references do not
	 * distinguish users from the code that migrates it.
	 */
	if (softleaf_is_migration(entry))
		set_pte_at(vma->vm_mm, addr, ptep, pte_swp_mksoft_dirty(pte));
	if (!softleaf_is_swap(entry))
		return;

	e->swapped |= bit;
	/*
	 * Here it is safe to count before the bit is cleared: a fault that maps
	 * the page must wait for our lock.
	 */
	folio = cached_folio(entry);
	if (folio) {
		if (folio_has_extra_refs(folio, 1))
			note_busy(a, e, bit, folio);
		folio_put(folio);
	}
	if (e->busy & bit) {
		set_pte_at(vma->vm_mm, addr, ptep, pte_swp_mksoft_dirty(pte));
	} else if (pte_swp_soft_dirty(pte)) {
		e->cleared |= bit;
		set_pte_at(vma->vm_mm, addr, ptep, pte_swp_clear_soft_dirty(pte));
	}
}

static void restore_pte(struct vm_area_struct *vma, unsigned long addr,
			pte_t *ptep, bool writable)
{
	pte_t old = ptep_modify_prot_start(vma, addr, ptep);
	pte_t pte = pte_mksoft_dirty(old);

	if (writable)
		pte = pte_mkwrite(pte, vma);
	ptep_modify_prot_commit(vma, addr, ptep, old, pte);
}

/* Neighbours often belong to the same folio: count its references once. */
static void check_folio(struct dirty_ack *a, struct ack_entries *e,
			unsigned int i, struct folio *folio,
			struct folio **last, bool *busy)
{
	if (folio != *last)
		*busy = folio_has_extra_refs(folio, 0);
	*last = folio;
	if (*busy)
		note_busy(a, e, BIT_ULL(i), folio);
}

/* Restore the bit and the write permission of entries whose pages are busy. */
static void check_pages(struct dirty_ack *a, struct ack_entries *e,
			struct vm_area_struct *vma, unsigned long addr,
			pte_t *ptep)
{
	/* These entries have no inverted frame number, see dirty_frame_of(). */
	u64 plain = vma->vm_flags & VM_SHADOW_STACK ? 0 : e->writable;
	struct folio *last = NULL;
	bool busy = false;
	pte_t *pte = ptep;
	struct page *page;
	unsigned int i;
	u64 rest;

	/*
	 * Pairs with get_user_pages_fast(), which takes its reference before it
	 * reads the entry again. The changes must not be deferred either: this
	 * code never enters lazy MMU mode.
	 */
	smp_mb();
	for (rest = plain; rest; pte++, rest >>= 1) {
		if (!(rest & 1))
			continue;
		page = pfn_to_page(dirty_frame_of(ptep_get(pte)));
		if (!page_is_only_mapped(page))
			check_folio(a, e, pte - ptep, page_folio(page), &last,
				    &busy);
	}
	for (rest = e->counted & ~plain; rest; rest &= rest - 1) {
		i = __ffs64(rest);
		page = pfn_to_page(pte_pfn(ptep_get(ptep + i)));
		if (!page_is_only_mapped(page))
			check_folio(a, e, i, page_folio(page), &last, &busy);
	}
	for (rest = e->busy & ~e->swapped; rest; rest &= rest - 1) {
		i = __ffs64(rest);
		restore_pte(vma, addr + i * PAGE_SIZE, ptep + i,
			    e->writable & BIT_ULL(i));
	}
}

/* Return 1 to end the batch. */
static int note_entries(struct dirty_ack *a, const struct ack_entries *e,
			struct vm_area_struct *vma, unsigned long addr,
			unsigned int nr)
{
	u64 changed = e->cleared | e->busy, below = ~0ULL;

	add_to_span(&a->visited, vma, addr, addr + nr * PAGE_SIZE);
	/*
	 * This includes swap entries: reclaim sets them before it flushes, so a CPU
	 * may still be able to write to the page.
	 */
	if (changed)
		add_to_span(&a->changed, vma, addr + __ffs64(changed) * PAGE_SIZE,
			    addr + fls64(changed) * PAGE_SIZE);
	a->batch.pages += hweight64(e->cleared & ~e->busy);
	/* After the drain, resume at the first page that is perhaps not busy. */
	if (e->unsure) {
		a->drain = true;
		nr = __ffs64(e->unsure);
		below = BIT_ULL(nr) - 1;
	}
	a->batch.slow += hweight64((e->counted | e->swapped) & below);
	a->batch.busy += hweight64(e->busy & below);
	return account_progress(a, addr + nr * PAGE_SIZE, nr) || e->unsure;
}

/* Return -EAGAIN if the entry has ceased to point to a page table. */
static int ack_ptes(struct dirty_ack *a, struct vm_area_struct *vma, pmd_t *pmd,
		    unsigned long addr, unsigned int nr)
{
	struct ack_entries e = {};
	spinlock_t *ptl;
	pte_t *ptep;
	u64 rest;

	ptep = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);
	if (!ptep)
		return -EAGAIN;
	if (!(vma->vm_flags & DIRTY_VM_SPECIAL))
		e.writable = protect_writable(vma, addr, ptep, nr);
	e.counted = e.writable;
	e.cleared = e.writable;
	for (rest = GENMASK_ULL(nr - 1, 0) & ~e.writable; rest; rest &= rest - 1) {
		unsigned int i = __ffs64(rest);
		pte_t pte = ptep_get(ptep + i);

		if (pte_present(pte))
			clear_present_pte(&e, BIT_ULL(i), vma, addr + i * PAGE_SIZE,
					  ptep + i, pte);
		else if (!pte_none(pte))
			clear_swap_pte(a, &e, BIT_ULL(i), vma, addr + i * PAGE_SIZE,
				       ptep + i, pte);
	}
	if (e.counted)
		check_pages(a, &e, vma, addr, ptep);
	pte_unmap_unlock(ptep, ptl);
	return note_entries(a, &e, vma, addr, nr);
}

static int ack_pte_table(struct dirty_ack *a, struct vm_area_struct *vma,
			 pmd_t *pmd, unsigned long addr, unsigned long end)
{
	int ret = 0;

	while (!ret && addr != end) {
		unsigned long nr = min_t(unsigned long, (end - addr) >> PAGE_SHIFT,
					 clamp(a->budget, 1L, (long)ACK_ENTRIES));

		ret = ack_ptes(a, vma, pmd, addr, nr);
		addr += nr << PAGE_SHIFT;
	}
	return ret;
}

/* Have users of MMU notifiers been told that this range changes? */
static bool is_notified(const struct dirty_ack *a, unsigned long start,
			unsigned long end)
{
	return a->notified && a->range.start <= start && end <= a->range.end;
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/*
 * Only entries of present anonymous huge pages are cleared. Return false where there
 * is nothing to clear or to restore, so that the page need not be split for it.
 */
static bool huge_pmd_is_clearable(struct vm_area_struct *vma,
				  unsigned long addr, pmd_t pmd)
{
	struct page *page;

	if (!pmd_present(pmd))
		return false;
	page = vm_normal_page_pmd(vma, addr, pmd);
	if (!page || !PageAnon(page))
		return false;
	return pmd_soft_dirty(pmd) || pmd_write(pmd) ||
	       folio_has_extra_refs(page_folio(page), 0);
}

static void clear_huge_pmd(struct dirty_ack *a, struct vm_area_struct *vma,
			   unsigned long addr, pmd_t *pmdp)
{
	pmd_t pmd = pmdp_invalidate_ad(vma, addr, pmdp);

	a->batch.slow++;
	/* Pairs as in check_pages() */
	smp_mb();
	if (folio_has_extra_refs(pmd_folio(pmd), 0)) {
		pmd = pmd_mksoft_dirty(pmd);
		a->batch.busy += HPAGE_PMD_NR;
	} else {
		pmd = pmd_clear_soft_dirty(pmd_wrprotect(pmd));
		a->batch.pages += HPAGE_PMD_NR;
	}
	set_pmd_at(vma->vm_mm, addr, pmdp, pmd);
	add_to_span(&a->changed, vma, addr, addr + HPAGE_PMD_SIZE);
}

/* Return -EAGAIN if there are page-table entries instead. */
static int ack_huge_pmd(struct dirty_ack *a, struct vm_area_struct *vma,
			pmd_t *pmd, unsigned long addr, unsigned long end)
{
	spinlock_t *ptl = pmd_trans_huge_lock(pmd, vma);

	if (!ptl)
		return -EAGAIN;
	if (pmd_is_migration_entry(*pmd)) {
		/* Set the bit, as for a small page under migration. */
		set_pmd_at(vma->vm_mm, addr & HPAGE_PMD_MASK, pmd,
			   pmd_swp_mksoft_dirty(*pmd));
	} else if (huge_pmd_is_clearable(vma, addr, *pmd)) {
		/* Never acknowledge more than the line */
		if (end - addr != HPAGE_PMD_SIZE) {
			spin_unlock(ptl);
			split_huge_pmd(vma, pmd, addr);
			a->budget -= HPAGE_PMD_NR;
			a->batch.split++;
			return -EAGAIN;
		}
		/*
		 * notify_begin() saw a table, which MADV_DONTNEED freed since. The
		 * mmap lock keeps the set of notifiers as it was then.
		 */
		if (mm_has_notifiers(a->mm) && !is_notified(a, addr, end)) {
			spin_unlock(ptl);
			return -EAGAIN;
		}
		clear_huge_pmd(a, vma, addr, pmd);
	}
	spin_unlock(ptl);
	add_to_span(&a->visited, vma, addr, end);
	return account_progress(a, end, 1);
}
#else
static int ack_huge_pmd(struct dirty_ack *a, struct vm_area_struct *vma,
			pmd_t *pmd, unsigned long addr, unsigned long end)
{
	return -EAGAIN;
}
#endif

/*
 * Return the addresses to flush. Another acknowledgment may have cleared bits
 * without having flushed yet. This batch found these entries clear, so it must flush
 * them as well.
 */
static const struct ack_span *to_flush(const struct dirty_ack *a)
{
	return mm_tlb_flush_nested(a->mm) ? &a->visited : &a->changed;
}

/* Flush the TLBs, then end the invalidation that notify_begin() began. */
static void flush_tlbs(struct dirty_ack *a)
{
	const struct ack_span *span = to_flush(a);

	if (dirty_should_fail(DIRTY_FAIL_FLUSH))
		msleep(MSEC_PER_SEC);
	if (span->end && span->vma)
		flush_tlb_range(span->vma, span->start, span->end);
	else if (span->end)
		flush_tlb_mm(a->mm);
	a->visited.end = 0;
	a->changed.end = 0;
	if (a->notified)
		mmu_notifier_invalidate_range_end(&a->range);
	a->notified = false;
}

/*
 * Users of MMU notifiers, such as KVM, must fault these pages again as well.
 * Notifiers may sleep, so they are called before a page-table lock is taken. They
 * stop all use of the range, so the range covers no more of the mapping than this
 * batch can reach. The invalidation ends once the TLBs are flushed.
 */
static void notify_begin(struct dirty_ack *a, struct vm_area_struct *vma,
			 pmd_t *pmd, unsigned long addr, unsigned long end)
{
	unsigned long pages = min_t(unsigned long, max(a->budget, 1L),
				    (vma->vm_end - addr) >> PAGE_SHIFT);
	unsigned long last = addr + (pages << PAGE_SHIFT);

	if (!mm_has_notifiers(a->mm))
		return;
	/* A huge page is visited as a whole, whatever is left of the budget. */
	if (dirty_pmd_is_table(pmdp_get_lockless(pmd)))
		end = min(end, last);
	if (is_notified(a, addr, end))
		return;
	if (a->notified)
		flush_tlbs(a);
	mmu_notifier_range_init(&a->range, MMU_NOTIFY_PROTECTION_PAGE, 0, a->mm,
				addr, max(end, last));
	mmu_notifier_invalidate_range_start(&a->range);
	a->notified = true;
}

static int ack_pmd_entry(pmd_t *pmd, unsigned long addr, unsigned long end,
			 struct mm_walk *walk)
{
	struct dirty_ack *a = walk->private;
	int ret;

	notify_begin(a, walk->vma, pmd, addr, end);
	ret = ack_huge_pmd(a, walk->vma, pmd, addr, end);
	if (ret == -EAGAIN)
		ret = ack_pte_table(a, walk->vma, pmd, addr, end);
	if (ret == -EAGAIN) {
		walk->action = ACTION_AGAIN;
		ret = 0;
	}
	cond_resched();
	return ret;
}

static int ack_hole(unsigned long addr, unsigned long end, int depth,
		    struct mm_walk *walk)
{
	struct dirty_ack *a = walk->private;

	/*
	 * UFFDIO_MOVE removes a huge page, and puts it back if it is pinned. An
	 * acknowledgment that cleared its bit before may not have flushed yet.
	 */
	add_to_span(&a->visited, walk->vma, addr, end);
	return account_progress(a, end, 1);
}

static const struct mm_walk_ops ack_walk_ops = {
	.pud_entry	= dirty_skip_huge_pud,
	.pmd_entry	= ack_pmd_entry,
	.pte_hole	= ack_hole,
	.walk_lock	= PGWALK_RDLOCK,
};

/*
 * Acknowledge as much of the current line as this batch allows. Return false to end
 * the batch.
 */
static bool ack_rest_of_line(struct dirty_ack *a)
{
	VMA_ITERATOR(vmi, a->mm, dirty_resume_at(a->mm, a->next));
	struct vm_area_struct *vma;

	a->batch.ranges++;
	for_each_vma_range(vmi, vma, a->end) {
		unsigned long start = max(a->next, vma->vm_start);
		unsigned long end = min(a->end, vma->vm_end);

		/* As in the listing, except that hugetlb pages are always "d" */
		if (vma_is_cow_mapping(vma) && READ_ONCE(vma->anon_vma) &&
		    !is_vm_hugetlb_page(vma) &&
		    walk_page_range_vma(vma, start, end, &ack_walk_ops, a))
			return false;
		if (account_progress(a, end, 1))
			return false;
	}
	return !account_progress(a, a->end, 1);
}

/* The OOM reaper, too, holds the mmap lock for reading while it frees pages. */
static bool is_reaped(struct mm_struct *mm)
{
	return check_stable_address_space(mm) ||
	       dirty_should_fail(DIRTY_FAIL_REAP);
}

static int begin_batch(struct dirty_ack *a)
{
	struct mm_struct *mm = a->mm;
	int ret;

	if (signal_pending(current))
		return -ERESTARTSYS;
	if (!mm || dirty_should_fail(DIRTY_FAIL_EXIT) || !mmget_not_zero(mm))
		return -ESRCH;
	lru_add_drain();
	a->batch = (struct dirty_ack_batch){};
	if (trace_dirty_pages_ack_enabled())
		a->batch.times.begin = ktime_get_ns();
	ret = dirty_should_fail(DIRTY_FAIL_LOCK) ? -EINTR :
	      mmap_read_lock_killable(mm);
	if (ret)
		goto out_mmput;
	if (a->batch.times.begin)
		a->batch.times.locked = ktime_get_ns();
	if (is_reaped(mm)) {
		ret = -ESRCH;
		goto out_unlock;
	}
	mm_flags_set(MMF_SOFT_DIRTY_CLEARED, mm);
	/* Do both before any bit is cleared. Pairs with private_pte_is_back(). */
	smp_mb__after_atomic();
	inc_tlb_flush_pending(mm);
	a->budget = clamp_t(u32, READ_ONCE(dirty_pages_batch), 1, INT_MAX);
	a->locked = true;
	return 0;

out_unlock:
	mmap_read_unlock(mm);
out_mmput:
	mmput(mm);
	return ret;
}

static void account_batch(struct dirty_ack *a)
{
	struct dirty_ack_batch *batch = &a->batch;

	if (batch->times.begin) {
		batch->times.unlocked = ktime_get_ns();
		trace_dirty_pages_ack(a->pid, batch);
	}
}

/* Return -ESRCH if the address space is being torn down. */
static int end_batch(struct dirty_ack *a)
{
	struct mm_struct *mm = a->mm;
	int ret;

	if (!a->locked)
		return 0;
	flush_tlbs(a);
	dec_tlb_flush_pending(mm);
	ret = is_reaped(mm) ? -ESRCH : 0;
	a->locked = false;
	mmap_read_unlock(mm);
	account_batch(a);
	mmput(mm);
	cond_resched();

	if (a->drain) {
		lru_add_drain_all();
		a->drain = false;
		a->drained = true;
	}
	return ret;
}

/* Keep the lock for the next line, unless the batch is used up. */
static int ack_range(struct dirty_ack *a, unsigned long start,
		     unsigned long end)
{
	int ret = 0;

	/* Resume a line: signals may arrive before a long line is ever done. */
	if (!a->resume || start != a->start || end != a->end) {
		a->start = start;
		a->next = start;
		a->end = end;
	}
	while (!ret && a->next < a->end) {
		if (!a->locked)
			ret = begin_batch(a);
		if (!ret && !ack_rest_of_line(a))
			ret = end_batch(a);
	}
	a->resume = ret == -ERESTARTSYS;
	return ret;
}

static int ack_line(struct dirty_ack *a, const char *line)
{
	u64 start, end;
	int ret;

	if (!a->mm)
		return -ESRCH;
	ret = dirty_parse_line(line, a->mm->task_size, &start, &end);
	if (ret > 0)
		ret = ack_range(a, start, end);
	else if (ret < 0)
		a->broken = true;
	return ret;
}

/*
 * Acknowledge the complete lines of the text. Return the number of bytes in the
 * lines that took effect, and set *@err to the error that stopped it, or 0.
 */
static size_t ack_lines(struct dirty_ack *a, size_t len, int *err)
{
	size_t done = 0;
	int ret;

	*err = 0;
	while (done < len) {
		char *line = a->text + done;
		size_t rest = len - done;
		char *newline = memchr(line, '\n', min(rest, ACK_LINE_MAX + 1));

		if (newline) {
			*err = ack_line(a, line);
		} else if (rest > ACK_LINE_MAX) {
			a->broken = true;
			*err = -EINVAL;
		}
		if (*err || !newline)
			break;
		done = newline + 1 - a->text;
	}
	/* write() does not return before the TLBs are flushed. */
	ret = end_batch(a);
	if (!*err)
		*err = ret;
	return done;
}

/*
 * Return how many bytes of the input took effect or are stored as the start of a
 * line. If nothing took effect, keep the start that an earlier call stored.
 */
static ssize_t ack_text(struct dirty_ack *a, struct iov_iter *from)
{
	ssize_t taken = 0;
	int err = 0;

	while (iov_iter_count(from) && !err) {
		size_t partial = a->partial;
		size_t room = ACK_TEXT_MAX - partial;
		size_t len, done;

		if (signal_pending(current)) {
			err = -ERESTARTSYS;
			break;
		}
		if (dirty_should_fail(DIRTY_FAIL_COPY_FROM_USER))
			room = min(room, iov_iter_count(from)) / 2;
		len = partial + copy_from_iter(a->text + partial, room, from);
		if (len == partial) {
			err = -EFAULT;
			break;
		}
		done = ack_lines(a, len, &err);
		if (!err) {
			taken += len - partial;
			a->partial = len - done;
			memmove(a->text, a->text + done, a->partial);
		} else if (done) {
			taken += done - partial;
			a->partial = 0;
		}
		cond_resched();
	}
	if (a->broken) {
		/* Do not count the start of the bad line, if this call stored it. */
		taken -= min_t(size_t, taken, a->partial);
		a->partial = 0;
	}
	return taken ?: err;
}

/**
 * dirty_ack_write() - acknowledge lines written to the file
 * @a: the acknowledgments of the open file
 * @from: the text; calls may split lines at any byte
 *
 * Context: Process context. Takes the mmap lock for reading, repeatedly. May
 * sleep.
 * Return: the number of bytes accepted, up to the first bad line; -EINVAL if there
 * are none because the first line is bad, or an earlier call wrote a bad line;
 * -EOPNOTSUPP without soft-dirty tracking; -ESRCH without an address space; -EFAULT,
 * -ERESTARTSYS, -EINTR.
 */
ssize_t dirty_ack_write(struct dirty_ack *a, struct iov_iter *from)
{
	ssize_t ret = -EINVAL;

	if (!pgtable_supports_soft_dirty())
		return -EOPNOTSUPP;
	if (mutex_lock_interruptible(&a->lock))
		return -ERESTARTSYS;
	a->drained = false;
	if (!a->broken)
		ret = ack_text(a, from);
	mutex_unlock(&a->lock);
	return ret;
}

/**
 * dirty_ack_flush() - report an incomplete last line when a descriptor is closed
 * @a: the acknowledgments of the open file
 *
 * Return: -EINVAL if the last line has no newline, as it had no effect; else 0.
 */
int dirty_ack_flush(struct dirty_ack *a)
{
	return READ_ONCE(a->partial) ? -EINVAL : 0;
}

/**
 * dirty_ack_alloc() - allocate the acknowledgments of an open file
 * @mm: the address space, which the caller keeps pinned by mmgrab(), or NULL
 * @pid: its process, for the tracepoint
 *
 * Return: the acknowledgments, to be freed by dirty_ack_free(), or NULL if out of
 * memory.
 */
struct dirty_ack *dirty_ack_alloc(struct mm_struct *mm, pid_t pid)
{
	struct dirty_ack *a = NULL;

	if (!dirty_should_fail(DIRTY_FAIL_ALLOCATION))
		a = kvzalloc(ACK_SIZE, GFP_KERNEL_ACCOUNT);
	if (a) {
		mutex_init(&a->lock);
		a->mm = mm;
		a->pid = pid;
	}
	return a;
}

/**
 * dirty_ack_free() - free the acknowledgments of an open file
 * @a: from dirty_ack_alloc(), or NULL
 */
void dirty_ack_free(struct dirty_ack *a)
{
	kvfree(a);
}

#if defined(CONFIG_PROC_DIRTY_PAGES_KUNIT_TEST) && defined(CONFIG_MEM_SOFT_DIRTY)
#include "tests/task_dirty_ack_entry_kunit.c"
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
#include "tests/task_dirty_ack_huge_kunit.c"
#endif
#endif
