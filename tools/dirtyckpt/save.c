// SPDX-License-Identifier: GPL-2.0
/*
 * The save command: make passes over a process, each of which saves a
 * generation (pass.c).
 *
 * The first generation of an address space has all listed pages. Later saves
 * start over with all pages if it is not certain that the image has all
 * acknowledged pages: after execve(), in another process with the same PID,
 * after another tracker, and if the image is damaged.
 *
 * On a kernel that does not track writes, later saves compare all pages with the
 * last generation.
 */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "image/parts.h"
#include "pass.h"
#include "process/refs.h"
#include "tracking.h"

/* Maximum number of passes for --until-pages */
enum { MANY_ROUNDS = 30 };

static void new_base(struct saver *saver)
{
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		die(STATUS_OTHER, "cannot get random numbers");
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(saver->base + 2 * i, "%02x", bytes[i]);
	saver->whole = true;
	saver->criu = saver->ctl->for_criu;
	spans_free(&saver->before);
	spans_free(&saver->record.spans);
}

/* Find the pages with contents in the last generation or before. */
static enum status read_before(struct saver *saver,
			       const struct generation *gen)
{
	struct dirtypages_listing *listing, *missing = NULL;
	struct spans listed, unread;
	enum status status;

	status = part_listing(&saver->image, gen, PART_LISTING, &listing);
	if (!status)
		status = part_listing(&saver->image, gen, PART_MISSING, &missing);
	listed = spans_of(listing, 0);
	unread = spans_of(missing, 0);
	saver->before = spans_subtract(&listed, &unread);
	spans_free(&listed);
	spans_free(&unread);
	dirtypages_listing_free(listing);
	dirtypages_listing_free(missing);
	return status;
}

/*
 * Open the last generation with a readable head, and check that its process is
 * the same.
 */
static enum status find_last(struct saver *saver, struct generation *gen)
{
	const struct image *image = &saver->image;
	pid_t pid = saver->target.pid;
	size_t i = image->count;

	while (generation_open(image, image->numbers[--i], gen)) {
		generation_close(gen);
		if (!i)
			return complain(STATUS_REFUSED,
					"%s: no generation identifies its process; use another folder, or remove this one",
					image->path);
	}
	if (gen->of.pid != pid)
		return complain(STATUS_REFUSED,
				"%s: contains generations of process %d (%s), not of %d; use another folder",
				image->path, gen->of.pid, gen->process.comm, pid);
	return STATUS_OK;
}

/* Read the last generation, to build on it. Return false if it is damaged. */
static bool read_last(struct saver *saver, const struct generation *gen)
{
	if (parts_probe(&saver->image, gen) || read_before(saver, gen))
		return false;
	if (saver->target.tracked)
		return true;
	saver->compare = !contents_open(&saver->contents, &saver->image, gen,
					&saver->before);
	return saver->compare;
}

/* Return the reason why a generation cannot build on the last one, or NULL. */
static const char *why_anew(struct saver *saver, const struct generation *gen,
			    const char *note)
{
	if (gen->number != saver->last)
		return "the last generation is damaged";
	if (!identity_equal(&gen->of, &saver->target.of))
		return "the process runs another program now";
	if (saver->target.tracked && !*note)
		return "the process was not tracked meanwhile, as after 'dirtyckpt untrack'";
	if (saver->target.tracked &&
	    !tracking_is_seamless(note, gen, &saver->record))
		return "acknowledged pages are missing from it, perhaps because of another tracker";
	if (saver->ctl->for_criu && !gen->criu)
		return "its last generation was saved without --for-criu";
	if (!read_last(saver, gen))
		return "the image is damaged";
	return NULL;
}

static enum status continue_image(struct saver *saver, const char *note)
{
	const struct image *image = &saver->image;
	enum status status, record;
	struct generation gen;
	const char *why;

	if (!image->count) {
		new_base(saver);
		return STATUS_OK;
	}
	saver->last = image->numbers[image->count - 1];
	record = record_read(image, &saver->record);
	if (record && record != STATUS_DAMAGED)
		return record;
	status = find_last(saver, &gen);
	if (status) {
		generation_close(&gen);
		return status;
	}
	if (saver->ctl->full) {
		new_base(saver);
		generation_close(&gen);
		return STATUS_OK;
	}
	why = record ? "the record is damaged" : why_anew(saver, &gen, note);
	if (why) {
		complain(STATUS_OK, "%s: starting over with all pages: %s",
			 image->path, why);
		new_base(saver);
	} else {
		memcpy(saver->base, gen.base, sizeof(saver->base));
		saver->criu = gen.criu;
	}
	generation_close(&gen);
	return STATUS_OK;
}

/*
 * CRIU would take old contents from a parent image of the pages that a save
 * acknowledges.
 */
static enum status refuse_exported(const struct saver *saver, const char *note)
{
	const char *line = tracking_export(note);
	enum status status = STATUS_OK;
	struct stat st;
	char *path;

	if (!line)
		return STATUS_OK;
	path = checked(strndup(line, strcspn(line, "\n")));
	if (!lstat(path, &st))
		status = complain(STATUS_REFUSED,
				  "%d: exported to %s, which would become wrong; remove that folder first",
				  saver->target.pid, path);
	free(path);
	return status;
}

/* Count the pages that the next pass would have to copy. */
static enum status count_written(struct saver *saver, uint64_t *pages)
{
	struct dirtypages_listing *listing;
	struct spans written;
	enum status status;

	status = target_listing(&saver->target, &listing);
	written = spans_of(listing, DIRTYPAGES_FLAG('d'));
	*pages = spans_pages(&written);
	spans_free(&written);
	dirtypages_listing_free(listing);
	return status;
}

/* Make passes before the last one, to leave little to it. */
static enum status make_rounds(struct saver *saver)
{
	const struct control *ctl = saver->ctl;
	unsigned long rounds = ctl->rounds;
	enum status status = STATUS_OK;
	uint64_t left = UINT64_MAX;

	if (ctl->has_until && !rounds)
		rounds = MANY_ROUNDS;
	for (unsigned long i = 0; !status && i < rounds; i++) {
		if (ctl->has_until && !saver->whole) {
			status = count_written(saver, &left);
			if (status || left <= ctl->until)
				return status;
		}
		status = make_pass(saver, false);
	}
	if (status || !ctl->has_until)
		return status;
	status = count_written(saver, &left);
	if (!status && left > ctl->until)
		complain(STATUS_OK,
			 "%d: after %lu rounds, %" PRIu64
			 " written pages are left; the process writes faster than dirtyckpt copies",
			 saver->target.pid, rounds, left);
	return status;
}

/* Refuse a save that requires tracking on a kernel that does not track writes. */
static enum status require_tracking(const struct saver *saver)
{
	const struct control *ctl = saver->ctl;

	if (saver->target.tracked)
		return STATUS_OK;
	if ((ctl->stop || ctl->full) && !ctl->rounds && !ctl->has_until &&
	    !ctl->for_criu)
		return STATUS_OK;
	return complain(STATUS_UNSUPPORTED,
			"%d: this kernel does not track writes, which %s requires; use 'save --stop', which reads all modified pages, or a kernel with CONFIG_PROC_DIRTY_PAGES and CONFIG_MEM_SOFT_DIRTY",
			ctl->pid, ctl->rounds ? "--rounds" :
			ctl->has_until ? "--until-pages" :
			ctl->for_criu ? "--for-criu" : "save without --stop");
}

/*
 * pagemap, which CRIU reads, shows all pages as written in mappings that were
 * made since soft-dirty bits were last cleared, whether or not their pages are
 * acknowledged. Clear them before the first generation, which has all pages, so
 * that none is lost. Another image, or an earlier base, must not continue from
 * here, so note this one first.
 */
static enum status begin_for_criu(struct saver *saver)
{
	enum status status;

	if (!saver->criu || !saver->whole)
		return STATUS_OK;
	status = tracking_note(&saver->target, &saver->image, saver->base,
			       saver->last + 1);
	return status ? status : refs_clear(&saver->target);
}

/**
 * cmd_save() - run the command
 * @ctl: the command line
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status cmd_save(const struct control *ctl)
{
	struct saver saver = { .ctl = ctl };
	char note[NOTE_BYTES] = "";
	enum status status;

	saver.buffer = grow(NULL, 1, COPY_BYTES);
	saver.image.fd = -1;
	status = target_open(&saver.target, ctl->pid, true);
	if (!status)
		status = require_tracking(&saver);
	if (!status)
		status = image_open(&saver.image, ctl->dir, ACCESS_CREATE);
	if (!status)
		status = image_is_known(&saver.image);
	if (!status && saver.target.tracked)
		status = tracking_begin(&saver.target, &saver.image, note,
					sizeof(note), true);
	if (!status)
		status = refuse_exported(&saver, note);
	if (!status)
		status = continue_image(&saver, note);
	if (!status)
		status = begin_for_criu(&saver);
	if (!status)
		status = make_rounds(&saver);
	if (!status)
		status = make_pass(&saver, ctl->stop);
	spans_free(&saver.before);
	spans_free(&saver.record.spans);
	contents_close(&saver.contents);
	target_close(&saver.target);
	image_close(&saver.image);
	free(saver.buffer);
	return status;
}
