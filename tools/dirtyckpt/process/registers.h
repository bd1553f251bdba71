/* SPDX-License-Identifier: GPL-2.0 */
/* Registers of stopped threads. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include "dirtyckpt.h"
#include "process/threads.h"

enum status registers_get(struct threads *threads);
enum status registers_set(const struct thread *to, const struct thread *from);
void registers_settle(struct thread *thread);
bool registers_equal(struct thread *was, struct thread *is);
uint64_t rseq_area(const struct thread *thread, size_t *size);

#endif /* REGISTERS_H */
