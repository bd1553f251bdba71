// SPDX-License-Identifier: GPL-2.0
/*
 * A pass over a process saves one generation, in three steps on one descriptor.
 *
 *   1. List modified pages. Put those that have to be copied on record.
 *   2. Acknowledge the listed pages.
 *   3. Copy.
 *
 * If a page is written after step 1, and was not listed as written, it is not
 * acknowledged, so it is in the next list. If it was listed, and is written
 * before step 2, it is acknowledged, and the copy has the new contents. If it
 * is written after step 2, it is in the next list, whether or not the copy has
 * the new contents. After step 2, only the record tells which pages have to be
 * copied. So it is written to disk before step 2, and stays there until the
 * generation is on disk; the next save copies the pages on record.
 *
 * A generation has the contents of each page that it lists, in its own files or
 * in an earlier generation. So a pass copies listed pages that
 *
 *   - were written since they were last acknowledged, or
 *   - are on record, or
 *   - the previous generation did not list, or could not read.
 *
 * The last rule covers pages that were clean for a while. When such a page
 * comes back, a write fault has created it, so it is listed as written. But
 * correctness does not depend on that: the page was not in the previous list,
 * so it is copied.
 *
 * On a kernel that does not track writes, nothing is recorded or acknowledged.
 * Step 3 reads all listed pages, and stores those that the previous generation
 * does not have with the same contents.
 */
#define _GNU_SOURCE
#include "pass.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "image/draft.h"
#include "image/pages.h"
#include "process/procfile.h"
#include "process/registers.h"
#include "process/seize.h"
#include "tracking.h"

/**
 * struct pass - state of a pass
 * @draft: its generation
 * @threads: threads of the process, if it is stopped
 * @listing: its modified pages
 * @listed: the same, as a set
 * @missing: pages that could not be read
 * @maps: its mappings, as text
 * @maps_size: size of the text
 * @writer: writes the contents
 * @began: start time, from nanoseconds()
 * @all: number of pages to copy
 * @done: number of bytes copied
 * @next: index of the next span of the saver's @before to compare with
 */
struct pass {
	struct generation draft;
	struct threads threads;
	struct dirtypages_listing *listing;
	struct spans listed;
	struct spans missing;
	char *maps;
	size_t maps_size;
	struct page_writer writer;
	uint64_t began;
	uint64_t all;
	uint64_t done;
	size_t next;
};

/*
 * Show no progress of a short copy, or while the process is stopped: it may be
 * the terminal emulator.
 */
static void show_progress(const struct saver *saver, const struct pass *pass)
{
	uint64_t done = pass->done / PAGE_BYTES;
	int percent = pass->all ? done * 100 / pass->all : 100;

	if (pass->all < 4096 || pass->threads.count || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%d: generation %lu [%-25.*s] %3d%% of %" PRIu64 " MiB",
		saver->target.pid, saver->last + 1, percent / 4,
		"#########################", percent,
		pass->all * PAGE_BYTES >> 20);
	if (done == pass->all)
		fputs("\r\033[K", stderr);
}

/* Put the pages that have to be copied on record. */
static enum status record_pages(struct saver *saver, const struct pass *pass)
{
	struct spans written, others, again, copy;

	written = spans_of(pass->listing, DIRTYPAGES_FLAG('d'));
	others = spans_subtract(&pass->listed, &saver->before);
	again = spans_unite(&written, &others);
	/* Recorded pages stay on record until a generation is complete. */
	copy = spans_unite(&again, &saver->record.spans);
	spans_free(&written);
	spans_free(&others);
	spans_free(&again);
	spans_free(&saver->record.spans);
	saver->record.spans = copy;
	saver->record.number = pass->draft.number;
	memcpy(saver->record.base, saver->base, sizeof(saver->base));
	return record_write(&saver->image, &saver->record);
}

/* Step 1. */
static enum status list_pages(struct saver *saver, struct pass *pass)
{
	struct dirtypages_maps *maps;
	enum status status;

	status = target_listing(&saver->target, &pass->listing);
	if (!status) {
		status = target_maps(&saver->target, &maps, &pass->maps,
				     &pass->maps_size);
		dirtypages_maps_free(maps);
	}
	if (status)
		return status;
	pass->listed = spans_of(pass->listing, 0);
	pass->draft.listed = spans_pages(&pass->listed);
	return saver->target.tracked ? record_pages(saver, pass) : STATUS_OK;
}

/* Step 2. */
static enum status acknowledge(struct saver *saver, const struct pass *pass)
{
	struct target *target = &saver->target;
	enum status status;
	int error;

	status = tracking_note(target, &saver->image, saver->base,
			       pass->draft.number);
	if (status)
		return status;
	error = dirtypages_acknowledge(target->pages, pass->listing);
	if (error == -ESRCH)
		return complain(STATUS_VANISHED,
				"%d: exited, or called exec, before its pages were acknowledged",
				target->pid);
	if (error == -EOPNOTSUPP)
		return complain(STATUS_UNSUPPORTED,
				"%d: this kernel does not track writes; a kernel with CONFIG_MEM_SOFT_DIRTY is required",
				target->pid);
	if (error)
		return complain(STATUS_OTHER, "/proc/%d/dirty_pages: %s",
				target->pid, strerror(-error));
	return STATUS_OK;
}

/* Does the last generation have the same contents of a page? Addresses ascend. */
static bool is_same(struct saver *saver, struct pass *pass, uint64_t addr,
		    const void *data)
{
	const struct spans *before = &saver->before;
	char then[PAGE_BYTES];

	while (pass->next < before->count &&
	       before->spans[pass->next].end <= addr)
		pass->next++;
	if (!saver->compare || pass->next == before->count ||
	    addr < before->spans[pass->next].start)
		return false;
	if (contents_read(&saver->contents, addr, then, sizeof(then))) {
		saver->compare = false;
		complain(STATUS_OK, "%s: storing all further pages, without comparing them",
			 saver->image.path);
		return false;
	}
	return !memcmp(then, data, sizeof(then));
}

/* Store those of some neighbouring pages that differ from the last generation. */
static enum status add_different(struct saver *saver, struct pass *pass,
				 uint64_t start, const char *data, size_t size)
{
	enum status status = STATUS_OK;
	size_t from = 0, at;

	for (at = 0; !status && at < size; at += PAGE_BYTES) {
		if (!is_same(saver, pass, start + at, data + at))
			continue;
		status = pages_add(&pass->writer, start + from, data + from,
				   at - from);
		from = at + PAGE_BYTES;
	}
	if (!status && from < size)
		status = pages_add(&pass->writer, start + from, data + from,
				   size - from);
	return status;
}

/*
 * A page may have been unmapped since it was listed, or be lost to a memory
 * error. Then it is not in the next listing; or, if the address is mapped again,
 * it counts as missing, so the next pass copies it.
 */
static enum status copy_span(struct saver *saver, struct pass *pass,
			     uint64_t start, uint64_t end)
{
	enum status status = STATUS_OK;

	while (!status && start < end) {
		size_t size = end - start < COPY_BYTES ? end - start : COPY_BYTES;
		size_t done = target_read(&saver->target, start, saver->buffer,
					  size);

		if (done)
			status = add_different(saver, pass, start,
					       saver->buffer, done);
		else
			spans_add(&pass->missing, start, start + PAGE_BYTES);
		if (!done)
			done = PAGE_BYTES;
		start += done;
		/* Every 4 MiB */
		pass->done += done;
		if ((pass->done - done) >> 22 != pass->done >> 22)
			show_progress(saver, pass);
	}
	return status;
}

/* Step 3. */
static enum status copy_pages(struct saver *saver, struct pass *pass)
{
	const struct spans *from = saver->target.tracked ? &saver->record.spans :
							   &pass->listed;
	struct spans copy = spans_intersect(&pass->listed, from);
	enum status status;

	pass->all = spans_pages(&copy);
	status = pages_begin(&pass->writer, &saver->image, &pass->draft,
			     saver->ctl->level);
	for (size_t i = 0; !status && i < copy.count; i++)
		status = copy_span(saver, pass, copy.spans[i].start,
				   copy.spans[i].end);
	show_progress(saver, pass);
	spans_free(&copy);
	pass->draft.missing = spans_pages(&pass->missing);
	return status;
}

static enum status three_steps(struct saver *saver, struct pass *pass)
{
	enum status status;

	pass->draft.time = time(NULL);
	status = list_pages(saver, pass);
	if (!status && saver->target.tracked)
		status = acknowledge(saver, pass);
	if (!status)
		status = copy_pages(saver, pass);
	/* If the address space is gone, nothing could be read. */
	return status ? status : target_check(&saver->target);
}

static enum status three_steps_stopped(struct saver *saver, struct pass *pass)
{
	enum status status, released;

	status = seize(&saver->target, &pass->threads);
	if (!status)
		status = registers_get(&pass->threads);
	if (!status)
		status = three_steps(saver, pass);
	released = release(&pass->threads);
	pass->draft.pause = pass->threads.pause;
	return status ? status : released;
}

static char *listing_text(const struct dirtypages_listing *listing, size_t *size)
{
	const struct dirtypages_range *range = dirtypages_listing_ranges(listing);
	char *text = NULL;
	FILE *f = checked(open_memstream(&text, size));

	for (size_t i = 0; i < dirtypages_listing_count(listing); i++)
		fprintf(f, "%08" PRIx64 "-%08" PRIx64 " %s\n", range[i].start,
			range[i].end, range[i].text);
	if (fclose(f))
		die(STATUS_OTHER, "not enough memory");
	return text;
}

static enum status write_listing(struct saver *saver, struct pass *pass,
				 enum part part,
				 const struct dirtypages_listing *listing)
{
	enum status status;
	size_t size;
	char *text = listing_text(listing, &size);

	status = draft_part(&saver->image, &pass->draft, part, text, size);
	free(text);
	return status;
}

static enum status write_missing(struct saver *saver, struct pass *pass)
{
	struct dirtypages_listing *missing;
	enum status status;
	int error = dirtypages_listing_new(&missing);

	for (size_t i = 0; !error && i < pass->missing.count; i++)
		error = dirtypages_listing_add(missing, pass->missing.spans[i].start,
					       pass->missing.spans[i].end, "-");
	if (error)
		die(STATUS_OTHER, "not enough memory");
	status = write_listing(saver, pass, PART_MISSING, missing);
	dirtypages_listing_free(missing);
	return status;
}

/* Use the open descriptor, as the process may run another program by now. */
static enum status write_auxv(struct saver *saver, struct pass *pass)
{
	enum status status;
	size_t size;
	char *auxv;

	status = process_text(saver->target.process, "auxv", saver->target.auxv,
			      &auxv, &size);
	if (!status)
		status = draft_part(&saver->image, &pass->draft, PART_AUXV,
				    auxv, size);
	free(auxv);
	return status;
}

static enum status write_threads(struct saver *saver, struct pass *pass)
{
	enum status status;
	size_t size;
	void *data = threads_pack(&pass->threads, &size);

	pass->draft.threads = pass->threads.count;
	status = draft_part(&saver->image, &pass->draft, PART_THREADS, data,
			    size);
	free(data);
	return status;
}

/* Write everything to disk; the process runs meanwhile. */
static enum status complete(struct saver *saver, struct pass *pass)
{
	enum status status;

	status = pages_end(&pass->writer);
	if (!status)
		status = write_listing(saver, pass, PART_LISTING,
				       pass->listing);
	if (!status)
		status = write_missing(saver, pass);
	if (!status)
		status = draft_part(&saver->image, &pass->draft, PART_MAPS,
				    pass->maps, pass->maps_size);
	if (!status)
		status = write_auxv(saver, pass);
	if (!status)
		status = write_threads(saver, pass);
	pass->draft.spent = nanoseconds() - pass->began;
	if (!status)
		status = draft_commit(&saver->image, &pass->draft, false);
	return status ? status : record_remove(&saver->image);
}

static void report(const struct saver *saver, const struct generation *gen)
{
	printf("generation %lu: %" PRIu64 " of %" PRIu64 " pages stored, %" PRIu64
	       " of them zero, in %.3f s",
	       gen->number, gen->stored, gen->listed, gen->zero,
	       gen->spent / 1e9);
	if (gen->stopped)
		printf("; %" PRIu64 " threads stopped for %.3f ms",
		       gen->threads, gen->pause / 1e6);
	if (saver->compare)
		fputs("; all pages were read and compared, as this kernel does not track writes",
		      stdout);
	putchar('\n');
	fflush(stdout);
	if (gen->missing)
		complain(STATUS_OK,
			 "%d: %" PRIu64
			 " pages could not be read: they were unmapped since they were listed, or are lost to a memory error",
			 saver->target.pid, gen->missing);
}

/* The next pass continues from this one. */
static void follow(struct saver *saver, const struct pass *pass)
{
	spans_free(&saver->before);
	spans_free(&saver->record.spans);
	saver->before = spans_subtract(&pass->listed, &pass->missing);
	saver->last = pass->draft.number;
	saver->whole = false;
}

/**
 * make_pass() - save one generation
 * @saver: the save
 * @stop: stop the process meanwhile
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status make_pass(struct saver *saver, bool stop)
{
	struct pass pass = {
		.draft.number = saver->last + 1,
		.draft.stopped = stop,
		.draft.whole = saver->whole,
		.draft.criu = saver->criu,
		.draft.of = saver->target.of,
		.began = nanoseconds(),
		.writer.fd = -1,
	};
	enum status status;

	memcpy(pass.draft.base, saver->base, sizeof(saver->base));
	describe_process(saver->target.process, &pass.draft.process);
	status = draft_begin(&saver->image, &pass.draft);
	if (!status && stop)
		status = three_steps_stopped(saver, &pass);
	else if (!status)
		status = three_steps(saver, &pass);
	if (!status)
		status = complete(saver, &pass);
	if (!status) {
		report(saver, &pass.draft);
		follow(saver, &pass);
	}
	pages_drop(&pass.writer);
	draft_drop(&saver->image, &pass.draft);
	threads_free(&pass.threads);
	spans_free(&pass.listed);
	spans_free(&pass.missing);
	dirtypages_listing_free(pass.listing);
	free(pass.maps);
	return status;
}
