// SPDX-License-Identifier: GPL-2.0
/*
 * One tracker a process. Soft-dirty is one bit a page: what one acknowledges,
 * another does not see any more. So whoever acknowledges holds the lock of a
 * file whose name says which process, by number and start time. Its contents
 * say who goes on tracking the process when he lets go of the lock; a file
 * without contents is removed. A file of a process that has ended means nothing,
 * and is removed when one is made for another process.
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

/* Everybody can put things there: nor does anything wait for a pipe. */
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
 * Not those that somebody holds. Whoever opens one and comes too late finds that
 * it has no name any more. One that only seems to be of a process that has ended,
 * as that is hidden, costs its tracker no more than that he begins anew.
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

/* A file that is there is never created: others' files in /run/lock may not be. */
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
 * dirty_track() - become the only one who acknowledges pages of a process
 * @process: that process
 * @who: set to what the one who tracks it has left for others to read
 * @size: room in @who
 *
 * Return: a descriptor for dirty_untrack(), where @who is empty if nobody goes
 * on tracking the process; -EBUSY if somebody tracks it just now; another
 * negative errno.
 */
int dirty_track(const struct dirty_process *process, char *who, size_t size)
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
		/* Removed by who held it before? Then there may be another. */
		if (!st.st_nlink)
			close(fd);
	} while (!st.st_nlink);
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	len = pread(fd, who, size - 1, 0);
	who[len > 0 ? len : 0] = '\0';
	return fd;
}

/**
 * dirty_track_on() - say who goes on tracking the process after dirty_untrack()
 * @process: as given to dirty_track(), and not yet to dirty_untrack()
 * @lock: what dirty_track() returned
 * @who: for others to read, and for himself; "" for nobody
 *
 * Return: 0, or a negative errno, and the file says what it said before.
 */
int dirty_track_on(const struct dirty_process *process, int lock,
		   const char *who)
{
	const ssize_t len = strlen(who);
	struct stat locked, st;
	int fd, error = 0;
	char path[80];

	lock_path(process, path);
	fd = open(path, O_WRONLY | SAFELY);
	if (fd == -1)
		return -errno;
	/* Whoever removed the file took the lock away, perhaps to have it. */
	if (fstat(lock, &locked) || fstat(fd, &st) ||
	    st.st_dev != locked.st_dev || st.st_ino != locked.st_ino) {
		close(fd);
		return -ESTALE;
	}
	errno = ENOSPC;
	if (pwrite(fd, who, len, 0) != len || ftruncate(fd, len))
		error = -errno;
	close(fd);
	return error;
}

/**
 * dirty_untrack() - let others acknowledge
 * @process: as given to dirty_track()
 * @lock: what that returned
 */
void dirty_untrack(const struct dirty_process *process, int lock)
{
	struct stat st;
	char path[80];

	lock_path(process, path);
	/* If it was removed, what has its name by now is another's. */
	if (!fstat(lock, &st) && !st.st_size && st.st_nlink)
		unlink(path);
	close(lock);
}
