// SPDX-License-Identifier: GPL-2.0
/*
 * killat N COMMAND [ARGUMENT...] - kill a command before the Nth of its system
 * calls that change something
 *
 * Calls that only read, open or wait do not count: to be killed before one of
 * them is the same as to be killed before the next call. Exits with 0 if the
 * command was killed, with 1 if it ended and succeeded, with 2 otherwise.
 */
#define _GNU_SOURCE
#include <err.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static bool changes_something(const struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_write:
		return regs->rdi > STDERR_FILENO;
	case SYS_pwrite64:
	case SYS_ftruncate:
	case SYS_mkdir:
	case SYS_mkdirat:
	case SYS_rename:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_unlink:
	case SYS_unlinkat:
		return true;
	case SYS_ptrace:
		return regs->rdi != PTRACE_GETREGSET &&
		       regs->rdi != PTRACE_PEEKSIGINFO &&
		       regs->rdi != PTRACE_GETSIGMASK;
	}
	return false;
}

static void wait_for(pid_t pid, int *status)
{
	if (waitpid(pid, status, 0) != pid)
		err(2, "the command has vanished");
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[1]) : 0, status;
	struct user_regs_struct regs;
	bool entry = true;
	pid_t pid;

	if (n < 1)
		errx(2, "N COMMAND...");
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[2], argv + 2);
		err(2, "%s", argv[2]);
	}
	wait_for(pid, &status);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (;;) {
		int signal = WSTOPSIG(status);

		if (!WIFSTOPPED(status))
			return WIFEXITED(status) && !WEXITSTATUS(status) ? 1 : 2;
		if (signal == (SIGTRAP | 0x80)) {
			ptrace(PTRACE_GETREGS, pid, 0, &regs);
			if (entry && changes_something(&regs) && !--n)
				break;
			entry = !entry;
		}
		if (signal == (SIGTRAP | 0x80) || signal == SIGTRAP || signal == SIGSTOP)
			signal = 0;
		ptrace(PTRACE_SYSCALL, pid, 0, (long)signal);
		wait_for(pid, &status);
	}
	kill(pid, SIGKILL);
	wait_for(pid, &status);
	return 0;
}
