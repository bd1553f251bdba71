// SPDX-License-Identifier: GPL-2.0
/* Compare two lists of mappings. */
#define _GNU_SOURCE
#include "process/layout.h"

#include <inttypes.h>
#include <string.h>

static bool is_same(const struct dirtypages_mapping *a,
		    const struct dirtypages_mapping *b)
{
	return !strcmp(a->perms, b->perms) && a->inode == b->inode &&
	       a->major == b->major && a->minor == b->minor &&
	       (!a->inode || a->start - a->offset == b->start - b->offset);
}

static uint64_t next_start(const struct dirtypages_maps *maps, uint64_t at)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < dirtypages_maps_count(maps); i++) {
		uint64_t start = dirtypages_maps_get(maps, i)->start;

		if (start > at && start < next)
			next = start;
	}
	return next;
}

/* Mappings may have been merged or split; compare address by address. */
static enum status compare_one(const struct dirtypages_mapping *then,
			       const struct dirtypages_maps *now,
			       bool all_differences)
{
	enum status status = STATUS_OK;
	uint64_t at = then->start;

	while (at < then->end && (!status || all_differences)) {
		const struct dirtypages_mapping *found = dirtypages_maps_find(now, at);

		if (!found)
			status = complain(STATUS_REFUSED,
					  "%08" PRIx64 " is no longer mapped (it was %s %s)",
					  at, then->perms, then->name);
		else if (!is_same(then, found))
			status = complain(STATUS_REFUSED,
					  "%08" PRIx64 " was mapped as %s %s, and is %s %s now",
					  at, then->perms, then->name,
					  found->perms, found->name);
		at = found ? found->end : next_start(now, at);
	}
	return status;
}

static struct spans mapped(const struct dirtypages_maps *maps)
{
	struct spans set = { 0 };

	for (size_t i = 0; i < dirtypages_maps_count(maps); i++)
		spans_add(&set, dirtypages_maps_get(maps, i)->start,
			  dirtypages_maps_get(maps, i)->end);
	return set;
}

/**
 * layout_compare() - check that all mappings still exist
 * @then: the old mappings
 * @now: the current mappings
 * @added: set to addresses that are new, to be freed
 * @all_differences: report each difference, and set @added also if there is one
 *
 * Stack growth is not an addition: the stack grew by itself and would grow
 * again.
 *
 * Return: STATUS_OK, or STATUS_REFUSED if a mapping is gone or has changed.
 */
enum status layout_compare(const struct dirtypages_maps *then,
			   const struct dirtypages_maps *now, struct spans *added,
			   bool all_differences)
{
	struct spans before = { 0 }, after = { 0 }, all;
	enum status status = STATUS_OK;

	*added = (struct spans){ 0 };
	for (size_t i = 0; i < dirtypages_maps_count(then); i++) {
		enum status one = compare_one(dirtypages_maps_get(then, i), now,
					      all_differences);

		status = status ? status : one;
		if (one && !all_differences)
			return one;
	}
	before = mapped(then);
	after = mapped(now);
	all = spans_subtract(&after, &before);
	for (size_t i = 0; i < all.count; i++) {
		uint64_t end = all.spans[i].end;
		const struct dirtypages_mapping *last = dirtypages_maps_find(now, end - 1);

		/* A mapping right below the stack is not part of it. */
		if (!strcmp(last->name, "[stack]"))
			end = last->start;
		spans_add(added, all.spans[i].start, end);
	}
	spans_free(&before);
	spans_free(&after);
	spans_free(&all);
	return status;
}
