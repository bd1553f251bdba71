// SPDX-License-Identifier: GPL-2.0
/*
 * The target of torture: threads write random bytes to all kinds of private memory,
 * and change the address space in every way between writes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/mman.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "torture.h"

#define THREADS 3
#define HEAP_PAGES 96
#define FILE_PAGES 128
#define DISK_PAGES 256

/* A piece of memory. Writers hold @lock shared, changes hold it exclusively. */
struct region {
	pthread_rwlock_t lock;
	enum kind kind;
	char *start;
	size_t pages;
};

static struct region regions[KINDS];
static int file = -1, disk = -1, ring = -1, uffd = -1;
static struct io_uring_params params;
static char *rings;
static struct io_uring_sqe *sqes;

static void note(generations what, struct region *r, size_t first, size_t count)
{
	uint32_t now = __atomic_load_n(&control->generation, __ATOMIC_SEQ_CST);

	for (size_t i = first; i < first + count && i < MOST_PAGES; i++)
		__atomic_store_n(&what[r->kind][i], now, __ATOMIC_SEQ_CST);
}

/* Call this before and after a change, as a generation may begin in between. */
static void note_change(struct region *r, size_t first, size_t count)
{
	note(control->changed, r, first, count);
}

static void must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "torture: target: %s: %s\n", what, strerror(errno));
		_exit(2);
	}
}

static void *aligned_place(size_t bytes)
{
	char *p = mmap(NULL, bytes + HUGE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *at = (char *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));

	must(p != MAP_FAILED, "mmap");
	munmap(p, bytes + HUGE);
	return at;
}

/* Map pages of a region, for the first time or over the existing ones. */
static void map_pages(struct region *r, size_t first, size_t count)
{
	int fd = r->kind == FILED ? file : -1;
	int flags = MAP_PRIVATE | MAP_FIXED | (fd == -1 ? MAP_ANONYMOUS : 0);
	char *p = r->start + first * PAGE;

	if (r->kind == HUGETLB)
		flags |= MAP_HUGETLB;
	must(mmap(p, count * PAGE, PROT_READ | PROT_WRITE, flags, fd,
		  fd == -1 ? 0 : (off_t)(first * PAGE)) == p, "mmap");
	if (r->kind == THP)
		madvise(p, count * PAGE, MADV_HUGEPAGE);
	if (r->kind == TABLES)
		madvise(p, count * PAGE, MADV_NOHUGEPAGE);
	if (r->kind == MERGED)
		madvise(p, count * PAGE, MADV_MERGEABLE);
}

/*
 * A missing page of userfaultfd would block the read until the thread that serves
 * faults answers. No signal ends that wait, so if that thread stops first, the
 * target never stops.
 */
static bool can_read_directly(const struct region *r)
{
	return r->kind != MERGED && r->kind != UFFD;
}

/* The disk's driver writes to the page, by a reference of get_user_pages(). */
static void read_directly(struct region *r, size_t page, uint64_t *state)
{
	note_change(r, page, 1);
	must(pread(disk, r->start + page * PAGE, PAGE, rnd(state, DISK_PAGES) * PAGE) ==
	     (ssize_t)PAGE, "read of the disk");
	note_change(r, page, 1);
	__atomic_fetch_add(&control->writes, 1, __ATOMIC_RELAXED);
}

static void write_some(struct region *r, uint64_t *state)
{
	for (uint64_t i = 1 + rnd(state, 16); i; i--) {
		size_t page = rnd(state, r->pages);

		if (disk != -1 && can_read_directly(r) && !rnd(state, 8)) {
			read_directly(r, page, state);
			continue;
		}
		/* Only pages with equal contents can be merged, so use few values. */
		size_t at = r->kind == MERGED ? 0 : rnd(state, PAGE);

		note_change(r, page, 1);
		r->start[page * PAGE + at] = rnd(state, r->kind == MERGED ? 3 : 256);
		note_change(r, page, 1);
		__atomic_fetch_add(&control->writes, 1, __ATOMIC_RELAXED);
	}
}

static void pause_some(uint64_t *state)
{
	if (!rnd(state, 4))
		usleep(rnd(state, 2000));
}

static void protect_and_back(char *p, size_t bytes, uint64_t *state)
{
	must(!mprotect(p, bytes, rnd(state, 2) ? PROT_READ : PROT_NONE), "mprotect");
	pause_some(state);
	must(!mprotect(p, bytes, PROT_READ | PROT_WRITE), "mprotect");
}

/* Held while a range is temporarily unmapped, and while a free range is chosen */
static pthread_mutex_t places = PTHREAD_MUTEX_INITIALIZER;

static bool move(char *from, char *to, size_t bytes)
{
	return mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to;
}

/*
 * Exchange two ranges of a region, so that each address has other contents. Linux
 * 6.12 moves only a range within one mapping. Linux 7.3 moves several mappings one by
 * one, and breaks the KSM pages of each before. If a signal stops it there, it begins
 * again where the first mapping has gone: it fails, and leaves a hole.
 */
static void exchange(struct region *r, char *a, char *b, size_t bytes)
{
	char *aside;

	pthread_mutex_lock(&places);
	aside = aligned_place(bytes);
	if (move(a, aside, bytes))
		move(aside, move(b, a, bytes) ? b : a, bytes);
	munmap(aside, bytes);
	if (msync(r->start, r->pages * PAGE, MS_ASYNC))
		map_pages(r, 0, r->pages);
	pthread_mutex_unlock(&places);
}

static void advise(struct region *r, size_t first, size_t count, uint64_t *state)
{
	/* The first ones drop pages, or fault for writing. */
	static const int advices[] = {
		MADV_DONTNEED, MADV_FREE, MADV_UNMERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		MADV_MERGEABLE, MADV_PAGEOUT, MADV_COLD, MADV_COLLAPSE,
	};
	size_t which = rnd(state, sizeof(advices) / sizeof(advices[0]));

	if (which < 3)
		note_change(r, first, count);
	/* Some are invalid for this memory, and fail. */
	madvise(r->start + first * PAGE, count * PAGE, advices[which]);
	if (which < 3)
		note_change(r, first, count);
	else if (advices[which] == MADV_COLLAPSE)
		note(control->collapsed, r, first, count);
}

/* Fork a child that writes to a shared page and exits. */
static void fork_some(struct region *r, uint64_t *state)
{
	uint64_t at = rnd(state, r->pages * PAGE);
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		r->start[at]++;
		_exit(0);
	}
	if (pid == -1)
		return;
	pause_some(state);
	note_change(r, at / PAGE, 1);
	r->start[at] = rnd(state, 256);
	note_change(r, at / PAGE, 1);
	waitpid(pid, NULL, 0);
}

static void move_heap_end(struct region *r, uint64_t *state)
{
	size_t pages = HEAP_PAGES / 3 + rnd(state, HEAP_PAGES * 2 / 3);

	must(!brk(r->start + pages * PAGE), "brk");
	note_change(r, 0, HEAP_PAGES);
	r->pages = pages;
}

/* Let the kernel read a part of the file into pinned memory, sometimes read-only. */
static void read_into_pinned(struct region *r, uint64_t *state)
{
	size_t page = rnd(state, r->pages);
	bool protect = rnd(state, 2);
	struct iovec buffer = { r->start, r->pages * PAGE };

	if (!rnd(state, 8)) {
		syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0);
		must(!syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS,
			      &buffer, 1), "pin");
	}
	if (protect)
		must(!mprotect(r->start, r->pages * PAGE, PROT_READ), "mprotect");
	pause_some(state);
	__atomic_store_n(&control->io, 1, __ATOMIC_SEQ_CST);
	sqes[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_READ_FIXED, .fd = file, .len = PAGE,
		.off = rnd(state, FILE_PAGES - 2) * PAGE + rnd(state, PAGE),
		.addr = (uintptr_t)(r->start + page * PAGE),
	};
	((unsigned int *)(rings + params.sq_off.array))[0] = 0;
	__atomic_add_fetch((unsigned int *)(rings + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	__atomic_add_fetch((unsigned int *)(rings + params.cq_off.head), 1, __ATOMIC_RELEASE);
	__atomic_store_n(&control->io, 0, __ATOMIC_SEQ_CST);
	if (protect)
		must(!mprotect(r->start, r->pages * PAGE, PROT_READ | PROT_WRITE), "mprotect");
}

static void reshape(struct region *r, uint64_t *state)
{
	size_t unit = r->kind == HUGETLB ? HUGE / PAGE : 1;
	size_t first = rnd(state, r->pages / unit) * unit;
	size_t count = unit + rnd(state, (r->pages - first) / unit) * unit;
	char *p = r->start + first * PAGE;

	switch (r->kind) {
	case HEAP:
		move_heap_end(r, state);
		return;
	case PINNED:
		read_into_pinned(r, state);
		return;
	case UFFD: {
		struct uffdio_writeprotect wp = { { (uintptr_t)p, count * PAGE },
						  UFFDIO_WRITEPROTECT_MODE_WP };

		if (rnd(state, 2)) {
			madvise(p, count * PAGE, MADV_DONTNEED);
			note_change(r, first, count);
		} else {
			ioctl(uffd, UFFDIO_WRITEPROTECT, &wp);
		}
		return;
	}
	default:
		break;
	}

	switch (rnd(state, 6)) {
	case 0:
		protect_and_back(p, count * PAGE, state);
		break;
	case 1:
		if (r->kind == TABLES || r->kind == THP) {
			exchange(r, r->start, r->start + HUGE, HUGE);
			note_change(r, 0, r->pages);
		} else if (r->kind == SMALL) {
			count = 1 + rnd(state, r->pages / 2 - 1);
			exchange(r, r->start, r->start + r->pages / 2 * PAGE,
				 count * PAGE);
			note_change(r, 0, r->pages);
		}
		break;
	case 2:
		if (!rnd(state, 4)) {
			p = r->start;
			first = 0;
			count = r->pages;
		}
		pthread_mutex_lock(&places);
		must(!munmap(p, count * PAGE), "munmap");
		map_pages(r, first, count);
		pthread_mutex_unlock(&places);
		note_change(r, first, count);
		break;
	case 3:
		if (r->kind != HUGETLB)
			fork_some(r, state);
		break;
	default:
		advise(r, first, count, state);
	}
}

static void *work(void *arg)
{
	uint64_t state = seed * 1000003 + (uintptr_t)arg * 7919 + 1;

	for (;;) {
		struct region *r = &regions[rnd(&state, KINDS)];

		if (!r->start)
			continue;
		if (rnd(&state, 8)) {
			pthread_rwlock_rdlock(&r->lock);
			write_some(r, &state);
		} else {
			pthread_rwlock_wrlock(&r->lock);
			reshape(r, &state);
			__atomic_fetch_add(&control->operations, 1, __ATOMIC_RELAXED);
		}
		pthread_rwlock_unlock(&r->lock);
		if (!rnd(&state, 16))
			usleep(rnd(&state, 1000));
	}
	return NULL;
}

/* Resolve the faults of the region with userfaultfd. */
static void *serve_faults(void *arg)
{
	static char page[4096] __attribute__((aligned(4096)));
	uint64_t state = seed * 31 + 17;
	struct uffd_msg msg;

	for (;;) {
		struct pollfd wait = { .fd = uffd, .events = POLLIN };

		poll(&wait, 1, -1);
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		uint64_t at = msg.arg.pagefault.address & ~(PAGE - 1);

		if (msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
			struct uffdio_writeprotect wp = { { at, PAGE }, 0 };

			ioctl(uffd, UFFDIO_WRITEPROTECT, &wp);
			continue;
		}
		if (rnd(&state, 2)) {
			struct uffdio_copy copy = { at, (uintptr_t)page, PAGE, 0, 0 };

			memset(page, rnd(&state, 256), PAGE);
			ioctl(uffd, UFFDIO_COPY, &copy);
		} else {
			struct uffdio_zeropage zero = { { at, PAGE }, 0, 0 };

			ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
		}
		note_change(&regions[UFFD], (at - control->start[UFFD]) / PAGE, 1);
	}
	return arg;
}

static void set_up_uffd(struct region *r)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	struct uffdio_register reg = {
		.range = { (uintptr_t)r->start, r->pages * PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
	};

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	must(uffd != -1 && !ioctl(uffd, UFFDIO_API, &api) &&
	     !ioctl(uffd, UFFDIO_REGISTER, &reg), "userfaultfd");
}

static void set_up_ring(struct region *r)
{
	struct iovec buffer = { r->start, r->pages * PAGE };

	ring = syscall(SYS_io_uring_setup, 1, &params);
	must(ring != -1, "io_uring");
	rings = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	sqes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	must(rings != MAP_FAILED && (void *)sqes != MAP_FAILED, "io_uring");
	must(!syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1), "pin");
}

static void fill(int fd, size_t bytes, uint64_t *state)
{
	static char block[64 * 1024];

	for (; bytes; bytes -= sizeof(block)) {
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = rnd(state, 256);
		must(write(fd, block, sizeof(block)) == sizeof(block), "write");
	}
}

static void set_up_files(const char *disk_name, uint64_t *state)
{
	file = memfd_create("torture", 0);
	must(file != -1, "memfd_create");
	fill(file, FILE_PAGES * PAGE, state);
	if (!disk_name)
		return;
	disk = open(disk_name, O_RDWR);
	must(disk != -1, disk_name);
	fill(disk, DISK_PAGES * PAGE, state);
	must(!fsync(disk), "fsync");
	close(disk);
	disk = open(disk_name, O_RDONLY | O_DIRECT);
	must(disk != -1, disk_name);
}

static void publish(struct region *r)
{
	control->start[r->kind] = (uintptr_t)r->start;
	control->pages[r->kind] = r->pages;
}

void target(const char *disk_name)
{
	static const size_t sizes[KINDS] = {
		[SMALL] = 256, [TABLES] = MOST_PAGES, [THP] = MOST_PAGES, [FILED] = FILE_PAGES,
		[HUGETLB] = 512, [MERGED] = 64, [HEAP] = HEAP_PAGES, [PINNED] = 16, [UFFD] = 64,
	};
	uint64_t state = seed * 97 + 5;
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	set_up_files(disk_name, &state);
	for (int kind = 0; kind < KINDS; kind++) {
		struct region *r = &regions[kind];

		pthread_rwlock_init(&r->lock, NULL);
		r->kind = kind;
		r->pages = sizes[kind];
		if (kind == HEAP)
			continue;
		r->start = aligned_place(r->pages * PAGE);
		map_pages(r, 0, r->pages);
		publish(r);
	}
	set_up_ring(&regions[PINNED]);
	set_up_uffd(&regions[UFFD]);
	pthread_create(&thread, NULL, serve_faults, NULL);
	/* From here on nothing else may move the end of the heap. */
	regions[HEAP].start = (char *)(((uintptr_t)sbrk(0) + PAGE - 1) & ~(PAGE - 1));
	publish(&regions[HEAP]);
	move_heap_end(&regions[HEAP], &state);
	for (uintptr_t i = 1; i < THREADS; i++)
		must(!pthread_create(&thread, NULL, work, (void *)i), "pthread_create");
	__atomic_store_n(&control->ready, 1, __ATOMIC_SEQ_CST);
	work(NULL);
}
