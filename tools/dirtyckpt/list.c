// SPDX-License-Identifier: GPL-2.0
/* The list command: show the generations of an image. */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "common/text.h"
#include "image/contents.h"
#include "image/record.h"

enum column {
	COL_GENERATION,
	COL_KIND,
	COL_WHOLE,
	COL_TIME,
	COL_PID,
	COL_COMM,
	COL_PAGES,
	COL_STORED,
	COL_ZERO,
	COL_MISSING,
	COL_SIZE,
	COL_THREADS,
	COL_PAUSE,
	COL_SPENT,
	COL_STATE,
	COLUMNS
};

static const struct {
	const char *name;
	int json;
	const char *help;
} columns[COLUMNS] = {
	[COL_GENERATION] = { "GENERATION", SCOLS_JSON_NUMBER, "number" },
	[COL_KIND] = { "KIND", SCOLS_JSON_STRING, "stopped (with registers), or moving" },
	[COL_WHOLE] = { "WHOLE", SCOLS_JSON_BOOLEAN, "whether it builds on no other" },
	[COL_TIME] = { "TIME", SCOLS_JSON_STRING, "when its pages were listed" },
	[COL_PID] = { "PID", SCOLS_JSON_NUMBER, "PID of the process" },
	[COL_COMM] = { "COMM", SCOLS_JSON_STRING, "name of the process" },
	[COL_PAGES] = { "PAGES", SCOLS_JSON_NUMBER, "modified pages of the process" },
	[COL_STORED] = { "STORED", SCOLS_JSON_NUMBER, "pages stored in this generation" },
	[COL_ZERO] = { "ZERO", SCOLS_JSON_NUMBER, "stored pages that are zero-filled" },
	[COL_MISSING] = { "MISSING", SCOLS_JSON_NUMBER, "pages that could not be read" },
	[COL_SIZE] = { "SIZE", SCOLS_JSON_NUMBER, "disk space of the contents" },
	[COL_THREADS] = { "THREADS", SCOLS_JSON_NUMBER, "threads stored in this generation" },
	[COL_PAUSE] = { "PAUSE", SCOLS_JSON_NUMBER, "milliseconds the process was stopped" },
	[COL_SPENT] = { "SPENT", SCOLS_JSON_NUMBER, "milliseconds the save took" },
	[COL_STATE] = { "STATE", SCOLS_JSON_STRING,
		      "ok, damaged (--check reads contents), newer, unknown" },
};

/**
 * columns_help() - print the columns for --help
 */
void columns_help(void)
{
	for (int i = 0; i < COLUMNS; i++)
		printf(" %-11s %s\n", columns[i].name, columns[i].help);
}

static char *time_text(uint64_t seconds)
{
	time_t when = seconds;
	char text[64];
	struct tm tm;

	/* The year of a time in a forged head may not fit. */
	if (!localtime_r(&when, &tm))
		return NULL;
	strftime(text, sizeof(text), "%FT%T%z", &tm);
	return text_of("%s", text);
}

static char *size_cell(const struct generation *gen, bool exact)
{
	struct stat st;

	if (fstatat(gen->fd, part_names[PART_PAGES], &st, AT_SYMLINK_NOFOLLOW))
		return NULL;
	return size_text(st.st_blocks * 512ull, exact);
}

static char *number_cell(const struct generation *gen, enum column column)
{
	const uint64_t numbers[COLUMNS] = {
		[COL_GENERATION] = gen->number,
		[COL_PID] = gen->of.pid,
		[COL_PAGES] = gen->listed,
		[COL_STORED] = gen->stored,
		[COL_ZERO] = gen->zero,
		[COL_MISSING] = gen->missing,
		[COL_THREADS] = gen->threads,
	};

	return text_of("%" PRIu64, numbers[column]);
}

/*
 * A cell without a value is empty, and null in JSON. libsmartcols escapes
 * unprintable bytes, but not for JSON, which must also be UTF-8.
 */
static char *cell(const struct control *ctl, const struct generation *gen,
		  enum status state, enum column column)
{
	bool json = ctl->format == FORMAT_JSON;

	if (column == COL_STATE)
		return text_of("%s", state == STATUS_NEWER ? "newer" :
				     state == STATUS_DAMAGED ? "damaged" :
				     state ? "unknown" : "ok");
	if (column == COL_GENERATION)
		return number_cell(gen, column);
	if (!*gen->base)
		return NULL;
	switch (column) {
	case COL_KIND:
		return text_of("%s", gen->stopped ? "stopped" : "moving");
	case COL_WHOLE:
		return text_of("%s", json ? (gen->whole ? "1" : "0") :
					    (gen->whole ? "yes" : "no"));
	case COL_TIME:
		return time_text(gen->time);
	case COL_COMM:
		return name_text(gen->process.comm, json);
	case COL_SIZE:
		return size_cell(gen, ctl->bytes || json);
	case COL_PAUSE:
		return gen->stopped ? text_of("%.3f", gen->pause / 1e6) : NULL;
	case COL_SPENT:
		return text_of("%.3f", gen->spent / 1e6);
	default:
		return number_cell(gen, column);
	}
}

static struct libscols_table *new_table(const struct control *ctl)
{
	struct libscols_table *table = checked(scols_new_table());

	scols_table_set_name(table, "generations");
	scols_table_enable_json(table, ctl->format == FORMAT_JSON);
	scols_table_enable_raw(table, ctl->format == FORMAT_RAW);
	scols_table_enable_noheadings(table, ctl->noheadings);
	for (int i = 0; i < COLUMNS; i++) {
		bool text = columns[i].json == SCOLS_JSON_STRING;
		struct libscols_column *column =
			checked(scols_table_new_column(table, columns[i].name, 0,
						       text ? 0 : SCOLS_FL_RIGHT));

		scols_column_set_json_type(column, columns[i].json);
	}
	return table;
}

static enum status add_line(const struct control *ctl,
			    const struct image *image,
			    struct libscols_table *table, unsigned long number)
{
	struct libscols_line *line;
	struct generation gen;
	enum status status;
	struct stat st;
	char name[24];

	/* prune may have removed the generation, as list takes no lock. */
	generation_name(name, number);
	if (fstatat(image->fd, name, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
		return STATUS_OK;
	line = checked(scols_table_new_line(table, NULL));
	status = generation_open(image, number, &gen);
	/* A damaged head, or one of a newer format, has no values to show. */
	if (status)
		*gen.base = '\0';
	else if (ctl->check)
		status = contents_check(image, number);
	for (int i = 0; i < COLUMNS; i++) {
		char *text = cell(ctl, &gen, status, i);

		if (text && scols_line_refer_data(line, i, text))
			checked(NULL);
	}
	generation_close(&gen);
	return status;
}

/* Return STATUS_OK, or the status of the first generation that is not ok. */
static enum status print_table(const struct control *ctl,
			       const struct image *image)
{
	struct libscols_table *table = new_table(ctl);
	enum status status = STATUS_OK;

	for (size_t i = 0; i < image->count; i++) {
		enum status one = add_line(ctl, image, table, image->numbers[i]);

		status = status ? status : one;
	}
	scols_print_table(table);
	scols_unref_table(table);
	return status;
}

/**
 * cmd_list() - run the command
 * @ctl: the command line
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status cmd_list(const struct control *ctl)
{
	struct image image;
	struct record record;
	enum status status;

	status = image_open(&image, ctl->dir, ACCESS_LIST);
	if (!status && image.count)
		status = print_table(ctl, &image);
	else if (!status)
		status = complain_no_image(&image);
	else
		goto out_close;
	if (!record_read(&image, &record) && record.number &&
	    (!image.count || record.number > image.numbers[image.count - 1]))
		complain(STATUS_OK,
			 "%s: generation %lu is incomplete, or is being saved now; the next save copies its pages",
			 image.path, record.number);
	spans_free(&record.spans);
out_close:
	image_close(&image);
	return status;
}
