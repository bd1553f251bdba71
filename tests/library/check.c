// SPDX-License-Identifier: GPL-2.0
/*
 * Check libdirtypages, on kernels with and without /proc/<pid>/dirty_pages.
 *
 *	check [NAME...]		run some checks, or all
 */
#include "check.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

static const struct {
	const char *name;
	void (*run)(void);
	bool needs_file;
} checks[] = {
	{ "names", check_names, false },
	{ "kernel", check_kernel, false },
	{ "listing", check_listing, false },
	{ "text", check_text, false },
	{ "maps", check_maps, false },
	{ "made-maps", check_made_maps, false },
	{ "tracker", check_tracker, false },
	{ "process", check_process, false },
	{ "dead-leader", check_threads_of_dead_leader, false },
	{ "reading", check_reading, false },
	{ "range", check_range, false },
	{ "exec", check_exec, false },
	{ "permission", check_permission, false },
	{ "concurrent", check_concurrent, false },
	{ "small-stack", check_small_stack, false },
	{ "allocations", check_allocations, false },
	{ "acknowledge", check_acknowledge, true },
	{ "reset", check_reset, true },
	{ "reset-child", check_reset_of_child, true },
};

/* The last child: at most one lives at a time. */
static pid_t child;

/* A failed check must not leave a process behind. */
static void kill_child(void)
{
	if (child > 0)
		kill(child, SIGKILL);
}

/* Fork. The child is killed when this program ends, however it ends. */
pid_t new_child(void)
{
	child = fork();
	CHECK(child != -1);
	return child;
}

size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

bool has_file(void)
{
	return !access("/proc/self/dirty_pages", F_OK);
}

/* Map an arena between two pages that cannot be merged with it. */
char *new_arena(void)
{
	const size_t size = PAGES * page_size();
	char *p = mmap(NULL, size + 2 * page_size(), PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	CHECK(!mprotect(p + page_size(), size, PROT_READ | PROT_WRITE));
	madvise(p, size + 2 * page_size(), MADV_NOHUGEPAGE);
	return p + page_size();
}

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	CHECK(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static bool is_chosen(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	atexit(kill_child);
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		const int descriptors = count_descriptors();

		if (!is_chosen(checks[i].name, argc, argv) ||
		    (checks[i].needs_file && !has_file()))
			continue;
		checks[i].run();
		child = 0;
		CHECK_IS(count_descriptors(), descriptors);
		printf("%s\n", checks[i].name);
	}
	return 0;
}
