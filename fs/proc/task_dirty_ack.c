// SPDX-License-Identifier: GPL-2.0
/*
 * Acknowledging what /proc/<pid>/dirty_pages listed: a line that is written
 * back clears the soft-dirty bits of the dirty pages in its range, and
 * write-protects them, so that the next write to a page sets its bit again.
 *
 * A page may be said to have been written though it was not. The reverse must
 * never happen: once write() has returned, every write to an acknowledged page
 * sets "d". Where that cannot be had, the page keeps its bit: while somebody
 * holds a reference by which he may write, while it migrates, and in all states
 * in which the listing always says "d" (hugetlb, devices, the zero page over a
 * file, memory errors).
 *
 * All is done under the mmap lock held for writing, for a bounded number of
 * entries at a time. That also shuts out page faults, fork, and those who write
 * through an unpinned page under the lock, as ptrace does.
 */
#include <linux/dirty_pages.h>
#include <linux/huge_mm.h>
#include <linux/hugetlb.h>
#include <linux/mm_inline.h>
#include <linux/mmap_lock.h>
#include <linux/mmu_notifier.h>
#include <linux/oom.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/timekeeping.h>
#include <linux/uio.h>

#include <asm/tlbflush.h>

#include <trace/events/dirty_pages.h>

/* What an open file takes: of a byte more, kmalloc() makes twice as much. */
#define ACK_SIZE	SZ_64K

/* How much text is taken from user space at a time */
#define ACK_TEXT_MAX	(ACK_SIZE - sizeof(struct dirty_ack))

/* The longest line, without its newline */
#define ACK_LINE_MAX	128

/**
 * struct dirty_ack - the acknowledgments of an open file
 * @mm: the address space, pinned by mmgrab() only, or NULL if there was none
 * @pid: what process had it when the file was opened, for those who trace
 * @lock: held over a write; protects all that follows
 * @start: where the line at hand starts
 * @next: everything of it that lies below is acknowledged
 * @end: where it ends
 * @resume: a signal interrupted the line at hand; the next may be its repetition
 * @budget: entries that this hold of the mmap lock may still look at
 * @hold: what was done during this hold
 * @holding: the mmap lock is held for writing
 * @drain: a page is held, perhaps only by a CPU's LRU batch: have them drained
 * @drained: that was done during this write
 * @flush_vma: the mapping with changed entries, if it was but one
 * @flush_start: lowest address of a changed entry
 * @flush_end: end of the highest, 0 if none was changed
 * @kept: bytes of an unfinished line at the start of @text
 * @broken: a bad line was written
 * @text: what is being written
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
	struct dirty_hold hold;
	bool holding;
	bool drain;
	bool drained;
	struct vm_area_struct *flush_vma;
	unsigned long flush_start;
	unsigned long flush_end;
	size_t kept;
	bool broken;
	char text[];
};

/* Returns 1 to end the hold of the lock: all below @addr has been looked at. */
static int looked_at(struct dirty_ack *a, unsigned long addr, long entries)
{
	a->next = addr;
	a->budget -= entries;
	a->hold.entries += entries;
	return a->budget <= 0 || dirty_should_fail(DIRTY_FAIL_CONTENTION);
}

/*
 * Entries of [@addr, @end) have changed. That holds for swap entries too:
 * reclaim puts them in before it flushes, so that a CPU may still be able to
 * write to the page that was there.
 */
static void note_flush(struct dirty_ack *a, struct vm_area_struct *vma,
		       unsigned long addr, unsigned long end)
{
	if (!a->flush_end) {
		a->flush_vma = vma;
		a->flush_start = addr;
	} else if (a->flush_vma != vma) {
		a->flush_vma = NULL;
	}
	a->flush_start = min(a->flush_start, addr);
	a->flush_end = max(a->flush_end, end);
}

static unsigned int expected_refs(struct folio *folio)
{
	unsigned int refs = folio_mapcount(folio);

	if (folio_test_swapcache(folio))
		refs += folio_nr_pages(folio);
	return refs;
}

/*
 * Does somebody hold a reference beyond those of the page tables, of the swap
 * cache, and @ours? He may write by it at any time, whether he pinned the page
 * or not: direct I/O, a pipe, a fixed buffer of io_uring.
 *
 * No new writer can come while this is asked: the entry was changed before,
 * and get_user_pages_fast() looks at it again after taking its reference. For
 * a page of ours alone nothing else that counts here changes either, without
 * the page-table lock. But relatives that share the page may unmap it and map
 * it meanwhile. Each has a reference for longer than it counts as a mapping, so
 * that either makes the page look held. To miss a writer, all looks at the
 * mappings have to find as many, and both at the references one fewer: one
 * relative has to go and another to come, twice, each between the right two of
 * five neighbouring loads.
 */
static bool folio_is_held(struct folio *folio, unsigned int ours)
{
	unsigned int expected;
	int look;

	/* Pairs with taking the reference before the second look at the entry */
	smp_mb();
	expected = expected_refs(folio);
	for (look = 0; look < 2; look++) {
		/* Alternately, as told above; there is no barrier to pair with. */
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
 * @pages that are held keep their bits. Before that is said of the first ones,
 * the references of LRU batches, which say nothing, are got rid of: returns 1 to
 * have this done, and the entry looked at again.
 */
static int held(struct dirty_ack *a, unsigned long pages)
{
	if (a->drained) {
		a->hold.held += pages;
		return 0;
	}
	a->drain = true;
	return 1;
}

/* Where the bit was cleared before, somebody may write by a reference since. */
static int clear_present_pte(struct dirty_ack *a, struct vm_area_struct *vma,
			     unsigned long addr, pte_t *ptep)
{
	pte_t pte = ptep_get(ptep);
	struct page *page;
	int stop = 0;

	page = vm_normal_page(vma, addr, pte);
	if (!page || !PageAnon(page))
		return 0;

	a->hold.slow++;
	if (!pte_soft_dirty(pte) && !pte_write(pte) &&
	    !folio_is_held(page_folio(page), 0))
		return 0;
	/* Not ptep_modify_prot_start(), which Xen makes a mere read. */
	pte = ptep_get_and_clear(vma->vm_mm, addr, ptep);
	if (folio_is_held(page_folio(page), 0)) {
		stop = held(a, 1);
		pte = pte_mksoft_dirty(pte);
	} else {
		pte = pte_clear_soft_dirty(pte_wrprotect(pte));
		a->hold.pages++;
	}
	set_pte_at(vma->vm_mm, addr, ptep, pte);
	note_flush(a, vma, addr, addr + PAGE_SIZE);
	return stop;
}

static int clear_swap_pte(struct dirty_ack *a, struct vm_area_struct *vma,
			  unsigned long addr, pte_t *ptep)
{
	pte_t pte = ptep_get(ptep);
	swp_entry_t entry = pte_to_swp_entry(pte);
	struct folio *folio;
	bool is_held = false;

	/*
	 * A page under migration keeps its bit, as who refers to it is not to be
	 * told from who migrates it. If clear_refs has taken it, the page would
	 * become writable without it.
	 */
	if (is_writable_migration_entry(entry))
		set_pte_at(vma->vm_mm, addr, ptep, pte_swp_mksoft_dirty(pte));
	if (non_swap_entry(entry))
		return 0;

	a->hold.slow++;
	folio = swap_cache_peek(entry);
	if (folio) {
		is_held = folio_is_held(folio, 1);
		folio_put(folio);
	}
	if (is_held) {
		set_pte_at(vma->vm_mm, addr, ptep, pte_swp_mksoft_dirty(pte));
		return held(a, 1);
	}
	if (!pte_swp_soft_dirty(pte))
		return 0;
	a->hold.pages++;
	set_pte_at(vma->vm_mm, addr, ptep, pte_swp_clear_soft_dirty(pte));
	note_flush(a, vma, addr, addr + PAGE_SIZE);
	return 0;
}

/* Returns 1 if the entry has to be looked at again. */
static int clear_pte(struct dirty_ack *a, struct vm_area_struct *vma,
		     unsigned long addr, pte_t *ptep)
{
	pte_t pte = ptep_get(ptep);

	if (pte_none(pte))
		return 0;
	if (pte_present(pte))
		return clear_present_pte(a, vma, addr, ptep);
	return clear_swap_pte(a, vma, addr, ptep);
}

/* Returns -EAGAIN if the table has just become something else. */
static int ack_pte_table(struct dirty_ack *a, struct vm_area_struct *vma,
			 pmd_t *pmd, unsigned long addr, unsigned long end)
{
	unsigned long start = addr;
	pte_t *start_pte, *pte;
	spinlock_t *ptl;
	int stop = 0;

	if ((end - addr) >> PAGE_SHIFT > a->budget)
		end = addr + (max(a->budget, 1L) << PAGE_SHIFT);

	start_pte = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);
	if (!start_pte)
		return -EAGAIN;
	for (pte = start_pte; addr != end; pte++, addr += PAGE_SIZE) {
		stop = clear_pte(a, vma, addr, pte);
		if (stop)
			break;
	}
	pte_unmap_unlock(start_pte, ptl);
	/* One that has to be looked at again has not been looked at. */
	a->hold.slow -= stop;
	return looked_at(a, addr, (addr - start) >> PAGE_SHIFT) || stop;
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/*
 * Only an anonymous huge page that is present is ever cleared, and split for it
 * only if there is something to clear, or to give back.
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
	       folio_is_held(page_folio(page), 0);
}

static int clear_huge_pmd(struct dirty_ack *a, struct vm_area_struct *vma,
			  unsigned long addr, pmd_t *pmdp)
{
	pmd_t pmd = pmdp_invalidate_ad(vma, addr, pmdp);
	int stop = 0;

	a->hold.slow++;
	if (folio_is_held(pmd_folio(pmd), 0)) {
		stop = held(a, HPAGE_PMD_NR);
		pmd = pmd_mksoft_dirty(pmd);
	} else {
		pmd = pmd_clear_soft_dirty(pmd_wrprotect(pmd));
		a->hold.pages += HPAGE_PMD_NR;
	}
	set_pmd_at(vma->vm_mm, addr, pmdp, pmd);
	note_flush(a, vma, addr, addr + HPAGE_PMD_SIZE);
	return stop;
}

/* Returns -EAGAIN if there are page-table entries to look at instead. */
static int ack_huge_pmd(struct dirty_ack *a, struct vm_area_struct *vma,
			pmd_t *pmd, unsigned long addr, unsigned long end)
{
	spinlock_t *ptl = pmd_trans_huge_lock(pmd, vma);
	int stop = 0;

	if (!ptl)
		return -EAGAIN;
	if (is_pmd_migration_entry(*pmd)) {
		/* Keeps its bit, as a small page does, or gets it back. */
		set_pmd_at(vma->vm_mm, addr & HPAGE_PMD_MASK, pmd,
			   pmd_swp_mksoft_dirty(*pmd));
	} else if (huge_pmd_is_clearable(vma, addr, *pmd)) {
		/* Never more than was asked for */
		if (end - addr != HPAGE_PMD_SIZE) {
			spin_unlock(ptl);
			split_huge_pmd(vma, pmd, addr);
			a->budget -= HPAGE_PMD_NR;
			a->hold.split++;
			return -EAGAIN;
		}
		stop = clear_huge_pmd(a, vma, addr, pmd);
	}
	spin_unlock(ptl);
	return looked_at(a, stop ? addr : end, 1) || stop;
}

#else
static int ack_huge_pmd(struct dirty_ack *a, struct vm_area_struct *vma,
			pmd_t *pmd, unsigned long addr, unsigned long end)
{
	return -EAGAIN;
}
#endif

static int ack_pmd(struct dirty_ack *a, pmd_t *pmd, unsigned long addr,
		   unsigned long end, struct mm_walk *walk)
{
	int ret = ack_huge_pmd(a, walk->vma, pmd, addr, end);

	if (ret == -EAGAIN)
		ret = ack_pte_table(a, walk->vma, pmd, addr, end);
	if (ret == -EAGAIN) {
		walk->action = ACTION_AGAIN;
		ret = 0;
	}
	return ret;
}

static int ack_pmd_entry(pmd_t *pmd, unsigned long addr, unsigned long end,
			 struct mm_walk *walk)
{
	struct dirty_ack *a = walk->private;
	struct mmu_notifier_range range;
	int ret;

	/* Others that map these pages, as KVM does, have to fault too. */
	mmu_notifier_range_init(&range, MMU_NOTIFY_SOFT_DIRTY, 0, walk->mm,
				addr, end);
	mmu_notifier_invalidate_range_start(&range);
	ret = ack_pmd(a, pmd, addr, end, walk);
	mmu_notifier_invalidate_range_end(&range);
	cond_resched();
	return ret;
}

static int ack_hole(unsigned long addr, unsigned long end, int depth,
		    struct mm_walk *walk)
{
	return looked_at(walk->private, end, 1);
}

static const struct mm_walk_ops ack_walk_ops = {
	.pud_entry	= dirty_skip_huge_pud,
	.pmd_entry	= ack_pmd_entry,
	.pte_hole	= ack_hole,
	.walk_lock	= PGWALK_WRLOCK,
};

/*
 * Acknowledge what of the line at hand this hold of the lock allows. Returns
 * false if the hold has to end.
 */
static bool ack_batch(struct dirty_ack *a)
{
	VMA_ITERATOR(vmi, a->mm, a->next);
	struct vm_area_struct *vma;

	dirty_may_lose_mapping(&vmi, a->mm, a->next);
	a->hold.ranges++;
	for_each_vma_range(vmi, vma, a->end) {
		unsigned long start = max(a->next, vma->vm_start);
		unsigned long end = min(a->end, vma->vm_end);

		/* As in the listing, and hugetlb pages are always "d". */
		if (is_cow_mapping(vma->vm_flags) && vma->anon_vma &&
		    !is_vm_hugetlb_page(vma) &&
		    walk_page_range_vma(vma, start, end, &ack_walk_ops, a))
			return false;
		if (looked_at(a, end, 1))
			return false;
	}
	return !looked_at(a, a->end, 1);
}

static int begin_hold(struct dirty_ack *a)
{
	struct mm_struct *mm = a->mm;
	int ret;

	if (signal_pending(current))
		return -ERESTARTSYS;
	if (!mm || dirty_should_fail(DIRTY_FAIL_EXIT) || !mmget_not_zero(mm))
		return -ESRCH;
	lru_add_drain();
	a->hold = (struct dirty_hold){};
	if (trace_dirty_pages_ack_enabled())
		a->hold.times.begin = ktime_get_ns();
	ret = dirty_should_fail(DIRTY_FAIL_LOCK) ? -EINTR :
	      mmap_write_lock_killable(mm);
	if (ret)
		goto out_mmput;
	if (a->hold.times.begin)
		a->hold.times.locked = ktime_get_ns();
	if (check_stable_address_space(mm) ||
	    dirty_should_fail(DIRTY_FAIL_REAP)) {
		ret = -ESRCH;
		goto out_unlock;
	}
	/* Before any bit is cleared: see there */
	set_bit(MMF_SOFT_DIRTY_CLEARED, &mm->flags);
	inc_tlb_flush_pending(mm);
	a->budget = max(READ_ONCE(dirty_pages_batch), 1U);
	a->flush_end = 0;
	a->holding = true;
	return 0;

out_unlock:
	mmap_write_unlock(mm);
out_mmput:
	mmput(mm);
	return ret;
}

static void note_hold(struct dirty_ack *a)
{
	struct dirty_hold *hold = &a->hold;

	if (hold->times.begin) {
		hold->times.unlocked = ktime_get_ns();
		trace_dirty_pages_ack(a->pid, hold);
	}
	dirty_stat_add(DIRTY_STAT_ACK_HOLDS, 1);
	dirty_stat_add(DIRTY_STAT_ACK_FAST, hold->entries - hold->slow);
	dirty_stat_add(DIRTY_STAT_ACK_SLOW, hold->slow);
	dirty_stat_add(DIRTY_STAT_ACK_PAGES, hold->pages);
	dirty_stat_add(DIRTY_STAT_ACK_HELD, hold->held);
	dirty_stat_add(DIRTY_STAT_ACK_SPLIT, hold->split);
}

static void end_hold(struct dirty_ack *a)
{
	struct mm_struct *mm = a->mm;

	if (!a->holding)
		return;
	if (a->flush_end && a->flush_vma)
		flush_tlb_range(a->flush_vma, a->flush_start, a->flush_end);
	else if (a->flush_end)
		flush_tlb_mm(mm);
	dec_tlb_flush_pending(mm);
	a->holding = false;
	mmap_write_unlock(mm);
	note_hold(a);
	mmput(mm);
	cond_resched();

	if (a->drain) {
		lru_add_drain_all();
		dirty_stat_add(DIRTY_STAT_ACK_DRAINS, 1);
		a->drain = false;
		a->drained = true;
	}
}

/* Leaves the lock held for the next line, unless the batch is used up. */
static int ack_range(struct dirty_ack *a, unsigned long start,
		     unsigned long end)
{
	int ret;

	/* Signals may come faster than a long line is done. */
	if (!a->resume || start != a->start || end != a->end) {
		a->start = start;
		a->next = start;
		a->end = end;
	}
	a->resume = false;
	while (a->next < a->end) {
		ret = a->holding ? 0 : begin_hold(a);
		if (ret) {
			a->resume = ret == -ERESTARTSYS;
			return ret;
		}
		if (!ack_batch(a))
			end_hold(a);
	}
	dirty_stat_add(DIRTY_STAT_ACK_LINES, 1);
	return 0;
}

/* A number of 1 to 16 hexadecimal digits. Returns NULL if there is none. */
static const char *scan_address(const char *p, u64 *addr)
{
	const char *start = p;
	int digit;

	*addr = 0;
	while (p - start < 16 && (digit = hex_to_bin(*p)) >= 0) {
		*addr = *addr << 4 | digit;
		p++;
	}
	return p == start ? NULL : p;
}

/*
 * Parse a line that ends in a newline. Returns 1 if it names pages that have
 * "d", 0 if it names others.
 */
static int parse_line(const char *p, u64 limit, u64 *start, u64 *end)
{
	bool written = true;

	p = scan_address(p, start);
	if (!p || *p++ != '-')
		return -EINVAL;
	p = scan_address(p, end);
	if (!p)
		return -EINVAL;
	if (*p == ' ') {
		const char *flags = ++p;

		while ((*p >= 'a' && *p <= 'z') || *p == '-')
			p++;
		if (p == flags)
			return -EINVAL;
		written = memchr(flags, 'd', p - flags);
	}
	if (*p != '\n' || *start >= *end || *end > limit ||
	    !PAGE_ALIGNED(*start | *end))
		return -EINVAL;
	return written;
}

static int ack_line(struct dirty_ack *a, const char *line)
{
	u64 start, end;
	int ret;

	if (!a->mm)
		return -ESRCH;
	ret = parse_line(line, a->mm->task_size, &start, &end);
	if (ret > 0)
		ret = ack_range(a, start, end);
	else if (ret < 0)
		a->broken = true;
	return ret;
}

/*
 * Act on the whole lines of the text. Returns the bytes of those that took
 * effect, and in @err what stopped it, if it did not get to the last one.
 */
static size_t ack_lines(struct dirty_ack *a, size_t len, int *err)
{
	size_t done = 0;

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
	/* Nothing counts as done before the TLBs are flushed. */
	end_hold(a);
	return done;
}

/*
 * Returns how much of the input took effect or, as the start of a line, is
 * kept. What is kept from before stays if nothing was done.
 */
static ssize_t ack_text(struct dirty_ack *a, struct iov_iter *from)
{
	ssize_t taken = 0;
	int err = 0;

	while (iov_iter_count(from) && !err) {
		size_t kept = a->kept;
		size_t room = ACK_TEXT_MAX - kept;
		size_t len, done;

		if (signal_pending(current)) {
			err = -ERESTARTSYS;
			break;
		}
		if (dirty_should_fail(DIRTY_FAIL_COPY_FROM_USER))
			room = min(room, iov_iter_count(from)) / 2;
		len = kept + copy_from_iter(a->text + kept, room, from);
		if (len == kept) {
			err = -EFAULT;
			break;
		}
		done = ack_lines(a, len, &err);
		if (!err) {
			taken += len - kept;
			a->kept = len - done;
			memmove(a->text, a->text + done, a->kept);
		} else if (done) {
			taken += done - kept;
			a->kept = 0;
		}
		cond_resched();
	}
	if (a->broken) {
		/* The bad line's start does not count, as far as it is of now. */
		taken -= min_t(size_t, taken, a->kept);
		a->kept = 0;
	}
	return taken ?: err;
}

/**
 * dirty_ack_write() - acknowledge the lines that are written to the file
 * @a: the open file's acknowledgments
 * @from: the text; lines may be split over calls at any byte
 *
 * Context: Process context. Takes the mmap lock for writing, repeatedly. May
 * sleep.
 * Return: bytes taken, which ends before the first bad line; -EINVAL if there
 * are none, because the first line is bad or one before it was; -EOPNOTSUPP
 * without soft-dirty tracking; -ESRCH without an address space; -EFAULT,
 * -ERESTARTSYS, -EINTR.
 */
ssize_t dirty_ack_write(struct dirty_ack *a, struct iov_iter *from)
{
	ssize_t ret = -EINVAL;

	if (!IS_ENABLED(CONFIG_MEM_SOFT_DIRTY))
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
 * dirty_ack_flush() - a descriptor of the file is being closed
 * @a: the open file's acknowledgments
 *
 * Return: -EINVAL while the last line is unfinished, as nothing was done of it.
 */
int dirty_ack_flush(struct dirty_ack *a)
{
	return READ_ONCE(a->kept) ? -EINVAL : 0;
}

/**
 * dirty_ack_alloc() - prepare an open file for being written to
 * @mm: the address space; the caller keeps it pinned by mmgrab(). NULL if none
 * @pid: what process has it, for those who trace
 *
 * Return: what dirty_ack_free() takes, or NULL without memory.
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
 * dirty_ack_free() - undo dirty_ack_alloc()
 * @a: may be NULL
 */
void dirty_ack_free(struct dirty_ack *a)
{
	kvfree(a);
}

#ifdef CONFIG_PROC_DIRTY_PAGES_KUNIT_TEST
#include "tests/task_dirty_ack_kunit.c"
#ifdef CONFIG_MEM_SOFT_DIRTY
#include "tests/task_dirty_ack_entry_kunit.c"
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
#include "tests/task_dirty_ack_huge_kunit.c"
#endif
#endif
#endif
