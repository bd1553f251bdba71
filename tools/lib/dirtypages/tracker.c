// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * One tracker per process. Soft-dirty is one bit per page, so a page that one
 * program acknowledges looks clean to all others. A program that acknowledges
 * therefore locks a file named after the PID and start time of the process. The
 * contents of the file name the tracker that continues after the lock is
 * released; an empty file is removed. Files of exited processes are stale, and
 * are removed when a file for another process is created.
 */
#define _GNU_SOURCE
#include "internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define FOLDER	"/run/lock"
#define NAME	"dirty_pages.%d.%"

/**
 * struct dirtypages_tracker - the lock of a process
 * @fd: the lock file
 * @owner: the process that has locked it: a child has a copy of the descriptor
 * @path: its path
 * @note: its contents when it was locked
 */
struct dirtypages_tracker {
	int fd;
	pid_t owner;
	char path[80];
	char note[8192];
};

/* Anyone can create files in /run/lock: follow no link, wait for no pipe. */
enum { SAFELY = O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC };

static bool is_of_ended(const char *name)
{
	struct dirtypages_process *process;
	uint64_t start_time;
	int pid, error, len = 0;
	bool ended;

	if (sscanf(name, NAME SCNu64 "%n", &pid, &start_time, &len) != 2 || name[len])
		return false;
	error = dirtypages_process_open(&process, pid);
	if (error)
		return error == -ESRCH;
	ended = dirtypages_process_start_time(process) != start_time;
	dirtypages_process_close(process);
	return ended;
}

/*
 * Remove stale files that nobody has locked. A tracker that has just opened such a
 * file finds its link count 0, and retries. If the process is only hidden, its
 * tracker loses the file and has to begin anew; no write is lost.
 */
static void remove_ended(void)
{
	DIR *dir = opendir(FOLDER);
	struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		int fd = is_of_ended(entry->d_name) ?
			 openat(dirfd(dir), entry->d_name, O_RDONLY | SAFELY) : -1;

		if (fd == -1)
			continue;
		if (!flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, &st) && st.st_nlink)
			unlinkat(dirfd(dir), entry->d_name, 0);
		close(fd);
	}
	if (dir)
		closedir(dir);
}

/* With O_CREAT, opening another user's file may fail in /run/lock: try without. */
static int open_lock(const char *path)
{
	int fd;

	do {
		fd = open(path, O_RDWR | SAFELY);
		if (fd == -1 && errno == EACCES)
			fd = open(path, O_RDONLY | SAFELY);
		if (fd == -1 && errno == ENOENT) {
			remove_ended();
			fd = open(path, O_RDWR | O_CREAT | O_EXCL | SAFELY, 0644);
		}
	} while (fd == -1 && errno == EEXIST);
	return fd == -1 ? -errno : fd;
}

/*
 * The owner of the file can change the note unseen, and the tracker that it names would
 * miss pages: accept only a file of root, of the caller, or of the owner of the process.
 */
static bool is_trusted(const struct stat *st, pid_t pid)
{
	struct stat process;
	char path[32];

	if (!st->st_uid || st->st_uid == geteuid())
		return true;
	snprintf(path, sizeof(path), "/proc/%d", pid);
	return stat(path, &process) ? errno == ENOENT : st->st_uid == process.st_uid;
}

static int lock_opened(int fd, struct stat *st, pid_t pid)
{
	if (fstat(fd, st))
		return -errno;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	if (!is_trusted(st, pid))
		return -EPERM;
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return fstat(fd, st) ? -errno : 0;
}

/* Lock the file, and read its note. Return 0 or a negative errno. */
static int lock_file(struct dirtypages_tracker *tracker, pid_t pid)
{
	struct stat st;
	ssize_t len;
	int error;

	do {
		tracker->fd = open_lock(tracker->path);
		if (tracker->fd < 0)
			return tracker->fd;
		error = lock_opened(tracker->fd, &st, pid);
		if (error) {
			close(tracker->fd);
			return error;
		}
		/* Removed by its last holder? Then there may be another file. */
		if (!st.st_nlink)
			close(tracker->fd);
	} while (!st.st_nlink);
	len = pread(tracker->fd, tracker->note, sizeof(tracker->note) - 1, 0);
	tracker->note[len > 0 ? len : 0] = '\0';
	return 0;
}

/**
 * dirtypages_track() - become the only program that acknowledges pages of a process
 * @tracker: set to the right to do so, NULL on error; end with dirtypages_untrack()
 * @pid: PID of the process, which may have exited
 * @start_time: its start time, from dirtypages_process_start_time()
 *
 * Return: 0; -EBUSY if another program, or another tracker of this one, has the
 * right; another negative errno.
 */
int dirtypages_track(struct dirtypages_tracker **tracker, pid_t pid,
		     uint64_t start_time)
{
	int error;

	*tracker = malloc(sizeof(**tracker));
	if (!*tracker)
		return -ENOMEM;
	(*tracker)->owner = getpid();
	snprintf((*tracker)->path, sizeof((*tracker)->path), FOLDER "/" NAME PRIu64,
		 pid, start_time);
	error = lock_file(*tracker, pid);
	if (error) {
		free(*tracker);
		*tracker = NULL;
	}
	return error;
}

/**
 * dirtypages_tracker_note() - get the note that an earlier tracker left
 * @tracker: from dirtypages_track()
 *
 * Return: at most 8191 bytes of the note, "" if no tracker continues.
 */
const char *dirtypages_tracker_note(const struct dirtypages_tracker *tracker)
{
	return tracker->note;
}

/**
 * dirtypages_tracker_set_note() - leave a note for the next tracker
 * @tracker: from dirtypages_track()
 * @note: the first line names the program that continues to track the process after
 *	dirtypages_untrack(); "" if none does
 *
 * dirtypages_tracker_note() still returns the note of the earlier tracker.
 *
 * Return: 0, or a negative errno: -ESTALE if the lock file was removed or replaced.
 */
int dirtypages_tracker_set_note(struct dirtypages_tracker *tracker,
				const char *note)
{
	const ssize_t len = strlen(note);
	struct stat locked, st;
	int fd, error = 0;

	fd = open(tracker->path, O_WRONLY | SAFELY);
	if (fd == -1)
		return -errno;
	/* If the file was removed or replaced, the lock is no longer ours. */
	if (fstat(tracker->fd, &locked) || fstat(fd, &st) ||
	    st.st_dev != locked.st_dev || st.st_ino != locked.st_ino) {
		close(fd);
		return -ESTALE;
	}
	errno = ENOSPC;
	if (pwrite(fd, note, len, 0) != len || ftruncate(fd, len))
		error = -errno;
	close(fd);
	return error;
}

/**
 * dirtypages_untrack() - give the right back
 * @tracker: from dirtypages_track(), or NULL
 *
 * In a child of the process that has the right, this only frees the memory.
 */
void dirtypages_untrack(struct dirtypages_tracker *tracker)
{
	struct stat st;

	if (!tracker)
		return;
	if (tracker->owner == getpid()) {
		/* If the file was removed, its name may now be another tracker's. */
		if (!fstat(tracker->fd, &st) && !st.st_size && st.st_nlink)
			unlink(tracker->path);
		/* A child would still hold the lock after close(). */
		flock(tracker->fd, LOCK_UN);
	}
	close(tracker->fd);
	free(tracker);
}
