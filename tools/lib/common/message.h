/* SPDX-License-Identifier: GPL-2.0 */
/* Diagnostics, and the end of the program. */
#ifndef COMMON_MESSAGE_H
#define COMMON_MESSAGE_H

#include "common/status.h"

void warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
enum status complain(enum status status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void die(enum status status, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));
enum status end_output(enum status status);

#endif /* COMMON_MESSAGE_H */
