// SPDX-License-Identifier: GPL-2.0
/*
 * One image tracks a process at a time. A lock file names that image.
 *
 * The first line is "dirtyckpt PATH", for other programs. The second line is
 * for the next save: base and number of the last generation that was
 * acknowledged. An older image, such as a copy that was put back, lacks pages
 * that were acknowledged since, and cannot be continued. A third line,
 * "exported PATH", names a parent image for CRIU that was made since.
 */
#define _GNU_SOURCE
#include "tracking.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORD	"dirtyckpt "
#define EXPORTED	"exported "

/**
 * tracking_is_for() - does a note say that an image tracks the process?
 * @note: the text of the lock file of the process
 * @path: path of the image, from realpath()
 *
 * Return: true if it does.
 */
bool tracking_is_for(const char *note, const char *path)
{
	size_t len = strlen(WORD);

	return !strncmp(note, WORD, len) &&
	       !strncmp(note + len, path, strlen(path)) &&
	       note[len + strlen(path)] == '\n';
}

/* An image that was removed tracks nothing. */
static bool is_of_none(const char *note)
{
	struct stat st;

	return !strncmp(note, WORD, strlen(WORD)) &&
	       lstat(note + strlen(WORD), &st) && errno == ENOENT;
}

static enum status refuse_tracked(const struct target *target, const char *note)
{
	pid_t pid = target->pid;

	if (!strncmp(note, WORD, strlen(WORD)))
		return complain(STATUS_REFUSED,
				"%d: tracked by another image, which would miss pages acknowledged here; to end that and keep the image: dirtyckpt untrack %s",
				pid, note + strlen(WORD));
	return complain(STATUS_REFUSED,
			"%d: tracked by %s, which would miss pages acknowledged here; end that, or remove /run/lock/dirty_pages.%d.%"
			PRIu64,
			pid, note, pid, target->start_time);
}

/**
 * tracking_begin() - lock a process against other trackers
 * @target: the process
 * @image: the image that is to track it
 * @note: set to the last note of tracking_note() for this image, or ""
 * @size: size of @note
 * @insist: fail if another image or program tracks the process
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status tracking_begin(struct target *target, const struct image *image,
			   char *note, size_t size, bool insist)
{
	pid_t pid = target->pid;
	int error = dirtypages_track(&target->tracker, pid, target->start_time);
	char path[PATH_MAX];

	snprintf(note, size, "%s",
		 error ? "" : dirtypages_tracker_note(target->tracker));
	if (error && !insist)
		return STATUS_OK;
	if (error == -EBUSY)
		return complain(STATUS_REFUSED,
				"%d: another program is acknowledging its pages; only one tracker per process",
				pid);
	if (error == -EPERM)
		return complain(STATUS_OTHER,
				"/run/lock/dirty_pages.%d.%" PRIu64
				": belongs to another user; remove it",
				pid, target->start_time);
	if (error)
		return complain(STATUS_OTHER,
				"/run/lock/dirty_pages.%d.%" PRIu64 ": cannot be locked: %s",
				pid, target->start_time, strerror(-error));
	if (!realpath(image->path, path))
		return complain(STATUS_OTHER, "%s: %s", image->path,
				strerror(errno));
	if (!*note || tracking_is_for(note, path))
		return STATUS_OK;
	note[strcspn(note, "\n")] = '\0';
	if (!insist || is_of_none(note)) {
		*note = '\0';
		return STATUS_OK;
	}
	return refuse_tracked(target, note);
}

/**
 * tracking_note() - note that an image tracks the process
 * @target: the process, locked by tracking_begin()
 * @image: the image
 * @base: base of its generations
 * @number: number of the generation that is about to be acknowledged
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status tracking_note(const struct target *target,
			  const struct image *image, const char *base,
			  unsigned long number)
{
	char path[PATH_MAX], note[PATH_MAX + 100];
	int error;

	if (!realpath(image->path, path))
		return complain(STATUS_OTHER, "%s: %s", image->path,
				strerror(errno));
	snprintf(note, sizeof(note), WORD "%s\n%s %lu\n", path, base,
		 number);
	error = dirtypages_tracker_set_note(target->tracker, note);
	if (error)
		return complain(STATUS_OTHER,
				"/run/lock/dirty_pages.%d.%" PRIu64
				": %s; nothing was acknowledged",
				target->pid, target->start_time,
				strerror(-error));
	return STATUS_OK;
}

/**
 * tracking_note_export() - note that a parent image has the acknowledged pages
 * @target: the process, locked by tracking_begin()
 * @note: set by tracking_begin()
 * @path: path of the parent image, from realpath()
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status tracking_note_export(const struct target *target, const char *note,
				 const char *path)
{
	const char *earlier = tracking_export(note);
	int len = earlier ? earlier - strlen(EXPORTED) - note : (int)strlen(note);
	char text[NOTE_BYTES];
	int error;

	snprintf(text, sizeof(text), "%.*s" EXPORTED "%s\n", len, note, path);
	error = dirtypages_tracker_set_note(target->tracker, text);
	if (error)
		return complain(STATUS_OTHER,
				"/run/lock/dirty_pages.%d.%" PRIu64 ": %s; nothing was exported",
				target->pid, target->start_time, strerror(-error));
	return STATUS_OK;
}

/**
 * tracking_export() - find the path of a parent image in a note
 * @note: set by tracking_begin()
 *
 * Return: the path, which ends with the line; or NULL if there is none.
 */
const char *tracking_export(const char *note)
{
	const char *line = strstr(note, "\n" EXPORTED);

	return line ? line + strlen("\n" EXPORTED) : NULL;
}

static bool is_noted(const char *note, const char *base, unsigned long number)
{
	const char *line = strchr(note, '\n');
	unsigned long noted;
	char word[33];

	return line && sscanf(line + 1, "%32s %lu", word, &noted) == 2 &&
	       noted == number && !strcmp(word, base);
}

/**
 * tracking_is_seamless() - are all acknowledged pages in an image?
 * @note: set by tracking_begin()
 * @last: the last generation of the image
 * @record: filled in by record_read(); emptied if it was left by a complete
 *	generation
 *
 * Return: true if all acknowledged pages are in @last, in generations that it
 * builds on, or on record.
 */
bool tracking_is_seamless(const char *note, const struct generation *last,
			  struct record *record)
{
	bool noted = is_noted(note, last->base, last->number);

	if (record->number == last->number + 1 &&
	    !strcmp(record->base, last->base))
		return noted || is_noted(note, last->base, record->number);
	spans_free(&record->spans);
	return noted;
}
