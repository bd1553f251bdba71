// SPDX-License-Identifier: GPL-2.0
/* What every part needs. */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/**
 * complain() - say what is wrong
 * @status: what the program is to end with
 * @format: cause and remedy, as for printf()
 *
 * Return: @status.
 */
enum status complain(enum status status, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("dirtyckpt: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
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
