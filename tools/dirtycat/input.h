/* SPDX-License-Identifier: GPL-2.0 */
/* Saved files: listings and recordings. */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>

int open_input(const char *path, bool *recorded);

#endif /* INPUT_H */
