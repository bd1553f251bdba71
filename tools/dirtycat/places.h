/* SPDX-License-Identifier: GPL-2.0 */
/* The populated parts of an address space, one above the other. */
#ifndef PLACES_H
#define PLACES_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct piece - a populated part
 * @start: first address
 * @end: address after the last
 * @name: index of its mapping's name
 * @group: the group that it is in, once they are laid out
 * @base: bytes of the group's pieces before this one
 */
struct piece {
	uint64_t start;
	uint64_t end;
	size_t name;
	size_t group;
	uint64_t base;
};

/**
 * struct group - neighbouring pieces that have a label in common
 * @first: index of the first
 * @count: how many
 * @name: index of the name of most of its bytes
 * @largest: how many bytes have that name
 * @others: how many more groups it was made of
 * @bytes: of all pieces
 * @low: where it begins in the picture, in pixels
 * @high: where it ends
 * @row: number of its first row
 * @rows: how many it has
 */
struct group {
	size_t first;
	size_t count;
	size_t name;
	uint64_t largest;
	size_t others;
	uint64_t bytes;
	unsigned int low;
	unsigned int high;
	size_t row;
	size_t rows;
};

/**
 * struct places - the populated parts of an address space, ascending
 * @pieces: those parts, which do not overlap as far as they are @settled
 * @count: how many
 * @settled: how many of them are in order
 * @names: of mappings
 * @names_count: how many
 * @guess: a name that comes again, or the next after it
 * @groups: all pieces, once they are laid out
 * @groups_count: how many
 * @rows: how many rows of cells there are
 */
struct places {
	struct piece *pieces;
	size_t count;
	size_t settled;
	char **names;
	size_t names_count;
	size_t guess;
	struct group *groups;
	size_t groups_count;
	size_t rows;
};

void places_add(struct places *places, uint64_t start, uint64_t end,
		const char *name);
unsigned int places_height(struct places *places);
void places_lay_out(struct places *places, unsigned int height);
void places_fill(const struct places *places, uint64_t start, uint64_t end,
		 uint64_t *cells);
uint64_t group_bound(const struct group *group, size_t row);
unsigned int group_edge(const struct group *group, size_t row);
uint64_t places_address(const struct places *places, const struct group *group,
			uint64_t offset);
void places_free(struct places *places);

#endif /* PLACES_H */
