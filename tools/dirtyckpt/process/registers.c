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
	/* Not every processor has extended ones. */
	if (set == SET_EXTENDED && (errno == ENODEV || errno == EINVAL))
		return STATUS_OK;
	return thread_failed("registers of ", thread->tid);
}

/* Signals that wait for this thread alone; looking does not take them. */
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
 * registers_get() - read the registers of all threads
 * @threads: seized
 *
 * Return: STATUS_OK, or what the program is to end with.
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
 * registers_set() - give a thread other registers, and another signal mask
 * @to: the thread, seized
 * @from: where they come from
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status registers_set(const struct thread *to, const struct thread *from)
{
	/* The extended ones have those of floating point among them. */
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
	/* Of threads that the kernel made, as for io_uring, it cannot be set. */
	if ((to == from || to->mask != from->mask) &&
	    ptrace(PTRACE_SETSIGMASK, to->tid, sizeof(from->mask), &from->mask))
		return thread_failed("signals of ", to->tid);
	return STATUS_OK;
}

/**
 * registers_settle() - make registers independent of what the kernel remembers
 * @thread: whose, to be changed
 *
 * A thread that was stopped in a call has -ERESTART... as its result and the
 * number of the call beside it, from which the kernel makes the call again when
 * the thread goes on, or has it fail with EINTR if there is a signal to handle.
 * That is so after a restore as well, whatever the thread was doing before,
 * since it is stopped at the same place in the kernel. Only where the kernel
 * would go on with the rest of a time-out, which by then is another one's, the
 * call is made anew, with the whole of it. If it was being continued already,
 * nothing tells which call it was, and it fails with EINTR: the callers of these
 * calls have to reckon with that.
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
 * registers_equal() - is a thread where it was?
 * @was: as it was, to be settled
 * @is: as it is, to be settled
 *
 * A call that was interrupted once more is still the same, under another number.
 *
 * Return: true if so.
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
 * rseq_area() - what has a thread registered by rseq(2)?
 * @thread: which, seized and stopped
 * @size: set to how many bytes
 *
 * Return: the address, 0 if there is none.
 */
uint64_t rseq_area(const struct thread *thread, size_t *size)
{
	struct __ptrace_rseq_configuration rseq = { 0 };

	*size = 0;
	/* A kernel without rseq does not know the question. */
	if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, thread->tid, sizeof(rseq),
		   &rseq) < 0 || !rseq.rseq_abi_pointer)
		return 0;
	*size = rseq.rseq_abi_size;
	return rseq.rseq_abi_pointer;
}
