// SPDX-License-Identifier: GPL-2.0
/*
 * Colours, configured by terminal-colors.d(5) like those of util-linux, which does
 * not export this in a library. Files are named [[name][@terminal].]type, and the
 * most specific file of a type is used.
 */
#define _GNU_SOURCE
#include "colour.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

enum { ENABLE, DISABLE, SCHEME, TYPES };

/* The best file of each type */
struct config {
	int scores[TYPES];
	char *scheme;
};

static bool is_part(const char *part, size_t len, const char *word)
{
	return strlen(word) == len && !strncmp(part, word, len);
}

/* Return how specific a file is for dirtycat on this terminal, or 0. */
static int score_of(const char *file, const char *type, const char *term)
{
	size_t len = type - file, at = strcspn(file, "@");
	int score = 1;

	if (!len)
		return score;
	/* The dot before the type */
	len--;
	if (at > len)
		at = len;
	if (at && !is_part(file, at, "dirtycat"))
		return 0;
	if (at)
		score += 10;
	if (at < len && !is_part(file + at + 1, len - at - 1, term))
		return 0;
	if (at < len)
		score += 20;
	return score;
}

static void add_file(struct config *config, const char *dir, const char *file,
		     const char *term)
{
	static const char *const types[TYPES] = {
		[ENABLE] = "enable", [DISABLE] = "disable", [SCHEME] = "scheme"
	};
	const char *dot = strrchr(file, '.');
	const char *type = dot ? dot + 1 : file;

	for (int i = 0; i < TYPES; i++) {
		int score = strcmp(type, types[i]) ? 0 : score_of(file, type, term);

		if (score <= config->scores[i])
			continue;
		config->scores[i] = score;
		if (i != SCHEME)
			continue;
		free(config->scheme);
		config->scheme = text_of("%s/%s", dir, file);
	}
}

static bool read_directory(struct config *config, const char *path, const char *term)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return false;
	while ((entry = readdir(dir)))
		add_file(config, path, entry->d_name, term);
	closedir(dir);
	return true;
}

/* The directory of the user replaces that of the system. */
static void read_config(struct config *config, const char *term)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *path = xdg && *xdg ? text_of("%s/terminal-colors.d", xdg) :
		     text_of("%s/.config/terminal-colors.d", home ? home : "");

	if (!read_directory(config, path, term))
		read_directory(config, "/etc/terminal-colors.d", term);
	free(path);
}

/* Set a colour. libsmartcols takes a name, but numbers only as a whole sequence. */
static void set_colour(char colour[32], const char *text)
{
	bool numbers = text[strspn(text, "0123456789;")] == '\0';

	snprintf(colour, 32, numbers ? "\033[%.27sm" : "%.31s", text);
}

static void read_scheme(struct colours *colours, const char *path)
{
	const struct {
		const char *name;
		char *colour;
	} members[] = {
		{ "heading", colours->heading },
		{ "growth", colours->growth },
		{ "shrink", colours->shrink },
		{ "total", colours->total },
	};
	char line[256], name[64], colour[32];
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %63[^# \t\n] %31s", name, colour) != 2)
			continue;
		for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
			if (!strcmp(name, members[i].name))
				set_colour(members[i].colour, colour);
	}
	fclose(f);
}

/**
 * colours_read() - decide on colours, and read their configuration
 * @colours: filled in
 * @when: the argument of --color
 * @terminal: the output is a terminal
 *
 * Return: true if colours are to be used.
 */
bool colours_read(struct colours *colours, enum colour_when when, bool terminal)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	struct config config = { 0 };
	bool wanted = when == COLOUR_ALWAYS;

	*colours = (struct colours){ "bold", "red", "green", "bold" };
	if (when == COLOUR_NEVER)
		return false;
	read_config(&config, term ? term : "");
	if (when == COLOUR_AUTO)
		wanted = terminal && term && strcmp(term, "dumb") &&
			 !(no_color && *no_color) &&
			 config.scores[DISABLE] <= config.scores[ENABLE];
	if (wanted && config.scheme)
		read_scheme(colours, config.scheme);
	free(config.scheme);
	return wanted;
}
