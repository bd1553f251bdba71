/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts that make core files share. */
#ifndef COREFILE_H
#define COREFILE_H

#include "common/output.h"
#include "pages.h"
#include "seize.h"

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
 * struct core - a core file in the making
 * @path: its name
 * @image: where from
 * @gen: which generation
 * @listed: its pages
 * @maps: its mappings
 * @threads: its threads
 * @contents: of its pages
 * @segments: of the core, ascending
 * @count: how many
 * @notes: the notes, as they are in the file
 * @notes_size: bytes of them
 * @notes_at: where in the file
 * @size: of the file
 * @output: the file
 * @at: how much of it is written, where one cannot seek
 */
struct core {
	const char *path;
	struct image image;
	struct generation gen;
	struct spans listed;
	struct dirty_maps maps;
	struct threads threads;
	struct contents contents;
	struct segment *segments;
	size_t count;
	char *notes;
	size_t notes_size;
	uint64_t notes_at;
	uint64_t size;
	struct output_file output;
	uint64_t at;
};

enum status notes_make(struct core *core);

#endif /* COREFILE_H */
