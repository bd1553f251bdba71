/* SPDX-License-Identifier: GPL-2.0 */
/* All threads of a process, stopped by ptrace. */
#ifndef SEIZE_H
#define SEIZE_H

#include "process/target.h"
#include "process/threads.h"

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

#endif /* SEIZE_H */
