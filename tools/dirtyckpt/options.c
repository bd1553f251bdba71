// SPDX-License-Identifier: GPL-2.0
/* The command line of dirtyckpt. */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/options.h"

enum {
	OPTION_STOP = FIRST_LONG_OPTION,
	OPTION_FULL,
	OPTION_ROUNDS,
	OPTION_UNTIL,
	OPTION_ZSTD,
	OPTION_CHECK,
	OPTION_KEEP,
	OPTION_EACH_LINE,
	OPTION_FOR_CRIU,
	OPTION_CRIU,
};

/* Sets of commands */
enum {
	SAVE	= 1,
	VERIFY	= 2,
	LIST	= 4,
	RESTORE	= 8,
	CORE	= 16,
	PRUNE	= 32,
	UNTRACK	= 64,
	EXPORT	= 128,
};

static const struct command {
	const char *name;
	int set;
	command_fn function;
	const char *operands;
	const char *help;
} commands[] = {
	{ "save", SAVE, cmd_save, "PID DIR", "save pages written since the last save" },
	{ "verify", VERIFY, cmd_verify, "PID DIR[@N]",
	  "compare a stopped process with a generation" },
	{ "list", LIST, cmd_list, "DIR", "list generations" },
	{ "restore", RESTORE, cmd_restore, "PID DIR[@N]",
	  "reset the living process to a generation" },
	{ "core", CORE, cmd_core, "DIR[@N] FILE", "write an ELF core file for gdb" },
	{ "export", EXPORT, cmd_export, "DIR[@N] OUT", "write a parent image for criu dump" },
	{ "prune", PRUNE, cmd_prune, "DIR", "remove all but the last generations" },
	{ "untrack", UNTRACK, cmd_untrack, "DIR", "end the tracking, keep the image" },
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static const struct option_row options[] = {
	{ "stop", OPTION_STOP, NULL,
	  .help = "stop the process for the last pass",
	  .commands = SAVE },
	{ "full", OPTION_FULL, NULL,
	  .help = "store all modified pages, build on no generation",
	  .commands = SAVE },
	{ "for-criu", OPTION_FOR_CRIU, NULL,
	  .help = "track so that CRIU can use it; see export",
	  .commands = SAVE },
	{ "rounds", OPTION_ROUNDS, "N", .help = "make N passes before the last one",
	  .commands = SAVE },
	{ "until-pages", OPTION_UNTIL, "N",
	  .help = "make passes until N pages or fewer are left", .commands = SAVE },
	{ "zstd", OPTION_ZSTD, "[=LEVEL]", .help = "compress contents",
	  .commands = SAVE | PRUNE },
	{ "keep", OPTION_KEEP, "N",
	  .help = "number of generations to keep, 1 by default", .commands = PRUNE },
	{ "criu", OPTION_CRIU, NULL,
	  .help = "write for CRIU, the only format", .commands = EXPORT },
	{ "check", OPTION_CHECK, NULL,
	  .help = "read and check all contents",
	  .commands = LIST },
	{ "each-line", OPTION_EACH_LINE, NULL,
	  .help = "restore again for each line of standard input",
	  .commands = RESTORE },
	{ "bytes", 'b', NULL, .help = "print sizes in bytes", .commands = LIST },
	{ "json", 'J', NULL, .help = "use JSON output format", .commands = LIST },
	{ "noheadings", 'n', NULL, .help = "print no headings", .commands = LIST },
	{ "raw", 'r', NULL, .help = "use raw output format, not aligned", .commands = LIST },
	{ "quiet", 'q', NULL, .help = "print no report",
	  .commands = RESTORE | EXPORT | PRUNE | UNTRACK },
	{ "help", 'h', NULL, .help = "display this help", .commands = ~0 },
	{ "version", 'V', NULL, .help = "display the version", .commands = ~0 },
	{ 0 }
};

/* Name the commands that take an option, unless all do. */
static void print_takers(const struct option_row *option)
{
	const char *separator = " (";

	if (option->commands == ~0u)
		return;
	for (int i = 0; i < COMMANDS; i++) {
		if (!(option->commands & commands[i].set))
			continue;
		printf("%s%s", separator, commands[i].name);
		separator = ", ";
	}
	putchar(')');
}

static void print_help(void)
{
	puts("Usage: dirtyckpt COMMAND [OPTION]... OPERAND...\n"
	     "Incremental memory checkpoints of a running process.\n"
	     "\n"
	     "Commands:");
	for (int i = 0; i < COMMANDS; i++)
		printf(" %-8s %-12s %s\n", commands[i].name,
		       commands[i].operands, commands[i].help);
	puts("\n"
	     "DIR is the image of a process, DIR@N its generation N, DIR alone the last one.\n"
	     "On a kernel that does not track writes, save requires --stop or --full, and\n"
	     "save --stop reads all modified pages and compares them with the last generation.\n"
	     "\n"
	     "Options:");
	for (const struct option_row *o = options; o->name; o++) {
		print_option(o, 0, 19);
		print_takers(o);
		putchar('\n');
	}
	puts("\nColumns of the list:");
	columns_help();
	puts("\n"
	     "Exit status: 0 success, 1 usage error, 2 no such process, 3 not permitted,\n"
	     "4 not supported by the kernel, 5 process vanished, 6 other error, 7 process\n"
	     "differs, 8 damaged generation, 9 refused, 10 generation of a newer format.\n"
	     "\n"
	     "See dirtyckpt(1) and proc_pid_dirty_pages(5).");
}

/* Split DIR@N. A trailing slash marks a folder with a name that ends in @N. */
static void parse_generation(struct control *ctl)
{
	char *at = strrchr(ctl->dir, '@');

	if (!at || at == ctl->dir || !at[1] ||
	    at[1 + strspn(at + 1, "0123456789")])
		return;
	ctl->number = parse_number(at + 1, 1, ULONG_MAX, "generation");
	*at = '\0';
}

/* Remove trailing slashes, as the kernel would follow a link named "DIR/". */
static void parse_dir(struct control *ctl, char *text, bool generation)
{
	size_t len = strlen(text);

	if (!len)
		usage_error("the name of the folder is empty");
	ctl->dir = text;
	if (generation)
		parse_generation(ctl);
	for (len = strlen(text); len > 1 && text[len - 1] == '/'; len--)
		text[len - 1] = '\0';
}

static void parse_out(struct control *ctl, char *text)
{
	size_t len = strlen(text);

	if (!len)
		usage_error("the name of the folder is empty");
	while (len > 1 && text[len - 1] == '/')
		text[--len] = '\0';
	ctl->file = text;
	if (!ctl->criu)
		usage_error("export requires --criu, the only format");
}

static void set_format(struct control *ctl, enum format format)
{
	if (ctl->format && ctl->format != format)
		usage_error("--json and --raw are mutually exclusive");
	ctl->format = format;
}

static void parse_option(struct control *ctl, int c)
{
	switch (c) {
	case OPTION_STOP:
		ctl->stop = true;
		break;
	case OPTION_FULL:
		ctl->full = true;
		break;
	case OPTION_FOR_CRIU:
		ctl->for_criu = true;
		break;
	case OPTION_ROUNDS:
		ctl->rounds = parse_number(optarg, 0, 10000, "number of rounds");
		break;
	case OPTION_UNTIL:
		ctl->until = parse_number(optarg, 0, UINT64_MAX, "number of pages");
		ctl->has_until = true;
		break;
	case OPTION_ZSTD:
		ctl->level = optarg ? parse_number(optarg, 1, 19, "compression level") : 3;
		break;
	case OPTION_CRIU:
		ctl->criu = true;
		break;
	case OPTION_CHECK:
		ctl->check = true;
		break;
	case OPTION_KEEP:
		ctl->keep = parse_number(optarg, 1, ULONG_MAX, "number of generations");
		break;
	case OPTION_EACH_LINE:
		ctl->each_line = true;
		break;
	case 'b':
		ctl->bytes = true;
		break;
	case 'J':
		set_format(ctl, FORMAT_JSON);
		break;
	case 'n':
		ctl->noheadings = true;
		break;
	case 'r':
		set_format(ctl, FORMAT_RAW);
		break;
	case 'q':
		ctl->quiet = true;
		break;
	case 'h':
		print_help();
		exit(end_output(STATUS_OK));
	case 'V':
		print_version();
		exit(end_output(STATUS_OK));
	}
}

static const struct command *find_command(const char *name)
{
	for (int i = 0; i < COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	usage_error("%s: unknown command", name);
}

static void parse_operands(struct control *ctl, const struct command *command,
			   int argc, char **argv)
{
	int wanted = command->set & (LIST | PRUNE | UNTRACK) ? 1 : 2;

	if (argc != wanted)
		usage_error("%s takes %s", command->name, command->operands);
	if (command->set & (SAVE | VERIFY | RESTORE)) {
		ctl->pid = parse_pid(*argv, strlen(*argv));
		argv++;
	}
	parse_dir(ctl, *argv++, command->set & (VERIFY | RESTORE | CORE | EXPORT));
	if (command->set & CORE)
		ctl->file = *argv;
	if (command->set & EXPORT)
		parse_out(ctl, *argv);
}

/**
 * parse_command_line() - parse the command line
 * @ctl: filled in
 * @argc: argument count of main()
 * @argv: argument vector of main()
 *
 * Exits on usage errors, and after --help and --version.
 *
 * Return: the function of the command.
 */
command_fn parse_command_line(struct control *ctl, int argc, char **argv)
{
	const struct command *command = NULL;
	const struct option_row *option;
	char name[80];

	/* The command comes first; only --help and --version are valid without one. */
	if (argc > 1 && *argv[1] != '-') {
		command = find_command(argv[1]);
		argv[1] = argv[0];
		argc--;
		argv++;
	}
	*ctl = (struct control){ .keep = 1 };
	while ((option = next_option(options, argc, argv))) {
		option_name(option, name, sizeof(name));
		if (command && !(option->commands & command->set))
			usage_error("%s takes no %s", command->name, name);
		parse_option(ctl, option->value);
	}
	if (!command)
		usage_error("no command specified");
	parse_operands(ctl, command, argc - optind, argv + optind);
	return command->function;
}
