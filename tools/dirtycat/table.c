// SPDX-License-Identifier: GPL-2.0
/* Tables: the rows of each view, printed by libsmartcols. */
#define _GNU_SOURCE
#include "table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "columns.h"
#include "common/memory.h"
#include "common/text.h"
#include "sample.h"

/* A line to be sorted, with its key */
struct entry {
	struct libscols_line *line;
	bool known;
	int64_t number;
	char *text;
	size_t index;
};

/* The sum of a column */
struct sum {
	int64_t number;
	bool unknown;
};

struct table {
	const struct control *ctl;
	enum view view;
	struct libscols_table *scols;
	int columns[MAX_COLUMNS + 1];
	struct sum sums[MAX_COLUMNS];
	int sort;
	bool descending;
	struct entry *entries;
	size_t count;
	size_t room;
	bool printed;
};

/* Longer tables are printed in parts, except as JSON. */
enum { PART = 8192 };

static bool is_coloured(const struct table *table)
{
	return table->ctl->coloured && table->ctl->format == FORMAT_TABLE;
}

static void add_column(struct table *table, enum column column)
{
	struct libscols_column *c;
	bool json = table->ctl->format == FORMAT_JSON;
	int flags = 0;

	if (column_is_number(column))
		flags |= SCOLS_FL_RIGHT;
	if (columns[column].kind == WORDS && json)
		flags |= SCOLS_FL_WRAP;
	c = checked(scols_table_new_column(table->scols, columns[column].name,
					   0, flags));
	if (is_coloured(table))
		scols_cell_set_color(scols_column_get_header(c),
				     table->ctl->colours.heading);
	if (column_is_number(column))
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

/* Without --sort, --top prints the largest first. */
static void choose_order(struct table *table)
{
	const struct control *ctl = table->ctl;

	table->sort = -1;
	if (ctl->sort != -1 && column_fits(ctl->sort, table->view)) {
		table->sort = ctl->sort;
		table->descending = ctl->descending;
	} else if (ctl->top) {
		table->sort = column_fits(COL_DIRTY, table->view) ? COL_DIRTY : COL_SIZE;
		table->descending = true;
	}
}

/**
 * table_new() - begin a table
 * @ctl: the options
 * @view: the kind of its rows; if it is not the view of @ctl, the table has the
 *	default columns
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
	scols_table_enable_colors(table->scols, is_coloured(table));
	/* Print cells in full; live_draw() cuts long lines. */
	if (ctl->live)
		scols_table_set_termforce(table->scols, SCOLS_TERMFORCE_NEVER);
	for (int *c = table->columns; *c != -1; c++)
		add_column(table, *c);
	choose_order(table);
	return table;
}

/* Print a part. The parts after it line up with it, and have no heading. */
static void print_part(struct table *table)
{
	struct libscols_column *c;

	scols_print_table(table->scols);
	for (size_t i = 0; (c = scols_table_get_column(table->scols, i)); i++) {
		/* Keep the width at least; without the flag, the hint is ignored. */
		scols_column_set_whint(c, scols_column_get_width(c));
		scols_column_set_flags(c, scols_column_get_flags(c) |
				       SCOLS_FL_STRICTWIDTH);
	}
	scols_table_remove_lines(table->scols);
	scols_table_enable_noheadings(table->scols, 1);
	table->printed = true;
}

static void add_line(struct table *table, struct libscols_line *line)
{
	if (table->ctl->format != FORMAT_JSON &&
	    scols_table_get_nlines(table->scols) == PART)
		print_part(table);
	if (scols_table_add_line(table->scols, line))
		checked(NULL);
	scols_unref_line(line);
}

static void set_cell(const struct table *table, struct libscols_line *line,
		     int i, char *text)
{
	/* An empty cell would shift those after it. */
	if (table->ctl->format == FORMAT_RAW && (!text || !*text)) {
		free(text);
		text = text_of("-");
	}
	if (text && scols_line_refer_data(line, i, text))
		checked(NULL);
}

static void add_sums(struct table *table, const struct row *row)
{
	for (int i = 0; table->columns[i] != -1; i++) {
		struct sum *sum = &table->sums[i];
		int64_t number;

		if (!column_adds_up(table->columns[i]))
			continue;
		if (cell_number(row, table->columns[i], &number))
			sum->number += number;
		else
			sum->unknown = true;
	}
}

/* Keep a line and its sort key until table_finish(). */
static void add_entry(struct table *table, const struct row *row,
		      struct libscols_line *line)
{
	struct entry *entry;

	if (table->count == table->room) {
		table->room = table->room ? table->room * 2 : 64;
		table->entries = grow(table->entries, table->room, sizeof(*entry));
	}
	entry = &table->entries[table->count];
	*entry = (struct entry){ .line = line, .index = table->count++ };
	if (column_is_number(table->sort)) {
		entry->known = cell_number(row, table->sort, &entry->number);
	} else {
		entry->text = sort_text(row, table->sort);
		entry->known = entry->text;
	}
}

/* Show growth in colour, and its opposite. */
static void set_colour(const struct table *table, const struct row *row,
		       struct libscols_line *line, int i)
{
	const struct colours *colours = &table->ctl->colours;
	int64_t number;

	if (!is_coloured(table) || !columns[table->columns[i]].compares ||
	    !cell_number(row, table->columns[i], &number) || !number)
		return;
	scols_cell_set_color(scols_line_get_cell(line, i),
			     number > 0 ? colours->growth : colours->shrink);
}

static void add_row(struct table *table, const struct row *row)
{
	struct libscols_line *line = checked(scols_new_line());

	if (scols_line_alloc_cells(line, scols_table_get_ncols(table->scols)))
		checked(NULL);
	for (int i = 0; table->columns[i] != -1; i++) {
		set_cell(table, line, i, cell_text(table->ctl, row, table->columns[i]));
		set_colour(table, row, line, i);
	}
	if (table->ctl->total)
		add_sums(table, row);
	if (table->sort == -1)
		add_line(table, line);
	else
		add_entry(table, row, line);
}

static void add_runs(struct table *table, const struct target *target)
{
	const struct sample *now = &target->now;
	const struct dirtypages_range *range = dirtypages_listing_ranges(now->listing);

	for (size_t i = 0; i < dirtypages_listing_count(now->listing); i++, range++) {
		struct row row = {
			.target = target,
			.start = range->start,
			.end = range->end,
			.bytes = range->end - range->start,
			.flags = range->text,
			.mapping = dirtypages_maps_find(now->maps, range->start),
		};

		add_row(table, &row);
	}
}

/*
 * The mappings were read after the listing, and may have changed: count a run only
 * where it overlaps a mapping.
 */
static void add_mappings(struct table *table, const struct target *target)
{
	const struct sample *now = &target->now;
	const struct dirtypages_range *range = dirtypages_listing_ranges(now->listing);
	const struct dirtypages_range *last = range + dirtypages_listing_count(now->listing);

	for (size_t i = 0; i < dirtypages_maps_count(now->maps); i++) {
		const struct dirtypages_mapping *m = dirtypages_maps_get(now->maps, i);
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
		for (const struct dirtypages_range *r = range;
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

/* A flag that is unknown to one of the listings does not differ. */
static bool flags_differ(const char *old, const char *new)
{
	for (; *old && *new; old++, new++)
		if (*old != *new && *old != '?' && *new != '?')
			return true;
	return false;
}

/* Add a range that is in one of two listings, or in both. */
static void add_change(struct table *table, const struct target *target,
		       uint64_t start, uint64_t end,
		       const struct dirtypages_range *old,
		       const struct dirtypages_range *new)
{
	struct row row = {
		.target = target,
		.start = start,
		.end = end,
		.bytes = end - start,
		.old = old ? old->text : NULL,
		.flags = new ? new->text : NULL,
		.change = !old ? "new" : !new ? "gone" : "flags",
		.mapping = dirtypages_maps_find(target->now.maps, start),
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
	const struct dirtypages_listing *a = table->ctl->old;
	const struct dirtypages_listing *b = target->now.listing;
	const size_t olds = dirtypages_listing_count(a), news = dirtypages_listing_count(b);
	uint64_t start, end = 0;

	for (size_t i = 0, j = 0; i < olds || j < news;) {
		const struct dirtypages_range *old = dirtypages_listing_ranges(a) + i;
		const struct dirtypages_range *new = dirtypages_listing_ranges(b) + j;
		uint64_t old_start = i < olds ? old->start : UINT64_MAX;
		uint64_t new_start = j < news ? new->start : UINT64_MAX;
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
 * table_add() - add the rows of a target
 * @table: from table_new()
 * @target: a sampled target
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

/* Unknown values come last, and equal rows stay in order. */
static int compare_entries(const void *a, const void *b, void *data)
{
	const struct table *table = data;
	const struct entry *x = a, *y = b;
	int order = 0;

	if (x->known != y->known)
		return x->known ? -1 : 1;
	if (x->known && x->text)
		order = strcoll(x->text, y->text);
	else if (x->known)
		order = (x->number > y->number) - (x->number < y->number);
	if (table->descending)
		order = -order;
	return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void add_sorted(struct table *table)
{
	unsigned long top = table->ctl->top;

	if (table->count)
		qsort_r(table->entries, table->count, sizeof(*table->entries),
			compare_entries, table);
	for (size_t i = 0; i < table->count; i++) {
		struct entry *entry = &table->entries[i];

		if (!top || i < top)
			add_line(table, entry->line);
		else
			scols_unref_line(entry->line);
		free(entry->text);
	}
	free(table->entries);
}

/* For people, the first cell says "total", unless it is a sum. */
static void add_total(struct table *table)
{
	const struct control *ctl = table->ctl;
	bool labelled = ctl->format == FORMAT_TABLE || ctl->format == FORMAT_RAW;
	struct libscols_line *line = checked(scols_new_line());

	if (scols_line_alloc_cells(line, scols_table_get_ncols(table->scols)))
		checked(NULL);
	for (int i = 0; table->columns[i] != -1; i++) {
		enum column column = table->columns[i];
		char *text = NULL;

		if (column_adds_up(column))
			text = table->sums[i].unknown ? unknown_text(ctl) :
			       number_text(ctl, column, table->sums[i].number);
		else if (!i && labelled)
			text = text_of("total");
		set_cell(table, line, i, text);
	}
	if (is_coloured(table))
		scols_line_set_color(line, ctl->colours.total);
	add_line(table, line);
}

static bool has_rows(const struct table *table)
{
	return table->printed || scols_table_get_nlines(table->scols);
}

/**
 * table_finish() - print the rest of a table, and free it
 * @table: from table_new()
 *
 * Return: true if the table has a row; otherwise, it has no heading either.
 */
bool table_finish(struct table *table)
{
	bool rows;

	add_sorted(table);
	rows = has_rows(table);
	if (rows && table->ctl->total)
		add_total(table);
	if (!table->printed || scols_table_get_nlines(table->scols))
		scols_print_table(table->scols);
	scols_unref_table(table->scols);
	free(table);
	return rows;
}
