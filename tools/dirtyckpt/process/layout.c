// SPDX-License-Identifier: GPL-2.0
/* Mappings: are they what they were? */
#define _GNU_SOURCE
#include "process/layout.h"

#include <inttypes.h>
#include <string.h>

static bool is_same(const struct dirty_mapping *a,
		    const struct dirty_mapping *b)
{
	return !strcmp(a->perms, b->perms) && a->inode == b->inode &&
	       a->major == b->major && a->minor == b->minor &&
	       (!a->inode || a->start - a->offset == b->start - b->offset);
}

/* Mappings may have been merged or split; what counts is what is where. */
static enum status compare_one(const struct dirty_mapping *then,
			       const struct dirty_maps *now)
{
	uint64_t at = then->start;

	while (at < then->end) {
		const struct dirty_mapping *found = dirty_maps_find(now, at);

		if (!found)
			return complain(STATUS_REFUSED,
					"%08" PRIx64 " was mapped (%s %s), and is not any more",
					at, then->perms, then->name);
		if (!is_same(then, found))
			return complain(STATUS_REFUSED,
					"%08" PRIx64 " was mapped as %s %s, and is %s %s by now",
					at, then->perms, then->name,
					found->perms, found->name);
		at = found->end;
	}
	return STATUS_OK;
}

static struct spans mapped(const struct dirty_maps *maps)
{
	struct spans set = { 0 };

	for (size_t i = 0; i < maps->count; i++)
		spans_add(&set, maps->mappings[i].start, maps->mappings[i].end);
	return set;
}

/**
 * layout_compare() - are all mappings still there?
 * @then: those that there were
 * @now: those that there are
 * @added: set to addresses that were not mapped, to be freed
 *
 * A stack may have grown: that is no addition, as it did so by itself and would
 * again.
 *
 * Return: STATUS_OK; STATUS_REFUSED if one has gone or is another one.
 */
enum status layout_compare(const struct dirty_maps *then,
			   const struct dirty_maps *now, struct spans *added)
{
	struct spans before = { 0 }, after = { 0 }, all;

	*added = (struct spans){ 0 };
	for (size_t i = 0; i < then->count; i++) {
		enum status status = compare_one(&then->mappings[i], now);

		if (status)
			return status;
	}
	before = mapped(then);
	after = mapped(now);
	all = spans_subtract(&after, &before);
	for (size_t i = 0; i < all.count; i++) {
		uint64_t end = all.spans[i].end;
		const struct dirty_mapping *last = dirty_maps_find(now, end - 1);

		/* What lies below a stack is none of it. */
		if (!strcmp(last->name, "[stack]"))
			end = last->start;
		spans_add(added, all.spans[i].start, end);
	}
	spans_free(&before);
	spans_free(&after);
	spans_free(&all);
	return STATUS_OK;
}
