// SPDX-License-Identifier: GPL-2.0
/*
 * Diagnostics. They name the program, the cause and the remedy, and go to
 * standard error, escaped as a whole: a name in them may hold any bytes.
 */
#define _GNU_SOURCE
#include "common/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static void print_message(const char *format, va_list args)
{
	char *message;

	if (vasprintf(&message, format, args) == -1)
		message = NULL;
	/* stdout may be closed by now. */
	fflush(NULL);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	put_escaped(stderr, message ? message : "not enough memory");
	fputc('\n', stderr);
	free(message);
}

/**
 * warning() - print a diagnostic
 * @format: cause and remedy, as for printf(), without newline
 */
void warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args);
	va_end(args);
}

/**
 * complain() - print a diagnostic, and pass on the exit status that follows
 * @status: the exit status
 * @format: cause and remedy, as for printf(), without newline
 *
 * Return: @status.
 */
enum status complain(enum status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args);
	va_end(args);
	return status;
}

/**
 * die() - print a diagnostic, and exit
 * @status: the exit status
 * @format: cause and remedy, as for printf(), without newline
 */
void die(enum status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message(format, args);
	va_end(args);
	exit(status);
}

/* Return 0, or a negative errno if some of the output could not be written. */
static int close_stdout(void)
{
	bool failed = ferror(stdout);

	errno = 0;
	failed |= fclose(stdout) != 0;
	if (!failed)
		return 0;
	return errno ? -errno : -EIO;
}

/**
 * end_output() - write out the buffer of standard output, and close it
 * @status: the exit status if that succeeds
 *
 * Return: the exit status.
 */
enum status end_output(enum status status)
{
	int error = close_stdout();

	if (!error || status)
		return status;
	return complain(STATUS_OTHER, "cannot write: %s", strerror(-error));
}
