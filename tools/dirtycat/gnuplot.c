// SPDX-License-Identifier: GPL-2.0
/*
 * Draw pictures with gnuplot. A gnuplot script can run commands, and anybody may
 * choose the names of processes and files. Names are therefore passed only in data
 * files, where gnuplot executes nothing; the script has constants and numbers.
 * gnuplot reads no start-up files, gets data through descriptors, and writes to a
 * pipe.
 */
#define _GNU_SOURCE
#include "gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/message.h"
#include "common/output.h"
#include "common/text.h"

/* Longer text would not fit into the margin. */
enum { MOST_CHARACTERS = 32 };

/* gnuplot's terminals measure fonts in different units; these sizes look alike. */
enum { PNG_FONT = 9, PNG_TITLE = 12, SVG_FONT = 12, SVG_TITLE = 16 };

static bool has_suffix(const char *path, const char *suffix)
{
	size_t len = strlen(path), tail = strlen(suffix);

	return len > tail && !strcasecmp(path + len - tail, suffix);
}

/**
 * is_picture_name() - check for the suffix of a picture that gnuplot can draw
 * @path: name of a file
 *
 * Return: true if so.
 */
bool is_picture_name(const char *path)
{
	return has_suffix(path, ".svg") || has_suffix(path, ".png");
}

static FILE *open_memory(void)
{
	int fd = memfd_create("gnuplot", MFD_CLOEXEC);

	if (fd == -1)
		die(STATUS_OTHER, "cannot keep a picture in memory: %s", strerror(errno));
	return checked(fdopen(fd, "w"));
}

/* Execute gnuplot in the child. Let it inherit the descriptors of the data. */
static void become_gnuplot(int in, int out, const struct gnuplot *gnuplot,
			   const char *argument)
{
	for (size_t i = 0; gnuplot && i < gnuplot->count; i++)
		fcntl(fileno(gnuplot->data[i]), F_SETFD, 0);
	if (dup2(in, STDIN_FILENO) == -1 || dup2(out, STDOUT_FILENO) == -1)
		_exit(126);
	setenv("LC_ALL", "C.UTF-8", 1);
	execlp("gnuplot", "gnuplot", "-d", argument, NULL);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Run gnuplot. Return its exit status, 127 if there is none, and its output. */
static int run_gnuplot(int in, const struct gnuplot *gnuplot, const char *argument,
		       char **text, size_t *size)
{
	FILE *copy = checked(open_memstream(text, size));
	char buffer[4096];
	int status = 0, out[2];
	ssize_t len;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC))
		die(STATUS_OTHER, "gnuplot: %s", strerror(errno));
	pid = fork();
	if (pid == -1)
		die(STATUS_OTHER, "gnuplot: %s", strerror(errno));
	if (!pid)
		become_gnuplot(in, out[1], gnuplot, argument);
	close(out[1]);
	while ((len = read(out[0], buffer, sizeof(buffer)))) {
		if (len > 0)
			fwrite(buffer, 1, len, copy);
		else if (errno != EINTR)
			break;
	}
	close(out[0]);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (ferror(copy) || fclose(copy))
		checked(NULL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

static void fail_without_gnuplot(int status)
{
	if (status == 127)
		die(STATUS_OTHER,
		    "gnuplot is required to draw and is not installed; in Debian, its package is gnuplot-nox");
	if (status)
		die(STATUS_OTHER, "gnuplot failed, for the reason above if there is one");
}

/**
 * gnuplot_require() - end the program if there is no gnuplot
 *
 * Called before sampling, so that hours of samples are not lost.
 */
void gnuplot_require(void)
{
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char *text;
	size_t size;

	fail_without_gnuplot(run_gnuplot(in, NULL, "--version", &text, &size));
	free(text);
	close(in);
}

/**
 * gnuplot_open() - begin a picture
 * @gnuplot: filled in; to be ended by gnuplot_draw()
 * @path: its file; the suffix selects the kind of picture
 * @width: in pixels
 * @height: in pixels
 */
void gnuplot_open(struct gnuplot *gnuplot, const char *path, unsigned int width,
		  unsigned int height)
{
	const bool png = has_suffix(path, ".png");

	*gnuplot = (struct gnuplot){
		.script = open_memory(),
		.width = width,
		.height = height,
		.title = png ? PNG_TITLE : SVG_TITLE,
	};
	fprintf(gnuplot->script,
		"set terminal %s size %u,%u font 'DejaVu Sans,%d' noenhanced background '#ffffff'%s\n"
		"set encoding utf8\n"
		"set datafile separator \"\\t\"\n"
		"set datafile commentschars ''\n"
		"set border lw 0.6 lc rgb '#495057'\n"
		"set tics textcolor rgb '#212529'\n"
		"set multiplot\n",
		png ? "pngcairo" : "svg", width, height,
		png ? PNG_FONT : SVG_FONT, png ? "" : " name 'dirtycat'");
}

/**
 * gnuplot_data() - add a data file that the script can plot
 * @gnuplot: the picture
 * @data: set to that file, to be written before gnuplot_draw()
 *
 * Return: its number N, which the script calls '/dev/fd/N'.
 */
int gnuplot_data(struct gnuplot *gnuplot, FILE **data)
{
	gnuplot->data = grow(gnuplot->data, gnuplot->count + 1, sizeof(*data));
	*data = open_memory();
	gnuplot->data[gnuplot->count++] = *data;
	return fileno(*data);
}

static bool is_continued(char byte)
{
	return (byte & 0xc0) == 0x80;
}

/*
 * Find the last characters of UTF-8 text that is too long. The end of a path
 * tells most; it begins with a whole component if that fits.
 */
static const char *shorten(const char *text)
{
	const char *end = text + strlen(text), *component;
	int characters = 0;

	while (end > text && characters < MOST_CHARACTERS)
		characters += !is_continued(*--end);
	component = end > text ? strchr(end, '/') : NULL;
	return component && component[1] ? component : end;
}

/**
 * gnuplot_text() - write text from a process or a file as data
 * @data: from gnuplot_data()
 * @text: any bytes
 *
 * A quote would end the string, and a backslash begin an escape sequence.
 */
void gnuplot_text(FILE *data, const char *text)
{
	char *escaped = checked(escape_utf8(text));
	const char *p = shorten(escaped);

	if (p > escaped)
		fputs("\u2026", data);
	for (; *p; p++) {
		if (*p == '"')
			fputs("\\\\x22", data);
		else if (*p == '\\')
			fputs("\\\\", data);
		else
			putc_unlocked(*p, data);
	}
	free(escaped);
}

/**
 * gnuplot_panel() - set the position of the next plot
 * @gnuplot: the picture
 * @left: of it, in pixels
 * @right: likewise
 * @top: likewise, from the top of the picture
 * @bottom: likewise
 */
void gnuplot_panel(struct gnuplot *gnuplot, unsigned int left, unsigned int right,
		   unsigned int top, unsigned int bottom)
{
	fprintf(gnuplot->script,
		"set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
		"set tmargin at screen %.6f\nset bmargin at screen %.6f\n",
		(double)left / gnuplot->width, (double)right / gnuplot->width,
		1 - (double)top / gnuplot->height,
		1 - (double)bottom / gnuplot->height);
}

static const struct {
	double seconds;
	const char *name;
} units[] = {
	{ 86400, "days" }, { 3600, "hours" }, { 60, "minutes" }, { 1, "seconds" },
};

/* Choose the largest unit of which the axis has at least three. */
static size_t unit_of(double seconds)
{
	size_t i = 0;

	while (units[i].seconds > 1 && seconds < 3 * units[i].seconds)
		i++;
	return i;
}

/**
 * gnuplot_time_unit() - choose the unit of a time axis
 * @seconds: its length
 *
 * Return: how many seconds that unit has.
 */
double gnuplot_time_unit(double seconds)
{
	return units[unit_of(seconds)].seconds;
}

/**
 * gnuplot_time_axis() - describe the time axis of the next plot
 * @gnuplot: the picture
 * @seconds: its length
 * @labels: with numbers and text below it
 * @start: the time of day where it begins
 */
void gnuplot_time_axis(struct gnuplot *gnuplot, double seconds, bool labels,
		       time_t start)
{
	const size_t unit = unit_of(seconds);
	char text[40];
	struct tm tm;

	gmtime_r(&start, &tm);
	strftime(text, sizeof(text), "%F %T UTC", &tm);
	fprintf(gnuplot->script,
		"set xrange [0:%.9g]\nset xtics out nomirror format '%s'\n",
		seconds / units[unit].seconds, labels ? "%g" : "");
	if (labels)
		fprintf(gnuplot->script, "set xlabel '%s since %s'\n",
			units[unit].name, text);
}

/**
 * write_private() - replace a file by one that only its owner may read
 * @path: that file
 * @data: the contents
 * @size: of the data
 *
 * Ends the program if that fails.
 */
void write_private(const char *path, const void *data, size_t size)
{
	struct output_file output;
	int error = output_open(&output, path);

	if (error)
		die(STATUS_OTHER, "%s: %s", path, output_error(error));
	output.mode = 0600;
	output.uid = -1;
	output.gid = -1;
	error = write_fully(output.fd, data, size);
	if (error)
		output_abandon(&output);
	else
		error = output_commit(&output);
	if (error)
		die(STATUS_OTHER, "%s: %s (file left unchanged)", path,
		    strerror(-error));
}

/**
 * gnuplot_draw() - draw a picture, or end the program
 * @gnuplot: that picture; to be used no more
 * @path: the file, which only its owner may read
 */
void gnuplot_draw(struct gnuplot *gnuplot, const char *path)
{
	char *text = NULL;
	size_t size = 0;
	int status;

	fputs("unset multiplot\n", gnuplot->script);
	for (size_t i = 0; i < gnuplot->count; i++)
		if (fflush(gnuplot->data[i]))
			checked(NULL);
	if (fflush(gnuplot->script) || lseek(fileno(gnuplot->script), 0, SEEK_SET))
		checked(NULL);
	status = run_gnuplot(fileno(gnuplot->script), gnuplot, "-", &text, &size);
	fail_without_gnuplot(status || size ? status : 126);
	write_private(path, text, size);
	free(text);
	for (size_t i = 0; i < gnuplot->count; i++)
		fclose(gnuplot->data[i]);
	fclose(gnuplot->script);
	free(gnuplot->data);
}
