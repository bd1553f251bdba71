// SPDX-License-Identifier: GPL-2.0
/* Writing files, and text whose last line has the checksum of all before. */
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
 * write_at() - write all of something
 * @fd: of a file, or of memory
 * @data: what
 * @size: bytes
 * @offset: where to
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
 * write_file() - make a file that only its owner can read, and put it on disk
 * @dir: the folder
 * @name: of the file, which is not there yet
 * @data: its contents
 * @size: of them
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
 * seal_text() - end a text with its checksum
 * @f: of open_memstream(); is closed
 * @text: that and @size are its
 * @size: likewise
 */
void seal_text(FILE *f, char **text, size_t *size)
{
	fflush(f);
	fprintf(f, "crc32 %08lx\n", crc32(0, (void *)*text, *size));
	if (fclose(f))
		exit(complain(STATUS_OTHER, "not enough memory"));
}

/**
 * sealed_end() - where does a text end that has its checksum?
 * @text: with a zero at its end
 * @size: without that
 *
 * Return: the last line, NULL if it has not the checksum of all that comes
 * before, or if a zero is in there: lines are looked for as in a string.
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
