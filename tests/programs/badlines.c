// SPDX-License-Identifier: GPL-2.0
/*
 * badlines SEED COUNT - write COUNT lines, most of them damaged, to a child's file
 *
 * A regular expression describes a valid line. From it follow the result of each
 * write() to dirty_pages and the state of the child's pages; check both. Lines
 * are written in groups, split over write() calls at any byte. The seed
 * determines everything.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PAGE 4096ul
#define PAGES 64ul
#define LINE_MAX_BYTES 128

static uint64_t state;
static uint64_t task_size;	/* the end of user addresses */
static regex_t grammar;
static char *area;		/* at the same address in the child */
static bool written[PAGES];	/* the child's pages that should be d */
static char path[64];

static uint64_t rnd(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state * 0x2545f4914f6cdd1dull >> 16) % below;
}

static uint64_t find_task_size(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	bool five_levels = false;
	char line[8192];

	while (f && fgets(line, sizeof(line), f))
		five_levels = five_levels || strstr(line, " la57");
	if (f)
		fclose(f);
	return (1ull << (five_levels ? 56 : 47)) - PAGE;
}

/* The state that the kernel should keep for an open file */
struct seen {
	char line[LINE_MAX_BYTES + 2];
	size_t kept;
	bool broken;
};

/* Apply a whole line, without its newline. Return false if it must be refused. */
static bool reference_line(const char *line, size_t len)
{
	regmatch_t all[4] = { { 0, len } };
	uint64_t start, end, at;

	if (len > LINE_MAX_BYTES || memchr(line, '\0', len) ||
	    regexec(&grammar, line, 4, all, REG_STARTEND))
		return false;
	start = strtoull(line + all[1].rm_so, NULL, 16);
	end = strtoull(line + all[2].rm_so, NULL, 16);
	if (start % PAGE || end % PAGE || start >= end || end > task_size)
		return false;
	if (all[3].rm_so != -1 &&
	    !memchr(line + all[3].rm_so, 'd', all[3].rm_eo - all[3].rm_so))
		return true;
	for (size_t i = 0; i < PAGES; i++) {
		at = (uintptr_t)area + i * PAGE;
		if (at >= start && at < end)
			written[i] = false;
	}
	return true;
}

/* Return the result that write() should have: a number of bytes, or -EINVAL. */
static ssize_t reference_write(struct seen *s, const char *text, size_t len)
{
	size_t done = 0, part, room;
	const char *newline;

	if (s->broken)
		return -EINVAL;
	while (done < len) {
		newline = memchr(text + done, '\n', len - done);
		part = (newline ? newline : text + len) - (text + done);
		room = sizeof(s->line) - 1 - s->kept;
		memcpy(s->line + s->kept, text + done, part < room ? part : room);
		s->kept += part;
		s->line[s->kept <= LINE_MAX_BYTES ? s->kept : 0] = '\0';
		if (s->kept > LINE_MAX_BYTES ||
		    (newline && !reference_line(s->line, s->kept))) {
			s->broken = true;
			s->kept = 0;
			return done ? (ssize_t)done : -EINVAL;
		}
		if (!newline)
			break;
		s->kept = 0;
		done += part + 1;
	}
	return len;
}

static size_t good_line(char *line)
{
	static const char *const flags[] = {
		"", " apdx---", " fpdxh--", " asd----", " ap-x---", " d", " -", " apdx---d-zz",
	};
	uint64_t first = rnd(PAGES + 8), count = 1 + rnd(4);
	uint64_t start = (uintptr_t)area + (first - 4) * PAGE;
	const char *format = rnd(8) ? "%08" PRIx64 "-%08" PRIx64 "%s" :
				      "%016" PRIX64 "-%" PRIX64 "%s";

	return sprintf(line, format, start, start + count * PAGE,
		       flags[rnd(sizeof(flags) / sizeof(flags[0]))]);
}

static size_t damage(char *line, size_t len)
{
	static const char likely[] = " -0123456789abcdefABCDEFdgx\t\r\0+.,/zZ_";
	size_t at = rnd(len + 1), n;
	char c = rnd(4) ? likely[rnd(sizeof(likely) - 1)] : (char)rnd(256);

	if (c == '\n')
		c = 'n';
	switch (rnd(6)) {
	case 0:	/* replace a character */
		line[at] = c;
		return at == len ? len + 1 : len;
	case 1:	/* insert one */
		memmove(line + at + 1, line + at, len - at);
		line[at] = c;
		return len + 1;
	case 2:	/* remove one */
		n = at < len ? 1 : 0;
		memmove(line + at, line + at + n, len - at - n);
		return len - n;
	case 3:	/* truncate */
		return at;
	case 4:	/* repeat a part */
		n = rnd(len - at + 1);
		memmove(line + at + n, line + at, len - at);
		return len + n;
	default: /* append many */
		n = rnd(140);
		memset(line + len, c, n);
		return len + n;
	}
}

/* Check that the listing shows d for the expected pages of the child. */
static void compare(int fd, uint64_t done)
{
	static char text[65536];
	bool listed[PAGES] = { false };
	ssize_t n, len = 0;
	char *line;

	if (lseek(fd, 0, SEEK_SET) == -1)
		err(2, "lseek");
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	if (n < 0)
		err(2, "read");
	text[len] = '\0';
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *dash, *rest;
		uint64_t start = strtoull(line, &dash, 16);
		uint64_t end = strtoull(dash + 1, &rest, 16);

		for (size_t i = 0; i < PAGES; i++) {
			uint64_t at = (uintptr_t)area + i * PAGE;

			if (at >= start && at < end && strchr(rest, 'd'))
				listed[i] = true;
		}
	}
	for (size_t i = 0; i < PAGES; i++) {
		if (listed[i] != written[i])
			errx(1, "after %" PRIu64 " lines page %zu is%s d", done, i,
			     listed[i] ? "" : " not");
	}
}

/* Open the file and write a group of lines. Return the number of lines. */
static uint64_t trial(void)
{
	static char text[16 * 1024];
	size_t len = 0, at, part, line, n = 1 + rnd(4);
	struct seen seen = { .kept = 0 };
	ssize_t want, got;
	int fd = open(path, O_WRONLY);

	if (fd == -1)
		err(2, "%s", path);
	for (size_t i = 0; i < n; i++) {
		line = good_line(text + len);
		for (uint64_t harm = rnd(3); harm; harm--)
			line = damage(text + len, line);
		len += line;
		text[len++] = '\n';
	}
	if (!rnd(4))
		len--;	/* leave the last line unfinished */
	for (at = 0; at < len; at += part) {
		part = rnd(2) ? len - at : 1 + rnd(len - at);
		want = reference_write(&seen, text + at, part);
		got = write(fd, text + at, part);
		if (got == -1)
			got = -errno;
		if (got != want)
			errx(1, "write of %zu bytes: %zd, not %zd: %.*s", part, got, want,
			     (int)len, text);
		if (want < 0)
			break;
	}
	want = seen.kept ? -EINVAL : 0;
	got = close(fd) == -1 ? -errno : 0;
	if (got != want)
		errx(1, "close: %zd, not %zd: %.*s", got, want, (int)len, text);
	return n;
}

int main(int argc, char **argv)
{
	uint64_t count, done = 0, checked = 0;
	int mem, file;
	pid_t pid;

	if (argc != 3)
		errx(2, "usage: badlines SEED COUNT");
	state = strtoull(argv[1], NULL, 0) * 2 + 1;
	count = strtoull(argv[2], NULL, 0);
	task_size = find_task_size();
	if (regcomp(&grammar, "^([0-9a-fA-F]{1,16})-([0-9a-fA-F]{1,16})( [a-z-]+)?$",
		    REG_EXTENDED))
		errx(2, "regcomp");

	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDWR);
	snprintf(path, sizeof(path), "/proc/%d/dirty_pages", pid);
	file = open(path, O_RDWR);
	if (mem == -1 || file == -1)
		err(2, "%s", path);

	while (done < count) {
		for (uint64_t i = rnd(8); i; i--) {
			size_t p = rnd(PAGES);

			if (pwrite(mem, &p, 1, (uintptr_t)area + p * PAGE) != 1)
				err(2, "pwrite");
			written[p] = true;
		}
		for (uint64_t i = rnd(20); i; i--)
			done += trial();
		compare(file, done);
		checked++;
	}
	kill(pid, SIGKILL);
	printf("seed %s: %" PRIu64 " lines, pages compared %" PRIu64 " times\n", argv[1],
	       done, checked);
	return 0;
}
