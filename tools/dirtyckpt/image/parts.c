// SPDX-License-Identifier: GPL-2.0
/* Read and check the files of a generation. */
#define _GNU_SOURCE
#include "image/parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static bool has_size(const struct generation *gen, enum part part,
		     const struct stat *st)
{
	return S_ISREG(st->st_mode) && (uint64_t)st->st_size == gen->size[part];
}

static bool has_checksum(int fd, uint32_t expected)
{
	static const size_t size = 1 << 16;
	void *buffer = grow(NULL, size, 1);
	uint32_t crc = 0;
	ssize_t len;

	while ((len = read(fd, buffer, size)) > 0)
		crc = crc32(crc, buffer, len);
	free(buffer);
	return len == 0 && crc == expected && lseek(fd, 0, SEEK_SET) == 0;
}

/**
 * part_open() - open and check a file of a generation
 * @image: the image
 * @gen: the generation
 * @part: the file; for PART_PAGES, only the size is checked
 * @fd: set to a descriptor, to be closed
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
 */
enum status part_open(const struct image *image, const struct generation *gen,
		      enum part part, int *fd)
{
	struct stat st;

	*fd = openat(gen->fd, part_names[part],
		     O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (*fd == -1)
		return fail_to_open(image, gen, part_names[part]);
	if (!fstat(*fd, &st) && has_size(gen, part, &st) &&
	    (part == PART_PAGES || has_checksum(*fd, gen->crc[part])))
		return STATUS_OK;
	close(*fd);
	*fd = -1;
	return complain_damaged(image, gen, part_names[part]);
}

/**
 * parts_check() - check all files of a generation
 * @image: the image
 * @gen: the generation; only the size of its pages is checked
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
 */
enum status parts_check(const struct image *image, const struct generation *gen)
{
	enum status status = STATUS_OK;

	for (int part = 0; !status && part < PARTS; part++) {
		int fd;

		status = part_open(image, gen, part, &fd);
		if (!status)
			close(fd);
	}
	return status;
}

static enum status parts_exist(const struct image *image,
			       const struct generation *gen)
{
	struct stat st;

	for (int part = 0; part < PARTS; part++)
		if (fstatat(gen->fd, part_names[part], &st, AT_SYMLINK_NOFOLLOW) ||
		    !has_size(gen, part, &st))
			return complain_damaged(image, gen, part_names[part]);
	return STATUS_OK;
}

/**
 * parts_probe() - can the next generation build on this one?
 * @image: the image
 * @gen: the generation
 *
 * All generations that this one builds on must exist. As every save calls this,
 * it is quick: it reads all files of this generation except for the pages, and
 * checks only the sizes of the files of the others.
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
 */
enum status parts_probe(const struct image *image, const struct generation *gen)
{
	enum status status = parts_check(image, gen);
	struct generation at = *gen, before;

	while (!status && !at.whole) {
		status = generation_before(image, &at, &before);
		if (!status)
			status = parts_exist(image, &before);
		generation_close(&before);
		at = before;
	}
	return status;
}

/**
 * part_read() - read and check a file of a generation
 * @image: the image
 * @gen: the generation
 * @part: the file
 * @data: set to its contents, to be freed
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
 */
enum status part_read(const struct image *image, const struct generation *gen,
		      enum part part, void **data)
{
	enum status status;
	size_t done = 0;
	int fd;

	*data = NULL;
	status = part_open(image, gen, part, &fd);
	if (status)
		return status;
	*data = grow(NULL, gen->size[part], 1);
	while (done < gen->size[part]) {
		ssize_t len = pread(fd, (char *)*data + done,
				    gen->size[part] - done, done);

		if (len <= 0) {
			status = complain_damaged(image, gen, part_names[part]);
			break;
		}
		done += len;
	}
	close(fd);
	return status;
}

/* dirtypages_listing_parse() has checked the order. */
static bool is_aligned(const struct dirtypages_listing *listing)
{
	const struct dirtypages_range *range = dirtypages_listing_ranges(listing);

	for (size_t i = 0; i < dirtypages_listing_count(listing); i++)
		if ((range[i].start | range[i].end) % PAGE_BYTES)
			return false;
	return true;
}

/**
 * part_listing() - read a listing of a generation
 * @image: the image
 * @gen: the generation
 * @part: PART_LISTING or PART_MISSING
 * @listing: set to it, to be freed; NULL if the file cannot be opened
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
 */
enum status part_listing(const struct image *image,
			 const struct generation *gen, enum part part,
			 struct dirtypages_listing **listing)
{
	enum status status;
	int fd;

	*listing = NULL;
	status = part_open(image, gen, part, &fd);
	if (status)
		return status;
	if (dirtypages_listing_new(listing))
		die(STATUS_OTHER, "not enough memory");
	if (dirtypages_listing_parse(*listing, fd) || !is_aligned(*listing))
		status = complain_damaged(image, gen, part_names[part]);
	close(fd);
	return status;
}

/**
 * part_maps() - read the mappings of a generation
 * @image: the image
 * @gen: the generation
 * @maps: set to them, to be freed; NULL on failure
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
 */
enum status part_maps(const struct image *image, const struct generation *gen,
		      struct dirtypages_maps **maps)
{
	enum status status;
	void *data;

	*maps = NULL;
	status = part_read(image, gen, PART_MAPS, &data);
	if (!status && dirtypages_maps_parse(maps, data, gen->size[PART_MAPS]))
		status = complain_damaged(image, gen, part_names[PART_MAPS]);
	free(data);
	return status;
}

/**
 * part_threads() - read the threads of a generation and their registers
 * @image: the image
 * @gen: the generation
 * @threads: filled in; to be freed by threads_free()
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
 */
enum status part_threads(const struct image *image,
			 const struct generation *gen, struct threads *threads)
{
	enum status status;
	void *data;

	*threads = (struct threads){ 0 };
	status = part_read(image, gen, PART_THREADS, &data);
	if (!status &&
	    !threads_unpack(threads, data, gen->size[PART_THREADS]))
		status = complain_damaged(image, gen, part_names[PART_THREADS]);
	free(data);
	return status;
}
