/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The locks of a listing. The walk holds only the lock of the mapping that it is in,
 * for reading. So the process can map and unmap memory elsewhere meanwhile. It must
 * not change this mapping: the lock excludes munmap, mremap, mprotect, fork and
 * khugepaged, all of which lock a mapping for writing first. Page faults go on.
 *
 * A writer of the mapping holds the mmap lock while it waits for the walk. Never wait
 * for the mmap lock with a mapping locked, or both wait for ever.
 */
#ifndef _FS_PROC_TASK_DIRTY_LOCK_H
#define _FS_PROC_TASK_DIRTY_LOCK_H

#include <linux/err.h>
#include <linux/mmap_lock.h>
#include <linux/pagewalk.h>
#include <linux/rcupdate.h>

#include "task_dirty.h"

#ifdef CONFIG_PER_VMA_LOCK

/* For a walk of the current mapping by walk_page_range_vma() */
#define DIRTY_WALK_BY_VMA	PGWALK_VMA_RDLOCK_VERIFY

static inline int dirty_lock_mappings(struct mm_struct *mm, struct dirty_walk *w)
{
	w->by_vma = true;
	w->locked = NULL;
	return 0;
}

static inline void dirty_unlock_vma(struct dirty_walk *w)
{
	if (w->locked)
		vma_end_read(w->locked);
	w->locked = NULL;
}

static inline void dirty_unlock_mappings(struct mm_struct *mm,
					 struct dirty_walk *w)
{
	dirty_unlock_vma(w);
}

/* Unlock the current mapping, and lock the next one that ends above @addr. */
static inline struct vm_area_struct *dirty_lock_next_vma(struct dirty_walk *w,
							 struct vma_iterator *vmi,
							 struct mm_struct *mm,
							 unsigned long addr)
{
	struct vm_area_struct *vma;

	dirty_unlock_vma(w);
	rcu_read_lock();
	vma_iter_set(vmi, addr);
	vma = lock_next_vma(mm, vmi, addr);
	rcu_read_unlock();
	if (!IS_ERR_OR_NULL(vma))
		w->locked = vma;
	return vma;
}

/* Return true if another task waits for the lock that the walk holds. */
static inline bool dirty_is_contended(const struct dirty_walk *w,
				      struct mm_struct *mm)
{
	if (!w->by_vma)
		return mmap_lock_is_contended(mm);
	return w->locked && (refcount_read(&w->locked->vm_refcnt) &
			     VM_REFCNT_EXCLUDE_READERS_FLAG);
}

#else /* CONFIG_PER_VMA_LOCK */

#if defined(CONFIG_SMP) && !defined(CONFIG_UML) && \
	(defined(CONFIG_X86_64) || defined(CONFIG_ARM64))
#error "These kernels have locks for each mapping: which option stands for them now?"
#endif

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

static inline struct vm_area_struct *dirty_lock_next_vma(struct dirty_walk *w,
							 struct vma_iterator *vmi,
							 struct mm_struct *mm,
							 unsigned long addr)
{
	return vma_next(vmi);
}

static inline bool dirty_is_contended(const struct dirty_walk *w,
				      struct mm_struct *mm)
{
	return mmap_lock_is_contended(mm);
}

#endif /* CONFIG_PER_VMA_LOCK */

/*
 * Return the next mapping of the walk that ends above @addr, NULL if there is none, or
 * an error pointer: -EINTR, or -EAGAIN if the mapping has too many readers already. If
 * the walk is not by mapping, the caller holds the mmap lock.
 */
static inline struct vm_area_struct *dirty_next_vma(struct dirty_walk *w,
						    struct vma_iterator *vmi,
						    struct mm_struct *mm,
						    unsigned long addr)
{
	struct vm_area_struct *vma;

	if (addr >= w->end)
		return NULL;
	vma = w->by_vma ? dirty_lock_next_vma(w, vmi, mm, addr) : vma_next(vmi);
	if (!IS_ERR_OR_NULL(vma) && vma->vm_start >= w->end)
		return NULL;
	return vma;
}

#endif /* _FS_PROC_TASK_DIRTY_LOCK_H */
