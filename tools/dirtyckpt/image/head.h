/* SPDX-License-Identifier: GPL-2.0 */
/* The head of a generation: lines "name value", and a checksum. */
#ifndef HEAD_H
#define HEAD_H

#include <stdio.h>

#include "image/image.h"
#include "process/describe.h"
#include "process/identity.h"

#define HEAD_FORMAT	"1"

/**
 * struct generation - a generation, as its head describes it
 * @number: its number, from 1
 * @base: a word shared by all generations that build on each other
 * @whole: it has all of its pages, and builds on none
 * @criu: CRIU can use the tracking that it is part of
 * @stopped: the process was stopped, so it has registers of all threads
 * @time: when its pages were listed, in seconds since 1970
 * @pause: how long the process was stopped, in nanoseconds
 * @spent: how long the save took, in nanoseconds
 * @listed: number of listed pages
 * @stored: number of pages stored here
 * @zero: number of stored pages that are zero-filled
 * @missing: number of listed pages that could not be read
 * @threads: number of threads stored here
 * @of: identity of its address space
 * @process: description of its process
 * @size: size of each part in bytes
 * @crc: checksum of each part, except for the pages, which have one for each
 *	chunk
 * @fd: descriptor of its folder, -1 if closed
 */
struct generation {
	unsigned long number;
	char base[33];
	bool whole;
	bool criu;
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

const char *head_newer_format(const char *text, int *digits);
bool head_parse(struct generation *gen, char *text, size_t size);
void head_print(FILE *f, const struct generation *gen);

#endif /* HEAD_H */
