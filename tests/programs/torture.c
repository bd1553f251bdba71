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
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "torture.h"

struct control *control;
uint64_t seed;

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
