/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The definition of "dirty": which pages of a process are modified private ones.
 *
 * Both page walks use it, the single-page walk with FOLL_DIRTY (mm/gup.c) and the
 * range walk behind /proc/<pid>/dirty_pages (fs/proc/task_dirty_walk.c). It covers
 * copy-on-write mappings only: no other mapping can hold a modified private page.
 */
#ifndef _LINUX_DIRTY_PAGES_H
#define _LINUX_DIRTY_PAGES_H

#include <linux/fs.h>
#include <linux/leafops.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#ifdef CONFIG_MMU
/*
 * Return true if the zero page is dirty in this mapping.
 *
 * In anonymous memory it is clean, since fresh memory has the same contents. Over
 * a file it replaces other contents: KSM put it there for an all-zero private
 * copy, or UFFDIO_ZEROPAGE did. Some mappings use it themselves, for holes (DAX)
 * or as a raw page frame; it is clean there.
 */
static inline bool vma_zero_page_is_dirty(struct vm_area_struct *vma)
{
	return !vma_is_anonymous(vma) && !vma_is_dax(vma) &&
	       !(vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP));
}

/*
 * Return true if a present page-table entry maps a dirty page. @page must be
 * vm_normal_page() of the entry, and @pfn its page frame. pte_page() would be
 * wrong: page->mapping of a DAX page can look like that of an anonymous page.
 */
static inline bool vma_page_is_dirty(struct vm_area_struct *vma,
				     struct page *page, unsigned long pfn)
{
	if (page)
		return PageAnon(page);
	return is_zero_pfn(pfn) && vma_zero_page_is_dirty(vma);
}

/*
 * Return true for a marker other than poison: it stands for no page. A poison
 * marker records that contents were lost, and a page walk reports that.
 */
static inline bool pte_marker_is_clean(pte_t pte)
{
	return pte_is_marker(pte) &&
	       !softleaf_is_poison_marker(softleaf_from_pte(pte));
}
#endif /* CONFIG_MMU */

#endif /* _LINUX_DIRTY_PAGES_H */
