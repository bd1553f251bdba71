// SPDX-License-Identifier: GPL-2.0
/* Commands that register memory with a userfaultfd, and resolve its faults */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memstate.h"

#ifndef UFFDIO_POISON
struct uffdio_poison {
	struct uffdio_range range;
	uint64_t mode;
	int64_t updated;
};

#define UFFDIO_POISON _IOWR(UFFDIO, 0x08, struct uffdio_poison)
#endif

static int uffd = -1;

/* uffd missing|wp|minor [FIRST [COUNT]] */
static bool do_uffd(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t bytes;
	char *p = range(argc, argv, 2, &bytes);

	if (!strcmp(argv[1], "wp")) {
		reg.mode = UFFDIO_REGISTER_MODE_WP;
		/* UFFD_FEATURE_WP_UNPOPULATED: also markers for absent anonymous pages */
		api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP |
			       UFFD_FEATURE_WP_HUGETLBFS_SHMEM | 1 << 13;
	}
	if (!strcmp(argv[1], "minor")) {
		reg.mode = UFFDIO_REGISTER_MODE_MINOR;
		api.features = UFFD_FEATURE_MINOR_SHMEM;
	}
	reg.range.start = (uintptr_t)p;
	reg.range.len = bytes;
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd == -1 || ioctl(uffd, UFFDIO_API, &api) == -1)
		return false;
	return done(ioctl(uffd, UFFDIO_REGISTER, &reg));
}

/* unregister [FIRST [COUNT]] */
static bool do_unregister(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 1, &bytes);
	struct uffdio_range range = { (uintptr_t)p, bytes };

	return done(ioctl(uffd, UFFDIO_UNREGISTER, &range));
}

/* resolve zeropage|copy|continue|wp|unwp|poison [FIRST [COUNT]] */
static bool do_resolve(int argc, char **argv)
{
	size_t bytes;
	char *p = range(argc, argv, 2, &bytes);
	struct uffdio_range range = { (uintptr_t)p, bytes };
	struct uffdio_writeprotect wp = { .range = range };

	if (!strcmp(argv[1], "zeropage")) {
		struct uffdio_zeropage zero = { .range = range };

		return done(ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	}
	if (!strcmp(argv[1], "copy")) {
		struct uffdio_copy copy = { .dst = range.start, .len = bytes };

		copy.src = (uintptr_t)calloc(1, bytes);
		return done(ioctl(uffd, UFFDIO_COPY, &copy));
	}
	if (!strcmp(argv[1], "continue")) {
		struct uffdio_continue cont = { .range = range };

		return done(ioctl(uffd, UFFDIO_CONTINUE, &cont));
	}
	if (!strcmp(argv[1], "poison")) {
		struct uffdio_poison poison = { .range = range };

		return done(ioctl(uffd, UFFDIO_POISON, &poison));
	}
	if (!strcmp(argv[1], "wp"))
		wp.mode = UFFDIO_WRITEPROTECT_MODE_WP;
	return done(ioctl(uffd, UFFDIO_WRITEPROTECT, &wp));
}

const struct command userfaultfd_commands[] = {
	{ "resolve", 1, do_resolve },
	{ "uffd", 1, do_uffd },
	{ "unregister", 0, do_unregister },
	{ }
};
