/* SPDX-License-Identifier: GPL-2.0 */
/* Write contents of pages. */
#ifndef PAGES_H
#define PAGES_H

#include "image/head.h"

/* Maximum number of pages in a chunk */
enum { CHUNK_PAGES = 16, CHUNK_BYTES = CHUNK_PAGES * PAGE_BYTES };

enum stored_as { AS_HOLES, AS_ZSTD, AS_ZERO };

/**
 * struct chunk - an entry of the index: neighbouring pages with a checksum
 * @start: address of the first page
 * @offset: offset of the contents in the file
 * @pages: number of pages
 * @size: bytes in the file
 * @crc: checksum of the contents, uncompressed
 * @how: how they are stored, an enum stored_as
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
 * struct page_writer - writes contents of pages to a generation
 * @image: the image
 * @draft: the generation
 * @fd: descriptor of the file
 * @level: compression level, 0 for none
 * @offset: offset of the next chunk
 * @chunks: chunks that are written
 * @count: their number
 * @room: allocated number
 * @compressor: context of libzstd, or NULL
 * @packed: buffer for a compressed chunk
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
