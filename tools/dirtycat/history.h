/* SPDX-License-Identifier: GPL-2.0 */
/* Programs, and when they were sampled: the contents of pictures over time. */
#ifndef HISTORY_H
#define HISTORY_H

#include "dirtycat.h"
#include "places.h"
#include "replay.h"

/**
 * struct source - samples that were recorded
 * @fd: of the recording
 * @name: of the recording, for diagnostics
 * @begin: where its first round is
 */
struct source {
	int fd;
	const char *name;
	off_t begin;
};

/**
 * struct life - a program that a process ran; execve() begins another
 * @pid: number of the process
 * @start_time: when it started
 * @space: its address space
 * @comm: the name that it had last
 * @tracked: some sample has the pages written since the one before
 * @known: letters of which the sums are known for a sample
 * @places: its memory that was modified in any sample
 */
struct life {
	pid_t pid;
	uint64_t start_time;
	uint64_t space;
	char comm[64];
	bool tracked;
	uint32_t known;
	struct places places;
};

/**
 * struct history - all of a recording that a picture needs
 * @lives: the programs, a panel for each
 * @count: how many
 * @times: of the rounds, in seconds since the first
 * @rounds: how many
 * @start: the time of day of the first
 * @most: bytes that are modified, in any sample
 */
struct history {
	struct life *lives;
	size_t count;
	double *times;
	size_t rounds;
	struct timespec start;
	uint64_t most;
};

/**
 * struct past - samples in the order in which they were taken
 * @run: the processes of the last round
 * @replay: where they come from
 */
struct past {
	struct run run;
	struct replay replay;
};

void history_read(struct history *history, const struct run *run,
		  const struct source *source, const char *option);
struct life *history_life(const struct history *history,
			  const struct target *target);
double history_seconds(const struct history *history, const struct timespec *when);
void history_free(struct history *history);

void past_open(struct past *past, const struct run *run,
	       const struct source *source);
bool past_next(struct past *past);
void past_close(struct past *past);

#endif /* HISTORY_H */
