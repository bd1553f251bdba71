// SPDX-License-Identifier: GPL-2.0
/*
 * One tracker per process. Soft-dirty is one bit per page, so a page that one
 * program acknowledges looks clean to all others. A program that acknowledges
 * therefore locks a file named after the PID and start time of the process. The
 * contents of the file name the tracker that continues after the lock is
 * released; an empty file is removed. Files of exited processes are stale, and
 * are removed when a file for another process is created.
 */
#define _GNU_SOURCE
#include "dirtypages.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER	"/run/lock"
#define NAME	"dirty_pages.%d.%ju"

/* Anyone can create files in /run/lock: follow no link, wait for no pipe. */
enum { SAFELY = O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC };

static void lock_path(const struct dirty_process *process, char path[80])
{
	snprintf(path, 80, FOLDER "/" NAME, process->pid, process->start_time);
}

static bool is_of_ended(const char *name)
{
	struct dirty_process process;
	uint64_t start_time;
	int pid, error, len = 0;

	if (sscanf(name, NAME "%n", &pid, &start_time, &len) != 2 || name[len])
		return false;
	error = dirty_process_open(&process, pid);
	if (error)
		return error == -ESRCH;
	dirty_process_close(&process);
	return process.start_time != start_time;
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

/**
 * dirty_track() - become the only program that acknowledges pages of a process
 * @process: the process
 * @name: set to the name that a tracker left, empty if there is no tracker
 * @size: size of @name
 *
 * Return: a descriptor for dirty_untrack(); -EBUSY if another program holds the
 * lock; another negative errno.
 */
int dirty_track(const struct dirty_process *process, char *name, size_t size)
{
	struct stat st;
	char path[80];
	ssize_t len;
	int fd;

	lock_path(process, path);
	do {
		fd = open_lock(path);
		if (fd < 0)
			return fd;
		if (flock(fd, LOCK_EX | LOCK_NB) || fstat(fd, &st)) {
			int error = errno == EWOULDBLOCK ? EBUSY : errno;

			close(fd);
			return -error;
		}
		/* Removed by its last holder? Then there may be another file. */
		if (!st.st_nlink)
			close(fd);
	} while (!st.st_nlink);
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	len = pread(fd, name, size - 1, 0);
	name[len > 0 ? len : 0] = '\0';
	return fd;
}

/**
 * dirty_track_on() - name the tracker that continues after dirty_untrack()
 * @process: the process
 * @lock: the result of dirty_track()
 * @name: the name of the tracker, "" for none
 *
 * Return: 0, or a negative errno, and the file is unchanged.
 */
int dirty_track_on(const struct dirty_process *process, int lock,
		   const char *name)
{
	const ssize_t len = strlen(name);
	struct stat locked, st;
	int fd, error = 0;
	char path[80];

	lock_path(process, path);
	fd = open(path, O_WRONLY | SAFELY);
	if (fd == -1)
		return -errno;
	/* If the file was removed or replaced, the lock is no longer ours. */
	if (fstat(lock, &locked) || fstat(fd, &st) ||
	    st.st_dev != locked.st_dev || st.st_ino != locked.st_ino) {
		close(fd);
		return -ESTALE;
	}
	errno = ENOSPC;
	if (pwrite(fd, name, len, 0) != len || ftruncate(fd, len))
		error = -errno;
	close(fd);
	return error;
}

/**
 * dirty_untrack() - release the lock
 * @process: the process
 * @lock: the result of dirty_track()
 */
void dirty_untrack(const struct dirty_process *process, int lock)
{
	struct stat st;
	char path[80];

	lock_path(process, path);
	/* If the file was removed, its name may now be another tracker's. */
	if (!fstat(lock, &st) && !st.st_size && st.st_nlink)
		unlink(path);
	close(lock);
}
