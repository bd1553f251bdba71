/* SPDX-License-Identifier: GPL-2.0 */
/* Read files of a process in /proc/<pid>. */
#ifndef PROCFILE_H
#define PROCFILE_H

#include "dirtyckpt.h"
#include <dirtypages.h>

enum status process_failed(pid_t pid, const char *name, int error);
enum status process_text(const struct dirtypages_process *process, const char *name,
			 int fd, char **text, size_t *size);

#endif /* PROCFILE_H */
