// SPDX-License-Identifier: GPL-2.0
/*
 * steps - threads that compute, step by step, in memory that they allocate
 *
 * Four threads write to their own blocks. It answers each line "step N" with the
 * total number of steps and a digest of all blocks, which depends only on that
 * number, not on the order in which the threads ran.
 *
 * No block is freed: musl would unmap it, and dirtyckpt creates no mappings.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define BLOCKS 256
#define LARGEST 20000

struct worker {
	pthread_t thread;
	pthread_barrier_t *start, *end;
	uint64_t random;
	size_t sizes[BLOCKS];
	unsigned char *blocks[BLOCKS];
};

static struct worker workers[THREADS];
static unsigned long steps, to_do;

static uint32_t next(struct worker *self)
{
	self->random = self->random * 6364136223846793005 + 1442695040888963407;
	return self->random >> 33;
}

static void step(struct worker *self)
{
	uint32_t i = next(self) % BLOCKS;

	self->sizes[i] = next(self) % LARGEST + 1;
	for (size_t n = 0; n < self->sizes[i]; n++)
		self->blocks[i][n] = next(self);
}

static void *work(void *arg)
{
	struct worker *self = arg;

	for (int i = 0; i < BLOCKS; i++) {
		self->blocks[i] = malloc(LARGEST);
		if (!self->blocks[i])
			abort();
	}
	for (;;) {
		pthread_barrier_wait(self->start);
		for (unsigned long n = 0; n < to_do; n++)
			step(self);
		pthread_barrier_wait(self->end);
	}
	return NULL;
}

static uint64_t digest(void)
{
	uint64_t sum = 14695981039346656037u;

	for (int t = 0; t < THREADS; t++) {
		for (int i = 0; i < BLOCKS; i++) {
			for (size_t n = 0; n < workers[t].sizes[i]; n++)
				sum = (sum ^ workers[t].blocks[i][n]) * 1099511628211;
		}
	}
	return sum;
}

int main(void)
{
	pthread_barrier_t start, end;
	char line[64];

	pthread_barrier_init(&start, NULL, THREADS + 1);
	pthread_barrier_init(&end, NULL, THREADS + 1);
	for (int t = 0; t < THREADS; t++) {
		workers[t].start = &start;
		workers[t].end = &end;
		workers[t].random = t;
		if (pthread_create(&workers[t].thread, NULL, work, &workers[t]))
			abort();
	}
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "step %lu", &to_do) != 1)
			return 1;
		pthread_barrier_wait(&start);
		pthread_barrier_wait(&end);
		steps += to_do;
		printf("%lu %016llx\n", steps, (unsigned long long)digest());
	}
	return 0;
}
