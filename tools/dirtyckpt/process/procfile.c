// SPDX-License-Identifier: GPL-2.0
/* Read files of a process in /proc/<pid>. */
#define _GNU_SOURCE
#include "process/procfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/**
 * process_failed() - report that a file of a process cannot be used
 * @pid: PID of the process
 * @name: name of the file in /proc/<pid>/
 * @error: the errno
 *
 * Return: the exit status.
 */
enum status process_failed(pid_t pid, const char *name, int error)
{
	switch (error) {
	case ESRCH:
		return complain(STATUS_NO_PROCESS,
				"%d: no such process, or its memory is gone",
				pid);
	case EACCES:
	case EPERM:
		return complain(STATUS_NOT_PERMITTED,
				"%d: not permitted; you must own the process, and Yama must let you attach, or have CAP_SYS_PTRACE",
				pid);
	case EADDRINUSE:
		return complain(STATUS_REFUSED,
				"%d: its memory is that of another process; save its parent or, if this is a thread, its process",
				pid);
	case ENOSYS:
	case EOPNOTSUPP:
		return complain(STATUS_UNSUPPORTED,
				"%d: this kernel cannot list modified pages; a kernel with CONFIG_PROC_DIRTY_PAGES or CONFIG_PROC_PAGE_MONITOR is required",
				pid);
	}
	return complain(STATUS_OTHER, "/proc/%d/%s: %s", pid, name,
			strerror(error));
}

/* Retry limit while threads keep exiting */
enum { TRIES = 100 };

/* Return 0 or an errno. */
static int read_all(int fd, char **text, size_t *size)
{
	size_t room = 16384;
	ssize_t len;
	int error;

	*size = 0;
	lseek(fd, 0, SEEK_SET);
	do {
		if (room - *size < 8192 || !*text)
			*text = grow(*text, room *= 2, 1);
		len = read(fd, *text + *size, room - *size - 1);
		*size += len > 0 ? len : 0;
	} while (len > 0);
	error = len ? errno : 0;
	(*text)[*size] = '\0';
	return error;
}

/**
 * process_text() - read a file of a process
 * @process: the process
 * @name: name of the file in /proc/<pid>/
 * @fd: an open descriptor, to be read from the start; or -1
 * @text: set to the text, zero-terminated; to be freed
 * @size: set to the length of @text
 *
 * Reading a file of a thread fails with ESRCH once the thread has exited; then
 * read that of another thread.
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status process_text(const struct dirtypages_process *process, const char *name,
			 int fd, char **text, size_t *size)
{
	const pid_t pid = dirtypages_process_pid(process);
	int error = ESRCH;

	*size = 0;
	*text = NULL;
	if (fd != -1)
		error = read_all(fd, text, size);
	for (int i = 0; error == ESRCH && i < TRIES; i++) {
		int opened = dirtypages_process_file(process, name, O_RDONLY);

		if (opened < 0)
			return process_failed(pid, name, -opened);
		error = read_all(opened, text, size);
		close(opened);
	}
	return error ? process_failed(pid, name, error) : STATUS_OK;
}
