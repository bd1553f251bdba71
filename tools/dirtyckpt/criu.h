/* SPDX-License-Identifier: GPL-2.0 */
/* Write a parent image of CRIU: the memory of one process. */
#ifndef CRIU_H
#define CRIU_H

#include "dirtyckpt.h"
#include "spans.h"

/**
 * struct criu - a parent image that is being written
 * @path: the path that its folder will have
 * @temporary: path of the folder until then
 * @fd: descriptor of that folder
 * @pagemap: name of the file of ranges, "" before it is written
 * @pages: descriptor of the file of contents
 * @size: size of the contents
 */
struct criu {
	const char *path;
	char *temporary;
	int fd;
	char pagemap[40];
	int pages;
	uint64_t size;
};

#define CRIU_CLOSED	{ .fd = -1, .pages = -1 }

enum status criu_begin(struct criu *criu, const char *path);
enum status criu_inventory(struct criu *criu, uint64_t start_time);
enum status criu_pagemap(struct criu *criu, pid_t pid, const struct spans *pages);
enum status criu_add(struct criu *criu, const void *data, size_t size);
char *criu_path(const struct criu *criu);
enum status criu_commit(struct criu *criu);
void criu_drop(struct criu *criu);

#endif /* CRIU_H */
