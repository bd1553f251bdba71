/* SPDX-License-Identifier: GPL-2.0 */
/* The format of recordings, as dirtycat-record(5) describes it. */
#ifndef RECORD_FORMAT_H
#define RECORD_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <dirtypages.h>

enum {
	RECORD_VERSION		= 1,
	RECORD_HEADER		= 16,	/* bytes before the first round */
	RECORD_ROUND_HEADER	= 12,	/* bytes before the contents of a round */
};

/**
 * struct part - the bytes of a listing or of mappings, which a round may share
 *	with the one before
 * @data: those bytes
 * @size: how many
 */
struct part {
	char *data;
	size_t size;
};

/**
 * struct kept - a process in a round
 * @pid: its number
 * @start_time: when it started, in clock ticks since boot
 * @part: its listing and its mappings
 */
struct kept {
	pid_t pid;
	uint64_t start_time;
	struct part part[2];
};

enum { PART_LISTING, PART_MAPS };

/**
 * struct cursor - bytes that are still to be read
 * @p: the next one
 * @end: after the last one
 * @bad: a value violated the format; all further values are 0
 */
struct cursor {
	const unsigned char *p;
	const unsigned char *end;
	bool bad;
};

void put_fixed(unsigned char *p, uint32_t value);
uint32_t get_fixed(const unsigned char *p);
void put_number(FILE *out, uint64_t value);
uint64_t get_number(struct cursor *cursor, uint64_t most);
void put_bytes(FILE *out, const char *data, size_t size);
const char *get_bytes(struct cursor *cursor, size_t *size);

void record_header(unsigned char header[RECORD_HEADER]);
bool is_record_header(const unsigned char *header, size_t size);
const char *record_header_fault(const unsigned char *header, size_t size);
void record_round_header(unsigned char *round, size_t size);

struct part encode_listing(const struct dirtypages_listing *listing);
struct part encode_maps(const struct dirtypages_maps *maps);
bool decode_listing(const struct part *part, struct dirtypages_listing **listing);
bool decode_maps(const struct part *part, struct dirtypages_maps **maps);

struct kept *kept_find(struct kept *kept, size_t count, size_t guess, pid_t pid,
		       uint64_t start_time);
void kept_free(struct kept *kept, size_t count);

#endif /* RECORD_FORMAT_H */
