// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Read small files of processes. dirtycat and dirtyckpt link this as well. */
#include "stat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/**
 * proc_read() - read a small file as a string
 * @dir: a folder
 * @path: the file in it
 * @text: set to its contents, zero-terminated
 * @size: size of @text
 *
 * Return: the length of the text, or a negative errno.
 */
ssize_t proc_read(int dir, const char *path, char *text, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t len;
	int error;

	if (fd == -1)
		return -errno;
	len = read(fd, text, size - 1);
	error = errno;
	close(fd);
	if (len == -1)
		return -error;
	text[len] = '\0';
	return len;
}

/**
 * proc_stat_read() - read the state of a process or thread
 * @dir: a folder
 * @path: the stat file in it
 * @stat: filled in
 *
 * Return: 0 or a negative errno.
 */
int proc_stat_read(int dir, const char *path, struct proc_stat *stat)
{
	ssize_t len;
	char text[1024], *p;

	len = proc_read(dir, path, text, sizeof(text));
	if (len < 0)
		return len;
	/* The second field, the name in parentheses, may hold any character. */
	p = strrchr(text, ')');
	if (!p || !p[1] || !p[2])
		return -EPROTO;
	p += 2;
	stat->state = *p;
	for (int field = 3; p && field < 20; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, "%zu %*d %" SCNu64 " %" SCNu64, &stat->threads,
			 &stat->start_time, &stat->memory) != 3)
		return -EPROTO;
	return 0;
}

/**
 * proc_thread_stat() - read the state of a thread
 * @dir: the folder /proc/<pid> of its process
 * @tid: its TID
 * @stat: filled in
 *
 * Return: 0, or a negative errno, for example if there is no such thread.
 */
int proc_thread_stat(int dir, pid_t tid, struct proc_stat *stat)
{
	char path[64];

	snprintf(path, sizeof(path), "task/%d/stat", tid);
	return proc_stat_read(dir, path, stat);
}
