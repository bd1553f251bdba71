/* SPDX-License-Identifier: GPL-2.0 */
/* What is known of a process besides its memory. */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include "dirtypages.h"

/**
 * struct description - a process, for those who look at its image
 * @ppid: its parent
 * @pgrp: its process group
 * @sid: its session
 * @uid: its owner
 * @gid: the owner's group
 * @comm: its name
 * @args: what it was called with
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

void describe_process(const struct dirty_process *process,
		      struct description *who);

#endif /* DESCRIBE_H */
