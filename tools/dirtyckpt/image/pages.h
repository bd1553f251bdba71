/* SPDX-License-Identifier: GPL-2.0 */
/* Writing the contents of pages to the file of a generation. */
#ifndef PAGES_H
#define PAGES_H

#include "image/head.h"

/* Pages that have a checksum together, at most */
enum { CHUNK_PAGES = 16, CHUNK_BYTES = CHUNK_PAGES * PAGE_BYTES };

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

#endif /* PAGES_H */
