/* SPDX-License-Identifier: GPL-2.0 */
/* Read contents of pages, from all generations that store them. */
#ifndef CONTENTS_H
#define CONTENTS_H

#include "image/source.h"

/**
 * struct piece - neighbouring pages in one chunk
 * @start: address of the first page
 * @end: address after the last page
 * @source: index of the source
 * @chunk: index of the chunk in the source
 */
struct piece {
	uint64_t start;
	uint64_t end;
	uint32_t source;
	uint32_t chunk;
};

/**
 * struct contents - the pages of a generation, and where they are stored
 * @image: the image
 * @sources: the generation, then those that it builds on
 * @sources_count: number of sources
 * @pieces: the pages, ascending
 * @count: number of pieces
 * @room: allocated number of pieces
 * @missing: listed pages that could not be read by the save
 * @loaded: the chunk in @buffer
 * @buffer: its contents
 * @packed: buffer for a compressed chunk
 */
struct contents {
	const struct image *image;
	struct source *sources;
	size_t sources_count;
	struct piece *pieces;
	size_t count;
	size_t room;
	struct spans missing;
	const struct chunk *loaded;
	unsigned char *buffer;
	unsigned char *packed;
};

/* Called with contents of neighbouring pages */
typedef enum status (*contents_fn)(void *arg, uint64_t start, const void *data,
				   size_t size);

enum { PIECE_BYTES = 1 << 18 };	/* maximum size of a call */

enum status contents_open(struct contents *contents, const struct image *image,
			  const struct generation *gen,
			  const struct spans *listed);
enum status contents_read(struct contents *contents, uint64_t start,
			  void *data, size_t size);
enum status contents_each(struct contents *contents, const struct spans *pages,
			  contents_fn function, void *arg);
void contents_close(struct contents *contents);
enum status contents_check(const struct image *image, unsigned long number);

#endif /* CONTENTS_H */
