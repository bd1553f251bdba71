/* SPDX-License-Identifier: GPL-2.0 */
/* The selection of processes by anything but a PID. */
#ifndef SELECTION_H
#define SELECTION_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum criterion_kind {
	BY_COMMAND,
	BY_NAME,
	BY_ARGS,
	BY_USER,
	BY_CGROUP,
	BY_UNIT,
	CRITERION_KINDS
};

/**
 * struct criterion - a property that selected processes have
 * @kind: which property
 * @text: its value, as in diagnostics
 * @regex: compiled from @text for %BY_NAME and %BY_ARGS
 * @uid: the effective user for %BY_USER
 * @met: the last search found a process with this property
 */
struct criterion {
	enum criterion_kind kind;
	char *text;
	regex_t regex;
	uid_t uid;
	bool met;
};

/**
 * struct selection - processes to look for before each sample
 * @all: look for processes; set by each criterion, too
 * @criteria: a process must meet one of each kind that occurs
 * @count: number of criteria
 * @told: criteria that no process meets have been reported
 * @denied: number of processes in this sample that may not be read
 * @denied_before: that number in the last sample
 */
struct selection {
	bool all;
	struct criterion *criteria;
	size_t count;
	bool told;
	size_t denied;
	size_t denied_before;
};

void select_by(struct selection *selection, enum criterion_kind kind,
	       const char *text);
void select_users(struct selection *selection, const char *list);
bool selects_by_name(const struct selection *selection);
void selection_check_recorded(const struct selection *selection);
bool selects_recorded(struct selection *selection, const char *comm);
int selection_find(struct selection *selection, pid_t **pids, size_t *count);
bool selection_report_missing(struct selection *selection, bool once,
			      size_t found);
void selection_report_denied(struct selection *selection, bool acknowledge);
void selection_free(struct selection *selection);

#endif /* SELECTION_H */
