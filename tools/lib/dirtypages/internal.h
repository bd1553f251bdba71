/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/* Inside the library. Symbols that are not exported begin with dp_ or proc_. */
#ifndef DIRTYPAGES_INTERNAL_H
#define DIRTYPAGES_INTERNAL_H

/* On 32 bits too, the memory above 2 GiB, and large inode numbers */
#define _FILE_OFFSET_BITS 64

#include "dirtypages.h"

_Static_assert(sizeof(off_t) == 8, "a system header was included before this one");

/* Retry limit for opening a file of a live thread while threads keep exiting */
enum { TRIES = 100 };

/* Bytes of text or entries to read at once; they are on the stack. */
enum { CHUNK = 16384 };

/**
 * struct dirtypages_process - a process
 * @pid: its PID
 * @fd: the folder /proc/<pid>
 * @start_time: its start time, in clock ticks since boot
 * @comm: its name
 */
struct dirtypages_process {
	pid_t pid;
	int fd;
	uint64_t start_time;
	char comm[64];
};

/**
 * struct dirtypages - the address space that a process had when this was opened
 * @process: the process
 * @owned: @process is closed with this
 * @backend: the source, never %DIRTYPAGES_AUTO
 * @flags: flags of dirtypages_open()
 * @fd: dirty_pages or pagemap, -1 if there is no address space
 * @mem: its memory, -1 unless opened with %DIRTYPAGES_RESET
 * @start: the first address to list
 * @end: the address after the last
 * @ranged: @start and @end are other than those of the whole address space
 * @exact: @start and @end are as the caller set them, without rounding
 * @cut: the kernel lists the whole address space, to be cut to the range
 * @need: letters that the caller needs
 * @known: the next members are set
 * @tracked: the kernel tracks writes
 * @guards: PAGEMAP_SCAN of this kernel can leave out guard regions
 * @zero_pfn: the frame of the zero page, 0 if it cannot be found out
 */
struct dirtypages {
	const struct dirtypages_process *process;
	bool owned;
	enum dirtypages_backend backend;
	unsigned int flags;
	int fd;
	int mem;
	uint64_t start;
	uint64_t end;
	bool ranged;
	bool exact;
	bool cut;
	uint32_t need;
	bool known;
	bool tracked;
	bool guards;
	uint64_t zero_pfn;
};

/* Columns of the flags that this library knows. Later kernels may add some. */
enum { COLUMNS = 7 };

/**
 * struct dp_line - a line of a listing
 * @start: address of the first page
 * @end: address after the last page
 * @text: the flags, zero-terminated
 * @len: length of @text
 */
struct dp_line {
	uint64_t start;
	uint64_t end;
	const char *text;
	size_t len;
};

/* Takes each line. A result other than 0 ends the listing. */
typedef int dp_line_fn(const struct dp_line *line, void *data);

/**
 * struct dp_sink - the receiver of a listing
 * @take: takes each line
 * @data: passed to @take
 * @problem: why a line was refused, in static storage, or NULL
 */
struct dp_sink {
	dp_line_fn *take;
	void *data;
	const char *problem;
};

int dp_owns_memory(const struct dirtypages_process *process);
uint32_t dp_letters(const char *text, size_t len);
uint32_t dp_unknown_letters(const char *text, size_t len);
const char *dp_column_letters(size_t column);
int dp_text_parse(int fd, struct dp_sink *sink);
int dp_listing_take(const struct dp_line *line, void *data);
void dp_listing_reset(struct dirtypages_listing *listing);
void dp_listing_finish(struct dirtypages_listing *listing,
		       const struct dp_sink *sink, const struct dirtypages *pages);

bool dp_pagemap_can_scan(int fd);
bool dp_is_tracked(void);
int dp_pagemap_read(struct dirtypages *pages, struct dp_sink *sink,
		    struct dirtypages_maps **maps);

#endif /* DIRTYPAGES_INTERNAL_H */
