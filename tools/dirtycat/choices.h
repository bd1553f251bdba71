/* SPDX-License-Identifier: GPL-2.0 */
/* Options that depend on each other. */
#ifndef CHOICES_H
#define CHOICES_H

#include "colour.h"
#include "dirtycat.h"

/**
 * struct wishes - options that depend on each other
 * @view: the option that sets the view
 * @format: the option that sets the format
 * @columns: the argument of --output
 * @all: --output-all was given
 * @rate: --rate was given
 * @summary: the argument of --summary
 * @sort: the argument of --sort
 * @colour: the argument of --color
 */
struct wishes {
	const char *view;
	const char *format;
	const char *columns;
	bool all;
	bool rate;
	const char *summary;
	const char *sort;
	enum colour_when colour;
};

void set_view(struct run *run, struct wishes *wishes, enum view view,
	      const char *option);
void set_format(struct run *run, struct wishes *wishes, enum format format,
		const char *option);
void settle(struct run *run, struct wishes *wishes);
bool has_table(const struct control *ctl);

#endif /* CHOICES_H */
