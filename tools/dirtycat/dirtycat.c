// SPDX-License-Identifier: GPL-2.0
/*
 * dirtycat - show the modified private pages of processes
 *
 * Samples are taken (sample.c) and shown: as a table (table.c), as gauges
 * (metrics.c) or as a picture (picture.c). What is known of processes and
 * kernels is in tools/lib/dirtypages.
 */
#define _GNU_SOURCE
#include "dirtycat.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION	"1.0"

/* A reader may take one fifth of the time, the processes that are read the rest. */
enum { PAUSE_PER_READ = 4 };

/**
 * struct run - what the program is about to do
 * @ctl: what was asked for
 * @targets: the processes
 * @count: how many
 * @names: whose processes are looked for before each sample
 * @names_count: how many
 * @input: a listing that was kept, to be shown
 * @diff: another, to be compared with
 * @output_file: what to write, whole, at each sample
 * @status: of the first target that failed
 */
struct run {
	struct control ctl;
	struct target *targets;
	size_t count;
	char **names;
	size_t names_count;
	const char *input;
	const char *diff;
	const char *output_file;
	enum status status;
};

enum {
	OPTION_BACKEND = 256,
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

static const struct option options[] = {
	{ "backend", required_argument, NULL, OPTION_BACKEND },
	{ "by-mapping", no_argument, NULL, OPTION_BY_MAPPING },
	{ "bytes", no_argument, NULL, 'b' },
	{ "clear", no_argument, NULL, OPTION_CLEAR },
	{ "command", required_argument, NULL, 'C' },
	{ "count", required_argument, NULL, 'c' },
	{ "delay", required_argument, NULL, 'd' },
	{ "diff", required_argument, NULL, OPTION_DIFF },
	{ "flags", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ "input", required_argument, NULL, OPTION_INPUT },
	{ "json", no_argument, NULL, 'J' },
	{ "map", no_argument, NULL, OPTION_MAP },
	{ "noheadings", no_argument, NULL, 'n' },
	{ "openmetrics", no_argument, NULL, OPTION_OPENMETRICS },
	{ "output", required_argument, NULL, 'o' },
	{ "output-all", no_argument, NULL, OPTION_OUTPUT_ALL },
	{ "output-file", required_argument, NULL, OPTION_OUTPUT_FILE },
	{ "pairs", no_argument, NULL, 'P' },
	{ "pid", required_argument, NULL, 'p' },
	{ "range", required_argument, NULL, 'A' },
	{ "rate", no_argument, NULL, OPTION_RATE },
	{ "raw", no_argument, NULL, 'r' },
	{ "summary", optional_argument, NULL, OPTION_SUMMARY },
	{ "text", no_argument, NULL, OPTION_TEXT },
	{ "version", no_argument, NULL, 'V' },
	{ 0 }
};

static void print_help(void)
{
	puts("Usage: dirtycat [OPTION]... PID...\n"
	     "       dirtycat [OPTION]... --input FILE\n"
	     "Show the modified private pages of processes.\n"
	     "\n"
	     "Which processes, and which of their pages:\n"
	     " -p, --pid PID[,PID]...    as a PID after the options\n"
	     " -C, --command NAME        all that are called NAME, or run it\n"
	     " -A, --range LOW,HIGH      from address LOW to HIGH (hexadecimal, exclusive)\n"
	     " -f, --flags [+|-]LETTERS  with all LETTERS after +, without any after -\n"
	     "     --input FILE          a listing that was kept; - is standard input\n"
	     "     --backend WHERE       dirty_pages, pagemap-scan, pagemap, or auto\n"
	     "\n"
	     "What to show:\n"
	     "     --by-mapping          sums, a row for each mapping\n"
	     "     --summary[=WHEN]      sums, a row for each process: never, always, only\n"
	     "     --diff FILE           where the listing differs from the one in FILE\n"
	     "     --map                 a picture of the address space\n"
	     "     --text                the lines of the listing, to be kept\n"
	     "     --openmetrics         gauges for Prometheus\n"
	     "\n"
	     "How:\n"
	     " -b, --bytes               sizes in bytes\n"
	     " -J, --json                JSON\n"
	     " -n, --noheadings          no headings\n"
	     " -o, --output [+]COLUMNS   these columns; with +, as well\n"
	     "     --output-all          all columns\n"
	     " -P, --pairs               NAME=\"value\" pairs\n"
	     " -r, --raw                 no alignment\n"
	     "     --output-file FILE    replace FILE, at once as a whole\n"
	     "\n"
	     "Again and again:\n"
	     " -d, --delay SECONDS       wait that long between samples, and not less\n"
	     "                           than four times what reading took\n"
	     " -c, --count NUMBER        stop after so many samples\n"
	     "     --clear               acknowledge what was shown: d goes, until the\n"
	     "                           page is written again. Nobody else who looks for\n"
	     "                           d, as CRIU does, sees those writes any more; one\n"
	     "                           who uses clear_refs is not noticed\n"
	     "     --rate                what each mapping writes a second; takes --clear\n"
	     "\n"
	     " -h, --help                this text\n"
	     " -V, --version             the version\n"
	     "\n"
	     "Columns, and the tables that have them: runs of pages (r), --by-mapping (m),\n"
	     "--summary (s), --diff (c):");
	columns_help(stdout);
	puts("\n"
	     "Flags:\n"
	     " a  anonymous mapping           f  private file mapping\n"
	     " p  in memory                   s  in swap\n"
	     " e  lost to a memory error      d  may have been written since acknowledged\n"
	     " x  no other process maps it    h  mapped by a huge page\n"
	     " k  merged by KSM               l  lazily freed\n"
	     " ?  this back end does not tell\n"
	     "\n"
	     "Exit status: 0, or of the first process that failed: 1 usage, 2 no such\n"
	     "process, 3 not permitted, 4 the kernel cannot, 5 vanished while it was read,\n"
	     "6 anything else.\n"
	     "\n"
	     "See dirtycat(1) and proc_pid_dirty_pages(5).");
}

__attribute__((format(printf, 1, 2), noreturn))
static void usage_error(const char *format, ...)
{
	va_list args;

	fputs("dirtycat: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; see 'dirtycat --help'\n", stderr);
	exit(STATUS_USAGE);
}

static void *grow(void *array, size_t count, size_t size)
{
	array = reallocarray(array, count, size);
	if (!array)
		err(STATUS_OTHER, "not enough memory");
	return array;
}

static struct target *add_target(struct run *run)
{
	struct target *target;

	run->targets = grow(run->targets, run->count + 1, sizeof(*target));
	target = &run->targets[run->count++];
	*target = (struct target){ .lock = -1, .reader.fd = -1 };
	target->process.fd = -1;
	return target;
}

static void add_pid(struct run *run, const char *text, size_t len)
{
	struct target *target;

	if (!len || len > 10 || strspn(text, "0123456789") < len ||
	    atoll(text) > INT32_MAX || !atoll(text))
		usage_error("%.*s: not a process number", (int)len, text);
	target = add_target(run);
	target->process.pid = atoi(text);
	snprintf(target->name, sizeof(target->name), "%d", target->process.pid);
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
	if (errno || end != text + len || !isxdigit((unsigned char)*text))
		usage_error("%.*s: not an address in hexadecimal", (int)len,
			    text);
	return addr;
}

static void parse_range(struct control *ctl, const char *text)
{
	size_t len = strcspn(text, ",-");

	if (!text[len])
		usage_error("%s: not a range, which is LOW,HIGH", text);
	if (len)
		ctl->low = parse_address(text, len);
	text += len + 1;
	if (*text)
		ctl->high = parse_address(text, strlen(text));
	if (ctl->low >= ctl->high)
		usage_error("a range that ends before it begins");
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
		usage_error("%s: no page can be like that", text);
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

static unsigned long parse_count(const char *text)
{
	char *end;
	unsigned long count;

	errno = 0;
	count = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || !count)
		usage_error("%s: not a number of samples", text);
	return count;
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
		ctl->count = parse_count(optarg);
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
		exit(STATUS_OK);
	case 'V':
		puts("dirtycat " VERSION);
		exit(STATUS_OK);
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
	default:
		/* getopt_long() has said what is wrong. */
		fputs("dirtycat: see 'dirtycat --help'\n", stderr);
		exit(STATUS_USAGE);
	}
}

static bool has_table(const struct control *ctl)
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
		usage_error("--input takes the place of processes");
	if (run->input && (ctl->clear || timed || ctl->backend ||
			   ctl->view == VIEW_MAPPINGS))
		usage_error("--input is of the past: it has no %s",
			    "--clear, --delay, --count, --backend or --by-mapping");
	if (!run->input && !run->count && !run->names_count)
		usage_error("which process is not said");

	if (wishes->rate && !timed)
		ctl->delay = 1;
	if (ctl->delay < 0)
		ctl->delay = 1;
	else if (!ctl->count)
		timed = true;
	if (!timed && !ctl->count)
		ctl->count = 1;
	ctl->several = run->count > 1 || run->names_count;
	ctl->kept = run->input;
	columns_default(ctl, wishes->all, timed, wishes->rate);
	if (wishes->columns)
		parse_columns(ctl, wishes->columns);
}

static void parse_command_line(struct run *run, int argc, char **argv)
{
	struct wishes wishes = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "A:bc:C:d:f:hJno:p:PrV", options,
				NULL)) != -1)
		parse_option(run, &wishes, c);
	for (; optind < argc; optind++)
		add_pid(run, argv[optind], strlen(argv[optind]));
	settle(run, &wishes);
}

static void complain(struct run *run, const struct target *target)
{
	if (!target->status)
		return;
	fflush(stdout);
	fprintf(stderr, "dirtycat: %s: %s\n", target->name,
		target->problem ? target->problem : "not enough memory");
	if (!run->status)
		run->status = target->status;
}

static void drop_target(struct target *target)
{
	if (target->lock != -1)
		dirty_untrack(&target->process, target->lock);
	if (target->process.fd != -1)
		dirty_process_close(&target->process);
	sample_free(&target->now);
	sample_free(&target->before);
	free(target->problem);
	target->problem = NULL;
	target->lock = -1;
	target->gone = true;
}

/* Where processes come and go by name, there may be any number of these. */
static void forget_gone(struct run *run)
{
	size_t kept = 0;

	for (size_t i = 0; i < run->count; i++)
		if (!run->targets[i].gone)
			run->targets[kept++] = run->targets[i];
	run->count = kept;
}

/* Nobody else may acknowledge pages of the target from now on. */
static void track(struct target *target)
{
	char who[256];
	int lock = dirty_track(&target->process, who, sizeof(who));

	if (lock == -EBUSY) {
		set_problem(target, STATUS_OTHER,
			    "somebody else acknowledges its pages just now; one tracker a process");
	} else if (lock < 0) {
		set_problem(target, STATUS_OTHER,
			    "cannot lock /run/lock/dirty_pages.%d.*: %s",
			    target->process.pid, strerror(-lock));
	} else if (*who) {
		who[strcspn(who, "\n")] = '\0';
		dirty_untrack(&target->process, lock);
		set_problem(target, STATUS_OTHER,
			    "tracked by %s, which would miss what is acknowledged here",
			    who);
	} else {
		target->lock = lock;
	}
}

static void open_target(struct run *run, struct target *target)
{
	int error = dirty_process_open(&target->process, target->process.pid);

	if (error == -ESRCH)
		set_problem(target, STATUS_NO_PROCESS, "no such process");
	else if (error == -EACCES || error == -EPERM)
		set_problem(target, STATUS_NOT_PERMITTED,
			    "not permitted; /proc hides it from you");
	else if (error)
		set_problem(target, STATUS_OTHER, "%s", strerror(-error));
	else if (run->ctl.clear && open_reader(&run->ctl, target))
		track(target);
	dirty_close(&target->reader);
	if (target->status) {
		complain(run, target);
		drop_target(target);
	}
}

static bool is_known(const struct run *run, pid_t pid)
{
	for (size_t i = 0; i < run->count; i++)
		if (!run->targets[i].gone && run->targets[i].process.pid == pid)
			return true;
	return false;
}

/* Processes that are called so by now; there should be some at first. */
static void find_targets(struct run *run, bool first)
{
	for (size_t i = 0; i < run->names_count; i++) {
		pid_t *pids = NULL;
		size_t count = 0;
		int error = dirty_process_find(run->names[i], &pids, &count);

		if (error)
			errx(STATUS_OTHER, "/proc: %s", strerror(-error));
		if (first && !count) {
			warnx("%s: no process is called that", run->names[i]);
			run->status = STATUS_NO_PROCESS;
		}
		for (size_t j = 0; j < count; j++) {
			struct target *target;

			if (is_known(run, pids[j]))
				continue;
			target = add_target(run);
			target->process.pid = pids[j];
			target->by_name = true;
			snprintf(target->name, sizeof(target->name), "%d", pids[j]);
			open_target(run, target);
		}
		free(pids);
	}
}

static void open_targets(struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		open_target(run, &run->targets[i]);
	find_targets(run, true);
}

static int open_input(const char *path)
{
	int fd = STDIN_FILENO;

	if (strcmp(path, "-"))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		err(STATUS_OTHER, "%s", path);
	return fd;
}

static void read_old_listing(struct run *run, struct dirty_listing *old)
{
	struct target target = { 0 };
	struct control all = run->ctl;
	int fd = open_input(run->diff);

	parse_sample(&all, &target, fd);
	if (target.status)
		errx(STATUS_OTHER, "%s: %s", run->diff, target.problem);
	close(fd);
	*old = target.now.listing;
	run->ctl.old = old;
}

static void print_text(const struct control *ctl, const struct target *target)
{
	const struct dirty_listing *listing = &target->now.listing;

	for (size_t i = 0; i < listing->count; i++)
		fprintf(ctl->out, "%08" PRIx64 "-%08" PRIx64 " %s\n",
			listing->ranges[i].start, listing->ranges[i].end,
			listing->ranges[i].text);
}

/* A process that could not be read has no sums. */
static bool is_shown(const struct target *target)
{
	return !target->gone && (!target->status || target->now.listing.count);
}

static void print_table(const struct run *run, enum view view)
{
	struct table *table = table_new(&run->ctl, view);

	for (size_t i = 0; i < run->count; i++)
		if (is_shown(&run->targets[i]))
			table_add(table, &run->targets[i]);
	table_finish(table);
}

static void print_summary(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		if (is_shown(&run->targets[i])) {
			fputc('\n', run->ctl.out);
			print_table(run, VIEW_PROCESSES);
			return;
		}
	}
}

static void show(const struct run *run)
{
	const struct control *ctl = &run->ctl;

	if (ctl->view == VIEW_METRICS) {
		metrics_print(ctl, run->targets, run->count);
		return;
	}
	if (has_table(ctl)) {
		print_table(run, ctl->view);
		if (ctl->summary)
			print_summary(run);
		return;
	}
	for (size_t i = 0; i < run->count; i++) {
		if (!is_shown(&run->targets[i]))
			continue;
		if (ctl->view == VIEW_TEXT)
			print_text(ctl, &run->targets[i]);
		else
			picture_print(ctl, &run->targets[i]);
	}
}

static bool write_file(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t done = write(fd, text, size);

		if (done == -1)
			return false;
		text += done;
		size -= done;
	}
	return fsync(fd) == 0 || errno == EINVAL;
}

/* Whoever reads the file has the old one or the new one, never a part. */
static void replace_file(const char *path, const char *text, size_t size)
{
	char *temporary;
	int fd;

	if (asprintf(&temporary, "%s.%d~", path, getpid()) == -1)
		err(STATUS_OTHER, "not enough memory");
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd == -1)
		err(STATUS_OTHER, "%s", temporary);
	if (!write_file(fd, text, size) || close(fd) ||
	    rename(temporary, path)) {
		int error = errno;

		unlink(temporary);
		errx(STATUS_OTHER, "%s: %s; it is as it was", path,
		     strerror(error));
	}
	free(temporary);
}

/* Show a round of samples, all of it or an error. */
static void put_out(struct run *run)
{
	size_t size = 0;
	char *text = NULL;

	run->ctl.out = stdout;
	if (!run->output_file) {
		show(run);
		if (fflush(stdout) || ferror(stdout))
			err(STATUS_OTHER, "cannot write");
		return;
	}
	run->ctl.out = open_memstream(&text, &size);
	if (!run->ctl.out)
		err(STATUS_OTHER, "not enough memory");
	show(run);
	if (fclose(run->ctl.out))
		err(STATUS_OTHER, "not enough memory");
	replace_file(run->output_file, text, size);
	free(text);
}

/* One sample of each. Returns seconds spent on reading. */
static double sample_targets(struct run *run)
{
	double spent = 0;

	for (size_t i = 0; i < run->count; i++) {
		struct target *target = &run->targets[i];

		if (target->gone)
			continue;
		take_sample(&run->ctl, target);
		spent += target->now.spent;
	}
	return spent;
}

/* What was put out is acknowledged, as the order of the three steps wants it. */
static void after_sample(struct run *run, bool first)
{
	for (size_t i = 0; i < run->count; i++) {
		struct target *target = &run->targets[i];
		bool ended = target->status == STATUS_NO_PROCESS;

		if (target->gone)
			continue;
		if (run->ctl.clear && !target->status)
			acknowledge_sample(&run->ctl, target);
		dirty_close(&target->reader);
		if (ended && !first)
			set_problem(target, STATUS_VANISHED, "has ended");
		if (!target->by_name || !ended)
			complain(run, target);
		if (target->status && (ended || !dirty_process_lives(&target->process)))
			drop_target(target);
	}
}

static bool any_left(const struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		if (!run->targets[i].gone)
			return true;
	return false;
}

static void pause_for(const struct run *run, double spent)
{
	static bool told;
	double seconds = run->ctl.delay;
	struct timespec ts;

	if (seconds < spent * PAUSE_PER_READ) {
		seconds = spent * PAUSE_PER_READ;
		/* Who says 0 means: as often as that allows. */
		if (!told && run->ctl.delay > 0)
			warnx("reading took %.2g s, so the next time is in %.2g s, not %g",
			      spent, seconds, run->ctl.delay);
		told = true;
	}
	ts.tv_sec = seconds;
	ts.tv_nsec = (seconds - ts.tv_sec) * 1e9;
	nanosleep(&ts, NULL);
}

/*
 * Samples are a blank line apart. Of sums by process, a row is one; a picture
 * takes the place of the one before, where it can.
 */
static void between_samples(struct run *run)
{
	if (run->ctl.view == VIEW_PROCESSES && run->ctl.format == FORMAT_TABLE)
		run->ctl.noheadings = true;
	else if (run->ctl.view == VIEW_PICTURE && isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout);
	else if (!run->output_file && run->ctl.view != VIEW_METRICS)
		putchar('\n');
}

static void sample_all(struct run *run)
{
	unsigned long done = 0;

	open_targets(run);
	/* More may come of those that are named, unless that is a mistake. */
	while (any_left(run) || (done && run->names_count)) {
		double spent = sample_targets(run);

		put_out(run);
		after_sample(run, done == 0);
		if (++done == run->ctl.count)
			break;
		forget_gone(run);
		if (!run->count && !run->names_count)
			break;
		pause_for(run, spent);
		between_samples(run);
		find_targets(run, false);
	}
	for (size_t i = 0; i < run->count; i++)
		if (!run->targets[i].gone)
			drop_target(&run->targets[i]);
}

static void show_input(struct run *run)
{
	struct target *target = add_target(run);

	snprintf(target->name, sizeof(target->name), "%s", run->input);
	parse_sample(&run->ctl, target, open_input(run->input));
	put_out(run);
	complain(run, target);
}

int main(int argc, char **argv)
{
	struct dirty_listing old = { 0 };
	struct run run = {
		.ctl = { .view = VIEW_RUNS, .high = UINT64_MAX, .delay = -1 },
	};

	setlocale(LC_ALL, "");
	parse_command_line(&run, argc, argv);
	if (run.diff)
		read_old_listing(&run, &old);
	if (run.input)
		show_input(&run);
	else
		sample_all(&run);
	return run.status;
}
