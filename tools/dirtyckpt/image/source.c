// SPDX-License-Identifier: GPL-2.0
/* Generations that contents are read from. */
#define _GNU_SOURCE
#include "image/source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

/* No user-space address is this high, even with five-level page tables. */
#define ADDRESS_MAX	(1ull << 56)

/* Check a chunk of an index; afterwards, sums of its fields cannot overflow. */
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
 * @image: the image
 * @source: its @gen is open; to be closed by source_close(), also on failure
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
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
 * @image: the image
 * @source: filled in by source_open()
 * @chunk: a chunk of its index
 * @buffer: set to the contents
 * @packed: buffer for a compressed chunk
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
 * source_close() - close a source
 * @source: filled in by source_open()
 */
void source_close(struct source *source)
{
	if (source->fd != -1)
		close(source->fd);
	free(source->chunks);
	generation_close(&source->gen);
}

/*
 * Pages that were acknowledged for a generation are stored there, or are
 * missing.
 */
static enum status acknowledged(const struct image *image,
				const struct source *source, struct spans *set)
{
	struct spans stored = { 0 }, missing;
	struct dirtypages_listing *listing;
	enum status status;

	status = part_listing(image, &source->gen, PART_MISSING, &listing);
	missing = spans_of(listing, 0);
	for (size_t i = 0; i < source->count; i++) {
		const struct chunk *chunk = &source->chunks[i];

		spans_add(&stored, chunk->start,
			  chunk->start + chunk->pages * PAGE_BYTES);
	}
	*set = spans_unite(&stored, &missing);
	spans_free(&stored);
	spans_free(&missing);
	dirtypages_listing_free(listing);
	return status;
}

/**
 * acknowledged_since() - find pages acknowledged for later generations
 * @image: the image
 * @gen: the generation before those
 * @set: set to the pages, to be freed
 *
 * Return: STATUS_OK; STATUS_DAMAGED, also if a later generation does not build
 * on @gen, or if one between them does not exist; or another exit status.
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
		/*
		 * The pages acknowledged for a missing generation are unknown.
		 */
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
