// SPDX-License-Identifier: GPL-2.0
/*
 * The verify command: compare a stopped process with a generation.
 *
 * Contents, mappings and, if saved, registers must be equal. Pages that are
 * modified on one side only must have the original contents of their mappings.
 * The CPU that a thread runs on does not count, although the kernel writes it
 * to the memory of the thread.
 */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/process.h"
#include "compare.h"
#include "process/layout.h"
#include "process/mapping.h"
#include "process/registers.h"
#include "process/seize.h"

/**
 * struct comparison - state of a comparison
 * @image: the image
 * @gen: the generation
 * @target: the process
 * @threads: its threads
 * @then: pages that the generation lists
 * @lazy: those that were lazily freed (MADV_FREE)
 * @now: pages that are listed now
 * @contents: contents of the generation
 * @differ: pages that differ
 * @others: mappings or threads differ
 */
struct comparison {
	struct image image;
	struct generation gen;
	struct target target;
	struct threads threads;
	struct spans then;
	struct spans lazy;
	struct spans now;
	struct contents contents;
	struct spans differ;
	bool others;
};

/*
 * Check that all threads are stopped, and not by a debugger, as only one
 * process can trace them.
 */
static enum status require_stopped(const struct target *target)
{
	pid_t pid = target->pid, tid;
	enum status status = STATUS_OK;
	struct proc_stat thread;
	DIR *dir;

	if (process_threads(dirtypages_process_dir(target->process), &dir))
		return complain(STATUS_VANISHED, "%d: has exited", pid);
	while (!status && (tid = process_next_thread(dir))) {
		/* A thread that cannot be read has exited. */
		if (proc_thread_stat(dirtypages_process_dir(target->process), tid, &thread) ||
		    strchr("TZX", thread.state))
			continue;
		status = complain(STATUS_REFUSED, "%d: %s", pid,
				  thread.state == 't' ?
				  "is stopped by a debugger; detach it, then use kill -STOP" :
				  "is running; stop it first, for example by kill -STOP");
	}
	closedir(dir);
	return status;
}

static enum status open_both(struct comparison *c, const struct control *ctl)
{
	struct dirtypages_listing *listing;
	enum status status;

	status = image_open(&c->image, ctl->dir, ACCESS_READ);
	if (!status)
		status = generation_choose(&c->image, ctl->number, &c->gen);
	if (!status)
		status = target_open(&c->target, ctl->pid, false);
	if (status)
		return status;
	if (!identity_equal(&c->gen.of, &c->target.of))
		return complain(STATUS_REFUSED,
				"%s@%lu is not of the current program of process %d, but of process %d (%s), perhaps before exec",
				c->image.path, c->gen.number, ctl->pid,
				c->gen.of.pid, c->gen.process.comm);
	status = require_stopped(&c->target);
	if (status)
		return status;
	status = part_listing(&c->image, &c->gen, PART_LISTING, &listing);
	c->then = spans_of(listing, 0);
	c->lazy = spans_of(listing, DIRTYPAGES_FLAG('l'));
	dirtypages_listing_free(listing);
	if (!status)
		status = contents_open(&c->contents, &c->image, &c->gen,
				       &c->then);
	return status;
}

/* Remove lazily freed pages that were dropped: they may be zero-filled. */
static struct spans without_dropped(const struct comparison *c,
				    const struct spans *differ)
{
	struct spans lazy = spans_intersect(differ, &c->lazy);
	struct spans dropped = { 0 }, rest;
	char page[PAGE_BYTES];

	for (size_t i = 0; i < lazy.count; i++)
		for (uint64_t at = lazy.spans[i].start; at < lazy.spans[i].end;
		     at += PAGE_BYTES)
			if (target_read(&c->target, at, page, sizeof(page)) &&
			    is_zero(page, sizeof(page)))
				spans_add(&dropped, at, at + PAGE_BYTES);
	rest = spans_subtract(differ, &dropped);
	spans_free(&lazy);
	spans_free(&dropped);
	return rest;
}

/*
 * Clear the fields in which the kernel tells a thread its CPU. This is not a
 * write by the thread.
 */
static void mask_processor(const struct comparison *c, uint64_t at, char *page)
{
	/* cpu_id_start, cpu_id, node_id and mm_cid of struct rseq */
	static const size_t fields[] = { 0, 4, 20, 24 };
	size_t size;

	for (size_t i = 0; i < c->threads.count; i++) {
		uint64_t rseq = rseq_area(&c->threads.threads[i], &size);

		for (size_t j = 0; j < sizeof(fields) / sizeof(*fields); j++) {
			/* This wraps around for fields on other pages. */
			uint64_t offset = rseq + fields[j] - at;

			if (rseq && fields[j] < size && offset <= PAGE_BYTES - 4)
				memset(page + offset, 0, 4);
		}
	}
}

/* Remove pages that differ only because a thread has moved to another CPU. */
static enum status without_moved(struct comparison *c, struct spans *differ)
{
	enum status status = STATUS_OK;
	size_t size;

	for (size_t i = 0; !status && i < c->threads.count; i++) {
		uint64_t rseq = rseq_area(&c->threads.threads[i], &size);
		uint64_t at = rseq & ~(PAGE_BYTES - 1);
		struct spans page = { 0 }, found, rest;
		char then[PAGE_BYTES], now[PAGE_BYTES];

		spans_add(&page, at, at + PAGE_BYTES);
		found = spans_intersect(differ, &page);
		if (rseq && found.count &&
		    target_read(&c->target, at, now, sizeof(now))) {
			status = contents_read(&c->contents, at, then, sizeof(then));
			mask_processor(c, at, then);
			mask_processor(c, at, now);
			if (!status && !memcmp(then, now, sizeof(then))) {
				rest = spans_subtract(differ, &page);
				spans_free(differ);
				*differ = rest;
			}
		}
		spans_free(&page);
		spans_free(&found);
	}
	return status;
}

/* Find pages that were clean, are listed now, and differ from their mapping. */
static struct spans find_written(const struct comparison *c,
				 const struct dirtypages_maps *maps)
{
	struct spans fresh = spans_subtract(&c->now, &c->then), written = { 0 };
	char own[PAGE_BYTES], page[PAGE_BYTES];

	for (size_t i = 0; i < fresh.count; i++)
		for (uint64_t at = fresh.spans[i].start; at < fresh.spans[i].end;
		     at += PAGE_BYTES)
			if (!mapping_contents(&c->target, maps, at, own) ||
			    !target_read(&c->target, at, page, sizeof(page)) ||
			    memcmp(own, page, sizeof(page)))
				spans_add(&written, at, at + PAGE_BYTES);
	spans_free(&fresh);
	return written;
}

static enum status compare_memory(struct comparison *c)
{
	struct spans differ, unread, others, known, written;
	struct dirtypages_listing *listing;
	struct dirtypages_maps *maps;
	enum status status;

	status = target_listing(&c->target, &listing);
	c->now = spans_of(listing, 0);
	dirtypages_listing_free(listing);
	if (!status)
		status = target_maps(&c->target, &maps, NULL, NULL);
	if (status)
		return status;
	status = compare_contents(&c->contents, &c->target, &c->then, &differ,
				  &unread);
	if (!status)
		status = without_moved(c, &differ);
	others = spans_unite(&differ, &unread);
	known = without_dropped(c, &others);
	written = find_written(c, maps);
	c->differ = spans_unite(&known, &written);
	spans_free(&differ);
	spans_free(&unread);
	spans_free(&others);
	spans_free(&known);
	spans_free(&written);
	dirtypages_maps_free(maps);
	return status;
}

static enum status compare_mappings(struct comparison *c)
{
	struct dirtypages_maps *then, *now;
	struct spans added = { 0 };
	enum status status;

	status = part_maps(&c->image, &c->gen, &then);
	if (status)
		return status;
	status = target_maps(&c->target, &now, NULL, NULL);
	if (!status && layout_compare(then, now, &added, true))
		c->others = true;
	for (size_t i = 0; i < added.count; i++) {
		printf("%08" PRIx64 "-%08" PRIx64 " was not mapped\n",
		       added.spans[i].start, added.spans[i].end);
		c->others = true;
	}
	spans_free(&added);
	dirtypages_maps_free(then);
	dirtypages_maps_free(now);
	return status;
}

static enum status compare_threads(struct comparison *c)
{
	struct threads then;
	enum status status;

	status = part_threads(&c->image, &c->gen, &then);
	if (!status)
		status = registers_get(&c->threads);
	for (size_t i = 0; !status && i < then.count; i++) {
		struct thread *was = &then.threads[i];
		struct thread *is = threads_find(&c->threads, was);

		if (is && registers_equal(was, is))
			continue;
		printf("thread %d %s\n", was->tid,
		       is ? "has other registers" : "has exited");
		c->others = true;
	}
	for (size_t i = 0; !status && i < c->threads.count; i++) {
		if (threads_find(&then, &c->threads.threads[i]))
			continue;
		printf("thread %d is new\n", c->threads.threads[i].tid);
		c->others = true;
	}
	threads_free(&then);
	return status;
}

static enum status compare(struct comparison *c)
{
	enum status status, released;

	status = seize(&c->target, &c->threads);
	if (!status)
		status = compare_mappings(c);
	if (!status)
		status = compare_memory(c);
	if (!status && c->gen.stopped)
		status = compare_threads(c);
	released = release(&c->threads);
	return status ? status : released;
}

static enum status print_result(const struct comparison *c)
{
	for (size_t i = 0; i < c->differ.count; i++)
		printf("%08" PRIx64 "-%08" PRIx64 " differs\n",
		       c->differ.spans[i].start, c->differ.spans[i].end);
	for (size_t i = 0; i < c->contents.missing.count; i++)
		printf("%08" PRIx64 "-%08" PRIx64 " was not saved\n",
		       c->contents.missing.spans[i].start,
		       c->contents.missing.spans[i].end);
	if (!c->differ.count && !c->contents.missing.count && !c->others) {
		printf("equal: generation %lu, %" PRIu64 " pages%s\n",
		       c->gen.number, spans_pages(&c->then),
		       c->gen.stopped ? " and registers" : "");
		return STATUS_OK;
	}
	return STATUS_DIFFERS;
}

/**
 * cmd_verify() - run the command
 * @ctl: the command line
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status cmd_verify(const struct control *ctl)
{
	struct comparison c = {
		.image.fd = -1,
		.gen.fd = -1,
		.target = TARGET_CLOSED,
	};
	enum status status;

	status = open_both(&c, ctl);
	if (!status)
		status = compare(&c);
	if (!status)
		status = print_result(&c);
	threads_free(&c.threads);
	spans_free(&c.then);
	spans_free(&c.lazy);
	spans_free(&c.now);
	spans_free(&c.differ);
	contents_close(&c.contents);
	target_close(&c.target);
	generation_close(&c.gen);
	image_close(&c.image);
	return status;
}
