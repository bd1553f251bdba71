// SPDX-License-Identifier: GPL-2.0
/* Threads of a process, with their registers. */
#define _GNU_SOURCE
#include "process/threads.h"

#include <stdlib.h>
#include <string.h>

#include "dirtyckpt.h"

/**
 * threads_find() - find a thread in a set of threads
 * @threads: the threads
 * @like: the same thread at another time
 *
 * Return: the thread, or NULL.
 */
struct thread *threads_find(const struct threads *threads,
			    const struct thread *like)
{
	for (size_t i = 0; i < threads->count; i++)
		if (threads->threads[i].tid == like->tid &&
		    threads->threads[i].start_time == like->start_time)
			return &threads->threads[i];
	return NULL;
}

/**
 * threads_free() - free threads and their registers
 * @threads: empty afterwards
 */
void threads_free(struct threads *threads)
{
	for (size_t i = 0; i < threads->count; i++)
		for (int set = 0; set < SETS; set++)
			free(threads->threads[i].set[set]);
	free(threads->threads);
	*threads = (struct threads){ 0 };
}

/**
 * struct thread_head - precedes the registers of each thread in a file
 * @tid: thread ID
 * @start_time: start time, in clock ticks since boot
 * @mask: blocked signals
 * @pending: signals pending for this thread
 * @size: bytes of each register set, which follow
 */
struct thread_head {
	uint64_t tid;
	uint64_t start_time;
	uint64_t mask;
	uint64_t pending;
	uint64_t size[SETS];
};

static char *append(char *to, const void *data, size_t size)
{
	if (size)
		memcpy(to, data, size);
	return to + size;
}

static char *pack_thread(char *to, const struct thread *thread)
{
	struct thread_head head = {
		.tid = thread->tid,
		.start_time = thread->start_time,
		.mask = thread->mask,
		.pending = thread->pending,
	};

	for (int set = 0; set < SETS; set++)
		head.size[set] = thread->size[set];
	to = append(to, &head, sizeof(head));
	for (int set = 0; set < SETS; set++)
		to = append(to, thread->set[set], thread->size[set]);
	return to;
}

/**
 * threads_pack() - convert threads to bytes
 * @threads: filled in by registers_get()
 * @size: set to the number of bytes
 *
 * Return: the bytes, to be freed.
 */
void *threads_pack(const struct threads *threads, size_t *size)
{
	char *data, *end;

	*size = 0;
	for (size_t i = 0; i < threads->count; i++) {
		*size += sizeof(struct thread_head);
		for (int set = 0; set < SETS; set++)
			*size += threads->threads[i].size[set];
	}
	data = grow(NULL, *size, 1);
	end = data;
	for (size_t i = 0; i < threads->count; i++)
		end = pack_thread(end, &threads->threads[i]);
	return data;
}

static bool take(const char **data, size_t *left, void *to, size_t size)
{
	if (size > *left)
		return false;
	if (size)
		memcpy(to, *data, size);
	*data += size;
	*left -= size;
	return true;
}

static bool unpack_thread(struct thread *thread, const char **data, size_t *left)
{
	struct thread_head head;

	*thread = (struct thread){ 0 };
	if (!take(data, left, &head, sizeof(head)))
		return false;
	*thread = (struct thread){
		.tid = head.tid,
		.start_time = head.start_time,
		.mask = head.mask,
		.pending = head.pending,
	};
	for (int set = 0; set < SETS; set++) {
		if (head.size[set] > *left)
			return false;
		if (!head.size[set])
			continue;
		thread->size[set] = head.size[set];
		thread->set[set] = grow(NULL, head.size[set], 1);
		take(data, left, thread->set[set], head.size[set]);
	}
	return true;
}

/**
 * threads_unpack() - convert bytes to threads
 * @threads: filled in; to be freed by threads_free(), also on failure
 * @data: the bytes
 * @size: their number
 *
 * Return: false if the bytes are malformed.
 */
bool threads_unpack(struct threads *threads, const void *data, size_t size)
{
	const char *p = data;

	*threads = (struct threads){ 0 };
	while (size) {
		threads->threads = grow(threads->threads, threads->count + 1,
					sizeof(*threads->threads));
		if (!unpack_thread(&threads->threads[threads->count++], &p, &size))
			return false;
	}
	return true;
}
