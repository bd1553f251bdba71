// SPDX-License-Identifier: GPL-2.0
/* The command line, and what of it makes no sense. */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION	"1.0"

enum {
	OPTION_STOP = 256,
	OPTION_ROUNDS,
	OPTION_UNTIL,
	OPTION_ZSTD,
	OPTION_CHECK,
	OPTION_KEEP,
	OPTION_EACH_LINE,
};

/* Commands, as sets */
enum {
	SAVE	= 1,
	VERIFY	= 2,
	LIST	= 4,
	RESTORE	= 8,
	CORE	= 16,
	PRUNE	= 32,
	UNTRACK	= 64,
};

static const struct command {
	const char *name;
	int set;
	command_fn function;
	const char *operands;
	const char *help;
} commands[] = {
	{ "save", SAVE, save, "PID DIR", "save what was written since the last time" },
	{ "verify", VERIFY, verify, "PID DIR[@N]", "is it, stopped, as it was saved?" },
	{ "list", LIST, list, "DIR", "which generations are there?" },
	{ "restore", RESTORE, restore, "PID DIR[@N]", "the living process becomes what it was" },
	{ "core", CORE, core, "DIR[@N] FILE", "write an ELF core, for gdb" },
	{ "prune", PRUNE, prune, "DIR", "remove all but the last generations" },
	{ "untrack", UNTRACK, untrack, "DIR", "keep the image; others may track the process" },
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

/* Options, who takes them, and what they do */
static const struct {
	struct option option;
	int set;
	const char *text;
	const char *help;
} options[] = {
	{ { "stop", no_argument, NULL, OPTION_STOP }, SAVE,
	  "--stop", "stop it for the last pass: one moment, with registers" },
	{ { "rounds", required_argument, NULL, OPTION_ROUNDS }, SAVE,
	  "--rounds N", "N passes before the last one" },
	{ { "until-pages", required_argument, NULL, OPTION_UNTIL }, SAVE,
	  "--until-pages N", "passes until no more than N pages are left" },
	{ { "zstd", optional_argument, NULL, OPTION_ZSTD }, SAVE | PRUNE,
	  "--zstd[=LEVEL]", "compress contents" },
	{ { "keep", required_argument, NULL, OPTION_KEEP }, PRUNE,
	  "--keep N", "how many generations stay; 1 if it is not said" },
	{ { "check", no_argument, NULL, OPTION_CHECK }, LIST,
	  "--check", "read all contents, to see whether they are damaged" },
	{ { "each-line", no_argument, NULL, OPTION_EACH_LINE }, RESTORE,
	  "--each-line", "restore again for each line of standard input" },
	{ { "bytes", no_argument, NULL, 'b' }, LIST,
	  "-b, --bytes", "sizes in bytes" },
	{ { "json", no_argument, NULL, 'J' }, LIST,
	  "-J, --json", "JSON" },
	{ { "noheadings", no_argument, NULL, 'n' }, LIST,
	  "-n, --noheadings", "no headings" },
	{ { "raw", no_argument, NULL, 'r' }, LIST,
	  "-r, --raw", "no alignment" },
	{ { "quiet", no_argument, NULL, 'q' }, RESTORE | PRUNE | UNTRACK,
	  "-q, --quiet", "do not say what was done" },
	{ { "help", no_argument, NULL, 'h' }, ~0,
	  "-h, --help", "this text" },
	{ { "version", no_argument, NULL, 'V' }, ~0,
	  "-V, --version", "the version" },
};

enum { OPTIONS = sizeof(options) / sizeof(*options) };

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
	     "DIR has the generations of one process; DIR@N is one of them, DIR the last.\n"
	     "\n"
	     "Options:");
	for (int i = 0; i < OPTIONS; i++) {
		bool first = true;

		printf(" %-17s %s", options[i].text, options[i].help);
		for (int j = 0; j < COMMANDS && options[i].set != ~0; j++) {
			if (!(options[i].set & commands[j].set))
				continue;
			printf("%s%s", first ? " (" : ", ", commands[j].name);
			first = false;
		}
		puts(first ? "" : ")");
	}
	puts("\nColumns of the list:");
	columns_help();
	puts("\n"
	     "Exit status: 0, or 1 usage, 2 no such process, 3 not permitted, 4 the kernel\n"
	     "cannot, 5 vanished meanwhile, 6 anything else, 7 it differs, 8 a generation is\n"
	     "damaged, 9 refused, 10 a generation is of a newer format.\n"
	     "\n"
	     "See dirtyckpt(1) and proc_pid_dirty_pages(5).");
}

__attribute__((format(printf, 1, 2), noreturn))
static void usage_error(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) == -1)
		text = NULL;
	va_end(args);
	cli_die(STATUS_USAGE, "%s; see 'dirtyckpt --help'",
		text ? text : "not enough memory");
}

static pid_t parse_pid(const char *text)
{
	size_t len = strlen(text);

	if (!len || len > 10 || strspn(text, "0123456789") < len ||
	    atoll(text) > INT32_MAX || !atoll(text))
		usage_error("%s: not a process number", text);
	return atoi(text);
}

static uint64_t parse_number(const char *text, uint64_t least, uint64_t most,
			     const char *what)
{
	uint64_t number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno ||
	    number < least || number > most)
		usage_error("%s: not a number of %s", text, what);
	return number;
}

/* A folder that is called so itself can be named with a slash at its end. */
static void parse_generation(struct control *ctl)
{
	char *at = strrchr(ctl->dir, '@');

	if (!at || at == ctl->dir || !at[1] ||
	    at[1 + strspn(at + 1, "0123456789")])
		return;
	ctl->number = parse_number(at + 1, 1, ULONG_MAX, "a generation");
	*at = '\0';
}

/* Links are not followed, but "DIR/" would be. */
static void parse_dir(struct control *ctl, char *text, bool generation)
{
	size_t len = strlen(text);

	if (!len)
		usage_error("a folder has to have a name");
	ctl->dir = text;
	if (generation)
		parse_generation(ctl);
	for (len = strlen(text); len > 1 && text[len - 1] == '/'; len--)
		text[len - 1] = '\0';
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
	case OPTION_ROUNDS:
		ctl->rounds = parse_number(optarg, 0, 10000, "rounds");
		break;
	case OPTION_UNTIL:
		ctl->until = parse_number(optarg, 0, UINT64_MAX, "pages");
		ctl->has_until = true;
		break;
	case OPTION_ZSTD:
		ctl->level = optarg ? parse_number(optarg, 1, 19, "level") : 3;
		break;
	case OPTION_CHECK:
		ctl->check = true;
		break;
	case OPTION_KEEP:
		ctl->keep = parse_number(optarg, 1, ULONG_MAX, "generations");
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
		puts("dirtyckpt " VERSION);
		exit(end_output(STATUS_OK));
	}
}

static const struct command *find_command(const char *name)
{
	for (int i = 0; i < COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	usage_error("%s: no such command", name);
}

static void parse_operands(struct control *ctl, const struct command *command,
			   int argc, char **argv)
{
	int wanted = command->set & (LIST | PRUNE | UNTRACK) ? 1 : 2;

	if (argc != wanted)
		usage_error("%s takes %s", command->name, command->operands);
	if (command->set & (SAVE | VERIFY | RESTORE))
		ctl->pid = parse_pid(*argv++);
	parse_dir(ctl, *argv++, command->set & (VERIFY | RESTORE | CORE));
	if (command->set & CORE)
		ctl->file = *argv;
}

/**
 * parse_command_line() - what is the program to do?
 * @ctl: filled in
 * @argc: as main() has it
 * @argv: likewise
 *
 * Ends the program if that makes no sense, or if help is all that is wanted.
 *
 * Return: what does it.
 */
command_fn parse_command_line(struct control *ctl, int argc, char **argv)
{
	const struct command *command = NULL;
	struct option known[OPTIONS + 1] = { 0 };
	int c, index = 0;

	for (int i = 0; i < OPTIONS; i++)
		known[i] = options[i].option;
	/* The command comes first; what stands before it is about no command. */
	if (argc > 1 && *argv[1] != '-') {
		command = find_command(argv[1]);
		argv[1] = argv[0];
		argc--;
		argv++;
	}
	*ctl = (struct control){ .keep = 1 };
	while ((c = getopt_long(argc, argv, ":bJnrqhV", known, NULL)) != -1) {
		if (c == '?' || c == ':') {
			cli_bad_option(c, argv);
			cli_die(STATUS_USAGE, "see 'dirtyckpt --help'");
		}
		while (options[index].option.val != c)
			index = (index + 1) % OPTIONS;
		if (command && !(options[index].set & command->set))
			usage_error("%s takes no %s", command->name,
				    options[index].text);
		parse_option(ctl, c);
	}
	if (!command)
		usage_error("a command comes first");
	parse_operands(ctl, command, argc - optind, argv + optind);
	return command->function;
}
