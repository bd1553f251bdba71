// SPDX-License-Identifier: GPL-2.0
/*
 * Tell an address space from all others.
 *
 * An image continues one address space only. PID, start time and boot ID
 * identify the process, but execve() keeps all of them, and may even reuse the
 * addresses for the same program. The 16 random bytes at AT_RANDOM, which the
 * kernel puts on the stack of each new program, never repeat: the probability
 * of a collision is 2^-128. If a program overwrites its own bytes, or makes
 * them unreadable, its image starts over with all pages, which is always
 * correct. A program that copies the bytes of its predecessor there damages
 * nothing but its own image.
 */
#define _GNU_SOURCE
#include "process/identity.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/procfile.h"

/**
 * auxv_is_narrow() - is an auxiliary vector that of a 32-bit program?
 * @auxv: the vector
 * @size: its size in bytes
 *
 * A 32-bit value lies in the upper half of a 64-bit type, which is zero in a
 * 64-bit vector.
 *
 * Return: true if so.
 */
bool auxv_is_narrow(const uint64_t *auxv, size_t size)
{
	for (size_t i = 0; i + 1 < size / sizeof(*auxv); i += 2)
		if (auxv[i] >> 32)
			return true;
	return false;
}

static uint64_t find_auxv(const char *auxv, size_t size, uint32_t type)
{
	bool narrow = auxv_is_narrow((const uint64_t *)auxv, size);
	size_t step = narrow ? 8 : 16;

	for (size_t at = 0; at + step <= size; at += step) {
		const uint64_t *wide = (const uint64_t *)(auxv + at);
		const uint32_t *entry = (const uint32_t *)(auxv + at);

		if (narrow && entry[0] == type)
			return entry[1];
		if (!narrow && wide[0] == type)
			return wide[1];
	}
	return 0;
}

static enum status read_random(const struct dirtypages_process *process, int mem,
			       struct identity *of)
{
	unsigned char bytes[16];
	enum status status;
	uint64_t at;
	size_t size;
	char *auxv;

	*of->random = '\0';
	status = process_text(process, "auxv", -1, &auxv, &size);
	at = status ? 0 : find_auxv(auxv, size, AT_RANDOM);
	free(auxv);
	if (status || !at || pread(mem, bytes, sizeof(bytes), at) != sizeof(bytes))
		return status;
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(of->random + 2 * i, "%02x", bytes[i]);
	return STATUS_OK;
}

/**
 * boot_read() - read the boot ID
 * @boot: set to the boot ID
 *
 * Return: false if it cannot be read.
 */
bool boot_read(char boot[37])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd == -1 ? -1 : read(fd, boot, 36);

	if (fd != -1)
		close(fd);
	boot[36] = '\0';
	return len == 36;
}

/**
 * identity_read() - identify the address space of a process
 * @process: the process
 * @of: filled in
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status identity_read(const struct dirtypages_process *process, struct identity *of)
{
	int mem = dirtypages_process_file(process, "mem", O_RDONLY);
	enum status status;

	if (mem < 0)
		return process_failed(dirtypages_process_pid(process), "mem", -mem);
	*of = (struct identity){
		.pid = dirtypages_process_pid(process),
		.start_time = dirtypages_process_start_time(process),
	};
	status = read_random(process, mem, of);
	close(mem);
	if (!boot_read(of->boot) && !status)
		return complain(STATUS_OTHER, "/proc/sys/kernel/random/boot_id: cannot be read");
	return status;
}

/**
 * identity_equal() - are two address spaces the same?
 * @a: first identity
 * @b: second identity
 *
 * Return: true if they certainly are.
 */
bool identity_equal(const struct identity *a, const struct identity *b)
{
	return a->pid == b->pid && a->start_time == b->start_time &&
	       !strcmp(a->boot, b->boot) && *a->random &&
	       !strcmp(a->random, b->random);
}
