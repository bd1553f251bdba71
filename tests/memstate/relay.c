// SPDX-License-Identifier: GPL-2.0
/*
 * relay - a process whose threads come and go
 *
 * Each thread runs for a moment, makes the next one, and ends. The first thread
 * waits for the end of standard input. Prints "ready" before.
 */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { MOMENT = 2000000 };	/* nanoseconds */

static pthread_attr_t detached;

static void *run(void *unused)
{
	struct timespec began, now;
	pthread_t next;

	(void)unused;
	clock_gettime(CLOCK_MONOTONIC, &began);
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - began.tv_sec) * 1000000000L + now.tv_nsec -
		 began.tv_nsec < MOMENT);
	if (pthread_create(&next, &detached, run, NULL))
		errx(1, "no thread");
	return NULL;
}

int main(void)
{
	char c;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	run(NULL);
	puts("ready");
	fflush(stdout);
	return read(STDIN_FILENO, &c, 1) == -1;
}
