// SPDX-License-Identifier: GPL-2.0
/* Options that depend on each other: valid combinations, and defaults. */
#define _GNU_SOURCE
#include "choices.h"

#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "columns.h"
#include "common/options.h"
#include "input.h"
#include "labels.h"
#include "live.h"

/* Allow at most one option of a kind. */
static void choose(const char **chosen, const char *option)
{
	if (*chosen && strcmp(*chosen, option))
		usage_error("%s and %s are mutually exclusive", *chosen, option);
	*chosen = option;
}

/**
 * set_view() - choose the view, or end the program if there already is one
 * @run: its view is set
 * @wishes: records the option
 * @view: that view
 * @option: the option that selects it
 */
void set_view(struct run *run, struct wishes *wishes, enum view view,
	      const char *option)
{
	choose(&wishes->view, option);
	run->ctl.view = view;
}

/**
 * set_format() - choose the format, or end the program if there already is one
 * @run: its format is set
 * @wishes: records the option
 * @format: that format
 * @option: the option that selects it
 */
void set_format(struct run *run, struct wishes *wishes, enum format format,
		const char *option)
{
	choose(&wishes->format, option);
	run->ctl.format = format;
}

/**
 * has_table() - check whether the view is a table
 * @ctl: the options
 *
 * Return: true if it is.
 */
bool has_table(const struct control *ctl)
{
	return !(ctl->view & (VIEW_TEXT | VIEW_METRICS | VIEW_PICTURE));
}

static void settle_summary(struct run *run, struct wishes *wishes)
{
	const char *when = wishes->summary;
	struct control *ctl = &run->ctl;

	if (when && !strcmp(when, "only"))
		set_view(run, wishes, VIEW_PROCESSES, "--summary=only");
	else if (when && strcmp(when, "always") && strcmp(when, "never"))
		usage_error("%s: invalid summary; use never, always or only",
			    when);
	if (ctl->view == VIEW_PROCESSES)
		return;
	if (!has_table(ctl) || ctl->view == VIEW_CHANGES) {
		if (when && strcmp(when, "never"))
			usage_error("%s has no summary", wishes->view);
		return;
	}
	ctl->summary = !when ? ctl->format == FORMAT_TABLE :
			       !strcmp(when, "always");
	if (ctl->summary && ctl->format != FORMAT_TABLE)
		usage_error("%s has one table; use --summary=only for the summary",
			    wishes->format);
}

/*
 * Without a process, show all of them like smem, by default a row for each. Views
 * of one process, and acknowledging, require a selection.
 */
static void settle_all(struct run *run, struct wishes *wishes)
{
	struct control *ctl = &run->ctl;

	if (ctl->clear)
		usage_error("no process specified; --clear requires --all to take all processes");
	if (ctl->view & (VIEW_TEXT | VIEW_CHANGES | VIEW_PICTURE))
		usage_error("no process specified; %s takes one", wishes->view);
	if (run->heatmap || run->plot)
		usage_error("no process specified; a picture has room for a few");
	run->selection.all = true;
	if (!wishes->view && !wishes->summary)
		set_view(run, wishes, VIEW_PROCESSES, "--summary=only");
}

/* Show a single table in the window; a table of processes begins with the largest. */
static void settle_live(struct control *ctl, struct wishes *wishes)
{
	if (!wishes->summary)
		ctl->summary = false;
	if (!wishes->sort && ctl->view == VIEW_PROCESSES)
		wishes->sort = "-DIRTY";
}

/* Refuse output that could not be read back. */
static void settle_output(const struct run *run, bool timed)
{
	if (run->ctl.view == VIEW_TEXT && run->count > 1)
		usage_error("--text takes one process; --input cannot separate several");
	if (run->ctl.view == VIEW_TEXT && timed && !run->output_file)
		usage_error("--text takes one sample unless --output-file is given");
	if (run->ctl.view == VIEW_METRICS && timed && !run->output_file)
		usage_error("--openmetrics takes one sample unless --output-file is given");
}

static void settle_labels(struct run *run)
{
	struct control *ctl = &run->ctl;

	if (ctl->labels[0] == -1) {
		labels_default(ctl);
		return;
	}
	if (ctl->view != VIEW_METRICS)
		usage_error("--labels is for metrics; say --openmetrics as well");
	if (run->input && !ctl->recorded)
		usage_error("--input cannot be combined with --labels, which name processes");
	if (ctl->recorded && (has_label(ctl, LABEL_USER) || has_label(ctl, LABEL_CGROUP)))
		usage_error("--labels: a recording has only the labels pid and comm");
}

/* A recording has processes, mappings and times; a saved listing has not. */
static void settle_input(struct run *run, bool *timed)
{
	struct control *ctl = &run->ctl;

	if (ctl->clear || *timed || ctl->backend || run->record)
		usage_error("--input cannot be combined with %s",
			    "--clear, --delay, --count, --backend or --record");
	run->input_fd = open_input(run->input, &ctl->recorded);
	*timed = ctl->recorded;
	if (ctl->recorded) {
		selection_check_recorded(&run->selection);
		run->chosen = run->targets;
		run->chosen_count = run->count;
		run->targets = NULL;
		run->count = 0;
	} else if (run->count || run->selection.all) {
		usage_error("--input cannot be combined with processes unless it is recorded");
	} else if (ctl->view == VIEW_MAPPINGS) {
		usage_error("--input cannot be combined with --by-mapping unless it is recorded");
	}
}

/* While recording or drawing, print samples only if an option selects their form. */
static bool is_quiet(const struct run *run, const struct wishes *wishes)
{
	const struct control *ctl = &run->ctl;

	if (!run->record && !run->heatmap && !run->plot)
		return false;
	return !wishes->view && !wishes->summary && !wishes->format &&
	       !wishes->columns && !wishes->all && !wishes->rate && !wishes->sort &&
	       !ctl->top && !ctl->total && !run->output_file;
}

static void settle_record(struct run *run)
{
	const char *picture = run->heatmap ? "--heatmap" : run->plot ? "--plot" : NULL;

	if (picture && !run->ctl.timed)
		usage_error("%s takes several samples; say --delay, --count, or a recording",
			    picture);
	if (picture && run->count > MAX_PANELS)
		usage_error("%s: %zu processes, and a picture has %d panels; choose some",
			    picture, run->count, MAX_PANELS);
	if (!run->record && !picture)
		return;
	run->ctl.need = UINT32_MAX;
	run->ctl.whole = true;
}

/**
 * settle() - check the combination of options, and fill in the defaults
 * @run: completed
 * @wishes: options that depend on each other
 *
 * A combination without a meaning is an error, never ignored.
 */
void settle(struct run *run, struct wishes *wishes)
{
	struct control *ctl = &run->ctl;
	bool timed = ctl->delay >= 0 || ctl->count > 1;

	run->quiet = is_quiet(run, wishes);
	if (!run->input && !run->count && !run->selection.all)
		settle_all(run, wishes);
	if (wishes->rate && !wishes->view && !wishes->summary)
		set_view(run, wishes, VIEW_MAPPINGS, "--rate");
	settle_summary(run, wishes);
	if (!has_table(ctl) && (wishes->format || wishes->columns || wishes->all))
		usage_error("%s is not a table", wishes->view);
	if (!has_table(ctl) && (wishes->sort || ctl->top || ctl->total))
		usage_error("%s is not a table; --sort, --top and --total require one",
			    wishes->view);
	if (wishes->columns && wishes->all)
		usage_error("--output and --output-all are mutually exclusive");
	if (wishes->rate && !ctl->clear)
		usage_error("--rate acknowledges pages and therefore requires --clear");
	if (wishes->rate && !(ctl->view & (VIEW_MAPPINGS | VIEW_PROCESSES)))
		usage_error("--rate requires --by-mapping or --summary=only");
	if (run->input)
		settle_input(run, &timed);
	settle_output(run, timed);
	settle_labels(run);

	if (wishes->rate && !timed)
		ctl->delay = 1;
	if (ctl->delay < 0)
		ctl->delay = 1;
	else if (!ctl->count)
		timed = true;
	if (!timed && !ctl->count)
		ctl->count = 1;
	ctl->several = run->count > 1 || run->selection.all || ctl->recorded;
	ctl->timed = timed;
	ctl->kept = run->input && !ctl->recorded;
	ctl->coloured = colours_read(&ctl->colours, wishes->colour,
				     isatty(STDOUT_FILENO) && !run->output_file);
	ctl->live = timed && has_table(ctl) && ctl->format == FORMAT_TABLE &&
		    !run->output_file && !ctl->recorded && !run->quiet &&
		    live_is_possible();
	if (ctl->live)
		settle_live(ctl, wishes);
	columns_default(ctl, wishes->all, timed, wishes->rate);
	if (wishes->columns)
		parse_columns(ctl, wishes->columns);
	if (wishes->sort)
		parse_sort(ctl, wishes->sort);
	ctl->about = columns_about(ctl);
	if (ctl->recorded && ctl->about)
		usage_error("--input: a recording has no USER, CGROUP or ARGS");
	ctl->need = ctl->want | ctl->deny | columns_need(ctl);
	settle_record(run);
}
