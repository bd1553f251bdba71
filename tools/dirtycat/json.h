/* SPDX-License-Identifier: GPL-2.0 */
/* JSON in one line. */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>

size_t json_compact(char *text);

#endif /* JSON_H */
