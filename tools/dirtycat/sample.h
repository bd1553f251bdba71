/* SPDX-License-Identifier: GPL-2.0 */
/* Samples: a listing, cut down to the selection, with its sums. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "dirtycat.h"
#include "recording.h"

void take_sample(const struct control *ctl, struct target *target);
void parse_sample(const struct control *ctl, struct target *target, int fd);
void load_sample(const struct control *ctl, struct target *target,
		 const struct recorded *recorded, const struct kept *kept);
void acknowledge_sample(const struct control *ctl, struct target *target);
void sample_free(struct sample *sample);
void totals_merge(struct totals *totals, const struct totals *more);
void totals_add(struct totals *totals, const struct dirtypages_range *range,
		uint64_t bytes);

#endif /* SAMPLE_H */
