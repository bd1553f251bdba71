// SPDX-License-Identifier: GPL-2.0
/*
 * A page gets other contents not only by a write of its process. Test that the
 * soft-dirty bit also shows pages that were moved, pinned, migrated, filled in,
 * unshared, merged, or had by a device; and that it does not show huge pages that only
 * migrated, or were split.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lib/test_hmm_uapi.h>
#include <mm/gup_test.h>

#include "../kselftest.h"
#include "vm_util.h"

#define NR_TESTS	15
#define MTHP_SIZE	(64UL << 10)
#define MIGRATION_SECS	5

static int pagemap_fd;
static size_t pagesize;
static size_t pmdsize;

/* Map memory at a multiple of its size. */
static char *map(size_t size, int prot)
{
	char *area = mmap(NULL, 2 * size, prot, MAP_PRIVATE | MAP_ANONYMOUS |
			  MAP_NORESERVE, -1, 0);

	if (area == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	return (char *)(((uintptr_t)area + size - 1) & ~(size - 1));
}

/* Map small pages, and populate the first. */
static char *map_small(size_t size)
{
	char *mem = map(size, PROT_READ | PROT_WRITE);

	madvise(mem, size, MADV_NOHUGEPAGE);
	mem[0] = 1;
	return mem;
}

/* Map and populate one huge page. Return NULL if there is none. */
static char *map_huge(void)
{
	char *mem = map(pmdsize, PROT_READ | PROT_WRITE);

	madvise(mem, pmdsize, MADV_HUGEPAGE);
	memset(mem, 1, pmdsize);
	return check_huge_anon(mem, pmdsize, 1, pmdsize) ? mem : NULL;
}

static bool is_softdirty(int fd, char *addr)
{
	return pagemap_get_entry(fd, addr) & PM_SOFT_DIRTY;
}

/* Return true if the page of @mem has the bit at its new address. */
static bool moved_page_is_softdirty(char *mem, char *to, size_t size)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	bool ret;

	if (mremap(mem, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		ksft_exit_fail_perror("mremap");
	ret = is_softdirty(fd, to);
	close(fd);
	return ret;
}

static void test_mremap(size_t size, const char *name)
{
	char *mem = map_small(size), *to = map_small(size);

	clear_softdirty();
	ksft_test_result(moved_page_is_softdirty(mem, to, size), "%s\n", name);
	munmap(to, size);
}

/* A child has the cleared bits of its parent. */
static void test_mremap_child(void)
{
	char *mem = map_small(pmdsize), *to = map_small(pmdsize);
	int status;
	pid_t pid;

	clear_softdirty();
	pid = fork();
	if (pid < 0)
		ksft_exit_fail_perror("fork");
	if (!pid)
		_exit(!moved_page_is_softdirty(mem, to, pmdsize));
	waitpid(pid, &status, 0);
	ksft_test_result(!status, "moved page table of a child\n");
	munmap(to, pmdsize);
	munmap(mem, pmdsize);
}

static int gup_test_open(const char *name)
{
	int fd = open("/sys/kernel/debug/gup_test", O_RDWR);

	if (fd < 0)
		ksft_test_result_skip("%s: no gup_test\n", name);
	return fd;
}

static void pin(int fd, char *addr, uint32_t flags)
{
	struct pin_longterm_test args = {
		.addr = (uintptr_t)addr,
		.size = pagesize,
		.flags = flags,
	};

	if (ioctl(fd, PIN_LONGTERM_TEST_START, &args))
		ksft_exit_fail_perror("PIN_LONGTERM_TEST_START");
}

static void unpin(int fd)
{
	ioctl(fd, PIN_LONGTERM_TEST_STOP);
	close(fd);
}

/* The owner of a pin can write to the page, even if its entry is read-only by now. */
static void test_pinned(char *mem, int prot, const char *name)
{
	int fd;

	if (!mem) {
		ksft_test_result_skip("%s: no huge page\n", name);
		return;
	}
	fd = gup_test_open(name);
	if (fd < 0)
		return;
	pin(fd, mem, PIN_LONGTERM_TEST_FLAG_USE_WRITE);
	mprotect(mem, pagesize, prot);
	clear_softdirty();
	ksft_test_result(is_softdirty(pagemap_fd, mem), "%s\n", name);
	unpin(fd);
}

struct migration {
	char *mem;
	size_t step;
	int nr;
	volatile bool stop;
	bool moved;
};

static void *migrate(void *arg)
{
	struct migration *m = arg;
	void *pages[64];
	int nodes[64], status[64], i, node = 0;

	for (i = 0; i < m->nr; i++)
		pages[i] = m->mem + i * m->step;
	while (!m->stop) {
		node = !node;
		for (i = 0; i < m->nr; i++)
			nodes[i] = node;
		if (!syscall(__NR_move_pages, 0, m->nr, pages, nodes, status, 0) &&
		    status[0] == node)
			m->moved = true;
	}
	return NULL;
}

/* Clear the bits and write to pages, while they migrate back and forth. */
static void test_migrating(char *mem, size_t step, int nr, const char *name)
{
	struct migration m = { .mem = mem, .step = step, .nr = nr };
	time_t end = time(NULL) + MIGRATION_SECS;
	bool lost = false;
	pthread_t thread;
	int i;

	if (!mem) {
		ksft_test_result_skip("%s: no huge page\n", name);
		return;
	}
	if (pthread_create(&thread, NULL, migrate, &m))
		ksft_exit_fail_msg("pthread_create failed\n");
	while (!lost && time(NULL) < end) {
		clear_softdirty();
		for (i = 0; i < nr; i++)
			mem[i * step]++;
		for (i = 0; i < nr; i++)
			lost |= !is_softdirty(pagemap_fd, mem + i * step);
	}
	m.stop = true;
	pthread_join(thread, NULL);
	if (m.moved)
		ksft_test_result(!lost, "%s\n", name);
	else
		ksft_test_result_skip("%s: no second node\n", name);
}

/* A page that only migrates has the contents that it had. */
static void test_migrated_huge(void)
{
	const char *name = "migrated huge page, not written";
	void *mem = map_huge();
	int node, status = -1;

	if (!mem || syscall(__NR_move_pages, 0, 1, &mem, NULL, &node, 0)) {
		ksft_test_result_skip("%s: no huge page\n", name);
		return;
	}
	clear_softdirty();
	node = !node;
	syscall(__NR_move_pages, 0, 1, &mem, &node, &status, 0);
	if (status != node)
		ksft_test_result_skip("%s: no second node\n", name);
	else
		ksft_test_result(!is_softdirty(pagemap_fd, mem), "%s\n", name);
}

/* Write to a page of memory that is not writable now, as a debugger does. */
static bool poke(char *addr)
{
	int fd = open("/proc/self/mem", O_RDWR);
	bool done = pwrite(fd, "x", 1, (uintptr_t)addr) == 1;

	close(fd);
	return done;
}

/* Read the value of a setting that is chosen: the one in brackets. */
static bool read_choice(int fd, char *choice, size_t size)
{
	char text[128] = "";
	char *start, *end;

	if (read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	start = strchr(text, '[');
	end = strchr(text, ']');
	if (!start || end < start)
		return false;
	snprintf(choice, size, "%.*s", (int)(end - start - 1), start + 1);
	return true;
}

static void test_large_folio(void)
{
	const char *path = "/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled";
	const char *name = "large folio in a read-only mapping";
	char *mem = map(MTHP_SIZE, PROT_READ | PROT_WRITE);
	char *page = mem + MTHP_SIZE - pagesize;
	int fd = open(path, O_RDWR);
	char before[16];

	if (!read_choice(fd, before, sizeof(before)) || pwrite(fd, "always", 6, 0) != 6) {
		ksft_test_result_skip("%s: no folios of this size\n", name);
		return;
	}
	memset(mem, 1, MTHP_SIZE);
	clear_softdirty();
	madvise(mem, MTHP_SIZE, MADV_DONTNEED);
	mprotect(mem, MTHP_SIZE, PROT_READ);
	if (!poke(mem) || !pagemap_is_populated(pagemap_fd, page))
		ksft_test_result_skip("%s: no folio of this size\n", name);
	else
		ksft_test_result(is_softdirty(pagemap_fd, page), "%s\n", name);
	pwrite(fd, before, strlen(before), 0);
	close(fd);
}

/* A read-only long-term pin gives the process a page of its own. */
static void test_unshared(char *mem, const char *name)
{
	int fd = gup_test_open(name);

	if (fd < 0)
		return;
	(void)*(volatile char *)mem;
	clear_softdirty();
	pin(fd, mem, 0);
	ksft_test_result(is_softdirty(pagemap_fd, mem), "%s\n", name);
	unpin(fd);
}

static char *map_file(void)
{
	int fd = memfd_create("soft-dirty-paths", 0);
	char *mem;

	if (fd < 0 || ftruncate(fd, pagesize))
		ksft_exit_fail_perror("memfd_create");
	mem = mmap(NULL, pagesize, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (mem == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	close(fd);
	return mem;
}

static void hmm(int fd, unsigned long request, char *mem)
{
	char mirror[1 << 16];
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)mem,
		.ptr = (uintptr_t)mirror,
		.npages = 1,
	};

	if (ioctl(fd, request, &cmd))
		ksft_exit_fail_perror("hmm_dmirror");
}

/* A device may write to pages that it has. A read brings the page back. */
static void test_device_had(int fd)
{
	char *mem = map_small(pagesize);
	bool there;

	hmm(fd, HMM_DMIRROR_MIGRATE_TO_DEV, mem);
	clear_softdirty();
	there = is_softdirty(pagemap_fd, mem);
	(void)*(volatile char *)mem;
	ksft_test_result(there && is_softdirty(pagemap_fd, mem),
			 "page on a device, and back from it\n");
}

/* The device page fills a hole, so there was no entry to take the bit from. */
static void test_device_inserted(int fd)
{
	char *mem = map_small(pagesize);

	clear_softdirty();
	madvise(mem, pagesize, MADV_DONTNEED);
	mprotect(mem, pagesize, PROT_READ);
	hmm(fd, HMM_DMIRROR_MIGRATE_TO_DEV, mem);
	(void)*(volatile char *)mem;
	ksft_test_result(is_softdirty(pagemap_fd, mem),
			 "new page back from a device, in a read-only mapping\n");
}

static void test_device(void)
{
	int fd = open("/dev/hmm_dmirror0", O_RDWR);
	int i;

	if (fd < 0) {
		for (i = 0; i < 2; i++)
			ksft_test_result_skip("device pages: no test_hmm\n");
		return;
	}
	test_device_had(fd);
	test_device_inserted(fd);
	close(fd);
}

static long read_ksm(const char *name)
{
	char path[64], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/mm/ksm/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return atol(text);
}

static bool write_ksm(const char *name, long value)
{
	char path[64], text[32];
	bool done;
	int fd;

	snprintf(text, sizeof(text), "%ld", value);
	snprintf(path, sizeof(path), "/sys/kernel/mm/ksm/%s", name);
	fd = open(path, O_WRONLY);
	done = fd >= 0 && write(fd, text, strlen(text)) > 0;
	close(fd);
	return done;
}

static void test_ksm(void)
{
	const char *name = "merged page";
	long run = read_ksm("run"), sleep = read_ksm("sleep_millisecs"), scans;
	char *mem = map_small(2 * pagesize);
	int i;

	memset(mem, 0x5d, 2 * pagesize);
	clear_softdirty();
	memset(mem, 0x5d, 2 * pagesize);
	madvise(mem, 2 * pagesize, MADV_MERGEABLE);
	if (!write_ksm("sleep_millisecs", 0) || !write_ksm("run", 1)) {
		ksft_test_result_skip("%s: no KSM\n", name);
		return;
	}
	scans = read_ksm("full_scans") + 4;
	for (i = 0; i < 300 && read_ksm("full_scans") < scans; i++)
		usleep(100000);
	write_ksm("run", 0);
	if (pagemap_get_pfn(pagemap_fd, mem) !=
	    pagemap_get_pfn(pagemap_fd, mem + pagesize))
		ksft_test_result_skip("%s: not merged\n", name);
	else
		ksft_test_result(is_softdirty(pagemap_fd, mem) &&
				 is_softdirty(pagemap_fd, mem + pagesize),
				 "%s\n", name);
	madvise(mem, 2 * pagesize, MADV_UNMERGEABLE);
	write_ksm("sleep_millisecs", sleep);
	write_ksm("run", run);
}

static void test_split(void)
{
	const char *name = "unwritten pages of a split huge page";
	char *mem = map_huge();

	if (!mem) {
		ksft_test_result_skip("%s: no huge page\n", name);
		return;
	}
	clear_softdirty();
	mprotect(mem, pagesize, PROT_READ);
	ksft_test_result(!is_softdirty(pagemap_fd, mem + pmdsize / 2), "%s\n", name);
}

int main(void)
{
	ksft_print_header();
	if (!softdirty_supported())
		ksft_exit_skip("soft-dirty is not supported\n");
	if (geteuid())
		ksft_exit_skip("not run as root\n");
	pagemap_fd = open("/proc/self/pagemap", O_RDONLY);
	if (pagemap_fd < 0)
		ksft_exit_fail_perror("/proc/self/pagemap");
	pagesize = getpagesize();
	pmdsize = read_pmd_pagesize();
	if (!pmdsize)
		pmdsize = 512 * pagesize;

	ksft_set_plan(NR_TESTS);
	test_mremap(pmdsize, "moved page table");
	test_mremap(pmdsize * (pagesize / sizeof(uint64_t)), "moved PMD table");
	test_mremap_child();
	test_pinned(map_small(pagesize), PROT_READ, "pinned page, not writable now");
	test_pinned(map_huge(), PROT_READ | PROT_WRITE, "pinned huge page");
	test_migrating(map_small(64 * pagesize), pagesize, 64, "migrating pages");
	test_migrating(map_huge(), pmdsize, 1, "migrating huge page");
	test_migrated_huge();
	test_large_folio();
	test_unshared(map(pagesize, PROT_READ | PROT_WRITE), "unshared zero page");
	test_unshared(map_file(), "unshared page of a file");
	test_device();
	test_ksm();
	test_split();
	ksft_finished();
}
