/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Images: a folder with the generations of a process, each a folder of its own
 * that is written under another name and gets its number when it is complete.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdio.h>

#include "describe.h"
#include "dirtyckpt.h"
#include "identity.h"
#include "spans.h"
#include "threads.h"

/* The files of a generation but for its head */
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

/**
 * struct generation - what the head of a generation says
 * @number: counted from 1
 * @base: a word that all generations have that build on each other
 * @whole: it builds on none
 * @stopped: it is one moment in time, and has the registers of all threads
 * @time: the time of day when it was listed
 * @pause: nanoseconds that the process was stopped for
 * @spent: nanoseconds that all of it took
 * @listed: pages of the listing
 * @stored: pages whose contents are here
 * @zero: of these, pages that are all zeroes
 * @missing: pages that were listed and could not be read
 * @threads: how many have their registers here
 * @of: the address space
 * @process: more of its process
 * @size: bytes of each part
 * @crc: checksum of each part; that of the pages is with each chunk
 * @fd: the folder, -1 if it is not open
 */
struct generation {
	unsigned long number;
	char base[33];
	bool whole;
	bool stopped;
	uint64_t time;
	uint64_t pause;
	uint64_t spent;
	uint64_t listed;
	uint64_t stored;
	uint64_t zero;
	uint64_t missing;
	uint64_t threads;
	struct identity of;
	struct description process;
	uint64_t size[PARTS];
	uint32_t crc[PARTS];
	int fd;
};

/**
 * struct image - the folder of a process
 * @path: its name
 * @fd: of it, locked
 * @numbers: of its generations, ascending
 * @count: how many
 */
struct image {
	char *path;
	int fd;
	unsigned long *numbers;
	size_t count;
};

/**
 * struct record - what of a process has still to be copied
 * @number: of the generation that is to have it
 * @base: of that
 * @spans: the pages
 */
struct record {
	unsigned long number;
	char base[33];
	struct spans spans;
};

enum access { ACCESS_LIST, ACCESS_READ, ACCESS_WRITE, ACCESS_CREATE };

/* image.c */
enum status image_open(struct image *image, const char *path,
		       enum access access);
void image_close(struct image *image);
enum status complain_no_image(const struct image *image);
enum status record_write(const struct image *image, const struct record *record);
enum status record_read(const struct image *image, struct record *record);
enum status record_remove(const struct image *image);
enum status image_remove(const struct image *image, const char *name);
enum status fail_to_write(const struct image *image, const char *name,
			  int error);
void generation_name(char name[24], unsigned long number);

/* files.c */
int write_at(int fd, const void *data, size_t size, uint64_t offset);
int write_file(int dir, const char *name, const void *data, size_t size);
void seal_text(FILE *f, char **text, size_t *size);
char *sealed_end(char *text, size_t size);

#define DRAFT	"new"	/* what a generation is called before it is complete */

/* generation.c */
enum status complain_damaged(const struct image *image,
			     const struct generation *gen, const char *what);
enum status image_is_known(const struct image *image);
enum status generation_open(const struct image *image, unsigned long number,
			    struct generation *gen);
enum status generation_choose(const struct image *image, unsigned long number,
			      struct generation *gen);
enum status generation_before(const struct image *image,
			      const struct generation *gen,
			      struct generation *before);
enum status generation_probe(const struct image *image,
			     const struct generation *gen);
void generation_close(struct generation *gen);
bool is_of_generation(const char *name);
enum status part_open(const struct image *image, const struct generation *gen,
		      enum part part, int *fd);
enum status parts_check(const struct image *image, const struct generation *gen);
enum status part_read(const struct image *image, const struct generation *gen,
		      enum part part, void **data);
enum status part_listing(const struct image *image,
			 const struct generation *gen, enum part part,
			 struct dirty_listing *listing);
enum status part_maps(const struct image *image, const struct generation *gen,
		      struct dirty_maps *maps);
enum status part_threads(const struct image *image,
			 const struct generation *gen, struct threads *threads);

enum status draft_begin(const struct image *image, struct generation *draft);
enum status draft_part(const struct image *image, struct generation *draft,
		       enum part part, const void *data, size_t size);
enum status draft_commit(const struct image *image, struct generation *draft,
			 bool exchange);
void draft_drop(const struct image *image, struct generation *draft);

extern const char *const part_names[PARTS];

#endif /* IMAGE_H */
