// SPDX-License-Identifier: GPL-2.0
/* Write files, and text that ends with its checksum. */
#define _GNU_SOURCE
#include "image/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "dirtyckpt.h"

/**
 * write_at() - write all of a buffer
 * @fd: a file, or /proc/<pid>/mem
 * @data: the buffer
 * @size: its size in bytes
 * @offset: where to write
 *
 * Return: 0, or an errno.
 */
int write_at(int fd, const void *data, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t len = pwrite(fd, data, size, offset);

		if (len <= 0)
			return len ? errno : EIO;
		data = (const char *)data + len;
		offset += len;
		size -= len;
	}
	return 0;
}

/**
 * write_file() - create a file with mode 0600, and sync it
 * @dir: descriptor of its folder
 * @name: its name, which must not exist yet
 * @data: its contents
 * @size: their size in bytes
 *
 * Return: 0, or an errno.
 */
int write_file(int dir, const char *name, const void *data, size_t size)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
			O_CLOEXEC, 0600);
	int error;

	if (fd == -1)
		return errno;
	error = write_at(fd, data, size, 0);
	if (!error && fsync(fd))
		error = errno;
	close(fd);
	return error;
}

/**
 * seal_text() - append a checksum to a text
 * @f: from open_memstream(); closed
 * @text: the text of @f
 * @size: its size
 */
void seal_text(FILE *f, char **text, size_t *size)
{
	fflush(f);
	fprintf(f, "crc32 %08lx\n", crc32(0, (void *)*text, *size));
	if (fclose(f))
		die(STATUS_OTHER, "not enough memory");
}

/**
 * sealed_end() - check the checksum at the end of a text
 * @text: the text, zero-terminated
 * @size: its size without the zero
 *
 * Return: the last line; NULL if the checksum is wrong, or if the text contains
 * a zero, as it is parsed as a string.
 */
char *sealed_end(char *text, size_t size)
{
	unsigned int crc;
	char *last;

	if (memchr(text, '\0', size))
		return NULL;
	last = size > 1 ? memrchr(text, '\n', size - 1) : NULL;
	if (!last++ || sscanf(last, "crc32 %8x", &crc) != 1 ||
	    crc32(0, (void *)text, last - text) != crc)
		return NULL;
	return last;
}
