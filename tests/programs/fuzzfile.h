/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of fuzzfile share: fuzzfile.c makes the sequences and looks at
 * what comes of them, fuzzfile-calls.c has the calls, fuzzfile-targets.c the
 * processes that are looked at.
 */
#ifndef FUZZFILE_H
#define FUZZFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE ((size_t)4096)
#define HUGE ((size_t)2 << 20)

/* A target's memory: small pages, and a huge one */
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
 * struct target - a process that is looked at
 * @generation: grows whenever there is another address space
 */
struct target {
	pid_t pid;
	int sock;
	enum state state;
	unsigned int generation;
};

/* An open file, which descriptors may share */
struct description {
	struct target *target;	/* NULL for ourselves and a kernel thread */
	unsigned int generation;
	bool was_read;
};

struct file {
	int fd;
	int mode;
	struct description *d;
};

/* What a thread has for itself; threads[0] is the main one's. */
struct thread {
	uint64_t state;
	struct file *shared;	/* NULL for the main one */
	char *buffer;	/* what is behind its end cannot be reached */
	char *text;
	int pipe[2];
	int memfd;
};

extern struct target targets[TARGETS];
extern struct file files[FILES];
extern struct thread threads[1 + THREADS];

/* How many calls were made */
extern uint64_t total;
extern uint64_t bytes_read, bytes_written;

/* Below that, of the thread's own sequence */
uint64_t rnd(struct thread *t, uint64_t below);

#define PICK(t, array) ((array)[rnd(t, sizeof(array) / sizeof((array)[0]))])

/* Keep a line for who reads of a failure. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* End, with what was done in this sequence and why it is wrong. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* End unless @ok, with errno. */
void must(bool ok, const char *what);

/* Fail unless this is text of a file, from its first line or from anywhere. */
void check_text(const char *text, size_t len, bool from_start);

/* Was it opened for an address space that its target has no more? */
bool is_stale(const struct description *d);

/* Note that some of it is being read, by somebody. */
void will_be_read(struct description *d);

/* Fail unless @n bytes of @text are what @f may give. Returns @n. */
long check_read(struct file *f, const char *text, long n);

/* The whole listing into @text, of TEXT bytes, by reads of @size; its length */
size_t list(const char *path, char *text, size_t size);

/* Text to be written into t->text: lines of the area, good and bad; its length */
size_t make_text(struct thread *t);

/* What a target's memory looks like, in this process */
void lay_out(void);

/* Be a target that is told by @sock what to do. */
void be_target(int sock) __attribute__((noreturn));

/* Start it, with the number @wanted if that is not 0 and to be had. */
void start_target(struct target *g, pid_t wanted);

/* From any state to ZOMBIE, to GONE, from STOPPED to RUNNING */
void kill_target(struct target *g);
void reap_target(struct target *g);
void resume_target(struct target *g);

/* Have it write to a page; AREA_PAGES has it call execve. */
void ask_target(struct target *g, uint16_t page);

/* Fail unless what it writes now is "d", its memory what it was, verify content. */
void check_write_shows(struct thread *t, struct target *g);
void check_memory(struct target *g);
void check_verify(struct target *g);

void set_up_uring(void);

/* Make the call of that name, or any, and fail if it must not give what it does. */
void make_call(struct thread *t, struct file *f, const char *name);
void make_any_call(struct thread *t, struct file *f);

#endif
