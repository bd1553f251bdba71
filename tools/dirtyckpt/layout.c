// SPDX-License-Identifier: GPL-2.0
/* Mappings: are they what they were, and what do they have by themselves? */
#define _GNU_SOURCE
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "procfile.h"

static bool is_same(const struct dirty_mapping *a,
		    const struct dirty_mapping *b)
{
	return !strcmp(a->perms, b->perms) && a->inode == b->inode &&
	       a->major == b->major && a->minor == b->minor &&
	       (!a->inode || a->start - a->offset == b->start - b->offset);
}

/* Mappings may have been merged or split; what counts is what is where. */
static enum status compare_one(const struct dirty_mapping *then,
			       const struct dirty_maps *now)
{
	uint64_t at = then->start;

	while (at < then->end) {
		const struct dirty_mapping *found = dirty_maps_find(now, at);

		if (!found)
			return complain(STATUS_REFUSED,
					"%08" PRIx64 " was mapped (%s %s), and is not any more",
					at, then->perms, then->name);
		if (!is_same(then, found))
			return complain(STATUS_REFUSED,
					"%08" PRIx64 " was mapped as %s %s, and is %s %s by now",
					at, then->perms, then->name,
					found->perms, found->name);
		at = found->end;
	}
	return STATUS_OK;
}

static struct spans mapped(const struct dirty_maps *maps)
{
	struct spans set = { 0 };

	for (size_t i = 0; i < maps->count; i++)
		spans_add(&set, maps->mappings[i].start, maps->mappings[i].end);
	return set;
}

/**
 * layout_compare() - are all mappings still there?
 * @then: those that there were
 * @now: those that there are
 * @added: set to addresses that were not mapped, to be freed
 *
 * A stack may have grown: that is no addition, as it did so by itself and would
 * again.
 *
 * Return: STATUS_OK; STATUS_REFUSED if one has gone or is another one.
 */
enum status layout_compare(const struct dirty_maps *then,
			   const struct dirty_maps *now, struct spans *added)
{
	struct spans before = { 0 }, after = { 0 }, all;

	*added = (struct spans){ 0 };
	for (size_t i = 0; i < then->count; i++) {
		enum status status = compare_one(&then->mappings[i], now);

		if (status)
			return status;
	}
	before = mapped(then);
	after = mapped(now);
	all = spans_subtract(&after, &before);
	for (size_t i = 0; i < all.count; i++) {
		uint64_t end = all.spans[i].end;
		const struct dirty_mapping *last = dirty_maps_find(now, end - 1);

		/* What lies below a stack is none of it. */
		if (!strcmp(last->name, "[stack]"))
			end = last->start;
		spans_add(added, all.spans[i].start, end);
	}
	spans_free(&before);
	spans_free(&after);
	spans_free(&all);
	return STATUS_OK;
}

/* Or /dev/zero. Opening a device can have effects; with another opening goes other memory. */
static bool is_plain(const struct stat *st)
{
	return S_ISREG(st->st_mode) ||
	       (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 5));
}

/**
 * open_same() - open the file of a mapping by its name
 * @mapping: which
 *
 * What has that name by now may be anything, so it is looked at before.
 *
 * Return: a descriptor, to be closed; -1 if it is another file, or no plain one.
 */
int open_same(const struct dirty_mapping *mapping)
{
	int fd = -1, found = open(mapping->name, O_PATH | O_CLOEXEC);
	struct stat st;
	char path[64];

	if (found == -1)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", found);
	if (!fstat(found, &st) && is_plain(&st) &&
	    st.st_ino == mapping->inode &&
	    major(st.st_dev) == mapping->major &&
	    minor(st.st_dev) == mapping->minor)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	close(found);
	return fd;
}

/* The file of a mapping, also if it has been removed or replaced. */
static int open_mapped(const struct target *target,
		       const struct dirty_mapping *mapping)
{
	char path[64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "map_files/%" PRIx64 "-%" PRIx64,
		 mapping->start, mapping->end);
	if (!fstatat(target->process.fd, path, &st, 0)) {
		if (!is_plain(&st))
			return -1;
		fd = openat(target->process.fd, path, O_RDONLY | O_CLOEXEC);
		if (fd != -1)
			return fd;
	} else if (errno == ENOENT) {
		return -1;
	}
	/* That takes CAP_CHECKPOINT_RESTORE. */
	return open_same(mapping);
}

/**
 * is_locked() - is a mapping locked in memory, so that it keeps its pages?
 * @target: whose
 * @mapping: which
 *
 * Return: true if so, or if that cannot be told.
 */
bool is_locked(struct target *target, const struct dirty_mapping *mapping)
{
	char header[64], *text, *at;
	bool locked = true;
	size_t size;

	if (process_text(&target->process, "smaps", -1, &text, &size))
		return true;
	snprintf(header, sizeof(header), "%08" PRIx64 "-%08" PRIx64 " ",
		 mapping->start, mapping->end);
	at = strstr(text, header);
	at = at ? strstr(at, "\nVmFlags:") : NULL;
	if (at) {
		at[1 + strcspn(at + 1, "\n")] = '\0';
		locked = strstr(at, " lo");
	}
	free(text);
	return locked;
}

/**
 * own_contents() - what a private mapping has where nobody has written
 * @target: whose
 * @maps: its mappings
 * @addr: of a page
 * @page: set to the contents
 *
 * Return: false if that cannot be told.
 */
bool own_contents(const struct target *target, const struct dirty_maps *maps,
		  uint64_t addr, void *page)
{
	const struct dirty_mapping *mapping = dirty_maps_find(maps, addr);
	ssize_t len;
	int fd;

	memset(page, 0, PAGE_BYTES);
	if (!mapping)
		return false;
	if (dirty_mapping_is_anonymous(mapping))
		return true;
	if (!mapping->inode)
		return false;
	fd = open_mapped(target, mapping);
	if (fd == -1)
		return false;
	len = pread(fd, page, PAGE_BYTES, mapping->offset + addr - mapping->start);
	close(fd);
	return len >= 0;
}
