/* SPDX-License-Identifier: GPL-2.0 */
/* Compare contents of a generation with memory. */
#ifndef COMPARE_H
#define COMPARE_H

#include "image/contents.h"
#include "process/target.h"

enum status compare_contents(struct contents *contents,
			     const struct target *target,
			     const struct spans *pages, struct spans *differ,
			     struct spans *unread);

#endif /* COMPARE_H */
