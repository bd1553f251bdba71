/* SPDX-License-Identifier: GPL-2.0 */
/* The labels of metrics, which tell series apart. */
#ifndef LABELS_H
#define LABELS_H

#include "dirtycat.h"

enum label {
	LABEL_PID,
	LABEL_COMM,
	LABEL_USER,
	LABEL_CGROUP,
};

char *label_names(void);
int label_by_name(const char *name, size_t len);
bool has_label(const struct control *ctl, enum label label);
void labels_default(struct control *ctl);
void read_labels(const struct control *ctl, struct target *target);

#endif /* LABELS_H */
