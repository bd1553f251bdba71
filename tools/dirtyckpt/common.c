// SPDX-License-Identifier: GPL-2.0
/* What every part needs. */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/**
 * complain() - say what is wrong
 * @status: what the program is to end with
 * @format: cause and remedy, as for printf(); all of it is escaped
 *
 * Return: @status.
 */
enum status complain(enum status status, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) == -1)
		text = NULL;
	va_end(args);
	cli_warn("%s", text ? text : "not enough memory");
	free(text);
	return status;
}

/**
 * end_output() - write out what is left of the output
 * @status: what the program is to end with if that succeeds
 *
 * Return: what it is to end with.
 */
enum status end_output(enum status status)
{
	int error = cli_close_stdout();

	if (!error || status)
		return status;
	return complain(STATUS_OTHER, "cannot write the output: %s",
			strerror(-error));
}

/**
 * grow() - make room in an array, or end the program
 * @array: of whatever
 * @count: how many there have to fit in
 * @size: of each
 *
 * Where a process is being changed, it ends as well (see restore.c).
 *
 * Return: the array.
 */
void *grow(void *array, size_t count, size_t size)
{
	array = reallocarray(array, count ? count : 1, size);
	if (!array)
		exit(complain(STATUS_OTHER, "not enough memory"));
	return array;
}

/**
 * nanoseconds() - a clock that nobody sets
 *
 * Return: nanoseconds since some moment.
 */
uint64_t nanoseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}
