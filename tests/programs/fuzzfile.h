/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of fuzzfile: fuzzfile.c makes the sequences and checks the results,
 * fuzzfile-calls.c has the calls, fuzzfile-targets.c the target processes.
 */
#ifndef FUZZFILE_H
#define FUZZFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE ((size_t)4096)
#define HUGE ((size_t)2 << 20)

/* The memory of a target: small pages and a huge page */
#define AREA ((char *)0x100000000000)
#define AREA_BYTES (2 * HUGE)
#define AREA_PAGES (AREA_BYTES / PAGE)

#define TARGETS 3
#define FILES 12
#define THREADS 2
#define BUFFER ((size_t)128 << 10)
#define TEXT ((size_t)256 << 10)

enum state { GONE, RUNNING, STOPPED, ZOMBIE };

/**
 * struct target - a process under test
 * @generation: incremented with each new address space
 */
struct target {
	pid_t pid;
	int sock;
	enum state state;
	unsigned int generation;
};

/* An open file description, which several descriptors may share */
struct description {
	struct target *target;	/* NULL for this process and a kernel thread */
	unsigned int generation;
	bool was_read;
};

struct file {
	int fd;
	int mode;
	struct description *d;
};

/* The data of one thread; threads[0] is the main thread. */
struct thread {
	uint64_t state;
	struct file *shared;	/* NULL for the main thread */
	char *buffer;	/* followed by a page that cannot be accessed */
	char *text;
	int pipe[2];
	int memfd;
};

extern struct target targets[TARGETS];
extern struct file files[FILES];
extern struct thread threads[1 + THREADS];

/* The number of calls made */
extern uint64_t total;
extern uint64_t bytes_read, bytes_written;

/* Return a random number below @below from the thread's own sequence. */
uint64_t rnd(struct thread *t, uint64_t below);

#define PICK(t, array) ((array)[rnd(t, sizeof(array) / sizeof((array)[0]))])

/* Add a line to the log that fail() prints. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Print the log of this sequence and the reason of the failure, and exit. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Fail with errno unless @ok. */
void must(bool ok, const char *what);

/* Fail unless this is text of a listing, from its first line or from anywhere. */
void check_text(const char *text, size_t len, bool from_start);

/* Was it opened for an address space that its target no longer has? */
bool is_stale(const struct description *d);

/* Note that some of it is being read, perhaps by a thread or a child. */
void will_be_read(struct description *d);

/* Fail unless @f may return these @n bytes of @text. Returns @n. */
long check_read(struct file *f, const char *text, long n);

/* Read a listing into @text, of TEXT bytes, by reads of @size. Returns its length. */
size_t list(const char *path, char *text, size_t size);

/* Fill t->text with good and bad lines of the area. Returns their length. */
size_t make_text(struct thread *t);

/* Map and fill the memory of a target in this process. */
void lay_out(void);

/* Be a target that obeys requests from @sock. */
void be_target(int sock) __attribute__((noreturn));

/* Start a target, with the pid @wanted if that is not 0 and is free. */
void start_target(struct target *g, pid_t wanted);

/* Kill: to ZOMBIE. Reap: from any state to GONE. Resume: from STOPPED to RUNNING. */
void kill_target(struct target *g);
void reap_target(struct target *g);
void resume_target(struct target *g);

/* Make the target write to a page, or call execve if @page is AREA_PAGES. */
void ask_target(struct target *g, uint16_t page);

/*
 * Fail unless a page that the target writes now is "d"; unless its memory has
 * the right contents; unless debugfs verify finds no difference.
 */
void check_write_shows(struct thread *t, struct target *g);
void check_memory(struct target *g);
void check_verify(struct target *g);

void set_up_uring(void);

/* Make the call @name, or a random one, and fail unless its result is allowed. */
void make_call(struct thread *t, struct file *f, const char *name);
void make_any_call(struct thread *t, struct file *f);

#endif
