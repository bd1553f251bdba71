// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* The mappings of a process, from /proc/<pid>/maps. */
#define _GNU_SOURCE
#include "internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct dirtypages_maps - mappings
 * @mappings: the mappings, ascending
 * @count: their number
 * @room: capacity of @mappings
 * @text: the text that they were parsed from, or NULL
 * @parsed: number of mappings whose name is in @text; the others have copies
 */
struct dirtypages_maps {
	struct dirtypages_mapping *mappings;
	size_t count;
	size_t room;
	char *text;
	size_t parsed;
};

/*
 * Read a number, and step over the separator or stop at the end of the text. This
 * takes a tenth of the time of sscanf().
 */
static bool parse_field(char **text, unsigned int base, char separator,
			uint64_t *number)
{
	char *end = *text;

	for (*number = 0;; end++) {
		unsigned int digit = (unsigned char)*end - '0';

		if (digit > 9)
			digit = ((unsigned char)*end | 0x20) - 'a' + 10;
		if (digit >= base)
			break;
		*number = *number * base + digit;
	}
	if (end == *text || (*end && *end != separator))
		return false;
	*text = end + (*end != '\0');
	return true;
}

static int parse_mapping(char *line, struct dirtypages_mapping *m)
{
	uint64_t major, minor;

	*m = (struct dirtypages_mapping){ 0 };
	if (!parse_field(&line, 16, '-', &m->start) ||
	    !parse_field(&line, 16, ' ', &m->end) || strlen(line) < 5)
		return -EPROTO;
	memcpy(m->perms, line, 4);
	line += 5;
	if (!parse_field(&line, 16, ' ', &m->offset) ||
	    !parse_field(&line, 16, ':', &major) ||
	    !parse_field(&line, 16, ' ', &minor) ||
	    !parse_field(&line, 10, ' ', &m->inode))
		return -EPROTO;
	m->major = major;
	m->minor = minor;
	m->name = line + strspn(line, " ");
	return 0;
}

static size_t count_lines(const char *text)
{
	size_t count = 1;

	for (; (text = strchr(text, '\n')); text++)
		count++;
	return count;
}

/* Parse text, which has room for a terminator at @size and then belongs to @maps. */
static int parse(struct dirtypages_maps *maps, char *text, size_t size)
{
	char *line = text;

	maps->text = text;
	if (memchr(text, '\0', size))
		return -EPROTO;
	text[size] = '\0';
	maps->room = count_lines(text);
	maps->mappings = calloc(maps->room, sizeof(*maps->mappings));
	if (!maps->mappings)
		return -ENOMEM;
	while (*line) {
		char *newline = strchrnul(line, '\n');
		bool last = !*newline;
		int error;

		*newline = '\0';
		error = parse_mapping(line, &maps->mappings[maps->count]);
		if (error)
			return error;
		maps->parsed = ++maps->count;
		line = newline + !last;
	}
	return 0;
}

static int parse_new(struct dirtypages_maps **maps, char *text, size_t size)
{
	int error = dirtypages_maps_new(maps);

	if (error)
		free(text);
	else
		error = parse(*maps, text, size);
	if (error) {
		dirtypages_maps_free(*maps);
		*maps = NULL;
	}
	return error;
}

/**
 * dirtypages_maps_new() - make an empty set of mappings
 * @maps: set to it, NULL on error; free with dirtypages_maps_free()
 *
 * Return: 0 or -ENOMEM.
 */
int dirtypages_maps_new(struct dirtypages_maps **maps)
{
	*maps = calloc(1, sizeof(**maps));
	return *maps ? 0 : -ENOMEM;
}

/**
 * dirtypages_maps_add() - add a mapping above all others
 * @maps: the mappings
 * @start: first address
 * @end: address after the last
 * @perms: permissions, such as "rw-p"
 * @offset: offset in the file
 * @major: major number of the file's device
 * @minor: minor number of the file's device
 * @inode: inode number of the file, 0 if there is none
 * @name: name of the mapping, "" if it has none
 *
 * Return: 0; -EINVAL if the mapping is empty or begins below the end of the last
 * one, or @perms is not four characters; or -ENOMEM.
 */
int dirtypages_maps_add(struct dirtypages_maps *maps, uint64_t start, uint64_t end,
			const char *perms, uint64_t offset, uint32_t major,
			uint32_t minor, uint64_t inode, const char *name)
{
	struct dirtypages_mapping m = {
		.start = start,
		.end = end,
		.offset = offset,
		.inode = inode,
		.major = major,
		.minor = minor,
	};

	if (start >= end || strlen(perms) != 4 ||
	    (maps->count && start < maps->mappings[maps->count - 1].end))
		return -EINVAL;
	memcpy(m.perms, perms, 4);
	if (maps->count == maps->room) {
		size_t room = maps->room ? maps->room * 2 : 16;
		struct dirtypages_mapping *more;

		more = reallocarray(maps->mappings, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		maps->mappings = more;
		maps->room = room;
	}
	m.name = strdup(name);
	if (!m.name)
		return -ENOMEM;
	maps->mappings[maps->count++] = m;
	return 0;
}

/**
 * dirtypages_maps_parse() - parse text in the format of /proc/<pid>/maps
 * @maps: set to the mappings, NULL on error; free with dirtypages_maps_free()
 * @text: the text, which need not be zero-terminated
 * @size: its length
 *
 * Return: 0, even if there is no mapping; -EPROTO if it is malformed; or -ENOMEM.
 */
int dirtypages_maps_parse(struct dirtypages_maps **maps, const char *text,
			  size_t size)
{
	char *copy = malloc(size + 1);

	*maps = NULL;
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, size);
	return parse_new(maps, copy, size);
}

/* Read a file to its end, and leave room for a terminator. */
static int read_text(int fd, char **text, size_t *size)
{
	size_t room = 0;
	ssize_t len;

	*text = NULL;
	*size = 0;
	do {
		if (room - *size < 8192) {
			char *more = realloc(*text, room += room ? room : 16384);

			if (!more)
				return -ENOMEM;
			*text = more;
		}
		len = read(fd, *text + *size, room - *size - 1);
		*size += len > 0 ? len : 0;
	} while (len > 0 || (len == -1 && errno == EINTR));
	return len ? -errno : 0;
}

/**
 * dirtypages_maps_read() - read the mappings of a process
 * @maps: set to the mappings, NULL on error; free with dirtypages_maps_free()
 * @process: the process
 *
 * Return: 0, even if it has no mappings, or a negative errno.
 */
int dirtypages_maps_read(struct dirtypages_maps **maps,
			 const struct dirtypages_process *process)
{
	char *text = NULL;
	int error = -ESRCH;
	size_t size;

	*maps = NULL;
	/* If the thread exits after the open, retry with another thread. */
	for (int i = 0; error == -ESRCH && i < TRIES; i++) {
		int fd = dirtypages_process_file(process, "maps", O_RDONLY);

		if (fd < 0)
			return fd;
		free(text);
		error = read_text(fd, &text, &size);
		close(fd);
	}
	if (!error)
		return parse_new(maps, text, size);
	free(text);
	return error;
}

/**
 * dirtypages_maps_free() - free mappings
 * @maps: the mappings, or NULL
 */
void dirtypages_maps_free(struct dirtypages_maps *maps)
{
	if (!maps)
		return;
	for (size_t i = maps->parsed; i < maps->count; i++)
		free((char *)maps->mappings[i].name);
	free(maps->mappings);
	free(maps->text);
	free(maps);
}

/**
 * dirtypages_maps_count() - count mappings
 * @maps: the mappings, or NULL
 *
 * Return: their number.
 */
size_t dirtypages_maps_count(const struct dirtypages_maps *maps)
{
	return maps ? maps->count : 0;
}

/**
 * dirtypages_maps_get() - get a mapping
 * @maps: the mappings
 * @index: its index, in ascending order
 *
 * Return: the mapping, NULL if there are fewer; valid until @maps changes.
 */
const struct dirtypages_mapping *
dirtypages_maps_get(const struct dirtypages_maps *maps, size_t index)
{
	return index < dirtypages_maps_count(maps) ? &maps->mappings[index] : NULL;
}

/**
 * dirtypages_maps_first() - find the first mapping that ends above an address
 * @maps: the mappings, or NULL
 * @addr: the address
 *
 * Return: its index, or the number of mappings if there is none.
 */
size_t dirtypages_maps_first(const struct dirtypages_maps *maps, uint64_t addr)
{
	size_t low = 0, high = dirtypages_maps_count(maps);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr < maps->mappings[middle].end)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/**
 * dirtypages_maps_find() - find the mapping that contains an address
 * @maps: the mappings, or NULL
 * @addr: the address
 *
 * Return: the mapping, or NULL.
 */
const struct dirtypages_mapping *
dirtypages_maps_find(const struct dirtypages_maps *maps, uint64_t addr)
{
	const struct dirtypages_mapping *m;

	m = dirtypages_maps_get(maps, dirtypages_maps_first(maps, addr));
	return m && addr >= m->start ? m : NULL;
}

/**
 * dirtypages_mapping_is_anonymous() - is a private mapping without a file behind it?
 * @mapping: the mapping, which is not shared
 *
 * The names of anonymous memory are a closed set. The kernel's own mappings, such
 * as [vdso] or [uprobes], have no file either, but their set grows: a list of
 * exceptions would mistake each new one for zero-filled memory. Private memory of
 * /dev/zero is anonymous although it has an inode.
 *
 * Return: true if its clean pages are zeroes.
 */
bool dirtypages_mapping_is_anonymous(const struct dirtypages_mapping *mapping)
{
	if (mapping->inode)
		return !strcmp(mapping->name, "/dev/zero");
	return !*mapping->name || !strcmp(mapping->name, "[heap]") ||
	       !strcmp(mapping->name, "[stack]") ||
	       !strncmp(mapping->name, "[anon:", 6);
}
