// SPDX-License-Identifier: GPL-2.0
/* The record: pages that are acknowledged and may not be copied yet. */
#define _GNU_SOURCE
#include "image/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/files.h"

static char *record_text(const struct record *record, size_t *size)
{
	char *text = NULL;
	FILE *f = checked(open_memstream(&text, size));

	fprintf(f, "dirtyckpt-todo %lu %s\n", record->number, record->base);
	for (size_t i = 0; i < record->spans.count; i++)
		fprintf(f, "%08" PRIx64 "-%08" PRIx64 "\n",
			record->spans.spans[i].start,
			record->spans.spans[i].end);
	seal_text(f, &text, size);
	return text;
}

/**
 * record_write() - record pages that are about to be acknowledged
 * @image: the image
 * @record: the pages
 *
 * The record is on disk when this returns.
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status record_write(const struct image *image, const struct record *record)
{
	size_t size;
	char *text = record_text(record, &size);
	int error;

	unlinkat(image->fd, RECORD_DRAFT, 0);
	error = write_file(image->fd, RECORD_DRAFT, text, size);
	free(text);
	if (!error &&
	    (renameat(image->fd, RECORD_DRAFT, image->fd, RECORD) ||
	     fsync(image->fd)))
		error = errno;
	if (!error)
		return STATUS_OK;
	unlinkat(image->fd, RECORD_DRAFT, 0);
	return fail_to_write(image, RECORD, error);
}

static bool parse_record(struct record *record, char *text, size_t size)
{
	uint64_t last_end = 0;
	char *last = sealed_end(text, size), *line;

	if (!last ||
	    sscanf(text, "dirtyckpt-todo %lu %32s", &record->number,
		   record->base) != 2)
		return false;
	for (line = strchr(text, '\n') + 1; line < last;
	     line = strchr(line, '\n') + 1) {
		uint64_t start, end;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2 ||
		    start < last_end || start >= end ||
		    (start | end) % PAGE_BYTES)
			return false;
		last_end = end;
		spans_add(&record->spans, start, end);
	}
	return true;
}

/**
 * record_read() - read the pages that may not be copied yet
 * @image: the image
 * @record: filled in; its number is 0 if there is no record
 *
 * Return: STATUS_OK; STATUS_DAMAGED if the record is unusable; or another exit
 * status.
 */
enum status record_read(const struct image *image, struct record *record)
{
	int fd = openat(image->fd, RECORD,
			O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	bool good;

	*record = (struct record){ 0 };
	if (fd == -1 && errno == ENOENT)
		return STATUS_OK;
	if (fd == -1 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		int error = fd == -1 ? errno : EINVAL;

		if (fd != -1)
			close(fd);
		return complain(STATUS_OTHER, "%s/%s: %s", image->path, RECORD,
				strerror(error));
	}
	text = grow(NULL, st.st_size + 1, 1);
	good = pread(fd, text, st.st_size, 0) == st.st_size;
	close(fd);
	text[st.st_size] = '\0';
	if (good)
		good = parse_record(record, text, st.st_size);
	free(text);
	if (good)
		return STATUS_OK;
	spans_free(&record->spans);
	return complain(STATUS_DAMAGED, "%s/%s: damaged", image->path, RECORD);
}

/**
 * record_remove() - remove the record once all pages are copied
 * @image: the image
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status record_remove(const struct image *image)
{
	if (unlinkat(image->fd, RECORD, 0) && errno != ENOENT)
		return fail_to_write(image, RECORD, errno);
	return STATUS_OK;
}
