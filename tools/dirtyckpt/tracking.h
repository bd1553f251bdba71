/* SPDX-License-Identifier: GPL-2.0 */
/* Notes of the image that tracks a process, and of its last generation. */
#ifndef TRACKING_H
#define TRACKING_H

#include "image/head.h"
#include "image/record.h"
#include "process/target.h"

bool tracking_is_for(const char *note, const char *path);
enum status tracking_begin(struct target *target, const struct image *image,
			   char *note, size_t size, bool insist);
enum status tracking_note(const struct target *target,
			  const struct image *image, const char *base,
			  unsigned long number);
bool tracking_is_seamless(const char *note, const struct generation *last,
			  struct record *record);

#endif /* TRACKING_H */
