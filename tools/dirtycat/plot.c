// SPDX-License-Identifier: GPL-2.0
/* Plots of the columns DIRTY, WRITTEN and SHARED over time. */
#define _GNU_SOURCE
#include "plot.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/memory.h"
#include "gnuplot.h"

/* In pixels */
enum {
	WIDTH		= 1010,
	LEFT		= 90,
	RIGHT		= 810,
	HEADER		= 6,
	TITLE		= 34,
	HEIGHT		= 260,
	FOOTER		= 64,
};

/**
 * struct plot - a picture
 * @history: programs and times
 * @out: the values of each program
 * @data: values are to be read by programs
 * @unit: of sizes, in bytes
 * @unit_name: of it
 */
struct plot {
	struct history history;
	FILE **out;
	bool data;
	double unit;
	const char *unit_name;
};

static void choose_unit(struct plot *plot)
{
	static const char *const names[] = { "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	plot->unit = 1024;
	for (; i < 3 && plot->history.most >= plot->unit * 2048; i++)
		plot->unit *= 1024;
	plot->unit_name = names[i];
	if (plot->data)
		plot->unit = 1;
}

/* An unknown sum leaves a gap in its line. */
static void put_sum(const struct plot *plot, FILE *out, const struct totals *totals,
		    char letter, bool without)
{
	uint64_t with = totals->with[letter - 'a'];

	if (totals->unknown & DIRTYPAGES_FLAG(letter))
		fputs("\t?", out);
	else
		fprintf(out, "\t%.15g", (without ? totals->bytes - with : with) / plot->unit);
}

static void put_sample(const struct plot *plot, const struct target *target)
{
	const struct history *history = &plot->history;
	const struct totals *totals = &target->now.totals;
	struct life *life = history_life(history, target);
	double seconds = history_seconds(history, &target->now.when);
	double unit = gnuplot_time_unit(history->times[history->rounds - 1]);
	FILE *out;

	if (!life || target->status)
		return;
	out = plot->out[life - history->lives];
	if (plot->data)
		fprintf(out, "%d\t%.6f", life->pid, seconds);
	else
		fprintf(out, "%.9g", seconds / unit);
	fprintf(out, "\t%.15g", totals->bytes / plot->unit);
	put_sum(plot, out, totals, 'd', false);
	put_sum(plot, out, totals, 'x', true);
	putc('\n', out);
}

static void put_samples(const struct plot *plot, const struct run *run,
			const struct source *source)
{
	struct past past;

	past_open(&past, run, source);
	while (past_next(&past))
		for (size_t i = 0; i < past.run.count; i++)
			put_sample(plot, &past.run.targets[i]);
	past_close(&past);
}

/* gnuplot reports an error for a line without points; add a legend entry only. */
static void describe_line(struct gnuplot *picture, const struct life *life,
			  char letter, int column, const char *colour,
			  const char *name)
{
	if (life->known & DIRTYPAGES_FLAG(letter))
		fprintf(picture->script,
			", '' using 1:%d with linespoints pt 7 ps 0.3 lw 2 lc rgb '%s' title '%s'",
			column, colour, name);
	else
		fprintf(picture->script,
			", keyentry with lines lw 2 lc rgb '#ced4da' title '%s: not known'", name);
}

static void describe_panel(struct plot *plot, struct gnuplot *picture, size_t i)
{
	const struct history *history = &plot->history;
	const struct life *life = &history->lives[i];
	unsigned int top = HEADER + TITLE + i * (HEIGHT + TITLE);
	int sums_fd = gnuplot_data(picture, &plot->out[i]);
	FILE *title;
	int title_fd = gnuplot_data(picture, &title);

	gnuplot_text(title, life->comm);
	fprintf(title, " (%d)\n0\t0\n", life->pid);
	gnuplot_panel(picture, LEFT, RIGHT, top, top + HEIGHT);
	/* Draw the title as the only legend entry of an empty plot. */
	fprintf(picture->script,
		"set datafile missing '?'\n"
		"set xrange [0:1]\nset yrange [0:1]\n"
		"unset xtics\nunset ytics\nunset xlabel\nunset ylabel\nunset grid\n"
		"set key at screen %.6f,%.6f left bottom Left reverse samplen 0 noenhanced font ',%u'\n"
		"plot '/dev/fd/%d' using 1:2 with dots lc rgb '#ff000000' title columnheader(1)\n",
		(LEFT - 34.0) / WIDTH, 1 - (top - 6.0) / picture->height, picture->title,
		title_fd);
	gnuplot_time_axis(picture, history->times[history->rounds - 1],
			  i + 1 == history->count, history->start.tv_sec);
	fprintf(picture->script,
		"set yrange [0:*]\nset ytics out nomirror format '%%g'\nset ylabel '%s'\n"
		"set grid ytics lc rgb '#dee2e6' lw 0.6\n"
		"set key at screen %.6f,%.6f left top Left reverse samplen 2 font ''\n"
		"plot '/dev/fd/%d' using 1:2 with linespoints pt 7 ps 0.3 lw 2 lc rgb '#1d4ed8' title 'DIRTY'",
		plot->unit_name, (RIGHT + 12.0) / WIDTH,
		1 - (top + 4.0) / picture->height, sums_fd);
	describe_line(picture, life, 'd', 3, "#dc2626", "WRITTEN");
	describe_line(picture, life, 'x', 4, "#15803d", "SHARED");
	fputs("\n", picture->script);
}

static void draw(struct plot *plot, const char *path, const struct run *run,
		 const struct source *source)
{
	const size_t count = plot->history.count;
	struct gnuplot picture;

	gnuplot_open(&picture, path, WIDTH,
		     HEADER + count * (HEIGHT + TITLE) + FOOTER);
	for (size_t i = 0; i < count; i++)
		describe_panel(plot, &picture, i);
	put_samples(plot, run, source);
	gnuplot_draw(&picture, path);
}

/* The same values, as a table. */
static void write_sums(struct plot *plot, const char *path, const struct run *run,
		       const struct source *source)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = checked(open_memstream(&text, &size));

	fputs("PID\tTIME\tDIRTY\tWRITTEN\tSHARED\n", out);
	for (size_t i = 0; i < plot->history.count; i++)
		plot->out[i] = out;
	put_samples(plot, run, source);
	if (ferror(out) || fclose(out))
		checked(NULL);
	write_private(path, text, size);
	free(text);
}

/**
 * plot_draw() - draw sums over time, or end the program
 * @path: the picture, or a table if it is not called so
 * @run: with the options and the chosen processes
 * @source: of the samples
 */
void plot_draw(const char *path, const struct run *run,
	       const struct source *source)
{
	struct plot plot = { .data = !is_picture_name(path) };

	history_read(&plot.history, run, source, "--plot");
	choose_unit(&plot);
	plot.out = checked(calloc(plot.history.count, sizeof(*plot.out)));
	if (plot.data)
		write_sums(&plot, path, run, source);
	else
		draw(&plot, path, run, source);
	free(plot.out);
	history_free(&plot.history);
}
