// SPDX-License-Identifier: GPL-2.0
/* Samples: a listing, cut down to the selection, with its sums. */
#define _GNU_SOURCE
#include "sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "labels.h"
#include "target.h"

static double monotonic_seconds(void)
{
	return nanoseconds() / 1e9;
}

/**
 * totals_add() - add pages of a line to the sums
 * @totals: the sums
 * @range: the line
 * @bytes: size of those pages
 */
void totals_add(struct totals *totals, const struct dirty_range *range,
		uint64_t bytes)
{
	totals->runs++;
	totals->bytes += bytes;
	totals->unknown |= range->unknown;
	for (uint32_t left = range->flags; left; left &= left - 1)
		totals->with[__builtin_ctz(left)] += bytes;
}

/**
 * totals_merge() - add sums to other sums
 * @totals: the sums to change
 * @more: the sums to add
 */
void totals_merge(struct totals *totals, const struct totals *more)
{
	totals->runs += more->runs;
	totals->bytes += more->bytes;
	totals->unknown |= more->unknown;
	for (size_t i = 0; i < sizeof(more->with) / sizeof(*more->with); i++)
		totals->with[i] += more->with[i];
}

/* Reduce the listing to the selection, and sum it up. */
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

/* Return the unknown letters that decide whether a line is selected. */
static uint32_t open_letters(const struct control *ctl,
			     const struct dirty_range *range)
{
	uint32_t want = ctl->want & ~range->unknown;

	if ((range->flags & want) != want || range->flags & ctl->deny ||
	    range->end <= ctl->low || range->start >= ctl->high)
		return 0;
	return (ctl->want | ctl->deny) & range->unknown;
}

/* Say how to find out a flag that the back end cannot report. */
static const char *remedy(const struct target *target, char letter)
{
	if (!target->process.pid)
		return "the listing was made without it";
	if (letter == 'd')
		return "a kernel with CONFIG_MEM_SOFT_DIRTY is required";
	if (letter == 'h' && target->reader.backend == DIRTY_PAGEMAP)
		return "--backend=pagemap-scan (Linux 6.7) reports it";
	return "a kernel with CONFIG_PROC_DIRTY_PAGES is required";
}

/* Fail if the selection depends on an unknown flag. */
static bool can_select(const struct control *ctl, struct target *target)
{
	const uint32_t known = DIRTY_FLAG('a') | DIRTY_FLAG('f') |
		DIRTY_FLAG('p') | DIRTY_FLAG('s') | DIRTY_FLAG('e') |
		DIRTY_FLAG('d') | DIRTY_FLAG('x') | DIRTY_FLAG('h') |
		DIRTY_FLAG('k') | DIRTY_FLAG('l');
	const uint32_t asked = ctl->want | ctl->deny;
	const struct dirty_listing *listing = &target->now.listing;
	uint32_t open = 0;
	char text[27];

	for (size_t i = 0; listing->unknown & asked && i < listing->count; i++)
		open |= open_letters(ctl, &listing->ranges[i]);
	if (open) {
		note_letters(open, text);
		set_problem(target, STATUS_UNSUPPORTED,
			    "%s does not report %s, which --flags needs; %s",
			    target->process.pid ?
			    dirty_backend_names[target->reader.backend] :
			    "this listing", text, remedy(target, *text));
	} else if (asked & ~known && listing->count && listing->columns <= 7) {
		/* Columns that later kernels add may have any letter. */
		note_letters(asked & ~known, text);
		set_problem(target, STATUS_UNSUPPORTED,
			    "this listing has no flag %s; see 'dirtycat --help'",
			    text);
	} else {
		return true;
	}
	target->now.listing.count = 0;
	return false;
}

/**
 * sample_free() - free the contents of a sample
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
	target->now = (struct sample){ 0 };
	clock_gettime(CLOCK_REALTIME, &target->now.when);
	free(target->problem);
	target->problem = NULL;
	target->status = STATUS_OK;
	target->vacant = false;
}

/* If the kernel does not track writes, dirty_pages reports d for every page. */
static int forget_untracked(struct target *target)
{
	static enum { UNASKED, TRACKED, UNTRACKED } answer;

	if (target->reader.backend != DIRTY_FILE)
		return 0;
	if (answer == UNASKED)
		answer = dirty_is_tracked() ? TRACKED : UNTRACKED;
	if (answer == TRACKED)
		return 0;
	return dirty_listing_forget(&target->now.listing, 'd');
}

/* Return true also if the process has ended. */
static bool has_no_memory(const struct target *target)
{
	const struct dirty_process *process = &target->process;
	struct dirty_thread thread;

	return dirty_thread_read(process, process->tid, &thread) || !thread.memory;
}

/* Sums and the plain listing need no mappings, which would take time to read. */
static bool needs_maps(const struct control *ctl)
{
	return ctl->whole ||
	       !(ctl->view & (VIEW_PROCESSES | VIEW_METRICS | VIEW_TEXT));
}

static void compare_with_last(struct target *target, uint64_t last, double when)
{
	struct sample *now = &target->now;

	if (target->read_at && !target->status) {
		now->delta = now->totals.bytes - last;
		now->interval = when - target->read_at;
	}
	target->read_at = target->status ? 0 : when;
}

/**
 * take_sample() - read the listing of a process, and its mappings
 * @ctl: the options
 * @target: that process. On error, its status and problem are set, and the
 *	sample has the lines read so far. The target is held until
 *	release_target(), so that acknowledge_sample() can follow.
 */
void take_sample(const struct control *ctl, struct target *target)
{
	double began = monotonic_seconds();
	struct sample *now = &target->now;
	uint64_t last = now->totals.bytes;
	int error;

	begin_sample(ctl, target);
	if (!hold_target(ctl, target)) {
		target->read_at = 0;
		return;
	}
	about_read(&target->about, target->process.fd, ctl->about);
	if (target->acknowledged)
		now->since = monotonic_seconds() - target->acknowledged;
	error = needs_maps(ctl) ?
		dirty_read_with_maps(&target->reader, &now->listing, &now->maps) :
		dirty_read(&target->reader, &now->listing);
	if (!error)
		error = forget_untracked(target);
	if (error == -ESRCH)
		set_problem(target, STATUS_VANISHED,
			    "exited or called exec while being read; the listing is truncated");
	else if (error == -EPROTO)
		set_problem(target, STATUS_OTHER, "line %zu of the listing: %s",
			    now->listing.count + 1, now->listing.problem);
	else if (error)
		explain(ctl, target, error);
	target->vacant = (error ? error == -ESRCH : !now->listing.count) &&
			 has_no_memory(target);
	if (can_select(ctl, target))
		select_ranges(ctl, now);
	now->spent = monotonic_seconds() - began;
	compare_with_last(target, last, began);
}

/**
 * parse_sample() - read a saved listing
 * @ctl: the options
 * @target: receives the listing, its status and problem
 * @fd: the file to read
 */
void parse_sample(const struct control *ctl, struct target *target, int fd)
{
	struct dirty_listing *listing = &target->now.listing;
	const char *fault;
	size_t line;
	int error;

	begin_sample(ctl, target);
	error = dirty_listing_parse(listing, fd);
	fault = dirty_listing_fault(listing, &line);
	if (fault) {
		listing->count = line;
	} else if (error == -EPROTO) {
		fault = listing->problem;
		line = listing->count;
	}
	if (fault)
		set_problem(target, STATUS_OTHER, "line %zu: %s", line + 1, fault);
	else if (error)
		set_problem(target, STATUS_OTHER, "%s", strerror(-error));
	if (can_select(ctl, target))
		select_ranges(ctl, &target->now);
}

/**
 * load_sample() - take a sample from a recording
 * @ctl: the options
 * @target: stands for the process
 * @recorded: that process
 * @kept: its listing and mappings
 */
void load_sample(const struct control *ctl, struct target *target,
		 const struct recorded *recorded, const struct kept *kept)
{
	double when = recorded->when.tv_sec + recorded->when.tv_nsec / 1e9;
	struct sample *now = &target->now;
	uint64_t last = now->totals.bytes;

	if (target->space != recorded->space) {
		sample_free(now);
		target->read_at = 0;
	}
	/* The clock may have been set back. */
	if (when < target->read_at)
		target->read_at = 0;
	begin_sample(ctl, target);
	target->process.pid = recorded->pid;
	target->process.start_time = recorded->start_time;
	target->space = recorded->space;
	target->reader.backend = recorded->backend;
	snprintf(target->process.comm, sizeof(target->process.comm), "%s",
		 recorded->comm);
	snprintf(target->name, sizeof(target->name), "%d", recorded->pid);
	now->when = recorded->when;
	now->since = recorded->since;
	if (!decode_listing(&kept->part[PART_LISTING], &now->listing) ||
	    !decode_maps(&kept->part[PART_MAPS], &now->maps)) {
		sample_free(now);
		set_problem(target, STATUS_OTHER, "its sample in the recording is damaged");
	} else if (can_select(ctl, target)) {
		select_ranges(ctl, now);
	}
	compare_with_last(target, last, when);
	if (ctl->view == VIEW_METRICS)
		read_labels(ctl, target);
}

/**
 * acknowledge_sample() - acknowledge the pages shown of a process
 * @ctl: the options
 * @target: that process, its reader still open
 */
void acknowledge_sample(const struct control *ctl, struct target *target)
{
	int error = dirty_acknowledge(&target->reader,
				      target->now.listing.ranges,
				      target->now.listing.count);

	if (error == -ESRCH)
		set_problem(target, STATUS_VANISHED,
			    "exited or called exec before it was acknowledged");
	else if (error)
		explain(ctl, target, error);
	else
		target->acknowledged = monotonic_seconds();
}
