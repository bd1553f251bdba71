/* SPDX-License-Identifier: GPL-2.0 */
/* Segments of a core file: mappings, and whether they have contents there. */
#ifndef SEGMENTS_H
#define SEGMENTS_H

#include "spans.h"

/**
 * struct segment - an address range that is a segment of a core
 * @start: first address
 * @end: address after the last
 * @mapping: the mapping that it is part of
 * @filled: end of its contents; the rest is zero-filled, or not in the core
 * @head: its contents are the first page of the mapped file
 * @offset: offset of its contents in the core
 */
struct segment {
	uint64_t start;
	uint64_t end;
	const struct dirtypages_mapping *mapping;
	uint64_t filled;
	bool head;
	uint64_t offset;
};

/**
 * struct segments - the segments of a core, ascending
 * @segments: an array
 * @count: their number
 */
struct segments {
	struct segment *segments;
	size_t count;
};

void segments_find(struct segments *set, const struct dirtypages_maps *maps,
		   const struct spans *listed);
bool elf_head_read(const struct dirtypages_mapping *m, void *page);

#endif /* SEGMENTS_H */
