// SPDX-License-Identifier: GPL-2.0
/* The command line: what is asked for, and what cannot be combined. */
#define _GNU_SOURCE
#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "choices.h"
#include "columns.h"
#include "common/message.h"
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
