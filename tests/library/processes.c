// SPDX-License-Identifier: GPL-2.0
/* Checks of opening processes, dead and alive. */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static pid_t start_child(void)
{
	pid_t child = new_child();

	if (!child) {
		pause();
		_exit(0);
	}
	return child;
}

/* End a child, but leave it as a zombie. */
static void kill_child(pid_t child)
{
	siginfo_t info;

	CHECK(!kill(child, SIGKILL));
	CHECK(!waitid(P_PID, child, &info, WEXITED | WNOWAIT));
}

void check_process(void)
{
	struct dirtypages_process *own, *process, *by_fd;
	pid_t child = start_child();
	uint64_t space, other;
	int pidfd, fd;

	CHECK_IS(dirtypages_process_open(&process, -1), -EINVAL);
	CHECK_IS(dirtypages_process_open(&process, 0x7fffffff), -ESRCH);
	CHECK(!process);
	CHECK_IS(dirtypages_process_open(&own, 0), 0);
	CHECK_IS(dirtypages_process_pid(own), getpid());
	CHECK(!strncmp(dirtypages_process_comm(own), "check", 5));
	CHECK_IS(dirtypages_process_space(own, &space), 0);
	CHECK(space);
	CHECK_IS(dirtypages_process_space(own, &other), 0);
	CHECK(space == other);
	fd = dirtypages_process_file(own, "maps", O_RDONLY);
	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	CHECK_IS(dirtypages_process_file(own, "no such file", O_RDONLY), -ENOENT);
	CHECK(!faccessat(dirtypages_process_dir(own), "status", R_OK, 0));

	pidfd = syscall(SYS_pidfd_open, child, 0);
	CHECK(pidfd != -1);
	CHECK_IS(dirtypages_process_open(&process, child), 0);
	CHECK_IS(dirtypages_process_open_pidfd(&by_fd, pidfd), 0);
	CHECK_IS(dirtypages_process_pid(by_fd), child);
	CHECK(dirtypages_process_start_time(by_fd) == dirtypages_process_start_time(process));
	CHECK(dirtypages_process_start_time(by_fd) >= dirtypages_process_start_time(own));
	dirtypages_process_close(by_fd);
	CHECK(dirtypages_process_has_memory(process));
	kill_child(child);
	CHECK(dirtypages_process_lives(process));
	CHECK(!dirtypages_process_has_memory(process));
	CHECK_IS(waitpid(child, NULL, 0), child);
	CHECK(!dirtypages_process_lives(process));
	CHECK(!dirtypages_process_has_memory(process));
	CHECK_IS(dirtypages_process_file(process, "maps", O_RDONLY), -ESRCH);
	CHECK_IS(dirtypages_process_open_pidfd(&by_fd, pidfd), -ESRCH);
	CHECK(!by_fd);
	close(pidfd);
	CHECK_IS(dirtypages_process_open_pidfd(&by_fd, dirtypages_process_dir(own)), -EBADF);
	CHECK_IS(dirtypages_process_open_pidfd(&by_fd, -1), -EBADF);
	dirtypages_process_close(process);
	dirtypages_process_close(own);
	dirtypages_process_close(NULL);
}

static void *sleep_on(void *unused)
{
	pause();
	return unused;
}

void check_threads_of_dead_leader(void)
{
	struct dirtypages_listing *listing;
	struct dirtypages_process *process;
	struct dirtypages *pages;
	pid_t child = new_child();
	char state[400];
	pthread_t thread;

	if (!child) {
		CHECK(!pthread_create(&thread, NULL, sleep_on, NULL));
		/* Only the main thread exits, and keeps none of its memory. */
		syscall(SYS_exit, 0);
	}
	CHECK_IS(dirtypages_process_open(&process, child), 0);
	do {
		int fd = openat(dirtypages_process_dir(process), "stat", O_RDONLY);
		ssize_t len = read(fd, state, sizeof(state) - 1);

		CHECK(len > 0);
		state[len] = '\0';
		close(fd);
	} while (strrchr(state, ')')[2] != 'Z');
	CHECK(dirtypages_process_has_memory(process));
	CHECK_IS(dirtypages_open_process(&pages, process, DIRTYPAGES_AUTO, 0), 0);
	CHECK_IS(dirtypages_listing_new(&listing), 0);
	CHECK_IS(dirtypages_read(pages, listing), 0);
	CHECK(dirtypages_listing_count(listing));
	dirtypages_listing_free(listing);
	dirtypages_close(pages);
	dirtypages_process_close(process);
	kill_child(child);
	/* A zombie has an empty listing. */
	CHECK_IS(dirtypages_open(&pages, child, DIRTYPAGES_AUTO, 0), 0);
	CHECK_IS(dirtypages_listing_new(&listing), 0);
	CHECK_IS(dirtypages_read(pages, listing), 0);
	CHECK_IS(dirtypages_listing_count(listing), 0);
	dirtypages_listing_free(listing);
	dirtypages_close(pages);
	CHECK_IS(waitpid(child, NULL, 0), child);
}
