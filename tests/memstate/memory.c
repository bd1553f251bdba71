// SPDX-License-Identifier: GPL-2.0
/* Commands that map, touch, advise and move memory */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "memstate.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

#define HUGE ((size_t)2 << 20)
#define GIGABYTE ((size_t)1 << 30)

/* Find a free range, aligned to a huge page, or to 1 GiB if its size is. */
static void *reserve_aligned(size_t bytes)
{
	size_t align = bytes % GIGABYTE ? HUGE : GIGABYTE;
	char *start = mmap(NULL, bytes + align, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *aligned;

	if (start == MAP_FAILED)
		return start;
	aligned = (char *)(((uintptr_t)start + align - 1) & ~(align - 1));
	munmap(start, bytes + align);
	return aligned;
}

/* Addresses that are the same in every process, for comparison with golden texts */
static void *next_fixed(void)
{
	static uintptr_t next = 0x100000000000;

	next += 1 << 30;
	return (void *)next;
}

static int open_backing(const char *kind, const char *path, size_t bytes)
{
	int fd;

	if (strstr(kind, "memfd")) {
		fd = memfd_create("memstate", 0);
		return ftruncate(fd, bytes) == -1 ? -1 : fd;
	}
	if (strstr(kind, "zero"))
		return open("/dev/zero", O_RDWR);
	return open(path, strstr(kind, "shared") ? O_RDWR : O_RDONLY);
}

/* map KIND PAGES [FILE [PAGE-OFFSET]] */
static bool do_map(int argc, char **argv)
{
	const char *kind = argv[1];
	size_t pages = strtoul(argv[2], NULL, 0), bytes = pages * PAGE;
	off_t offset = argc > 4 ? strtol(argv[4], NULL, 0) * (off_t)PAGE : 0;
	int prot = PROT_READ | PROT_WRITE, fd = -1, flags = MAP_PRIVATE;
	void *at = NULL;

	if (strstr(kind, "shared"))
		flags = MAP_SHARED;
	if (strstr(kind, "anon"))
		flags |= MAP_ANONYMOUS;
	if (strstr(kind, "noreserve"))
		flags |= MAP_NORESERVE;
	if (strstr(kind, "hugetlb"))
		flags |= MAP_ANONYMOUS | MAP_HUGETLB;
	if (strstr(kind, "growsdown"))
		flags |= MAP_GROWSDOWN;
	if (strstr(kind, "droppable"))
		flags = MAP_DROPPABLE | MAP_ANONYMOUS;
	if (strstr(kind, "text"))
		prot = PROT_READ | PROT_EXEC;
	if (strstr(kind, "aligned")) {
		at = reserve_aligned(bytes);
		flags |= MAP_FIXED;
	}
	if (strstr(kind, "fixed")) {
		at = next_fixed();
		flags |= MAP_FIXED_NOREPLACE;
	}
	if (strstr(kind, "over")) {
		at = this()->start;
		flags |= MAP_FIXED;
	}
	if (!(flags & MAP_ANONYMOUS)) {
		fd = open_backing(kind, argc > 3 ? argv[3] : "", bytes);
		if (fd == -1)
			return false;
	}
	return add_mapping(mmap(at, bytes, prot, flags, fd, offset), pages);
}

/* many COUNT [PAGES]: map and write areas with an unmapped page between each two */
static bool do_many(int argc, char **argv)
{
	size_t count = strtoul(argv[1], NULL, 0);
	size_t pages = argc > 2 ? strtoul(argv[2], NULL, 0) : 1, i;
	size_t stride = (pages + 1) * PAGE;
	char *base = mmap(NULL, count * stride, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return false;
	for (i = 0; i < count; i++) {
		memset(base + i * stride, 1, pages * PAGE);
		if (munmap(base + i * stride + pages * PAGE, PAGE) == -1)
			return false;
	}
	return add_mapping(base, count * (pages + 1));
}

static bool do_use(int argc, char **argv)
{
	(void)argc;
	return use_mapping(strtoul(argv[1], NULL, 0));
}

/* write [FIRST [COUNT [BYTE]]] */
static bool do_write(int argc, char **argv)
{
	int value = argc > 3 ? atoi(argv[3]) : 1;
	size_t bytes, i;
	char *p = range(argc, argv, 1, &bytes);

	for (i = 0; i < bytes; i += PAGE)
		((volatile char *)p)[i] = value;
	return ok();
}

/* fill BYTE [FIRST [COUNT]]: set every byte, so that KSM can merge the pages */
static bool do_fill(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 2, &bytes);

	memset(p, atoi(argv[1]), bytes);
	return ok();
}

static bool do_read(int argc, char **argv)
{
	unsigned int sum = 0;
	size_t bytes, i;
	char *p = range(argc, argv, 1, &bytes);

	for (i = 0; i < bytes; i += PAGE)
		sum += ((volatile unsigned char *)p)[i];
	return ready("%u", sum);
}

static bool do_unmap(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);

	return done(munmap(p, bytes));
}

/* protect none|r|rw|rx [FIRST [COUNT]] */
static bool do_protect(int argc, char **argv)
{
	int prot = PROT_NONE;
	size_t bytes;
	char *p = range(argc, argv, 2, &bytes);

	if (strchr(argv[1], 'r'))
		prot |= PROT_READ;
	if (strchr(argv[1], 'w'))
		prot |= PROT_WRITE;
	if (strchr(argv[1], 'x'))
		prot |= PROT_EXEC;
	return done(mprotect(p, bytes, prot));
}

static void take_note(int signal)
{
	(void)signal;
}

/* The kernel reports the lost page by SIGBUS, which would end the process. */
static int lose_pages(char *p, size_t bytes)
{
	int ret;

	signal(SIGBUS, take_note);
	ret = madvise(p, bytes, MADV_HWPOISON);
	signal(SIGBUS, SIG_DFL);
	return ret;
}

/*
 * A page in a CPU's batch for the LRU lists can neither be paged out nor freed
 * lazily, and madvise() drains only the batch of its own CPU. Call it on each.
 */
static int advise_on_each_cpu(char *p, size_t bytes, int advice)
{
	cpu_set_t all, one;
	int cpu, ret = 0;

	if (sched_getaffinity(0, sizeof(all), &all))
		return -1;
	for (cpu = 0; cpu < CPU_SETSIZE && !ret; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		ret = sched_setaffinity(0, sizeof(one), &one);
		if (!ret)
			ret = madvise(p, bytes, advice);
	}
	if (sched_setaffinity(0, sizeof(all), &all))
		return -1;
	return ret;
}

/* advise NAME [FIRST [COUNT]]; "hwpoison" loses the pages to a memory error */
static bool do_advise(int argc, char **argv)
{
	static const struct {
		const char *name;
		int advice;
	} advices[] = {
		{ "cold", MADV_COLD },
		{ "collapse", MADV_COLLAPSE },
		{ "dofork", MADV_DOFORK },
		{ "dontfork", MADV_DONTFORK },
		{ "dontneed", MADV_DONTNEED },
		{ "free", MADV_FREE },
		{ "guard-install", 102 }, /* MADV_GUARD_INSTALL, Linux 6.13 */
		{ "guard-remove", 103 }, /* MADV_GUARD_REMOVE */
		{ "hugepage", MADV_HUGEPAGE },
		{ "mergeable", MADV_MERGEABLE },
		{ "nohugepage", MADV_NOHUGEPAGE },
		{ "pageout", MADV_PAGEOUT },
		{ "unmergeable", MADV_UNMERGEABLE },
	};
	size_t bytes, i;
	char *p = range(argc, argv, 2, &bytes);

	if (!strcmp(argv[1], "hwpoison"))
		return done(lose_pages(p, bytes));
	for (i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		int advice = advices[i].advice;

		if (strcmp(advices[i].name, argv[1]))
			continue;
		if (advice == MADV_PAGEOUT || advice == MADV_FREE)
			return done(advise_on_each_cpu(p, bytes, advice));
		return done(madvise(p, bytes, advice));
	}
	errno = EINVAL;
	return false;
}

/* comb: discard runs of one to seven pages, keeping runs of that length between */
static bool do_comb(int argc, char **argv)
{
	size_t i, n = 1;

	(void)argc;
	(void)argv;
	for (i = 0; i + n <= this()->pages; i += 2 * n, n = n % 7 + 1) {
		if (madvise(this()->start + i * PAGE, n * PAGE, MADV_DONTNEED) == -1)
			return false;
	}
	return ok();
}

/* again [FIRST [COUNT]]: unmap the pages, then map new ones at the same address */
static bool do_again(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);

	if (munmap(p, bytes) == -1)
		return false;
	return done(mmap(p, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		    MAP_FAILED ? -1 : 0);
}

/* file FIRST COUNT PATH PAGE-OFFSET: map a file privately over these pages */
static bool do_file(int argc, char **argv)
{
	off_t offset = strtol(argv[4], NULL, 0) * (off_t)PAGE;
	int fd = open(argv[3], O_RDONLY);
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);
	void *mapped;

	if (fd == -1)
		return false;
	mapped = mmap(p, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
		      offset);
	close(fd);
	return done(mapped == MAP_FAILED ? -1 : 0);
}

/* move [FIRST [COUNT]]: to a new address, which becomes the current mapping */
static bool do_move(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);
	char *to = reserve_aligned(bytes);

	if (to == MAP_FAILED)
		return false;
	return add_mapping(mremap(p, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
				  to), bytes / PAGE);
}

/* lock, unlock [FIRST [COUNT]] */
static bool do_lock(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);

	return done(argv[0][0] == 'u' ? munlock(p, bytes) : mlock(p, bytes));
}

/* poke [FIRST [COUNT]]: write as a debugger does, despite the protection */
static bool do_poke(int argc, char **argv)
{
	int fd = open("/proc/self/mem", O_RDWR);
	size_t bytes, i;
	char *p = range(argc, argv, 1, &bytes);
	char byte = 0x5a;

	if (fd == -1)
		return false;
	for (i = 0; i < bytes; i += PAGE) {
		if (pwrite(fd, &byte, 1, (off_t)(uintptr_t)(p + i)) != 1)
			return false;
	}
	close(fd);
	return ok();
}

/* pokestack PAGES: poke below the current mapping, so that a stack grows */
static bool do_pokestack(int argc, char **argv)
{
	char *p = this()->start - strtoul(argv[1], NULL, 0) * PAGE;
	int fd = open("/proc/self/mem", O_RDWR);

	(void)argc;
	if (fd == -1 || pwrite(fd, "Z", 1, (off_t)(uintptr_t)p) != 1)
		return false;
	close(fd);
	return ready("%08lx", (unsigned long)p);
}

/* name, unname [FIRST [COUNT]]: set or clear the name that maps shows */
static bool do_name(int argc, char **argv)
{
	const char *name = strcmp(argv[0], "name") ? NULL : "state";
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);

	return done(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, p, bytes, name));
}

/* vdso: make the vdso the current mapping */
static bool do_vdso(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return add_mapping((void *)getauxval(AT_SYSINFO_EHDR), 1);
}

static bool do_heap(int argc, char **argv)
{
	size_t pages = strtoul(argv[1], NULL, 0);
	char *old = sbrk(0), *aligned;

	(void)argc;
	aligned = (char *)(((uintptr_t)old + PAGE - 1) & ~(PAGE - 1));
	if (brk(aligned + pages * PAGE) == -1)
		return false;
	return add_mapping(aligned, pages);
}

/* stack PAGES: write to the stack down to that depth */
static bool do_stack(int argc, char **argv)
{
	size_t pages = strtoul(argv[1], NULL, 0), i;
	volatile char *p = __builtin_alloca((pages + 1) * PAGE);
	char *low = (char *)(((uintptr_t)p + PAGE - 1) & ~(PAGE - 1));

	(void)argc;
	for (i = pages; i-- > 0;)
		((volatile char *)low)[i * PAGE] = 1;
	return add_mapping(low, pages);
}

/* readfile PATH: read its first page into the current mapping */
static bool do_readfile(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY);

	(void)argc;
	return done(fd == -1 ? -1 : read(fd, this()->start, PAGE));
}

static char bss[16 * 4096] __attribute__((aligned(4096)));

static char data[16 * 4096] __attribute__((aligned(4096))) = { 1 };

static bool do_bss(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return add_mapping(bss, 16);
}

static bool do_data(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return add_mapping(data, 16);
}

/* hmm write|migrate|return|exclusive [FIRST [COUNT]]: by the kernel's test device */
static bool do_hmm(int argc, char **argv)
{
	struct {
		uint64_t addr, ptr, npages, cpages, faults;
	} cmd = { 0 };
	static const struct {
		const char *name;
		unsigned int nr;
	} requests[] = {
		{ "write", 1 }, { "migrate", 2 }, { "return", 3 }, { "exclusive", 5 },
	};
	static int fd = -1;
	size_t bytes, i;
	char *p = range(argc, argv, 2, &bytes);
	unsigned int nr = 0;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (!strcmp(requests[i].name, argv[1]))
			nr = requests[i].nr;
	}
	if (fd == -1)
		fd = open("/dev/hmm_dmirror0", O_RDWR);
	cmd.addr = (uintptr_t)p;
	cmd.ptr = (uintptr_t)calloc(1, bytes);
	cmd.npages = bytes / PAGE;
	if (fd == -1 || ioctl(fd, _IOWR('H', nr, cmd), &cmd) == -1)
		return false;
	return ready("%lu", (unsigned long)cmd.cpages);
}

static int pipe_fds[2] = { -1, -1 };

/* pipe [FIRST [COUNT]]: vmsplice the pages into a pipe: referenced, not pinned */
static bool do_pipe(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);
	struct iovec iov = { p, bytes };

	if (pipe_fds[0] == -1 && pipe(pipe_fds) == -1)
		return false;
	return done(vmsplice(pipe_fds[1], &iov, 1, SPLICE_F_NONBLOCK));
}

/* drain: empty the pipe */
static bool do_drain(int argc, char **argv)
{
	char buffer[4096];

	(void)argc;
	(void)argv;
	fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
	while (read(pipe_fds[0], buffer, sizeof(buffer)) > 0)
		;
	return ok();
}

/* pinread [FIRST [COUNT]]: pin long-term and read-only, by the kernel's gup_test */
static bool do_pinread(int argc, char **argv)
{
	struct {
		uint64_t addr, size;
		uint32_t flags, reserved;
	} pin = { 0 };
	static int fd = -1;
	size_t bytes;

	pin.addr = (uintptr_t)range(argc, argv, 1, &bytes);
	pin.size = bytes;
	if (fd == -1)
		fd = open("/sys/kernel/debug/gup_test", O_RDWR);
	return done(fd == -1 ? -1 : ioctl(fd, _IOW('g', 7, pin), &pin));
}

const struct command memory_commands[] = {
	{ "advise", 1, do_advise },
	{ "again", 0, do_again },
	{ "bss", 0, do_bss },
	{ "comb", 0, do_comb },
	{ "data", 0, do_data },
	{ "drain", 0, do_drain },
	{ "file", 4, do_file },
	{ "fill", 1, do_fill },
	{ "heap", 1, do_heap },
	{ "hmm", 1, do_hmm },
	{ "lock", 0, do_lock },
	{ "many", 1, do_many },
	{ "map", 2, do_map },
	{ "move", 0, do_move },
	{ "name", 0, do_name },
	{ "pinread", 0, do_pinread },
	{ "pipe", 0, do_pipe },
	{ "poke", 0, do_poke },
	{ "pokestack", 1, do_pokestack },
	{ "protect", 1, do_protect },
	{ "read", 0, do_read },
	{ "readfile", 1, do_readfile },
	{ "stack", 1, do_stack },
	{ "unlock", 0, do_lock },
	{ "unmap", 0, do_unmap },
	{ "unname", 0, do_name },
	{ "use", 1, do_use },
	{ "vdso", 0, do_vdso },
	{ "write", 0, do_write },
	{ }
};
