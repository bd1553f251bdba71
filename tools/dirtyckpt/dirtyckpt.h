/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of dirtyckpt share.
 *
 * Functions that return enum status have said on standard error what is wrong,
 * and what to do about it, if it is not STATUS_OK.
 */
#ifndef DIRTYCKPT_H
#define DIRTYCKPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli.h"

#define PAGE_BYTES	4096ul

/* Up to STATUS_OTHER they mean what dirtycat's mean. */
enum status {
	STATUS_OK,
	STATUS_USAGE,
	STATUS_NO_PROCESS,
	STATUS_NOT_PERMITTED,
	STATUS_UNSUPPORTED,
	STATUS_VANISHED,
	STATUS_OTHER,
	STATUS_DIFFERS,
	STATUS_DAMAGED,
	STATUS_REFUSED,
	STATUS_NEWER,
};

enum format {
	FORMAT_TABLE,
	FORMAT_JSON,
	FORMAT_RAW,
};

/**
 * struct control - what was asked for
 * @pid: a process
 * @dir: the folder with its generations
 * @number: of a generation, 0 is the last one
 * @file: what to write to
 * @stop: stop the process for the last pass
 * @rounds: how many passes before the last one
 * @until: no more of them if so many pages or fewer were written since
 * @has_until: @until is set
 * @level: of compression, 0 is none
 * @keep: how many generations are left
 * @format: of the table
 * @bytes: sizes as numbers of bytes
 * @noheadings: no headings
 * @check: read all that is there
 * @each_line: do it again for each line of standard input
 * @quiet: do not say what was done
 */
struct control {
	pid_t pid;
	char *dir;
	unsigned long number;
	const char *file;
	bool stop;
	unsigned long rounds;
	uint64_t until;
	bool has_until;
	int level;
	unsigned long keep;
	enum format format;
	bool bytes;
	bool noheadings;
	bool check;
	bool each_line;
	bool quiet;
};

/* save.c, verify.c, restore.c, core.c, list.c, prune.c, untrack.c */
enum status save(const struct control *ctl);
enum status verify(const struct control *ctl);
enum status restore(const struct control *ctl);
enum status core(const struct control *ctl);
enum status list(const struct control *ctl);
enum status prune(const struct control *ctl);
enum status untrack(const struct control *ctl);

void columns_help(void);

/* options.c */
typedef enum status (*command_fn)(const struct control *ctl);

command_fn parse_command_line(struct control *ctl, int argc, char **argv);

/* common.c */
enum status complain(enum status status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
enum status end_output(enum status status);
void *grow(void *array, size_t count, size_t size);
uint64_t nanoseconds(void);

#endif /* DIRTYCKPT_H */
