// SPDX-License-Identifier: GPL-2.0
/* The columns of tables, and the choice of them. */
#define _GNU_SOURCE
#include "columns.h"

#include <strings.h>

#include "about.h"

#define ANY	(VIEW_RUNS | VIEW_MAPPINGS | VIEW_PROCESSES | VIEW_CHANGES)
#define PLACES	(VIEW_RUNS | VIEW_MAPPINGS | VIEW_CHANGES)
#define SUMS	(VIEW_MAPPINGS | VIEW_PROCESSES)

const struct column_info columns[COLUMNS] = {
	[COL_TIME] = {
		.name = "TIME",
		.help = "time of the sample",
		.kind = TEXT,
		.views = ANY,
	},
	[COL_PID] = {
		.name = "PID",
		.help = "process ID",
		.kind = NUMBER,
		.views = ANY,
		.shown = VIEW_PROCESSES,
	},
	[COL_COMM] = {
		.name = "COMM",
		.help = "process name",
		.kind = TEXT,
		.views = ANY,
		.shown = VIEW_PROCESSES,
	},
	[COL_USER] = {
		.name = "USER",
		.help = "effective user",
		.kind = TEXT,
		.views = ANY,
		.about = ABOUT_USER,
	},
	[COL_CGROUP] = {
		.name = "CGROUP",
		.help = "cgroup of the process",
		.kind = TEXT,
		.views = ANY,
		.about = ABOUT_CGROUP,
	},
	[COL_CHANGE] = {
		.name = "CHANGE",
		.help = "new, gone, or flags (if they differ)",
		.kind = TEXT,
		.views = VIEW_CHANGES,
		.shown = VIEW_CHANGES,
	},
	[COL_START] = {
		.name = "START",
		.help = "first address",
		.kind = TEXT,
		.views = PLACES,
		.shown = PLACES,
	},
	[COL_END] = {
		.name = "END",
		.help = "end address (exclusive)",
		.kind = TEXT,
		.views = PLACES,
		.shown = PLACES,
	},
	[COL_SIZE] = {
		.name = "SIZE",
		.help = "from START to END",
		.kind = SIZE,
		.views = PLACES,
		.shown = PLACES,
	},
	[COL_PAGES] = {
		.name = "PAGES",
		.help = "number of modified pages",
		.kind = COUNT,
		.views = ANY,
	},
	[COL_OLD] = {
		.name = "OLD",
		.help = "flags in the older listing",
		.kind = WORDS,
		.views = VIEW_CHANGES,
		.shown = VIEW_CHANGES,
	},
	[COL_FLAGS] = {
		.name = "FLAGS",
		.help = "flags, see below",
		.kind = WORDS,
		.views = VIEW_RUNS | VIEW_CHANGES,
		.shown = VIEW_RUNS | VIEW_CHANGES,
	},
	[COL_RUNS] = {
		.name = "RUNS",
		.help = "number of lines in the listing",
		.kind = COUNT,
		.views = SUMS,
		.shown = VIEW_PROCESSES,
	},
	[COL_DIRTY] = {
		.name = "DIRTY",
		.help = "modified",
		.kind = SIZE,
		.views = SUMS,
		.shown = SUMS,
	},
	[COL_DELTA] = {
		.name = "DELTA",
		.help = "growth of DIRTY since the last sample",
		.kind = SIZE,
		.views = VIEW_PROCESSES,
		.compares = true,
	},
	[COL_GROWTH] = {
		.name = "GROWTH",
		.help = "DELTA per second",
		.kind = SIZE,
		.views = VIEW_PROCESSES,
		.compares = true,
	},
	[COL_WRITTEN] = {
		.name = "WRITTEN",
		.help = "may have been written since acknowledged (d)",
		.kind = SIZE,
		.views = SUMS,
		.shown = SUMS,
		.letter = 'd',
	},
	[COL_RATE] = {
		.name = "RATE",
		.help = "WRITTEN per second since the last acknowledgment",
		.kind = SIZE,
		.views = SUMS,
	},
	[COL_SHARED] = {
		.name = "SHARED",
		.help = "shared with other processes, or merged (not x)",
		.kind = SIZE,
		.views = SUMS,
		.shown = SUMS,
		.letter = 'x',
		.without = true,
	},
	[COL_SWAPPED] = {
		.name = "SWAPPED",
		.help = "in swap (s)",
		.kind = SIZE,
		.views = SUMS,
		.shown = SUMS,
		.letter = 's',
	},
	[COL_HUGE] = {
		.name = "HUGE",
		.help = "mapped by huge pages (h)",
		.kind = SIZE,
		.views = SUMS,
		.shown = SUMS,
		.letter = 'h',
	},
	[COL_MERGED] = {
		.name = "MERGED",
		.help = "merged by KSM (k)",
		.kind = SIZE,
		.views = SUMS,
		.letter = 'k',
	},
	[COL_LAZY] = {
		.name = "LAZY",
		.help = "lazily freed (l)",
		.kind = SIZE,
		.views = SUMS,
		.letter = 'l',
	},
	[COL_LOST] = {
		.name = "LOST",
		.help = "lost to memory errors (e)",
		.kind = SIZE,
		.views = SUMS,
		.letter = 'e',
	},
	[COL_ANON] = {
		.name = "ANON",
		.help = "in anonymous mappings (a)",
		.kind = SIZE,
		.views = SUMS,
		.letter = 'a',
	},
	[COL_FILE] = {
		.name = "FILE",
		.help = "in private file mappings (f)",
		.kind = SIZE,
		.views = SUMS,
		.letter = 'f',
	},
	[COL_BACKEND] = {
		.name = "BACKEND",
		.help = "source of the listing",
		.kind = TEXT,
		.views = VIEW_PROCESSES,
	},
	[COL_PERM] = {
		.name = "PERM",
		.help = "permissions of the mapping, as in maps",
		.kind = TEXT,
		.views = PLACES,
	},
	[COL_OFFSET] = {
		.name = "OFFSET",
		.help = "offset of START in the file",
		.kind = TEXT,
		.views = PLACES,
	},
	[COL_DEV] = {
		.name = "DEV",
		.help = "device of the file",
		.kind = TEXT,
		.views = PLACES,
	},
	[COL_INODE] = {
		.name = "INODE",
		.help = "inode number of the file",
		.kind = NUMBER,
		.views = PLACES,
	},
	[COL_MAPPING] = {
		.name = "MAPPING",
		.help = "name of the mapping",
		.kind = TEXT,
		.views = PLACES,
		.shown = PLACES,
	},
	[COL_ARGS] = {
		.name = "ARGS",
		.help = "command line",
		.kind = TEXT,
		.views = ANY,
		.about = ABOUT_ARGS,
	},
};

/**
 * column_is_number() - check whether the cells of a column are numbers
 * @column: the column
 *
 * Return: true if they are.
 */
bool column_is_number(enum column column)
{
	return columns[column].kind == NUMBER || column_adds_up(column);
}

/**
 * column_adds_up() - check whether --total sums up a column
 * @column: the column
 *
 * Return: true if it does.
 */
bool column_adds_up(enum column column)
{
	return columns[column].kind == COUNT || columns[column].kind == SIZE;
}

/**
 * column_by_name() - find a column
 * @name: its name, in letters of either case
 * @len: length of the name
 *
 * Return: the column, or -1.
 */
int column_by_name(const char *name, size_t len)
{
	for (int i = 0; i < COLUMNS; i++)
		if (!strncasecmp(columns[i].name, name, len) &&
		    !columns[i].name[len])
			return i;
	return -1;
}

/**
 * column_fits() - check whether the table of a view can have a column
 * @column: that column
 * @views: that view, or a set of views one of which is enough
 *
 * Return: true if it can.
 */
bool column_fits(int column, int views)
{
	return columns[column].views & views;
}

/**
 * default_columns() - list the columns that a view shows by default
 * @ctl: the options
 * @view: that view
 * @all: list all columns that the view can have
 * @more: a set of columns that are listed as well
 * @list: set to the columns; -1 ends them
 */
void default_columns(const struct control *ctl, enum view view, bool all,
		     uint64_t more, int *list)
{
	const uint64_t no_text_tells = 1ull << COL_PID | 1ull << COL_COMM |
				       1ull << COL_USER | 1ull << COL_CGROUP |
				       1ull << COL_MAPPING | 1ull << COL_ARGS;

	for (int i = 0; i < COLUMNS; i++) {
		bool shown = all || columns[i].shown & view || more & 1ull << i;

		if (ctl->kept && no_text_tells & 1ull << i)
			continue;
		/* about_read() reads these from /proc; a recording lacks them. */
		if (ctl->recorded && columns[i].about)
			continue;
		if (shown && columns[i].views & view)
			*list++ = i;
	}
	*list = -1;
}

/**
 * columns_default() - choose the columns unless --output names them
 * @ctl: the options; its columns are set
 * @all: choose all columns of the view
 * @timed: include the time, because there are several samples
 * @rate: include the rate
 */
void columns_default(struct control *ctl, bool all, bool timed, bool rate)
{
	uint64_t more = 0;

	if (ctl->live)
		more |= 1ull << COL_DELTA;
	else if (timed)
		more |= 1ull << COL_TIME;
	if (rate)
		more |= 1ull << COL_RATE;
	if (ctl->several)
		more |= 1ull << COL_PID;
	default_columns(ctl, ctl->view, all, more, ctl->columns);
}

/**
 * columns_need() - find the flags that the columns depend on
 * @ctl: the options, with their columns
 *
 * Return: a set of letters, see DIRTYPAGES_FLAG().
 */
uint32_t columns_need(const struct control *ctl)
{
	uint32_t need = 0;

	if (ctl->view == VIEW_METRICS || ctl->view == VIEW_TEXT)
		return UINT32_MAX;
	/* A picture shows these flags as colours. */
	if (ctl->view == VIEW_PICTURE)
		return DIRTYPAGES_FLAG('d') | DIRTYPAGES_FLAG('s');
	for (const int *c = ctl->columns; *c != -1; c++) {
		if (columns[*c].kind == WORDS)
			need = UINT32_MAX;
		else if (columns[*c].letter)
			need |= DIRTYPAGES_FLAG(columns[*c].letter);
	}
	if (ctl->sort != -1 && columns[ctl->sort].letter)
		need |= DIRTYPAGES_FLAG(columns[ctl->sort].letter);
	for (int i = 0; ctl->summary && i < COLUMNS; i++)
		if (columns[i].shown & VIEW_PROCESSES && columns[i].letter)
			need |= DIRTYPAGES_FLAG(columns[i].letter);
	return need;
}

/**
 * columns_about() - find the properties of processes that the columns show
 * @ctl: the options, with the columns and the sort column
 *
 * Return: a set of parts, for about_read().
 */
unsigned int columns_about(const struct control *ctl)
{
	unsigned int parts = ctl->sort == -1 ? 0 : columns[ctl->sort].about;

	for (const int *c = ctl->columns; *c != -1; c++)
		parts |= columns[*c].about;
	return parts;
}

/**
 * columns_help() - print the columns and their help
 * @out: the stream to print to
 */
void columns_help(FILE *out)
{
	for (int i = 0; i < COLUMNS; i++)
		fprintf(out, " %8s  %c%c%c%c  %s\n", columns[i].name,
			columns[i].views & VIEW_RUNS ? 'r' : '-',
			columns[i].views & VIEW_MAPPINGS ? 'm' : '-',
			columns[i].views & VIEW_PROCESSES ? 's' : '-',
			columns[i].views & VIEW_CHANGES ? 'c' : '-',
			columns[i].help);
}
