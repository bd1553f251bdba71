/* SPDX-License-Identifier: GPL-2.0 */
/* Heat maps: address against time. */
#ifndef HEATMAP_H
#define HEATMAP_H

#include "history.h"

void heatmap_draw(const char *path, const struct run *run,
		  const struct source *source);

#endif /* HEATMAP_H */
