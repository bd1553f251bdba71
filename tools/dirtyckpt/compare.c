// SPDX-License-Identifier: GPL-2.0
/* Compare contents of a generation with memory. */
#define _GNU_SOURCE
#include "compare.h"

#include <stdlib.h>
#include <string.h>

/**
 * struct comparer - state of a comparison
 * @target: the process
 * @now: buffer for its memory
 * @differ: pages that differ
 * @unread: pages that cannot be read any more
 */
struct comparer {
	const struct target *target;
	char *now;
	struct spans *differ;
	struct spans *unread;
};

static enum status compare_pages(void *arg, uint64_t start, const void *then,
				 size_t size)
{
	const struct comparer *c = arg;
	size_t at = 0;

	while (at < size) {
		size_t done = target_read(c->target, start + at, c->now + at,
					  size - at);

		for (size_t end = at + done; at < end; at += PAGE_BYTES)
			if (memcmp((const char *)then + at, c->now + at,
				   PAGE_BYTES))
				spans_add(c->differ, start + at,
					  start + at + PAGE_BYTES);
		if (at < size) {
			spans_add(c->unread, start + at, start + at + PAGE_BYTES);
			at += PAGE_BYTES;
		}
	}
	return STATUS_OK;
}

/**
 * compare_contents() - find pages that differ from a generation
 * @contents: contents of the generation
 * @target: the process
 * @pages: pages to compare; those missing from @contents are skipped
 * @differ: set to pages that differ, to be freed
 * @unread: set to pages that cannot be read any more, to be freed
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
 */
enum status compare_contents(struct contents *contents,
			     const struct target *target,
			     const struct spans *pages, struct spans *differ,
			     struct spans *unread)
{
	struct comparer comparer = {
		.target = target,
		.now = grow(NULL, 1, PIECE_BYTES),
		.differ = differ,
		.unread = unread,
	};
	enum status status;

	*differ = (struct spans){ 0 };
	*unread = (struct spans){ 0 };
	status = contents_each(contents, pages, compare_pages, &comparer);
	free(comparer.now);
	return status;
}
