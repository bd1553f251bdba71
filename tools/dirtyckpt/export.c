// SPDX-License-Identifier: GPL-2.0
/*
 * The export command: write the last generation as a parent image of CRIU, so
 * that 'criu dump' freezes the process only for what was written since.
 *
 * CRIU takes a page from the parent if its soft-dirty bit is clear, and fails
 * if the page is not there. So all acknowledged pages must be in the parent
 * with their contents at the acknowledgment or later, as they are in the last
 * generation, and in no earlier one. Two kinds of listed pages are left out:
 *
 *   - Pages that were written since are dumped by CRIU.
 *   - Pages that always count as written, such as those of hugetlb: their bit
 *     may be clear although they were written. CRIU would take old contents
 *     from the parent. Now it dumps the page, or fails.
 *
 * CRIU dumps the vdso as well, of which the process has modified nothing, so
 * that no generation has it. It is read from the process.
 */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "criu.h"
#include "image/contents.h"
#include "image/record.h"
#include "process/procfile.h"
#include "process/refs.h"
#include "tracking.h"

/**
 * struct exporter - state of an export
 * @ctl: the command line
 * @image: the image
 * @gen: the generation
 * @target: the process
 * @pid: PID of the process in its own PID namespace
 * @kept: pages of the generation that are in the parent
 * @vdso: pages of the vdso that are in the parent
 * @written: number of pages of the generation that were written since
 * @unset: number of pages that may have been written without CRIU's knowledge
 * @contents: contents of @kept
 * @criu: the parent image
 * @note: the note of the last acknowledgment
 */
struct exporter {
	const struct control *ctl;
	struct image image;
	struct generation gen;
	struct target target;
	pid_t pid;
	struct spans kept;
	struct spans vdso;
	uint64_t written;
	uint64_t unset;
	struct contents contents;
	struct criu criu;
	char note[NOTE_BYTES];
};

static enum status refuse(const struct exporter *e, const char *why)
{
	return complain(STATUS_REFUSED, "%s@%lu: %s", e->image.path,
			e->gen.number, why);
}

/* The bits are of use to CRIU from the first generation on. */
static enum status check_generation(const struct exporter *e)
{
	if (e->gen.number != e->image.numbers[e->image.count - 1])
		return refuse(e,
			      "is not the last generation, but only that one has all pages that count as unwritten; use it, or save again");
	if (!e->gen.criu)
		return refuse(e, "was saved without --for-criu; use 'dirtyckpt save --for-criu'");
	return STATUS_OK;
}

/* Lock the process, so that no page is acknowledged meanwhile. */
static enum status check_tracking(struct exporter *e)
{
	struct record record;
	enum status status;
	bool seamless;

	if (!identity_equal(&e->gen.of, &e->target.of))
		return refuse(e,
			      "is of another process or program, perhaps before exec; save again");
	status = record_read(&e->image, &record);
	if (!status)
		status = tracking_begin(&e->target, &e->image, e->note,
					sizeof(e->note), false);
	seamless = !status && tracking_is_seamless(e->note, &e->gen, &record) &&
		   !record.spans.count;
	spans_free(&record.spans);
	if (status || seamless)
		return status;
	return refuse(e,
		      "acknowledged pages may be missing from it, after an interrupted save or another tracker; save again");
}

/* The last number of NSpid is that of the innermost namespace. */
static enum status find_pid(struct exporter *e)
{
	enum status status;
	char *text, *line, *end;
	size_t size;

	e->pid = e->target.pid;
	status = process_text(e->target.process, "status", -1, &text, &size);
	line = status ? NULL : strstr(text, "\nNSpid:");
	if (line) {
		end = strchrnul(line + 1, '\n');
		*end = '\0';
		e->pid = atoi(strrchr(line, '\t') + 1);
	}
	free(text);
	return status;
}

static enum status find_vdso(struct exporter *e)
{
	struct dirtypages_maps *maps;
	enum status status;

	status = target_maps(&e->target, &maps, NULL, NULL);
	for (size_t i = 0; !status && i < dirtypages_maps_count(maps); i++) {
		const struct dirtypages_mapping *m = dirtypages_maps_get(maps, i);

		if (!strcmp(m->name, "[vdso]"))
			spans_add(&e->vdso, m->start, m->end);
	}
	dirtypages_maps_free(maps);
	return status;
}

static void subtract(struct spans *set, const struct spans *others)
{
	struct spans rest = spans_subtract(set, others);

	spans_free(set);
	*set = rest;
}

/*
 * Leave out pages that count as written now. A bit that is set stays set until
 * the dump, so those are all that may have been written without it.
 */
static enum status leave_out(struct exporter *e)
{
	struct spans written, unset = { 0 }, before;
	struct dirtypages_listing *listing;
	enum status status;

	status = target_listing(&e->target, &listing);
	written = spans_of(listing, DIRTYPAGES_FLAG('d'));
	dirtypages_listing_free(listing);
	if (!status)
		status = refs_unset(&e->target, &written, &unset);
	before = spans_intersect(&e->kept, &written);
	e->unset = spans_pages(&unset);
	e->written = spans_pages(&before);
	subtract(&e->kept, &written);
	subtract(&e->vdso, &written);
	subtract(&e->vdso, &e->kept);
	spans_free(&before);
	spans_free(&unset);
	spans_free(&written);
	return status;
}

static enum status find_pages(struct exporter *e)
{
	struct dirtypages_listing *listing;
	enum status status;

	status = part_listing(&e->image, &e->gen, PART_LISTING, &listing);
	e->kept = spans_of(listing, 0);
	dirtypages_listing_free(listing);
	if (!status)
		status = find_vdso(e);
	if (!status)
		status = leave_out(e);
	if (!status)
		status = contents_open(&e->contents, &e->image, &e->gen, &e->kept);
	if (!status)
		subtract(&e->kept, &e->contents.missing);
	return status;
}

static enum status add(void *criu, uint64_t start, const void *data, size_t size)
{
	(void)start;
	return criu_add(criu, data, size);
}

/* Write pages of the generation that are in a range. */
static enum status add_kept(struct exporter *e, uint64_t start, uint64_t end)
{
	struct spans pages = spans_within(&e->kept, start, end);
	enum status status;

	status = contents_each(&e->contents, &pages, add, &e->criu);
	spans_free(&pages);
	return status;
}

static enum status add_vdso(struct exporter *e, const struct span *span)
{
	char page[PAGE_BYTES];
	enum status status = STATUS_OK;

	for (uint64_t at = span->start; !status && at < span->end; at += PAGE_BYTES) {
		if (!target_read(&e->target, at, page, sizeof(page)))
			return complain(STATUS_OTHER, "%d: its vdso cannot be read",
					e->target.pid);
		status = criu_add(&e->criu, page, sizeof(page));
	}
	return status;
}

/* Contents are written in the order of their addresses. */
static enum status add_all(struct exporter *e)
{
	enum status status = STATUS_OK;
	uint64_t at = 0;

	for (size_t i = 0; !status && i < e->vdso.count; i++) {
		const struct span *span = &e->vdso.spans[i];

		status = add_kept(e, at, span->start);
		if (!status)
			status = add_vdso(e, span);
		at = span->end;
	}
	return status ? status : add_kept(e, at, UINT64_MAX);
}

/* A later save is refused while the folder has this path. */
static enum status note_export(struct exporter *e)
{
	char *path = criu_path(&e->criu);
	enum status status;

	if (!path)
		return complain(STATUS_OTHER, "%s: %s", e->ctl->file, strerror(errno));
	status = tracking_note_export(&e->target, e->note, path);
	free(path);
	return status;
}

static enum status write_parent(struct exporter *e)
{
	struct spans all = spans_unite(&e->kept, &e->vdso);
	enum status status;

	status = criu_begin(&e->criu, e->ctl->file);
	if (!status)
		status = criu_inventory(&e->criu, e->target.start_time);
	if (!status)
		status = criu_pagemap(&e->criu, e->pid, &all);
	if (!status)
		status = add_all(e);
	/* The vdso must be that of the same program. */
	if (!status)
		status = target_check(&e->target);
	if (!status)
		status = note_export(e);
	if (!status)
		status = criu_commit(&e->criu);
	spans_free(&all);
	return status;
}

static void report(const struct exporter *e)
{
	if (!e->ctl->quiet)
		printf("generation %lu: %" PRIu64 " pages exported; %" PRIu64
		       " written since are left out\n",
		       e->gen.number, spans_pages(&e->kept), e->written);
	if (e->unset)
		complain(STATUS_OK,
			 "%d: %" PRIu64
			 " pages are left out, as the kernel does not track writes to them (hugetlb, for example): CRIU dumps them, or fails",
			 e->target.pid, e->unset);
}

static enum status open_all(struct exporter *e)
{
	const struct control *ctl = e->ctl;
	enum status status;

	status = image_open(&e->image, ctl->dir, ACCESS_READ);
	if (!status)
		status = generation_choose(&e->image, ctl->number, &e->gen);
	if (!status)
		status = check_generation(e);
	if (!status)
		status = target_open(&e->target, e->gen.of.pid, false);
	if (!status)
		status = check_tracking(e);
	return status;
}

/**
 * cmd_export() - run the command
 * @ctl: the command line
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status cmd_export(const struct control *ctl)
{
	struct exporter e = {
		.ctl = ctl,
		.image.fd = -1,
		.gen.fd = -1,
		.target = TARGET_CLOSED,
		.criu = CRIU_CLOSED,
	};
	enum status status;

	status = open_all(&e);
	if (!status)
		status = find_pid(&e);
	if (!status)
		status = find_pages(&e);
	if (!status)
		status = write_parent(&e);
	if (!status)
		report(&e);
	criu_drop(&e.criu);
	contents_close(&e.contents);
	spans_free(&e.kept);
	spans_free(&e.vdso);
	target_close(&e.target);
	generation_close(&e.gen);
	image_close(&e.image);
	return status;
}
