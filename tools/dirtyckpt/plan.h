/* SPDX-License-Identifier: GPL-2.0 */
/* Plan a restore. */
#ifndef PLAN_H
#define PLAN_H

#include "image/contents.h"
#include "process/target.h"

/**
 * struct restorer - state of a restore
 * @ctl: the command line
 * @image: the image
 * @gen: the generation
 * @target: the process
 * @threads: its threads
 * @saved: the saved threads
 * @then: pages that the generation lists
 * @lazy: those that were lazily freed (MADV_FREE) then
 * @now: pages that are listed now
 * @freed: those that were lazily freed since
 * @written: those, and pages that are listed as written
 * @maps: mappings of the process
 * @added: addresses that were not mapped then
 * @contents: contents of the generation
 * @differ: pages to write
 * @fresh: pages that are listed now, and were clean; spans end with mappings
 * @gone: ranges that cover @fresh, to be given back by madvise()
 * @changed: the process was changed
 * @by_writing: number of pages written because they could not be given back
 */
struct restorer {
	const struct control *ctl;
	struct image image;
	struct generation gen;
	struct target target;
	struct threads threads;
	struct threads saved;
	struct spans then;
	struct spans lazy;
	struct spans now;
	struct spans freed;
	struct spans written;
	struct dirtypages_maps *maps;
	struct spans added;
	struct contents contents;
	struct spans differ;
	struct spans fresh;
	struct spans gone;
	bool changed;
	uint64_t by_writing;
};

enum status plan(struct restorer *r);

#endif /* PLAN_H */
