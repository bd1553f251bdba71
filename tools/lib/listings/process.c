// SPDX-License-Identifier: GPL-2.0
/*
 * Processes, by PID and by name. All access is through an open folder in /proc,
 * which never becomes the folder of another process.
 */
#define _GNU_SOURCE
#include "dirtypages.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read a file as a string. Return its length or a negative errno. */
static ssize_t read_file(int dir, const char *path, char *text, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t len;
	int error;

	if (fd == -1)
		return -errno;
	len = read(fd, text, size - 1);
	error = errno;
	close(fd);
	if (len == -1)
		return -error;
	text[len] = '\0';
	return len;
}

static int read_stat(int dir, const char *path, struct dirty_thread *stat)
{
	ssize_t len;
	char text[1024], *p;

	len = read_file(dir, path, text, sizeof(text));
	if (len < 0)
		return len;
	/* The second field, the name in parentheses, may hold any character. */
	p = strrchr(text, ')');
	if (!p || !p[1] || !p[2])
		return -EPROTO;
	p += 2;
	stat->state = *p;
	for (int field = 3; p && field < 20; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, "%zu %*d %ju %ju", &stat->threads, &stat->start_time,
			 &stat->memory) != 3)
		return -EPROTO;
	return 0;
}

/**
 * dirty_process_open() - open a process
 * @process: filled in; close with dirty_process_close()
 * @pid: its PID
 *
 * Return: 0; -ESRCH if there is no such process; -EACCES or -EPERM if it is
 * hidden from the caller; another negative errno.
 */
int dirty_process_open(struct dirty_process *process, pid_t pid)
{
	struct dirty_thread stat;
	char path[32];
	int error;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	*process = (struct dirty_process){ .pid = pid, .tid = pid };
	process->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process->fd == -1)
		return errno == ENOENT ? -ESRCH : -errno;
	error = read_stat(process->fd, "stat", &stat);
	if (!error)
		error = read_file(process->fd, "comm", process->comm,
				  sizeof(process->comm));
	if (error < 0) {
		dirty_process_close(process);
		return error == -ENOENT ? -ESRCH : error;
	}
	/* The name ends in a newline, and may contain others. */
	if (error && process->comm[error - 1] == '\n')
		process->comm[error - 1] = '\0';
	process->start_time = stat.start_time;
	return 0;
}

/**
 * dirty_process_close() - close a process
 * @process: from dirty_process_open()
 */
void dirty_process_close(struct dirty_process *process)
{
	close(process->fd);
	process->fd = -1;
}

/**
 * dirty_process_lives() - check whether the process exists, if only as a zombie
 * @process: the process
 *
 * Return: false if it was reaped, even if its PID was reused.
 */
bool dirty_process_lives(const struct dirty_process *process)
{
	struct stat st;

	/* access() would ignore the capabilities of a user other than root. */
	return fstatat(process->fd, "stat", &st, 0) == 0;
}

static int thread_file(const struct dirty_process *process, pid_t tid,
		       const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "task/%d/%s", tid, name);
	fd = openat(process->fd, path, flags | O_CLOEXEC);
	return fd == -1 ? -errno : fd;
}

/**
 * dirty_process_threads() - begin to iterate over the threads of a process
 * @process: the process
 * @dir: set to an argument for dirty_next_thread(); close with closedir()
 *
 * Return: 0; -ESRCH if the process has ended; another negative errno.
 */
int dirty_process_threads(const struct dirty_process *process, DIR **dir)
{
	int error, fd = openat(process->fd, "task",
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return errno == ENOENT ? -ESRCH : -errno;
	*dir = fdopendir(fd);
	if (*dir)
		return 0;
	error = errno;
	close(fd);
	return -error;
}

/**
 * dirty_next_thread() - find the next thread
 * @dir: from dirty_process_threads()
 *
 * Return: its TID, 0 if there are no more threads.
 */
pid_t dirty_next_thread(DIR *dir)
{
	struct dirent *entry;
	pid_t tid = 0;

	while (!tid && (entry = readdir(dir)))
		tid = atoi(entry->d_name);
	return tid;
}

/**
 * dirty_thread_read() - read the state of a thread
 * @process: its process
 * @tid: its TID
 * @thread: filled in
 *
 * Return: 0, or a negative errno, for example if there is no such thread.
 */
int dirty_thread_read(const struct dirty_process *process, pid_t tid,
		      struct dirty_thread *thread)
{
	char path[64];

	snprintf(path, sizeof(path), "task/%d/stat", tid);
	return read_stat(process->fd, path, thread);
}

static bool thread_is_dead(const struct dirty_process *process, pid_t tid)
{
	struct dirty_thread thread;

	return dirty_thread_read(process, tid, &thread) ||
	       strchr("ZXx", thread.state) || !thread.memory;
}

/*
 * Open a file of a live thread other than the main thread. Return -ESRCH if none
 * is found; the kernel stops listing at a thread that exits meanwhile, so the
 * caller retries.
 */
static int other_threads_file(struct dirty_process *process, const char *name,
			      int flags)
{
	int error, found = -ESRCH;
	pid_t tid;
	DIR *dir;

	error = dirty_process_threads(process, &dir);
	if (error)
		return error;
	while (found < 0 && (tid = dirty_next_thread(dir))) {
		int fd;

		if (tid == process->pid)
			continue;
		fd = thread_file(process, tid, name, flags);
		if (fd < 0)
			continue;
		if (thread_is_dead(process, tid)) {
			close(fd);
			continue;
		}
		process->tid = tid;
		found = fd;
	}
	closedir(dir);
	return found;
}

/* Return true if no thread has an address space: a zombie, or a kernel thread. */
static bool has_no_memory(const struct dirty_process *process)
{
	struct dirty_thread first;

	if (dirty_thread_read(process, process->pid, &first))
		return !dirty_process_lives(process);
	return first.threads < 2 && !first.memory;
}

/**
 * dirty_process_file() - open a file about the address space of a process
 * @process: the process; its tid is set to the thread whose file was opened
 * @name: name of the file in /proc/<pid>/task/<tid>/
 * @flags: flags for open()
 *
 * Return: a descriptor, of the main thread's file if no thread has an address
 * space; -ESRCH if the process has exited; another negative errno.
 */
int dirty_process_file(struct dirty_process *process, const char *name,
		       int flags)
{
	int fd, other;

	/* Threads may create others, and exec makes its caller the main thread. */
	for (int i = 0; i < DIRTY_TRIES; i++) {
		fd = thread_file(process, process->pid, name, flags);
		/* If the thread still has an address space, the open file has it. */
		if (fd != -ESRCH && !thread_is_dead(process, process->pid)) {
			process->tid = process->pid;
			break;
		}
		other = other_threads_file(process, name, flags);
		if (other < 0 && (i == DIRTY_TRIES - 1 || has_no_memory(process)))
			break;
		if (fd >= 0)
			close(fd);
		if (other >= 0)
			return other;
	}
	if (fd < 0 && !dirty_process_lives(process))
		return -ESRCH;
	return fd;
}

/**
 * dirty_process_space() - identify the address space of a process
 * @process: the process
 * @space: set to a number that changes at execve(), 0 if there is no address space
 *
 * The number is a hash of the auxiliary vector, which holds random addresses.
 *
 * Return: 0 or a negative errno, for example if access is denied.
 */
int dirty_process_space(struct dirty_process *process, uint64_t *space)
{
	int fd = dirty_process_file(process, "auxv", O_RDONLY);
	unsigned char auxv[1024];
	ssize_t len;
	int error;

	*space = 0;
	if (fd < 0)
		return fd;
	len = read(fd, auxv, sizeof(auxv));
	error = len == -1 ? -errno : 0;
	close(fd);
	for (ssize_t i = 0; i < len; i++)
		*space = (*space ^ auxv[i]) * 0x100000001b3ull;
	return error;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/**
 * dirty_process_is_called() - check whether a process has a name
 * @dir: its directory in /proc
 * @name: its comm, or the base name of argv[0] or of its executable. A login
 *	shell's argv[0] has a "-".
 *
 * Return: true if it has, false also if that cannot be read.
 */
bool dirty_process_is_called(int dir, const char *name)
{
	char text[4096] = "";
	ssize_t len;

	len = read_file(dir, "comm", text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	if (len > 0 && !strcmp(text, name))
		return true;
	len = read_file(dir, "cmdline", text, sizeof(text));
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

static bool is_found(int proc, const char *number, dirty_wanted_fn *is_wanted,
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
 * dirty_process_find() - find processes
 * @is_wanted: returns true for a process to find; NULL finds all
 * @data: passed to @is_wanted
 * @pids: set to an array of the PIDs, ascending; to be freed
 * @count: set to the number of elements of @pids
 *
 * The calling process is left out.
 *
 * Return: 0, -ENOMEM, or a negative errno if /proc cannot be read.
 */
int dirty_process_find(dirty_wanted_fn *is_wanted, void *data, pid_t **pids,
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
