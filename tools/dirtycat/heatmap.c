// SPDX-License-Identifier: GPL-2.0
/*
 * Heat maps, like those of damo: address against time, a panel for each program.
 * The colour of a cell shows the share of its memory that was written since the
 * previous sample or, if that is unknown, the share that is modified.
 */
#define _GNU_SOURCE
#include "heatmap.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "gnuplot.h"

/* In pixels */
enum {
	WIDTH		= 1250,
	LEFT		= 150,
	RIGHT		= 870,
	HEADER		= 30,
	TITLE		= 36,
	FOOTER		= 64,
};

/* If there are more samples, several share a column. */
enum { MOST_COLUMNS = 600 };

enum { UNMAPPED = -1 };

/**
 * struct cell - a cell, which the next column may extend
 * @from: seconds
 * @to: seconds
 * @value: percent of it, or %UNMAPPED
 */
struct cell {
	double from;
	double to;
	int value;
};

/**
 * struct panel - a program in the picture
 * @life: that program
 * @out: its cells
 * @cells: in each row, the last one, which is not put out yet
 * @column: its samples that share a column: the highest value in each row
 * @bucket: number of that column, -1 before the first
 * @mapped: bytes of each row that are mapped, in the last sample
 * @hot: bytes of each row that count, likewise
 * @top: where it stands, in pixels
 * @height: in pixels
 */
struct panel {
	struct life *life;
	FILE *out;
	struct cell *cells;
	struct cell *column;
	long bucket;
	uint64_t *mapped;
	uint64_t *hot;
	unsigned int top;
	unsigned int height;
};

/**
 * struct heatmap - a picture
 * @history: programs and times
 * @panels: a panel for each program
 * @seconds: the length of its time axis
 * @data: cells are to be read by programs
 */
struct heatmap {
	struct history history;
	struct panel *panels;
	double seconds;
	bool data;
};

/* Write a cell: in pixels for gnuplot, with addresses for other programs. */
static void put_cell(const struct heatmap *map, const struct panel *panel,
		     const struct group *group, size_t row, const struct cell *cell)
{
	const struct places *places = &panel->life->places;
	uint64_t low = group_bound(group, row), high = group_bound(group, row + 1);
	double unit = gnuplot_time_unit(map->seconds);

	if (cell->value == UNMAPPED)
		return;
	if (!map->data) {
		fprintf(panel->out, "%.9g\t%.9g\t%u\t%u\t%d\n", cell->from / unit,
			cell->to / unit, group_edge(group, row),
			group_edge(group, row + 1), cell->value);
		return;
	}
	fprintf(panel->out, "%d\t%s\t%.6f\t%.6f\t%08" PRIx64 "\t%08" PRIx64 "\t%d\n",
		panel->life->pid, panel->life->tracked ? "written" : "modified",
		cell->from, cell->to, places_address(places, group, low),
		places_address(places, group, high - 1) + 1, cell->value);
}

/* Write the cells of all rows that the next column does not extend. */
static void put_column(const struct heatmap *map, struct panel *panel, bool last)
{
	const struct places *places = &panel->life->places;

	for (size_t i = 0; i < places->groups_count; i++) {
		const struct group *group = &places->groups[i];

		for (size_t row = 0; row < group->rows; row++) {
			struct cell *cell = &panel->cells[group->row + row];
			const struct cell *next = &panel->column[group->row + row];

			if (!last && cell->value == next->value &&
			    cell->to >= next->from) {
				cell->to = next->to;
				continue;
			}
			put_cell(map, panel, group, row, cell);
			*cell = *next;
		}
	}
}

static void forget_column(struct panel *panel)
{
	for (size_t i = 0; i < panel->life->places.rows; i++)
		panel->column[i].value = UNMAPPED;
}

static void fill_rows(struct panel *panel, const struct sample *now)
{
	const struct dirtypages_range *range = dirtypages_listing_ranges(now->listing);
	const struct places *places = &panel->life->places;
	const bool tracked = panel->life->tracked;

	memset(panel->mapped, 0, places->rows * sizeof(*panel->mapped));
	memset(panel->hot, 0, places->rows * sizeof(*panel->hot));
	for (size_t i = 0; i < dirtypages_maps_count(now->maps); i++) {
		const struct dirtypages_mapping *m = dirtypages_maps_get(now->maps, i);

		if (m->perms[3] == 'p')
			places_fill(places, m->start, m->end, panel->mapped);
	}
	for (size_t i = 0; i < dirtypages_listing_count(now->listing); i++)
		if (!tracked || range[i].flags & DIRTYPAGES_FLAG('d'))
			places_fill(places, range[i].start, range[i].end, panel->hot);
}

/* Return the percentage of a row, rounded up so that small amounts show. */
static int value_of(const struct panel *panel, const struct group *group, size_t row)
{
	uint64_t size = group_bound(group, row + 1) - group_bound(group, row);
	uint64_t hot = panel->hot[group->row + row];

	if (!hot && !panel->mapped[group->row + row])
		return UNMAPPED;
	return ceil(100.0 * hot / size);
}

static void add_to_column(struct panel *panel, double from, double to)
{
	const struct places *places = &panel->life->places;

	for (size_t i = 0; i < places->groups_count; i++) {
		const struct group *group = &places->groups[i];

		for (size_t row = 0; row < group->rows; row++) {
			struct cell *cell = &panel->column[group->row + row];
			int value = value_of(panel, group, row);

			if (cell->value == UNMAPPED || cell->to < from)
				cell->from = from;
			cell->to = to;
			if (value > cell->value)
				cell->value = value;
		}
	}
}

/* Find the time that a sample covers. Return false if it covers none. */
static bool time_of_sample(const struct heatmap *map, const struct panel *panel,
			   const struct sample *now, size_t round, double *from,
			   double *to)
{
	const struct history *history = &map->history;

	if (panel->life->tracked) {
		/* The previous sample was taken shortly before it was acknowledged. */
		*to = history->times[round];
		*from = round ? history->times[round - 1] : 0;
		return now->since > 0;
	}
	*from = history->times[round];
	*to = round + 1 < history->rounds ? history->times[round + 1] : map->seconds;
	return true;
}

static void add_sample(const struct heatmap *map, const struct target *target,
		       size_t round)
{
	const struct history *history = &map->history;
	struct life *life = history_life(history, target);
	long bucket = round;
	struct panel *panel;
	double from, to;

	if (!life || target->status)
		return;
	panel = &map->panels[life - history->lives];
	if (!time_of_sample(map, panel, &target->now, round, &from, &to))
		return;
	if (history->rounds > MOST_COLUMNS)
		bucket = round * MOST_COLUMNS / history->rounds;
	if (bucket != panel->bucket) {
		put_column(map, panel, false);
		forget_column(panel);
	}
	panel->bucket = bucket;
	fill_rows(panel, &target->now);
	add_to_column(panel, from, to);
}

static void put_cells(const struct heatmap *map, const struct run *run,
		      const struct source *source)
{
	struct past past;

	past_open(&past, run, source);
	for (size_t round = 0; past_next(&past); round++)
		for (size_t i = 0; i < past.run.count; i++)
			add_sample(map, &past.run.targets[i], round);
	past_close(&past);
	for (size_t i = 0; i < map->history.count; i++) {
		put_column(map, &map->panels[i], false);
		put_column(map, &map->panels[i], true);
	}
}

static void new_panel(struct panel *panel, struct life *life, unsigned int top)
{
	size_t rows;

	panel->life = life;
	panel->top = top;
	panel->height = places_height(&life->places);
	places_lay_out(&life->places, panel->height);
	rows = life->places.rows + 1;
	panel->cells = checked(calloc(rows, sizeof(*panel->cells)));
	panel->column = checked(calloc(rows, sizeof(*panel->column)));
	panel->mapped = checked(calloc(rows, sizeof(*panel->mapped)));
	panel->hot = checked(calloc(rows, sizeof(*panel->hot)));
	panel->bucket = -1;
	for (size_t i = 0; i < rows; i++)
		panel->cells[i].value = UNMAPPED;
	forget_column(panel);
}

/* Lay out all panels. Return the height of the picture. */
static unsigned int lay_out(struct heatmap *map)
{
	struct history *history = &map->history;
	const double *last = &history->times[history->rounds - 1];
	unsigned int at = HEADER;

	map->panels = checked(calloc(history->count, sizeof(*map->panels)));
	map->seconds = *last;
	for (size_t i = 0; i < history->count; i++) {
		at += TITLE;
		new_panel(&map->panels[i], &history->lives[i], at);
		at += map->panels[i].height;
		/* Draw modified memory until the next sample would be due. */
		if (!history->lives[i].tracked)
			map->seconds = *last + (last[0] - last[-1]);
	}
	return at + FOOTER;
}

static void free_panels(struct heatmap *map)
{
	for (size_t i = 0; i < map->history.count; i++) {
		free(map->panels[i].cells);
		free(map->panels[i].column);
		free(map->panels[i].mapped);
		free(map->panels[i].hot);
	}
	free(map->panels);
	history_free(&map->history);
}

/* The address and the name of each group, as labels of the two axes. */
static void put_labels(FILE *out, const struct places *places)
{
	for (size_t i = 0; i < places->groups_count; i++) {
		const struct group *group = &places->groups[i];
		char *size = size_text(group->bytes, false);

		fprintf(out, "%.1f\t%" PRIx64 "\t", (group->low + group->high) / 2.0,
			places->pieces[group->first].start);
		gnuplot_text(out, places->names[group->name]);
		fprintf(out, "  %s", size);
		if (group->others)
			fprintf(out, " +%zu more", group->others);
		putc('\n', out);
		free(size);
	}
}

static void put_title(FILE *out, const struct life *life)
{
	gnuplot_text(out, life->comm);
	fprintf(out, " (%d): %s\n0\t0\n", life->pid,
		life->tracked ? "written since the previous sample" : "modified");
}

/* Show written memory in red, and modified memory in blue. */
static void describe_scale(const struct heatmap *map, struct gnuplot *picture)
{
	const char *colours = "'#bfdbfe', 25 '#60a5fa', 60 '#2563eb', 100 '#172554'";

	for (size_t i = 0; i < map->history.count; i++)
		if (map->history.lives[i].tracked)
			colours = "'#fde68a', 25 '#f59e0b', 60 '#dc2626', 100 '#3b0764'";
	fprintf(picture->script,
		"set palette defined (0 '#e9ecef', 0.4 '#e9ecef', 0.4 %s)\n"
		"set cbrange [0:100]\n"
		"set cbtics 25 out nomirror format '%%g%%%%'\n"
		"set colorbox horizontal user origin screen %.6f,%.6f size screen %.6f,%.6f\n"
		"set label 1 'share of the memory in a cell:' at screen %.6f,%.6f right\n"
		"set label 2 'grey: mapped and clean, white: not mapped' at screen %.6f,%.6f left\n",
		colours, (RIGHT - 240.0) / WIDTH, 1 - 28.0 / picture->height, 240.0 / WIDTH,
		12.0 / picture->height, (RIGHT - 252.0) / WIDTH,
		1 - 22.0 / picture->height, (LEFT - 8.0) / WIDTH,
		1 - 22.0 / picture->height);
}

/* Plot transparent points: only their text is visible. */
static void plot_text(FILE *script, int fd, const char *columns, const char *title)
{
	fprintf(script, ", '/dev/fd/%d' using %s with dots lc rgb '#ff000000' %s", fd,
		columns, title);
}

static void describe_panel(const struct heatmap *map, struct gnuplot *picture,
			   size_t i)
{
	const bool last = i + 1 == map->history.count;
	struct panel *panel = &map->panels[i];
	FILE *script = picture->script, *labels, *title;
	int cells_fd = gnuplot_data(picture, &panel->out);
	int labels_fd = gnuplot_data(picture, &labels);
	int title_fd = gnuplot_data(picture, &title);

	put_labels(labels, &panel->life->places);
	put_title(title, panel->life);
	gnuplot_panel(picture, LEFT, RIGHT, panel->top, panel->top + panel->height);
	gnuplot_time_axis(picture, map->seconds, last, map->history.start.tv_sec);
	fprintf(script,
		"set yrange [0:%u]\nset y2range [0:%u]\n"
		"set ytics nomirror noenhanced scale 0\nset y2tics nomirror noenhanced scale 0\n"
		"set ylabel 'address (gaps are left out)' offset 0,0\n"
		"set key at screen %.6f,%.6f left bottom Left reverse samplen 0 noenhanced font ',%u'\n",
		panel->height, panel->height, (LEFT - 34.0) / WIDTH,
		1 - (panel->top - 6.0) / picture->height, picture->title);
	/* Let cells overlap: antialiasing would leave bright lines between them. */
	fprintf(script,
		"plot '/dev/fd/%d' using 1:3:1:($2+%.9g):3:($4+0.9):5 with boxxyerror lc palette fs solid noborder notitle",
		cells_fd, 0.4 * map->seconds / gnuplot_time_unit(map->seconds) / (RIGHT - LEFT));
	plot_text(script, labels_fd, "(0):1:ytic(2)", "notitle");
	plot_text(script, labels_fd, "(0):1:y2tic(3) axes x1y2", "notitle");
	plot_text(script, title_fd, "1:2", "title columnheader(1)");
	fputs("\nunset colorbox\nunset label\n", script);
}

static void draw(struct heatmap *map, const char *path, const struct run *run,
		 const struct source *source)
{
	struct gnuplot picture;

	gnuplot_open(&picture, path, WIDTH, lay_out(map));
	describe_scale(map, &picture);
	for (size_t i = 0; i < map->history.count; i++)
		describe_panel(map, &picture, i);
	put_cells(map, run, source);
	gnuplot_draw(&picture, path);
}

/* The same cells, as a table. */
static void write_cells(struct heatmap *map, const char *path, const struct run *run,
			const struct source *source)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = checked(open_memstream(&text, &size));

	lay_out(map);
	fputs("PID\tWHAT\tFROM\tTO\tSTART\tEND\tPERCENT\n", out);
	for (size_t i = 0; i < map->history.count; i++)
		map->panels[i].out = out;
	put_cells(map, run, source);
	if (ferror(out) || fclose(out))
		checked(NULL);
	write_private(path, text, size);
	free(text);
}

/**
 * heatmap_draw() - draw a heat map, or end the program
 * @path: the picture, or a table if it is not called so
 * @run: with the options and the chosen processes
 * @source: of the samples
 */
void heatmap_draw(const char *path, const struct run *run,
		  const struct source *source)
{
	struct heatmap map = { .data = !is_picture_name(path) };

	history_read(&map.history, run, source, "--heatmap");
	if (map.data)
		write_cells(&map, path, run, source);
	else
		draw(&map, path, run, source);
	free_panels(&map);
}
