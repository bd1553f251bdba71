// SPDX-License-Identifier: GPL-2.0
/* Allocations that end the program when they fail. */
#define _GNU_SOURCE
#include "common/memory.h"

#include <stdlib.h>

#include "common/message.h"

/**
 * checked() - end the program if an allocation failed
 * @pointer: the result of the allocation
 *
 * Return: @pointer, never NULL.
 */
void *checked(void *pointer)
{
	if (!pointer)
		die(STATUS_OTHER, "not enough memory");
	return pointer;
}

/**
 * grow() - resize an array, or end the program
 * @array: the array, or NULL
 * @count: its new number of elements
 * @size: the size of an element
 *
 * Return: the array.
 */
void *grow(void *array, size_t count, size_t size)
{
	return checked(reallocarray(array, count ? count : 1, size));
}
