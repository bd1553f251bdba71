// SPDX-License-Identifier: GPL-2.0
/*
 * The restore command: reset a living process to a generation of save --stop.
 *
 * First comes everything that can be refused, while nothing has changed
 * (plan.c): the generation is read and checked, threads and mappings are
 * compared, and pages that differ are found. Only then is the process changed.
 *
 *   - New mappings are unmapped, and the heap shrinks to its old size.
 *   - Pages that are listed now, and were clean, go back to the original
 *     contents of their mappings: by madvise(), called by the process, or by
 *     writing these contents where that does not work, for example in locked
 *     memory.
 *   - Pages that differ are written, and so are pages that were lazily freed
 *     since (MADV_FREE), as the kernel must not drop them any more.
 *   - The threads get their registers.
 *
 * A half-restored process must not run. If this program is killed, the kernel
 * kills the process too; if the restore fails, the process is left stopped.
 */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "image/files.h"
#include "plan.h"
#include "process/inject.h"
#include "process/mapping.h"
#include "process/registers.h"
#include "process/seize.h"

static enum status open_all(struct restorer *r)
{
	const struct control *ctl = r->ctl;
	struct dirtypages_listing *listing;
	enum status status;

	status = image_open(&r->image, ctl->dir, ACCESS_READ);
	if (!status)
		status = generation_choose(&r->image, ctl->number, &r->gen);
	if (status)
		return status;
	if (!r->gen.stopped)
		return complain(STATUS_REFUSED,
				"%s@%lu: was saved while the process was running, so it is not a consistent state; use a generation of 'save --stop'",
				r->image.path, r->gen.number);
	status = target_open(&r->target, ctl->pid, false);
	if (status)
		return status;
	if (!identity_equal(&r->gen.of, &r->target.of))
		return complain(STATUS_REFUSED,
				"%s@%lu is not of the current program of process %d, but of process %d (%s), perhaps before exec; only the same living process can be restored",
				r->image.path, r->gen.number, ctl->pid,
				r->gen.of.pid, r->gen.process.comm);
	status = part_listing(&r->image, &r->gen, PART_LISTING, &listing);
	r->then = spans_of(listing, 0);
	r->lazy = spans_of(listing, DIRTYPAGES_FLAG('l'));
	dirtypages_listing_free(listing);
	return status ? status :
			part_threads(&r->image, &r->gen, &r->saved);
}

static enum status unmap(struct restorer *r, const struct injector *injector,
			 long call, uint64_t start, uint64_t end)
{
	uint64_t args[3] = { start, end - start, 0 };
	bool heap = call == SYS_brk;
	enum status status;
	long result;

	/* The call may have been made even if inject_call() fails. */
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
 * Unmap new mappings one by one. First shrink the heap by brk(), once: brk() to
 * the start of its second mapping would grow it again. A mapping behind the
 * heap may be something else, and may even be merged with it, so munmap()
 * everything too.
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
			const struct dirtypages_mapping *m = dirtypages_maps_find(r->maps, at);
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

/* Write the original contents of a mapping. */
static enum status write_own(struct restorer *r, uint64_t start, uint64_t end)
{
	char page[PAGE_BYTES];

	for (uint64_t at = start; at < end; at += PAGE_BYTES) {
		enum status status;

		if (!mapping_contents(&r->target, r->maps, at, page))
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
	status = inject_begin(&injector, &r->target, r->maps, &r->threads);
	if (status)
		return status;
	if (r->added.count && injector.problem)
		return complain(STATUS_REFUSED,
				"%d: %08" PRIx64 "-%08" PRIx64
				" is a new mapping, and cannot be unmapped: %s",
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

/* A thread that does not return from an injected call is not stopped. */
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
				"%d: half restored; it cannot be stopped, and is killed when this program exits",
				r->ctl->pid);
	kill(r->ctl->pid, SIGSTOP);
	return complain(status,
			"%d: half restored, and left stopped; restore it again, or kill it",
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
	       "not restored: descriptors and their positions, shared memory, files, timers, pending signals, and other kernel state of the process\n",
	       r->threads.count, r->threads.pause / 1e6);
}

static void close_all(struct restorer *r)
{
	threads_free(&r->threads);
	threads_free(&r->saved);
	spans_free(&r->then);
	spans_free(&r->lazy);
	spans_free(&r->now);
	spans_free(&r->freed);
	spans_free(&r->written);
	spans_free(&r->added);
	spans_free(&r->differ);
	spans_free(&r->fresh);
	spans_free(&r->gone);
	dirtypages_maps_free(r->maps);
	contents_close(&r->contents);
	target_close(&r->target);
	generation_close(&r->gen);
	image_close(&r->image);
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
	close_all(&r);
	return status;
}

/**
 * cmd_restore() - run the command
 * @ctl: the command line
 *
 * Return: STATUS_OK, or the exit status.
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
		/* Answer each line, even with --quiet. */
		if (!status && ctl->quiet)
			puts("restored");
		fflush(stdout);
	}
	free(line);
	return status;
}
