// SPDX-License-Identifier: GPL-2.0
/*
 * The head of a generation: lines "name value". The last line is the checksum
 * of all others.
 */
#define _GNU_SOURCE
#include "image/head.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "image/files.h"

#define PROGRAM	"dirtyckpt "	/* followed by the format number */

/* Return the number that has a name in the head, or NULL. */
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

/* Ignore unknown names: a later version may add some. */
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
	else if (!strcmp(name, "criu"))
		gen->criu = !strcmp(value, "yes");
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

/**
 * head_parse() - parse a head
 * @gen: filled in, except for its number
 * @text: the head, zero-terminated; changed
 * @size: its size without the zero
 *
 * Return: false if it is damaged.
 */
bool head_parse(struct generation *gen, char *text, size_t size)
{
	static const char first[] = PROGRAM HEAD_FORMAT "\n";
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

/**
 * head_newer_format() - is a head of a format newer than HEAD_FORMAT?
 * @text: the head; its checksum is not checked, as a newer format may have none
 * @digits: set to the length of the format number
 *
 * Return: the format number, or NULL.
 */
const char *head_newer_format(const char *text, int *digits)
{
	const char *format = text + strlen(PROGRAM);

	if (strncmp(text, PROGRAM, strlen(PROGRAM)))
		return NULL;
	*digits = strspn(format, "0123456789");
	if (!*digits || *digits > 9 || format[*digits] != '\n' ||
	    atoi(format) <= atoi(HEAD_FORMAT))
		return NULL;
	return format;
}

/**
 * head_print() - print a head without its checksum
 * @f: where to print
 * @gen: the generation
 */
void head_print(FILE *f, const struct generation *gen)
{
	const struct description *who = &gen->process;
	char *comm = escape_utf8(who->comm);

	fprintf(f, PROGRAM HEAD_FORMAT "\ngeneration %lu\nbase %s\nwhole %s\nkind %s\n",
		gen->number, gen->base, gen->whole ? "yes" : "no",
		gen->stopped ? "stopped" : "moving");
	if (gen->criu)
		fprintf(f, "criu yes\n");
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
