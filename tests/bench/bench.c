// SPDX-License-Identifier: GPL-2.0
/*
 * Measure the cost of finding the modified pages of a process, as the first and
 * only program of its kernel.
 *
 * Arguments come from the kernel command line: bench.cases=NAME,... and
 * bench.rounds=N. Results go to the console, each a JSON object in a line that
 * begins with "bench: ". The last object has the exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __x86_64__
#include <x86intrin.h>
#endif

#include "bench.h"

static uint64_t nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* The time stamp counter; one instruction is one tick where QEMU counts them. */
uint64_t now(void)
{
#ifdef __x86_64__
	unsigned int cpu;

	return __rdtscp(&cpu);
#else
	return nanoseconds();
#endif
}

void die(const char *what)
{
	printf(RESULT "error: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

int open_proc(pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

/* Return the number of ticks of now() in a nanosecond. */
static double ticks_in_nanosecond(void)
{
	uint64_t start = now(), begin = nanoseconds(), end;

	do
		end = nanoseconds();
	while (end - begin < 50000000);
	return (double)(now() - start) / (end - begin);
}

static uint64_t system_call_cost(void)
{
	uint64_t start, best = UINT64_MAX, cost;
	int round, i;

	for (round = 0; round < 20; round++) {
		start = now();
		for (i = 0; i < 50; i++)
			getppid();
		cost = (now() - start) / 50;
		if (cost < best)
			best = cost;
	}
	return best;
}

/* Does the comma-separated @list contain the name of the scene or of its group? */
static bool is_chosen(const char *list, const struct scene *scene)
{
	char *names = strdup(list), *name, *rest = names;
	bool chosen = false;

	while ((name = strsep(&rest, ",")))
		chosen |= !strcmp(name, scene->name) || !strcmp(name, scene->group);
	free(names);
	return chosen;
}

/* Return the value of NAME= on the kernel command line, or @otherwise. */
static char *argument(const char *name, char *otherwise)
{
	static char line[4096];
	char *word, *rest = line;
	ssize_t n;
	int fd;

	fd = open("/proc/cmdline", O_RDONLY);
	n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (n <= 0)
		die("/proc/cmdline");
	close(fd);
	line[n - 1] = '\0';
	while ((word = strsep(&rest, " ")))
		if (!strncmp(word, name, strlen(name)) && word[strlen(name)] == '=')
			return strdup(word + strlen(name) + 1);
	return otherwise;
}

static const struct scene *find_scene(const char *name)
{
	size_t i;

	for (i = 0; i < nr_scenes; i++)
		if (!strcmp(scenes[i].name, name))
			return &scenes[i];
	return NULL;
}

static int list_scenes(void)
{
	size_t i;

	for (i = 0; i < nr_scenes; i++)
		printf("%s %s\n", scenes[i].group, scenes[i].name);
	return 0;
}

static int measure_all(void)
{
	const char *list = argument("bench.cases", "cases");
	int rounds = atoi(argument("bench.rounds", "5"));
	struct utsname kernel;
	bool ok = true;
	size_t i;

	uname(&kernel);
	printf(RESULT "{\"kernel\": \"%s\", \"ticks_per_ns\": %.4f, \"system_call\": %lu}\n",
	       kernel.release, ticks_in_nanosecond(), system_call_cost());
	for (i = 0; i < nr_scenes; i++)
		if (is_chosen(list, &scenes[i]))
			ok &= scenes[i].measure(&scenes[i], rounds);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list_scenes();
	if (argc == 3 && !strcmp(argv[1], "--target"))
		return target_main(find_scene(argv[2]));
	if (argc == 3 && !strcmp(argv[1], "--cat"))
		return cat_main(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "--scan"))
		return scan_main(atoi(argv[2]));

	if (getpid() != 1) {
		fprintf(stderr, "bench: run by 'make bench', as the first program of a kernel\n");
		return 1;
	}
	become_init(128 * MIB);
	pid = fork();
	if (!pid)
		exit(measure_all());
	waitpid(pid, &status, 0);
	printf(RESULT "{\"status\": %d}\n", WEXITSTATUS(status));
	sync();
	/* Where the machine cannot power off, the emulator exits on a reboot. */
	reboot(strcmp(argument("bench.end", "off"), "reboot") ? RB_POWER_OFF : RB_AUTOBOOT);
	return 1;
}
