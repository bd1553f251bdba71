// SPDX-License-Identifier: GPL-2.0
/* Readers: one interface to all back ends. */
#define _GNU_SOURCE
#include "pagemap.h"
#include "../../../include/uapi/linux/dirty_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char *const dirty_backend_names[DIRTY_BACKENDS] = {
	[DIRTY_AUTO] = "auto",
	[DIRTY_FILE] = "dirty_pages",
	[DIRTY_SCAN] = "pagemap-scan",
	[DIRTY_PAGEMAP] = "pagemap",
};

static int open_file(struct dirty_reader *reader, const char *name, int flags,
		     enum dirty_backend backend)
{
	int fd = dirty_process_file(reader->process, name, flags);

	if (fd == -ENOENT)
		return -ENOSYS;
	if (fd < 0)
		return fd;
	reader->fd = fd;
	reader->backend = backend;
	return 0;
}

static int open_pagemap(struct dirty_reader *reader, enum dirty_backend backend)
{
	int error = open_file(reader, "pagemap", O_RDONLY, DIRTY_PAGEMAP);

	/* Kernel threads and zombies have no address space: list nothing. */
	if (error == -ESRCH && dirty_process_lives(reader->process)) {
		reader->backend = backend ? backend : DIRTY_PAGEMAP;
		return 0;
	}
	if (error || backend == DIRTY_PAGEMAP)
		return error;
	if (pagemap_can_scan(reader->fd))
		reader->backend = DIRTY_SCAN;
	else if (backend == DIRTY_SCAN)
		error = -ENOSYS;
	if (error)
		dirty_close(reader);
	return error;
}

/**
 * dirty_open() - open the current address space of a process
 * @reader: filled in; close with dirty_close()
 * @process: the process; must stay open as long as the reader
 * @backend: the source; %DIRTY_AUTO selects the best one of this kernel
 * @acknowledge: the caller will call dirty_acknowledge()
 *
 * Return: 0; -ESRCH if the process has exited; -EACCES or -EPERM if the caller may
 * not read, or not acknowledge; -ENOSYS if the kernel lacks the back end;
 * -EOPNOTSUPP if the back end cannot acknowledge; another negative errno.
 */
int dirty_open(struct dirty_reader *reader, struct dirty_process *process,
	       enum dirty_backend backend, bool acknowledge)
{
	int error = -ENOSYS;

	*reader = (struct dirty_reader){
		.process = process,
		.fd = -1,
		.end = UINT64_MAX,
	};
	if (backend == DIRTY_AUTO || backend == DIRTY_FILE)
		error = open_file(reader, "dirty_pages",
				  acknowledge ? O_RDWR : O_RDONLY, DIRTY_FILE);
	if (error != -ENOSYS || backend == DIRTY_FILE)
		return error;
	return acknowledge ? -EOPNOTSUPP : open_pagemap(reader, backend);
}

/**
 * dirty_set_range() - restrict the following listings to a range
 * @reader: an open reader
 * @start: address of the first page
 * @end: address after the last page. Both are rounded outwards to whole pages; 0
 *	and %UINT64_MAX restore the whole address space
 *
 * Lines are cut at the ends of the range, and the cost of reading depends on the
 * range only. dirty_acknowledge() still accepts any range.
 *
 * Return: 0; -EINVAL if @start is not below @end; -ENOTTY if the kernel lacks
 * DIRTY_PAGES_RANGE, and listings remain complete; another negative errno.
 */
int dirty_set_range(struct dirty_reader *reader, uint64_t start, uint64_t end)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);
	struct dirty_pages_range range = {
		.size = sizeof(range),
		.start = start & -page,
		.end = end > -page ? -page : (end + page - 1) & -page,
	};

	if (start >= end)
		return -EINVAL;
	/* The ioctl refuses an empty range; nothing is mapped in this last page. */
	if (range.start == range.end)
		range.start -= page;
	if (reader->fd != -1 && reader->backend == DIRTY_FILE &&
	    ioctl(reader->fd, DIRTY_PAGES_RANGE, &range))
		return -errno;
	reader->start = range.start;
	reader->end = range.end;
	return 0;
}

static int read_listing(struct dirty_reader *reader, struct dirty_listing *listing)
{
	if (lseek(reader->fd, 0, SEEK_SET))
		return -errno;
	return dirty_listing_parse(listing, reader->fd);
}

/**
 * dirty_read() - read the current listing of the reader's range
 * @reader: an open reader
 * @listing: the lines are added, including those before an error
 *
 * Return: 0; -ESRCH if the address space vanished meanwhile, and the listing is
 * truncated; -EPROTO if a line from the kernel is invalid; another negative errno.
 */
int dirty_read(struct dirty_reader *reader, struct dirty_listing *listing)
{
	struct dirty_maps maps = { 0 };
	int error;

	if (reader->fd == -1)
		return 0;
	if (reader->backend == DIRTY_FILE)
		return read_listing(reader, listing);
	error = pagemap_read(reader, listing, &maps);
	dirty_maps_free(&maps);
	return error;
}

/**
 * dirty_read_with_maps() - read the listing and all mappings
 * @reader: an open reader
 * @listing: the lines are added, including those before an error
 * @maps: set to the mappings just before or after the listing, empty if they
 *	cannot be read; free with dirty_maps_free()
 *
 * Return: the same as dirty_read().
 */
int dirty_read_with_maps(struct dirty_reader *reader,
			 struct dirty_listing *listing, struct dirty_maps *maps)
{
	int error;

	*maps = (struct dirty_maps){ 0 };
	if (reader->fd == -1)
		return 0;
	if (reader->backend != DIRTY_FILE)
		return pagemap_read(reader, listing, maps);
	error = read_listing(reader, listing);
	/* Mappings are optional: ignore an error. */
	dirty_maps_read(reader->process, maps);
	return error;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t done = write(fd, text, len);

		if (done == -1 && errno != EINTR)
			return -errno;
		if (done > 0) {
			text += done;
			len -= done;
		}
	}
	return 0;
}

/**
 * dirty_acknowledge() - acknowledge ranges that have d, by writing them back
 * @reader: opened with acknowledge, after reading its listing
 * @ranges: lines of the listing, or parts of them
 * @count: number of ranges
 *
 * Return: 0; -ESRCH if the address space is gone; -EOPNOTSUPP if the kernel
 * does not track writes; another negative errno. On error, some of the ranges,
 * from the first on, may be acknowledged.
 */
int dirty_acknowledge(struct dirty_reader *reader,
		      const struct dirty_range *ranges, size_t count)
{
	char text[16384];
	size_t len = 0;
	int error = 0;

	for (size_t i = 0; !error && i < count; i++) {
		if (!(ranges[i].flags & DIRTY_FLAG('d')))
			continue;
		len += snprintf(text + len, sizeof(text) - len, "%jx-%jx\n",
				ranges[i].start, ranges[i].end);
		if (sizeof(text) - len > 40)
			continue;
		error = write_all(reader->fd, text, len);
		len = 0;
	}
	return error ? error : write_all(reader->fd, text, len);
}

/**
 * dirty_close() - close a reader
 * @reader: from dirty_open()
 */
void dirty_close(struct dirty_reader *reader)
{
	if (reader->fd != -1)
		close(reader->fd);
	reader->fd = -1;
}
