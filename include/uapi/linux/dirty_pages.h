/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_DIRTY_PAGES_H
#define _UAPI_LINUX_DIRTY_PAGES_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct dirty_pages_range - the argument of %DIRTY_PAGES_RANGE
 * @size: sizeof(struct dirty_pages_range). A kernel that knows fewer members
 *	accepts a larger struct if the members that it does not know are zero
 * @flags: must be 0
 * @start: address of the first page
 * @end: address after the last page; may lie above all mappings
 *
 * The kernel reads this struct and changes nothing in it.
 */
struct dirty_pages_range {
	__u64 size;
	__u64 flags;
	__u64 start;
	__u64 end;
};

/* The size that the first kernels with this ioctl know */
#define DIRTY_PAGES_RANGE_SIZE_VER0	32

/*
 * Restrict the listing of an open /proc/<pid>/dirty_pages to one range. The magic
 * number is PROCFS_IOCTL_MAGIC of <linux/fs.h>.
 */
#define DIRTY_PAGES_RANGE	_IOW('f', 18, struct dirty_pages_range)

#endif /* _UAPI_LINUX_DIRTY_PAGES_H */
