// SPDX-License-Identifier: GPL-2.0
/*
 * The target processes: each maps memory, brings it into one state, and waits.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

/* The address of the memory of a scene, apart from all other mappings */
#define PLACE		((char *)0x100000000UL)
#define HUGE_PLACE	((char *)0x100000000000UL)

/*
 * The range lies apart from the memory of a scene, and from the heap: the kernel puts
 * the heap at a random place in the first GiB.
 */
#define RANGE_PLACE	0x80000000UL

static char *map(char *place, size_t size, int prot, int fd)
{
	int flags = MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
	char *p;

	if (fd < 0)
		flags |= MAP_ANONYMOUS;
	p = mmap(place, size, prot, flags, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	/* This fails in a kernel without transparent huge pages. */
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

static char *map_memory(size_t size)
{
	return map(PLACE, size, PROT_READ | PROT_WRITE, -1);
}

/* Write different contents, so that zram does not store them as one value. */
static void write_every(char *p, size_t size, size_t step)
{
	size_t i;

	for (i = 0; i < size; i += step)
		*(volatile uint64_t *)(p + i) = i | 1;
}

static void nothing(const struct scene *scene)
{
	(void)scene;
}

static void dense(const struct scene *scene)
{
	write_every(map_memory(scene->size), scene->size, PAGE);
}

static void alternating(const struct scene *scene)
{
	write_every(map_memory(scene->size), scene->size, 2 * PAGE);
}

static void sparse(const struct scene *scene)
{
	write_every(map_memory(scene->size), scene->size, 2 * MIB);
}

static void emptied(const struct scene *scene)
{
	sparse(scene);
	madvise(PLACE, scene->size, MADV_DONTNEED);
}

static void huge(const struct scene *scene)
{
	char *p = map_memory(scene->size);

	if (madvise(p, scene->size, MADV_HUGEPAGE))
		die("MADV_HUGEPAGE");
	write_every(p, scene->size, 2 * MIB);
}

/* Start a child that shares all memory, and waits. */
static pid_t fork_relative(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void forked(const struct scene *scene)
{
	dense(scene);
	fork_relative();
}

/* The pages are exclusive again, but not marked as such. */
static void forked_gone(const struct scene *scene)
{
	pid_t pid;

	dense(scene);
	pid = fork_relative();
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid");
}

static void rewrite_tenth(const struct scene *scene)
{
	write_every(PLACE, scene->size, 10 * PAGE);
}

static void rewrite_all(const struct scene *scene)
{
	write_every(PLACE, scene->size, PAGE);
}

static bool is_in_memory(char *p, size_t size)
{
	unsigned char *in = malloc(size / PAGE);
	bool any;

	if (!in || mincore(p, size, in))
		die("mincore");
	any = memchr(in, 1, size / PAGE);
	free(in);
	return any;
}

/* A page in a CPU's batch for the LRU lists cannot be paged out: retry. */
static void swapped(const struct scene *scene)
{
	char *p = map_memory(scene->size);
	int try;

	write_every(p, scene->size, PAGE);
	for (try = 0; try < 10 && is_in_memory(p, scene->size); try++)
		madvise(p, scene->size, MADV_PAGEOUT);
}

static void swapped_forked(const struct scene *scene)
{
	swapped(scene);
	fork_relative();
}

static char *map_file(const struct scene *scene)
{
	char *p, byte = 0;
	size_t i;
	int fd;

	fd = open("/tmp/file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		die("/tmp/file");
	for (i = 0; i < scene->size; i += PAGE)
		if (pwrite(fd, &i, sizeof(i), i) != sizeof(i))
			die("/tmp/file");
	if (ftruncate(fd, scene->size))
		die("/tmp/file");
	p = map(PLACE, scene->size, PROT_READ | PROT_WRITE, fd);
	close(fd);
	for (i = 0; i < scene->size; i += PAGE)
		byte += *(volatile char *)(p + i);
	return p;
}

static void file_read(const struct scene *scene)
{
	map_file(scene);
}

static void file_one(const struct scene *scene)
{
	*(volatile char *)map_file(scene) = 1;
}

static void file_alternating(const struct scene *scene)
{
	write_every(map_file(scene), scene->size, 2 * PAGE);
}

static void small(const struct scene *scene, int gap)
{
	size_t i;

	for (i = 0; i < scene->size; i += 3 * PAGE) {
		map(PLACE + i, 2 * PAGE, PROT_READ | PROT_WRITE, -1);
		if (gap)
			map(PLACE + i + 2 * PAGE, PAGE, PROT_NONE, -1);
		write_every(PLACE + i, 2 * PAGE, PAGE);
	}
}

static void small_unmapped(const struct scene *scene)
{
	small(scene, 0);
}

static void small_protnone(const struct scene *scene)
{
	small(scene, 1);
}

static void reserved(const struct scene *scene)
{
	map(HUGE_PLACE, scene->size, PROT_READ | PROT_WRITE, -1);
}

static void touched(const struct scene *scene)
{
	reserved(scene);
	HUGE_PLACE[scene->size / 2] = 1;
}

static void write_range(const struct scene *scene)
{
	write_every(map((char *)scene->range, RANGE_SIZE, PROT_READ | PROT_WRITE, -1),
		    RANGE_SIZE, PAGE);
}

static void beside_sparse(const struct scene *scene)
{
	sparse(scene);
	write_range(scene);
}

static void beside_touched(const struct scene *scene)
{
	touched(scene);
	write_range(scene);
}

static void beside_small(const struct scene *scene)
{
	small_unmapped(scene);
	write_range(scene);
}

static char *step_place;
static uint64_t steps[COMPANY_STEPS];

/* Time each step, and keep the ticks in steps[]. */
static void time_steps(void (*step)(size_t i))
{
	uint64_t start;
	size_t i;

	for (i = 0; i < COMPANY_STEPS; i++) {
		start = now();
		step(i);
		steps[i] = now() - start;
	}
}

static void map_and_unmap(size_t i)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)i;
	if (p == MAP_FAILED || munmap(p, PAGE))
		die("mmap");
}

static void touch(size_t i)
{
	*(volatile char *)(step_place + i * PAGE) = 1;
}

static void map_steps(const struct scene *scene)
{
	(void)scene;
	time_steps(map_and_unmap);
}

static void fault_steps(const struct scene *scene)
{
	size_t size = COMPANY_STEPS * PAGE;

	step_place = map(PLACE + scene->size, size, PROT_READ | PROT_WRITE, -1);
	time_steps(touch);
	munmap(step_place, size);
}

#define LISTING(group, name, make, bytes, ...) \
	{ name, group, measure_listing, make, .size = (bytes), __VA_ARGS__ }

#define RANGE(name, make, bytes, range_start) \
	{ name, "ranges", measure_range, make, .size = (bytes), .range = (range_start) }

#define CHECK(name, make, bytes) \
	{ name, "check", check_listing, make, .size = (bytes) }

const struct scene scenes[] = {
	LISTING("cases", "dense-512M", dense, 512 * MIB),
	LISTING("cases", "dense", dense, 64 * MIB),
	LISTING("cases", "alternating", alternating, 64 * MIB),
	LISTING("cases", "sparse", sparse, 64 * GIB, .no_pagemap = true),
	LISTING("cases", "huge", huge, GIB),
	LISTING("cases", "forked", forked, 64 * MIB),
	LISTING("cases", "forked-gone", forked_gone, 64 * MIB),
	LISTING("cases", "acknowledged", dense, 64 * MIB, .acknowledged = true),
	LISTING("cases", "mixed", dense, 64 * MIB, .acknowledged = true, .then = rewrite_tenth),
	LISTING("cases", "swapped", swapped, 64 * MIB),
	LISTING("cases", "swapped-forked", swapped_forked, 64 * MIB),
	LISTING("cases", "file", file_read, 64 * MIB),
	LISTING("cases", "file-8M", file_read, 8 * MIB),
	LISTING("cases", "file-one", file_one, 64 * MIB),
	LISTING("cases", "file-alternating", file_alternating, 64 * MIB),
	LISTING("cases", "small-unmapped", small_unmapped, 30000 * PAGE),
	LISTING("cases", "small-protnone", small_protnone, 30000 * PAGE),

	LISTING("growth", "nothing", nothing, 0),
	LISTING("growth", "dense-16M", dense, 16 * MIB),
	LISTING("growth", "dense-128M", dense, 128 * MIB),
	LISTING("growth", "dense-1G", dense, GIB),
	LISTING("growth", "dense-2G", dense, 2 * GIB),
	LISTING("growth", "reserved-64T", reserved, 64 * TIB, .no_pagemap = true),
	LISTING("growth", "touched-64T", touched, 64 * TIB, .no_pagemap = true),
	LISTING("growth", "emptied-64G", emptied, 64 * GIB, .no_pagemap = true),
	LISTING("growth", "lines-10000", alternating, 20000 * PAGE),
	LISTING("growth", "lines-100000", alternating, 200000 * PAGE),
	LISTING("growth", "lines-1000000", alternating, 2000000 * PAGE),

	RANGE("range-alone", dense, RANGE_SIZE, (unsigned long)PLACE),
	RANGE("range-of-2G", dense, 2 * GIB, (unsigned long)PLACE + GIB),
	RANGE("range-beside-sparse", beside_sparse, 64 * GIB, RANGE_PLACE),
	RANGE("range-beside-64T", beside_touched, 64 * TIB, RANGE_PLACE),
	RANGE("range-beside-small", beside_small, 30000 * PAGE, RANGE_PLACE),

	CHECK("check-nothing", nothing, 0),
	CHECK("check-dense", dense, 4 * MIB),
	CHECK("check-alternating", alternating, 4 * MIB),
	CHECK("check-sparse", sparse, 128 * MIB),
	CHECK("check-forked", forked, 4 * MIB),
	CHECK("check-swapped", swapped, 4 * MIB),
	CHECK("check-file", file_read, 4 * MIB),
	CHECK("check-file-alternating", file_alternating, 4 * MIB),
	CHECK("check-small", small_unmapped, 1200 * PAGE),
	CHECK("check-small-protnone", small_protnone, 1200 * PAGE),

	{ "acknowledge", "acknowledging", measure_acknowledging, dense, .size = 64 * MIB,
	  .then = rewrite_all },
	{ "programs-1G", "programs", measure_programs, dense, .size = GIB },
	{ "mmap", "company", measure_company, dense, .size = 512 * MIB, .then = map_steps },
	{ "fault", "company", measure_company, dense, .size = 512 * MIB, .then = fault_steps },
};

const size_t nr_scenes = sizeof(scenes) / sizeof(*scenes);

/* Run in the target: make the scene, report that, and continue on request. */
int target_main(const struct scene *scene)
{
	/* The message of die() goes to the console, not into the pipe. */
	int out = dup(STDOUT_FILENO);
	char byte;

	if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return 1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	scene->make(scene);
	while (write(out, "r", 1) == 1 && read(STDIN_FILENO, &byte, 1) == 1) {
		if (scene->then)
			scene->then(scene);
		if (scene->measure == measure_company &&
		    write(out, steps, sizeof(steps)) != sizeof(steps))
			return 1;
	}
	return 1;
}

/* Read @size bytes from the target. */
static void receive(struct target *target, void *data, size_t size)
{
	char *p = data;
	ssize_t n;

	for (; size; size -= n, p += n) {
		n = read(target->from, p, size);
		if (n <= 0) {
			errno = n ? errno : ECHILD;
			die("the target");
		}
	}
}

static void await(struct target *target)
{
	char byte;

	receive(target, &byte, 1);
}

/* Start a target by exec, so that it shares no memory with this process. */
struct target start_target(const struct scene *scene)
{
	struct target target;
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipe");
	target.pid = fork();
	if (target.pid < 0)
		die("fork");
	if (!target.pid) {
		if (dup2(to[0], STDIN_FILENO) < 0 || dup2(from[1], STDOUT_FILENO) < 0)
			_exit(1);
		execl("/proc/self/exe", "bench", "--target", scene->name, NULL);
		_exit(1);
	}
	close(to[0]);
	close(from[1]);
	target.to = to[1];
	target.from = from[0];
	await(&target);
	return target;
}

static void tell(struct target *target)
{
	if (write(target->to, "g", 1) != 1)
		die("the target");
}

void continue_target(struct target *target)
{
	tell(target);
	await(target);
}

/* Make the target continue, and read the ticks of its steps. */
void read_steps(struct target *target, uint64_t *ticks)
{
	tell(target);
	receive(target, ticks, sizeof(steps));
	await(target);
}

/* Stop the target, so that its memory does not change. */
void rest_target(const struct target *target)
{
	int status;

	kill(target->pid, SIGSTOP);
	if (waitpid(target->pid, &status, WUNTRACED) != target->pid)
		die("waitpid");
	if (!WIFSTOPPED(status)) {
		errno = ECHILD;
		die("the target");
	}
}

void end_target(struct target *target)
{
	kill(target->pid, SIGKILL);
	waitpid(target->pid, NULL, 0);
	close(target->to);
	close(target->from);
}
