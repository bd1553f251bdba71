// SPDX-License-Identifier: GPL-2.0
/*
 * threads - threads that notice if they were not restored exactly
 *
 * One sleeps, one reads a pipe, one waits for a futex without a timeout and one
 * with a timeout, and one computes without system calls. Each counts, and checks
 * the results of its calls or the contents of its registers. The main thread reads
 * commands, and answers each with the counts and the errors:
 *
 *	state	only answer
 *	wake	wake the waiting threads, and wait until they have counted
 *	grow N	grow the heap by N pages
 *	border	map a page directly behind the heap, and another one behind it
 *	mask	block SIGUSR1
 *	start	start one more thread that sleeps
 *	end	end that thread
 *	timed	start three more threads, each in a call that takes an hour:
 *		poll(), nanosleep() and a wait for a futex
 *	switch	make the threads that sleep, and these three, wait an hour for
 *		another futex
 *	failed	answer also with the number of calls of each of these three that
 *		failed with EINTR
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct worker {
	volatile unsigned long count;
	volatile int wrong;
};

/**
 * struct timed - a thread with calls that take an hour
 * @call: makes the call
 * @thread: the thread
 * @failed: the number of calls that failed with EINTR
 */
struct timed {
	long (*call)(void);
	pthread_t thread;
	volatile unsigned long failed;
};

static struct worker sleeper, reader, waiter, limited, computer;
static int wake_pipe[2];
static uint32_t word, limited_word, switched, ending;
static const struct timespec hour = { .tv_sec = 3600 };

static bool is_set(const uint32_t *flag)
{
	return __atomic_load_n(flag, __ATOMIC_RELAXED);
}

static void set(uint32_t *flag)
{
	__atomic_store_n(flag, 1, __ATOMIC_RELAXED);
}

static void wait_if_switched(void)
{
	static uint32_t never;

	while (is_set(&switched))
		syscall(SYS_futex, &never, FUTEX_WAIT, 0, &hour);
}

static void *sleep_on(void *end)
{
	struct timespec ts = { .tv_nsec = 20000000 };

	while (!end || !is_set(end)) {
		if (nanosleep(&ts, NULL))
			sleeper.wrong = errno;
		sleeper.count++;
		wait_if_switched();
	}
	return NULL;
}

static long poll_for_an_hour(void)
{
	return syscall(SYS_poll, NULL, 0, 3600 * 1000);
}

static long sleep_for_an_hour(void)
{
	return syscall(SYS_nanosleep, &hour, NULL);
}

static long wait_for_an_hour(void)
{
	static uint32_t never;

	return syscall(SYS_futex, &never, FUTEX_WAIT, 0, &hour);
}

static struct timed timed[] = {
	{ .call = poll_for_an_hour },
	{ .call = sleep_for_an_hour },
	{ .call = wait_for_an_hour },
};

enum { TIMED = sizeof(timed) / sizeof(*timed) };

static void *take_an_hour(void *arg)
{
	struct timed *self = arg;

	for (;;) {
		if (self->call() == -1 && errno == EINTR)
			self->failed++;
		wait_if_switched();
	}
	return NULL;
}

static void *read_on(void *unused)
{
	char c;

	for (;;) {
		ssize_t len = read(wake_pipe[0], &c, 1);

		if (len != 1 || c != 'w')
			reader.wrong = len == -1 ? errno : 1000;
		reader.count++;
	}
	return unused;
}

static void *wait_on(void *unused)
{
	for (;;) {
		if (syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL))
			waiter.wrong = errno;
		waiter.count++;
	}
	return unused;
}

/* Longer than any test; the kernel keeps the time that is left. */
static void *wait_with_limit(void *unused)
{
	for (;;) {
		if (syscall(SYS_futex, &limited_word, FUTEX_WAIT, 0, &hour))
			limited.wrong = errno;
		limited.count++;
	}
	return unused;
}

/* Keep two integer and two SSE registers equal, and one equal to memory. */
static void *compute(void *unused)
{
	unsigned long a = 1, b = 1, n = 0;
	double x = 1, y = 1;

	for (;;) {
		for (int i = 0; i < 1000; i++) {
			a = a * 6364136223846793005ul + 1442695040888963407ul;
			x = x * 1.000001 + 0.5;
			__asm__ volatile("" : "+r"(a), "+r"(b), "+x"(x), "+x"(y));
			b = b * 6364136223846793005ul + 1442695040888963407ul;
			y = y * 1.000001 + 0.5;
			if (x > 1e100) {
				x = 1;
				y = 1;
			}
		}
		if (a != b || x != y || n != computer.count)
			computer.wrong = 1;
		__asm__ volatile("" : "+r"(n));
		computer.count = ++n;
	}
	return unused;
}

static pthread_t start(void *(*function)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, function, arg))
		errx(1, "no thread");
	return thread;
}

static void start_timed(void)
{
	for (int i = 0; i < TIMED; i++)
		timed[i].thread = start(take_an_hour, &timed[i]);
}

static void wake_up(int signal)
{
	(void)signal;
}

static void switch_all(void)
{
	set(&switched);
	signal(SIGUSR2, wake_up);
	for (int i = 0; i < TIMED; i++)
		if (timed[i].thread)
			pthread_kill(timed[i].thread, SIGUSR2);
}

/* Wake one waiter, as soon as there is one. */
static void wake_one(uint32_t *futex)
{
	while (syscall(SYS_futex, futex, FUTEX_WAKE, 1) != 1)
		sched_yield();
}

static void wake(void)
{
	unsigned long before[] = { reader.count, waiter.count, limited.count };

	if (write(wake_pipe[1], "w", 1) != 1)
		err(1, "the pipe");
	/* Wake each once: a second wakeup could count at any later time. */
	wake_one(&word);
	wake_one(&limited_word);
	while (reader.count == before[0] || waiter.count == before[1] ||
	       limited.count == before[2])
		sched_yield();
}

/* The first mapping has the protection of the heap, and may be merged with it. */
static void border(void)
{
	static const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	char *end = sbrk(0);

	if (mmap(end, 4096, PROT_READ | PROT_WRITE, flags, -1, 0) != end ||
	    mmap(end + 4096, 4096, PROT_READ, flags, -1, 0) != end + 4096)
		err(1, "no mapping behind the heap");
	memset(end, 1, 4096);
}

static void mask(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static void answer(const char *line)
{
	if (!strncmp(line, "wake", 4))
		wake();
	else if (!strncmp(line, "grow", 4))
		memset(sbrk(atoi(line + 4) * 4096), 1, atoi(line + 4) * 4096);
	else if (!strncmp(line, "border", 6))
		border();
	else if (!strncmp(line, "mask", 4))
		mask();
	else if (!strncmp(line, "start", 5))
		start(sleep_on, &ending);
	else if (!strncmp(line, "end", 3))
		set(&ending);
	else if (!strncmp(line, "timed", 5))
		start_timed();
	else if (!strncmp(line, "switch", 6))
		switch_all();
	if (!strncmp(line, "failed", 6))
		printf("failed %lu %lu %lu, ", timed[0].failed,
		       timed[1].failed, timed[2].failed);
	printf("%lu %lu %lu %lu %lu wrong %d %d %d %d %d\n", sleeper.count,
	       reader.count, waiter.count, limited.count, computer.count,
	       sleeper.wrong, reader.wrong, waiter.wrong, limited.wrong,
	       computer.wrong);
	fflush(stdout);
}

int main(void)
{
	static char line[256];

	setvbuf(stdin, NULL, _IONBF, 0);
	if (pipe(wake_pipe))
		err(1, "no pipe");
	start(sleep_on, NULL);
	start(read_on, NULL);
	start(wait_on, NULL);
	start(wait_with_limit, NULL);
	start(compute, NULL);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		answer(line);
	return 0;
}
