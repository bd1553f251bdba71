/* SPDX-License-Identifier: GPL-2.0 */
/* Notes of a core file: threads, process, mapped files. */
#ifndef NOTES_H
#define NOTES_H

#include "image/head.h"
#include "process/threads.h"

/**
 * struct notes - the notes of a core file
 * @image: the image
 * @gen: that generation
 * @maps: its mappings
 * @threads: its threads
 * @data: the notes, as they are in the file
 * @size: their size in bytes
 */
struct notes {
	const struct image *image;
	const struct generation *gen;
	const struct dirtypages_maps *maps;
	const struct threads *threads;
	char *data;
	size_t size;
};

enum status notes_make(struct notes *notes);

#endif /* NOTES_H */
