/* SPDX-License-Identifier: GPL-2.0 */
/* All threads of a process, stopped by ptrace, and their registers. */
#ifndef SEIZE_H
#define SEIZE_H

#include "target.h"
#include "threads.h"

/*
 * Nanoseconds until a thread is given up that does not stop: some wait for a disk,
 * or for a child of vfork().
 */
#define PATIENCE	20000000000ull

enum status seize(struct target *target, struct threads *threads);
enum status release(struct threads *threads);
enum status die_together(const struct threads *threads);
pid_t wait_a_while(pid_t tid, int *status);
enum status wait_for_stop(const struct target *target, pid_t tid, bool *gone);
enum status thread_failed(const char *of, pid_t tid);

/* registers.c */
enum status registers_get(struct threads *threads);
enum status registers_set(const struct thread *to, const struct thread *from);
void registers_settle(struct thread *thread);
bool registers_equal(struct thread *was, struct thread *is);
uint64_t rseq_area(const struct thread *thread, size_t *size);

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

/* inject.c */
const char *inject_problem(const struct target *target,
			   const struct dirty_maps *maps,
			   const struct threads *threads);
enum status inject_begin(struct injector *injector, struct target *target,
			 const struct dirty_maps *maps,
			 const struct threads *threads);
enum status inject_call(const struct injector *injector, long number,
			const uint64_t args[3], long *result);
enum status inject_end(const struct injector *injector);

#endif /* SEIZE_H */
