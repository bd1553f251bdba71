// SPDX-License-Identifier: GPL-2.0
/*
 * Restoring a process that still lives: its memory and registers become what
 * they were at a stopped moment.
 *
 * All that can fail for a reason comes first, while nothing has changed: the
 * generation is read and checked, threads and mappings are compared, and it is
 * found out what differs. Only then the process is changed.
 *
 *   - What was mapped since is unmapped, and the heap shrinks to what it was.
 *   - Pages that are listed now, and were not then, go back to what their
 *     mappings have by themselves: by a call of madvise() that the process
 *     makes, or, where that does not work, as in locked memory, by writing that.
 *   - Pages that differ are written. So are those that the kernel may drop since
 *     (MADV_FREE), as then it may not any more.
 *   - The threads get their registers.
 *
 * Which pages can differ? Those that say that they were written since the
 * generation was acknowledged. That holds if nobody else has acknowledged any,
 * and later generations have on their lists what they did. If it is not certain,
 * all are compared.
 *
 * If this program ends in the middle, a process goes on that is half restored. So
 * the kernel ends the process as well if this program is killed then; if something
 * fails, the process is left stopped.
 */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compare.h"
#include "image/files.h"
#include "process/arch.h"
#include "process/inject.h"
#include "process/layout.h"
#include "process/mapping.h"
#include "process/procfile.h"
#include "process/registers.h"
#include "process/seize.h"
#include "tracking.h"

/**
 * struct restorer - a restore at work
 * @ctl: what was asked for
 * @image: where from
 * @gen: which generation
 * @target: of what
 * @threads: its threads
 * @saved: as they were
 * @then: pages that the generation lists
 * @lazy: those that the kernel could drop
 * @now: pages that are listed
 * @freed: those that it may drop, and could not then
 * @written: those, and what says that it was written
 * @maps: its mappings
 * @added: addresses that were not mapped then
 * @contents: of the generation
 * @differ: pages to be written
 * @fresh: pages that are listed, and were clean; a span ends where a mapping does
 * @gone: ranges to be given back, with all of those
 * @changed: something of the process was changed
 * @by_writing: pages that could not be given back, but were written
 */
struct restorer {
	const struct control *ctl;
	struct image image;
	struct generation gen;
	struct target target;
	struct threads threads;
	struct threads saved;
	struct spans then;
	struct spans lazy;
	struct spans now;
	struct spans freed;
	struct spans written;
	struct dirty_maps maps;
	struct spans added;
	struct contents contents;
	struct spans differ;
	struct spans fresh;
	struct spans gone;
	bool changed;
	uint64_t by_writing;
};

static enum status open_all(struct restorer *r)
{
	const struct control *ctl = r->ctl;
	struct dirty_listing listing;
	enum status status;

	status = image_open(&r->image, ctl->dir, ACCESS_READ);
	if (!status)
		status = generation_choose(&r->image, ctl->number, &r->gen);
	if (status)
		return status;
	if (!r->gen.stopped)
		return complain(STATUS_REFUSED,
				"%s@%lu: was saved while the process was running, and is no moment that it ever was in; take one of 'save --stop'",
				r->image.path, r->gen.number);
	status = target_open(&r->target, ctl->pid, false);
	if (status)
		return status;
	if (!identity_equal(&r->gen.of, &r->target.of))
		return complain(STATUS_REFUSED,
				"%s@%lu is not of process %d as it is, but of %d (%s), or of what that ran before; only the same living process can be restored",
				r->image.path, r->gen.number, ctl->pid,
				r->gen.of.pid, r->gen.process.comm);
	status = part_listing(&r->image, &r->gen, PART_LISTING, &listing);
	r->then = spans_of(&listing, 0);
	r->lazy = spans_of(&listing, DIRTY_FLAG('l'));
	dirty_listing_free(&listing);
	return status ? status :
			part_threads(&r->image, &r->gen, &r->saved);
}

/* Half of them cannot be set, and then fail. */
static enum status compare_sizes(struct restorer *r)
{
	for (size_t i = 0; i < r->saved.count; i++) {
		const struct thread *from = &r->saved.threads[i];
		const struct thread *to = threads_find(&r->threads, from);

		if (memcmp(from->size, to->size, sizeof(from->size)))
			return complain(STATUS_REFUSED,
					"%d: thread %d has not the sets of registers that were saved; it is as it was",
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
					"%d: thread %d has ended since; a thread cannot be restored",
					r->ctl->pid, r->saved.threads[i].tid);
	for (size_t i = 0; i < r->threads.count; i++)
		if (!threads_find(&r->saved, &r->threads.threads[i]))
			return complain(STATUS_REFUSED,
					"%d: thread %d was not there; it cannot be taken back",
					r->ctl->pid, r->threads.threads[i].tid);
	status = registers_get(&r->threads);
	return status ? status : compare_sizes(r);
}

static enum status compare_mappings(struct restorer *r)
{
	struct dirty_maps then;
	enum status status;

	status = part_maps(&r->image, &r->gen, &then);
	if (!status)
		status = target_maps(&r->target, &r->maps, NULL, NULL);
	if (status)
		return status;
	status = layout_compare(&then, &r->maps, &r->added);
	if (status)
		complain(status, "%d: its mappings are others than in %s@%lu; it is as it was",
			 r->ctl->pid, r->image.path, r->gen.number);
	dirty_maps_free(&then);
	return status;
}

/*
 * Of pages that were lazily freed, each processor keeps the last few for a while
 * before they are marked. Whatever is kept so is done before pages are moved to
 * other nodes, even if none is.
 */
static void mark_lazily_freed(void)
{
	int node = 0, status;

	syscall(SYS_move_pages, 0, 0, NULL, &node, &status, MPOL_MF_MOVE);
}

static enum status list_now(struct restorer *r)
{
	struct dirty_listing listing;
	struct spans written, lazy;
	enum status status;

	mark_lazily_freed();
	status = target_listing(&r->target, &listing);
	r->now = spans_of(&listing, 0);
	written = spans_of(&listing, DIRTY_FLAG('d'));
	lazy = spans_of(&listing, DIRTY_FLAG('l'));
	dirty_listing_free(&listing);
	r->freed = spans_subtract(&lazy, &r->lazy);
	r->written = spans_unite(&written, &r->freed);
	spans_free(&written);
	spans_free(&lazy);
	return status;
}

/*
 * Since the generation was acknowledged. Returns false if that is not known, and
 * everything has to be compared.
 */
static bool find_written(struct restorer *r, struct spans *written)
{
	unsigned long last = r->image.numbers[r->image.count - 1];
	struct spans since = { 0 }, known;
	struct generation gen = { .fd = -1 };
	struct record record = { 0 };
	char note[PATH_MAX + 100];
	bool seamless;

	seamless = !tracking_begin(&r->target, &r->image, note, sizeof(note),
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

/* What differs, of all that the generation has? */
static enum status find_different(struct restorer *r)
{
	struct spans written, suspects, some, vanished, unread = { 0 };
	enum status status;

	if (find_written(r, &written)) {
		some = spans_intersect(&r->then, &written);
		vanished = spans_subtract(&r->then, &r->now);
		suspects = spans_unite(&some, &vanished);
		spans_free(&some);
		spans_free(&vanished);
	} else {
		suspects = spans_unite(&r->then, &(struct spans){ 0 });
	}
	status = contents_open(&r->contents, &r->image, &r->gen, &suspects);
	if (!status && r->contents.missing.count)
		status = complain(STATUS_REFUSED,
				  "%s@%lu: %" PRIu64 " pages, as that at %08" PRIx64
				  ", could not be read when they were saved",
				  r->image.path, r->gen.number,
				  spans_pages(&r->contents.missing),
				  r->contents.missing.spans[0].start);
	if (!status)
		status = compare_contents(&r->contents, &r->target, &suspects,
					  &r->differ, &unread);
	if (!status && unread.count)
		status = complain(STATUS_REFUSED,
				  "%d: the page at %08" PRIx64
				  " cannot be reached any more: its file was truncated, or it is lost to a memory error",
				  r->ctl->pid, unread.spans[0].start);
	if (!status)
		add_freed(r);
	spans_free(&unread);
	spans_free(&suspects);
	spans_free(&written);
	return status;
}

/* Not spans_add(), which joins over the ends of mappings. */
static void append(struct spans *set, uint64_t start, uint64_t end)
{
	set->spans = grow(set->spans, set->count + 1, sizeof(*set->spans));
	set->spans[set->count++] = (struct span){ start, end };
}

/*
 * Few calls are made if a range covers what lies between two others and is in no
 * list, but never what is to stay, or what is another mapping.
 */
static void add_gone(struct restorer *r, const struct spans *stay, size_t *next,
		     const struct span *span)
{
	const struct dirty_mapping *m = dirty_maps_find(&r->maps, span->start);
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

/* Pages that have come to be listed, where there was a mapping. */
static void find_fresh(struct restorer *r)
{
	struct spans come = spans_subtract(&r->now, &r->then);
	struct spans all = spans_subtract(&come, &r->added);

	for (size_t i = 0; i < all.count; i++) {
		uint64_t at = all.spans[i].start, end = all.spans[i].end, next;

		for (; at < end; at = next) {
			const struct dirty_mapping *m = dirty_maps_find(&r->maps, at);

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

/* Pages that can neither be given back nor written, as it is not known by what */
static enum status refuse_unknown(struct restorer *r)
{
	bool calls = !inject_problem(&r->target, &r->maps, &r->threads);
	char page[PAGE_BYTES];

	for (size_t i = 0; i < r->fresh.count; i++) {
		uint64_t at = r->fresh.spans[i].start;

		if (!mapping_contents(&r->target, &r->maps, at, page) &&
		    (!calls ||
		     mapping_is_locked(&r->target, dirty_maps_find(&r->maps, at))))
			return complain(STATUS_REFUSED,
					"%d: the page at %08" PRIx64
					" was clean, cannot be given back, and its file cannot be read; it is as it was",
					r->ctl->pid, at);
	}
	return STATUS_OK;
}

/*
 * A shadow stack is written by calls only, and its pointer is in no set of
 * registers here: returns would end the process.
 */
static enum status refuse_shadow_stack(struct restorer *r)
{
	enum status status;
	char *text;
	size_t size;

	status = process_text(&r->target.process, "status", -1, &text, &size);
	if (!status && arch_has_shadow_stack(text))
		status = complain(STATUS_REFUSED,
				  "%d: has a shadow stack, which cannot be restored",
				  r->ctl->pid);
	free(text);
	return status;
}

static enum status plan(struct restorer *r)
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

static enum status unmap(struct restorer *r, const struct injector *injector,
			 long call, uint64_t start, uint64_t end)
{
	uint64_t args[3] = { start, end - start, 0 };
	bool heap = call == SYS_brk;
	enum status status;
	long result;

	/* It may have been made even if that is not known. */
	r->changed = true;
	status = inject_call(injector, call, args, &result);
	if (!status && result != (heap ? (long)start : 0))
		return complain(STATUS_OTHER,
				"%d: %08" PRIx64 "-%08" PRIx64 " cannot be unmapped: %s",
				r->ctl->pid, start, end,
				strerror(heap ? ENOMEM : (int)-result));
	return status;
}

/*
 * What was mapped since goes, one mapping after the other. The heap ends where it
 * did: that is said once, as to say where its second mapping begins would let it
 * grow. What follows the heap may be something else, and even be one mapping with
 * it: so all is unmapped as well.
 */
static enum status unmap_added(struct restorer *r,
			       const struct injector *injector)
{
	enum status status = STATUS_OK;
	bool shrunk = false;

	for (size_t i = 0; i < r->added.count; i++) {
		uint64_t at = r->added.spans[i].start, next;
		uint64_t end = r->added.spans[i].end;

		for (; !status && at < end; at = next) {
			const struct dirty_mapping *m = dirty_maps_find(&r->maps, at);
			bool heap = m && !strcmp(m->name, "[heap]");

			next = m && m->end < end ? m->end : end;
			if (heap && !shrunk)
				status = unmap(r, injector, SYS_brk, at, next);
			if (!status)
				status = unmap(r, injector, SYS_munmap, at, next);
			shrunk |= heap;
		}
	}
	return status;
}

static enum status write_memory(struct restorer *r, uint64_t start,
				const void *data, size_t size)
{
	int error;

	r->changed = true;
	error = write_at(r->target.mem, data, size, start);
	if (error)
		return complain(STATUS_OTHER, "%d: %08" PRIx64 " cannot be written: %s",
				r->ctl->pid, start, strerror(error));
	return STATUS_OK;
}

/* What a mapping has by itself, written there. */
static enum status write_own(struct restorer *r, uint64_t start, uint64_t end)
{
	char page[PAGE_BYTES];

	for (uint64_t at = start; at < end; at += PAGE_BYTES) {
		enum status status;

		if (!mapping_contents(&r->target, &r->maps, at, page))
			return complain(STATUS_OTHER,
					"%d: the page at %08" PRIx64
					" was clean, and its file cannot be read",
					r->ctl->pid, at);
		status = write_memory(r, at, page, sizeof(page));
		if (status)
			return status;
		r->by_writing++;
	}
	return STATUS_OK;
}

static enum status write_fresh(struct restorer *r, const struct span *span)
{
	struct spans pages = spans_within(&r->fresh, span->start, span->end);
	enum status status = STATUS_OK;

	for (size_t i = 0; !status && i < pages.count; i++)
		status = write_own(r, pages.spans[i].start, pages.spans[i].end);
	spans_free(&pages);
	return status;
}

static enum status give_back(struct restorer *r,
			     const struct injector *injector)
{
	for (size_t i = 0; i < r->gone.count; i++) {
		const struct span *span = &r->gone.spans[i];
		uint64_t args[3] = { span->start, span->end - span->start,
				     MADV_DONTNEED };
		enum status status = STATUS_OK;
		long result = -1;

		if (!injector->problem) {
			r->changed = true;
			status = inject_call(injector, SYS_madvise, args, &result);
		}
		if (!status && result)
			status = write_fresh(r, span);
		if (status)
			return status;
	}
	return STATUS_OK;
}

static enum status by_calls(struct restorer *r)
{
	struct injector injector;
	enum status status, ended;

	if (!r->added.count && !r->gone.count)
		return STATUS_OK;
	status = inject_begin(&injector, &r->target, &r->maps, &r->threads);
	if (status)
		return status;
	if (r->added.count && injector.problem)
		return complain(STATUS_REFUSED,
				"%d: %08" PRIx64 "-%08" PRIx64
				" was mapped since, and cannot be unmapped, as %s",
				r->ctl->pid, r->added.spans[0].start,
				r->added.spans[0].end, injector.problem);
	status = unmap_added(r, &injector);
	if (!status)
		status = give_back(r, &injector);
	ended = inject_end(&injector);
	return status ? status : ended;
}

static enum status write_saved(void *r, uint64_t start, const void *data,
			       size_t size)
{
	return write_memory(r, start, data, size);
}

static enum status set_registers(struct restorer *r)
{
	for (size_t i = 0; i < r->saved.count; i++) {
		struct thread *from = &r->saved.threads[i];
		const struct thread *to = threads_find(&r->threads, from);
		enum status status;

		registers_settle(from);
		r->changed = true;
		status = registers_set(to, from);
		if (status)
			return status;
	}
	return STATUS_OK;
}

/* One that is held up in a call that it makes for us is not. */
static bool is_held(const struct thread *thread)
{
	uint64_t mask;

	return !ptrace(PTRACE_GETSIGMASK, thread->tid, sizeof(mask), &mask);
}

static enum status change(struct restorer *r)
{
	enum status status;

	status = die_together(&r->threads);
	if (!status)
		status = by_calls(r);
	if (!status)
		status = contents_each(&r->contents, &r->differ, write_saved, r);
	if (!status)
		status = set_registers(r);
	if (!status || !r->changed)
		return status;
	if (!is_held(&r->threads.threads[0]))
		return complain(status,
				"%d: is half restored, and ends with this program, as it cannot be stopped",
				r->ctl->pid);
	kill(r->ctl->pid, SIGSTOP);
	return complain(status,
			"%d: is half restored, and left stopped; restore it again, or end it",
			r->ctl->pid);
}

static void report(const struct restorer *r)
{
	printf("restored generation %lu: %" PRIu64 " pages written, %" PRIu64 " given back",
	       r->gen.number, spans_pages(&r->differ) + r->by_writing,
	       spans_pages(&r->fresh) - r->by_writing);
	if (r->added.count)
		printf(", %" PRIu64 " unmapped", spans_pages(&r->added));
	printf(", %zu threads, stopped for %.3f ms\n"
	       "not restored: descriptors and their positions, shared memory, files, timers, signals that wait, and what else the kernel has of the process\n",
	       r->threads.count, r->threads.pause / 1e6);
}

static enum status restore_once(const struct control *ctl)
{
	struct restorer r = {
		.ctl = ctl,
		.image.fd = -1,
		.gen.fd = -1,
		.target = TARGET_CLOSED,
	};
	enum status status, released;

	status = open_all(&r);
	if (!status) {
		status = seize(&r.target, &r.threads);
		if (!status)
			status = plan(&r);
		if (!status)
			status = change(&r);
		released = release(&r.threads);
		status = status ? status : released;
	}
	if (!status && !ctl->quiet)
		report(&r);
	threads_free(&r.threads);
	threads_free(&r.saved);
	spans_free(&r.then);
	spans_free(&r.lazy);
	spans_free(&r.now);
	spans_free(&r.freed);
	spans_free(&r.written);
	spans_free(&r.added);
	spans_free(&r.differ);
	spans_free(&r.fresh);
	spans_free(&r.gone);
	dirty_maps_free(&r.maps);
	contents_close(&r.contents);
	target_close(&r.target);
	generation_close(&r.gen);
	image_close(&r.image);
	return status;
}

/**
 * cmd_restore() - the command of that name
 * @ctl: what was asked for
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status cmd_restore(const struct control *ctl)
{
	enum status status = STATUS_OK;
	size_t size = 0;
	char *line = NULL;

	if (!ctl->each_line)
		return restore_once(ctl);
	while (!status && getline(&line, &size, stdin) > 0) {
		status = restore_once(ctl);
		/* Whoever waits for it is told even if all else is not. */
		if (!status && ctl->quiet)
			puts("restored");
		fflush(stdout);
	}
	free(line);
	return status;
}
