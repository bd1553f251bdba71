/* SPDX-License-Identifier: GPL-2.0 */
/* Segments of a core file: which mappings have contents there, and where. */
#ifndef SEGMENTS_H
#define SEGMENTS_H

#include "spans.h"

/**
 * struct segment - addresses that are in the core together
 * @start: the first
 * @end: the one after the last
 * @mapping: that they are of
 * @filled: where their contents end; after that all is zero, or not in the core
 * @head: which are those of the mapped file
 * @offset: where in the core
 */
struct segment {
	uint64_t start;
	uint64_t end;
	const struct dirty_mapping *mapping;
	uint64_t filled;
	bool head;
	uint64_t offset;
};

/**
 * struct segments - the segments of a core, ascending
 * @segments: an array
 * @count: how many
 */
struct segments {
	struct segment *segments;
	size_t count;
};

void segments_find(struct segments *set, const struct dirty_maps *maps,
		   const struct spans *listed);
bool elf_head_read(const struct dirty_mapping *m, void *page);

#endif /* SEGMENTS_H */
