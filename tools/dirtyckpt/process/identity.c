// SPDX-License-Identifier: GPL-2.0
/*
 * An address space, told apart from all others.
 *
 * A save is about one address space, and continues images of that one only. Its
 * process is known by number, start time and boot. But execve() keeps all of
 * them, and may even give the same addresses to the same program. What it never
 * repeats are the 16 random bytes that the kernel puts on the stack of each new
 * program and points to by AT_RANDOM: two programs have the same ones with a
 * probability of 2^-128. A program that overwrites its own, or makes them
 * unreadable, only gets images that begin anew, which is always right; one that
 * writes those of its predecessor there on purpose damages nothing but its own
 * image.
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
 * auxv_is_narrow() - is an auxiliary vector of a program of 32 bits?
 * @auxv: the vector
 * @size: bytes
 *
 * Where entries of 32 bits have their values, those of 64 bits have zeroes.
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

static enum status read_random(struct dirty_process *process, int mem,
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
 * boot_read() - which boot of the system is this?
 * @boot: set to the boot_id
 *
 * Return: false if that cannot be told.
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
 * identity_read() - which address space does a process have?
 * @process: that process
 * @of: filled in
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status identity_read(struct dirty_process *process, struct identity *of)
{
	int mem = dirty_process_file(process, "mem", O_RDONLY);
	enum status status;

	if (mem < 0)
		return process_failed(process->pid, "mem", -mem);
	*of = (struct identity){
		.pid = process->pid,
		.start_time = process->start_time,
	};
	status = read_random(process, mem, of);
	close(mem);
	if (!boot_read(of->boot) && !status)
		return complain(STATUS_OTHER, "/proc/sys/kernel/random/boot_id: cannot be read");
	return status;
}

/**
 * identity_equal() - are two address spaces one?
 * @a: one
 * @b: the other
 *
 * Return: true if that is certain.
 */
bool identity_equal(const struct identity *a, const struct identity *b)
{
	return a->pid == b->pid && a->start_time == b->start_time &&
	       !strcmp(a->boot, b->boot) && *a->random &&
	       !strcmp(a->random, b->random);
}
