// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Listings in memory. */
#define _GNU_SOURCE
#include "internal.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct text {
	size_t len;
	uint32_t flags;
	uint32_t unknown;
	char text[];
};

/**
 * struct dirtypages_listing - a listing
 * @ranges: its lines, ascending
 * @count: number of lines
 * @room: capacity of @ranges
 * @unknown: letters that the back end does not report for all pages
 * @columns: highest number of columns in the flags
 * @problem: why the next line was refused, in static storage, or NULL
 * @texts: a tree of the distinct flags
 * @last: the last one, which mostly repeats
 */
struct dirtypages_listing {
	struct dirtypages_range *ranges;
	size_t count;
	size_t room;
	uint32_t unknown;
	size_t columns;
	const char *problem;
	void *texts;
	const struct text *last;
};

static int compare_texts(const void *a, const void *b)
{
	return strcmp(((const struct text *)a)->text,
		      ((const struct text *)b)->text);
}

static const struct text *new_text(struct dirtypages_listing *listing,
				   const char *text, size_t len)
{
	struct text *new = malloc(sizeof(*new) + len + 1);
	struct text **found;

	if (!new)
		return NULL;
	memcpy(new->text, text, len);
	new->text[len] = '\0';
	new->len = len;
	found = tsearch(new, &listing->texts, compare_texts);
	if (!found || *found != new) {
		free(new);
		return found ? *found : NULL;
	}
	new->flags = dp_letters(text, len);
	new->unknown = dp_unknown_letters(text, len);
	listing->unknown |= new->unknown;
	if (listing->columns < len)
		listing->columns = len;
	return new;
}

static const struct text *find_text(struct dirtypages_listing *listing,
				    const char *text, size_t len)
{
	const struct text *last = listing->last;

	if (!last || last->len != len || memcmp(last->text, text, len))
		last = new_text(listing, text, len);
	listing->last = last;
	return last;
}

/* Add a line at the end of the listing @data. Return 0 or -ENOMEM. */
int dp_listing_take(const struct dp_line *line, void *data)
{
	struct dirtypages_listing *listing = data;
	const struct text *found = find_text(listing, line->text, line->len);

	if (!found)
		return -ENOMEM;
	if (listing->count == listing->room) {
		size_t room = listing->room ? listing->room * 2 : 64;
		struct dirtypages_range *more;

		more = reallocarray(listing->ranges, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		listing->ranges = more;
		listing->room = room;
	}
	listing->ranges[listing->count++] = (struct dirtypages_range){
		.start = line->start,
		.end = line->end,
		.flags = found->flags,
		.unknown = found->unknown,
		.text = found->text,
	};
	return 0;
}

/* Make a listing as if new, but keep the memory of its lines. */
void dp_listing_reset(struct dirtypages_listing *listing)
{
	struct dirtypages_range *ranges = listing->ranges;
	size_t room = listing->room;

	tdestroy(listing->texts, free);
	*listing = (struct dirtypages_listing){ .ranges = ranges, .room = room };
}

/* Record the findings of a reading in its listing. */
void dp_listing_finish(struct dirtypages_listing *listing,
		       const struct dp_sink *sink, const struct dirtypages *pages)
{
	listing->problem = sink->problem;
	if (pages->known && !pages->tracked)
		listing->unknown |= DIRTYPAGES_WRITTEN;
}

/**
 * dirtypages_listing_new() - make an empty listing
 * @listing: set to it; free with dirtypages_listing_free()
 *
 * Return: 0 or -ENOMEM.
 */
int dirtypages_listing_new(struct dirtypages_listing **listing)
{
	*listing = calloc(1, sizeof(**listing));
	return *listing ? 0 : -ENOMEM;
}

static void empty(struct dirtypages_listing *listing)
{
	tdestroy(listing->texts, free);
	free(listing->ranges);
	*listing = (struct dirtypages_listing){ 0 };
}

/**
 * dirtypages_listing_free() - free a listing
 * @listing: the listing, or NULL
 */
void dirtypages_listing_free(struct dirtypages_listing *listing)
{
	if (!listing)
		return;
	empty(listing);
	free(listing);
}

/**
 * dirtypages_listing_count() - count the lines of a listing
 * @listing: the listing, or NULL
 *
 * Return: their number.
 */
size_t dirtypages_listing_count(const struct dirtypages_listing *listing)
{
	return listing ? listing->count : 0;
}

/**
 * dirtypages_listing_ranges() - get the lines of a listing
 * @listing: the listing, or NULL
 *
 * Return: an array of dirtypages_listing_count() ranges, valid until the listing
 * changes. It may be NULL if there are none.
 */
const struct dirtypages_range *
dirtypages_listing_ranges(const struct dirtypages_listing *listing)
{
	return listing ? listing->ranges : NULL;
}

/**
 * dirtypages_listing_unknown() - get the letters that are not known
 * @listing: the listing, or NULL
 *
 * Return: letters that the back end did not report for all pages.
 */
uint32_t dirtypages_listing_unknown(const struct dirtypages_listing *listing)
{
	return listing ? listing->unknown : 0;
}

/**
 * dirtypages_listing_columns() - get the width of the flags
 * @listing: the listing, or NULL
 *
 * Return: the highest number of columns in a line, more than 7 if the kernel is
 * later than this library.
 */
size_t dirtypages_listing_columns(const struct dirtypages_listing *listing)
{
	return listing ? listing->columns : 0;
}

/**
 * dirtypages_listing_problem() - explain -EPROTO
 * @listing: the listing, or NULL
 *
 * Return: a phrase that says why the line after the last one was refused, or NULL
 * if no line was.
 */
const char *dirtypages_listing_problem(const struct dirtypages_listing *listing)
{
	return listing ? listing->problem : NULL;
}

/**
 * dirtypages_listing_add() - add a line at the end of a listing
 * @listing: the listing
 * @start: address of the first page
 * @end: address after the last page
 * @text: its flags
 *
 * Return: 0; -EINVAL if the line is empty or begins before the end of the last
 * one, or has no flags; or -ENOMEM.
 */
int dirtypages_listing_add(struct dirtypages_listing *listing, uint64_t start,
			   uint64_t end, const char *text)
{
	const struct dp_line line = { start, end, text, strlen(text) };

	if (start >= end || !line.len || strpbrk(text, "\n ") ||
	    (listing->count && start < listing->ranges[listing->count - 1].end))
		return -EINVAL;
	return dp_listing_take(&line, listing);
}

/**
 * dirtypages_listing_parse() - read a saved listing to its end
 * @listing: the lines replace its contents, up to an error
 * @fd: the file to read
 *
 * Return: 0; -EPROTO if the next line is malformed, out of order or incomplete,
 * and dirtypages_listing_problem() says why; -ENOMEM; or a negative errno of
 * read().
 */
int dirtypages_listing_parse(struct dirtypages_listing *listing, int fd)
{
	struct dp_sink sink = { .take = dp_listing_take, .data = listing };
	int error;

	dp_listing_reset(listing);
	error = dp_text_parse(fd, &sink);
	listing->problem = sink.problem;
	return error;
}

static const char *fault_of_flags(const char *text)
{
	const size_t len = strlen(text);

	if (len < COLUMNS)
		return "the flags have fewer than seven columns";
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return "the flags have a byte that is not printable ASCII";
		if (i < COLUMNS && !strchr("-?", text[i]) &&
		    !strchr(dp_column_letters(i), text[i]))
			return "the flags have a letter in the wrong column";
	}
	return NULL;
}

/**
 * dirtypages_listing_fault() - find a line that no kernel or back end would write
 * @listing: the listing, or NULL
 * @line: set to the index of the first such line
 *
 * Return: a phrase that says why, or NULL if there is no such line.
 */
const char *dirtypages_listing_fault(const struct dirtypages_listing *listing,
				     size_t *line)
{
	/* No architecture has smaller pages. */
	const uint64_t least_page = 4096;
	const char *fault = NULL;

	for (size_t i = 0; !fault && i < dirtypages_listing_count(listing); i++) {
		const struct dirtypages_range *range = &listing->ranges[i];

		*line = i;
		if ((range->start | range->end) & (least_page - 1))
			fault = "an address is not aligned to a page";
		else
			fault = fault_of_flags(range->text);
	}
	return fault;
}

/**
 * dirtypages_listing_select() - keep only some pages
 * @listing: the listing
 * @want: flags that a line must have
 * @deny: flags that it must not have
 * @start: the first address to keep
 * @end: the address after the last; lines are cut at both
 */
void dirtypages_listing_select(struct dirtypages_listing *listing, uint32_t want,
			       uint32_t deny, uint64_t start, uint64_t end)
{
	size_t kept = 0;

	for (size_t i = 0; i < listing->count; i++) {
		struct dirtypages_range range = listing->ranges[i];

		if ((range.flags & want) != want || range.flags & deny)
			continue;
		if (range.start < start)
			range.start = start;
		if (range.end > end)
			range.end = end;
		if (range.start < range.end)
			listing->ranges[kept++] = range;
	}
	listing->count = kept;
}

/**
 * dirtypages_listing_truncate() - drop the last lines
 * @listing: the listing
 * @count: number of lines to keep
 */
void dirtypages_listing_truncate(struct dirtypages_listing *listing, size_t count)
{
	if (count < listing->count)
		listing->count = count;
}

/**
 * dirtypages_listing_forget() - mark flags as unknown in all lines
 * @listing: the listing; its texts and flags change
 * @flags: the flags; all flags of their columns become unknown
 *
 * Return: 0, or -ENOMEM, and the listing is unchanged.
 */
int dirtypages_listing_forget(struct dirtypages_listing *listing, uint32_t flags)
{
	struct dirtypages_listing changed = { 0 };
	int error = 0;

	for (size_t i = 0; !error && i < listing->count; i++) {
		const struct dirtypages_range *range = &listing->ranges[i];
		char *text = strdup(range->text);

		if (!text)
			error = -ENOMEM;
		for (size_t c = 0; text && text[c] && c < COLUMNS; c++) {
			const char *letters = dp_column_letters(c);

			if (dp_letters(letters, strlen(letters)) & flags)
				text[c] = '?';
		}
		if (text)
			error = dirtypages_listing_add(&changed, range->start,
						       range->end, text);
		free(text);
	}
	if (error) {
		empty(&changed);
		return error;
	}
	changed.unknown |= listing->unknown | flags;
	changed.problem = listing->problem;
	empty(listing);
	*listing = changed;
	return 0;
}
