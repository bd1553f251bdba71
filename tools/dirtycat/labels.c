// SPDX-License-Identifier: GPL-2.0
/* The labels of metrics, which tell series apart. */
#include "labels.h"

#include <stdlib.h>
#include <string.h>

#include "about.h"
#include "common/memory.h"
#include "common/text.h"
#include "target.h"

static const struct {
	const char *name;
	unsigned int about;	/* parts of struct about to read */
} labels[] = {
	[LABEL_PID] = { .name = "pid" },
	[LABEL_COMM] = { .name = "comm" },
	[LABEL_USER] = { .name = "user", .about = ABOUT_USER },
	[LABEL_CGROUP] = { .name = "cgroup", .about = ABOUT_CGROUP },
};

enum { LABELS = sizeof(labels) / sizeof(*labels) };

/**
 * label_by_name() - find a label
 * @name: its name, not necessarily terminated
 * @len: the length of the name
 *
 * Return: an enum label, or -1 if no label has that name.
 */
int label_by_name(const char *name, size_t len)
{
	for (int i = 0; i < LABELS; i++)
		if (strlen(labels[i].name) == len &&
		    !memcmp(labels[i].name, name, len))
			return i;
	return -1;
}

/**
 * label_names() - name all labels, for a diagnostic
 *
 * Return: their names, separated by commas, to be freed.
 */
char *label_names(void)
{
	char *names = text_of("%s", labels[0].name);

	for (int i = 1; i < LABELS; i++) {
		char *more = text_of("%s, %s", names, labels[i].name);

		free(names);
		names = more;
	}
	return names;
}

/**
 * has_label() - do metrics have this label?
 * @ctl: the options
 * @label: that label
 *
 * Return: true if so.
 */
bool has_label(const struct control *ctl, enum label label)
{
	for (const int *l = ctl->labels; *l != -1; l++)
		if (*l == (int)label)
			return true;
	return false;
}

/**
 * labels_default() - choose the labels that metrics have without --labels
 * @ctl: the options; the labels are set
 */
void labels_default(struct control *ctl)
{
	ctl->labels[0] = LABEL_PID;
	ctl->labels[1] = LABEL_COMM;
	ctl->labels[2] = -1;
}

/* Prometheus refuses the whole file if a value is not valid UTF-8. */
static void print_value(FILE *out, const char *value)
{
	char *text = checked(escape_utf8(value ? value : ""));

	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', out);
		fputc(*p, out);
	}
	free(text);
}

static void print_label(FILE *out, enum label label,
			const struct target *target,
			const struct about *about)
{
	fprintf(out, "%s=\"", labels[label].name);
	switch (label) {
	case LABEL_PID:
		fprintf(out, "%d", target->pid);
		break;
	case LABEL_COMM:
		print_value(out, target->comm);
		break;
	case LABEL_USER:
		print_value(out, about->user);
		break;
	case LABEL_CGROUP:
		print_value(out, about->cgroup);
		break;
	}
	fputc('"', out);
}

/**
 * read_labels() - read the values of the labels of a process
 * @ctl: the options
 * @target: that process, open; its series is set to the text of the labels, as
 *	the metrics have it between braces
 */
void read_labels(const struct control *ctl, struct target *target)
{
	struct about about = { 0 };
	unsigned int parts = 0;
	size_t size;
	FILE *out;

	for (const int *l = ctl->labels; *l != -1; l++)
		parts |= labels[*l].about;
	about_read(&about, target_dir(target), parts);
	free(target->series);
	target->series = NULL;
	out = checked(open_memstream(&target->series, &size));
	for (const int *l = ctl->labels; *l != -1; l++) {
		if (l != ctl->labels)
			fputc(',', out);
		print_label(out, *l, target, &about);
	}
	about_free(&about);
	if (fclose(out))
		checked(NULL);
}
