/* SPDX-License-Identifier: GPL-2.0 */
/* The columns that tables can have. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include "dirtycat.h"

enum column {
	COL_TIME,
	COL_PID,
	COL_COMM,
	COL_USER,
	COL_CGROUP,
	COL_CHANGE,
	COL_START,
	COL_END,
	COL_SIZE,
	COL_PAGES,
	COL_OLD,
	COL_FLAGS,
	COL_RUNS,
	COL_DIRTY,
	COL_DELTA,
	COL_GROWTH,
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
	COL_ARGS,
	COLUMNS
};

/*
 * In JSON, NUMBER, COUNT and SIZE are numbers, and WORDS is a list of words.
 * COUNT and SIZE add up.
 */
enum kind { TEXT, NUMBER, COUNT, SIZE, WORDS };

/**
 * struct column_info - a column
 * @name: its name
 * @help: its text in --help
 * @kind: the kind of its cells
 * @views: the views that can have it
 * @shown: the views that have it by default
 * @about: what to read of the process, for about_read()
 * @compares: it compares two samples
 * @letter: if it is a sum, the flag of the pages it covers
 * @without: the sum covers the pages without that flag instead
 */
struct column_info {
	const char *name;
	const char *help;
	enum kind kind;
	int views;
	int shown;
	unsigned int about;
	bool compares;
	char letter;
	bool without;
};

extern const struct column_info columns[COLUMNS];

bool column_is_number(enum column column);
bool column_adds_up(enum column column);
int column_by_name(const char *name, size_t len);
bool column_fits(int column, int views);
void default_columns(const struct control *ctl, enum view view, bool all,
		     uint64_t more, int *list);
void columns_default(struct control *ctl, bool all, bool timed, bool rate);
uint32_t columns_need(const struct control *ctl);
unsigned int columns_about(const struct control *ctl);
void columns_help(FILE *out);

#endif /* COLUMNS_H */
