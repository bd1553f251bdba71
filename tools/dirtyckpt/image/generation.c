// SPDX-License-Identifier: GPL-2.0
/* Open a generation, and those that it builds on. */
#define _GNU_SOURCE
#include "image/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/**
 * complain_damaged() - report that a generation is damaged
 * @image: the image
 * @gen: the generation
 * @part: the damaged part
 *
 * Return: the exit status.
 */
enum status complain_damaged(const struct image *image,
			     const struct generation *gen, const char *part)
{
	return complain(STATUS_DAMAGED,
			"%s@%lu: damaged (%s); generations that do not build on it may be usable, see 'dirtyckpt list'",
			image->path, gen->number, part);
}

/**
 * fail_to_open() - report that a part of a generation cannot be opened
 * @image: the image
 * @gen: the generation
 * @part: that part
 *
 * errno is set. If this program lacks descriptors or rights, the image may be fine.
 *
 * Return: the exit status.
 */
enum status fail_to_open(const struct image *image, const struct generation *gen,
			 const char *part)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
	case ENXIO:
	case EIO:
		return complain_damaged(image, gen, part);
	}
	return complain(STATUS_OTHER, "%s@%lu: %s", image->path, gen->number,
			strerror(errno));
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

static enum status refuse_newer(const struct image *image,
				const struct generation *gen, const char *text)
{
	int digits = 0;
	const char *format = head_newer_format(text, &digits);

	if (!format)
		return STATUS_OK;
	return complain(STATUS_NEWER,
			"%s@%lu: has format %.*s, but this dirtyckpt reads format "
			HEAD_FORMAT "; use the dirtyckpt that saved it, or a newer one",
			image->path, gen->number, digits, format);
}

static enum status read_head(const struct image *image, struct generation *gen)
{
	char text[HEAD_BYTES];
	ssize_t size = load_head(gen, text);
	enum status status;

	if (size == -1)
		return fail_to_open(image, gen, errno == ELOOP ?
				    "its head is a symbolic link" : "no head");
	status = refuse_newer(image, gen, text);
	if (!status && (!size || !head_parse(gen, text, size)))
		return complain_damaged(image, gen, "head");
	return status;
}

static int open_generation(const struct image *image, unsigned long number)
{
	char name[24];

	generation_name(name, number);
	return openat(image->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		      O_CLOEXEC);
}

/**
 * image_has_one() - check that this is an image before files of it are removed
 * @image: the image, with generations by name
 *
 * Return: STATUS_OK if the head of any generation can be read, or the exit status.
 */
enum status image_has_one(const struct image *image)
{
	enum status status = STATUS_DAMAGED;
	struct generation gen;

	for (size_t i = image->count; status && i--;) {
		status = generation_open(image, image->numbers[i], &gen);
		generation_close(&gen);
	}
	return status;
}

/**
 * generation_open() - open a generation
 * @image: the image
 * @number: its number
 * @gen: filled in from its head; to be closed by generation_close()
 *
 * Return: STATUS_OK, STATUS_DAMAGED, STATUS_NEWER, or another exit status.
 */
enum status generation_open(const struct image *image, unsigned long number,
			    struct generation *gen)
{
	*gen = (struct generation){ .number = number };
	gen->fd = open_generation(image, number);
	if (gen->fd == -1)
		return fail_to_open(image, gen, "folder");
	return read_head(image, gen);
}

/**
 * image_is_known() - may this program change an image?
 * @image: the image
 *
 * Do not change an image with a generation of a newer format: a later program
 * may rely on files that are unknown here.
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
		if (gen.fd != -1 && load_head(&gen, text) > 0)
			status = refuse_newer(image, &gen, text);
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
 * generation_choose() - open the generation on the command line
 * @image: the image
 * @number: its number, 0 for the last one
 * @gen: filled in; to be closed by generation_close()
 *
 * Return: STATUS_OK, or the exit status.
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
			"%s: has no generation %lu; see 'dirtyckpt list'",
			image->path, number);
}

/**
 * generation_before() - open the generation that another one builds on
 * @image: the image
 * @gen: the other generation, which is not whole
 * @before: filled in from its head; to be closed by generation_close(), also on
 *	failure
 *
 * That generation has the preceding number: an incomplete save leaves its
 * number to the next one, and prune removes no generation that another one
 * builds on.
 *
 * Return: STATUS_OK, STATUS_DAMAGED, or another exit status.
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
				"%s@%lu: missing, but @%lu builds on it; generations that do not may be usable, see 'dirtyckpt list'",
				image->path, number, gen->number);
	status = generation_open(image, number, before);
	if (!status && strcmp(before->base, gen->base))
		status = complain_damaged(image, before,
					  "not the generation that the next one builds on");
	return status;
}

/**
 * generation_close() - close a generation
 * @gen: filled in by generation_open()
 */
void generation_close(struct generation *gen)
{
	if (gen->fd != -1)
		close(gen->fd);
	gen->fd = -1;
}
