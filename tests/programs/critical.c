// SPDX-License-Identifier: GPL-2.0
/*
 * critical - a process in a critical section of rseq(2), all the time
 *
 * It spins in the section; when the kernel aborts the section, it enters it
 * again. Prints the address of a page that it never touches.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/rseq.h>

static void wait_inside(struct rseq *area)
{
	/* The descriptor, and the signature in front of the abort handler */
	asm volatile(".pushsection __rseq_cs, \"aw\"\n\t"
		     ".balign 32\n"
		     "3:	.long 0, 0\n\t"
		     ".quad 1f, 2f - 1f, 4f\n\t"
		     ".popsection\n"
		     "0:	leaq 3b(%%rip), %%rax\n\t"
		     "movq %%rax, %c[cs](%[area])\n"
		     "1:	pause\n\t"
		     "jmp 1b\n"
		     "2:	ud2\n\t"
		     ".byte 0x0f, 0xb9, 0x3d\n\t"
		     ".long %c[sig]\n"
		     "4:	jmp 0b\n"
		     : : [area] "r" (area), [sig] "i" (RSEQ_SIG),
		       [cs] "i" (__builtin_offsetof(struct rseq, rseq_cs))
		     : "rax", "memory");
}

int main(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || !__rseq_size)
		errx(1, "no page, or no rseq");
	printf("%jx\n", (uintmax_t)(uintptr_t)page);
	fflush(stdout);
	wait_inside((void *)((char *)__builtin_thread_pointer() + __rseq_offset));
}
