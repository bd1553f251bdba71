// SPDX-License-Identifier: GPL-2.0
/* The mappings of a process, from /proc/<pid>/maps. */
#define _GNU_SOURCE
#include "dirtypages.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Read a number, and step over the separator or stop at the end of the text. This
 * takes a tenth of the time of sscanf().
 */
static bool parse_field(char **text, unsigned int base, char separator,
			uint64_t *number)
{
	char *end = *text;

	for (*number = 0; isxdigit((unsigned char)*end); end++) {
		unsigned int digit = *end <= '9' ? *end - '0' : (*end | 0x20) - 'a' + 10;

		if (digit >= base)
			return false;
		*number = *number * base + digit;
	}
	if (end == *text || (*end && *end != separator))
		return false;
	*text = end + (*end != '\0');
	return true;
}

static int parse_mapping(char *line, struct dirty_mapping *m)
{
	uint64_t major, minor;

	line[strcspn(line, "\n")] = '\0';
	if (!parse_field(&line, 16, '-', &m->start) ||
	    !parse_field(&line, 16, ' ', &m->end) || strlen(line) < 5)
		return -EPROTO;
	memcpy(m->perms, line, 4);
	m->perms[4] = '\0';
	line += 5;
	if (!parse_field(&line, 16, ' ', &m->offset) ||
	    !parse_field(&line, 16, ':', &major) ||
	    !parse_field(&line, 16, ' ', &minor) ||
	    !parse_field(&line, 10, ' ', &m->inode))
		return -EPROTO;
	m->major = major;
	m->minor = minor;
	m->name = strdup(line + strspn(line, " "));
	return m->name ? 0 : -ENOMEM;
}

static int add_mapping(struct dirty_maps *maps, char *line)
{
	int error;

	/* Double the capacity at each power of two. */
	if (!(maps->count & (maps->count - 1))) {
		size_t room = maps->count ? maps->count * 2 : 1;
		struct dirty_mapping *more;

		more = reallocarray(maps->mappings, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		maps->mappings = more;
	}
	error = parse_mapping(line, &maps->mappings[maps->count]);
	if (!error)
		maps->count++;
	return error;
}

/**
 * dirty_maps_parse() - parse text in the format of /proc/<pid>/maps
 * @maps: filled in, empty on error; free with dirty_maps_free()
 * @f: the file, read to its end
 *
 * Return: 0, even if there is no mapping, or a negative errno.
 */
int dirty_maps_parse(struct dirty_maps *maps, FILE *f)
{
	char *line = NULL;
	size_t size = 0;
	int error = 0;

	*maps = (struct dirty_maps){ 0 };
	errno = 0;
	while (!error && getline(&line, &size, f) > 0)
		error = add_mapping(maps, line);
	/* Without memory, getline() fails but sets no error of the stream. */
	if (!error && !feof(f))
		error = -errno;
	free(line);
	if (error)
		dirty_maps_free(maps);
	return error;
}

static int read_maps(int fd, struct dirty_maps *maps)
{
	FILE *f = fdopen(fd, "r");
	int error;

	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	error = dirty_maps_parse(maps, f);
	fclose(f);
	return error;
}

/**
 * dirty_maps_read() - read the mappings of a process
 * @process: the process
 * @maps: filled in, empty on error; free with dirty_maps_free()
 *
 * Return: 0, even if it has no mappings, or a negative errno.
 */
int dirty_maps_read(struct dirty_process *process, struct dirty_maps *maps)
{
	int error = -ESRCH;

	*maps = (struct dirty_maps){ 0 };
	/* If the thread exits after the open, retry with another thread. */
	for (int i = 0; error == -ESRCH && i < DIRTY_TRIES; i++) {
		int fd = dirty_process_file(process, "maps", O_RDONLY);

		if (fd < 0)
			return fd;
		error = read_maps(fd, maps);
	}
	return error;
}

/**
 * dirty_maps_free() - free mappings
 * @maps: empty afterwards
 */
void dirty_maps_free(struct dirty_maps *maps)
{
	for (size_t i = 0; i < maps->count; i++)
		free(maps->mappings[i].name);
	free(maps->mappings);
	*maps = (struct dirty_maps){ 0 };
}

/**
 * dirty_mapping_is_anonymous() - is a private mapping without a file behind it?
 * @mapping: the mapping, which is not shared
 *
 * The names of anonymous memory are a closed set. The kernel's own mappings, such
 * as [vdso] or [uprobes], have no file either, but their set grows: a list of
 * exceptions would mistake each new one for zero-filled memory. Private memory of
 * /dev/zero is anonymous although it has an inode.
 *
 * Return: true if its clean pages are zeroes.
 */
bool dirty_mapping_is_anonymous(const struct dirty_mapping *mapping)
{
	if (mapping->inode)
		return !strcmp(mapping->name, "/dev/zero");
	return !*mapping->name || !strcmp(mapping->name, "[heap]") ||
	       !strcmp(mapping->name, "[stack]") ||
	       !strncmp(mapping->name, "[anon:", 6);
}

/**
 * dirty_maps_first() - find the first mapping that ends above an address
 * @maps: the mappings
 * @addr: the address
 *
 * Return: its index, or the number of mappings if there is none.
 */
size_t dirty_maps_first(const struct dirty_maps *maps, uint64_t addr)
{
	size_t low = 0, high = maps->count;

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
 * dirty_maps_find() - find the mapping that contains an address
 * @maps: the mappings
 * @addr: the address
 *
 * Return: the mapping, or NULL.
 */
const struct dirty_mapping *dirty_maps_find(const struct dirty_maps *maps,
					    uint64_t addr)
{
	size_t i = dirty_maps_first(maps, addr);

	if (i < maps->count && addr >= maps->mappings[i].start)
		return &maps->mappings[i];
	return NULL;
}
