// SPDX-License-Identifier: GPL-2.0
/*
 * The measurements: the cost of a listing, the cost of an acknowledgment to the
 * caller and later to the process, the delays that readers cause in a process, and
 * the cost of a whole program. Each starts the process of a scene, measures, and
 * prints the result.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static void begin_result(const struct scene *scene, const char *measured)
{
	printf(RESULT "{\"case\": \"%s\", \"measured\": \"%s\"", scene->name, measured);
}

/* Check that all contenders report the same number of pages. */
static bool counts_agree(const struct scene *scene, const struct subject *subject,
			 struct answer answers[NR_CONTENDERS])
{
	bool agree = true;
	size_t i;

	for (i = 0; i < NR_CONTENDERS; i++) {
		memset(&answers[i], 0, sizeof(answers[i]));
		if (i == PAGEMAP && scene->no_pagemap)
			continue;
		contenders[i].count(subject, &answers[i]);
		if (answers[i].pages == answers[DIRTY_PAGES].pages)
			continue;
		printf(RESULT "error: %s: %lu pages by dirty_pages, %lu by %s\n", scene->name,
		       answers[DIRTY_PAGES].pages, answers[i].pages, contenders[i].name);
		agree = false;
	}
	return agree;
}

/* Alternate between contenders, as the speed of the machine may change. */
static void ask_in_turn(const struct scene *scene, const struct subject *subject, int rounds,
			struct answer answers[NR_CONTENDERS], uint64_t best[NR_CONTENDERS])
{
	uint64_t start, cost;
	int round, i;

	memset(best, 0xff, NR_CONTENDERS * sizeof(*best));
	for (round = -1; round < rounds; round++) {
		for (i = 0; i < NR_CONTENDERS; i++) {
			if (i == PAGEMAP && scene->no_pagemap)
				continue;
			answers[i].calls = 0;
			start = now();
			contenders[i].ask(subject, &answers[i]);
			cost = now() - start;
			if (round >= 0 && cost < best[i])
				best[i] = cost;
		}
	}
}

static struct target prepare_target(const struct scene *scene)
{
	struct target target = start_target(scene);
	struct subject subject;

	if (scene->acknowledged) {
		open_subject(&subject, target.pid);
		acknowledge_all(&subject);
		close_subject(&subject);
	}
	if (scene->then)
		continue_target(&target);
	return target;
}

bool measure_listing(const struct scene *scene, int rounds)
{
	struct target target = prepare_target(scene);
	struct answer answers[NR_CONTENDERS];
	uint64_t best[NR_CONTENDERS];
	struct subject subject;
	bool agree;
	int i;

	rest_target(&target);
	open_subject(&subject, target.pid);
	agree = counts_agree(scene, &subject, answers);
	if (agree) {
		ask_in_turn(scene, &subject, rounds, answers, best);
		begin_result(scene, "listing");
		printf(", \"pages\": %lu, \"lines\": %lu", answers[DIRTY_PAGES].pages,
		       answers[DIRTY_PAGES].lines);
		for (i = 0; i < NR_CONTENDERS; i++)
			if (i != PAGEMAP || !scene->no_pagemap)
				printf(", \"%s\": {\"ticks\": %lu, \"calls\": %lu}",
				       contenders[i].name, best[i], answers[i].calls);
		printf("}\n");
	}
	close_subject(&subject);
	end_target(&target);
	return agree;
}

/* Return the least cost of a contender, after a change of the range if @change. */
static uint64_t least(const struct subject *subject, int contender, bool change, int rounds)
{
	uint64_t start, cost, best = UINT64_MAX;
	struct answer answer = {};
	int round;

	for (round = -1; round < rounds; round++) {
		start = now();
		if (change)
			set_range(subject, subject->start, subject->end);
		contenders[contender].ask(subject, &answer);
		cost = now() - start;
		if (round >= 0 && cost < best)
			best = cost;
	}
	return best;
}

/* Measure a listing of a range, then of the whole process. */
bool measure_range(const struct scene *scene, int rounds)
{
	struct target target = prepare_target(scene);
	struct answer whole = {}, range = {}, scanned = {};
	uint64_t range_ticks, scan_ticks;
	struct subject subject;

	rest_target(&target);
	open_subject(&subject, target.pid);
	contenders[DIRTY_PAGES].count(&subject, &whole);
	subject.start = scene->range;
	subject.end = scene->range + RANGE_SIZE;
	set_range(&subject, subject.start, subject.end);
	contenders[DIRTY_PAGES].count(&subject, &range);
	contenders[PAGEMAP_SCAN_].count(&subject, &scanned);
	if (range.pages != RANGE_SIZE / PAGE || scanned.pages != range.pages) {
		printf(RESULT "error: %s: %lu pages by dirty_pages, %lu by PAGEMAP_SCAN\n",
		       scene->name, range.pages, scanned.pages);
		return false;
	}
	range_ticks = least(&subject, DIRTY_PAGES, true, rounds);
	scan_ticks = least(&subject, PAGEMAP_SCAN_, false, rounds);
	set_range(&subject, 0, -PAGE);
	begin_result(scene, "range");
	printf(", \"pages\": %lu, \"range\": %lu, \"PAGEMAP_SCAN\": %lu, \"whole\": %lu}\n",
	       whole.pages, range_ticks, scan_ticks,
	       least(&subject, DIRTY_PAGES, false, rounds));
	close_subject(&subject);
	end_target(&target);
	return true;
}

/* Run the self-check. Returns the pages that differ, -1 if the kernel has none. */
static long self_check(pid_t pid)
{
	static const char file[] = "/sys/kernel/debug/dirty_pages/verify";
	unsigned long checked, differ;
	char text[4096];
	ssize_t n;
	int fd;

	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -1;
	n = snprintf(text, sizeof(text), "%d", pid);
	if (fd < 0 || write(fd, text, n) != n)
		die(file);
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	if (sscanf(text, "checked %lu differ %lu", &checked, &differ) != 2)
		die(file);
	return differ;
}

/*
 * Measure nothing: check that all contenders agree and that the self-check finds
 * no difference, and report whether pages can be acknowledged.
 */
bool check_listing(const struct scene *scene, int rounds)
{
	struct target target = prepare_target(scene);
	struct answer answers[NR_CONTENDERS];
	struct subject subject;
	bool agree, tracked;
	long differ;

	(void)rounds;
	rest_target(&target);
	open_subject(&subject, target.pid);
	agree = counts_agree(scene, &subject, answers);
	differ = self_check(target.pid);
	tracked = try_to_acknowledge(&subject);
	begin_result(scene, "check");
	printf(", \"pages\": %lu, \"lines\": %lu, \"differ\": %ld, \"tracked\": %s}\n",
	       answers[DIRTY_PAGES].pages, answers[DIRTY_PAGES].lines, differ,
	       tracked ? "true" : "false");
	close_subject(&subject);
	end_target(&target);
	return agree && differ <= 0;
}

static void clear_all(const struct subject *subject)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", subject->pid);
	put_file(path, "4");
}

static void leave_alone(const struct subject *subject)
{
	(void)subject;
}

/* Measure each way to clear d, and the write to all pages that follows. */
bool measure_acknowledging(const struct scene *scene, int rounds)
{
	static const struct {
		const char *name;
		void (*clear)(const struct subject *subject);
	} ways[] = {
		{ "acknowledge", acknowledge_all },
		{ "clear_refs", clear_all },
		{ "nothing", leave_alone },
	};
	struct target target = prepare_target(scene);
	uint64_t clear[3], write[3], start, cost;
	struct subject subject;
	int round, i;

	memset(clear, 0xff, sizeof(clear));
	memset(write, 0xff, sizeof(write));
	open_subject(&subject, target.pid);
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < 3; i++) {
			start = now();
			ways[i].clear(&subject);
			cost = now() - start;
			if (cost < clear[i])
				clear[i] = cost;
			start = now();
			continue_target(&target);
			cost = now() - start;
			if (cost < write[i])
				write[i] = cost;
		}
	}
	begin_result(scene, "acknowledging");
	printf(", \"pages\": %lu", scene->size / PAGE);
	for (i = 0; i < 3; i++)
		printf(", \"%s\": {\"ticks\": %lu, \"write_after\": %lu}", ways[i].name,
		       clear[i], write[i]);
	printf("}\n");
	close_subject(&subject);
	end_target(&target);
	return true;
}

static int compare_ticks(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Start a process that reads until it is killed, or none for NR_CONTENDERS. */
static pid_t start_reader(const struct subject *subject, int contender)
{
	struct answer answer = {};
	pid_t pid;

	if (contender == NR_CONTENDERS)
		return 0;
	pid = fork();
	if (pid < 0)
		die("fork");
	while (!pid)
		contenders[contender].ask(subject, &answer);
	return pid;
}

/*
 * Measure the duration of single steps of the target while each contender reads.
 * The target continues after each start of a reader, and returns the ticks of its
 * steps.
 */
bool measure_company(const struct scene *scene, int rounds)
{
	static uint64_t steps[NR_CONTENDERS + 1][64 * COMPANY_STEPS];
	struct target target = start_target(scene);
	struct subject subject;
	int round, i;
	pid_t reader;

	if (rounds > 64)
		rounds = 64;
	open_subject(&subject, target.pid);
	for (round = 0; round < rounds; round++) {
		for (i = 0; i <= NR_CONTENDERS; i++) {
			reader = start_reader(&subject, i);
			read_steps(&target, steps[i] + round * COMPANY_STEPS);
			if (reader) {
				kill(reader, SIGKILL);
				waitpid(reader, NULL, 0);
			}
		}
	}
	begin_result(scene, "company");
	for (i = 0; i <= NR_CONTENDERS; i++) {
		size_t n = (size_t)rounds * COMPANY_STEPS;

		qsort(steps[i], n, sizeof(uint64_t), compare_ticks);
		printf(", \"%s\": {\"median\": %lu, \"p99\": %lu, \"max\": %lu}",
		       i < NR_CONTENDERS ? contenders[i].name : "nobody", steps[i][n / 2],
		       steps[i][n * 99 / 100], steps[i][n - 1]);
	}
	printf("}\n");
	close_subject(&subject);
	end_target(&target);
	return true;
}

static uint64_t microseconds(struct timeval t)
{
	return t.tv_sec * 1000000ULL + t.tv_usec;
}

/* Run a program @times times, and discard its output. */
static bool run_program(char *const argv[], int times, uint64_t *best, struct rusage *usage)
{
	struct rusage one;
	uint64_t start;
	int status;
	pid_t pid;

	memset(usage, 0, sizeof(*usage));
	*best = UINT64_MAX;
	while (times--) {
		start = now();
		pid = vfork();
		if (!pid) {
			if (dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO) >= 0)
				execv(argv[0], argv);
			_exit(127);
		}
		if (pid < 0 || wait4(pid, &status, 0, &one) != pid)
			die(argv[0]);
		if (now() - start < *best)
			*best = now() - start;
		if (status) {
			printf(RESULT "error: %s %s has failed\n", argv[0], argv[1]);
			return false;
		}
		timeradd(&usage->ru_utime, &one.ru_utime, &usage->ru_utime);
		timeradd(&usage->ru_stime, &one.ru_stime, &usage->ru_stime);
	}
	return true;
}

/* Measure whole programs, from exec to exit. */
bool measure_programs(const struct scene *scene, int rounds)
{
	struct target target = prepare_target(scene);
	char pid[16], rollup[64];
	const struct {
		const char *name;
		char *const argv[5];
	} programs[] = {
		{ "dirtycat --summary=only", { "/dirtycat", "--summary=only", pid } },
		{ "cat smaps_rollup", { "/init", "--cat", rollup } },
		{ "sum of PAGEMAP_SCAN", { "/init", "--scan", pid } },
		{ "dirtycat --version", { "/dirtycat", "--version" } },
	};
	int times = 20 * rounds;
	struct rusage usage;
	uint64_t best;
	bool ok = true;
	size_t i;

	snprintf(pid, sizeof(pid), "%d", target.pid);
	snprintf(rollup, sizeof(rollup), "/proc/%d/smaps_rollup", target.pid);
	for (i = 0; ok && i < sizeof(programs) / sizeof(*programs); i++) {
		ok = run_program(programs[i].argv, times, &best, &usage);
		begin_result(scene, "program");
		printf(", \"program\": \"%s\", \"ticks\": %lu", programs[i].name, best);
		printf(", \"user_us\": %lu, \"system_us\": %lu}\n",
		       microseconds(usage.ru_utime) / times,
		       microseconds(usage.ru_stime) / times);
	}
	end_target(&target);
	return ok;
}
