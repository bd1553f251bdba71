// SPDX-License-Identifier: GPL-2.0
/*
 * The picture: rows of equal size, cells of equal size in them. Only rows that
 * have a modified page are shown, as address spaces are mostly empty.
 */
#define _GNU_SOURCE
#include "picture.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/text.h"
#include "sample.h"

/**
 * struct picture - how the picture of a process is laid out
 * @out: the stream to print to
 * @now: the sample to show
 * @before: the previous sample, empty if there is none
 * @cells: number of cells in a row, a power of two
 * @cell: size of a cell in bytes, a power of two
 * @colour: use colours
 * @style: the current colour, with %REVERSED if reversed; 0 is the default
 * @shades: from no modified page to all pages modified
 */
struct picture {
	FILE *out;
	const struct sample *now;
	const struct sample *before;
	unsigned int cells;
	uint64_t cell;
	bool colour;
	int style;
	const char *const *shades;
};

/* The pages of a cell */
struct cell {
	uint64_t mapped;
	struct totals totals;
};

enum { ADDRESS_WIDTH = 13, SHADES = 5, MAX_CELLS = 4096 };

static const char *const plain_shades[SHADES] = { ".", ":", "+", "#", "@" };
static const char *const block_shades[SHADES] = { "·", "░", "▒", "▓", "█" };

enum { RED = 31, GREEN = 32, BLUE = 34, DEFAULT = 0, REVERSED = 64 };

/* Return the size of the overlap of two ranges. Both include their last byte. */
static uint64_t overlap(uint64_t a_start, uint64_t a_last, uint64_t b_start,
			uint64_t b_last)
{
	uint64_t start = a_start > b_start ? a_start : b_start;
	uint64_t last = a_last < b_last ? a_last : b_last;

	return start <= last ? last - start + 1 : 0;
}

/* Find the first line of a listing that ends above an address. */
static size_t first_line(const struct dirtypages_listing *listing, uint64_t addr)
{
	const struct dirtypages_range *range = dirtypages_listing_ranges(listing);
	size_t low = 0, high = dirtypages_listing_count(listing);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr < range[middle].end)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static struct cell look_at(const struct sample *sample, uint64_t start,
			   uint64_t last)
{
	const struct dirtypages_listing *listing = sample->listing;
	const struct dirtypages_range *range = dirtypages_listing_ranges(listing);
	const struct dirtypages_maps *maps = sample->maps;
	const struct dirtypages_mapping *m;
	struct cell cell = { 0 };

	for (size_t i = first_line(listing, start);
	     i < dirtypages_listing_count(listing) && range[i].start <= last; i++)
		totals_add(&cell.totals, &range[i],
			   overlap(range[i].start, range[i].end - 1, start, last));
	for (size_t i = dirtypages_maps_first(maps, start);
	     (m = dirtypages_maps_get(maps, i)) && m->start <= last; i++)
		if (m->perms[3] == 'p')
			cell.mapped += overlap(m->start, m->end - 1, start, last);
	return cell;
}

static bool has_changed(const struct picture *p, const struct cell *cell,
			uint64_t start, uint64_t last)
{
	struct cell before;

	if (!p->before->when.tv_sec)
		return false;
	before = look_at(p->before, start, last);
	return memcmp(&before.totals, &cell->totals, sizeof(cell->totals));
}

/* Print one escape per run of a style, for slow terminals. */
static void set_style(struct picture *p, int style)
{
	if (style == p->style)
		return;
	fputs("\033[m", p->out);
	if (style & REVERSED)
		fputs("\033[7m", p->out);
	if (style & ~REVERSED)
		fprintf(p->out, "\033[%dm", style & ~REVERSED);
	p->style = style;
}

static int colour_of(const struct cell *cell)
{
	if (!cell->totals.bytes)
		return DEFAULT;
	if (cell->totals.with['d' - 'a'])
		return RED;
	if (cell->totals.with['s' - 'a'])
		return BLUE;
	return cell->totals.unknown & DIRTYPAGES_FLAG('d') ? DEFAULT : GREEN;
}

static void print_cell(struct picture *p, uint64_t start)
{
	uint64_t last = start + (p->cell - 1);
	struct cell cell = look_at(p->now, start, last);
	bool changed = has_changed(p, &cell, start, last);
	const char *text = " ";

	/* bytes * 4 overflows only for 2^62 bytes, and still gives the right shade. */
	if (cell.totals.bytes)
		text = p->shades[1 + (cell.totals.bytes * 4 - 1) / p->cell];
	else if (cell.mapped)
		text = p->shades[0];
	if (p->colour)
		set_style(p, colour_of(&cell) | (changed ? REVERSED : 0));
	else if (changed)
		text = "!";
	fputs(text, p->out);
}

static void print_row(struct picture *p, uint64_t row)
{
	fprintf(p->out, "%012" PRIx64 " ", row);
	for (unsigned int c = 0; c < p->cells; c++)
		print_cell(p, row + c * p->cell);
	set_style(p, DEFAULT);
	fputc('\n', p->out);
}

/*
 * Count the rows that have a modified page, and optionally print them. Counting
 * takes one step per line of the listing, however large its range.
 */
static uint64_t rows(struct picture *p, bool print)
{
	const struct dirtypages_listing *listing = p->now->listing;
	const struct dirtypages_range *range = dirtypages_listing_ranges(listing);
	uint64_t size = p->cell * p->cells;
	uint64_t count = 0, next = 0;

	for (size_t i = 0; i < dirtypages_listing_count(listing); i++) {
		uint64_t first = range[i].start / size;
		uint64_t last = (range[i].end - 1) / size;

		if (first < next)
			first = next;
		if (first > last)
			continue;
		count += last - first + 1;
		next = last + 1;
		for (; print && first <= last; first++)
			print_row(p, first * size);
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
	if (target->pid) {
		fprintf(p->out, "%d ", target->pid);
		put_escaped(p->out, target->comm);
		fputs(": ", p->out);
	}
	fprintf(p->out, "a cell is %" PRIu64 "%c; %s clean, %s%s%s%s modified",
		size, units[unit], p->shades[0], p->shades[1], p->shades[2],
		p->shades[3], p->shades[4]);
	if (p->colour &&
	    dirtypages_listing_unknown(p->now->listing) & DIRTYPAGES_FLAG('d'))
		fputs("\n\033[34min swap\033[m", p->out);
	else if (p->colour)
		fprintf(p->out, "\n\033[31m%s\033[m, \033[34m%s\033[m, \033[32m%s\033[m",
			"may have been written", "in swap", "neither");
	if (p->before->when.tv_sec)
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
 * @ctl: the options
 * @share: number of pictures on the screen
 * @target: that process; cells that changed since its previous sample are marked
 */
void picture_print(const struct control *ctl, unsigned int share,
		   const struct target *target)
{
	struct picture p = {
		.out = ctl->out,
		.now = &target->now,
		.before = &target->before,
		.cells = 1,
		.cell = sysconf(_SC_PAGESIZE),
		.colour = ctl->coloured,
		.shades = plain_shades,
	};
	unsigned int width, height, most;

	if (!strcmp(nl_langinfo(CODESET), "UTF-8") && p.colour)
		p.shades = block_shades;
	screen_size(ctl->out, &width, &height);
	while (p.cells * 2 + ADDRESS_WIDTH <= width && p.cells < MAX_CELLS)
		p.cells *= 2;
	/* The legend and the prompt take three lines. A row is at most 2^62 bytes. */
	most = height / share > 4 ? height / share - 3 : 1;
	while (rows(&p, false) > most && p.cell * p.cells >> 62 == 0)
		p.cell *= 2;
	print_legend(&p, target);
	rows(&p, true);
}
