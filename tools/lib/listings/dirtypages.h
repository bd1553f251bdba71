/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listings of the modified private pages of processes, from any source:
 * /proc/<pid>/dirty_pages, PAGEMAP_SCAN, pagemap, or saved text.
 *
 * Functions that return int return 0 or a negative errno unless stated otherwise.
 * No function prints anything.
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
 * struct dirty_process - a process; never another one that reuses its PID
 * @pid: its PID
 * @tid: the thread to read files of: an exited main thread has no memory,
 *	though other threads of the process may live
 * @fd: the folder /proc/<pid>
 * @start_time: its start time, in clock ticks since boot
 * @comm: its name
 */
struct dirty_process {
	pid_t pid;
	pid_t tid;
	int fd;
	uint64_t start_time;
	char comm[64];
};

/* Retry limit for opening a file of a live thread while threads keep exiting */
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
 * struct dirty_thread - the contents of /proc/<pid>/task/<tid>/stat
 * @state: its state, such as 'R' for running
 * @threads: number of threads of its process, including zombies; 0 if none is
 *	left
 * @memory: size of its address space in bytes, 0 if it has none
 * @start_time: its start time, in clock ticks since boot
 */
struct dirty_thread {
	char state;
	size_t threads;
	uint64_t memory;
	uint64_t start_time;
};

int dirty_thread_read(const struct dirty_process *process, pid_t tid,
		      struct dirty_thread *thread);

/* Return true if a process is to be found; @dir is its folder in /proc. */
typedef bool dirty_wanted_fn(int dir, void *data);

int dirty_process_find(dirty_wanted_fn *is_wanted, void *data, pid_t **pids,
		       size_t *count);
bool dirty_process_is_called(int dir, const char *name);

/**
 * struct dirty_mapping - a line of /proc/<pid>/maps
 * @start: first address
 * @end: address after the last
 * @offset: offset in the file
 * @inode: inode number of the file, 0 if there is none
 * @major: major number of the file's device
 * @minor: minor number of the file's device
 * @perms: permissions, such as "rw-p"
 * @name: name of the mapping, "" if it has none
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
 * @mappings: the mappings
 * @count: their number
 */
struct dirty_maps {
	struct dirty_mapping *mappings;
	size_t count;
};

int dirty_maps_parse(struct dirty_maps *maps, FILE *f);
int dirty_maps_read(struct dirty_process *process, struct dirty_maps *maps);
void dirty_maps_free(struct dirty_maps *maps);
bool dirty_mapping_is_anonymous(const struct dirty_mapping *mapping);
size_t dirty_maps_first(const struct dirty_maps *maps, uint64_t addr);
const struct dirty_mapping *dirty_maps_find(const struct dirty_maps *maps,
					    uint64_t addr);

/* No architecture has smaller pages. */
enum { DIRTY_LEAST_PAGE = 4096 };

/* The flags of a page are a set of letters. */
#define DIRTY_FLAG(letter)	(1u << ((letter) - 'a'))

/**
 * struct dirty_range - neighbouring pages with equal flags: a line of a listing
 * @start: address of the first page
 * @end: address after the last page
 * @flags: the letters, see DIRTY_FLAG()
 * @unknown: letters that the back end does not report, "?" in the text
 * @text: the flags as printed; valid as long as the listing
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
 * @count: number of lines
 * @unknown: letters that the back end does not report for all pages
 * @columns: highest number of columns in the flags
 * @problem: why the next line was refused, in static storage, or NULL
 * @room: capacity of @ranges
 * @texts: the distinct flags
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

/* Sources of listings, best first */
enum dirty_backend {
	DIRTY_AUTO,
	DIRTY_FILE,
	DIRTY_SCAN,
	DIRTY_PAGEMAP,
	DIRTY_BACKENDS
};

extern const char *const dirty_backend_names[DIRTY_BACKENDS];

/**
 * struct dirty_reader - the address space that a process had at dirty_open()
 * @process: the process
 * @backend: the source, never %DIRTY_AUTO
 * @fd: dirty_pages or pagemap, -1 if there is no address space
 * @start: the first address to list, see dirty_set_range()
 * @end: the address after the last
 * @need: letters that the caller needs. %DIRTY_SCAN reads pagemap entries, page by
 *	page, only if 'x' is one of them. May change between reads
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

int dirty_track(const struct dirty_process *process, char *name, size_t size);
int dirty_track_on(const struct dirty_process *process, int lock,
		   const char *name);
void dirty_untrack(const struct dirty_process *process, int lock);

#endif /* DIRTYPAGES_H */
