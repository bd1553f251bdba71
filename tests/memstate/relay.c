// SPDX-License-Identifier: GPL-2.0
/*
 * relay - a process whose threads never stay: each counts for a while, makes the
 * next one of its line, and ends
 *
 * Each line counts in two pages, with much memory between them. At any moment the
 * first one is as far as the second, or one further; if it runs on while its
 * memory is copied, they are not. Prints the addresses of the two pages, in which
 * line N has its Nth number.
 */
#define _GNU_SOURCE
#include <err.h>
#include <pthread.h>
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

static void *take_turn(void *arg)
{
	size_t line = (size_t)arg;

	for (int i = 0; i < TURN; i++) {
		memory.first[line]++;
		__asm__ volatile("" : : : "memory");
		memory.second[line]++;
	}
	start(line);
	return NULL;
}

static void start(size_t line)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, take_turn, (void *)line))
		errx(1, "no thread");
	pthread_attr_destroy(&attr);
}

int main(void)
{
	memset(memory.between, 1, sizeof(memory.between));
	for (size_t line = 0; line < LINES; line++)
		start(line);
	printf("%jx %jx\n", (uintmax_t)(uintptr_t)memory.first,
	       (uintmax_t)(uintptr_t)memory.second);
	fflush(stdout);
	for (;;)
		pause();
}
