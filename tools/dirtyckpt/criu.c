// SPDX-License-Identifier: GPL-2.0
/*
 * Write a parent image of CRIU, which 'criu dump --prev-images-dir' takes the
 * contents of unwritten pages from. CRIU reads three of its files:
 *
 *   inventory.img    format, and a time that tells processes with the same PID
 *                    apart
 *   pagemap-PID.img  ranges of pages, ascending; PID is that of the innermost
 *                    PID namespace
 *   pages-1.img      their contents, one after the other
 *
 * The first two consist of magic numbers, and messages that follow their sizes.
 * All files are written into a temporary folder, which is renamed at the end.
 */
#define _GNU_SOURCE
#include "criu.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "criu.pb-c.h"
#include "image/files.h"
#include "image/pages.h"

#define COMMON_MAGIC	0x54564319
#define INVENTORY_MAGIC	0x58313116
#define PAGEMAP_MAGIC	0x56084025

enum {
	FORMAT_VERSION	= 2,	/* files other than the inventory begin with COMMON_MAGIC */
	PAGES_ID	= 1,
	PAGE_PRESENT	= 4,	/* the contents are in this image */
};

#define INVENTORY_NAME	"inventory.img"
#define PAGES_NAME	"pages-1.img"
#define SUFFIX		".XXXXXX"

static enum status fail(const struct criu *criu, int error)
{
	return complain(STATUS_OTHER, "%s: %s", criu->path, strerror(error));
}

/**
 * criu_begin() - create a folder for the files
 * @criu: filled in; to be freed by criu_drop(), also on failure
 * @path: path of the image, which must not exist
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status criu_begin(struct criu *criu, const char *path)
{
	struct stat st;

	criu->path = path;
	if (!lstat(path, &st))
		return complain(STATUS_REFUSED,
				"%s: exists; use the name of a new folder", path);
	criu->temporary = text_of("%s" SUFFIX, path);
	/* With mode 0700 */
	if (!mkdtemp(criu->temporary)) {
		int error = errno;

		free(criu->temporary);
		criu->temporary = NULL;
		return complain(STATUS_OTHER, "%s: %s; its parent must exist and be writable",
				path, strerror(error));
	}
	criu->fd = open(criu->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (criu->fd != -1)
		criu->pages = openat(criu->fd, PAGES_NAME,
				     O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return criu->pages == -1 ? fail(criu, errno) : STATUS_OK;
}

static void put_number(FILE *f, uint32_t number)
{
	fwrite(&number, sizeof(number), 1, f);
}

static void put_message(FILE *f, const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	void *data = grow(NULL, size, 1);

	protobuf_c_message_pack(message, data);
	put_number(f, size);
	fwrite(data, size, 1, f);
	free(data);
}

/* Create a file with the text of a memory stream, which is closed. */
static enum status put_file(const struct criu *criu, const char *name, FILE *f,
			    char **text, size_t *size)
{
	int error;

	if (fclose(f))
		die(STATUS_OTHER, "not enough memory");
	error = write_file(criu->fd, name, *text, *size);
	free(*text);
	return error ? fail(criu, error) : STATUS_OK;
}

/**
 * criu_inventory() - write the inventory
 * @criu: from criu_begin()
 * @start_time: start time of the process, in clock ticks since boot
 *
 * CRIU takes a process for another one with the same PID if it did not start
 * before the uptime in the inventory. One tick after its start is before the
 * start of any other process with that PID.
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status criu_inventory(struct criu *criu, uint64_t start_time)
{
	InventoryEntry entry = INVENTORY_ENTRY__INIT;
	char *text;
	size_t size;
	FILE *f = checked(open_memstream(&text, &size));

	entry.img_version = FORMAT_VERSION;
	entry.has_fdinfo_per_id = true;
	entry.fdinfo_per_id = true;
	entry.has_dump_uptime = true;
	entry.dump_uptime = (start_time + 1) * (1000000 / sysconf(_SC_CLK_TCK));
	put_number(f, INVENTORY_MAGIC);
	put_message(f, &entry.base);
	return put_file(criu, INVENTORY_NAME, f, &text, &size);
}

static void put_pages(FILE *f, uint64_t start, uint32_t pages)
{
	PagemapEntry entry = PAGEMAP_ENTRY__INIT;

	entry.vaddr = start;
	entry.nr_pages = pages;
	entry.has_flags = true;
	entry.flags = PAGE_PRESENT;
	put_message(f, &entry.base);
}

/**
 * criu_pagemap() - write the ranges of pages
 * @criu: from criu_begin()
 * @pid: PID of the process in its own PID namespace
 * @pages: the pages; criu_add() gets their contents in this order
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status criu_pagemap(struct criu *criu, pid_t pid, const struct spans *pages)
{
	const uint64_t most = UINT64_C(1) << 30;	/* of an entry, in pages */
	PagemapHead head = PAGEMAP_HEAD__INIT;
	char *text;
	size_t size;
	FILE *f = checked(open_memstream(&text, &size));

	head.pages_id = PAGES_ID;
	put_number(f, COMMON_MAGIC);
	put_number(f, PAGEMAP_MAGIC);
	put_message(f, &head.base);
	for (size_t i = 0; i < pages->count; i++) {
		uint64_t start = pages->spans[i].start;
		uint64_t left = (pages->spans[i].end - start) / PAGE_BYTES;

		for (; left > most; left -= most, start += most * PAGE_BYTES)
			put_pages(f, start, most);
		put_pages(f, start, left);
	}
	snprintf(criu->pagemap, sizeof(criu->pagemap), "pagemap-%d.img", pid);
	return put_file(criu, criu->pagemap, f, &text, &size);
}

/**
 * criu_add() - append contents of pages
 * @criu: from criu_begin()
 * @data: the contents
 * @size: their size in bytes, whole pages
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status criu_add(struct criu *criu, const void *data, size_t size)
{
	int error = 0;

	/* Zero-filled pages are holes. */
	for (size_t at = 0; !error && at < size; at += PAGE_BYTES) {
		const char *page = (const char *)data + at;

		if (!is_zero(page, PAGE_BYTES))
			error = write_at(criu->pages, page, PAGE_BYTES,
					 criu->size + at);
	}
	criu->size += size;
	return error ? fail(criu, error) : STATUS_OK;
}

/* Sync the name of the folder. Ignore a parent that cannot be read. */
static void sync_parent(const char *path)
{
	char *copy = checked(strdup(path));
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd != -1) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

/**
 * criu_path() - the absolute path that the folder will have
 * @criu: from criu_begin()
 *
 * Return: the path, to be freed; or NULL, and errno is set.
 */
char *criu_path(const struct criu *criu)
{
	char *path = realpath(criu->temporary, NULL);

	if (path)
		path[strlen(path) - strlen(SUFFIX)] = '\0';
	return path;
}

/**
 * criu_commit() - give the folder its name, when its files are on disk
 * @criu: from criu_begin()
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status criu_commit(struct criu *criu)
{
	if (ftruncate(criu->pages, criu->size) || fsync(criu->pages) ||
	    fsync(criu->fd) || rename(criu->temporary, criu->path))
		return fail(criu, errno);
	free(criu->temporary);
	criu->temporary = NULL;
	sync_parent(criu->path);
	return STATUS_OK;
}

static void remove_files(const struct criu *criu)
{
	const char *const names[] = { INVENTORY_NAME, criu->pagemap, PAGES_NAME };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlinkat(criu->fd, names[i], 0);
}

/**
 * criu_drop() - remove the folder unless it has its name, and free
 * @criu: initialised by CRIU_CLOSED, or by criu_begin()
 */
void criu_drop(struct criu *criu)
{
	if (criu->temporary && criu->fd != -1)
		remove_files(criu);
	if (criu->temporary)
		rmdir(criu->temporary);
	if (criu->pages != -1)
		close(criu->pages);
	if (criu->fd != -1)
		close(criu->fd);
	free(criu->temporary);
}
