/* SPDX-License-Identifier: GPL-2.0 */
/* Properties of a process other than its memory, from /proc. */
#ifndef ABOUT_H
#define ABOUT_H

#include <stdbool.h>
#include <sys/types.h>

char *about_name(int dir);
char *about_args(int dir);
char *about_cgroup(int dir);
bool about_user(int dir, uid_t *uid);

#endif /* ABOUT_H */
