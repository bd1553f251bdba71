// SPDX-License-Identifier: GPL-2.0
/* The columns that tables can have, and those that a table has. */
#define _GNU_SOURCE
#include "columns.h"

#include <strings.h>

#define ANY	(VIEW_RUNS | VIEW_MAPPINGS | VIEW_PROCESSES | VIEW_CHANGES)
#define PLACES	(VIEW_RUNS | VIEW_MAPPINGS | VIEW_CHANGES)
#define SUMS	(VIEW_MAPPINGS | VIEW_PROCESSES)

const struct column_info columns[COLUMNS] = {
	[COL_TIME] = {
		.name = "TIME",
		.help = "when it was read",
		.kind = TEXT,
		.views = ANY,
	},
	[COL_PID] = {
		.name = "PID",
		.help = "number of the process",
		.kind = NUMBER,
		.views = ANY,
		.shown = VIEW_PROCESSES,
	},
	[COL_COMM] = {
		.name = "COMM",
		.help = "name of the process",
		.kind = TEXT,
		.views = ANY,
		.shown = VIEW_PROCESSES,
	},
	[COL_CHANGE] = {
		.name = "CHANGE",
		.help = "new, gone, or flags (which differ)",
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
		.help = "address after the last",
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
		.help = "how many pages are modified",
		.kind = NUMBER,
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
		.help = "how many lines the listing has",
		.kind = NUMBER,
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
		.help = "WRITTEN a second, since acknowledged before",
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
		.help = "of anonymous mappings (a)",
		.kind = SIZE,
		.views = SUMS,
		.letter = 'a',
	},
	[COL_FILE] = {
		.name = "FILE",
		.help = "of private file mappings (f)",
		.kind = SIZE,
		.views = SUMS,
		.letter = 'f',
	},
	[COL_BACKEND] = {
		.name = "BACKEND",
		.help = "where the listing comes from",
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
		.help = "where in the file START lies",
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
		.help = "number of the file",
		.kind = NUMBER,
		.views = PLACES,
	},
	[COL_MAPPING] = {
		.name = "MAPPING",
		.help = "what is mapped",
		.kind = TEXT,
		.views = PLACES,
		.shown = PLACES,
	},
};

/**
 * column_by_name() - find a column
 * @name: its name, in letters of either case
 * @len: of the name
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
 * column_fits() - does a table of some view have a column?
 * @column: that column
 * @view: that view
 *
 * Return: true if so.
 */
bool column_fits(int column, enum view view)
{
	return columns[column].views & view;
}

/**
 * default_columns() - list the columns of a view when nobody says which
 * @ctl: the options
 * @view: that view
 * @all: all that the view can have
 * @more: a set of columns that are listed as well
 * @list: set to the columns; -1 ends them
 */
void default_columns(const struct control *ctl, enum view view, bool all,
		     uint32_t more, int *list)
{
	const uint32_t no_text_tells = 1u << COL_PID | 1u << COL_COMM |
				       1u << COL_MAPPING;

	for (int i = 0; i < COLUMNS; i++) {
		bool shown = all || columns[i].shown & view || more & 1u << i;

		if (ctl->kept && no_text_tells & 1u << i)
			continue;
		if (shown && columns[i].views & view)
			*list++ = i;
	}
	*list = -1;
}

/**
 * columns_default() - choose the columns that nobody has named
 * @ctl: the options; its columns are set
 * @all: all that the view has
 * @timed: with the time, as there are several samples
 * @rate: with the rate
 */
void columns_default(struct control *ctl, bool all, bool timed, bool rate)
{
	uint32_t more = 0;

	if (timed)
		more |= 1u << COL_TIME;
	if (rate)
		more |= 1u << COL_RATE;
	if (ctl->several)
		more |= 1u << COL_PID;
	default_columns(ctl, ctl->view, all, more, ctl->columns);
}

/**
 * columns_need() - find the flags that the columns are about
 * @ctl: the options, with their columns
 *
 * Return: a set of letters, see DIRTY_FLAG().
 */
uint32_t columns_need(const struct control *ctl)
{
	uint32_t need = 0;

	if (ctl->view == VIEW_METRICS || ctl->view == VIEW_TEXT)
		return UINT32_MAX;
	/* The colours of a picture. */
	if (ctl->view == VIEW_PICTURE)
		return DIRTY_FLAG('d') | DIRTY_FLAG('s');
	for (const int *c = ctl->columns; *c != -1; c++) {
		if (columns[*c].kind == WORDS)
			need = UINT32_MAX;
		else if (columns[*c].letter)
			need |= DIRTY_FLAG(columns[*c].letter);
	}
	for (int i = 0; ctl->summary && i < COLUMNS; i++)
		if (columns[i].shown & VIEW_PROCESSES && columns[i].letter)
			need |= DIRTY_FLAG(columns[i].letter);
	return need;
}

/**
 * columns_help() - name the columns
 * @out: where to
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
