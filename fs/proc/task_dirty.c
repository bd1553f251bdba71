// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/<pid>/dirty_pages: the modified private pages of a process.
 *
 * Listed is what cannot be had again by mapping the same file, or fresh
 * memory, at the same address: the anonymous pages of private mappings, the
 * private copies of file pages, and the zero page where it stands in for one
 * (see <linux/dirty_pages.h>), whether in memory, in swap, on a device or on
 * the way between. Not listed are shared mappings, holes, clean file pages,
 * the zero page in anonymous memory, raw page frames and markers.
 *
 * Listing only looks: it faults nothing in, allocates no page table, reads no
 * disk, and leaves accessed and dirty bits alone. Each page is looked at once,
 * under its page-table lock, and all its flags come from that one look.
 */
#include <linux/dirty_pages.h>
#include <linux/huge_mm.h>
#include <linux/hugetlb.h>
#include <linux/ksm.h>
#include <linux/mm_inline.h>
#include <linux/mmap_lock.h>
#include <linux/oom.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/swap.h>

#include "internal.h"

/*
 * How many entries one hold of the mmap lock may cover: far more than what
 * taking the lock and finding the place again cost, and some hundred
 * microseconds at the most.
 */
u32 dirty_pages_batch = 8192;

/* Note that all below @addr has been looked at. Returns 1 to end the batch. */
static int looked_at(struct dirty_walk *w, struct mm_struct *mm,
		     unsigned long addr, long entries)
{
	w->next = addr;
	w->budget -= entries;
	return w->budget <= 0 || mmap_lock_is_contended(mm);
}

/* Returns false, with nothing added, when a new run does not fit. */
static bool add_dirty(struct dirty_walk *w, unsigned long addr,
		      unsigned long end, unsigned long flags)
{
	flags |= w->vma_flags;
	if (w->tail != (addr | flags)) {
		if (w->nr_runs == w->max_runs)
			return false;
		w->runs[w->nr_runs++].start = addr;
	}
	w->tail = end | flags;
	w->runs[w->nr_runs - 1].end_flags = w->tail;
	return true;
}

/* Flags of an anonymous page that is mapped, its page-table lock held. */
static unsigned long anon_page_flags(struct page *page, bool dirty)
{
	struct folio *folio = page_folio(page);
	unsigned long flags = DIRTY_PRESENT;

	if (folio_test_ksm(folio))
		return flags | DIRTY_KSM;
	if (PageAnonExclusive(page) ||
	    folio_precise_page_mapcount(folio, page) == 1)
		flags |= DIRTY_EXCLUSIVE;
	if (!folio_test_swapbacked(folio) && !dirty && !folio_test_dirty(folio))
		flags |= DIRTY_LAZYFREE;
	return flags;
}

/*
 * Flags of an anonymous page under migration. Its mapcount means nothing now,
 * and the mark of an exclusive page has moved into the entry.
 */
static unsigned long migrating_page_flags(swp_entry_t entry)
{
	struct folio *folio = pfn_swap_entry_folio(entry);
	unsigned long flags = DIRTY_PRESENT;

	if (!folio_test_anon(folio))
		return 0;
	if (folio_test_ksm(folio))
		return flags | DIRTY_KSM;
	if (folio_is_device_private(folio))
		flags |= DIRTY_WRITTEN;
	if (!is_readable_migration_entry(entry))
		flags |= DIRTY_EXCLUSIVE;
	if (!folio_test_swapbacked(folio) && !folio_test_dirty(folio))
		flags |= DIRTY_LAZYFREE;
	return flags;
}

/* 0 if clean, for this and the following functions. */
static unsigned long swap_pte_flags(pte_t pte)
{
	swp_entry_t entry = pte_to_swp_entry(pte);
	unsigned long flags;

	if (!non_swap_entry(entry)) {
		flags = DIRTY_SWAPPED;
		if (pte_swp_exclusive(pte))
			flags |= DIRTY_EXCLUSIVE;
	} else if (is_migration_entry(entry)) {
		flags = migrating_page_flags(entry);
	} else if (is_hwpoison_entry(entry)) {
		/* The entry no longer tells what it was, nor when written. */
		return DIRTY_ERROR | DIRTY_WRITTEN;
	} else if (is_device_private_entry(entry)) {
		struct page *page = pfn_swap_entry_to_page(entry);

		if (!PageAnon(page))
			return 0;
		/* Soft-dirty does not see what the device writes. */
		flags = anon_page_flags(page, true) & ~DIRTY_PRESENT;
		return flags | DIRTY_SWAPPED | DIRTY_WRITTEN;
	} else if (is_device_exclusive_entry(entry)) {
		/* Not counted as mapped, but nothing else may map it now. */
		return DIRTY_PRESENT | DIRTY_EXCLUSIVE | DIRTY_WRITTEN;
	} else {
		return 0;
	}

	if (flags && pte_swp_soft_dirty(pte))
		flags |= DIRTY_WRITTEN;
	return flags;
}

static unsigned long pte_dirty_flags(struct vm_area_struct *vma,
				     unsigned long addr, pte_t pte)
{
	unsigned long flags;
	struct page *page;

	if (pte_none(pte))
		return 0;
	if (!pte_present(pte))
		return swap_pte_flags(pte);

	page = vm_normal_page(vma, addr, pte);
	if (!vma_page_is_dirty(vma, page, pte_pfn(pte)))
		return 0;
	if (!page) {
		/* The zero page: it is not always put in with soft-dirty. */
		flags = DIRTY_PRESENT | DIRTY_WRITTEN;
		/* KSM tells its own from others by the dirty bit. */
		if (IS_ENABLED(CONFIG_KSM) && pte_dirty(pte))
			flags |= DIRTY_KSM;
		return flags;
	}

	flags = anon_page_flags(page, pte_dirty(pte));
	if (pte_soft_dirty(pte))
		flags |= DIRTY_WRITTEN;
	return flags;
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/*
 * A huge page that is not marked exclusive, whose pages a relative maps one by
 * one: some of them may have become exclusive to us, others not.
 */
static int add_mixed_thp(struct dirty_walk *w, struct mm_struct *mm,
			 struct folio *folio, unsigned long addr,
			 unsigned long end, unsigned long flags)
{
	struct page *page = folio_page(folio, (addr & ~HPAGE_PMD_MASK) >>
					      PAGE_SHIFT);
	unsigned long start = addr;

	flags &= ~DIRTY_EXCLUSIVE;
	for (; addr != end; addr += PAGE_SIZE, page++) {
		unsigned long x = 0;

		if (folio_precise_page_mapcount(folio, page) == 1)
			x = DIRTY_EXCLUSIVE;
		if (!add_dirty(w, addr, addr + PAGE_SIZE, flags | x)) {
			w->next = addr;
			return 1;
		}
	}
	return looked_at(w, mm, end, (end - start) >> PAGE_SHIFT);
}

static int walk_huge_pmd(struct dirty_walk *w, struct vm_area_struct *vma,
			 pmd_t pmd, unsigned long addr, unsigned long end)
{
	unsigned long flags = 0;

	if (pmd_present(pmd)) {
		struct page *page = vm_normal_page_pmd(vma, addr, pmd);
		struct folio *folio;

		if (!page || !PageAnon(page))
			goto out;
		folio = page_folio(page);
		flags = anon_page_flags(&folio->page, pmd_dirty(pmd));
		if (pmd_soft_dirty(pmd))
			flags |= DIRTY_WRITTEN;
		flags |= DIRTY_HUGE;
		if (!PageAnonExclusive(&folio->page) &&
		    folio_mapcount(folio) != folio_entire_mapcount(folio))
			return add_mixed_thp(w, vma->vm_mm, folio, addr, end,
					     flags);
	} else if (is_pmd_migration_entry(pmd)) {
		flags = migrating_page_flags(pmd_to_swp_entry(pmd));
		if (flags && pmd_swp_soft_dirty(pmd))
			flags |= DIRTY_WRITTEN;
		if (flags)
			flags |= DIRTY_HUGE;
	}
out:
	if (flags && !add_dirty(w, addr, end, flags)) {
		w->next = addr;
		return 1;
	}
	return looked_at(w, vma->vm_mm, end, 1);
}
#else
static int walk_huge_pmd(struct dirty_walk *w, struct vm_area_struct *vma,
			 pmd_t pmd, unsigned long addr, unsigned long end)
{
	return 0;
}
#endif

/* Returns -EAGAIN if the table has just become something else. */
static int walk_pte_table(struct dirty_walk *w, struct vm_area_struct *vma,
			  pmd_t *pmd, unsigned long addr, unsigned long end)
{
	unsigned long start = addr;
	pte_t *start_pte, *pte;
	bool full = false;
	spinlock_t *ptl;

	if ((end - addr) >> PAGE_SHIFT > w->budget)
		end = addr + (w->budget << PAGE_SHIFT);

	start_pte = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);
	if (!start_pte)
		return -EAGAIN;
	for (pte = start_pte; addr != end; pte++, addr += PAGE_SIZE) {
		unsigned long flags = pte_dirty_flags(vma, addr, ptep_get(pte));

		if (flags && !add_dirty(w, addr, addr + PAGE_SIZE, flags)) {
			full = true;
			break;
		}
	}
	pte_unmap_unlock(start_pte, ptl);
	return looked_at(w, vma->vm_mm, addr, (addr - start) >> PAGE_SHIFT) ||
	       full;
}

/*
 * Pass over a run of empty entries. Under the lock, since a huge page that is
 * lazily freed, or moved by userfaultfd, may be taken out and put back: without
 * it, that would look like a hole. One lock covers all entries of this table.
 */
static unsigned long skip_holes(struct mm_struct *mm, pmd_t *pmd,
				unsigned long addr, unsigned long end)
{
	spinlock_t *ptl = pmd_lock(mm, pmd);

	for (; addr != end && pmd_none(*pmd); pmd++)
		addr = pmd_addr_end(addr, end);
	spin_unlock(ptl);
	return addr;
}

static int walk_pmd(struct dirty_walk *w, struct vm_area_struct *vma,
		    pmd_t *pmd, unsigned long addr, unsigned long end)
{
	spinlock_t *ptl = pmd_trans_huge_lock(pmd, vma);
	int stop;

	if (!ptl)
		return walk_pte_table(w, vma, pmd, addr, end);
	stop = walk_huge_pmd(w, vma, *pmd, addr, end);
	spin_unlock(ptl);
	return stop;
}

/*
 * The walker's own way of going on from here would split a huge entry of this
 * level. Such an entry maps a device, as hugetlb has its own callback: clean.
 */
static int dirty_pud_entry(pud_t *pud, unsigned long addr, unsigned long end,
			   struct mm_walk *walk)
{
	struct dirty_walk *w = walk->private;
	pud_t pudval = pudp_get(pud);
	unsigned long next;
	int stop = 0;
	pmd_t *pmd;

	/* Not empty a moment ago: have the walker look again. */
	if (pud_none(pudval)) {
		walk->action = ACTION_AGAIN;
		return 0;
	}
	walk->action = ACTION_CONTINUE;
	if (!pud_present(pudval) || pud_leaf(pudval))
		return looked_at(w, walk->mm, end, 1);

	while (!stop && addr != end) {
		pmd = pmd_offset(pud, addr);
		if (pmd_none(pmdp_get_lockless(pmd))) {
			next = skip_holes(walk->mm, pmd, addr, end);
			if (next == addr)
				continue;
			stop = looked_at(w, walk->mm, next,
					 DIV_ROUND_UP(next - addr, PMD_SIZE));
		} else {
			next = pmd_addr_end(addr, end);
			stop = walk_pmd(w, walk->vma, pmd, addr, next);
		}
		cond_resched();
		/* -EAGAIN: the entry is another by now, look again */
		if (stop == -EAGAIN)
			stop = 0;
		else
			addr = next;
	}
	return stop;
}

static int dirty_hole(unsigned long addr, unsigned long end, int depth,
		      struct mm_walk *walk)
{
	return looked_at(walk->private, walk->mm, end, 1);
}

#ifdef CONFIG_HUGETLB_PAGE
/* Soft-dirty does not track hugetlb pages: each may have been written. */
static int dirty_hugetlb_entry(pte_t *ptep, unsigned long hmask,
			       unsigned long addr, unsigned long end,
			       struct mm_walk *walk)
{
	struct dirty_walk *w = walk->private;
	unsigned long flags = 0;
	spinlock_t *ptl;
	pte_t pte;

	ptl = huge_pte_lock(hstate_vma(walk->vma), walk->mm, ptep);
	pte = huge_ptep_get(walk->mm, addr & hmask, ptep);
	if (pte_present(pte)) {
		struct folio *folio = page_folio(pte_page(pte));

		if (folio_test_anon(folio))
			flags = anon_page_flags(&folio->page, true);
	} else if (!huge_pte_none(pte)) {
		flags = swap_pte_flags(pte);
	}
	spin_unlock(ptl);

	if (flags && !add_dirty(w, addr, end,
				flags | DIRTY_HUGE | DIRTY_WRITTEN)) {
		w->next = addr;
		return 1;
	}
	return looked_at(w, walk->mm, end, 1);
}
#else
#define dirty_hugetlb_entry	NULL
#endif

static const struct mm_walk_ops dirty_walk_ops = {
	.pud_entry	= dirty_pud_entry,
	.pte_hole	= dirty_hole,
	.hugetlb_entry	= dirty_hugetlb_entry,
	.walk_lock	= PGWALK_RDLOCK,
};

static unsigned long vma_dirty_flags(struct vm_area_struct *vma)
{
	unsigned long flags = vma_is_anonymous(vma) ? 0 : DIRTY_FILE;

	if (!IS_ENABLED(CONFIG_MEM_SOFT_DIRTY) ||
	    (vma->vm_flags & VM_SOFTDIRTY))
		flags |= DIRTY_WRITTEN;
	if (vma->vm_flags & VM_DROPPABLE)
		flags |= DIRTY_LAZYFREE;
	return flags;
}

/**
 * dirty_walk_batch() - look for dirty pages for one bounded hold of the lock
 * @mm: the address space, pinned by mmget()
 * @w: the walk; @w->next and @w->end say where, @w->runs takes what is found
 *
 * A run that is in @w->runs already goes on where it ends, if @w->tail says so
 * and the mapping still covers its start. The walk stops at @w->end, when
 * @w->budget is used up, when @w->runs is full, or when somebody waits for the
 * lock, but never without having looked at something.
 *
 * No dirty page can be in a mapping without anon_vma: a page becomes anonymous
 * there first, fork relies on it, and UFFDIO_ZEROPAGE prepares one as well.
 *
 * Context: Process context, mmap lock held for reading. May sleep.
 * Return: true if the walk has come to @w->end.
 */
bool dirty_walk_batch(struct mm_struct *mm, struct dirty_walk *w)
{
	VMA_ITERATOR(vmi, mm, w->next);
	struct vm_area_struct *vma;

	for_each_vma_range(vmi, vma, w->end) {
		unsigned long start = max(w->next, vma->vm_start);
		unsigned long end = min(w->end, vma->vm_end);

		/* No run reaches from one mapping into another. */
		if (w->nr_runs && w->runs[w->nr_runs - 1].start < vma->vm_start)
			w->tail = 0;

		if (is_cow_mapping(vma->vm_flags) && READ_ONCE(vma->anon_vma)) {
			w->vma_flags = vma_dirty_flags(vma);
			if (walk_page_range_vma(vma, start, end,
						&dirty_walk_ops, w))
				return false;
		}
		if (looked_at(w, mm, end, 1))
			return false;
	}
	w->next = w->end;
	return true;
}

/**
 * dirty_skip_huge_pud() - keep a page walk from splitting huge entries
 * @pud: the entry
 * @addr: start of what it maps
 * @end: end of it
 * @walk: the walk, with other callbacks for what lies below
 *
 * For .pud_entry: a huge entry of this level that is not hugetlb's maps a
 * device, where no dirty page is.
 *
 * Context: mmap lock held.
 * Return: 0.
 */
int dirty_skip_huge_pud(pud_t *pud, unsigned long addr, unsigned long end,
			struct mm_walk *walk)
{
	if (pud_leaf(pudp_get(pud)))
		walk->action = ACTION_CONTINUE;
	return 0;
}

/* "start-end flags\n": two addresses of at most 16 digits, seven flags */
#define DIRTY_LINE_MAX	(16 + 1 + 16 + 1 + 7 + 1)

/* All the memory that a reader takes, apart from the open file itself. */
#define DIRTY_TEXT_MAX	SZ_64K

/**
 * struct dirty_reader - an open file, and where its reader is
 * @mm: the address space, pinned by mmgrab() only, or NULL if there was none
 * @ack: what is written to the file, if it may be
 * @next: everything below has been looked at
 * @open: a run that may go on at @next, unless it is empty
 * @done: all has been looked at
 * @shown: some text has been made since the file was opened
 */
struct dirty_reader {
	struct mm_struct *mm;
	struct dirty_ack *ack;
	unsigned long next;
	struct dirty_run open;
	bool done;
	bool shown;
};

/* As in maps: at least eight digits. */
static char *put_address(char *p, unsigned long addr)
{
	int digit = max(8, DIV_ROUND_UP(fls_long(addr), 4));

	while (digit--)
		*p++ = hex_asc[(addr >> (digit * 4)) & 0xf];
	return p;
}

static char *put_flags(char *p, unsigned long flags)
{
	*p++ = flags & DIRTY_FILE ? 'f' : 'a';
	*p++ = flags & DIRTY_PRESENT ? 'p' : flags & DIRTY_SWAPPED ? 's' : 'e';
	*p++ = flags & DIRTY_WRITTEN ? 'd' : '-';
	*p++ = flags & DIRTY_EXCLUSIVE ? 'x' : '-';
	*p++ = flags & DIRTY_HUGE ? 'h' : '-';
	*p++ = flags & DIRTY_KSM ? 'k' : '-';
	*p++ = flags & DIRTY_LAZYFREE ? 'l' : '-';
	return p;
}

static char *put_run(char *p, struct dirty_run run)
{
	p = put_address(p, run.start);
	*p++ = '-';
	p = put_address(p, dirty_run_end(&run));
	*p++ = ' ';
	p = put_flags(p, dirty_run_flags(&run));
	*p++ = '\n';
	return p;
}

/*
 * Take the lock once and collect runs into @w. A run that may go on in the
 * next batch is held back in the reader. Returns -ESRCH, with all as it was, if
 * the address space is gone or being torn down.
 */
static int collect_batch(struct dirty_reader *r, struct dirty_walk *w)
{
	bool done, reaped;
	int ret;

	w->next = r->next;
	w->end = ULONG_MAX & PAGE_MASK;
	w->budget = max(READ_ONCE(dirty_pages_batch), 1U);
	if (r->open.end_flags) {
		w->runs[w->nr_runs++] = r->open;
		w->tail = r->open.end_flags;
	}

	if (fatal_signal_pending(current))
		return -EINTR;
	if (!mmget_not_zero(r->mm))
		return -ESRCH;
	ret = mmap_read_lock_killable(r->mm);
	if (ret)
		goto out_mmput;
	done = dirty_walk_batch(r->mm, w);
	/* Asked last: the mark is set before the OOM reaper takes a page. */
	reaped = check_stable_address_space(r->mm);
	mmap_read_unlock(r->mm);
	cond_resched();
	ret = reaped ? -ESRCH : 0;
	if (ret)
		goto out_mmput;

	r->done = done;
	r->next = w->next;
	r->open.end_flags = 0;
	if (!r->done && w->tail)
		r->open = w->runs[--w->nr_runs];
out_mmput:
	mmput(r->mm);
	return ret;
}

/* One batch of the walk, and the text of the runs that it completes. */
static int dirty_show(struct seq_file *m, void *v)
{
	struct dirty_reader *r = m->private;
	struct dirty_walk w = {};
	unsigned int i;
	size_t size;
	char *buf, *p;
	int ret;

	/* A batch for the last few lines of the buffer is not worth a lock. */
	size = seq_get_buf(m, &buf);
	if (size < m->size / 2) {
		seq_commit(m, -1);
		return 0;
	}

	/*
	 * The runs lie at the end of the very buffer that their text fills from
	 * its start. No line takes less room than its run at the most, so the
	 * text of one never reaches the next. A byte stays free, as a buffer
	 * that is full to the brim counts as one that overflowed.
	 */
	w.max_runs = (size - 1) / DIRTY_LINE_MAX;
	w.runs = PTR_ALIGN_DOWN((struct dirty_run *)(buf + size),
				sizeof(long)) - w.max_runs;
	ret = collect_batch(r, &w);
	/* Empty for who comes too late; but a cut listing looks cut. */
	if (ret == -ESRCH && !r->shown) {
		r->done = true;
		return 0;
	}
	if (ret)
		return ret;

	for (i = 0, p = buf; i < w.nr_runs; i++)
		p = put_run(p, w.runs[i]);
	if (p != buf)
		r->shown = true;
	seq_commit(m, p - buf);
	return 0;
}

static void *dirty_start(struct seq_file *m, loff_t *pos)
{
	struct dirty_reader *r = m->private;

	if (!*pos) {
		r->next = 0;
		r->open.end_flags = 0;
		r->done = !r->mm;
	}
	return r->done ? NULL : r;
}

static void *dirty_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct dirty_reader *r = m->private;

	++*pos;
	return r->done ? NULL : r;
}

static void dirty_stop(struct seq_file *m, void *v)
{
}

static const struct seq_operations dirty_seq_ops = {
	.start	= dirty_start,
	.next	= dirty_next,
	.stop	= dirty_stop,
	.show	= dirty_show,
};

/*
 * Reading needs what pagemap needs. Who opens the file for writing must be
 * allowed to write to the process's memory.
 */
static int dirty_pages_open(struct inode *inode, struct file *file)
{
	struct dirty_reader *r;
	struct seq_file *m;
	struct mm_struct *mm;

	mm = proc_mem_open(inode, file->f_mode & FMODE_WRITE ?
				  PTRACE_MODE_ATTACH : PTRACE_MODE_READ);
	if (IS_ERR(mm))
		return PTR_ERR(mm);

	r = __seq_open_private(file, &dirty_seq_ops, sizeof(*r));
	if (!r)
		goto out_mmdrop;
	r->mm = mm;

	/* seq_file frees it, and need not grow it. */
	m = file->private_data;
	m->size = DIRTY_TEXT_MAX;
	m->buf = kvmalloc(m->size, GFP_KERNEL_ACCOUNT);
	if (!m->buf)
		goto out_release;
	if (file->f_mode & FMODE_WRITE) {
		r->ack = dirty_ack_alloc(mm);
		if (!r->ack)
			goto out_release;
	}
	return 0;

out_release:
	seq_release_private(inode, file);
out_mmdrop:
	if (mm)
		mmdrop(mm);
	return -ENOMEM;
}

static int dirty_pages_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;
	struct dirty_reader *r = m->private;

	dirty_ack_free(r->ack);
	if (r->mm)
		mmdrop(r->mm);
	return seq_release_private(inode, file);
}

/* The position is the reader's: writing neither uses nor moves it. */
static ssize_t dirty_pages_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct seq_file *m = iocb->ki_filp->private_data;
	struct dirty_reader *r = m->private;

	return dirty_ack_write(r->ack, from);
}

static int dirty_pages_flush(struct file *file, fl_owner_t id)
{
	struct seq_file *m = file->private_data;
	struct dirty_reader *r = m->private;

	return r->ack ? dirty_ack_flush(r->ack) : 0;
}

const struct file_operations proc_dirty_pages_operations = {
	.open		= dirty_pages_open,
	.read_iter	= seq_read_iter,
	.splice_read	= copy_splice_read,
	.write_iter	= dirty_pages_write,
	.splice_write	= iter_file_splice_write,
	.llseek		= seq_lseek,
	.flush		= dirty_pages_flush,
	.release	= dirty_pages_release,
};
