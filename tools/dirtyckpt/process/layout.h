/* SPDX-License-Identifier: GPL-2.0 */
/* Compare two lists of mappings. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "dirtyckpt.h"
#include "spans.h"

enum status layout_compare(const struct dirtypages_maps *then,
			   const struct dirtypages_maps *now, struct spans *added,
			   bool all_differences);

#endif /* LAYOUT_H */
