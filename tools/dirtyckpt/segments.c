// SPDX-License-Identifier: GPL-2.0
/* Segments of a core file: mappings, and whether they have contents there. */
#define _GNU_SOURCE
#include "segments.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "process/mapping.h"

static void add_segment(struct segments *set, const struct dirtypages_mapping *m,
			uint64_t start, uint64_t end, uint64_t filled)
{
	set->segments = grow(set->segments, set->count + 1,
			     sizeof(*set->segments));
	set->segments[set->count++] = (struct segment){
		.start = start,
		.end = end,
		.mapping = m,
		.filled = filled,
	};
}

/**
 * elf_head_read() - read the first page of a mapped ELF file
 * @m: the mapping
 * @page: set to the page
 *
 * Return: false if @m does not start with that page, or if the file is not an
 * ELF file, or not the one that was mapped.
 */
bool elf_head_read(const struct dirtypages_mapping *m, void *page)
{
	bool good;
	int fd;

	if (m->offset || *m->name != '/')
		return false;
	fd = mapping_open(m);
	if (fd == -1)
		return false;
	memset(page, 0, PAGE_BYTES);
	good = pread(fd, page, PAGE_BYTES, 0) > SELFMAG &&
	       !memcmp(page, ELFMAG, SELFMAG);
	close(fd);
	return good;
}

/* Modified pages have contents, and so does the first page of an ELF file. */
static void add_file_segments(struct segments *set, const struct dirtypages_mapping *m,
			      const struct spans *listed)
{
	struct spans filled = spans_within(listed, m->start, m->end);
	char page[PAGE_BYTES];
	uint64_t at = m->start;

	if ((!filled.count || filled.spans[0].start > m->start) &&
	    elf_head_read(m, page)) {
		add_segment(set, m, at, at + PAGE_BYTES, at + PAGE_BYTES);
		set->segments[set->count - 1].head = true;
		at += PAGE_BYTES;
	}
	for (size_t i = 0; i < filled.count; i++) {
		if (at < filled.spans[i].start)
			add_segment(set, m, at, filled.spans[i].start, at);
		add_segment(set, m, filled.spans[i].start, filled.spans[i].end,
			    filled.spans[i].end);
		at = filled.spans[i].end;
	}
	if (at < m->end)
		add_segment(set, m, at, m->end, at);
	spans_free(&filled);
}

/*
 * Clean pages between modified ones are holes. After many of them, end the
 * contents of the segment: debuggers take the rest for zeroes, and reserved
 * memory can be larger than any file.
 */
static void add_anonymous_segments(struct segments *set,
				   const struct dirtypages_mapping *m,
				   const struct spans *listed)
{
	static const uint64_t many = 16 << 20;
	struct spans pages = spans_within(listed, m->start, m->end);
	uint64_t at = m->start, filled = m->start;

	for (size_t i = 0; i < pages.count; i++) {
		uint64_t next = pages.spans[i].start;

		if (next - filled > many) {
			add_segment(set, m, at, next, filled);
			at = next;
		}
		filled = pages.spans[i].end;
	}
	add_segment(set, m, at, m->end, filled);
	spans_free(&pages);
}

/**
 * segments_find() - divide mappings into segments
 * @set: filled in; its @segments are to be freed
 * @maps: the mappings
 * @listed: pages that have contents
 */
void segments_find(struct segments *set, const struct dirtypages_maps *maps,
		   const struct spans *listed)
{
	for (size_t i = 0; i < dirtypages_maps_count(maps); i++) {
		const struct dirtypages_mapping *m = dirtypages_maps_get(maps, i);

		if (m->perms[3] == 's')
			add_segment(set, m, m->start, m->end, m->start);
		else if (dirtypages_mapping_is_anonymous(m))
			add_anonymous_segments(set, m, listed);
		else if (m->inode)
			add_file_segments(set, m, listed);
		else if (!strcmp(m->name, "[vdso]"))
			add_segment(set, m, m->start, m->end, m->end);
		else
			add_segment(set, m, m->start, m->end, m->start);
	}
}
