/* SPDX-License-Identifier: GPL-2.0 */
/* Open a generation, and those that it builds on. */
#ifndef GENERATION_H
#define GENERATION_H

#include "image/head.h"

enum status complain_damaged(const struct image *image,
			     const struct generation *gen, const char *part);
enum status fail_to_open(const struct image *image, const struct generation *gen,
			 const char *part);
enum status image_is_known(const struct image *image);
enum status image_has_one(const struct image *image);
enum status generation_open(const struct image *image, unsigned long number,
			    struct generation *gen);
enum status generation_choose(const struct image *image, unsigned long number,
			      struct generation *gen);
enum status generation_before(const struct image *image,
			      const struct generation *gen,
			      struct generation *before);
void generation_close(struct generation *gen);

#endif /* GENERATION_H */
