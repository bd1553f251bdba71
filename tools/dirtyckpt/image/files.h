/* SPDX-License-Identifier: GPL-2.0 */
/* Write files, and text that ends with its checksum. */
#ifndef FILES_H
#define FILES_H

#include <stdint.h>
#include <stdio.h>

int write_at(int fd, const void *data, size_t size, uint64_t offset);
int write_file(int dir, const char *name, const void *data, size_t size);
void seal_text(FILE *f, char **text, size_t *size);
char *sealed_end(char *text, size_t size);

#endif /* FILES_H */
