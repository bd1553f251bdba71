// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "init.h"

void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(path);
	close(fd);
}

/* Write a swap header, as mkswap does, and enable swap. */
static void swap_on(const char *device, unsigned long bytes)
{
	const size_t page = getpagesize();
	char *header = calloc(1, page);
	int fd = open(device, O_RDWR | O_CLOEXEC);
	uint32_t *info;

	if (fd < 0 || !header)
		die(device);
	info = (uint32_t *)(header + 1024);
	info[0] = 1;			/* version */
	info[1] = bytes / page - 1;	/* the last page */
	memcpy(header + page - 10, "SWAPSPACE2", 10);
	if (write(fd, header, page) != (ssize_t)page || fsync(fd))
		die(device);
	free(header);
	close(fd);
	if (swapon(device, 0))
		die("swapon");
}

void become_init(unsigned long swap_bytes)
{
	static const char * const mounts[][2] = {
		{ "proc", "/proc" }, { "sysfs", "/sys" }, { "devtmpfs", "/dev" },
		{ "tmpfs", "/tmp" },
	};
	static const char disksize[] = "/sys/block/zram0/disksize";
	char size[32];
	int fd;

	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		mkdir(mounts[i][1], 0755);
		if (mount(mounts[i][0], mounts[i][1], mounts[i][0], 0, NULL))
			die(mounts[i][1]);
	}
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	fd = open("/dev/console", O_RDWR);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!access(disksize, F_OK)) {
		snprintf(size, sizeof(size), "%lu", swap_bytes);
		put_file(disksize, size);
		swap_on("/dev/zram0", swap_bytes);
	}
}
