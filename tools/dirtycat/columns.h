/* SPDX-License-Identifier: GPL-2.0 */
/* The columns that tables can have. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include "dirtycat.h"

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

/* In JSON, NUMBER and SIZE are numbers, and WORDS is a list of words. */
enum kind { TEXT, NUMBER, SIZE, WORDS };

/**
 * struct column_info - a column
 * @name: its name
 * @help: its text in --help
 * @kind: the kind of its cells
 * @views: the views that can have it
 * @shown: the views that have it by default
 * @letter: if it is a sum, the flag of the pages it covers
 * @without: the sum covers the pages without that flag instead
 */
struct column_info {
	const char *name;
	const char *help;
	enum kind kind;
	int views;
	int shown;
	char letter;
	bool without;
};

extern const struct column_info columns[COLUMNS];

int column_by_name(const char *name, size_t len);
bool column_fits(int column, enum view view);
void default_columns(const struct control *ctl, enum view view, bool all,
		     uint32_t more, int *list);
void columns_default(struct control *ctl, bool all, bool timed, bool rate);
uint32_t columns_need(const struct control *ctl);
void columns_help(FILE *out);

#endif /* COLUMNS_H */
