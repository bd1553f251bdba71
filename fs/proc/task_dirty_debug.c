// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs dirty_pages/: the self-check of /proc/<pid>/dirty_pages, the size of its
 * batches, and fault injection.
 *
 * verify	write a pid and read the result on the same descriptor. For each
 *		page, the check compares the range walk behind the file with
 *		get_dirty_page(), and its flags with those of the plain walk. It
 *		also finds pages that could be written without a trace.
 * batch	the limit of entries for one hold of a lock
 * fail/	faults to inject into readers and writers
 *
 * The check brings swapped pages in, marks pages accessed and waits for migration.
 * It is a debugging aid for root, not a way to list.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/hugetlb.h>
#include <linux/leafops.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "task_dirty.h"

/* Pages to check at a time */
#define CHUNK_PAGES	512

/* Entries of a stretch, within which whole runs are compared */
#define STRETCH_ENTRIES	4096

/* Retry limit for a page that changes, or differs */
#define VERIFY_TRIES	10

/* Differing addresses to report; all are counted */
#define VERIFY_ADDRESSES	64UL

enum page_answer {
	ANSWER_CLEAN,
	ANSWER_DIRTY,
	ANSWER_ERROR,
	ANSWER_UNSURE,		/* the page was changing */
};

/**
 * struct verify - a check of one process, and its result
 * @mm: the address space
 * @start: first address of the current chunk or stretch
 * @end: address after its last page
 * @runs: room for the range walk of a chunk or a stretch
 * @other_runs: room for another walk of the same stretch
 * @before: flags of each page of the chunk by the range walk, 0 if clean
 * @asked: the answers of get_dirty_page()
 * @between: as @before, after get_dirty_page()
 * @plain: flags by the plain walk
 * @after: as @before, after the plain walk
 * @unseen: pages of the chunk that are writable without the soft-dirty bit
 * @differs: pages of the chunk that differed at every try so far
 * @checked: number of pages compared
 * @differ: number of pages that differ though they did not change, and of
 *	stretches whose runs differ
 * @skipped: number of pages in mappings that get_dirty_page() cannot walk, and
 *	of pages that did not stop changing
 * @addresses: the first addresses that differ
 * @ran: a check has been completed
 */
struct verify {
	struct mm_struct *mm;
	unsigned long start;
	unsigned long end;
	struct dirty_run runs[STRETCH_ENTRIES];
	struct dirty_run other_runs[STRETCH_ENTRIES];
	u16 before[CHUNK_PAGES];
	u8 asked[CHUNK_PAGES];
	u16 between[CHUNK_PAGES];
	u16 plain[CHUNK_PAGES];
	u16 after[CHUNK_PAGES];
	DECLARE_BITMAP(unseen, CHUNK_PAGES);
	DECLARE_BITMAP(differs, CHUNK_PAGES);
	unsigned long checked;
	unsigned long differ;
	unsigned long skipped;
	unsigned long addresses[VERIFY_ADDRESSES];
	bool ran;
};

static unsigned int pages_in_chunk(const struct verify *v)
{
	return (v->end - v->start) >> PAGE_SHIFT;
}

/*
 * Get the flags of the chunk by the walk of the file, or by the plain walk. The
 * caller holds the mmap lock.
 */
static void ask_walk(struct verify *v, u16 *flags, bool plain)
{
	struct dirty_walk w = {
		.runs.end = v->runs + CHUNK_PAGES,
		.next = v->start,
		.end = v->end,
		.plain = plain,
	};
	struct dirty_run *run;
	bool done;

	memset(flags, 0, CHUNK_PAGES * sizeof(*flags));
	do {
		w.runs.free = v->runs;
		w.budget = max(READ_ONCE(dirty_pages_batch), 1U);
		done = dirty_walk_batch(v->mm, &w);

		for (run = v->runs; run != w.runs.free; run++) {
			unsigned long addr = run->start;

			for (; addr < run->end; addr += PAGE_SIZE)
				flags[(addr - v->start) >> PAGE_SHIFT] =
					run->flags;
		}
	} while (!done);
}

static enum page_answer answer_of(u16 flags)
{
	if (flags & DIRTY_ERROR)
		return ANSWER_ERROR;
	return flags ? ANSWER_DIRTY : ANSWER_CLEAN;
}

/*
 * Get the answer of get_dirty_page(). The caller holds the mmap lock, which may be
 * dropped and taken again, so the mapping may be gone. On error, it is not held.
 */
static int ask_reference(struct verify *v, unsigned long addr, u8 *answer)
{
	struct page *page;
	int locked = 1;
	int ret = 0;

	page = get_dirty_page(v->mm, addr, &locked);
	if (!locked)
		ret = mmap_read_lock_killable(v->mm);

	if (!page) {
		*answer = ANSWER_CLEAN;
	} else if (!IS_ERR(page)) {
		put_page(page);
		*answer = ANSWER_DIRTY;
	} else if (PTR_ERR(page) == -EHWPOISON) {
		*answer = ANSWER_ERROR;
	} else if (PTR_ERR(page) == -EINTR || PTR_ERR(page) == -ENOMEM) {
		if (!ret)
			mmap_read_unlock(v->mm);
		ret = PTR_ERR(page);
	} else {
		*answer = ANSWER_UNSURE;
	}
	return ret;
}

/*
 * Return true if get_dirty_page() may report an error for this entry that the
 * listing does not show. A poison marker stands for no page. In a mapping without
 * private pages, a lost page is the file's. A page in swap is lost with its copy in
 * the swap cache, which the entry does not record.
 */
static bool pte_may_fail(struct vm_area_struct *vma, pte_t pte)
{
	softleaf_t entry = softleaf_from_pte(pte);

	return softleaf_is_swap(entry) || softleaf_is_poison_marker(entry) ||
	       (softleaf_is_hwpoison(entry) && !vma->anon_vma);
}

static int may_fail_pmd_entry(pmd_t *pmd, unsigned long addr,
			      unsigned long end, struct mm_walk *walk)
{
	spinlock_t *ptl;
	pte_t *pte;
	int ret;

	pte = pte_offset_map_lock(walk->mm, pmd, addr, &ptl);
	if (!pte)
		return 0;
	ret = pte_may_fail(walk->vma, ptep_get(pte));
	pte_unmap_unlock(pte, ptl);
	return ret;
}

#ifdef CONFIG_HUGETLB_PAGE
static int may_fail_hugetlb_entry(pte_t *pte, unsigned long hmask,
				  unsigned long addr, unsigned long end,
				  struct mm_walk *walk)
{
	return pte_may_fail(walk->vma,
			    huge_ptep_get(walk->mm, addr & hmask, pte));
}
#else
#define may_fail_hugetlb_entry	NULL
#endif

static const struct mm_walk_ops may_fail_ops = {
	.pud_entry	= dirty_skip_huge_pud,
	.pmd_entry	= may_fail_pmd_entry,
	.hugetlb_entry	= may_fail_hugetlb_entry,
	.walk_lock	= PGWALK_RDLOCK,
};

/* Return true if a write would leave no trace, now or after the migration. */
static bool pte_is_unseen(pte_t pte)
{
	if (pte_present(pte))
		return pte_write(pte) && !pte_soft_dirty(pte);
	return softleaf_is_migration_write(softleaf_from_pte(pte)) &&
	       !pte_swp_soft_dirty(pte);
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static bool pmd_is_unseen(pmd_t pmd)
{
	if (pmd_present(pmd))
		return pmd_write(pmd) && !pmd_soft_dirty(pmd);
	return softleaf_is_migration_write(softleaf_from_pmd(pmd)) &&
	       !pmd_swp_soft_dirty(pmd);
}
#else
static bool pmd_is_unseen(pmd_t pmd)
{
	return false;
}
#endif

static int unseen_pmd_entry(pmd_t *pmd, unsigned long addr, unsigned long end,
			    struct mm_walk *walk)
{
	struct verify *v = walk->private;
	unsigned long first = (addr - v->start) >> PAGE_SHIFT;
	unsigned long i, nr = (end - addr) >> PAGE_SHIFT;
	spinlock_t *ptl;
	pte_t *pte;

	ptl = pmd_trans_huge_lock(pmd, walk->vma);
	if (ptl) {
		if (pmd_is_unseen(*pmd))
			bitmap_set(v->unseen, first, nr);
		spin_unlock(ptl);
		return 0;
	}
	pte = pte_offset_map_lock(walk->mm, pmd, addr, &ptl);
	if (!pte)
		return 0;
	for (i = 0; i < nr; i++) {
		if (pte_is_unseen(ptep_get(pte + i)))
			set_bit(first + i, v->unseen);
	}
	pte_unmap_unlock(pte, ptl);
	return 0;
}

/* Skip mappings where writable entries may map other pages, or lack the bit. */
static int walk_usual(unsigned long addr, unsigned long end,
		      struct mm_walk *walk)
{
	return !vma_is_cow_mapping(walk->vma) ||
	       (walk->vma->vm_flags & DIRTY_VM_SPECIAL);
}

static const struct mm_walk_ops unseen_ops = {
	.test_walk	= walk_usual,
	.pud_entry	= dirty_skip_huge_pud,
	.pmd_entry	= unseen_pmd_entry,
	.walk_lock	= PGWALK_RDLOCK,
};

/*
 * Find entries of private mappings that are writable without the soft-dirty bit.
 * The caller holds the mmap lock.
 */
static void ask_entries(struct verify *v)
{
	bitmap_zero(v->unseen, CHUNK_PAGES);
	if (pgtable_supports_soft_dirty())
		walk_page_range(v->mm, v->start, v->end, &unseen_ops, v);
}

/* Return true if the page did not change during the comparison. */
static bool is_stable(const struct verify *v, unsigned int i)
{
	return answer_of(v->before[i]) == answer_of(v->between[i]) &&
	       v->between[i] == v->after[i] && v->asked[i] != ANSWER_UNSURE;
}

static bool answers_agree(struct verify *v, unsigned int i)
{
	unsigned long addr = v->start + i * PAGE_SIZE;

	if (v->plain[i] != v->after[i] || test_bit(i, v->unseen))
		return false;
	if (v->asked[i] == answer_of(v->after[i]))
		return true;
	return v->asked[i] == ANSWER_ERROR &&
	       walk_page_range(v->mm, addr, addr + PAGE_SIZE, &may_fail_ops,
			       NULL) == 1;
}

/*
 * Compare the chunk once. A page differs if the range walk has the same result before
 * and after another walk that has a different one. get_dirty_page() is compared by
 * its answer only, since it may change flags: it brings pages in.
 */
static int compare_chunk(struct verify *v)
{
	unsigned int i;
	int ret;

	ret = mmap_read_lock_killable(v->mm);
	if (ret)
		return ret;
	ask_walk(v, v->before, false);
	for_each_set_bit(i, v->differs, pages_in_chunk(v)) {
		ret = ask_reference(v, v->start + i * PAGE_SIZE, &v->asked[i]);
		if (ret)
			return ret;
	}
	ask_walk(v, v->between, false);
	ask_walk(v, v->plain, true);
	ask_walk(v, v->after, false);
	ask_entries(v);
	for_each_set_bit(i, v->differs, pages_in_chunk(v)) {
		if (is_stable(v, i) && answers_agree(v, i))
			clear_bit(i, v->differs);
	}
	mmap_read_unlock(v->mm);
	return 0;
}

static void note_difference(struct verify *v, unsigned long addr)
{
	if (v->differ < VERIFY_ADDRESSES)
		v->addresses[v->differ] = addr;
	v->differ++;
}

static int verify_chunk(struct verify *v)
{
	unsigned int tries, i;
	int ret;

	bitmap_fill(v->differs, pages_in_chunk(v));
	for (tries = 0; tries < VERIFY_TRIES; tries++) {
		ret = compare_chunk(v);
		if (ret)
			return ret;
		if (bitmap_empty(v->differs, pages_in_chunk(v)))
			break;
		cond_resched();
	}

	v->checked += pages_in_chunk(v);
	for_each_set_bit(i, v->differs, pages_in_chunk(v)) {
		/* The page still changed during the last try. */
		if (!is_stable(v, i)) {
			v->checked--;
			v->skipped++;
			continue;
		}
		note_difference(v, v->start + i * PAGE_SIZE);
	}
	return 0;
}

/* Get the runs of a stretch, clipped at its end. Return their number. */
static size_t walk_stretch(struct verify *v, struct dirty_run *runs, bool plain)
{
	struct dirty_walk w = {
		.runs.free = runs,
		.runs.end = runs + STRETCH_ENTRIES,
		.next = v->start,
		.end = v->end,
		.plain = plain,
	};

	do {
		w.budget = STRETCH_ENTRIES;
	} while (!dirty_walk_batch(v->mm, &w) && w.runs.free != w.runs.end);
	return w.runs.free - runs;
}

/*
 * Compare the runs of the range walk with those of the plain walk, across page
 * tables and mappings. A stretch ends where the range walk has visited
 * STRETCH_ENTRIES entries.
 */
static int compare_stretch(struct verify *v, bool *same, bool *stable)
{
	struct dirty_walk w = {
		.runs.free = v->runs,
		.runs.end = v->runs + STRETCH_ENTRIES,
		.next = v->start,
		.end = v->mm->task_size,
		.budget = STRETCH_ENTRIES,
	};
	size_t fast, plain;
	int ret;

	ret = mmap_read_lock_killable(v->mm);
	if (ret)
		return ret;
	dirty_walk_batch(v->mm, &w);
	v->end = w.next;

	fast = walk_stretch(v, v->runs, false);
	plain = walk_stretch(v, v->other_runs, true);
	*same = fast == plain &&
		!memcmp(v->runs, v->other_runs, fast * sizeof(*v->runs));
	*stable = fast == walk_stretch(v, v->other_runs, false) &&
		  !memcmp(v->runs, v->other_runs, fast * sizeof(*v->runs));
	mmap_read_unlock(v->mm);
	return 0;
}

static int verify_runs(struct verify *v)
{
	bool same, stable;
	unsigned int tries;
	int ret;

	for (v->start = 0; v->start < v->mm->task_size; v->start = v->end) {
		tries = 0;
		do {
			ret = compare_stretch(v, &same, &stable);
			if (ret)
				return ret;
			cond_resched();
		} while (!same && ++tries < VERIFY_TRIES);
		if (!same && stable)
			note_difference(v, v->start);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/* Find the next existing page table, independently of the walk of the file. */
static int populated(unsigned long addr, unsigned long end,
		     struct mm_walk *walk)
{
	struct verify *v = walk->private;

	v->start = addr;
	v->end = min(end, addr + CHUNK_PAGES * PAGE_SIZE);
	return 1;
}

static int populated_pmd(pmd_t *pmd, unsigned long addr, unsigned long end,
			 struct mm_walk *walk)
{
	return populated(addr, end, walk);
}

static int populated_hugetlb(pte_t *pte, unsigned long hmask,
			     unsigned long addr, unsigned long end,
			     struct mm_walk *walk)
{
	return populated(addr, end, walk);
}

static int walk_private(unsigned long addr, unsigned long end,
			struct mm_walk *walk)
{
	return !vma_is_cow_mapping(walk->vma);
}

static const struct mm_walk_ops populated_ops = {
	.test_walk	= walk_private,
	.pud_entry	= dirty_skip_huge_pud,
	.pmd_entry	= populated_pmd,
	.hugetlb_entry	= populated_hugetlb,
	.walk_lock	= PGWALK_RDLOCK,
};

static int verify_mm(struct verify *v)
{
	unsigned long addr = 0;
	struct vm_area_struct *vma;
	bool skip;
	int ret;

	for (;;) {
		ret = mmap_read_lock_killable(v->mm);
		if (ret)
			return ret;
		ret = walk_page_range(v->mm, addr, v->mm->task_size,
				      &populated_ops, v);
		vma = ret == 1 ? vma_lookup(v->mm, v->start) : NULL;
		skip = vma && (vma->vm_flags & (VM_IO | VM_PFNMAP));
		mmap_read_unlock(v->mm);
		if (ret <= 0)
			return ret;

		if (skip)
			v->skipped += pages_in_chunk(v);
		else
			ret = verify_chunk(v);
		if (ret < 0)
			return ret;
		if (fatal_signal_pending(current))
			return -EINTR;
		addr = v->end;
		if (addr >= v->mm->task_size)
			return 0;
	}
}

static ssize_t verify_write(struct file *file, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	struct seq_file *m = file->private_data;
	struct verify *v = m->private;
	struct task_struct *task;
	struct mm_struct *mm;
	int pid, ret;

	ret = kstrtoint_from_user(buf, count, 10, &pid);
	if (ret)
		return ret;
	task = find_get_task_by_vpid(pid);
	if (!task)
		return -ESRCH;
	mm = get_task_mm(task);
	put_task_struct(task);
	if (!mm)
		return -ESRCH;

	/* seq_read() of the result holds the same mutex. */
	ret = mutex_lock_killable(&m->lock);
	if (!ret) {
		v->mm = mm;
		v->checked = 0;
		v->differ = 0;
		v->skipped = 0;
		ret = verify_mm(v) ?: verify_runs(v);
		v->ran = !ret;
		mutex_unlock(&m->lock);
	}
	mmput(mm);
	return ret ?: count;
}

static int verify_show(struct seq_file *m, void *unused)
{
	struct verify *v = m->private;
	unsigned int i;

	if (!v->ran)
		return 0;
	seq_printf(m, "checked %lu differ %lu skipped %lu\n", v->checked,
		   v->differ, v->skipped);
	for (i = 0; i < min(v->differ, VERIFY_ADDRESSES); i++)
		seq_printf(m, "%08lx\n", v->addresses[i]);
	if (v->differ > VERIFY_ADDRESSES)
		seq_puts(m, "...\n");
	return 0;
}

static int verify_open(struct inode *inode, struct file *file)
{
	struct verify *v = kvzalloc(sizeof(*v), GFP_KERNEL);
	int ret;

	if (!v)
		return -ENOMEM;
	ret = single_open(file, verify_show, v);
	if (ret)
		kvfree(v);
	return ret;
}

static int verify_release(struct inode *inode, struct file *file)
{
	kvfree(((struct seq_file *)file->private_data)->private);
	return single_release(inode, file);
}

static const struct file_operations verify_fops = {
	.owner		= THIS_MODULE,
	.open		= verify_open,
	.read		= seq_read,
	.write		= verify_write,
	.llseek		= seq_lseek,
	.release	= verify_release,
};

#ifdef CONFIG_PROC_DIRTY_PAGES_FAIL
static struct fault_attr faults[NR_DIRTY_FAULTS] = {
	[0 ... NR_DIRTY_FAULTS - 1] = FAULT_ATTR_INITIALIZER,
};

static const char *const fault_names[NR_DIRTY_FAULTS] = {
	[DIRTY_FAIL_ALLOCATION]		= "allocation",
	[DIRTY_FAIL_CONTENTION]		= "contention",
	[DIRTY_FAIL_COPY_FROM_USER]	= "copy_from_user",
	[DIRTY_FAIL_COPY_TO_USER]	= "copy_to_user",
	[DIRTY_FAIL_EXIT]		= "exit",
	[DIRTY_FAIL_FLUSH]		= "flush",
	[DIRTY_FAIL_LOCK]		= "lock",
	[DIRTY_FAIL_MAPPING]		= "mapping",
	[DIRTY_FAIL_REAP]		= "reap",
};

/**
 * dirty_should_fail() - decide if a fault is injected now
 * @fault: the fault
 *
 * Context: Any.
 * Return: true if the caller must act as if the fault had occurred.
 */
bool dirty_should_fail(enum dirty_fault fault)
{
	return should_fail(&faults[fault], 1);
}

static void __init create_faults(struct dentry *dir)
{
	int fault;

	for (fault = 0; fault < NR_DIRTY_FAULTS; fault++)
		fault_create_debugfs_attr(fault_names[fault], dir,
					  &faults[fault]);
}
#endif

static int __init dirty_pages_debug_init(void)
{
	struct dentry *dir = debugfs_create_dir("dirty_pages", NULL);

	debugfs_create_file("verify", 0600, dir, NULL, &verify_fops);
	debugfs_create_u32("batch", 0600, dir, &dirty_pages_batch);
#ifdef CONFIG_PROC_DIRTY_PAGES_FAIL
	create_faults(debugfs_create_dir("fail", dir));
#endif
	return 0;
}
late_initcall(dirty_pages_debug_init);

#ifdef CONFIG_PROC_DIRTY_PAGES_KUNIT_TEST
#include "tests/task_dirty_debug_kunit.c"
#endif
