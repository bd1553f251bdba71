/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* PAGEMAP_SCAN, as in <linux/fs.h> since Linux 6.7, for older headers. */
#ifndef DIRTYPAGES_PAGEMAP_SCAN_H
#define DIRTYPAGES_PAGEMAP_SCAN_H

#include <stdint.h>
#include <sys/ioctl.h>

struct page_region {
	uint64_t start, end, categories;
};

struct pm_scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask;
	uint64_t return_mask;
};

#define PAGEMAP_SCAN		_IOWR('f', 16, struct pm_scan_arg)

#define PAGE_IS_FILE		(1 << 2)
#define PAGE_IS_PRESENT		(1 << 3)
#define PAGE_IS_SWAPPED		(1 << 4)
#define PAGE_IS_PFNZERO		(1 << 5)
#define PAGE_IS_HUGE		(1 << 6)
#define PAGE_IS_SOFT_DIRTY	(1 << 7)
#define PAGE_IS_GUARD		(1 << 8) /* Linux 6.16 */

#endif /* DIRTYPAGES_PAGEMAP_SCAN_H */
