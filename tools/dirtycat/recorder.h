/* SPDX-License-Identifier: GPL-2.0 */
/* Recordings are written here, and read by recording.c. */
#ifndef RECORDER_H
#define RECORDER_H

#include <sys/types.h>

#include "dirtycat.h"
#include "record_format.h"

/**
 * struct recorder - a recording while it is written
 * @name: of the file, NULL if it is in memory only
 * @fd: of the file, which can be read as well
 * @begin: where in the file this program began to write rounds
 * @end: of the last whole round
 * @kept: the processes of that round, if this program wrote it
 * @count: how many
 */
struct recorder {
	const char *name;
	int fd;
	off_t begin;
	off_t end;
	struct kept *kept;
	size_t count;
};

void recorder_open(struct recorder *recorder, const char *path);
void recorder_add(struct recorder *recorder, const struct target *targets,
		  size_t count);
void recorder_close(struct recorder *recorder);

#endif /* RECORDER_H */
