// SPDX-License-Identifier: GPL-2.0
/*
 * Plan a restore: find all changes before making any.
 *
 * Only pages written since the generation was acknowledged can differ. These
 * are pages that are listed as written, and pages that later generations have
 * acknowledged, provided that nobody else has acknowledged any. If this is not
 * certain, compare all pages.
 */
#define _GNU_SOURCE
#include "plan.h"

#include <inttypes.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compare.h"
#include "process/arch.h"
#include "process/inject.h"
#include "process/layout.h"
#include "process/mapping.h"
#include "process/procfile.h"
#include "process/registers.h"
#include "tracking.h"

/* Check sizes first, so that setting registers does not fail halfway. */
static enum status compare_sizes(struct restorer *r)
{
	for (size_t i = 0; i < r->saved.count; i++) {
		const struct thread *from = &r->saved.threads[i];
		const struct thread *to = threads_find(&r->threads, from);

		if (memcmp(from->size, to->size, sizeof(from->size)))
			return complain(STATUS_REFUSED,
					"%d: thread %d has other register sets than were saved (process left unchanged)",
					r->ctl->pid, from->tid);
	}
	return STATUS_OK;
}

static enum status compare_threads(struct restorer *r)
{
	enum status status;

	for (size_t i = 0; i < r->saved.count; i++)
		if (!threads_find(&r->threads, &r->saved.threads[i]))
			return complain(STATUS_REFUSED,
					"%d: thread %d has exited since; threads cannot be recreated",
					r->ctl->pid, r->saved.threads[i].tid);
	for (size_t i = 0; i < r->threads.count; i++)
		if (!threads_find(&r->saved, &r->threads.threads[i]))
			return complain(STATUS_REFUSED,
					"%d: thread %d is new; threads cannot be removed",
					r->ctl->pid, r->threads.threads[i].tid);
	status = registers_get(&r->threads);
	return status ? status : compare_sizes(r);
}

static enum status compare_mappings(struct restorer *r)
{
	struct dirtypages_maps *then;
	enum status status;

	status = part_maps(&r->image, &r->gen, &then);
	if (!status)
		status = target_maps(&r->target, &r->maps, NULL, NULL);
	if (status)
		return status;
	status = layout_compare(then, r->maps, &r->added, false);
	if (status)
		complain(status,
			 "%d: mappings differ from those in %s@%lu (process left unchanged)",
			 r->ctl->pid, r->image.path, r->gen.number);
	dirtypages_maps_free(then);
	return status;
}

/*
 * Each CPU keeps the last few lazily freed pages in a batch before it marks
 * them. move_pages() drains these batches, even if it moves no page.
 */
static void mark_lazily_freed(void)
{
	int node = 0, status;

	syscall(SYS_move_pages, 0, 0, NULL, &node, &status, MPOL_MF_MOVE);
}

/*
 * Does the process, which is stopped, have lazily freed pages? pagemap does not
 * report them, but smaps counts them.
 */
static bool has_lazily_freed(struct restorer *r)
{
	unsigned long amount = 1;
	char *text, *line;
	size_t size;

	if (process_text(r->target.process, "smaps_rollup", -1, &text, &size))
		return true;
	line = strstr(text, "\nLazyFree:");
	if (line)
		sscanf(line, "\nLazyFree: %lu", &amount);
	free(text);
	return amount;
}

static enum status list_now(struct restorer *r)
{
	struct dirtypages_listing *listing;
	struct spans written, lazy;
	enum status status;

	mark_lazily_freed();
	status = target_listing(&r->target, &listing);
	r->now = spans_of(listing, 0);
	written = spans_of(listing, DIRTYPAGES_FLAG('d'));
	/* If it is unknown which pages are lazily freed, write all of them. */
	if (dirtypages_listing_unknown(listing) & DIRTYPAGES_FLAG('l') &&
	    has_lazily_freed(r))
		lazy = spans_of(listing, 0);
	else
		lazy = spans_of(listing, DIRTYPAGES_FLAG('l'));
	dirtypages_listing_free(listing);
	r->freed = spans_subtract(&lazy, &r->lazy);
	r->written = spans_unite(&written, &r->freed);
	spans_free(&written);
	spans_free(&lazy);
	return status;
}

/*
 * Find the pages written since the generation was acknowledged. Return false if
 * they are not known, and all pages have to be compared.
 */
static bool find_written(struct restorer *r, struct spans *written)
{
	unsigned long last = r->image.numbers[r->image.count - 1];
	struct spans since = { 0 }, known;
	struct generation gen = { .fd = -1 };
	struct record record = { 0 };
	char note[PATH_MAX + 100];
	bool seamless;

	seamless = r->target.tracked &&
		   !tracking_begin(&r->target, &r->image, note, sizeof(note),
				   false) &&
		   !record_read(&r->image, &record) &&
		   !generation_open(&r->image, last, &gen) &&
		   !strcmp(gen.base, r->gen.base) &&
		   tracking_is_seamless(note, &gen, &record) &&
		   !acknowledged_since(&r->image, &r->gen, &since);
	generation_close(&gen);
	known = spans_unite(&since, &record.spans);
	*written = spans_unite(&known, &r->written);
	spans_free(&known);
	spans_free(&since);
	spans_free(&record.spans);
	return seamless;
}

static void add_freed(struct restorer *r)
{
	struct spans freed = spans_intersect(&r->then, &r->freed);
	struct spans differ = r->differ;

	r->differ = spans_unite(&differ, &freed);
	spans_free(&differ);
	spans_free(&freed);
}

/* Find the pages of the generation that can differ. */
static struct spans find_suspects(struct restorer *r)
{
	struct spans written = { 0 }, some, vanished, suspects;

	if (find_written(r, &written)) {
		some = spans_intersect(&r->then, &written);
		vanished = spans_subtract(&r->then, &r->now);
		suspects = spans_unite(&some, &vanished);
		spans_free(&some);
		spans_free(&vanished);
	} else {
		suspects = spans_unite(&r->then, &(struct spans){ 0 });
	}
	spans_free(&written);
	return suspects;
}

/* Find the pages of the generation that differ. */
static enum status find_different(struct restorer *r)
{
	struct spans suspects = find_suspects(r), unread = { 0 };
	enum status status;

	status = contents_open(&r->contents, &r->image, &r->gen, &suspects);
	if (!status && r->contents.missing.count)
		status = complain(STATUS_REFUSED,
				  "%s@%lu: %" PRIu64 " pages, for example at %08" PRIx64
				  ", could not be read by the save",
				  r->image.path, r->gen.number,
				  spans_pages(&r->contents.missing),
				  r->contents.missing.spans[0].start);
	if (!status)
		status = compare_contents(&r->contents, &r->target, &suspects,
					  &r->differ, &unread);
	if (!status && unread.count)
		status = complain(STATUS_REFUSED,
				  "%d: the page at %08" PRIx64
				  " cannot be read any more: its file was truncated, it is in a guard region, or it is lost to a memory error",
				  r->ctl->pid, unread.spans[0].start);
	if (!status)
		add_freed(r);
	spans_free(&unread);
	spans_free(&suspects);
	return status;
}

/* Unlike spans_add(), do not join spans of different mappings. */
static void append(struct spans *set, uint64_t start, uint64_t end)
{
	set->spans = grow(set->spans, set->count + 1, sizeof(*set->spans));
	set->spans[set->count++] = (struct span){ start, end };
}

/*
 * To save calls, let a range cover unlisted pages between two spans, but never
 * pages that stay, or another mapping.
 */
static void add_gone(struct restorer *r, const struct spans *stay, size_t *next,
		     const struct span *span)
{
	const struct dirtypages_mapping *m = dirtypages_maps_find(r->maps, span->start);
	struct spans *gone = &r->gone;
	struct span *last = gone->count ? &gone->spans[gone->count - 1] : NULL;

	if (last && last->start >= m->start) {
		while (*next < stay->count && stay->spans[*next].end <= last->end)
			++*next;
		if (*next == stay->count || stay->spans[*next].start >= span->start) {
			last->end = span->end;
			return;
		}
	}
	append(gone, span->start, span->end);
}

/* Find pages that were clean, in mappings that existed then. */
static void find_fresh(struct restorer *r)
{
	struct spans come = spans_subtract(&r->now, &r->then);
	struct spans all = spans_subtract(&come, &r->added);

	for (size_t i = 0; i < all.count; i++) {
		uint64_t at = all.spans[i].start, end = all.spans[i].end, next;

		for (; at < end; at = next) {
			const struct dirtypages_mapping *m = dirtypages_maps_find(r->maps, at);

			if (!m)
				break;
			next = m->end < end ? m->end : end;
			append(&r->fresh, at, next);
		}
	}
	spans_free(&come);
	spans_free(&all);
}

static void find_gone(struct restorer *r)
{
	struct spans stay = spans_unite(&r->then, &r->added);
	size_t next = 0;

	for (size_t i = 0; i < r->fresh.count; i++)
		add_gone(r, &stay, &next, &r->fresh.spans[i]);
	spans_free(&stay);
}

/*
 * Refuse if a page can be neither given back nor written, as its original
 * contents cannot be read.
 */
static enum status refuse_unknown(struct restorer *r)
{
	bool calls = !inject_problem(&r->target, r->maps, &r->threads);
	char page[PAGE_BYTES];

	for (size_t i = 0; i < r->fresh.count; i++) {
		uint64_t at = r->fresh.spans[i].start;

		if (!mapping_contents(&r->target, r->maps, at, page) &&
		    (!calls ||
		     mapping_is_locked(&r->target, dirtypages_maps_find(r->maps, at))))
			return complain(STATUS_REFUSED,
					"%d: the page at %08" PRIx64
					" was clean, but cannot be given back, and its file cannot be read (process left unchanged)",
					r->ctl->pid, at);
	}
	return STATUS_OK;
}

/*
 * A shadow stack can only be written by system calls, and its pointer is in no
 * saved register set, so the next return would kill the process.
 */
static enum status refuse_shadow_stack(struct restorer *r)
{
	enum status status;
	char *text;
	size_t size;

	status = process_text(r->target.process, "status", -1, &text, &size);
	if (!status && arch_has_shadow_stack(text))
		status = complain(STATUS_REFUSED,
				  "%d: has a shadow stack, which cannot be restored",
				  r->ctl->pid);
	free(text);
	return status;
}

/**
 * plan() - plan a restore, or refuse it
 * @r: the restore, with the threads seized
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status plan(struct restorer *r)
{
	enum status status;

	status = refuse_shadow_stack(r);
	if (!status)
		status = compare_threads(r);
	if (!status)
		status = compare_mappings(r);
	if (!status)
		status = list_now(r);
	if (!status)
		status = find_different(r);
	if (status)
		return status;
	find_fresh(r);
	find_gone(r);
	return r->fresh.count ? refuse_unknown(r) : STATUS_OK;
}
