// SPDX-License-Identifier: GPL-2.0
/*
 * dirtycat - show the modified private pages of processes
 *
 * The command line says what is asked for (options.c). Samples are taken
 * (sample.c) and shown: as a table (table.c), as gauges (metrics.c) or as a
 * picture (picture.c). What is known of processes and kernels is in
 * tools/lib/dirtypages.
 */
#define _GNU_SOURCE
#include "dirtycat.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A reader may take one fifth of the time, the processes that are read the rest. */
enum { PAUSE_PER_READ = 4 };

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
	struct run run = { 0 };

	setlocale(LC_ALL, "");
	/* Programs read and write numbers, in every language. */
	setlocale(LC_NUMERIC, "C");
	parse_command_line(&run, argc, argv);
	if (run.diff)
		read_old_listing(&run, &old);
	if (run.input)
		show_input(&run);
	else
		sample_all(&run);
	free(run.targets);
	free(run.names);
	return run.status;
}
