// SPDX-License-Identifier: GPL-2.0
/* The command line of dirtycat. */
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
	OPTION_ALL = FIRST_LONG_OPTION,
	OPTION_BACKEND,
	OPTION_BY_MAPPING,
	OPTION_CGROUP,
	OPTION_CLEAR,
	OPTION_COLOR,
	OPTION_DIFF,
	OPTION_FULL,
	OPTION_HEATMAP,
	OPTION_INPUT,
	OPTION_LABELS,
	OPTION_MAP,
	OPTION_NAME,
	OPTION_OPENMETRICS,
	OPTION_OUTPUT_ALL,
	OPTION_OUTPUT_FILE,
	OPTION_PLOT,
	OPTION_RATE,
	OPTION_RECORD,
	OPTION_SORT,
	OPTION_SUMMARY,
	OPTION_TEXT,
	OPTION_TOP,
	OPTION_TOTAL,
	OPTION_UNIT,
};

static const struct option_row options[] = {
	{ "pid", 'p', "PID[,PID]...", .help = "show these processes, like PID operands",
	  .heading = "Selection:" },
	{ "command", 'C', "NAME", .help = "show all processes with this name or program" },
	{ "all", OPTION_ALL, NULL, .help = "show all processes that you may read" },
	{ "name", OPTION_NAME, "REGEX",
	  .help = "show processes whose name matches, like pgrep" },
	{ "full", OPTION_FULL, "REGEX",
	  .help = "show those whose command line matches, like pgrep -f" },
	{ "user", 'u', "USER[,USER]...",
	  .help = "show processes of these users" },
	{ "cgroup", OPTION_CGROUP, "PATH",
	  .help = "show processes in this cgroup or below" },
	{ "unit", OPTION_UNIT, "NAME", .help = "show processes of this systemd unit" },
	{ "range", 'A', "LOW[,HIGH]",
	  .help = "show only pages from LOW up to, not including, HIGH,\n"
		  "or the page at LOW. Addresses are hexadecimal;\n"
		  "LOW-HIGH works, too. Nothing else is read" },
	{ "flags", 'f', "[+|-]LETTERS",
	  .help = "show pages with all LETTERS after +, none after -" },
	{ "input", OPTION_INPUT, "FILE",
	  .help = "show a saved listing or recording; - is stdin" },
	{ "backend", OPTION_BACKEND, "NAME",
	  .help = "use dirty_pages, pagemap-scan, pagemap, or auto" },

	{ "by-mapping", OPTION_BY_MAPPING, NULL,
	  .help = "show a row of sums for each mapping", .heading = "Views:" },
	{ "summary", OPTION_SUMMARY, "[=WHEN]",
	  .help = "show sums for each process: never, always, only" },
	{ "diff", OPTION_DIFF, "FILE",
	  .help = "show how the listing differs from the one in FILE" },
	{ "map", OPTION_MAP, NULL, .help = "draw the address space" },
	{ "text", OPTION_TEXT, NULL, .help = "print the lines of the listing, to save them" },
	{ "openmetrics", OPTION_OPENMETRICS, NULL, .help = "print gauges for Prometheus" },
	{ "labels", OPTION_LABELS, "LABELS",
	  .help = "give gauges these labels: pid, comm, user, cgroup;\n"
		  "without pid, sum processes with equal labels" },

	{ "heatmap", OPTION_HEATMAP, "OUT",
	  .help = "draw what is written, address against time, into OUT:\n"
		  ".svg or .png, or .tsv for its values" },
	{ "plot", OPTION_PLOT, "OUT",
	  .help = "draw DIRTY, WRITTEN and SHARED over time, likewise" },
	{ "record", OPTION_RECORD, "FILE",
	  .help = "append each sample to FILE, to be shown by --input;\n"
		  "print nothing unless another option selects it" },

	{ "bytes", 'b', NULL, .help = "print sizes in bytes", .heading = "Output:" },
	{ "color", OPTION_COLOR, "[=WHEN]", .help = "use colors: auto, always, never" },
	{ "json", 'J', "[=lines]",
	  .help = "print JSON; lines: each sample on one line" },
	{ "noheadings", 'n', NULL, .help = "do not print headings" },
	{ "output", 'o', "[+]COLUMNS",
	  .help = "print these columns; with +, add them to the default" },
	{ "output-all", OPTION_OUTPUT_ALL, NULL, .help = "print all columns" },
	{ "pairs", 'P', NULL, .help = "print NAME=\"value\" pairs" },
	{ "raw", 'r', NULL, .help = "do not align columns" },
	{ "sort", OPTION_SORT, "[-]COLUMN",
	  .help = "sort by this column; with -, greatest first" },
	{ "top", OPTION_TOP, "NUMBER",
	  .help = "print only so many rows, by default the largest" },
	{ "total", OPTION_TOTAL, NULL, .help = "print a last row with the sums of all rows" },
	{ "output-file", OPTION_OUTPUT_FILE, "FILE",
	  .help = "replace FILE as a whole at each sample" },

	{ "delay", 'd', "SECONDS",
	  .help = "wait between samples, at least four times as long\n"
		  "as reading took. On a terminal, redraw the table in\n"
		  "place, until q is typed", .heading = "Sampling:" },
	{ "count", 'c', "NUMBER", .help = "stop after NUMBER samples" },
	{ "clear", OPTION_CLEAR, NULL,
	  .help = "acknowledge the pages shown: clear d until the page\n"
		  "is written again. Others that use d, such as CRIU,\n"
		  "miss those writes; dirtycat does not detect programs\n"
		  "that write clear_refs" },
	{ "rate", OPTION_RATE, NULL,
	  .help = "show the bytes written per second; requires --clear" },

	{ "help", 'h', NULL, .help = "print this help", .heading = "" },
	{ "version", 'V', NULL, .help = "print the version" },
	{ 0 }
};

static void print_help(void)
{
	/* Written at once, so that errno tells why if that fails. */
	static char buffer[1 << 14];

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	puts("Usage: dirtycat [OPTION]... [PID]...\n"
	     "       dirtycat [OPTION]... --input FILE [PID]...\n"
	     "Show the modified private pages of processes, by default the sums for each.");
	for (const struct option_row *o = options; o->name; o++) {
		if (o->heading)
			printf(*o->heading ? "\n%s\n" : "\n", o->heading);
		print_option(o, 4, 27);
		putchar('\n');
	}
	puts("\n"
	     "Columns of the tables: runs of pages (r), --by-mapping (m),\n"
	     "--summary (s), --diff (c):");
	columns_help(stdout);
	puts("\n"
	     "Flags:\n"
	     " a  anonymous mapping           f  private file mapping\n"
	     " p  in memory                   s  in swap\n"
	     " e  lost to a memory error      d  may have been written since acknowledged\n"
	     " x  no other process shares it  h  mapped by a huge page\n"
	     " k  merged by KSM               l  lazily freed\n"
	     " ?  unknown to the back end\n"
	     "\n"
	     "Exit status: 0 on success, else that of the first process that failed:\n"
	     "1 usage, 2 no such process, 3 not permitted, 4 unsupported by the kernel,\n"
	     "5 process vanished while being read, 6 anything else.\n"
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
		ctl->count = parse_number(optarg, 1, ULONG_MAX, "number of samples");
		break;
	case 'C':
		select_by(&run->selection, BY_COMMAND, optarg);
		break;
	case 'd':
		ctl->delay = parse_delay(optarg);
		break;
	case 'f':
		parse_flags(ctl, optarg);
		break;
	case 'J':
		set_format(run, wishes, FORMAT_JSON, "--json");
		parse_json(ctl, optarg);
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
	case 'u':
		select_users(&run->selection, optarg);
		break;
	case 'V':
		print_version();
		exit(end_output(STATUS_OK));
	case OPTION_ALL:
		run->selection.all = true;
		break;
	case OPTION_BACKEND:
		parse_backend(ctl, optarg);
		break;
	case OPTION_BY_MAPPING:
		set_view(run, wishes, VIEW_MAPPINGS, "--by-mapping");
		break;
	case OPTION_CGROUP:
		select_by(&run->selection, BY_CGROUP, optarg);
		break;
	case OPTION_CLEAR:
		ctl->clear = true;
		break;
	case OPTION_COLOR:
		wishes->colour = parse_color(optarg);
		break;
	case OPTION_DIFF:
		set_view(run, wishes, VIEW_CHANGES, "--diff");
		run->diff = optarg;
		break;
	case OPTION_FULL:
		select_by(&run->selection, BY_ARGS, optarg);
		break;
	case OPTION_HEATMAP:
		run->heatmap = parse_picture(optarg);
		break;
	case OPTION_INPUT:
		run->input = optarg;
		break;
	case OPTION_LABELS:
		parse_labels(ctl, optarg);
		break;
	case OPTION_MAP:
		set_view(run, wishes, VIEW_PICTURE, "--map");
		break;
	case OPTION_NAME:
		select_by(&run->selection, BY_NAME, optarg);
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
	case OPTION_PLOT:
		run->plot = parse_picture(optarg);
		break;
	case OPTION_RATE:
		wishes->rate = true;
		break;
	case OPTION_RECORD:
		run->record = optarg;
		break;
	case OPTION_SORT:
		wishes->sort = optarg;
		break;
	case OPTION_SUMMARY:
		wishes->summary = optarg ? optarg : "only";
		break;
	case OPTION_TEXT:
		set_view(run, wishes, VIEW_TEXT, "--text");
		break;
	case OPTION_TOP:
		ctl->top = parse_number(optarg, 1, ULONG_MAX, "number of rows");
		break;
	case OPTION_TOTAL:
		ctl->total = true;
		break;
	case OPTION_UNIT:
		select_by(&run->selection, BY_UNIT, optarg);
		break;
	}
}

/**
 * parse_command_line() - read the command line
 * @run: filled in
 * @argc: of main()
 * @argv: of main()
 *
 * Ends the program on an error and after --help and --version.
 */
void parse_command_line(struct run *run, int argc, char **argv)
{
	const struct option_row *option;
	struct wishes wishes = { 0 };

	run->ctl = (struct control){
		.view = VIEW_RUNS,
		.labels = { -1 },
		.high = UINT64_MAX,
		.delay = -1,
		.sort = -1,
	};
	while ((option = next_option(options, argc, argv)))
		parse_option(run, &wishes, option->value);
	for (; optind < argc; optind++)
		add_pid(run, argv[optind], strlen(argv[optind]));
	settle(run, &wishes);
}
