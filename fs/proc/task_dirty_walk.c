// SPDX-License-Identifier: GPL-2.0
/*
 * The range walk behind /proc/<pid>/dirty_pages: which pages of a process are
 * modified private ones, and their flags.
 *
 * Found is what cannot be had again by mapping the same file, or fresh memory,
 * at the same address: the anonymous pages of private mappings, the private
 * copies of file pages, and the zero page where it stands in for one (see
 * <linux/dirty_pages.h>), whether in memory, in swap, on a device or on the way
 * between. Not found are shared mappings, holes, clean file pages, the zero page
 * in anonymous memory, raw page frames and markers.
 *
 * The walk only looks: it faults nothing in, allocates no page table, reads no
 * disk, and leaves accessed and dirty bits alone. Each page is looked at once,
 * under its page-table lock, and all its flags come from that one look. A page
 * that relatives may have in swap is locked for that moment, or referred to.
 */
#include <linux/dirty_pages.h>
#include <linux/huge_mm.h>
#include <linux/hugetlb.h>
#include <linux/ksm.h>
#include <linux/memblock.h>
#include <linux/mm_inline.h>
#include <linux/mmap_lock.h>
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
	return w->budget <= 0 || mmap_lock_is_contended(mm) ||
	       dirty_should_fail(DIRTY_FAIL_CONTENTION);
}

/*
 * From @addr on, pages have @flags, or are clean if that is 0. This ends a run
 * with other flags. Returns false, with nothing done, if there is no room for
 * it: the walk has to stop at @addr.
 */
static __always_inline bool set_flags(struct dirty_runs *runs,
				      unsigned long addr, unsigned long flags)
{
	if (flags == runs->flags)
		return true;
	if (runs->flags) {
		if (runs->free == runs->end)
			return false;
		runs->free->start = runs->start;
		runs->free->end_flags = addr | runs->flags;
		runs->free++;
	}
	runs->start = addr;
	runs->flags = flags;
	return true;
}

/*
 * May the page of an anonymous entry have been written? No entry should be
 * writable without the bit. One that is nevertheless would be written unseen.
 */
static __always_inline bool pte_written(pte_t pte)
{
	return pte_soft_dirty(pte) || pte_write(pte);
}

/* @flags of a page, with those of its mapping if it is not clean */
static unsigned long with_vma_flags(const struct dirty_walk *w,
				    unsigned long flags)
{
	return flags ? flags | w->vma_flags : 0;
}

/*
 * Count the entries that map a page. To split a huge entry, a relative adds the
 * mappings of the pages before it drops the mapping of the entry.
 */
static int page_mappings(struct folio *folio, struct page *page)
{
	int entire = folio_test_large(folio) ? folio_entire_mapcount(folio) : 0;
	int mapcount;

	/* Read in the other order, to see one of the two. */
	smp_rmb();
	mapcount = atomic_read(&page->_mapcount) + 1;
	return entire + (page_mapcount_is_type(mapcount) ? 0 : mapcount);
}

/*
 * Return true if one page-table entry alone has the page, mapped or in swap.
 *
 * do_swap_page() frees the swap entry before it maps the page, and nothing counts
 * the entries of a page that migrates. Both hold the folio's lock, so if somebody
 * else has it, the answer is false. The caller holds the page-table lock, and must
 * not sleep.
 */
static noinline bool has_one_user(struct folio *folio, struct page *page)
{
	int users;

	if (!folio_trylock(folio))
		return false;
	users = page_mappings(folio, page);
	if (folio_test_swapcache(folio))
		users += swap_map_peek(page_swap_entry(page)) & ~SWAP_HAS_CACHE;
	folio_unlock(folio);
	return users == 1;
}

/* May page tables have a page of the folio without mapping it? */
static bool may_have_other_users(struct folio *folio)
{
	return folio_test_locked(folio) || folio_test_swapcache(folio);
}

/*
 * Return true if no entry but ours, which maps the page, has it. Call it for a
 * page that is not marked exclusive.
 *
 * The flags of the folio show that a relative may have the page without mapping
 * it. A relative is missed only if it stops to map the page and maps it again
 * between the two looks at the flags.
 */
static bool is_only_mapping(struct folio *folio, struct page *page)
{
	bool others = may_have_other_users(folio);

	/* A relative that maps the page from now on is in the mapcount. */
	smp_rmb();
	if (page_mappings(folio, page) != 1)
		return false;
	/* One that did not map it just now is in the flags. */
	smp_rmb();
	if (others || may_have_other_users(folio))
		return has_one_user(folio, page);
	return true;
}

/*
 * Return true if no other page-table entry has the page of this swap entry. Call
 * it for an entry that is not marked exclusive.
 *
 * One byte of the swap map tells how many entries have the page in swap, and
 * whether the swap cache has it, from where relatives may map it. Our reference
 * keeps the folio in the cache, under this entry. While it lasts, a relative that
 * writes to the page copies it, and an acknowledgment may take the page as held.
 */
static bool is_only_swap_entry(swp_entry_t entry)
{
	unsigned char usage = swap_map_peek(entry);
	struct folio *folio;
	bool only;

	if (usage != (1 | SWAP_HAS_CACHE))
		return usage == 1;
	folio = swap_cache_peek(entry);
	/* The folio is on its way into the cache, or out of it. */
	if (!folio)
		return false;
	only = has_one_user(folio, folio_file_page(folio, swp_offset(entry)));
	folio_put(folio);
	return only;
}

/*
 * Flags of an anonymous page that is mapped, its page-table lock held; of a
 * hugetlb folio, @page is the first. A page marked exclusive is never merged.
 */
static __always_inline unsigned long
anon_page_flags(struct folio *folio, struct page *page, bool dirty)
{
	unsigned long flags = DIRTY_PRESENT | DIRTY_EXCLUSIVE;

	if (!test_bit(PG_anon_exclusive, &page->flags)) {
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
	/* As with an entry that is writable: see pte_written() */
	if (is_writable_migration_entry(entry))
		flags |= DIRTY_WRITTEN;
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
		if (pte_swp_exclusive(pte) || is_only_swap_entry(entry))
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
		flags = anon_page_flags(page_folio(page), page, true);
		flags &= ~DIRTY_PRESENT;
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

static noinline unsigned long pte_dirty_flags(struct vm_area_struct *vma,
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

	flags = anon_page_flags(page_folio(page), page, pte_dirty(pte));
	if (pte_written(pte))
		flags |= DIRTY_WRITTEN;
	return flags;
}

/*
 * The fast walk. Most entries are like their neighbour in all but the place of
 * the page and whether it was accessed. They have its flags, so nothing but the
 * entries needs to be read: a struct alike says which bits have to be the same
 * for that, and next_unlike() goes by, eight entries at a time. This is for
 *
 * - empty entries;
 * - swap entries that are marked exclusive, wherever in swap;
 * - entries that are writable and dirty: in a copy-on-write mapping of the
 *   usual kind, they map an anonymous page that is exclusive to it, and neither
 *   merged nor lazily freed. can_change_pte_writable(), do_wp_page() and fork
 *   see to it; uprobes and FOLL_FORCE leave their pages read-only.
 *
 * Of a page with another entry, read-only or clean, the entries that are alike
 * tell what is not in the page, and the page is asked for the rest.
 *
 * Entries are compared as words. Where they are none, as with PAE, each is
 * looked at by itself.
 */
struct alike {
	unsigned long mask;	/* bits of an entry that matter */
	unsigned long bits;	/* what those are */
	unsigned long flags;	/* what such entries have in common */
};

#define ENTRIES_ARE_WORDS	(sizeof(pte_t) == sizeof(unsigned long) && \
				 sizeof(pmd_t) == sizeof(unsigned long))
/* Read plainly, see are_alike() */
#define ENTRY_WORD(entry)	data_race(*(const unsigned long *)(entry))
/* The same, as what it is */
#define PLAIN_PTE(pte)		data_race(*(pte))

/* How far what an entry maps is from what one at address 0 would map */
#define PTE_OFFSET(pte)		((unsigned long)(pte) * (PAGE_SIZE / sizeof(pte_t)))

static __always_inline bool is_alike(unsigned long word, const struct alike *a)
{
	return (word & a->mask) == a->bits;
}

static void ignore(struct alike *a, unsigned long place)
{
	a->mask &= ~place;
	a->bits &= ~place;
}

/*
 * Are the eight entries from @p on like the others? They are read plainly, for
 * the compiler to fold the loads, and twice, for the same reason: their lock is
 * held, and what hardware may set meanwhile does not matter.
 */
static __always_inline bool are_alike(const unsigned long *p,
				      const struct alike *a)
{
	/* Does one have a bit that the others have not? */
	if (!is_alike(data_race(p[0] | p[1] | p[2] | p[3] |
				p[4] | p[5] | p[6] | p[7]), a))
		return false;
	/* Of empty entries, that is all there is to know. */
	if (__builtin_constant_p(a->bits) && !a->bits)
		return true;
	OPTIMIZER_HIDE_VAR(p);
	/* Does one lack a bit? */
	return is_alike(data_race(p[0] & p[1] & p[2] & p[3] &
				  p[4] & p[5] & p[6] & p[7]), a);
}

/* The first of the entries after @p, before @end, that is not like the others */
static __always_inline const unsigned long *
next_unlike(const unsigned long *p, const unsigned long *end,
	    const struct alike *a)
{
	do {
		p++;
		if (p == end || !is_alike(ENTRY_WORD(p), a))
			return p;
	} while (!IS_ALIGNED((unsigned long)p, 8 * sizeof(*p)));

	while (p + 16 <= end && are_alike(p, a) && are_alike(p + 8, a))
		p += 16;
	if (p + 8 <= end && are_alike(p, a))
		p += 8;
	while (p != end && is_alike(ENTRY_WORD(p), a))
		p++;
	return p;
}

static __always_inline pte_t *next_unlike_pte(pte_t *pte, pte_t *end,
					      const struct alike *a)
{
	return (pte_t *)next_unlike((unsigned long *)pte, (unsigned long *)end,
				    a);
}

static __always_inline pmd_t *next_unlike_pmd(pmd_t *pmd, pmd_t *end,
					      const struct alike *a)
{
	return (pmd_t *)next_unlike((unsigned long *)pmd, (unsigned long *)end,
				    a);
}

/*
 * Bits that say nothing about flags: where the page of a present entry, or of a
 * huge one, or of a swap entry is, and whether the first was accessed.
 */
static unsigned long pte_place __ro_after_init;
static unsigned long swp_place __ro_after_init;
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static unsigned long pmd_place __ro_after_init;
#endif

unsigned long dirty_pfn_bits __ro_after_init;

/* By what architectures offer for making entries, since no other way is common */
static int __init dirty_places_init(void)
{
	/*
	 * No page has a higher number; all its bits, and none beyond, where
	 * some architectures keep others. (One that is plugged in later just
	 * differs from its neighbours where such a bit changes.)
	 */
	unsigned long pfn = (1UL << fls_long(max(max_pfn, 2UL) - 1)) - 1;
	pte_t none = pfn_pte(0, __pgprot(0)), pte = pfn_pte(pfn, __pgprot(0));
	pte_t young = pte_mkyoung(none), old = pte_mkold(none);
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	/* Some keep flags where a huge page's number is always zero. */
	unsigned long huge_pfn = pfn & ~(HPAGE_PMD_NR - 1UL);
	pmd_t none_pmd = pfn_pmd(0, __pgprot(0));
	pmd_t pmd = pfn_pmd(huge_pfn, __pgprot(0));

	pmd_place = ENTRY_WORD(&pmd) ^ ENTRY_WORD(&none_pmd);
#endif
	dirty_pfn_bits = pte_val(pte) ^ pte_val(none);
	pte_place = (ENTRY_WORD(&pte) ^ ENTRY_WORD(&none)) |
		    (ENTRY_WORD(&young) ^ ENTRY_WORD(&old));
	/* The highest offset is what can be read back. */
	pte = swp_entry_to_pte(swp_entry(0, ~0UL));
	pte = swp_entry_to_pte(swp_entry(0, swp_offset(pte_to_swp_entry(pte))));
	none = swp_entry_to_pte(swp_entry(0, 0));
	swp_place = ENTRY_WORD(&pte) ^ ENTRY_WORD(&none);
	return 0;
}
fs_initcall(dirty_places_init);

/* Which entries are like this one? At least those with just the same bits. */
static struct alike like_pte(struct dirty_walk *w,
			     struct vm_area_struct *vma, unsigned long addr,
			     pte_t pte, bool *ask)
{
	struct alike a = { .bits = ENTRY_WORD(&pte), .mask = ~0UL };

	*ask = false;
	/* Of a device's page, vm_normal_page() has to be asked what it is. */
	if (pte_present(pte) && !pte_special(pte) && !pte_devmap(pte) &&
	    dirty_frame_of(pte) == pte_pfn(pte)) {
		ignore(&a, pte_place);
		a.flags = DIRTY_PRESENT | w->vma_flags;
		if (pte_written(pte))
			a.flags |= DIRTY_WRITTEN;
		if (pte_write(pte) && pte_dirty(pte))
			a.flags |= DIRTY_EXCLUSIVE;
		else
			*ask = true;
		return a;
	}
	if (is_swap_pte(pte) && !non_swap_entry(pte_to_swp_entry(pte)) &&
	    pte_swp_exclusive(pte))
		ignore(&a, swp_place);
	w->slow++;
	a.flags = with_vma_flags(w, pte_dirty_flags(vma, addr, pte));
	return a;
}

static noinline unsigned long ask_folio(struct page *page, pte_t pte)
{
	struct folio *folio = page_folio(page);

	if (!folio_test_anon(folio))
		return 0;
	return anon_page_flags(folio, page, pte_dirty(pte));
}

/* Do what is_only_mapping() does without a lock, for a small page. */
static __always_inline bool is_surely_only_mapping(struct page *page)
{
	/* The same order: flags, mapcount, flags */
	unsigned long flags = smp_load_acquire(&page->flags);
	int others = atomic_read(&page->_mapcount);

	/* A relative that did not map the page just now is in the flags. */
	smp_rmb();
	flags |= READ_ONCE(page->flags);
	return !others && !(flags & (1UL << PG_locked | 1UL << PG_swapcache));
}

/*
 * The flags that a page has whose entry is not special, but for those of the
 * entry itself. Most pages are small and not lazily freed: of the words of
 * struct page, that takes two or three. The flag for swap is never set in another
 * page of a large folio than the first.
 */
static __always_inline unsigned long
ask_page(struct vm_area_struct *vma, unsigned long addr, pte_t pte)
{
	const unsigned long anon = 1UL << PG_swapbacked | PAGE_MAPPING_ANON;
	const unsigned long exclusive = 1UL << PG_anon_exclusive;
	const unsigned long head = 1UL << PG_head;
	unsigned long kind;
	struct page *page;

	if (!IS_ENABLED(CONFIG_ARCH_HAS_PTE_SPECIAL))
		return pte_dirty_flags(vma, addr, pte);

	BUILD_BUG_ON((exclusive | head | 1UL << PG_swapbacked) &
		     PAGE_MAPPING_FLAGS);
	page = pfn_to_page(dirty_frame_of(pte));
	/* Others set bits of this word at any time: before this look, or after. */
	kind = data_race(page->flags) & (exclusive | head | 1UL << PG_swapbacked);
	/* KSM may merge the page, likewise. */
	kind |= (unsigned long)data_race(page->mapping) & PAGE_MAPPING_FLAGS;
	if (likely(kind == anon)) {
		if (likely(atomic_read(&page->_mapcount)))
			return DIRTY_PRESENT;
		if (likely(is_surely_only_mapping(page)))
			return DIRTY_PRESENT | DIRTY_EXCLUSIVE;
		return ask_folio(page, pte);
	}
	if (likely(kind == (anon | exclusive)))
		return DIRTY_PRESENT | DIRTY_EXCLUSIVE;
	/* A page of a file in memory, as of tmpfs */
	if (kind == 1UL << PG_swapbacked)
		return 0;
	return ask_folio(page, pte);
}

/*
 * The first of the entries after @pte, before @end, that is not like the others,
 * or whose page does not have the same flags
 */
static noinline pte_t *next_asked(struct dirty_walk *w,
				  struct vm_area_struct *vma,
				  unsigned long addr, pte_t *pte, pte_t *end,
				  struct alike a, unsigned long page_flags)
{
	pte_t *first = pte;

	do {
		pte++;
		addr += PAGE_SIZE;
	} while (pte != end && is_alike(ENTRY_WORD(pte), &a) &&
		 ask_page(vma, addr, PLAIN_PTE(pte)) == page_flags);
	w->slow += pte - first;
	return pte;
}

/* Like empty entries, and at first like no others */
static const struct alike hole = { .mask = ~0UL };

/*
 * Look at the entries from @pte, which maps @addr, to @end. Returns the first
 * for which there is no room. It works on a copy of what the compiler had to
 * look up in memory each time otherwise.
 */
static noinline pte_t *walk_ptes(struct dirty_walk *w,
				 struct vm_area_struct *vma,
				 pte_t *pte, pte_t *end, unsigned long addr)
{
	const unsigned long origin = addr - PTE_OFFSET(pte);
	struct alike known = hole, asked = hole;
	struct dirty_runs runs = w->runs;
	unsigned long flags, page_flags;
	struct alike a;
	bool ask;

	while (pte != end) {
		addr = origin + PTE_OFFSET(pte);
		if (!ENTRY_WORD(pte)) {
			if (!runs.flags) {
				pte = next_unlike_pte(pte, end, &hole);
				continue;
			}
			if (!set_flags(&runs, addr, 0))
				break;
			pte++;
		} else if (is_alike(ENTRY_WORD(pte), &known)) {
			if (runs.flags == known.flags) {
				pte = next_unlike_pte(pte, end, &known);
				continue;
			}
			if (!set_flags(&runs, addr, known.flags))
				break;
			pte++;
		} else if (is_alike(ENTRY_WORD(pte), &asked)) {
			page_flags = ask_page(vma, addr, PLAIN_PTE(pte));
			flags = page_flags ? page_flags | asked.flags : 0;
			if (runs.flags == flags) {
				pte = next_asked(w, vma, addr, pte, end, asked,
						 page_flags);
				continue;
			}
			if (!set_flags(&runs, addr, flags))
				break;
			pte++;
			w->slow++;
		} else {
			a = like_pte(w, vma, addr, PLAIN_PTE(pte), &ask);
			if (ask)
				asked = a;
			else
				known = a;
		}
	}
	w->runs = runs;
	return pte;
}

/* The same, entry by entry */
static pte_t *walk_ptes_plainly(struct dirty_walk *w,
				struct vm_area_struct *vma, pte_t *pte,
				pte_t *end, unsigned long addr)
{
	unsigned long flags;

	for (; pte != end; pte++, addr += PAGE_SIZE) {
		flags = pte_dirty_flags(vma, addr, ptep_get(pte));
		if (!set_flags(&w->runs, addr, with_vma_flags(w, flags)))
			break;
		w->slow++;
	}
	return pte;
}

/* Does @w go by what entries have in common? */
static bool is_fast(const struct dirty_walk *w)
{
	return ENTRIES_ARE_WORDS && w->normal && !w->plain;
}

/* If the table has just become something else, nothing has been looked at. */
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
		pte = walk_ptes(w, vma, start_pte, end_pte, addr);
	else
		pte = walk_ptes_plainly(w, vma, start_pte, end_pte, addr);
	entries = pte - start_pte;
	pte_unmap_unlock(start_pte, ptl);
	return looked_at(w, vma->vm_mm, addr + (entries << PAGE_SHIFT), entries) ||
	       pte != end_pte;
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
/* Do page tables map pages of it one by one? */
static bool is_mapped_in_parts(struct folio *folio)
{
	bool in_parts = folio_mapcount(folio) != folio_entire_mapcount(folio);

	/* The flags are looked at again after this. */
	smp_rmb();
	return in_parts;
}

/*
 * Which huge entries are like this one? *@mixed is the huge page if it is not
 * marked exclusive and a relative may have its pages one by one, mapped or in
 * swap: some of them may have become exclusive to us, others not.
 */
static struct alike like_pmd(const struct dirty_walk *w,
			     struct vm_area_struct *vma, unsigned long addr,
			     pmd_t pmd, struct folio **mixed)
{
	struct alike a = { .bits = ENTRY_WORD(&pmd), .mask = ~0UL };

	*mixed = NULL;
	if (pmd_present(pmd)) {
		struct page *page = vm_normal_page_pmd(vma, addr, pmd);
		struct folio *folio;
		bool others;

		if (!page || !PageAnon(page))
			return a;
		folio = page_folio(page);
		others = may_have_other_users(folio);
		/* As in is_only_mapping(): flags, mapcounts, flags */
		smp_rmb();
		a.flags = anon_page_flags(folio, &folio->page, pmd_dirty(pmd));
		if (pmd_soft_dirty(pmd) || pmd_write(pmd))
			a.flags |= DIRTY_WRITTEN;
		if (pmd_write(pmd) && pmd_dirty(pmd))
			ignore(&a, pmd_place);
		else if (!PageAnonExclusive(&folio->page) &&
			 (is_mapped_in_parts(folio) || others ||
			  may_have_other_users(folio)))
			*mixed = folio;
	} else if (is_pmd_migration_entry(pmd)) {
		a.flags = migrating_page_flags(pmd_to_swp_entry(pmd));
		if (a.flags && pmd_swp_soft_dirty(pmd))
			a.flags |= DIRTY_WRITTEN;
	}
	if (a.flags)
		a.flags |= DIRTY_HUGE | w->vma_flags;
	return a;
}

/* Returns the address of the first page for which there is no room. */
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
		if (!set_flags(&w->runs, addr, flags | x))
			break;
	}
	return addr;
}
#else
static struct alike like_pmd(const struct dirty_walk *w,
			     struct vm_area_struct *vma, unsigned long addr,
			     pmd_t pmd, struct folio **mixed)
{
	*mixed = NULL;
	return (struct alike){ .bits = ENTRY_WORD(&pmd), .mask = ~0UL };
}

static unsigned long walk_mixed(struct dirty_walk *w, struct folio *folio,
				unsigned long addr, unsigned long end,
				unsigned long flags)
{
	return end;
}
#endif

/*
 * Go by empty and huge entries, up to the first that leads to a table. Under
 * the lock, since a huge page that is lazily freed, or moved by userfaultfd,
 * may be taken out and put back: without it, that would look like a hole. One
 * lock covers all entries of this table.
 */
static noinline int walk_pmds(struct dirty_walk *w, struct vm_area_struct *vma,
			      pmd_t *pmd, unsigned long addr, unsigned long end)
{
	spinlock_t *ptl = pmd_lock(vma->vm_mm, pmd);
	unsigned long start = addr, next;
	struct folio *mixed = NULL;
	pmd_t *end_pmd, *next_pmd;
	long entries = 0;
	bool full = false;
	struct alike a;

	if ((end - addr) >> PMD_SHIFT > w->budget)
		end = (addr & PMD_MASK) + (w->budget << PMD_SHIFT);
	end_pmd = pmd + ((end - 1) >> PMD_SHIFT) - (addr >> PMD_SHIFT) + 1;

	for (; pmd != end_pmd && !mixed && !dirty_pmd_is_table(pmdp_get(pmd));
	     pmd = next_pmd) {
		a = like_pmd(w, vma, addr, pmdp_get(pmd), &mixed);
		next_pmd = pmd + 1;
		if (is_fast(w) && !mixed)
			next_pmd = next_unlike_pmd(pmd, end_pmd, &a);
		next = end;
		if (next_pmd != end_pmd)
			next = (addr & PMD_MASK) + ((next_pmd - pmd) << PMD_SHIFT);
		entries += next_pmd - pmd;
		w->slow++;
		if (!mixed) {
			full = !set_flags(&w->runs, addr, a.flags);
			if (full)
				break;
			addr = next;
		} else {
			/* Each of its pages is looked at: enough for once. */
			addr = walk_mixed(w, mixed, addr, next, a.flags);
			entries += PTRS_PER_PTE;
			w->slow += PTRS_PER_PTE;
			full = addr != next;
		}
	}
	spin_unlock(ptl);
	/* It leads to a table by now: look again. */
	if (addr == start && !full)
		return 0;
	return looked_at(w, vma->vm_mm, addr, entries) || full;
}

static int walk_clean(struct dirty_walk *w, struct mm_struct *mm,
		      unsigned long addr, unsigned long end)
{
	return !set_flags(&w->runs, addr, 0) || looked_at(w, mm, end, 1);
}

/* Does it lead to a table? What else it may be is empty, or maps a device. */
static bool pud_is_table(pud_t pud)
{
	return pud_present(pud) && !pud_leaf(pud);
}

/*
 * Find the entry that leads to the tables of @addr, and cut *@end to what these
 * cover. If there is none, all up to *@end is clean. It is cut level by level,
 * since a level that does not exist cuts nothing.
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

/* The walk of a mapping, in its own way down: small mappings are common. */
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
			flags = anon_page_flags(folio, &folio->page, true);
	} else if (!huge_pte_none(pte)) {
		flags = swap_pte_flags(pte);
	}
	spin_unlock(ptl);

	w->slow++;
	if (flags)
		flags |= DIRTY_HUGE | DIRTY_WRITTEN | w->vma_flags;
	return !set_flags(&w->runs, addr, flags) || looked_at(w, walk->mm, end, 1);
}
#else
#define dirty_hugetlb_entry	NULL
#endif

static const struct mm_walk_ops dirty_hugetlb_ops = {
	.pte_hole	= dirty_hole,
	.hugetlb_entry	= dirty_hugetlb_entry,
	.walk_lock	= PGWALK_RDLOCK,
};

static unsigned long vma_dirty_flags(struct vm_area_struct *vma)
{
	unsigned long flags = vma_is_anonymous(vma) ? 0 : DIRTY_FILE;

	/* VM_SOFTDIRTY says nothing that the entries do not. */
	if (!IS_ENABLED(CONFIG_MEM_SOFT_DIRTY))
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
 * A run that was not over when the last batch ended goes on if the mapping still
 * covers its start. The walk stops at @w->end, when @w->budget is used up, when
 * @w->runs are full, or when somebody waits for the lock, but never without
 * having looked at something or filled @w->runs.
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

	dirty_may_lose_mapping(&vmi, mm, w->next);
	for_each_vma_range(vmi, vma, w->end) {
		unsigned long start = max(w->next, vma->vm_start);
		unsigned long end = min(w->end, vma->vm_end);

		if (vma->vm_start > w->runs.start && !set_flags(&w->runs, w->next, 0))
			return false;
		w->next = start;
		if (is_cow_mapping(vma->vm_flags) && READ_ONCE(vma->anon_vma)) {
			w->vma_flags = vma_dirty_flags(vma);
			w->normal = !(vma->vm_flags & DIRTY_VM_SPECIAL);
			if (is_vm_hugetlb_page(vma) ?
			    walk_page_range_vma(vma, start, end,
						&dirty_hugetlb_ops, w) :
			    walk_vma(w, vma, start, end))
				return false;
		} else if (!set_flags(&w->runs, start, 0)) {
			return false;
		}
		/* No run reaches from one mapping into another. */
		if (!set_flags(&w->runs, end, 0) || looked_at(w, mm, end, 1))
			return false;
	}
	if (!set_flags(&w->runs, w->next, 0))
		return false;
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

#ifdef CONFIG_PROC_DIRTY_PAGES_KUNIT_TEST
#include "tests/task_dirty_walk_kunit.c"
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
#include "tests/task_dirty_walk_huge_kunit.c"
#endif
#endif
