/* SPDX-License-Identifier: GPL-2.0 */
/* Pictures by gnuplot. */
#ifndef GNUPLOT_H
#define GNUPLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

/**
 * struct gnuplot - a picture while it is described
 * @script: commands for gnuplot. No text of processes or files goes in here
 * @data: files that the script plots, by gnuplot_data()
 * @count: how many
 * @width: of the picture, in pixels
 * @height: likewise
 * @title: font size of titles, in the unit of its kind of picture
 */
struct gnuplot {
	FILE *script;
	FILE **data;
	size_t count;
	unsigned int width;
	unsigned int height;
	unsigned int title;
};

bool is_picture_name(const char *path);
void gnuplot_require(void);
void gnuplot_open(struct gnuplot *gnuplot, const char *path, unsigned int width,
		  unsigned int height);
int gnuplot_data(struct gnuplot *gnuplot, FILE **data);
void gnuplot_text(FILE *data, const char *text);
void gnuplot_panel(struct gnuplot *gnuplot, unsigned int left, unsigned int right,
		   unsigned int top, unsigned int bottom);
void gnuplot_time_axis(struct gnuplot *gnuplot, double seconds, bool labels,
		       time_t start);
double gnuplot_time_unit(double seconds);
void gnuplot_draw(struct gnuplot *gnuplot, const char *path);
void write_private(const char *path, const void *data, size_t size);

#endif /* GNUPLOT_H */
