// SPDX-License-Identifier: GPL-2.0
/* Samples: a listing, cut down to the selection, with its sums. */
#define _GNU_SOURCE
#include "sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/memory.h"
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
void totals_add(struct totals *totals, const struct dirtypages_range *range,
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
	struct dirtypages_listing *listing = sample->listing;
	const struct dirtypages_range *range = dirtypages_listing_ranges(listing);

	dirtypages_listing_select(listing, ctl->want, ctl->deny, ctl->low, ctl->high);
	for (size_t i = 0; i < dirtypages_listing_count(listing); i++)
		totals_add(&sample->totals, &range[i], range[i].end - range[i].start);
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
			     const struct dirtypages_range *range)
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
	if (!target->pid)
		return "the listing was made without it";
	if (letter == 'd')
		return "a kernel with CONFIG_MEM_SOFT_DIRTY is required";
	if (letter == 'h' && target->backend == DIRTYPAGES_PAGEMAP)
		return "--backend=pagemap-scan (Linux 6.7) reports it";
	return "a kernel with CONFIG_PROC_DIRTY_PAGES is required";
}

/* Fail if the selection depends on an unknown flag. */
static bool can_select(const struct control *ctl, struct target *target)
{
	const uint32_t known = DIRTYPAGES_FLAG('a') | DIRTYPAGES_FLAG('f') |
		DIRTYPAGES_FLAG('p') | DIRTYPAGES_FLAG('s') | DIRTYPAGES_FLAG('e') |
		DIRTYPAGES_FLAG('d') | DIRTYPAGES_FLAG('x') | DIRTYPAGES_FLAG('h') |
		DIRTYPAGES_FLAG('k') | DIRTYPAGES_FLAG('l');
	const uint32_t asked = ctl->want | ctl->deny;
	const struct dirtypages_listing *listing = target->now.listing;
	uint32_t open = 0;
	char text[27];

	for (size_t i = 0; dirtypages_listing_unknown(listing) & asked &&
	     i < dirtypages_listing_count(listing); i++)
		open |= open_letters(ctl, &dirtypages_listing_ranges(listing)[i]);
	if (open) {
		note_letters(open, text);
		set_problem(target, STATUS_UNSUPPORTED,
			    "%s does not report %s, which --flags needs; %s",
			    target->pid ?
			    dirtypages_backend_name(target->backend) :
			    "this listing", text, remedy(target, *text));
	} else if (asked & ~known && dirtypages_listing_count(listing) &&
		   dirtypages_listing_columns(listing) <= 7) {
		/* Columns that later kernels add may have any letter. */
		note_letters(asked & ~known, text);
		set_problem(target, STATUS_UNSUPPORTED,
			    "this listing has no flag %s; see 'dirtycat --help'",
			    text);
	} else {
		return true;
	}
	dirtypages_listing_truncate(target->now.listing, 0);
	return false;
}

/**
 * sample_free() - free the contents of a sample
 * @sample: empty afterwards
 */
void sample_free(struct sample *sample)
{
	dirtypages_listing_free(sample->listing);
	dirtypages_maps_free(sample->maps);
	*sample = (struct sample){ 0 };
}

static struct dirtypages_listing *new_listing(void)
{
	struct dirtypages_listing *listing;

	if (dirtypages_listing_new(&listing))
		checked(NULL);
	return listing;
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
	static struct dirtypages_kernel kernel;

	if (target->backend != DIRTYPAGES_FILE)
		return 0;
	if (!kernel.size) {
		kernel.size = sizeof(kernel);
		if (dirtypages_kernel_query(&kernel))
			kernel.can = DIRTYPAGES_CAN_TRACK;
	}
	if (kernel.can & DIRTYPAGES_CAN_TRACK)
		return 0;
	return dirtypages_listing_forget(target->now.listing, DIRTYPAGES_WRITTEN);
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
	now->listing = new_listing();
	about_read(&target->about, target_dir(target), ctl->about);
	if (target->acknowledged)
		now->since = monotonic_seconds() - target->acknowledged;
	error = needs_maps(ctl) ?
		dirtypages_read_with_maps(target->pages, now->listing, &now->maps) :
		dirtypages_read(target->pages, now->listing);
	if (!error)
		error = forget_untracked(target);
	if (error == -ESRCH)
		set_problem(target, STATUS_VANISHED,
			    "exited or called exec while being read; the listing is truncated");
	else if (error == -EPROTO)
		set_problem(target, STATUS_OTHER, "line %zu of the listing: %s",
			    dirtypages_listing_count(now->listing) + 1,
			    dirtypages_listing_problem(now->listing));
	else if (error)
		explain(ctl, target, error);
	target->vacant = (error ? error == -ESRCH :
				  !dirtypages_listing_count(now->listing)) &&
			 !dirtypages_process_has_memory(target->process);
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
	struct dirtypages_listing *listing;
	const char *fault;
	size_t line;
	int error;

	begin_sample(ctl, target);
	listing = new_listing();
	target->now.listing = listing;
	error = dirtypages_listing_parse(listing, fd);
	fault = dirtypages_listing_fault(listing, &line);
	if (fault) {
		dirtypages_listing_truncate(listing, line);
	} else if (error == -EPROTO) {
		fault = dirtypages_listing_problem(listing);
		line = dirtypages_listing_count(listing);
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
	target->pid = recorded->pid;
	target->start_time = recorded->start_time;
	target->space = recorded->space;
	target->backend = recorded->backend;
	snprintf(target->comm, sizeof(target->comm), "%s",
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
 * @target: that process, still held
 */
void acknowledge_sample(const struct control *ctl, struct target *target)
{
	int error = dirtypages_acknowledge(target->pages, target->now.listing);

	if (error == -ESRCH)
		set_problem(target, STATUS_VANISHED,
			    "exited or called exec before it was acknowledged");
	else if (error)
		explain(ctl, target, error);
	else
		target->acknowledged = monotonic_seconds();
}
