/* SPDX-License-Identifier: GPL-2.0 */
/* Data structures that all parts of dirtycat share. */
#ifndef DIRTYCAT_H
#define DIRTYCAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <dirtypages.h>

#include "about.h"
#include "colour.h"
#include "common/status.h"
#include "selection.h"

/**
 * struct totals - sums over some lines of a listing
 * @runs: number of lines
 * @bytes: size of their pages
 * @with: size of the pages that have a flag, by its letter
 * @unknown: letters that are unknown for some pages
 */
struct totals {
	uint64_t runs;
	uint64_t bytes;
	uint64_t with[26];
	uint64_t unknown;
};

/**
 * struct sample - the modified pages of a process at one time
 * @listing: the selected lines, NULL if none were read
 * @maps: the mappings just afterwards, NULL for a saved listing
 * @totals: sums over the listing
 * @when: the time of day
 * @spent: seconds spent on reading
 * @delta: growth of the modified pages since the last sample, in bytes
 * @interval: seconds since the last sample, 0 if there was none
 * @since: seconds since the last acknowledgment, 0 if there was none
 */
struct sample {
	struct dirtypages_listing *listing;
	struct dirtypages_maps *maps;
	struct totals totals;
	struct timespec when;
	double spent;
	int64_t delta;
	double interval;
	double since;
};

/**
 * struct target - a process to be shown
 * @name: its name in diagnostics
 * @pid: its PID, 0 for a saved listing
 * @start_time: its start time, in clock ticks since boot
 * @comm: its name at the last sample
 * @process: the process, NULL unless it is being read
 * @space: the address space at the last sample
 * @known: the process was seen before, so its start time is known
 * @pages: its address space, NULL unless it is being read
 * @backend: the source of the last sample
 * @now: the last sample
 * @before: the sample before it, for pictures
 * @status: the exit status after the last sample
 * @problem: the diagnostic that explains it, to be freed
 * @about: other properties of the process, as far as they are shown
 * @read_at: time of the last sample, in monotonic seconds, 0 if it failed
 * @acknowledged: time of the last acknowledgment, in monotonic seconds
 * @tracker: held while the process is tracked, else NULL
 * @series: the labels of its metrics, to be freed; NULL if it has none
 * @selected: found by the selection, so dropped silently when it exits
 * @vacant: it has no memory, like a kernel thread or a zombie
 * @ended: the process has exited
 * @gone: the target is dropped
 */
struct target {
	char name[24];
	pid_t pid;
	uint64_t start_time;
	char comm[64];
	struct dirtypages_process *process;
	uint64_t space;
	bool known;
	struct dirtypages *pages;
	enum dirtypages_backend backend;
	struct sample now;
	struct sample before;
	enum status status;
	char *problem;
	struct about about;
	double read_at;
	double acknowledged;
	struct dirtypages_tracker *tracker;
	char *series;
	bool selected;
	bool vacant;
	bool ended;
	bool gone;
};

/* The views; for tables, the kind of a row */
enum view {
	VIEW_RUNS	= 1,	/* a line of the listing */
	VIEW_MAPPINGS	= 2,
	VIEW_PROCESSES	= 4,
	VIEW_CHANGES	= 8,	/* a range that differs from an older listing */
	VIEW_TEXT	= 16,	/* no table: the lines themselves */
	VIEW_METRICS	= 32,	/* no table: OpenMetrics */
	VIEW_PICTURE	= 64,	/* no table: a picture */
};

enum format {
	FORMAT_TABLE,
	FORMAT_JSON,
	FORMAT_PAIRS,
	FORMAT_RAW,
};

enum { MAX_COLUMNS = 64, MAX_LABELS = 8 };

/* A picture of more panels would be too high to look at. */
enum { MAX_PANELS = 12 };

/**
 * struct control - the options
 * @view: the view
 * @format: the format of tables
 * @lines: print each sample as one line of JSON
 * @columns: the columns of the table, ended by -1
 * @labels: the labels of metrics, ended by -1
 * @bytes: print sizes in bytes
 * @noheadings: do not print a heading, or not again
 * @sort: the column to sort by, or -1
 * @descending: print the greatest first
 * @top: print at most this many rows, 0 for no limit
 * @total: print a last row of sums
 * @summary: also show the table of processes
 * @low: first address to show
 * @high: address after the last
 * @want: letters that a line must have
 * @deny: letters that a line must not have
 * @need: letters that the output or the selection depends on
 * @about: what to read of processes, for about_read()
 * @backend: the source of the listing
 * @clear: acknowledge the pages shown
 * @delay: seconds between samples
 * @count: number of samples, 0 for no limit
 * @old: an older listing to compare with
 * @several: there may be more than one process
 * @timed: there may be more than one sample
 * @live: redraw samples in place
 * @coloured: use colours
 * @colours: those colours
 * @whole: sample all that a recording keeps: mappings and the address space
 * @recorded: show a recording, which has no users, cgroups and command lines
 * @kept: show a saved listing, which has no processes and no mappings
 * @out: the stream to print to
 */
struct control {
	enum view view;
	enum format format;
	bool lines;
	int columns[MAX_COLUMNS + 1];
	int labels[MAX_LABELS + 1];
	bool bytes;
	bool noheadings;
	int sort;
	bool descending;
	unsigned long top;
	bool total;
	bool summary;
	uint64_t low;
	uint64_t high;
	uint32_t want;
	uint32_t deny;
	uint32_t need;
	unsigned int about;
	enum dirtypages_backend backend;
	bool clear;
	double delay;
	unsigned long count;
	struct dirtypages_listing *old;
	bool several;
	bool timed;
	bool live;
	bool coloured;
	struct colours colours;
	bool whole;
	bool recorded;
	bool kept;
	FILE *out;
};

struct live;

/**
 * struct run - the state of the program
 * @ctl: the options
 * @targets: the processes
 * @count: number of targets
 * @selection: processes to look for before each sample
 * @shown: a sample has been printed before
 * @live: the terminal if samples are redrawn in place, else NULL
 * @quit: the user has quit
 * @chosen: the processes of a recording to show
 * @chosen_count: number of chosen processes
 * @input: a saved listing or recording to show
 * @input_fd: that file, open
 * @diff: a saved listing to compare with
 * @output_file: the file to replace at each sample
 * @record: the recording to append to
 * @heatmap: the file for a picture of addresses over time
 * @plot: the file for a picture of sums over time
 * @quiet: record or draw samples only, print nothing
 * @status: exit status of the first target that failed
 */
struct run {
	struct control ctl;
	struct target *targets;
	size_t count;
	struct selection selection;
	bool shown;
	struct live *live;
	bool quit;
	struct target *chosen;
	size_t chosen_count;
	const char *input;
	int input_fd;
	const char *diff;
	const char *output_file;
	const char *record;
	const char *heatmap;
	const char *plot;
	bool quiet;
	enum status status;
};

#endif /* DIRTYCAT_H */
