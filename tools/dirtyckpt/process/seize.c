// SPDX-License-Identifier: GPL-2.0
/*
 * Stop all threads of a process, and let them continue.
 *
 * Threads are seized and interrupted in passes over /proc/<pid>/task, until as
 * many are stopped as the process has. Stopped threads create no new ones, so
 * these are all of them. A pass that finds nothing new proves nothing:
 * readdir() breaks off at a thread that exits meanwhile, and omits that thread,
 * which may have created another one just before. (PTRACE_O_TRACECLONE, which
 * stops children at birth, would save no passes: children of threads that are
 * not seized yet are not stopped.)
 *
 * All threads stop where the kernel checks for signals, so the rest of an
 * interrupted system call is still to be done when they continue. Signals are
 * left alone: a signal that is about to be delivered is delivered, and the
 * thread stops right after that. A process that was stopped before, for example
 * by SIGSTOP, is still stopped afterwards.
 *
 * A thread that calls exec waits until all other threads are gone, and a traced
 * thread is not gone before its tracer has waited for it. So tick() reaps
 * threads that exit while this program waits for something else.
 *
 * If this program dies, the kernel lets the threads continue. To avoid dying by
 * accident meanwhile, it blocks its own signals until they continue.
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

#include "common/process.h"

static void wait_for_ended(int signal)
{
	siginfo_t info = { 0 };
	int error = errno;

	(void)signal;
	/*
	 * waitid() also reports ptrace stops; leave those to wait_for_stop().
	 */
	while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) &&
	       info.si_pid && info.si_code != CLD_TRAPPED) {
		waitpid(info.si_pid, NULL, WNOHANG | __WALL);
		info.si_pid = 0;
	}
	errno = error;
}

/*
 * Interrupt wait_a_while() by a timer signal. The signal is blocked otherwise,
 * so that no other call fails with EINTR. A signal that is still pending when
 * the timer is turned off is discarded.
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
 * wait_a_while() - waitpid() for a thread, interrupted by the timer
 * @tid: the thread, seized
 * @status: set as by waitpid()
 *
 * Return: as waitpid(); -1 with EINTR if nothing has happened yet.
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
 * thread_failed() - report that ptrace() failed
 * @of: the object, for example "registers of ", or ""
 * @tid: the thread, seized and stopped; errno is set
 *
 * Return: the exit status: STATUS_VANISHED if the thread was killed.
 */
enum status thread_failed(const char *of, pid_t tid)
{
	return complain(errno == ESRCH ? STATUS_VANISHED : STATUS_OTHER,
			"%sthread %d: %s", of, tid, strerror(errno));
}

static bool is_alive(const struct target *target, pid_t tid)
{
	struct proc_stat is;

	return !proc_thread_stat(dirtypages_process_dir(target->process), tid, &is) &&
	       !strchr("ZXx", is.state);
}

/**
 * wait_for_stop() - wait until an interrupted thread stops
 * @target: its process
 * @tid: the thread, seized and interrupted
 * @gone: set to true if the thread has exited
 *
 * Return: STATUS_OK, or the exit status.
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
			 * waitpid() does not report the exit of the first
			 * thread before all others have exited. A thread that
			 * calls exec forgets its interrupts.
			 */
			*gone = !is_alive(target, tid);
			if (*gone)
				return STATUS_OK;
			ptrace(PTRACE_INTERRUPT, tid, 0, 0);
			continue;
		}
		if (pid == -1 && errno == EINTR)
			return complain(STATUS_OTHER,
					"thread %d does not stop: it waits in the kernel, for example for a disk or a child of vfork(); try again",
					tid);
		if (pid == -1 || !WIFSTOPPED(status)) {
			*gone = true;
			return STATUS_OK;
		}
		if (is_stop_of_ours(status))
			return STATUS_OK;
		/*
		 * The thread is about to get a signal: let it. Every stop
		 * discards a pending interrupt, so interrupt again.
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
 * PTRACE_SEIZE waits for a thread in exec, so unblock the signals with which
 * this program can be ended. After the exec, the tid may be that of another
 * thread: retry on EPERM.
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
	struct proc_stat is = { 0 };
	enum status status;
	bool gone;

	if (error) {
		if (error == ESRCH || !is_alive(target, tid))
			return STATUS_OK;
		/* A seized thread took this tid by calling exec. */
		if (!ptrace(PTRACE_INTERRUPT, tid, 0, 0))
			return complain(STATUS_VANISHED, "%d: called exec",
					target->pid);
		return complain(STATUS_NOT_PERMITTED,
				"thread %d cannot be stopped: %s; is it being debugged, or a thread of this program?",
				tid, strerror(error));
	}
	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	status = wait_for_stop(target, tid, &gone);
	if (gone)
		return STATUS_OK;
	/* The thread has exited, and another process reuses its tid. */
	if (!status && proc_thread_stat(dirtypages_process_dir(target->process), tid, &is)) {
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

/* Seize all threads that one pass finds and that are not seized yet. */
static enum status seize_found(struct target *target, struct threads *threads)
{
	enum status status = STATUS_OK;
	pid_t tid;
	DIR *dir;
	int error;

	error = process_threads(dirtypages_process_dir(target->process), &dir);
	if (error)
		return complain(error == -ESRCH ? STATUS_VANISHED : STATUS_OTHER,
				"threads of %d: %s", target->pid,
				strerror(-error));
	while (!status && (tid = process_next_thread(dir)))
		if (!is_known(threads, tid))
			status = seize_thread(target, threads, tid);
	closedir(dir);
	return status;
}

/*
 * Are there threads that are not seized yet? The first thread stays in the
 * process after it has exited, until all others have.
 */
static bool are_others(const struct target *target,
		       const struct threads *threads)
{
	pid_t pid = target->pid;
	struct proc_stat first;
	size_t ended;

	/* The next pass reports it if the process is gone. */
	if (proc_thread_stat(dirtypages_process_dir(target->process), pid, &first))
		return true;
	ended = strchr("ZXx", first.state) && !is_known(threads, pid);
	return first.threads > threads->count + ended;
}

/*
 * Have the seized threads exited? They do so together: by a signal, or when
 * another thread calls exec, which then takes the tid of the first thread.
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
 * @target: the process
 * @threads: filled in; release() lets them continue, also on failure
 *
 * Return: STATUS_OK, or the exit status.
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
					  "%d: threads are created faster than they can be stopped, or a debugger holds one that has exited; try again",
					  target->pid);
	} while (!status && others);
	if (!status && have_ended(threads))
		status = complain(STATUS_VANISHED, "%d: exited, or called exec",
				  target->pid);
	return status;
}

/**
 * die_together() - have the kernel kill the process if this program dies
 * @threads: the threads of the process, seized; release() undoes this
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status die_together(const struct threads *threads)
{
	pid_t tid = threads->threads[0].tid;

	if (ptrace(PTRACE_SETOPTIONS, tid, 0, PTRACE_O_EXITKILL))
		return thread_failed("", tid);
	return STATUS_OK;
}

/*
 * A thread that was killed meanwhile must be reaped here, or its parent cannot
 * wait for the process.
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
 * release() - let the threads continue
 * @threads: filled in by seize(); keeps the registers
 *
 * Return: STATUS_OK, or the exit status if a thread does not continue.
 */
enum status release(struct threads *threads)
{
	enum status status = STATUS_OK;

	/*
	 * waitpid() does not report the exit of the first thread before all
	 * others have exited: release that one last.
	 */
	for (size_t i = threads->count; i--;) {
		pid_t tid = threads->threads[i].tid;
		int error = let_go(tid);

		if (error)
			status = complain(STATUS_OTHER, "thread %d cannot be released: %s",
					  tid, strerror(error));
	}
	threads->pause = nanoseconds() - threads->began;
	tick(false);
	sigprocmask(SIG_SETMASK, &threads->signals, NULL);
	return status;
}
