// SPDX-License-Identifier: GPL-2.0
/* Commands that use io_uring: to pin memory, to read and to write */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "memstate.h"

static int ring = -1;
static struct io_uring_params ring_params;

static int use_ring(void)
{
	if (ring == -1)
		ring = syscall(SYS_io_uring_setup, 1, &ring_params);
	return ring;
}

/* poller: have the kernel start a thread that polls the ring for work */
static bool do_poller(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	ring_params.flags = IORING_SETUP_SQPOLL;
	return done(use_ring() == -1 ? -1 : 0);
}

/* pin [FIRST [COUNT]]: register the pages as a buffer, which pins them */
static bool do_pin(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);
	struct iovec buffer = { p, bytes };

	if (use_ring() == -1)
		return false;
	return done(syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS,
			    &buffer, 1));
}

static bool do_unpin(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return done(syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS,
			    NULL, 0));
}

/* Submit one request, wait for it, and return its result. */
static int ring_submit(const struct io_uring_sqe *sqe)
{
	struct io_sqring_offsets *sq = &ring_params.sq_off;
	struct io_cqring_offsets *cq = &ring_params.cq_off;
	static char *rings;
	static struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqe;
	unsigned int head;

	if (!rings) {
		rings = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			     ring, IORING_OFF_SQ_RING);
		sqes = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
			    IORING_OFF_SQES);
		if (rings == MAP_FAILED || (void *)sqes == MAP_FAILED)
			return -errno;
	}
	sqes[0] = *sqe;
	((unsigned int *)(rings + sq->array))[0] = 0;
	__atomic_add_fetch((unsigned int *)(rings + sq->tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == -1)
		return -errno;
	head = __atomic_fetch_add((unsigned int *)(rings + cq->head), 1,
				  __ATOMIC_ACQ_REL);
	cqe = (struct io_uring_cqe *)(rings + cq->cqes);
	return cqe[head & *(unsigned int *)(rings + cq->ring_mask)].res;
}

/* fixedread PATH [FIRST [COUNT]]: read a file into pinned memory */
static bool do_fixedread(int argc, char **argv)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_READ_FIXED };
	size_t bytes;
	int ret;

	sqe.fd = open(argv[1], O_RDONLY);
	sqe.addr = (uintptr_t)range(argc, argv, 2, &bytes);
	sqe.len = bytes;
	if (sqe.fd == -1)
		return false;
	ret = ring_submit(&sqe);
	close(sqe.fd);
	errno = ret < 0 ? -ret : EIO;
	return ret == (int)bytes && ok();
}

/* ringwrite PATH OFFSET TEXT: write; _ is a blank, and a newline at the end */
static bool do_ringwrite(int argc, char **argv)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_WRITE };
	char *p;
	int ret;

	if (argc < 4 || use_ring() == -1)
		return false;
	for (p = argv[3]; *p; p++) {
		if (*p == '_')
			*p = p[1] ? ' ' : '\n';
	}
	sqe.fd = open(argv[1], O_WRONLY);
	sqe.off = strtoll(argv[2], NULL, 0);
	sqe.addr = (uintptr_t)argv[3];
	sqe.len = p - argv[3];
	ret = sqe.fd == -1 ? -errno : ring_submit(&sqe);
	close(sqe.fd);
	return ready("%d", ret);
}

const struct command io_uring_commands[] = {
	{ "fixedread", 1, do_fixedread },
	{ "pin", 0, do_pin },
	{ "poller", 0, do_poller },
	{ "ringwrite", 3, do_ringwrite },
	{ "unpin", 0, do_unpin },
	{ }
};
