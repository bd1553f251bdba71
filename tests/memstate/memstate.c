// SPDX-License-Identifier: GPL-2.0
/*
 * memstate - a process that puts its memory into a given state on command
 *
 * It prints READY, then reads commands from standard input, one a line, and
 * answers each with one line: READY with the result, if there is one, or FAIL with
 * the reason. Mappings are kept on a list. Most commands act on the last one;
 * "use N" chooses another. A page is a base page, also in huge mappings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memstate.h"

#define MAX_MAPPINGS 20000
#define MAX_ARGS 8

static struct mapping mappings[MAX_MAPPINGS];
static size_t nr_mappings, current;

bool ready(const char *format, ...)
{
	va_list args;

	fputs("READY ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	return true;
}

bool ok(void)
{
	return puts("READY") != EOF;
}

bool done(int ret)
{
	return ret == -1 ? false : ok();
}

struct mapping *this(void)
{
	return &mappings[current];
}

char *range(int argc, char **argv, int at, size_t *bytes)
{
	size_t first = argc > at ? strtoul(argv[at], NULL, 0) : 0;
	size_t count = argc > at + 1 ? strtoul(argv[at + 1], NULL, 0) :
				       this()->pages - first;

	*bytes = count * PAGE;
	return this()->start + first * PAGE;
}

bool add_mapping(void *start, size_t pages)
{
	if (start == MAP_FAILED)
		return false;
	current = nr_mappings++;
	mappings[current] = (struct mapping){ start, pages };
	return ready("%08lx-%08lx", (unsigned long)start,
		     (unsigned long)start + pages * PAGE);
}

bool use_mapping(size_t n)
{
	current = n;
	return ready("%08lx-%08lx", (unsigned long)this()->start,
		     (unsigned long)this()->start + this()->pages * PAGE);
}

static const struct command *const tables[] = {
	io_uring_commands, memory_commands, process_commands, thread_commands, userfaultfd_commands,
};

static const struct command *find_command(const char *name)
{
	const struct command *c;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (c = tables[i]; c->name; c++) {
			if (!strcmp(c->name, name))
				return c;
		}
	}
	return NULL;
}

static bool run(int argc, char **argv)
{
	const struct command *c = find_command(argv[0]);

	errno = c ? EINVAL : ENOSYS;
	return c && argc > c->min_args && c->run(argc, argv);
}

void serve(void)
{
	char line[256], *argv[MAX_ARGS + 1], *rest, *word;
	size_t n;
	int argc;

	for (;;) {
		/* Unbuffered, so that a forked child inherits none of the input. */
		for (n = 0; n < sizeof(line) - 1; n++) {
			if (read(0, line + n, 1) != 1)
				return;
			if (line[n] == '\n')
				break;
		}
		line[n] = '\0';
		argc = 0;
		for (rest = line; argc < MAX_ARGS && (word = strtok_r(NULL, " ", &rest));)
			argv[argc++] = word;
		argv[argc] = NULL;
		if (argc && !run(argc, argv))
			printf("FAIL %s: %s\n", argv[0], strerror(errno));
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	ok();
	serve();
	return 0;
}
