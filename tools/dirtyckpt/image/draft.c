// SPDX-License-Identifier: GPL-2.0
/* A generation that is being written. */
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
 * draft_begin() - make a folder for the next generation
 * @image: the folder that will have it
 * @draft: its @fd is set; draft_commit() or draft_drop() end it
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status draft_begin(const struct image *image, struct generation *draft)
{
	enum status status;

	draft->fd = -1;
	/* Of one who was killed */
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
 * @image: the folder that will have the generation
 * @draft: that one
 * @part: the file
 * @data: its contents
 * @size: of them
 *
 * Return: STATUS_OK, or what the program is to end with.
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
 * draft_commit() - make the generation one of those that the folder has
 * @image: that folder
 * @draft: the generation, with all its parts; its @fd is closed
 * @exchange: it takes the place of the one that has its number, which is then
 *	the draft
 *
 * When this returns STATUS_OK, the generation is on disk; before, it is none.
 *
 * Return: STATUS_OK, or what the program is to end with.
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
 * draft_drop() - forget about a generation
 * @image: the folder that would have had it
 * @draft: that one
 */
void draft_drop(const struct image *image, struct generation *draft)
{
	if (draft->fd == -1)
		return;
	generation_close(draft);
	image_remove(image, DRAFT);
}
