// SPDX-License-Identifier: GPL-2.0
/*
 * killed [--no-leftover] - kill a checkpointer between any two system calls
 *
 * A child writes to random pages of an area. A reader does one round of a
 * checkpoint - list, acknowledge, copy - and is killed at its Nth system call,
 * for each N. The next reader first copies the pages on the list that the killed
 * reader left, and must complete the image. With --no-leftover it ignores that
 * list, and must then miss pages.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define PAGES 256ul

static char *area;		/* at the same address in the child */
static pid_t target;
static int request, reply;	/* pipes to the child and back */
static char listing_path[64], mem_path[64];

static void serve(int in, int out)
{
	unsigned int seed;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(in, &seed, sizeof(seed)) == sizeof(seed)) {
		srandom(seed);
		for (int i = 0; i < 40; i++)
			area[random() % (PAGES * PAGE)]++;
		if (write(out, &seed, sizeof(seed)) != sizeof(seed))
			break;
	}
	_exit(0);
}

/* Have the child write to some pages, and wait until it is done. */
static void disturb(void)
{
	static unsigned int seed;

	seed++;
	if (write(request, &seed, sizeof(seed)) != sizeof(seed) ||
	    read(reply, &seed, sizeof(seed)) != sizeof(seed))
		err(2, "the target has vanished");
}

static void start_target(void)
{
	int in[2], out[2];

	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || pipe(in) || pipe(out))
		err(2, "no target");
	target = fork();
	if (!target)
		serve(in[0], out[1]);
	request = in[1];
	reply = out[0];
	snprintf(listing_path, sizeof(listing_path), "/proc/%d/dirty_pages", target);
	snprintf(mem_path, sizeof(mem_path), "/proc/%d/mem", target);
}

/* Get the lines of the area that have a d. Nothing else of the process is copied. */
static size_t list(int fd, char *lines)
{
	static char text[1 << 20];
	size_t len = 0, n = 0;
	ssize_t got;

	while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += got;
	if (got < 0)
		err(2, "%s", listing_path);
	text[len] = '\0';
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		uintptr_t start = strtoul(line, NULL, 16);

		if (start >= (uintptr_t)area && start < (uintptr_t)area + PAGES * PAGE &&
		    strchr(strchr(line, ' '), 'd'))
			n += sprintf(lines + n, "%s\n", line);
	}
	return n;
}

static void copy(int image, int mem, char *lines)
{
	static char buffer[PAGES * PAGE];

	for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
		char *dash;
		uintptr_t start = strtoul(line, &dash, 16);
		size_t size = strtoul(dash + 1, NULL, 16) - start;

		if (pread(mem, buffer, size, start) != (ssize_t)size ||
		    pwrite(image, buffer, size, start - (uintptr_t)area) != (ssize_t)size)
			err(2, "copying");
	}
}

/* One round. The list is on disk before it is acknowledged, until its pages are copied. */
static void checkpoint(bool use_leftover)
{
	static char lines[1 << 16];
	int fd = open(listing_path, O_RDWR), mem = open(mem_path, O_RDONLY);
	int image = open("image", O_RDWR | O_CREAT, 0600);
	int todo = use_leftover ? open("todo", O_RDONLY) : -1;
	size_t len = 0, left = 0;

	if (fd == -1 || mem == -1 || image == -1)
		err(2, "opening the files");
	if (todo != -1) {
		left = read(todo, lines, sizeof(lines) / 2);
		close(todo);
	}
	len = left + list(fd, lines + left);
	todo = open("todo.new", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (todo == -1 || write(todo, lines, len) != (ssize_t)len || fsync(todo) ||
	    rename("todo.new", "todo"))
		err(2, "todo");
	if (write(fd, lines, len / 2) != (ssize_t)(len / 2) ||
	    write(fd, lines + len / 2, len - len / 2) != (ssize_t)(len - len / 2))
		err(2, "acknowledging");
	lines[len] = '\0';
	copy(image, mem, lines);
	if (fsync(image) || unlink("todo"))
		err(2, "image");
	close(fd);
	close(mem);
	close(image);
	close(todo);
}

/* Return false if the reader ended before the Nth stop. */
static bool checkpoint_killed_at(int n)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		checkpoint(true);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	while (n--) {
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
		waitpid(pid, &status, 0);
		if (WIFEXITED(status)) {
			if (WEXITSTATUS(status))
				errx(2, "a reader failed");
			return false;
		}
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return true;
}

/* Count the wrong pages of the image, and correct them. */
static size_t pages_missed(void)
{
	static char image[PAGES * PAGE], memory[PAGES * PAGE];
	int fd = open("image", O_RDWR), mem = open(mem_path, O_RDONLY);
	size_t missed = 0;

	memset(image, 0, sizeof(image));
	if (pread(fd, image, sizeof(image), 0) < 0 ||
	    pread(mem, memory, sizeof(memory), (uintptr_t)area) != sizeof(memory))
		err(2, "comparing");
	for (size_t i = 0; i < PAGES; i++)
		missed += !!memcmp(image + i * PAGE, memory + i * PAGE, PAGE);
	if (pwrite(fd, memory, sizeof(memory), 0) != sizeof(memory))
		err(2, "image");
	close(fd);
	close(mem);
	return missed;
}

int main(int argc, char **argv)
{
	bool use_leftover = argc < 2 || strcmp(argv[1], "--no-leftover");
	size_t missed = 0;
	int n;

	start_target();
	for (n = 1; ; n++) {
		disturb();
		if (!checkpoint_killed_at(n))
			break;
		disturb();
		if (!use_leftover)
			unlink("todo");
		checkpoint(use_leftover);
		missed += pages_missed();
	}
	printf("killed at %d places, %zu pages missed\n", n - 1, missed);
	kill(target, SIGKILL);
	return 0;
}
