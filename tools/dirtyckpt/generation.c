// SPDX-License-Identifier: GPL-2.0
/*
 * A generation: a head of lines "name value", whose last is its checksum, and
 * the parts that it names, each with size and checksum.
 */
#define _GNU_SOURCE
#include "image.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/text.h"

#define PROGRAM	"dirtyckpt "	/* then the number of the format */
#define FORMAT	"1"
#define HEAD	"head"

const char *const part_names[PARTS] = {
	[PART_LISTING] = "listing",
	[PART_MAPS] = "maps",
	[PART_MISSING] = "missing",
	[PART_AUXV] = "auxv",
	[PART_THREADS] = "threads",
	[PART_INDEX] = "index",
	[PART_PAGES] = "pages",
};

/**
 * complain_damaged() - say that something of a generation is damaged
 * @image: the folder that has it
 * @gen: that one
 * @what: of it
 *
 * Return: what the program is to end with.
 */
enum status complain_damaged(const struct image *image,
			     const struct generation *gen, const char *what)
{
	return complain(STATUS_DAMAGED,
			"%s@%lu: damaged (%s); one that does not build on it may be whole, see 'dirtyckpt list'",
			image->path, gen->number, what);
}

/* Numbers of the head, by their names */
static uint64_t *number_of(struct generation *gen, const char *name)
{
	const struct {
		const char *name;
		uint64_t *value;
	} numbers[] = {
		{ "time", &gen->time },
		{ "pause", &gen->pause },
		{ "spent", &gen->spent },
		{ "listed", &gen->listed },
		{ "stored", &gen->stored },
		{ "zero", &gen->zero },
		{ "missing", &gen->missing },
		{ "threads", &gen->threads },
		{ "start", &gen->of.start_time },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (!strcmp(numbers[i].name, name))
			return numbers[i].value;
	return NULL;
}

static void set_text(char *text, size_t size, const char *value)
{
	snprintf(text, size, "%s", value);
}

/* Undo escape_utf8(). */
static void unescape(char *text, size_t size, const char *value)
{
	size_t len = 0;
	unsigned int c;

	while (*value && len + 1 < size) {
		if (sscanf(value, "\\x%2x", &c) == 1 && c &&
		    isxdigit((unsigned char)value[3])) {
			text[len++] = c;
			value += 4;
		} else {
			text[len++] = *value++;
		}
	}
	text[len] = '\0';
}

static bool set_part(struct generation *gen, const char *value)
{
	uint64_t size;
	uint32_t crc;
	char name[16];

	if (sscanf(value, "%15s %" SCNu64 " %" SCNx32, name, &size, &crc) != 3)
		return false;
	for (int part = 0; part < PARTS; part++) {
		if (!strcmp(name, part_names[part])) {
			gen->size[part] = size;
			gen->crc[part] = crc;
		}
	}
	return true;
}

/* What is not known here is of a later version, and no harm. */
static bool set_value(struct generation *gen, const char *name,
		      const char *value)
{
	struct description *who = &gen->process;
	uint64_t *number = number_of(gen, name);

	if (number)
		return sscanf(value, "%" SCNu64, number) == 1;
	if (!strcmp(name, "generation"))
		return strtoul(value, NULL, 10) == gen->number;
	if (!strcmp(name, "base"))
		set_text(gen->base, sizeof(gen->base), value);
	else if (!strcmp(name, "whole"))
		gen->whole = !strcmp(value, "yes");
	else if (!strcmp(name, "kind"))
		gen->stopped = !strcmp(value, "stopped");
	else if (!strcmp(name, "pid"))
		gen->of.pid = atoi(value);
	else if (!strcmp(name, "boot"))
		set_text(gen->of.boot, sizeof(gen->of.boot), value);
	else if (!strcmp(name, "random"))
		set_text(gen->of.random, sizeof(gen->of.random), value);
	else if (!strcmp(name, "ids"))
		return sscanf(value, "%d %d %d %u %u", &who->ppid, &who->pgrp,
			      &who->sid, &who->uid, &who->gid) == 5;
	else if (!strcmp(name, "comm"))
		unescape(who->comm, sizeof(who->comm), value);
	else if (!strcmp(name, "args"))
		set_text(who->args, sizeof(who->args), value);
	else if (!strcmp(name, "part"))
		return set_part(gen, value);
	return true;
}

static bool parse_head(struct generation *gen, char *text, size_t size)
{
	static const char first[] = PROGRAM FORMAT "\n";
	char *last = sealed_end(text, size), *line, *end;

	if (!last || strncmp(text, first, strlen(first)))
		return false;
	for (line = text + strlen(first); line < last; line = end + 1) {
		char *value;

		end = strchr(line, '\n');
		*end = '\0';
		value = strchr(line, ' ');
		if (!value)
			return false;
		*value++ = '\0';
		if (!set_value(gen, line, value))
			return false;
	}
	return *gen->base;
}

/*
 * Return the length of the number of a format later than ours, 0 if the text has
 * none. A later format may not even have a checksum, so none is looked for.
 */
static int newer_format(const char *text)
{
	const char *format = text + strlen(PROGRAM);
	int digits;

	if (strncmp(text, PROGRAM, strlen(PROGRAM)))
		return 0;
	digits = strspn(format, "0123456789");
	if (!digits || digits > 9 || format[digits] != '\n' ||
	    atoi(format) <= atoi(FORMAT))
		return 0;
	return digits;
}

enum { HEAD_BYTES = 8192 };

/* Return the size of the head, or -1 with errno set. */
static ssize_t load_head(const struct generation *gen, char text[HEAD_BYTES])
{
	int fd = openat(gen->fd, HEAD,
			O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	ssize_t size = 0;
	struct stat st;

	*text = '\0';
	if (fd == -1)
		return -1;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		size = read(fd, text, HEAD_BYTES - 1);
	close(fd);
	text[size > 0 ? size : 0] = '\0';
	return size > 0 ? size : 0;
}

static enum status complain_newer(const struct image *image,
				  const struct generation *gen,
				  const char *text)
{
	return complain(STATUS_NEWER,
			"%s@%lu: has format %.*s, and this dirtyckpt reads format "
			FORMAT "; use the dirtyckpt that saved it, or a later one",
			image->path, gen->number, newer_format(text),
			text + strlen(PROGRAM));
}

static enum status read_head(const struct image *image, struct generation *gen)
{
	char text[HEAD_BYTES];
	ssize_t size = load_head(gen, text);

	if (size == -1)
		return complain_damaged(image, gen, errno == ELOOP ?
			       "its head is a symbolic link" : "no head");
	if (newer_format(text))
		return complain_newer(image, gen, text);
	if (!size || !parse_head(gen, text, size))
		return complain_damaged(image, gen, "head");
	return STATUS_OK;
}

static int open_generation(const struct image *image, unsigned long number)
{
	char name[24];

	generation_name(name, number);
	return openat(image->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		      O_CLOEXEC);
}

/**
 * generation_open() - open a generation
 * @image: the folder that has it
 * @number: which
 * @gen: filled in, from its head; to be closed by generation_close()
 *
 * Return: STATUS_OK; STATUS_DAMAGED; STATUS_NEWER; or what else the program is
 * to end with.
 */
enum status generation_open(const struct image *image, unsigned long number,
			    struct generation *gen)
{
	*gen = (struct generation){ .number = number };
	gen->fd = open_generation(image, number);
	if (gen->fd == -1)
		return complain_damaged(image, gen, strerror(errno));
	return read_head(image, gen);
}

/**
 * image_is_known() - can this program change the image?
 * @image: the folder
 *
 * A later program may rely on files that this one does not know. So do not change
 * an image that has a generation of a newer format.
 *
 * Return: STATUS_OK, also if generations are damaged; or STATUS_NEWER.
 */
enum status image_is_known(const struct image *image)
{
	enum status status = STATUS_OK;
	char text[HEAD_BYTES];

	for (size_t i = 0; !status && i < image->count; i++) {
		struct generation gen = { .number = image->numbers[i] };

		gen.fd = open_generation(image, gen.number);
		if (gen.fd != -1 && load_head(&gen, text) > 0 &&
		    newer_format(text))
			status = complain_newer(image, &gen, text);
		generation_close(&gen);
	}
	return status;
}

static bool has_number(const struct image *image, unsigned long number)
{
	for (size_t i = 0; i < image->count; i++)
		if (image->numbers[i] == number)
			return true;
	return false;
}

/**
 * generation_choose() - open the generation that was asked for
 * @image: the folder that has it
 * @number: which, 0 is the last one
 * @gen: filled in; to be closed by generation_close()
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status generation_choose(const struct image *image, unsigned long number,
			      struct generation *gen)
{
	gen->fd = -1;
	if (!image->count)
		return complain_no_image(image);
	if (!number)
		number = image->numbers[image->count - 1];
	if (has_number(image, number))
		return generation_open(image, number, gen);
	return complain(STATUS_OTHER,
			"%s: has no generation %lu; 'dirtyckpt list' shows those it has",
			image->path, number);
}

/**
 * generation_before() - open the generation that another one builds on
 * @image: the folder that has both
 * @gen: that other one, which is not whole
 * @before: filled in, from its head; to be closed by generation_close(), also on
 *	failure
 *
 * That is the one whose number comes right before: a save that does not complete
 * leaves its number to the next, and prune removes none that another builds on.
 *
 * Return: STATUS_OK; STATUS_DAMAGED; or what else the program is to end with.
 */
enum status generation_before(const struct image *image,
			      const struct generation *gen,
			      struct generation *before)
{
	unsigned long number = gen->number - 1;
	enum status status;

	*before = (struct generation){ .number = number, .fd = -1 };
	if (!has_number(image, number))
		return complain(STATUS_DAMAGED,
				"%s@%lu: is not there, and @%lu builds on it; one that does not may be whole, see 'dirtyckpt list'",
				image->path, number, gen->number);
	status = generation_open(image, number, before);
	if (!status && strcmp(before->base, gen->base))
		status = complain_damaged(image, before,
					  "not what the next one builds on");
	return status;
}

/**
 * generation_close() - let go of a generation
 * @gen: as generation_open() filled it in
 */
void generation_close(struct generation *gen)
{
	if (gen->fd != -1)
		close(gen->fd);
	gen->fd = -1;
}

/**
 * is_of_generation() - is that the name of a file of generations?
 * @name: the name
 *
 * Return: true if it is.
 */
bool is_of_generation(const char *name)
{
	for (int part = 0; part < PARTS; part++)
		if (!strcmp(name, part_names[part]))
			return true;
	return !strcmp(name, HEAD);
}

static bool has_size(const struct generation *gen, enum part part,
		     const struct stat *st)
{
	return S_ISREG(st->st_mode) && (uint64_t)st->st_size == gen->size[part];
}

static bool has_checksum(int fd, uint32_t expected)
{
	static const size_t size = 1 << 16;
	void *buffer = grow(NULL, size, 1);
	uint32_t crc = 0;
	ssize_t len;

	while ((len = read(fd, buffer, size)) > 0)
		crc = crc32(crc, buffer, len);
	free(buffer);
	return len == 0 && crc == expected && lseek(fd, 0, SEEK_SET) == 0;
}

/**
 * part_open() - open a file of a generation, and check it
 * @image: the folder that has the generation
 * @gen: that one
 * @part: the file; of pages, only the size is checked
 * @fd: set to a descriptor, to be closed
 *
 * Return: STATUS_OK; STATUS_DAMAGED; or what else the program is to end with.
 */
enum status part_open(const struct image *image, const struct generation *gen,
		      enum part part, int *fd)
{
	struct stat st;

	*fd = openat(gen->fd, part_names[part],
		     O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (*fd != -1 && !fstat(*fd, &st) && has_size(gen, part, &st) &&
	    (part == PART_PAGES || has_checksum(*fd, gen->crc[part])))
		return STATUS_OK;
	if (*fd != -1)
		close(*fd);
	*fd = -1;
	return complain_damaged(image, gen, part_names[part]);
}

/**
 * parts_check() - are all files of a generation there, and undamaged?
 * @image: the folder that has the generation
 * @gen: that one; of its pages, only the size is checked
 *
 * Return: STATUS_OK; STATUS_DAMAGED; or what else the program is to end with.
 */
enum status parts_check(const struct image *image, const struct generation *gen)
{
	enum status status = STATUS_OK;

	for (int part = 0; !status && part < PARTS; part++) {
		int fd;

		status = part_open(image, gen, part, &fd);
		if (!status)
			close(fd);
	}
	return status;
}

static enum status parts_exist(const struct image *image,
			       const struct generation *gen)
{
	struct stat st;

	for (int part = 0; part < PARTS; part++)
		if (fstatat(gen->fd, part_names[part], &st, AT_SYMLINK_NOFOLLOW) ||
		    !has_size(gen, part, &st))
			return complain_damaged(image, gen, part_names[part]);
	return STATUS_OK;
}

/**
 * generation_probe() - can the next generation build on this one?
 * @image: the folder that has it
 * @gen: that one
 *
 * It, and all that it builds on, has to be there. What takes long is left out, as
 * each save asks: the contents of pages are not read, nor, of those that it builds
 * on, the other files, which only have to have their size.
 *
 * Return: STATUS_OK; STATUS_DAMAGED; or what else the program is to end with.
 */
enum status generation_probe(const struct image *image,
			     const struct generation *gen)
{
	enum status status = parts_check(image, gen);
	struct generation at = *gen, before;

	while (!status && !at.whole) {
		status = generation_before(image, &at, &before);
		if (!status)
			status = parts_exist(image, &before);
		generation_close(&before);
		at = before;
	}
	return status;
}

/**
 * part_read() - read a file of a generation, and check it
 * @image: the folder that has the generation
 * @gen: that one
 * @part: the file
 * @data: set to its contents, to be freed
 *
 * Return: STATUS_OK; STATUS_DAMAGED; or what else the program is to end with.
 */
enum status part_read(const struct image *image, const struct generation *gen,
		      enum part part, void **data)
{
	enum status status;
	size_t done = 0;
	int fd;

	*data = NULL;
	status = part_open(image, gen, part, &fd);
	if (status)
		return status;
	*data = grow(NULL, gen->size[part], 1);
	while (done < gen->size[part]) {
		ssize_t len = pread(fd, (char *)*data + done,
				    gen->size[part] - done, done);

		if (len <= 0) {
			status = complain_damaged(image, gen, part_names[part]);
			break;
		}
		done += len;
	}
	close(fd);
	return status;
}

/* Its order was checked by who parsed it. */
static bool is_aligned(const struct dirty_listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		if ((listing->ranges[i].start | listing->ranges[i].end) %
		    PAGE_BYTES)
			return false;
	return true;
}

/**
 * part_listing() - read a listing of a generation
 * @image: the folder that has the generation
 * @gen: that one
 * @part: which listing
 * @listing: filled in, to be freed
 *
 * Return: STATUS_OK; STATUS_DAMAGED; or what else the program is to end with.
 */
enum status part_listing(const struct image *image,
			 const struct generation *gen, enum part part,
			 struct dirty_listing *listing)
{
	enum status status;
	int fd;

	*listing = (struct dirty_listing){ 0 };
	status = part_open(image, gen, part, &fd);
	if (status)
		return status;
	if (dirty_listing_parse(listing, fd) || !is_aligned(listing))
		status = complain_damaged(image, gen, part_names[part]);
	close(fd);
	return status;
}

/**
 * part_maps() - read the mappings of a generation
 * @image: the folder that has the generation
 * @gen: that one
 * @maps: filled in, to be freed
 *
 * Return: STATUS_OK; STATUS_DAMAGED; or what else the program is to end with.
 */
enum status part_maps(const struct image *image, const struct generation *gen,
		      struct dirty_maps *maps)
{
	enum status status;
	int fd;
	FILE *f;

	*maps = (struct dirty_maps){ 0 };
	status = part_open(image, gen, PART_MAPS, &fd);
	if (status)
		return status;
	f = fdopen(fd, "r");
	if (!f || dirty_maps_parse(maps, f))
		status = complain_damaged(image, gen, part_names[PART_MAPS]);
	if (f)
		fclose(f);
	else
		close(fd);
	return status;
}

/**
 * part_threads() - read the threads of a generation, with their registers
 * @image: the folder that has the generation
 * @gen: that one
 * @threads: filled in; to be freed by threads_free()
 *
 * Return: STATUS_OK; STATUS_DAMAGED; or what else the program is to end with.
 */
enum status part_threads(const struct image *image,
			 const struct generation *gen, struct threads *threads)
{
	enum status status;
	void *data;

	*threads = (struct threads){ 0 };
	status = part_read(image, gen, PART_THREADS, &data);
	if (!status &&
	    !threads_unpack(threads, data, gen->size[PART_THREADS]))
		status = complain_damaged(image, gen, part_names[PART_THREADS]);
	free(data);
	return status;
}

/**
 * draft_begin() - make a folder for the next generation
 * @image: the folder that will have it
 * @draft: its @fd is set; draft_commit() or draft_drop() end it
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status draft_begin(const struct image *image, struct generation *draft)
{
	enum status status;

	draft->fd = -1;
	/* Of one who was killed */
	status = image_remove(image, DRAFT);
	if (status)
		return status;
	if (mkdirat(image->fd, DRAFT, 0700))
		return fail_to_write(image, DRAFT, errno);
	draft->fd = openat(image->fd, DRAFT, O_RDONLY | O_DIRECTORY |
			   O_NOFOLLOW | O_CLOEXEC);
	if (draft->fd == -1)
		return fail_to_write(image, DRAFT, errno);
	return STATUS_OK;
}

/**
 * draft_part() - write a file of a generation
 * @image: the folder that will have the generation
 * @draft: that one
 * @part: the file
 * @data: its contents
 * @size: of them
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status draft_part(const struct image *image, struct generation *draft,
		       enum part part, const void *data, size_t size)
{
	int error = write_file(draft->fd, part_names[part], data, size);

	if (error)
		return fail_to_write(image, part_names[part], error);
	draft->size[part] = size;
	draft->crc[part] = size ? crc32_z(0, data, size) : 0;
	return STATUS_OK;
}

static void print_head(FILE *f, const struct generation *gen)
{
	const struct description *who = &gen->process;
	char *comm = escape_utf8(who->comm);

	fprintf(f, PROGRAM FORMAT "\ngeneration %lu\nbase %s\nwhole %s\nkind %s\n",
		gen->number, gen->base, gen->whole ? "yes" : "no",
		gen->stopped ? "stopped" : "moving");
	fprintf(f, "time %" PRIu64 "\npause %" PRIu64 "\nspent %" PRIu64 "\n",
		gen->time, gen->pause, gen->spent);
	fprintf(f, "listed %" PRIu64 "\nstored %" PRIu64 "\nzero %" PRIu64
		"\nmissing %" PRIu64 "\nthreads %" PRIu64 "\n",
		gen->listed, gen->stored, gen->zero, gen->missing, gen->threads);
	fprintf(f, "pid %d\nstart %" PRIu64 "\nboot %s\n", gen->of.pid,
		gen->of.start_time, gen->of.boot);
	if (*gen->of.random)
		fprintf(f, "random %s\n", gen->of.random);
	fprintf(f, "ids %d %d %d %u %u\ncomm %s\nargs %s\n", who->ppid,
		who->pgrp, who->sid, who->uid, who->gid, comm ? comm : "?",
		who->args);
	free(comm);
	for (int part = 0; part < PARTS; part++)
		fprintf(f, "part %s %" PRIu64 " %08" PRIx32 "\n",
			part_names[part], gen->size[part], gen->crc[part]);
}

static int write_head(const struct generation *draft)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int error;

	if (!f)
		return errno;
	print_head(f, draft);
	seal_text(f, &text, &size);
	error = write_file(draft->fd, HEAD, text, size);
	free(text);
	return error;
}

/**
 * draft_commit() - make the generation one of those that the folder has
 * @image: that folder
 * @draft: the generation, with all its parts; its @fd is closed
 * @exchange: it takes the place of the one that has its number, which is then
 *	the draft
 *
 * When this returns STATUS_OK, the generation is on disk; before, it is none.
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status draft_commit(const struct image *image, struct generation *draft,
			 bool exchange)
{
	int error = write_head(draft);
	char name[24];

	generation_name(name, draft->number);
	if (!error && (fsync(draft->fd) ||
		       renameat2(image->fd, DRAFT, image->fd, name,
				 exchange ? RENAME_EXCHANGE : 0) ||
		       fsync(image->fd)))
		error = errno;
	if (error) {
		draft_drop(image, draft);
		return fail_to_write(image, name, error);
	}
	generation_close(draft);
	return STATUS_OK;
}

/**
 * draft_drop() - forget about a generation
 * @image: the folder that would have had it
 * @draft: that one
 */
void draft_drop(const struct image *image, struct generation *draft)
{
	if (draft->fd == -1)
		return;
	generation_close(draft);
	image_remove(image, DRAFT);
}
