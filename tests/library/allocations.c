// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of memory allocation: which functions do none, and that each survives a
 * failure of any one. The static library is linked with --wrap for this.
 */
#define _GNU_SOURCE
#include "check.h"

#ifdef WRAPPED

static long allocations, fail_at;

static bool is_failing(void)
{
	return ++allocations == fail_at;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t count, size_t size);
void *__wrap_reallocarray(void *p, size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
	return is_failing() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_failing() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return is_failing() ? NULL : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t count, size_t size)
{
	return is_failing() ? NULL : __real_reallocarray(p, count, size);
}

/* Use most functions. Return the first error. */
static int use(void)
{
	struct dirtypages_listing *listing = NULL;
	struct dirtypages_tracker *tracker = NULL;
	struct dirtypages_process *process = NULL;
	struct dirtypages_maps *maps = NULL, *more = NULL;
	struct dirtypages *pages = NULL;
	int error;

	error = dirtypages_process_open(&process, 0);
	if (!error)
		error = dirtypages_open_process(&pages, process, DIRTYPAGES_AUTO, 0);
	if (!error)
		error = dirtypages_listing_new(&listing);
	if (!error)
		error = dirtypages_read(pages, listing);
	if (!error)
		error = dirtypages_listing_forget(listing, DIRTYPAGES_WRITTEN);
	if (!error)
		error = dirtypages_maps_read(&maps, process);
	if (!error)
		error = dirtypages_maps_parse(&more, "1000-2000 rw-p 0 0:0 0", 22);
	if (!error)
		error = dirtypages_track(&tracker, dirtypages_process_pid(process),
					 dirtypages_process_start_time(process));
	dirtypages_untrack(tracker);
	dirtypages_maps_free(more);
	dirtypages_maps_free(maps);
	dirtypages_listing_free(listing);
	dirtypages_close(pages);
	dirtypages_process_close(process);
	return error;
}

void check_allocations(void)
{
	struct dirtypages *pages;
	uint64_t bytes;
	int error;

	for (fail_at = 1;; fail_at++) {
		allocations = 0;
		error = use();
		if (allocations < fail_at)
			break;
		CHECK_IS(error, -ENOMEM);
	}
	CHECK_IS(error, 0);
	CHECK(fail_at > 10);
	fail_at = 0;

	CHECK_IS(dirtypages_open(&pages, 0, DIRTYPAGES_AUTO, 0), 0);
	allocations = 0;
	CHECK_IS(dirtypages_sum(pages, DIRTYPAGES_EXCLUSIVE, 0, &bytes, NULL), 0);
	CHECK(bytes);
	if (dirtypages_get_backend(pages) == DIRTYPAGES_FILE)
		CHECK_IS(allocations, 0);
	else
		CHECK(allocations);
	dirtypages_close(pages);
}

#else

void check_allocations(void)
{
}

#endif
