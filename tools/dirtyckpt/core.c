// SPDX-License-Identifier: GPL-2.0
/*
 * Write a generation as a core file, for debuggers.
 *
 * Like the kernel's core files, it has registers and other data of each thread,
 * the list of mapped files, and a segment for each mapping, with contents that
 * cannot be found elsewhere. Clean pages of anonymous memory are holes in the
 * file; if there are many, they are left out. Private file mappings have their
 * modified pages; debuggers take the rest from the file. To let them identify
 * that file, the first page of each ELF file is included as well, if it is
 * still the file that was mapped. The vdso is also included.
 *
 * libelf writes the headers, and handles any number of segments. Contents are
 * written without it, as it would keep all of them in memory.
 */
#define _GNU_SOURCE
#include "dirtyckpt.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/output.h"
#include "image/contents.h"
#include "image/files.h"
#include "notes.h"
#include "process/arch.h"
#include "segments.h"

/**
 * struct core - a core file that is being written
 * @path: its path
 * @image: the image
 * @gen: the generation
 * @listed: its pages
 * @maps: its mappings
 * @threads: its threads
 * @contents: contents of its pages
 * @segments: segments of the core
 * @notes: notes of the core
 * @notes_at: their offset in the file
 * @size: size of the file
 * @output: the file
 * @at: number of bytes written, if the output cannot seek
 */
struct core {
	const char *path;
	struct image image;
	struct generation gen;
	struct spans listed;
	struct dirtypages_maps *maps;
	struct threads threads;
	struct contents contents;
	struct segments segments;
	struct notes notes;
	uint64_t notes_at;
	uint64_t size;
	struct output_file output;
	uint64_t at;
};

static enum status fail_to_make(const struct core *core, const char *why)
{
	return complain(STATUS_OTHER, "%s: %s", core->path, why);
}

/* A pipe cannot have holes: write zeroes instead. */
static int write_zeroes(struct core *core, uint64_t end)
{
	static const char zeroes[1 << 16];
	int error = 0;

	while (!error && core->at < end) {
		size_t size = end - core->at < sizeof(zeroes) ?
			      end - core->at : sizeof(zeroes);

		error = -write_fully(core->output.fd, zeroes, size);
		core->at += size;
	}
	return error;
}

/* Write a piece of the core. Pieces come in order, with zeroes between them. */
static enum status put(struct core *core, const void *data, size_t size,
		       uint64_t offset)
{
	int error;

	if (core->output.temporary) {
		error = write_at(core->output.fd, data, size, offset);
	} else {
		error = write_zeroes(core, offset);
		if (!error)
			error = -write_fully(core->output.fd, data, size);
		core->at = offset + size;
	}
	return error ? fail_to_make(core, strerror(error)) : STATUS_OK;
}

/* The core ends with zeroes if its last pages are zero-filled. */
static enum status put_end(struct core *core)
{
	int error;

	if (!core->output.temporary)
		error = write_zeroes(core, core->size);
	else
		error = ftruncate(core->output.fd, core->size) ? errno : 0;
	return error ? fail_to_make(core, strerror(error)) : STATUS_OK;
}

static GElf_Word flags_of(const struct dirtypages_mapping *m)
{
	return (m->perms[0] == 'r' ? PF_R : 0) | (m->perms[1] == 'w' ? PF_W : 0) |
	       (m->perms[2] == 'x' ? PF_X : 0);
}

static bool put_header(Elf *elf, size_t index, struct segment *s, uint64_t at)
{
	GElf_Phdr phdr = {
		.p_type = PT_LOAD,
		.p_offset = at,
		.p_vaddr = s->start,
		.p_filesz = s->filled - s->start,
		.p_memsz = s->end - s->start,
		.p_flags = flags_of(s->mapping),
		.p_align = PAGE_BYTES,
	};

	s->offset = at;
	return gelf_update_phdr(elf, index, &phdr);
}

/* Notes follow the headers directly; contents start at the next page. */
static bool layout(struct core *core, Elf *elf)
{
	size_t headers = core->segments.count + 1;
	uint64_t at = sizeof(Elf64_Ehdr) + headers * sizeof(Elf64_Phdr);
	GElf_Phdr phdr = {
		.p_type = PT_NOTE,
		.p_flags = PF_R,
		.p_filesz = core->notes.size,
		.p_align = 4,
	};

	/*
	 * If the ELF header cannot hold their number, the first section header
	 * does.
	 */
	if (headers >= PN_XNUM)
		at += sizeof(Elf64_Shdr);
	core->notes_at = at;
	phdr.p_offset = at;
	if (!gelf_update_phdr(elf, 0, &phdr))
		return false;
	at = (at + core->notes.size + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	for (size_t i = 0; i < core->segments.count; i++) {
		struct segment *s = &core->segments.segments[i];

		if (!put_header(elf, i + 1, s, at))
			return false;
		at += s->filled - s->start;
	}
	core->size = at;
	return true;
}

static bool write_headers(struct core *core, Elf *elf)
{
	size_t headers = core->segments.count + 1;
	GElf_Ehdr ehdr;

	if (!gelf_newehdr(elf, ELFCLASS64) || !gelf_getehdr(elf, &ehdr))
		return false;
	ehdr.e_ident[EI_DATA] = arch_elf_data;
	ehdr.e_type = ET_CORE;
	ehdr.e_machine = arch_elf_machine;
	ehdr.e_version = EV_CURRENT;
	ehdr.e_phoff = sizeof(Elf64_Ehdr);
	if (headers >= PN_XNUM) {
		ehdr.e_shoff = sizeof(Elf64_Ehdr) + headers * sizeof(Elf64_Phdr);
		ehdr.e_shentsize = sizeof(Elf64_Shdr);
	}
	elf_flagelf(elf, ELF_C_SET, ELF_F_LAYOUT);
	return gelf_update_ehdr(elf, &ehdr) && gelf_newphdr(elf, headers) &&
	       layout(core, elf) && elf_update(elf, ELF_C_WRITE) >= 0;
}

/* libelf seeks, so let it write to memory, up to the offset of the notes. */
static enum status write_heads(struct core *core)
{
	int fd = memfd_create("headers", MFD_CLOEXEC);
	enum status status;
	char *headers;
	Elf *elf;

	if (fd == -1)
		return fail_to_make(core, strerror(errno));
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_WRITE, NULL);
	if (!elf || !write_headers(core, elf)) {
		status = fail_to_make(core, elf_errmsg(-1));
	} else {
		headers = grow(NULL, core->notes_at, 1);
		memset(headers, 0, core->notes_at);
		if (pread(fd, headers, core->notes_at, 0) == -1)
			status = fail_to_make(core, strerror(errno));
		else
			status = put(core, headers, core->notes_at, 0);
		free(headers);
	}
	elf_end(elf);
	close(fd);
	return status;
}

/* Write our own vdso, which is the same in all processes of a boot. */
static enum status write_vdso(struct core *core, const struct segment *s)
{
	const char *vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
	char boot[37];

	if (!vdso || !boot_read(boot) || strcmp(boot, core->gen.of.boot))
		return STATUS_OK;
	return put(core, vdso, s->end - s->start, s->offset);
}

/**
 * struct filling - a segment that is being written
 * @core: its core
 * @segment: the segment
 */
struct filling {
	struct core *core;
	const struct segment *segment;
};

/* Zero-filled pages may stay holes. */
static enum status put_pages(void *arg, uint64_t start, const void *data,
			     size_t size)
{
	const struct filling *filling = arg;
	const struct segment *s = filling->segment;
	enum status status = STATUS_OK;

	for (size_t at = 0; !status && at < size; at += PAGE_BYTES)
		if (!is_zero((const char *)data + at, PAGE_BYTES))
			status = put(filling->core, (const char *)data + at,
				     PAGE_BYTES,
				     s->offset + start - s->start + at);
	return status;
}

static enum status write_pages(struct core *core, const struct segment *s)
{
	struct filling filling = { .core = core, .segment = s };
	struct spans pages = spans_within(&core->listed, s->start, s->end);
	enum status status;

	status = contents_each(&core->contents, &pages, put_pages, &filling);
	spans_free(&pages);
	return status;
}

static enum status write_segment(struct core *core, const struct segment *s)
{
	char page[PAGE_BYTES];

	if (s->filled == s->start)
		return STATUS_OK;
	if (!strcmp(s->mapping->name, "[vdso]"))
		return write_vdso(core, s);
	if (!s->head)
		return write_pages(core, s);
	return elf_head_read(s->mapping, page) ?
	       put(core, page, sizeof(page), s->offset) : STATUS_OK;
}

static enum status write_all(struct core *core)
{
	enum status status;

	status = write_heads(core);
	if (!status)
		status = put(core, core->notes.data, core->notes.size, core->notes_at);
	for (size_t i = 0; !status && i < core->segments.count; i++)
		status = write_segment(core, &core->segments.segments[i]);
	return status ? status : put_end(core);
}

static enum status open_core(struct core *core, const struct control *ctl)
{
	struct dirtypages_listing *listing = NULL;
	enum status status;

	status = image_open(&core->image, ctl->dir, ACCESS_READ);
	if (!status)
		status = generation_choose(&core->image, ctl->number, &core->gen);
	if (!status)
		status = part_listing(&core->image, &core->gen, PART_LISTING,
				      &listing);
	core->listed = spans_of(listing, 0);
	dirtypages_listing_free(listing);
	if (!status)
		status = part_maps(&core->image, &core->gen, &core->maps);
	core->notes.maps = core->maps;
	if (!status)
		status = part_threads(&core->image, &core->gen, &core->threads);
	if (!status)
		status = contents_open(&core->contents, &core->image, &core->gen,
				       &core->listed);
	if (!status)
		status = notes_make(&core->notes);
	if (!status && !core->gen.stopped)
		complain(STATUS_OK,
			 "%s@%lu: was saved while the process was running, so the core is not a consistent state, and its registers are zero",
			 core->image.path, core->gen.number);
	if (!status && core->contents.missing.count)
		complain(STATUS_OK,
			 "%s@%lu: %lu pages could not be read by the save, and are zero in the core",
			 core->image.path, core->gen.number,
			 (unsigned long)spans_pages(&core->contents.missing));
	return status;
}

/* Sync the name of the file as well. Ignore a folder that cannot be read. */
static void sync_folder_of(const char *path)
{
	char *copy = realpath(path, NULL);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd != -1) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

/* On failure, a regular file is left unchanged. */
static enum status write_core(struct core *core)
{
	enum status status;
	bool regular;
	int error;

	error = output_open(&core->output, core->path);
	if (error)
		return fail_to_make(core, output_error(error));
	/* The file is private, like memory, whoever made the one that it replaces. */
	core->output.uid = -1;
	core->output.gid = -1;
	core->output.mode = 0600;
	regular = core->output.temporary;
	if (isatty(core->output.fd))
		status = fail_to_make(core, "is a terminal; use a file or a pipe");
	else
		status = write_all(core);
	if (status) {
		output_abandon(&core->output);
		return status;
	}
	error = output_commit(&core->output);
	if (error)
		return fail_to_make(core, output_error(error));
	if (regular)
		sync_folder_of(core->path);
	return STATUS_OK;
}

/**
 * cmd_core() - run the command
 * @ctl: the command line
 *
 * Return: STATUS_OK, or the exit status.
 */
enum status cmd_core(const struct control *ctl)
{
	struct core core = {
		.path = ctl->file,
		.image.fd = -1,
		.gen.fd = -1,
		.notes = {
			.image = &core.image,
			.gen = &core.gen,
			.threads = &core.threads,
		},
	};
	enum status status;

	status = open_core(&core, ctl);
	if (!status) {
		segments_find(&core.segments, core.maps, &core.listed);
		status = write_core(&core);
	}
	free(core.segments.segments);
	free(core.notes.data);
	threads_free(&core.threads);
	spans_free(&core.listed);
	dirtypages_maps_free(core.maps);
	contents_close(&core.contents);
	generation_close(&core.gen);
	image_close(&core.image);
	return status;
}
