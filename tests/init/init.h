/* SPDX-License-Identifier: GPL-2.0 */
/* What a program needs that is the first and only one in its kernel */
#ifndef DIRTY_PAGES_INIT_H
#define DIRTY_PAGES_INIT_H

/**
 * die - end, and say on the console what went wrong
 * @what: the file or call whose failure errno tells of
 *
 * Each program has its own, as each has another form for what it says.
 */
void die(const char *what) __attribute__((noreturn));

/**
 * put_file - write a string to a file in one piece, or die
 * @path: the file, which is there already
 * @text: the string
 */
void put_file(const char *path, const char *text);

/**
 * become_init - mount what the kernel shows of itself, and use the console
 * @swap_bytes: how much swap to have, in compressed memory, if this kernel has that
 *
 * There is /proc, /sys, /dev, /tmp and, if the kernel has it, debugfs. Standard
 * output and error go to the console line by line. Dies if something fails.
 */
void become_init(unsigned long swap_bytes);

#endif
