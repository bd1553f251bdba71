// SPDX-License-Identifier: GPL-2.0
/* Notes of a core file: threads, process, mapped files. */
#define _GNU_SOURCE
#include "notes.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>

#include "image/parts.h"
#include "process/arch.h"

static void append(FILE *f, const void *data, size_t size)
{
	static const char padding[4];

	fwrite(data, 1, size, f);
	fwrite(padding, 1, -size & 3, f);
}

static void add_note(FILE *f, const char *name, unsigned int type,
		     const void *data, size_t size)
{
	Elf64_Nhdr head = {
		.n_namesz = strlen(name) + 1,
		.n_descsz = size,
		.n_type = type,
	};

	append(f, &head, sizeof(head));
	append(f, name, head.n_namesz);
	append(f, data, size);
}

static void add_status(FILE *f, const struct notes *notes,
		       const struct thread *thread)
{
	struct elf_prstatus status = {
		.pr_sigpend = thread->pending,
		.pr_sighold = thread->mask,
		.pr_pid = thread->tid,
		.pr_ppid = notes->gen->process.ppid,
		.pr_pgrp = notes->gen->process.pgrp,
		.pr_sid = notes->gen->process.sid,
		.pr_fpvalid = thread->size[SET_FLOAT] != 0,
	};

	if (thread->size[SET_GENERAL])
		memcpy(&status.pr_reg, thread->set[SET_GENERAL],
		       sizeof(status.pr_reg));
	add_note(f, "CORE", NT_PRSTATUS, &status, sizeof(status));
}

static void add_thread_sets(FILE *f, const struct thread *thread)
{
	if (thread->size[SET_FLOAT])
		add_note(f, "CORE", NT_PRFPREG, thread->set[SET_FLOAT],
			 thread->size[SET_FLOAT]);
	if (thread->size[SET_EXTENDED])
		add_note(f, "LINUX", register_notes[SET_EXTENDED],
			 thread->set[SET_EXTENDED], thread->size[SET_EXTENDED]);
}

static void add_process(FILE *f, const struct notes *notes)
{
	const struct generation *gen = notes->gen;
	struct elf_prpsinfo info = {
		.pr_sname = 'R',
		.pr_uid = gen->process.uid,
		.pr_gid = gen->process.gid,
		.pr_pid = gen->of.pid,
		.pr_ppid = gen->process.ppid,
		.pr_pgrp = gen->process.pgrp,
		.pr_sid = gen->process.sid,
	};

	memcpy(info.pr_fname, gen->process.comm,
	       strnlen(gen->process.comm, sizeof(info.pr_fname) - 1));
	memcpy(info.pr_psargs, gen->process.args,
	       strnlen(gen->process.args, sizeof(info.pr_psargs) - 1));
	add_note(f, "CORE", NT_PRPSINFO, &info, sizeof(info));
}

/*
 * The note has counts and ranges of all mapped files, followed by their names.
 */
static void add_files(FILE *f, const struct notes *notes)
{
	char *data = NULL;
	size_t size;
	FILE *note = checked(open_memstream(&data, &size));
	uint64_t head[2] = { 0, PAGE_BYTES };

	for (size_t i = 0; i < dirtypages_maps_count(notes->maps); i++)
		head[0] += dirtypages_maps_get(notes->maps, i)->inode != 0;
	fwrite(head, sizeof(head), 1, note);
	for (size_t i = 0; i < dirtypages_maps_count(notes->maps); i++) {
		const struct dirtypages_mapping *m = dirtypages_maps_get(notes->maps, i);
		uint64_t entry[3] = { m->start, m->end, m->offset / PAGE_BYTES };

		if (m->inode)
			fwrite(entry, sizeof(entry), 1, note);
	}
	for (size_t i = 0; i < dirtypages_maps_count(notes->maps); i++) {
		const struct dirtypages_mapping *m = dirtypages_maps_get(notes->maps, i);

		if (m->inode)
			fwrite(m->name, 1, strlen(m->name) + 1, note);
	}
	if (fclose(note))
		die(STATUS_OTHER, "not enough memory");
	add_note(f, "CORE", NT_FILE, data, size);
	free(data);
}

static enum status refuse_narrow(const struct notes *notes)
{
	return complain(STATUS_UNSUPPORTED,
			"%s@%lu: is of a 32-bit program; cores are supported for 64-bit programs only",
			notes->image->path, notes->gen->number);
}

/*
 * Use the kernel's order: the first thread, the process, the other threads. gdb 16
 * crashes on a core without threads, so there is one with registers of zero.
 */
static enum status add_all(FILE *f, struct notes *notes)
{
	const struct thread none = { .tid = notes->gen->of.pid };
	enum status status;
	void *auxv;

	status = part_read(notes->image, notes->gen, PART_AUXV, &auxv);
	if (!status && auxv_is_narrow(auxv, notes->gen->size[PART_AUXV]))
		status = refuse_narrow(notes);
	if (status) {
		free(auxv);
		return status;
	}
	add_status(f, notes, notes->threads->count ? &notes->threads->threads[0] : &none);
	add_process(f, notes);
	add_note(f, "CORE", NT_AUXV, auxv, notes->gen->size[PART_AUXV]);
	add_files(f, notes);
	for (size_t i = 0; i < notes->threads->count; i++) {
		if (i)
			add_status(f, notes, &notes->threads->threads[i]);
		add_thread_sets(f, &notes->threads->threads[i]);
	}
	free(auxv);
	return STATUS_OK;
}

/**
 * notes_make() - make the notes of a core
 * @notes: @data and @size are set; @data is to be freed
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status notes_make(struct notes *notes)
{
	enum status status;
	FILE *f;

	for (size_t i = 0; i < notes->threads->count; i++)
		if (!arch_is_wide(&notes->threads->threads[i]))
			return refuse_narrow(notes);
	f = checked(open_memstream(&notes->data, &notes->size));
	status = add_all(f, notes);
	if (fclose(f) && !status)
		return complain(STATUS_OTHER, "not enough memory");
	return status;
}
