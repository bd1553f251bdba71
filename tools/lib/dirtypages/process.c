// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/*
 * Processes. All access is through an open folder in /proc, which never becomes
 * the folder of another process.
 */
#define _GNU_SOURCE
#include "internal.h"
#include "stat.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Return the caller's PID as /proc has it, which may be of another namespace. */
static pid_t own_pid(void)
{
	char text[16];
	ssize_t len = readlink("/proc/self", text, sizeof(text) - 1);

	if (len == -1)
		return errno == ENOENT ? -ESRCH : -errno;
	text[len] = '\0';
	return atoi(text);
}

static int fill_in(struct dirtypages_process *process, pid_t pid)
{
	struct proc_stat stat;
	char path[32];
	int error;

	process->fd = -1;
	if (!pid)
		pid = own_pid();
	if (pid < 0)
		return pid;
	snprintf(path, sizeof(path), "/proc/%d", pid);
	process->pid = pid;
	process->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process->fd == -1)
		return errno == ENOENT ? -ESRCH : -errno;
	error = proc_stat_read(process->fd, "stat", &stat);
	if (!error)
		error = proc_read(process->fd, "comm", process->comm,
				  sizeof(process->comm));
	if (error < 0)
		return error == -ENOENT ? -ESRCH : error;
	/* The name ends in a newline, and may contain others. */
	if (error && process->comm[error - 1] == '\n')
		process->comm[error - 1] = '\0';
	process->start_time = stat.start_time;
	return 0;
}

/**
 * dirtypages_process_open() - open a process
 * @process: set to it, NULL on error; close with dirtypages_process_close()
 * @pid: its PID in /proc, 0 for the calling process
 *
 * Return: 0; -ESRCH if there is no such process; -EACCES or -EPERM if it is
 * hidden from the caller; another negative errno.
 */
int dirtypages_process_open(struct dirtypages_process **process, pid_t pid)
{
	int error = -EINVAL;

	*process = NULL;
	if (pid < 0)
		return error;
	*process = calloc(1, sizeof(**process));
	if (!*process)
		return -ENOMEM;
	error = fill_in(*process, pid);
	if (error) {
		dirtypages_process_close(*process);
		*process = NULL;
	}
	return error;
}

/* Return the PID behind a pidfd, or a negative errno. */
static pid_t pid_of(int pidfd)
{
	char path[48], text[1024];
	const char *line;
	ssize_t len;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	len = proc_read(AT_FDCWD, path, text, sizeof(text));
	if (len < 0)
		return len == -ENOENT ? -EBADF : len;
	line = strstr(text, "\nPid:");
	if (!line)
		return -EBADF;
	pid = atoi(line + strlen("\nPid:"));
	/* -1 if it was reaped, 0 if it is not in the PID namespace of /proc */
	return pid > 0 ? pid : -ESRCH;
}

/**
 * dirtypages_process_open_pidfd() - open the process behind a pidfd
 * @process: set to it, NULL on error; close with dirtypages_process_close()
 * @pidfd: from pidfd_open(), fork or a socket; not needed afterwards
 *
 * Return: 0; -EBADF if @pidfd is not one; -ESRCH if the process was reaped, or is
 * not visible in /proc; another negative errno.
 */
int dirtypages_process_open_pidfd(struct dirtypages_process **process, int pidfd)
{
	pid_t pid = pid_of(pidfd);
	int error;

	*process = NULL;
	if (pid < 0)
		return pid;
	error = dirtypages_process_open(process, pid);
	/* If it still exists, the folder opened by PID is its own. */
	if (!error && syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) && errno == ESRCH) {
		dirtypages_process_close(*process);
		*process = NULL;
		error = -ESRCH;
	}
	return error;
}

/**
 * dirtypages_process_close() - close a process
 * @process: from dirtypages_process_open(), or NULL
 */
void dirtypages_process_close(struct dirtypages_process *process)
{
	if (!process)
		return;
	if (process->fd != -1)
		close(process->fd);
	free(process);
}

/**
 * dirtypages_process_pid() - get the PID of a process
 * @process: the process
 *
 * Return: the PID.
 */
pid_t dirtypages_process_pid(const struct dirtypages_process *process)
{
	return process->pid;
}

/**
 * dirtypages_process_start_time() - get the start time of a process
 * @process: the process
 *
 * Return: clock ticks since boot, see sysconf(_SC_CLK_TCK).
 */
uint64_t dirtypages_process_start_time(const struct dirtypages_process *process)
{
	return process->start_time;
}

/**
 * dirtypages_process_comm() - get the name that a process had when it was opened
 * @process: the process
 *
 * Return: the name, valid as long as @process.
 */
const char *dirtypages_process_comm(const struct dirtypages_process *process)
{
	return process->comm;
}

/**
 * dirtypages_process_dir() - get the folder of a process
 * @process: the process
 *
 * Return: a descriptor of /proc/<pid>, for openat(); it belongs to @process.
 */
int dirtypages_process_dir(const struct dirtypages_process *process)
{
	return process->fd;
}

/**
 * dirtypages_process_lives() - check whether a process exists, if only as a zombie
 * @process: the process
 *
 * Return: false if it was reaped, even if its PID was reused.
 */
bool dirtypages_process_lives(const struct dirtypages_process *process)
{
	struct stat st;

	/* access() would ignore the capabilities of a user other than root. */
	return fstatat(process->fd, "stat", &st, 0) == 0;
}

static int thread_file(const struct dirtypages_process *process, pid_t tid,
		       const char *name, int flags)
{
	char path[64];
	int fd;

	if (snprintf(path, sizeof(path), "task/%d/%s", tid, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = openat(process->fd, path, flags | O_CLOEXEC);
	return fd == -1 ? -errno : fd;
}

static bool thread_is_dead(const struct dirtypages_process *process, pid_t tid)
{
	struct proc_stat thread;

	return proc_thread_stat(process->fd, tid, &thread) ||
	       strchr("ZXx", thread.state) || !thread.memory;
}

static int open_threads(const struct dirtypages_process *process, DIR **dir)
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

/*
 * Open a file of a live thread other than the main thread. Return -ESRCH if none
 * is found; the kernel stops listing at a thread that exits meanwhile, so the
 * caller retries.
 */
static int other_threads_file(const struct dirtypages_process *process,
			      const char *name, int flags)
{
	int error, found = -ESRCH;
	struct dirent *entry;
	DIR *dir;

	error = open_threads(process, &dir);
	if (error)
		return error;
	while (found < 0 && (entry = readdir(dir))) {
		pid_t tid = atoi(entry->d_name);
		int fd;

		if (!tid || tid == process->pid)
			continue;
		fd = thread_file(process, tid, name, flags);
		if (fd < 0)
			continue;
		if (thread_is_dead(process, tid))
			close(fd);
		else
			found = fd;
	}
	closedir(dir);
	return found;
}

/* Return true if no thread has an address space: a zombie, or a kernel thread. */
static bool has_no_memory(const struct dirtypages_process *process)
{
	struct proc_stat first;

	if (proc_thread_stat(process->fd, process->pid, &first))
		return !dirtypages_process_lives(process);
	return first.threads < 2 && !first.memory;
}

/**
 * dirtypages_process_file() - open a file about the address space of a process
 * @process: the process
 * @name: name of the file in /proc/<pid>/task/<tid>/
 * @flags: flags for open(); O_CLOEXEC is added
 *
 * An exited main thread has no memory, though other threads of the process may
 * live; then the file of one of these is opened.
 *
 * Return: a descriptor, of the main thread's file if no thread has an address
 * space; -ESRCH if the process has exited; another negative errno.
 */
int dirtypages_process_file(const struct dirtypages_process *process,
			    const char *name, int flags)
{
	int fd, other;

	/* Threads may create others, and exec makes its caller the main thread. */
	for (int i = 0; i < TRIES; i++) {
		fd = thread_file(process, process->pid, name, flags);
		/* If the thread still has an address space, the open file has it. */
		if (fd != -ESRCH && !thread_is_dead(process, process->pid))
			break;
		other = other_threads_file(process, name, flags);
		if (other < 0 && (i == TRIES - 1 || has_no_memory(process)))
			break;
		if (fd >= 0)
			close(fd);
		if (other >= 0)
			return other;
	}
	if (fd < 0 && !dirtypages_process_lives(process))
		return -ESRCH;
	return fd;
}

/**
 * dirtypages_process_has_memory() - check whether a process has an address space
 * @process: the process
 *
 * Return: false for a kernel thread, a zombie, or a process that has exited.
 */
bool dirtypages_process_has_memory(const struct dirtypages_process *process)
{
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	if (!thread_is_dead(process, process->pid))
		return true;
	if (has_no_memory(process) || open_threads(process, &dir))
		return false;
	while (!found && (entry = readdir(dir))) {
		pid_t tid = atoi(entry->d_name);

		found = tid && !thread_is_dead(process, tid);
	}
	closedir(dir);
	return found;
}

/* Return a number from the text of a status file, 0 if it is not there. */
static pid_t status_number(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	return line ? atoi(line + strlen(key)) : 0;
}

/* A child of vfork(), for example, shares the memory of its parent until exec. */
static bool shares_with_parent(const struct dirtypages_process *process, pid_t parent)
{
	/* kcmp() takes PIDs of this namespace, and finds no memory equal to none. */
	return parent && own_pid() == getpid() &&
	       !thread_is_dead(process, process->pid) &&
	       !syscall(SYS_kcmp, process->pid, parent, KCMP_VM, 0, 0);
}

/*
 * Acknowledging affects all processes that share the memory, but a tracker locks one
 * PID. Return 0 if the process has memory of its own, or else a negative errno. Call
 * this before opening files: a process shares memory from its start until exec, so a
 * file that is opened later cannot be of shared memory either.
 */
int dp_owns_memory(const struct dirtypages_process *process)
{
	char text[512];
	ssize_t len = proc_read(process->fd, "status", text, sizeof(text));
	pid_t tgid;

	if (len < 0)
		return len == -ENOENT ? -ESRCH : len;
	tgid = status_number(text, "\nTgid:");
	if (!tgid)
		return -ESRCH;
	if (tgid != process->pid ||
	    shares_with_parent(process, status_number(text, "\nPPid:")))
		return -EADDRINUSE;
	return 0;
}

/**
 * dirtypages_process_space() - identify the address space of a process
 * @process: the process
 * @space: set to a number that changes at execve(), 0 if there is no address space
 *
 * The number is a hash of the auxiliary vector, which holds random addresses. Without
 * their randomization, it may be the same after execve().
 *
 * Return: 0 or a negative errno, for example if access is denied.
 */
int dirtypages_process_space(const struct dirtypages_process *process,
			     uint64_t *space)
{
	int fd = dirtypages_process_file(process, "auxv", O_RDONLY);
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
