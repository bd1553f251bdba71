/* SPDX-License-Identifier: GPL-2.0 */
/* torture: the interface of the target (torture-target.c) and the checkpointer */
#ifndef TORTURE_H
#define TORTURE_H

#include <stddef.h>
#include <stdint.h>

#define PAGE ((size_t)4096)
#define HUGE ((size_t)2 << 20)
#define MOST_PAGES 1024

enum kind { SMALL, TABLES, THP, FILED, HUGETLB, MERGED, HEAP, PINNED, UFFD, KINDS };

/* For each page, the generation of its last change, or other event */
typedef uint32_t generations[KINDS][MOST_PAGES];

/*
 * Memory that both processes share. Each acknowledgment begins a generation. The
 * target notes the generation in which it changes a page, so the checkpointer knows
 * whether a page that is d again was written.
 */
struct control {
	int io;			/* the kernel is writing into pinned memory */
	int ready;
	uint64_t writes;
	uint64_t operations;
	uintptr_t start[KINDS];
	size_t pages[KINDS];	/* for HEAP, the maximum */
	uint32_t generation;
	generations changed, collapsed;
};

extern struct control *control;
extern uint64_t seed;

static inline uint64_t rnd(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (*state * 0x2545f4914f6cdd1dull >> 20) % below;
}

/* Be the target, which reads from that disk; NULL if there is none; does not return. */
void target(const char *disk_name);

#endif /* TORTURE_H */
