/* SPDX-License-Identifier: GPL-2.0 */
/* For programs that are the first and only program of their kernel */
#ifndef DIRTY_PAGES_INIT_H
#define DIRTY_PAGES_INIT_H

/**
 * die - print an error message on the console, and exit
 * @what: the file or call that failed with errno
 *
 * Each program defines its own, in the format of its output.
 */
void die(const char *what) __attribute__((noreturn));

/**
 * put_file - write a string to a file in one piece, or die
 * @path: an existing file
 * @text: the string
 */
void put_file(const char *path, const char *text);

/**
 * become_init - mount the virtual file systems, and use the console
 * @swap_bytes: size of the swap space to enable, if this kernel has zram
 *
 * These are /proc, /sys, /dev, /tmp and, if the kernel has it, debugfs. Standard
 * output and error go to the console line by line. Dies on failure.
 */
void become_init(unsigned long swap_bytes);

#endif
