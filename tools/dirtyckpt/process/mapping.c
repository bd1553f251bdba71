// SPDX-License-Identifier: GPL-2.0
/* Contents of mappings where the process has not written. */
#define _GNU_SOURCE
#include "process/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "process/procfile.h"

/*
 * Regular files and /dev/zero. Opening other devices can have side effects, and
 * a second open can refer to other memory.
 */
static bool is_plain(const struct stat *st)
{
	return S_ISREG(st->st_mode) ||
	       (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 5));
}

/**
 * mapping_open() - open the file of a mapping by its name
 * @mapping: the mapping
 *
 * The name may refer to any file by now, so check the file before opening it.
 *
 * Return: a descriptor, or -1 if it is another file, or a special one.
 */
int mapping_open(const struct dirtypages_mapping *mapping)
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

/* Open the file of a mapping, even if it was removed or replaced. */
static int open_mapped(const struct target *target,
		       const struct dirtypages_mapping *mapping)
{
	char path[64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "map_files/%" PRIx64 "-%" PRIx64,
		 mapping->start, mapping->end);
	if (!fstatat(dirtypages_process_dir(target->process), path, &st, 0)) {
		if (!is_plain(&st))
			return -1;
		fd = openat(dirtypages_process_dir(target->process), path, O_RDONLY | O_CLOEXEC);
		if (fd != -1)
			return fd;
	} else if (errno == ENOENT) {
		return -1;
	}
	/* map_files/ requires CAP_CHECKPOINT_RESTORE; fall back on the name. */
	return mapping_open(mapping);
}

/**
 * mapping_is_locked() - is a mapping locked in memory (mlock(2))?
 * @target: the process
 * @mapping: the mapping
 *
 * Return: true if it is, or if this cannot be determined.
 */
bool mapping_is_locked(struct target *target, const struct dirtypages_mapping *mapping)
{
	char header[64], *text, *at;
	bool locked = true;
	size_t size;

	if (process_text(target->process, "smaps", -1, &text, &size))
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
 * mapping_contents() - contents of a page where nobody has written
 * @target: the process
 * @maps: its mappings
 * @addr: address of a page in a private mapping
 * @page: set to the contents
 *
 * Return: false if they cannot be determined.
 */
bool mapping_contents(const struct target *target,
		      const struct dirtypages_maps *maps, uint64_t addr, void *page)
{
	const struct dirtypages_mapping *mapping = dirtypages_maps_find(maps, addr);
	ssize_t len;
	int fd;

	memset(page, 0, PAGE_BYTES);
	if (!mapping)
		return false;
	if (dirtypages_mapping_is_anonymous(mapping))
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
