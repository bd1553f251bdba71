// SPDX-License-Identifier: GPL-2.0
/* Commands that start threads: to write, to change mappings, to migrate pages */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memstate.h"

static void *write_for_ever(void *arg)
{
	struct mapping *m = arg;

	for (;;) {
		for (size_t i = 0; i < m->pages; i++)
			((volatile char *)m->start)[i * PAGE]++;
	}
	return NULL;
}

/* storm [FIRST [COUNT]]: start a thread that writes to the pages forever */
static bool do_storm(int argc, char **argv)
{
	struct mapping *m = malloc(sizeof(*m));
	pthread_t thread;
	size_t bytes;

	m->start = range(argc, argv, 1, &bytes);
	m->pages = bytes / PAGE;
	errno = pthread_create(&thread, NULL, write_for_ever, m);
	return done(errno ? -1 : 0);
}

static atomic_bool giving;

/* After MADV_DONTNEED, the next write faults in a page of zeroes. */
static void *give_on(void *mapping)
{
	struct mapping *m = mapping;
	size_t i;

	while (giving) {
		madvise(m->start, m->pages * PAGE, MADV_DONTNEED);
		for (i = 0; i < m->pages; i++)
			((volatile char *)m->start)[i * PAGE] = 1;
	}
	return NULL;
}

/* giver [stop]: start or stop a thread that discards and rewrites all pages */
static bool do_giver(int argc, char **argv)
{
	static pthread_t thread;

	(void)argv;
	giving = argc == 1;
	if (giving)
		errno = pthread_create(&thread, NULL, give_on, this());
	else
		errno = pthread_join(thread, NULL);
	return done(errno ? -1 : 0);
}

static void *lock_for_ever(void *unused)
{
	for (;;) {
		void *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);

		munmap(p, PAGE);
	}
	return unused;
}

/* lockstorm: start a thread that maps and unmaps forever, to take mmap_lock */
static bool do_lockstorm(int argc, char **argv)
{
	pthread_t thread;

	(void)argc;
	(void)argv;
	errno = pthread_create(&thread, NULL, lock_for_ever, NULL);
	return done(errno ? -1 : 0);
}

/* Move every page of the current mapping to a memory node. */
static int move_to_node(int node)
{
	size_t i, n = this()->pages;
	void **pages = calloc(n, sizeof(*pages));
	int *nodes = calloc(n, sizeof(*nodes));
	int *status = calloc(n, sizeof(*status));
	long ret;

	for (i = 0; i < n; i++) {
		pages[i] = this()->start + i * PAGE;
		nodes[i] = node;
	}
	ret = syscall(SYS_move_pages, 0, n, pages, nodes, status, MPOL_MF_MOVE);
	free(pages);
	free(nodes);
	free(status);
	return ret < 0 ? -1 : 0;
}

static atomic_bool migrating;

static void *migrate_on(void *unused)
{
	int node;

	(void)unused;
	for (node = 0; migrating; node = !node)
		move_to_node(node);
	return NULL;
}

/* migrate NODE; "loop" starts a thread that moves the pages until "stop" */
static bool do_migrate(int argc, char **argv)
{
	static pthread_t thread;

	(void)argc;
	if (!strcmp(argv[1], "loop")) {
		migrating = true;
		errno = pthread_create(&thread, NULL, migrate_on, NULL);
		return done(errno ? -1 : 0);
	}
	if (!strcmp(argv[1], "stop")) {
		migrating = false;
		errno = pthread_join(thread, NULL);
		return done(errno ? -1 : 0);
	}
	return done(move_to_node(atoi(argv[1])));
}

/* Has the main thread exited, and released its reference to the memory? */
static bool is_led_by_zombie(void)
{
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	char line[64], *state;
	ssize_t len;

	if (fd == -1)
		return false;
	len = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[len > 0 ? len : 0] = '\0';
	state = strrchr(line, ')');
	return state && state[2] == 'Z';
}

static void *serve_thread(void *started)
{
	while (!is_led_by_zombie())
		usleep(10000);
	ready("%ld", syscall(SYS_gettid));
	(void)started;
	serve();
	exit(0);
}

/* leave: the main thread exits, and another thread serves commands */
static bool do_leave(int argc, char **argv)
{
	pthread_t thread;

	(void)argc;
	(void)argv;
	errno = pthread_create(&thread, NULL, serve_thread, NULL);
	if (errno)
		return false;
	syscall(SYS_exit, 0);
	return false;
}

const struct command thread_commands[] = {
	{ "giver", 0, do_giver },
	{ "leave", 0, do_leave },
	{ "lockstorm", 0, do_lockstorm },
	{ "migrate", 1, do_migrate },
	{ "storm", 0, do_storm },
	{ }
};
