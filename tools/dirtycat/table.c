// SPDX-License-Identifier: GPL-2.0
/* Tables: which columns there are, and what stands in them. */
#define _GNU_SOURCE
#include "dirtycat.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"

enum column {
	COL_TIME,
	COL_PID,
	COL_COMM,
	COL_CHANGE,
	COL_START,
	COL_END,
	COL_SIZE,
	COL_PAGES,
	COL_OLD,
	COL_FLAGS,
	COL_RUNS,
	COL_DIRTY,
	COL_WRITTEN,
	COL_RATE,
	COL_SHARED,
	COL_SWAPPED,
	COL_HUGE,
	COL_MERGED,
	COL_LAZY,
	COL_LOST,
	COL_ANON,
	COL_FILE,
	COL_BACKEND,
	COL_PERM,
	COL_OFFSET,
	COL_DEV,
	COL_INODE,
	COL_MAPPING,
	COLUMNS
};

/* Cells of numbers are numbers in JSON; those of flags are lists of words. */
enum kind { TEXT, NUMBER, SIZE, WORDS };

#define ANY	(VIEW_RUNS | VIEW_MAPPINGS | VIEW_PROCESSES | VIEW_CHANGES)
#define PLACES	(VIEW_RUNS | VIEW_MAPPINGS | VIEW_CHANGES)
#define SUMS	(VIEW_MAPPINGS | VIEW_PROCESSES)

/* Sums are of the letter's pages, or of those without it. */
static const struct {
	const char *name;
	const char *help;
	enum kind kind;
	int views;
	int shown;
	char letter;
	bool without;
} columns[COLUMNS] = {
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

/* A row, as far as its view has it */
struct row {
	const struct target *target;
	uint64_t start;
	uint64_t end;
	uint64_t bytes;
	const char *change;
	const char *old;
	const char *flags;
	const struct totals *totals;
	const struct dirty_mapping *mapping;
};

struct table {
	const struct control *ctl;
	enum view view;
	struct libscols_table *scols;
	int columns[MAX_COLUMNS + 1];
	bool printed;
};

/* Longer tables are printed in parts, except as JSON. */
enum { PART = 8192 };

static bool is_json(const struct table *table)
{
	return table->ctl->format == FORMAT_JSON;
}

static char *size_cell(const struct table *table, uint64_t bytes)
{
	return size_text(bytes, table->ctl->bytes || is_json(table));
}

/* RFC 3339, in UTC, so that no time comes twice and text sorts. */
static char *time_text(const struct timespec *when)
{
	char text[40];
	struct tm tm;

	gmtime_r(&when->tv_sec, &tm);
	strftime(text, sizeof(text), "%FT%T", &tm);
	return text_of("%s.%03ldZ", text, when->tv_nsec / 1000000);
}

/* JSON has words, one a line here; letters that are not known stand as such. */
static char *words_of(const char *flags)
{
	static const char *const words[26] = {
		['a' - 'a'] = "anonymous",
		['f' - 'a'] = "file",
		['p' - 'a'] = "present",
		['s' - 'a'] = "swapped",
		['e' - 'a'] = "lost",
		['d' - 'a'] = "written",
		['x' - 'a'] = "exclusive",
		['h' - 'a'] = "huge",
		['k' - 'a'] = "merged",
		['l' - 'a'] = "lazyfree",
	};
	const char *separator = "";
	size_t size;
	char *text;
	FILE *f = checked(open_memstream(&text, &size));

	for (const char *p = flags; *p; p++) {
		if (*p == '-' || *p == '?')
			continue;
		fputs(separator, f);
		separator = "\n";
		if (*p >= 'a' && *p <= 'z' && words[*p - 'a'])
			fputs(words[*p - 'a'], f);
		else
			fputc(*p, f);
	}
	if (fclose(f))
		text = NULL;
	return checked(text);
}

static char *flags_text(const struct table *table, const char *flags)
{
	if (!flags)
		return NULL;
	if (is_json(table))
		return words_of(flags);
	return text_of("%s", flags);
}

/* Machines know an empty cell; people, and columns in line, want a mark. */
static char *unknown_text(const struct table *table)
{
	if (table->ctl->format == FORMAT_TABLE ||
	    table->ctl->format == FORMAT_RAW)
		return text_of("?");
	return NULL;
}

static char *sum_text(const struct table *table, const struct row *row,
		      enum column column)
{
	char letter = columns[column].letter;
	uint64_t with;

	if (row->totals->unknown & DIRTY_FLAG(letter))
		return unknown_text(table);
	with = row->totals->with[letter - 'a'];
	return size_cell(table, columns[column].without ?
			 row->totals->bytes - with : with);
}

static char *rate_text(const struct table *table, const struct row *row)
{
	double since = row->target->now.since;

	if (!since)
		return unknown_text(table);
	return size_cell(table, row->totals->with['d' - 'a'] / since);
}

static char *mapping_name(const struct table *table, const struct row *row)
{
	if (!row->mapping)
		return row->target->process.pid ?
		       text_of("[unmapped since]") : NULL;
	if (!*row->mapping->name)
		return text_of("[anon]");
	return name_text(row->mapping->name, is_json(table));
}

static char *mapping_text(const struct table *table, const struct row *row,
			  enum column column)
{
	const struct dirty_mapping *m = row->mapping;

	if (column == COL_MAPPING)
		return mapping_name(table, row);
	if (!m)
		return NULL;
	if (column == COL_PERM)
		return text_of("%s", m->perms);
	if (!m->inode)
		return NULL;
	if (column == COL_OFFSET)
		return text_of("%" PRIx64, m->offset + row->start - m->start);
	if (column == COL_DEV)
		return text_of("%02x:%02x", m->major, m->minor);
	return text_of("%" PRIu64, m->inode);
}

/* What stands in a cell, or NULL if that is not known. */
static char *cell_text(const struct table *table, const struct row *row,
		       enum column column)
{
	const struct target *target = row->target;

	switch (column) {
	case COL_TIME:
		return time_text(&target->now.when);
	case COL_PID:
		return target->process.pid ?
		       text_of("%d", target->process.pid) : NULL;
	case COL_COMM:
		return target->process.pid ?
		       name_text(target->process.comm, is_json(table)) : NULL;
	case COL_CHANGE:
		return text_of("%s", row->change);
	case COL_START:
		return text_of("%08" PRIx64, row->start);
	case COL_END:
		return text_of("%08" PRIx64, row->end);
	case COL_SIZE:
		return size_cell(table, row->end - row->start);
	case COL_PAGES:
		return text_of("%" PRIu64, row->bytes / sysconf(_SC_PAGESIZE));
	case COL_OLD:
		return flags_text(table, row->old);
	case COL_FLAGS:
		return flags_text(table, row->flags);
	case COL_RUNS:
		return text_of("%" PRIu64, row->totals->runs);
	case COL_DIRTY:
		return size_cell(table, row->bytes);
	case COL_RATE:
		return rate_text(table, row);
	case COL_BACKEND:
		return text_of("%s", target->process.pid ?
			       dirty_backend_names[target->reader.backend] :
			       "text");
	case COL_PERM:
	case COL_OFFSET:
	case COL_DEV:
	case COL_INODE:
	case COL_MAPPING:
		return mapping_text(table, row, column);
	default:
		return sum_text(table, row, column);
	}
}

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

/* The columns of a view, when nobody says which. */
static void default_columns(const struct control *ctl, enum view view, bool all,
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

static void add_column(struct table *table, enum column column)
{
	struct libscols_column *c;
	bool json = is_json(table);
	int flags = 0;

	if (columns[column].kind == NUMBER || columns[column].kind == SIZE)
		flags |= SCOLS_FL_RIGHT;
	if (columns[column].kind == WORDS && json)
		flags |= SCOLS_FL_WRAP;
	c = checked(scols_table_new_column(table->scols, columns[column].name,
					   0, flags));
	if (columns[column].kind == NUMBER || columns[column].kind == SIZE)
		scols_column_set_json_type(c, SCOLS_JSON_NUMBER);
	if (columns[column].kind == WORDS && json) {
		scols_column_set_json_type(c, SCOLS_JSON_ARRAY_STRING);
		scols_column_set_wrapfunc(c, scols_wrapnl_chunksize,
					  scols_wrapnl_nextchunk, NULL);
		scols_column_set_safechars(c, "\n");
	}
}

static const char *table_name(enum view view)
{
	switch (view) {
	case VIEW_MAPPINGS:
		return "mappings";
	case VIEW_PROCESSES:
		return "processes";
	case VIEW_CHANGES:
		return "changes";
	default:
		return "dirty_pages";
	}
}

/**
 * table_new() - begin a table
 * @ctl: the options
 * @view: what its rows are about; if that is not the view of @ctl, it has the
 *	columns that it has by default
 *
 * Return: the table, for table_finish().
 */
struct table *table_new(const struct control *ctl, enum view view)
{
	struct table *table = checked(calloc(1, sizeof(*table)));

	table->ctl = ctl;
	table->view = view;
	if (view == ctl->view)
		memcpy(table->columns, ctl->columns, sizeof(ctl->columns));
	else
		default_columns(ctl, view, false, 0, table->columns);

	table->scols = checked(scols_new_table());
	scols_table_set_name(table->scols, table_name(view));
	scols_table_set_stream(table->scols, ctl->out);
	scols_table_enable_json(table->scols, ctl->format == FORMAT_JSON);
	scols_table_enable_export(table->scols, ctl->format == FORMAT_PAIRS);
	scols_table_enable_raw(table->scols, ctl->format == FORMAT_RAW);
	scols_table_enable_noheadings(table->scols, ctl->noheadings);
	for (int *c = table->columns; *c != -1; c++)
		add_column(table, *c);
	return table;
}

/* The following parts line up with this one, and have no heading. */
static void print_part(struct table *table)
{
	struct libscols_column *c;

	scols_print_table(table->scols);
	for (size_t i = 0; (c = scols_table_get_column(table->scols, i)); i++) {
		/* As wide at least; without the flag, no more than the heading. */
		scols_column_set_whint(c, scols_column_get_width(c));
		scols_column_set_flags(c, scols_column_get_flags(c) |
				       SCOLS_FL_STRICTWIDTH);
	}
	scols_table_remove_lines(table->scols);
	scols_table_enable_noheadings(table->scols, 1);
	table->printed = true;
}

static void add_row(struct table *table, const struct row *row)
{
	struct libscols_line *line;

	if (!is_json(table) &&
	    scols_table_get_nlines(table->scols) == PART)
		print_part(table);
	line = checked(scols_table_new_line(table->scols, NULL));
	for (int i = 0; table->columns[i] != -1; i++) {
		char *text = cell_text(table, row, table->columns[i]);

		/* An empty cell would shift those after it. */
		if (table->ctl->format == FORMAT_RAW && (!text || !*text)) {
			free(text);
			text = text_of("-");
		}
		if (text && scols_line_refer_data(line, i, text))
			checked(NULL);
	}
}

static void add_runs(struct table *table, const struct target *target)
{
	const struct sample *now = &target->now;

	for (size_t i = 0; i < now->listing.count; i++) {
		const struct dirty_range *range = &now->listing.ranges[i];
		struct row row = {
			.target = target,
			.start = range->start,
			.end = range->end,
			.bytes = range->end - range->start,
			.flags = range->text,
			.mapping = dirty_maps_find(&now->maps, range->start),
		};

		add_row(table, &row);
	}
}

/* Of a running process, a line may lie in mappings that have changed since. */
static void add_mappings(struct table *table, const struct target *target)
{
	const struct sample *now = &target->now;
	const struct dirty_range *range = now->listing.ranges;
	const struct dirty_range *last = range + now->listing.count;

	for (size_t i = 0; i < now->maps.count; i++) {
		const struct dirty_mapping *m = &now->maps.mappings[i];
		struct totals totals = { 0 };
		struct row row = {
			.target = target,
			.start = m->start,
			.end = m->end,
			.totals = &totals,
			.mapping = m,
		};

		while (range < last && range->end <= m->start)
			range++;
		for (const struct dirty_range *r = range;
		     r < last && r->start < m->end; r++) {
			uint64_t start = r->start > m->start ? r->start : m->start;
			uint64_t end = r->end < m->end ? r->end : m->end;

			totals_add(&totals, r, end - start);
		}
		row.bytes = totals.bytes;
		if (row.bytes)
			add_row(table, &row);
	}
}

static void add_process(struct table *table, const struct target *target)
{
	struct row row = {
		.target = target,
		.bytes = target->now.totals.bytes,
		.totals = &target->now.totals,
	};

	add_row(table, &row);
}

/* What one of two listings does not tell, or has no column for, is no difference. */
static bool flags_differ(const char *old, const char *new)
{
	for (; *old && *new; old++, new++)
		if (*old != *new && *old != '?' && *new != '?')
			return true;
	return false;
}

/* A stretch that is in one of two listings, or in both. */
static void add_change(struct table *table, const struct target *target,
		       uint64_t start, uint64_t end,
		       const struct dirty_range *old,
		       const struct dirty_range *new)
{
	struct row row = {
		.target = target,
		.start = start,
		.end = end,
		.bytes = end - start,
		.old = old ? old->text : NULL,
		.flags = new ? new->text : NULL,
		.change = !old ? "new" : !new ? "gone" : "flags",
		.mapping = dirty_maps_find(&target->now.maps, start),
	};

	if (old && new && !flags_differ(old->text, new->text))
		return;
	add_row(table, &row);
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void add_changes(struct table *table, const struct target *target)
{
	const struct dirty_listing *a = table->ctl->old;
	const struct dirty_listing *b = &target->now.listing;
	uint64_t start, end = 0;

	for (size_t i = 0, j = 0; i < a->count || j < b->count;) {
		const struct dirty_range *old = &a->ranges[i];
		const struct dirty_range *new = &b->ranges[j];
		uint64_t old_start = i < a->count ? old->start : UINT64_MAX;
		uint64_t new_start = j < b->count ? new->start : UINT64_MAX;
		bool in_old, in_new;

		start = lower(old_start, new_start);
		if (start < end)
			start = end;
		in_old = old_start <= start;
		in_new = new_start <= start;
		end = lower(in_old ? old->end : old_start,
			    in_new ? new->end : new_start);
		add_change(table, target, start, end, in_old ? old : NULL,
			   in_new ? new : NULL);
		if (in_old && old->end == end)
			i++;
		if (in_new && new->end == end)
			j++;
	}
}

/**
 * table_add() - add what is known of a target
 * @table: from table_new()
 * @target: one that was sampled
 */
void table_add(struct table *table, const struct target *target)
{
	switch (table->view) {
	case VIEW_MAPPINGS:
		add_mappings(table, target);
		break;
	case VIEW_PROCESSES:
		add_process(table, target);
		break;
	case VIEW_CHANGES:
		add_changes(table, target);
		break;
	default:
		add_runs(table, target);
	}
}

/**
 * table_finish() - print a table, or what is left of it, and free it
 * @table: from table_new()
 *
 * Return: true if it has a row; without, there is no heading either.
 */
bool table_finish(struct table *table)
{
	bool rows = table->printed || scols_table_get_nlines(table->scols);

	if (!table->printed || scols_table_get_nlines(table->scols))
		scols_print_table(table->scols);
	scols_unref_table(table->scols);
	free(table);
	return rows;
}
