/* SPDX-License-Identifier: GPL-2.0 */
/* What a restore has to change. */
#ifndef PLAN_H
#define PLAN_H

#include "image/contents.h"
#include "process/target.h"

/**
 * struct restorer - a restore at work
 * @ctl: what was asked for
 * @image: where from
 * @gen: which generation
 * @target: of what
 * @threads: its threads
 * @saved: as they were
 * @then: pages that the generation lists
 * @lazy: those that the kernel could drop
 * @now: pages that are listed
 * @freed: those that it may drop, and could not then
 * @written: those, and what says that it was written
 * @maps: its mappings
 * @added: addresses that were not mapped then
 * @contents: of the generation
 * @differ: pages to be written
 * @fresh: pages that are listed, and were clean; a span ends where a mapping does
 * @gone: ranges to be given back, with all of those
 * @changed: something of the process was changed
 * @by_writing: pages that could not be given back, but were written
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
	struct dirty_maps maps;
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
