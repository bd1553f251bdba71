// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Listings on kernels without /proc/<pid>/dirty_pages, made from pagemap: by
 * PAGEMAP_SCAN (Linux 6.7), else entry by entry.
 *
 * A page of a private mapping is modified if it is in memory or in swap, and is
 * neither page cache nor the zero page. In a file mapping, even the zero page is a
 * modification. Guard regions look like pages in swap, and are none. Flags that an
 * interface does not report are "?" in the listing; dirtycat(1) lists the pages that it
 * reports wrongly.
 */
#define _GNU_SOURCE
#include "internal.h"
#include "pagemap_scan.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* Entries of pagemap */
#define PM_PFN			((1ull << 55) - 1)
#define PM_SOFT_DIRTY		(1ull << 55)
#define PM_MMAP_EXCLUSIVE	(1ull << 56)
#define PM_GUARD_REGION		(1ull << 58) /* Linux 6.15; never set before */
#define PM_FILE			(1ull << 61)
#define PM_SWAP			(1ull << 62)
#define PM_PRESENT		(1ull << 63)

/*
 * A walk over the private mappings of a process, from address low to high. The
 * current run is added when it ends, so equal neighbours in a mapping become one
 * line.
 */
struct walk {
	struct dp_sink *sink;
	const struct dirtypages_mapping *mapping;
	uint64_t low;
	uint64_t high;
	int fd;
	bool anonymous;
	bool tracked;
	bool exclusive;
	bool guards;
	uint64_t zero_pfn;
	uint64_t start;
	uint64_t end;
	char flags[8];
};

static int end_run(struct walk *w)
{
	const struct dp_line line = { w->start, w->end, w->flags, COLUMNS };

	w->end = 0;
	return line.end ? w->sink->take(&line, w->sink->data) : 0;
}

static int add_pages(struct walk *w, uint64_t start, uint64_t end,
		     const char flags[8])
{
	int error = 0;

	if (w->end != start || memcmp(flags, w->flags, 7)) {
		error = end_run(w);
		w->start = start;
		memcpy(w->flags, flags, 8);
	}
	w->end = end;
	return error;
}

/* Read entries from an address on. Return their number, or a negative errno. */
static ssize_t read_entries(const struct walk *w, uint64_t start, uint64_t end,
			    uint64_t *entries, size_t room)
{
	const long page = sysconf(_SC_PAGESIZE);
	size_t count = (end - start) / page;
	ssize_t len;

	if (count > room)
		count = room;
	len = pread(w->fd, entries, count * sizeof(*entries),
		    start / page * sizeof(*entries));
	if (len < (ssize_t)sizeof(*entries))
		return len < 0 ? -errno : -ESRCH;
	return len / sizeof(*entries);
}

static char exclusive_letter(uint64_t entry)
{
	if (!(entry & PM_PRESENT))
		return '?';
	return entry & PM_MMAP_EXCLUSIVE ? 'x' : '-';
}

/* Add the pages of a region, and read x of each from its pagemap entry. */
static int add_by_entry(struct walk *w, uint64_t start, uint64_t end,
			char flags[8])
{
	const long page = sysconf(_SC_PAGESIZE);
	uint64_t entries[512];

	while (start < end) {
		ssize_t count = read_entries(w, start, end, entries, 512);

		if (count < 0)
			return count;
		for (ssize_t i = 0; i < count; i++, start += page) {
			int error;

			flags[3] = exclusive_letter(entries[i]);
			error = add_pages(w, start, start + page, flags);
			if (error)
				return error;
		}
	}
	return 0;
}

/* Add the part of a region in the current mapping. */
static int add_region(struct walk *w, uint64_t start, uint64_t end, uint64_t is)
{
	char flags[8] = "fp-?-??";

	if (w->anonymous) {
		if (is & PAGE_IS_PFNZERO)
			return 0;
		flags[0] = 'a';
	}
	if (!w->tracked)
		flags[2] = '?';
	else if (is & (PAGE_IS_SOFT_DIRTY | PAGE_IS_PFNZERO))
		flags[2] = 'd';
	if (is & PAGE_IS_HUGE)
		flags[4] = 'h';
	if (is & PAGE_IS_SWAPPED)
		flags[1] = 's';
	else if (w->exclusive)
		return add_by_entry(w, start, end, flags);
	return add_pages(w, start, end, flags);
}

static int add_entry(struct walk *w, uint64_t addr, uint64_t entry, long page)
{
	char flags[8] = "fp--???";

	if (!(entry & (PM_PRESENT | PM_SWAP)) ||
	    entry & (PM_FILE | PM_GUARD_REGION))
		return 0;
	if (w->anonymous) {
		if (entry & PM_PRESENT && w->zero_pfn &&
		    (entry & PM_PFN) == w->zero_pfn)
			return 0;
		flags[0] = 'a';
	}
	if (!w->tracked)
		flags[2] = '?';
	else if (entry & PM_SOFT_DIRTY)
		flags[2] = 'd';
	if (entry & PM_SWAP)
		flags[1] = 's';
	flags[3] = exclusive_letter(entry);
	return add_pages(w, addr, addr + page, flags);
}

/* Look up the entry of a page of our own after reading or writing it. */
static bool own_entry(bool written, uint64_t *entry)
{
	const long page = sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	bool found = false;
	volatile char *p;

	*entry = 0;
	if (fd == -1)
		return false;
	p = mmap(NULL, page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p != MAP_FAILED) {
		if (written)
			*p = 1;
		else
			(void)*p;
		found = pread(fd, entry, sizeof(*entry),
			      (uintptr_t)p / page * sizeof(*entry)) ==
			sizeof(*entry);
		munmap((void *)p, page);
	}
	close(fd);
	return found;
}

/**
 * dp_is_tracked() - check whether the kernel tracks writes
 *
 * Return: false if a page that was just written is not soft-dirty; true otherwise,
 * or if pagemap cannot be read.
 */
bool dp_is_tracked(void)
{
	uint64_t entry;

	return !own_entry(true, &entry) || entry & PM_SOFT_DIRTY;
}

static bool is_private(const struct dirtypages_mapping *m)
{
	/* The gate page does not belong to the process. */
	return m->perms[3] == 'p' && m->end <= INT64_MAX;
}

static uint64_t max_address(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min_address(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Consecutive private mappings */
struct group {
	const struct dirtypages_mapping *first;
	const struct dirtypages_mapping *end;
};

static int enter(struct walk *w, const struct dirtypages_mapping *m)
{
	int error = end_run(w);

	w->mapping = m;
	w->anonymous = dirtypages_mapping_is_anonymous(m);
	return error;
}

/*
 * The kernel joins equal neighbours across mappings: add the part of a region in
 * each mapping of the group. Regions and mappings both ascend.
 */
static int split_region(struct walk *w, const struct group *group,
			const struct page_region *region)
{
	while (w->mapping < group->end && w->mapping->start < region->end) {
		const struct dirtypages_mapping *m = w->mapping;
		uint64_t start = max_address(region->start, m->start);
		uint64_t end = min_address(region->end, m->end);
		int error = 0;

		if (start < end)
			error = add_region(w, start, end, region->categories);
		if (error)
			return error;
		if (m->end > region->end)
			break;
		if (m + 1 == group->end) {
			w->mapping++;
			break;
		}
		error = enter(w, m + 1);
		if (error)
			return error;
	}
	return 0;
}

/*
 * Scan consecutive private mappings in one call. Keep shared mappings out of the
 * range: scanning their pages would only cost time.
 */
static int scan_group(struct walk *w, const struct group *group)
{
	/* The kernel handles no more regions at once. */
	struct page_region regions[512];
	const size_t room = sizeof(regions) / sizeof(*regions);
	const uint64_t not = PAGE_IS_FILE | (w->guards ? PAGE_IS_GUARD : 0);
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = max_address(group->first->start, w->low),
		.end = min_address(group->end[-1].end, w->high),
		.vec = (uintptr_t)regions,
		.vec_len = room,
		.category_inverted = not,
		.category_mask = not,
		.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.return_mask = PAGE_IS_SWAPPED | PAGE_IS_SOFT_DIRTY |
			       PAGE_IS_HUGE | PAGE_IS_PFNZERO,
	};
	int n, error = enter(w, group->first);

	/* walk_end is not reliable; continue after the last region. */
	do {
		n = ioctl(w->fd, PAGEMAP_SCAN, &arg);
		if (n < 0)
			return -errno;
		for (int i = 0; !error && i < n; i++)
			error = split_region(w, group, &regions[i]);
		if (n)
			arg.start = regions[n - 1].end;
	} while (!error && n == (int)room);
	return error ? error : end_run(w);
}

/* Find the mappings that overlap the range of the walk. */
static struct group mappings_in_range(const struct walk *w,
				      const struct dirtypages_maps *maps)
{
	const size_t count = dirtypages_maps_count(maps);
	size_t first = dirtypages_maps_first(maps, w->low);
	struct group group;

	/* The mappings are an array. */
	group.first = dirtypages_maps_get(maps, first);
	group.end = group.first;
	for (; first < count && group.end->start < w->high; first++)
		group.end++;
	return group;
}

static int scan(struct walk *w, const struct dirtypages_maps *maps)
{
	const struct group all = mappings_in_range(w, maps);
	const struct dirtypages_mapping *m = all.first;
	int error = 0;

	while (!error && m < all.end) {
		struct group group = { m, m };

		while (group.end < all.end && is_private(group.end))
			group.end++;
		if (group.first < group.end)
			error = scan_group(w, &group);
		m = group.end + 1;
	}
	return error;
}

static int read_mapping(struct walk *w)
{
	uint64_t entries[CHUNK / sizeof(uint64_t)];
	const long page = sysconf(_SC_PAGESIZE);
	uint64_t addr = max_address(w->mapping->start, w->low);
	uint64_t end = min_address(w->mapping->end, w->high);

	while (addr < end) {
		ssize_t count = read_entries(w, addr, end, entries,
					     sizeof(entries) / sizeof(*entries));

		if (count < 0)
			return count;
		for (ssize_t i = 0; i < count; i++, addr += page) {
			int error = add_entry(w, addr, entries[i], page);

			if (error)
				return error;
		}
	}
	return end_run(w);
}

static int read_all(struct walk *w, const struct dirtypages_maps *maps)
{
	const struct group all = mappings_in_range(w, maps);
	int error = 0;

	for (const struct dirtypages_mapping *m = all.first; !error && m < all.end; m++) {
		if (!is_private(m))
			continue;
		error = enter(w, m);
		if (!error)
			error = read_mapping(w);
	}
	return error;
}

/**
 * dp_pagemap_can_scan() - check for PAGEMAP_SCAN (Linux 6.7)
 * @fd: an open pagemap
 *
 * Return: true if the kernel has it.
 */
bool dp_pagemap_can_scan(int fd)
{
	struct pm_scan_arg nothing = { 0 };

	return ioctl(fd, PAGEMAP_SCAN, &nothing) == -1 && errno != ENOTTY;
}

/* Return true if PAGEMAP_SCAN of this kernel can leave out guard regions. */
static bool scan_knows_guards(int fd)
{
	struct pm_scan_arg nothing = {
		.size = sizeof(nothing),
		.category_mask = PAGE_IS_GUARD,
	};

	return ioctl(fd, PAGEMAP_SCAN, &nothing) == 0;
}

/* These facts are the same for all processes, but the library has no global state. */
static void ask_kernel(struct dirtypages *pages)
{
	uint64_t entry;

	if (pages->known)
		return;
	pages->tracked = dp_is_tracked();
	pages->guards = scan_knows_guards(pages->fd);
	if (own_entry(false, &entry))
		pages->zero_pfn = entry & PM_PFN;
	pages->known = true;
}

/**
 * dp_pagemap_read() - make a listing from pagemap
 * @pages: its backend is %DIRTYPAGES_SCAN or %DIRTYPAGES_PAGEMAP
 * @sink: receives the lines
 * @maps: set to the mappings that were walked, NULL on error
 *
 * Return: 0; -ESRCH if the address space is gone; another negative errno; or the
 * first result of @sink other than 0.
 */
int dp_pagemap_read(struct dirtypages *pages, struct dp_sink *sink,
		    struct dirtypages_maps **maps)
{
	struct walk w = {
		.sink = sink,
		.low = pages->start,
		.high = pages->end,
		.fd = pages->fd,
		.exclusive = pages->need & DIRTYPAGES_EXCLUSIVE,
	};
	uint64_t entry;
	int error;

	ask_kernel(pages);
	w.tracked = pages->tracked;
	w.guards = pages->guards;
	w.zero_pfn = pages->zero_pfn;
	error = dirtypages_maps_read(maps, pages->process);
	if (error)
		return error;
	if (pages->backend == DIRTYPAGES_SCAN)
		error = scan(&w, *maps);
	else
		error = read_all(&w, *maps);
	/* Scanning a dead address space may look like scanning an empty one. */
	if (!error && dirtypages_maps_count(*maps) &&
	    pread(pages->fd, &entry, sizeof(entry), 0) == 0)
		error = -ESRCH;
	return error;
}
