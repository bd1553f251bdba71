// SPDX-License-Identifier: GPL-2.0
/*
 * fuzzfile SEED SECONDS [SEQUENCE] - random system calls on dirty_pages files
 *
 * A sequence opens files of targets and makes every kind of call on the
 * descriptors, partly from threads that share one. Meanwhile the targets stop,
 * exec and die, and others get their pids. Each call may fail only with the errors
 * in the table of fuzzfile-calls.c. All output must be lines in ascending order.
 * After each sequence the targets' memory has the right contents and a page that
 * they write is "d"; at the end debugfs verify finds no difference.
 *
 * Sequence N of a seed is always the same, except for the timing of threads and
 * signals. A failure shows the seed, the sequence and its calls; with SEQUENCE
 * only that sequence runs, again and again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "fuzzfile.h"

struct file files[FILES];
struct thread threads[1 + THREADS];
static uint64_t seed, sequence;

uint64_t rnd(struct thread *t, uint64_t below)
{
	t->state ^= t->state << 13;
	t->state ^= t->state >> 7;
	t->state ^= t->state << 17;
	return (t->state * 0x2545f4914f6cdd1dull >> 20) % below;
}

/* ---- log and failures ---- */

static char log_lines[1024][80];
static unsigned int log_next;

void say(const char *format, ...)
{
	unsigned int i = __atomic_fetch_add(&log_next, 1, __ATOMIC_RELAXED) % 1024;
	va_list args;

	va_start(args, format);
	vsnprintf(log_lines[i], sizeof(log_lines[i]), format, args);
	va_end(args);
}

void fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "seed %" PRIu64 ", sequence %" PRIu64 ":\n", seed, sequence);
	for (unsigned int i = log_next > 1024 ? log_next - 1024 : 0; i < log_next; i++)
		fprintf(stderr, "  %s\n", log_lines[i % 1024]);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	_exit(1);
}

void must(bool ok, const char *what)
{
	if (!ok)
		fail("%s: %s", what, strerror(errno));
}

/* timeout(1) sends it. */
static void out_of_time(int sig)
{
	fail("a call takes too long: signal %d", sig);
}

static void tick(int sig)
{
	(void)sig;
}

/* ---- text ---- */

static const char *check_address(const char *p, const char *text, uint64_t *addr)
{
	const char *start = p;

	for (*addr = 0; (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'); p++)
		*addr = *addr << 4 | (*p <= '9' ? *p - '0' : *p - 'a' + 10);
	if (p - start < 8 || p - start > 16 || *addr % PAGE)
		fail("no address: %.60s", text);
	return p;
}

/* Unless @from_start, the text may begin within a line. It may always end within one. */
void check_text(const char *text, size_t len, bool from_start)
{
	static const char *const letters[] = { "af", "pse", "d-", "x-", "h-", "k-", "l-" };
	const char *newline = from_start ? text - 1 : memchr(text, '\n', len);
	const char *line, *p, *stop = text + len;
	uint64_t start, end, last = 0;

	while (newline) {
		line = newline + 1;
		newline = memchr(line, '\n', stop - line);
		if (!newline)
			break;
		p = check_address(line, line, &start);
		if (*p++ != '-')
			fail("no range: %.60s", line);
		p = check_address(p, line, &end);
		if (*p++ != ' ' || newline - p != 7 || start >= end)
			fail("no line: %.60s", line);
		for (int i = 0; i < 7; i++) {
			if (!strchr(letters[i], p[i]))
				fail("no flag: %.60s", line);
		}
		if (start < last)
			fail("below the line before it: %.60s", line);
		last = end;
	}
}

bool is_stale(const struct description *d)
{
	return d->target && d->generation != d->target->generation;
}

static bool is_alive(const struct description *d)
{
	return d->target && !is_stale(d) &&
	       (d->target->state == RUNNING || d->target->state == STOPPED);
}

void will_be_read(struct description *d)
{
	d->was_read |= !is_stale(d);
}

/* A file that was not read before its address space went away is empty. */
long check_read(struct file *f, const char *text, long n)
{
	if (n > 0)
		check_text(text, n, false);
	if (n > 0 && !f->d->was_read && is_stale(f->d))
		fail("%ld bytes of another address space: %.*s", n, (int)n, text);
	will_be_read(f->d);
	return n;
}

size_t list(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n;

	must(fd != -1, path);
	while ((n = read(fd, text + len, TEXT - 1 - len < size ? TEXT - 1 - len : size)) > 0)
		len += n;
	must(n == 0, path);
	close(fd);
	text[len] = '\0';
	check_text(text, len, true);
	if (len && text[len - 1] != '\n')
		fail("%s: the last line has no end", path);
	return len;
}

size_t make_text(struct thread *t)
{
	static const char *const flags[] = {
		" apdx---\n", "\n", " d\n", " ap-x---\n", " fpd----\n",
	};
	static const char *const bad[] = { "\n", "0-\n", "x\n", "1000-2000 D\n", "2000-1000\n" };
	size_t len = 0, first;

	if (!rnd(t, 8))
		return sprintf(t->text, "1000-7fffffffe000 d\n");
	for (uint64_t n = rnd(t, 8) ? 1 + rnd(t, 20) : 5000; n; n--) {
		first = rnd(t, AREA_PAGES);
		len += sprintf(t->text + len, "%zx-%zx%s", (size_t)AREA + first * PAGE,
			       (size_t)AREA + (first + 1 + rnd(t, 40)) * PAGE, PICK(t, flags));
	}
	switch (rnd(t, 8)) {
	case 0:
		return len + sprintf(t->text + len, "%s", PICK(t, bad));
	case 1:
		t->text[rnd(t, len)] ^= 1 << rnd(t, 8);
		return len;
	case 2:
		return len - rnd(t, 30);	/* unfinished; the next write may finish it */
	case 3:
		memset(t->text, 'a', BUFFER);
		return BUFFER;
	default:
		return len;
	}
}

/* ---- sequences ---- */

static void set_timer(long us)
{
	struct itimerval timer = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void check_targets(struct thread *t)
{
	static char listing[TEXT];
	char path[64];

	for (int i = 0; i < TARGETS; i++) {
		struct target *g = &targets[i];

		resume_target(g);
		if (g->state != RUNNING) {
			reap_target(g);
			start_target(g, rnd(t, 2) ? g->pid : 0);
		}
		check_memory(g);
		check_write_shows(t, g);
		snprintf(path, sizeof(path), "/proc/%d/dirty_pages", g->pid);
		/* Targets share these pages by fork; a write between the listings would add x. */
		memset(listing, 0, TEXT);
		memset(t->text, 0, TEXT);
		list(path, listing, 100 + rnd(t, 4000));
		list(path, t->text, TEXT);
		if (strcmp(listing, t->text))
			fail("the listing depends on the reader:\n%s\n%s", listing, t->text);
	}
}

/* A read from offset 0 starts with the first line, after any other calls. */
static void check_start(struct thread *t, struct file *f)
{
	ssize_t n;

	if (!is_alive(f->d) || (f->mode != O_RDONLY && f->mode != O_RDWR))
		return;
	n = pread(f->fd, t->buffer, BUFFER, 0);
	if (n <= 0)
		fail("fd %d shows nothing from the start: %zd", f->fd, n);
	check_text(t->buffer, n, true);
}

static void run_sequence(uint64_t number)
{
	struct thread *t = &threads[0];

	sequence = number;
	log_next = 0;
	t->state = seed * 1000003 + number * 7919 + 1;
	rnd(t, 1);
	/* The signals interrupt calls, which are restarted (SA_RESTART). */
	set_timer(rnd(t, 4) ? 0 : 500 + rnd(t, 5000));
	for (int i = 0; i < 2; i++)
		make_call(t, &files[0], "open");
	for (uint64_t n = 5 + rnd(t, 40); n; n--) {
		struct file *f = &files[rnd(t, FILES)];

		if (f->fd == -1)
			make_call(t, f, "open");
		else
			make_any_call(t, f);
	}
	for (int i = 0; i < FILES; i++) {
		if (files[i].fd == -1)
			continue;
		check_start(t, &files[i]);
		make_call(t, &files[i], "close");
	}
	set_timer(0);
	check_targets(t);
}

static void set_up_thread(struct thread *t)
{
	t->buffer = mmap(NULL, BUFFER + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	must(t->buffer != MAP_FAILED && !mprotect(t->buffer + BUFFER, PAGE, PROT_NONE), "mmap");
	t->text = malloc(TEXT);
	t->memfd = memfd_create("fuzzfile", 0);
	must(t->text && t->memfd != -1 && !pipe2(t->pipe, O_NONBLOCK), "pipe2");
}

int main(int argc, char **argv)
{
	struct sigaction restart = { .sa_handler = tick, .sa_flags = SA_RESTART };
	uint64_t number = 0;
	time_t stop;

	if (argc == 3 && !strcmp(argv[1], "target")) {
		lay_out();
		be_target(atoi(argv[2]));
	}
	if (argc < 3) {
		fprintf(stderr, "usage: fuzzfile SEED SECONDS [SEQUENCE]\n");
		return 2;
	}
	seed = strtoull(argv[1], NULL, 0);
	stop = time(NULL) + atol(argv[2]);
	signal(SIGTERM, out_of_time);
	sigaction(SIGALRM, &restart, NULL);
	setvbuf(stdout, NULL, _IONBF, 0);
	lay_out();
	set_up_uring();
	for (int i = 0; i < 1 + THREADS; i++)
		set_up_thread(&threads[i]);
	for (int i = 0; i < FILES; i++)
		files[i].fd = -1;
	for (int i = 0; i < TARGETS; i++)
		start_target(&targets[i], 0);
	while (time(NULL) < stop)
		run_sequence(argc > 3 ? strtoull(argv[3], NULL, 0) : number++);
	for (int i = 0; i < TARGETS; i++) {
		check_verify(&targets[i]);
		reap_target(&targets[i]);
	}
	printf("seed %" PRIu64 ": %" PRIu64 " sequences, %" PRIu64 " calls, %" PRIu64
	       " bytes read, %" PRIu64 " written\n", seed, number, total, bytes_read,
	       bytes_written);
	return 0;
}
