/* SPDX-License-Identifier: GPL-2.0 */
/* Stop all threads of a process by ptrace(). */
#ifndef SEIZE_H
#define SEIZE_H

#include "process/target.h"
#include "process/threads.h"

/*
 * How long to wait for a thread to stop, in nanoseconds. Some wait for a disk,
 * or for a child of vfork().
 */
#define PATIENCE	20000000000ull

enum status seize(struct target *target, struct threads *threads);
enum status release(struct threads *threads);
enum status die_together(const struct threads *threads);
pid_t wait_a_while(pid_t tid, int *status);
enum status wait_for_stop(const struct target *target, pid_t tid, bool *gone);
enum status thread_failed(const char *of, pid_t tid);

#endif /* SEIZE_H */
