/* SPDX-License-Identifier: GPL-2.0 */
/* Contents of all pages of a generation, in whichever they are. */
#ifndef CONTENTS_H
#define CONTENTS_H

#include "image/source.h"

/**
 * struct piece - pages whose contents are in one chunk
 * @start: address of the first
 * @end: address after the last
 * @source: which of the sources
 * @chunk: which of its chunks
 */
struct piece {
	uint64_t start;
	uint64_t end;
	uint32_t source;
	uint32_t chunk;
};

/**
 * struct contents - all pages of a generation, wherever they are
 * @image: the folder
 * @sources: that generation, then those that it builds on
 * @sources_count: how many
 * @pieces: ascending
 * @count: how many
 * @room: how many fit in
 * @missing: pages that are listed, but were not read when they were saved
 * @loaded: the chunk in @buffer
 * @buffer: its contents
 * @packed: room for a compressed one
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

/* What is done with the contents of neighbouring pages */
typedef enum status (*contents_fn)(void *arg, uint64_t start, const void *data,
				   size_t size);

enum { PIECE_BYTES = 1 << 18 };	/* at a time, at most */

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
