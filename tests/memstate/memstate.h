/* SPDX-License-Identifier: GPL-2.0 */
/*
 * memstate.c reads commands and runs them. Each other file has a table of
 * commands, which act on the list of mappings in memstate.c.
 */
#ifndef MEMSTATE_H
#define MEMSTATE_H

#include <stdbool.h>
#include <stddef.h>

#define PAGE ((size_t)4096)

struct mapping {
	char *start;
	size_t pages;
};

/**
 * struct command - a command and its function
 * @name: the first word of the line
 * @min_args: the number of words that must follow
 * @run: answers with READY and returns true, or returns false and sets errno
 */
struct command {
	const char *name;
	int min_args;
	bool (*run)(int argc, char **argv);
};

/* Each table ends with an empty entry. */
extern const struct command io_uring_commands[];
extern const struct command memory_commands[];
extern const struct command process_commands[];
extern const struct command thread_commands[];
extern const struct command userfaultfd_commands[];

/* Answer READY and this text. Returns true. */
bool ready(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Answer READY. Returns true. */
bool ok(void);

/* Answer READY unless @ret, the result of a system call, is -1. */
bool done(int ret);

/* The current mapping: the last one added, or the one chosen with "use" */
struct mapping *this(void);

/*
 * The address of page FIRST of the current mapping, and the length of COUNT
 * pages. FIRST and COUNT are the arguments from number @at on; by default they
 * cover the whole mapping.
 */
char *range(int argc, char **argv, int at, size_t *bytes);

/* Add a mapping, unless @start is MAP_FAILED, and answer with its addresses. */
bool add_mapping(void *start, size_t pages);

/* Make mapping @n the current one, and answer with its addresses. */
bool use_mapping(size_t n);

/* Run commands from standard input until its end. */
void serve(void);

#endif
