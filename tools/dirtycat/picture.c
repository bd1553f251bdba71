// SPDX-License-Identifier: GPL-2.0
/*
 * The picture: rows of equal size, cells of equal size in them. Only rows that
 * have a modified page are shown, as address spaces are mostly empty.
 */
#define _GNU_SOURCE
#include "dirtycat.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/**
 * struct picture - how the picture of a process is laid out
 * @out: where to
 * @now: what is shown
 * @before: what was shown before, or an empty sample
 * @cells: in a row, a power of two
 * @cell: its size in bytes, a power of two
 * @colour: whether there may be colour
 * @shades: of nothing modified, a little, ..., all
 */
struct picture {
	FILE *out;
	const struct sample *now;
	const struct sample *before;
	unsigned int cells;
	uint64_t cell;
	bool colour;
	const char *const *shades;
};

/* What is modified in a cell, and how */
struct cell {
	uint64_t mapped;
	struct totals totals;
};

enum { ADDRESS_WIDTH = 13, SHADES = 5 };

static const char *const plain_shades[SHADES] = { ".", ":", "+", "#", "@" };
static const char *const block_shades[SHADES] = { "·", "░", "▒", "▓", "█" };

static uint64_t overlap(uint64_t a_start, uint64_t a_end, uint64_t b_start,
			uint64_t b_end)
{
	uint64_t start = a_start > b_start ? a_start : b_start;
	uint64_t end = a_end < b_end ? a_end : b_end;

	return start < end ? end - start : 0;
}

/* The first line of a listing that ends above an address. */
static size_t first_above(const struct dirty_listing *listing, uint64_t addr)
{
	size_t low = 0, high = listing->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr < listing->ranges[middle].end)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static struct cell look_at(const struct sample *sample, uint64_t start,
			   uint64_t end)
{
	const struct dirty_listing *listing = &sample->listing;
	struct cell cell = { 0 };

	for (size_t i = first_above(listing, start);
	     i < listing->count && listing->ranges[i].start < end; i++)
		totals_add(&cell.totals, &listing->ranges[i],
			   overlap(listing->ranges[i].start,
				   listing->ranges[i].end, start, end));
	for (size_t i = 0; i < sample->maps.count; i++) {
		const struct dirty_mapping *m = &sample->maps.mappings[i];

		if (m->perms[3] == 'p')
			cell.mapped += overlap(m->start, m->end, start, end);
	}
	return cell;
}

static bool has_changed(const struct picture *p, const struct cell *cell,
			uint64_t start, uint64_t end)
{
	struct cell before;

	if (!p->before->when)
		return false;
	before = look_at(p->before, start, end);
	return memcmp(&before.totals, &cell->totals, sizeof(cell->totals));
}

static void print_cell(const struct picture *p, uint64_t start, uint64_t end)
{
	struct cell cell = look_at(p->now, start, end);
	bool changed = has_changed(p, &cell, start, end);
	const char *what = " ";
	int colour = 32;

	if (cell.totals.bytes)
		what = p->shades[1 + (cell.totals.bytes * 4 - 1) / (end - start)];
	else if (cell.mapped)
		what = p->shades[0];
	if (!p->colour) {
		fputs(changed ? "!" : what, p->out);
		return;
	}
	if (cell.totals.with['d' - 'a'])
		colour = 31;
	else if (cell.totals.with['s' - 'a'])
		colour = 34;
	else if (!cell.totals.bytes)
		colour = 39;
	fprintf(p->out, "\033[%s%dm%s\033[m", changed ? "7;" : "", colour, what);
}

/* Rows that have a modified page; prints them if asked to. */
static unsigned int rows(const struct picture *p, bool print)
{
	const struct dirty_listing *listing = &p->now->listing;
	uint64_t size = p->cell * p->cells;
	unsigned int count = 0;
	uint64_t next = 0;

	for (size_t i = 0; i < listing->count; i++) {
		uint64_t row = listing->ranges[i].start & ~(size - 1);

		for (row = row < next ? next : row;
		     row < listing->ranges[i].end; row = next) {
			next = row + size;
			count++;
			if (!print)
				continue;
			fprintf(p->out, "%012" PRIx64 " ", row);
			for (unsigned int c = 0; c < p->cells; c++)
				print_cell(p, row + c * p->cell,
					   row + (c + 1) * p->cell);
			fputc('\n', p->out);
		}
	}
	return count;
}

static void print_legend(const struct picture *p, const struct target *target)
{
	static const char units[] = "KMGTPE";
	uint64_t size = p->cell >> 10;
	int unit = 0;

	for (; size >= 1024 && units[unit + 1]; size >>= 10)
		unit++;
	if (target->process.pid)
		fprintf(p->out, "%d %s: ", target->process.pid,
			target->process.comm);
	fprintf(p->out, "a cell is %" PRIu64 "%c; %s clean, %s%s%s%s modified",
		size, units[unit], p->shades[0], p->shades[1], p->shades[2],
		p->shades[3], p->shades[4]);
	if (p->colour)
		fprintf(p->out, "\n\033[31m%s\033[m, \033[34m%s\033[m, \033[32m%s\033[m",
			"may have been written", "in swap", "neither");
	if (p->before->when)
		fputs(p->colour ? ", \033[7mchanged\033[m" : ", ! changed",
		      p->out);
	fputc('\n', p->out);
}

static void screen_size(FILE *out, unsigned int *width, unsigned int *height)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	*width = 80;
	*height = 24;
	if (columns && atoi(columns) > 0)
		*width = atoi(columns);
	if (!ioctl(fileno(out), TIOCGWINSZ, &size) && size.ws_col) {
		*width = size.ws_col;
		*height = size.ws_row;
	}
}

/**
 * picture_print() - draw the address space of a process
 * @ctl: what was asked for
 * @target: that process; cells that its earlier sample had otherwise are marked
 */
void picture_print(const struct control *ctl, const struct target *target)
{
	struct picture p = {
		.out = ctl->out,
		.now = &target->now,
		.before = &target->before,
		.cells = 1,
		.cell = sysconf(_SC_PAGESIZE),
		.colour = isatty(fileno(ctl->out)),
		.shades = plain_shades,
	};
	unsigned int width, height;

	if (!strcmp(nl_langinfo(CODESET), "UTF-8") && p.colour)
		p.shades = block_shades;
	screen_size(ctl->out, &width, &height);
	while (p.cells * 2 + ADDRESS_WIDTH <= width)
		p.cells *= 2;
	/* The legend and the prompt take three lines. */
	while (height > 4 && rows(&p, false) > height - 3 && p.cell >> 56 == 0)
		p.cell *= 2;
	print_legend(&p, target);
	rows(&p, true);
}
