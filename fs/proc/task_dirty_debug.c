// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs dirty_pages/: the self-check of /proc/<pid>/dirty_pages, the size of
 * its batches, and what is to go wrong.
 *
 * verify	write a pid and read, on the same descriptor, how the range walk
 *		behind the file compares to get_dirty_page(), and its flags to
 *		those of a walk entry by entry, page by page; and whether a
 *		page could be written without a trace
 * batch	how many entries one hold of the mmap lock may cover
 * fail/	what is to go wrong for its readers and writers, by the fault-injection framework
 *
 * The check brings swapped pages in, marks pages accessed and waits for
 * migration: a debugging aid for root, not a way to list.
 */
#include <linux/debugfs.h>
#include <linux/fault-inject.h>
#include <linux/hugetlb.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "task_dirty.h"

/* How many pages are checked at a time */
#define CHUNK_PAGES	512

/* How many entries are walked in one go, when whole runs are compared */
#define STRETCH_ENTRIES	4096

/* How often a page that changes, or differs, is looked at again */
#define VERIFY_TRIES	10

/* Differing addresses to name; all are counted */
#define VERIFY_ADDRESSES	64UL

enum page_answer {
	ANSWER_CLEAN,
	ANSWER_DIRTY,
	ANSWER_ERROR,
	ANSWER_UNSURE,		/* the page was just changing */
};

/**
 * struct verify - a check of one process, and what it found
 * @mm: the address space
 * @start: first address of the chunk at hand
 * @end: address after its last page
 * @runs: room for the range walk, of a chunk or a stretch
 * @other_runs: room for another walk of the same stretch
 * @before: flags of each page of the chunk as the range walk says, 0 if clean
 * @asked: what get_dirty_page() says
 * @between: the range walk once more, after the reference
 * @plain: the walk entry by entry
 * @after: the range walk once more, after that
 * @unseen: pages of the chunk that are writable without the soft-dirty bit
 * @differs: pages of the chunk that differed at every try so far
 * @checked: pages that were compared
 * @differ: pages whose answers differ though the page did not change, and
 *	stretches whose runs do
 * @skipped: pages of mappings that the reference cannot walk, and pages that
 *	would not stop changing
 * @addresses: the first of the pages that differ
 * @ran: false before the first check
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
 * What the file's own walk says of the chunk, or the one that is @plain. Called
 * with the mmap lock held.
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
 * What get_dirty_page() says. The mmap lock is held before and after; it may
 * have been dropped between, and the mapping be gone.
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
 * Is it right that touching this entry is an error, though the listing does not
 * say so? Poison markers stand for no page. The error of a page of a file whose
 * mapping has no private pages is the file's. A page in swap is lost when its
 * copy in the swap cache is, which the entry does not tell.
 */
static bool pte_may_fail(struct vm_area_struct *vma, pte_t pte)
{
	swp_entry_t entry;

	if (!is_swap_pte(pte))
		return false;
	entry = pte_to_swp_entry(pte);
	return !non_swap_entry(entry) || is_poisoned_swp_entry(entry) ||
	       (is_hwpoison_entry(entry) && !vma->anon_vma);
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

/* Would the next write leave no trace, now or once the page has migrated? */
static bool pte_is_unseen(pte_t pte)
{
	if (pte_present(pte))
		return pte_write(pte) && !pte_soft_dirty(pte);
	return is_swap_pte(pte) && !pte_swp_soft_dirty(pte) &&
	       is_writable_migration_entry(pte_to_swp_entry(pte));
}

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static bool pmd_is_unseen(pmd_t pmd)
{
	if (pmd_present(pmd))
		return pmd_write(pmd) && !pmd_soft_dirty(pmd);
	return is_swap_pmd(pmd) && !pmd_swp_soft_dirty(pmd) &&
	       is_writable_migration_entry(pmd_to_swp_entry(pmd));
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

/* Writable entries of other mappings may map no anonymous page, or lack the bit. */
static int walk_usual(unsigned long addr, unsigned long end,
		      struct mm_walk *walk)
{
	return !is_cow_mapping(walk->vma->vm_flags) ||
	       (walk->vma->vm_flags & DIRTY_VM_SPECIAL);
}

static const struct mm_walk_ops unseen_ops = {
	.test_walk	= walk_usual,
	.pud_entry	= dirty_skip_huge_pud,
	.pmd_entry	= unseen_pmd_entry,
	.walk_lock	= PGWALK_RDLOCK,
};

/*
 * In a private mapping, nothing is writable without the soft-dirty bit. Called with
 * the mmap lock held.
 */
static void ask_entries(struct verify *v)
{
	bitmap_zero(v->unseen, CHUNK_PAGES);
	if (IS_ENABLED(CONFIG_MEM_SOFT_DIRTY))
		walk_page_range(v->mm, v->start, v->end, &unseen_ops, v);
}

/* Did the page stay as it was while it was asked for in all ways? */
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
 * One comparison of the chunk. A page that the range walk sees in the same way
 * before and after another, which sees it otherwise, differs. Its flags are not
 * held against the reference, which may change them: it brings pages in.
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
		/* Still changing after the last try: nothing is known. */
		if (!is_stable(v, i)) {
			v->checked--;
			v->skipped++;
			continue;
		}
		note_difference(v, v->start + i * PAGE_SIZE);
	}
	return 0;
}

/* The runs of a stretch, cut at its end. Returns how many. */
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
 * Does the range walk find the same runs as the walk entry by entry, from table
 * to table and from mapping to mapping? A stretch ends where the range walk has
 * looked at so many entries.
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

/* Find the next page table that exists, by a walk that is not the file's. */
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
	return !is_cow_mapping(walk->vma->vm_flags);
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

	/* Readers of the result hold the same mutex. */
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
 * dirty_should_fail() - is this to go wrong now?
 * @fault: what could go wrong
 *
 * Context: Any.
 * Return: true if the caller has to act as if it had.
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
