// SPDX-License-Identifier: GPL-2.0
/* Listings as text: one line per range, "start-end flags". */
#define _GNU_SOURCE
#include "dirtypages.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The letters that each column can have. Later kernels may add columns. */
static const char *const columns[] = { "af", "pse", "d", "x", "h", "k", "l" };

enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

struct text {
	size_t len;
	uint32_t flags;
	uint32_t unknown;
	char text[];
};

/* The distinct texts in a tree, and the last one, which mostly repeats. */
struct dirty_texts {
	void *tree;
	const struct text *last;
};

static uint32_t letters(const char *text, size_t len)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < len; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			flags |= DIRTY_FLAG(text[i]);
	return flags;
}

static uint32_t unknown_letters(const char *text, size_t len)
{
	uint32_t unknown = 0;

	for (size_t i = 0; i < len && i < COLUMNS; i++)
		if (text[i] == '?')
			unknown |= letters(columns[i], strlen(columns[i]));
	return unknown;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(((const struct text *)a)->text,
		      ((const struct text *)b)->text);
}

static const struct text *new_text(struct dirty_listing *listing,
				   const char *text, size_t len)
{
	struct text *new = malloc(sizeof(*new) + len + 1);
	struct text **found;

	if (!new)
		return NULL;
	memcpy(new->text, text, len);
	new->text[len] = '\0';
	new->len = len;
	found = tsearch(new, &listing->texts->tree, compare_texts);
	if (!found || *found != new) {
		free(new);
		return found ? *found : NULL;
	}
	new->flags = letters(text, len);
	new->unknown = unknown_letters(text, len);
	listing->unknown |= new->unknown;
	if (listing->columns < len)
		listing->columns = len;
	return new;
}

static const struct text *find_text(struct dirty_listing *listing,
				    const char *text, size_t len)
{
	const struct text *last;

	if (!listing->texts) {
		listing->texts = calloc(1, sizeof(*listing->texts));
		if (!listing->texts)
			return NULL;
	}
	last = listing->texts->last;
	if (!last || last->len != len || memcmp(last->text, text, len))
		last = new_text(listing, text, len);
	listing->texts->last = last;
	return last;
}

/**
 * dirty_listing_add() - add a line at the end of a listing
 * @listing: all zero to begin with; to be freed by dirty_listing_free()
 * @start: address of the first page
 * @end: address after the last page
 * @text: its flags, not necessarily NUL-terminated
 * @len: length of @text
 *
 * Return: 0 or -ENOMEM.
 */
int dirty_listing_add(struct dirty_listing *listing, uint64_t start,
		      uint64_t end, const char *text, size_t len)
{
	const struct text *found = find_text(listing, text, len);

	if (!found)
		return -ENOMEM;
	if (listing->count == listing->room) {
		size_t room = listing->room ? listing->room * 2 : 64;
		struct dirty_range *more;

		more = reallocarray(listing->ranges, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		listing->ranges = more;
		listing->room = room;
	}
	listing->ranges[listing->count++] = (struct dirty_range){
		.start = start,
		.end = end,
		.flags = found->flags,
		.unknown = found->unknown,
		.text = found->text,
	};
	return 0;
}

/**
 * dirty_listing_free() - free the contents of a listing
 * @listing: empty afterwards
 */
void dirty_listing_free(struct dirty_listing *listing)
{
	if (listing->texts) {
		tdestroy(listing->texts->tree, free);
		free(listing->texts);
	}
	free(listing->ranges);
	*listing = (struct dirty_listing){ 0 };
}

/* Read 1 to 16 digits and the next character. Return the rest, or NULL. */
static const char *parse_address(const char *p, uint64_t *addr, char follows)
{
	const char *first = p;

	*addr = 0;
	for (;; p++) {
		unsigned int digit = (unsigned char)*p - '0';

		if (digit > 9) {
			digit = ((unsigned char)*p | 0x20) - 'a';
			if (digit > 5)
				break;
			digit += 10;
		}
		*addr = *addr << 4 | digit;
	}
	if (p == first || p - first > 16 || *p != follows)
		return NULL;
	return p + 1;
}

static int refuse(struct dirty_listing *listing, const char *problem)
{
	listing->problem = problem;
	return -EPROTO;
}

/* Parse a line up to its newline. Later kernels may add fields after the flags. */
static int parse_line(struct dirty_listing *listing, const char *line)
{
	uint64_t start, end, last = 0;
	const char *flags;
	size_t len;

	if (listing->count)
		last = listing->ranges[listing->count - 1].end;
	flags = parse_address(line, &start, '-');
	if (flags)
		flags = parse_address(flags, &end, ' ');
	if (!flags)
		return refuse(listing, "not 'START-END FLAGS'");
	if (end <= start)
		return refuse(listing, "END is not above START");
	if (start < last)
		return refuse(listing, "START is below the end of the previous line");
	len = strcspn(flags, "\n ");
	if (!len || !flags[len])
		return refuse(listing, "not 'START-END FLAGS'");
	return dirty_listing_add(listing, start, end, flags, len);
}

/* Parse all complete lines. Return their length, or a negative errno. */
static ssize_t parse_lines(struct dirty_listing *listing, const char *text,
			   size_t len)
{
	const char *line = text, *newline;

	while ((newline = memchr(line, '\n', len - (line - text)))) {
		int error = parse_line(listing, line);

		if (error)
			return error;
		line = newline + 1;
	}
	return line - text;
}

/**
 * dirty_listing_parse() - read a listing to its end
 * @listing: the lines are added, including those before an error
 * @fd: the file to read
 *
 * Return: 0; -EPROTO if the next line is malformed, out of order or incomplete,
 * and the problem of @listing says why; -ENOMEM; or a negative errno of read(),
 * which is -ESRCH if the address space is gone.
 */
int dirty_listing_parse(struct dirty_listing *listing, int fd)
{
	const size_t size = 128 << 10;
	char *buffer = malloc(size);
	ssize_t len = 0, done = 0;
	size_t kept = 0;

	if (!buffer)
		return -ENOMEM;
	for (;;) {
		len = read(fd, buffer + kept, size - kept);
		if (len == -1 && errno == EINTR)
			continue;
		if (len <= 0)
			break;
		len += kept;
		done = parse_lines(listing, buffer, len);
		if (done < 0)
			break;
		kept = len - done;
		memmove(buffer, buffer + done, kept);
		if (kept == size)
			break;
	}
	if (len == -1)
		done = -errno;
	else if (done >= 0)
		done = kept ? refuse(listing, "missing newline at the end") : 0;
	free(buffer);
	return done;
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
		    !strchr(columns[i], text[i]))
			return "the flags have a letter in the wrong column";
	}
	return NULL;
}

/**
 * dirty_listing_fault() - find a line that no kernel or back end would write
 * @listing: the listing
 * @line: set to the index of the first such line
 *
 * Return: a phrase that says why, or NULL if there is no such line.
 */
const char *dirty_listing_fault(const struct dirty_listing *listing, size_t *line)
{
	const char *fault = NULL;

	for (size_t i = 0; !fault && i < listing->count; i++) {
		const struct dirty_range *range = &listing->ranges[i];

		*line = i;
		if ((range->start | range->end) & (DIRTY_LEAST_PAGE - 1))
			fault = "an address is not aligned to a page";
		else
			fault = fault_of_flags(range->text);
	}
	return fault;
}

/**
 * dirty_listing_forget() - mark a flag as unknown in all lines
 * @listing: the listing; its texts and flags change
 * @letter: the flag
 *
 * Return: 0 or -ENOMEM.
 */
int dirty_listing_forget(struct dirty_listing *listing, char letter)
{
	struct dirty_listing changed = { 0 };
	int error = 0;

	for (size_t i = 0; !error && i < listing->count; i++) {
		const struct dirty_range *range = &listing->ranges[i];
		char *text = strdup(range->text);

		if (!text)
			error = -ENOMEM;
		for (size_t c = 0; text && text[c] && c < COLUMNS; c++)
			if (strchr(columns[c], letter))
				text[c] = '?';
		if (text)
			error = dirty_listing_add(&changed, range->start,
						  range->end, text, strlen(text));
		free(text);
	}
	changed.unknown |= DIRTY_FLAG(letter);
	dirty_listing_free(listing);
	*listing = changed;
	return error;
}
