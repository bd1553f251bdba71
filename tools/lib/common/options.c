// SPDX-License-Identifier: GPL-2.0
/* The command line: one table prints --help and fills getopt_long(). */
#define _GNU_SOURCE
#include "common/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/message.h"

static int has_arg(const struct option_row *row)
{
	if (!row->argument)
		return no_argument;
	return strncmp(row->argument, "[=", 2) ? required_argument : optional_argument;
}

/*
 * getopt_long() would print these messages itself if its list of letters did
 * not begin with ':', but with the option unescaped.
 */
__attribute__((noreturn))
static void refuse_option(int c, char **argv)
{
	const char *option = argv[optind - 1];
	char letter[3] = { '-', optopt, '\0' };

	if (strncmp(option, "--", 2))
		option = letter;
	if (c == ':')
		warning("option '%s' requires an argument", option);
	else if (option != letter && optopt)
		warning("option '%s' doesn't allow an argument", option);
	else
		warning("unrecognized option '%s'", option);
	die(STATUS_USAGE, "see '%s --help'", program_invocation_short_name);
}

/**
 * next_option() - find the next option in the command line
 * @table: the options of the program
 * @argc: of main()
 * @argv: of main()
 *
 * Ends the program if the option is not in the table.
 *
 * Return: the row of the option, with its argument in optarg; NULL if there are
 * no more options.
 */
const struct option_row *next_option(const struct option_row *table, int argc,
				     char **argv)
{
	const struct option_row *row;
	struct option *names;
	char *letters, *end;
	size_t count = 0;
	int c;

	while (table[count].name)
		count++;
	names = checked(calloc(count + 1, sizeof(*names)));
	letters = checked(malloc(count * 3 + 2));
	end = letters;
	*end++ = ':';
	for (size_t i = 0; i < count; i++) {
		int arg = has_arg(&table[i]);
		/* A letter takes no optional argument: in -Jb, b is the next option. */
		int letter_arg = arg == optional_argument ? no_argument : arg;

		names[i] = (struct option){ table[i].name, arg, NULL, table[i].value };
		if (table[i].value < FIRST_LONG_OPTION)
			end += sprintf(end, "%c%.*s", table[i].value, letter_arg, ":");
	}
	*end = '\0';
	c = getopt_long(argc, argv, letters, names, NULL);
	free(letters);
	free(names);
	if (c == -1)
		return NULL;
	for (row = table; row->name; row++)
		if (row->value == c)
			return row;
	refuse_option(c, argv);
}

/**
 * option_name() - write an option as --help shows it
 * @row: the option
 * @text: set to it, as "-o, --output FILE"
 * @size: room in @text
 */
void option_name(const struct option_row *row, char *text, size_t size)
{
	const char *argument = row->argument ? row->argument : "";
	const char *space = has_arg(row) == required_argument ? " " : "";
	char letter[] = "-?, ";

	letter[1] = row->value;
	snprintf(text, size, "%s--%s%s%s",
		 row->value < FIRST_LONG_OPTION ? letter : "", row->name, space,
		 argument);
}

/**
 * print_option() - print an option and its help, without newline
 * @row: the option
 * @indent: columns before an option without a letter
 * @column: where the help begins
 */
void print_option(const struct option_row *row, int indent, int column)
{
	const char *line = row->help;
	char name[80];
	size_t len;

	option_name(row, name, sizeof(name));
	if (row->value < FIRST_LONG_OPTION)
		indent = 0;
	printf(" %*s%-*s", indent, "", column - 1 - indent, name);
	for (;; line += len + 1) {
		len = strcspn(line, "\n");
		printf("%.*s", (int)len, line);
		if (!line[len])
			break;
		printf("\n%*s", column, "");
	}
}

/**
 * print_version() - print the name of the program and its version
 */
void print_version(void)
{
	printf("%s %s\n", program_invocation_short_name, TOOLS_VERSION);
}

/**
 * usage_error() - report an invalid command line, and exit
 * @format: cause and remedy, as for printf()
 */
void usage_error(const char *format, ...)
{
	char *message;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) == -1)
		message = NULL;
	va_end(args);
	die(STATUS_USAGE, "%s; see '%s --help'",
	    message ? message : "invalid command line",
	    program_invocation_short_name);
}

/**
 * parse_pid() - read a PID, or end the program
 * @text: the argument
 * @len: its length
 *
 * Return: the PID.
 */
pid_t parse_pid(const char *text, size_t len)
{
	if (!len || len > 10 || strspn(text, "0123456789") < len ||
	    atoll(text) > INT32_MAX || !atoll(text))
		usage_error("%.*s: invalid PID", (int)len, text);
	return atoi(text);
}

/**
 * parse_number() - read a decimal number, or end the program
 * @text: the argument
 * @least: the lowest valid number
 * @most: the highest valid number
 * @name: the name of the number in the diagnostic, as "number of pages"
 *
 * Return: the number.
 */
uint64_t parse_number(const char *text, uint64_t least, uint64_t most,
		      const char *name)
{
	uint64_t number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno ||
	    number < least || number > most)
		usage_error("%s: invalid %s", text, name);
	return number;
}
