/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dirty_pages

#if !defined(_TRACE_DIRTY_PAGES_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_DIRTY_PAGES_H

#include <linux/timekeeping.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

/* Defined in fs/proc/task_dirty.h */
struct dirty_ack_batch;
struct dirty_list_batch;

/* One batch of a listing, after its text was made */
TRACE_EVENT(dirty_pages_list,

	TP_PROTO(pid_t pid, const struct dirty_list_batch *batch),

	TP_ARGS(pid, batch),

	TP_STRUCT__entry(
		__field(pid_t, pid)
		__field(unsigned long, ranges)
		__field(unsigned long, pages)
		__field(unsigned long, fast)
		__field(unsigned long, slow)
		__field(u64, time_ns)
		__field(u64, locked_ns)
		__field(bool, contended)
		__field(bool, last)
	),

	TP_fast_assign(
		__entry->pid = pid;
		__entry->ranges = batch->ranges;
		__entry->pages = batch->pages;
		__entry->fast = batch->fast;
		__entry->slow = batch->slow;
		__entry->time_ns = ktime_get_ns() - batch->times.begin;
		__entry->locked_ns = batch->times.unlocked - batch->times.locked;
		__entry->contended = batch->contended;
		__entry->last = batch->last;
	),

	TP_printk("pid=%d ranges=%lu pages=%lu fast=%lu slow=%lu time_ns=%llu locked_ns=%llu contended=%d last=%d",
		  __entry->pid, __entry->ranges, __entry->pages, __entry->fast,
		  __entry->slow, __entry->time_ns, __entry->locked_ns,
		  __entry->contended, __entry->last)
);

/* One batch of an acknowledgment */
TRACE_EVENT(dirty_pages_ack,

	TP_PROTO(pid_t pid, const struct dirty_ack_batch *batch),

	TP_ARGS(pid, batch),

	TP_STRUCT__entry(
		__field(pid_t, pid)
		__field(unsigned long, ranges)
		__field(unsigned long, pages)
		__field(unsigned long, busy)
		__field(unsigned long, split)
		__field(unsigned long, fast)
		__field(unsigned long, slow)
		__field(u64, time_ns)
		__field(u64, locked_ns)
	),

	TP_fast_assign(
		__entry->pid = pid;
		__entry->ranges = batch->ranges;
		__entry->pages = batch->pages;
		__entry->busy = batch->busy;
		__entry->split = batch->split;
		__entry->fast = batch->entries - batch->slow;
		__entry->slow = batch->slow;
		__entry->time_ns = batch->times.unlocked - batch->times.begin;
		__entry->locked_ns = batch->times.unlocked - batch->times.locked;
	),

	TP_printk("pid=%d ranges=%lu pages=%lu busy=%lu split=%lu fast=%lu slow=%lu time_ns=%llu locked_ns=%llu",
		  __entry->pid, __entry->ranges, __entry->pages, __entry->busy,
		  __entry->split, __entry->fast, __entry->slow, __entry->time_ns,
		  __entry->locked_ns)
);

#endif /* _TRACE_DIRTY_PAGES_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
