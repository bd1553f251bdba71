// SPDX-License-Identifier: GPL-2.0
/*
 * Test the promises of /proc/<pid>/dirty_pages: which pages it lists, that it shows "d"
 * after each kind of write, that an acknowledgment loses none, and its errors.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"

/* <linux/dirty_pages.h>, which an older set of headers lacks */
struct dirty_range {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
};

#define DIRTY_RANGE	_IOW('f', 18, struct dirty_range)

#define NR_PAGES	8
#define TEXT_MAX	(4UL << 20)

static size_t pagesize;
static char *text; /* room for a listing, in shared memory so as not to be in it */
static int fd;

/* Read a listing of @file in reads of at most @step bytes. Return its length. */
static size_t read_listing(int file, size_t step)
{
	size_t len = 0;
	ssize_t ret;

	if (lseek(file, 0, SEEK_SET))
		ksft_exit_fail_perror("lseek");
	while ((ret = read(file, text + len, step)) > 0) {
		len += ret;
		if (len + step >= TEXT_MAX)
			ksft_exit_fail_msg("the listing is too long\n");
	}
	if (ret < 0)
		ksft_exit_fail_perror("read");
	text[len] = '\0';
	return len;
}

/* Return the flags of the page at @addr, or "" if it is not listed. */
static const char *flags_of(const void *addr)
{
	static char flags[16];
	unsigned long start, end;
	char *line;

	read_listing(fd, 1 << 16);
	for (line = text; *line; line = strchr(line, '\n') + 1)
		if (sscanf(line, "%lx-%lx %15s", &start, &end, flags) == 3 &&
		    start <= (uintptr_t)addr && (uintptr_t)addr < end)
			return flags;
	return "";
}

static bool has_flag(const void *addr, char flag)
{
	return strchr(flags_of(addr), flag);
}

static bool is_written(const void *addr)
{
	return has_flag(addr, 'd');
}

static ssize_t write_line(const char *line)
{
	return write(fd, line, strlen(line));
}

static ssize_t acknowledge(const char *addr, size_t pages)
{
	char line[64];

	snprintf(line, sizeof(line), "%lx-%lx\n", (unsigned long)addr,
		 (unsigned long)addr + pages * pagesize);
	return write_line(line);
}

/* Map NR_PAGES small pages, and write to each. */
static char *map(void)
{
	char *mem = mmap(NULL, NR_PAGES * pagesize, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	madvise(mem, NR_PAGES * pagesize, MADV_NOHUGEPAGE);
	memset(mem, 1, NR_PAGES * pagesize);
	return mem;
}

static void unmap(char *mem)
{
	munmap(mem, NR_PAGES * pagesize);
}

static void test_anonymous(void)
{
	char *mem = map();

	madvise(mem + pagesize, pagesize, MADV_DONTNEED);
	madvise(mem + 2 * pagesize, pagesize, MADV_DONTNEED);
	(void)*(volatile char *)(mem + 2 * pagesize);
	ksft_test_result(!strncmp(flags_of(mem), "apd", 3), "a written page is listed\n");
	ksft_test_result(!*flags_of(mem + pagesize), "a hole is clean\n");
	ksft_test_result(!*flags_of(mem + 2 * pagesize), "the zero page is clean\n");
	unmap(mem);
}

static void test_file(void)
{
	int file = memfd_create("dirty-pages", 0);
	char *private, *shared;

	if (file < 0 || ftruncate(file, 2 * pagesize))
		ksft_exit_fail_perror("memfd_create");
	private = mmap(NULL, 2 * pagesize, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	shared = mmap(NULL, 2 * pagesize, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (private == MAP_FAILED || shared == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	shared[0] = 1;
	private[0] = 1;
	(void)*(volatile char *)(private + pagesize);
	ksft_test_result(!strncmp(flags_of(private), "fpd", 3),
			 "a private copy of a file page is listed\n");
	ksft_test_result(!*flags_of(private + pagesize), "a page that was read is clean\n");
	ksft_test_result(!*flags_of(shared), "a shared mapping is clean\n");
	munmap(private, 2 * pagesize);
	munmap(shared, 2 * pagesize);
	close(file);
}

static void test_exclusive(void)
{
	char *mem = map();
	bool alone, together;
	int stop[2];
	pid_t pid;

	alone = has_flag(mem, 'x');
	if (pipe(stop))
		ksft_exit_fail_perror("pipe");
	pid = fork();
	if (!pid) {
		close(stop[1]);
		_exit(read(stop[0], &pid, 1));
	}
	together = has_flag(mem, 'x');
	close(stop[1]);
	waitpid(pid, NULL, 0);
	close(stop[0]);
	ksft_test_result(alone && !together && has_flag(mem, 'x'),
			 "x shows pages that no other process has\n");
	unmap(mem);
}

static void test_acknowledge(void)
{
	char *mem = map();

	acknowledge(mem, 2);
	ksft_test_result(!is_written(mem) && !is_written(mem + pagesize) &&
			 is_written(mem + 2 * pagesize),
			 "an acknowledgment clears d in its range only\n");
	mem[pagesize]++;
	ksft_test_result(!is_written(mem) && is_written(mem + pagesize),
			 "the next write sets d again\n");
	unmap(mem);
}

static void test_other_writes(void)
{
	char *mem = map(), *moved, *other = map();
	int self = open("/proc/self/mem", O_RDWR);

	acknowledge(mem, NR_PAGES);
	mprotect(mem, pagesize, PROT_READ);
	if (pwrite(self, "x", 1, (uintptr_t)mem) != 1)
		ksft_exit_fail_perror("/proc/self/mem");
	ksft_test_result(is_written(mem), "a write by a debugger sets d\n");

	mprotect(mem, NR_PAGES * pagesize, PROT_NONE);
	mprotect(mem, NR_PAGES * pagesize, PROT_READ | PROT_WRITE);
	mem[pagesize]++;
	ksft_test_result(is_written(mem + pagesize), "a write after mprotect sets d\n");

	moved = mremap(mem, NR_PAGES * pagesize, NR_PAGES * pagesize,
		       MREMAP_MAYMOVE | MREMAP_FIXED, other);
	ksft_test_result(moved == other && is_written(moved + 2 * pagesize),
			 "a move sets d\n");
	close(self);
	unmap(other);
}

/* Growing a mapping sets VM_SOFTDIRTY, which says that all of it was written. */
static void test_growth(void)
{
	char *area = mmap(NULL, 2 * NR_PAGES * pagesize, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *mem = mmap(area, NR_PAGES * pagesize, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	memset(mem, 1, NR_PAGES * pagesize);
	acknowledge(mem, NR_PAGES);
	mmap(mem + NR_PAGES * pagesize, NR_PAGES * pagesize, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ksft_test_result(*flags_of(mem) && !is_written(mem),
			 "a mapping that grows keeps its acknowledged pages\n");
	munmap(area, 2 * NR_PAGES * pagesize);
}

/* A pipe has a reference to the page, and would deliver a later write. */
static void test_busy(void)
{
	char *mem = map(), byte;
	struct iovec iov = { .iov_base = mem, .iov_len = 1 };
	bool busy;
	int ends[2];

	if (pipe(ends) || vmsplice(ends[1], &iov, 1, 0) != 1)
		ksft_exit_fail_perror("vmsplice");
	acknowledge(mem, 1);
	busy = is_written(mem);
	if (read(ends[0], &byte, 1) != 1)
		ksft_exit_fail_perror("read");
	close(ends[0]);
	close(ends[1]);
	acknowledge(mem, 1);
	ksft_test_result(busy && !is_written(mem),
			 "a page that something refers to keeps d\n");
	unmap(mem);
}

static void test_bad_lines(void)
{
	char *mem = map();
	char line[64];

	snprintf(line, sizeof(line), "%lx-%lx ap-x---\n", (unsigned long)mem,
		 (unsigned long)mem + pagesize);
	ksft_test_result(write_line(line) == (ssize_t)strlen(line) && is_written(mem),
			 "a line without d acknowledges nothing\n");
	unmap(mem);
}

static void test_bad_writes(void)
{
	static const char * const bad[] = {
		"x\n", "1000\n", "1000-1000\n", "2000-1000\n", "1001-2000\n", "\n",
	};
	int file = -1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		file = open("/proc/self/dirty_pages", O_WRONLY);
		if (write(file, bad[i], strlen(bad[i])) != -1 || errno != EINVAL)
			break;
		close(file);
	}
	ksft_test_result(i == ARRAY_SIZE(bad), "a bad line is refused\n");

	file = open("/proc/self/dirty_pages", O_WRONLY);
	ksft_test_result(write(file, "1000-", 5) == 5 && close(file) && errno == EINVAL,
			 "close reports an unfinished line\n");
}

static int set_range(int file, const char *start, size_t size)
{
	struct dirty_range range = {
		.size = sizeof(range),
		.start = (uintptr_t)start,
		.end = (uintptr_t)start + size,
	};

	return ioctl(file, DIRTY_RANGE, &range);
}

static void test_range(void)
{
	int file = open("/proc/self/dirty_pages", O_RDONLY);
	char *mem = map();
	unsigned long start, end;
	int ret = set_range(file, mem + pagesize, 2 * pagesize);

	read_listing(file, 1 << 16);
	ksft_test_result(!ret && sscanf(text, "%lx-%lx", &start, &end) == 2 &&
			 start == (uintptr_t)mem + pagesize &&
			 end == start + 2 * pagesize && !strchr(text, '\n')[1],
			 "the ioctl restricts the listing to a range\n");
	ksft_test_result(set_range(file, mem, 0) == -1 && errno == EINVAL &&
			 set_range(file, mem + 1, pagesize) == -1 && errno == EINVAL,
			 "an empty or unaligned range is refused\n");
	close(file);
	unmap(mem);
}

/*
 * List a stopped child, as this process changes while it reads. Every other page of
 * the range has become the child's own.
 */
static void test_child(void)
{
	char path[32], *whole, *mem = map();
	size_t len, i;
	pid_t pid;
	int file;

	pid = fork();
	if (!pid) {
		for (i = 0; i < NR_PAGES; i += 2)
			mem[i * pagesize]++;
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, NULL, WUNTRACED);
	snprintf(path, sizeof(path), "/proc/%d/dirty_pages", pid);
	file = open(path, O_RDONLY);
	if (file < 0 || set_range(file, mem, NR_PAGES * pagesize))
		ksft_exit_fail_perror(path);
	len = read_listing(file, 1 << 16);
	whole = malloc(len + 1);
	memcpy(whole, text, len + 1);
	ksft_test_result(len && read_listing(file, 7) == len && !strcmp(whole, text),
			 "short reads give the same text\n");
	free(whole);
	close(file);

	file = open(path, O_RDONLY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ksft_test_result(!read_listing(file, 1 << 16), "a process that has exited is empty\n");
	close(file);
	unmap(mem);
}

int main(void)
{
	bool tracked;

	ksft_print_header();
	fd = open("/proc/self/dirty_pages", O_RDWR);
	if (fd < 0 && errno == ENOENT)
		ksft_exit_skip("no /proc/self/dirty_pages\n");
	if (fd < 0)
		ksft_exit_fail_perror("/proc/self/dirty_pages");
	pagesize = getpagesize();
	text = mmap(NULL, TEXT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (text == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	tracked = write_line("1000-2000\n") > 0;
	if (!tracked)
		ksft_print_msg("no soft-dirty tracking: acknowledgments are not tested\n");

	ksft_set_plan(tracked ? 21 : 11);
	test_anonymous();
	test_file();
	test_exclusive();
	test_range();
	test_child();
	if (tracked) {
		test_acknowledge();
		test_other_writes();
		test_growth();
		test_busy();
		test_bad_lines();
		test_bad_writes();
	}
	ksft_finished();
}
