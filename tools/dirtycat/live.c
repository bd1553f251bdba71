// SPDX-License-Identifier: GPL-2.0
/*
 * Redraw samples in place, like top, with the few escapes that all terminals know.
 * Signals are read from a descriptor, so that the terminal is restored before one
 * ends or stops the program.
 */
#define _GNU_SOURCE
#include "live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "common/clock.h"
#include "common/memory.h"
#include "common/message.h"
#include "common/output.h"
#include "common/text.h"

#define HIDE_CURSOR	"\033[?25l"
#define SHOW_CURSOR	"\033[?25h"
#define CLEAR_SCREEN	"\033[H\033[J"
#define CLEAR_REST	"\033[K"
#define CLEAR_BELOW	"\033[J"
#define PLAIN		"\033[m"

/**
 * struct live - the terminal while samples are redrawn in place
 * @orderly: SIGINT and SIGTERM quit, like the key
 * @on: between live_begin() and live_end()
 * @keys: standard input is a terminal, so read keys
 * @before: its settings before live_begin()
 * @signals: a signalfd for the signals that end, stop or resize
 * @blocked: the signal mask before live_begin()
 * @messages: a memory file in place of standard error, -1 if that is no terminal
 * @error: standard error
 * @seen: size of the messages at the last live_message()
 * @lines: number of lines on the screen
 */
struct live {
	bool orderly;
	bool on;
	bool keys;
	struct termios before;
	int signals;
	sigset_t blocked;
	int messages;
	int error;
	size_t seen;
	unsigned int lines;
};

static struct winsize window_size(void)
{
	struct winsize size = { 0 };

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (!size.ws_col)
		size.ws_col = 80;
	if (!size.ws_row)
		size.ws_row = 24;
	return size;
}

/* Ignore errors: live_draw() reports a terminal that has gone. */
static void put(const char *text)
{
	write_fully(STDOUT_FILENO, text, strlen(text));
}

/**
 * live_is_possible() - check whether standard output can be redrawn in place
 *
 * Return: true if it is a terminal with escapes.
 */
bool live_is_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb");
}

/* Read keys as they are typed, without echo. */
static void take_keys(struct live *live)
{
	struct termios now = live->before;

	now.c_lflag &= ~(ICANON | ECHO);
	now.c_cc[VMIN] = 1;
	now.c_cc[VTIME] = 0;
	if (live->keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
	put(HIDE_CURSOR CLEAR_SCREEN);
}

static void give_back(struct live *live)
{
	char *end = text_of(PLAIN "\033[%u;1H\n" SHOW_CURSOR, live->lines);

	put(end);
	free(end);
	if (live->keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &live->before);
	live->lines = 0;
}

/* Leave ignored signals alone, such as SIGHUP under nohup. */
static void take_signals(struct live *live)
{
	static const int numbers[] = {
		SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH
	};
	struct sigaction action;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (!sigaction(numbers[i], NULL, &action) &&
		    action.sa_handler != SIG_IGN)
			sigaddset(&set, numbers[i]);
	live->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (live->signals == -1)
		die(STATUS_OTHER, "signalfd: %s", strerror(errno));
	sigprocmask(SIG_BLOCK, &set, &live->blocked);
}

/* Collect diagnostics, which would be printed across the screen. */
static void take_messages(struct live *live)
{
	live->messages = -1;
	if (!isatty(STDERR_FILENO))
		return;
	live->error = dup(STDERR_FILENO);
	live->messages = memfd_create("messages", MFD_CLOEXEC);
	if (live->error == -1 || live->messages == -1 ||
	    dup2(live->messages, STDERR_FILENO) == -1)
		die(STATUS_OTHER, "standard error: %s", strerror(errno));
}

static char *all_messages(const struct live *live, size_t *size)
{
	off_t end = lseek(live->messages, 0, SEEK_CUR);
	char *text = grow(NULL, end + 1, 1);
	ssize_t n = pread(live->messages, text, end, 0);

	*size = n > 0 ? n : 0;
	text[*size] = '\0';
	return text;
}

static void give_messages_back(struct live *live)
{
	size_t size;
	char *text;

	if (live->messages == -1)
		return;
	text = all_messages(live, &size);
	dup2(live->error, STDERR_FILENO);
	write_fully(STDERR_FILENO, text, size);
	free(text);
	close(live->messages);
	close(live->error);
}

static void end_at_exit(int status, void *data)
{
	(void)status;
	live_end(data);
	free(data);
}

/**
 * live_begin() - set up the terminal until live_end() or exit
 * @orderly: let live_wait() report SIGINT and SIGTERM as %LIVE_QUIT
 *
 * Return: the terminal, freed at exit.
 */
struct live *live_begin(bool orderly)
{
	struct live *live = checked(calloc(1, sizeof(*live)));

	live->orderly = orderly;
	live->on = true;
	live->keys = !tcgetattr(STDIN_FILENO, &live->before);
	take_signals(live);
	take_messages(live);
	take_keys(live);
	on_exit(end_at_exit, live);
	return live;
}

/**
 * live_end() - restore the terminal, and leave the last sample on it
 * @live: from live_begin(); may have been restored before
 */
void live_end(struct live *live)
{
	if (!live->on)
		return;
	live->on = false;
	give_back(live);
	give_messages_back(live);
	close(live->signals);
	sigprocmask(SIG_SETMASK, &live->blocked, NULL);
}

/**
 * live_height() - get the height of the window
 *
 * Return: the number of lines.
 */
unsigned int live_height(void)
{
	return window_size().ws_row;
}

/**
 * live_message() - get the last diagnostic
 * @live: the terminal
 *
 * Return: the text, to be freed; "" if there is none.
 */
char *live_message(struct live *live)
{
	char *text, *line;
	size_t size;

	if (live->messages == -1)
		return text_of("%s", "");
	text = all_messages(live, &size);
	live->seen = size;
	while (size && text[size - 1] == '\n')
		text[--size] = '\0';
	line = strrchr(text, '\n');
	line = text_of("%s", line ? line + 1 : text);
	free(text);
	return line;
}

/* Return the length of the escape at the start of a text, or 0. */
static size_t escape_length(const char *text)
{
	size_t len;

	if (*text != '\033')
		return 0;
	len = strcspn(text, "m");
	return text[len] ? len + 1 : len;
}

/* Print as much of a line as fits. Return the number of columns left. */
static int print_line(FILE *out, const char *line, const char *end, int columns)
{
	mbstate_t state = { 0 };

	while (line < end) {
		size_t len = escape_length(line);
		wchar_t c;
		int width = 0;

		if (!len) {
			len = mbrtowc(&c, line, end - line, &state);
			if (len == (size_t)-1 || len == (size_t)-2 || !len)
				break;
			width = wcwidth(c);
		}
		if (width > columns)
			break;
		fwrite(line, 1, len, out);
		if (width > 0)
			columns -= width;
		line += len;
	}
	fputs(PLAIN, out);
	return columns;
}

/* After a full line, CLEAR_REST would clear its last column on some terminals. */
static void print_lines(struct live *live, FILE *out, const char *text,
			const struct winsize *size)
{
	while (*text && live->lines < size->ws_row) {
		size_t len = strcspn(text, "\n");

		if (live->lines++)
			fputs("\r\n", out);
		if (print_line(out, text, text + len, size->ws_col))
			fputs(CLEAR_REST, out);
		text += len + (text[len] == '\n');
	}
}

/**
 * live_draw() - draw a sample in place of the last one
 * @live: the terminal
 * @status: the first line, with a newline
 * @text: the other lines, cut to fit the window
 */
void live_draw(struct live *live, const char *status, const char *text)
{
	const struct winsize size = window_size();
	char *screen = NULL;
	size_t len;
	FILE *out = checked(open_memstream(&screen, &len));
	int error;

	live->lines = 0;
	fputs("\033[H", out);
	print_lines(live, out, status, &size);
	print_lines(live, out, text, &size);
	if (live->lines < size.ws_row)
		fputs("\r\n" CLEAR_BELOW, out);
	if (fclose(out))
		checked(NULL);
	error = write_fully(STDOUT_FILENO, screen, len);
	free(screen);
	if (error)
		die(STATUS_OTHER, "cannot write: %s", strerror(-error));
}

static void end_by(struct live *live, int number)
{
	live_end(live);
	signal(number, SIG_DFL);
	raise(number);
}

/* Return when the program is continued. */
static void stop(struct live *live)
{
	give_back(live);
	raise(SIGSTOP);
	take_keys(live);
}

static enum live_event read_signals(struct live *live)
{
	enum live_event event = LIVE_TIMEOUT;
	struct signalfd_siginfo info;

	while (read(live->signals, &info, sizeof(info)) == sizeof(info)) {
		event = LIVE_REDRAW;
		if (info.ssi_signo == SIGTSTP)
			stop(live);
		else if (live->orderly && (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM))
			return LIVE_QUIT;
		else if (info.ssi_signo != SIGWINCH)
			end_by(live, info.ssi_signo);
	}
	return event;
}

static enum live_event read_keys(struct live *live)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n <= 0 && errno != EINTR)
		live->keys = false;
	for (ssize_t i = 0; i < n; i++)
		if (keys[i] == 'q' || keys[i] == 'Q')
			return LIVE_QUIT;
	return LIVE_TIMEOUT;
}

static bool has_news(const struct live *live)
{
	return live->messages != -1 &&
	       lseek(live->messages, 0, SEEK_CUR) > (off_t)live->seen;
}

/**
 * live_wait() - wait for the next sample, a key or a signal
 * @live: the terminal
 * @seconds: the time to wait; 0 just checks for keys and signals
 *
 * A signal that ends the program does so here.
 *
 * Return: the reason to stop waiting.
 */
enum live_event live_wait(struct live *live, double seconds)
{
	const uint64_t end = nanoseconds() + seconds * 1e9;

	if (seconds && has_news(live))
		return LIVE_REDRAW;
	for (;;) {
		struct pollfd fds[] = {
			{ live->signals, POLLIN, 0 },
			{ live->keys ? STDIN_FILENO : -1, POLLIN, 0 },
		};
		uint64_t now = nanoseconds();
		uint64_t left = now < end ? end - now : 0;
		struct timespec timeout = {
			.tv_sec = left / 1000000000,
			.tv_nsec = left % 1000000000,
		};
		enum live_event event = LIVE_TIMEOUT;

		if (ppoll(fds, 2, &timeout, NULL) <= 0)
			return LIVE_TIMEOUT;
		if (fds[0].revents)
			event = read_signals(live);
		if (!event && fds[1].revents)
			event = read_keys(live);
		if (event)
			return event;
	}
}
