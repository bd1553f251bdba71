// SPDX-License-Identifier: GPL-2.0
/* Arguments of options. An invalid one ends the program. */
#define _GNU_SOURCE
#include "arguments.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "columns.h"
#include "common/options.h"
#include "gnuplot.h"
#include "labels.h"
#include "target.h"

/**
 * add_pid() - show a process
 * @run: its targets are extended
 * @text: its number
 * @len: the length of the text
 *
 * A process that is named twice is shown once, as by ps.
 */
void add_pid(struct run *run, const char *text, size_t len)
{
	struct target *target;
	pid_t pid = parse_pid(text, len);

	for (size_t i = 0; i < run->count; i++)
		if (run->targets[i].pid == pid)
			return;
	target = add_target(run);
	target->pid = pid;
	snprintf(target->name, sizeof(target->name), "%d", pid);
}

/**
 * add_pids() - show some processes
 * @run: its targets are extended
 * @list: their numbers, separated by commas
 */
void add_pids(struct run *run, const char *list)
{
	for (;; list++) {
		size_t len = strcspn(list, ",");

		add_pid(run, list, len);
		list += len;
		if (!*list)
			break;
	}
}

static uint64_t parse_address(const char *text, size_t len)
{
	char *end;
	uint64_t addr;

	errno = 0;
	addr = strtoull(text, &end, 16);
	if (errno == ERANGE)
		usage_error("%.*s: address too large; the limit is 16 digits",
			    (int)len, text);
	if (end != text + len || !isxdigit((unsigned char)*text))
		usage_error("%.*s: not a hexadecimal address such as 7f31c0000000",
			    (int)len, text);
	return addr;
}

/**
 * parse_range() - read the argument of --range
 * @ctl: the options; the range is set
 * @text: the argument
 *
 * A single address selects the page there. (With pmap -A, it selects the whole
 * mapping.)
 */
void parse_range(struct control *ctl, const char *text)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);
	size_t len = strcspn(text, ",-");
	const char *high = text[len] ? text + len + 1 : NULL;

	if (!*text)
		usage_error("empty range; specify LOW,HIGH in hexadecimal");
	ctl->low = 0;
	ctl->high = UINT64_MAX;
	if (len)
		ctl->low = parse_address(text, len);
	if (!high)
		ctl->high = ctl->low | (page - 1);
	else if (*high)
		ctl->high = parse_address(high, strlen(high));
	if (high && ctl->low >= ctl->high)
		usage_error("%s: the range ends before it begins; LOW must be below HIGH",
			    text);
	ctl->low &= -page;
	if (ctl->high <= -page)
		ctl->high = (ctl->high + page - 1) & -page;
}

/**
 * parse_flags() - read the argument of --flags
 * @ctl: the options; the selection is set
 * @text: the argument
 */
void parse_flags(struct control *ctl, const char *text)
{
	uint32_t *letters = &ctl->want;
	const char *p;

	for (p = text; *p; p++) {
		if (*p == '+')
			letters = &ctl->want;
		else if (*p == '-')
			letters = &ctl->deny;
		else if (*p >= 'a' && *p <= 'z')
			*letters |= DIRTYPAGES_FLAG(*p);
		else
			usage_error("%s: flags are letters a to z, after + or -",
				    text);
	}
	if (ctl->want & ctl->deny || p == text)
		usage_error("%s: contradictory flag selection", text);
}

/**
 * parse_backend() - read the argument of --backend
 * @ctl: the options; the back end is set
 * @name: the argument
 */
void parse_backend(struct control *ctl, const char *name)
{
	int backend = dirtypages_backend_parse(name);

	if (backend < 0)
		usage_error("%s: unknown back end; use dirty_pages, pagemap-scan, pagemap or auto",
			    name);
	ctl->backend = backend;
}

/**
 * parse_picture() - check the name of a picture, or end the program
 * @path: the argument
 *
 * Return: @path.
 */
const char *parse_picture(const char *path)
{
	const char *dot = strrchr(path, '.');

	if (!is_picture_name(path) && (!dot || strcasecmp(dot, ".tsv")))
		usage_error("%s: a picture is called .svg or .png, and a table of its values .tsv",
			    path);
	return path;
}

/**
 * parse_delay() - read the argument of --delay
 * @text: the argument
 *
 * Return: the seconds.
 */
double parse_delay(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0 && seconds <= 1e9))
		usage_error("%s: invalid number of seconds", text);
	return seconds;
}

static int parse_column(const struct control *ctl, int views, const char *name,
			size_t len)
{
	int column = column_by_name(name, len);

	if (column == -1)
		usage_error("%.*s: no such column", (int)len, name);
	if (!column_fits(column, views))
		usage_error("%.*s: not a column of this table", (int)len, name);
	if (columns[column].compares && !ctl->timed)
		usage_error("%.*s: compares samples and therefore requires --delay or --count",
			    (int)len, name);
	return column;
}

/**
 * parse_columns() - read the argument of --output
 * @ctl: the options; the columns are set
 * @list: the argument
 */
void parse_columns(struct control *ctl, const char *list)
{
	int count = 0;

	if (*list == '+') {
		list++;
		while (ctl->columns[count] != -1)
			count++;
	}
	for (;; list++) {
		size_t len = strcspn(list, ",");

		if (count == MAX_COLUMNS)
			usage_error("too many columns");
		ctl->columns[count++] = parse_column(ctl, ctl->view, list, len);
		list += len;
		if (!*list)
			break;
	}
	ctl->columns[count] = -1;
}

/**
 * parse_sort() - read the argument of --sort
 * @ctl: the options; the order is set
 * @text: the argument
 */
void parse_sort(struct control *ctl, const char *text)
{
	ctl->descending = *text == '-';
	if (*text == '-' || *text == '+')
		text++;
	/* The column may be one of the summary that follows. */
	ctl->sort = parse_column(ctl, ctl->view | (ctl->summary ? VIEW_PROCESSES : 0),
				 text, strlen(text));
}

/**
 * parse_json() - read the argument of --json
 * @ctl: the options; the form is set
 * @form: the argument, or NULL
 */
void parse_json(struct control *ctl, const char *form)
{
	if (form && strcmp(form, "lines"))
		usage_error("%s: invalid form of JSON; use --json or --json=lines",
			    form);
	ctl->lines = form;
}

/**
 * parse_labels() - read the argument of --labels
 * @ctl: the options; the labels are set
 * @list: the argument
 *
 * A label that is named twice appears once.
 */
void parse_labels(struct control *ctl, const char *list)
{
	int count = 0;

	ctl->labels[0] = -1;
	for (;; list++) {
		size_t len = strcspn(list, ",");
		int label = label_by_name(list, len);

		if (label == -1)
			usage_error("%.*s: no such label; the labels are %s",
				    (int)len, list, label_names());
		if (!has_label(ctl, label)) {
			ctl->labels[count++] = label;
			ctl->labels[count] = -1;
		}
		list += len;
		if (!*list)
			break;
	}
}

/**
 * parse_color() - read the argument of --color
 * @when: the argument, or NULL
 *
 * Return: when to use colours.
 */
enum colour_when parse_color(const char *when)
{
	static const char *const names[] = {
		[COLOUR_AUTO] = "auto",
		[COLOUR_ALWAYS] = "always",
		[COLOUR_NEVER] = "never",
	};

	for (int i = 0; when && i < 3; i++)
		if (!strcmp(when, names[i]))
			return i;
	if (when)
		usage_error("%s: invalid color mode; use auto, always or never", when);
	return COLOUR_AUTO;
}
