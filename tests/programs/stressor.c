// SPDX-License-Identifier: GPL-2.0
/*
 * stressor SECONDS SEED GROUP SWAP - put every kind of load on dirty_pages at once
 *
 * Readers, acknowledgers and verifiers use random processes, among them targets
 * that change their memory and are killed at random, and victims that exceed the
 * limit of memory cgroup GROUP and are killed for it. Meanwhile other workers
 * remove and add swap device SWAP, compact memory, move processes to other nodes
 * and change the settings of KSM and huge pages.
 *
 * It fails on an undocumented error, a malformed listing, a page that verify
 * reports as different, workers that are stuck, or a load that did nothing: a
 * worker, swap, migration, huge pages, KSM or the OOM killer. The seed determines
 * the choices of each worker, but not their interleaving.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mman.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define PAGES 1024		/* of a target */
#define MAX_TARGETS 8
#define MAX_ERRNO 134
#define STALL 120		/* seconds without progress until workers are stuck */

enum figure {
	LISTINGS, CUT, LINES, BYTES, ACKNOWLEDGED, ACK_BYTES, HALF, VERIFIED, PAGES_CHECKED,
	DIFFER, SKIPPED, KILLS, OOM_KILLS, SWAPOFFS, COMPACTIONS, NODE_MOVES, KSM_CHANGES,
	THP_CHANGES, FIGURES
};

/* A figure that is needed must not be 0 at the end. */
static const struct {
	const char *name;
	bool needed;
} figures[FIGURES] = {
	[LISTINGS]	= { "listings", true },
	[CUT]		= { "listings cut short by an exit", false },
	[LINES]		= { "lines", true },
	[BYTES]		= { "bytes", true },
	[ACKNOWLEDGED]	= { "acknowledgements", true },
	[ACK_BYTES]	= { "bytes acknowledged", true },
	[HALF]		= { "lines left unfinished", true },
	[VERIFIED]	= { "processes verified", true },
	[PAGES_CHECKED]	= { "pages verified", true },
	[DIFFER]	= { "pages that differ", false },
	[SKIPPED]	= { "pages skipped", false },
	[KILLS]		= { "targets killed", true },
	[OOM_KILLS]	= { "killed by the OOM killer", true },
	[SWAPOFFS]	= { "swapoff and swapon", true },
	[COMPACTIONS]	= { "compactions", true },
	[NODE_MOVES]	= { "processes moved to the other memory node", true },
	[KSM_CHANGES]	= { "changes of KSM", true },
	[THP_CHANGES]	= { "changes of huge pages", true },
};

/* Counters of the kernel; one that is needed must grow. */
static const struct {
	const char *name;
	bool needed;
} counters[] = {
	{ "pswpout", true },
	{ "pswpin", false },
	{ "pgmigrate_success", true },
	{ "thp_fault_alloc", true },
	{ "thp_collapse_alloc", false },	/* khugepaged may be slow */
	{ "thp_split_pmd", true },
	{ "cow_ksm", true },
	{ "oom_kill", true },
};

#define COUNTERS (sizeof(counters) / sizeof(counters[0]))

/* Shared by all workers */
static struct {
	uint64_t figures[FIGURES];
	uint64_t errors[MAX_ERRNO];
	pid_t targets[MAX_TARGETS];
} *shared;

static uint64_t state;		/* of the random numbers of this worker */
static time_t deadline;
static pid_t first_pid;		/* kernel threads are older */
static const char *group, *swap;

static uint64_t rnd(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state * 0x2545f4914f6cdd1dull >> 20) % below;
}

static void count(enum figure figure, uint64_t n)
{
	__atomic_fetch_add(&shared->figures[figure], n, __ATOMIC_RELAXED);
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static bool in_time(void)
{
	return now() < deadline;
}

/* Count an allowed error; end the worker on any other. */
static void expect(pid_t pid, const char *what, const int *allowed)
{
	int error = errno;

	if (error < MAX_ERRNO)
		__atomic_fetch_add(&shared->errors[error], 1, __ATOMIC_RELAXED);
	for (; *allowed; allowed++)
		if (*allowed == error)
			return;
	errno = error;
	err(1, "process %d: %s", pid, what);
}

static const int open_errors[] = { ENOENT, ESRCH, ENOMEM, 0 };
static const int io_errors[] = { ESRCH, 0 };
static const int verify_errors[] = { ESRCH, ENOMEM, 0 };

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd != -1 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd != -1)
		close(fd);
	return ok;
}

static void must_put(const char *path, const char *text)
{
	if (!put(path, text))
		err(1, "%s", path);
}

/* ---- random processes ---- */

/* Choose a running process; rarely, also from kernel threads. */
static pid_t random_process(void)
{
	bool any = !rnd(16);
	struct dirent *e;
	pid_t pid, chosen = 1;
	unsigned int n = 0;
	DIR *dir;

	if (rnd(2)) {
		chosen = __atomic_load_n(&shared->targets[rnd(MAX_TARGETS)], __ATOMIC_RELAXED);
		if (chosen)
			return chosen;
	}
	dir = opendir("/proc");
	while (dir && (e = readdir(dir))) {
		pid = atoi(e->d_name);
		if (pid && (any || pid >= first_pid) && !rnd(++n))
			chosen = pid;
	}
	if (dir)
		closedir(dir);
	return chosen;
}

static int open_random(int flags, pid_t *pid)
{
	char path[64];
	int fd;

	*pid = random_process();
	snprintf(path, sizeof(path), "/proc/%d/dirty_pages", *pid);
	fd = open(path, flags | O_CLOEXEC);
	if (fd == -1)
		expect(*pid, "open", open_errors);
	return fd;
}

/* ---- listings ---- */

static char *text;		/* the listing just read */
static size_t text_len, text_room;

static bool is_address(const char **p, uint64_t *addr)
{
	size_t len = strspn(*p, "0123456789abcdef");

	*addr = strtoull(*p, NULL, 16);
	if (len < 8 || len > 16 || *addr % PAGE)
		return false;
	*p += len;
	return true;
}

static bool are_flags(const char *p)
{
	static const char * const letters[] = { "af", "pse", "d-", "x-", "h-", "k-", "l-" };

	for (int i = 0; i < 7; i++)
		if (!p[i] || !strchr(letters[i], p[i]))
			return false;
	return p[7] == '\n';
}

/* Check that all lines are valid and ascend. Only a cut listing may end within a line. */
static void check_listing(pid_t pid, bool cut)
{
	const char *line, *p, *newline;
	uint64_t start, end, last = 0;

	for (line = text; line < text + text_len; line = newline + 1) {
		newline = memchr(line, '\n', text + text_len - line);
		if (!newline && cut)
			break;
		p = line;
		if (!newline || !is_address(&p, &start) || *p++ != '-' ||
		    !is_address(&p, &end) || *p++ != ' ' || !are_flags(p))
			errx(1, "process %d: malformed line: %.60s", pid, line);
		if (start < last || end <= start)
			errx(1, "process %d: line not in ascending order: %.60s", pid, line);
		last = end;
		count(LINES, 1);
	}
}

/*
 * Read from the start into @text, in pieces of @size bytes, or of random sizes if
 * that is 0. Sometimes stop before the end. Return false if a read failed.
 */
static bool list(int fd, pid_t pid, size_t size)
{
	size_t limit = rnd(4) ? SIZE_MAX : 1 + rnd(100000);
	bool cut = true;
	ssize_t got;

	text_len = 0;
	do {
		size_t want = size ? size : 1 + rnd(rnd(2) ? 200 : 200000);

		if (text_len + want + 1 > text_room) {
			text_room = 2 * (text_len + want + 1);
			text = realloc(text, text_room);
			if (!text)
				err(1, "realloc");
		}
		if (rnd(8)) {
			got = read(fd, text + text_len, want);
		} else {
			/* pread() continues as well, but leaves the position unchanged. */
			got = pread(fd, text + text_len, want, text_len);
			if (got > 0)
				lseek(fd, text_len + got, SEEK_SET);
		}
		if (got > 0)
			text_len += got;
	} while (got > 0 && text_len < limit && in_time());
	text[text_len] = '\0';

	if (!got)
		cut = false;
	else if (got == -1)
		expect(pid, "read", io_errors);
	check_listing(pid, cut);
	count(got == -1 ? CUT : LISTINGS, 1);
	count(BYTES, text_len);
	return got != -1;
}

static void work_reader(void)
{
	static const size_t sizes[] = { 1, 7, 42, 4096, 65536, 1 << 20, 0, 0, 0, 0 };
	pid_t pid;
	int fd;

	while (in_time()) {
		fd = open_random(O_RDONLY, &pid);
		if (fd == -1)
			continue;
		while (list(fd, pid, sizes[rnd(sizeof(sizes) / sizeof(sizes[0]))]) && !rnd(3))
			lseek(fd, 0, SEEK_SET);
		close(fd);
	}
}

/* Write back the listing or a part of it, in pieces of random sizes. */
static void acknowledge(int fd, pid_t pid)
{
	size_t len = rnd(2) ? text_len : rnd(text_len + 1);
	size_t at = 0;

	while (at < len) {
		size_t want = rnd(2) ? len - at : 1 + rnd(len - at);
		ssize_t got = write(fd, text + at, want);

		if (got == -1) {
			expect(pid, "write", io_errors);
			return;
		}
		at += got;
		count(ACK_BYTES, got);
	}
	count(ACKNOWLEDGED, 1);
}

static void work_acknowledger(void)
{
	pid_t pid;
	int fd;

	while (in_time()) {
		fd = open_random(O_RDWR, &pid);
		if (fd == -1)
			continue;
		if (list(fd, pid, 0))
			acknowledge(fd, pid);
		if (!close(fd))
			continue;
		if (errno != EINVAL)
			err(1, "process %d: close", pid);
		count(HALF, 1);
	}
}

static void work_verifier(void)
{
	uint64_t checked, differ, skipped;
	char answer[4096];
	ssize_t len;
	pid_t pid;
	int fd;

	while (in_time()) {
		fd = open("/sys/kernel/debug/dirty_pages/verify", O_RDWR);
		if (fd == -1) {
			expect(0, "verify", verify_errors);
			continue;
		}
		pid = random_process();
		if (dprintf(fd, "%d", pid) < 0) {
			expect(pid, "verify", verify_errors);
			close(fd);
			continue;
		}
		len = read(fd, answer, sizeof(answer) - 1);
		answer[len > 0 ? len : 0] = '\0';
		if (sscanf(answer, "checked %" SCNu64 " differ %" SCNu64 " skipped %" SCNu64,
			   &checked, &differ, &skipped) != 3)
			errx(1, "process %d: verify says '%s'", pid, answer);
		close(fd);
		count(VERIFIED, 1);
		count(PAGES_CHECKED, checked);
		count(DIFFER, differ);
		count(SKIPPED, skipped);
		if (differ)
			errx(1, "process %d: verify says %s", pid, answer);
	}
}

/* ---- targets ---- */

static void write_some(char *area)
{
	for (uint64_t i = 1 + rnd(64); i; i--)
		area[rnd(PAGES) * PAGE] = rnd(3);
}

static void fork_some(char *area)
{
	pid_t child = fork();

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = rnd(50); i; i--) {
			write_some(area);
			usleep(rnd(1000));
		}
		_exit(0);
	}
	if (child > 0 && rnd(2))
		write_some(area);
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* Change memory in every way that needs no privilege, until killed. */
static void work_target(void)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_MERGEABLE,
		MADV_UNMERGEABLE, MADV_PAGEOUT, MADV_COLD, MADV_COLLAPSE,
	};
	const int private = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
	char *area = mmap(NULL, PAGES * PAGE, rw, private, -1, 0), *other;

	while (area != MAP_FAILED) {
		size_t first = rnd(PAGES), bytes = (1 + rnd(PAGES - first)) * PAGE;
		char *p = area + first * PAGE;

		switch (rnd(24)) {
		case 0:
			mprotect(p, bytes, PROT_READ);
			usleep(rnd(1000));
			mprotect(p, bytes, rw);
			break;
		case 1:
			if (mmap(p, bytes, rw, private | MAP_FIXED, -1, 0) != p)
				_exit(0);
			break;
		case 2:
			/* Fails unless the area is a single mapping. */
			other = mremap(area, PAGES * PAGE, PAGES * PAGE,
				       MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
			if (other != MAP_FAILED) {
				munmap(area, PAGES * PAGE);
				area = other;
			}
			break;
		case 3:
			fork_some(area);
			break;
		case 4 ... 11:
			madvise(p, bytes, advices[rnd(sizeof(advices) / sizeof(advices[0]))]);
			break;
		default:
			write_some(area);
		}
		usleep(rnd(4000));
	}
}

/* Fill the memory cgroup, while listings and acknowledgments are charged to it. */
static void be_victim(void)
{
	size_t bytes = (size_t)256 << 20;
	char path[300];
	char *p;
	pid_t pid;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	must_put(path, "0");
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		err(1, "mmap");
	for (size_t at = 0; at < bytes; at += PAGE) {
		p[at] = 1;
		if (at % (PAGE << 8))
			continue;
		fd = open_random(O_RDWR, &pid);
		if (fd != -1 && list(fd, pid, 0))
			acknowledge(fd, pid);
	}
	errx(1, "%s has no limit", group);
}

static void work_oom(void)
{
	int status;
	pid_t pid;

	while (in_time()) {
		state++;
		pid = fork();
		if (!pid)
			be_victim();
		if (pid == -1)
			err(1, "fork");
		waitpid(pid, &status, 0);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			errx(1, "the victim was not killed: status %x", status);
		count(OOM_KILLS, 1);
		usleep(rnd(500000));
	}
}

static void work_killer(void)
{
	while (in_time()) {
		usleep(50000 + rnd(300000));
		/* The parent starts another target at once. */
		if (!kill(shared->targets[rnd(MAX_TARGETS)], SIGKILL))
			count(KILLS, 1);
	}
}

/* ---- other loads on the kernel ---- */

static void work_swapper(void)
{
	while (in_time()) {
		usleep(rnd(2000000));
		if (swapoff(swap)) {
			/* Memory may have no room for the swapped pages at the moment. */
			if (errno != ENOMEM)
				err(1, "swapoff");
			continue;
		}
		usleep(rnd(200000));
		if (swapon(swap, 0))
			err(1, "swapon");
		count(SWAPOFFS, 1);
	}
}

/* Move a process from one node to the other. Return false if it has exited. */
static bool move_to_node(pid_t pid)
{
	unsigned long nodes[] = { 1, 2 };
	int from = rnd(2);

	if (syscall(SYS_migrate_pages, pid, 8 * sizeof(long), &nodes[from],
		    &nodes[1 - from]) >= 0)
		return true;
	if (errno != ESRCH && errno != EINVAL)
		err(1, "migrate_pages");
	return false;
}

static void work_disturber(void)
{
	static const char * const thp[] = { "always", "madvise", "never" };
	static const char * const ksm[] = { "0", "1", "1", "1", "2" };
	static const char * const batch[] = { "8192", "512", "64", "100", "7" };

	/* In turn, so that a slow machine gets to each. */
	for (unsigned int turn = 0; in_time(); turn++) {
		bool moved = false;

		switch (turn % 5) {
		case 0:
			must_put("/proc/sys/vm/compact_memory", "1");
			count(COMPACTIONS, 1);
			break;
		case 1:
			must_put("/sys/kernel/mm/transparent_hugepage/enabled", thp[rnd(3)]);
			count(THP_CHANGES, 1);
			break;
		case 2:
			/* Separating all merged pages may fail for lack of memory. */
			if (!put("/sys/kernel/mm/ksm/run", ksm[rnd(5)]) && errno != ENOMEM)
				err(1, "ksm");
			count(KSM_CHANGES, 1);
			break;
		case 3:
			must_put("/sys/kernel/debug/dirty_pages/batch", batch[rnd(5)]);
			break;
		case 4:
			for (int tries = 0; tries < 5 && !moved; tries++)
				moved = move_to_node(random_process());
			count(NODE_MOVES, moved);
			break;
		}
		usleep(rnd(300000));
	}
}

/* ---- workers ---- */

static const struct {
	const char *name;
	void (*work)(void);
} workers[] = {
	{ "reader", work_reader },
	{ "reader", work_reader },
	{ "reader", work_reader },
	{ "acknowledger", work_acknowledger },
	{ "acknowledger", work_acknowledger },
	{ "verifier", work_verifier },
	{ "oom", work_oom },
	{ "killer", work_killer },
	{ "swapper", work_swapper },
	{ "disturber", work_disturber },
};

#define WORKERS (sizeof(workers) / sizeof(workers[0]))

static pid_t start(void (*work)(void))
{
	static uint64_t nr;
	pid_t pid;

	state += ++nr * 7919;
	pid = fork();
	if (pid == -1)
		err(1, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	work();
	exit(0);
}

/* Return the CPU time of a process so far, in ticks. */
static uint64_t ticks(pid_t pid)
{
	uint64_t user = 0, system = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64
		   " %" SCNu64, &user, &system) != 2)
		errx(1, "%s: unexpected format", path);
	fclose(f);
	return user + system;
}

/*
 * After the deadline, workers may finish at the speed of the machine. They are
 * stuck only if none of them has used a CPU for STALL seconds.
 */
static bool are_stuck(const pid_t *pids)
{
	static uint64_t last;
	static time_t since;
	uint64_t sum = 0;

	for (size_t i = 0; i < WORKERS; i++)
		if (pids[i])
			sum += ticks(pids[i]) + 1;
	if (in_time() || sum != last)
		since = now();
	last = sum;
	return now() >= since + STALL;
}

/* Replace killed targets, and reap the workers. Return how many failed. */
static size_t collect(pid_t *pids)
{
	size_t failed = 0, left = WORKERS, i;
	int status;
	pid_t pid;

	while (left && !are_stuck(pids)) {
		pid = waitpid(-1, &status, WNOHANG);
		if (!pid)
			usleep(10000);
		for (i = 0; i < MAX_TARGETS && pid > 0; i++)
			if (shared->targets[i] == pid)
				shared->targets[i] = start(work_target);
		for (i = 0; i < WORKERS && pid > 0; i++) {
			if (pids[i] != pid)
				continue;
			pids[i] = 0;
			left--;
			if (status)
				warnx("%s: status %x", workers[i].name, status);
			failed += !!status;
			/* One failure is enough; do not wait for the others. */
			if (status && in_time())
				left = 0;
		}
	}
	for (i = 0; i < WORKERS && !failed; i++)
		if (pids[i])
			warnx("%s: is stuck", workers[i].name);
	return failed + left;
}

static uint64_t counter(const char *name)
{
	char found[64];
	uint64_t value;
	FILE *f = fopen("/proc/vmstat", "r");

	while (f && fscanf(f, "%63s %" SCNu64, found, &value) == 2) {
		if (strcmp(found, name))
			continue;
		fclose(f);
		return value;
	}
	errx(1, "/proc/vmstat has no %s", name);
}

/* Print the figures. If @have_run, return the number of loads that did nothing. */
static size_t report(const uint64_t *before, bool have_run)
{
	size_t idle = 0;
	uint64_t n;

	for (int i = 0; i < FIGURES; i++) {
		printf("%s: %" PRIu64 "\n", figures[i].name, shared->figures[i]);
		if (have_run && figures[i].needed && !shared->figures[i]) {
			warnx("no %s", figures[i].name);
			idle++;
		}
	}
	for (size_t i = 0; i < COUNTERS; i++) {
		n = counter(counters[i].name) - before[i];
		printf("%s: %" PRIu64 "\n", counters[i].name, n);
		if (have_run && counters[i].needed && !n) {
			warnx("no %s", counters[i].name);
			idle++;
		}
	}
	for (int i = 0; i < MAX_ERRNO; i++)
		if (shared->errors[i])
			printf("%s: %" PRIu64 "\n", strerrorname_np(i), shared->errors[i]);
	return idle;
}

int main(int argc, char **argv)
{
	uint64_t before[COUNTERS];
	pid_t pids[WORKERS];
	size_t failed, idle;

	if (argc != 5)
		errx(2, "usage: stressor SECONDS SEED GROUP SWAP");
	deadline = now() + strtoul(argv[1], NULL, 10);
	state = (strtoull(argv[2], NULL, 0) * 2 + 1) * 1000003;
	group = argv[3];
	swap = argv[4];
	first_pid = getppid();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(2, "mmap");
	for (size_t i = 0; i < COUNTERS; i++)
		before[i] = counter(counters[i].name);

	for (int i = 0; i < MAX_TARGETS; i++)
		shared->targets[i] = start(work_target);
	for (size_t i = 0; i < WORKERS; i++)
		pids[i] = start(workers[i].work);
	failed = collect(pids);
	/* A worker that failed has said why; the figures are then incomplete. */
	idle = report(before, !failed);
	return failed || idle;
}
