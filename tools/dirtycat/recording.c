// SPDX-License-Identifier: GPL-2.0
/*
 * Read recordings. A partial round at the end comes from a program that was
 * killed while it wrote, and is dropped; damage elsewhere is an error. Nothing
 * in a recording is trusted.
 */
#define _GNU_SOURCE
#include "recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/memory.h"
#include "common/message.h"

enum { MOST_PID = 1 << 30 };

/* Return the number of bytes read, which is smaller only at the end of the file. */
static size_t read_at(const struct recording *recording, void *data, size_t size,
		      off_t at)
{
	size_t done = 0;

	while (done < size) {
		ssize_t len = pread(recording->fd, (char *)data + done,
				    size - done, at + done);

		if (len == -1 && errno == EINTR)
			continue;
		if (len == -1)
			die(STATUS_OTHER, "%s: %s", recording->name, strerror(errno));
		if (!len)
			break;
		done += len;
	}
	return done;
}

static void forget_round(struct recording *recording)
{
	kept_free(recording->kept, recording->count);
	free(recording->processes);
	recording->kept = NULL;
	recording->processes = NULL;
	recording->count = 0;
}

/**
 * recording_open() - begin to read a recording, or end the program
 * @recording: filled in; to be closed by recording_close()
 * @fd: of the file, in which one can seek; stays the caller's
 * @name: for diagnostics
 */
void recording_open(struct recording *recording, int fd, const char *name)
{
	unsigned char header[RECORD_HEADER];
	const char *fault;
	struct stat st;
	size_t len;

	*recording = (struct recording){ .fd = fd, .name = name };
	if (fstat(fd, &st))
		die(STATUS_OTHER, "%s: %s", name, strerror(errno));
	recording->size = st.st_size;
	len = read_at(recording, header, sizeof(header), 0);
	fault = record_header_fault(header, len);
	if (fault)
		die(STATUS_OTHER, "%s: %s", name, fault);
	recording->at = len < sizeof(header) ? 0 : RECORD_HEADER;
}

/**
 * recording_rewind() - read from somewhere else
 * @recording: that recording
 * @at: where a program began to write rounds
 */
void recording_rewind(struct recording *recording, off_t at)
{
	forget_round(recording);
	recording->at = at;
	recording->damaged = false;
}

/* Does the file have nothing but zeros from here on, as after a power failure? */
static bool is_blank(const struct recording *recording, off_t at)
{
	char data[4096];
	size_t len;

	while ((len = read_at(recording, data, sizeof(data), at))) {
		for (size_t i = 0; i < len; i++)
			if (data[i])
				return false;
		at += len;
	}
	return true;
}

/* Report, once, that the file ends here. */
static void stop_at(struct recording *recording, bool damaged)
{
	long long left = recording->size - recording->at;

	recording->damaged = damaged;
	if (recording->told)
		return;
	recording->told = true;
	if (damaged)
		warning("%s: damaged at byte %lld; the %lld bytes from there on are left out",
			recording->name, (long long)recording->at, left);
	else
		warning("%s: the last sample is cut; its %lld bytes are dropped",
			recording->name, left);
}

/* Read the contents of the next round, to be freed. Return NULL at the end. */
static unsigned char *read_round(struct recording *recording, size_t *size)
{
	unsigned char header[RECORD_ROUND_HEADER];
	off_t left = recording->size - recording->at;
	unsigned char *data;
	off_t next;

	if (left <= 0)
		return NULL;
	if (!recording->at || read_at(recording, header, sizeof(header),
				      recording->at) < sizeof(header)) {
		stop_at(recording, false);
		return NULL;
	}
	*size = get_fixed(header);
	left -= sizeof(header);
	if (get_fixed(header + 8) != crc32_z(0, header, 8)) {
		stop_at(recording, !is_blank(recording, recording->at));
		return NULL;
	}
	if ((off_t)*size > left) {
		stop_at(recording, false);
		return NULL;
	}
	data = checked(malloc(*size + 1));
	if (read_at(recording, data, *size, recording->at + sizeof(header)) == *size &&
	    crc32_z(0, data, *size) == get_fixed(header + 4))
		return data;
	free(data);
	next = recording->at + sizeof(header) + *size;
	stop_at(recording, next < recording->size && !is_blank(recording, next));
	return NULL;
}

static struct timespec time_of(uint64_t nanoseconds)
{
	return (struct timespec){
		.tv_sec = nanoseconds / 1000000000,
		.tv_nsec = nanoseconds % 1000000000,
	};
}

/* Read a part, or take it from the round before. */
static void get_part(struct cursor *cursor, struct part *part, struct part *before)
{
	size_t size;
	const char *data = get_bytes(cursor, &size);

	if (size) {
		part->data = memcpy(checked(malloc(size)), data, size);
		part->size = size;
	} else if (before && before->data) {
		*part = *before;
		*before = (struct part){ 0 };
	} else {
		cursor->bad = true;
	}
}

static void get_process(struct recording *recording, struct cursor *cursor,
			uint64_t when, size_t i, struct recorded *process,
			struct kept *kept)
{
	size_t len;
	const char *comm;
	struct kept *before;

	process->pid = get_number(cursor, MOST_PID);
	process->start_time = get_number(cursor, UINT64_MAX);
	process->space = get_number(cursor, UINT64_MAX);
	process->when = time_of(when + get_number(cursor, INT64_MAX - when));
	process->since = get_number(cursor, INT64_MAX) / 1e9;
	process->backend = get_number(cursor, DIRTYPAGES_PAGEMAP);
	comm = get_bytes(cursor, &len);
	if (!process->pid || len >= sizeof(process->comm) || memchr(comm, '\0', len))
		cursor->bad = true;
	else
		memcpy(process->comm, comm, len);
	kept->pid = process->pid;
	kept->start_time = process->start_time;
	before = kept_find(recording->kept, recording->count, i, process->pid,
			   process->start_time);
	for (int j = 0; j < 2; j++)
		get_part(cursor, &kept->part[j], before ? &before->part[j] : NULL);
}

static bool parse_round(struct recording *recording, const unsigned char *data,
			size_t size)
{
	struct cursor cursor = { .p = data, .end = data + size };
	uint64_t when = get_number(&cursor, INT64_MAX);
	size_t count = get_number(&cursor, size);
	struct recorded *processes = checked(calloc(count + 1, sizeof(*processes)));
	struct kept *kept = checked(calloc(count + 1, sizeof(*kept)));

	for (size_t i = 0; i < count && !cursor.bad; i++)
		get_process(recording, &cursor, when, i, &processes[i], &kept[i]);
	forget_round(recording);
	recording->when = time_of(when);
	recording->processes = processes;
	recording->kept = kept;
	recording->count = count;
	return !cursor.bad && cursor.p == cursor.end;
}

/**
 * recording_next() - read the next round
 * @recording: its processes are those of that round
 *
 * Return: false if there is none. Reports a cut or damaged recording.
 */
bool recording_next(struct recording *recording)
{
	size_t size;
	unsigned char *data = read_round(recording, &size);
	bool valid;

	if (!data)
		return false;
	valid = parse_round(recording, data, size);
	free(data);
	if (valid) {
		recording->at += RECORD_ROUND_HEADER + size;
		return true;
	}
	forget_round(recording);
	stop_at(recording, true);
	return false;
}

/**
 * recording_check() - find out how much of a recording is whole
 * @recording: that recording, which is read to its end
 *
 * Return: the end of the last round.
 */
off_t recording_check(struct recording *recording)
{
	while (recording_next(recording))
		;
	return recording->at;
}

/**
 * recording_close() - free the members of a recording
 * @recording: as recording_open() filled it in
 */
void recording_close(struct recording *recording)
{
	forget_round(recording);
}
