/* SPDX-License-Identifier: GPL-2.0 */
/* Threads of a process, and the bytes that an image has of them. */
#ifndef THREADS_H
#define THREADS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Sets of registers, in the order in which they are kept and set */
enum { SET_GENERAL, SET_FLOAT, SET_EXTENDED, SETS };

/**
 * struct thread - a thread
 * @tid: its number
 * @start_time: when it started, in clock ticks since boot
 * @mask: the signals that it blocks
 * @pending: those that wait for it
 * @set: its registers, NULL if it has no such set
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
 * @threads: an array; the first thread of the process comes first, if it lives
 * @count: how many
 * @began: when the first was stopped, as nanoseconds() has it
 * @pause: nanoseconds from then on until they went on
 * @signals: what this process blocked before
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
