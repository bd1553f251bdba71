/* SPDX-License-Identifier: GPL-2.0 */
/* Colours, as terminal-colors.d(5) configures them. */
#ifndef COLOUR_H
#define COLOUR_H

#include <stdbool.h>

enum colour_when {
	COLOUR_AUTO,
	COLOUR_ALWAYS,
	COLOUR_NEVER,
};

/**
 * struct colours - names or sequences for libsmartcols
 * @heading: of a table
 * @growth: DELTA and GROWTH above zero
 * @shrink: DELTA and GROWTH below zero
 * @total: the row of --total
 */
struct colours {
	char heading[32];
	char growth[32];
	char shrink[32];
	char total[32];
};

bool colours_read(struct colours *colours, enum colour_when when, bool terminal);

#endif /* COLOUR_H */
