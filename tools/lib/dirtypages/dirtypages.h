/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * libdirtypages: the modified private pages of processes.
 *
 * Functions that return int return 0 or a negative errno unless stated otherwise,
 * and leave errno unspecified. No function prints, exits or installs a signal
 * handler, and the library has no global state: threads may use different objects
 * at the same time. Functions that take a const object may also share it.
 *
 * The manuals, from libdirtypages(3) on, describe each function.
 */
#ifndef DIRTYPAGES_H
#define DIRTYPAGES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* The flags of a page are a set of letters. */
#define DIRTYPAGES_FLAG(letter)	(UINT32_C(1) << ((letter) - 'a'))

#define DIRTYPAGES_ANONYMOUS	DIRTYPAGES_FLAG('a')	/* anonymous mapping */
#define DIRTYPAGES_PRIVATE_FILE	DIRTYPAGES_FLAG('f')	/* private file mapping */
#define DIRTYPAGES_PRESENT	DIRTYPAGES_FLAG('p')	/* in memory */
#define DIRTYPAGES_SWAPPED	DIRTYPAGES_FLAG('s')	/* in swap or in a device */
#define DIRTYPAGES_LOST		DIRTYPAGES_FLAG('e')	/* lost to a memory error */
#define DIRTYPAGES_WRITTEN	DIRTYPAGES_FLAG('d')	/* since acknowledged */
#define DIRTYPAGES_EXCLUSIVE	DIRTYPAGES_FLAG('x')	/* no other process has it */
#define DIRTYPAGES_HUGE		DIRTYPAGES_FLAG('h')	/* mapped by a huge page */
#define DIRTYPAGES_MERGED	DIRTYPAGES_FLAG('k')	/* merged by KSM */
#define DIRTYPAGES_LAZY		DIRTYPAGES_FLAG('l')	/* MADV_FREE: may be dropped */

/* Sources of listings, best first */
enum dirtypages_backend {
	DIRTYPAGES_AUTO,	/* the best one that the kernel has */
	DIRTYPAGES_FILE,	/* /proc/<pid>/dirty_pages */
	DIRTYPAGES_SCAN,	/* PAGEMAP_SCAN, Linux 6.7 or later */
	DIRTYPAGES_PAGEMAP,	/* /proc/<pid>/pagemap, entry by entry */
};

const char *dirtypages_backend_name(enum dirtypages_backend backend);
int dirtypages_backend_parse(const char *name);

/* Bits of @can in struct dirtypages_kernel */
#define DIRTYPAGES_CAN_TRACK		(UINT64_C(1) << 0)
#define DIRTYPAGES_CAN_ACKNOWLEDGE	(UINT64_C(1) << 1)
#define DIRTYPAGES_CAN_RANGE		(UINT64_C(1) << 2)

/**
 * struct dirtypages_kernel - the abilities of the running kernel
 * @size: sizeof(struct dirtypages_kernel), set by the caller. A later library may
 *	know more members; it fills in only those that fit
 * @backends: a bit, 1 << DIRTYPAGES_..., for each back end that exists
 * @can: %DIRTYPAGES_CAN_TRACK: writes set d, so d means something;
 *	%DIRTYPAGES_CAN_ACKNOWLEDGE: acknowledging clears d;
 *	%DIRTYPAGES_CAN_RANGE: the best back end reads a range without the rest
 * @flags: the flags that the best back end reports for all pages
 */
struct dirtypages_kernel {
	uint64_t size;
	uint64_t backends;
	uint64_t can;
	uint64_t flags;
};

int dirtypages_kernel_query(struct dirtypages_kernel *kernel);

/* A process; never another one that reuses its PID */
struct dirtypages_process;

int dirtypages_process_open(struct dirtypages_process **process, pid_t pid);
int dirtypages_process_open_pidfd(struct dirtypages_process **process, int pidfd);
void dirtypages_process_close(struct dirtypages_process *process);
pid_t dirtypages_process_pid(const struct dirtypages_process *process);
uint64_t dirtypages_process_start_time(const struct dirtypages_process *process);
const char *dirtypages_process_comm(const struct dirtypages_process *process);
int dirtypages_process_dir(const struct dirtypages_process *process);
bool dirtypages_process_lives(const struct dirtypages_process *process);
int dirtypages_process_file(const struct dirtypages_process *process,
			    const char *name, int flags);
bool dirtypages_process_has_memory(const struct dirtypages_process *process);
int dirtypages_process_space(const struct dirtypages_process *process,
			     uint64_t *space);

/**
 * struct dirtypages_range - neighbouring pages with equal flags: a line of a listing
 * @start: address of the first page
 * @end: address after the last page
 * @flags: the letters, see DIRTYPAGES_FLAG()
 * @unknown: letters that the back end does not report, "?" in the text
 * @text: the flags as printed, or NULL; valid as long as the listing
 */
struct dirtypages_range {
	uint64_t start;
	uint64_t end;
	uint32_t flags;
	uint32_t unknown;
	const char *text;
};

/* Lines, ascending. Where a function takes a const listing, NULL is an empty one. */
struct dirtypages_listing;

int dirtypages_listing_new(struct dirtypages_listing **listing);
void dirtypages_listing_free(struct dirtypages_listing *listing);
size_t dirtypages_listing_count(const struct dirtypages_listing *listing);
const struct dirtypages_range *
dirtypages_listing_ranges(const struct dirtypages_listing *listing);
uint32_t dirtypages_listing_unknown(const struct dirtypages_listing *listing);
size_t dirtypages_listing_columns(const struct dirtypages_listing *listing);
const char *dirtypages_listing_problem(const struct dirtypages_listing *listing);
int dirtypages_listing_add(struct dirtypages_listing *listing, uint64_t start,
			   uint64_t end, const char *text);
int dirtypages_listing_parse(struct dirtypages_listing *listing, int fd);
const char *dirtypages_listing_fault(const struct dirtypages_listing *listing,
				     size_t *line);
void dirtypages_listing_select(struct dirtypages_listing *listing, uint32_t want,
			       uint32_t deny, uint64_t start, uint64_t end);
void dirtypages_listing_truncate(struct dirtypages_listing *listing, size_t count);
int dirtypages_listing_forget(struct dirtypages_listing *listing, uint32_t flags);

/**
 * struct dirtypages_mapping - a line of /proc/<pid>/maps
 * @start: first address
 * @end: address after the last
 * @offset: offset in the file
 * @inode: inode number of the file, 0 if there is none
 * @major: major number of the file's device
 * @minor: minor number of the file's device
 * @perms: permissions, such as "rw-p"
 * @name: name of the mapping, "" if it has none
 *
 * Only the library allocates this struct, so later versions may append members.
 */
struct dirtypages_mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
	uint32_t major;
	uint32_t minor;
	char perms[8];
	const char *name;
};

/* The mappings of a process, ascending. NULL is an empty set. */
struct dirtypages_maps;

int dirtypages_maps_new(struct dirtypages_maps **maps);
int dirtypages_maps_add(struct dirtypages_maps *maps, uint64_t start, uint64_t end,
			const char *perms, uint64_t offset, uint32_t major,
			uint32_t minor, uint64_t inode, const char *name);
int dirtypages_maps_read(struct dirtypages_maps **maps,
			 const struct dirtypages_process *process);
int dirtypages_maps_parse(struct dirtypages_maps **maps, const char *text,
			  size_t size);
void dirtypages_maps_free(struct dirtypages_maps *maps);
size_t dirtypages_maps_count(const struct dirtypages_maps *maps);
const struct dirtypages_mapping *
dirtypages_maps_get(const struct dirtypages_maps *maps, size_t index);
size_t dirtypages_maps_first(const struct dirtypages_maps *maps, uint64_t addr);
const struct dirtypages_mapping *
dirtypages_maps_find(const struct dirtypages_maps *maps, uint64_t addr);
bool dirtypages_mapping_is_anonymous(const struct dirtypages_mapping *mapping);

/* The address space that a process had when this was opened */
struct dirtypages;

/* Flags of dirtypages_open() */
#define DIRTYPAGES_ACKNOWLEDGE	(1u << 0)	/* to acknowledge pages */
#define DIRTYPAGES_RESET	(1u << 1)	/* to write to its memory as well */

int dirtypages_open(struct dirtypages **pages, pid_t pid,
		    enum dirtypages_backend backend, unsigned int flags);
int dirtypages_open_process(struct dirtypages **pages,
			    const struct dirtypages_process *process,
			    enum dirtypages_backend backend, unsigned int flags);
void dirtypages_close(struct dirtypages *pages);
enum dirtypages_backend dirtypages_get_backend(const struct dirtypages *pages);
const struct dirtypages_process *
dirtypages_get_process(const struct dirtypages *pages);
int dirtypages_set_range(struct dirtypages *pages, uint64_t start, uint64_t end);
void dirtypages_set_needed(struct dirtypages *pages, uint32_t flags);

/* Called for each line. A result other than 0 ends the listing and is returned. */
typedef int dirtypages_range_fn(const struct dirtypages_range *range, void *data);

int dirtypages_read(struct dirtypages *pages, struct dirtypages_listing *listing);
int dirtypages_read_with_maps(struct dirtypages *pages,
			      struct dirtypages_listing *listing,
			      struct dirtypages_maps **maps);
int dirtypages_for_each(struct dirtypages *pages, dirtypages_range_fn *fn,
			void *data);
int dirtypages_sum(struct dirtypages *pages, uint32_t want, uint32_t deny,
		   uint64_t *bytes, uint64_t *unknown);

int dirtypages_acknowledge(struct dirtypages *pages,
			   const struct dirtypages_listing *listing);
int dirtypages_acknowledge_ranges(struct dirtypages *pages,
				  const struct dirtypages_range *ranges,
				  size_t count);
int dirtypages_acknowledge_range(struct dirtypages *pages, uint64_t start,
				 uint64_t end);
int dirtypages_reset(struct dirtypages *pages, const void *contents,
		     uint64_t *bytes);

/* The right to acknowledge pages of a process: one tracker per process */
struct dirtypages_tracker;

int dirtypages_track(struct dirtypages_tracker **tracker, pid_t pid,
		     uint64_t start_time);
void dirtypages_untrack(struct dirtypages_tracker *tracker);
const char *dirtypages_tracker_note(const struct dirtypages_tracker *tracker);
int dirtypages_tracker_set_note(struct dirtypages_tracker *tracker,
				const char *note);

#pragma GCC visibility pop

/* Private to dirtypages_sum_text(): a line that is being parsed */
enum dirtypages_priv_field {
	DIRTYPAGES_PRIV_START,
	DIRTYPAGES_PRIV_END,
	DIRTYPAGES_PRIV_FLAGS,
	DIRTYPAGES_PRIV_REST,
};

struct dirtypages_priv_line {
	enum dirtypages_priv_field at;
	unsigned int digits;
	uint64_t number;
	uint64_t start;
	uint64_t bytes;
	uint32_t flags;
};

/* Private: parse one character. Return 1 at the end of a line, 0 within it. */
static inline int dirtypages_priv_parse(struct dirtypages_priv_line *line, char c)
{
	unsigned int digit = (unsigned char)c - '0';

	if (line->at == DIRTYPAGES_PRIV_FLAGS ||
	    line->at == DIRTYPAGES_PRIV_REST) {
		if (c == '\n')
			return 1;
		if (c == ' ')
			line->at = DIRTYPAGES_PRIV_REST;
		else if (line->at == DIRTYPAGES_PRIV_FLAGS && c >= 'a' && c <= 'z')
			line->flags |= DIRTYPAGES_FLAG(c);
		return 0;
	}
	if (digit > 9)
		digit = ((unsigned char)c | 0x20) - 'a' + 10;
	if (digit < 16) {
		line->number = line->number << 4 | digit;
		return ++line->digits > 16 ? -EPROTO : 0;
	}
	if (!line->digits)
		return -EPROTO;
	if (line->at == DIRTYPAGES_PRIV_START && c == '-') {
		line->start = line->number;
		line->at = DIRTYPAGES_PRIV_END;
	} else if (line->at == DIRTYPAGES_PRIV_END && c == ' ' &&
		   line->number > line->start) {
		line->bytes = line->number - line->start;
		line->at = DIRTYPAGES_PRIV_FLAGS;
	} else {
		return -EPROTO;
	}
	line->number = 0;
	line->digits = 0;
	return 0;
}

/**
 * dirtypages_sum_text() - add up pages of a listing in text form
 * @fd: the listing, read from its position to its end
 * @want: flags that a page must have
 * @deny: flags that it must not have
 * @bytes: set to the size of these pages
 *
 * This needs no library at run time. It allocates nothing, and may be called after
 * fork() and in signal handlers. It uses about 4 KiB of stack.
 *
 * Return: 0; -EPROTO if a line is malformed or incomplete; or a negative errno of
 * read(), which is -ESRCH if the address space is gone.
 */
static inline int dirtypages_sum_text(int fd, uint32_t want, uint32_t deny,
				      uint64_t *bytes)
{
	const struct dirtypages_priv_line none = { DIRTYPAGES_PRIV_START, 0, 0, 0, 0, 0 };
	struct dirtypages_priv_line line = none;
	char text[4096];
	ssize_t len;

	*bytes = 0;
	while ((len = read(fd, text, sizeof(text)))) {
		if (len < 0 && errno != EINTR)
			return -errno;
		for (ssize_t i = 0; i < len; i++) {
			int done = dirtypages_priv_parse(&line, text[i]);

			if (done < 0)
				return done;
			if (!done)
				continue;
			if ((line.flags & want) == want && !(line.flags & deny))
				*bytes += line.bytes;
			line = none;
		}
	}
	return line.at == DIRTYPAGES_PRIV_START && !line.digits ? 0 : -EPROTO;
}

#ifdef __cplusplus
}
#endif

#endif /* DIRTYPAGES_H */
