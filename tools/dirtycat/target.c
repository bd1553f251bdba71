// SPDX-License-Identifier: GPL-2.0
/*
 * Processes to be shown. There may be thousands, so none keeps a descriptor open
 * between samples, except for the lock while it is tracked.
 */
#define _GNU_SOURCE
#include "target.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/message.h"
#include "labels.h"
#include "sample.h"

/**
 * add_target() - add a process to be shown
 * @run: its array of targets grows, and may move
 *
 * Return: the new target, to be filled in.
 */
struct target *add_target(struct run *run)
{
	struct target *target;

	run->targets = grow(run->targets, run->count + 1, sizeof(*target));
	target = &run->targets[run->count++];
	*target = (struct target){ 0 };
	return target;
}

/**
 * set_problem() - record why a target is not shown, or not completely
 * @target: that target
 * @status: the exit status that follows
 * @sentence: cause and remedy, as for printf()
 */
void set_problem(struct target *target, enum status status,
		 const char *sentence, ...)
{
	va_list args;

	free(target->problem);
	va_start(args, sentence);
	if (vasprintf(&target->problem, sentence, args) == -1)
		target->problem = NULL;
	va_end(args);
	target->status = status;
}

/**
 * explain() - record why a listing cannot be read or acknowledged
 * @ctl: the options
 * @target: its status and problem are set
 * @error: a negative errno of the library
 */
void explain(const struct control *ctl, struct target *target, int error)
{
	switch (-error) {
	case EACCES:
	case EPERM:
		set_problem(target, STATUS_NOT_PERMITTED,
			    "not permitted; you must own the process%s, or have CAP_SYS_PTRACE",
			    ctl->clear ? " and Yama must let you attach to it" : "");
		break;
	case ESRCH:
		set_problem(target, STATUS_NO_PROCESS, "no such process");
		break;
	case EADDRINUSE:
		set_problem(target, STATUS_NO_PROCESS,
			    "its memory is that of another process; acknowledge the pages of its parent or, if this is a thread, of its process");
		break;
	case ENOSYS:
		if (ctl->backend == DIRTYPAGES_SCAN)
			set_problem(target, STATUS_UNSUPPORTED,
				    "this kernel has no PAGEMAP_SCAN; Linux 6.7 or --backend=pagemap is required");
		else if (ctl->backend == DIRTYPAGES_FILE)
			set_problem(target, STATUS_UNSUPPORTED,
				    "this kernel has no /proc/<pid>/dirty_pages; CONFIG_PROC_DIRTY_PAGES or another --backend is required");
		else
			set_problem(target, STATUS_UNSUPPORTED,
				    "this kernel has no /proc/<pid>/pagemap; CONFIG_PROC_PAGE_MONITOR is required");
		break;
	case EOPNOTSUPP:
		set_problem(target, STATUS_UNSUPPORTED,
			    "this kernel cannot acknowledge; CONFIG_PROC_DIRTY_PAGES and CONFIG_MEM_SOFT_DIRTY are required");
		break;
	default:
		set_problem(target, STATUS_OTHER, "%s", strerror(-error));
	}
}

/* Keep other programs from acknowledging pages of the target. */
static void track(struct target *target)
{
	struct dirtypages_tracker *tracker;
	int error = dirtypages_track(&tracker, target->pid, target->start_time);
	const char *note = error ? "" : dirtypages_tracker_note(tracker);

	if (error == -EBUSY) {
		set_problem(target, STATUS_OTHER,
			    "another program is acknowledging its pages; only one tracker per process");
	} else if (error == -EPERM) {
		set_problem(target, STATUS_OTHER,
			    "/run/lock/dirty_pages.%d.* belongs to another user; remove it",
			    target->pid);
	} else if (error) {
		set_problem(target, STATUS_OTHER,
			    "cannot lock /run/lock/dirty_pages.%d.*: %s",
			    target->pid, strerror(-error));
	} else if (*note) {
		set_problem(target, STATUS_OTHER,
			    "tracked by %.*s, which would miss writes acknowledged here",
			    (int)strcspn(note, "\n"), note);
		dirtypages_untrack(tracker);
	} else {
		target->tracker = tracker;
	}
}

/* Open the process, unless its PID was reused since the last sample. */
static int open_process(struct target *target)
{
	struct dirtypages_process *process;
	uint64_t start_time;
	int error = dirtypages_process_open(&process, target->pid);

	if (error)
		return error;
	start_time = dirtypages_process_start_time(process);
	if (target->known && start_time != target->start_time) {
		dirtypages_process_close(process);
		return -ESRCH;
	}
	target->process = process;
	target->start_time = start_time;
	snprintf(target->comm, sizeof(target->comm), "%s",
		 dirtypages_process_comm(process));
	return 0;
}

/* After execve(), earlier samples describe another address space. */
static void notice_exec(struct target *target)
{
	uint64_t space;

	if (dirtypages_process_space(target->process, &space) || !space)
		return;
	if (target->space && target->space != space) {
		warning("%s: called exec and is now %s, with a new address space",
			target->name, target->comm);
		target->acknowledged = 0;
		target->read_at = 0;
		sample_free(&target->before);
	}
	target->space = space;
}

/* Open the address space, restricted to the range to be shown. */
static int open_pages(const struct control *ctl, struct target *target)
{
	int error = dirtypages_open_process(&target->pages, target->process, ctl->backend,
					    ctl->clear ? DIRTYPAGES_ACKNOWLEDGE : 0);

	if (error)
		return error;
	target->backend = dirtypages_get_backend(target->pages);
	dirtypages_set_needed(target->pages, ctl->need);
	return dirtypages_set_range(target->pages, ctl->low, ctl->high);
}

/**
 * target_dir() - get the folder of a process
 * @target: that process
 *
 * Return: a descriptor of /proc/<pid>, -1 unless the target is held.
 */
int target_dir(const struct target *target)
{
	return target->process ? dirtypages_process_dir(target->process) : -1;
}

/**
 * hold_target() - open a process and the file with its listing
 * @ctl: the options
 * @target: that process; if it cannot be opened, its status and problem say why
 *
 * Return: true if its pages are open, until release_target().
 */
bool hold_target(const struct control *ctl, struct target *target)
{
	int error = open_process(target);

	if (error == -ESRCH)
		set_problem(target, STATUS_NO_PROCESS, "no such process");
	else if (error == -EACCES || error == -EPERM)
		set_problem(target, STATUS_NOT_PERMITTED,
			    "not permitted; /proc hides it from you");
	else if (error)
		set_problem(target, STATUS_OTHER, "%s", strerror(-error));
	if (error)
		return false;
	error = open_pages(ctl, target);
	if (error)
		explain(ctl, target, error);
	else if (ctl->clear && !target->tracker)
		track(target);
	if (ctl->clear && !target->tracker)
		return false;
	target->known = true;
	if (ctl->view == VIEW_METRICS)
		read_labels(ctl, target);
	if (!error && (ctl->timed || ctl->whole))
		notice_exec(target);
	return !error;
}

/**
 * release_target() - close a process and the file with its listing
 * @target: that process; if it has a problem, record whether it has exited
 */
void release_target(struct target *target)
{
	dirtypages_close(target->pages);
	target->pages = NULL;
	if (!target->process)
		return;
	target->ended = target->status && !dirtypages_process_lives(target->process);
	dirtypages_process_close(target->process);
	target->process = NULL;
}

/**
 * drop_target() - free all that a target holds
 * @target: that target; it is not shown any more
 */
void drop_target(struct target *target)
{
	release_target(target);
	dirtypages_untrack(target->tracker);
	sample_free(&target->now);
	sample_free(&target->before);
	about_free(&target->about);
	free(target->problem);
	free(target->series);
	target->problem = NULL;
	target->series = NULL;
	target->tracker = NULL;
	target->gone = true;
}
