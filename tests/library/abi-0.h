/* SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause */
/*
 * The interface of libdirtypages.so.0, version LIBDIRTYPAGES_0, as it was first
 * released. Include <dirtypages.h> before this: where that differs, the compiler
 * refuses it. This file never changes; a later version gets a file of its own.
 */
#ifndef ABI_0_H
#define ABI_0_H

#define IS(expression, value) \
	_Static_assert((expression) == (value), #expression " was " #value)

IS(DIRTYPAGES_AUTO, 0);
IS(DIRTYPAGES_FILE, 1);
IS(DIRTYPAGES_SCAN, 2);
IS(DIRTYPAGES_PAGEMAP, 3);
IS(DIRTYPAGES_CAN_TRACK, 1);
IS(DIRTYPAGES_CAN_ACKNOWLEDGE, 2);
IS(DIRTYPAGES_CAN_RANGE, 4);
IS(DIRTYPAGES_ACKNOWLEDGE, 1);
IS(DIRTYPAGES_RESET, 2);
IS(DIRTYPAGES_FLAG('a'), 1);
IS(DIRTYPAGES_FLAG('z'), 1 << 25);
IS(DIRTYPAGES_ANONYMOUS, 1 << 0);
IS(DIRTYPAGES_PRIVATE_FILE, 1 << 5);
IS(DIRTYPAGES_PRESENT, 1 << 15);
IS(DIRTYPAGES_SWAPPED, 1 << 18);
IS(DIRTYPAGES_LOST, 1 << 4);
IS(DIRTYPAGES_WRITTEN, 1 << 3);
IS(DIRTYPAGES_EXCLUSIVE, 1 << 23);
IS(DIRTYPAGES_HUGE, 1 << 7);
IS(DIRTYPAGES_MERGED, 1 << 10);
IS(DIRTYPAGES_LAZY, 1 << 11);

/* Later versions may append members. */
IS(offsetof(struct dirtypages_kernel, size), 0);
IS(offsetof(struct dirtypages_kernel, backends), 8);
IS(offsetof(struct dirtypages_kernel, can), 16);
IS(offsetof(struct dirtypages_kernel, flags), 24);
IS(offsetof(struct dirtypages_mapping, start), 0);
IS(offsetof(struct dirtypages_mapping, end), 8);
IS(offsetof(struct dirtypages_mapping, offset), 16);
IS(offsetof(struct dirtypages_mapping, inode), 24);
IS(offsetof(struct dirtypages_mapping, major), 32);
IS(offsetof(struct dirtypages_mapping, minor), 36);
IS(offsetof(struct dirtypages_mapping, perms), 40);
IS(offsetof(struct dirtypages_mapping, name), 48);

/* Callers make arrays of this one. */
IS(offsetof(struct dirtypages_range, start), 0);
IS(offsetof(struct dirtypages_range, end), 8);
IS(offsetof(struct dirtypages_range, flags), 16);
IS(offsetof(struct dirtypages_range, unknown), 20);
IS(offsetof(struct dirtypages_range, text), 24);
IS(sizeof(struct dirtypages_range), 24 + _Alignof(struct dirtypages_range));

typedef int dirtypages_range_fn(const struct dirtypages_range *range, void *data);

const char *dirtypages_backend_name(enum dirtypages_backend backend);
int dirtypages_backend_parse(const char *name);
int dirtypages_kernel_query(struct dirtypages_kernel *kernel);
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
int dirtypages_track(struct dirtypages_tracker **tracker, pid_t pid,
		     uint64_t start_time);
void dirtypages_untrack(struct dirtypages_tracker *tracker);
const char *dirtypages_tracker_note(const struct dirtypages_tracker *tracker);
int dirtypages_tracker_set_note(struct dirtypages_tracker *tracker,
				const char *note);

#undef IS

#endif /* ABI_0_H */
