/* SPDX-License-Identifier: GPL-2.0 */
/* Arguments of options. An invalid one ends the program. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "colour.h"
#include "dirtycat.h"

void add_pid(struct run *run, const char *text, size_t len);
void add_pids(struct run *run, const char *list);
void parse_range(struct control *ctl, const char *text);
void parse_flags(struct control *ctl, const char *text);
void parse_backend(struct control *ctl, const char *name);
const char *parse_picture(const char *path);
double parse_delay(const char *text);
void parse_columns(struct control *ctl, const char *list);
enum colour_when parse_color(const char *when);
void parse_json(struct control *ctl, const char *form);
void parse_sort(struct control *ctl, const char *text);
void parse_labels(struct control *ctl, const char *list);

#endif /* ARGUMENTS_H */
