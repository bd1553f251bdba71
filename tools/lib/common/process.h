/* SPDX-License-Identifier: GPL-2.0 */
/* Processes by name, and their threads. */
#ifndef COMMON_PROCESS_H
#define COMMON_PROCESS_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

#include "dirtypages/stat.h"

/* Return true if a process is to be found; @dir is its folder in /proc. */
typedef bool process_wanted_fn(int dir, void *data);

int process_find(process_wanted_fn *is_wanted, void *data, pid_t **pids, size_t *count);
bool process_is_called(int dir, const char *name);
void process_raise_file_limit(void);

int process_threads(int dir, DIR **threads);
pid_t process_next_thread(DIR *threads);

#endif /* COMMON_PROCESS_H */
