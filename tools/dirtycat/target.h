/* SPDX-License-Identifier: GPL-2.0 */
/* Processes to be shown. */
#ifndef TARGET_H
#define TARGET_H

#include "dirtycat.h"

struct target *add_target(struct run *run);
int target_dir(const struct target *target);
bool hold_target(const struct control *ctl, struct target *target);
void release_target(struct target *target);
void drop_target(struct target *target);
void explain(const struct control *ctl, struct target *target, int error);
void set_problem(struct target *target, enum status status,
		 const char *sentence, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* TARGET_H */
