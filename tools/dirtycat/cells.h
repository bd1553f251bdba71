/* SPDX-License-Identifier: GPL-2.0 */
/* The text in the cells of a table. */
#ifndef CELLS_H
#define CELLS_H

#include "columns.h"
#include "dirtycat.h"

/**
 * struct row - a row of a table; its view determines the members in use
 * @target: the process
 * @start: first address
 * @end: address after the last
 * @bytes: size of the modified pages
 * @change: how the listing differs from an older one
 * @old: the flags in the older listing
 * @flags: the flags
 * @totals: sums over the pages
 * @mapping: the mapping at @start, if it is known
 */
struct row {
	const struct target *target;
	uint64_t start;
	uint64_t end;
	uint64_t bytes;
	const char *change;
	const char *old;
	const char *flags;
	const struct totals *totals;
	const struct dirtypages_mapping *mapping;
};

bool cell_number(const struct row *row, enum column column, int64_t *number);
char *number_text(const struct control *ctl, enum column column,
		  int64_t number);
char *unknown_text(const struct control *ctl);
char *sort_text(const struct row *row, enum column column);
char *cell_text(const struct control *ctl, const struct row *row,
		enum column column);

#endif /* CELLS_H */
