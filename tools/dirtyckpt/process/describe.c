// SPDX-License-Identifier: GPL-2.0
/* Describe a process to readers of its image. */
#define _GNU_SOURCE
#include "process/describe.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The head of a generation consists of lines, so replace control characters. */
static void copy_line(char *to, size_t size, const char *from, size_t len)
{
	size_t n = len < size - 1 ? len : size - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = from[i] > ' ' && from[i] < 127 ? from[i] : ' ';
	to[n] = '\0';
}

/**
 * describe_process() - read names and IDs of a process
 * @process: the process
 * @d: filled in; fields that cannot be read are left empty
 */
void describe_process(const struct dirtypages_process *process,
		      struct description *d)
{
	char text[1024], *p;
	const int dir = dirtypages_process_dir(process);
	struct stat st;
	ssize_t len;
	int fd;

	snprintf(d->comm, sizeof(d->comm), "%s", dirtypages_process_comm(process));
	fd = openat(dir, "cmdline", O_RDONLY | O_CLOEXEC);
	len = fd == -1 ? 0 : read(fd, text, sizeof(text));
	close(fd);
	if (len > 0)
		copy_line(d->args, sizeof(d->args), text, len);
	fd = openat(dir, "stat", O_RDONLY | O_CLOEXEC);
	len = fd == -1 ? 0 : read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	p = strrchr(text, ')');
	if (p)
		sscanf(p, ") %*c %d %d %d", &d->ppid, &d->pgrp, &d->sid);
	if (!fstat(dir, &st)) {
		d->uid = st.st_uid;
		d->gid = st.st_gid;
	}
}
