/* SPDX-License-Identifier: GPL-2.0 */
/* A pass over a process, which saves one generation. */
#ifndef PASS_H
#define PASS_H

#include "image/contents.h"
#include "image/record.h"
#include "process/target.h"

enum { COPY_BYTES = 1 << 20 };

/**
 * struct saver - state of a save
 * @ctl: the command line
 * @image: the image
 * @target: the process
 * @last: number of the last generation, 0 if there is none
 * @base: base of the next one
 * @whole: the next one is whole
 * @criu: CRIU can use the tracking
 * @before: pages with contents in the last generation or before
 * @record: pages that have to be copied
 * @contents: contents of @before, if the kernel does not track writes
 * @compare: store only pages that differ from @contents
 * @buffer: buffer of COPY_BYTES
 */
struct saver {
	const struct control *ctl;
	struct image image;
	struct target target;
	unsigned long last;
	char base[33];
	bool whole;
	bool criu;
	struct spans before;
	struct record record;
	struct contents contents;
	bool compare;
	void *buffer;
};

enum status make_pass(struct saver *saver, bool stop);

#endif /* PASS_H */
