/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of dirtycat share. */
#ifndef DIRTYCAT_H
#define DIRTYCAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "common/status.h"
#include "dirtypages.h"

/**
 * struct totals - sums over some lines of a listing
 * @runs: how many lines
 * @bytes: of their pages
 * @with: bytes of those pages that have a flag, by its letter
 * @unknown: letters that are not known of some of them
 */
struct totals {
	uint64_t runs;
	uint64_t bytes;
	uint64_t with[26];
	uint64_t unknown;
};

/**
 * struct sample - what a process was found to have at one time
 * @listing: the lines that were asked for
 * @maps: its mappings just after, none for text that was kept
 * @totals: of the whole listing
 * @when: the time of day
 * @spent: seconds that reading took
 * @since: seconds since it was acknowledged before, 0 if it was not
 */
struct sample {
	struct dirty_listing listing;
	struct dirty_maps maps;
	struct totals totals;
	struct timespec when;
	double spent;
	double since;
};

/**
 * struct target - a process to be shown
 * @name: what diagnostics call it
 * @process: the process; no number for text that was kept. It is open only while
 *	it is read, or as long as it is tracked
 * @space: the address space that it had at the last sample
 * @known: it was seen before, so that its start time is known
 * @reader: of the last sample
 * @now: the last sample
 * @before: the one before it, if somebody wants to compare
 * @status: of the last sample
 * @problem: a sentence about that, to be freed
 * @acknowledged: the moment of the last acknowledgment, monotonic seconds
 * @lock: held while it is tracked, else -1
 * @by_name: found by its name: when it ends, it is dropped silently
 * @ended: its process is not there any more
 * @gone: it is dropped
 */
struct target {
	char name[24];
	struct dirty_process process;
	uint64_t space;
	bool known;
	struct dirty_reader reader;
	struct sample now;
	struct sample before;
	enum status status;
	char *problem;
	double acknowledged;
	int lock;
	bool by_name;
	bool ended;
	bool gone;
};

/* What a row of a table is about */
enum view {
	VIEW_RUNS	= 1,	/* a line of the listing */
	VIEW_MAPPINGS	= 2,
	VIEW_PROCESSES	= 4,
	VIEW_CHANGES	= 8,	/* a range that differs from an older listing */
	VIEW_TEXT	= 16,	/* no table: the lines as they are */
	VIEW_METRICS	= 32,	/* no table: OpenMetrics */
	VIEW_PICTURE	= 64,	/* no table: a picture */
};

enum format {
	FORMAT_TABLE,
	FORMAT_JSON,
	FORMAT_PAIRS,
	FORMAT_RAW,
};

enum { MAX_COLUMNS = 64 };

/**
 * struct control - the options
 * @view: what to show
 * @format: of tables
 * @columns: of the table, -1 ends them
 * @bytes: sizes as numbers of bytes
 * @noheadings: no heading, or not again
 * @summary: also show the table of processes
 * @low: first address that is asked for
 * @high: address after the last
 * @want: letters that a line has to have
 * @deny: letters that it must not have
 * @need: letters that are shown or selected by, so that the back end looks
 * @backend: where to look
 * @clear: acknowledge what was shown
 * @delay: seconds between samples
 * @count: how many samples, 0 is no end
 * @old: an older listing to compare with
 * @several: there may be more than one process
 * @timed: there may be more than one sample
 * @kept: it is a listing that was kept, without processes and mappings
 * @out: where to
 */
struct control {
	enum view view;
	enum format format;
	int columns[MAX_COLUMNS + 1];
	bool bytes;
	bool noheadings;
	bool summary;
	uint64_t low;
	uint64_t high;
	uint32_t want;
	uint32_t deny;
	uint32_t need;
	enum dirty_backend backend;
	bool clear;
	double delay;
	unsigned long count;
	const struct dirty_listing *old;
	bool several;
	bool timed;
	bool kept;
	FILE *out;
};

/**
 * struct run - what the program is about to do
 * @ctl: the options
 * @targets: the processes
 * @count: how many
 * @names: whose processes are looked for before each sample
 * @names_count: how many
 * @told: names that no process had are already reported
 * @shown: something was put out before
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
	bool told;
	bool shown;
	const char *input;
	const char *diff;
	const char *output_file;
	enum status status;
};

#endif /* DIRTYCAT_H */
