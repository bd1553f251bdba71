// SPDX-License-Identifier: GPL-2.0
/*
 * The untrack command: end the tracking of a process, running or not, so that
 * another image can track it.
 *
 * The image stays. But others may acknowledge pages from now on. A later save
 * into the image finds no note for it, and starts over with all pages.
 */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "image/generation.h"
#include "tracking.h"

#define FOLDER	"/run/lock"

/*
 * Anybody can create a FIFO or a link in this folder. Do not block, do not
 * follow.
 */
static bool is_noted_in(int folder, const char *name, const char *path)
{
	int fd = openat(folder, name,
			O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	char note[PATH_MAX + 100];
	ssize_t len;

	if (fd == -1)
		return false;
	len = pread(fd, note, sizeof(note) - 1, 0);
	close(fd);
	note[len > 0 ? len : 0] = '\0';
	return tracking_is_for(note, path);
}

/* A process that the image tracks; it may have exited. */
struct tracked {
	pid_t pid;
	uint64_t start_time;
};

/*
 * Find the next process that the image tracks. Return false if there is none.
 */
static bool next_tracked(DIR *dir, const char *path, struct tracked *process)
{
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		int pid, len = 0;
		uint64_t start_time;

		if (sscanf(entry->d_name, "dirty_pages.%d.%" SCNu64 "%n", &pid,
			   &start_time, &len) != 2 || entry->d_name[len] ||
		    !is_noted_in(dirfd(dir), entry->d_name, path))
			continue;
		*process = (struct tracked){ pid, start_time };
		return true;
	}
	return false;
}

static enum status fail_to_end(const struct tracked *process, int error)
{
	if (error == EBUSY)
		return complain(STATUS_REFUSED,
				"%d: another program is acknowledging its pages; try again",
				process->pid);
	if (error == EACCES)
		return complain(STATUS_NOT_PERMITTED, FOLDER "/dirty_pages.%d.%" PRIu64
				": %s; only the owner of this file or root can end the tracking",
				process->pid, process->start_time, strerror(error));
	return complain(STATUS_OTHER, FOLDER "/dirty_pages.%d.%" PRIu64 ": %s",
			process->pid, process->start_time, strerror(error));
}

/*
 * Read the note again under the lock: another image may track the process by
 * now.
 */
static enum status end_tracking(const struct tracked *process, const char *path,
				bool quiet, size_t *count)
{
	struct dirtypages_tracker *tracker;
	int error = dirtypages_track(&tracker, process->pid, process->start_time);

	if (error == -EPERM) {
		warning(FOLDER "/dirty_pages.%d.%" PRIu64
			": belongs to another user, and is ignored",
			process->pid, process->start_time);
		return STATUS_OK;
	}
	if (error)
		return fail_to_end(process, -error);
	if (tracking_is_for(dirtypages_tracker_note(tracker), path))
		error = dirtypages_tracker_set_note(tracker, "");
	dirtypages_untrack(tracker);
	if (error)
		return fail_to_end(process, -error);
	++*count;
	if (!quiet)
		printf("%d is no longer tracked; the image is unchanged\n", process->pid);
	return STATUS_OK;
}

/*
 * An image may have tracked several processes in turn, and has a note for each.
 */
static enum status end_all(const struct control *ctl, const struct image *image,
			   size_t *count)
{
	enum status status = STATUS_OK;
	struct tracked process;
	char path[PATH_MAX];
	DIR *dir;

	if (!realpath(image->path, path))
		return complain(STATUS_OTHER, "%s: %s", image->path,
				strerror(errno));
	dir = opendir(FOLDER);
	if (!dir)
		return complain(STATUS_OTHER, FOLDER ": %s", strerror(errno));
	while (next_tracked(dir, path, &process)) {
		enum status one = end_tracking(&process, path, ctl->quiet, count);

		status = status ? status : one;
	}
	closedir(dir);
	return status;
}

/**
 * cmd_untrack() - run the command
 * @ctl: the command line
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status cmd_untrack(const struct control *ctl)
{
	enum status status;
	struct image image;
	size_t count = 0;

	status = image_open(&image, ctl->dir, ACCESS_WRITE);
	if (!status)
		status = image_is_known(&image);
	if (!status)
		status = end_all(ctl, &image, &count);
	if (!status && !count && !image.count)
		status = complain_no_image(&image);
	if (!status && !count)
		status = image_has_one(&image);
	/* The next generation has all pages, including the recorded ones. */
	if (!status)
		status = record_remove(&image);
	if (!status && !count && !ctl->quiet) {
		put_escaped(stdout, image.path);
		puts(" tracks no process");
	}
	image_close(&image);
	return status;
}
