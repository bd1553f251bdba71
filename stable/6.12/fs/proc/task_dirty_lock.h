/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The locks of a listing. Linux 6.12 lists no mappings under their own locks: the walk
 * holds the mmap lock for reading.
 */
#ifndef _FS_PROC_TASK_DIRTY_LOCK_H
#define _FS_PROC_TASK_DIRTY_LOCK_H

#include <linux/mmap_lock.h>
#include <linux/pagewalk.h>

#include "task_dirty.h"

#define DIRTY_WALK_BY_VMA	PGWALK_RDLOCK

static inline int dirty_lock_mappings(struct mm_struct *mm, struct dirty_walk *w)
{
	return mmap_read_lock_killable(mm);
}

static inline void dirty_unlock_mappings(struct mm_struct *mm,
					 struct dirty_walk *w)
{
	mmap_read_unlock(mm);
}

static inline bool dirty_is_contended(const struct dirty_walk *w,
				      struct mm_struct *mm)
{
	return mmap_lock_is_contended(mm);
}

/* Return the next mapping of the walk, or NULL if there is none. */
static inline struct vm_area_struct *dirty_next_vma(struct dirty_walk *w,
						    struct vma_iterator *vmi,
						    struct mm_struct *mm,
						    unsigned long addr)
{
	return vma_find(vmi, w->end);
}

#endif /* _FS_PROC_TASK_DIRTY_LOCK_H */
