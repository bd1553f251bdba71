/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What it costs to ask for the modified pages of a process: the pieces of the
 * program that measures it, as the only one in its kernel.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../init/init.h"

/* Before each line that is for who started the kernel */
#define RESULT		"bench: "

#define PAGE		4096UL
#define KIB		1024UL
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)
#define TIB		(1024 * GIB)

/**
 * struct scene - memory in a certain state, for the listings of it to be timed
 * @name: what CASE= calls it
 * @group: what CASE= calls all that are measured for the same question
 * @measure: how; gives false if there is no result
 * @make: map and touch it; called in the target
 * @size: bytes, for @make and @then
 * @acknowledged: all pages are acknowledged after that
 * @then: called in the target each time that it is told to go on, or NULL
 * @range: where the RANGE_SIZE bytes begin that measure_range() lists
 * @no_pagemap: its address space is too large for reading all of pagemap
 */
struct scene {
	const char *name;
	const char *group;
	bool (*measure)(const struct scene *scene, int rounds);
	void (*make)(const struct scene *scene);
	size_t size;
	bool acknowledged;
	void (*then)(const struct scene *scene);
	unsigned long range;
	bool no_pagemap;
};

/* Bytes of a range that measure_range() lists; all pages of it are written. */
#define RANGE_SIZE	(16 * MIB)

/* How many steps are timed each time that the target of measure_company() goes on */
#define COMPANY_STEPS	4096

extern const struct scene scenes[];
extern const size_t nr_scenes;

/**
 * struct target - a process whose memory is as a scene wants it, at rest
 * @pid: the process
 * @to: written to when it may go on
 * @from: what it says when a part is done
 */
struct target {
	pid_t pid;
	int to;
	int from;
};

/* measure.c */
bool measure_listing(const struct scene *scene, int rounds);
bool measure_acknowledging(const struct scene *scene, int rounds);
bool measure_company(const struct scene *scene, int rounds);
bool measure_range(const struct scene *scene, int rounds);
bool measure_programs(const struct scene *scene, int rounds);
bool check_listing(const struct scene *scene, int rounds);

/* targets.c */
struct target start_target(const struct scene *scene);
void continue_target(struct target *target);
void read_steps(struct target *target, uint64_t *steps);
void rest_target(const struct target *target);
void end_target(struct target *target);
int target_main(const struct scene *scene);

/**
 * struct subject - the open files that a target is asked by
 * @pid: the target
 * @dirty_pages: /proc/<pid>/dirty_pages
 * @pagemap: /proc/<pid>/pagemap
 * @smaps_rollup: /proc/<pid>/smaps_rollup
 * @start: the first mapping begins here
 * @end: the last one ends here
 * @ranges: all mappings, as pairs of addresses
 * @nr_ranges: how many
 */
struct subject {
	pid_t pid;
	int dirty_pages;
	int pagemap;
	int smaps_rollup;
	unsigned long start;
	unsigned long end;
	unsigned long (*ranges)[2];
	size_t nr_ranges;
};

/**
 * struct answer - what one way of asking says and costs
 * @pages: modified private pages
 * @lines: lines of text, or regions
 * @calls: system calls that it took
 */
struct answer {
	unsigned long pages;
	unsigned long lines;
	unsigned long calls;
};

/**
 * struct contender - a way of asking
 * @name: as it is called in the results
 * @ask: ask, and throw the answer away, but for the number of calls
 * @count: ask, and count what the answer says
 */
struct contender {
	const char *name;
	void (*ask)(const struct subject *subject, struct answer *answer);
	void (*count)(const struct subject *subject, struct answer *answer);
};

enum { DIRTY_PAGES, PAGEMAP_SCAN_, PAGEMAP, SMAPS_ROLLUP, NR_CONTENDERS };

extern const struct contender contenders[NR_CONTENDERS];

/* contenders.c */
void open_subject(struct subject *subject, pid_t pid);
void close_subject(struct subject *subject);
void set_range(const struct subject *subject, unsigned long start, unsigned long end);
bool try_to_acknowledge(const struct subject *subject);
void acknowledge_all(const struct subject *subject);
int cat_main(const char *path);
int scan_main(pid_t pid);

/* bench.c */
uint64_t now(void);
int open_proc(pid_t pid, const char *name, int flags);

#endif /* BENCH_H */
