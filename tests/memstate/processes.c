// SPDX-License-Identifier: GPL-2.0
/* Commands that start, end and change processes */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memstate.h"

static int child_in = -1, child_out = -1;
static pid_t child;

/* fork: start a child, which runs the commands passed to "child COMMAND..." */
static bool do_fork(int argc, char **argv)
{
	int in[2], out[2];

	(void)argc;
	(void)argv;
	if (pipe(in) == -1 || pipe(out) == -1)
		return false;
	child = fork();
	if (child == -1)
		return false;
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		clearerr(stdin);
		serve();
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	child_in = in[1];
	child_out = out[0];
	return ready("%d", child);
}

static bool do_child(int argc, char **argv)
{
	char answer[256];
	ssize_t n;
	int i;

	for (i = 1; i < argc; i++)
		dprintf(child_in, "%s%c", argv[i], i + 1 < argc ? ' ' : '\n');
	n = read(child_out, answer, sizeof(answer) - 1);
	if (n <= 0)
		return false;
	answer[n] = '\0';
	fputs(answer, stdout);
	return true;
}

/* reap: kill the child and wait for it */
static bool do_reap(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	kill(child, SIGKILL);
	return done(waitpid(child, NULL, 0));
}

/* zombie: start a child that exits, and do not reap it */
static bool do_zombie(int argc, char **argv)
{
	siginfo_t info;

	(void)argc;
	(void)argv;
	child = fork();
	if (!child)
		_exit(0);
	if (waitid(P_PID, child, &info, WEXITED | WNOWAIT) == -1)
		return false;
	return ready("%d", child);
}

/* Writes no private memory: the stack is shared, and no call sets errno. */
static int change_mappings(void *arg)
{
	const struct mapping *m = arg;

	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
	syscall(SYS_mprotect, m->start, m->pages * PAGE, PROT_READ);
	syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
	syscall(SYS_mmap, NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	while (true)
		syscall(SYS_pause);
	return 0;
}

/*
 * partner: start a process that shares our address space, and is stopped. When
 * it is continued, it changes the protection of the current mapping and stops
 * again; the next time, it adds a mapping.
 */
static bool do_partner(int argc, char **argv)
{
	const size_t size = 16 * PAGE;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)argc;
	(void)argv;
	if (stack == MAP_FAILED)
		return false;
	child = clone(change_mappings, stack + size, CLONE_VM | SIGCHLD, this());
	if (child == -1)
		return false;
	return ready("%d", child);
}

static bool do_exec(int argc, char **argv)
{
	(void)argc;
	fflush(stdout);
	execvp(argv[1], argv + 1);
	return false;
}

/* undumpable: become undumpable, as after a setuid exec */
static bool do_undumpable(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return done(prctl(PR_SET_DUMPABLE, 0));
}

const struct command process_commands[] = {
	{ "child", 1, do_child },
	{ "exec", 1, do_exec },
	{ "fork", 0, do_fork },
	{ "partner", 0, do_partner },
	{ "reap", 0, do_reap },
	{ "undumpable", 0, do_undumpable },
	{ "zombie", 0, do_zombie },
	{ }
};
