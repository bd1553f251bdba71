// SPDX-License-Identifier: GPL-2.0
/* Checks of listings, of acknowledging, and of resets. */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

static struct dirtypages *open_own(enum dirtypages_backend backend, unsigned int flags)
{
	struct dirtypages *pages;

	CHECK_IS(dirtypages_open(&pages, 0, backend, flags), 0);
	return pages;
}

static void set_arena(struct dirtypages *pages, const char *arena)
{
	CHECK_IS(dirtypages_set_range(pages, (uintptr_t)arena,
				      (uintptr_t)arena + PAGES * page_size()), 0);
}

/* Write one byte to each page of a range. */
static void write_pages(char *arena, int first, int end, char byte)
{
	for (int i = first; i < end; i++)
		arena[i * page_size()] = byte;
}

static struct dirtypages_listing *read_new(struct dirtypages *pages)
{
	struct dirtypages_listing *listing;

	CHECK_IS(dirtypages_listing_new(&listing), 0);
	CHECK_IS(dirtypages_read(pages, listing), 0);
	return listing;
}

static bool is_range(const struct dirtypages_range *range, const char *arena,
		     int first, int end)
{
	return range->start == (uintptr_t)arena + first * page_size() &&
	       range->end == (uintptr_t)arena + end * page_size();
}

static int count_range(const struct dirtypages_range *range, void *data)
{
	CHECK(strlen(range->text) >= 7);
	CHECK(range->flags & DIRTYPAGES_ANONYMOUS);
	*(int *)data += 1;
	return 0;
}

static int stop_at_once(const struct dirtypages_range *range, void *data)
{
	*(uint64_t *)data = range->start;
	return 77;
}

static void check_reading_by(enum dirtypages_backend backend, char *arena)
{
	struct dirtypages *pages = open_own(backend, 0);
	const struct dirtypages_range *ranges;
	struct dirtypages_listing *listing;
	struct dirtypages_maps *maps;
	uint64_t bytes, unknown, start;
	int count = 0;

	CHECK_IS(dirtypages_get_backend(pages), backend);
	CHECK_IS(dirtypages_process_pid(dirtypages_get_process(pages)), getpid());
	set_arena(pages, arena);
	listing = read_new(pages);
	ranges = dirtypages_listing_ranges(listing);
	CHECK_IS(dirtypages_listing_count(listing), 2);
	CHECK(is_range(&ranges[0], arena, 3, 6));
	CHECK(is_range(&ranges[1], arena, 10, 11));
	CHECK(ranges[0].flags & DIRTYPAGES_PRESENT);
	CHECK(ranges[0].flags & DIRTYPAGES_EXCLUSIVE);

	CHECK_IS(dirtypages_for_each(pages, count_range, &count), 0);
	CHECK_IS(count, 2);
	CHECK_IS(dirtypages_for_each(pages, stop_at_once, &start), 77);
	CHECK(start == ranges[0].start);
	CHECK_IS(dirtypages_sum(pages, DIRTYPAGES_EXCLUSIVE, 0, &bytes, &unknown), 0);
	CHECK_IS(bytes, 4 * page_size());
	CHECK_IS(unknown, 0);
	CHECK_IS(dirtypages_sum(pages, 0, DIRTYPAGES_EXCLUSIVE, &bytes, NULL), 0);
	CHECK_IS(bytes, 0);
	/* Only the file reports this flag. */
	CHECK_IS(dirtypages_sum(pages, DIRTYPAGES_PRESENT, DIRTYPAGES_MERGED, &bytes,
				&unknown), 0);
	CHECK_IS(bytes, backend == DIRTYPAGES_FILE ? 4 * page_size() : 0);
	CHECK_IS(unknown, backend == DIRTYPAGES_FILE ? 0 : 4 * page_size());

	CHECK_IS(dirtypages_read_with_maps(pages, listing, &maps), 0);
	CHECK_IS(dirtypages_listing_count(listing), 2);
	CHECK(dirtypages_maps_find(maps, (uintptr_t)arena));
	CHECK(dirtypages_maps_count(maps) > 5);
	dirtypages_maps_free(maps);
	dirtypages_listing_free(listing);
	dirtypages_close(pages);
}

/* Is a back end of this kernel? */
static bool exists(enum dirtypages_backend backend)
{
	struct dirtypages_kernel kernel = { .size = sizeof(kernel) };
	struct dirtypages *pages;

	CHECK_IS(dirtypages_kernel_query(&kernel), 0);
	if (kernel.backends & 1 << backend)
		return true;
	CHECK_IS(dirtypages_open(&pages, 0, backend, 0), -ENOSYS);
	CHECK(!pages);
	return false;
}

void check_reading(void)
{
	char *arena = new_arena();

	write_pages(arena, 3, 6, 1);
	write_pages(arena, 10, 11, 1);
	for (int b = DIRTYPAGES_FILE; b <= DIRTYPAGES_PAGEMAP; b++)
		if (exists(b))
			check_reading_by(b, arena);
}

/* The sum of sizes of a listing */
static uint64_t size_of(struct dirtypages *pages)
{
	uint64_t bytes;

	CHECK_IS(dirtypages_sum(pages, 0, 0, &bytes, NULL), 0);
	return bytes;
}

static void check_range_by(enum dirtypages_backend backend, char *arena)
{
	struct dirtypages *pages = open_own(backend, 0);
	const uint64_t at = (uintptr_t)arena, page = page_size();
	struct dirtypages_listing *listing;

	CHECK_IS(dirtypages_set_range(pages, at, at), -EINVAL);
	CHECK_IS(dirtypages_set_range(pages, at + 1, at), -EINVAL);
	/* Rounded outwards, and cut within a run */
	CHECK_IS(dirtypages_set_range(pages, at + 10 * page + 1, at + 12 * page + 1), 0);
	listing = read_new(pages);
	CHECK_IS(dirtypages_listing_count(listing), 1);
	CHECK(is_range(dirtypages_listing_ranges(listing), arena, 10, 13));
	dirtypages_listing_free(listing);
	CHECK_IS(dirtypages_set_range(pages, at + 50 * page, at + 60 * page), 0);
	CHECK_IS(size_of(pages), 0);
	CHECK_IS(dirtypages_set_range(pages, UINT64_MAX - 1, UINT64_MAX), 0);
	CHECK_IS(size_of(pages), 0);
	CHECK_IS(dirtypages_set_range(pages, 0, UINT64_MAX), 0);
	/* Sanitizers map terabytes, which are too much to look at each entry. */
	if (backend != DIRTYPAGES_PAGEMAP)
		CHECK(size_of(pages) > 41 * page);
	dirtypages_close(pages);
}

void check_range(void)
{
	char *arena = new_arena();

	write_pages(arena, 0, 40, 1);
	for (int b = DIRTYPAGES_FILE; b <= DIRTYPAGES_PAGEMAP; b++)
		if (exists(b))
			check_range_by(b, arena);
}

/* The descriptors stay with the address space that the process has left. */
void check_exec(void)
{
	struct dirtypages_process *process;
	struct dirtypages_listing *listing;
	uint64_t before, after;
	struct dirtypages *pages;
	int wait_for[2], done[2];
	pid_t child;
	char byte;

	CHECK(!pipe(wait_for));
	CHECK(!pipe2(done, O_CLOEXEC));
	child = new_child();
	if (!child) {
		char *const sleep[] = { "sleep", "1000", NULL };

		CHECK_IS(read(wait_for[0], &byte, 1), 1);
		execvp(*sleep, sleep);
		_exit(1);
	}
	close(done[1]);
	CHECK_IS(dirtypages_process_open(&process, child), 0);
	CHECK_IS(dirtypages_process_space(process, &before), 0);
	CHECK_IS(dirtypages_open_process(&pages, process, DIRTYPAGES_AUTO, 0), 0);
	listing = read_new(pages);
	CHECK(dirtypages_listing_count(listing));
	CHECK_IS(write(wait_for[1], "", 1), 1);
	CHECK_IS(read(done[0], &byte, 1), 0);
	CHECK_IS(dirtypages_process_space(process, &after), 0);
	CHECK(before != after);
	CHECK_IS(dirtypages_read(pages, listing), -ESRCH);
	CHECK_IS(dirtypages_listing_count(listing), 0);
	dirtypages_listing_free(listing);
	dirtypages_close(pages);
	CHECK(!kill(child, SIGKILL));
	CHECK_IS(waitpid(child, NULL, 0), child);
	CHECK_IS(dirtypages_open_process(&pages, process, DIRTYPAGES_AUTO, 0), -ESRCH);
	dirtypages_process_close(process);
	close(wait_for[0]);
	close(wait_for[1]);
	close(done[0]);
}

void check_permission(void)
{
	struct dirtypages_range range = { .flags = DIRTYPAGES_WRITTEN };
	struct dirtypages *pages;
	uint64_t bytes = 1;
	char byte = 0;

	CHECK_IS(dirtypages_open(&pages, 0, DIRTYPAGES_AUTO, 4), -EINVAL);
	CHECK_IS(dirtypages_open(&pages, 0, (enum dirtypages_backend)4, 0), -EINVAL);
	CHECK_IS(dirtypages_open(&pages, 0, DIRTYPAGES_PAGEMAP, DIRTYPAGES_ACKNOWLEDGE),
		 -EOPNOTSUPP);
	CHECK(!pages);
	if (!has_file())
		CHECK_IS(dirtypages_open(&pages, 0, DIRTYPAGES_AUTO, DIRTYPAGES_RESET),
			 -EOPNOTSUPP);
	CHECK_IS(dirtypages_open(&pages, 0x7fffffff, DIRTYPAGES_AUTO, 0), -ESRCH);
	pages = open_own(DIRTYPAGES_AUTO, 0);
	range.start = 0;
	range.end = page_size();
	CHECK_IS(dirtypages_acknowledge_ranges(pages, &range, 1), -EBADF);
	CHECK_IS(dirtypages_acknowledge_range(pages, 0, page_size()), -EBADF);
	CHECK_IS(dirtypages_acknowledge(pages, NULL), -EBADF);
	CHECK_IS(dirtypages_reset(pages, &byte, &bytes), -EBADF);
	CHECK_IS(bytes, 0);
	dirtypages_close(pages);
	dirtypages_close(NULL);
}

static uint64_t written(struct dirtypages *pages)
{
	uint64_t bytes;

	CHECK_IS(dirtypages_sum(pages, DIRTYPAGES_WRITTEN, 0, &bytes, NULL), 0);
	return bytes / page_size();
}

static int acknowledge_range(const struct dirtypages_range *range, void *data)
{
	return dirtypages_acknowledge_ranges(data, range, 1);
}

void check_acknowledge(void)
{
	struct dirtypages *pages = open_own(DIRTYPAGES_AUTO, DIRTYPAGES_ACKNOWLEDGE);
	struct dirtypages_listing *listing;
	char *arena = new_arena();
	const uint64_t at = (uintptr_t)arena, page = page_size();
	struct dirtypages_range bad[2] = {
		{ .start = at, .end = at + page, .flags = DIRTYPAGES_WRITTEN },
		{ .start = at, .end = at + 1, .flags = DIRTYPAGES_WRITTEN },
	};

	write_pages(arena, 0, 40, 1);
	set_arena(pages, arena);
	listing = read_new(pages);
	CHECK_IS(written(pages), 40);
	write_pages(arena, 50, 55, 1);
	CHECK_IS(dirtypages_acknowledge(pages, listing), 0);
	/* Pages written after the listing still have d. */
	CHECK_IS(written(pages), 5);
	CHECK_IS(size_of(pages), 45 * page);
	write_pages(arena, 7, 9, 2);
	CHECK_IS(written(pages), 7);
	/* A refused call acknowledges nothing, and the next one works. */
	CHECK_IS(dirtypages_acknowledge_ranges(pages, bad, 2), -EINVAL);
	CHECK_IS(dirtypages_acknowledge_range(pages, at + page, at + page), -EINVAL);
	CHECK_IS(written(pages), 7);
	CHECK_IS(dirtypages_acknowledge_range(pages, at + 7 * page, at + 8 * page), 0);
	CHECK_IS(written(pages), 6);
	/* Lines without d are left alone. */
	dirtypages_listing_free(listing);
	listing = read_new(pages);
	CHECK_IS(dirtypages_listing_forget(listing, DIRTYPAGES_WRITTEN), 0);
	CHECK_IS(dirtypages_acknowledge(pages, listing), 0);
	CHECK_IS(written(pages), 6);
	CHECK_IS(dirtypages_for_each(pages, acknowledge_range, pages), 0);
	CHECK_IS(written(pages), 0);
	dirtypages_listing_free(listing);
	dirtypages_close(pages);
}

void check_reset(void)
{
	struct dirtypages *pages = open_own(DIRTYPAGES_AUTO, DIRTYPAGES_RESET);
	char *arena = new_arena(), *contents;
	const size_t size = PAGES * page_size();
	uint64_t bytes;

	CHECK_IS(dirtypages_reset(pages, arena, &bytes), -EINVAL);
	/* The contents would have to begin below the range. */
	CHECK_IS(dirtypages_set_range(pages, (uintptr_t)arena + 1,
				      (uintptr_t)arena + size), 0);
	CHECK_IS(dirtypages_reset(pages, arena, &bytes), -EINVAL);
	CHECK_IS(dirtypages_set_range(pages, (uintptr_t)arena,
				      (uintptr_t)arena + size - 1), 0);
	CHECK_IS(dirtypages_reset(pages, arena, &bytes), -EINVAL);
	memset(arena, 'a', size);
	contents = malloc(size);
	CHECK(contents);
	memcpy(contents, arena, size);
	set_arena(pages, arena);
	CHECK_IS(dirtypages_acknowledge_range(pages, (uintptr_t)arena,
					      (uintptr_t)arena + size), 0);
	CHECK_IS(dirtypages_reset(pages, contents, &bytes), 0);
	CHECK_IS(bytes, 0);
	for (int round = 0; round < 3; round++) {
		write_pages(arena, 2, 5, 'b');
		arena[63 * page_size() + 4095] = 'c';
		/* Read-only memory is put back as well. */
		CHECK(!mprotect(arena + 2 * page_size(), page_size(), PROT_READ));
		CHECK_IS(dirtypages_reset(pages, contents, &bytes), 0);
		CHECK_IS(bytes, 4 * page_size());
		CHECK(!memcmp(arena, contents, size));
		CHECK(!mprotect(arena + 2 * page_size(), page_size(),
				PROT_READ | PROT_WRITE));
		CHECK_IS(dirtypages_reset(pages, contents, NULL), 0);
		CHECK_IS(written(pages), 0);
	}
	/* Every other page */
	for (int i = 0; i < PAGES; i += 2)
		write_pages(arena, i, i + 1, 'd');
	CHECK_IS(dirtypages_reset(pages, contents, &bytes), 0);
	CHECK_IS(bytes, size / 2);
	CHECK(!memcmp(arena, contents, size));
	free(contents);
	dirtypages_close(pages);
}

/* A child that stops itself is stopped once; a second signal could stop it again. */
static void wait_until_stopped(pid_t child)
{
	siginfo_t info;

	CHECK(!waitid(P_PID, child, &info, WSTOPPED));
}

void check_reset_of_child(void)
{
	char *arena = new_arena(), *contents;
	const size_t size = PAGES * page_size();
	struct dirtypages *pages;
	int report[2];
	uint64_t bytes;
	pid_t child;
	char byte;

	CHECK(!pipe(report));
	memset(arena, 'a', size);
	child = new_child();
	if (!child) {
		/* Report whether the arena was as expected, and change it. */
		for (;;) {
			byte = arena[5 * page_size()];
			write_pages(arena, 5, 9, 'b');
			CHECK_IS(write(report[1], &byte, 1), 1);
			raise(SIGSTOP);
		}
	}
	contents = malloc(size);
	CHECK(contents);
	memcpy(contents, arena, size);
	CHECK_IS(read(report[0], &byte, 1), 1);
	CHECK_IS(byte, 'a');
	wait_until_stopped(child);
	CHECK_IS(dirtypages_open(&pages, child, DIRTYPAGES_AUTO, DIRTYPAGES_RESET), 0);
	set_arena(pages, arena);
	/* The first time, the bits that the parent had count as well. */
	CHECK_IS(dirtypages_reset(pages, contents, &bytes), 0);
	CHECK(bytes >= 4 * page_size());
	for (int round = 0; round < 3; round++) {
		CHECK(!kill(child, SIGCONT));
		CHECK_IS(read(report[0], &byte, 1), 1);
		CHECK_IS(byte, 'a');
		wait_until_stopped(child);
		CHECK_IS(dirtypages_reset(pages, contents, &bytes), 0);
		CHECK_IS(bytes, 4 * page_size());
	}
	CHECK(!kill(child, SIGKILL));
	CHECK_IS(waitpid(child, NULL, 0), child);
	CHECK_IS(dirtypages_reset(pages, contents, &bytes), -ESRCH);
	CHECK_IS(bytes, 0);
	dirtypages_close(pages);
	CHECK_IS(dirtypages_open(&pages, child, DIRTYPAGES_AUTO, DIRTYPAGES_RESET), -ESRCH);
	free(contents);
	close(report[0]);
	close(report[1]);
}

struct worker {
	pthread_t thread;
	const struct dirtypages_process *process;
	const struct dirtypages_listing *shared;
	char *arena;
};

/* Threads share the process and a listing, and have address spaces of their own. */
static void *work(void *data)
{
	const struct worker *worker = data;
	struct dirtypages_listing *listing;
	struct dirtypages *pages;
	struct dirtypages_maps *maps;
	uint64_t bytes;

	for (int round = 0; round < 20; round++) {
		CHECK_IS(dirtypages_open_process(&pages, worker->process,
						 DIRTYPAGES_AUTO, 0), 0);
		set_arena(pages, worker->arena);
		CHECK_IS(dirtypages_listing_new(&listing), 0);
		CHECK_IS(dirtypages_read_with_maps(pages, listing, &maps), 0);
		CHECK_IS(dirtypages_listing_count(listing), 1);
		CHECK(!strncmp(dirtypages_listing_ranges(listing)->text,
			       dirtypages_listing_ranges(worker->shared)->text, 2));
		CHECK_IS(dirtypages_sum(pages, DIRTYPAGES_PRESENT, 0, &bytes, NULL), 0);
		CHECK_IS(bytes, 4 * page_size());
		dirtypages_maps_free(maps);
		dirtypages_listing_free(listing);
		dirtypages_close(pages);
	}
	return NULL;
}

void check_concurrent(void)
{
	struct dirtypages *pages = open_own(DIRTYPAGES_AUTO, 0);
	struct dirtypages_listing *listing;
	char *arena = new_arena();
	struct worker workers[4];

	write_pages(arena, 1, 5, 1);
	set_arena(pages, arena);
	listing = read_new(pages);
	for (int i = 0; i < 4; i++) {
		workers[i].process = dirtypages_get_process(pages);
		workers[i].shared = listing;
		workers[i].arena = arena;
		CHECK(!pthread_create(&workers[i].thread, NULL, work, &workers[i]));
	}
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(workers[i].thread, NULL));
	dirtypages_listing_free(listing);
	dirtypages_close(pages);
}

static int add_line(const struct dirtypages_range *range, void *data)
{
	return dirtypages_listing_add(data, range->start, range->end, range->text);
}

static void use_library(enum dirtypages_backend backend, unsigned int flags)
{
	struct dirtypages_tracker *tracker;
	struct dirtypages_listing *listing;
	struct dirtypages_kernel kernel = { .size = sizeof(kernel) };
	struct dirtypages_maps *maps;
	struct dirtypages *pages;
	char *arena = new_arena();
	uint64_t bytes;

	if (dirtypages_open(&pages, 0, backend, flags) == -ENOSYS)
		return;
	CHECK_IS(dirtypages_kernel_query(&kernel), 0);
	CHECK_IS(dirtypages_listing_new(&listing), 0);
	write_pages(arena, 0, 1, 'a');
	CHECK_IS(dirtypages_read_with_maps(pages, listing, &maps), 0);
	dirtypages_maps_free(maps);
	CHECK_IS(dirtypages_sum(pages, DIRTYPAGES_EXCLUSIVE, 0, &bytes, NULL), 0);
	set_arena(pages, arena);
	if (flags)
		CHECK_IS(dirtypages_reset(pages, arena, &bytes), 0);
	dirtypages_listing_truncate(listing, 0);
	CHECK_IS(dirtypages_for_each(pages, add_line, listing), 0);
	if (flags)
		CHECK_IS(dirtypages_acknowledge(pages, listing), 0);
	CHECK_IS(dirtypages_track(&tracker, getpid(), 1), 0);
	dirtypages_untrack(tracker);
	dirtypages_listing_free(listing);
	dirtypages_close(pages);
}

static void *use_all(void *unused)
{
	use_library(DIRTYPAGES_FILE, has_file() ? DIRTYPAGES_RESET : 0);
	use_library(DIRTYPAGES_SCAN, 0);
	use_library(DIRTYPAGES_PAGEMAP, 0);
	return unused;
}

/* The limit is that of libdirtypages(3). Sanitizers need more. */
void check_small_stack(void)
{
	const size_t size = 48 << 10;
	pthread_attr_t attr;
	pthread_t thread;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return;
#endif
	CHECK(!pthread_attr_init(&attr));
	CHECK(!pthread_attr_setstacksize(&attr, size));
	CHECK(!pthread_create(&thread, &attr, use_all, NULL));
	CHECK(!pthread_join(thread, NULL));
	pthread_attr_destroy(&attr);
}
