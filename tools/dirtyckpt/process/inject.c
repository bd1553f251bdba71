// SPDX-License-Identifier: GPL-2.0
/*
 * Have a stopped process make system calls that only it can make.
 *
 * The first thread makes them with a syscall instruction of the vdso, so
 * nothing is written into the program. All its signals are blocked meanwhile.
 * Afterwards it is stopped at the same place as before, in the kernel on the
 * way back to user space, with its own registers.
 */
#define _GNU_SOURCE
#include "process/inject.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/arch.h"
#include "process/registers.h"
#include "process/seize.h"

#define FILTERED	"its system calls are filtered (seccomp)"

/* PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG */
#define GET_DISPATCH	((enum __ptrace_request)0x4211)

static uint64_t find_syscall(const struct target *target,
			     const struct dirtypages_maps *maps)
{
	uint64_t at = 0;

	for (size_t i = 0; !at && i < dirtypages_maps_count(maps); i++) {
		const struct dirtypages_mapping *m = dirtypages_maps_get(maps, i);
		size_t size = m->end - m->start;
		const char *found;
		char *code;

		if (strcmp(m->name, "[vdso]"))
			continue;
		code = grow(NULL, size, 1);
		size = target_read(target, m->start, code, size);
		found = arch_find_syscall(code, size);
		if (found)
			at = m->start + (found - code);
		free(code);
	}
	return at;
}

/*
 * A seccomp filter may kill the process for a call that it never makes itself.
 */
static bool is_filtered(const struct target *target)
{
	char text[4096], *line;
	ssize_t len;
	int fd = openat(dirtypages_process_dir(target->process), "status", O_RDONLY | O_CLOEXEC);

	len = fd == -1 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd != -1)
		close(fd);
	text[len > 0 ? len : 0] = '\0';
	line = strstr(text, "\nSeccomp:");
	return !line || strtol(line + strlen("\nSeccomp:"), NULL, 10);
}

/*
 * With syscall user dispatch, calls from outside a given code range, such as
 * the vdso, raise a signal instead.
 */
static bool is_dispatched(const struct thread *thread)
{
	/* struct ptrace_sud_config, missing in older headers */
	uint64_t config[4] = { 0 };

	return !ptrace(GET_DISPATCH, thread->tid, sizeof(config), config) &&
	       config[0];
}

/*
 * Whenever a thread returns to user space, the kernel writes the current CPU to
 * its rseq area, and clears the pointer to a critical section that the thread is
 * not in. In the vdso it is in none, so save the area.
 */
static enum status keep_rseq(struct injector *injector)
{
	pid_t tid = injector->thread->tid;
	ssize_t size;

	injector->rseq_at = rseq_area(injector->thread, &injector->rseq_size);
	if (injector->rseq_size > sizeof(injector->rseq))
		injector->rseq_size = sizeof(injector->rseq);
	size = injector->rseq_size;
	if (pread(injector->target->mem, injector->rseq, size,
		  injector->rseq_at) != size)
		return complain(STATUS_OTHER, "rseq area of thread %d: cannot be read",
				tid);
	return STATUS_OK;
}

static enum status put_back_rseq(const struct injector *injector)
{
	ssize_t size = injector->rseq_size;

	if (pwrite(injector->target->mem, injector->rseq, size,
		   injector->rseq_at) != size)
		return complain(STATUS_OTHER, "rseq area of thread %d: cannot be written",
				injector->thread->tid);
	return STATUS_OK;
}

/* Return a permanent reason why the thread cannot make calls, or NULL. */
static const char *find_problem(const struct thread *thread, uint64_t at)
{
	if (!arch_can_call(thread))
		return "it is not a 64-bit program";
	if (!at)
		return "it has no vdso";
	if (is_dispatched(thread))
		return "it handles its system calls itself (syscall user dispatch)";
	return NULL;
}

/**
 * inject_problem() - check whether a process can make calls
 * @target: the process
 * @maps: its mappings
 * @threads: its threads, seized, with their registers
 *
 * Return: the reason why not, or NULL.
 */
const char *inject_problem(const struct target *target,
			   const struct dirtypages_maps *maps,
			   const struct threads *threads)
{
	const struct thread *thread = &threads->threads[0];
	const char *problem = find_problem(thread, find_syscall(target, maps));

	if (problem || !is_filtered(target))
		return problem;
	/* Suspending filters requires CAP_SYS_ADMIN. */
	if (ptrace(PTRACE_SETOPTIONS, thread->tid, 0, PTRACE_O_SUSPEND_SECCOMP))
		return FILTERED;
	ptrace(PTRACE_SETOPTIONS, thread->tid, 0, 0);
	return NULL;
}

/**
 * inject_begin() - prepare for calls
 * @injector: filled in; @problem is set if no calls can be made
 * @target: the process
 * @maps: its mappings
 * @threads: its threads, seized, with their registers
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status inject_begin(struct injector *injector, struct target *target,
			 const struct dirtypages_maps *maps,
			 const struct threads *threads)
{
	const struct thread *thread = &threads->threads[0];
	/* PTRACE_O_EXITKILL as in die_together() */
	long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
	enum status status;
	uint64_t all = ~0ull;

	*injector = (struct injector){
		.thread = thread,
		.at = find_syscall(target, maps),
		.target = target,
	};
	injector->problem = find_problem(thread, injector->at);
	if (ptrace(PTRACE_SETOPTIONS, thread->tid, 0,
		   options | PTRACE_O_SUSPEND_SECCOMP)) {
		if (is_filtered(target))
			injector->problem = FILTERED;
		if (ptrace(PTRACE_SETOPTIONS, thread->tid, 0, options))
			return thread_failed("", thread->tid);
	}
	if (injector->problem)
		return STATUS_OK;
	status = keep_rseq(injector);
	/* Do this last: only inject_end() undoes it. */
	if (!status &&
	    ptrace(PTRACE_SETSIGMASK, thread->tid, sizeof(all), &all))
		return thread_failed("signals of ", thread->tid);
	return status;
}

/* Continue to the start of the call, or from there to its end. */
static enum status next_stop(pid_t tid)
{
	uint64_t deadline = nanoseconds() + PATIENCE;
	int status, signal = 0;

	do {
		if (ptrace(PTRACE_SYSCALL, tid, 0, (unsigned long)signal))
			return thread_failed("", tid);
		while (wait_a_while(tid, &status) == -1) {
			if (errno != EINTR)
				return complain(STATUS_VANISHED, "thread %d has exited",
						tid);
			if (nanoseconds() > deadline)
				return complain(STATUS_OTHER,
						"an injected system call of thread %d does not return; does it wait for a userfaultfd?",
						tid);
		}
		if (!WIFSTOPPED(status))
			return complain(STATUS_VANISHED, "thread %d has exited",
					tid);
		/* SIGSTOP cannot be blocked. */
		signal = status >> 16 ? 0 : WSTOPSIG(status);
	} while (signal != (SIGTRAP | 0x80));
	return STATUS_OK;
}

/**
 * inject_call() - have the process make a call
 * @injector: filled in by inject_begin(), without a problem
 * @number: number of the call
 * @args: its arguments
 * @result: set to the return value, a negative errno on failure
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status inject_call(const struct injector *injector, long number,
			const uint64_t args[3], long *result)
{
	const struct thread *thread = injector->thread;
	char regs[GENERAL_BYTES];
	struct iovec iov = {
		.iov_base = regs,
		.iov_len = thread->size[SET_GENERAL],
	};
	enum status status;

	memcpy(regs, thread->set[SET_GENERAL], thread->size[SET_GENERAL]);
	arch_set_call(regs, injector->at, number, args);
	if (ptrace(PTRACE_SETREGSET, thread->tid, NT_PRSTATUS, &iov))
		return thread_failed("registers of ", thread->tid);
	status = next_stop(thread->tid);
	if (!status)
		status = next_stop(thread->tid);
	if (status)
		return status;
	if (ptrace(PTRACE_GETREGSET, thread->tid, NT_PRSTATUS, &iov))
		return thread_failed("registers of ", thread->tid);
	*result = arch_call_result(regs);
	return STATUS_OK;
}

/**
 * inject_end() - put the thread back where it was
 * @injector: filled in by inject_begin()
 *
 * The kernel restarts an interrupted call where it checks for signals, not at
 * the end of a call. So the thread must be stopped there when its registers are
 * set.
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status inject_end(const struct injector *injector)
{
	const struct thread *thread = injector->thread;
	enum status status;
	bool gone;

	if (injector->problem)
		return STATUS_OK;
	ptrace(PTRACE_INTERRUPT, thread->tid, 0, 0);
	if (ptrace(PTRACE_CONT, thread->tid, 0, 0))
		return thread_failed("", thread->tid);
	status = wait_for_stop(injector->target, thread->tid, &gone);
	if (gone)
		return complain(STATUS_VANISHED, "thread %d has exited",
				thread->tid);
	if (!status)
		status = put_back_rseq(injector);
	return status ? status : registers_set(thread, thread);
}
