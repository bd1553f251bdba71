/* SPDX-License-Identifier: GPL-2.0 */
/* The command line: one table prints --help and fills getopt_long(). */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The version of both programs */
#define TOOLS_VERSION	"1.0"

/* Options without a letter have values above all letters. */
enum { FIRST_LONG_OPTION = 256 };

/**
 * struct option_row - an option; a row without a name ends the table
 * @name: its long name
 * @value: its letter, or a number from %FIRST_LONG_OPTION
 * @argument: the argument as --help shows it, such as "[=WHEN]" if it is optional
 *	(for the long name only), or NULL if there is none
 * @help: its text in --help, one or several lines
 * @heading: a line above it in --help, or NULL
 * @commands: the set of commands that take it, if the program has commands
 */
struct option_row {
	const char *name;
	int value;
	const char *argument;
	const char *help;
	const char *heading;
	unsigned int commands;
};

const struct option_row *next_option(const struct option_row *table, int argc,
				     char **argv);
void option_name(const struct option_row *row, char *text, size_t size);
void print_option(const struct option_row *row, int indent, int column);
void print_version(void);

void usage_error(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));
pid_t parse_pid(const char *text, size_t len);
uint64_t parse_number(const char *text, uint64_t least, uint64_t most,
		      const char *name);

#endif /* COMMON_OPTIONS_H */
