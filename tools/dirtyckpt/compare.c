// SPDX-License-Identifier: GPL-2.0
/* Contents of a generation against those in memory. */
#define _GNU_SOURCE
#include "pages.h"
#include "target.h"

#include <stdlib.h>
#include <string.h>

enum { COMPARE_BYTES = 1 << 18 };

static void compare_pages(const struct target *target, uint64_t start,
			  const char *then, char *now, size_t size,
			  struct spans *differ, struct spans *unread)
{
	size_t at = 0;

	while (at < size) {
		size_t done = target_read(target, start + at, now + at, size - at);

		for (size_t end = at + done; at < end; at += PAGE_BYTES)
			if (memcmp(then + at, now + at, PAGE_BYTES))
				spans_add(differ, start + at,
					  start + at + PAGE_BYTES);
		if (at < size) {
			spans_add(unread, start + at, start + at + PAGE_BYTES);
			at += PAGE_BYTES;
		}
	}
}

/**
 * compare_contents() - which pages are not as a generation has them?
 * @contents: of the generation
 * @target: the process
 * @pages: to be compared; those that @contents lacks are left out
 * @differ: set to those that differ, to be freed
 * @unread: set to those that cannot be read any more, to be freed
 *
 * Return: STATUS_OK; STATUS_DAMAGED; or what else the program is to end with.
 */
enum status compare_contents(struct contents *contents,
			     const struct target *target,
			     const struct spans *pages, struct spans *differ,
			     struct spans *unread)
{
	struct spans known = spans_subtract(pages, &contents->missing);
	char *then = grow(NULL, 1, COMPARE_BYTES);
	char *now = grow(NULL, 1, COMPARE_BYTES);
	enum status status = STATUS_OK;

	*differ = (struct spans){ 0 };
	*unread = (struct spans){ 0 };
	for (size_t i = 0; !status && i < known.count; i++) {
		uint64_t start = known.spans[i].start, end = known.spans[i].end;

		while (!status && start < end) {
			size_t size = end - start < COMPARE_BYTES ?
				      end - start : COMPARE_BYTES;

			status = contents_read(contents, start, then, size);
			if (!status)
				compare_pages(target, start, then, now, size,
					      differ, unread);
			start += size;
		}
	}
	spans_free(&known);
	free(then);
	free(now);
	return status;
}
