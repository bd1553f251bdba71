// SPDX-License-Identifier: GPL-2.0
/*
 * Read contents of pages. The contents of a listed page are in the last
 * generation, up to the given one, that stores the page: a generation stores
 * each page that it lists, unless the previous one is known to have the same
 * contents (see pass.c).
 */
#define _GNU_SOURCE
#include "image/contents.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void add_piece(struct contents *contents, uint64_t start, uint64_t end,
		      size_t chunk)
{
	if (contents->count == contents->room) {
		contents->room = contents->room ? contents->room * 2 : 256;
		contents->pieces = grow(contents->pieces, contents->room,
					sizeof(*contents->pieces));
	}
	contents->pieces[contents->count++] = (struct piece){
		.start = start,
		.end = end,
		.source = contents->sources_count - 1,
		.chunk = chunk,
	};
}

/* Take pages from a source, and remove them from the wanted ones. */
static void take(struct contents *contents, const struct source *source,
		 struct spans *want)
{
	struct spans rest, taken = { 0 };

	for (size_t i = 0, j = 0; i < want->count && j < source->count;) {
		const struct span *span = &want->spans[i];
		const struct chunk *chunk = &source->chunks[j];
		uint64_t chunk_end = chunk->start + chunk->pages * PAGE_BYTES;
		uint64_t start = span->start > chunk->start ? span->start :
							      chunk->start;
		uint64_t end = span->end < chunk_end ? span->end : chunk_end;

		if (start < end) {
			add_piece(contents, start, end, j);
			spans_add(&taken, start, end);
		}
		if (span->end < chunk_end)
			i++;
		else
			j++;
	}
	rest = spans_subtract(want, &taken);
	spans_free(&taken);
	spans_free(want);
	*want = rest;
}

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static struct source *add_source(struct contents *contents)
{
	struct source *source;

	contents->sources = grow(contents->sources,
				 contents->sources_count + 1, sizeof(*source));
	source = &contents->sources[contents->sources_count++];
	*source = (struct source)SOURCE_CLOSED;
	return source;
}

/* Search this generation and those that it builds on, back to a whole one. */
static enum status search(struct contents *contents,
			  const struct generation *gen, struct spans *want)
{
	const struct image *image = contents->image;
	struct source *source = add_source(contents);
	enum status status = generation_open(image, gen->number, &source->gen);

	for (;;) {
		if (!status)
			status = source_open(image, source);
		if (status)
			return status;
		take(contents, source, want);
		if (!want->count)
			return STATUS_OK;
		/*
		 * Missing pages are not wanted, so all others must have been
		 * found.
		 */
		if (source->gen.whole)
			return complain_damaged(image, &source->gen,
						"lacks pages that it must have");
		source = add_source(contents);
		status = generation_before(image, &source[-1].gen, &source->gen);
	}
}

/**
 * contents_open() - find contents of a generation
 * @contents: filled in; to be closed by contents_close(), also on failure
 * @image: the image
 * @gen: the generation
 * @listed: the wanted pages, a subset of those that it lists
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
 */
enum status contents_open(struct contents *contents, const struct image *image,
			  const struct generation *gen,
			  const struct spans *listed)
{
	struct spans want, missing, unread;
	struct dirtypages_listing *listing;
	enum status status;

	*contents = (struct contents){
		.image = image,
		.buffer = grow(NULL, 1, CHUNK_BYTES),
		.packed = grow(NULL, 1, CHUNK_BYTES),
	};
	status = part_listing(image, gen, PART_MISSING, &listing);
	/* An earlier generation may have older contents of a missing page. */
	unread = spans_of(listing, 0);
	missing = spans_intersect(listed, &unread);
	want = spans_subtract(listed, &missing);
	if (!status)
		status = search(contents, gen, &want);
	if (contents->count)
		qsort(contents->pieces, contents->count,
		      sizeof(*contents->pieces), compare_pieces);
	contents->missing = missing;
	spans_free(&want);
	spans_free(&unread);
	dirtypages_listing_free(listing);
	return status;
}

static enum status load(struct contents *contents, const struct piece *piece)
{
	const struct source *source = &contents->sources[piece->source];
	const struct chunk *chunk = &source->chunks[piece->chunk];
	enum status status;

	if (contents->loaded == chunk)
		return STATUS_OK;
	status = source_load(contents->image, source, chunk, contents->buffer,
			     contents->packed);
	contents->loaded = status ? NULL : chunk;
	return status;
}

static const struct piece *find_piece(const struct contents *contents,
				      uint64_t addr)
{
	size_t low = 0, high = contents->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr < contents->pieces[middle].end)
			high = middle;
		else
			low = middle + 1;
	}
	return &contents->pieces[low];
}

/**
 * contents_read() - read contents of neighbouring pages
 * @contents: filled in by contents_open()
 * @start: address of the first page; none of them is missing
 * @data: set to the contents
 * @size: their size in bytes, whole pages
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
 */
enum status contents_read(struct contents *contents, uint64_t start,
			  void *data, size_t size)
{
	const struct piece *piece = find_piece(contents, start);
	const struct piece *end = contents->pieces + contents->count;

	for (; size; piece++) {
		enum status status;
		uint64_t len;

		if (piece >= end || start < piece->start || start >= piece->end)
			return complain(STATUS_DAMAGED,
					"%s: damaged: the page at %08" PRIx64 " is not stored",
					contents->image->path, start);
		status = load(contents, piece);
		if (status)
			return status;
		len = piece->end - start < size ? piece->end - start : size;
		memcpy(data, contents->buffer + (start - contents->loaded->start),
		       len);
		data = (char *)data + len;
		start += len;
		size -= len;
	}
	return STATUS_OK;
}

/**
 * contents_each() - call a function with contents of pages
 * @contents: filled in by contents_open()
 * @pages: the pages; missing ones are skipped
 * @function: called with ascending pieces of up to PIECE_BYTES
 * @arg: passed to @function
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status, also one from
 * @function.
 */
enum status contents_each(struct contents *contents, const struct spans *pages,
			  contents_fn function, void *arg)
{
	struct spans known = spans_subtract(pages, &contents->missing);
	char *data = grow(NULL, 1, PIECE_BYTES);
	enum status status = STATUS_OK;

	for (size_t i = 0; !status && i < known.count; i++) {
		uint64_t at = known.spans[i].start, end = known.spans[i].end;

		while (!status && at < end) {
			size_t size = end - at < PIECE_BYTES ? end - at : PIECE_BYTES;

			status = contents_read(contents, at, data, size);
			if (!status)
				status = function(arg, at, data, size);
			at += size;
		}
	}
	spans_free(&known);
	free(data);
	return status;
}

/**
 * contents_close() - close all sources, and free buffers
 * @contents: filled in by contents_open()
 */
void contents_close(struct contents *contents)
{
	for (size_t i = 0; i < contents->sources_count; i++)
		source_close(&contents->sources[i]);
	free(contents->sources);
	free(contents->pieces);
	free(contents->buffer);
	free(contents->packed);
	spans_free(&contents->missing);
	*contents = (struct contents){ 0 };
}

/* Check that all listed pages are stored somewhere. */
static enum status check_chain(const struct image *image,
			       const struct generation *gen)
{
	struct contents contents = { 0 };
	struct dirtypages_listing *listing;
	struct spans listed;
	enum status status;

	status = part_listing(image, gen, PART_LISTING, &listing);
	listed = spans_of(listing, 0);
	if (!status)
		status = contents_open(&contents, image, gen, &listed);
	contents_close(&contents);
	spans_free(&listed);
	dirtypages_listing_free(listing);
	return status;
}

/**
 * contents_check() - read all of a generation, and check those that it builds
 * on
 * @image: the image
 * @number: number of the generation
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
 */
enum status contents_check(const struct image *image, unsigned long number)
{
	void *buffer = grow(NULL, 1, CHUNK_BYTES);
	void *packed = grow(NULL, 1, CHUNK_BYTES);
	struct source source = SOURCE_CLOSED;
	enum status status;

	status = generation_open(image, number, &source.gen);
	if (!status)
		status = parts_check(image, &source.gen);
	if (!status)
		status = source_open(image, &source);
	for (size_t i = 0; !status && i < source.count; i++)
		status = source_load(image, &source, &source.chunks[i], buffer,
				     packed);
	if (!status)
		status = check_chain(image, &source.gen);
	source_close(&source);
	free(buffer);
	free(packed);
	return status;
}
