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

/* Print RFC 3339 in UTC: no time occurs twice, and text sorts. */
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

/* Mark unknown cells for people and in raw columns; elsewhere leave them empty. */
static char *unknown_text(const struct control *ctl)
{
	if (ctl->format == FORMAT_TABLE ||
	    ctl->format == FORMAT_RAW)
		return text_of("?");
	return NULL;
}

static char *sum_text(const struct control *ctl, const struct row *row,
		      enum column column)
{
	char letter = columns[column].letter;
	uint64_t with;

	if (row->totals->unknown & DIRTY_FLAG(letter))
		return unknown_text(ctl);
	with = row->totals->with[letter - 'a'];
	return size_cell(ctl, columns[column].without ?
			 row->totals->bytes - with : with);
}

static char *rate_text(const struct control *ctl, const struct row *row)
{
	double since = row->target->now.since;

	if (!since)
		return unknown_text(ctl);
	return size_cell(ctl, row->totals->with['d' - 'a'] / since);
}

static char *mapping_name(const struct control *ctl, const struct row *row)
{
	if (!row->mapping)
		return row->target->process.pid ?
		       text_of("[unmapped since]") : NULL;
	if (!*row->mapping->name)
		return text_of("[anon]");
	return name_text(row->mapping->name, is_json(ctl));
}

static char *mapping_text(const struct control *ctl, const struct row *row,
			  enum column column)
{
	const struct dirty_mapping *m = row->mapping;

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
	if (column == COL_DEV)
		return text_of("%02x:%02x", m->major, m->minor);
	return text_of("%" PRIu64, m->inode);
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
	case COL_PID:
		return target->process.pid ?
		       text_of("%d", target->process.pid) : NULL;
	case COL_COMM:
		return target->process.pid ?
		       name_text(target->process.comm, is_json(ctl)) : NULL;
	case COL_CHANGE:
		return text_of("%s", row->change);
	case COL_START:
		return text_of("%08" PRIx64, row->start);
	case COL_END:
		return text_of("%08" PRIx64, row->end);
	case COL_SIZE:
		return size_cell(ctl, row->end - row->start);
	case COL_PAGES:
		return text_of("%" PRIu64, row->bytes / sysconf(_SC_PAGESIZE));
	case COL_OLD:
		return flags_text(ctl, row->old);
	case COL_FLAGS:
		return flags_text(ctl, row->flags);
	case COL_RUNS:
		return text_of("%" PRIu64, row->totals->runs);
	case COL_DIRTY:
		return size_cell(ctl, row->bytes);
	case COL_RATE:
		return rate_text(ctl, row);
	case COL_BACKEND:
		return text_of("%s", target->process.pid ?
			       dirty_backend_names[target->reader.backend] :
			       "text");
	case COL_PERM:
	case COL_OFFSET:
	case COL_DEV:
	case COL_INODE:
	case COL_MAPPING:
		return mapping_text(ctl, row, column);
	default:
		return sum_text(ctl, row, column);
	}
}
