// SPDX-License-Identifier: GPL-2.0
/* Generations that others take contents from. */
#define _GNU_SOURCE
#include "image/source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

/* No address is as high as this one, not even with five levels of page tables. */
#define ADDRESS_MAX	(1ull << 56)

/* Sums of what is in there do not overflow. */
static bool is_sane(const struct source *source, const struct chunk *chunk,
		    uint64_t last)
{
	return chunk->start >= last && chunk->start < ADDRESS_MAX &&
	       chunk->offset <= INT64_MAX - CHUNK_BYTES && chunk->pages &&
	       chunk->pages <= CHUNK_PAGES && chunk->size <= CHUNK_BYTES &&
	       chunk->start % PAGE_BYTES == 0 && chunk->how <= AS_ZERO &&
	       (chunk->how != AS_HOLES ||
		chunk->size == chunk->pages * PAGE_BYTES) &&
	       chunk->offset + chunk->size <= source->gen.size[PART_PAGES];
}

/**
 * source_open() - read the index of a generation, and open its pages
 * @image: the folder that has it
 * @source: its @gen is open; to be closed by source_close(), also on failure
 *
 * Return: STATUS_OK; STATUS_DAMAGED; or what else the program is to end with.
 */
enum status source_open(const struct image *image, struct source *source)
{
	enum status status;
	uint64_t last = 0;
	void *index;

	source->fd = -1;
	status = part_read(image, &source->gen, PART_INDEX, &index);
	source->chunks = index;
	if (status)
		return status;
	source->count = source->gen.size[PART_INDEX] / sizeof(struct chunk);
	for (size_t i = 0; i < source->count; i++) {
		const struct chunk *chunk = &source->chunks[i];

		if (!is_sane(source, chunk, last))
			return complain_damaged(image, &source->gen, "index");
		last = chunk->start + chunk->pages * PAGE_BYTES;
	}
	return part_open(image, &source->gen, PART_PAGES, &source->fd);
}

/**
 * source_load() - read the contents of a chunk
 * @image: the folder that has the generation
 * @source: as source_open() filled it in
 * @chunk: one of its index
 * @buffer: set to the contents
 * @packed: room for a compressed chunk
 *
 * Return: STATUS_OK or STATUS_DAMAGED.
 */
enum status source_load(const struct image *image, const struct source *source,
			const struct chunk *chunk, void *buffer, void *packed)
{
	size_t size = chunk->pages * PAGE_BYTES;
	void *to = chunk->how == AS_ZSTD ? packed : buffer;

	if (chunk->how == AS_ZERO) {
		memset(buffer, 0, size);
		return STATUS_OK;
	}
	if (pread(source->fd, to, chunk->size, chunk->offset) !=
	    (ssize_t)chunk->size ||
	    (chunk->how == AS_ZSTD &&
	     ZSTD_decompress(buffer, size, packed, chunk->size) != size) ||
	    crc32_z(0, buffer, size) != chunk->crc)
		return complain_damaged(image, &source->gen, "pages");
	return STATUS_OK;
}

/**
 * source_close() - let go of a generation
 * @source: as source_open() filled it in
 */
void source_close(struct source *source)
{
	if (source->fd != -1)
		close(source->fd);
	free(source->chunks);
	generation_close(&source->gen);
}

/* What was acknowledged for a generation: it is stored, or could not be read. */
static enum status acknowledged(const struct image *image,
				const struct source *source, struct spans *set)
{
	struct spans stored = { 0 }, missing;
	struct dirty_listing listing;
	enum status status;

	status = part_listing(image, &source->gen, PART_MISSING, &listing);
	missing = spans_of(&listing, 0);
	for (size_t i = 0; i < source->count; i++) {
		const struct chunk *chunk = &source->chunks[i];

		spans_add(&stored, chunk->start,
			  chunk->start + chunk->pages * PAGE_BYTES);
	}
	*set = spans_unite(&stored, &missing);
	spans_free(&stored);
	spans_free(&missing);
	dirty_listing_free(&listing);
	return status;
}

/**
 * acknowledged_since() - which pages were acknowledged for later generations?
 * @image: the folder that has them
 * @gen: the one that they come after
 * @set: set to the pages, to be freed
 *
 * Return: STATUS_OK; STATUS_DAMAGED, also if a later one does not build on it, or
 * one between them is not there; or what else the program is to end with.
 */
enum status acknowledged_since(const struct image *image,
			       const struct generation *gen, struct spans *set)
{
	unsigned long number = gen->number;
	enum status status = STATUS_OK;

	*set = (struct spans){ 0 };
	for (size_t i = 0; !status && i < image->count; i++) {
		struct source source = SOURCE_CLOSED;
		struct spans one = { 0 }, both;

		if (image->numbers[i] <= gen->number)
			continue;
		status = generation_open(image, image->numbers[i], &source.gen);
		/* What was acknowledged for one that is not there, nobody knows. */
		if (!status && (source.gen.number != ++number ||
				strcmp(source.gen.base, gen->base)))
			status = STATUS_DAMAGED;
		if (!status)
			status = source_open(image, &source);
		if (!status)
			status = acknowledged(image, &source, &one);
		both = spans_unite(set, &one);
		spans_free(&one);
		spans_free(set);
		*set = both;
		source_close(&source);
	}
	return status;
}
