/* SPDX-License-Identifier: GPL-2.0 */
/* The record of what is still to be copied. */
#ifndef RECORD_H
#define RECORD_H

#include "image/image.h"
#include "spans.h"

/**
 * struct record - what of a process has still to be copied
 * @number: of the generation that is to have it
 * @base: of that
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
