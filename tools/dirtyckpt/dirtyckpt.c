// SPDX-License-Identifier: GPL-2.0
/*
 * dirtyckpt - incremental memory checkpoints of a running process
 *
 * The command line says what to do (options.c): save (save.c), verify
 * (verify.c), restore (restore.c), core (core.c, notes.c), list (list.c), prune
 * (prune.c) or untrack (untrack.c). They stand on
 *
 *   image.c, generation.c    the folder, and the generations in it
 *   pages.c, contents.c      what is in pages: writing it, finding it
 *   compare.c, layout.c      contents and mappings, then and now
 *   target.c, tracking.c     the process, and who tracks it
 *   seize.c, registers.c,    stopping it, its registers, and calls that it
 *   inject.c                 makes for us
 *   spans.c                  sets of addresses
 *
 * and on tools/lib/dirtypages, which knows listings and mappings, and
 * tools/lib/common.
 */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <locale.h>

int main(int argc, char **argv)
{
	struct control ctl;
	command_fn command;
	enum status status;

	/* For text of users; numbers are the same everywhere. */
	setlocale(LC_CTYPE, "");
	command = parse_command_line(&ctl, argc, argv);
	status = command(&ctl);
	return end_output(status);
}
