// SPDX-License-Identifier: GPL-2.0
/* Samples of a recording, as if they were taken now. */
#define _GNU_SOURCE
#include "replay.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/message.h"
#include "sample.h"
#include "target.h"

/**
 * replay_open() - begin to show a recording, or end the program
 * @replay: filled in; to be closed by replay_close()
 * @run: its targets are replaced
 * @fd: of the recording
 * @name: of the recording, for diagnostics
 * @begin: where its first round is, 0 for that of the file
 */
void replay_open(struct replay *replay, struct run *run, int fd, const char *name,
		 off_t begin)
{
	replay->run = run;
	replay->found = checked(calloc(run->chosen_count + 1, sizeof(*replay->found)));
	replay->any = false;
	recording_open(&replay->recording, fd, name);
	if (begin)
		recording_rewind(&replay->recording, begin);
}

static bool is_wanted(struct replay *replay, const struct recorded *process)
{
	struct run *run = replay->run;
	struct selection *selection = &run->selection;
	bool wanted = !run->chosen_count;

	/* Like a live run, take the union of PIDs and selection. */
	if (selection->all)
		wanted = selects_recorded(selection, process->comm);
	for (size_t i = 0; i < run->chosen_count; i++) {
		if (run->chosen[i].pid == process->pid) {
			replay->found[i] = true;
			wanted = true;
		}
	}
	replay->any |= wanted;
	return wanted;
}

static struct target *target_of(struct run *run, const struct recorded *process)
{
	struct target *target;

	for (size_t i = 0; i < run->count; i++) {
		target = &run->targets[i];
		if (target->pid == process->pid &&
		    target->start_time == process->start_time)
			return target;
	}
	return add_target(run);
}

/* Drop the processes that the round does not have. */
static void drop_others(struct run *run, const bool *seen)
{
	size_t kept = 0;

	for (size_t i = 0; i < run->count; i++) {
		if (seen[i])
			run->targets[kept++] = run->targets[i];
		else
			drop_target(&run->targets[i]);
	}
	run->count = kept;
}

/**
 * replay_next() - show the next round
 * @replay: the targets of its run are those of that round
 *
 * Return: false if there is none.
 */
bool replay_next(struct replay *replay)
{
	struct recording *recording = &replay->recording;
	struct run *run = replay->run;
	bool *seen;

	if (!recording_next(recording))
		return false;
	seen = checked(calloc(run->count + recording->count + 1, sizeof(*seen)));
	for (size_t i = 0; i < recording->count; i++) {
		struct target *target;

		if (!is_wanted(replay, &recording->processes[i]))
			continue;
		target = target_of(run, &recording->processes[i]);
		load_sample(&run->ctl, target, &recording->processes[i],
			    &recording->kept[i]);
		seen[target - run->targets] = true;
	}
	drop_others(run, seen);
	free(seen);
	return true;
}

static void report_missing(struct replay *replay, const char *missing)
{
	warning("%s: not in %s; --summary=only without it lists those that are",
		missing, replay->recording.name);
	if (!replay->run->status)
		replay->run->status = STATUS_NO_PROCESS;
}

/**
 * replay_report_missing() - report chosen processes that the recording lacks
 * @replay: that was shown to its end
 */
void replay_report_missing(struct replay *replay)
{
	const struct run *run = replay->run;
	const struct selection *selection = &run->selection;
	bool missed = false;

	for (size_t i = 0; i < run->chosen_count; i++)
		if (!replay->found[i])
			report_missing(replay, run->chosen[i].name);
	for (size_t i = 0; i < selection->count; i++) {
		if (selection->criteria[i].met)
			continue;
		report_missing(replay, selection->criteria[i].text);
		missed = true;
	}
	if (selection->count && !missed && !replay->any)
		report_missing(replay, "a process that meets all criteria");
}

/**
 * replay_close() - free the members of a replay and its targets
 * @replay: as replay_open() filled it in
 */
void replay_close(struct replay *replay)
{
	struct run *run = replay->run;

	if (replay->recording.damaged && !run->status)
		run->status = STATUS_OTHER;
	for (size_t i = 0; i < run->count; i++)
		drop_target(&run->targets[i]);
	run->count = 0;
	free(replay->found);
	recording_close(&replay->recording);
}
