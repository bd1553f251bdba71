/* SPDX-License-Identifier: GPL-2.0 */
/* Contents of pages: in the file of a generation, and found in several. */
#ifndef PAGES_H
#define PAGES_H

#include "image.h"

enum { CHUNK_PAGES = 16 };	/* that have a checksum together, at most */

enum stored_as { AS_HOLES, AS_ZSTD, AS_ZERO };

/**
 * struct chunk - neighbouring pages, as the index has them
 * @start: address of the first
 * @offset: where their contents begin in the file
 * @pages: how many
 * @size: bytes in the file
 * @crc: of the contents, as they are in memory
 * @how: as they are; compressed; or not there, as they are all zeroes
 */
struct chunk {
	uint64_t start;
	uint64_t offset;
	uint32_t pages;
	uint32_t size;
	uint32_t crc;
	uint32_t how;
};

/**
 * struct page_writer - writes contents to a generation
 * @image: the folder of that
 * @draft: the generation
 * @fd: the file
 * @level: of compression, 0 is none
 * @offset: where the next chunk goes
 * @chunks: those that were written
 * @count: how many
 * @room: how many fit in
 * @compressor: libzstd's, or NULL
 * @packed: room for a compressed chunk
 */
struct page_writer {
	const struct image *image;
	struct generation *draft;
	int fd;
	int level;
	uint64_t offset;
	struct chunk *chunks;
	size_t count;
	size_t room;
	void *compressor;
	void *packed;
};

enum status pages_begin(struct page_writer *writer, const struct image *image,
			struct generation *draft, int level);
enum status pages_add(struct page_writer *writer, uint64_t start,
		      const void *data, size_t size);
enum status pages_end(struct page_writer *writer);
void pages_drop(struct page_writer *writer);
bool is_zero(const void *data, size_t size);

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
 * struct source - a generation that others take contents from
 * @gen: that one
 * @chunks: its index
 * @count: how many chunks
 * @fd: its file
 */
struct source {
	struct generation gen;
	struct chunk *chunks;
	size_t count;
	int fd;
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

enum status contents_open(struct contents *contents, const struct image *image,
			  const struct generation *gen,
			  const struct spans *listed);
enum status contents_read(struct contents *contents, uint64_t start,
			  void *data, size_t size);

/* What is done with the contents of neighbouring pages */
typedef enum status (*contents_fn)(void *arg, uint64_t start, const void *data,
				   size_t size);

enum { PIECE_BYTES = 1 << 18 };	/* at a time, at most */

enum status contents_each(struct contents *contents, const struct spans *pages,
			  contents_fn function, void *arg);
enum status generation_check(const struct image *image, unsigned long number);
enum status acknowledged_since(const struct image *image,
			       const struct generation *gen, struct spans *set);
void contents_close(struct contents *contents);

/* compare.c */
struct target;

enum status compare_contents(struct contents *contents,
			     const struct target *target,
			     const struct spans *pages, struct spans *differ,
			     struct spans *unread);

#endif /* PAGES_H */
