/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Linux 7.3 has a header of this name. Only the files of /proc/<pid>/dirty_pages
 * include this one. They are written for that kernel, and use its names for entries
 * of page tables that are neither empty nor present, and a few other names that
 * Linux 6.12 lacks.
 *
 * The names are macros, as stable kernels adopt some of them now and then, either as
 * macros or as functions. A macro can replace both.
 */
#ifndef _LINUX_LEAFOPS_H
#define _LINUX_LEAFOPS_H

#include <linux/mm.h>
#include <linux/swap.h>
#include <linux/swapops.h>

/* Return 0 for an empty or present entry. No other entry has this value. */
static inline swp_entry_t dirty_leaf_of_pte(pte_t pte)
{
	return is_swap_pte(pte) ? pte_to_swp_entry(pte) : (swp_entry_t){};
}

static inline swp_entry_t dirty_leaf_of_pmd(pmd_t pmd)
{
	return is_swap_pmd(pmd) ? pmd_to_swp_entry(pmd) : (swp_entry_t){};
}

static inline bool dirty_leaf_is_swap(swp_entry_t entry)
{
	return entry.val && !non_swap_entry(entry);
}

/* Devices have no huge pages. */
static inline bool dirty_pmd_is_of_device(pmd_t pmd)
{
	return false;
}

/* One byte of the swap map has the count, and shows whether the cache has the page. */
static inline int swap_count_peek(swp_entry_t entry, bool *cached)
{
	unsigned char usage = swap_map_peek(entry);

	*cached = usage & SWAP_HAS_CACHE;
	return usage & ~SWAP_HAS_CACHE;
}

#undef softleaf_t
#undef softleaf_from_pte
#undef softleaf_from_pmd
#define softleaf_t			swp_entry_t
#define softleaf_from_pte		dirty_leaf_of_pte
#define softleaf_from_pmd		dirty_leaf_of_pmd
#define softleaf_is_swap		dirty_leaf_is_swap
#define softleaf_is_migration		is_migration_entry
#define softleaf_is_migration_read	is_readable_migration_entry
#define softleaf_is_migration_write	is_writable_migration_entry
#define softleaf_is_device_private	is_device_private_entry
#define softleaf_is_device_exclusive	is_device_exclusive_entry
#define softleaf_is_hwpoison		is_hwpoison_entry
#define softleaf_is_poison_marker	is_poisoned_swp_entry
#define softleaf_to_page		pfn_swap_entry_to_page
#define softleaf_to_folio		pfn_swap_entry_folio
#define pte_is_marker			is_pte_marker
#define pmd_is_migration_entry		is_pmd_migration_entry
#define pmd_is_device_private_entry	dirty_pmd_is_of_device

#define vma_is_cow_mapping(vma)		is_cow_mapping((vma)->vm_flags)
#define folio_maybe_mapped_shared	folio_likely_mapped_shared
#define pgtable_supports_soft_dirty()	IS_ENABLED(CONFIG_MEM_SOFT_DIRTY)
#define mm_flags_set(flag, mm)		set_bit(flag, &(mm)->flags)
#define FOLIO_MAPPING_ANON		PAGE_MAPPING_ANON
#define FOLIO_MAPPING_KSM		PAGE_MAPPING_KSM
#define FOLIO_MAPPING_FLAGS		PAGE_MAPPING_FLAGS

/* For the KUnit suites. There are no guard markers, and no such bit in others. */
#define PTE_MARKER_GUARD		BIT(2)
#define pte_uffd			pte_uffd_wp
#define pte_mkuffd			pte_mkuffd_wp
#define pte_swp_mkuffd			pte_swp_mkuffd_wp
#define pmd_uffd			pmd_uffd_wp
#define pmd_mkuffd			pmd_mkuffd_wp
#define pmd_swp_mkuffd			pmd_swp_mkuffd_wp
#define make_device_exclusive_entry	make_writable_device_exclusive_entry
#define zero_pfn(addr)			my_zero_pfn(addr)
#define EMPTY_VMA_FLAGS			0

#endif /* _LINUX_LEAFOPS_H */
