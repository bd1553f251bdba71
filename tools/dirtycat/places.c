// SPDX-License-Identifier: GPL-2.0
/*
 * The populated parts of an address space, stacked without the gaps between them,
 * as address spaces are mostly empty. Neighbouring parts of one mapping form a
 * group, which has a label and rows of cells.
 */
#define _GNU_SOURCE
#include "places.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum {
	MOST_GROUPS	= 24,
	LABEL_HEIGHT	= 16,		/* pixels that a label needs */
	LEAST_HEIGHT	= 240,
	MOST_HEIGHT	= 640,
	GROUP_GAP	= 3,		/* pixels between groups */
	ROW_HEIGHT	= 3,
	SMALL		= 100,		/* a hundredth of all is small */
	SPLIT		= 1 << 20,	/* a gap of that many bytes ends a group */
	UNSETTLED	= 4096,
	LEAST_PAGE	= 4096,		/* no architecture has smaller pages */
};

static size_t name_index(struct places *places, const char *name)
{
	for (size_t i = 0; i < places->names_count; i++) {
		size_t at = (places->guess + i) % places->names_count;

		if (!strcmp(places->names[at], name)) {
			places->guess = at;
			return at;
		}
	}
	places->names = grow(places->names, places->names_count + 1, sizeof(name));
	places->names[places->names_count] = checked(strdup(name));
	places->guess = places->names_count;
	return places->names_count++;
}

/* Find the first of the settled pieces that ends above an address. */
static size_t first_piece(const struct places *places, uint64_t addr)
{
	size_t low = 0, high = places->settled;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr < places->pieces[middle].end)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? 1 : x->end > y->end ? -1 : 0;
}

/* Sort the pieces and join those that overlap: an address has one name. */
static void settle_pieces(struct places *places)
{
	struct piece *last = NULL;
	size_t kept = 0;

	qsort(places->pieces, places->count, sizeof(*places->pieces),
	      compare_pieces);
	for (size_t i = 0; i < places->count; i++) {
		struct piece piece = places->pieces[i];

		if (last && piece.end <= last->end)
			continue;
		if (last && piece.start < last->end)
			piece.start = last->end;
		if (last && piece.start == last->end && piece.name == last->name) {
			last->end = piece.end;
			continue;
		}
		last = &places->pieces[kept++];
		*last = piece;
	}
	places->count = kept;
	places->settled = kept;
}

/**
 * places_add() - note that some addresses are populated
 * @places: all zero to begin with; to be freed by places_free()
 * @start: first address
 * @end: address after the last
 * @name: of their mapping
 */
void places_add(struct places *places, uint64_t start, uint64_t end,
		const char *name)
{
	size_t known = first_piece(places, start);

	if (known < places->settled && places->pieces[known].start <= start &&
	    places->pieces[known].end >= end)
		return;
	places->pieces = grow(places->pieces, places->count + 1,
			      sizeof(*places->pieces));
	places->pieces[places->count++] = (struct piece){
		.start = start,
		.end = end,
		.name = name_index(places, name),
	};
	if (places->count > places->settled * 2 + UNSETTLED)
		settle_pieces(places);
}

static void add_group(struct places *places, size_t first, const struct piece *piece)
{
	const uint64_t bytes = piece->end - piece->start;

	places->groups = grow(places->groups, places->groups_count + 1,
			      sizeof(*places->groups));
	places->groups[places->groups_count++] = (struct group){
		.first = first,
		.count = 1,
		.name = piece->name,
		.largest = bytes,
		.bytes = bytes,
	};
}

static void find_groups(struct places *places)
{
	places->groups_count = 0;
	for (size_t i = 0; i < places->count; i++) {
		const struct piece *piece = &places->pieces[i];
		struct group *group = i ? &places->groups[places->groups_count - 1] : NULL;

		if (!group || piece->name != group->name ||
		    piece->start - piece[-1].end >= SPLIT) {
			add_group(places, i, piece);
			continue;
		}
		group->count++;
		group->bytes += piece->end - piece->start;
		group->largest = group->bytes;
	}
}

static void join_groups(struct group *group, const struct group *next)
{
	if (next->largest > group->largest) {
		group->largest = next->largest;
		group->name = next->name;
	}
	group->count += next->count;
	group->bytes += next->bytes;
	group->others += next->others + 1;
}

/* Join neighbours whose sum is at most that many bytes. */
static void join_small_groups(struct places *places, uint64_t most)
{
	size_t kept = 1;

	for (size_t i = 1; i < places->groups_count; i++) {
		struct group *last = &places->groups[kept - 1];

		if (last->bytes + places->groups[i].bytes <= most)
			join_groups(last, &places->groups[i]);
		else
			places->groups[kept++] = places->groups[i];
	}
	places->groups_count = kept;
}

/*
 * Let small neighbours share a label, to limit the number of labels and leave most
 * of the space to large groups.
 */
static void limit_groups(struct places *places)
{
	uint64_t most = 0;

	for (size_t i = 0; i < places->groups_count; i++)
		most += places->groups[i].bytes / SMALL;
	do {
		join_small_groups(places, most);
		most *= 2;
	} while (places->groups_count > MOST_GROUPS);
}

static void number_pieces(struct places *places)
{
	for (size_t i = 0; i < places->groups_count; i++) {
		const struct group *group = &places->groups[i];
		uint64_t base = 0;

		for (size_t j = group->first; j < group->first + group->count; j++) {
			places->pieces[j].group = i;
			places->pieces[j].base = base;
			base += places->pieces[j].end - places->pieces[j].start;
		}
	}
}

/**
 * places_height() - find the groups, and the height that suits them
 * @places: to which nothing is added any more
 *
 * Return: how many pixels.
 */
unsigned int places_height(struct places *places)
{
	unsigned int height;

	settle_pieces(places);
	find_groups(places);
	limit_groups(places);
	number_pieces(places);
	height = places->groups_count * (LABEL_HEIGHT + GROUP_GAP) * 2;
	return height < LEAST_HEIGHT ? LEAST_HEIGHT :
	       height > MOST_HEIGHT ? MOST_HEIGHT : height;
}

/**
 * places_lay_out() - give each group its room: some for its label, more by size
 * @places: their groups are known
 * @height: of the picture, in pixels
 */
void places_lay_out(struct places *places, unsigned int height)
{
	double left = (double)height - places->groups_count * (LABEL_HEIGHT + GROUP_GAP);
	double end = 0, total = 0;

	for (size_t i = 0; i < places->groups_count; i++)
		total += places->groups[i].bytes;
	places->rows = 0;
	for (size_t i = 0; i < places->groups_count; i++) {
		struct group *group = &places->groups[i];

		/* Use whole pixels; other edges would be blurred. */
		group->low = (unsigned int)end + GROUP_GAP;
		end += GROUP_GAP + LABEL_HEIGHT + left * group->bytes / total;
		group->high = (unsigned int)end;
		group->row = places->rows;
		group->rows = (group->high - group->low) / ROW_HEIGHT;
		if (group->rows > group->bytes / LEAST_PAGE)
			group->rows = group->bytes / LEAST_PAGE;
		places->rows += group->rows;
	}
}

/**
 * group_bound() - where a row of a group begins
 * @group: that group
 * @row: number of the row in it
 *
 * Return: how many bytes of the group are below it.
 */
uint64_t group_bound(const struct group *group, size_t row)
{
	return group->bytes / group->rows * row +
	       group->bytes % group->rows * row / group->rows;
}

/**
 * group_edge() - where a row of a group begins in the picture
 * @group: that group
 * @row: number of the row in it
 *
 * Return: whole pixels from its bottom.
 */
unsigned int group_edge(const struct group *group, size_t row)
{
	return group->low + (group->high - group->low) * row / group->rows;
}

/**
 * places_address() - find the address of a byte
 * @places: laid out
 * @group: one of their groups
 * @offset: how many bytes of the group are below it
 *
 * Return: its address.
 */
uint64_t places_address(const struct places *places, const struct group *group,
			uint64_t offset)
{
	size_t i = group->first;

	while (i + 1 < group->first + group->count &&
	       places->pieces[i + 1].base <= offset)
		i++;
	return places->pieces[i].start + (offset - places->pieces[i].base);
}

static void fill_group(const struct group *group, uint64_t from, uint64_t to,
		       uint64_t *cells)
{
	size_t row = (double)from * group->rows / group->bytes;

	/* The division was rounded. */
	while (row && group_bound(group, row) > from)
		row--;
	while (group_bound(group, row + 1) <= from)
		row++;
	for (; from < to; row++) {
		uint64_t end = group_bound(group, row + 1);

		if (end > to)
			end = to;
		cells[group->row + row] += end - from;
		from = end;
	}
}

/**
 * places_fill() - add some addresses to the rows that they are in
 * @places: laid out
 * @start: first address
 * @end: address after the last
 * @cells: bytes in each row
 */
void places_fill(const struct places *places, uint64_t start, uint64_t end,
		 uint64_t *cells)
{
	for (size_t i = first_piece(places, start);
	     i < places->count && places->pieces[i].start < end; i++) {
		const struct piece *piece = &places->pieces[i];
		uint64_t from = start > piece->start ? start : piece->start;
		uint64_t to = end < piece->end ? end : piece->end;

		fill_group(&places->groups[piece->group],
			   from - piece->start + piece->base,
			   to - piece->start + piece->base, cells);
	}
}

/**
 * places_free() - free the members of places
 * @places: empty afterwards
 */
void places_free(struct places *places)
{
	for (size_t i = 0; i < places->names_count; i++)
		free(places->names[i]);
	free(places->names);
	free(places->pieces);
	free(places->groups);
	*places = (struct places){ 0 };
}
