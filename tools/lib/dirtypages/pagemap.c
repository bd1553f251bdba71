// SPDX-License-Identifier: GPL-2.0
/*
 * The listing of kernels without /proc/<pid>/dirty_pages: made from pagemap, by
 * PAGEMAP_SCAN (Linux 6.7) where there is that, else entry by entry.
 *
 * A page of a private mapping is modified if it is in memory or in swap, and is
 * neither page cache nor the zero page. Over a file, also the zero page stands
 * for other contents. What neither interface tells is "?" in the listing; what
 * they take for something else is in dirtycat(1).
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "pagemap.h"
#include "pagemap_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Entries of pagemap */
#define PM_PFN			((1ull << 55) - 1)
#define PM_SOFT_DIRTY		(1ull << 55)
#define PM_MMAP_EXCLUSIVE	(1ull << 56)
#define PM_FILE			(1ull << 61)
#define PM_SWAP			(1ull << 62)
#define PM_PRESENT		(1ull << 63)

/*
 * A walk over the private mappings of a process. Equal neighbours within a
 * mapping become one line, as the run at hand is added only when it is over.
 */
struct walk {
	struct dirty_listing *listing;
	const struct dirty_mapping *mapping;
	int fd;
	bool anonymous;
	bool all_written;
	uint64_t zero_pfn;
	uint64_t start;
	uint64_t end;
	char flags[8];
};

static int end_run(struct walk *w)
{
	uint64_t end = w->end;

	w->end = 0;
	if (!end)
		return 0;
	return dirty_listing_add(w->listing, w->start, end, w->flags, 7);
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

static int add_region(struct walk *w, const struct page_region *region)
{
	uint64_t is = region->categories;
	char flags[8] = "fp-?-??";

	if (w->anonymous)
		flags[0] = 'a';
	if (is & PAGE_IS_SWAPPED)
		flags[1] = 's';
	if (is & (PAGE_IS_SOFT_DIRTY | PAGE_IS_PFNZERO) || w->all_written)
		flags[2] = 'd';
	if (is & PAGE_IS_HUGE)
		flags[4] = 'h';
	return add_pages(w, region->start, region->end, flags);
}

static int scan_mapping(struct walk *w)
{
	static struct page_region regions[4096];
	const size_t room = sizeof(regions) / sizeof(*regions);
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = w->mapping->start,
		.end = w->mapping->end,
		.vec = (uintptr_t)regions,
		.vec_len = room,
		.category_inverted = PAGE_IS_FILE | PAGE_IS_PFNZERO,
		.category_mask = PAGE_IS_FILE,
		.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.return_mask = PAGE_IS_SWAPPED | PAGE_IS_SOFT_DIRTY |
			       PAGE_IS_HUGE,
	};
	int n;

	if (w->anonymous)
		arg.category_mask |= PAGE_IS_PFNZERO;
	else
		arg.return_mask |= PAGE_IS_PFNZERO;
	arg.category_inverted &= arg.category_mask;
	/* Where it stopped is not told reliably: after the last region, or not. */
	do {
		n = ioctl(w->fd, PAGEMAP_SCAN, &arg);
		if (n < 0)
			return -errno;
		for (int i = 0; i < n; i++) {
			int error = add_region(w, &regions[i]);

			if (error)
				return error;
		}
		if (n)
			arg.start = regions[n - 1].end;
	} while (n == (int)room);
	return 0;
}

static int add_entry(struct walk *w, uint64_t addr, uint64_t entry, long page)
{
	char flags[8] = "fp--???";

	if (!(entry & (PM_PRESENT | PM_SWAP)) || entry & PM_FILE)
		return 0;
	if (w->anonymous) {
		if (entry & PM_PRESENT && w->zero_pfn &&
		    (entry & PM_PFN) == w->zero_pfn)
			return 0;
		flags[0] = 'a';
	}
	if (entry & PM_SOFT_DIRTY || w->all_written)
		flags[2] = 'd';
	if (entry & PM_SWAP) {
		flags[1] = 's';
		flags[3] = '?';
	} else if (entry & PM_MMAP_EXCLUSIVE) {
		flags[3] = 'x';
	}
	return add_pages(w, addr, addr + page, flags);
}

static int read_mapping(struct walk *w)
{
	static uint64_t entries[64 << 10];
	const long page = sysconf(_SC_PAGESIZE);
	uint64_t addr = w->mapping->start;

	while (addr < w->mapping->end) {
		size_t count = (w->mapping->end - addr) / page;
		ssize_t len;

		if (count > sizeof(entries) / sizeof(*entries))
			count = sizeof(entries) / sizeof(*entries);
		len = pread(w->fd, entries, count * sizeof(*entries),
			    addr / page * sizeof(*entries));
		if (len < (ssize_t)sizeof(*entries))
			return len < 0 ? -errno : -ESRCH;
		for (size_t i = 0; i < len / sizeof(*entries); i++) {
			int error = add_entry(w, addr, entries[i], page);

			if (error)
				return error;
			addr += page;
		}
	}
	return 0;
}

/*
 * Anonymous as in "no file stands behind it"; the kernel's own mappings, as the
 * vdso, are not, and /dev/zero is no file in that sense.
 */
static bool is_anonymous(const struct dirty_mapping *m)
{
	if (m->inode)
		return !strcmp(m->name, "/dev/zero");
	return !*m->name || !strcmp(m->name, "[heap]") ||
	       !strcmp(m->name, "[stack]") || !strncmp(m->name, "[anon:", 6);
}

/* The entry of a page of our own that was read, or written, just now. */
static uint64_t own_entry(bool written)
{
	const long page = sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	volatile char *p;
	uint64_t entry = 0;

	p = mmap(NULL, page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p != MAP_FAILED) {
		if (written)
			*p = 1;
		else
			(void)*p;
		if (pread(fd, &entry, sizeof(entry),
			  (uintptr_t)p / page * sizeof(entry)) < 0)
			entry = 0;
		munmap((void *)p, page);
	}
	if (fd != -1)
		close(fd);
	return entry;
}

/**
 * pagemap_can_scan() - does the kernel have PAGEMAP_SCAN?
 * @fd: of a pagemap
 *
 * Return: true if so, that is to say from Linux 6.7 on.
 */
bool pagemap_can_scan(int fd)
{
	struct pm_scan_arg nothing = { 0 };

	return ioctl(fd, PAGEMAP_SCAN, &nothing) == -1 && errno != ENOTTY;
}

/**
 * pagemap_read() - make a listing from pagemap
 * @reader: opened, its backend %DIRTY_SCAN or %DIRTY_PAGEMAP
 * @listing: grows by what was found, also if that ends in an error
 *
 * Return: 0; -ESRCH if the address space is gone; another negative errno.
 */
int pagemap_read(struct dirty_reader *reader, struct dirty_listing *listing)
{
	struct walk w = {
		.listing = listing,
		.fd = reader->fd,
		/* Without tracking, everything counts as written. */
		.all_written = !(own_entry(true) & PM_SOFT_DIRTY),
		.zero_pfn = own_entry(false) & PM_PFN,
	};
	struct dirty_maps maps;
	uint64_t entry;
	int error;

	error = dirty_maps_read(reader->process, &maps);
	if (error)
		return error;
	for (size_t i = 0; !error && i < maps.count; i++) {
		w.mapping = &maps.mappings[i];
		/* Addresses of the gate page are none of the process's. */
		if (w.mapping->perms[3] != 'p' || w.mapping->end > INT64_MAX)
			continue;
		w.anonymous = is_anonymous(w.mapping);
		if (reader->backend == DIRTY_SCAN)
			error = scan_mapping(&w);
		else
			error = read_mapping(&w);
		if (!error)
			error = end_run(&w);
	}
	/* Kernels may scan a dead address space as an empty one. */
	if (!error && maps.count &&
	    pread(reader->fd, &entry, sizeof(entry), 0) == 0)
		error = -ESRCH;
	dirty_maps_free(&maps);
	return error;
}
