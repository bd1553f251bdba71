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
 * A thread that calls exec waits until all others are gone, and those of them that
 * are traced go no earlier than they are waited for. So whoever ends is waited for
 * all the while, by tick().
 *
 * If this program dies, the kernel lets the threads go on. So that nobody ends
 * it by accident while they wait for it, its own signals wait until they go on.
 */
#define _GNU_SOURCE
#include "process/seize.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>

static void wait_for_ended(int signal)
{
	siginfo_t info = { 0 };
	int error = errno;

	(void)signal;
	/* Of the traced, stops are told as well, which are for wait_for_stop(). */
	while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) &&
	       info.si_pid && info.si_code != CLD_TRAPPED) {
		waitpid(info.si_pid, NULL, WNOHANG | __WALL);
		info.si_pid = 0;
	}
	errno = error;
}

/*
 * The signal by which wait_a_while() ends. It is blocked otherwise, so that no
 * other call ends by it, and one that waits when that is over goes nowhere.
 */
static void tick(bool on)
{
	struct sigaction action = { .sa_handler = on ? wait_for_ended : SIG_IGN };
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
 * thread_failed() - complain that ptrace() failed
 * @of: what it was about, as "registers of ", or ""
 * @tid: a thread, seized and stopped; with errno as it was set
 *
 * Return: what the program is to end with: that the process has gone, if the
 * thread was killed.
 */
enum status thread_failed(const char *of, pid_t tid)
{
	return complain(errno == ESRCH ? STATUS_VANISHED : STATUS_OTHER,
			"%sthread %d: %s", of, tid, strerror(errno));
}

static bool is_alive(const struct target *target, pid_t tid)
{
	struct dirty_thread is;

	return !dirty_thread_read(&target->process, tid, &is) &&
	       !strchr("ZXx", is.state);
}

/**
 * wait_for_stop() - wait until a thread is where it was interrupted
 * @target: its process
 * @tid: the thread, seized and interrupted
 * @gone: set if it has ended
 *
 * Return: STATUS_OK, or what the program is to end with.
 */
enum status wait_for_stop(const struct target *target, pid_t tid, bool *gone)
{
	uint64_t deadline = nanoseconds() + PATIENCE;
	int status;

	*gone = false;
	for (;;) {
		pid_t pid = wait_a_while(tid, &status);

		if (pid == -1 && errno == EINTR && nanoseconds() < deadline) {
			/*
			 * The end of a first thread is not told before that of
			 * all others. One that calls exec forgets interrupts.
			 */
			*gone = !is_alive(target, tid);
			if (*gone)
				return STATUS_OK;
			ptrace(PTRACE_INTERRUPT, tid, 0, 0);
			continue;
		}
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

/*
 * With the caller's signals, as an exec that a thread is in is waited for. By its
 * end, the number may be that of another thread than the one that was asked for.
 */
static int seize_or_wait(const struct threads *threads, pid_t tid)
{
	sigset_t signals = threads->signals, before;
	enum { TRIES = 10 };
	int error = EPERM;

	sigdelset(&signals, SIGALRM);
	sigprocmask(SIG_SETMASK, &signals, &before);
	for (int i = 0; error == EPERM && i < TRIES; i++)
		error = ptrace(PTRACE_SEIZE, tid, 0, 0) ? errno : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return error;
}

static enum status seize_thread(struct target *target, struct threads *threads,
				pid_t tid)
{
	int error = seize_or_wait(threads, tid);
	struct dirty_thread is = { 0 };
	enum status status;
	bool gone;

	if (error) {
		if (error == ESRCH || !is_alive(target, tid))
			return STATUS_OK;
		/* One that is seized already has got this number by exec. */
		if (!ptrace(PTRACE_INTERRUPT, tid, 0, 0))
			return complain(STATUS_VANISHED, "%d: called exec",
					target->process.pid);
		return complain(STATUS_NOT_PERMITTED,
				"thread %d cannot be stopped: %s; is it being debugged, or this program's own?",
				tid, strerror(error));
	}
	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	status = wait_for_stop(target, tid, &gone);
	if (gone)
		return STATUS_OK;
	/* It ended, and its number is that of another process's thread by now. */
	if (!status && dirty_thread_read(&target->process, tid, &is)) {
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
 * have.
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

/*
 * Those known end together: by a signal, or as another one calls exec, which gets
 * the number of the first thread then.
 */
static bool have_ended(const struct threads *threads)
{
	uint64_t mask;

	return !threads->count ||
	       ptrace(PTRACE_GETSIGMASK, threads->threads[0].tid, sizeof(mask),
		      &mask);
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
	if (!status && have_ended(threads))
		status = complain(STATUS_VANISHED, "%d: has ended, or called exec",
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
		return thread_failed("", tid);
	return STATUS_OK;
}

/*
 * One that was killed meanwhile has to be waited for, or nobody else can wait for
 * its process.
 */
static int let_go(pid_t tid)
{
	int error, status;

	do {
		error = ptrace(PTRACE_DETACH, tid, 0, 0) ? errno : 0;
	} while (error == ESRCH && wait_a_while(tid, &status) != -1 &&
		 WIFSTOPPED(status));
	return error == ESRCH ? 0 : error;
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

	/* The first thread's end is not told before that of all others. */
	for (size_t i = threads->count; i--;) {
		pid_t tid = threads->threads[i].tid;
		int error = let_go(tid);

		if (error)
			status = complain(STATUS_OTHER, "thread %d cannot be let go: %s",
					  tid, strerror(error));
	}
	threads->pause = nanoseconds() - threads->began;
	tick(false);
	sigprocmask(SIG_SETMASK, &threads->signals, NULL);
	return status;
}
