// SPDX-License-Identifier: GPL-2.0
/*
 * The prune command: remove generations. First, the oldest one that stays gets
 * all contents that it takes from others, in a new folder that replaces the old
 * one in one step. Only then are the others removed.
 */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "image/contents.h"
#include "image/draft.h"

static enum status copy_part(const struct image *image,
			     const struct generation *gen,
			     struct generation *draft, enum part part)
{
	enum status status;
	void *data;

	status = part_read(image, gen, part, &data);
	if (!status)
		status = draft_part(image, draft, part, data, gen->size[part]);
	free(data);
	return status;
}

static enum status add_pages(void *writer, uint64_t start, const void *data,
			     size_t size)
{
	return pages_add(writer, start, data, size);
}

static enum status write_whole(const struct control *ctl,
			       const struct image *image,
			       const struct generation *gen,
			       struct generation *draft)
{
	static const enum part others[] = {
		PART_LISTING, PART_MAPS, PART_MISSING, PART_AUXV, PART_THREADS,
	};
	struct page_writer writer = { .fd = -1 };
	struct dirtypages_listing *listing;
	struct contents contents;
	struct spans listed;
	enum status status;

	status = part_listing(image, gen, PART_LISTING, &listing);
	if (status)
		return status;
	listed = spans_of(listing, 0);
	status = contents_open(&contents, image, gen, &listed);
	for (size_t i = 0; !status && i < sizeof(others) / sizeof(*others); i++)
		status = copy_part(image, gen, draft, others[i]);
	if (!status)
		status = pages_begin(&writer, image, draft, ctl->level);
	if (!status)
		status = contents_each(&contents, &listed, add_pages, &writer);
	if (!status)
		status = pages_end(&writer);
	pages_drop(&writer);
	contents_close(&contents);
	spans_free(&listed);
	dirtypages_listing_free(listing);
	return status;
}

/*
 * Make a generation independent of all before it, and read all of its contents.
 */
static enum status make_whole(const struct control *ctl,
			      const struct image *image, unsigned long number)
{
	struct generation gen, draft;
	enum status status;

	status = generation_open(image, number, &gen);
	if (!status && gen.whole) {
		status = contents_check(image, number);
	} else if (!status) {
		draft = gen;
		draft.whole = true;
		draft.stored = 0;
		draft.zero = 0;
		status = draft_begin(image, &draft);
		if (!status)
			status = write_whole(ctl, image, &gen, &draft);
		if (!status)
			status = draft_commit(image, &draft, true);
		draft_drop(image, &draft);
	}
	generation_close(&gen);
	return status;
}

/*
 * Rename the generation before removing its files, so that it is never
 * incomplete.
 */
static enum status drop(const struct image *image, unsigned long number)
{
	char name[24];

	generation_name(name, number);
	if (renameat(image->fd, name, image->fd, DRAFT))
		return fail_to_write(image, name, errno);
	return image_remove(image, DRAFT);
}

/**
 * cmd_prune() - run the command
 * @ctl: the command line
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status cmd_prune(const struct control *ctl)
{
	enum status status;
	struct image image;
	size_t last = 0;

	status = image_open(&image, ctl->dir, ACCESS_WRITE);
	if (!status && !image.count)
		status = complain_no_image(&image);
	if (!status)
		status = image_is_known(&image);
	if (!status)
		status = image_has_one(&image);
	if (!status && image.count > ctl->keep) {
		last = image.count - ctl->keep;
		status = make_whole(ctl, &image, image.numbers[last]);
	}
	/*
	 * Remove the draft of a killed save, or the generation that was
	 * exchanged.
	 */
	if (!status)
		status = image_remove(&image, DRAFT);
	/* Remove generations before those that they build on. */
	for (size_t i = last; !status && i--;)
		status = drop(&image, image.numbers[i]);
	if (!status && fsync(image.fd))
		status = fail_to_write(&image, ".", errno);
	if (!status && last && !ctl->quiet)
		printf("removed generations %lu to %lu\n", image.numbers[0],
		       image.numbers[last - 1]);
	image_close(&image);
	return status;
}
