/* SPDX-License-Identifier: GPL-2.0 */
/* The soft-dirty bits of a process, as other programs see them. */
#ifndef REFS_H
#define REFS_H

#include "process/target.h"
#include "spans.h"

enum status refs_clear(const struct target *target);
enum status refs_unset(const struct target *target, const struct spans *pages,
		       struct spans *unset);

#endif /* REFS_H */
