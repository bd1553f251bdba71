// SPDX-License-Identifier: GPL-2.0
/*
 * The fast walk of a page table, for mappings with ordinary pages only.
 *
 * Most entries equal their neighbour except for the location of the page and the
 * accessed bit. They have the flags of the neighbour, so the walk decodes one of
 * them and skips the others by comparing them with a pattern, without reading
 * struct page. A pattern is the bits that matter and their values. There are
 * patterns for
 *
 * - empty entries;
 * - swap entries that are marked exclusive, wherever in swap;
 * - entries that are writable and dirty. In an ordinary copy-on-write mapping,
 *   they map an anonymous page that is exclusive, not merged and not lazily
 *   freed. can_change_pte_writable(), do_wp_page() and fork ensure it; uprobes
 *   and FOLL_FORCE leave their pages read-only.
 *
 * The pattern of other present entries, read-only or clean, determines only some
 * flags; the walk reads the rest from struct page. The pattern of other swap entries
 * determines all but DIRTY_EXCLUSIVE, for which the walk looks up the swap map
 * (without this pattern: +94 % for swapped pages that a forked child has too).
 *
 * Each technique here has the figure that justifies it: how many more instructions
 * a whole listing takes without it, on x86-64.
 */
#include <linux/leafops.h>
#include <linux/memblock.h>
#include <linux/swap.h>

#include "task_dirty.h"

/**
 * struct pattern - entries that have the same flags
 * @mask: bits of an entry that matter
 * @bits: their values
 * @flags: the flags of such entries, as far as the entries determine them
 */
struct pattern {
	unsigned long mask;
	unsigned long bits;
	unsigned long flags;
};

/*
 * Plain reads, see block_matches(). The page-table lock is held, and it makes no
 * difference if hardware sets the accessed or dirty bit meanwhile.
 */
#define ENTRY_WORD(entry)	data_race(*(const unsigned long *)(entry))
/* The same, as an entry */
#define PLAIN_PTE(pte)		data_race(*(pte))

/* Offset of the page of an entry from the page of an entry at address 0 */
#define PTE_OFFSET(pte)		((unsigned long)(pte) * (PAGE_SIZE / sizeof(pte_t)))

static __always_inline bool matches(unsigned long word, const struct pattern *p)
{
	return (word & p->mask) == p->bits;
}

static void ignore_bits(struct pattern *p, unsigned long bits)
{
	p->mask &= ~bits;
	p->bits &= ~bits;
}

/*
 * Return true if the eight entries from @word on match. The reads are plain, so
 * that the compiler can fold loads into the operations (READ_ONCE(): +45 %), and
 * each entry is read twice to that end (without OPTIMIZER_HIDE_VAR(): +22 %).
 * Comparing each of them with @p->bits: +88 %. All of that for pages that are all
 * written.
 */
static __always_inline bool block_matches(const unsigned long *word,
					  const struct pattern *p)
{
	/* Does an entry have a bit that it should not have? */
	if (!matches(data_race(word[0] | word[1] | word[2] | word[3] |
			       word[4] | word[5] | word[6] | word[7]), p))
		return false;
	/* For empty entries, this is sufficient (+46 % for holes). */
	if (__builtin_constant_p(p->bits) && !p->bits)
		return true;
	OPTIMIZER_HIDE_VAR(word);
	/* Does one lack a bit? */
	return matches(data_race(word[0] & word[1] & word[2] & word[3] &
				 word[4] & word[5] & word[6] & word[7]), p);
}

/*
 * Return the first entry after @word, before @end, that does not match. One by
 * one: +92 % for pages that are all written, +160 % for holes. One block at a time:
 * +5 % and +9 %.
 */
static __always_inline const unsigned long *
skip_matching(const unsigned long *word, const unsigned long *end,
	      const struct pattern *p)
{
	word++;
	while (word + 16 <= end && block_matches(word, p) &&
	       block_matches(word + 8, p))
		word += 16;
	if (word + 8 <= end && block_matches(word, p))
		word += 8;
	while (word != end && matches(ENTRY_WORD(word), p))
		word++;
	return word;
}

static __always_inline pte_t *skip_ptes(pte_t *pte, pte_t *end,
					const struct pattern *p)
{
	return (pte_t *)skip_matching((unsigned long *)pte,
				      (unsigned long *)end, p);
}

/*
 * Bits that do not affect flags: the location of the page, in entries that are
 * present, huge or in swap, and the accessed bit of a present entry.
 */
static unsigned long pte_location __ro_after_init;
static unsigned long swp_location __ro_after_init;
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static unsigned long pmd_location __ro_after_init;
#endif

/* The bits of pte_val() that hold the frame number */
unsigned long dirty_pfn_bits __ro_after_init;

/*
 * Return the width of the highest possible frame number. Memory that is plugged in
 * later may have higher frame numbers than the memory at boot. The width is not larger,
 * as some architectures keep other bits above the frame number.
 */
static unsigned int __init width_of_frames(void)
{
#ifdef CONFIG_MEMORY_HOTPLUG
	return MAX_PHYSMEM_BITS - PAGE_SHIFT;
#else
	return fls_long(max(max_pfn, 2UL) - 1);
#endif
}

/*
 * Architectures have no masks in common, so derive them from entries that the common
 * functions make. Decoding each entry instead: 20 times as many instructions for
 * pages that are all written, 16 times as many for pages in swap.
 */
static int __init dirty_fast_init(void)
{
	unsigned long pfn = (1UL << width_of_frames()) - 1;
	pte_t none = pfn_pte(0, __pgprot(0)), pte = pfn_pte(pfn, __pgprot(0));
	pte_t young = pte_mkyoung(none), old = pte_mkold(none);
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	/*
	 * Some architectures keep flags in those bits of the frame number that are
	 * always zero for a huge page.
	 */
	unsigned long huge_pfn = pfn & ~(HPAGE_PMD_NR - 1UL);
	pmd_t none_pmd = pfn_pmd(0, __pgprot(0));
	pmd_t pmd = pfn_pmd(huge_pfn, __pgprot(0));

	pmd_location = ENTRY_WORD(&pmd) ^ ENTRY_WORD(&none_pmd);
#endif
	dirty_pfn_bits = pte_val(pte) ^ pte_val(none);
	pte_location = (ENTRY_WORD(&pte) ^ ENTRY_WORD(&none)) |
		       (ENTRY_WORD(&young) ^ ENTRY_WORD(&old));
	/*
	 * Reading an entry back gives the highest offset. The entry has type 1: with
	 * type 0 it would be all zeroes on x86, which reads back as no entry.
	 */
	pte = swp_entry_to_pte(swp_entry(1, ~0UL));
	pte = swp_entry_to_pte(swp_entry(1, swp_offset(softleaf_from_pte(pte))));
	none = swp_entry_to_pte(swp_entry(1, 0));
	swp_location = ENTRY_WORD(&pte) ^ ENTRY_WORD(&none);
	return 0;
}
fs_initcall(dirty_fast_init);

/* Where the walk reads the flags of a page that the pattern does not determine */
enum pattern_rest { REST_NONE, REST_IN_PAGE, REST_IN_SWAP };

/*
 * Return the pattern of entries like @pte; it matches at least those with the same
 * bits. Set *@rest to where their other flags are.
 */
static struct pattern pte_pattern(struct dirty_walk *w,
				  struct vm_area_struct *vma, unsigned long addr,
				  pte_t pte, enum pattern_rest *rest)
{
	struct pattern p = { .bits = ENTRY_WORD(&pte), .mask = ~0UL };

	*rest = REST_NONE;
	if (pte_present(pte) && !pte_special(pte) &&
	    dirty_frame_of(pte) == pte_pfn(pte)) {
		ignore_bits(&p, pte_location);
		p.flags = DIRTY_PRESENT | w->vma_flags;
		if (dirty_pte_written(pte))
			p.flags |= DIRTY_WRITTEN;
		if (pte_write(pte) && pte_dirty(pte))
			p.flags |= DIRTY_EXCLUSIVE;
		else
			*rest = REST_IN_PAGE;
		return p;
	}
	if (softleaf_is_swap(softleaf_from_pte(pte))) {
		ignore_bits(&p, swp_location);
		if (!pte_swp_exclusive(pte))
			*rest = REST_IN_SWAP;
	}
	p.flags = dirty_pte_flags(vma, addr, pte);
	if (*rest == REST_IN_SWAP)
		p.flags &= ~DIRTY_EXCLUSIVE;
	else
		w->slow++;
	if (p.flags)
		p.flags |= w->vma_flags;
	return p;
}

/*
 * Do the same as is_only_mapping() for a small page, but return false where that
 * would take the folio lock. Without it: +150 % for pages of a process after its
 * forked child has exited.
 */
static __always_inline bool is_surely_only_mapping(struct page *page)
{
	/* The same order: flags, mapcount, flags */
	unsigned long flags = smp_load_acquire(dirty_page_word(page));
	int others = atomic_read(&page->_mapcount);

	/* A relative that did not map the page at that point shows in the flags. */
	smp_rmb();
	flags |= READ_ONCE(*dirty_page_word(page));
	return !others && !(flags & (1UL << PG_locked | 1UL << PG_swapcache));
}

/*
 * Return the flags of the page of an entry that is not special, without those
 * that the entry determines. Most pages are small and not lazily freed; for these,
 * read only two or three words of struct page. In a large folio, only the first
 * page ever has PG_swapcache.
 *
 * dirty_page_flags() alone: +160 % for pages shared with a forked child, +42 % for
 * acknowledged pages. pte_pfn() in place of dirty_frame_of(): +29 % and +30 %.
 */
static __always_inline unsigned long
read_page_flags(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep)
{
	const unsigned long anon = 1UL << PG_swapbacked | FOLIO_MAPPING_ANON;
	const unsigned long exclusive = 1UL << PG_anon_exclusive;
	const unsigned long head = 1UL << PG_head;
	unsigned long kind;
	struct page *page;

	if (!IS_ENABLED(CONFIG_ARCH_HAS_PTE_SPECIAL))
		return dirty_pte_flags(vma, addr, ptep_get(ptep));

	BUILD_BUG_ON((exclusive | head | 1UL << PG_swapbacked) &
		     FOLIO_MAPPING_FLAGS);
	page = pfn_to_page(dirty_frame_of(PLAIN_PTE(ptep)));
	/* Others may set other bits of this word at any time. */
	kind = data_race(*dirty_page_word(page)) & (exclusive | head | 1UL << PG_swapbacked);
	/* KSM may merge the page, just before this read or after it. */
	kind |= (unsigned long)data_race(page->mapping) & FOLIO_MAPPING_FLAGS;
	if (likely(kind == anon)) {
		if (likely(atomic_read(&page->_mapcount)))
			return DIRTY_PRESENT;
		if (likely(is_surely_only_mapping(page)))
			return DIRTY_PRESENT | DIRTY_EXCLUSIVE;
		return dirty_page_flags(page, ptep_get(ptep));
	}
	if (likely(kind == (anon | exclusive)))
		return DIRTY_PRESENT | DIRTY_EXCLUSIVE;
	/* A page of a file in memory, as of tmpfs (+22 %) */
	if (kind == 1UL << PG_swapbacked)
		return 0;
	/* On arm64, the dirty bit may be in another entry, where ptep_get() finds it. */
	return dirty_page_flags(page, ptep_get(ptep));
}

/*
 * Skip the entries after @pte as long as they match @p and their pages have
 * @page_flags. Return the first other entry, or @end. Without this loop: +61 % for
 * pages shared with a forked child, +68 % for acknowledged pages.
 */
static noinline pte_t *skip_same_pages(struct dirty_walk *w,
				       struct vm_area_struct *vma,
				       unsigned long addr, pte_t *pte, pte_t *end,
				       struct pattern p, unsigned long page_flags)
{
	pte_t *first = pte;

	do {
		pte++;
		addr += PAGE_SIZE;
	} while (pte != end && matches(ENTRY_WORD(pte), &p) &&
		 read_page_flags(vma, addr, pte) == page_flags);
	w->slow += pte - first;
	return pte;
}

/* Matches empty entries. The walk also starts with it, for want of another. */
static const struct pattern hole = { .mask = ~0UL };

/**
 * dirty_walk_ptes() - walk entries of a page table
 * @w: the walk
 * @vma: the mapping, with ordinary pages only
 * @pte: the first entry
 * @end: the end of the entries
 * @addr: the address of the first entry
 *
 * The compiler keeps the copy of the runs in registers. Without the copy: +5 % for
 * every other page written.
 *
 * Context: Page-table lock held.
 * Return: the first entry for which there is no room, or @end.
 */
noinline pte_t *dirty_walk_ptes(struct dirty_walk *w,
				struct vm_area_struct *vma,
				pte_t *pte, pte_t *end, unsigned long addr)
{
	const unsigned long origin = addr - PTE_OFFSET(pte);
	struct pattern whole = hole, partial = hole, swapped = hole;
	struct dirty_runs runs = w->runs;
	unsigned long flags, page_flags;
	enum pattern_rest rest;
	struct pattern p;

	while (pte != end) {
		addr = origin + PTE_OFFSET(pte);
		if (!ENTRY_WORD(pte)) {
			if (!runs.flags) {
				pte = skip_ptes(pte, end, &hole);
				continue;
			}
			if (!dirty_set_flags(&runs, addr, 0))
				break;
			pte++;
		} else if (matches(ENTRY_WORD(pte), &whole)) {
			if (runs.flags == whole.flags) {
				pte = skip_ptes(pte, end, &whole);
				continue;
			}
			if (!dirty_set_flags(&runs, addr, whole.flags))
				break;
			pte++;
		} else if (matches(ENTRY_WORD(pte), &partial)) {
			page_flags = read_page_flags(vma, addr, pte);
			flags = page_flags ? page_flags | partial.flags : 0;
			if (runs.flags == flags) {
				pte = skip_same_pages(w, vma, addr, pte, end,
						      partial, page_flags);
				continue;
			}
			if (!dirty_set_flags(&runs, addr, flags))
				break;
			pte++;
			w->slow++;
		} else if (matches(ENTRY_WORD(pte), &swapped)) {
			flags = swapped.flags;
			if (dirty_is_only_swap_entry(softleaf_from_pte(PLAIN_PTE(pte))))
				flags |= DIRTY_EXCLUSIVE;
			if (!dirty_set_flags(&runs, addr, flags))
				break;
			pte++;
			w->slow++;
		} else {
			p = pte_pattern(w, vma, addr, PLAIN_PTE(pte), &rest);
			if (rest == REST_IN_PAGE)
				partial = p;
			else if (rest == REST_IN_SWAP)
				swapped = p;
			else
				whole = p;
		}
	}
	w->runs = runs;
	return pte;
}

/**
 * dirty_skip_pmds() - skip entries of the level above page tables
 * @pmd: an entry that is empty, huge or a migration entry
 * @end: the end of the entries
 * @flags: the flags of @pmd
 *
 * Without it: 7 times as many instructions for 1 GiB of huge pages.
 *
 * Context: PMD lock held.
 * Return: the first entry after @pmd that does not have the same flags, or @end.
 */
pmd_t *dirty_skip_pmds(pmd_t *pmd, pmd_t *end, unsigned long flags)
{
	struct pattern p = { .bits = ENTRY_WORD(pmd), .mask = ~0UL };

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	if (flags && pmd_present(*pmd) && pmd_write(*pmd) && pmd_dirty(*pmd))
		ignore_bits(&p, pmd_location);
#endif
	return (pmd_t *)skip_matching((unsigned long *)pmd,
				      (unsigned long *)end, &p);
}

#ifdef CONFIG_PROC_DIRTY_PAGES_KUNIT_TEST
#include "tests/task_dirty_fast_kunit.c"
#endif
