/* SPDX-License-Identifier: GPL-2.0 */
/* The record: pages that are acknowledged and may not be copied yet. */
#ifndef RECORD_H
#define RECORD_H

#include "image/image.h"
#include "spans.h"

/**
 * struct record - pages that still have to be copied
 * @number: number of the generation that is to contain them
 * @base: base of that generation
 * @spans: the pages
 */
struct record {
	unsigned long number;
	char base[33];
	struct spans spans;
};

enum status record_write(const struct image *image, const struct record *record);
enum status record_read(const struct image *image, struct record *record);
enum status record_remove(const struct image *image);

#endif /* RECORD_H */
