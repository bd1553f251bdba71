// SPDX-License-Identifier: GPL-2.0
/*
 * The range walk behind /proc/<pid>/dirty_pages finds the modified private pages
 * of a process, and their flags.
 *
 * A page counts if mapping the same file or fresh memory at the same address
 * would not bring its contents back: anonymous pages of private mappings, private
 * copies of file pages, and the zero page where it replaces one (see
 * <linux/dirty_pages.h>), whether in memory, in swap, on a device or on the way
 * between these. Shared mappings, holes, clean file pages, the zero page in
 * anonymous memory, raw page frames and markers do not count.
 *
 * The walk changes nothing: it faults nothing in, allocates no page table, reads
 * no disk, and leaves accessed and dirty bits alone. It visits each page once,
 * under the page-table lock, and takes all flags from that visit. During the visit,
 * it may lock a page that a relative may have in swap, or take a reference to it.
 *
 * This file has the plain walk, which decodes every page-table entry. Where all
 * entries map ordinary pages, task_dirty_fast.c takes its place in page tables.
 */
#include <linux/err.h>
#include <linux/hugetlb.h>
#include <linux/ksm.h>
#include <linux/leafops.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/mmap_lock.h>
#include <linux/swap.h>

#include "task_dirty.h"
#include "task_dirty_lock.h"

/*
 * The limit of entries for one hold of a lock. Large enough to outweigh
 * taking the lock and finding the place again, small enough for a hold of a few
 * hundred microseconds.
 */
u32 dirty_pages_batch = 8192;

/* The walk is complete below @addr. Return 1 to end the batch. */
static int account_progress(struct dirty_walk *w, struct mm_struct *mm,
			    unsigned long addr, long entries)
{
	w->next = addr;
	w->budget -= entries;
	return w->budget <= 0 || dirty_is_contended(w, mm) ||
	       dirty_should_fail(DIRTY_FAIL_CONTENTION);
}

/* Add the flags of the mapping to those of a page, unless the page is clean. */
static unsigned long with_vma_flags(const struct dirty_walk *w,
				    unsigned long flags)
{
	return flags ? flags | w->vma_flags : 0;
}

/*
 * Count the entries that map a page. To split a huge entry, a relative adds the
 * mappings of the pages before it drops the mapping of the entry.
 *
 * If the kernel does not count the mappings of each page in a large folio, count one
 * for each process that maps any page of it, and two if there may be more.
 */
static int page_mappings(struct folio *folio, struct page *page)
{
	int entire = folio_test_large(folio) ? folio_entire_mapcount(folio) : 0;
	int mapcount;

	if (IS_ENABLED(CONFIG_NO_PAGE_MAPCOUNT) && folio_test_large(folio)) {
		if (!folio_mapped(folio))
			return 0;
		return folio_maybe_mapped_shared(folio) ? 2 : 1;
	}
	/* Read in the other order, to see at least one of the two. */
	smp_rmb();
	mapcount = atomic_read(&page->_mapcount) + 1;
	return entire + (page_mapcount_is_type(mapcount) ? 0 : mapcount);
}

/*
 * Return true if exactly one page-table entry has the page, mapped or in swap.
 *
 * do_swap_page() frees the swap entry before it maps the page, and nothing counts
 * the entries of a page under migration. Both hold the folio lock, so return
 * false if the lock is taken. The caller holds the page-table lock and must not
 * sleep.
 */
static noinline bool has_one_user(struct folio *folio, struct page *page)
{
	bool cached;
	int users;

	if (!folio_trylock(folio))
		return false;
	users = page_mappings(folio, page);
	if (folio_test_swapcache(folio))
		users += swap_count_peek(page_swap_entry(page), &cached);
	folio_unlock(folio);
	return users == 1;
}

/* Return true if page tables may have a page of the folio without mapping it. */
static bool may_have_other_users(struct folio *folio)
{
	return folio_test_locked(folio) || folio_test_swapcache(folio);
}

/*
 * Return true if no other entry has the page that our entry maps. For pages that
 * are not marked exclusive.
 *
 * The flags of the folio show that a relative may have the page without mapping
 * it. A relative is missed only if it unmaps the page and maps it again between
 * the two reads of the flags.
 */
static bool is_only_mapping(struct folio *folio, struct page *page)
{
	bool others = may_have_other_users(folio);

	/* A relative that maps the page from now on shows in the mapcount. */
	smp_rmb();
	if (page_mappings(folio, page) != 1)
		return false;
	/* A relative that did not map the page at that point shows in the flags. */
	smp_rmb();
	if (others || may_have_other_users(folio))
		return has_one_user(folio, page);
	return true;
}

/**
 * dirty_is_only_swap_entry() - check that no other entry has a page in swap
 * @entry: the swap entry, which is not marked exclusive
 *
 * The swap map counts the entries that have the page in swap, and shows at the same
 * moment whether the swap cache has it, from where relatives may map it. Our
 * reference keeps the folio in the cache, under this entry. Until it is dropped,
 * a relative that writes to the page copies it, and an acknowledgment may find
 * the page busy.
 *
 * Context: Page-table lock held. Does not sleep.
 * Return: true if no other page-table entry has the page, mapped or in swap; false
 * if there may be one.
 */
bool dirty_is_only_swap_entry(swp_entry_t entry)
{
	struct folio *folio;
	bool cached, only;

	if (swap_count_peek(entry, &cached) != 1)
		return false;
	if (!cached)
		return true;
	folio = swap_cache_peek(entry);
	/* The folio is being added to the cache, or removed from it. */
	if (!folio)
		return false;
	only = has_one_user(folio, folio_file_page(folio, swp_offset(entry)));
	folio_put(folio);
	return only;
}

/*
 * Return the flags of a mapped anonymous page. The caller holds its page-table
 * lock. @page is the first page of a hugetlb folio. A page that is marked
 * exclusive is never merged.
 */
static __always_inline unsigned long
anon_page_flags(struct folio *folio, struct page *page, bool dirty)
{
	unsigned long flags = DIRTY_PRESENT | DIRTY_EXCLUSIVE;

	if (!test_bit(PG_anon_exclusive, dirty_page_word(page))) {
		if (folio_test_ksm(folio))
			return DIRTY_PRESENT | DIRTY_KSM;
		if (!is_only_mapping(folio, page))
			flags = DIRTY_PRESENT;
	}
	if (unlikely(!folio_test_swapbacked(folio)) && !dirty &&
	    !folio_test_dirty(folio))
		flags |= DIRTY_LAZYFREE;
	return flags;
}

/**
 * dirty_page_flags() - get the flags of a page from its struct page alone
 * @page: an ordinary page
 * @pte: the entry that maps it
 *
 * Context: Page-table lock held.
 * Return: DIRTY_* flags other than DIRTY_WRITTEN, or 0 if the page is clean.
 */
noinline unsigned long dirty_page_flags(struct page *page, pte_t pte)
{
	struct folio *folio = page_folio(page);

	if (!folio_test_anon(folio))
		return 0;
	return anon_page_flags(folio, page, pte_dirty(pte));
}

/*
 * Return the flags of a page under migration, 0 if it is not anonymous. Its mapcount
 * is meaningless, and the entry records whether the page is exclusive.
 */
static unsigned long migrating_page_flags(softleaf_t entry)
{
	struct folio *folio = softleaf_to_folio(entry);
	unsigned long flags = DIRTY_PRESENT;

	if (!folio_test_anon(folio))
		return 0;
	if (folio_test_ksm(folio))
		return flags | DIRTY_KSM;
	if (folio_is_device_private(folio))
		flags |= DIRTY_WRITTEN;
	if (!softleaf_is_migration_read(entry))
		flags |= DIRTY_EXCLUSIVE;
	/* See dirty_pte_written(), which does so for a present entry. */
	if (softleaf_is_migration_write(entry))
		flags |= DIRTY_WRITTEN;
	if (!folio_test_swapbacked(folio) && !folio_test_dirty(folio))
		flags |= DIRTY_LAZYFREE;
	return flags;
}

/* Return the flags of a page in the memory of a device, 0 if it is not anonymous. */
static unsigned long device_page_flags(struct page *page)
{
	unsigned long flags;

	if (!PageAnon(page))
		return 0;
	/* Soft-dirty does not track writes by the device. */
	flags = anon_page_flags(page_folio(page), page, true);
	flags &= ~DIRTY_PRESENT;
	return flags | DIRTY_SWAPPED | DIRTY_WRITTEN;
}

/* Return the flags of an entry that is neither empty nor present, 0 if clean. */
static unsigned long swap_pte_flags(pte_t pte)
{
	softleaf_t entry = softleaf_from_pte(pte);
	unsigned long flags;

	if (softleaf_is_swap(entry)) {
		flags = DIRTY_SWAPPED;
		if (pte_swp_exclusive(pte) || dirty_is_only_swap_entry(entry))
			flags |= DIRTY_EXCLUSIVE;
	} else if (softleaf_is_migration(entry)) {
		flags = migrating_page_flags(entry);
	} else if (softleaf_is_hwpoison(entry)) {
		/* The entry no longer tells if the page was written. */
		return DIRTY_ERROR | DIRTY_WRITTEN;
	} else if (softleaf_is_device_private(entry)) {
		return device_page_flags(softleaf_to_page(entry));
	} else if (softleaf_is_device_exclusive(entry)) {
		/* Whether or not it counts as mapped, nothing else may map it now. */
		return DIRTY_PRESENT | DIRTY_EXCLUSIVE | DIRTY_WRITTEN;
	} else {
		return 0;
	}

	if (flags && pte_swp_soft_dirty(pte))
		flags |= DIRTY_WRITTEN;
	return flags;
}

/**
 * dirty_pte_flags() - decode a page-table entry
 * @vma: its mapping
 * @addr: its address
 * @pte: the entry
 *
 * Context: Page-table lock held.
 * Return: DIRTY_* flags without those of the mapping, or 0 if clean.
 */
noinline unsigned long dirty_pte_flags(struct vm_area_struct *vma,
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
		/* The zero page is not always mapped with the soft-dirty bit. */
		flags = DIRTY_PRESENT | DIRTY_WRITTEN;
		/* The dirty bit marks a zero page that KSM mapped. */
		if (IS_ENABLED(CONFIG_KSM) && pte_dirty(pte))
			flags |= DIRTY_KSM;
		return flags;
	}

	flags = anon_page_flags(page_folio(page), page, pte_dirty(pte));
	if (dirty_pte_written(pte))
		flags |= DIRTY_WRITTEN;
	return flags;
}

/* Return the first entry for which there is no room, or @end. */
static pte_t *walk_ptes_plainly(struct dirty_walk *w,
				struct vm_area_struct *vma, pte_t *pte,
				pte_t *end, unsigned long addr)
{
	unsigned long flags;

	for (; pte != end; pte++, addr += PAGE_SIZE) {
		flags = dirty_pte_flags(vma, addr, ptep_get(pte));
		if (!dirty_set_flags(&w->runs, addr, with_vma_flags(w, flags)))
			break;
		w->slow++;
	}
	return pte;
}

/* Return true if the walk may compare entries instead of decoding each. */
static bool is_fast(const struct dirty_walk *w)
{
	return DIRTY_ENTRIES_ARE_WORDS && w->normal && !w->plain;
}

/*
 * Return 1 to end the batch. If the entry has ceased to point to a page table, do
 * nothing; the caller reads it again.
 */
static int walk_pte_table(struct dirty_walk *w, struct vm_area_struct *vma,
			  pmd_t *pmd, unsigned long addr, unsigned long end)
{
	pte_t *start_pte, *end_pte, *pte;
	unsigned long entries;
	spinlock_t *ptl;

	if ((end - addr) >> PAGE_SHIFT > w->budget)
		end = addr + (w->budget << PAGE_SHIFT);

	start_pte = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);
	if (!start_pte)
		return 0;
	end_pte = start_pte + ((end - addr) >> PAGE_SHIFT);
	if (is_fast(w))
		pte = dirty_walk_ptes(w, vma, start_pte, end_pte, addr);
	else
		pte = walk_ptes_plainly(w, vma, start_pte, end_pte, addr);
	entries = pte - start_pte;
	pte_unmap_unlock(start_pte, ptl);
	return account_progress(w, vma->vm_mm, addr + (entries << PAGE_SHIFT),
				entries) || pte != end_pte;
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* Return true if page tables map pages of the folio one by one. */
static bool is_mapped_in_parts(struct folio *folio)
{
	bool in_parts = folio_mapcount(folio) != folio_entire_mapcount(folio);

	/* The caller reads the flags of the folio again after this. */
	smp_rmb();
	return in_parts;
}

/*
 * Return the flags of a huge entry, 0 if clean. Set *@mixed to the huge page if
 * it is not marked exclusive and a relative may have its pages one by one, mapped
 * or in swap: some of them may have become exclusive to us.
 */
static unsigned long huge_pmd_flags(const struct dirty_walk *w,
				    struct vm_area_struct *vma, unsigned long addr,
				    pmd_t pmd, struct folio **mixed)
{
	unsigned long flags = 0;

	*mixed = NULL;
	if (pmd_present(pmd)) {
		struct page *page = vm_normal_page_pmd(vma, addr, pmd);
		struct folio *folio;
		bool others;

		if (!page || !PageAnon(page))
			return 0;
		folio = page_folio(page);
		others = may_have_other_users(folio);
		/* As in is_only_mapping(): flags, mapcounts, flags */
		smp_rmb();
		flags = anon_page_flags(folio, &folio->page, pmd_dirty(pmd));
		if (pmd_soft_dirty(pmd) || pmd_write(pmd))
			flags |= DIRTY_WRITTEN;
		if (!(pmd_write(pmd) && pmd_dirty(pmd)) &&
		    !PageAnonExclusive(&folio->page) &&
		    (is_mapped_in_parts(folio) || others ||
		     may_have_other_users(folio)))
			*mixed = folio;
	} else if (pmd_is_migration_entry(pmd)) {
		flags = migrating_page_flags(softleaf_from_pmd(pmd));
		if (flags && pmd_swp_soft_dirty(pmd))
			flags |= DIRTY_WRITTEN;
	} else if (pmd_is_device_private_entry(pmd)) {
		struct folio *folio = softleaf_to_folio(softleaf_from_pmd(pmd));

		flags = device_page_flags(&folio->page);
		if (flags && !PageAnonExclusive(&folio->page) &&
		    (is_mapped_in_parts(folio) || may_have_other_users(folio)))
			*mixed = folio;
	}
	return flags ? flags | DIRTY_HUGE | w->vma_flags : 0;
}

/* Return the address of the first page for which there is no room, or @end. */
static unsigned long walk_mixed(struct dirty_walk *w, struct folio *folio,
				unsigned long addr, unsigned long end,
				unsigned long flags)
{
	struct page *page = folio_page(folio, (addr & ~HPAGE_PMD_MASK) >>
					      PAGE_SHIFT);

	flags &= ~DIRTY_EXCLUSIVE;
	for (; addr != end; addr += PAGE_SIZE, page++) {
		unsigned long x = 0;

		if (is_only_mapping(folio, page))
			x = DIRTY_EXCLUSIVE;
		if (!dirty_set_flags(&w->runs, addr, flags | x))
			break;
	}
	return addr;
}
#else
static unsigned long huge_pmd_flags(const struct dirty_walk *w,
				    struct vm_area_struct *vma, unsigned long addr,
				    pmd_t pmd, struct folio **mixed)
{
	*mixed = NULL;
	return 0;
}

static unsigned long walk_mixed(struct dirty_walk *w, struct folio *folio,
				unsigned long addr, unsigned long end,
				unsigned long flags)
{
	return end;
}
#endif

/*
 * Walk empty and huge entries up to the first that points to a page table. The
 * lock is needed: to free a huge page lazily, or to move it by userfaultfd, the
 * kernel may clear its entry for a moment, which would look like a hole. One lock
 * covers all entries of this table.
 */
static noinline int walk_pmds(struct dirty_walk *w, struct vm_area_struct *vma,
			      pmd_t *pmd, unsigned long addr, unsigned long end)
{
	spinlock_t *ptl = pmd_lock(vma->vm_mm, pmd);
	unsigned long start = addr, next, flags;
	struct folio *mixed = NULL;
	pmd_t *end_pmd, *next_pmd;
	long entries = 0;
	bool full = false;

	if ((end - addr) >> PMD_SHIFT > w->budget)
		end = (addr & PMD_MASK) + (w->budget << PMD_SHIFT);
	end_pmd = pmd + ((end - 1) >> PMD_SHIFT) - (addr >> PMD_SHIFT) + 1;

	for (; pmd != end_pmd && !mixed && !dirty_pmd_is_table(pmdp_get(pmd));
	     pmd = next_pmd) {
		flags = huge_pmd_flags(w, vma, addr, pmdp_get(pmd), &mixed);
		next_pmd = pmd + 1;
		if (is_fast(w) && !mixed)
			next_pmd = dirty_skip_pmds(pmd, end_pmd, flags);
		next = end;
		if (next_pmd != end_pmd)
			next = (addr & PMD_MASK) + ((next_pmd - pmd) << PMD_SHIFT);
		entries += next_pmd - pmd;
		w->slow++;
		if (!mixed) {
			full = !dirty_set_flags(&w->runs, addr, flags);
			if (full)
				break;
			addr = next;
		} else {
			/* Visiting each of its pages is enough for one hold. */
			addr = walk_mixed(w, mixed, addr, next, flags);
			entries += PTRS_PER_PTE;
			w->slow += PTRS_PER_PTE;
			full = addr != next;
		}
	}
	spin_unlock(ptl);
	/* The entry points to a page table by now; the caller reads it again. */
	if (addr == start && !full)
		return 0;
	return account_progress(w, vma->vm_mm, addr, entries) || full;
}

static int walk_clean(struct dirty_walk *w, struct mm_struct *mm,
		      unsigned long addr, unsigned long end)
{
	return !dirty_set_flags(&w->runs, addr, 0) ||
	       account_progress(w, mm, end, 1);
}

/* Return true for a table. Otherwise the entry is empty or maps a device. */
static bool pud_is_table(pud_t pud)
{
	return pud_present(pud) && !pud_leaf(pud);
}

/*
 * Find the entry that points to the tables of @addr, and cut *@end to the range
 * that they cover. Return NULL if there is none; all up to *@end is clean then.
 * Cut it level by level, since a level that is folded cuts nothing.
 */
static pud_t *find_pud(struct mm_struct *mm, unsigned long addr,
		       unsigned long *end)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	unsigned long next;
	p4d_t *p4d;
	pud_t *pud;

	*end = pgd_addr_end(addr, *end);
	if (pgd_none_or_clear_bad(pgd))
		return NULL;
	*end = p4d_addr_end(addr, *end);
	p4d = p4d_offset(pgd, addr);
	if (p4d_none_or_clear_bad(p4d))
		return NULL;

	next = pud_addr_end(addr, *end);
	pud = pud_offset(p4d, addr);
	if (pud_is_table(pudp_get(pud))) {
		*end = next;
		return pud;
	}
	while (next != *end && !pud_is_table(pudp_get(++pud)))
		next = pud_addr_end(next, *end);
	*end = next;
	return NULL;
}

/*
 * Walk a mapping. walk_page_range() would take more instructions than the pages
 * of a small mapping do, and small mappings are common.
 */
static int walk_vma(struct dirty_walk *w, struct vm_area_struct *vma,
		    unsigned long addr, unsigned long end)
{
	struct mm_struct *mm = vma->vm_mm;
	unsigned long next = addr;
	pud_t *pud = NULL;
	int stop = 0;
	pmd_t *pmd;

	for (w->next = addr; !stop && w->next != end; cond_resched()) {
		addr = w->next;
		if (addr == next) {
			next = end;
			pud = find_pud(mm, addr, &next);
		}
		if (!pud) {
			stop = walk_clean(w, mm, addr, next);
			continue;
		}
		pmd = pmd_offset(pud, addr);
		if (dirty_pmd_is_table(pmdp_get_lockless(pmd)))
			stop = walk_pte_table(w, vma, pmd, addr,
					      pmd_addr_end(addr, next));
		else
			stop = walk_pmds(w, vma, pmd, addr, next);
	}
	return stop;
}

static int dirty_hole(unsigned long addr, unsigned long end, int depth,
		      struct mm_walk *walk)
{
	return walk_clean(walk->private, walk->mm, addr, end);
}

#ifdef CONFIG_HUGETLB_PAGE
/* Soft-dirty does not track hugetlb pages: any of them may have been written. */
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
			flags = anon_page_flags(folio, &folio->page, true);
	} else if (!huge_pte_none(pte)) {
		flags = swap_pte_flags(pte);
	}
	spin_unlock(ptl);

	w->slow++;
	if (flags)
		flags |= DIRTY_HUGE | DIRTY_WRITTEN | w->vma_flags;
	return !dirty_set_flags(&w->runs, addr, flags) ||
	       account_progress(w, walk->mm, end, 1);
}
#else
#define dirty_hugetlb_entry	NULL
#endif

static const struct mm_walk_ops dirty_hugetlb_ops = {
	.pte_hole	= dirty_hole,
	.hugetlb_entry	= dirty_hugetlb_entry,
	.walk_lock	= PGWALK_RDLOCK,
};

static const struct mm_walk_ops dirty_hugetlb_by_vma_ops = {
	.pte_hole	= dirty_hole,
	.hugetlb_entry	= dirty_hugetlb_entry,
	.walk_lock	= DIRTY_WALK_BY_VMA,
};

static int walk_hugetlb_vma(struct dirty_walk *w, struct vm_area_struct *vma,
			    unsigned long addr, unsigned long end)
{
	return walk_page_range_vma(vma, addr, end,
				   w->by_vma ? &dirty_hugetlb_by_vma_ops :
					       &dirty_hugetlb_ops, w);
}

static unsigned long vma_dirty_flags(struct vm_area_struct *vma)
{
	unsigned long flags = vma_is_anonymous(vma) ? 0 : DIRTY_FILE;

	/* VM_SOFTDIRTY adds nothing to the bits of the entries. */
	if (!pgtable_supports_soft_dirty())
		flags |= DIRTY_WRITTEN;
	if (vma->vm_flags & VM_DROPPABLE)
		flags |= DIRTY_LAZYFREE;
	return flags;
}

/**
 * dirty_walk_batch() - find dirty pages, with a bounded hold of the locks
 * @mm: the address space, pinned by mmget()
 * @w: the walk: from @w->next to @w->end, with the result in @w->runs
 *
 * A run that was still growing when the last batch ended goes on if the mapping
 * still covers its start. The batch ends at @w->end, when @w->budget is used up,
 * when @w->runs are full, or when another task waits for the lock, but never without
 * having visited an entry or filled @w->runs. If the walk is by mapping, it may also
 * end without progress, after a fatal signal, or if a mapping has too many readers.
 *
 * A mapping without anon_vma has no dirty page: a page becomes anonymous only
 * after anon_vma is set (fork relies on that), and UFFDIO_ZEROPAGE sets it as well.
 *
 * Context: Process context, between dirty_lock_mappings() and
 * dirty_unlock_mappings(), or with the mmap lock held for reading. May sleep.
 * Return: true if the walk has reached @w->end.
 */
bool dirty_walk_batch(struct mm_struct *mm, struct dirty_walk *w)
{
	unsigned long next = dirty_resume_at(mm, w->next);
	struct vm_area_struct *vma;
	struct vma_iterator vmi;

	vma_iter_init(&vmi, mm, next);
	while ((vma = dirty_next_vma(w, &vmi, mm, next))) {
		unsigned long start, end;

		if (IS_ERR(vma))
			return false;
		start = max(w->next, vma->vm_start);
		end = min(w->end, vma->vm_end);
		next = vma->vm_end;
		if (vma->vm_start > w->runs.start &&
		    !dirty_set_flags(&w->runs, w->next, 0))
			return false;
		w->next = start;
		if (vma_is_cow_mapping(vma) && READ_ONCE(vma->anon_vma)) {
			w->vma_flags = vma_dirty_flags(vma);
			/* Pages of a DAX device may look anonymous. */
			w->normal = !(vma->vm_flags & DIRTY_VM_SPECIAL) &&
				    !vma_is_dax(vma);
			if (is_vm_hugetlb_page(vma) ?
			    walk_hugetlb_vma(w, vma, start, end) :
			    walk_vma(w, vma, start, end))
				return false;
		} else if (!dirty_set_flags(&w->runs, start, 0)) {
			return false;
		}
		/* No run crosses the end of its mapping. */
		if (!dirty_set_flags(&w->runs, end, 0) ||
		    account_progress(w, mm, end, 1))
			return false;
	}
	if (!dirty_set_flags(&w->runs, w->next, 0))
		return false;
	w->next = w->end;
	return true;
}

/**
 * dirty_skip_huge_pud() - keep a page walk from splitting huge entries
 * @pud: the entry
 * @addr: start of the range that it maps
 * @end: end of that range
 * @walk: a walk with callbacks for lower levels
 *
 * For .pud_entry: a huge entry of this level outside hugetlb maps a device, which
 * has no dirty page.
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

#ifdef CONFIG_PROC_DIRTY_PAGES_KUNIT_TEST
#include "tests/task_dirty_walk_kunit.c"
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
#include "tests/task_dirty_walk_huge_kunit.c"
#endif
#endif
