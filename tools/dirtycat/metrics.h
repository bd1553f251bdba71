/* SPDX-License-Identifier: GPL-2.0 */
/* Gauges in the OpenMetrics text format. */
#ifndef METRICS_H
#define METRICS_H

#include "dirtycat.h"

void metrics_print(const struct control *ctl, const struct target *targets,
		   size_t count);

#endif /* METRICS_H */
