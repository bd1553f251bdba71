// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/<pid>/dirty_pages: the modified private pages of a process, as text. A
 * line is a run of pages of one mapping that have the same flags.
 *
 * Runs are collected in batches by the walk of task_dirty_walk.c, under the mmap
 * lock held for reading, and become text after it was dropped.
 */
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

#define CREATE_TRACE_POINTS
#include <trace/events/dirty_pages.h>

/* All the memory that a reader takes, apart from the open file itself. */
#define DIRTY_TEXT_MAX	SZ_64K

/* The end of a listing of the whole address space */
#define DIRTY_END	(ULONG_MAX & PAGE_MASK)

/**
 * struct dirty_reader - an open file, and where its reader is
 * @mm: the address space, pinned by mmgrab() only, or NULL if there was none
 * @pid: what process had it when the file was opened, for those who trace
 * @ack: what is written to the file, if it may be
 * @lock: held over a read, a seek and a change of the range; protects all that
 *	follows
 * @start: where the range that is listed begins
 * @end: where it ends
 * @next: everything below has been looked at
 * @run_start: where a run begins that may go on at @next
 * @run_flags: its flags, or 0 if there is none
 * @done: all has been looked at
 * @shown: some text has been made since the file was opened
 * @interruptible: any signal may end the call, not only a fatal one
 * @batches: how many batches of this listing have made no text so far
 * @patience: how many batches a listing without text takes before a signal ends
 *	the read
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
 * Take the lock once and collect runs into @w. Returns -ESRCH, with all as it
 * was, if the address space is gone or being torn down.
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
	      mmap_read_lock_killable(r->mm);
	if (ret)
		goto out_mmput;
	if (times->begin)
		times->locked = ktime_get_ns();
	done = dirty_walk_batch(r->mm, w);
	/* Asked last: the mark is set before the OOM reaper takes a page. */
	reaped = check_stable_address_space(r->mm) ||
		 dirty_should_fail(DIRTY_FAIL_REAP);
	mmap_read_unlock(r->mm);
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

/* For the tracepoint: a batch of up to @budget entries found @runs. */
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
 * Should a signal end the read before its next batch? No progress is lost once
 * there is text: this read or an earlier one returns it, and the next read goes on
 * behind it. Before the first text, the restarted read starts the walk again. Hold
 * out twice as long as the last time then: a timer that keeps sending signals must
 * not keep the walk from its end.
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

/* One batch of the walk, and the text of the runs that it completes. */
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

	/* A batch for the last few lines of the buffer is not worth a lock. */
	size = seq_get_buf(m, &buf);
	if (size < m->size / 2) {
		seq_commit(m, -1);
		return 0;
	}
	if (is_interrupted(m))
		return -ERESTARTSYS;

	/*
	 * The runs lie at the end of the very buffer that their text fills from
	 * its start. No line takes less room than its run at the most, so the
	 * text of one never reaches the next. A byte stays free, as a buffer
	 * that is full to the brim counts as one that overflowed.
	 */
	w.runs.end = PTR_ALIGN_DOWN((struct dirty_run *)(buf + size),
				    sizeof(long));
	runs = w.runs.end - (size - 1) / DIRTY_LINE_MAX;
	w.runs.free = runs;
	if (trace_dirty_pages_list_enabled())
		batch.times.begin = ktime_get_ns();
	ret = collect_batch(r, &w, &batch.times);
	/* Empty for who comes too late; but a cut listing looks cut. */
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

/* Of a thread, the number of its process. 0 if it has just ended. */
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
 * Reading needs what pagemap needs. Who opens the file for writing must be
 * allowed to write to the process's memory.
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
		/* seq_file frees it, and need not grow it. */
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
 * A read at another offset than the current one first makes all text before that
 * offset. If it were interrupted then, all of that would be in vain.
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
	 * To seq_file, the end of the reader's buffer is as good as memory behind
	 * it that is not there: in either case not all is copied, and the rest is
	 * kept.
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

/* A seek that fails half-way moves the position to 0: only a fatal signal may. */
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
 * Take a range from user space, and cut it to the addresses that an unsigned long
 * can hold. Nothing above the last mapping is dirty, so no end is too high.
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
 * From now on, list @range only, from its start. The position is protected as
 * lseek() protects it, except that a signal ends the wait for a read or a write
 * that is in progress.
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
	/* Text that is left in the buffer is of the range before. */
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

/* A later version of the struct has another size, which is a part of @cmd. */
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

/* The position is the reader's: writing neither uses nor moves it. */
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
