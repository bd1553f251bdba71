/* SPDX-License-Identifier: GPL-2.0 */
/* Text for terminals, tables and machines. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

char *escape_text(const char *text);
char *escape_utf8(const char *text);
void put_escaped(FILE *out, const char *text);

char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *name_text(const char *name, bool json);
char *size_text(uint64_t bytes, bool exact);

#endif /* COMMON_TEXT_H */
