/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listings of the modified private pages of processes, wherever they come from:
 * /proc/<pid>/dirty_pages, PAGEMAP_SCAN, pagemap, or text that was kept.
 *
 * All functions that return int give 0 or a negative errno, unless they say
 * otherwise. None of them prints anything.
 */
#ifndef DIRTYPAGES_H
#define DIRTYPAGES_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/**
 * struct dirty_process - a process, and no other that gets its number later
 * @pid: its number
 * @tid: the thread whose files are read, as a main thread that has exited has
 *	no memory any more though others of the process may live
 * @fd: the folder /proc/<pid>
 * @start_time: when it started, in clock ticks since boot
 * @comm: its name
 */
struct dirty_process {
	pid_t pid;
	pid_t tid;
	int fd;
	uint64_t start_time;
	char comm[64];
};

/*
 * So often is looked for a thread that lives, and its file opened anew, of a process
 * whose first thread has ended, and whose others do while that is looked at.
 */
enum { DIRTY_TRIES = 100 };

int dirty_process_open(struct dirty_process *process, pid_t pid);
void dirty_process_close(struct dirty_process *process);
bool dirty_process_lives(const struct dirty_process *process);
int dirty_process_file(struct dirty_process *process, const char *name,
		       int flags);
int dirty_process_space(struct dirty_process *process, uint64_t *space);
int dirty_process_threads(const struct dirty_process *process, DIR **dir);
pid_t dirty_next_thread(DIR *dir);

/**
 * struct dirty_thread - what /proc/<pid>/task/<tid>/stat says
 * @state: 'R' for one that runs, and so on
 * @threads: how many its process has, with those that have ended but are still
 *	there; 0 if it has none any more
 * @memory: bytes of its address space, 0 if it has none any more
 * @start_time: when it started, in clock ticks since boot
 */
struct dirty_thread {
	char state;
	size_t threads;
	uint64_t memory;
	uint64_t start_time;
};

int dirty_thread_read(const struct dirty_process *process, pid_t tid,
		      struct dirty_thread *thread);
int dirty_process_find(const char *name, pid_t **pids, size_t *count);

/**
 * struct dirty_mapping - a line of /proc/<pid>/maps
 * @start: first address
 * @end: address after the last
 * @offset: where in the file
 * @inode: number of the file, 0 if there is none
 * @major: of the file's device
 * @minor: of the file's device
 * @perms: as "rw-p"
 * @name: what is mapped, "" if it has no name
 */
struct dirty_mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
	unsigned int major;
	unsigned int minor;
	char perms[5];
	char *name;
};

/**
 * struct dirty_maps - the mappings of a process, ascending
 * @mappings: an array of them
 * @count: how many
 */
struct dirty_maps {
	struct dirty_mapping *mappings;
	size_t count;
};

int dirty_maps_parse(struct dirty_maps *maps, FILE *f);
int dirty_maps_read(struct dirty_process *process, struct dirty_maps *maps);
void dirty_maps_free(struct dirty_maps *maps);
size_t dirty_maps_first(const struct dirty_maps *maps, uint64_t addr);
const struct dirty_mapping *dirty_maps_find(const struct dirty_maps *maps,
					    uint64_t addr);

/* No architecture has smaller pages. */
enum { DIRTY_LEAST_PAGE = 4096 };

/* Flags of a page are the set of their letters. */
#define DIRTY_FLAG(letter)	(1u << ((letter) - 'a'))

/**
 * struct dirty_range - neighbouring pages with equal flags: a line of a listing
 * @start: address of the first page
 * @end: address after the last page
 * @flags: the letters, see DIRTY_FLAG()
 * @unknown: letters that the back end could not tell, "?" in the text
 * @text: the flags as the listing has them; lives as long as the listing
 */
struct dirty_range {
	uint64_t start;
	uint64_t end;
	uint32_t flags;
	uint32_t unknown;
	const char *text;
};

struct dirty_texts;

/**
 * struct dirty_listing - a whole listing
 * @ranges: its lines, ascending
 * @count: how many
 * @unknown: letters that the back end could not tell of all pages
 * @columns: of the flags, at most
 * @problem: why its next line was refused, for ever, or NULL
 * @room: how many fit into @ranges
 * @texts: the different flags that occur
 */
struct dirty_listing {
	struct dirty_range *ranges;
	size_t count;
	uint32_t unknown;
	size_t columns;
	const char *problem;
	size_t room;
	struct dirty_texts *texts;
};

int dirty_listing_add(struct dirty_listing *listing, uint64_t start,
		      uint64_t end, const char *text, size_t len);
int dirty_listing_parse(struct dirty_listing *listing, int fd);
void dirty_listing_free(struct dirty_listing *listing);
const char *dirty_listing_fault(const struct dirty_listing *listing, size_t *line);
int dirty_listing_forget(struct dirty_listing *listing, char letter);

/* Where listings come from, best first */
enum dirty_backend {
	DIRTY_AUTO,
	DIRTY_FILE,
	DIRTY_SCAN,
	DIRTY_PAGEMAP,
	DIRTY_BACKENDS
};

extern const char *const dirty_backend_names[DIRTY_BACKENDS];

/**
 * struct dirty_reader - the address space that a process had when it was opened
 * @process: of that one
 * @backend: never %DIRTY_AUTO
 * @fd: dirty_pages or pagemap, -1 if there is no address space
 * @start: the first address that is listed, see dirty_set_range()
 * @end: the address after the last one
 * @need: letters that the caller wants to know. %DIRTY_SCAN takes a second look
 *	for 'x', page by page, only if it is one of them. May be changed
 *	between reads
 */
struct dirty_reader {
	struct dirty_process *process;
	enum dirty_backend backend;
	int fd;
	uint64_t start;
	uint64_t end;
	uint32_t need;
};

int dirty_open(struct dirty_reader *reader, struct dirty_process *process,
	       enum dirty_backend backend, bool acknowledge);
int dirty_set_range(struct dirty_reader *reader, uint64_t start, uint64_t end);
int dirty_read(struct dirty_reader *reader, struct dirty_listing *listing);
int dirty_read_with_maps(struct dirty_reader *reader,
			 struct dirty_listing *listing, struct dirty_maps *maps);
bool dirty_is_tracked(void);
int dirty_acknowledge(struct dirty_reader *reader,
		      const struct dirty_range *ranges, size_t count);
void dirty_close(struct dirty_reader *reader);

int dirty_track(const struct dirty_process *process, char *who, size_t size);
int dirty_track_on(const struct dirty_process *process, int lock,
		   const char *who);
void dirty_untrack(const struct dirty_process *process, int lock);

#endif /* DIRTYPAGES_H */
