/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An image is a folder with the generations of a process. Each is a folder too,
 * and gets its number as its name when it is complete.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include "dirtyckpt.h"

#define DRAFT		"new"	/* folder of an incomplete generation */
#define RECORD		"todo"
#define RECORD_DRAFT	"todo.new"
#define HEAD		"head"	/* in a generation */

/* The files of a generation, except for its head */
enum part {
	PART_LISTING,
	PART_MAPS,
	PART_MISSING,
	PART_AUXV,
	PART_THREADS,
	PART_INDEX,
	PART_PAGES,
	PARTS
};

extern const char *const part_names[PARTS];

/**
 * struct image - an image
 * @path: its path
 * @fd: its descriptor, locked
 * @numbers: numbers of its generations, ascending
 * @count: their number
 */
struct image {
	char *path;
	int fd;
	unsigned long *numbers;
	size_t count;
};

enum access { ACCESS_LIST, ACCESS_READ, ACCESS_WRITE, ACCESS_CREATE };

enum status image_open(struct image *image, const char *path,
		       enum access access);
void image_close(struct image *image);
enum status image_remove(const struct image *image, const char *name);
enum status complain_no_image(const struct image *image);
enum status fail_to_write(const struct image *image, const char *name,
			  int error);
void generation_name(char name[24], unsigned long number);

#endif /* IMAGE_H */
