// SPDX-License-Identifier: GPL-2.0
/*
 * The folder of a process: who may use it, which generations it has, and the
 * record of what is still to be copied.
 *
 * All files are opened relative to the folder and by names without a slash, and
 * never through a symbolic link. Nor does anything wait for a pipe in their place.
 */
#define _GNU_SOURCE
#include "image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD		"todo"
#define RECORD_DRAFT	"todo.new"

/**
 * fail_to_write() - say why something in the folder could not be written
 * @image: the folder
 * @name: of what is in it
 * @error: why, an errno
 *
 * Return: what the program is to end with.
 */
enum status fail_to_write(const struct image *image, const char *name,
			  int error)
{
	const char *remedy = "";

	if (error == ENOSPC || error == EDQUOT)
		remedy = "; make room and save again: what is there is whole, the rest on record";
	else if (error == EROFS || error == EACCES || error == EPERM)
		remedy = "; take a folder that can be written";
	return complain(STATUS_OTHER, "%s/%s: %s%s", image->path, name,
			strerror(error), remedy);
}

/* On disk, like all that will be in it */
static enum status make_folder(const struct image *image)
{
	enum status status = STATUS_OK;
	char *path;
	int fd;

	if (mkdir(image->path, 0700)) {
		if (errno == EEXIST)
			return STATUS_OK;
		return complain(STATUS_OTHER, "%s: %s; its parent has to be there and writable",
				image->path, strerror(errno));
	}
	path = strdup(image->path);
	if (!path)
		return complain(STATUS_OTHER, "not enough memory");
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
				"%s: is a symbolic link, which is not followed; name the folder itself",
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
				"%s: another dirtyckpt is at work there; wait until it is done",
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

/* Return true for files of a first save that did not complete, and of file systems. */
static bool is_of_folder(const char *name)
{
	return !strcmp(name, DRAFT) || !strcmp(name, RECORD) ||
	       !strcmp(name, RECORD_DRAFT) || *name == '.' ||
	       !strcmp(name, "lost+found");
}

/* Look for a file that is not known. Return true, and its name, if there is one. */
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

/* A save removes the folder of a draft, so it must not be a folder of the user's. */
static enum status refuse_others(const struct image *image)
{
	char name[NAME_MAX + 1];

	if (image->count ||
	    (!has_others(image->fd, ".", is_of_folder, name) &&
	     !has_others(image->fd, DRAFT, is_of_generation, name)))
		return STATUS_OK;
	return complain(STATUS_REFUSED,
			"%s: is no image and holds other files, as %s; take a new or an empty folder",
			image->path, name);
}

/**
 * image_open() - open the folder of a process
 * @image: filled in; to be closed by image_close(), also on failure
 * @path: its name
 * @access: what for; nobody else writes, or, when writing, uses it meanwhile,
 *	unless it is only to be listed
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status image_open(struct image *image, const char *path,
		       enum access access)
{
	enum status status;

	*image = (struct image){ .path = strdup(path), .fd = -1 };
	if (!image->path)
		return complain(STATUS_OTHER, "not enough memory");
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
 * complain_no_image() - say that a folder has no generations
 * @image: the folder
 *
 * Return: what the program is to end with.
 */
enum status complain_no_image(const struct image *image)
{
	return complain(STATUS_OTHER,
			"%s: there is no image; name the folder of one, which 'dirtyckpt save' makes",
			image->path);
}

/**
 * image_close() - let go of a folder
 * @image: as image_open() filled it in
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
 * generation_name() - how the folder of a generation is called
 * @name: filled in
 * @number: of the generation
 */
void generation_name(char name[24], unsigned long number)
{
	snprintf(name, 24, "%06lu", number);
}

static char *record_text(const struct record *record, size_t *size)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, size);

	if (!f)
		exit(complain(STATUS_OTHER, "not enough memory"));
	fprintf(f, "dirtyckpt-todo %lu %s\n", record->number, record->base);
	for (size_t i = 0; i < record->spans.count; i++)
		fprintf(f, "%08" PRIx64 "-%08" PRIx64 "\n",
			record->spans.spans[i].start,
			record->spans.spans[i].end);
	seal_text(f, &text, size);
	return text;
}

/**
 * record_write() - put on record what is about to be acknowledged
 * @image: the folder
 * @record: what
 *
 * When this returns, the record survives whatever happens to this process.
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status record_write(const struct image *image, const struct record *record)
{
	size_t size;
	char *text = record_text(record, &size);
	int error;

	unlinkat(image->fd, RECORD_DRAFT, 0);
	error = write_file(image->fd, RECORD_DRAFT, text, size);
	free(text);
	if (!error &&
	    (renameat(image->fd, RECORD_DRAFT, image->fd, RECORD) ||
	     fsync(image->fd)))
		error = errno;
	if (!error)
		return STATUS_OK;
	unlinkat(image->fd, RECORD_DRAFT, 0);
	return fail_to_write(image, RECORD, error);
}

static bool parse_record(struct record *record, char *text, size_t size)
{
	uint64_t last_end = 0;
	char *last = sealed_end(text, size), *line;

	if (!last ||
	    sscanf(text, "dirtyckpt-todo %lu %32s", &record->number,
		   record->base) != 2)
		return false;
	for (line = strchr(text, '\n') + 1; line < last;
	     line = strchr(line, '\n') + 1) {
		uint64_t start, end;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2 ||
		    start < last_end || start >= end ||
		    (start | end) % PAGE_BYTES)
			return false;
		last_end = end;
		spans_add(&record->spans, start, end);
	}
	return true;
}

/**
 * record_read() - what was acknowledged, and perhaps not copied?
 * @image: the folder
 * @record: filled in; its number is 0 if there is none
 *
 * Return: STATUS_OK; STATUS_DAMAGED if it cannot be relied on; or what else the
 * program is to end with.
 */
enum status record_read(const struct image *image, struct record *record)
{
	int fd = openat(image->fd, RECORD,
			O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	bool good;

	*record = (struct record){ 0 };
	if (fd == -1 && errno == ENOENT)
		return STATUS_OK;
	if (fd == -1 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		int error = fd == -1 ? errno : EINVAL;

		if (fd != -1)
			close(fd);
		return complain(STATUS_OTHER, "%s/%s: %s", image->path, RECORD,
				strerror(error));
	}
	text = grow(NULL, st.st_size + 1, 1);
	good = pread(fd, text, st.st_size, 0) == st.st_size;
	close(fd);
	text[st.st_size] = '\0';
	if (good)
		good = parse_record(record, text, st.st_size);
	free(text);
	if (good)
		return STATUS_OK;
	spans_free(&record->spans);
	return complain(STATUS_DAMAGED, "%s/%s: damaged", image->path, RECORD);
}

/**
 * record_remove() - all that is on record has been copied
 * @image: the folder
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status record_remove(const struct image *image)
{
	if (unlinkat(image->fd, RECORD, 0) && errno != ENOENT)
		return fail_to_write(image, RECORD, errno);
	return STATUS_OK;
}

/**
 * image_remove() - remove a folder with files from the folder
 * @image: that one
 * @name: what to remove
 *
 * Return: STATUS_OK, also if there is none; or what the program is to end with.
 */
enum status image_remove(const struct image *image, const char *name)
{
	DIR *dir = open_dir(image->fd, name);
	struct dirent *entry;

	if (!dir && errno == ENOENT)
		return STATUS_OK;
	/* A link or a file in its place goes as well, not what it points to. */
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
