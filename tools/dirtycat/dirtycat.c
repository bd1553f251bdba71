// SPDX-License-Identifier: GPL-2.0
/*
 * dirtycat - show the modified private pages of processes
 *
 * options.c reads the command line, with arguments.c and choices.c. sample.c
 * reads the listings of processes (target.c), and table.c, metrics.c or
 * picture.c shows them. tools/lib/dirtypages knows processes and kernels.
 */
#define _GNU_SOURCE
#include "dirtycat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "choices.h"
#include "common/clock.h"
#include "common/memory.h"
#include "common/message.h"
#include "common/output.h"
#include "common/process.h"
#include "common/text.h"
#include "gnuplot.h"
#include "heatmap.h"
#include "history.h"
#include "input.h"
#include "json.h"
#include "live.h"
#include "metrics.h"
#include "options.h"
#include "picture.h"
#include "plot.h"
#include "recorder.h"
#include "replay.h"
#include "sample.h"
#include "table.h"
#include "target.h"

/* Spend at most one fifth of the time on reading. */
enum { PAUSE_PER_READ = 4 };

static void report_problem(struct run *run, const struct target *target)
{
	if (!target->status)
		return;
	/* --all alone means all that may be read. */
	if (target->selected && target->status == STATUS_NOT_PERMITTED) {
		run->selection.denied++;
		if (!run->status && run->selection.count)
			run->status = target->status;
		return;
	}
	warning("%s: %s", target->name,
		target->problem ? target->problem : "not enough memory");
	if (!run->status)
		run->status = target->status;
}

/* With a selection, processes come and go; forget those that are gone. */
static void forget_gone(struct run *run)
{
	size_t kept = 0;

	for (size_t i = 0; i < run->count; i++)
		if (!run->targets[i].gone)
			run->targets[kept++] = run->targets[i];
	run->count = kept;
}

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

/* Return the numbers of the processes that are shown already, ascending. */
static pid_t *known_pids(const struct run *run)
{
	pid_t *pids = grow(NULL, run->count, sizeof(*pids));

	for (size_t i = 0; i < run->count; i++)
		pids[i] = run->targets[i].pid;
	qsort(pids, run->count, sizeof(*pids), compare_pids);
	return pids;
}

static void add_found(struct run *run, const pid_t *pids, size_t count)
{
	pid_t *known = known_pids(run);
	size_t known_count = run->count;

	for (size_t i = 0; i < count; i++) {
		struct target *target;

		if (bsearch(&pids[i], known, known_count, sizeof(*known), compare_pids))
			continue;
		target = add_target(run);
		target->pid = pids[i];
		target->selected = true;
		snprintf(target->name, sizeof(target->name), "%d", pids[i]);
	}
	free(known);
}

/* Find the processes that are selected now. */
static void find_targets(struct run *run)
{
	bool once = run->ctl.count == 1;
	size_t count;
	pid_t *pids;
	int error;

	if (!run->selection.all)
		return;
	error = selection_find(&run->selection, &pids, &count);
	if (error)
		die(STATUS_OTHER, "/proc: %s", strerror(-error));
	/* A criterion that no process meets is an error only if there is one sample. */
	if (!selection_report_missing(&run->selection, once, count) && once)
		run->status = STATUS_NO_PROCESS;
	add_found(run, pids, count);
	free(pids);
	if (run->ctl.view == VIEW_TEXT && run->count > 1)
		die(STATUS_USAGE,
		    "%zu processes are selected; --text takes one, because --input cannot separate several",
		    run->count);
}

static void read_old_listing(struct run *run)
{
	struct target target = { 0 };
	struct control all = run->ctl;
	bool recorded;
	int fd = open_input(run->diff, &recorded);

	if (recorded)
		die(STATUS_USAGE, "%s: a recording; --diff takes a listing, as --text writes it",
		    run->diff);
	parse_sample(&all, &target, fd);
	if (target.status)
		die(STATUS_OTHER, "%s: %s", run->diff, target.problem);
	close(fd);
	run->ctl.old = target.now.listing;
}

static void print_text(const struct control *ctl, const struct target *target)
{
	const struct dirtypages_listing *listing = target->now.listing;
	const struct dirtypages_range *range = dirtypages_listing_ranges(listing);

	for (size_t i = 0; i < dirtypages_listing_count(listing); i++)
		fprintf(ctl->out, "%08" PRIx64 "-%08" PRIx64 " %s\n",
			range[i].start, range[i].end, range[i].text);
}

/* Skip a process that could not be read. */
static bool is_shown(const struct target *target)
{
	return !target->gone &&
	       (!target->status || dirtypages_listing_count(target->now.listing));
}

/* Return false if the table has no row. */
static bool print_table(const struct run *run, enum view view)
{
	struct table *table = table_new(&run->ctl, view);

	for (size_t i = 0; i < run->count; i++)
		if (is_shown(&run->targets[i]))
			table_add(table, &run->targets[i]);
	return table_finish(table);
}

static size_t count_shown(const struct run *run)
{
	size_t count = 0;

	for (size_t i = 0; i < run->count; i++)
		count += is_shown(&run->targets[i]);
	return count;
}

static void show(const struct run *run)
{
	const struct control *ctl = &run->ctl;

	if (ctl->view == VIEW_METRICS) {
		metrics_print(ctl, run->targets, run->count);
		return;
	}
	if (has_table(ctl)) {
		bool printed = print_table(run, ctl->view);

		if (!ctl->summary || !count_shown(run))
			return;
		if (printed)
			fputc('\n', ctl->out);
		print_table(run, VIEW_PROCESSES);
		return;
	}
	for (size_t i = 0; i < run->count; i++) {
		if (!is_shown(&run->targets[i]))
			continue;
		if (ctl->view == VIEW_TEXT)
			print_text(ctl, &run->targets[i]);
		else
			picture_print(ctl, count_shown(run), &run->targets[i]);
	}
}

/* Readers of a regular file see either the old or the new one, never a part. */
static void write_output_file(const char *path, const char *text, size_t size)
{
	struct output_file output;
	int error = output_open(&output, path);
	bool replaced;

	if (error)
		die(STATUS_OTHER, "%s: %s", path, output_error(error));
	replaced = output.name;
	error = write_fully(output.fd, text, size);
	if (error)
		output_abandon(&output);
	else
		error = output_commit(&output);
	if (error)
		die(STATUS_OTHER, "%s: %s%s", path, strerror(-error),
		    replaced ? " (file left unchanged)" : "");
}

/* Show the samples of all processes as text in memory, to be freed. */
static char *show_in_memory(struct run *run, size_t *size)
{
	char *text = NULL;

	run->ctl.out = open_memstream(&text, size);
	if (!run->ctl.out)
		die(STATUS_OTHER, "not enough memory");
	show(run);
	if (fclose(run->ctl.out))
		die(STATUS_OTHER, "not enough memory");
	if (run->ctl.lines)
		*size = json_compact(text);
	return text;
}

/* Limit the rows to the window, less status, heading and total. */
static void fit(struct run *run, unsigned long top)
{
	struct control *ctl = &run->ctl;
	unsigned long height = live_height(), other = 2 + ctl->total;

	if (ctl->sort == -1)
		return;
	ctl->top = height > other ? height - other : 1;
	if (top && top < ctl->top)
		ctl->top = top;
}

/* Draw the samples of all processes in place of the last ones. */
static void draw(struct run *run)
{
	const unsigned long top = run->ctl.top;
	size_t count = count_shown(run), size;
	char *message = live_message(run->live), now[16], *status, *text;
	time_t when = time(NULL);
	struct tm tm;

	fit(run, top);
	text = show_in_memory(run, &size);
	run->ctl.top = top;
	strftime(now, sizeof(now), "%T", localtime_r(&when, &tm));
	status = text_of("%s  %zu process%s  %s\n", now, count,
			 count == 1 ? "" : "es", message);
	live_draw(run->live, status, text);
	free(status);
	free(message);
	free(text);
}

/* Show the samples of all processes, or end the program. */
static void put_out(struct run *run)
{
	size_t size = 0;
	char *text = NULL;

	if (run->quiet)
		return;
	run->shown |= count_shown(run) > 0;
	if (run->live) {
		draw(run);
		return;
	}
	run->ctl.out = stdout;
	if (run->output_file || run->ctl.lines)
		text = show_in_memory(run, &size);
	else
		show(run);
	if (run->output_file)
		write_output_file(run->output_file, text, size);
	else if (text)
		fwrite(text, 1, size, stdout);
	free(text);
	if (fflush(stdout) || ferror(stdout))
		die(STATUS_OTHER, "cannot write: %s", strerror(errno));
}

/* Take a sample of each process. Return the seconds spent on reading. */
static double sample_targets(struct run *run)
{
	double spent = 0;

	for (size_t i = 0; i < run->count; i++) {
		struct target *target = &run->targets[i];

		if (target->gone)
			continue;
		run->quit = run->live && live_wait(run->live, 0) == LIVE_QUIT;
		if (run->quit)
			break;
		take_sample(&run->ctl, target);
		spent += target->now.spent;
		if (target->vacant && target->selected &&
		    !selects_by_name(&run->selection)) {
			drop_target(target);
		} else if (!target->known) {
			if (!target->selected || target->status != STATUS_NO_PROCESS)
				report_problem(run, target);
			drop_target(target);
		} else if (!run->ctl.clear) {
			release_target(target);
		}
	}
	return spent;
}

/* Acknowledge only after the sample was written out: a failure loses nothing. */
static void after_sample(struct run *run, bool first)
{
	for (size_t i = 0; i < run->count; i++) {
		struct target *target = &run->targets[i];
		bool ended = target->status == STATUS_NO_PROCESS;

		if (target->gone)
			continue;
		if (run->ctl.clear && !target->status)
			acknowledge_sample(&run->ctl, target);
		release_target(target);
		if (ended && !first)
			set_problem(target, STATUS_VANISHED, "has exited");
		if (!target->selected || !ended)
			report_problem(run, target);
		if (target->status && (ended || target->ended))
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

/* Return the signals that end sampling early; the picture shows the samples so far. */
static sigset_t interrupts(const struct run *run)
{
	sigset_t set;

	sigemptyset(&set);
	if (run->heatmap || run->plot) {
		sigaddset(&set, SIGINT);
		sigaddset(&set, SIGTERM);
	}
	return set;
}

/* Wait for the next sample, and redraw this one if necessary. */
static void pause_live(struct run *run, double seconds)
{
	const uint64_t end = nanoseconds() + seconds * 1e9;
	enum live_event event;

	do {
		uint64_t now = nanoseconds();

		event = live_wait(run->live, now < end ? (end - now) / 1e9 : 0);
		if (event == LIVE_REDRAW)
			draw(run);
	} while (event == LIVE_REDRAW);
	run->quit = event == LIVE_QUIT;
}

static void pause_for(struct run *run, double spent)
{
	const sigset_t set = interrupts(run);
	static bool told;
	double seconds = run->ctl.delay;
	struct timespec ts;

	if (seconds < spent * PAUSE_PER_READ) {
		seconds = spent * PAUSE_PER_READ;
		/*
		 * A delay of 0 means as often as possible, and a tenth more
		 * goes unnoticed, so do not warn.
		 */
		if (!told && run->ctl.delay > 0 && seconds > 1.1 * run->ctl.delay) {
			warning("reading took %.2g s; the next sample is in %.2g s instead of %g s",
				spent, seconds, run->ctl.delay);
			told = true;
		}
	}
	if (run->live) {
		pause_live(run, seconds);
		return;
	}
	ts.tv_sec = seconds;
	ts.tv_nsec = (seconds - ts.tv_sec) * 1e9;
	if (run->heatmap || run->plot)
		run->quit = sigtimedwait(&set, NULL, &ts) > 0;
	else
		nanosleep(&ts, NULL);
}

/*
 * Separate samples by a blank line, except rows of --summary=only. On a
 * terminal, a picture replaces the previous one.
 */
static void between_samples(struct run *run)
{
	if (run->output_file || !run->shown || run->ctl.lines || run->live)
		return;
	if (run->ctl.view == VIEW_PROCESSES && run->ctl.format == FORMAT_TABLE)
		run->ctl.noheadings = true;
	else if (run->ctl.view == VIEW_PICTURE && isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout);
	else
		putchar('\n');
}

/* Without a list of PIDs, only the first samples show how many there are. */
static void check_panels(const struct run *run)
{
	const char *picture = run->heatmap ? "--heatmap" : run->plot ? "--plot" : NULL;
	size_t count = 0;

	for (size_t i = 0; i < run->count; i++)
		count += !run->targets[i].gone && !run->targets[i].status;
	if (picture && count > MAX_PANELS)
		die(STATUS_USAGE,
		    "%s: %zu processes are selected, and a picture has %d panels; choose some",
		    picture, count, MAX_PANELS);
}

static void sample_all(struct run *run, struct recorder *recorder)
{
	unsigned long done = 0;

	if (run->ctl.live)
		run->live = live_begin(run->heatmap || run->plot);

	find_targets(run);
	/* With a selection, more processes may appear. */
	while (any_left(run) || (run->selection.all && run->ctl.count != 1)) {
		double spent = sample_targets(run);

		if (run->quit)
			break;
		if (!done)
			check_panels(run);
		if (recorder)
			recorder_add(recorder, run->targets, run->count);
		if (any_left(run) || run->selection.all)
			put_out(run);
		after_sample(run, done == 0);
		selection_report_denied(&run->selection, run->ctl.clear);
		if (++done == run->ctl.count)
			break;
		forget_gone(run);
		if (!run->count && !run->selection.all)
			break;
		pause_for(run, spent);
		if (run->quit)
			break;
		between_samples(run);
		find_targets(run);
	}
	for (size_t i = 0; i < run->count; i++)
		if (!run->targets[i].gone)
			drop_target(&run->targets[i]);
	if (run->live)
		live_end(run->live);
}

static void draw_pictures(const struct run *run, const struct source *source)
{
	if (run->heatmap)
		heatmap_draw(run->heatmap, run, source);
	if (run->plot)
		plot_draw(run->plot, run, source);
}

/* Pictures are drawn after sampling; check before it whether that is possible. */
static void prepare_pictures(const struct run *run)
{
	const char *const paths[] = { run->heatmap, run->plot };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct output_file output;
		int error;

		if (!paths[i])
			continue;
		if (is_picture_name(paths[i]))
			gnuplot_require();
		error = output_open(&output, paths[i]);
		if (error)
			die(STATUS_OTHER, "%s: %s", paths[i], output_error(error));
		output_abandon(&output);
	}
}

static void sample_and_record(struct run *run)
{
	struct recorder recorder;
	struct source source;
	const sigset_t set = interrupts(run);
	const struct timespec now = { 0 };

	recorder_open(&recorder, run->record);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sample_all(run, &recorder);
	/* Discard a signal that arrived during the last sample. */
	while (sigtimedwait(&set, NULL, &now) > 0)
		continue;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	source = (struct source){ recorder.fd, "samples", recorder.begin };
	draw_pictures(run, &source);
	recorder_close(&recorder);
}

static void show_listing(struct run *run)
{
	struct target *target = add_target(run);

	snprintf(target->name, sizeof(target->name), "%s", run->input);
	parse_sample(&run->ctl, target, run->input_fd);
	put_out(run);
	report_problem(run, target);
	drop_target(target);
}

static void show_recording(struct run *run)
{
	const struct source source = { run->input_fd, run->input, RECORD_HEADER };
	struct replay replay;

	replay_open(&replay, run, run->input_fd, run->input, 0);
	while (replay_next(&replay)) {
		between_samples(run);
		put_out(run);
		for (size_t i = 0; i < run->count; i++)
			report_problem(run, &run->targets[i]);
	}
	replay_report_missing(&replay);
	replay_close(&replay);
	draw_pictures(run, &source);
}

int main(int argc, char **argv)
{
	struct run run = { 0 };

	/* Reading takes a few descriptors, and --clear keeps one lock per process. */
	process_raise_file_limit();
	setlocale(LC_ALL, "");
	/* Programs read the numbers: print them alike in every language. */
	setlocale(LC_NUMERIC, "C");
	parse_command_line(&run, argc, argv);
	if (run.diff)
		read_old_listing(&run);
	prepare_pictures(&run);
	if (run.ctl.recorded)
		show_recording(&run);
	else if (run.input)
		show_listing(&run);
	else if (run.record || run.heatmap || run.plot)
		sample_and_record(&run);
	else
		sample_all(&run, NULL);
	dirtypages_listing_free(run.ctl.old);
	free(run.targets);
	free(run.chosen);
	selection_free(&run.selection);
	return end_output(run.status);
}
