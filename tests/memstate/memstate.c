// SPDX-License-Identifier: GPL-2.0
/*
 * memstate - a process that puts its memory into a given state on command
 *
 * Says READY, then reads commands from standard input, a line each, and answers
 * each with one line: READY with what there is to know, or FAIL with the reason.
 * Mappings are kept on a list; most commands act on the last one, "use N" picks
 * another. Pages are counted in the size of a base page.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif
#ifndef UFFDIO_POISON
struct uffdio_poison {
	struct uffdio_range range;
	uint64_t mode;
	int64_t updated;
};

#define UFFDIO_POISON _IOWR(UFFDIO, 0x08, struct uffdio_poison)
#endif

#define PAGE ((size_t)4096)
#define HUGE ((size_t)2 << 20)
#define GIGABYTE ((size_t)1 << 30)
#define MAX_MAPPINGS 20000
#define MAX_ARGS 8

struct mapping {
	char *start;
	size_t pages;
};

static struct mapping mappings[MAX_MAPPINGS];
static size_t nr_mappings, current;
static int uffd = -1;
static int child_in = -1, child_out = -1;
static pid_t child;

static bool ready(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool ready(const char *format, ...)
{
	va_list args;

	fputs("READY ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	return true;
}

static bool ok(void)
{
	return puts("READY") != EOF;
}

static bool done(int ret)
{
	return ret == -1 ? false : ok();
}

/* The last mapping, or the one that "use" picked */
static struct mapping *this(void)
{
	return &mappings[current];
}

/* Pages FIRST COUNT of the mapping at hand, all of it by default */
static char *range(int argc, char **argv, int at, size_t *bytes)
{
	size_t first = argc > at ? strtoul(argv[at], NULL, 0) : 0;
	size_t count = argc > at + 1 ? strtoul(argv[at + 1], NULL, 0) :
				       this()->pages - first;

	*bytes = count * PAGE;
	return this()->start + first * PAGE;
}

static bool add_mapping(void *start, size_t pages)
{
	if (start == MAP_FAILED)
		return false;
	current = nr_mappings++;
	mappings[current] = (struct mapping){ start, pages };
	return ready("%08lx-%08lx", (unsigned long)start,
		     (unsigned long)start + pages * PAGE);
}

/* An address range that starts where a huge page may, or whole tables of tables */
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

/* A place that is the same in every process: for texts to be compared with. */
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

/* many COUNT PAGES: mappings with unmapped pages between, all written */
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
	current = strtoul(argv[1], NULL, 0);
	return ready("%08lx-%08lx", (unsigned long)this()->start,
		     (unsigned long)this()->start + this()->pages * PAGE);
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

/* fill BYTE [FIRST [COUNT]]: every byte, so that pages can be merged */
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

/* The kernel tells of the lost page by a signal, which would be the end. */
static int lose_pages(char *p, size_t bytes)
{
	int ret;

	signal(SIGBUS, take_note);
	ret = madvise(p, bytes, MADV_HWPOISON);
	signal(SIGBUS, SIG_DFL);
	return ret;
}

/*
 * Pages that wait in a CPU's batch for the LRU lists can neither be paged out nor
 * freed lazily, and only the CPU that is asked empties its own: ask each.
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

/* advise NAME [FIRST [COUNT]], or lose them to a memory error: "hwpoison" */
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

/* comb: give up runs of one to seven pages, with as many kept between */
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

/* move [FIRST [COUNT]]: to a new place, which is the new mapping */
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

/* poke FIRST COUNT: write as a debugger does, whatever the protection */
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

/* pokestack PAGES: write so below the mapping at hand, for the stack to grow */
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

/* name, unname [FIRST [COUNT]]: what maps shows of anonymous memory */
static bool do_name(int argc, char **argv)
{
	const char *name = strcmp(argv[0], "name") ? NULL : "state";
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);

	return done(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, p, bytes, name));
}

/* vdso: the vdso is the mapping to act on */
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

/* stack PAGES: touch the stack down to that depth */
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

/* readfile PATH: read a part of it into the mapping at hand */
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

/* uffd missing|wp|minor [FIRST [COUNT]] */
static bool do_uffd(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t bytes;
	char *p = range(argc, argv, 2, &bytes);

	if (!strcmp(argv[1], "wp")) {
		reg.mode = UFFDIO_REGISTER_MODE_WP;
		/* markers for pages that are not there, in any memory */
		api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP |
			       UFFD_FEATURE_WP_HUGETLBFS_SHMEM | 1 << 13;
	}
	if (!strcmp(argv[1], "minor")) {
		reg.mode = UFFDIO_REGISTER_MODE_MINOR;
		api.features = UFFD_FEATURE_MINOR_SHMEM;
	}
	reg.range.start = (uintptr_t)p;
	reg.range.len = bytes;
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd == -1 || ioctl(uffd, UFFDIO_API, &api) == -1)
		return false;
	return done(ioctl(uffd, UFFDIO_REGISTER, &reg));
}

/* unregister [FIRST [COUNT]] */
static bool do_unregister(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);
	struct uffdio_range range = { (uintptr_t)p, bytes };

	return done(ioctl(uffd, UFFDIO_UNREGISTER, &range));
}

/* resolve zeropage|copy|continue|wp|unwp|poison [FIRST [COUNT]] */
static bool do_resolve(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 2, &bytes);
	struct uffdio_range range = { (uintptr_t)p, bytes };
	struct uffdio_writeprotect wp = { .range = range };

	if (!strcmp(argv[1], "zeropage")) {
		struct uffdio_zeropage zero = { .range = range };

		return done(ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	}
	if (!strcmp(argv[1], "copy")) {
		struct uffdio_copy copy = { .dst = range.start, .len = bytes };

		copy.src = (uintptr_t)calloc(1, bytes);
		return done(ioctl(uffd, UFFDIO_COPY, &copy));
	}
	if (!strcmp(argv[1], "continue")) {
		struct uffdio_continue cont = { .range = range };

		return done(ioctl(uffd, UFFDIO_CONTINUE, &cont));
	}
	if (!strcmp(argv[1], "poison")) {
		struct uffdio_poison poison = { .range = range };

		return done(ioctl(uffd, UFFDIO_POISON, &poison));
	}
	if (!strcmp(argv[1], "wp"))
		wp.mode = UFFDIO_WRITEPROTECT_MODE_WP;
	return done(ioctl(uffd, UFFDIO_WRITEPROTECT, &wp));
}

/* hmm write|migrate|return|exclusive [FIRST [COUNT]]: the kernel's test device */
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

static int ring = -1;
static struct io_uring_params ring_params;

static int use_ring(void)
{
	if (ring == -1)
		ring = syscall(SYS_io_uring_setup, 1, &ring_params);
	return ring;
}

/* poller: a thread that the kernel made, to look whether the ring has work */
static bool do_poller(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	ring_params.flags = IORING_SETUP_SQPOLL;
	return done(use_ring() == -1 ? -1 : 0);
}

/* pin [FIRST [COUNT]]: as a buffer that the kernel writes to by reference */
static bool do_pin(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);
	struct iovec buffer = { p, bytes };

	if (use_ring() == -1)
		return false;
	return done(syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS,
			    &buffer, 1));
}

static bool do_unpin(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return done(syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS,
			    NULL, 0));
}

/* Have the ring do one thing, and return what came of it */
static int ring_submit(const struct io_uring_sqe *sqe)
{
	struct io_sqring_offsets *sq = &ring_params.sq_off;
	struct io_cqring_offsets *cq = &ring_params.cq_off;
	static char *rings;
	static struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqe;
	unsigned int head;

	if (!rings) {
		rings = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			     ring, IORING_OFF_SQ_RING);
		sqes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
			    IORING_OFF_SQES);
		if (rings == MAP_FAILED || (void *)sqes == MAP_FAILED)
			return -errno;
	}
	sqes[0] = *sqe;
	((unsigned int *)(rings + sq->array))[0] = 0;
	__atomic_add_fetch((unsigned int *)(rings + sq->tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == -1)
		return -errno;
	head = __atomic_fetch_add((unsigned int *)(rings + cq->head), 1,
				  __ATOMIC_ACQ_REL);
	cqe = (struct io_uring_cqe *)(rings + cq->cqes);
	return cqe[head & *(unsigned int *)(rings + cq->ring_mask)].res;
}

/* fixedread PATH [FIRST [COUNT]]: into memory that is pinned */
static bool do_fixedread(int argc, char **argv)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_READ_FIXED };
	size_t bytes;
	int ret;

	sqe.fd = open(argv[1], O_RDONLY);
	sqe.addr = (uintptr_t)range(argc, argv, 2, &bytes);
	sqe.len = bytes;
	if (sqe.fd == -1)
		return false;
	ret = ring_submit(&sqe);
	close(sqe.fd);
	errno = ret < 0 ? -ret : EIO;
	return ret == (int)bytes && ok();
}

/* ringwrite PATH OFFSET TEXT: io_uring's write; _ stands for newline and blank */
static bool do_ringwrite(int argc, char **argv)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_WRITE };
	char *p;
	int ret;

	if (argc < 4 || use_ring() == -1)
		return false;
	for (p = argv[3]; *p; p++) {
		if (*p == '_')
			*p = p[1] ? ' ' : '\n';
	}
	sqe.fd = open(argv[1], O_WRONLY);
	sqe.off = strtoll(argv[2], NULL, 0);
	sqe.addr = (uintptr_t)argv[3];
	sqe.len = p - argv[3];
	ret = sqe.fd == -1 ? -errno : ring_submit(&sqe);
	close(sqe.fd);
	return ready("%d", ret);
}

static int pipe_fds[2] = { -1, -1 };

/* pipe [FIRST [COUNT]]: the pages, by reference and not pinned, into a pipe */
static bool do_pipe(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);
	struct iovec iov = { p, bytes };

	if (pipe_fds[0] == -1 && pipe(pipe_fds) == -1)
		return false;
	return done(vmsplice(pipe_fds[1], &iov, 1, SPLICE_F_NONBLOCK));
}

/* drain: take out of the pipe all that is in it */
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

/* pinread [FIRST [COUNT]]: for good and for reading, by the kernel's gup_test */
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

/* again [FIRST [COUNT]]: unmapped, and mapped anew at the same place */
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

/* file FIRST COUNT PATH PAGE-OFFSET: privately, in place of these pages */
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

static void *write_for_ever(void *arg)
{
	struct mapping *m = arg;

	for (;;) {
		for (size_t i = 0; i < m->pages; i++)
			((volatile char *)m->start)[i * PAGE]++;
	}
	return NULL;
}

/* storm [FIRST [COUNT]]: a thread that writes to all the pages for ever */
static bool do_storm(int argc, char **argv)
{
	struct mapping *m = malloc(sizeof(*m));
	pthread_t thread;
	size_t bytes;

	m->start = range(argc, argv, 1, &bytes);
	m->pages = bytes / PAGE;
	errno = pthread_create(&thread, NULL, write_for_ever, m);
	return done(errno ? -1 : 0);
}

static atomic_bool giving;

/* What was given back is filled with zeroes again by the next write. */
static void *give_on(void *mapping)
{
	struct mapping *m = mapping;
	size_t i;

	while (giving) {
		madvise(m->start, m->pages * PAGE, MADV_DONTNEED);
		for (i = 0; i < m->pages; i++)
			((volatile char *)m->start)[i * PAGE] = 1;
	}
	return NULL;
}

/* giver: a thread that gives all pages back and writes them again, until "stop" */
static bool do_giver(int argc, char **argv)
{
	static pthread_t thread;

	(void)argv;
	giving = argc == 1;
	if (giving)
		errno = pthread_create(&thread, NULL, give_on, this());
	else
		errno = pthread_join(thread, NULL);
	return done(errno ? -1 : 0);
}

static void *lock_for_ever(void *unused)
{
	for (;;) {
		void *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);

		munmap(p, PAGE);
	}
	return unused;
}

/* lockstorm: a thread that changes the address space for ever */
static bool do_lockstorm(int argc, char **argv)
{
	pthread_t thread;

	(void)argc;
	(void)argv;
	errno = pthread_create(&thread, NULL, lock_for_ever, NULL);
	return done(errno ? -1 : 0);
}

/* lock [FIRST [COUNT]], unlock the same */
static bool do_lock(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);

	return done(argv[0][0] == 'u' ? munlock(p, bytes) : mlock(p, bytes));
}

/* Move every page of the mapping to a memory node */
static int move_to_node(int node)
{
	size_t i, n = this()->pages;
	void **pages = calloc(n, sizeof(*pages));
	int *nodes = calloc(n, sizeof(*nodes));
	int *status = calloc(n, sizeof(*status));
	long ret;

	for (i = 0; i < n; i++) {
		pages[i] = this()->start + i * PAGE;
		nodes[i] = node;
	}
	ret = syscall(SYS_move_pages, 0, n, pages, nodes, status, MPOL_MF_MOVE);
	free(pages);
	free(nodes);
	free(status);
	return ret < 0 ? -1 : 0;
}

static atomic_bool migrating;

static void *migrate_on(void *unused)
{
	int node;

	(void)unused;
	for (node = 0; migrating; node = !node)
		move_to_node(node);
	return NULL;
}

/* migrate NODE, or "loop": back and forth by a thread of its own, until "stop" */
static bool do_migrate(int argc, char **argv)
{
	static pthread_t thread;

	(void)argc;
	if (!strcmp(argv[1], "loop")) {
		migrating = true;
		errno = pthread_create(&thread, NULL, migrate_on, NULL);
		return done(errno ? -1 : 0);
	}
	if (!strcmp(argv[1], "stop")) {
		migrating = false;
		errno = pthread_join(thread, NULL);
		return done(errno ? -1 : 0);
	}
	return done(move_to_node(atoi(argv[1])));
}

static void serve(void);

/* fork: the child takes commands by "child COMMAND..." */
static bool do_fork(int argc, char **argv)
{
	int in[2], out[2];

	(void)argc;
	(void)argv;
	if (pipe(in) == -1 || pipe(out) == -1)
		return false;
	child = fork();
	if (child == -1)
		return false;
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		clearerr(stdin);
		serve();
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	child_in = in[1];
	child_out = out[0];
	return ready("%d", child);
}

static bool do_child(int argc, char **argv)
{
	char answer[256];
	ssize_t n;
	int i;

	for (i = 1; i < argc; i++)
		dprintf(child_in, "%s%c", argv[i], i + 1 < argc ? ' ' : '\n');
	n = read(child_out, answer, sizeof(answer) - 1);
	if (n <= 0)
		return false;
	answer[n] = '\0';
	fputs(answer, stdout);
	return true;
}

/* reap: the child is gone */
static bool do_reap(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	kill(child, SIGKILL);
	return done(waitpid(child, NULL, 0));
}

/* zombie: a child that has exited and is not waited for */
static bool do_zombie(int argc, char **argv)
{
	siginfo_t info;

	(void)argc;
	(void)argv;
	child = fork();
	if (!child)
		_exit(0);
	if (waitid(P_PID, child, &info, WEXITED | WNOWAIT) == -1)
		return false;
	return ready("%d", child);
}

/* No word of it in private memory: its stack is shared, and no call fails. */
static int change_mappings(void *arg)
{
	const struct mapping *m = arg;

	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
	syscall(SYS_mprotect, m->start, m->pages * PAGE, PROT_READ);
	syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
	syscall(SYS_mmap, NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	while (true)
		syscall(SYS_pause);
	return 0;
}

/*
 * partner: another process, which has our very memory, and is stopped; it changes
 * the protection of the mapping when it goes on, and adds one the next time
 */
static bool do_partner(int argc, char **argv)
{
	const size_t size = 16 * PAGE;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)argc;
	(void)argv;
	if (stack == MAP_FAILED)
		return false;
	child = clone(change_mappings, stack + size, CLONE_VM | SIGCHLD, this());
	if (child == -1)
		return false;
	return ready("%d", child);
}

/* Has the main thread exited, and let go of the memory? */
static bool is_led_by_zombie(void)
{
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	char line[64], *state;
	ssize_t len;

	if (fd == -1)
		return false;
	len = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[len > 0 ? len : 0] = '\0';
	state = strrchr(line, ')');
	return state && state[2] == 'Z';
}

static void *serve_thread(void *started)
{
	while (!is_led_by_zombie())
		usleep(10000);
	ready("%ld", syscall(SYS_gettid));
	(void)started;
	serve();
	exit(0);
}

/* leave: the main thread exits, another one goes on */
static bool do_leave(int argc, char **argv)
{
	pthread_t thread;

	(void)argc;
	(void)argv;
	errno = pthread_create(&thread, NULL, serve_thread, NULL);
	if (errno)
		return false;
	syscall(SYS_exit, 0);
	return false;
}

static bool do_exec(int argc, char **argv)
{
	(void)argc;
	fflush(stdout);
	execvp(argv[1], argv + 1);
	return false;
}

/* undumpable: as after a setuid exec */
static bool do_undumpable(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return done(prctl(PR_SET_DUMPABLE, 0));
}

static const struct {
	const char *name;
	int min_args;
	bool (*run)(int argc, char **argv);
} commands[] = {
	{ "advise", 1, do_advise },
	{ "again", 0, do_again },
	{ "bss", 0, do_bss },
	{ "child", 1, do_child },
	{ "comb", 0, do_comb },
	{ "data", 0, do_data },
	{ "drain", 0, do_drain },
	{ "exec", 1, do_exec },
	{ "file", 4, do_file },
	{ "fill", 1, do_fill },
	{ "fixedread", 1, do_fixedread },
	{ "fork", 0, do_fork },
	{ "giver", 0, do_giver },
	{ "heap", 1, do_heap },
	{ "hmm", 1, do_hmm },
	{ "leave", 0, do_leave },
	{ "lock", 0, do_lock },
	{ "lockstorm", 0, do_lockstorm },
	{ "many", 1, do_many },
	{ "map", 2, do_map },
	{ "migrate", 1, do_migrate },
	{ "move", 0, do_move },
	{ "name", 0, do_name },
	{ "partner", 0, do_partner },
	{ "pin", 0, do_pin },
	{ "pinread", 0, do_pinread },
	{ "pipe", 0, do_pipe },
	{ "poke", 0, do_poke },
	{ "pokestack", 1, do_pokestack },
	{ "poller", 0, do_poller },
	{ "protect", 1, do_protect },
	{ "read", 0, do_read },
	{ "readfile", 1, do_readfile },
	{ "reap", 0, do_reap },
	{ "resolve", 1, do_resolve },
	{ "ringwrite", 3, do_ringwrite },
	{ "stack", 1, do_stack },
	{ "storm", 0, do_storm },
	{ "uffd", 1, do_uffd },
	{ "undumpable", 0, do_undumpable },
	{ "unlock", 0, do_lock },
	{ "unmap", 0, do_unmap },
	{ "unname", 0, do_name },
	{ "unpin", 0, do_unpin },
	{ "unregister", 0, do_unregister },
	{ "use", 1, do_use },
	{ "vdso", 0, do_vdso },
	{ "write", 0, do_write },
	{ "zombie", 0, do_zombie },
};

static bool run(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, argv[0]))
			continue;
		errno = EINVAL;
		return argc > commands[i].min_args && commands[i].run(argc, argv);
	}
	errno = ENOSYS;
	return false;
}

static void serve(void)
{
	char line[256], *argv[MAX_ARGS + 1], *rest, *word;
	size_t n;
	int argc;

	for (;;) {
		/* Unbuffered: a forked child must not find its parent's input. */
		for (n = 0; n < sizeof(line) - 1; n++) {
			if (read(0, line + n, 1) != 1)
				return;
			if (line[n] == '\n')
				break;
		}
		line[n] = '\0';
		argc = 0;
		for (rest = line; argc < MAX_ARGS && (word = strtok_r(NULL, " ", &rest));)
			argv[argc++] = word;
		argv[argc] = NULL;
		if (argc && !run(argc, argv))
			printf("FAIL %s: %s\n", argv[0], strerror(errno));
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	ok();
	serve();
	return 0;
}
