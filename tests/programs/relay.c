// SPDX-License-Identifier: GPL-2.0
/*
 * relay - a process with short-lived threads: each counts for a while, starts the
 * next thread of its line, and exits
 *
 *	relay [alone|again]
 *
 * With "alone", the main thread exits as well; with "again", a thread of the first
 * line executes the program again instead of starting the next one.
 *
 * Each line increments a counter in one page, then a counter in another, with much
 * memory between them. At any moment the first counter equals the second, or is
 * one ahead; in a copy that was made while the threads ran on, it is not. Prints
 * the addresses of the two pages; the counter of line N is the Nth of each.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 4, TURN = 20000, BETWEEN = 8 << 20 };

static struct {
	volatile uint64_t first[512];
	char between[BETWEEN];
	volatile uint64_t second[512];
} memory __attribute__((aligned(4096)));

static void start(size_t line);

static bool again;

static void *take_turn(void *arg)
{
	size_t line = (size_t)arg;

	for (int i = 0; i < TURN; i++) {
		memory.first[line]++;
		__asm__ volatile("" : : : "memory");
		memory.second[line]++;
	}
	if (again && !line)
		execl("/proc/self/exe", "relay", "again", NULL);
	start(line);
	return NULL;
}

static void start(size_t line)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* While another thread calls exec, this fails with EAGAIN. */
	do {
		errno = pthread_create(&thread, &attr, take_turn, (void *)line);
	} while (errno == EAGAIN);
	if (errno)
		err(1, "no thread");
	pthread_attr_destroy(&attr);
}

int main(int argc, char *argv[])
{
	bool alone = argc > 1 && !strcmp(argv[1], "alone");

	again = argc > 1 && !strcmp(argv[1], "again");
	memset(memory.between, 1, sizeof(memory.between));
	for (size_t line = 0; line < LINES; line++)
		start(line);
	printf("%jx %jx\n", (uintmax_t)(uintptr_t)memory.first,
	       (uintmax_t)(uintptr_t)memory.second);
	fflush(stdout);
	if (alone)
		pthread_exit(NULL);
	for (;;)
		pause();
}
