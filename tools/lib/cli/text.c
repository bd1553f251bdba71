// SPDX-License-Identifier: GPL-2.0
/*
 * Text for a terminal. Names of processes and files hold any bytes, also those
 * that a terminal takes for commands; all that is not printable becomes \xNN.
 */
#define _GNU_SOURCE
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* Return the length of the printable character that the text begins with, or 0. */
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

		/* An escape must not be mistaken for text that looks like one. */
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
 * cli_escape() - make text safe for a terminal
 * @text: any bytes
 *
 * Return: a copy, to be freed, in which each byte that is not part of a
 * printable character of the locale is \xNN; or NULL without memory.
 */
char *cli_escape(const char *text)
{
	return escape(text, printable);
}

/**
 * cli_escape_utf8() - make text valid UTF-8
 * @text: any bytes
 *
 * JSON and OpenMetrics are UTF-8 whatever the locale says.
 *
 * Return: a copy, to be freed, in which each byte that is a control character
 * or not UTF-8 is \xNN; or NULL without memory.
 */
char *cli_escape_utf8(const char *text)
{
	return escape(text, printable_utf8);
}

/**
 * cli_put() - print text from a process or a file
 * @out: where to
 * @text: any bytes, printed as cli_escape() returns them
 */
void cli_put(FILE *out, const char *text)
{
	char *escaped = cli_escape(text);

	fputs(escaped ? escaped : "?", out);
	free(escaped);
}

static void print_message(const char *format, va_list args)
{
	char *message;

	if (vasprintf(&message, format, args) == -1)
		message = NULL;
	/* stdout may be closed by now. */
	fflush(NULL);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	cli_put(stderr, message ? message : "not enough memory");
	fputc('\n', stderr);
	free(message);
}

/**
 * cli_warn() - print a diagnostic, escaped as a whole
 * @format: cause and remedy, as for printf(), without newline
 */
void cli_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args);
	va_end(args);
}

/**
 * cli_die() - print a diagnostic, escaped as a whole, and exit
 * @status: the exit status
 * @format: cause and remedy, as for printf(), without newline
 */
void cli_die(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args);
	va_end(args);
	exit(status);
}

/**
 * cli_bad_option() - say why getopt_long() refused an option
 * @c: its return value, '?' or ':'
 * @argv: of the command line
 *
 * getopt_long() prints such messages itself unless its list of short options
 * begins with ':'; but it prints the option as it is.
 */
void cli_bad_option(int c, char **argv)
{
	const char *option = argv[optind - 1];
	char letter[3] = { '-', optopt, '\0' };

	if (strncmp(option, "--", 2))
		option = letter;
	if (c == ':')
		cli_warn("option '%s' requires an argument", option);
	else if (option != letter && optopt)
		cli_warn("option '%s' doesn't allow an argument", option);
	else
		cli_warn("unrecognized option '%s'", option);
}

/**
 * cli_close_stdout() - write out the buffer of stdout, before the program ends
 *
 * Return: 0, or a negative errno if some of it could not be written.
 */
int cli_close_stdout(void)
{
	bool failed = ferror(stdout);

	errno = 0;
	failed |= fclose(stdout) != 0;
	if (!failed)
		return 0;
	return errno ? -errno : -EIO;
}
