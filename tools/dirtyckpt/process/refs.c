// SPDX-License-Identifier: GPL-2.0
/* The soft-dirty bits of a process, as other programs see them. */
#define _GNU_SOURCE
#include "process/refs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "process/procfile.h"

/* Bits of an entry of pagemap */
#define SOFT_DIRTY	(UINT64_C(1) << 55)
#define SWAPPED		(UINT64_C(1) << 62)
#define PRESENT		(UINT64_C(1) << 63)

/**
 * refs_clear() - clear the soft-dirty bits of all pages and mappings
 * @target: the process
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status refs_clear(const struct target *target)
{
	int fd = dirtypages_process_file(target->process, "clear_refs", O_WRONLY);
	int error = fd < 0 ? -fd : 0;

	if (error == ENOENT)
		return complain(STATUS_UNSUPPORTED,
				"%d: this kernel has no clear_refs; a kernel with CONFIG_PROC_PAGE_MONITOR is required",
				target->pid);
	if (!error && write(fd, "4", 1) != 1)
		error = errno;
	if (fd >= 0)
		close(fd);
	return error ? process_failed(target->pid, "clear_refs", error) : STATUS_OK;
}

/* Return 0 or an errno. */
static int find_unset(int fd, const struct span *span, struct spans *unset)
{
	uint64_t entries[512];
	size_t count;

	for (uint64_t at = span->start; at < span->end; at += count * PAGE_BYTES) {
		ssize_t len;

		count = (span->end - at) / PAGE_BYTES;
		if (count > sizeof(entries) / sizeof(*entries))
			count = sizeof(entries) / sizeof(*entries);
		len = pread(fd, entries, count * sizeof(*entries),
			    at / PAGE_BYTES * sizeof(*entries));
		if (len < (ssize_t)sizeof(*entries))
			return len == -1 ? errno : ESRCH;
		count = len / sizeof(*entries);
		for (size_t i = 0; i < count; i++)
			if (entries[i] & (PRESENT | SWAPPED) &&
			    !(entries[i] & SOFT_DIRTY))
				spans_add(unset, at + i * PAGE_BYTES,
					  at + (i + 1) * PAGE_BYTES);
	}
	return 0;
}

/**
 * refs_unset() - find pages without the soft-dirty bit
 * @target: the process
 * @pages: the pages to look at; those that are unmapped by now are ignored
 * @unset: those without the bit, to be freed, also on failure
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status refs_unset(const struct target *target, const struct spans *pages,
		       struct spans *unset)
{
	int fd = dirtypages_process_file(target->process, "pagemap", O_RDONLY);
	int error = fd < 0 ? -fd : 0;

	*unset = (struct spans){ 0 };
	for (size_t i = 0; !error && i < pages->count; i++)
		error = find_unset(fd, &pages->spans[i], unset);
	if (fd >= 0)
		close(fd);
	return error ? process_failed(target->pid, "pagemap", error) : STATUS_OK;
}
