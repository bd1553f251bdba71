// SPDX-License-Identifier: GPL-2.0
/*
 * Write contents of pages, in chunks that have a checksum each. Zero-filled
 * pages are holes in the file, and zero-filled chunks are not in the file at
 * all.
 */
#define _GNU_SOURCE
#include "image/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "image/draft.h"
#include "image/files.h"

/**
 * is_zero() - is a buffer zero-filled?
 * @data: the buffer
 * @size: its size in bytes
 *
 * Return: true if it is.
 */
bool is_zero(const void *data, size_t size)
{
	/* The first byte is zero, and each byte equals the next. */
	return !*(const char *)data &&
	       !memcmp(data, (const char *)data + 1, size - 1);
}

/**
 * pages_begin() - begin to write contents of pages
 * @writer: filled in; to be freed by pages_drop()
 * @image: the folder of the generation
 * @draft: the generation
 * @level: compression level, 0 for none
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status pages_begin(struct page_writer *writer, const struct image *image,
			struct generation *draft, int level)
{
	*writer = (struct page_writer){
		.image = image,
		.draft = draft,
		.level = level,
	};
	writer->fd = openat(draft->fd, part_names[PART_PAGES], O_WRONLY |
			    O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (writer->fd == -1)
		return fail_to_write(image, part_names[PART_PAGES], errno);
	if (!level)
		return STATUS_OK;
	writer->compressor = ZSTD_createCCtx();
	writer->packed = malloc(ZSTD_compressBound(CHUNK_BYTES));
	if (!writer->compressor || !writer->packed)
		return complain(STATUS_OTHER, "not enough memory");
	return STATUS_OK;
}

static struct chunk *next_chunk(struct page_writer *writer, uint64_t start,
				const void *data, size_t size)
{
	struct chunk *chunk;

	if (writer->count == writer->room) {
		writer->room = writer->room ? writer->room * 2 : 256;
		writer->chunks = grow(writer->chunks, writer->room,
				      sizeof(*writer->chunks));
	}
	chunk = &writer->chunks[writer->count++];
	*chunk = (struct chunk){
		.start = start,
		.offset = writer->offset,
		.pages = size / PAGE_BYTES,
	};
	if (is_zero(data, size)) {
		chunk->how = AS_ZERO;
		return chunk;
	}
	chunk->how = AS_HOLES;
	chunk->size = size;
	chunk->crc = crc32_z(0, data, size);
	return chunk;
}

static enum status put(struct page_writer *writer, const void *data,
		       size_t size, uint64_t offset)
{
	int error = write_at(writer->fd, data, size, offset);

	return error ? fail_to_write(writer->image, part_names[PART_PAGES],
				     error) : STATUS_OK;
}

/* Write pages around those that are zero-filled, in few writes. */
static enum status put_around_holes(struct page_writer *writer,
				    const char *data, size_t size,
				    uint64_t offset)
{
	enum status status = STATUS_OK;
	size_t from = 0, at;

	for (at = 0; !status && at < size; at += PAGE_BYTES) {
		if (!is_zero(data + at, PAGE_BYTES))
			continue;
		writer->draft->zero++;
		status = put(writer, data + from, at - from, offset + from);
		from = at + PAGE_BYTES;
	}
	if (!status && from < size)
		status = put(writer, data + from, size - from, offset + from);
	return status;
}

static enum status put_compressed(struct page_writer *writer,
				  struct chunk *chunk, const void *data,
				  size_t size)
{
	size_t packed;

	for (size_t at = 0; at < size; at += PAGE_BYTES)
		writer->draft->zero += is_zero((const char *)data + at,
					       PAGE_BYTES);
	packed = ZSTD_compressCCtx(writer->compressor, writer->packed,
				   ZSTD_compressBound(size), data, size,
				   writer->level);
	if (ZSTD_isError(packed))
		return complain(STATUS_OTHER, "zstd: %s",
				ZSTD_getErrorName(packed));
	if (packed >= size)
		return put(writer, data, size, chunk->offset);
	chunk->how = AS_ZSTD;
	chunk->size = packed;
	return put(writer, writer->packed, packed, chunk->offset);
}

/**
 * pages_add() - write contents of neighbouring pages
 * @writer: filled in by pages_begin()
 * @start: address of the first page; addresses ascend from call to call
 * @data: the contents
 * @size: their size in bytes, whole pages
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status pages_add(struct page_writer *writer, uint64_t start,
		      const void *data, size_t size)
{
	enum status status = STATUS_OK;
	const char *p = data;
	/* Write consecutive chunks together. */
	const char *from = data;
	uint64_t offset = writer->offset;

	writer->draft->stored += size / PAGE_BYTES;
	while (!status && p < (const char *)data + size) {
		size_t left = (const char *)data + size - p;
		size_t len = left < CHUNK_BYTES ? left : CHUNK_BYTES;
		struct chunk *chunk;

		chunk = next_chunk(writer, start + (p - (const char *)data), p,
				   len);
		if (chunk->how == AS_ZERO) {
			writer->draft->zero += chunk->pages;
			status = put_around_holes(writer, from, p - from, offset);
			from = p + len;
		} else if (writer->level) {
			status = put_compressed(writer, chunk, p, len);
			from = p + len;
		}
		writer->offset += chunk->size;
		p += len;
		if (from == p)
			offset = writer->offset;
	}
	return status ? status : put_around_holes(writer, from, p - from, offset);
}

/**
 * pages_drop() - free a writer
 * @writer: filled in by pages_begin()
 */
void pages_drop(struct page_writer *writer)
{
	if (writer->fd != -1)
		close(writer->fd);
	writer->fd = -1;
	free(writer->chunks);
	writer->chunks = NULL;
	ZSTD_freeCCtx(writer->compressor);
	writer->compressor = NULL;
	free(writer->packed);
	writer->packed = NULL;
}

/**
 * pages_end() - sync the contents, and write their index
 * @writer: filled in by pages_begin()
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status pages_end(struct page_writer *writer)
{
	enum status status;

	/* The last page may be a hole. */
	if (ftruncate(writer->fd, writer->offset) || fsync(writer->fd))
		return fail_to_write(writer->image, part_names[PART_PAGES],
				     errno);
	writer->draft->size[PART_PAGES] = writer->offset;
	status = draft_part(writer->image, writer->draft, PART_INDEX,
			    writer->chunks,
			    writer->count * sizeof(*writer->chunks));
	return status;
}
