/* SPDX-License-Identifier: GPL-2.0 */
/* Notes of the image that tracks a process, and of its last generation. */
#ifndef TRACKING_H
#define TRACKING_H

#include <limits.h>

#include "image/head.h"
#include "image/record.h"
#include "process/target.h"

enum { NOTE_BYTES = 2 * PATH_MAX + 100 };

bool tracking_is_for(const char *note, const char *path);
enum status tracking_begin(struct target *target, const struct image *image,
			   char *note, size_t size, bool insist);
enum status tracking_note(const struct target *target,
			  const struct image *image, const char *base,
			  unsigned long number);
enum status tracking_note_export(const struct target *target, const char *note,
				 const char *path);
const char *tracking_export(const char *note);
bool tracking_is_seamless(const char *note, const struct generation *last,
			  struct record *record);

#endif /* TRACKING_H */
