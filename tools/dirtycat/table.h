/* SPDX-License-Identifier: GPL-2.0 */
/* Tables: the rows of each view, printed by libsmartcols. */
#ifndef TABLE_H
#define TABLE_H

#include "dirtycat.h"

struct table;

struct table *table_new(const struct control *ctl, enum view view);
void table_add(struct table *table, const struct target *target);
bool table_finish(struct table *table);

#endif /* TABLE_H */
