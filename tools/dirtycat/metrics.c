// SPDX-License-Identifier: GPL-2.0
/*
 * Gauges in the OpenMetrics text format, which Prometheus and the textfile
 * collector of its node_exporter read.
 */
#include "metrics.h"

#include <stdlib.h>

#include "common/message.h"
#include "common/text.h"

/* A letter stands for the sum of its pages, or of those without it. */
struct gauge {
	const char *name;
	const char *unit;
	const char *help;
	char letter;
	bool without;
};

/* In place of letters: what is no sum of pages */
enum { ALL, RUNS, SECONDS, SUCCESS };

static const struct gauge gauges[] = {
	{
		.name = "private_dirty_bytes",
		.unit = "bytes",
		.help = "Modified private pages.",
	}, {
		.name = "private_dirty_written_bytes",
		.unit = "bytes",
		.help = "Those that may have been written since they were acknowledged.",
		.letter = 'd',
	}, {
		.name = "private_dirty_shared_bytes",
		.unit = "bytes",
		.help = "Those that other processes have as well, or that are merged.",
		.letter = 'x',
		.without = true,
	}, {
		.name = "private_dirty_swapped_bytes",
		.unit = "bytes",
		.help = "Those in swap.",
		.letter = 's',
	}, {
		.name = "private_dirty_huge_bytes",
		.unit = "bytes",
		.help = "Those mapped by huge pages.",
		.letter = 'h',
	}, {
		.name = "private_dirty_merged_bytes",
		.unit = "bytes",
		.help = "Those merged by KSM.",
		.letter = 'k',
	}, {
		.name = "private_dirty_lazyfree_bytes",
		.unit = "bytes",
		.help = "Those lazily freed.",
		.letter = 'l',
	}, {
		.name = "private_dirty_lost_bytes",
		.unit = "bytes",
		.help = "Those lost to memory errors.",
		.letter = 'e',
	}, {
		.name = "private_dirty_runs",
		.help = "Lines of the listing.",
		.letter = RUNS,
	}, {
		.name = "read_seconds",
		.unit = "seconds",
		.help = "Time that reading the listing took.",
		.letter = SECONDS,
	}, {
		.name = "read_success",
		.help = "1 if the listing was read to its end.",
		.letter = SUCCESS,
	},
};

/* A label is UTF-8, or Prometheus refuses all of the file. */
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

/* Returns false if that is not known of the target. */
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
	/* Half a sum is worse than none. */
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
 * @targets: those processes, sampled
 * @count: how many
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
