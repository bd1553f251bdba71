// SPDX-License-Identifier: GPL-2.0
/* The targets of fuzzfile: processes that write and exec on request, and die */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzzfile.h"

/* The area begins with anonymous pages, followed by pages of a file. */
#define ANON_PAGES ((size_t)64)
#define FILE_PAGES ((size_t)8)

/* The bytes at the start of a page that distinguish it from other pages */
#define MARK ((size_t)16)

struct target targets[TARGETS];

void lay_out(void)
{
	char *p = AREA;
	int exe = open("/proc/self/exe", O_RDONLY);

	must(mmap(p, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
		  MAP_FIXED_NOREPLACE, -1, 0) == p, "mmap");
	must(mmap(p + ANON_PAGES * PAGE, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_FIXED, exe, 0) != MAP_FAILED, "mmap");
	close(exe);
	madvise(p + HUGE, HUGE, MADV_HUGEPAGE);
	for (size_t i = 0; i < AREA_PAGES; i++) {
		if (i >= ANON_PAGES && i < ANON_PAGES + FILE_PAGES)
			((volatile char *)p)[i * PAGE] = p[i * PAGE];
		else if (i >= HUGE / PAGE || i % (i < ANON_PAGES ? 3 : 32) == 0)
			memset(p + i * PAGE, 1 + i % 255, MARK);
	}
}

/* Writes to the requested pages, without changing their contents. */
void be_target(int sock)
{
	char number[16];
	uint16_t page;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (send(sock, "", 1, 0) != 1 || recv(sock, &page, sizeof(page), 0) != sizeof(page))
			_exit(0);
		if (page < AREA_PAGES) {
			volatile char *p = AREA + page * PAGE;

			*p = *p;
			continue;
		}
		snprintf(number, sizeof(number), "%d", sock);
		execl("/proc/self/exe", "fuzzfile", "target", number, NULL);
		_exit(1);
	}
}

static void await_target(struct target *g)
{
	char byte;
	ssize_t n;

	do
		n = recv(g->sock, &byte, 1, 0);
	while (n == -1 && errno == EINTR);
	must(n == 1, "no answer from a target");
}

void start_target(struct target *g, pid_t wanted)
{
	int pair[2], fd;

	must(!socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), "socketpair");
	if (wanted) {
		fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
		must(fd != -1 && dprintf(fd, "%d", wanted - 1) > 0, "ns_last_pid");
		close(fd);
	}
	g->pid = fork();
	must(g->pid != -1, "fork");
	if (!g->pid) {
		close(pair[0]);
		be_target(pair[1]);
	}
	close(pair[1]);
	g->sock = pair[0];
	g->state = RUNNING;
	g->generation++;
	await_target(g);
	say("target %d starts%s", g->pid, g->pid == wanted ? ", with the pid of another" : "");
}

void kill_target(struct target *g)
{
	siginfo_t info;

	if (g->state == GONE || g->state == ZOMBIE)
		return;
	kill(g->pid, SIGKILL);
	while (waitid(P_PID, g->pid, &info, WEXITED | WNOWAIT) == -1)
		must(errno == EINTR, "waitid");
	g->state = ZOMBIE;
	g->generation++;
	say("target %d is killed", g->pid);
}

void reap_target(struct target *g)
{
	if (g->state == GONE)
		return;
	kill_target(g);
	waitpid(g->pid, NULL, 0);
	close(g->sock);
	g->state = GONE;
}

void resume_target(struct target *g)
{
	if (g->state == STOPPED) {
		kill(g->pid, SIGCONT);
		g->state = RUNNING;
	}
}

void ask_target(struct target *g, uint16_t page)
{
	resume_target(g);
	must(send(g->sock, &page, sizeof(page), 0) == sizeof(page), "send");
	await_target(g);
	if (page >= AREA_PAGES) {
		g->generation++;
		say("target %d has called execve", g->pid);
	}
}

void check_write_shows(struct thread *t, struct target *g)
{
	static char listing[TEXT];
	uint16_t page = rnd(t, AREA_PAGES);
	uint64_t at = (uintptr_t)AREA + page * PAGE;
	char path[64], *line;

	ask_target(g, page);
	snprintf(path, sizeof(path), "/proc/%d/dirty_pages", g->pid);
	list(path, listing, TEXT);
	for (line = listing; *line; line = strchr(line, '\n') + 1) {
		char *dash, *rest;
		uint64_t start = strtoull(line, &dash, 16), end = strtoull(dash + 1, &rest, 16);

		if (at >= start && at < end && rest[3] == 'd')
			return;
	}
	fail("target %d has written page %u, which is not d", g->pid, page);
}

void check_memory(struct target *g)
{
	static char copy[AREA_PAGES][MARK];
	struct iovec here = { copy, sizeof(copy) }, there[AREA_PAGES];

	for (size_t i = 0; i < AREA_PAGES; i++)
		there[i] = (struct iovec){ AREA + i * PAGE, MARK };
	must(process_vm_readv(g->pid, &here, 1, there, AREA_PAGES, 0) == (ssize_t)sizeof(copy),
	     "process_vm_readv");
	for (size_t i = 0; i < AREA_PAGES; i++) {
		if (memcmp(copy[i], AREA + i * PAGE, MARK))
			fail("the contents of page %zu of target %d have changed", i, g->pid);
	}
}

void check_verify(struct target *g)
{
	int fd = open("/sys/kernel/debug/dirty_pages/verify", O_RDWR);
	unsigned long checked, differ;
	char line[128] = "";

	must(fd != -1 && dprintf(fd, "%d", g->pid) > 0, "verify");
	must(read(fd, line, sizeof(line) - 1) > 0, "verify");
	close(fd);
	if (sscanf(line, "checked %lu differ %lu", &checked, &differ) != 2 || !checked || differ)
		fail("verify of target %d: %s", g->pid, line);
}
