// SPDX-License-Identifier: GPL-2.0
/*
 * pagescan - what PAGEMAP_SCAN says of a process's private pages
 *
 *	pagescan PID
 *
 * An oracle for the listing: the pages that are in memory or in swap and are
 * neither of a file nor the zero page, in private mappings, a line a run, with
 * those flags of the listing that PAGEMAP_SCAN knows: p or s, d, h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* As in <linux/fs.h> since Linux 6.7 */
struct page_region {
	uint64_t start, end, categories;
};

struct pm_scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask;
	uint64_t return_mask;
};

#define PAGEMAP_SCAN	_IOWR('f', 16, struct pm_scan_arg)

#define IS_FILE		(1 << 2)
#define IS_PRESENT	(1 << 3)
#define IS_SWAPPED	(1 << 4)
#define IS_PFNZERO	(1 << 5)
#define IS_HUGE		(1 << 6)
#define IS_SOFT_DIRTY	(1 << 7)

static int scan(int fd, uint64_t start, uint64_t end)
{
	static struct page_region regions[4096];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = start,
		.end = end,
		.vec = (uintptr_t)regions,
		.vec_len = sizeof(regions) / sizeof(regions[0]),
		.category_inverted = IS_FILE | IS_PFNZERO,
		.category_mask = IS_FILE | IS_PFNZERO,
		.category_anyof_mask = IS_PRESENT | IS_SWAPPED,
		.return_mask = IS_SWAPPED | IS_SOFT_DIRTY | IS_HUGE,
	};
	int i, n;

	do {
		n = ioctl(fd, PAGEMAP_SCAN, &arg);
		for (i = 0; i < n; i++) {
			uint64_t c = regions[i].categories;

			printf("%08llx-%08llx %c%c%c\n",
			       (unsigned long long)regions[i].start,
			       (unsigned long long)regions[i].end,
			       c & IS_SWAPPED ? 's' : 'p',
			       c & IS_SOFT_DIRTY ? 'd' : '-',
			       c & IS_HUGE ? 'h' : '-');
		}
		if (n > 0)
			arg.start = regions[n - 1].end;
	} while (n == (int)arg.vec_len);
	return n < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	unsigned long long start, end;
	char path[64], line[512], shared;
	FILE *maps;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: pagescan PID\n");
		return 2;
	}
	snprintf(path, sizeof(path), "/proc/%s/pagemap", argv[1]);
	fd = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%s/maps", argv[1]);
	maps = fopen(path, "r");
	if (fd == -1 || !maps) {
		fprintf(stderr, "pagescan: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%llx-%llx %*3c%c", &start, &end, &shared) != 3)
			continue;
		if (shared == 'p' && !strstr(line, "[vsyscall]") &&
		    scan(fd, start, end) == -1) {
			fprintf(stderr, "pagescan: %s: %s\n", argv[1], strerror(errno));
			return 1;
		}
	}
	return 0;
}
