/* SPDX-License-Identifier: GPL-2.0 */
/* Generations that contents are read from. */
#ifndef SOURCE_H
#define SOURCE_H

#include "image/pages.h"
#include "image/parts.h"
#include "spans.h"

/**
 * struct source - a generation that contents are read from
 * @gen: the generation
 * @chunks: its index
 * @count: number of chunks
 * @fd: descriptor of its pages
 */
struct source {
	struct generation gen;
	struct chunk *chunks;
	size_t count;
	int fd;
};

#define SOURCE_CLOSED	{ .fd = -1, .gen.fd = -1 }

enum status source_open(const struct image *image, struct source *source);
enum status source_load(const struct image *image, const struct source *source,
			const struct chunk *chunk, void *buffer, void *packed);
void source_close(struct source *source);
enum status acknowledged_since(const struct image *image,
			       const struct generation *gen, struct spans *set);

#endif /* SOURCE_H */
