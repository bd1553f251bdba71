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
 * @text: the text that they were parsed from, which their names point into
 */
struct dirtypages_maps {
	struct dirtypages_mapping *mappings;
	size_t count;
	char *text;
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
	maps->mappings = calloc(count_lines(text), sizeof(*maps->mappings));
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
		maps->count++;
		line = newline + !last;
	}
	return 0;
}

static int new_maps(struct dirtypages_maps **maps, char *text, size_t size)
{
	int error = -ENOMEM;

	*maps = calloc(1, sizeof(**maps));
	if (*maps)
		error = parse(*maps, text, size);
	else
		free(text);
	if (error) {
		dirtypages_maps_free(*maps);
		*maps = NULL;
	}
	return error;
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
	return new_maps(maps, copy, size);
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
		return new_maps(maps, text, size);
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
 * Return: the mapping, NULL if there are fewer; valid as long as @maps.
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
