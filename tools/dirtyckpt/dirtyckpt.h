/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Declarations for all parts of dirtyckpt.
 *
 * Functions that return enum status print an error, with a remedy, unless they
 * return STATUS_OK.
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
 * struct control - the command line
 * @pid: PID of the process
 * @dir: path of the image
 * @number: number of a generation, 0 for the last one
 * @file: path of the output file or folder
 * @stop: stop the process for the last pass
 * @full: build on no earlier generation
 * @for_criu: begin the tracking in a way that CRIU can use
 * @rounds: number of passes before the last one
 * @until: end these passes if at most that many pages were written since
 * @has_until: @until is set
 * @level: compression level, 0 for none
 * @keep: number of generations to keep
 * @format: output format of the table
 * @bytes: print sizes in bytes
 * @noheadings: print no headings
 * @check: read and check all contents
 * @each_line: repeat for each line of standard input
 * @criu: export for CRIU
 * @quiet: print no report
 */
struct control {
	pid_t pid;
	char *dir;
	unsigned long number;
	const char *file;
	bool stop;
	bool full;
	bool for_criu;
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
	bool criu;
	bool quiet;
};

/* save.c, verify.c, restore.c, core.c, export.c, list.c, prune.c, untrack.c */
enum status cmd_save(const struct control *ctl);
enum status cmd_verify(const struct control *ctl);
enum status cmd_restore(const struct control *ctl);
enum status cmd_core(const struct control *ctl);
enum status cmd_export(const struct control *ctl);
enum status cmd_list(const struct control *ctl);
enum status cmd_prune(const struct control *ctl);
enum status cmd_untrack(const struct control *ctl);

void columns_help(void);

/* options.c */
typedef enum status (*command_fn)(const struct control *ctl);

command_fn parse_command_line(struct control *ctl, int argc, char **argv);

#endif /* DIRTYCKPT_H */
