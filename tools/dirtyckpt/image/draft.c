// SPDX-License-Identifier: GPL-2.0
/* Write a generation. */
#define _GNU_SOURCE
#include "image/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "image/files.h"
#include "image/generation.h"

/**
 * draft_begin() - create a folder for the next generation
 * @image: the image
 * @draft: its @fd is set; to be ended by draft_commit() or draft_drop()
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status draft_begin(const struct image *image, struct generation *draft)
{
	enum status status;

	draft->fd = -1;
	/* Remove the draft of a save that was killed. */
	status = image_remove(image, DRAFT);
	if (status)
		return status;
	if (mkdirat(image->fd, DRAFT, 0700))
		return fail_to_write(image, DRAFT, errno);
	draft->fd = openat(image->fd, DRAFT, O_RDONLY | O_DIRECTORY |
			   O_NOFOLLOW | O_CLOEXEC);
	if (draft->fd == -1)
		return fail_to_write(image, DRAFT, errno);
	return STATUS_OK;
}

/**
 * draft_part() - write a file of a generation
 * @image: the image
 * @draft: the generation
 * @part: the file
 * @data: its contents
 * @size: their size in bytes
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status draft_part(const struct image *image, struct generation *draft,
		       enum part part, const void *data, size_t size)
{
	int error = write_file(draft->fd, part_names[part], data, size);

	if (error)
		return fail_to_write(image, part_names[part], error);
	draft->size[part] = size;
	draft->crc[part] = size ? crc32_z(0, data, size) : 0;
	return STATUS_OK;
}

static int write_head(const struct generation *draft)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int error;

	if (!f)
		return errno;
	head_print(f, draft);
	seal_text(f, &text, &size);
	error = write_file(draft->fd, HEAD, text, size);
	free(text);
	return error;
}

/**
 * draft_commit() - add a complete generation to its image
 * @image: the image
 * @draft: the generation, with all its parts; its @fd is closed
 * @exchange: replace the generation with the same number, which becomes the
 *	draft
 *
 * The generation is on disk when this returns STATUS_OK, and is not in the
 * image before.
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status draft_commit(const struct image *image, struct generation *draft,
			 bool exchange)
{
	int error = write_head(draft);
	char name[24];

	generation_name(name, draft->number);
	if (!error && (fsync(draft->fd) ||
		       renameat2(image->fd, DRAFT, image->fd, name,
				 exchange ? RENAME_EXCHANGE : 0) ||
		       fsync(image->fd)))
		error = errno;
	if (error) {
		draft_drop(image, draft);
		return fail_to_write(image, name, error);
	}
	generation_close(draft);
	return STATUS_OK;
}

/**
 * draft_drop() - remove an incomplete generation
 * @image: the image
 * @draft: the generation
 */
void draft_drop(const struct image *image, struct generation *draft)
{
	if (draft->fd == -1)
		return;
	generation_close(draft);
	image_remove(image, DRAFT);
}
