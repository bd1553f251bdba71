// SPDX-License-Identifier: GPL-2.0
/* Programs, and when they were sampled: the contents of pictures over time. */
#define _GNU_SOURCE
#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/message.h"

/**
 * past_open() - begin to go through samples
 * @past: filled in; to be closed by past_close()
 * @run: with the options and the chosen processes
 * @source: of the samples
 */
void past_open(struct past *past, const struct run *run,
	       const struct source *source)
{
	past->run = (struct run){
		.ctl = run->ctl,
		.chosen = run->chosen,
		.chosen_count = run->chosen_count,
	};
	/* Samples of a live run are of selected processes only. */
	if (run->ctl.recorded)
		past->run.selection = run->selection;
	replay_open(&past->replay, &past->run, source->fd, source->name,
		    source->begin);
	/* Problems of the file were reported when it was shown. */
	past->replay.recording.told = true;
}

/**
 * past_next() - go to the next round
 * @past: its run has the processes of that round
 *
 * Return: false if there is none.
 */
bool past_next(struct past *past)
{
	return replay_next(&past->replay);
}

/**
 * past_close() - stop going through samples
 * @past: as past_open() filled it in
 */
void past_close(struct past *past)
{
	replay_close(&past->replay);
	free(past->run.targets);
}

/**
 * history_seconds() - place a time on the time axis
 * @history: that knows when it begins
 * @when: that time
 *
 * Return: seconds since the first round.
 */
double history_seconds(const struct history *history, const struct timespec *when)
{
	return when->tv_sec - history->start.tv_sec +
	       (when->tv_nsec - history->start.tv_nsec) / 1e9;
}

/**
 * history_life() - find the program that was sampled
 * @history: where
 * @target: its process
 *
 * Return: the program, or NULL.
 */
struct life *history_life(const struct history *history,
			  const struct target *target)
{
	for (size_t i = 0; i < history->count; i++) {
		struct life *life = &history->lives[i];

		if (life->pid == target->pid &&
		    life->start_time == target->start_time &&
		    life->space == target->space)
			return life;
	}
	return NULL;
}

static struct life *add_life(struct history *history, const struct target *target)
{
	struct life *life;

	history->lives = grow(history->lives, history->count + 1, sizeof(*life));
	life = &history->lives[history->count++];
	*life = (struct life){
		.pid = target->pid,
		.start_time = target->start_time,
		.space = target->space,
	};
	return life;
}

/* A line may lie in several mappings, and on the edge of one that is gone. */
static void add_range(struct life *life, const struct dirtypages_maps *maps,
		      const struct dirtypages_range *range)
{
	uint64_t at = range->start;

	for (size_t i = dirtypages_maps_first(maps, at); i < dirtypages_maps_count(maps); i++) {
		const struct dirtypages_mapping *m = dirtypages_maps_get(maps, i);
		uint64_t end = m->end < range->end ? m->end : range->end;

		if (m->start >= range->end)
			break;
		if (m->start > at)
			at = m->start;
		places_add(&life->places, at, end, *m->name ? m->name : "[anon]");
		at = end;
	}
}

static void add_sample(struct history *history, const struct target *target)
{
	const struct sample *now = &target->now;
	const struct dirtypages_range *range = dirtypages_listing_ranges(now->listing);
	struct life *life = history_life(history, target);

	if (!life)
		life = add_life(history, target);
	memcpy(life->comm, target->comm, sizeof(life->comm));
	life->known |= ~now->totals.unknown;
	if (history->most < now->totals.bytes)
		history->most = now->totals.bytes;
	if (now->since > 0 &&
	    !(dirtypages_listing_unknown(now->listing) & DIRTYPAGES_FLAG('d')))
		life->tracked = true;
	for (size_t i = 0; i < dirtypages_listing_count(now->listing); i++)
		add_range(life, now->maps, &range[i]);
}

static void add_round(struct history *history, const struct past *past)
{
	const struct timespec *when = &past->replay.recording.when;
	double seconds;

	if (!history->rounds)
		history->start = *when;
	seconds = history_seconds(history, when);
	/* The clock may have been set back. */
	if (history->rounds && seconds < history->times[history->rounds - 1])
		seconds = history->times[history->rounds - 1];
	history->times = grow(history->times, history->rounds + 1, sizeof(double));
	history->times[history->rounds++] = seconds;
	for (size_t i = 0; i < past->run.count; i++)
		if (!past->run.targets[i].status)
			add_sample(history, &past->run.targets[i]);
}

/* Draw the first programs rather than nothing: sampling may have taken hours. */
static void leave_out(struct history *history, const char *option)
{
	warning("%s: %zu programs, and a picture has %d panels; it lacks those that came last",
		option, history->count, MAX_PANELS);
	while (history->count > MAX_PANELS)
		places_free(&history->lives[--history->count].places);
}

/**
 * history_read() - go through samples, or end the program if they make no picture
 * @history: filled in; to be freed by history_free()
 * @run: with the options and the chosen processes
 * @source: of the samples
 * @option: that asks for the picture
 */
void history_read(struct history *history, const struct run *run,
		  const struct source *source, const char *option)
{
	struct past past;

	*history = (struct history){ 0 };
	past_open(&past, run, source);
	while (past_next(&past))
		add_round(history, &past);
	past_close(&past);
	if (!history->count)
		die(STATUS_OTHER, "%s: no process was sampled, so there is nothing to draw",
		    option);
	if (history->times[history->rounds - 1] <= 0)
		die(STATUS_OTHER, "%s: a picture over time takes more than one sample",
		    option);
	if (history->count <= MAX_PANELS)
		return;
	if (run->ctl.recorded)
		die(STATUS_USAGE,
		    "%s: %zu processes or programs, and a picture has %d panels; choose some by --pid",
		    option, history->count, MAX_PANELS);
	leave_out(history, option);
}

/**
 * history_free() - free the members of a history
 * @history: empty afterwards
 */
void history_free(struct history *history)
{
	for (size_t i = 0; i < history->count; i++)
		places_free(&history->lives[i].places);
	free(history->lives);
	free(history->times);
	*history = (struct history){ 0 };
}
