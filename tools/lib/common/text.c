// SPDX-License-Identifier: GPL-2.0
/*
 * Text for terminals and tables. Names of processes and files may hold any bytes,
 * even control sequences of terminals; each unprintable byte becomes \xNN.
 */
#define _GNU_SOURCE
#include "common/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "common/memory.h"

/* Return the length of a printable character at the start of the text, or 0. */
static size_t printable(const char *text)
{
	mbstate_t state = { 0 };
	wchar_t c;
	size_t len = mbrtowc(&c, text, strlen(text), &state);

	if (len == (size_t)-1 || len == (size_t)-2 || !iswprint(c))
		return 0;
	return len;
}

/* The same for UTF-8 in any locale; the C1 controls are not printable. */
static size_t printable_utf8(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = p[0];
	size_t len;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	len = c >= 0xf8 ? 0 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 0;
	if (!len)
		return 0;
	c &= 0x7f >> len;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c < 0xa0 || c > 0x10ffff || (c & ~0x7ffu) == 0xd800)
		return 0;
	return len;
}

static char *escape(const char *text, size_t (*is_printable)(const char *))
{
	/* Each byte becomes at most four. */
	char *escaped = malloc(strlen(text) * 4 + 1), *end = escaped;

	if (!escaped)
		return NULL;
	while (*text) {
		size_t len = is_printable(text);

		/* Escape text that looks like an escape, too. */
		if (!len || (text[0] == '\\' && text[1] == 'x')) {
			end += sprintf(end, "\\x%02x", (unsigned char)*text++);
		} else {
			end = mempcpy(end, text, len);
			text += len;
		}
	}
	*end = '\0';
	return escaped;
}

/**
 * escape_text() - make text safe for a terminal
 * @text: any bytes
 *
 * Return: a copy, to be freed, in which each byte that is not part of a
 * printable character of the locale is \xNN; or NULL if out of memory.
 */
char *escape_text(const char *text)
{
	return escape(text, printable);
}

/**
 * escape_utf8() - make text valid UTF-8
 * @text: any bytes
 *
 * JSON and OpenMetrics are UTF-8 in every locale.
 *
 * Return: a copy, to be freed, in which each byte that is a control character
 * or not UTF-8 is \xNN; or NULL if out of memory.
 */
char *escape_utf8(const char *text)
{
	return escape(text, printable_utf8);
}

/**
 * put_escaped() - print text from a process or a file
 * @out: the stream to print to
 * @text: any bytes, escaped by escape_text()
 */
void put_escaped(FILE *out, const char *text)
{
	char *escaped = escape_text(text);

	fputs(escaped ? escaped : "?", out);
	free(escaped);
}

/**
 * text_of() - printf() into new memory, or end the program
 * @format: as for printf()
 *
 * Return: the text, to be freed.
 */
char *text_of(const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) == -1)
		text = NULL;
	va_end(args);
	return checked(text);
}

/**
 * name_text() - copy a name into the cell of a table
 * @name: any bytes
 * @json: the table is JSON; libsmartcols escapes in other formats
 *
 * Return: the text, to be freed.
 */
char *name_text(const char *name, bool json)
{
	return json ? checked(escape_utf8(name)) : text_of("%s", name);
}

/**
 * size_text() - print a size for people, as "1.5M"
 * @bytes: the size
 * @exact: print the number of bytes instead
 *
 * Return: the text, to be freed.
 */
char *size_text(uint64_t bytes, bool exact)
{
	static const char units[] = "BKMGTPE";
	unsigned int tenths;
	double size = bytes;
	int unit = 0;

	if (exact)
		return text_of("%" PRIu64, bytes);
	/* A size that rounds up to 1024 is 1 of the next unit. */
	while (size >= 1023.5 && units[unit + 1]) {
		size /= 1024;
		unit++;
	}
	tenths = size * 10 + 0.5;
	if (tenths < 100 && tenths % 10)
		return text_of("%u.%u%c", tenths / 10, tenths % 10, units[unit]);
	return text_of("%.0f%c", size, units[unit]);
}
