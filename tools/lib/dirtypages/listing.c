// SPDX-License-Identifier: GPL-2.0
/* Listings as text: a line a range, "start-end flags". */
#define _GNU_SOURCE
#include "dirtypages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the columns of the flags are about; later ones are not known here. */
static const char *const columns[] = { "af", "pse", "d", "x", "h", "k", "l" };

struct text {
	char *text;
	size_t len;
	uint32_t flags;
};

/* Few different ones occur, and mostly the last one again. */
struct dirty_texts {
	struct text *texts;
	size_t count;
	size_t last;
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

	for (size_t i = 0; i < len && i < sizeof(columns) / sizeof(*columns); i++)
		if (text[i] == '?')
			unknown |= letters(columns[i], strlen(columns[i]));
	return unknown;
}

static const struct text *add_text(struct dirty_listing *listing,
				   const char *text, size_t len)
{
	struct dirty_texts *texts = listing->texts;
	struct text *more;

	more = reallocarray(texts->texts, texts->count + 1, sizeof(*more));
	if (!more)
		return NULL;
	texts->texts = more;
	more += texts->count;
	more->text = strndup(text, len);
	if (!more->text)
		return NULL;
	more->len = len;
	more->flags = letters(text, len);
	listing->unknown |= unknown_letters(text, len);
	texts->last = texts->count++;
	return more;
}

static const struct text *find_text(struct dirty_listing *listing,
				    const char *text, size_t len)
{
	struct dirty_texts *texts = listing->texts;

	if (!texts) {
		texts = calloc(1, sizeof(*texts));
		if (!texts)
			return NULL;
		listing->texts = texts;
	}
	for (size_t i = 0; i < texts->count; i++) {
		size_t at = (texts->last + i) % texts->count;

		if (texts->texts[at].len == len &&
		    !memcmp(texts->texts[at].text, text, len)) {
			texts->last = at;
			return &texts->texts[at];
		}
	}
	return add_text(listing, text, len);
}

/**
 * dirty_listing_add() - add a line at the end of a listing
 * @listing: all zero to begin with; to be freed by dirty_listing_free()
 * @start: address of the first page
 * @end: address after the last page
 * @text: its flags, not necessarily ended by a zero
 * @len: how many characters
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
		.text = found->text,
	};
	return 0;
}

/**
 * dirty_listing_free() - free all that a listing holds
 * @listing: empty afterwards
 */
void dirty_listing_free(struct dirty_listing *listing)
{
	if (listing->texts) {
		for (size_t i = 0; i < listing->texts->count; i++)
			free(listing->texts->texts[i].text);
		free(listing->texts->texts);
		free(listing->texts);
	}
	free(listing->ranges);
	*listing = (struct dirty_listing){ 0 };
}

/* One to sixteen digits and what has to follow them, or NULL. */
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

/* A line, with its newline. Later kernels may add fields after the flags. */
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
	if (!flags || start < last || end <= start)
		return -EPROTO;
	len = strcspn(flags, "\n ");
	if (!len || !flags[len])
		return -EPROTO;
	return dirty_listing_add(listing, start, end, flags, len);
}

/* All whole lines of some text. Returns how much of it they are. */
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
 * @listing: grows by what was read, also if that ends in an error
 * @fd: what to read from
 *
 * Return: 0; -EPROTO if the line after the last one added has another form, is
 * out of order, or has no end; -ENOMEM; or what read() fails with, which is
 * -ESRCH if the address space is gone.
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
		done = kept ? -EPROTO : 0;
	free(buffer);
	return done;
}
