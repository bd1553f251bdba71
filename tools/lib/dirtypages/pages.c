// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Open address spaces, and read listings: one interface to all back ends. */
#define _GNU_SOURCE
#include "internal.h"
#include "../../../include/uapi/linux/dirty_pages.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static const char *const backend_names[] = {
	[DIRTYPAGES_AUTO] = "auto",
	[DIRTYPAGES_FILE] = "dirty_pages",
	[DIRTYPAGES_SCAN] = "pagemap-scan",
	[DIRTYPAGES_PAGEMAP] = "pagemap",
};

enum { BACKENDS = sizeof(backend_names) / sizeof(*backend_names) };

/**
 * dirtypages_backend_name() - get the name of a back end
 * @backend: the back end
 *
 * Return: the name, NULL if the library does not know the back end.
 */
const char *dirtypages_backend_name(enum dirtypages_backend backend)
{
	return (unsigned int)backend < BACKENDS ? backend_names[backend] : NULL;
}

/**
 * dirtypages_backend_parse() - find a back end by its name
 * @name: its name
 *
 * Return: an enum dirtypages_backend, -EINVAL if the name is unknown.
 */
int dirtypages_backend_parse(const char *name)
{
	for (int i = 0; i < BACKENDS; i++)
		if (!strcmp(name, backend_names[i]))
			return i;
	return -EINVAL;
}

static void close_files(struct dirtypages *pages)
{
	if (pages->fd != -1)
		close(pages->fd);
	if (pages->mem != -1)
		close(pages->mem);
	pages->fd = -1;
	pages->mem = -1;
}

static int open_file(struct dirtypages *pages, const char *name, int flags,
		     enum dirtypages_backend backend)
{
	int fd = dirtypages_process_file(pages->process, name, flags);

	if (fd == -ENOENT)
		return -ENOSYS;
	if (fd < 0)
		return fd;
	pages->fd = fd;
	pages->backend = backend;
	return 0;
}

static int open_pagemap(struct dirtypages *pages, enum dirtypages_backend backend)
{
	int error = open_file(pages, "pagemap", O_RDONLY, DIRTYPAGES_PAGEMAP);

	/* Kernel threads and zombies have no address space: list nothing. */
	if (error == -ESRCH && dirtypages_process_lives(pages->process)) {
		pages->backend = backend ? backend : DIRTYPAGES_PAGEMAP;
		return 0;
	}
	if (error || backend == DIRTYPAGES_PAGEMAP)
		return error;
	if (dp_pagemap_can_scan(pages->fd))
		pages->backend = DIRTYPAGES_SCAN;
	else if (backend == DIRTYPAGES_SCAN)
		error = -ENOSYS;
	return error;
}

/* Open the listing, and the memory of the same address space for a reset. */
static int open_writable(struct dirtypages *pages)
{
	const bool reset = pages->flags & DIRTYPAGES_RESET;
	uint64_t before = 0, after = 0;
	int error;

	for (int i = 0; i < TRIES; i++) {
		error = reset ? dirtypages_process_space(pages->process, &before) : 0;
		if (!error && reset && !before)
			error = -ESRCH;
		if (!error)
			error = open_file(pages, "dirty_pages", O_RDWR, DIRTYPAGES_FILE);
		if (error || !reset)
			return error;
		pages->mem = dirtypages_process_file(pages->process, "mem", O_RDWR);
		if (pages->mem < 0) {
			error = pages->mem;
			pages->mem = -1;
			return error;
		}
		error = dirtypages_process_space(pages->process, &after);
		if (error || before == after)
			return error;
		/* It has called exec meanwhile, or has exited. */
		close_files(pages);
	}
	return -ESRCH;
}

/* Without the file, nothing can be acknowledged. */
static bool has_file(const struct dirtypages *pages)
{
	int dir = dirtypages_process_dir(pages->process);

	return !faccessat(dir, "dirty_pages", F_OK, 0) || errno != ENOENT;
}

static int open_best(struct dirtypages *pages, enum dirtypages_backend backend)
{
	const bool writes = pages->flags & (DIRTYPAGES_ACKNOWLEDGE | DIRTYPAGES_RESET);
	int error = -ENOSYS;

	if (backend == DIRTYPAGES_AUTO || backend == DIRTYPAGES_FILE) {
		error = writes && has_file(pages) ? dp_owns_memory(pages->process) : 0;
		if (!error)
			error = writes ? open_writable(pages) :
				open_file(pages, "dirty_pages", O_RDONLY, DIRTYPAGES_FILE);
	}
	if (error != -ENOSYS || backend == DIRTYPAGES_FILE)
		return error;
	return writes ? -EOPNOTSUPP : open_pagemap(pages, backend);
}

/**
 * dirtypages_open_process() - open the current address space of a process
 * @pages: set to it, NULL on error; close with dirtypages_close()
 * @process: the process; must stay open as long as @pages
 * @backend: the source; %DIRTYPAGES_AUTO selects the best one of this kernel
 * @flags: %DIRTYPAGES_ACKNOWLEDGE, %DIRTYPAGES_RESET, or 0
 *
 * Return: 0; -ESRCH if the process has exited; -EACCES or -EPERM if the caller may
 * not read, or not acknowledge; -ENOSYS if the kernel lacks the back end;
 * -EOPNOTSUPP if the back end cannot acknowledge; -EADDRINUSE, with @flags, if the
 * memory is that of another process; -EINVAL if @backend or @flags is unknown;
 * another negative errno.
 */
int dirtypages_open_process(struct dirtypages **pages,
			    const struct dirtypages_process *process,
			    enum dirtypages_backend backend, unsigned int flags)
{
	struct dirtypages *new;
	int error;

	*pages = NULL;
	if (!dirtypages_backend_name(backend) ||
	    flags & ~(DIRTYPAGES_ACKNOWLEDGE | DIRTYPAGES_RESET))
		return -EINVAL;
	new = malloc(sizeof(*new));
	if (!new)
		return -ENOMEM;
	*new = (struct dirtypages){
		.process = process,
		.flags = flags,
		.fd = -1,
		.mem = -1,
		.end = UINT64_MAX,
		.need = UINT32_MAX,
	};
	error = open_best(new, backend);
	if (error)
		dirtypages_close(new);
	else
		*pages = new;
	return error;
}

/**
 * dirtypages_open() - open the current address space of a process
 * @pages: set to it, NULL on error; close with dirtypages_close()
 * @pid: PID of the process, 0 for the calling process
 * @backend: the source; %DIRTYPAGES_AUTO selects the best one of this kernel
 * @flags: %DIRTYPAGES_ACKNOWLEDGE, %DIRTYPAGES_RESET, or 0
 *
 * Return: as dirtypages_process_open() and dirtypages_open_process().
 */
int dirtypages_open(struct dirtypages **pages, pid_t pid,
		    enum dirtypages_backend backend, unsigned int flags)
{
	struct dirtypages_process *process;
	int error;

	*pages = NULL;
	error = dirtypages_process_open(&process, pid);
	if (error)
		return error;
	error = dirtypages_open_process(pages, process, backend, flags);
	if (error)
		dirtypages_process_close(process);
	else
		(*pages)->owned = true;
	return error;
}

/**
 * dirtypages_close() - close an address space
 * @pages: from dirtypages_open() or dirtypages_open_process(), or NULL
 */
void dirtypages_close(struct dirtypages *pages)
{
	if (!pages)
		return;
	close_files(pages);
	if (pages->owned)
		dirtypages_process_close((struct dirtypages_process *)pages->process);
	free(pages);
}

/**
 * dirtypages_get_backend() - find the source of listings
 * @pages: the address space
 *
 * Return: the back end, never %DIRTYPAGES_AUTO.
 */
enum dirtypages_backend dirtypages_get_backend(const struct dirtypages *pages)
{
	return pages->backend;
}

/**
 * dirtypages_get_process() - find the process of an address space
 * @pages: the address space
 *
 * Return: the process, open as long as @pages.
 */
const struct dirtypages_process *
dirtypages_get_process(const struct dirtypages *pages)
{
	return pages->process;
}

/**
 * dirtypages_set_range() - restrict listings to a range
 * @pages: the address space
 * @start: address of the first page
 * @end: address after the last page. Both are rounded outwards to whole pages; 0
 *	and %UINT64_MAX restore the whole address space
 *
 * Lines are cut at the ends of the range. If the kernel has no DIRTY_PAGES_RANGE,
 * the result is the same, but reading costs as much as for the whole address space.
 * Acknowledging is not restricted.
 *
 * Return: 0; -EINVAL if @start is not below @end; another negative errno.
 */
int dirtypages_set_range(struct dirtypages *pages, uint64_t start, uint64_t end)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);
	struct dirty_pages_range range = {
		.size = sizeof(range),
		.start = start & -page,
		.end = end > -page ? -page : (end + page - 1) & -page,
	};
	bool cut = false;

	if (start >= end)
		return -EINVAL;
	if (!start && end == UINT64_MAX && !pages->ranged)
		return 0;
	/* The ioctl refuses an empty range; nothing is mapped in this last page. */
	if (range.start == range.end)
		range.start -= page;
	if (pages->fd != -1 && pages->backend == DIRTYPAGES_FILE &&
	    ioctl(pages->fd, DIRTY_PAGES_RANGE, &range)) {
		if (errno != ENOTTY)
			return -errno;
		cut = true;
	}
	pages->start = range.start;
	pages->end = range.end;
	pages->ranged = start || end != UINT64_MAX;
	pages->exact = start == range.start && end == range.end;
	pages->cut = cut && pages->ranged;
	return 0;
}

/**
 * dirtypages_set_needed() - say which flags the caller uses
 * @pages: the address space
 * @flags: the flags, by default all
 *
 * %DIRTYPAGES_SCAN reads pagemap entries, page by page, only if the caller needs
 * %DIRTYPAGES_EXCLUSIVE. Flags that are not needed may be reported as unknown.
 */
void dirtypages_set_needed(struct dirtypages *pages, uint32_t flags)
{
	pages->need = flags;
}

struct cutter {
	const struct dirtypages *pages;
	struct dp_sink *sink;
};

static int take_cut(const struct dp_line *line, void *data)
{
	const struct cutter *cutter = data;
	struct dp_line cut = *line;

	if (cut.start < cutter->pages->start)
		cut.start = cutter->pages->start;
	if (cut.end > cutter->pages->end)
		cut.end = cutter->pages->end;
	return cut.start < cut.end ? cutter->sink->take(&cut, cutter->sink->data) : 0;
}

static int read_file(struct dirtypages *pages, struct dp_sink *sink)
{
	struct cutter cutter = { pages, sink };
	struct dp_sink cutting = { .take = take_cut, .data = &cutter };
	int error;

	if (lseek(pages->fd, 0, SEEK_SET))
		return -errno;
	if (!pages->cut)
		return dp_text_parse(pages->fd, sink);
	error = dp_text_parse(pages->fd, &cutting);
	sink->problem = cutting.problem;
	return error;
}

/* Pass each line to the sink. Allocates nothing if the back end is the file. */
static int read_lines(struct dirtypages *pages, struct dp_sink *sink)
{
	struct dirtypages_maps *maps = NULL;
	int error;

	if (pages->fd == -1)
		return 0;
	if (pages->backend == DIRTYPAGES_FILE)
		return read_file(pages, sink);
	error = dp_pagemap_read(pages, sink, &maps);
	dirtypages_maps_free(maps);
	return error;
}

/**
 * dirtypages_read() - read the current listing of the range
 * @pages: the address space
 * @listing: the lines replace its contents, up to an error
 *
 * Return: 0, also if the address space vanished before anything was read, and the
 * listing is empty; -ESRCH if it vanished later, and the listing is truncated;
 * -EPROTO if a line from the kernel is invalid; -ENOMEM; another negative errno.
 */
int dirtypages_read(struct dirtypages *pages, struct dirtypages_listing *listing)
{
	struct dp_sink sink = { .take = dp_listing_take, .data = listing };
	int error;

	dp_listing_reset(listing);
	error = read_lines(pages, &sink);
	dp_listing_finish(listing, &sink, pages);
	return error;
}

/**
 * dirtypages_read_with_maps() - read the listing of the range, and all mappings
 * @pages: the address space
 * @listing: the lines replace its contents, up to an error
 * @maps: set to the mappings just before or after the listing, NULL if they cannot
 *	be read; free with dirtypages_maps_free()
 *
 * Return: the same as dirtypages_read().
 */
int dirtypages_read_with_maps(struct dirtypages *pages,
			      struct dirtypages_listing *listing,
			      struct dirtypages_maps **maps)
{
	struct dp_sink sink = { .take = dp_listing_take, .data = listing };
	int error;

	*maps = NULL;
	if (pages->fd == -1 || pages->backend == DIRTYPAGES_FILE) {
		error = dirtypages_read(pages, listing);
		/* Mappings are optional: ignore an error. */
		if (pages->fd != -1)
			dirtypages_maps_read(maps, pages->process);
		return error;
	}
	dp_listing_reset(listing);
	error = dp_pagemap_read(pages, &sink, maps);
	dp_listing_finish(listing, &sink, pages);
	return error;
}

struct visitor {
	dirtypages_range_fn *fn;
	void *data;
};

static int visit(const struct dp_line *line, void *data)
{
	const struct visitor *visitor = data;
	const struct dirtypages_range range = {
		.start = line->start,
		.end = line->end,
		.flags = dp_letters(line->text, line->len),
		.unknown = dp_unknown_letters(line->text, line->len),
		.text = line->text,
	};

	return visitor->fn(&range, visitor->data);
}

/**
 * dirtypages_for_each() - call a function for each line, and keep none
 * @pages: the address space
 * @fn: called with each line, whose text is valid only meanwhile. It may
 *	acknowledge pages, but not read listings of @pages or set its range
 * @data: passed to @fn
 *
 * If the back end is %DIRTYPAGES_FILE, this allocates no memory.
 *
 * Return: 0; the first result of @fn other than 0; or a negative errno, see
 * dirtypages_read().
 */
int dirtypages_for_each(struct dirtypages *pages, dirtypages_range_fn *fn,
			void *data)
{
	struct visitor visitor = { fn, data };
	struct dp_sink sink = { .take = visit, .data = &visitor };

	return read_lines(pages, &sink);
}

struct sum {
	uint32_t want;
	uint32_t deny;
	uint64_t bytes;
	uint64_t unknown;
};

static int add_to_sum(const struct dirtypages_range *range, void *data)
{
	struct sum *sum = data;
	const uint64_t bytes = range->end - range->start;
	const uint32_t known = ~range->unknown;

	if ((range->flags & sum->want & known) != (sum->want & known) ||
	    range->flags & sum->deny)
		return 0;
	if ((sum->want | sum->deny) & range->unknown)
		sum->unknown += bytes;
	else
		sum->bytes += bytes;
	return 0;
}

/**
 * dirtypages_sum() - add up the pages of the range that have some flags
 * @pages: the address space
 * @want: flags that a page must have
 * @deny: flags that it must not have
 * @bytes: set to the size of these pages
 * @unknown: set to the size of the pages that cannot be decided, because the
 *	back end does not report a flag; or NULL
 *
 * If the back end is %DIRTYPAGES_FILE, this allocates no memory, and it may be
 * called after fork().
 *
 * Return: 0 or a negative errno, see dirtypages_read().
 */
int dirtypages_sum(struct dirtypages *pages, uint32_t want, uint32_t deny,
		   uint64_t *bytes, uint64_t *unknown)
{
	const uint32_t need = pages->need;
	struct sum sum = { .want = want, .deny = deny };
	int error;

	pages->need = want | deny;
	error = dirtypages_for_each(pages, add_to_sum, &sum);
	pages->need = need;
	*bytes = sum.bytes;
	if (unknown)
		*unknown = sum.unknown;
	return error;
}
