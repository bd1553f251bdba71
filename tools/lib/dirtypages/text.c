// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The text of listings: one line per range, "start-end flags". */
#include "internal.h"

#include <string.h>

static const char *const columns[COLUMNS] = { "af", "pse", "d", "x", "h", "k", "l" };

/**
 * dp_letters() - find the letters of a text
 * @text: the text
 * @len: its length
 *
 * Return: a set of letters.
 */
uint32_t dp_letters(const char *text, size_t len)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < len; i++)
		if (text[i] >= 'a' && text[i] <= 'z')
			flags |= DIRTYPAGES_FLAG(text[i]);
	return flags;
}

/**
 * dp_column_letters() - find the letters that a column can have
 * @column: index of the column
 *
 * Return: the letters, "" if the column is not known.
 */
const char *dp_column_letters(size_t column)
{
	return column < COLUMNS ? columns[column] : "";
}

/**
 * dp_unknown_letters() - find the letters that a text does not report
 * @text: the flags, with "?" in the columns that are unknown
 * @len: their length
 *
 * Return: a set of letters.
 */
uint32_t dp_unknown_letters(const char *text, size_t len)
{
	uint32_t unknown = 0;

	for (size_t i = 0; i < len && i < COLUMNS; i++)
		if (text[i] == '?')
			unknown |= dp_letters(columns[i], strlen(columns[i]));
	return unknown;
}

/* Read 1 to 16 digits and the next character. Return the rest, or NULL. */
static char *parse_address(char *p, uint64_t *addr, char follows)
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

static int refuse(struct dp_sink *sink, const char *problem)
{
	sink->problem = problem;
	return -EPROTO;
}

/* Parse a line up to its newline. Later kernels may add fields after the flags. */
static int parse_line(struct dp_sink *sink, char *text, uint64_t *last)
{
	struct dp_line line;
	char *flags;

	flags = parse_address(text, &line.start, '-');
	if (flags)
		flags = parse_address(flags, &line.end, ' ');
	if (!flags)
		return refuse(sink, "not 'START-END FLAGS'");
	if (line.end <= line.start)
		return refuse(sink, "END is not above START");
	if (line.start < *last)
		return refuse(sink, "START is below the end of the previous line");
	line.text = flags;
	line.len = strcspn(flags, "\n ");
	if (!line.len || !flags[line.len])
		return refuse(sink, "not 'START-END FLAGS'");
	flags[line.len] = '\0';
	*last = line.end;
	return sink->take(&line, sink->data);
}

/**
 * dp_text_parse() - read a listing to its end
 * @fd: the file to read
 * @sink: receives the lines
 *
 * Return: 0; -EPROTO if the next line is malformed, out of order or incomplete,
 * and the problem of @sink says why; a negative errno of read(); or the first
 * result of @sink other than 0.
 */
int dp_text_parse(int fd, struct dp_sink *sink)
{
	char buffer[CHUNK];
	uint64_t last = 0;
	size_t kept = 0;

	for (;;) {
		ssize_t len = read(fd, buffer + kept, sizeof(buffer) - kept);
		char *line = buffer, *newline;

		if (len == -1 && errno == EINTR)
			continue;
		if (len == -1)
			return -errno;
		if (!len)
			return kept ? refuse(sink, "missing newline at the end") : 0;
		kept += len;
		while ((newline = memchr(line, '\n', kept - (line - buffer)))) {
			int error = parse_line(sink, line, &last);

			if (error)
				return error;
			line = newline + 1;
		}
		kept -= line - buffer;
		if (kept == sizeof(buffer))
			return refuse(sink, "longer than 16383 bytes");
		memmove(buffer, line, kept);
	}
}
