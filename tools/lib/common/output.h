/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files that a user names for output.
 *
 * Functions that return int return 0 or a negative errno.
 */
#ifndef COMMON_OUTPUT_H
#define COMMON_OUTPUT_H

#include <stddef.h>
#include <sys/types.h>

/**
 * struct output_file - a file that the user named, while it is written
 * @fd: the descriptor to write to
 * @folder: the folder of @name
 * @name: the file that the rename replaces, NULL if @fd is the file itself
 * @temporary: the name of the file behind @fd until then
 * @mode: the permissions that the file will have
 * @uid: the owner that it will have
 * @gid: the group that it will have
 */
struct output_file {
	int fd;
	int folder;
	char *name;
	char *temporary;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

int output_open(struct output_file *output, const char *path);
int output_commit(struct output_file *output);
void output_abandon(struct output_file *output);
const char *output_error(int error);

int write_fully(int fd, const void *data, size_t size);

#endif /* COMMON_OUTPUT_H */
