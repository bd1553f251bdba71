// SPDX-License-Identifier: GPL-2.0
/*
 * relay - a process whose threads never stay: each counts for a while, makes the
 * next one of its line, and ends
 *
 *	relay [alone|again]
 *
 * With "alone", its first thread ends as well; with "again", the first line goes on
 * by executing the program anew after its turn.
 *
 * Each line counts in two pages, with much memory between them. At any moment the
 * first one is as far as the second, or one further; if it runs on while its
 * memory is copied, they are not. Prints the addresses of the two pages, in which
 * line N has its Nth number.
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
	/* While another thread calls exec, there are none to be had. */
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
