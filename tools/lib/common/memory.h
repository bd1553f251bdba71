/* SPDX-License-Identifier: GPL-2.0 */
/* Allocations that end the program when they fail. */
#ifndef COMMON_MEMORY_H
#define COMMON_MEMORY_H

#include <stddef.h>

void *checked(void *pointer);
void *grow(void *array, size_t count, size_t size);

#endif /* COMMON_MEMORY_H */
