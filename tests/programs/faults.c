// SPDX-License-Identifier: GPL-2.0
/*
 * faults [COMMAND...] - count the page faults of programs that nobody tracks
 *
 * Print a name and a count for each of these: a collector's mprotect(), swap, fork,
 * a growing heap, and the command. Each runs once before it is counted, so that the
 * counts of two kernels can be compared.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define PAGES 1024

static char *memory;

static void write_all(void)
{
	for (size_t i = 0; i < PAGES; i++)
		memory[i * PAGE]++;
}

static void protect(int protection)
{
	if (mprotect(memory, PAGES * PAGE, protection))
		err(1, "mprotect");
}

/* A collector protects its heap, and finds written pages by their faults. */
static void collect(void)
{
	for (int i = 0; i < 16; i++) {
		protect(PROT_READ);
		protect(PROT_READ | PROT_WRITE);
		write_all();
		protect(PROT_NONE);
		protect(PROT_READ | PROT_WRITE);
		for (size_t k = 0; k < PAGES; k++)
			*(volatile char *)(memory + k * PAGE);
		write_all();
	}
}

static void swap(void)
{
	for (int i = 0; i < 4; i++) {
		if (madvise(memory, PAGES * PAGE, MADV_PAGEOUT))
			err(1, "madvise");
		write_all();
	}
}

static void fork_and_write(void)
{
	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();

		if (pid == -1)
			err(1, "fork");
		write_all();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		write_all();
	}
}

static void grow(void)
{
	for (int i = 0; i < 16; i++) {
		char *p = sbrk(64 * PAGE);

		if (p == (void *)-1)
			err(1, "sbrk");
		memset(p, 1, 64 * PAGE);
	}
	sbrk(-16 * 64 * PAGE);
}

static void run(char **command)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execvp(command[0], command);
		err(127, "%s", command[0]);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "%s failed", command[0]);
}

static long faults(void)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return self.ru_minflt + children.ru_minflt;
}

static void report(const char *name, long before)
{
	printf("%s %ld\n", name, faults() - before);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*work)(void);
	} works[] = {
		{ "mprotect", collect }, { "swap", swap }, { "fork", fork_and_write },
		{ "growth", grow },
	};
	long before;

	memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		err(1, "mmap");
	madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE);
	write_all();
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		works[i].work();
		before = faults();
		works[i].work();
		report(works[i].name, before);
	}
	if (argc > 1) {
		run(argv + 1);
		before = faults();
		run(argv + 1);
		report("command", before);
	}
	return 0;
}
