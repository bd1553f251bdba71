// SPDX-License-Identifier: GPL-2.0
/* Registers, calls and features of x86-64. */
#define _GNU_SOURCE
#include "process/arch.h"

#include <elf.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/user.h>

const unsigned int register_notes[SETS] = {
	[SET_GENERAL] = NT_PRSTATUS,
	[SET_FLOAT] = NT_PRFPREG,
	[SET_EXTENDED] = NT_X86_XSTATE,
};

const unsigned char arch_elf_data = ELFDATA2LSB;
const unsigned short arch_elf_machine = EM_X86_64;

/* Code segment of a program of 64 bits */
enum { USER_CS = 0x33 };

/* Result of a call that restart_syscall() continues */
enum { ERESTART_RESTARTBLOCK = 516 };

/*
 * __NR_restart_syscall of int 0x80; for syscall, 0 is read(), which is never
 * continued
 */
enum { RESTART_BY_INT80 = 0 };

/**
 * arch_is_wide() - does a thread have 64-bit registers?
 * @thread: the thread, with its registers
 *
 * Return: true if it does.
 */
bool arch_is_wide(const struct thread *thread)
{
	return thread->size[SET_GENERAL] == sizeof(struct user_regs_struct);
}

/**
 * arch_in_timed_call() - was a thread interrupted in a call with a timeout?
 * @thread: the thread, with its registers
 *
 * Return: true if the kernel would continue it with the rest of the timeout.
 */
bool arch_in_timed_call(const struct thread *thread)
{
	const struct user_regs_struct *regs = thread->set[SET_GENERAL];

	return arch_is_wide(thread) && (long)regs->orig_rax >= 0 &&
	       (long)regs->rax == -ERESTART_RESTARTBLOCK;
}

/**
 * arch_is_continued() - was the call interrupted more than once?
 * @thread: a thread in a call with a timeout
 *
 * After the first interruption, the call has the number of restart_syscall().
 *
 * Return: true if it was.
 */
bool arch_is_continued(const struct thread *thread)
{
	const struct user_regs_struct *regs = thread->set[SET_GENERAL];

	return regs->orig_rax == SYS_restart_syscall ||
	       regs->orig_rax == RESTART_BY_INT80;
}

/**
 * arch_copy_call() - copy the number of a call
 * @to: the thread to change
 * @from: the thread to copy from
 */
void arch_copy_call(struct thread *to, const struct thread *from)
{
	const struct user_regs_struct *regs = from->set[SET_GENERAL];

	((struct user_regs_struct *)to->set[SET_GENERAL])->orig_rax = regs->orig_rax;
}

static void leave_call(struct user_regs_struct *regs)
{
	regs->orig_rax = -1;
}

/**
 * arch_repeat_call() - have a thread make its call again
 * @thread: a thread in a call that still has its own number
 */
void arch_repeat_call(struct thread *thread)
{
	struct user_regs_struct *regs = thread->set[SET_GENERAL];

	regs->rax = regs->orig_rax;
	/* Both "syscall" and "int 0x80" have two bytes. */
	regs->rip -= 2;
	leave_call(regs);
}

/**
 * arch_fail_call() - have a call fail
 * @thread: a thread in the call
 * @error: the errno
 */
void arch_fail_call(struct thread *thread, int error)
{
	struct user_regs_struct *regs = thread->set[SET_GENERAL];

	regs->rax = -error;
	leave_call(regs);
}

/**
 * arch_can_call() - can system calls be injected into a thread?
 * @thread: the thread, with its registers
 *
 * Return: true if it runs 64-bit code.
 */
bool arch_can_call(const struct thread *thread)
{
	const struct user_regs_struct *regs = thread->set[SET_GENERAL];

	return arch_is_wide(thread) && regs->cs == USER_CS;
}

/**
 * arch_find_syscall() - find a syscall instruction
 * @code: code of the vdso
 * @size: its size in bytes
 *
 * Return: its place in @code, or NULL.
 */
const void *arch_find_syscall(const void *code, size_t size)
{
	static const unsigned char syscall[] = { 0x0f, 0x05 };

	return memmem(code, size, syscall, sizeof(syscall));
}

/**
 * arch_set_call() - set registers for a call
 * @registers: the registers, changed
 * @at: address of a syscall instruction
 * @number: number of the call
 * @args: its arguments
 */
void arch_set_call(void *registers, uint64_t at, long number,
		   const uint64_t args[3])
{
	struct user_regs_struct *regs = registers;

	regs->rip = at;
	regs->rax = number;
	leave_call(regs);
	regs->rdi = args[0];
	regs->rsi = args[1];
	regs->rdx = args[2];
}

/**
 * arch_call_result() - return value of a call
 * @registers: registers at the end of the call
 *
 * Return: the value, a negative errno on failure.
 */
long arch_call_result(const void *registers)
{
	return ((const struct user_regs_struct *)registers)->rax;
}

/**
 * arch_has_shadow_stack() - does a process use a shadow stack?
 * @status: text of its /proc/<pid>/status
 *
 * Return: true if it does.
 */
bool arch_has_shadow_stack(const char *status)
{
	static const char name[] = "\nx86_Thread_features:";
	const char *line = strstr(status, name), *found;

	if (!line)
		return false;
	line += strlen(name);
	found = strstr(line, "shstk");
	return found && found < line + strcspn(line, "\n");
}
