/* SPDX-License-Identifier: GPL-2.0 */
/* Read and check the files of a generation. */
#ifndef PARTS_H
#define PARTS_H

#include "image/generation.h"
#include "process/threads.h"

enum status part_open(const struct image *image, const struct generation *gen,
		      enum part part, int *fd);
enum status parts_check(const struct image *image, const struct generation *gen);
enum status parts_probe(const struct image *image, const struct generation *gen);
enum status part_read(const struct image *image, const struct generation *gen,
		      enum part part, void **data);
enum status part_listing(const struct image *image,
			 const struct generation *gen, enum part part,
			 struct dirtypages_listing **listing);
enum status part_maps(const struct image *image, const struct generation *gen,
		      struct dirtypages_maps **maps);
enum status part_threads(const struct image *image,
			 const struct generation *gen, struct threads *threads);

#endif /* PARTS_H */
