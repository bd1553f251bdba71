// SPDX-License-Identifier: GPL-2.0
/*
 * The selection of processes by anything but a PID. As with pgrep, a process must
 * meet one criterion of each kind that is given.
 */
#define _GNU_SOURCE
#include "selection.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "about.h"
#include "common/memory.h"
#include "common/message.h"
#include "common/options.h"
#include "common/process.h"
#include "common/text.h"

static void compile(struct criterion *criterion)
{
	char problem[256];
	int error = regcomp(&criterion->regex, criterion->text,
			    REG_EXTENDED | REG_NOSUB);

	if (!error)
		return;
	regerror(error, &criterion->regex, problem, sizeof(problem));
	usage_error("%s: invalid regular expression: %s", criterion->text, problem);
}

static void find_user(struct criterion *criterion)
{
	const struct passwd *user = getpwnam(criterion->text);
	size_t digits = strspn(criterion->text, "0123456789");

	if (user)
		criterion->uid = user->pw_uid;
	else if (!digits || criterion->text[digits])
		usage_error("%s: no such user; use a name or a number",
			    criterion->text);
	else
		criterion->uid = parse_number(criterion->text, 0, UINT32_MAX - 1,
					      "user number");
}

/* Turn a directory below the usual mount points into a path as in /proc. */
static char *cgroup_of(const char *text)
{
	static const char *const mounts[] = {
		"/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup"
	};
	size_t len;

	if (!*text)
		usage_error("empty cgroup; use a path such as /system.slice, or / for the root");
	for (size_t i = 0; i < 3; i++) {
		len = strlen(mounts[i]);
		if (!strncmp(text, mounts[i], len) && strchr("/", text[len])) {
			text += len;
			break;
		}
	}
	text += strspn(text, "/");
	len = strlen(text);
	while (len && text[len - 1] == '/')
		len--;
	return text_of("/%.*s", (int)len, text);
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t len = strlen(text), end = strlen(suffix);

	return len > end && !strcmp(text + len - end, suffix);
}

/* Like systemctl, take a name without a suffix for that of a service. */
static char *unit_of(const char *text)
{
	static const char *const suffixes[] = {
		".service", ".scope", ".slice", ".socket", ".mount", ".swap"
	};

	if (!*text || strchr(text, '/'))
		usage_error("%s: invalid unit; use a name such as nginx.service, or --cgroup",
			    text);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
		if (has_suffix(text, suffixes[i]))
			return text_of("%s", text);
	return text_of("%s.service", text);
}

/**
 * select_by() - add a criterion
 * @selection: it is added there
 * @kind: which property of processes it is about
 * @text: the argument of the option
 */
void select_by(struct selection *selection, enum criterion_kind kind,
	       const char *text)
{
	struct criterion *criterion;

	selection->all = true;
	selection->criteria = grow(selection->criteria, selection->count + 1,
				   sizeof(*criterion));
	criterion = &selection->criteria[selection->count++];
	*criterion = (struct criterion){ .kind = kind };
	if (kind == BY_CGROUP)
		criterion->text = cgroup_of(text);
	else if (kind == BY_UNIT)
		criterion->text = unit_of(text);
	else
		criterion->text = text_of("%s", text);
	if (kind == BY_NAME || kind == BY_ARGS)
		compile(criterion);
	else if (kind == BY_USER)
		find_user(criterion);
}

/**
 * select_users() - add a criterion for each user in a list
 * @selection: they are added there
 * @list: names or numbers, separated by commas
 */
void select_users(struct selection *selection, const char *list)
{
	for (;; list++) {
		size_t len = strcspn(list, ",");
		char *user = text_of("%.*s", (int)len, list);

		select_by(selection, BY_USER, user);
		free(user);
		list += len;
		if (!*list)
			break;
	}
}

/**
 * selects_by_name() - check whether some criterion is a name or command line
 * @selection: the selection
 *
 * Return: true if so. Then processes without memory are shown, too.
 */
bool selects_by_name(const struct selection *selection)
{
	for (size_t i = 0; i < selection->count; i++)
		if (selection->criteria[i].kind <= BY_ARGS)
			return true;
	return false;
}

/* Properties of a process, read when a criterion needs them */
struct evidence {
	int dir;
	char *name;
	char *args;
	char *cgroup;
};

static bool matches(const struct criterion *criterion, char **text,
		    char *(*read)(int), int dir)
{
	if (!*text)
		*text = read(dir);
	return *text && !regexec(&criterion->regex, *text, 0, NULL, 0);
}

static bool is_below(const char *path, const char *cgroup)
{
	size_t len = strlen(cgroup);

	/* All cgroups are below the root. */
	if (len == 1)
		return true;
	return !strncmp(path, cgroup, len) && strchr("/", path[len]);
}

static bool component_is(const char *component, size_t len, const char *name)
{
	/* systemd adds this prefix to a name that a file of the kernel could have. */
	if (len && *component == '_') {
		component++;
		len--;
	}
	return strlen(name) == len && !strncmp(component, name, len);
}

static bool component_ends(const char *component, size_t len, const char *suffix)
{
	size_t end = strlen(suffix);

	return len >= end && !strncmp(component + len - end, suffix, end);
}

/*
 * The cgroup of a unit has only slices above it, or the service of a user manager.
 * A deeper cgroup, such as that of a container, belongs to the program in the unit,
 * and may have the name of a unit by chance.
 */
static bool is_in_unit(const char *path, const char *unit)
{
	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		if (component_is(path, len, unit))
			return true;
		if (!component_ends(path, len, ".slice") &&
		    !(component_ends(path, len, ".service") &&
		      !strncmp(path, "user@", 5)))
			return false;
		path += len;
	}
	return false;
}

static bool is_met(const struct criterion *criterion, struct evidence *evidence)
{
	uid_t uid;

	switch (criterion->kind) {
	case BY_COMMAND:
		return process_is_called(evidence->dir, criterion->text);
	case BY_NAME:
		return matches(criterion, &evidence->name, about_name, evidence->dir);
	case BY_ARGS:
		return matches(criterion, &evidence->args, about_args, evidence->dir);
	case BY_USER:
		return about_user(evidence->dir, &uid) && uid == criterion->uid;
	default:
		break;
	}
	if (!evidence->cgroup)
		evidence->cgroup = about_cgroup(evidence->dir);
	if (!evidence->cgroup)
		return false;
	if (criterion->kind == BY_UNIT)
		return is_in_unit(evidence->cgroup, criterion->text);
	return is_below(evidence->cgroup, criterion->text);
}

static bool is_selected(int dir, void *data)
{
	struct selection *selection = data;
	struct evidence evidence = { .dir = dir };
	unsigned int given = 0, met = 0;

	for (size_t i = 0; i < selection->count; i++) {
		struct criterion *criterion = &selection->criteria[i];

		given |= 1u << criterion->kind;
		if (is_met(criterion, &evidence)) {
			criterion->met = true;
			met |= 1u << criterion->kind;
		}
	}
	free(evidence.name);
	free(evidence.args);
	free(evidence.cgroup);
	return met == given;
}

/**
 * selection_find() - find the selected processes
 * @selection: the selection; @met of its criteria is set
 * @pids: set to an array of their PIDs, ascending; to be freed
 * @count: set to the number of elements of @pids
 *
 * Return: 0, or a negative errno if /proc cannot be read.
 */
int selection_find(struct selection *selection, pid_t **pids, size_t *count)
{
	for (size_t i = 0; i < selection->count; i++)
		selection->criteria[i].met = false;
	/* Without criteria, there is nothing to check. */
	return process_find(selection->count ? is_selected : NULL, selection,
				  pids, count);
}

/**
 * selection_check_recorded() - end the program if a recording cannot be selected from
 * @selection: the selection
 *
 * A recording has only the PIDs and names of its processes.
 */
void selection_check_recorded(const struct selection *selection)
{
	static const char *const options[CRITERION_KINDS] = {
		[BY_ARGS] = "--full",
		[BY_USER] = "--user",
		[BY_CGROUP] = "--cgroup",
		[BY_UNIT] = "--unit",
	};

	for (size_t i = 0; i < selection->count; i++) {
		const char *option = options[selection->criteria[i].kind];

		if (option)
			usage_error("--input cannot be combined with %s; %s", option,
				    "a recording has only PIDs and names");
	}
}

/* Recordings have no paths of programs, only names of at most 15 bytes. */
enum { COMM_LENGTH = 15 };

/**
 * selects_recorded() - check whether a process of a recording is selected
 * @selection: passed selection_check_recorded(); @met of its criteria may be set
 * @comm: the name of the process
 *
 * Return: true if it meets a criterion of each kind that occurs.
 */
bool selects_recorded(struct selection *selection, const char *comm)
{
	unsigned int given = 0, met = 0;

	for (size_t i = 0; i < selection->count; i++) {
		struct criterion *criterion = &selection->criteria[i];

		given |= 1u << criterion->kind;
		if (criterion->kind == BY_COMMAND ?
		    strncmp(criterion->text, comm, COMM_LENGTH) :
		    regexec(&criterion->regex, comm, 0, NULL, 0))
			continue;
		criterion->met = true;
		met |= 1u << criterion->kind;
	}
	return met == given;
}

/**
 * selection_report_missing() - warn of criteria that no process meets
 * @selection: after selection_find()
 * @once: there is just one sample
 * @found: number of processes found
 *
 * Return: false if some criterion is not met, or no process meets all of them.
 */
bool selection_report_missing(struct selection *selection, bool once,
			      size_t found)
{
	static const char *const problems[CRITERION_KINDS] = {
		[BY_COMMAND] = "no process has that name",
		[BY_NAME] = "no process has a name that matches",
		[BY_ARGS] = "no process has a command line that matches",
		[BY_USER] = "no process has that user",
		[BY_CGROUP] = "no process is in that cgroup",
		[BY_UNIT] = "no process is in that unit",
	};
	const char *yet = once ? "" : " yet";
	bool told = selection->told && !once, missed = false;

	for (size_t i = 0; i < selection->count; i++) {
		const struct criterion *criterion = &selection->criteria[i];

		if (criterion->met)
			continue;
		missed = true;
		if (!told)
			warning("%s: %s%s", criterion->text,
				problems[criterion->kind], yet);
	}
	if (!missed && !found && selection->count) {
		missed = true;
		if (!told)
			warning("no process meets all criteria%s", yet);
	}
	selection->told = true;
	return !missed;
}

/**
 * selection_report_denied() - report the number of processes that may not be read
 * @selection: after a sample; the count is reset
 * @acknowledge: their pages were to be acknowledged
 *
 * With several samples, report it only when it has changed.
 */
void selection_report_denied(struct selection *selection, bool acknowledge)
{
	size_t denied = selection->denied;

	if (denied && denied != selection->denied_before)
		warning("%zu process%s not permitted; you must own %s%s, or have CAP_SYS_PTRACE",
			denied, denied == 1 ? "" : "es", denied == 1 ? "it" : "them",
			acknowledge ? " and Yama must let you attach" : "");
	selection->denied_before = denied;
	selection->denied = 0;
}

/**
 * selection_free() - free the criteria
 * @selection: empty afterwards
 */
void selection_free(struct selection *selection)
{
	for (size_t i = 0; i < selection->count; i++) {
		struct criterion *criterion = &selection->criteria[i];

		if (criterion->kind == BY_NAME || criterion->kind == BY_ARGS)
			regfree(&criterion->regex);
		free(criterion->text);
	}
	free(selection->criteria);
	*selection = (struct selection){ 0 };
}
