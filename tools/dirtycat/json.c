// SPDX-License-Identifier: GPL-2.0
/* JSON in one line. */
#include "json.h"

#include <string.h>

/* Return the length of the string at the start of a text, with its quotes. */
static size_t string_length(const char *text)
{
	size_t len = 1;

	while (text[len] && text[len] != '"')
		len += text[len] == '\\' && text[len + 1] ? 2 : 1;
	return text[len] ? len + 1 : len;
}

/**
 * json_compact() - remove the white space between the tokens of a document
 * @text: the document; becomes a line that ends in a newline, unless it is empty
 *
 * Return: its length.
 */
size_t json_compact(char *text)
{
	const char *from = text;
	char *to = text;

	while (*from) {
		size_t len = *from == '"' ? string_length(from) : 1;

		if (!strchr(" \t\n", *from)) {
			memmove(to, from, len);
			to += len;
		}
		from += len;
	}
	if (to > text)
		*to++ = '\n';
	*to = '\0';
	return to - text;
}
