/* SPDX-License-Identifier: GPL-2.0 */
/* Properties of a process other than its memory, from /proc. */
#ifndef ABOUT_H
#define ABOUT_H

#include <stdbool.h>
#include <sys/types.h>

/* The members of struct about, as a set */
enum {
	ABOUT_USER	= 1,
	ABOUT_CGROUP	= 2,
	ABOUT_ARGS	= 4,
};

/**
 * struct about - properties of a process other than its memory
 * @user: name of the effective user, or the number if there is no name
 * @cgroup: path of the cgroup
 * @args: command line
 *
 * A member that was not requested, or cannot be read, is NULL.
 */
struct about {
	char *user;
	char *cgroup;
	char *args;
};

void about_read(struct about *about, int dir, unsigned int parts);
void about_free(struct about *about);
char *about_name(int dir);
char *about_args(int dir);
char *about_cgroup(int dir);
bool about_user(int dir, uid_t *uid);

#endif /* ABOUT_H */
