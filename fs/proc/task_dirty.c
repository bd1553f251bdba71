// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/<pid>/dirty_pages: the modified private pages of a process, as text. A
 * line is a run of pages of one mapping that have the same flags.
 *
 * A read collects runs in batches, by the walk of task_dirty_walk.c, and formats them
 * after it has dropped the locks of the walk.
 */
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/oom.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include <linux/uio.h>

#include <uapi/linux/dirty_pages.h>

#include "internal.h"
#include "task_dirty.h"
#include "task_dirty_lock.h"

#define CREATE_TRACE_POINTS
#include <trace/events/dirty_pages.h>

/* All the memory of a reader, apart from the open file itself */
#define DIRTY_TEXT_MAX	SZ_64K

/* The end of a listing of the whole address space */
#define DIRTY_END	(ULONG_MAX & PAGE_MASK)

/**
 * struct dirty_reader - an open file, and the position of its reader
 * @mm: the address space, pinned by mmgrab() only, or NULL if there was none
 * @pid: the process that had it when the file was opened, for the tracepoint
 * @ack: the acknowledgments, if the file is open for writing
 * @lock: held during a read, a seek and a change of the range; protects all
 *	members below
 * @start: start of the listed range
 * @end: its end
 * @next: the listing is complete below this address
 * @run_start: start of a run that may go on at @next
 * @run_flags: its flags, or 0 if there is none
 * @done: the listing is complete
 * @shown: some text was made since the file was opened
 * @interruptible: any signal may end the call, not only a fatal one
 * @batches: batches since the last text of this listing
 * @patience: batches without text before a signal ends the read
 */
struct dirty_reader {
	struct mm_struct *mm;
	pid_t pid;
	struct dirty_ack *ack;
	struct mutex lock;
	unsigned long start;
	unsigned long end;
	unsigned long next;
	unsigned long run_start;
	unsigned long run_flags;
	bool done;
	bool shown;
	bool interruptible;
	unsigned long batches;
	unsigned long patience;
};

/*
 * Take the locks once and collect runs into @w. Return -ESRCH, with @r unchanged, if
 * the address space is gone or being torn down.
 */
static int collect_batch(struct dirty_reader *r, struct dirty_walk *w,
			 struct dirty_times *times)
{
	bool done, reaped;
	int ret;

	w->next = r->next;
	w->end = r->end;
	w->runs.start = r->run_start;
	w->runs.flags = r->run_flags;

	if (fatal_signal_pending(current))
		return -EINTR;
	if (dirty_should_fail(DIRTY_FAIL_EXIT) || !mmget_not_zero(r->mm))
		return -ESRCH;
	ret = dirty_should_fail(DIRTY_FAIL_LOCK) ? -EINTR :
	      dirty_lock_mappings(r->mm, w);
	if (ret)
		goto out_mmput;
	if (times->begin)
		times->locked = ktime_get_ns();
	done = dirty_walk_batch(r->mm, w);
	/* Check this last: the OOM reaper sets the mark before it frees a page. */
	reaped = check_stable_address_space(r->mm) ||
		 dirty_should_fail(DIRTY_FAIL_REAP);
	dirty_unlock_mappings(r->mm, w);
	if (times->begin)
		times->unlocked = ktime_get_ns();
	cond_resched();
	ret = reaped ? -ESRCH : 0;
	if (ret)
		goto out_mmput;

	r->done = done;
	r->next = w->next;
	r->run_start = w->runs.start;
	r->run_flags = w->runs.flags;
out_mmput:
	mmput(r->mm);
	return ret;
}

static unsigned long pages_in_runs(const struct dirty_run *run,
				   const struct dirty_run *end)
{
	unsigned long size = 0;

	for (; run != end; run++)
		size += run->end - run->start;
	return size >> PAGE_SHIFT;
}

/* Fill in the counts of a batch that had @budget, with its runs at @runs. */
static void account_batch(struct dirty_list_batch *b,
			  const struct dirty_reader *r,
			  const struct dirty_walk *w,
			  const struct dirty_run *runs, long budget)
{
	unsigned long entries = budget - w->budget;

	/* An entry that had no room for its run was not visited. */
	b->slow = min(w->slow, entries);
	b->fast = entries - b->slow;
	b->ranges = w->runs.free - runs;
	b->pages = pages_in_runs(runs, w->runs.free);
	b->last = r->done;
	b->contended = !r->done && w->budget > 0 && w->runs.free != w->runs.end;
}

/*
 * Return true if a signal ends the read before its next batch. Once there is text,
 * no progress is lost: this read or an earlier one returns the text, and the next
 * read continues after it. Before the first text, a restarted read would begin the
 * walk again. To let the walk complete even if a timer keeps sending signals, ignore
 * the signal for twice as many batches as the last time.
 */
static bool is_interrupted(struct seq_file *m)
{
	struct dirty_reader *r = m->private;

	if (!r->interruptible || !signal_pending(current))
		return false;
	if (m->read_pos || m->count)
		return true;
	if (r->batches < r->patience)
		return false;
	r->patience = max(2 * r->batches, 1UL);
	return true;
}

/* Walk one batch, and format the runs that it completes. */
static int dirty_show(struct seq_file *m, void *v)
{
	struct dirty_reader *r = m->private;
	long budget = max(READ_ONCE(dirty_pages_batch), 1U);
	struct dirty_walk w = { .budget = budget };
	struct dirty_list_batch batch = {};
	struct dirty_run *runs;
	size_t size;
	char *buf, *p;
	int ret;

	/* Do not take the lock to fill less than half of the buffer. */
	size = seq_get_buf(m, &buf);
	if (size < m->size / 2) {
		seq_commit(m, -1);
		return 0;
	}
	if (is_interrupted(m))
		return -ERESTARTSYS;

	/*
	 * The walk stores the runs at the end of the buffer, and their text fills
	 * the same buffer from its start. A run takes less room than
	 * DIRTY_LINE_MAX, so the text of one run never reaches the next run. One
	 * byte stays free, because seq_file mistakes a full buffer for one that
	 * overflowed.
	 */
	w.runs.end = PTR_ALIGN_DOWN((struct dirty_run *)(buf + size),
				    sizeof(long));
	runs = w.runs.end - (size - 1) / DIRTY_LINE_MAX;
	w.runs.free = runs;
	if (trace_dirty_pages_list_enabled())
		batch.times.begin = ktime_get_ns();
	ret = collect_batch(r, &w, &batch.times);
	/* Report an empty file if nothing was shown, else a truncated listing. */
	if (ret == -ESRCH && !r->shown) {
		r->done = true;
		return 0;
	}
	if (ret)
		return ret;

	if (batch.times.begin)
		account_batch(&batch, r, &w, runs, budget);
	p = dirty_format_runs(buf, runs, w.runs.free);
	r->batches++;
	if (p != buf)
		r->shown = true;
	if (p != buf || r->done) {
		r->batches = 0;
		r->patience = 0;
	}
	seq_commit(m, p - buf);
	if (batch.times.begin)
		trace_dirty_pages_list(r->pid, &batch);
	return 0;
}

static void *dirty_start(struct seq_file *m, loff_t *pos)
{
	struct dirty_reader *r = m->private;

	if (!*pos) {
		r->next = r->start;
		r->run_flags = 0;
		r->done = !r->mm;
		r->batches = 0;
	}
	return r->done ? NULL : r;
}

static void *dirty_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct dirty_reader *r = m->private;

	++*pos;
	return r->done ? NULL : r;
}

static void dirty_stop(struct seq_file *m, void *v)
{
}

static const struct seq_operations dirty_seq_ops = {
	.start	= dirty_start,
	.next	= dirty_next,
	.stop	= dirty_stop,
	.show	= dirty_show,
};

/* Return the pid of the process, also for a thread, or 0 if it has ended. */
static pid_t target_pid(struct inode *inode)
{
	struct task_struct *task = get_proc_task(inode);
	pid_t pid = 0;

	if (task) {
		pid = task_tgid_nr(task);
		put_task_struct(task);
	}
	return pid;
}

/*
 * Opening for reading requires the same permission as pagemap. Opening for writing
 * requires the permission to write to the memory of the process.
 */
static int dirty_pages_open(struct inode *inode, struct file *file)
{
	struct dirty_reader *r;
	struct seq_file *m;
	struct mm_struct *mm;

	mm = proc_mem_open(inode, file->f_mode & FMODE_WRITE ?
				  PTRACE_MODE_ATTACH : PTRACE_MODE_READ);
	if (IS_ERR(mm))
		return PTR_ERR(mm);

	r = __seq_open_private(file, &dirty_seq_ops, sizeof(*r));
	if (!r)
		goto out_mmdrop;
	r->mm = mm;
	r->pid = target_pid(inode);
	r->end = DIRTY_END;
	mutex_init(&r->lock);

	if (file->f_mode & FMODE_READ) {
		/* seq_file frees this buffer, and never needs to grow it. */
		m = file->private_data;
		m->size = DIRTY_TEXT_MAX;
		if (!dirty_should_fail(DIRTY_FAIL_ALLOCATION))
			m->buf = kvmalloc(m->size, GFP_KERNEL_ACCOUNT);
		if (!m->buf)
			goto out_release;
	}
	if (file->f_mode & FMODE_WRITE) {
		r->ack = dirty_ack_alloc(mm, r->pid);
		if (!r->ack)
			goto out_release;
	}
	return 0;

out_release:
	seq_release_private(inode, file);
out_mmdrop:
	if (mm)
		mmdrop(mm);
	return -ENOMEM;
}

static int dirty_pages_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;
	struct dirty_reader *r = m->private;

	dirty_ack_free(r->ack);
	if (r->mm)
		mmdrop(r->mm);
	return seq_release_private(inode, file);
}

/*
 * A read at another offset than the current one first formats all text before that
 * offset. An interruption would waste that, so only a fatal signal ends it.
 */
static ssize_t dirty_pages_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct seq_file *m = iocb->ki_filp->private_data;
	struct dirty_reader *r = m->private;
	size_t lacking = 0;
	ssize_t ret;

	if (mutex_lock_interruptible(&r->lock))
		return -ERESTARTSYS;
	r->interruptible = !iocb->ki_pos || iocb->ki_pos == m->read_pos;
	/*
	 * seq_file treats a shorter buffer like one with an unmapped end: it copies
	 * a part of the text, and keeps the rest.
	 */
	if (dirty_should_fail(DIRTY_FAIL_COPY_TO_USER)) {
		lacking = iov_iter_count(to) / 2;
		iov_iter_truncate(to, iov_iter_count(to) - lacking);
	}
	ret = seq_read_iter(iocb, to);
	iov_iter_reexpand(to, iov_iter_count(to) + lacking);
	mutex_unlock(&r->lock);
	return ret;
}

/* A failed seek sets the position to 0, so only a fatal signal may end it. */
static loff_t dirty_pages_llseek(struct file *file, loff_t offset, int whence)
{
	struct seq_file *m = file->private_data;
	struct dirty_reader *r = m->private;
	loff_t ret;

	if (mutex_lock_interruptible(&r->lock))
		return -ERESTARTSYS;
	r->interruptible = false;
	ret = seq_lseek(file, offset, whence);
	mutex_unlock(&r->lock);
	return ret;
}

/*
 * Copy a range from user space, and clip it to the addresses of an unsigned long.
 * Nothing above the last mapping is dirty, so no end is too high.
 */
static int get_range(struct dirty_pages_range *range,
		     const struct dirty_pages_range __user *arg)
{
	u64 size;
	int ret;

	BUILD_BUG_ON(sizeof(*range) < DIRTY_PAGES_RANGE_SIZE_VER0);
	if (copy_from_user(&size, &arg->size, sizeof(size)))
		return -EFAULT;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < DIRTY_PAGES_RANGE_SIZE_VER0)
		return -EINVAL;
	ret = copy_struct_from_user(range, sizeof(*range), arg, size);
	if (ret)
		return ret;

	range->start = untagged_addr(range->start);
	range->end = untagged_addr(range->end);
	if (range->flags || range->start >= range->end ||
	    !IS_ALIGNED(range->start | range->end, PAGE_SIZE))
		return -EINVAL;
	range->start = min_t(u64, range->start, DIRTY_END);
	range->end = min_t(u64, range->end, DIRTY_END);
	return 0;
}

/*
 * Restrict the listing to @range, and start it again. Lock the position as lseek()
 * does, except that a signal ends the wait for a read or a write in progress.
 */
static int set_range(struct file *file, const struct dirty_pages_range *range)
{
	struct seq_file *m = file->private_data;
	struct dirty_reader *r = m->private;
	int ret = -ERESTARTSYS;

	if (mutex_lock_interruptible(&file->f_pos_lock))
		return ret;
	if (mutex_lock_interruptible(&r->lock))
		goto out_unlock_pos;
	r->start = range->start;
	r->end = range->end;
	r->patience = 0;
	/* Drop the text of the previous range. */
	m->index = 0;
	m->count = 0;
	m->read_pos = 0;
	file->f_pos = 0;
	mutex_unlock(&r->lock);
	ret = 0;
out_unlock_pos:
	mutex_unlock(&file->f_pos_lock);
	return ret;
}

/* Ignore the size in @cmd: a later version of the struct has another. */
static long dirty_pages_ioctl(struct file *file, unsigned int cmd,
			      unsigned long arg)
{
	struct dirty_pages_range range;
	int ret;

	if ((cmd & ~IOCSIZE_MASK) != (DIRTY_PAGES_RANGE & ~IOCSIZE_MASK))
		return -ENOIOCTLCMD;
	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = get_range(&range, (void __user *)arg);
	return ret ? ret : set_range(file, &range);
}

/* Writing neither uses nor moves the position, which is the reader's. */
static ssize_t dirty_pages_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct seq_file *m = iocb->ki_filp->private_data;
	struct dirty_reader *r = m->private;

	return dirty_ack_write(r->ack, from);
}

static int dirty_pages_flush(struct file *file, fl_owner_t id)
{
	struct seq_file *m = file->private_data;
	struct dirty_reader *r = m->private;

	return r->ack ? dirty_ack_flush(r->ack) : 0;
}

const struct file_operations proc_dirty_pages_operations = {
	.open		= dirty_pages_open,
	.read_iter	= dirty_pages_read,
	.splice_read	= copy_splice_read,
	.write_iter	= dirty_pages_write,
	.splice_write	= iter_file_splice_write,
	.llseek		= dirty_pages_llseek,
	.unlocked_ioctl	= dirty_pages_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.flush		= dirty_pages_flush,
	.release	= dirty_pages_release,
};

#ifdef CONFIG_PROC_DIRTY_PAGES_KUNIT_TEST
#include "tests/task_dirty_kunit.c"
#endif
