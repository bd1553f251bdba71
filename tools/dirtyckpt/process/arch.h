/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Everything that depends on the architecture. Each has its arch-<machine>.c.
 *
 * Registers are of type NT_PRSTATUS, except where a function takes a thread.
 */
#ifndef ARCH_H
#define ARCH_H

#include "process/threads.h"

/* Larger than the general registers of any architecture */
enum { GENERAL_BYTES = 1024 };

extern const unsigned int register_notes[SETS];
extern const unsigned char arch_elf_data;
extern const unsigned short arch_elf_machine;

bool arch_is_wide(const struct thread *thread);

/* System calls in progress */
bool arch_in_timed_call(const struct thread *thread);
bool arch_is_continued(const struct thread *thread);
void arch_copy_call(struct thread *to, const struct thread *from);
void arch_repeat_call(struct thread *thread);
void arch_fail_call(struct thread *thread, int error);

/* System calls to be made */
bool arch_can_call(const struct thread *thread);
const void *arch_find_syscall(const void *code, size_t size);
void arch_set_call(void *registers, uint64_t at, long number,
		   const uint64_t args[3]);
long arch_call_result(const void *registers);

bool arch_has_shadow_stack(const char *status);

#endif /* ARCH_H */
