// SPDX-License-Identifier: GPL-2.0
/*
 * Write recordings. A round of samples is appended by one write(), so that a
 * program that is killed leaves whole rounds and at most a part of the last one.
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/message.h"
#include "common/output.h"
#include "recording.h"
#include "sample.h"

/* A recording shows the memory maps of processes: only its owner may read it. */
static int open_file(const char *path)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0600);
	struct stat st;

	if (fd == -1 && errno == EEXIST)
		fd = open(path, flags);
	if (fd == -1 && errno == ELOOP)
		die(STATUS_OTHER, "%s: a symbolic link; name its target instead", path);
	if (fd == -1 || fstat(fd, &st))
		die(STATUS_OTHER, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		die(STATUS_OTHER, "%s: not a regular file, which a recording is", path);
	if (st.st_uid != geteuid())
		die(STATUS_OTHER, "%s: belongs to another user; name a file of yours", path);
	if (flock(fd, LOCK_EX | LOCK_NB))
		die(STATUS_OTHER,
		    "%s: another program is writing this recording; name another file",
		    path);
	if (!st.st_size && fchmod(fd, 0600))
		die(STATUS_OTHER, "%s: %s", path, strerror(errno));
	return fd;
}

/* Truncate a partial round, so that readers find the next one. */
static void find_end(struct recorder *recorder)
{
	struct recording recording;

	recording_open(&recording, recorder->fd, recorder->name);
	recorder->end = recording_check(&recording);
	recording_close(&recording);
	if (recording.damaged)
		die(STATUS_OTHER, "%s: not continued; name another file",
		    recorder->name);
	if (ftruncate(recorder->fd, recorder->end))
		die(STATUS_OTHER, "%s: %s", recorder->name, strerror(errno));
}

/* Append, or leave the file as it was and end the program. */
static void append(struct recorder *recorder, const void *data, size_t size)
{
	int error;

	if (lseek(recorder->fd, recorder->end, SEEK_SET) == -1)
		error = -errno;
	else
		error = write_fully(recorder->fd, data, size);
	if (!error) {
		recorder->end += size;
		return;
	}
	/* If that fails as well, readers drop the partial round. */
	if (ftruncate(recorder->fd, recorder->end))
		errno = 0;
	die(STATUS_OTHER, "%s: %s; the samples before this one are kept",
	    recorder->name ? recorder->name : "samples", strerror(-error));
}

/**
 * recorder_open() - begin a recording or continue one, or end the program
 * @recorder: filled in; to be closed by recorder_close()
 * @path: the file, or NULL to keep the samples in memory
 */
void recorder_open(struct recorder *recorder, const char *path)
{
	unsigned char header[RECORD_HEADER];
	struct stat st = { 0 };

	*recorder = (struct recorder){ .name = path };
	if (path)
		recorder->fd = open_file(path);
	else
		recorder->fd = memfd_create("samples", MFD_CLOEXEC);
	if (recorder->fd == -1 || fstat(recorder->fd, &st))
		die(STATUS_OTHER, "samples: %s", strerror(errno));
	if (st.st_size)
		find_end(recorder);
	if (recorder->end < RECORD_HEADER) {
		record_header(header);
		append(recorder, header, sizeof(header));
	}
	recorder->begin = recorder->end;
}

/* Write a part of a process, or 0 if it is as in the round before. */
static void put_part(FILE *out, const struct part *part, const struct part *before)
{
	if (before && before->size == part->size &&
	    !memcmp(before->data, part->data, part->size))
		put_number(out, 0);
	else
		put_bytes(out, part->data, part->size);
}

static uint64_t nanoseconds_of(const struct timespec *when)
{
	return when->tv_sec * 1000000000ull + when->tv_nsec;
}

static void put_process(struct recorder *recorder, FILE *out, uint64_t when,
			const struct target *target, struct kept *kept, size_t guess)
{
	const struct sample *now = &target->now;
	uint64_t taken = nanoseconds_of(&now->when);
	const struct kept *before;

	*kept = (struct kept){
		.pid = target->pid,
		.start_time = target->start_time,
		.part = {
			[PART_LISTING] = encode_listing(now->listing),
			[PART_MAPS] = encode_maps(now->maps),
		},
	};
	before = kept_find(recorder->kept, recorder->count, guess, kept->pid,
			   kept->start_time);
	put_number(out, kept->pid);
	put_number(out, kept->start_time);
	put_number(out, target->space);
	put_number(out, taken > when ? taken - when : 0);
	put_number(out, now->since * 1e9);
	put_number(out, target->backend);
	put_bytes(out, target->comm, strlen(target->comm));
	for (int i = 0; i < 2; i++)
		put_part(out, &kept->part[i], before ? &before->part[i] : NULL);
}

/* Do not record a truncated listing: its sums would be wrong. */
static bool is_recorded(const struct target *target)
{
	return !target->gone && !target->status;
}

/* Write the contents of a round, and remember them for the next. */
static void put_round(struct recorder *recorder, FILE *out,
		      const struct target *targets, size_t count)
{
	struct kept *kept = checked(calloc(count + 1, sizeof(*kept)));
	struct timespec when;
	size_t done = 0, recorded = 0;

	clock_gettime(CLOCK_REALTIME, &when);
	for (size_t i = count; i-- > 0;) {
		if (!is_recorded(&targets[i]))
			continue;
		when = targets[i].now.when;
		recorded++;
	}
	put_number(out, nanoseconds_of(&when));
	put_number(out, recorded);
	for (size_t i = 0; i < count; i++) {
		if (!is_recorded(&targets[i]))
			continue;
		put_process(recorder, out, nanoseconds_of(&when), &targets[i],
			    &kept[done], done);
		done++;
	}
	kept_free(recorder->kept, recorder->count);
	recorder->kept = kept;
	recorder->count = done;
}

/**
 * recorder_add() - append a round of samples, or end the program
 * @recorder: the recording
 * @targets: processes, sampled
 * @count: how many
 */
void recorder_add(struct recorder *recorder, const struct target *targets,
		  size_t count)
{
	unsigned char *data = NULL;
	size_t size = 0;
	FILE *out = checked(open_memstream((char **)&data, &size));

	for (int i = 0; i < RECORD_ROUND_HEADER; i++)
		putc_unlocked(0, out);
	put_round(recorder, out, targets, count);
	if (ferror(out) || fclose(out))
		checked(NULL);
	if (size - RECORD_ROUND_HEADER > UINT32_MAX)
		die(STATUS_OTHER,
		    "a sample of more than 4G cannot be recorded; choose fewer processes");
	record_round_header(data, size - RECORD_ROUND_HEADER);
	append(recorder, data, size);
	free(data);
}

/**
 * recorder_close() - end a recording
 * @recorder: as recorder_open() filled it in; to be used no more
 */
void recorder_close(struct recorder *recorder)
{
	kept_free(recorder->kept, recorder->count);
	close(recorder->fd);
	*recorder = (struct recorder){ .fd = -1 };
}
