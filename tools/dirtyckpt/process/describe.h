/* SPDX-License-Identifier: GPL-2.0 */
/* Describe a process to readers of its image. */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include <dirtypages.h>

/**
 * struct description - names and IDs of a process
 * @ppid: PID of its parent
 * @pgrp: process group
 * @sid: session
 * @uid: owner
 * @gid: group of the owner
 * @comm: name
 * @args: command line
 */
struct description {
	int ppid;
	int pgrp;
	int sid;
	unsigned int uid;
	unsigned int gid;
	char comm[64];
	char args[81];
};

void describe_process(const struct dirtypages_process *process,
		      struct description *d);

#endif /* DESCRIBE_H */
