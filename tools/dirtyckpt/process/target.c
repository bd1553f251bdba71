// SPDX-License-Identifier: GPL-2.0
/* A process, and the address space that it had when it was opened. */
#define _GNU_SOURCE
#include "process/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/procfile.h"

/**
 * target_read() - read memory of a process
 * @target: the process
 * @start: address of the first page
 * @data: set to the contents
 * @size: whole pages
 *
 * Return: the number of bytes read from @start on, in whole pages.
 */
size_t target_read(const struct target *target, uint64_t start, void *data,
		   size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t len = pread(target->mem, (char *)data + done,
				    size - done, start + done);

		if (len == -1 && errno == EINTR)
			continue;
		if (len <= 0)
			break;
		done += len;
	}
	return done & ~(PAGE_BYTES - 1);
}

/**
 * target_check() - check that the process still has the opened address space
 * @target: the process
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status target_check(struct target *target)
{
	enum status status;
	struct identity of;

	status = identity_read(target->process, &of);
	if (status == STATUS_NO_PROCESS)
		return STATUS_VANISHED;
	if (!status && *target->of.random && !identity_equal(&of, &target->of))
		return complain(STATUS_VANISHED, "%d: exited, or called exec, meanwhile",
				target->pid);
	return status;
}

static enum status open_file(struct target *target, const char *name, int flags,
			     int *fd)
{
	*fd = dirtypages_process_file(target->process, name, flags);
	return *fd < 0 ? process_failed(target->pid, name, -*fd) : STATUS_OK;
}

/* Without dirty_pages, pagemap lists modified pages, but cannot acknowledge. */
static int open_listing(struct target *target, bool write)
{
	struct dirtypages_kernel kernel = { .size = sizeof(kernel) };
	int error = dirtypages_open_process(&target->pages, target->process, DIRTYPAGES_FILE,
					    write ? DIRTYPAGES_ACKNOWLEDGE : 0);

	if (error != -ENOSYS) {
		target->tracked = !error && !dirtypages_kernel_query(&kernel) &&
				  kernel.can & DIRTYPAGES_CAN_TRACK;
		return error;
	}
	error = dirtypages_open_process(&target->pages, target->process, DIRTYPAGES_AUTO, 0);
	if (!error)
		dirtypages_set_needed(target->pages, 0);
	return error;
}

static enum status open_files(struct target *target, bool write)
{
	enum status status;
	int error;

	error = open_listing(target, write);
	if (error)
		return process_failed(target->pid, "dirty_pages", -error);
	status = open_file(target, "mem", O_RDWR, &target->mem);
	if (!status)
		status = open_file(target, "maps", O_RDONLY, &target->maps);
	if (!status)
		status = open_file(target, "auxv", O_RDONLY, &target->auxv);
	return status;
}

/*
 * ptrace() takes tids of this PID namespace. If /proc is of another PID
 * namespace, its numbers are different ones.
 */
static bool is_proc_ours(void)
{
	char self[32];
	ssize_t len = readlink("/proc/self", self, sizeof(self) - 1);

	self[len < 0 ? 0 : len] = '\0';
	return atoi(self) == getpid();
}

/**
 * target_open() - open a process
 * @target: filled in; to be closed by target_close(), also on failure
 * @pid: its PID
 * @write: open for acknowledging as well, if the kernel tracks writes
 *
 * The identity is read before and after the files are opened, so all
 * descriptors are of the same address space.
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status target_open(struct target *target, pid_t pid, bool write)
{
	enum status status;
	int error;

	*target = (struct target)TARGET_CLOSED;
	error = dirtypages_process_open(&target->process, pid);
	if (error)
		return process_failed(pid, "stat", -error);
	target->pid = pid;
	target->start_time = dirtypages_process_start_time(target->process);
	if (!is_proc_ours())
		return complain(STATUS_REFUSED,
				"%d: /proc is of another PID namespace, and has other PIDs; mount a matching one, for example by unshare --mount-proc",
				pid);
	status = identity_read(target->process, &target->of);
	if (!status)
		status = open_files(target, write);
	return status ? status : target_check(target);
}

/**
 * target_close() - close a process
 * @target: filled in by target_open()
 */
void target_close(struct target *target)
{
	dirtypages_untrack(target->tracker);
	dirtypages_close(target->pages);
	if (target->mem >= 0)
		close(target->mem);
	if (target->maps >= 0)
		close(target->maps);
	if (target->auxv >= 0)
		close(target->auxv);
	dirtypages_process_close(target->process);
}

/**
 * target_listing() - list the modified pages of a process
 * @target: the process
 * @listing: set to it, to be freed
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status target_listing(struct target *target,
			   struct dirtypages_listing **listing)
{
	pid_t pid = target->pid;
	int error;

	if (dirtypages_listing_new(listing))
		die(STATUS_OTHER, "not enough memory");
	error = dirtypages_read(target->pages, *listing);
	if (error == -ESRCH || (!error && !dirtypages_listing_count(*listing)))
		return complain(STATUS_VANISHED, "%d: exited, or called exec, while it was listed",
				pid);
	if (error == -EPROTO)
		return complain(STATUS_OTHER, "%d: line %zu of its listing is malformed",
				pid, dirtypages_listing_count(*listing) + 1);
	if (error)
		return complain(STATUS_OTHER, "%d: cannot list its pages by %s: %s",
				pid, dirtypages_backend_name(dirtypages_get_backend(target->pages)),
				strerror(-error));
	return STATUS_OK;
}

/**
 * target_maps() - read the mappings of a process
 * @target: the process
 * @maps: set to them, to be freed; NULL on failure
 * @text: set to the text of /proc/<pid>/maps, to be freed; or NULL
 * @size: set to the length of @text; or NULL
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status target_maps(struct target *target, struct dirtypages_maps **maps,
			char **text, size_t *size)
{
	enum status status;
	size_t len;
	char *all;
	int error;

	*maps = NULL;
	status = process_text(target->process, "maps", target->maps, &all, &len);
	if (!status) {
		error = dirtypages_maps_parse(maps, all, len);
		if (error)
			status = process_failed(target->pid, "maps",
						-error);
		else if (!dirtypages_maps_count(*maps))
			status = complain(STATUS_VANISHED,
					  "%d: exited, or called exec",
					  target->pid);
	}
	if (text && !status) {
		*text = all;
		*size = len;
	} else {
		free(all);
	}
	return status;
}
