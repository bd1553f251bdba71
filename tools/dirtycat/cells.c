// SPDX-License-Identifier: GPL-2.0
/* The text in the cells of a table. */
#define _GNU_SOURCE
#include "cells.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"

static bool is_json(const struct control *ctl)
{
	return ctl->format == FORMAT_JSON;
}

static char *size_cell(const struct control *ctl, uint64_t bytes)
{
	return size_text(bytes, ctl->bytes || is_json(ctl));
}

/* Print RFC 3339 in UTC, so that no time occurs twice, and times sort as text. */
static char *time_text(const struct timespec *when)
{
	char text[40];
	struct tm tm;

	gmtime_r(&when->tv_sec, &tm);
	strftime(text, sizeof(text), "%FT%T", &tm);
	return text_of("%s.%03ldZ", text, when->tv_nsec / 1000000);
}

/* Return the words for JSON, one per line; an unknown letter stands for itself. */
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

static char *flags_text(const struct control *ctl, const char *flags)
{
	if (!flags)
		return NULL;
	if (is_json(ctl))
		return words_of(flags);
	return text_of("%s", flags);
}

/**
 * unknown_text() - print an unknown value
 * @ctl: the options
 *
 * Mark it for people and in raw columns; elsewhere leave the cell empty.
 *
 * Return: the text, to be freed; NULL if the cell is empty.
 */
char *unknown_text(const struct control *ctl)
{
	if (ctl->format == FORMAT_TABLE ||
	    ctl->format == FORMAT_RAW)
		return text_of("?");
	return NULL;
}

static bool sum_number(const struct row *row, enum column column, int64_t *number)
{
	const struct totals *totals = row->totals;
	char letter = columns[column].letter;
	uint64_t with;

	if (totals->unknown & DIRTYPAGES_FLAG(letter))
		return false;
	with = totals->with[letter - 'a'];
	*number = columns[column].without ? totals->bytes - with : with;
	return true;
}

/* Convert a size to a rate, if the time is known. */
static bool per_second(int64_t bytes, double seconds, int64_t *number)
{
	if (!seconds)
		return false;
	*number = bytes / seconds;
	return true;
}

/**
 * cell_number() - compute the number in a cell
 * @row: its row
 * @column: its column, one of numbers
 * @number: set to the number
 *
 * Return: false if it is unknown.
 */
bool cell_number(const struct row *row, enum column column, int64_t *number)
{
	const struct sample *now = &row->target->now;

	switch (column) {
	case COL_PID:
		*number = row->target->pid;
		return *number;
	case COL_SIZE:
		*number = row->end - row->start;
		return true;
	case COL_PAGES:
		*number = row->bytes / sysconf(_SC_PAGESIZE);
		return true;
	case COL_RUNS:
		*number = row->totals->runs;
		return true;
	case COL_DIRTY:
		*number = row->bytes;
		return true;
	case COL_DELTA:
		*number = now->delta;
		return now->interval;
	case COL_GROWTH:
		return per_second(now->delta, now->interval, number);
	case COL_RATE:
		return per_second(row->totals->with['d' - 'a'], now->since, number);
	case COL_INODE:
		*number = row->mapping ? row->mapping->inode : 0;
		return *number;
	default:
		return sum_number(row, column, number);
	}
}

/**
 * number_text() - print a number in the unit of a column
 * @ctl: the options
 * @column: the column
 * @number: the number
 *
 * Return: the text, to be freed.
 */
char *number_text(const struct control *ctl, enum column column,
		  int64_t number)
{
	char *size, *text;

	if (columns[column].kind != SIZE)
		return text_of("%" PRId64, number);
	if (number >= 0)
		return size_cell(ctl, number);
	size = size_cell(ctl, -(uint64_t)number);
	text = text_of("-%s", size);
	free(size);
	return text;
}

static char *number_cell(const struct control *ctl, const struct row *row,
			 enum column column)
{
	int64_t number;

	if (cell_number(row, column, &number))
		return number_text(ctl, column, number);
	return columns[column].kind == NUMBER ? NULL : unknown_text(ctl);
}

static char *mapping_name(const struct control *ctl, const struct row *row)
{
	if (!row->mapping)
		return row->target->pid ?
		       text_of("[unmapped since]") : NULL;
	if (!*row->mapping->name)
		return text_of("[anon]");
	return name_text(row->mapping->name, is_json(ctl));
}

static char *mapping_text(const struct control *ctl, const struct row *row,
			  enum column column)
{
	const struct dirtypages_mapping *m = row->mapping;

	if (column == COL_MAPPING)
		return mapping_name(ctl, row);
	if (!m)
		return NULL;
	if (column == COL_PERM)
		return text_of("%s", m->perms);
	if (!m->inode)
		return NULL;
	if (column == COL_OFFSET)
		return text_of("%" PRIx64, m->offset + row->start - m->start);
	return text_of("%02x:%02x", m->major, m->minor);
}

static char *about_text(const struct control *ctl, const char *text)
{
	return text ? name_text(text, is_json(ctl)) : NULL;
}

/**
 * cell_text() - print a cell
 * @ctl: the options
 * @row: its row
 * @column: its column
 *
 * Return: the text, to be freed; NULL if the cell is empty.
 */
char *cell_text(const struct control *ctl, const struct row *row,
		enum column column)
{
	const struct target *target = row->target;

	switch (column) {
	case COL_TIME:
		return time_text(&target->now.when);
	case COL_COMM:
		return target->pid ?
		       name_text(target->comm, is_json(ctl)) : NULL;
	case COL_USER:
		return about_text(ctl, target->about.user);
	case COL_CGROUP:
		return about_text(ctl, target->about.cgroup);
	case COL_ARGS:
		return about_text(ctl, target->about.args);
	case COL_CHANGE:
		return text_of("%s", row->change);
	case COL_START:
		return text_of("%08" PRIx64, row->start);
	case COL_END:
		return text_of("%08" PRIx64, row->end);
	case COL_OLD:
		return flags_text(ctl, row->old);
	case COL_FLAGS:
		return flags_text(ctl, row->flags);
	case COL_BACKEND:
		return text_of("%s", target->pid ?
			       dirtypages_backend_name(target->backend) :
			       "text");
	case COL_PERM:
	case COL_OFFSET:
	case COL_DEV:
	case COL_MAPPING:
		return mapping_text(ctl, row, column);
	default:
		return number_cell(ctl, row, column);
	}
}

/**
 * sort_text() - get the sort key of a cell that is no number
 * @row: its row
 * @column: its column
 *
 * Return: the text, to be freed; NULL if the cell is empty.
 */
char *sort_text(const struct row *row, enum column column)
{
	const struct control plain = { .format = FORMAT_PAIRS };

	/* Pad addresses, so that they sort like numbers. */
	if (column == COL_START || column == COL_END)
		return text_of("%016" PRIx64,
			       column == COL_START ? row->start : row->end);
	if (column == COL_OFFSET && row->mapping && row->mapping->inode)
		return text_of("%016" PRIx64, row->mapping->offset +
			       row->start - row->mapping->start);
	return cell_text(&plain, row, column);
}
