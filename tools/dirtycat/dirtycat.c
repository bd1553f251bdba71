// SPDX-License-Identifier: GPL-2.0
/*
 * dirtycat - show the modified private pages of processes
 *
 * A reader of /proc/<pid>/dirty_pages: adds sizes, the names of the mappings
 * and totals to what the kernel says. Lines are shown as they come, so that a
 * listing of any length takes no memory.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum status {
	STATUS_OK,
	STATUS_USAGE,
	STATUS_NO_PROCESS,
	STATUS_NOT_PERMITTED,
	STATUS_UNSUPPORTED,
	STATUS_VANISHED,
	STATUS_OTHER,
};

/**
 * struct mapping - a line of /proc/<pid>/maps
 * @start: first address
 * @end: address after the last
 * @name: what is mapped, "[anon]" if it has no name
 */
struct mapping {
	unsigned long long start;
	unsigned long long end;
	char *name;
};

/**
 * struct process - a process that is being shown
 * @pid: its number, as given
 * @tid: the thread whose files are read: the first that still has memory
 * @maps: /proc/<pid>/maps, or NULL
 * @line: buffer for lines of it
 * @size: size of @line
 * @mapping: the mapping that the last line of the listing lay in
 * @runs: lines so far
 * @bytes: bytes so far
 */
struct process {
	const char *pid;
	char tid[16];
	FILE *maps;
	char *line;
	size_t size;
	struct mapping mapping;
	unsigned long long runs;
	unsigned long long bytes;
};

static enum status complain(const struct process *p, enum status status,
			    const char *why)
{
	fflush(stdout);
	fprintf(stderr, "dirtycat: %s: %s\n", p->pid, why);
	return status;
}

static FILE *open_file(const struct process *p, const char *name)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/%s/task/%s/%s", p->pid, p->tid,
		 name);
	return fopen(path, "re");
}

static enum status cannot_open(const struct process *p, int error)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%s", p->pid);
	if (error == EACCES || error == EPERM)
		return complain(p, STATUS_NOT_PERMITTED,
				"not permitted; this takes its owner, or root (CAP_SYS_PTRACE)");
	if (error == ESRCH || access(path, F_OK) == -1)
		return complain(p, STATUS_NO_PROCESS, "no such process");
	if (error == ENOENT)
		return complain(p, STATUS_UNSUPPORTED,
				"this kernel has no /proc/<pid>/dirty_pages; it takes one with CONFIG_PROC_DIRTY_PAGES");
	return complain(p, STATUS_OTHER, strerror(error));
}

/* Go on to the next line of maps; false after the last. */
static bool next_mapping(struct process *p)
{
	int name = 0;
	ssize_t len;

	if (!p->maps)
		return false;
	len = getline(&p->line, &p->size, p->maps);
	if (len <= 0)
		return false;
	p->line[len - 1] = '\0';
	if (sscanf(p->line, "%llx-%llx %*s %*s %*s %*s %n", &p->mapping.start,
		   &p->mapping.end, &name) < 2)
		return false;
	p->mapping.name = p->line[name] ? p->line + name : "[anon]";
	return true;
}

/*
 * The name of what is mapped at an address. Addresses come in ascending order,
 * as the lines of maps do, but the process may have gone on mapping since they
 * were read: then they are read again.
 */
static const char *mapping_name(struct process *p, unsigned long long addr)
{
	for (int tries = 0; tries < 2; tries++) {
		while (addr >= p->mapping.end) {
			if (!next_mapping(p))
				break;
		}
		if (addr >= p->mapping.start && addr < p->mapping.end)
			return p->mapping.name;
		if (p->maps)
			fclose(p->maps);
		p->maps = open_file(p, "maps");
		p->mapping = (struct mapping){ 0 };
	}
	return "[unmapped since]";
}

static const char *human_size(unsigned long long bytes, char text[32])
{
	static const char units[] = "KMGTPE";
	double size = bytes / 1024.0;
	int unit = 0;

	while (size >= 1024 && units[unit + 1]) {
		size /= 1024;
		unit++;
	}
	if (size < 10 && size != (int)size)
		snprintf(text, 32, "%.1f%c", size, units[unit]);
	else
		snprintf(text, 32, "%.0f%c", size, units[unit]);
	return text;
}

/* Lines may have further fields, which later kernels added. */
static bool show_line(struct process *p, const char *line)
{
	unsigned long long start, end;
	char flags[64], size[32], first[24], last[24];

	if (sscanf(line, "%llx-%llx %63s", &start, &end, flags) != 3 ||
	    start >= end)
		return false;
	p->runs++;
	p->bytes += end - start;
	snprintf(first, sizeof(first), "%08llx", start);
	snprintf(last, sizeof(last), "%08llx", end);
	printf("%-16s %-16s %6s %-7s %s\n", first, last,
	       human_size(end - start, size), flags, mapping_name(p, start));
	return true;
}

/* Show what one thread's file says; *empty tells whether that was nothing. */
static enum status show_thread(struct process *p, bool raw, bool *empty)
{
	FILE *f = open_file(p, "dirty_pages");
	enum status status = STATUS_OK;
	size_t size = 0;
	char *line = NULL;
	int error;

	*empty = true;
	if (!f)
		return cannot_open(p, errno);
	setvbuf(f, NULL, _IOFBF, 128 << 10);
	errno = 0;
	while (getline(&line, &size, f) > 0) {
		*empty = false;
		if (raw)
			fputs(line, stdout);
		else if (!show_line(p, line))
			status = complain(p, STATUS_OTHER, "a line of the listing makes no sense");
		errno = 0;
	}
	error = ferror(f) ? errno : 0;
	free(line);
	fclose(f);
	if (error == ESRCH)
		return complain(p, STATUS_VANISHED,
				"ended, or called exec, while it was read; the listing is cut");
	if (error)
		return complain(p, STATUS_OTHER, strerror(error));
	return status;
}

/*
 * A main thread that has exited has no memory any more, though others of the
 * process may live: show the first thread that has some.
 */
static enum status show_threads(struct process *p, bool raw)
{
	enum status status;
	struct dirent *entry;
	char path[40];
	bool empty;
	DIR *dir;

	snprintf(p->tid, sizeof(p->tid), "%s", p->pid);
	status = show_thread(p, raw, &empty);
	if (status != STATUS_OK || !empty)
		return status;

	snprintf(path, sizeof(path), "/proc/%s/task", p->pid);
	dir = opendir(path);
	while (dir && empty && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)*entry->d_name) ||
		    !strcmp(entry->d_name, p->pid))
			continue;
		snprintf(p->tid, sizeof(p->tid), "%.15s", entry->d_name);
		status = show_thread(p, raw, &empty);
	}
	if (dir)
		closedir(dir);
	return status;
}

static enum status show_process(const char *pid, bool raw)
{
	struct process p = { .pid = pid };
	enum status status;
	char size[32];

	if (!*pid || strlen(pid) > 10 || pid[strspn(pid, "0123456789")])
		return complain(&p, STATUS_USAGE,
				"not a process number; see 'dirtycat --help'");
	status = show_threads(&p, raw);
	if (!raw && (status == STATUS_OK || p.runs))
		printf("total %s in %llu run%s, process %s\n",
		       human_size(p.bytes, size), p.runs,
		       p.runs == 1 ? "" : "s", pid);
	if (p.maps)
		fclose(p.maps);
	free(p.line);
	return status;
}

static void print_help(void)
{
	puts("Usage: dirtycat [--raw] PID...\n"
	     "Show the modified private pages of processes.\n"
	     "\n"
	     "  -r, --raw   the kernel's lines as they are\n"
	     "  -h, --help  this text\n"
	     "\n"
	     "START  first address of a run of pages\n"
	     "END    address after its last page\n"
	     "FLAGS  a anonymous, f private file mapping\n"
	     "       p in memory, s in swap, e lost to a memory error\n"
	     "       d may have been written since it was acknowledged\n"
	     "       x no other process maps it\n"
	     "       h mapped by a huge page\n"
	     "       k merged by KSM\n"
	     "       l lazily freed\n"
	     "\n"
	     "Exit status: 0, or of the first process that failed: 1 usage, 2 no such\n"
	     "process, 3 not permitted, 4 kernel without the file, 5 vanished while it\n"
	     "was read, 6 anything else.");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "raw", no_argument, NULL, 'r' },
		{ 0 }
	};
	enum status status = STATUS_OK;
	bool raw = false;
	int c;

	while ((c = getopt_long(argc, argv, "hr", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			raw = true;
			break;
		case 'h':
			print_help();
			return STATUS_OK;
		default:
			fputs("dirtycat: see 'dirtycat --help'\n", stderr);
			return STATUS_USAGE;
		}
	}
	if (optind == argc) {
		fputs("dirtycat: which process? see 'dirtycat --help'\n", stderr);
		return STATUS_USAGE;
	}
	if (!raw)
		printf("%-16s %-16s %6s %-7s %s\n", "START", "END", "SIZE",
		       "FLAGS", "MAPPING");
	for (; optind < argc; optind++) {
		enum status s = show_process(argv[optind], raw);

		if (status == STATUS_OK)
			status = s;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "dirtycat: cannot write: %s\n", strerror(errno));
		status = STATUS_OTHER;
	}
	return status;
}
