/* SPDX-License-Identifier: GPL-2.0 */
/* The command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "dirtycat.h"

void parse_command_line(struct run *run, int argc, char **argv);

#endif /* OPTIONS_H */
