// SPDX-License-Identifier: GPL-2.0
/*
 * opens COUNT SEED - open files COUNT times, and abandon them in different ways
 *
 * An open file is left unread, read in part or byte by byte, written to up to
 * the middle of a line, or held by a reader that is killed. Some dozens are open
 * at any time. Targets are replaced from time to time, and many files outlive
 * theirs. At the end all files are closed and all processes have ended.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define HELD 40
#define TARGETS 4

static pid_t targets[TARGETS];
static int held[HELD];
static uint64_t state;
static uint64_t bytes, half, killed, outlived, targets_ended;

static uint64_t rnd(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state * 0x2545f4914f6cdd1dull >> 20) % below;
}

static void start_target(pid_t *target)
{
	char *p;

	*target = fork();
	if (*target == -1)
		err(1, "fork");
	if (*target)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_range(3, ~0U, 0);
	p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 64; i += 2)
		p[i * PAGE] = 1;
	for (;;)
		pause();
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The process may have exited, and two unfinished lines make a bad one. */
static void check(ssize_t got, const char *what)
{
	if (got >= 0)
		bytes += got;
	else if (errno == ESRCH)
		outlived++;
	else if (errno != EINVAL)
		err(1, "%s", what);
}

static void use(int fd)
{
	static const char line[] = "00001000-00002000 apd----\n";
	char buffer[5000];

	if (!rnd(4))
		check(read(fd, buffer, 1 + rnd(sizeof(buffer))), "read");
	for (int i = rnd(3) ? 0 : 8; i; i--)
		check(read(fd, buffer, 1), "read");
	if (!rnd(2))
		check(write(fd, line, 1 + rnd(sizeof(line) - 1)), "write");
}

static int open_target(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/dirty_pages", targets[rnd(TARGETS)]);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		err(1, "%s", path);
	return fd;
}

static void close_it(int fd)
{
	if (!close(fd))
		return;
	if (errno != EINVAL)
		err(1, "close");
	half++;
}

/* Start a reader that opens some files, and kill it while it uses them. */
static uint64_t killed_reader(void)
{
	uint64_t n = 1 + rnd(20);
	int pipes[2];
	char byte;
	pid_t pid;

	if (pipe(pipes))
		err(1, "pipe");
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (uint64_t i = 0; i < n; i++)
			use(open_target());
		if (write(pipes[1], "", 1) != 1)
			err(1, "pipe");
		for (;;) {
			int fd = open_target();

			use(fd);
			close_it(fd);
		}
	}
	if (pid == -1 || read(pipes[0], &byte, 1) != 1)
		err(1, "no reader");
	end(pid);
	close(pipes[0]);
	close(pipes[1]);
	killed++;
	return n;
}

static void next_target(void)
{
	pid_t *target = &targets[rnd(TARGETS)];

	end(*target);
	targets_ended++;
	start_target(target);
}

int main(int argc, char **argv)
{
	uint64_t count, opens = 0;

	if (argc != 3)
		errx(2, "usage: opens COUNT SEED");
	count = strtoull(argv[1], NULL, 10);
	state = (strtoull(argv[2], NULL, 0) * 2 + 1) * 1000003;
	for (int i = 0; i < TARGETS; i++)
		start_target(&targets[i]);
	while (opens < count) {
		int *fd = &held[rnd(HELD)];

		if (!rnd(50))
			next_target();
		if (!rnd(40)) {
			opens += killed_reader();
			continue;
		}
		if (*fd) {
			use(*fd);
			close_it(*fd);
		}
		*fd = open_target();
		use(*fd);
		opens++;
	}
	for (int i = 0; i < TARGETS; i++)
		end(targets[i]);
	for (int i = 0; i < HELD; i++) {
		if (!held[i])
			continue;
		use(held[i]);
		close_it(held[i]);
	}
	printf("opens: %" PRIu64 " bytes: %" PRIu64 " unfinished: %" PRIu64 " killed: %" PRIu64
	       " targets ended: %" PRIu64 " calls without one: %" PRIu64 "\n", opens, bytes, half,
	       killed, targets_ended, outlived);
	return 0;
}
