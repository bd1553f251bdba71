// SPDX-License-Identifier: GPL-2.0
/* Registers of stopped threads. */
#define _GNU_SOURCE
#include "process/registers.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "process/arch.h"
#include "process/seize.h"

static enum status get_set(struct thread *thread, int set)
{
	static const size_t room = 1 << 16;
	struct iovec iov = { .iov_base = grow(NULL, room, 1), .iov_len = room };

	if (!ptrace(PTRACE_GETREGSET, thread->tid, register_notes[set], &iov)) {
		thread->set[set] = grow(iov.iov_base, iov.iov_len, 1);
		thread->size[set] = iov.iov_len;
		return STATUS_OK;
	}
	free(iov.iov_base);
	/* Not every processor has extended registers. */
	if (set == SET_EXTENDED && (errno == ENODEV || errno == EINVAL))
		return STATUS_OK;
	return thread_failed("registers of ", thread->tid);
}

/*
 * Return the set of signals pending for this thread alone; peeking does not
 * dequeue them.
 */
static uint64_t pending_signals(pid_t tid)
{
	struct __ptrace_peeksiginfo_args args = { .nr = 1 };
	uint64_t pending = 0;
	siginfo_t info;

	while (ptrace(PTRACE_PEEKSIGINFO, tid, &args, &info) == 1) {
		if (info.si_signo > 0 && info.si_signo <= 64)
			pending |= 1ull << (info.si_signo - 1);
		args.off++;
	}
	return pending;
}

/**
 * registers_get() - read registers and signal masks of all threads
 * @threads: the threads, seized
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status registers_get(struct threads *threads)
{
	for (size_t i = 0; i < threads->count; i++) {
		struct thread *thread = &threads->threads[i];

		if (ptrace(PTRACE_GETSIGMASK, thread->tid, sizeof(thread->mask),
			   &thread->mask))
			return thread_failed("signals of ", thread->tid);
		thread->pending = pending_signals(thread->tid);
		for (int set = 0; set < SETS; set++) {
			enum status status = get_set(thread, set);

			if (status)
				return status;
		}
	}
	return STATUS_OK;
}

/**
 * registers_set() - set registers and signal mask of a thread
 * @to: the thread, seized
 * @from: the thread to copy from
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status registers_set(const struct thread *to, const struct thread *from)
{
	/* The extended set includes the floating-point registers. */
	for (int set = SETS - 1; set >= 0; set--) {
		struct iovec iov = {
			.iov_base = from->set[set],
			.iov_len = from->size[set],
		};

		if (!from->set[set] ||
		    (set == SET_FLOAT && from->set[SET_EXTENDED]))
			continue;
		if (ptrace(PTRACE_SETREGSET, to->tid, register_notes[set], &iov))
			return thread_failed("registers of ", to->tid);
	}
	/*
	 * The mask of kernel-created threads, such as those of io_uring, cannot
	 * be set.
	 */
	if ((to == from || to->mask != from->mask) &&
	    ptrace(PTRACE_SETSIGMASK, to->tid, sizeof(from->mask), &from->mask))
		return thread_failed("signals of ", to->tid);
	return STATUS_OK;
}

/**
 * registers_settle() - make registers independent of kernel state
 * @thread: the thread, changed
 *
 * A thread that was stopped in a system call has -ERESTART... as its result,
 * and the number of the call beside it. When the thread continues, the kernel
 * restarts the call, or has it fail with EINTR if a signal is to be handled. A
 * restore does not change this: a thread is always stopped at the same place in
 * the kernel. The exception is a call that the kernel would continue with the
 * rest of a timeout, as that may be the timeout of another call by then: make
 * the call again, with the whole timeout. If the call had been continued
 * already, its number is lost, and it fails with EINTR, which callers of these
 * calls have to expect.
 */
void registers_settle(struct thread *thread)
{
	if (!arch_in_timed_call(thread))
		return;
	if (arch_is_continued(thread))
		arch_fail_call(thread, EINTR);
	else
		arch_repeat_call(thread);
}

/**
 * registers_equal() - are the registers of a thread unchanged?
 * @was: the thread as it was saved; registers_settle() is applied
 * @is: the thread as it is; registers_settle() is applied
 *
 * A call that was interrupted again is the same call with another number.
 *
 * Return: true if they are.
 */
bool registers_equal(struct thread *was, struct thread *is)
{
	bool both = arch_in_timed_call(was) && arch_in_timed_call(is);

	if (both && arch_is_continued(was))
		arch_copy_call(is, was);
	else if (both && arch_is_continued(is))
		arch_copy_call(was, is);
	registers_settle(was);
	registers_settle(is);
	for (int set = 0; set < SETS; set++)
		if (was->size[set] != is->size[set] ||
		    (was->size[set] &&
		     memcmp(was->set[set], is->set[set], was->size[set])))
			return false;
	return was->mask == is->mask;
}

/**
 * rseq_area() - find the area that a thread registered by rseq(2)
 * @thread: the thread, seized and stopped
 * @size: set to the size of the area
 *
 * Return: its address, or 0.
 */
uint64_t rseq_area(const struct thread *thread, size_t *size)
{
	struct __ptrace_rseq_configuration rseq = { 0 };

	*size = 0;
	/* A kernel without rseq fails here. */
	if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, thread->tid, sizeof(rseq),
		   &rseq) < 0 || !rseq.rseq_abi_pointer)
		return 0;
	*size = rseq.rseq_abi_size;
	return rseq.rseq_abi_pointer;
}
