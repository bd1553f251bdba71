// SPDX-License-Identifier: GPL-2.0
/*
 * The format of recordings, described in dirtycat-record(5). Numbers have seven
 * bits per byte, as a listing mostly has short runs with short gaps.
 */
#define _GNU_SOURCE
#include "record_format.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/memory.h"

/* Addresses are in units of this size, independent of the page size. */
enum { UNIT = 4096 };

static const char magic[8] = "DIRTYREC";

/**
 * put_fixed() - write a number of 32 bits, the lowest byte first
 * @p: where to
 * @value: the number
 */
void put_fixed(unsigned char *p, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		p[i] = value >> i * 8;
}

/**
 * get_fixed() - read a number written by put_fixed()
 * @p: where from
 *
 * Return: the number.
 */
uint32_t get_fixed(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/**
 * put_number() - write a number, seven bits a byte, the lowest ones first
 * @out: where to
 * @value: the number
 */
void put_number(FILE *out, uint64_t value)
{
	for (; value > 0x7f; value >>= 7)
		putc_unlocked((value & 0x7f) | 0x80, out);
	putc_unlocked(value, out);
}

/**
 * get_number() - read a number written by put_number()
 * @cursor: where from
 * @most: the greatest number that makes sense
 *
 * Return: the number, 0 if it is malformed.
 */
uint64_t get_number(struct cursor *cursor, uint64_t most)
{
	uint64_t value = 0;

	for (int shift = 0; cursor->p < cursor->end && shift < 64; shift += 7) {
		uint64_t bits = *cursor->p & 0x7f;

		if (bits << shift >> shift != bits)
			break;
		value |= bits << shift;
		if (*cursor->p++ & 0x80)
			continue;
		if (value > most)
			break;
		return value;
	}
	cursor->bad = true;
	cursor->p = cursor->end;
	return 0;
}

/**
 * put_bytes() - write some bytes, and before them how many
 * @out: where to
 * @data: those bytes
 * @size: how many
 */
void put_bytes(FILE *out, const char *data, size_t size)
{
	put_number(out, size);
	fwrite(data, 1, size, out);
}

/**
 * get_bytes() - read bytes written by put_bytes()
 * @cursor: where from
 * @size: set to how many bytes there are
 *
 * Return: the bytes, without a zero after them.
 */
const char *get_bytes(struct cursor *cursor, size_t *size)
{
	const char *data;

	*size = get_number(cursor, cursor->end - cursor->p);
	if (*size > (size_t)(cursor->end - cursor->p)) {
		cursor->bad = true;
		*size = 0;
	}
	data = (const char *)cursor->p;
	cursor->p += *size;
	return data;
}

/* Read text, which has no zero in it, to be freed. */
static char *get_text(struct cursor *cursor)
{
	size_t size;
	const char *data = get_bytes(cursor, &size);

	if (memchr(data, '\0', size)) {
		cursor->bad = true;
		size = 0;
	}
	return checked(strndup(data, size));
}

/**
 * record_header() - write the header of a recording
 * @header: where to
 */
void record_header(unsigned char header[RECORD_HEADER])
{
	memset(header, 0, RECORD_HEADER);
	memcpy(header, magic, sizeof(magic));
	put_fixed(header + sizeof(magic), RECORD_VERSION);
}

/**
 * is_record_header() - tell recordings from other files
 * @header: the first bytes of a file
 * @size: how many, at most all of a header
 *
 * Return: true if the file is a recording, even a truncated one.
 */
bool is_record_header(const unsigned char *header, size_t size)
{
	return size && !memcmp(header, magic, size < sizeof(magic) ? size : sizeof(magic));
}

/**
 * record_header_fault() - find out whether a recording can be read
 * @header: its first bytes
 * @size: how many; less than a header if the file has no more
 *
 * Return: the reason if it cannot, else NULL.
 */
const char *record_header_fault(const unsigned char *header, size_t size)
{
	if (!is_record_header(header, size))
		return "not a recording of dirtycat";
	if (size >= RECORD_HEADER && get_fixed(header + sizeof(magic)) != RECORD_VERSION)
		return "a recording of another version; this dirtycat has version 1";
	return NULL;
}

/**
 * record_round_header() - write the header of a round
 * @round: the header, and after it the contents
 * @size: of the contents
 */
void record_round_header(unsigned char *round, size_t size)
{
	put_fixed(round, size);
	put_fixed(round + 4, crc32_z(0, round + RECORD_ROUND_HEADER, size));
	put_fixed(round + 8, crc32_z(0, round, 8));
}

static FILE *open_part(struct part *part)
{
	return checked(open_memstream(&part->data, &part->size));
}

static void close_part(struct part *part, FILE *out)
{
	if (ferror(out) || fclose(out))
		checked(NULL);
	checked(part->data);
}

/* Find the number of a range's flags among those that occur; ranges share texts. */
static size_t text_number(const char ***texts, size_t *count, const char *text)
{
	for (size_t i = 0; i < *count; i++)
		if ((*texts)[i] == text)
			return i;
	*texts = grow(*texts, *count + 1, sizeof(**texts));
	(*texts)[*count] = text;
	return (*count)++;
}

/**
 * encode_listing() - write a listing
 * @listing: any
 *
 * Return: its bytes, to be freed.
 */
struct part encode_listing(const struct dirtypages_listing *listing)
{
	const struct dirtypages_range *range = dirtypages_listing_ranges(listing);
	const size_t lines = dirtypages_listing_count(listing);
	const char **texts = NULL;
	size_t count = 0;
	uint64_t at = 0;
	struct part part;
	FILE *out = open_part(&part);

	for (size_t i = 0; i < lines; i++)
		text_number(&texts, &count, range[i].text);
	put_number(out, count);
	for (size_t i = 0; i < count; i++)
		put_bytes(out, texts[i], strlen(texts[i]));
	put_number(out, lines);
	for (; range < dirtypages_listing_ranges(listing) + lines; range++) {
		put_number(out, (range->start - at) / UNIT);
		put_number(out, (range->end - range->start) / UNIT);
		put_number(out, text_number(&texts, &count, range->text));
		at = range->end;
	}
	free(texts);
	close_part(&part, out);
	return part;
}

/**
 * encode_maps() - write mappings
 * @maps: any
 *
 * Return: their bytes, to be freed.
 */
struct part encode_maps(const struct dirtypages_maps *maps)
{
	uint64_t at = 0;
	struct part part;
	FILE *out = open_part(&part);

	put_number(out, dirtypages_maps_count(maps));
	for (size_t i = 0; i < dirtypages_maps_count(maps); i++) {
		const struct dirtypages_mapping *m = dirtypages_maps_get(maps, i);

		put_number(out, (m->start - at) / UNIT);
		put_number(out, (m->end - m->start) / UNIT);
		fwrite(m->perms, 1, 4, out);
		put_number(out, m->offset);
		put_number(out, m->major);
		put_number(out, m->minor);
		put_number(out, m->inode);
		put_bytes(out, m->name, strlen(m->name));
		at = m->end;
	}
	close_part(&part, out);
	return part;
}

/* Read where something starts and ends, after the end of the one before. */
static void get_place(struct cursor *cursor, uint64_t *at, uint64_t *start,
		      uint64_t *end)
{
	const uint64_t units = UINT64_MAX / UNIT;

	*start = *at + get_number(cursor, units - *at / UNIT) * UNIT;
	*end = *start + get_number(cursor, units - *start / UNIT) * UNIT;
	if (*end == *start)
		cursor->bad = true;
	*at = *end;
}

static struct cursor cursor_of(const struct part *part)
{
	const unsigned char *data = (const unsigned char *)part->data;

	return (struct cursor){ .p = data, .end = data + part->size };
}

/**
 * decode_listing() - read a listing written by encode_listing()
 * @part: its bytes
 * @listing: set to it; to be freed by dirtypages_listing_free()
 *
 * Return: false if the bytes are malformed.
 */
bool decode_listing(const struct part *part, struct dirtypages_listing **listing)
{
	struct cursor cursor = cursor_of(part);
	size_t texts = get_number(&cursor, part->size);
	char **text = checked(calloc(texts + 1, sizeof(*text)));
	uint64_t at = 0, start, end;
	size_t line;

	if (dirtypages_listing_new(listing))
		checked(NULL);
	for (size_t i = 0; i < texts; i++)
		text[i] = get_text(&cursor);
	for (size_t left = get_number(&cursor, part->size); left && !cursor.bad;
	     left--) {
		size_t number;
		int error;

		get_place(&cursor, &at, &start, &end);
		number = get_number(&cursor, texts - 1);
		if (!texts)
			cursor.bad = true;
		if (cursor.bad)
			break;
		error = dirtypages_listing_add(*listing, start, end, text[number]);
		if (error == -ENOMEM)
			checked(NULL);
		cursor.bad |= error != 0;
	}
	for (size_t i = 0; i < texts; i++)
		free(text[i]);
	free(text);
	return !cursor.bad && cursor.p == cursor.end &&
	       !dirtypages_listing_fault(*listing, &line);
}

static void get_mapping(struct cursor *cursor, uint64_t *at,
			struct dirtypages_maps *maps)
{
	uint64_t start, end, offset, major, minor, inode;
	char perms[5] = "", *name;
	int error;

	get_place(cursor, at, &start, &end);
	for (int i = 0; i < 4; i++) {
		perms[i] = cursor->p < cursor->end ? *cursor->p++ : '\0';
		if (perms[i] <= ' ' || perms[i] > '~')
			cursor->bad = true;
	}
	offset = get_number(cursor, UINT64_MAX);
	major = get_number(cursor, UINT32_MAX);
	minor = get_number(cursor, UINT32_MAX);
	inode = get_number(cursor, UINT64_MAX);
	name = get_text(cursor);
	error = dirtypages_maps_add(maps, start, end, perms, offset, major, minor,
				    inode, name);
	if (error == -ENOMEM)
		checked(NULL);
	cursor->bad |= error != 0;
	free(name);
}

/**
 * decode_maps() - read mappings written by encode_maps()
 * @part: their bytes
 * @maps: set to them; to be freed by dirtypages_maps_free()
 *
 * Return: false if the bytes are malformed.
 */
bool decode_maps(const struct part *part, struct dirtypages_maps **maps)
{
	struct cursor cursor = cursor_of(part);
	size_t count = get_number(&cursor, part->size);
	uint64_t at = 0;

	if (dirtypages_maps_new(maps))
		checked(NULL);
	for (; count && !cursor.bad; count--)
		get_mapping(&cursor, &at, *maps);
	return !cursor.bad && cursor.p == cursor.end;
}

/**
 * kept_find() - find a process in the round before
 * @kept: the processes of that round
 * @count: how many
 * @guess: where it may be
 * @pid: its number
 * @start_time: when it started
 *
 * Return: the process, or NULL.
 */
struct kept *kept_find(struct kept *kept, size_t count, size_t guess, pid_t pid,
		       uint64_t start_time)
{
	for (size_t i = 0; i < count; i++) {
		struct kept *k = &kept[(guess + i) % count];

		if (k->pid == pid && k->start_time == start_time)
			return k;
	}
	return NULL;
}

/**
 * kept_free() - free the processes of a round
 * @kept: those processes
 * @count: how many
 */
void kept_free(struct kept *kept, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (int j = 0; j < 2; j++)
			free(kept[i].part[j].data);
	free(kept);
}
