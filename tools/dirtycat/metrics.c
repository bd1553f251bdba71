// SPDX-License-Identifier: GPL-2.0
/*
 * Gauges in the OpenMetrics text format, which Prometheus and the textfile
 * collector of its node_exporter read.
 */
#define _GNU_SOURCE
#include "metrics.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "labels.h"
#include "sample.h"

/* The sum of the pages with a letter, or of those without it */
struct gauge {
	const char *name;
	const char *unit;
	const char *help;
	char letter;
	bool without;
	bool of_sums;
};

/* In place of a letter: gauges that do not sum pages with a flag */
enum { ALL, RUNS, SECONDS, SUCCESS, PROCESSES };

/*
 * A scraper that finds several files takes one HELP for each name, so the text
 * must not depend on the labels.
 */
#define PAGES		"Modified private pages"
#define IN_BYTES	", in bytes. Where a series sums several processes, pages that they share count in each."

static const struct gauge gauges[] = {
	{
		.name = "private_dirty_bytes",
		.unit = "bytes",
		.help = PAGES IN_BYTES,
	}, {
		.name = "private_dirty_written_bytes",
		.unit = "bytes",
		.help = PAGES " possibly written since acknowledged" IN_BYTES,
		.letter = 'd',
	}, {
		.name = "private_dirty_shared_bytes",
		.unit = "bytes",
		.help = PAGES " shared with other processes or merged" IN_BYTES,
		.letter = 'x',
		.without = true,
	}, {
		.name = "private_dirty_swapped_bytes",
		.unit = "bytes",
		.help = PAGES " in swap" IN_BYTES,
		.letter = 's',
	}, {
		.name = "private_dirty_huge_bytes",
		.unit = "bytes",
		.help = PAGES " mapped by huge pages" IN_BYTES,
		.letter = 'h',
	}, {
		.name = "private_dirty_merged_bytes",
		.unit = "bytes",
		.help = PAGES " merged by KSM" IN_BYTES,
		.letter = 'k',
	}, {
		.name = "private_dirty_lazyfree_bytes",
		.unit = "bytes",
		.help = PAGES " that are lazily freed" IN_BYTES,
		.letter = 'l',
	}, {
		.name = "private_dirty_lost_bytes",
		.unit = "bytes",
		.help = PAGES " lost to memory errors" IN_BYTES,
		.letter = 'e',
	}, {
		.name = "private_dirty_runs",
		.help = "Runs of neighbouring modified private pages with equal flags.",
		.letter = RUNS,
	}, {
		.name = "read_seconds",
		.unit = "seconds",
		.help = "Time spent reading the listings, in seconds.",
		.letter = SECONDS,
	}, {
		.name = "read_success",
		.help = "1 if all listings of the series were read to their end, else 0.",
		.letter = SUCCESS,
	}, {
		.name = "processes",
		.help = "Processes that the series sums.",
		.letter = PROCESSES,
		.of_sums = true,
	},
};

/**
 * struct series - one or more processes with equal labels
 * @labels: as text, "" if there are none
 * @totals: sums over their pages
 * @spent: seconds that reading them took
 * @processes: their number
 * @failed: one of them could not be read
 */
struct series {
	const char *labels;
	struct totals totals;
	double spent;
	size_t processes;
	bool failed;
};

/* Return false if the value is not known for the series. */
static bool gauge_value(const struct gauge *gauge, const struct series *series,
			double *value)
{
	const struct totals *totals = &series->totals;
	uint64_t with;

	switch (gauge->letter) {
	case SUCCESS:
		*value = !series->failed;
		return true;
	case PROCESSES:
		*value = series->processes;
		return true;
	case RUNS:
		*value = totals->runs;
		break;
	case SECONDS:
		*value = series->spent;
		break;
	case ALL:
		*value = totals->bytes;
		break;
	default:
		if (totals->unknown & DIRTYPAGES_FLAG(gauge->letter))
			return false;
		with = totals->with[gauge->letter - 'a'];
		*value = gauge->without ? totals->bytes - with : with;
	}
	/* An incomplete sum would mislead; omit it. */
	return !series->failed;
}

static void print_sample(FILE *out, const struct gauge *gauge,
			 const struct series *series)
{
	double value;

	if (!gauge_value(gauge, series, &value))
		return;
	fprintf(out, "dirtycat_%s", gauge->name);
	if (*series->labels)
		fprintf(out, "{%s}", series->labels);
	fprintf(out, gauge->letter == SECONDS ? " %.6f\n" : " %.0f\n", value);
}

static void print_gauge(FILE *out, const struct gauge *gauge,
			const struct series *series, size_t count)
{
	fprintf(out, "# TYPE dirtycat_%s gauge\n", gauge->name);
	if (gauge->unit)
		fprintf(out, "# UNIT dirtycat_%s %s\n", gauge->name,
			gauge->unit);
	fprintf(out, "# HELP dirtycat_%s %s\n", gauge->name, gauge->help);
	for (size_t i = 0; i < count; i++)
		print_sample(out, gauge, &series[i]);
}

static int compare_labels(const void *a, const void *b)
{
	const struct series *one = a, *other = b;

	return strcmp(one->labels, other->labels);
}

static void keep_series(void *series)
{
	(void)series;
}

/* A process that ended while it was read is not summed. */
static bool is_summed(const struct target *target)
{
	return target->status != STATUS_NO_PROCESS &&
	       target->status != STATUS_VANISHED;
}

static void add_to_series(struct series *series, const struct target *target)
{
	totals_merge(&series->totals, &target->now.totals);
	series->spent += target->now.spent;
	series->processes++;
	series->failed |= target->status != STATUS_OK;
}

/*
 * Put the targets into series, in the order in which their labels first appear.
 * Return the number of series.
 */
static size_t sum_targets(struct series *series, const struct target *targets,
			  size_t count, bool sums)
{
	void *tree = NULL;
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		const struct target *target = &targets[i];
		struct series *next = &series[used], **found;

		if (target->gone || (sums && !is_summed(target)))
			continue;
		next->labels = target->series ? target->series : "";
		found = checked(tsearch(next, &tree, compare_labels));
		used += *found == next;
		add_to_series(*found, target);
	}
	tdestroy(tree, keep_series);
	return used;
}

/**
 * metrics_print() - print the gauges of some processes
 * @ctl: the options
 * @targets: the sampled processes
 * @count: their number
 */
void metrics_print(const struct control *ctl, const struct target *targets,
		   size_t count)
{
	bool sums = !ctl->kept && !has_label(ctl, LABEL_PID);
	struct series *series = checked(calloc(count + 1, sizeof(*series)));
	size_t used = sum_targets(series, targets, count, sums);

	for (size_t i = 0; i < sizeof(gauges) / sizeof(*gauges); i++)
		if (sums || !gauges[i].of_sums)
			print_gauge(ctl->out, &gauges[i], series, used);
	fputs("# EOF\n", ctl->out);
	free(series);
}
