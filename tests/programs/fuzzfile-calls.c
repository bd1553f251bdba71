// SPDX-License-Identifier: GPL-2.0
/* The calls of fuzzfile, and the errors that each may return */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzzfile.h"

#define URING_CALLS 4

struct call {
	const char *name;
	long (*run)(struct thread *t, struct file *f);
	int errors[8];
};

uint64_t total;
uint64_t bytes_read, bytes_written;	/* by read and write alone */
static struct description descriptions[FILES];
static unsigned int *sq_tail, *sq_array, *cq_head, *cq_tail, cq_mask;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static int ring;

static long result(long n)
{
	return n == -1 ? -errno : n;
}

void set_up_uring(void)
{
	struct io_uring_params p = { 0 };
	char *rings;

	ring = syscall(SYS_io_uring_setup, URING_CALLS, &p);
	must(ring != -1, "io_uring_setup");
	rings = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*cqes) + p.sq_off.array,
		     PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		    IORING_OFF_SQES);
	must(rings != MAP_FAILED && sqes != MAP_FAILED, "mmap of rings");
	sq_tail = (unsigned int *)(rings + p.sq_off.tail);
	sq_array = (unsigned int *)(rings + p.sq_off.array);
	cq_head = (unsigned int *)(rings + p.cq_off.head);
	cq_tail = (unsigned int *)(rings + p.cq_off.tail);
	cq_mask = p.cq_entries - 1;
	cqes = (struct io_uring_cqe *)(rings + p.cq_off.cqes);
}

static size_t any_size(struct thread *t)
{
	static const size_t sizes[] = { 0, 1, 7, 40, 100, 4096, 65535, 65536, 65537, BUFFER };

	return PICK(t, sizes);
}

/* Return room for *@size bytes; sometimes for fewer, to provoke EFAULT. */
static char *any_buffer(struct thread *t, size_t *size)
{
	char *end = t->buffer + BUFFER;

	*size = any_size(t);
	if (!rnd(t, 8))
		return end - rnd(t, *size + 1);
	return end - *size;
}

static off_t any_offset(struct thread *t)
{
	static const off_t offsets[] = {
		0, 0, 1, 33, 34, 100, 4096, 65536, 1 << 20, INT64_MAX, INT64_MAX - 65536, -1,
		INT64_MIN,
	};

	return PICK(t, offsets);
}

static struct file *free_file(void)
{
	for (int i = 0; i < FILES; i++) {
		if (files[i].fd == -1)
			return &files[i];
	}
	return NULL;
}

static struct description *free_description(void)
{
	for (int i = 0; i < FILES; i++) {
		bool used = false;

		for (int j = 0; j < FILES; j++)
			used |= files[j].fd != -1 && files[j].d == &descriptions[i];
		if (!used)
			return &descriptions[i];
	}
	return NULL;
}

/* Put an opened descriptor of @target into the table. */
static long note_opened(int fd, int mode, struct target *target, unsigned int generation)
{
	struct file *f = free_file();
	struct description *d = free_description();

	if (fd == -1)
		return -errno;
	if (!f) {
		close(fd);
		return 0;
	}
	*d = (struct description){ target, generation, false };
	*f = (struct file){ fd, mode, d };
	return fd;
}

static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR, O_RDWR, O_PATH };

static long call_open(struct thread *t, struct file *f)
{
	static const int flags[] = {
		0, 0, 0, 0, 0, 0, O_NONBLOCK, O_APPEND, O_TRUNC, O_NOFOLLOW, O_DIRECT, O_SYNC,
		O_CREAT, O_CREAT | O_EXCL, O_DIRECTORY, O_ASYNC, O_NOATIME, O_TMPFILE,
	};
	struct target *g = rnd(t, 8) ? &targets[rnd(t, TARGETS)] : NULL;
	int mode = PICK(t, modes), flag = PICK(t, flags);
	char path[64];

	(void)f;
	if (g && rnd(t, 4))
		snprintf(path, sizeof(path), "/proc/%d/dirty_pages", g->pid);
	else if (g)
		snprintf(path, sizeof(path), "/proc/%d/task/%d/dirty_pages", g->pid, g->pid);
	else
		snprintf(path, sizeof(path), "/proc/%s/dirty_pages", rnd(t, 2) ? "self" : "2");
	say("open %s %x", path, mode | flag);
	return note_opened(open(path, mode | flag, 0600), mode, g, g ? g->generation : 0);
}

/* Opens the path again; by now the pid may belong to another process. */
static long call_reopen(struct thread *t, struct file *f)
{
	struct target *g = f->d->target;
	int mode = PICK(t, modes);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	return note_opened(open(path, mode), mode, g, g ? g->generation : 0);
}

static long call_dup(struct thread *t, struct file *f)
{
	struct file *new = free_file();
	int fd;

	if (!new)
		return 0;
	fd = rnd(t, 2) ? dup(f->fd) : fcntl(f->fd, F_DUPFD_CLOEXEC, 100);
	if (fd == -1)
		return -errno;
	*new = (struct file){ fd, f->mode, f->d };
	return fd;
}

static long call_close(struct thread *t, struct file *f)
{
	long n = result(close(f->fd));

	(void)t;
	f->fd = -1;
	if (n && (f->mode == O_RDONLY || f->mode == O_PATH))
		fail("close of a file without writes: %ld", n);
	return n;
}

static long call_read(struct thread *t, struct file *f)
{
	size_t size;
	char *p = any_buffer(t, &size);

	return check_read(f, p, result(read(f->fd, p, size)));
}

static long call_pread(struct thread *t, struct file *f)
{
	size_t size;
	char *p = any_buffer(t, &size);

	return check_read(f, p, result(pread(f->fd, p, size, any_offset(t))));
}

static long call_readv(struct thread *t, struct file *f)
{
	size_t size;
	char *p = any_buffer(t, &size);
	size_t part = rnd(t, size + 1);
	struct iovec parts[] = { { p, part }, { NULL, 0 }, { p + part, size - part } };
	int flags = rnd(t, 2) ? 0 : 1 << rnd(t, 8);

	if (rnd(t, 2))
		return check_read(f, p, result(readv(f->fd, parts, 3)));
	return check_read(f, p, result(preadv2(f->fd, parts, 3, rnd(t, 2) ? -1 : any_offset(t),
					       flags)));
}

/* Put the text at the end of the buffer; sometimes only its start, to provoke EFAULT. */
static char *place_text(struct thread *t, size_t *len)
{
	char *end = t->buffer + BUFFER, *p;

	*len = make_text(t);
	if (*len > BUFFER)
		*len = BUFFER;
	p = end - *len;
	if (!rnd(t, 8))
		p = end - rnd(t, *len + 1);
	memcpy(p, t->text, end - p);
	return p;
}

static long call_write(struct thread *t, struct file *f)
{
	size_t len, at, part;
	char *p = place_text(t, &len);
	long n = 0;

	for (at = 0; at < len && n >= 0; at += part) {
		part = rnd(t, 2) ? len - at : 1 + rnd(t, len - at);
		n = result(write(f->fd, p + at, part));
		if (n >= 0 && n < (long)part)
			break;
	}
	return n;
}

static long call_write_huge(struct thread *t, struct file *f)
{
	struct iovec parts[3] = { { AREA + HUGE, HUGE }, { t->buffer, BUFFER }, { AREA, HUGE } };

	return result(writev(f->fd, parts, 3));
}

static long call_writev(struct thread *t, struct file *f)
{
	size_t len;
	char *p = place_text(t, &len);
	size_t part = rnd(t, len + 1);
	struct iovec parts[] = { { p, part }, { p + part, len - part } };

	return result(pwritev2(f->fd, parts, 2, -1, rnd(t, 2) ? 0 : 1 << rnd(t, 8)));
}

static long call_pwrite(struct thread *t, struct file *f)
{
	size_t len;
	char *p = place_text(t, &len);
	long n = result(pwrite(f->fd, p, len, any_offset(t)));

	if (n >= 0)
		fail("pwrite: %ld", n);
	return n;
}

static long call_lseek(struct thread *t, struct file *f)
{
	static const int whences[] = {
		SEEK_SET, SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 5, -1,
	};
	int whence = PICK(t, whences);
	long n = result(lseek(f->fd, any_offset(t), whence));

	if (n >= 0 && whence != SEEK_SET && whence != SEEK_CUR)
		fail("lseek by %d: %ld", whence, n);
	will_be_read(f->d);
	return n;
}

static void drain(struct thread *t, struct file *f)
{
	ssize_t n = read(t->pipe[0], t->buffer, BUFFER);

	if (f)
		check_read(f, t->buffer, n);
}

static long call_splice_out(struct thread *t, struct file *f)
{
	off_t offset = any_offset(t);
	long n = result(splice(f->fd, rnd(t, 2) ? NULL : &offset, t->pipe[1], NULL, any_size(t),
			       rnd(t, 16)));

	if (n > 0)
		drain(t, f);
	return n;
}

static long call_splice_in(struct thread *t, struct file *f)
{
	size_t len;
	char *p = place_text(t, &len);
	struct iovec part = { p, len };
	off_t offset = any_offset(t);
	long n;

	if (rnd(t, 2))
		n = result(vmsplice(t->pipe[1], &part, 1, SPLICE_F_NONBLOCK));
	else
		n = result(write(t->pipe[1], p, len));
	if (n > 0)
		n = result(splice(t->pipe[0], NULL, f->fd, rnd(t, 8) ? NULL : &offset, len,
				  rnd(t, 16)));
	drain(t, NULL);
	return n;
}

static long call_tee(struct thread *t, struct file *f)
{
	int pair[2];
	long n;

	must(!pipe2(pair, O_NONBLOCK), "pipe2");
	n = result(tee(f->fd, t->pipe[1], 4096, SPLICE_F_NONBLOCK));
	if (n >= 0)
		fail("tee of a file that is no pipe: %ld", n);
	if (splice(f->fd, NULL, pair[1], NULL, 4096, SPLICE_F_NONBLOCK) > 0 &&
	    tee(pair[0], t->pipe[1], 4096, SPLICE_F_NONBLOCK) > 0)
		drain(t, f);
	close(pair[0]);
	close(pair[1]);
	return n;
}

static long call_sendfile_out(struct thread *t, struct file *f)
{
	off_t offset = any_offset(t);
	long n;

	must(!ftruncate(t->memfd, 0) && !lseek(t->memfd, 0, SEEK_SET), "memfd");
	n = result(sendfile(t->memfd, f->fd, rnd(t, 2) ? NULL : &offset, any_size(t)));
	/* It makes several reads, and another thread may read in between. */
	if (n > 0 && !t->shared)
		check_read(f, t->buffer, pread(t->memfd, t->buffer, n, 0));
	return n;
}

static long call_sendfile_in(struct thread *t, struct file *f)
{
	size_t len = make_text(t);
	off_t offset = 0;

	must(!ftruncate(t->memfd, 0) && pwrite(t->memfd, t->text, len, 0) == (ssize_t)len,
	     "memfd");
	return result(sendfile(f->fd, t->memfd, &offset, len));
}

/* Acknowledge by one descriptor the text that another one lists. */
static long call_sendfile_across(struct thread *t, struct file *f)
{
	struct file *other = &files[rnd(t, FILES)];

	will_be_read(f->d);
	return result(sendfile(other->fd, f->fd, NULL, any_size(t)));
}

static long call_copy_file_range(struct thread *t, struct file *f)
{
	struct file *other = &files[rnd(t, FILES)];
	off_t offset = any_offset(t);

	switch (rnd(t, 3)) {
	case 0:
		return result(copy_file_range(f->fd, &offset, t->memfd, NULL, any_size(t), 0));
	case 1:
		return result(copy_file_range(t->memfd, &offset, f->fd, NULL, any_size(t), 0));
	default:
		return result(copy_file_range(f->fd, NULL, other->fd, NULL, any_size(t),
					      rnd(t, 2)));
	}
}

static void queue_uring(struct thread *t, struct file *f, unsigned int i, char *piece, size_t size)
{
	bool out = rnd(t, 2);
	unsigned int tail = *sq_tail;

	if (out) {
		size_t len = make_text(t);

		size = len < size ? len : size;
		memcpy(piece, t->text, size);
	}
	sqes[i] = (struct io_uring_sqe){
		.opcode = out ? IORING_OP_WRITE : IORING_OP_READ, .fd = f->fd,
		.addr = (uintptr_t)piece, .len = size, .off = rnd(t, 2) ? -1 : any_offset(t),
		.rw_flags = rnd(t, 8) ? 0 : 1 << rnd(t, 8), .user_data = out ? 0 : (uintptr_t)piece,
		.flags = rnd(t, 2) ? IOSQE_ASYNC : 0,
	};
	sq_array[tail % URING_CALLS] = i;
	__atomic_store_n(sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static long reap_uring(struct file *f, unsigned int *left)
{
	unsigned int head = *cq_head;
	long n = 0;

	for (; head != __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE); head++) {
		struct io_uring_cqe *cqe = &cqes[head & cq_mask];

		if (cqe->user_data)
			check_read(f, (char *)(uintptr_t)cqe->user_data, cqe->res);
		if (cqe->res < 0)
			n = cqe->res;
		--*left;
	}
	__atomic_store_n(cq_head, head, __ATOMIC_RELEASE);
	return n;
}

/* Several requests at a time, each with its own part of the buffer */
static long call_uring(struct thread *t, struct file *f)
{
	size_t size = BUFFER / URING_CALLS;
	unsigned int left = 1 + rnd(t, URING_CALLS), to_submit = left;
	long n = 0, ret;

	for (unsigned int i = 0; i < to_submit; i++)
		queue_uring(t, f, i, t->buffer + i * size, size);
	will_be_read(f->d);
	while (left) {
		ret = syscall(SYS_io_uring_enter, ring, to_submit, 1, IORING_ENTER_GETEVENTS,
			      NULL, 0);
		must(ret != -1 || errno == EINTR, "io_uring_enter");
		if (ret > 0)
			to_submit -= ret;
		ret = reap_uring(f, &left);
		n = ret ? ret : n;
	}
	return n;
}

static long call_poll(struct thread *t, struct file *f)
{
	struct pollfd wait = { .fd = f->fd, .events = rnd(t, 65536) };
	long n = result(poll(&wait, 1, 10));

	if (n >= 0 && f->mode != O_PATH && (wait.events & (POLLIN | POLLOUT)) && n != 1)
		fail("poll: %ld", n);
	return n;
}

static long call_epoll(struct thread *t, struct file *f)
{
	struct epoll_event event = { .events = rnd(t, 2) ? EPOLLIN : EPOLLOUT | EPOLLET };
	int fd = epoll_create1(0);
	long n;

	must(fd != -1, "epoll_create1");
	n = result(epoll_ctl(fd, EPOLL_CTL_ADD, f->fd, &event));
	if (n >= 0)
		fail("epoll_ctl: %ld", n);
	close(fd);
	return n;
}

static long call_set_flags(struct thread *t, struct file *f)
{
	static const int flags[] = {
		0, O_NONBLOCK, O_APPEND, O_NONBLOCK | O_APPEND, O_DIRECT, O_ASYNC, O_NOATIME,
	};
	int flag = PICK(t, flags);
	long n = result(fcntl(f->fd, F_SETFL, flag));

	fcntl(f->fd, F_SETFL, 0);
	return n;
}

static long call_lock(struct thread *t, struct file *f)
{
	static const int kinds[] = { F_SETLK, F_OFD_SETLK, F_GETLK };
	static const short types[] = { F_RDLCK, F_WRLCK, F_UNLCK };
	static const int flocks[] = { LOCK_SH, LOCK_EX, LOCK_UN };
	struct flock lock = { .l_type = PICK(t, types), .l_start = rnd(t, 100) };

	if (rnd(t, 2))
		return result(flock(f->fd, PICK(t, flocks) | LOCK_NB));
	return result(fcntl(f->fd, PICK(t, kinds), &lock));
}

static long call_lease(struct thread *t, struct file *f)
{
	static const int types[] = { F_RDLCK, F_WRLCK };
	long n = result(fcntl(f->fd, F_SETLEASE, PICK(t, types)));

	fcntl(f->fd, F_SETLEASE, F_UNLCK);
	fcntl(f->fd, F_GETLEASE);
	return n;
}

static long call_ioctl(struct thread *t, struct file *f)
{
	static const unsigned long known[] = {
		FIONBIO, FIOASYNC, FIOQSIZE, FIONREAD, FIGETBSZ, FIBMAP, FICLONE, FIDEDUPERANGE,
		FS_IOC_FIEMAP, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_FSGETXATTR,
		_IOWR('f', 16, char[96]),	/* PAGEMAP_SCAN, an ioctl of pagemap */
	};
	unsigned long number = rnd(t, 2) ? PICK(t, known) : rnd(t, 1ull << 32);
	char *p = rnd(t, 2) ? t->buffer : t->buffer + BUFFER - 8;

	memset(t->buffer, 0, 4096);
	return result(ioctl(f->fd, number, rnd(t, 4) ? p : NULL));
}

static long call_mmap(struct thread *t, struct file *f)
{
	int prot = rnd(t, 8), flags = 1 + rnd(t, 3);
	void *p = mmap(NULL, PAGE << rnd(t, 4), prot, flags, f->fd, 0);

	if (p != MAP_FAILED)
		fail("mmap of the file");
	return -errno;
}

static long call_truncate(struct thread *t, struct file *f)
{
	return result(ftruncate(f->fd, any_offset(t)));
}

static long call_allocate(struct thread *t, struct file *f)
{
	long n = result(fallocate(f->fd, rnd(t, 2) ? 0 : 1 << rnd(t, 7), any_offset(t),
				  any_offset(t)));

	if (n >= 0)
		fail("fallocate: %ld", n);
	return n;
}

static long call_sync(struct thread *t, struct file *f)
{
	return result(rnd(t, 2) ? fsync(f->fd) : fdatasync(f->fd));
}

static long call_advise(struct thread *t, struct file *f)
{
	if (rnd(t, 2))
		return result(readahead(f->fd, any_offset(t), any_size(t)));
	return -posix_fadvise(f->fd, any_offset(t), any_size(t), rnd(t, 8));
}

/* The file never grants more rights than the process does. */
static long call_mode(struct thread *t, struct file *f)
{
	struct stat st;
	long n = result(rnd(t, 2) ? fchmod(f->fd, rnd(t, 01000)) : fchown(f->fd, 0, rnd(t, 3) - 1));

	if (!fstat(f->fd, &st) && (st.st_mode != (S_IFREG | 0600) || st.st_uid || st.st_size))
		fail("fstat: mode %o, owner %u, %ld bytes", st.st_mode, st.st_uid, st.st_size);
	return n;
}

/* Calls that threads and children make on one descriptor at the same time */
static const char *const shared_calls[] = {
	"read", "read", "pread", "readv", "write", "write", "writev", "write huge", "pwrite",
	"lseek", "splice out", "splice in", "sendfile out", "sendfile in", "poll", "set flags",
};

static void call_shared(struct thread *t, struct file *f)
{
	for (uint64_t n = 2 + rnd(t, 6); n; n--)
		make_call(t, f, PICK(t, shared_calls));
}

static long call_fork(struct thread *t, struct file *f)
{
	struct file copy = *f;
	int status;
	pid_t pid;

	will_be_read(f->d);
	pid = fork();
	must(pid != -1, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		call_shared(t, &copy);
		make_call(t, &copy, "close");
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == -1)
		must(errno == EINTR, "waitpid");
	if (status)
		fail("in a child, see above");
	return 0;
}

static void *run_thread(void *arg)
{
	struct thread *t = arg;

	call_shared(t, t->shared);
	return NULL;
}

/* Change the state of a target, which may have open files. */
static void change_target(struct thread *t, struct target *g)
{
	pid_t pid = g->pid;

	switch (rnd(t, 8)) {
	case 0:
	case 1:
		if (g->state == RUNNING && !kill(pid, SIGSTOP))
			g->state = STOPPED;
		break;
	case 2:
		kill_target(g);
		break;
	case 3:
	case 4:
		reap_target(g);
		start_target(g, rnd(t, 4) ? pid : 0);
		break;
	case 5:
	case 6:
		if (g->state == RUNNING || g->state == STOPPED)
			ask_target(g, AREA_PAGES);
		break;
	default:
		if (g->state == RUNNING || g->state == STOPPED)
			check_write_shows(t, g);
	}
}

/* Not in shared_calls: no thread or child runs while targets are started and reaped. */
static long call_change(struct thread *t, struct file *f)
{
	change_target(t, f->d->target && rnd(t, 2) ? f->d->target : &targets[rnd(t, TARGETS)]);
	return 0;
}

static long call_threads(struct thread *t, struct file *f)
{
	struct target *g = f->d->target;
	pthread_t ids[THREADS];

	will_be_read(f->d);
	for (int i = 0; i < THREADS; i++) {
		threads[1 + i].state = rnd(t, UINT32_MAX) + 1;
		threads[1 + i].shared = f;
		must(!pthread_create(&ids[i], NULL, run_thread, &threads[1 + i]), "thread");
	}
	if (g && rnd(t, 2) && (g->state == RUNNING || g->state == STOPPED)) {
		if (rnd(t, 2))
			kill_target(g);
		else
			ask_target(g, AREA_PAGES);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	return 0;
}

/*
 * The errors that each call may return, beside EBADF if the descriptor was not
 * opened for it. ESRCH means that the address space has gone. EINVAL from a write
 * means that this line or an earlier one is bad; from a read, that a thread has
 * moved the position too close to the largest offset. io_uring cancels a request
 * for lack of a worker, as a signal can prevent it from creating one. Most other
 * errors come from the VFS, as the file supports only read, write and poll.
 */
static const struct call calls[] = {
	{ "open", call_open, { ENOENT, ESRCH, EINVAL, EEXIST, ENOTDIR } },
	{ "open", call_open, { ENOENT, ESRCH, EINVAL, EEXIST, ENOTDIR } },
	{ "open", call_open, { ENOENT, ESRCH, EINVAL, EEXIST, ENOTDIR } },
	{ "reopen", call_reopen, { ENOENT, ESRCH } },
	{ "dup", call_dup, { 0 } },
	{ "close", call_close, { EINVAL } },
	{ "read", call_read, { ESRCH, EFAULT, EINVAL } },
	{ "pread", call_pread, { ESRCH, EFAULT, EINVAL } },
	{ "readv", call_readv, { ESRCH, EFAULT, EINVAL, EOPNOTSUPP } },
	{ "write", call_write, { ESRCH, EFAULT, EINVAL } },
	{ "write", call_write, { ESRCH, EFAULT, EINVAL } },
	{ "writev", call_writev, { ESRCH, EFAULT, EINVAL, EOPNOTSUPP } },
	{ "write huge", call_write_huge, { ESRCH, EINVAL } },
	{ "pwrite", call_pwrite, { ESPIPE, EINVAL } },
	{ "lseek", call_lseek, { ESRCH, EINVAL } },
	{ "splice out", call_splice_out, { ESRCH, EINVAL } },
	{ "splice in", call_splice_in, { ESRCH, EFAULT, EINVAL, ESPIPE } },
	{ "tee", call_tee, { EINVAL } },
	{ "sendfile out", call_sendfile_out, { ESRCH, EINVAL, EOVERFLOW } },
	{ "sendfile in", call_sendfile_in, { ESRCH, EINVAL } },
	{ "sendfile across", call_sendfile_across, { ESRCH, EINVAL, EBADF } },
	{ "copy_file_range", call_copy_file_range, { EXDEV, EINVAL, EBADF } },
	{ "uring", call_uring, { ESRCH, EFAULT, EINVAL, EOPNOTSUPP, ECANCELED } },
	{ "uring", call_uring, { ESRCH, EFAULT, EINVAL, EOPNOTSUPP, ECANCELED } },
	{ "poll", call_poll, { EINTR } },
	{ "epoll", call_epoll, { EPERM } },
	{ "set flags", call_set_flags, { EINVAL } },
	{ "lock", call_lock, { EAGAIN, EINVAL } },
	{ "lease", call_lease, { EAGAIN, EINVAL } },
	{ "ioctl", call_ioctl, { ENOTTY, EFAULT, EINVAL, EOPNOTSUPP, EBADF, EXDEV } },
	{ "mmap", call_mmap, { ENODEV, EACCES, EPERM } },
	{ "truncate", call_truncate, { EFBIG, EINVAL } },
	{ "allocate", call_allocate, { EOPNOTSUPP, EFBIG, EINVAL } },
	{ "sync", call_sync, { EINVAL } },
	{ "advise", call_advise, { EINVAL } },
	{ "mode", call_mode, { EPERM } },
	{ "fork", call_fork, { 0 } },
	{ "threads", call_threads, { 0 } },
	{ "threads", call_threads, { 0 } },
	{ "change", call_change, { 0 } },
	{ "change", call_change, { 0 } },
	{ "change", call_change, { 0 } },
};

static void do_call(struct thread *t, struct file *f, const struct call *call)
{
	int fd = f->fd, mode = f->mode;
	long n = call->run(t, f);
	bool allowed = n >= 0 || (n == -EBADF && mode != O_RDWR);

	say("%ld: fd %d, mode %x: %s = %ld", t - threads, fd, mode, call->name, n);
	for (size_t i = 0; i < sizeof(call->errors) / sizeof(call->errors[0]); i++)
		allowed |= n < 0 && call->errors[i] == -n;
	if (!allowed)
		fail("%s must not fail with: %s", call->name, strerror(-n));
	__atomic_fetch_add(&total, 1, __ATOMIC_RELAXED);
	if (n > 0 && call->run == call_read)
		__atomic_fetch_add(&bytes_read, n, __ATOMIC_RELAXED);
	if (n > 0 && call->run == call_write)
		__atomic_fetch_add(&bytes_written, n, __ATOMIC_RELAXED);
}

void make_call(struct thread *t, struct file *f, const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (!strcmp(calls[i].name, name)) {
			do_call(t, f, &calls[i]);
			return;
		}
	}
	fail("no call %s", name);
}

void make_any_call(struct thread *t, struct file *f)
{
	do_call(t, f, &PICK(t, calls));
}
