// SPDX-License-Identifier: GPL-2.0
/*
 * torture SEED ROUNDS [DISK] - no write is ever lost
 *
 * The threads of a target write random bytes to all kinds of private memory, and
 * change the address space in every way between writes. A checkpointer repeats
 * rounds while the target runs: list, acknowledge, copy. From time to time it
 * stops the target; after one more round, the image from all rounds must equal
 * the memory of the target.
 *
 * The seed determines the operations of each thread, but not their interleaving.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/io_uring.h>
#include <linux/mman.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define HUGE ((size_t)2 << 20)
#define THREADS 3
#define MOST_PAGES 1024
#define HEAP_PAGES 96
#define FILE_PAGES 128
#define DISK_PAGES 256

enum kind { SMALL, TABLES, THP, FILED, HUGETLB, MERGED, HEAP, PINNED, UFFD, KINDS };

/* For each page, the generation of its last change */
typedef uint32_t generations[KINDS][MOST_PAGES];

/*
 * The target and the checkpointer share this. Each acknowledgment begins a
 * generation. The target notes the generation in which it changes a page, so the
 * checkpointer knows whether a page that is d again was written.
 */
struct control {
	int io;			/* the kernel is writing into pinned memory */
	int ready;
	uint64_t writes;
	uint64_t operations;
	uintptr_t start[KINDS];
	size_t pages[KINDS];	/* for HEAP, the maximum */
	uint32_t generation;
	generations changed, collapsed;
};

static struct control *control;
static uint64_t seed;

static uint64_t rnd(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state * 0x2545f4914f6cdd1dull >> 20) % below;
}

/* ---- the target ---- */

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
 * Exchange two ranges, so that each address has other contents. mremap() moves
 * only a range within one mapping.
 */
static void exchange(char *a, char *b, size_t bytes)
{
	char *aside;

	pthread_mutex_lock(&places);
	aside = aligned_place(bytes);
	if (move(a, aside, bytes))
		must(move(aside, move(b, a, bytes) ? b : a, bytes), "mremap");
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
			exchange(r->start, r->start + HUGE, HUGE);
			note_change(r, 0, r->pages);
		} else if (r->kind == SMALL) {
			count = 1 + rnd(state, r->pages / 2 - 1);
			exchange(r->start, r->start + r->pages / 2 * PAGE, count * PAGE);
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

static void target(const char *disk_name)
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

/* ---- the checkpointer ---- */

/* A listed page. @data is its copy, NULL if there is none yet. */
struct page {
	uint64_t addr;
	char *data;
	bool written;
	bool excepted;		/* may vanish, or cannot be read */
	bool hugetlb;		/* never acknowledged */
	bool huge;		/* mapped by an entry of the PMD */
	bool busy;		/* still d after the acknowledgment: in use elsewhere */

	/* The same for the previous acknowledgment, which began @generation */
	bool was_huge;
	bool was_busy;
	uint32_t generation;
};

struct image {
	struct page *pages;
	size_t count, room;
};

static pid_t pid;
static int listing_fd, mem_fd;
/* Why acknowledged pages come back as d with the contents that they had */
enum reason { WRITTEN, HUGE_WRITTEN, COLLAPSED, PINNED_FOR_IO, BUSY, UNWATCHED,
	      NO_REASON, REASONS };
static const char *const reasons[REASONS] = {
	[WRITTEN] = "the same bytes were written, or other ones before the copy",
	[HUGE_WRITTEN] = "another part of the huge page was written",
	[COLLAPSED] = "the page became a part of a huge page",
	[PINNED_FOR_IO] = "the page was pinned for io_uring",
	[BUSY] = "the page was in use by reclaim or migration",
	[UNWATCHED] = "stacks, data and the like, not watched",
	[NO_REASON] = "no reason",
};

static uint64_t same[REASONS];
static uint64_t acknowledged, again, compared, dropped;
static size_t round_nr;

static void no_target(const char *what)
{
	int error = errno, status = 0;

	if (waitpid(pid, &status, WNOHANG) == pid)
		errx(2, "the target has exited: %s %d", WIFSIGNALED(status) ? "signal" : "status",
		     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	errno = error;
	err(2, "%s", what);
}

static void lost(uint64_t addr, const char *what)
{
	char path[64], line[512];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	while (maps && fgets(line, sizeof(line), maps)) {
		uint64_t start, end;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2 &&
		    addr >= start && addr < end)
			fputs(line, stderr);
	}
	errx(1, "LOST: seed %" PRIu64 " round %zu page %" PRIx64 ": %s", seed, round_nr,
	     addr, what);
}

static void add_page(struct image *image, uint64_t addr, const char *flags)
{
	if (image->count == image->room) {
		image->room = image->room * 2 + 1024;
		image->pages = realloc(image->pages, image->room * sizeof(*image->pages));
		if (!image->pages)
			err(2, "realloc");
	}
	image->pages[image->count++] = (struct page){
		.addr = addr,
		.written = flags[2] == 'd',
		.excepted = flags[1] == 'e' || flags[6] == 'l',
		.hugetlb = flags[0] == 'f' && flags[4] == 'h',
		.huge = flags[4] == 'h',
	};
}

static void list(struct image *image)
{
	static char text[1 << 20];
	ssize_t n, kept = 0;

	if (lseek(listing_fd, 0, SEEK_SET) == -1)
		err(2, "lseek");
	while ((n = read(listing_fd, text + kept, sizeof(text) - 1 - kept)) > 0) {
		char *line = text, *newline;

		text[kept + n] = '\0';
		for (; (newline = strchr(line, '\n')); line = newline + 1) {
			char *rest;
			uint64_t start = strtoull(line, &rest, 16);
			uint64_t end = strtoull(rest + 1, &rest, 16);

			for (; start < end; start += PAGE)
				add_page(image, start, rest + 1);
		}
		kept = strlen(line);
		memmove(text, line, kept);
	}
	if (n < 0)
		no_target("reading the listing");
}

/*
 * A lazily freed page gets the flag only when it leaves its CPU's batch. Then it
 * may be dropped at any time, even while the target is stopped: it reads as
 * zeroes and is no longer listed.
 */
static bool was_dropped(uint64_t addr, const char *mem)
{
	static const char zeroes[4096];
	struct image now = { 0 };
	bool listed = false;

	if (memcmp(mem, zeroes, PAGE))
		return false;
	list(&now);
	for (size_t i = 0; i < now.count; i++)
		listed |= now.pages[i].addr == addr;
	free(now.pages);
	dropped += !listed;
	return !listed;
}

/* Take over earlier copies from the last image. */
static void inherit(struct image *image, struct image *last)
{
	size_t j = 0;

	for (size_t i = 0; i < image->count; i++) {
		struct page *p = &image->pages[i];

		while (j < last->count && last->pages[j].addr < p->addr)
			free(last->pages[j++].data);
		if (j < last->count && last->pages[j].addr == p->addr) {
			p->data = last->pages[j].data;
			p->was_huge = last->pages[j].was_huge;
			p->was_busy = last->pages[j].was_busy;
			p->generation = last->pages[j].generation;
			last->pages[j++].data = NULL;
		}
		if (!p->written && !p->data && !p->excepted)
			lost(p->addr, "not d, and never copied");
	}
	for (; j < last->count; j++)
		free(last->pages[j].data);
	free(last->pages);
}

static void acknowledge_text(const char *text, size_t len, uint64_t *state)
{
	for (size_t at = 0, part; at < len; at += part) {
		ssize_t n;

		part = rnd(state, 2) ? len - at : 1 + rnd(state, len - at);
		n = write(listing_fd, text + at, part);
		if (n < 0 && errno != EINTR)
			no_target("acknowledging");
		part = n < 0 ? 0 : n;
	}
}

/*
 * Acknowledge the runs of written pages, or only some of them and parts of them
 * unless @all. Mark these pages in @chosen.
 */
static void acknowledge(struct image *image, bool all, bool *chosen, uint64_t *state)
{
	static char text[1 << 20];
	size_t len = 0, i, end;

	for (i = 0; i < image->count; i = end) {
		struct page *p = image->pages;
		size_t first = i, last;

		end = i + 1;
		if (!p[i].written)
			continue;
		while (end < image->count && p[end].written &&
		       p[end].addr == p[end - 1].addr + PAGE)
			end++;
		if (!all && !rnd(state, 8))
			continue;
		last = end;
		if (!all && !rnd(state, 4)) {
			first += rnd(state, end - first);
			last = first + 1 + rnd(state, end - first);
		}
		for (size_t k = first; k < last; k++)
			chosen[k] = true;
		len += sprintf(text + len, "%08" PRIx64 "-%08" PRIx64 " apd----\n",
			       p[first].addr, p[last - 1].addr + PAGE);
		if (len > sizeof(text) - 100) {
			acknowledge_text(text, len, state);
			len = 0;
		}
	}
	acknowledge_text(text, len, state);
}

/* Return the kind of the region that has @addr, and the number of its page. */
static enum kind region_of(uint64_t addr, size_t *page)
{
	enum kind kind;

	for (kind = 0; kind < KINDS; kind++) {
		*page = (addr - control->start[kind]) / PAGE;
		if (addr >= control->start[kind] && *page < control->pages[kind])
			break;
	}
	return kind;
}

/* Did it happen to one of @count pages since @generation began? */
static bool done_since(generations what, enum kind kind, size_t page, size_t count,
		       uint32_t generation)
{
	for (size_t i = page; i < page + count; i++)
		if (__atomic_load_n(&what[kind][i], __ATOMIC_SEQ_CST) >= generation)
			return true;
	return false;
}

/* Return the reason why an acknowledged page is d again with the same contents. */
static enum reason reason_of(const struct page *p)
{
	size_t page;
	enum kind kind = region_of(p->addr, &page);

	if (kind == KINDS)
		return UNWATCHED;
	if (kind == PINNED)
		return PINNED_FOR_IO;
	if (done_since(control->changed, kind, page, 1, p->generation))
		return WRITTEN;
	if ((p->huge && !p->was_huge) ||
	    done_since(control->collapsed, kind, page, 1, p->generation))
		return COLLAPSED;
	if (p->was_huge &&
	    done_since(control->changed, kind, page & ~(HUGE / PAGE - 1), HUGE / PAGE,
		       p->generation))
		return HUGE_WRITTEN;
	return p->was_busy ? BUSY : NO_REASON;
}

/* Copy a run of pages, as far as they still exist. */
static void copy(struct page *pages, size_t count)
{
	static char buffer[64][4096];

	for (size_t i = 0, n; i < count; i += n) {
		ssize_t got;

		n = count - i < 64 ? count - i : 64;
		got = pread(mem_fd, buffer, n * PAGE, pages[i].addr);
		if (got < (ssize_t)PAGE) {
			/* Unmapped since it was listed */
			free(pages[i].data);
			pages[i].data = NULL;
			n = 1;
			continue;
		}
		n = got / PAGE;
		for (size_t k = 0; k < n; k++) {
			struct page *p = &pages[i + k];

			if (!p->data) {
				p->data = malloc(PAGE);
			} else if (!p->hugetlb) {
				again++;
				if (!memcmp(p->data, buffer[k], PAGE))
					same[reason_of(p)]++;
			}
			p->was_huge = p->huge;
			p->was_busy = p->busy;
			p->generation = control->generation;
			memcpy(p->data, buffer[k], PAGE);
		}
	}
}

/* An acknowledgment keeps d of pages with extra references, which may be written. */
static void note_busy(struct image *image, const bool *chosen)
{
	struct image now = { 0 };

	list(&now);
	for (size_t i = 0, j = 0; i < image->count; i++) {
		struct page *p = &image->pages[i];

		while (j < now.count && now.pages[j].addr < p->addr)
			j++;
		p->busy = chosen[i] && j < now.count && now.pages[j].addr == p->addr &&
			  now.pages[j].written;
	}
	free(now.pages);
}

static void checkpoint(struct image *image, bool all, uint64_t *state)
{
	struct image last = *image;
	bool *chosen;
	size_t i, end;

	*image = (struct image){ 0 };
	list(image);
	inherit(image, &last);
	__atomic_add_fetch(&control->generation, 1, __ATOMIC_SEQ_CST);
	chosen = calloc(image->count + 1, 1);
	acknowledge(image, all, chosen, state);
	note_busy(image, chosen);
	for (i = 0; i < image->count; i = end) {
		end = i + 1;
		if (!chosen[i])
			continue;
		while (chosen[end] &&
		       image->pages[end].addr == image->pages[end - 1].addr + PAGE)
			end++;
		acknowledged += image->pages[i].hugetlb ? 0 : end - i;
		copy(&image->pages[i], end - i);
	}
	free(chosen);
}

/* Return false if the kernel is still writing to the stopped target. */
static bool stop_target(void)
{
	int status;

	if (kill(pid, SIGSTOP) || waitpid(pid, &status, WUNTRACED) != pid)
		err(2, "stopping the target");
	if (!WIFSTOPPED(status))
		errx(2, "the target has exited: status %x", status);
	return !__atomic_load_n(&control->io, __ATOMIC_SEQ_CST);
}

/* Unlisted pages must have the contents of the file, or zeroes. */
static void compare_unlisted(int fd, uint64_t addr, uint64_t end, uint64_t offset)
{
	static char mem[4096], own[4096];
	size_t page;

	/* To read a missing page of this region would wait for the target. */
	if (region_of(addr, &page) == UFFD)
		return;
	for (; addr < end; addr += PAGE, offset += PAGE) {
		memset(own, 0, PAGE);
		if (pread(mem_fd, mem, PAGE, addr) != (ssize_t)PAGE)
			continue;
		if (fd != -1 && pread(fd, own, PAGE, offset) < 0)
			err(2, "reading a mapped file");
		if (memcmp(mem, own, PAGE))
			lost(addr, "not listed, but differs from the file or from zeroes");
		compared++;
	}
}

static void compare_mapping(struct image *image, uint64_t start, uint64_t end, int fd,
			    uint64_t offset)
{
	static char mem[4096];
	uint64_t at = start;

	for (size_t i = 0; i < image->count; i++) {
		struct page *p = &image->pages[i];

		if (p->addr < start || p->addr >= end)
			continue;
		compare_unlisted(fd, at, p->addr, offset + (at - start));
		at = p->addr + PAGE;
		if (p->excepted)
			continue;
		if (!p->data)
			lost(p->addr, "never copied");
		if (pread(mem_fd, mem, PAGE, p->addr) != (ssize_t)PAGE)
			errx(2, "cannot read listed page %" PRIx64, p->addr);
		if (memcmp(mem, p->data, PAGE) && !was_dropped(p->addr, mem))
			lost(p->addr, p->written ? "the copy differs" :
						   "not d, but written since it was copied");
		compared++;
	}
	compare_unlisted(fd, at, end, offset + (at - start));
}

/* Compare the private mappings of the stopped target page by page. */
static void compare(struct image *image)
{
	char path[64], line[512];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	if (!maps)
		err(2, "%s", path);
	while (fgets(line, sizeof(line), maps)) {
		uint64_t start, end, offset, inode;
		char perms[8];
		int fd = -1;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %" SCNu64,
			   &start, &end, perms, &offset, &inode) != 5)
			errx(2, "maps: %s", line);
		if (perms[3] != 'p' || strstr(line, "[v"))
			continue;
		if (strstr(line, "anon_hugepage"))
			inode = 0;
		if (inode) {
			snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64,
				 pid, start, end);
			fd = open(path, O_RDONLY);
			if (fd == -1)
				err(2, "%s", path);
		}
		compare_mapping(image, start, end, fd, offset);
		if (fd != -1)
			close(fd);
	}
	fclose(maps);
}

static void check(struct image *image, uint64_t *state)
{
	while (!stop_target()) {
		kill(pid, SIGCONT);
		usleep(1000);
	}
	checkpoint(image, true, state);
	compare(image);
	kill(pid, SIGCONT);
}

int main(int argc, char **argv)
{
	struct image image = { 0 };
	size_t rounds, checks = 0;
	char path[64];
	uint64_t state;

	if (argc != 3 && argc != 4)
		errx(2, "usage: torture SEED ROUNDS [DISK]");
	seed = strtoull(argv[1], NULL, 0);
	rounds = strtoull(argv[2], NULL, 0);
	state = seed * 2 + 1;

	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid)
		target(argv[3]);
	snprintf(path, sizeof(path), "/proc/%d/dirty_pages", pid);
	listing_fd = open(path, O_RDWR);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem_fd = open(path, O_RDONLY);
	if (listing_fd == -1 || mem_fd == -1)
		err(2, "%s", path);
	while (!__atomic_load_n(&control->ready, __ATOMIC_SEQ_CST)) {
		usleep(1000);
		if (kill(pid, 0) || waitpid(pid, NULL, WNOHANG))
			errx(2, "the target ended before it was ready");
	}

	for (round_nr = 1; round_nr <= rounds; round_nr++) {
		checkpoint(&image, false, &state);
		if (!rnd(&state, 10) || round_nr == rounds) {
			check(&image, &state);
			checks++;
		}
	}
	kill(pid, SIGKILL);
	printf("seed %" PRIu64 ": 0 lost; %zu rounds, %" PRIu64 " writes, %" PRIu64
	       " changes of mappings, %" PRIu64 " pages acknowledged, %" PRIu64
	       " copied again, %" PRIu64 " compared in %zu stops, %" PRIu64
	       " dropped meanwhile\n", seed, rounds, control->writes, control->operations,
	       acknowledged, again, compared, checks, dropped);
	for (int i = 0; i < REASONS; i++)
		printf("%5.1f %% copied again as they were: %s\n",
		       again ? 100.0 * same[i] / again : 0, reasons[i]);
	return 0;
}
