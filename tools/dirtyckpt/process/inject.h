/* SPDX-License-Identifier: GPL-2.0 */
/* Have a stopped process make system calls. */
#ifndef INJECT_H
#define INJECT_H

#include "process/target.h"
#include "process/threads.h"

/**
 * struct injector - a thread that makes system calls for us
 * @thread: the thread, with its registers
 * @at: address of a syscall instruction
 * @problem: why it cannot make calls, or NULL
 * @target: its process
 * @rseq_at: address of the rseq area, written by the kernel on resume
 * @rseq_size: size of the rseq area, 0 if there is none
 * @rseq: saved contents of the area
 */
struct injector {
	const struct thread *thread;
	uint64_t at;
	const char *problem;
	const struct target *target;
	uint64_t rseq_at;
	size_t rseq_size;
	char rseq[256];
};

const char *inject_problem(const struct target *target,
			   const struct dirtypages_maps *maps,
			   const struct threads *threads);
enum status inject_begin(struct injector *injector, struct target *target,
			 const struct dirtypages_maps *maps,
			 const struct threads *threads);
enum status inject_call(const struct injector *injector, long number,
			const uint64_t args[3], long *result);
enum status inject_end(const struct injector *injector);

#endif /* INJECT_H */
