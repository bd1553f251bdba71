/* SPDX-License-Identifier: GPL-2.0 */
/* A pass over a process, which makes a generation. */
#ifndef PASS_H
#define PASS_H

#include "image/head.h"
#include "image/record.h"
#include "process/target.h"

enum { COPY_BYTES = 1 << 20 };

/**
 * struct saver - a save at work
 * @ctl: what was asked for
 * @image: where to
 * @target: of what
 * @last: number of the last generation, 0 if there is none
 * @base: what the next one builds on
 * @whole: it builds on none
 * @before: pages of which the last one has the contents
 * @record: what has to be copied
 * @buffer: for contents, of COPY_BYTES
 */
struct saver {
	const struct control *ctl;
	struct image image;
	struct target target;
	unsigned long last;
	char base[33];
	bool whole;
	struct spans before;
	struct record record;
	void *buffer;
};

enum status make_pass(struct saver *saver, bool stop);

#endif /* PASS_H */
