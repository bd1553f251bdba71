/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Measure the cost of finding the modified pages of a process: the parts of a
 * program that runs alone in its kernel.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../init/init.h"

/* Prefix of each line for the script that has started the kernel */
#define RESULT		"bench: "

#define PAGE		4096UL
#define KIB		1024UL
#define MIB		(1024 * KIB)
#define GIB		(1024 * MIB)
#define TIB		(1024 * GIB)

/**
 * struct scene - a state of memory for which listings are timed
 * @name: its name for CASE=
 * @group: the name for CASE= of all scenes for the same question
 * @measure: measures it; returns false if there is no result
 * @make: maps and touches the memory; called in the target
 * @size: bytes, for @make and @then
 * @acknowledged: acknowledge all pages after @make
 * @then: called in the target each time that it continues, or NULL
 * @range: the start of the RANGE_SIZE bytes that measure_range() lists
 * @no_pagemap: the address space is too large to read all of pagemap
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

/* The size of the range that measure_range() lists; all its pages are written. */
#define RANGE_SIZE	(16 * MIB)

/* Steps that the target of measure_company() times whenever it continues */
#define COMPANY_STEPS	4096

extern const struct scene scenes[];
extern const size_t nr_scenes;

/**
 * struct target - a process that has the memory of a scene, and waits
 * @pid: the process
 * @to: a pipe to the target; a byte makes it continue
 * @from: a pipe from the target; it sends a byte when it has finished a part
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
 * struct subject - the open files of a target
 * @pid: the target
 * @dirty_pages: /proc/<pid>/dirty_pages
 * @pagemap: /proc/<pid>/pagemap
 * @smaps_rollup: /proc/<pid>/smaps_rollup
 * @start: the start of the first mapping
 * @end: the end of the last mapping
 * @ranges: all mappings, as pairs of addresses
 * @nr_ranges: the number of mappings
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
 * struct answer - the answer of one interface
 * @pages: modified private pages
 * @lines: lines of text, or regions
 * @calls: the number of system calls
 */
struct answer {
	unsigned long pages;
	unsigned long lines;
	unsigned long calls;
};

/**
 * struct contender - an interface that reports modified pages
 * @name: its name in the results
 * @ask: read the answer and count only the calls
 * @count: read the answer and count pages, lines and calls
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
