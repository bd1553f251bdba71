/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Code for the command lines of dirtycat and dirtyckpt: text that is safe on a
 * terminal, and files that a user names.
 *
 * Functions that return int return 0 or a negative errno.
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* text.c */
char *cli_escape(const char *text);
char *cli_escape_utf8(const char *text);
void cli_put(FILE *out, const char *text);
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_die(int status, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));
void cli_bad_option(int c, char **argv);
int cli_close_stdout(void);

/**
 * struct cli_output - a file that the user named, while it is written
 * @fd: the descriptor to write to
 * @folder: the folder of @name
 * @name: the file that the rename replaces, NULL if @fd is the file itself
 * @temporary: the name of the file behind @fd until then
 * @mode: the permissions that the file will have
 * @uid: the owner that it will have
 * @gid: the group that it will have
 */
struct cli_output {
	int fd;
	int folder;
	char *name;
	char *temporary;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/* output.c */
int cli_output_open(struct cli_output *output, const char *path);
int cli_write(int fd, const void *data, size_t size);
int cli_output_commit(struct cli_output *output);
void cli_output_abandon(struct cli_output *output);
const char *cli_output_error(int error);

#endif /* CLI_H */
