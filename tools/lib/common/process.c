// SPDX-License-Identifier: GPL-2.0
/* Processes by name, and their threads. */
#define _GNU_SOURCE
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/**
 * process_threads() - begin to iterate over the threads of a process
 * @dir: its folder in /proc
 * @threads: set to an argument for process_next_thread(); close with closedir()
 *
 * Return: 0; -ESRCH if the process has ended; another negative errno.
 */
int process_threads(int dir, DIR **threads)
{
	int error, fd = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return errno == ENOENT ? -ESRCH : -errno;
	*threads = fdopendir(fd);
	if (*threads)
		return 0;
	error = errno;
	close(fd);
	return -error;
}

/**
 * process_next_thread() - find the next thread
 * @threads: from process_threads()
 *
 * Return: its TID, 0 if there are no more threads.
 */
pid_t process_next_thread(DIR *threads)
{
	struct dirent *entry;
	pid_t tid = 0;

	while (!tid && (entry = readdir(threads)))
		tid = atoi(entry->d_name);
	return tid;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/**
 * process_is_called() - check whether a process has a name
 * @dir: its directory in /proc
 * @name: its comm, or the base name of argv[0] or of its executable. A login
 *	shell's argv[0] has a "-".
 *
 * Return: true if it has, false also if that cannot be read.
 */
bool process_is_called(int dir, const char *name)
{
	char text[4096] = "";
	ssize_t len;

	len = proc_read(dir, "comm", text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	if (len > 0 && !strcmp(text, name))
		return true;
	len = proc_read(dir, "cmdline", text, sizeof(text));
	if (len > 0 && !strcmp(base_name(text + (*text == '-')), name))
		return true;
	len = readlinkat(dir, "exe", text, sizeof(text) - 1);
	if (len <= 0)
		return false;
	text[len] = '\0';
	return !strcmp(base_name(text), name);
}

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

static int add_pid(pid_t **pids, size_t *count, pid_t pid)
{
	pid_t *more = *pids;

	/* Double the capacity at each power of two. */
	if (!(*count & (*count - 1)))
		more = reallocarray(*pids, *count ? *count * 2 : 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	*pids = more;
	more[(*count)++] = pid;
	return 0;
}

static bool is_found(int proc, const char *number, process_wanted_fn *is_wanted,
		     void *data)
{
	int dir = openat(proc, number, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool found;

	if (dir == -1)
		return false;
	found = is_wanted(dir, data);
	close(dir);
	return found;
}

/**
 * process_find() - find processes
 * @is_wanted: returns true for a process to find; NULL finds all
 * @data: passed to @is_wanted
 * @pids: set to an array of the PIDs, ascending; to be freed
 * @count: set to the number of elements of @pids
 *
 * The calling process is left out.
 *
 * Return: 0, -ENOMEM, or a negative errno if /proc cannot be read.
 */
int process_find(process_wanted_fn *is_wanted, void *data, pid_t **pids,
		 size_t *count)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int error = 0;

	*pids = NULL;
	*count = 0;
	if (!proc)
		return -errno;
	while (!error && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		if (pid <= 0 || pid == getpid())
			continue;
		if (!is_wanted || is_found(dirfd(proc), entry->d_name, is_wanted, data))
			error = add_pid(pids, count, pid);
	}
	closedir(proc);
	if (*count)
		qsort(*pids, *count, sizeof(**pids), compare_pids);
	return error;
}

/**
 * process_raise_file_limit() - let this process open as many files as it may
 *
 * The usual soft limit of 1024 is for programs that call select().
 */
void process_raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}
