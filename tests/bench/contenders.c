// SPDX-License-Identifier: GPL-2.0
/*
 * The interfaces that report the modified private pages of a process. Each is
 * read in two ways: as fast as possible, to time it, and to check its answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../include/uapi/linux/dirty_pages.h"
#include "bench.h"
#include "pagemap_scan.h"

/* A size for fast readers */
#define BUFFER_SIZE	(128 * KIB)

/* As in CRIU */
#define MAX_REGIONS	32768

static char buffer[BUFFER_SIZE];
static struct page_region regions[MAX_REGIONS];

/* Read a file from its start, and call @each after each read. */
static void read_all(int fd, struct answer *answer,
		     void (*each)(struct answer *answer, size_t size))
{
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET))
		die("lseek");
	answer->calls++;
	do {
		n = read(fd, buffer, sizeof(buffer));
		if (n < 0)
			die("read");
		answer->calls++;
		if (each)
			each(answer, n);
	} while (n > 0);
}

static void ask_dirty_pages(const struct subject *subject, struct answer *answer)
{
	read_all(subject->dirty_pages, answer, NULL);
}

/* With a buffer of this size, each read ends with a whole line. */
static void count_lines(struct answer *answer, size_t size)
{
	unsigned long start, end;
	char *p = buffer;
	int length;

	while (p < buffer + size) {
		if (sscanf(p, "%lx-%lx %*s%n", &start, &end, &length) != 2)
			die("a line");
		answer->pages += (end - start) / PAGE;
		answer->lines++;
		p += length + 1;
	}
}

static void count_dirty_pages(const struct subject *subject, struct answer *answer)
{
	read_all(subject->dirty_pages, answer, count_lines);
}

/* With the arguments of CRIU: private pages in memory or in swap */
static void scan(const struct subject *subject, struct answer *answer, bool count)
{
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = subject->start,
		.end = subject->end,
		.vec = (uintptr_t)regions,
		.vec_len = MAX_REGIONS,
		.category_inverted = PAGE_IS_FILE | PAGE_IS_PFNZERO,
		.category_mask = PAGE_IS_FILE | PAGE_IS_PFNZERO,
		.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.return_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED | PAGE_IS_SOFT_DIRTY,
	};
	int i, n;

	do {
		n = ioctl(subject->pagemap, PAGEMAP_SCAN, &arg);
		if (n < 0)
			die("PAGEMAP_SCAN");
		answer->calls++;
		for (i = 0; count && i < n; i++)
			answer->pages += (regions[i].end - regions[i].start) / PAGE;
		answer->lines += n;
		arg.start = arg.walk_end;
	} while (n == MAX_REGIONS);
}

static void ask_scan(const struct subject *subject, struct answer *answer)
{
	scan(subject, answer, false);
}

static void count_scan(const struct subject *subject, struct answer *answer)
{
	scan(subject, answer, true);
}

#define PM_PFN		((1ULL << 55) - 1)
#define PM_FILE		(1ULL << 61)
#define PM_SWAP		(1ULL << 62)
#define PM_PRESENT	(1ULL << 63)

/* Return the pagemap entry of a page of this process. */
static uint64_t own_entry(const volatile char *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)page / PAGE * sizeof(entry)) !=
	    sizeof(entry))
		die("/proc/self/pagemap");
	close(fd);
	return entry;
}

/* Return the page frame of the zero page, which pagemap does not mark. */
static uint64_t zero_page(void)
{
	static uint64_t pfn;
	char *page;

	if (!pfn) {
		page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED || *(volatile char *)page)
			die("mmap");
		pfn = own_entry(page) & PM_PFN;
		munmap(page, PAGE);
	}
	return pfn;
}

static bool is_modified(uint64_t entry)
{
	if (entry & PM_SWAP)
		return true;
	return (entry & PM_PRESENT) && !(entry & PM_FILE) && (entry & PM_PFN) != zero_page();
}

static void read_pagemap(const struct subject *subject, struct answer *answer, bool count)
{
	size_t range, left, size;
	ssize_t n, i;
	off_t offset;

	for (range = 0; range < subject->nr_ranges; range++) {
		offset = subject->ranges[range][0] / PAGE * sizeof(uint64_t);
		left = (subject->ranges[range][1] - subject->ranges[range][0]) /
		       PAGE * sizeof(uint64_t);
		for (; left; left -= n, offset += n) {
			size = left < sizeof(buffer) ? left : sizeof(buffer);
			n = pread(subject->pagemap, buffer, size, offset);
			if (n <= 0)
				die("pagemap");
			answer->calls++;
			for (i = 0; count && i < n; i += sizeof(uint64_t))
				answer->pages += is_modified(*(uint64_t *)(buffer + i));
		}
	}
}

static void ask_pagemap(const struct subject *subject, struct answer *answer)
{
	read_pagemap(subject, answer, false);
}

static void count_pagemap(const struct subject *subject, struct answer *answer)
{
	read_pagemap(subject, answer, true);
}

static void ask_smaps_rollup(const struct subject *subject, struct answer *answer)
{
	read_all(subject->smaps_rollup, answer, NULL);
}

static void count_rollup(struct answer *answer, size_t size)
{
	static const char * const names[] = { "\nAnonymous:", "\nSwap:" };
	size_t i;
	char *p;

	if (!size)
		return;
	buffer[size < sizeof(buffer) ? size : sizeof(buffer) - 1] = '\0';
	for (i = 0; i < 2; i++) {
		p = strstr(buffer, names[i]);
		if (!p)
			die(names[i] + 1);
		answer->pages += strtoul(p + strlen(names[i]), NULL, 10) * KIB / PAGE;
	}
}

static void count_smaps_rollup(const struct subject *subject, struct answer *answer)
{
	read_all(subject->smaps_rollup, answer, count_rollup);
}

const struct contender contenders[NR_CONTENDERS] = {
	[DIRTY_PAGES] = { "dirty_pages", ask_dirty_pages, count_dirty_pages },
	[PAGEMAP_SCAN_] = { "PAGEMAP_SCAN", ask_scan, count_scan },
	[PAGEMAP] = { "pagemap", ask_pagemap, count_pagemap },
	[SMAPS_ROLLUP] = { "smaps_rollup", ask_smaps_rollup, count_smaps_rollup },
};

/*
 * Find the mappings, except vvar, vdso and vsyscall: they have no modified pages,
 * and PAGEMAP_SCAN refuses the addresses of some.
 */
static void find_ranges(struct subject *subject, pid_t pid)
{
	FILE *maps = fdopen(open_proc(pid, "maps", O_RDONLY), "r");
	unsigned long start, end;
	char rest[512];
	size_t n = 0;

	if (!maps)
		die("maps");
	while (fscanf(maps, "%lx-%lx%511[^\n]", &start, &end, rest) == 3) {
		if (strstr(rest, "[v"))
			continue;
		if (!(n & (n - 1)))
			subject->ranges = realloc(subject->ranges,
						  (n ? 2 * n : 1) * sizeof(*subject->ranges));
		if (!subject->ranges)
			die("realloc");
		subject->ranges[n][0] = start;
		subject->ranges[n++][1] = end;
	}
	fclose(maps);
	subject->nr_ranges = n;
	subject->start = subject->ranges[0][0];
	subject->end = subject->ranges[n - 1][1];
}

void open_subject(struct subject *subject, pid_t pid)
{
	memset(subject, 0, sizeof(*subject));
	subject->pid = pid;
	subject->dirty_pages = open_proc(pid, "dirty_pages", O_RDWR);
	subject->pagemap = open_proc(pid, "pagemap", O_RDONLY);
	subject->smaps_rollup = open_proc(pid, "smaps_rollup", O_RDONLY);
	find_ranges(subject, pid);
}

void close_subject(struct subject *subject)
{
	close(subject->dirty_pages);
	close(subject->pagemap);
	close(subject->smaps_rollup);
	free(subject->ranges);
}

/* Restrict the file to a range. */
void set_range(const struct subject *subject, unsigned long start, unsigned long end)
{
	const struct dirty_pages_range range = {
		.size = sizeof(range),
		.start = start,
		.end = end,
	};

	if (ioctl(subject->dirty_pages, DIRTY_PAGES_RANGE, &range))
		die("DIRTY_PAGES_RANGE");
}

/* Write the listing back. Returns false if this kernel does not support that. */
bool try_to_acknowledge(const struct subject *subject)
{
	ssize_t n;

	if (lseek(subject->dirty_pages, 0, SEEK_SET))
		die("lseek");
	while ((n = read(subject->dirty_pages, buffer, sizeof(buffer))) > 0) {
		if (write(subject->dirty_pages, buffer, n) == n)
			continue;
		if (errno == EOPNOTSUPP)
			return false;
		die("acknowledging");
	}
	if (n < 0)
		die("read");
	return true;
}

void acknowledge_all(const struct subject *subject)
{
	if (!try_to_acknowledge(subject))
		die("acknowledging");
}

/* A separate program: print a file. */
int cat_main(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		if (write(STDOUT_FILENO, buffer, n) != n)
			return 1;
	return n ? 1 : 0;
}

/* A separate program: print the number of pages that a process has modified. */
int scan_main(pid_t pid)
{
	struct answer answer = {};
	struct subject subject;

	open_subject(&subject, pid);
	count_scan(&subject, &answer);
	printf("%lu\n", answer.pages);
	close_subject(&subject);
	return 0;
}
