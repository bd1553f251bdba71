/* SPDX-License-Identifier: GPL-2.0 */
/* Plots of sums over time. */
#ifndef PLOT_H
#define PLOT_H

#include "history.h"

void plot_draw(const char *path, const struct run *run,
	       const struct source *source);

#endif /* PLOT_H */
