// SPDX-License-Identifier: GPL-2.0
/*
 * For tests/bench/fleet: a fleet of processes to look at, and the least that a
 * program can do to measure each of them.
 *
 *	fleet start COUNT	fork COUNT workers, print READY, wait for the parent
 *	fleet rollup		read /proc/<pid>/smaps_rollup of all processes
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	MAPPINGS = 100,
	BYTES = 2 << 20,	/* in all of them */
	APART = 1 << 20,	/* so that they do not merge */
};

/* Write to mappings, each in a place of its own. */
static void populate(void)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	const size_t pages = BYTES / page;
	char *place = mmap(NULL, (size_t)MAPPINGS * APART, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (place == MAP_FAILED || munmap(place, (size_t)MAPPINGS * APART))
		err(1, "place for mappings");
	for (size_t i = 0; i < MAPPINGS; i++) {
		size_t len = (pages * (i + 1) / MAPPINGS - pages * i / MAPPINGS) * page;
		char *p = mmap(place + i * APART, len, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		if (p == MAP_FAILED)
			err(1, "mapping");
		memset(p, 1, len);
	}
}

static void work(int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	populate();
	if (write(ready, "", 1) != 1)
		err(1, "pipe");
	for (;;)
		pause();
}

static void start(int count)
{
	int ready[2];
	char byte;

	if (pipe(ready))
		err(1, "pipe");
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == -1)
			err(1, "fork");
		if (!pid)
			work(ready[1]);
	}
	for (int i = 0; i < count; i++)
		if (read(ready[0], &byte, 1) != 1)
			err(1, "pipe");
	puts("READY");
	fflush(stdout);
	pause();
}

/* Return the sum of the private pages of a process, in kB. */
static unsigned long read_rollup(const char *pid)
{
	char path[300], text[4096], *line;
	unsigned long dirty = 0;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/smaps_rollup", pid);
	fd = open(path, O_RDONLY);
	if (fd == -1)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	line = strstr(text, "\nAnonymous:");
	if (line)
		sscanf(line, " Anonymous: %lu", &dirty);
	return dirty;
}

static void rollup(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		err(1, "/proc");
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)*entry->d_name))
			printf("%s %lu\n", entry->d_name, read_rollup(entry->d_name));
	closedir(proc);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "start") && atoi(argv[2]) > 0)
		start(atoi(argv[2]));
	else if (argc == 2 && !strcmp(argv[1], "rollup"))
		rollup();
	else
		errx(1, "usage: fleet start COUNT | rollup");
	return 0;
}
