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

const char *head_newer_format(const char *text, int *digits);
bool head_parse(struct generation *gen, char *text, size_t size);
void head_print(FILE *f, const struct generation *gen);

#endif /* HEAD_H */
