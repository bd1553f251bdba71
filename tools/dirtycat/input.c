// SPDX-License-Identifier: GPL-2.0
/* Saved files: listings and recordings, distinguished by their first bytes. */
#define _GNU_SOURCE
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/message.h"
#include "common/output.h"
#include "record_format.h"

/* Copy a pipe, which cannot seek. Return a descriptor of the copy. */
static int copy_pipe(int fd, const char *path)
{
	const size_t size = 128 << 10;
	int copy = memfd_create("input", MFD_CLOEXEC);
	char *buffer = checked(malloc(size));
	ssize_t len;

	while (copy != -1 && (len = read(fd, buffer, size))) {
		if (len == -1 && errno == EINTR)
			continue;
		if (len == -1 || write_fully(copy, buffer, len))
			die(STATUS_OTHER, "%s: %s", path, strerror(errno));
	}
	if (copy == -1 || lseek(copy, 0, SEEK_SET))
		die(STATUS_OTHER, "%s: %s", path, strerror(errno));
	free(buffer);
	close(fd);
	return copy;
}

/**
 * open_input() - open a saved file, or end the program
 * @path: its name, "-" for standard input
 * @recorded: set to whether it is a recording
 *
 * Return: a descriptor, which can seek if the file is a recording.
 */
int open_input(const char *path, bool *recorded)
{
	unsigned char header[RECORD_HEADER];
	int fd = STDIN_FILENO;
	struct stat st;
	ssize_t len = 0;

	if (strcmp(path, "-"))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st))
		die(STATUS_OTHER, "%s: %s", path, strerror(errno));
	if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) {
		fd = copy_pipe(fd, path);
		if (fstat(fd, &st))
			die(STATUS_OTHER, "%s: %s", path, strerror(errno));
	}
	/* Files in /proc have no size, and are no recordings. */
	if (S_ISREG(st.st_mode) && st.st_size)
		len = pread(fd, header, sizeof(header), 0);
	*recorded = len > 0 && is_record_header(header, len);
	return fd;
}
