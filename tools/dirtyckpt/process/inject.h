/* SPDX-License-Identifier: GPL-2.0 */
/* Calls that a stopped process makes for us. */
#ifndef INJECT_H
#define INJECT_H

#include "process/target.h"
#include "process/threads.h"

/**
 * struct injector - a thread that makes calls for us
 * @thread: which; its registers are known
 * @at: address of an instruction "syscall"
 * @problem: why it cannot make calls, or NULL
 * @target: its process
 * @rseq_at: address of what the kernel writes to as it goes on
 * @rseq_size: bytes of that, 0 if there is no such thing
 * @rseq: what was there
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
			   const struct dirty_maps *maps,
			   const struct threads *threads);
enum status inject_begin(struct injector *injector, struct target *target,
			 const struct dirty_maps *maps,
			 const struct threads *threads);
enum status inject_call(const struct injector *injector, long number,
			const uint64_t args[3], long *result);
enum status inject_end(const struct injector *injector);

#endif /* INJECT_H */
