/* SPDX-License-Identifier: GPL-2.0 */
/* The checks of libdirtypages: each returns only if all is well. */
#ifndef CHECK_H
#define CHECK_H

#include <dirtypages.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)						\
	do {								\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: %s: not true: %s\n",	\
				__FILE__, __LINE__, __func__, #condition); \
			exit(1);					\
		}							\
	} while (0)

/* Check the result of a function, and show what it was instead. */
#define CHECK_IS(value, expected)					\
	do {								\
		const long long is_ = (value), should_ = (expected);	\
									\
		if (is_ != should_) {					\
			fprintf(stderr, "%s:%d: %s: %s is %lld, not %lld\n", \
				__FILE__, __LINE__, __func__, #value, is_, \
				should_);				\
			exit(1);					\
		}							\
	} while (0)

/* The pages of an arena, and the process that has it */
enum { PAGES = 64 };

void check_names(void);
void check_kernel(void);
void check_listing(void);
void check_text(void);
void check_maps(void);
void check_made_maps(void);
void check_tracker(void);

void check_process(void);
void check_threads_of_dead_leader(void);

void check_reading(void);
void check_range(void);
void check_exec(void);
void check_permission(void);
void check_acknowledge(void);
void check_reset(void);
void check_reset_of_child(void);
void check_concurrent(void);
void check_small_stack(void);

void check_allocations(void);

pid_t new_child(void);
char *new_arena(void);
size_t page_size(void);
bool has_file(void);

#endif /* CHECK_H */
