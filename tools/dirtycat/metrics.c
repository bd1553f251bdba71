// SPDX-License-Identifier: GPL-2.0
/*
 * Gauges in the OpenMetrics text format, which Prometheus and the textfile
 * collector of its node_exporter read.
 */
#include "metrics.h"

#include <stdlib.h>

#include "common/message.h"
#include "common/text.h"

/* The sum of the pages with a letter, or of those without it */
struct gauge {
	const char *name;
	const char *unit;
	const char *help;
	char letter;
	bool without;
};

/* In place of a letter: gauges that do not sum pages with a flag */
enum { ALL, RUNS, SECONDS, SUCCESS };

static const struct gauge gauges[] = {
	{
		.name = "private_dirty_bytes",
		.unit = "bytes",
		.help = "Modified private pages, in bytes.",
	}, {
		.name = "private_dirty_written_bytes",
		.unit = "bytes",
		.help = "Modified private pages possibly written since acknowledged, in bytes.",
		.letter = 'd',
	}, {
		.name = "private_dirty_shared_bytes",
		.unit = "bytes",
		.help = "Modified private pages shared with other processes or merged, in bytes.",
		.letter = 'x',
		.without = true,
	}, {
		.name = "private_dirty_swapped_bytes",
		.unit = "bytes",
		.help = "Modified private pages in swap, in bytes.",
		.letter = 's',
	}, {
		.name = "private_dirty_huge_bytes",
		.unit = "bytes",
		.help = "Modified private pages mapped by huge pages, in bytes.",
		.letter = 'h',
	}, {
		.name = "private_dirty_merged_bytes",
		.unit = "bytes",
		.help = "Modified private pages merged by KSM, in bytes.",
		.letter = 'k',
	}, {
		.name = "private_dirty_lazyfree_bytes",
		.unit = "bytes",
		.help = "Lazily freed modified private pages, in bytes.",
		.letter = 'l',
	}, {
		.name = "private_dirty_lost_bytes",
		.unit = "bytes",
		.help = "Modified private pages lost to memory errors, in bytes.",
		.letter = 'e',
	}, {
		.name = "private_dirty_runs",
		.help = "Runs of neighbouring modified private pages with equal flags.",
		.letter = RUNS,
	}, {
		.name = "read_seconds",
		.unit = "seconds",
		.help = "Time spent reading the listing, in seconds.",
		.letter = SECONDS,
	}, {
		.name = "read_success",
		.help = "1 if the listing was read to its end, else 0.",
		.letter = SUCCESS,
	},
};

/* Prometheus rejects the whole file if a label is not UTF-8. */
static void print_label(FILE *out, const char *value)
{
	char *text = escape_utf8(value);

	if (!text)
		die(STATUS_OTHER, "not enough memory");
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', out);
		fputc(*p, out);
	}
	free(text);
}

/* Return false if the value is not known. */
static bool gauge_value(const struct gauge *gauge, const struct target *target,
			double *value)
{
	const struct sample *now = &target->now;
	uint64_t with;

	switch (gauge->letter) {
	case SUCCESS:
		*value = target->status == STATUS_OK;
		return true;
	case RUNS:
		*value = now->totals.runs;
		break;
	case SECONDS:
		*value = now->spent;
		break;
	case ALL:
		*value = now->totals.bytes;
		break;
	default:
		if (now->totals.unknown & DIRTY_FLAG(gauge->letter))
			return false;
		with = now->totals.with[gauge->letter - 'a'];
		*value = gauge->without ? now->totals.bytes - with : with;
	}
	/* An incomplete sum would mislead; omit it. */
	return target->status == STATUS_OK;
}

static void print_sample(const struct control *ctl, const struct gauge *gauge,
			 const struct target *target)
{
	double value;

	if (!gauge_value(gauge, target, &value))
		return;
	fprintf(ctl->out, "dirtycat_%s", gauge->name);
	if (target->process.pid) {
		fprintf(ctl->out, "{pid=\"%d\",comm=\"", target->process.pid);
		print_label(ctl->out, target->process.comm);
		fputs("\"}", ctl->out);
	}
	fprintf(ctl->out, gauge->letter == SECONDS ? " %.6f\n" : " %.0f\n",
		value);
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
	for (size_t i = 0; i < sizeof(gauges) / sizeof(*gauges); i++) {
		const struct gauge *gauge = &gauges[i];

		fprintf(ctl->out, "# TYPE dirtycat_%s gauge\n", gauge->name);
		if (gauge->unit)
			fprintf(ctl->out, "# UNIT dirtycat_%s %s\n",
				gauge->name, gauge->unit);
		fprintf(ctl->out, "# HELP dirtycat_%s %s\n", gauge->name,
			gauge->help);
		for (size_t j = 0; j < count; j++)
			if (!targets[j].gone)
				print_sample(ctl, gauge, &targets[j]);
	}
	fputs("# EOF\n", ctl->out);
}
