// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Acknowledge pages, and reset memory. */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>

/* Longest line that is written: two addresses, a separator and a newline */
enum { LINE = 2 * 16 + 2 };

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

/* After a bad line, the kernel refuses all others: check them first. */
static bool is_valid(uint64_t start, uint64_t end)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);

	return start < end && !((start | end) & (page - 1));
}

/* Lines that are to be written together */
struct batch {
	int fd;
	size_t len;
	char text[CHUNK];
};

static void begin(struct batch *batch, int fd)
{
	batch->fd = fd;
	batch->len = 0;
}

static int flush(struct batch *batch)
{
	int error = write_all(batch->fd, batch->text, batch->len);

	batch->len = 0;
	return error;
}

static int add_line(struct batch *batch, uint64_t start, uint64_t end)
{
	/* One more for the terminator, which is not written */
	const size_t room = sizeof(batch->text) - LINE - 1;

	batch->len += snprintf(batch->text + batch->len, LINE + 1,
			       "%" PRIx64 "-%" PRIx64 "\n", start, end);
	return batch->len > room ? flush(batch) : 0;
}

/**
 * dirtypages_acknowledge_ranges() - acknowledge the ranges that have d
 * @pages: opened with %DIRTYPAGES_ACKNOWLEDGE or %DIRTYPAGES_RESET
 * @ranges: lines of its listing, or parts of them
 * @count: number of ranges
 *
 * Return: 0; -EINVAL if an address is not aligned to a page, or a range is empty,
 * and nothing is acknowledged; -ESRCH if the address space is gone; -EOPNOTSUPP if
 * the kernel does not track writes; -EBADF if @pages was opened without these
 * flags; another negative errno. On error, some of the ranges, from the first on,
 * may be acknowledged.
 */
int dirtypages_acknowledge_ranges(struct dirtypages *pages,
				  const struct dirtypages_range *ranges,
				  size_t count)
{
	struct batch batch;
	int error = 0;

	if (!(pages->flags & (DIRTYPAGES_ACKNOWLEDGE | DIRTYPAGES_RESET)))
		return -EBADF;
	begin(&batch, pages->fd);
	for (size_t i = 0; !error && i < count; i++)
		if (!is_valid(ranges[i].start, ranges[i].end))
			error = -EINVAL;
	for (size_t i = 0; !error && i < count; i++)
		if (ranges[i].flags & DIRTYPAGES_WRITTEN)
			error = add_line(&batch, ranges[i].start, ranges[i].end);
	return error ? error : flush(&batch);
}

/**
 * dirtypages_acknowledge() - acknowledge the lines of a listing that have d
 * @pages: opened with %DIRTYPAGES_ACKNOWLEDGE or %DIRTYPAGES_RESET
 * @listing: its listing
 *
 * Return: as dirtypages_acknowledge_ranges().
 */
int dirtypages_acknowledge(struct dirtypages *pages,
			   const struct dirtypages_listing *listing)
{
	return dirtypages_acknowledge_ranges(pages, dirtypages_listing_ranges(listing),
					     dirtypages_listing_count(listing));
}

/**
 * dirtypages_acknowledge_range() - acknowledge all pages of a range
 * @pages: opened with %DIRTYPAGES_ACKNOWLEDGE or %DIRTYPAGES_RESET
 * @start: address of the first page
 * @end: address after the last page
 *
 * This includes pages that were written after a listing: use it only where the
 * range does not change meanwhile, or its changes do not count.
 *
 * Return: as dirtypages_acknowledge_ranges().
 */
int dirtypages_acknowledge_range(struct dirtypages *pages, uint64_t start,
				 uint64_t end)
{
	const struct dirtypages_range range = {
		.start = start,
		.end = end,
		.flags = DIRTYPAGES_WRITTEN,
	};

	return dirtypages_acknowledge_ranges(pages, &range, 1);
}

struct reset {
	const struct dirtypages *pages;
	const char *contents;
	struct batch batch;
	uint64_t bytes;
};

static int write_back(int mem, const char *from, uint64_t start, uint64_t end)
{
	while (start < end) {
		ssize_t done = pwrite(mem, from, end - start, start);

		if (done == -1 && errno != EINTR)
			return -errno;
		/* Nothing is written once the address space is gone. */
		if (!done)
			return -ESRCH;
		if (done > 0) {
			from += done;
			start += done;
		}
	}
	return 0;
}

static int reset_range(const struct dirtypages_range *range, void *data)
{
	struct reset *reset = data;
	int error;

	if (!(range->flags & DIRTYPAGES_WRITTEN))
		return 0;
	error = write_back(reset->pages->mem,
			   reset->contents + (range->start - reset->pages->start),
			   range->start, range->end);
	if (error)
		return error;
	reset->bytes += range->end - range->start;
	return add_line(&reset->batch, range->start, range->end);
}

/**
 * dirtypages_reset() - put a range back to earlier contents
 * @pages: opened with %DIRTYPAGES_RESET, and restricted to that range
 * @contents: the contents of the whole range, when all its pages were acknowledged
 * @bytes: set to the size of the pages that were written and put back; or NULL
 *
 * Each page that has d is overwritten with its earlier contents, and acknowledged.
 * The process must be stopped, or must not use the range meanwhile. Pages that were
 * dropped, by MADV_DONTNEED for example, have no d, and are not put back.
 *
 * Return: 0; -EINVAL if no range is set, or not one of whole pages; -EBADF if
 * @pages was opened without %DIRTYPAGES_RESET; -ESRCH if the address space is gone;
 * another negative errno.
 * On error, some pages may be reset; the next call resets the others.
 */
int dirtypages_reset(struct dirtypages *pages, const void *contents,
		     uint64_t *bytes)
{
	struct reset reset;
	int error, last;

	if (bytes)
		*bytes = 0;
	if (!(pages->flags & DIRTYPAGES_RESET))
		return -EBADF;
	/* @contents has no bytes for pages that only rounding has added. */
	if (!pages->ranged || !pages->exact)
		return -EINVAL;
	reset.pages = pages;
	reset.contents = contents;
	reset.bytes = 0;
	begin(&reset.batch, pages->fd);
	error = dirtypages_for_each(pages, reset_range, &reset);
	last = flush(&reset.batch);
	if (bytes)
		*bytes = reset.bytes;
	return error ? error : last;
}
