// SPDX-License-Identifier: GPL-2.0
/*
 * Files that a user names for output. A regular file is replaced by rename, so
 * readers see either the old or the new file, never a partial one. Other files,
 * such as devices and pipes, are opened and written.
 *
 * Other users may plant links where root writes. So a symbolic link is followed
 * only if the link and its folder belong to root or to the caller. Links in
 * /proc/<pid>/fd are open files rather than names; they are opened.
 */
#define _GNU_SOURCE
#include "common/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MAX_LINKS = 40, MAX_TRIES = 100 };

static bool is_trusted(uid_t uid)
{
	return !uid || uid == geteuid();
}

/* Open the folder of a path, relative to another folder, and find the last name. */
static int open_folder(int from, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	int fd;

	*name = slash ? slash + 1 : path;
	if (slash && (size_t)(slash - path) + 1 >= sizeof(folder))
		return -ENAMETOOLONG;
	if (slash)
		*stpncpy(folder, path, slash - path + 1) = '\0';
	fd = openat(from, folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd == -1 ? -errno : fd;
}

/* Read a symbolic link. Return a negative errno if it must not be followed. */
static int follow(int folder, const char *name, const struct stat *link,
		  char target[PATH_MAX])
{
	struct stat st;
	ssize_t len;

	if (fstat(folder, &st))
		return -errno;
	if (!is_trusted(link->st_uid) || !is_trusted(st.st_uid))
		return -ELOOP;
	len = readlinkat(folder, name, target, PATH_MAX - 1);
	if (len == -1)
		return -errno;
	target[len] = '\0';
	return 0;
}

static bool is_open_file(int folder)
{
	struct statfs fs;

	return !fstatfs(folder, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

static int open_as_it_is(struct output_file *output, const char *name, int flags)
{
	output->fd = openat(output->folder, name,
			    O_WRONLY | O_NOCTTY | O_CLOEXEC | flags);
	return output->fd == -1 ? -errno : 0;
}

static int open_temporary(struct output_file *output, const char *name)
{
	int error = 0;

	output->name = strdup(name);
	for (int i = 0; output->name && i < MAX_TRIES; i++) {
		if (asprintf(&output->temporary, "%.200s.%d.%d~", name, getpid(),
			     i) == -1) {
			output->temporary = NULL;
			break;
		}
		output->fd = openat(output->folder, output->temporary,
				    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (output->fd != -1)
			return 0;
		error = errno;
		free(output->temporary);
		output->temporary = NULL;
		if (error != EEXIST)
			return -error;
	}
	return error ? -error : -ENOMEM;
}

static mode_t default_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

/* The owner of a named pipe reads the output. */
static int refuse_foreign_pipe(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	return S_ISFIFO(st.st_mode) && !is_trusted(st.st_uid) ? -EPERM : 0;
}

/* Open a name that is not a symbolic link, or is one to an open file. */
static int open_name(struct output_file *output, const char *name,
		     const struct stat *st)
{
	if (S_ISLNK(st->st_mode))
		return open_as_it_is(output, name, O_APPEND);
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (!S_ISREG(st->st_mode)) {
		int error = open_as_it_is(output, name, O_NOFOLLOW);

		return error ? error : refuse_foreign_pipe(output->fd);
	}
	output->mode = st->st_mode & 0777;
	output->uid = st->st_uid;
	output->gid = st->st_gid;
	return open_temporary(output, name);
}

static int open_through_links(struct output_file *output, const char *path)
{
	char target[PATH_MAX];
	const char *name;
	struct stat st;

	for (int i = 0; i < MAX_LINKS; i++) {
		int error, folder = open_folder(output->folder, path, &name);

		if (folder < 0)
			return folder;
		if (output->folder != AT_FDCWD)
			close(output->folder);
		output->folder = folder;
		if (!*name)
			return -EISDIR;
		if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW)) {
			output->mode = default_mode();
			return errno == ENOENT ? open_temporary(output, name) :
						 -errno;
		}
		if (!S_ISLNK(st.st_mode) || is_open_file(folder))
			return open_name(output, name, &st);
		error = follow(folder, name, &st, target);
		if (error)
			return error;
		path = target;
	}
	return -ELOOP;
}

/**
 * output_open() - open a file that the user named for output
 * @output: filled in; end with output_commit() or output_abandon() unless this
 *	fails
 * @path: its name
 *
 * If the file is regular or new, @output is a temporary file beside it until
 * output_commit(), and seekable. A uid or gid of -1 is that of the caller.
 *
 * Return: 0 or a negative errno, which output_error() explains.
 */
int output_open(struct output_file *output, const char *path)
{
	int error;

	*output = (struct output_file){
		.fd = -1,
		.folder = AT_FDCWD,
		.uid = -1,
		.gid = -1,
	};
	error = open_through_links(output, path);
	if (error)
		output_abandon(output);
	return error;
}

/**
 * write_fully() - write data, continuing after partial writes
 * @fd: the descriptor
 * @data: the data
 * @size: its size in bytes
 *
 * Return: 0 or a negative errno.
 */
int write_fully(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t done = write(fd, p, size);

		if (done == -1 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? -errno : -EIO;
		p += done;
		size -= done;
	}
	return 0;
}

/* Give the temporary file the owner, the mode and the name of the file. */
static int put_in_place(const struct output_file *output)
{
	struct stat st;

	if (fstat(output->fd, &st))
		return -errno;
	if (output->uid != (uid_t)-1 &&
	    (st.st_uid != output->uid || st.st_gid != output->gid) &&
	    fchown(output->fd, output->uid, output->gid))
		return -errno;
	if (fchmod(output->fd, output->mode) || fsync(output->fd) ||
	    renameat(output->folder, output->temporary, output->folder,
		     output->name))
		return -errno;
	return 0;
}

static void free_output(struct output_file *output)
{
	if (output->folder != AT_FDCWD)
		close(output->folder);
	free(output->name);
	free(output->temporary);
	*output = (struct output_file){ .fd = -1, .folder = AT_FDCWD };
}

/**
 * output_commit() - replace the file by the temporary one, and close it
 * @output: from output_open()
 *
 * Return: 0, or a negative errno, which leaves a regular file unchanged.
 */
int output_commit(struct output_file *output)
{
	int error = output->temporary ? put_in_place(output) : 0;

	if (error) {
		output_abandon(output);
		return error;
	}
	if (close(output->fd))
		error = -errno;
	free_output(output);
	return error;
}

/**
 * output_abandon() - close the file, and leave a regular file unchanged
 * @output: from output_open()
 */
void output_abandon(struct output_file *output)
{
	if (output->fd != -1)
		close(output->fd);
	if (output->temporary)
		unlinkat(output->folder, output->temporary, 0);
	free_output(output);
}

/**
 * output_error() - explain why a file cannot be written
 * @error: the negative errno of one of the functions above
 *
 * Return: a phrase in static storage.
 */
const char *output_error(int error)
{
	if (error == -ELOOP)
		return "the symbolic link or its folder belongs to another user; "
		       "name the target instead";
	return strerror(-error);
}
