/* SPDX-License-Identifier: GPL-2.0 */
/* A process, and the address space that it had when it was opened. */
#ifndef TARGET_H
#define TARGET_H

#include "process/identity.h"

/**
 * struct target - a process, with descriptors of one address space
 * @process: the process
 * @pid: its PID
 * @start_time: its start time, in clock ticks since boot
 * @pages: its address space, to read and acknowledge modified pages
 * @tracked: the kernel tracks writes, so pages can be acknowledged
 * @mem: its /proc/<pid>/mem
 * @maps: its /proc/<pid>/maps
 * @auxv: its /proc/<pid>/auxv
 * @of: identity of the address space
 * @tracker: the right to acknowledge pages, NULL unless it was taken
 */
struct target {
	struct dirtypages_process *process;
	pid_t pid;
	uint64_t start_time;
	struct dirtypages *pages;
	bool tracked;
	int mem;
	int maps;
	int auxv;
	struct identity of;
	struct dirtypages_tracker *tracker;
};

#define TARGET_CLOSED							\
	{								\
		.mem = -1, .maps = -1, .auxv = -1,			\
	}

enum status target_open(struct target *target, pid_t pid, bool write);
void target_close(struct target *target);
enum status target_check(struct target *target);
enum status target_listing(struct target *target,
			   struct dirtypages_listing **listing);
enum status target_maps(struct target *target, struct dirtypages_maps **maps,
			char **text, size_t *size);
size_t target_read(const struct target *target, uint64_t start, void *data,
		   size_t size);

#endif /* TARGET_H */
