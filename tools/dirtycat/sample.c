// SPDX-License-Identifier: GPL-2.0
/* Samples: a listing as it was read, cut down to what was asked for, with sums. */
#define _GNU_SOURCE
#include "dirtycat.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/**
 * monotonic_seconds() - a clock that nobody sets
 *
 * Return: seconds since some moment.
 */
double monotonic_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/**
 * set_problem() - note why a target is not, or not wholly, shown
 * @target: that target
 * @status: what the program is to end with
 * @sentence: cause and remedy, as for printf()
 */
void set_problem(struct target *target, enum status status,
		 const char *sentence, ...)
{
	va_list args;

	free(target->problem);
	va_start(args, sentence);
	if (vasprintf(&target->problem, sentence, args) == -1)
		target->problem = NULL;
	va_end(args);
	target->status = status;
}

static void explain(const struct control *ctl, struct target *target, int error)
{
	switch (-error) {
	case EACCES:
	case EPERM:
		set_problem(target, STATUS_NOT_PERMITTED,
			    "not permitted; this takes its owner%s, or root (CAP_SYS_PTRACE)",
			    ctl->clear ? ", whom Yama lets attach to it" : "");
		break;
	case ESRCH:
		set_problem(target, STATUS_NO_PROCESS, "no such process");
		break;
	case ENOSYS:
		if (ctl->backend == DIRTY_SCAN)
			set_problem(target, STATUS_UNSUPPORTED,
				    "this kernel has no PAGEMAP_SCAN; it takes Linux 6.7, or --backend=pagemap");
		else if (ctl->backend == DIRTY_FILE)
			set_problem(target, STATUS_UNSUPPORTED,
				    "this kernel has no /proc/<pid>/dirty_pages; it takes one with CONFIG_PROC_DIRTY_PAGES, or another --backend");
		else
			set_problem(target, STATUS_UNSUPPORTED,
				    "this kernel has no /proc/<pid>/pagemap; it takes one with CONFIG_PROC_PAGE_MONITOR");
		break;
	case EOPNOTSUPP:
		set_problem(target, STATUS_UNSUPPORTED,
			    "this kernel cannot acknowledge; it takes one with CONFIG_PROC_DIRTY_PAGES and CONFIG_MEM_SOFT_DIRTY");
		break;
	default:
		set_problem(target, STATUS_OTHER, "%s", strerror(-error));
	}
}

/**
 * totals_add() - count some pages of a line
 * @totals: where
 * @range: the line
 * @bytes: of those pages
 */
void totals_add(struct totals *totals, const struct dirty_range *range,
		uint64_t bytes)
{
	totals->runs++;
	totals->bytes += bytes;
	for (uint32_t left = range->flags; left; left &= left - 1)
		totals->with[__builtin_ctz(left)] += bytes;
}

/* Cut the listing down to what is asked for, and sum it up. */
static void select_ranges(const struct control *ctl, struct sample *sample)
{
	struct dirty_listing *listing = &sample->listing;
	size_t kept = 0;

	for (size_t i = 0; i < listing->count; i++) {
		struct dirty_range range = listing->ranges[i];

		if ((range.flags & ctl->want) != ctl->want ||
		    range.flags & ctl->deny)
			continue;
		if (range.start < ctl->low)
			range.start = ctl->low;
		if (range.end > ctl->high)
			range.end = ctl->high;
		if (range.start >= range.end)
			continue;
		listing->ranges[kept++] = range;
		totals_add(&sample->totals, &range, range.end - range.start);
	}
	listing->count = kept;
}

static void note_letters(uint32_t flags, char text[27])
{
	for (int i = 0; i < 26; i++)
		if (flags & 1u << i)
			*text++ = 'a' + i;
	*text = '\0';
}

/* Whether the back end tells what the selection asks. */
static bool can_select(const struct control *ctl, struct target *target)
{
	uint32_t unknown = (ctl->want | ctl->deny) &
			   target->now.listing.unknown;
	char text[27];

	if (!unknown)
		return true;
	note_letters(unknown, text);
	set_problem(target, STATUS_UNSUPPORTED,
		    "%s does not tell what --flags asks for: %s",
		    target->process.pid ?
		    dirty_backend_names[target->reader.backend] :
		    "this listing", text);
	target->now.listing.count = 0;
	return false;
}

/**
 * sample_free() - free what a sample holds
 * @sample: empty afterwards
 */
void sample_free(struct sample *sample)
{
	dirty_listing_free(&sample->listing);
	dirty_maps_free(&sample->maps);
	*sample = (struct sample){ 0 };
}

static void begin_sample(const struct control *ctl, struct target *target)
{
	sample_free(&target->before);
	if (ctl->view == VIEW_PICTURE)
		target->before = target->now;
	else
		sample_free(&target->now);
	target->now = (struct sample){ .when = time(NULL) };
	free(target->problem);
	target->problem = NULL;
	target->status = STATUS_OK;
}

/**
 * open_reader() - open what a process is read from
 * @ctl: what was asked for
 * @target: that process; if it cannot be, its status and problem say why
 *
 * Return: true if its reader is open.
 */
bool open_reader(const struct control *ctl, struct target *target)
{
	int error = dirty_open(&target->reader, &target->process, ctl->backend,
			       ctl->clear);

	if (error)
		explain(ctl, target, error);
	return !error;
}

/**
 * take_sample() - read the listing of a process, and its mappings
 * @ctl: what was asked for
 * @target: that process. If something went wrong, its status and problem say
 *	what; what was read until then is there all the same. The reader is
 *	left open for acknowledge_sample().
 */
void take_sample(const struct control *ctl, struct target *target)
{
	double began = monotonic_seconds();
	struct sample *now = &target->now;
	int error;

	begin_sample(ctl, target);
	if (!open_reader(ctl, target))
		return;
	if (target->acknowledged)
		now->since = monotonic_seconds() - target->acknowledged;
	error = dirty_read(&target->reader, &now->listing);
	if (error == -ESRCH)
		set_problem(target, STATUS_VANISHED,
			    "ended, or called exec, while it was read; the listing is cut");
	else if (error == -EPROTO)
		set_problem(target, STATUS_OTHER,
			    "line %zu of the listing makes no sense",
			    now->listing.count + 1);
	else if (error)
		explain(ctl, target, error);
	if (can_select(ctl, target))
		select_ranges(ctl, now);
	/* Names and limits of mappings are a help, not what was asked for. */
	dirty_maps_read(&target->process, &now->maps);
	now->spent = monotonic_seconds() - began;
}

/**
 * parse_sample() - read a listing that was kept
 * @ctl: what was asked for
 * @target: stands for it
 * @fd: what to read from
 */
void parse_sample(const struct control *ctl, struct target *target, int fd)
{
	int error;

	begin_sample(ctl, target);
	error = dirty_listing_parse(&target->now.listing, fd);
	if (error == -EPROTO)
		set_problem(target, STATUS_OTHER,
			    "line %zu is not one of a listing, out of order, or has no end",
			    target->now.listing.count + 1);
	else if (error)
		set_problem(target, STATUS_OTHER, "%s", strerror(-error));
	if (can_select(ctl, target))
		select_ranges(ctl, &target->now);
}

/**
 * acknowledge_sample() - acknowledge what was shown of a process
 * @ctl: what was asked for
 * @target: that process, its reader still open
 */
void acknowledge_sample(const struct control *ctl, struct target *target)
{
	int error = dirty_acknowledge(&target->reader,
				      target->now.listing.ranges,
				      target->now.listing.count);

	if (error == -ESRCH)
		set_problem(target, STATUS_VANISHED,
			    "ended, or called exec, before it was acknowledged");
	else if (error)
		explain(ctl, target, error);
	else
		target->acknowledged = monotonic_seconds();
}
