// SPDX-License-Identifier: LGPL-2.1 OR BSD-2-Clause
/* Determine the abilities of the running kernel, without touching other processes. */
#include "internal.h"

#include <string.h>

/* Size of the struct in the first version of the library */
enum { SIZE_VER0 = 32 };

static const uint32_t always = DIRTYPAGES_ANONYMOUS | DIRTYPAGES_PRIVATE_FILE |
			       DIRTYPAGES_PRESENT | DIRTYPAGES_SWAPPED;

static uint64_t flags_of(enum dirtypages_backend backend)
{
	switch (backend) {
	case DIRTYPAGES_FILE:
		return always | DIRTYPAGES_LOST | DIRTYPAGES_EXCLUSIVE |
		       DIRTYPAGES_HUGE | DIRTYPAGES_MERGED | DIRTYPAGES_LAZY;
	case DIRTYPAGES_SCAN:
		return always | DIRTYPAGES_HUGE;
	case DIRTYPAGES_PAGEMAP:
		return always;
	default:
		return 0;
	}
}

/* Check one back end with a descriptor of the caller's own address space. */
static int look_at(struct dirtypages_kernel *is, enum dirtypages_backend backend)
{
	struct dirtypages *own;
	int error = dirtypages_open(&own, 0, backend, 0);

	if (error == -ENOSYS)
		return 0;
	if (error)
		return error;
	is->backends |= UINT64_C(1) << backend;
	if (!is->flags) {
		is->flags = flags_of(backend);
		if (!dirtypages_set_range(own, 0, 1) && !own->cut)
			is->can |= DIRTYPAGES_CAN_RANGE;
	}
	dirtypages_close(own);
	return 0;
}

/**
 * dirtypages_kernel_query() - determine the abilities of the running kernel
 * @kernel: filled in; its size is set by the caller, and to the number of bytes
 *	that this library knows if it is greater
 *
 * This opens files of the calling process, and writes to a page of its own that it
 * maps for that purpose. It changes nothing that another process can see.
 *
 * Return: 0; -EINVAL if the size is too small; another negative errno.
 */
int dirtypages_kernel_query(struct dirtypages_kernel *kernel)
{
	struct dirtypages_kernel is = { .size = sizeof(is) };
	const uint64_t size = kernel->size;
	int error = 0;

	if (size < SIZE_VER0)
		return -EINVAL;
	for (int b = DIRTYPAGES_FILE; !error && b <= DIRTYPAGES_PAGEMAP; b++)
		error = look_at(&is, b);
	if (error)
		return error;
	if (dp_is_tracked()) {
		is.can |= DIRTYPAGES_CAN_TRACK;
		if (is.flags)
			is.flags |= DIRTYPAGES_WRITTEN;
		if (is.backends & 1 << DIRTYPAGES_FILE)
			is.can |= DIRTYPAGES_CAN_ACKNOWLEDGE;
	}
	memset(kernel, 0, size);
	if (size < sizeof(is))
		is.size = size;
	memcpy(kernel, &is, is.size);
	return 0;
}
