/* SPDX-License-Identifier: GPL-2.0 */
/* Tell an address space from all others. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "dirtyckpt.h"
#include <dirtypages.h>

/**
 * struct identity - identifies an address space
 * @pid: PID of its process
 * @start_time: start time of the process, in clock ticks since boot
 * @boot: the boot ID of the system
 * @random: the bytes at AT_RANDOM, in hexadecimal; "" if unreadable
 */
struct identity {
	pid_t pid;
	uint64_t start_time;
	char boot[37];
	char random[33];
};

enum status identity_read(const struct dirtypages_process *process, struct identity *of);
bool identity_equal(const struct identity *a, const struct identity *b);
bool boot_read(char boot[37]);
bool auxv_is_narrow(const uint64_t *auxv, size_t size);

#endif /* IDENTITY_H */
