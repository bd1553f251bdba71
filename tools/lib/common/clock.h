/* SPDX-License-Identifier: GPL-2.0 */
/* The monotonic clock. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/**
 * nanoseconds() - read the monotonic clock
 *
 * Return: nanoseconds since an arbitrary time.
 */
static inline uint64_t nanoseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

#endif /* COMMON_CLOCK_H */
