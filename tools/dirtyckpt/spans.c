// SPDX-License-Identifier: GPL-2.0
/* Sets of addresses. Each operation takes one pass over its operands. */
#define _GNU_SOURCE
#include "spans.h"

#include <stdlib.h>

#include "dirtyckpt.h"

/**
 * spans_add() - append addresses to a set
 * @set: the set, zero-initialised, without higher addresses; to be freed by
 *	spans_free()
 * @start: the first
 * @end: the one after the last
 */
void spans_add(struct spans *set, uint64_t start, uint64_t end)
{
	struct span *last = set->count ? &set->spans[set->count - 1] : NULL;

	if (start >= end)
		return;
	if (last && start <= last->end) {
		if (end > last->end)
			last->end = end;
		return;
	}
	if (set->count == set->room) {
		set->room = set->room ? set->room * 2 : 64;
		set->spans = grow(set->spans, set->room, sizeof(*set->spans));
	}
	set->spans[set->count++] = (struct span){ start, end };
}

/**
 * spans_free() - free a set
 * @set: empty afterwards
 */
void spans_free(struct spans *set)
{
	free(set->spans);
	*set = (struct spans){ 0 };
}

/**
 * spans_of() - addresses of the lines of a listing
 * @listing: the listing
 * @want: flags that lines must have; 0 selects every line
 *
 * Return: a set, to be freed.
 */
struct spans spans_of(const struct dirtypages_listing *listing, uint32_t want)
{
	const struct dirtypages_range *range = dirtypages_listing_ranges(listing);
	struct spans set = { 0 };

	for (size_t i = 0; i < dirtypages_listing_count(listing); i++)
		if ((range[i].flags & want) == want)
			spans_add(&set, range[i].start, range[i].end);
	return set;
}

/**
 * spans_intersect() - addresses that are in both of two sets
 * @a: one
 * @b: the other
 *
 * Return: a set, to be freed.
 */
struct spans spans_intersect(const struct spans *a, const struct spans *b)
{
	struct spans set = { 0 };

	for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
		const struct span *x = &a->spans[i], *y = &b->spans[j];

		spans_add(&set, x->start > y->start ? x->start : y->start,
			  x->end < y->end ? x->end : y->end);
		if (x->end < y->end)
			i++;
		else
			j++;
	}
	return set;
}

/**
 * spans_within() - addresses of a set that are in a range
 * @set: the set
 * @start: first address of the range
 * @end: the one after the last
 *
 * Return: a set, to be freed.
 */
struct spans spans_within(const struct spans *set, uint64_t start, uint64_t end)
{
	struct span span = { start, end };
	struct spans range = { .spans = &span, .count = 1 };

	return spans_intersect(set, &range);
}

/**
 * spans_subtract() - addresses that are in one set and not in another
 * @a: the one
 * @b: the other
 *
 * Return: a set, to be freed.
 */
struct spans spans_subtract(const struct spans *a, const struct spans *b)
{
	struct spans set = { 0 };
	size_t j = 0;

	for (size_t i = 0; i < a->count; i++) {
		uint64_t at = a->spans[i].start, end = a->spans[i].end;

		while (j < b->count && b->spans[j].end <= at)
			j++;
		for (size_t k = j; k < b->count && b->spans[k].start < end; k++) {
			spans_add(&set, at, b->spans[k].start);
			at = b->spans[k].end;
		}
		spans_add(&set, at, end);
	}
	return set;
}

/**
 * spans_unite() - addresses that are in either of two sets
 * @a: one
 * @b: the other
 *
 * Return: a set, to be freed.
 */
struct spans spans_unite(const struct spans *a, const struct spans *b)
{
	struct spans set = { 0 };
	size_t i = 0, j = 0;

	while (i < a->count || j < b->count) {
		bool first = j == b->count ||
			     (i < a->count &&
			      a->spans[i].start <= b->spans[j].start);
		const struct span *next = first ? &a->spans[i++] : &b->spans[j++];

		spans_add(&set, next->start, next->end);
	}
	return set;
}

/**
 * spans_pages() - number of pages in a set
 * @set: a set of whole pages
 *
 * Return: their number.
 */
uint64_t spans_pages(const struct spans *set)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < set->count; i++)
		bytes += set->spans[i].end - set->spans[i].start;
	return bytes / PAGE_BYTES;
}
