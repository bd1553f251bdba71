// SPDX-License-Identifier: GPL-2.0
/*
 * Test /proc/<pid>/dirty_pages on this architecture, as the first and only
 * program of the kernel: bring its own memory into known states, and compare each
 * page and flag of the listing. In each state, the kernel's self-check must
 * find no difference.
 *
 * Results go to the console as TAP, each line after "smoke: ".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../init/init.h"
#include "../../include/uapi/linux/dirty_pages.h"

#define RESULT		"smoke: "
#define PAGE		((size_t)getpagesize())
#define SWAP_BYTES	(32UL << 20)
#define PICTURE		256	/* characters at most, see draw() */

static const char dirty_pages[] = "/proc/self/dirty_pages";
static const char verify[] = "/sys/kernel/debug/dirty_pages/verify";

/*
 * Does this kernel track writes, and does this machine have huge pages, and two
 * nodes? The kernel command line has the expected answers.
 */
static bool tracked, huge, nodes;

static char text[1 << 20];
static int tests, failures;

static void result(bool ok, const char *name)
{
	printf(RESULT "%sok %d %s\n", ok ? "" : "not ", ++tests, name);
	failures += !ok;
}

void die(const char *what)
{
	printf(RESULT "Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

/* Read the rest of a file into @text, in pieces of at most @piece bytes. */
static size_t read_text(int fd, size_t piece)
{
	size_t size = 0;
	ssize_t n;

	while ((n = read(fd, text + size, piece)) > 0) {
		size += n;
		if (size + piece >= sizeof(text)) {
			errno = EFBIG;
			die("a file");
		}
	}
	if (n < 0)
		die("read");
	text[size] = '\0';
	return size;
}

static size_t read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size;

	if (fd < 0)
		die(path);
	size = read_text(fd, PAGE);
	close(fd);
	return size;
}

/* Return the next line of a listing, NULL at the end. Check its exact format. */
static char *next_line(char *p, unsigned long *start, unsigned long *end, char flags[8])
{
	char again[64];
	int length;

	if (!*p)
		return NULL;
	if (sscanf(p, "%lx-%lx %7s\n", start, end, flags) != 3)
		die("a line");
	length = snprintf(again, sizeof(again), "%08lx-%08lx %s\n", *start, *end, flags);
	if (strncmp(p, again, length)) {
		errno = EINVAL;
		die("the form of a line");
	}
	return p + length;
}

static void add(char *picture, unsigned long pages, const char *flags)
{
	size_t length = strlen(picture);

	snprintf(picture + length, PICTURE - length, "%s%lu:%s", length ? " " : "", pages, flags);
}

/* Draw @pages at @place: COUNT:FLAGS for each run, COUNT:- if clean. */
static void draw(char picture[PICTURE], const char *place, size_t pages)
{
	unsigned long at = (unsigned long)place, last = at + pages * PAGE, start, end;
	char flags[8], *p = text;

	picture[0] = '\0';
	read_file(dirty_pages);
	while ((p = next_line(p, &start, &end, flags))) {
		if (end <= at || start >= last)
			continue;
		if (start > at)
			add(picture, (start - at) / PAGE, "-");
		else
			start = at;
		if (end > last)
			end = last;
		add(picture, (end - start) / PAGE, flags);
		at = end;
	}
	if (at < last)
		add(picture, (last - at) / PAGE, "-");
}

/*
 * Without soft-dirty every page has d, and runs that would differ only in d are
 * one run.
 */
static void without_tracking(char *wanted, const char *picture)
{
	char flags[8], last[8] = "";
	unsigned long pages, run = 0;
	bool changed, joins = false;
	int length;

	wanted[0] = '\0';
	for (; sscanf(picture, "%lu:%7s%n", &pages, flags, &length) == 2; picture += length) {
		changed = flags[1] && flags[2] == '-';
		if (changed)
			flags[2] = 'd';
		if (run && !((changed || joins) && !strcmp(flags, last))) {
			add(wanted, run, last);
			run = 0;
		}
		run += pages;
		joins = changed;
		memcpy(last, flags, sizeof(last));
	}
	add(wanted, run, last);
}

static void check_verify(const char *name)
{
	unsigned long checked, differ;
	int fd = open(verify, O_RDWR | O_CLOEXEC);
	char line[32];

	snprintf(line, sizeof(line), "%d", getpid());
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		die(verify);
	read_text(fd, PAGE);
	close(fd);
	if (sscanf(text, "checked %lu differ %lu", &checked, &differ) == 2 && checked && !differ)
		return;
	printf(RESULT "# verify after '%s': %s\n", name, text);
	failures++;
}

/*
 * Fail unless the pages at @place have this picture, and the self-check agrees.
 */
static void expect(const char *name, const char *place, size_t pages, const char *wanted)
{
	char got[PICTURE], want[PICTURE];

	if (tracked)
		snprintf(want, sizeof(want), "%s", wanted);
	else
		without_tracking(want, wanted);
	draw(got, place, pages);
	result(!strcmp(got, want), name);
	if (strcmp(got, want))
		printf(RESULT "# expected %s, got %s\n", want, got);
	check_verify(name);
}

static char *map(size_t pages, int flags, int fd)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		       flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	madvise(p, pages * PAGE, MADV_NOHUGEPAGE);
	return p;
}

static void put(char *place, size_t page)
{
	*(volatile char *)(place + page * PAGE) = page + 1;
}

static char get(const char *place, size_t page)
{
	return *(const volatile char *)(place + page * PAGE);
}

/*
 * Write the listing back, and leave it in @text. Returns 0 or an error.
 */
static int acknowledge(void)
{
	int fd = open(dirty_pages, O_RDWR | O_CLOEXEC), error = 0;
	size_t size, done;
	ssize_t n;

	if (fd < 0)
		die(dirty_pages);
	size = read_text(fd, PAGE);
	for (done = 0; done < size && !error; done += n) {
		n = write(fd, text + done, size - done);
		if (n <= 0)
			error = n ? errno : EIO;
	}
	close(fd);
	return error;
}

static void test_anonymous(void)
{
	char *p = map(8, MAP_PRIVATE, -1);

	expect("untouched anonymous memory is clean", p, 8, "8:-");
	get(p, 0);
	put(p, 1);
	put(p, 2);
	expect("written pages are listed, pages that were only read are not", p, 8,
	       "1:- 2:apdx--- 5:-");
	mprotect(p + PAGE, PAGE, PROT_READ);
	expect("a page that has become read-only is listed", p, 8,
	       "1:- 1:apdx--- 1:apdx--- 5:-");
	madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED);
	expect("a discarded page is clean", p, 8, "1:- 1:apdx--- 6:-");
	put(p, 7);
	munmap(p + PAGE, PAGE);
	expect("unmapped pages are not listed", p, 8, "7:- 1:apdx---");
	munmap(p, 8 * PAGE);

	p = map(4, MAP_SHARED, -1);
	put(p, 1);
	expect("shared memory is clean", p, 4, "4:-");
	munmap(p, 4 * PAGE);
}

static void test_file(void)
{
	int fd = open("/tmp/file", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char contents[PAGE];
	size_t i;
	char *p;

	memset(contents, 'x', sizeof(contents));
	for (i = 0; i < 4; i++)
		if (fd < 0 || write(fd, contents, PAGE) != (ssize_t)PAGE)
			die("/tmp/file");
	p = map(4, MAP_PRIVATE, fd);
	for (i = 0; i < 4; i++)
		get(p, i);
	expect("a file that was only read is clean", p, 4, "4:-");
	put(p, 1);
	expect("the private copy of a file's page is listed", p, 4, "1:- 1:fpdx--- 2:-");
	if (ftruncate(fd, PAGE))
		die("/tmp/file");
	expect("a copy that was truncated away is clean", p, 4, "4:-");
	munmap(p, 4 * PAGE);
	close(fd);
}

/* Start a child that writes to pages from @first on, and waits to be killed. */
static pid_t fork_and_write(char *place, size_t first, size_t end)
{
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		for (; first < end; first++)
			put(place, first);
		if (write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(fds[0], &byte, 1) != 1)
		die("the child");
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void test_fork(void)
{
	char *p = map(4, MAP_PRIVATE, -1);
	size_t i;
	pid_t pid;

	for (i = 0; i < 4; i++)
		put(p, i);
	pid = fork_and_write(p, 2, 4);
	expect("pages that a child maps as well have no x", p, 4, "2:apd---- 2:apdx---");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	expect("after the child has exited, all pages have x", p, 4, "4:apdx---");
	munmap(p, 4 * PAGE);
}

static void test_acknowledge(void)
{
	char *p = map(4, MAP_PRIVATE, -1);
	size_t i;
	int error;

	for (i = 0; i < 4; i++)
		put(p, i);
	error = acknowledge();
	if (tracked) {
		result(!error, "a listing can be acknowledged");
		expect("acknowledged pages have no d", p, 4, "4:ap-x---");
		put(p, 1);
		put(p, 2);
		expect("pages written later have d again", p, 4,
		       "1:ap-x--- 2:apdx--- 1:ap-x---");
	} else {
		result(error == EOPNOTSUPP, "acknowledging is refused with EOPNOTSUPP");
		expect("and all pages still have d", p, 4, "4:apdx---");
	}
	munmap(p, 4 * PAGE);
}

/* A page in a CPU's batch for the LRU lists cannot be paged out: retry. */
static void page_out(char *p, size_t pages)
{
	unsigned char in[64];
	int try;

	for (try = 0; try < 20; try++) {
		madvise(p, pages * PAGE, MADV_PAGEOUT);
		if (mincore(p, pages * PAGE, in))
			die("mincore");
		if (!memchr(in, 1, pages))
			return;
		usleep(10000);
	}
	errno = EBUSY;
	die("MADV_PAGEOUT");
}

/* The self-check swaps pages in, so list pages in swap without it first. */
static void test_swap(void)
{
	char *p = map(4, MAP_PRIVATE, -1), got[PICTURE];
	const char *want = tracked ? "1:as-x--- 1:asdx--- 2:as-x---" : "4:asdx---";
	size_t i;

	for (i = 0; i < 4; i++)
		put(p, i);
	acknowledge();
	put(p, 1);
	page_out(p, 4);
	draw(got, p, 4);
	result(!strcmp(got, want), "pages in swap are listed, and keep their d");
	if (strcmp(got, want))
		printf(RESULT "# expected %s, got %s\n", want, got);
	for (i = 0; i < 4; i++)
		if (get(p, i) != (char)(i + 1))
			die("contents after swapping in");
	expect("and they keep it when they are swapped in", p, 4, "1:ap-x--- 1:apdx--- 2:ap-x---");
	munmap(p, 4 * PAGE);
}

static void move_page(char *p, int node)
{
	int status = -1;

	if (syscall(SYS_move_pages, 0, 1L, &p, &node, &status, 0) || status != node)
		die("move_pages");
}

/* The bit passes through the entry of a huge page under migration. */
static void test_moved(char *p, size_t pages, const char *clean)
{
	char wanted[64];

	if (!nodes)
		return;
	move_page(p, 1);
	move_page(p, 0);
	expect("a huge page on another node stays acknowledged", p, pages, clean);
	put(p, 4);
	move_page(p, 1);
	move_page(p, 0);
	snprintf(wanted, sizeof(wanted), "%zu:apdxh--", pages);
	expect("a written one keeps its d", p, pages, wanted);
	acknowledge();
}

static void test_huge(void)
{
	static const char size_file[] = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
	char wanted[64], *place, *p;
	size_t size, pages;

	if (!huge) {
		result(access(size_file, F_OK), "this machine has no huge pages");
		return;
	}
	read_file(size_file);
	size = strtoul(text, NULL, 10);
	pages = size / PAGE;
	place = map(2 * pages, MAP_PRIVATE, -1);
	p = (char *)(((uintptr_t)place + size - 1) & ~(size - 1));
	if (madvise(p, size, MADV_HUGEPAGE))
		die("MADV_HUGEPAGE");
	put(p, 3);
	snprintf(wanted, sizeof(wanted), "%zu:apdxh--", pages);
	expect("a huge page is listed as one", p, pages, wanted);
	acknowledge();
	snprintf(wanted, sizeof(wanted), "%zu:ap-xh--", pages);
	expect("and acknowledged as one", p, pages, wanted);
	test_moved(p, pages, wanted);
	madvise(p + 8 * PAGE, 8 * PAGE, MADV_DONTNEED);
	snprintf(wanted, sizeof(wanted), "8:ap-x--- 8:- %zu:ap-x---", pages - 16);
	expect("a discarded part of it is clean", p, pages, wanted);
	munmap(place, 2 * size);
}

/* Alternating runs, of eight pages for the fast walk and of one, read in pieces */
static void test_long(void)
{
	static char whole[sizeof(text)];
	char *p = map(4096, MAP_PRIVATE, -1);
	size_t i, size, lines = 0;
	int fd;

	for (i = 0; i < 4096; i++)
		if (i < 2048 ? i & 1 : i & 8)
			put(p, i);
	check_verify("alternating pages");
	/* A write between the two listings would appear in the second. */
	memset(whole, 1, sizeof(whole));
	memset(text, 1, sizeof(text));
	size = read_file(dirty_pages);
	memcpy(whole, text, size + 1);
	for (i = 0; i < size; i++)
		lines += whole[i] == '\n';
	result(lines >= 1024 + 128, "a long listing has every run");
	fd = open(dirty_pages, O_RDONLY | O_CLOEXEC);
	result(fd >= 0 && read_text(fd, 37) == size && !memcmp(whole, text, size),
	       "the size of a read does not change a listing");
	close(fd);
	munmap(p, 4096 * PAGE);
}

/* Also on architectures with addresses shorter than the members of the struct */
static void test_range(void)
{
	char *p = map(16, MAP_PRIVATE, -1), wanted[64];
	int fd = open(dirty_pages, O_RDONLY | O_CLOEXEC);
	struct dirty_pages_range range = {
		.size = sizeof(range),
		.start = (uintptr_t)p + 3 * PAGE,
		.end = (uintptr_t)p + 9 * PAGE,
	};
	size_t i, size;

	for (i = 0; i < 16; i++)
		put(p, i);
	snprintf(wanted, sizeof(wanted), "%08lx-%08lx apdx---\n",
		 (unsigned long)range.start, (unsigned long)range.end);
	if (fd < 0)
		die(dirty_pages);
	result(!ioctl(fd, DIRTY_PAGES_RANGE, &range) && read_text(fd, 4096) &&
	       !strcmp(text, wanted), "a range is listed, cut at its ends");
	range.start = 0;
	range.end = -(uint64_t)PAGE;
	result(!ioctl(fd, DIRTY_PAGES_RANGE, &range), "a range may end above all addresses");
	size = read_text(fd, 4096);
	result(size > strlen(wanted), "and the whole process is listed again");
	range.start = range.end;
	result(ioctl(fd, DIRTY_PAGES_RANGE, &range) && errno == EINVAL,
	       "an empty range is refused");
	close(fd);
	munmap(p, 16 * PAGE);
}

static int test_all(void)
{
	static void (* const all[])(void) = {
		test_anonymous, test_file, test_fork, test_acknowledge, test_swap, test_huge,
		test_long, test_range,
	};
	struct utsname kernel;
	size_t i;

	uname(&kernel);
	printf(RESULT "# %s, %s, %zu bits\n", kernel.machine, kernel.release, 8 * sizeof(long));
	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		all[i]();
	printf(RESULT "1..%d\n", tests);
	return failures ? 1 : 0;
}

int main(void)
{
	int status = -1;
	pid_t pid;

	if (getpid() != 1) {
		fputs("smoke: run by 'make test-arch', as the first program of a kernel\n",
		      stderr);
		return 1;
	}
	become_init(SWAP_BYTES);
	read_file("/proc/cmdline");
	tracked = strstr(text, "smoke.tracked=1");
	huge = strstr(text, "smoke.huge=1");
	nodes = strstr(text, "smoke.nodes=1");
	pid = fork();
	if (!pid)
		exit(test_all());
	waitpid(pid, &status, 0);
	printf(RESULT "status %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 255);
	sync();
	reboot(RB_AUTOBOOT);
	return 1;
}
