/* SPDX-License-Identifier: GPL-2.0 */
/* Threads of a process, with their registers. */
#ifndef THREADS_H
#define THREADS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Sets of registers, in the order of the file */
enum { SET_GENERAL, SET_FLOAT, SET_EXTENDED, SETS };

/**
 * struct thread - a thread and its registers
 * @tid: thread ID
 * @start_time: start time, in clock ticks since boot
 * @mask: blocked signals
 * @pending: signals pending for this thread
 * @set: register sets, NULL for a set that it lacks
 * @size: bytes of each set
 */
struct thread {
	pid_t tid;
	uint64_t start_time;
	uint64_t mask;
	uint64_t pending;
	void *set[SETS];
	size_t size[SETS];
};

/**
 * struct threads - the threads of a process
 * @threads: an array; starts with the first thread, unless it has exited
 * @count: their number
 * @began: when the first one was stopped, from nanoseconds()
 * @pause: how long they were stopped, in nanoseconds
 * @signals: signal mask of this program before seize()
 */
struct threads {
	struct thread *threads;
	size_t count;
	uint64_t began;
	uint64_t pause;
	sigset_t signals;
};

struct thread *threads_find(const struct threads *threads,
			    const struct thread *like);
void threads_free(struct threads *threads);
void *threads_pack(const struct threads *threads, size_t *size);
bool threads_unpack(struct threads *threads, const void *data, size_t size);

#endif /* THREADS_H */
