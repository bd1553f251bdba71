// SPDX-License-Identifier: GPL-2.0
/*
 * An image: a folder with the generations of a process, and a lock.
 *
 * Files are opened relative to the folder, by names without a slash, without
 * following symbolic links, and without blocking on a FIFO.
 */
#define _GNU_SOURCE
#include "image/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const part_names[PARTS] = {
	[PART_LISTING] = "listing",
	[PART_MAPS] = "maps",
	[PART_MISSING] = "missing",
	[PART_AUXV] = "auxv",
	[PART_THREADS] = "threads",
	[PART_INDEX] = "index",
	[PART_PAGES] = "pages",
};

/**
 * fail_to_write() - report that something in an image cannot be written
 * @image: the image
 * @name: name of the file or folder in it
 * @error: the errno
 *
 * Return: the exit status.
 */
enum status fail_to_write(const struct image *image, const char *name,
			  int error)
{
	const char *remedy = "";

	if (error == ENOSPC || error == EDQUOT)
		remedy = "; free some space and save again: no pages are lost";
	else if (error == EROFS || error == EACCES || error == EPERM)
		remedy = "; use a writable folder";
	return complain(STATUS_OTHER, "%s/%s: %s%s", image->path, name,
			strerror(error), remedy);
}

/* Create the folder, and sync it to disk. */
static enum status make_folder(const struct image *image)
{
	enum status status = STATUS_OK;
	char *path;
	int fd;

	if (mkdir(image->path, 0700)) {
		if (errno == EEXIST)
			return STATUS_OK;
		return complain(STATUS_OTHER, "%s: %s; its parent must exist and be writable",
				image->path, strerror(errno));
	}
	path = checked(strdup(image->path));
	fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || (fsync(fd) && errno != EINVAL))
		status = complain(STATUS_OTHER, "%s: %s", path, strerror(errno));
	if (fd != -1)
		close(fd);
	free(path);
	return status;
}

static enum status open_folder(struct image *image, enum access access)
{
	enum status status;
	struct stat st;

	status = access == ACCESS_CREATE ? make_folder(image) : STATUS_OK;
	if (status)
		return status;
	image->fd = open(image->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			 O_CLOEXEC);
	if (image->fd == -1 && (errno == ELOOP || errno == ENOTDIR) &&
	    !lstat(image->path, &st) && S_ISLNK(st.st_mode))
		return complain(STATUS_OTHER,
				"%s: is a symbolic link, which is not followed; use the path of the folder itself",
				image->path);
	if (image->fd == -1)
		return complain(STATUS_OTHER, "%s: %s", image->path,
				strerror(errno));
	return STATUS_OK;
}

static enum status lock_folder(const struct image *image, enum access access)
{
	int how = access == ACCESS_READ ? LOCK_SH : LOCK_EX;

	if (access == ACCESS_LIST || !flock(image->fd, how | LOCK_NB))
		return STATUS_OK;
	if (errno == EWOULDBLOCK)
		return complain(STATUS_REFUSED,
				"%s: in use by another dirtyckpt; wait until it is done",
				image->path);
	return complain(STATUS_OTHER, "%s: cannot be locked: %s", image->path,
			strerror(errno));
}

static int compare_numbers(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a;
	unsigned long y = *(const unsigned long *)b;

	return (x > y) - (x < y);
}

static DIR *open_dir(int parent, const char *name)
{
	int fd = openat(parent, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	int error = errno;

	if (!dir && fd != -1)
		close(fd);
	errno = error;
	return dir;
}

static enum status find_generations(struct image *image)
{
	DIR *dir = open_dir(image->fd, ".");
	struct dirent *entry;

	if (!dir)
		return complain(STATUS_OTHER, "%s: %s", image->path,
				strerror(errno));
	while ((entry = readdir(dir))) {
		char name[24], *end;
		unsigned long number = strtoul(entry->d_name, &end, 10);

		if (*end || !number)
			continue;
		generation_name(name, number);
		if (strcmp(name, entry->d_name))
			continue;
		image->numbers = grow(image->numbers, image->count + 1,
				      sizeof(*image->numbers));
		image->numbers[image->count++] = number;
	}
	closedir(dir);
	if (image->count)
		qsort(image->numbers, image->count, sizeof(*image->numbers),
		      compare_numbers);
	return STATUS_OK;
}

/* Return true for files of an incomplete first save, and of file systems. */
static bool is_of_folder(const char *name)
{
	return !strcmp(name, DRAFT) || !strcmp(name, RECORD) ||
	       !strcmp(name, RECORD_DRAFT) || *name == '.' ||
	       !strcmp(name, "lost+found");
}

static bool is_of_generation(const char *name)
{
	for (int part = 0; part < PARTS; part++)
		if (!strcmp(name, part_names[part]))
			return true;
	return !strcmp(name, HEAD);
}

/* Find an unknown file. Return true, and its name, if there is one. */
static bool has_others(int parent, const char *folder,
		       bool (*is_known)(const char *name), char name[NAME_MAX + 1])
{
	DIR *dir = open_dir(parent, folder);
	struct dirent *entry;
	bool found = false;

	while (!found && dir && (entry = readdir(dir))) {
		found = *entry->d_name != '.' && !is_known(entry->d_name);
		snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

/*
 * A save removes the folder of a draft, so do not take a folder of the user for
 * one.
 */
static enum status refuse_others(const struct image *image)
{
	char name[NAME_MAX + 1];

	if (image->count ||
	    (!has_others(image->fd, ".", is_of_folder, name) &&
	     !has_others(image->fd, DRAFT, is_of_generation, name)))
		return STATUS_OK;
	return complain(STATUS_REFUSED,
			"%s: is not an image, and contains other files, for example %s; use a new or an empty folder",
			image->path, name);
}

/**
 * image_open() - open and lock an image
 * @image: filled in; to be closed by image_close(), also on failure
 * @path: its path
 * @access: a writer excludes all others, readers exclude writers, and
 *	ACCESS_LIST takes no lock
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status image_open(struct image *image, const char *path,
		       enum access access)
{
	enum status status;

	*image = (struct image){ .path = checked(strdup(path)), .fd = -1 };
	status = open_folder(image, access);
	if (!status)
		status = lock_folder(image, access);
	if (!status)
		status = find_generations(image);
	if (!status && access == ACCESS_CREATE)
		status = refuse_others(image);
	return status;
}

/**
 * complain_no_image() - report that a folder has no generations
 * @image: the image
 *
 * Return: the exit status.
 */
enum status complain_no_image(const struct image *image)
{
	return complain(STATUS_OTHER,
			"%s: no image there; use a folder made by 'dirtyckpt save'",
			image->path);
}

/**
 * image_close() - close an image
 * @image: filled in by image_open()
 */
void image_close(struct image *image)
{
	if (image->fd != -1)
		close(image->fd);
	free(image->numbers);
	free(image->path);
	*image = (struct image){ .fd = -1 };
}

/**
 * generation_name() - name the folder of a generation
 * @name: filled in
 * @number: number of the generation
 */
void generation_name(char name[24], unsigned long number)
{
	snprintf(name, 24, "%06lu", number);
}

/**
 * image_remove() - remove a folder and its files from an image
 * @image: that one
 * @name: name of the folder
 *
 * Return: STATUS_OK, also if it does not exist; or the exit status.
 */
enum status image_remove(const struct image *image, const char *name)
{
	DIR *dir = open_dir(image->fd, name);
	struct dirent *entry;

	if (!dir && errno == ENOENT)
		return STATUS_OK;
	/*
	 * Remove a link or file in its place, but never the target of a link.
	 */
	if (!dir && (errno == ELOOP || errno == ENOTDIR) &&
	    !unlinkat(image->fd, name, 0))
		return STATUS_OK;
	if (!dir)
		return fail_to_write(image, name, errno);
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	if (unlinkat(image->fd, name, AT_REMOVEDIR))
		return fail_to_write(image, name, errno);
	return STATUS_OK;
}
