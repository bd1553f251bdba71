/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Read files of processes and threads. Not part of the interface of the library. */
#ifndef DIRTYPAGES_STAT_H
#define DIRTYPAGES_STAT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct proc_stat - the contents of /proc/<pid>/task/<tid>/stat
 * @state: its state, such as 'R' for running
 * @threads: number of threads of its process, including zombies; 0 if none is
 *	left
 * @memory: size of its address space in bytes, 0 if it has none
 * @start_time: its start time, in clock ticks since boot
 */
struct proc_stat {
	char state;
	size_t threads;
	uint64_t memory;
	uint64_t start_time;
};

ssize_t proc_read(int dir, const char *path, char *text, size_t size);
int proc_stat_read(int dir, const char *path, struct proc_stat *stat);
int proc_thread_stat(int dir, pid_t tid, struct proc_stat *stat);

#endif /* DIRTYPAGES_STAT_H */
