// SPDX-License-Identifier: GPL-2.0
/*
 * A process, and the address space that it had when it was opened.
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
#include "target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status fail_to_open(pid_t pid, const char *name, int error)
{
	switch (error) {
	case ESRCH:
		return complain(STATUS_NO_PROCESS,
				"%d: no such process, or it has no memory any more",
				pid);
	case EACCES:
	case EPERM:
		return complain(STATUS_NOT_PERMITTED,
				"%d: not permitted; this takes its owner, whom Yama lets attach to it, or root (CAP_SYS_PTRACE)",
				pid);
	case ENOSYS:
	case EOPNOTSUPP:
		return complain(STATUS_UNSUPPORTED,
				"%d: this kernel cannot tell what was written; it takes one with CONFIG_PROC_DIRTY_PAGES and CONFIG_MEM_SOFT_DIRTY",
				pid);
	}
	return complain(STATUS_OTHER, "/proc/%d/%s: %s", pid, name,
			strerror(error));
}

/* Returns 0 or an errno. */
static int read_all(int fd, char **text, size_t *size)
{
	size_t room = 16384;
	ssize_t len;
	int error;

	*size = 0;
	lseek(fd, 0, SEEK_SET);
	do {
		if (room - *size < 8192 || !*text)
			*text = grow(*text, room *= 2, 1);
		len = read(fd, *text + *size, room - *size - 1);
		*size += len > 0 ? len : 0;
	} while (len > 0);
	error = len ? errno : 0;
	(*text)[*size] = '\0';
	return error;
}

/**
 * target_text() - read a file of the process
 * @target: that one
 * @name: of the file, in /proc/<pid>/
 * @fd: open already, to be read from its start, or -1
 * @text: set to what it says, with a zero at the end; to be freed
 * @size: set to its length
 *
 * The file of a thread may say nothing any more once that has ended; then it is
 * another one's that is read.
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status target_text(struct target *target, const char *name, int fd,
			char **text, size_t *size)
{
	int error = ESRCH;

	*size = 0;
	*text = NULL;
	if (fd != -1)
		error = read_all(fd, text, size);
	for (int i = 0; error == ESRCH && i < DIRTY_TRIES; i++) {
		int opened = dirty_process_file(&target->process, name, O_RDONLY);

		if (opened < 0)
			return fail_to_open(target->process.pid, name, -opened);
		error = read_all(opened, text, size);
		close(opened);
	}
	return error ? fail_to_open(target->process.pid, name, error) : STATUS_OK;
}

/**
 * target_read() - read memory
 * @target: whose
 * @start: address of the first page
 * @data: set to the contents
 * @size: whole pages
 *
 * Return: how many bytes could be read from @start on, whole pages.
 */
size_t target_read(const struct target *target, uint64_t start, void *data,
		   size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t len = pread(target->mem, (char *)data + done,
				    size - done, start + done);

		if (len == -1 && errno == EINTR)
			continue;
		if (len <= 0)
			break;
		done += len;
	}
	return done & ~(PAGE_BYTES - 1);
}

/* A program of 32 bits has an auxv of 32 bits; no type is that large. */
static uint64_t find_auxv(const char *auxv, size_t size, uint32_t type)
{
	bool narrow = false;

	for (size_t at = 0; at + 16 <= size; at += 16) {
		const uint64_t *entry = (const uint64_t *)(auxv + at);

		if (entry[0] >> 32)
			narrow = true;
		else if (!narrow && entry[0] == type)
			return entry[1];
	}
	for (size_t at = 0; narrow && at + 8 <= size; at += 8) {
		const uint32_t *entry = (const uint32_t *)(auxv + at);

		if (entry[0] == type)
			return entry[1];
	}
	return 0;
}

static enum status read_random(struct target *target, int mem,
			       struct identity *of)
{
	unsigned char bytes[16];
	enum status status;
	uint64_t at;
	size_t size;
	char *auxv;

	*of->random = '\0';
	status = target_text(target, "auxv", -1, &auxv, &size);
	at = status ? 0 : find_auxv(auxv, size, AT_RANDOM);
	free(auxv);
	if (status || !at || pread(mem, bytes, sizeof(bytes), at) != sizeof(bytes))
		return status;
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(of->random + 2 * i, "%02x", bytes[i]);
	return STATUS_OK;
}

/**
 * read_boot() - which boot of the system is this?
 * @boot: set to the boot_id
 *
 * Return: false if that cannot be told.
 */
bool read_boot(char boot[37])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd == -1 ? -1 : read(fd, boot, 36);

	if (fd != -1)
		close(fd);
	boot[36] = '\0';
	return len == 36;
}

static enum status read_identity(struct target *target, struct identity *of)
{
	int mem = dirty_process_file(&target->process, "mem", O_RDONLY);
	enum status status;

	if (mem < 0)
		return fail_to_open(target->process.pid, "mem", -mem);
	*of = (struct identity){
		.pid = target->process.pid,
		.start_time = target->process.start_time,
	};
	status = read_random(target, mem, of);
	close(mem);
	if (!read_boot(of->boot) && !status)
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

/**
 * target_check() - does the process still have the address space that is open?
 * @target: that one
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status target_check(struct target *target)
{
	enum status status;
	struct identity of;

	status = read_identity(target, &of);
	if (status == STATUS_NO_PROCESS)
		return STATUS_VANISHED;
	if (!status && *target->of.random && !identity_equal(&of, &target->of))
		return complain(STATUS_VANISHED, "%d: ended, or called exec, meanwhile",
				target->process.pid);
	return status;
}

static enum status open_files(struct target *target, bool write)
{
	struct dirty_process *process = &target->process;
	int error;

	error = dirty_open(&target->reader, process, DIRTY_FILE, write);
	if (error)
		return fail_to_open(process->pid, "dirty_pages", -error);
	target->mem = dirty_process_file(process, "mem", O_RDWR);
	if (target->mem < 0)
		return fail_to_open(process->pid, "mem", -target->mem);
	target->maps = dirty_process_file(process, "maps", O_RDONLY);
	if (target->maps < 0)
		return fail_to_open(process->pid, "maps", -target->maps);
	target->auxv = dirty_process_file(process, "auxv", O_RDONLY);
	if (target->auxv < 0)
		return fail_to_open(process->pid, "auxv", -target->auxv);
	return STATUS_OK;
}

/*
 * Threads are known to ptrace() by number. If /proc is of another PID namespace, the
 * numbers there are not ours.
 */
static bool is_proc_ours(void)
{
	char self[32];
	ssize_t len = readlink("/proc/self", self, sizeof(self) - 1);

	self[len < 0 ? 0 : len] = '\0';
	return atoi(self) == getpid();
}

/**
 * target_open() - open a process
 * @target: filled in; to be closed by target_close(), also on failure
 * @pid: its number
 * @write: to acknowledge
 *
 * Its descriptors are of one address space: it was the same before and after
 * they were opened.
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status target_open(struct target *target, pid_t pid, bool write)
{
	enum status status;
	int error;

	*target = (struct target)TARGET_CLOSED;
	error = dirty_process_open(&target->process, pid);
	if (error)
		return fail_to_open(pid, "stat", -error);
	if (!is_proc_ours())
		return complain(STATUS_REFUSED,
				"%d: /proc is of another PID namespace, and has other numbers; mount it anew, as by unshare --mount-proc",
				pid);
	status = read_identity(target, &target->of);
	if (!status)
		status = open_files(target, write);
	return status ? status : target_check(target);
}

/**
 * target_close() - let go of a process
 * @target: as target_open() filled it in
 */
void target_close(struct target *target)
{
	if (target->lock != -1)
		dirty_untrack(&target->process, target->lock);
	dirty_close(&target->reader);
	if (target->mem >= 0)
		close(target->mem);
	if (target->maps >= 0)
		close(target->maps);
	if (target->auxv >= 0)
		close(target->auxv);
	if (target->process.fd != -1)
		dirty_process_close(&target->process);
}

/**
 * target_listing() - list its pages
 * @target: the process
 * @listing: filled in, to be freed
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status target_listing(struct target *target,
			   struct dirty_listing *listing)
{
	pid_t pid = target->process.pid;
	int error;

	*listing = (struct dirty_listing){ 0 };
	error = dirty_read(&target->reader, listing);
	if (error == -ESRCH || (!error && !listing->count))
		return complain(STATUS_VANISHED, "%d: ended, or called exec, while it was listed",
				pid);
	if (error == -EPROTO)
		return complain(STATUS_OTHER, "%d: line %zu of its listing makes no sense",
				pid, listing->count + 1);
	if (error)
		return complain(STATUS_OTHER, "/proc/%d/dirty_pages: %s", pid,
				strerror(-error));
	return STATUS_OK;
}

/**
 * target_maps() - its mappings
 * @target: the process
 * @maps: filled in, to be freed
 * @text: set to how /proc/<pid>/maps has them, to be freed; or NULL
 * @size: set to its length; or NULL
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status target_maps(struct target *target, struct dirty_maps *maps,
			char **text, size_t *size)
{
	enum status status;
	size_t len;
	char *all;
	int error;

	*maps = (struct dirty_maps){ 0 };
	status = target_text(target, "maps", target->maps, &all, &len);
	if (!status) {
		FILE *f = fmemopen(all, len, "r");

		error = f ? dirty_maps_parse(maps, f) : -ENOMEM;
		if (f)
			fclose(f);
		if (error)
			status = fail_to_open(target->process.pid, "maps",
					      -error);
		else if (!maps->count)
			status = complain(STATUS_VANISHED,
					  "%d: has ended, or called exec",
					  target->process.pid);
	}
	if (text && !status) {
		*text = all;
		*size = len;
	} else {
		free(all);
	}
	return status;
}

/* The head of a generation is made of lines. */
static void copy_line(char *to, size_t size, const char *from, size_t len)
{
	size_t n = len < size - 1 ? len : size - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = from[i] > ' ' && from[i] < 127 ? from[i] : ' ';
	to[n] = '\0';
}

/**
 * describe_process() - who it is, for those who look at the image
 * @target: the process
 * @gen: filled in; what cannot be told is left empty
 */
void describe_process(const struct target *target, struct generation *gen)
{
	char text[1024], *p;
	struct stat st;
	ssize_t len;
	int fd;

	snprintf(gen->comm, sizeof(gen->comm), "%s", target->process.comm);
	fd = openat(target->process.fd, "cmdline", O_RDONLY | O_CLOEXEC);
	len = fd == -1 ? 0 : read(fd, text, sizeof(text));
	close(fd);
	if (len > 0)
		copy_line(gen->args, sizeof(gen->args), text, len);
	fd = openat(target->process.fd, "stat", O_RDONLY | O_CLOEXEC);
	len = fd == -1 ? 0 : read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	p = strrchr(text, ')');
	if (p)
		sscanf(p, ") %*c %d %d %d", &gen->ppid, &gen->pgrp, &gen->sid);
	if (!fstat(target->process.fd, &st)) {
		gen->uid = st.st_uid;
		gen->gid = st.st_gid;
	}
}
