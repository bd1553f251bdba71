/* SPDX-License-Identifier: GPL-2.0 */
/* Recordings are read here, and written by recorder.c. */
#ifndef RECORDING_H
#define RECORDING_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "record_format.h"

/**
 * struct recorded - a process in a round
 * @pid: its number
 * @start_time: when it started, in clock ticks since boot
 * @space: another number after execve()
 * @when: the time of day when it was read
 * @since: seconds since it was acknowledged before, 0 if it was not
 * @backend: where the listing comes from
 * @comm: its name
 */
struct recorded {
	pid_t pid;
	uint64_t start_time;
	uint64_t space;
	struct timespec when;
	double since;
	enum dirtypages_backend backend;
	char comm[64];
};

/**
 * struct recording - a recording while it is read
 * @fd: of the file, in which one can seek
 * @name: for diagnostics
 * @at: where the next round begins
 * @size: of the file
 * @when: the time of the last round that was read
 * @processes: of that round
 * @kept: the listings and mappings of those
 * @count: how many
 * @damaged: the data after the last round is damaged, not only cut
 * @told: that was reported
 */
struct recording {
	int fd;
	const char *name;
	off_t at;
	off_t size;
	struct timespec when;
	struct recorded *processes;
	struct kept *kept;
	size_t count;
	bool damaged;
	bool told;
};

void recording_open(struct recording *recording, int fd, const char *name);
void recording_rewind(struct recording *recording, off_t at);
bool recording_next(struct recording *recording);
off_t recording_check(struct recording *recording);
void recording_close(struct recording *recording);

#endif /* RECORDING_H */
