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

#include "common/clock.h"
#include "common/memory.h"
#include "common/message.h"

#define PAGE_BYTES	4096ul

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
enum status cmd_save(const struct control *ctl);
enum status cmd_verify(const struct control *ctl);
enum status cmd_restore(const struct control *ctl);
enum status cmd_core(const struct control *ctl);
enum status cmd_list(const struct control *ctl);
enum status cmd_prune(const struct control *ctl);
enum status cmd_untrack(const struct control *ctl);

void columns_help(void);

/* options.c */
typedef enum status (*command_fn)(const struct control *ctl);

command_fn parse_command_line(struct control *ctl, int argc, char **argv);

#endif /* DIRTYCKPT_H */
