// SPDX-License-Identifier: GPL-2.0
/*
 * dirtyckpt - incremental memory checkpoints of a running process
 *
 * options.c parses the command line. Each command has a file of its name. There
 * are two folders below the commands:
 *
 *   image/    files on disk: a folder (image.c) with a record (record.c) and
 *             generations (generation.c), each with a head (head.c) and other
 *             files (parts.c, draft.c). pages.c writes contents of pages,
 *             source.c and contents.c find and read them.
 *   process/  the process: its address space (target.c, identity.c, layout.c,
 *             mapping.c), its threads (seize.c, threads.c, registers.c), and
 *             system calls that it makes for us (inject.c). Everything that
 *             depends on the architecture is in arch-*.c.
 *
 * Files in process/ use nothing from image/. The commands combine both, with
 * tracking.c, compare.c, and spans.c for sets of addresses. The libraries are
 * tools/lib/dirtypages for listings and mappings, and tools/lib/common.
 */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <locale.h>

#include "common/process.h"

int main(int argc, char **argv)
{
	struct control ctl;
	command_fn command;
	enum status status;

	/* Two files of each generation that has wanted pages are open at a time. */
	process_raise_file_limit();
	/*
	 * Escape text of users by their locale; numbers are the same
	 * everywhere.
	 */
	setlocale(LC_CTYPE, "");
	command = parse_command_line(&ctl, argc, argv);
	status = command(&ctl);
	return end_output(status);
}
