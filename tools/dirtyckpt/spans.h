/* SPDX-License-Identifier: GPL-2.0 */
/* Sets of addresses. */
#ifndef SPANS_H
#define SPANS_H

#include <dirtypages.h>

/**
 * struct span - an address range
 * @start: first address
 * @end: address after the last
 */
struct span {
	uint64_t start;
	uint64_t end;
};

/**
 * struct spans - a set of addresses, as ascending ranges that do not touch
 * @spans: an array of ranges
 * @count: their number
 * @room: allocated number
 */
struct spans {
	struct span *spans;
	size_t count;
	size_t room;
};

void spans_add(struct spans *set, uint64_t start, uint64_t end);
void spans_free(struct spans *set);
struct spans spans_of(const struct dirtypages_listing *listing, uint32_t want);
struct spans spans_intersect(const struct spans *a, const struct spans *b);
struct spans spans_within(const struct spans *set, uint64_t start, uint64_t end);
struct spans spans_subtract(const struct spans *a, const struct spans *b);
struct spans spans_unite(const struct spans *a, const struct spans *b);
uint64_t spans_pages(const struct spans *set);

#endif /* SPANS_H */
