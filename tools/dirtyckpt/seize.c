// SPDX-License-Identifier: GPL-2.0
/*
 * Stopping all threads of a process, and letting them go on.
 *
 * Each is seized and interrupted, in passes over /proc/<pid>/task, until as many
 * are stopped as the process has threads. As stopped threads make no new ones,
 * that is all of them. A pass in which nothing new is seen would not tell: it
 * breaks off at a thread that ends under it, and does not show that one, which
 * may have made another just before. (To stop children at birth, by
 * PTRACE_O_TRACECLONE, would not save passes, as those of a thread that is not
 * seized yet are not stopped.)
 *
 * They all stop in the kernel where it looks for signals, so whatever it has to
 * do for a call that was interrupted is still to be done when they go on. Signals
 * are left alone: one that is just about to be delivered is, and the thread stops
 * right after. A process that was stopped before, by SIGSTOP say, still is so
 * afterwards.
 *
 * If this program dies, the kernel lets the threads go on. So that nobody ends
 * it by accident while they wait for it, its own signals wait until they go on.
 */
#define _GNU_SOURCE
#include "seize.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void wake_up(int signal)
{
	(void)signal;
}

/*
 * The signal by which wait_a_while() ends. It is blocked otherwise, so that no
 * other call ends by it, and one that waits when that is over goes nowhere.
 */
static void tick(bool on)
{
	struct sigaction action = { .sa_handler = on ? wake_up : SIG_IGN };
	struct itimerval timer = {
		.it_interval.tv_usec = on ? 200000 : 0,
		.it_value.tv_usec = on ? 200000 : 0,
	};

	if (on)
		sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	if (on)
		return;
	sigaction(SIGALRM, &action, NULL);
	action.sa_handler = SIG_DFL;
	sigaction(SIGALRM, &action, NULL);
}

/**
 * wait_a_while() - wait until something happens to a thread, but not forever
 * @tid: the thread, seized
 * @status: set as by waitpid()
 *
 * Return: as that, -1 with EINTR if nothing has happened yet.
 */
pid_t wait_a_while(pid_t tid, int *status)
{
	sigset_t alarm, before;
	pid_t pid;
	int error;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarm, &before);
	pid = waitpid(tid, status, __WALL);
	error = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return pid;
}

static bool is_stop_of_ours(int status)
{
	return WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_STOP;
}

/**
 * wait_for_stop() - wait until a thread is where it was interrupted
 * @tid: the thread, seized and interrupted
 * @gone: set if it has ended
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status wait_for_stop(pid_t tid, bool *gone)
{
	uint64_t deadline = nanoseconds() + PATIENCE;
	int status;

	*gone = false;
	for (;;) {
		pid_t pid = wait_a_while(tid, &status);

		if (pid == -1 && errno == EINTR && nanoseconds() < deadline)
			continue;
		if (pid == -1 && errno == EINTR)
			return complain(STATUS_OTHER,
					"thread %d does not stop: it waits in the kernel, as for a disk or the child of vfork(); try again",
					tid);
		if (pid == -1 || !WIFSTOPPED(status)) {
			*gone = true;
			return STATUS_OK;
		}
		if (is_stop_of_ours(status))
			return STATUS_OK;
		/*
		 * About to have a signal delivered: let it be. Every stop takes
		 * back an interrupt that was not served yet.
		 */
		ptrace(PTRACE_INTERRUPT, tid, 0, 0);
		ptrace(PTRACE_CONT, tid, 0, status >> 16 ? 0 :
		       (unsigned long)WSTOPSIG(status));
	}
}

static bool is_known(const struct threads *threads, pid_t tid)
{
	for (size_t i = 0; i < threads->count; i++)
		if (threads->threads[i].tid == tid)
			return true;
	return false;
}

static bool is_alive(const struct target *target, pid_t tid,
		     struct dirty_thread *is)
{
	return !dirty_thread_read(&target->process, tid, is) &&
	       !strchr("ZXx", is->state);
}

static enum status seize_thread(struct target *target, struct threads *threads,
				pid_t tid)
{
	struct dirty_thread is = { 0 };
	enum status status;
	bool gone;

	if (ptrace(PTRACE_SEIZE, tid, 0, 0)) {
		int error = errno;

		if (error == ESRCH || !is_alive(target, tid, &is))
			return STATUS_OK;
		return complain(STATUS_NOT_PERMITTED,
				"thread %d cannot be stopped: %s; is it being debugged, or this program's own?",
				tid, strerror(error));
	}
	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	status = wait_for_stop(tid, &gone);
	if (gone)
		return STATUS_OK;
	/* It ended, and its number is that of another process's thread by now. */
	if (!status && !is_alive(target, tid, &is)) {
		ptrace(PTRACE_DETACH, tid, 0, 0);
		return STATUS_OK;
	}
	threads->threads = grow(threads->threads, threads->count + 1,
				sizeof(*threads->threads));
	threads->threads[threads->count++] = (struct thread){
		.tid = tid,
		.start_time = is.start_time,
	};
	return status;
}

/* Seize all that are there and not known, as far as one pass shows them. */
static enum status seize_found(struct target *target, struct threads *threads)
{
	enum status status = STATUS_OK;
	pid_t tid;
	DIR *dir;
	int error;

	error = dirty_process_threads(&target->process, &dir);
	if (error)
		return complain(error == -ESRCH ? STATUS_VANISHED : STATUS_OTHER,
				"threads of %d: %s", target->process.pid,
				strerror(-error));
	while (!status && (tid = dirty_next_thread(dir)))
		if (!is_known(threads, tid))
			status = seize_thread(target, threads, tid);
	closedir(dir);
	return status;
}

/*
 * Are there others? The first thread stays there when it has ended, until all
 * have. If there are fewer than known, some were killed, and so all will be:
 * whoever asks for their registers is told.
 */
static bool are_others(const struct target *target,
		       const struct threads *threads)
{
	pid_t pid = target->process.pid;
	struct dirty_thread first;
	size_t ended;

	/* The next pass tells if the process is gone. */
	if (dirty_thread_read(&target->process, pid, &first))
		return true;
	ended = strchr("ZXx", first.state) && !is_known(threads, pid);
	return first.threads > threads->count + ended;
}

/**
 * seize() - stop all threads of a process
 * @target: that process
 * @threads: filled in; release() lets them go on, also on failure
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status seize(struct target *target, struct threads *threads)
{
	enum status status;
	sigset_t signals;
	bool others;

	sigfillset(&signals);
	*threads = (struct threads){ .began = nanoseconds() };
	sigprocmask(SIG_BLOCK, &signals, &threads->signals);
	tick(true);
	do {
		status = seize_found(target, threads);
		others = !status && are_others(target, threads);
		if (others && nanoseconds() - threads->began > PATIENCE)
			status = complain(STATUS_OTHER,
					  "%d: its threads make others faster than they can be stopped, or a debugger keeps one that has ended; try again",
					  target->process.pid);
	} while (!status && others);
	if (!status && !threads->count)
		status = complain(STATUS_VANISHED, "%d: has ended",
				  target->process.pid);
	return status;
}

/**
 * die_together() - the process does not outlive this one from now on
 * @threads: its threads, seized; release() lets it again
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status die_together(const struct threads *threads)
{
	pid_t tid = threads->threads[0].tid;

	if (ptrace(PTRACE_SETOPTIONS, tid, 0, PTRACE_O_EXITKILL))
		return complain(STATUS_OTHER, "thread %d: %s", tid,
				strerror(errno));
	return STATUS_OK;
}

/**
 * release() - let the threads go on
 * @threads: as seize() filled it in; their registers are still there
 *
 * Return: STATUS_OK, or what the program is to end with if one did not.
 */
enum status release(struct threads *threads)
{
	enum status status = STATUS_OK;

	for (size_t i = 0; i < threads->count; i++) {
		pid_t tid = threads->threads[i].tid;

		/* One that was killed meanwhile is not there any more. */
		if (ptrace(PTRACE_DETACH, tid, 0, 0) && errno != ESRCH)
			status = complain(STATUS_OTHER, "thread %d cannot be let go: %s",
					  tid, strerror(errno));
	}
	threads->pause = nanoseconds() - threads->began;
	tick(false);
	sigprocmask(SIG_SETMASK, &threads->signals, NULL);
	return status;
}
