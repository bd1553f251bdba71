// SPDX-License-Identifier: GPL-2.0
/* Properties of a process other than its memory, from /proc. */
#define _GNU_SOURCE
#include "about.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"

/* Read a whole file of a process, as a string. Return NULL if that fails. */
static char *read_all(int dir, const char *name, size_t *len)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t room = 1024;
	char *text = NULL;
	ssize_t n;

	*len = 0;
	if (fd == -1)
		return NULL;
	do {
		room *= 2;
		text = grow(text, room, 1);
		n = read(fd, text + *len, room - *len - 1);
		if (n > 0)
			*len += n;
	} while (n > 0);
	close(fd);
	text[*len] = '\0';
	if (!n)
		return text;
	free(text);
	return NULL;
}

/**
 * about_name() - read the name of a process
 * @dir: its directory in /proc
 *
 * Return: its comm, to be freed; NULL if it cannot be read.
 */
char *about_name(int dir)
{
	size_t len;
	char *text = read_all(dir, "comm", &len);

	/* A newline ends it, and may be part of it. */
	if (text && len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	return text;
}

/**
 * about_args() - read the command line of a process
 * @dir: its directory in /proc
 *
 * Return: the arguments, separated by blanks, to be freed; "[NAME]" if there are
 * none, as for a kernel thread; NULL if they cannot be read.
 */
char *about_args(int dir)
{
	size_t len;
	char *name, *text = read_all(dir, "cmdline", &len);

	if (!text)
		return NULL;
	while (len && (text[len - 1] == '\0' || text[len - 1] == ' '))
		len--;
	text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!text[i])
			text[i] = ' ';
	if (len)
		return text;
	free(text);
	name = about_name(dir);
	if (!name)
		return NULL;
	text = text_of("[%s]", name);
	free(name);
	return text;
}

/* Return the path in a hierarchy, or NULL. */
static char *cgroup_path(const char *text, const char *hierarchy)
{
	for (; *text; text++) {
		size_t len = strcspn(text, "\n");
		const char *name = text + strspn(text, "0123456789");

		if (!strncmp(name, hierarchy, strlen(hierarchy))) {
			name += strlen(hierarchy);
			return text_of("%.*s", (int)(text + len - name), name);
		}
		text += len;
		if (!*text)
			break;
	}
	return NULL;
}

/**
 * about_cgroup() - read the cgroup of a process
 * @dir: its directory in /proc
 *
 * Return: the path in the unified hierarchy, without one in that of systemd; to
 * be freed. NULL if there is neither, or on error.
 */
char *about_cgroup(int dir)
{
	size_t len;
	char *text = read_all(dir, "cgroup", &len);
	char *path = text ? cgroup_path(text, "::") : NULL;

	if (text && !path)
		path = cgroup_path(text, ":name=systemd:");
	free(text);
	return path;
}

/**
 * about_user() - read the user of a process
 * @dir: its directory in /proc
 * @uid: set to its effective user ID
 *
 * Return: false if that cannot be read.
 */
bool about_user(int dir, uid_t *uid)
{
	size_t len;
	char *text = read_all(dir, "status", &len);
	const char *line = text ? strstr(text, "\nUid:") : NULL;
	bool found = line && sscanf(line, " Uid: %*u %u", uid) == 1;

	free(text);
	return found;
}

static char *user_name(int dir)
{
	const struct passwd *user;
	uid_t uid;

	if (!about_user(dir, &uid))
		return NULL;
	user = getpwuid(uid);
	return user ? text_of("%s", user->pw_name) : text_of("%u", uid);
}

/**
 * about_read() - read properties of a process
 * @about: replaced
 * @dir: the folder of the process in /proc
 * @parts: the members to read
 */
void about_read(struct about *about, int dir, unsigned int parts)
{
	about_free(about);
	if (parts & ABOUT_USER)
		about->user = user_name(dir);
	if (parts & ABOUT_CGROUP)
		about->cgroup = about_cgroup(dir);
	if (parts & ABOUT_ARGS)
		about->args = about_args(dir);
}

/**
 * about_free() - free the members
 * @about: empty afterwards
 */
void about_free(struct about *about)
{
	free(about->user);
	free(about->cgroup);
	free(about->args);
	*about = (struct about){ 0 };
}
