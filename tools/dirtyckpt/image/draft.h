/* SPDX-License-Identifier: GPL-2.0 */
/* Write a generation. */
#ifndef DRAFT_H
#define DRAFT_H

#include "image/head.h"

enum status draft_begin(const struct image *image, struct generation *draft);
enum status draft_part(const struct image *image, struct generation *draft,
		       enum part part, const void *data, size_t size);
enum status draft_commit(const struct image *image, struct generation *draft,
			 bool exchange);
void draft_drop(const struct image *image, struct generation *draft);

#endif /* DRAFT_H */
