// SPDX-License-Identifier: GPL-2.0
/* The command line: what is asked for, and what cannot be combined. */
#define _GNU_SOURCE
#include "dirtycat.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/options.h"

enum {
	OPTION_BACKEND = FIRST_LONG_OPTION,
	OPTION_BY_MAPPING,
	OPTION_CLEAR,
	OPTION_DIFF,
	OPTION_INPUT,
	OPTION_MAP,
	OPTION_OPENMETRICS,
	OPTION_OUTPUT_ALL,
	OPTION_OUTPUT_FILE,
	OPTION_RATE,
	OPTION_SUMMARY,
	OPTION_TEXT,
};

static const struct option_row options[] = {
	{ "pid", 'p', "PID[,PID]...", .help = "as a PID after the options",
	  .heading = "Which processes, and which of their pages:" },
	{ "command", 'C', "NAME", .help = "all that are called NAME, or run it" },
	{ "range", 'A', "LOW[,HIGH]",
	  .help = "from address LOW to HIGH (hexadecimal, exclusive), or\n"
		  "the page at LOW; as in a line, LOW-HIGH will do.\n"
		  "Nothing else of the process is looked at" },
	{ "flags", 'f', "[+|-]LETTERS",
	  .help = "with all LETTERS after +, without any after -" },
	{ "input", OPTION_INPUT, "FILE",
	  .help = "a listing that was kept; - is standard input" },
	{ "backend", OPTION_BACKEND, "WHERE",
	  .help = "dirty_pages, pagemap-scan, pagemap, or auto" },

	{ "by-mapping", OPTION_BY_MAPPING, NULL,
	  .help = "sums, a row for each mapping", .heading = "What to show:" },
	{ "summary", OPTION_SUMMARY, "[=WHEN]",
	  .help = "sums, a row for each process: never, always, only" },
	{ "diff", OPTION_DIFF, "FILE",
	  .help = "where the listing differs from the one in FILE" },
	{ "map", OPTION_MAP, NULL, .help = "a picture of the address space" },
	{ "text", OPTION_TEXT, NULL, .help = "the lines of the listing, to be kept" },
	{ "openmetrics", OPTION_OPENMETRICS, NULL, .help = "gauges for Prometheus" },

	{ "bytes", 'b', NULL, .help = "sizes in bytes", .heading = "How:" },
	{ "json", 'J', NULL, .help = "JSON" },
	{ "noheadings", 'n', NULL, .help = "no headings" },
	{ "output", 'o', "[+]COLUMNS", .help = "these columns; with +, as well" },
	{ "output-all", OPTION_OUTPUT_ALL, NULL, .help = "all columns" },
	{ "pairs", 'P', NULL, .help = "NAME=\"value\" pairs" },
	{ "raw", 'r', NULL, .help = "no alignment" },
	{ "output-file", OPTION_OUTPUT_FILE, "FILE",
	  .help = "replace FILE, at once as a whole" },

	{ "delay", 'd', "SECONDS",
	  .help = "wait that long between samples, and not less\n"
		  "than four times what reading took", .heading = "Again and again:" },
	{ "count", 'c', "NUMBER", .help = "stop after so many samples" },
	{ "clear", OPTION_CLEAR, NULL,
	  .help = "acknowledge what was shown: d goes, until the\n"
		  "page is written again. Nobody else who looks for\n"
		  "d, as CRIU does, sees those writes any more; one\n"
		  "who uses clear_refs is not noticed" },
	{ "rate", OPTION_RATE, NULL,
	  .help = "what each mapping writes a second; takes --clear" },

	{ "help", 'h', NULL, .help = "this text", .heading = "" },
	{ "version", 'V', NULL, .help = "the version" },
	{ 0 }
};

static void print_help(void)
{
	puts("Usage: dirtycat [OPTION]... PID...\n"
	     "       dirtycat [OPTION]... --input FILE\n"
	     "Show the modified private pages of processes.");
	for (const struct option_row *o = options; o->name; o++) {
		if (o->heading)
			printf(*o->heading ? "\n%s\n" : "\n", o->heading);
		print_option(o, 4, 27);
		putchar('\n');
	}
	puts("\n"
	     "Columns, and the tables that have them: runs of pages (r), --by-mapping (m),\n"
	     "--summary (s), --diff (c):");
	columns_help(stdout);
	puts("\n"
	     "Flags:\n"
	     " a  anonymous mapping           f  private file mapping\n"
	     " p  in memory                   s  in swap\n"
	     " e  lost to a memory error      d  may have been written since acknowledged\n"
	     " x  no other process has it     h  mapped by a huge page\n"
	     " k  merged by KSM               l  lazily freed\n"
	     " ?  this back end does not tell\n"
	     "\n"
	     "Exit status: 0, or of the first process that failed: 1 usage, 2 no such\n"
	     "process, 3 not permitted, 4 the kernel cannot, 5 vanished while it was read,\n"
	     "6 anything else.\n"
	     "\n"
	     "See dirtycat(1) and proc_pid_dirty_pages(5).");
}

/**
 * add_target() - one more process to be shown
 * @run: what the program is about to do
 *
 * Return: the process, to be filled in. Earlier ones may have moved.
 */
struct target *add_target(struct run *run)
{
	struct target *target;

	run->targets = grow(run->targets, run->count + 1, sizeof(*target));
	target = &run->targets[run->count++];
	*target = (struct target){ .lock = -1, .reader.fd = -1 };
	target->process.fd = -1;
	return target;
}

/* A process that is named twice is shown once, as by ps. */
static void add_pid(struct run *run, const char *text, size_t len)
{
	struct target *target;
	pid_t pid = parse_pid(text, len);

	for (size_t i = 0; i < run->count; i++)
		if (run->targets[i].process.pid == pid)
			return;
	target = add_target(run);
	target->process.pid = pid;
	snprintf(target->name, sizeof(target->name), "%d", pid);
}

static void add_pids(struct run *run, const char *list)
{
	for (;; list++) {
		size_t len = strcspn(list, ",");

		add_pid(run, list, len);
		list += len;
		if (!*list)
			break;
	}
}

static void add_name(struct run *run, char *name)
{
	run->names = grow(run->names, run->names_count + 1, sizeof(name));
	run->names[run->names_count++] = name;
}

static uint64_t parse_address(const char *text, size_t len)
{
	char *end;
	uint64_t addr;

	errno = 0;
	addr = strtoull(text, &end, 16);
	if (errno == ERANGE)
		usage_error("%.*s: beyond all addresses; they have at most 16 digits",
			    (int)len, text);
	if (end != text + len || !isxdigit((unsigned char)*text))
		usage_error("%.*s: not an address in hexadecimal, as 7f31c0000000",
			    (int)len, text);
	return addr;
}

/* A single address means the page there, as pmap's -A means the mapping. */
static void parse_range(struct control *ctl, const char *text)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);
	size_t len = strcspn(text, ",-");
	const char *high = text[len] ? text + len + 1 : NULL;

	if (!*text)
		usage_error("the range is empty; give it as LOW,HIGH in hexadecimal");
	ctl->low = 0;
	ctl->high = UINT64_MAX;
	if (len)
		ctl->low = parse_address(text, len);
	if (!high)
		ctl->high = ctl->low | (page - 1);
	else if (*high)
		ctl->high = parse_address(high, strlen(high));
	if (high && ctl->low >= ctl->high)
		usage_error("%s: the range ends before it begins; LOW must be below HIGH",
			    text);
	ctl->low &= -page;
	if (ctl->high <= -page)
		ctl->high = (ctl->high + page - 1) & -page;
}

static void parse_flags(struct control *ctl, const char *text)
{
	uint32_t *letters = &ctl->want;
	const char *p;

	for (p = text; *p; p++) {
		if (*p == '+')
			letters = &ctl->want;
		else if (*p == '-')
			letters = &ctl->deny;
		else if (*p >= 'a' && *p <= 'z')
			*letters |= DIRTY_FLAG(*p);
		else
			usage_error("%s: flags are letters a to z, after + or -",
				    text);
	}
	if (ctl->want & ctl->deny || p == text)
		usage_error("%s: contradictory flag selection", text);
}

static void parse_backend(struct control *ctl, const char *name)
{
	for (int i = 0; i < DIRTY_BACKENDS; i++) {
		if (!strcmp(name, dirty_backend_names[i])) {
			ctl->backend = i;
			return;
		}
	}
	usage_error("%s: not a back end, which is dirty_pages, pagemap-scan, pagemap or auto",
		    name);
}

static double parse_delay(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0 && seconds <= 1e9))
		usage_error("%s: not a number of seconds", text);
	return seconds;
}

static void parse_columns(struct control *ctl, const char *list)
{
	int count = 0;

	if (*list == '+') {
		list++;
		while (ctl->columns[count] != -1)
			count++;
	}
	for (;; list++) {
		size_t len = strcspn(list, ",");
		int column = column_by_name(list, len);

		if (column == -1)
			usage_error("%.*s: no such column", (int)len, list);
		if (!column_fits(column, ctl->view))
			usage_error("%.*s: not a column of this table",
				    (int)len, list);
		if (count == MAX_COLUMNS)
			usage_error("too many columns");
		ctl->columns[count++] = column;
		list += len;
		if (!*list)
			break;
	}
	ctl->columns[count] = -1;
}

/**
 * struct wishes - options that depend on each other
 * @view: the option that sets the view
 * @format: the option that sets the format
 * @columns: what to put out
 * @all: all columns
 * @rate: with the rate
 * @summary: when
 */
struct wishes {
	const char *view;
	const char *format;
	const char *columns;
	bool all;
	bool rate;
	const char *summary;
};

/* At most one option of a kind */
static void choose(const char **chosen, const char *option)
{
	if (*chosen && strcmp(*chosen, option))
		usage_error("%s and %s are mutually exclusive", *chosen, option);
	*chosen = option;
}

static void set_view(struct run *run, struct wishes *wishes, enum view view,
		     const char *option)
{
	choose(&wishes->view, option);
	run->ctl.view = view;
}

static void set_format(struct run *run, struct wishes *wishes,
		       enum format format, const char *option)
{
	choose(&wishes->format, option);
	run->ctl.format = format;
}

static void parse_option(struct run *run, struct wishes *wishes, int c)
{
	struct control *ctl = &run->ctl;

	switch (c) {
	case 'A':
		parse_range(ctl, optarg);
		break;
	case 'b':
		ctl->bytes = true;
		break;
	case 'c':
		ctl->count = parse_number(optarg, 1, ULONG_MAX, "samples");
		break;
	case 'C':
		add_name(run, optarg);
		break;
	case 'd':
		ctl->delay = parse_delay(optarg);
		break;
	case 'f':
		parse_flags(ctl, optarg);
		break;
	case 'J':
		set_format(run, wishes, FORMAT_JSON, "--json");
		break;
	case 'n':
		ctl->noheadings = true;
		break;
	case 'o':
		wishes->columns = optarg;
		break;
	case 'p':
		add_pids(run, optarg);
		break;
	case 'P':
		set_format(run, wishes, FORMAT_PAIRS, "--pairs");
		break;
	case 'r':
		set_format(run, wishes, FORMAT_RAW, "--raw");
		break;
	case 'h':
		print_help();
		exit(end_output(STATUS_OK));
	case 'V':
		print_version();
		exit(end_output(STATUS_OK));
	case OPTION_BACKEND:
		parse_backend(ctl, optarg);
		break;
	case OPTION_BY_MAPPING:
		set_view(run, wishes, VIEW_MAPPINGS, "--by-mapping");
		break;
	case OPTION_CLEAR:
		ctl->clear = true;
		break;
	case OPTION_DIFF:
		set_view(run, wishes, VIEW_CHANGES, "--diff");
		run->diff = optarg;
		break;
	case OPTION_INPUT:
		run->input = optarg;
		break;
	case OPTION_MAP:
		set_view(run, wishes, VIEW_PICTURE, "--map");
		break;
	case OPTION_OPENMETRICS:
		set_view(run, wishes, VIEW_METRICS, "--openmetrics");
		break;
	case OPTION_OUTPUT_ALL:
		wishes->all = true;
		break;
	case OPTION_OUTPUT_FILE:
		run->output_file = optarg;
		break;
	case OPTION_RATE:
		wishes->rate = true;
		break;
	case OPTION_SUMMARY:
		wishes->summary = optarg ? optarg : "only";
		break;
	case OPTION_TEXT:
		set_view(run, wishes, VIEW_TEXT, "--text");
		break;
	}
}

/**
 * has_table() - is what was asked for shown in a table?
 * @ctl: the options
 *
 * Return: true if so.
 */
bool has_table(const struct control *ctl)
{
	return !(ctl->view & (VIEW_TEXT | VIEW_METRICS | VIEW_PICTURE));
}

static void settle_summary(struct run *run, struct wishes *wishes)
{
	const char *when = wishes->summary;
	struct control *ctl = &run->ctl;

	if (when && !strcmp(when, "only"))
		set_view(run, wishes, VIEW_PROCESSES, "--summary=only");
	else if (when && strcmp(when, "always") && strcmp(when, "never"))
		usage_error("%s: the summary is wanted never, always or only",
			    when);
	if (ctl->view == VIEW_PROCESSES)
		return;
	if (!has_table(ctl) || ctl->view == VIEW_CHANGES) {
		if (when && strcmp(when, "never"))
			usage_error("%s has no summary", wishes->view);
		return;
	}
	ctl->summary = !when ? ctl->format == FORMAT_TABLE :
			       !strcmp(when, "always");
	if (ctl->summary && ctl->format != FORMAT_TABLE)
		usage_error("%s has one table; say --summary=only for the other",
			    wishes->format);
}

/* Refuse output of which nothing could be read back. */
static void settle_output(const struct run *run, bool timed)
{
	if (run->ctl.view == VIEW_TEXT && run->count > 1)
		usage_error("--text takes one process, as --input could not tell several apart");
	if (run->ctl.view == VIEW_TEXT && timed && !run->output_file)
		usage_error("--text takes one sample, or --output-file to replace at each");
	if (run->ctl.view == VIEW_METRICS && timed && !run->output_file)
		usage_error("--openmetrics takes one sample, or --output-file to replace at each");
}

/* Options that mean nothing together are an error, not ignored. */
static void settle(struct run *run, struct wishes *wishes)
{
	struct control *ctl = &run->ctl;
	bool timed = ctl->delay >= 0 || ctl->count > 1;

	if (wishes->rate && !wishes->view && !wishes->summary)
		set_view(run, wishes, VIEW_MAPPINGS, "--rate");
	settle_summary(run, wishes);
	if (!has_table(ctl) && (wishes->format || wishes->columns || wishes->all))
		usage_error("%s is not a table", wishes->view);
	if (wishes->columns && wishes->all)
		usage_error("--output and --output-all are mutually exclusive");
	if (wishes->rate && !ctl->clear)
		usage_error("--rate acknowledges, as --clear does; say --clear as well");
	if (wishes->rate && !(ctl->view & (VIEW_MAPPINGS | VIEW_PROCESSES)))
		usage_error("--rate is by mapping or by process");
	if (run->input && (run->count || run->names_count))
		usage_error("--input cannot be combined with processes");
	if (run->input && (ctl->clear || timed || ctl->backend ||
			   ctl->view == VIEW_MAPPINGS))
		usage_error("--input cannot be combined with %s",
			    "--clear, --delay, --count, --backend or --by-mapping");
	if (!run->input && !run->count && !run->names_count)
		usage_error("no process specified");
	settle_output(run, timed);

	if (wishes->rate && !timed)
		ctl->delay = 1;
	if (ctl->delay < 0)
		ctl->delay = 1;
	else if (!ctl->count)
		timed = true;
	if (!timed && !ctl->count)
		ctl->count = 1;
	ctl->several = run->count > 1 || run->names_count;
	ctl->timed = timed;
	ctl->kept = run->input;
	columns_default(ctl, wishes->all, timed, wishes->rate);
	if (wishes->columns)
		parse_columns(ctl, wishes->columns);
	ctl->need = ctl->want | ctl->deny | columns_need(ctl);
}

/**
 * parse_command_line() - what is the program to do?
 * @run: filled in
 * @argc: as main() has it
 * @argv: likewise
 *
 * Ends the program if that makes no sense, or if help is all that is wanted.
 */
void parse_command_line(struct run *run, int argc, char **argv)
{
	const struct option_row *option;
	struct wishes wishes = { 0 };

	run->ctl = (struct control){
		.view = VIEW_RUNS,
		.high = UINT64_MAX,
		.delay = -1,
	};
	while ((option = next_option(options, argc, argv)))
		parse_option(run, &wishes, option->value);
	for (; optind < argc; optind++)
		add_pid(run, argv[optind], strlen(argv[optind]));
	settle(run, &wishes);
}
