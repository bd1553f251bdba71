// SPDX-License-Identifier: GPL-2.0
/* Checks of what concerns no other memory: names, the kernel, texts, the lock. */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

void check_names(void)
{
	static const char *const names[] = {
		"auto", "dirty_pages", "pagemap-scan", "pagemap",
	};

	for (int i = 0; i < 4; i++) {
		CHECK(!strcmp(dirtypages_backend_name(i), names[i]));
		CHECK_IS(dirtypages_backend_parse(names[i]), i);
	}
	CHECK(!dirtypages_backend_name((enum dirtypages_backend)4));
	CHECK(!dirtypages_backend_name((enum dirtypages_backend)-1));
	CHECK_IS(dirtypages_backend_parse("page"), -EINVAL);
	CHECK_IS(dirtypages_backend_parse(""), -EINVAL);
}

void check_kernel(void)
{
	struct {
		struct dirtypages_kernel known;
		uint64_t later;
	} large = { .known.size = sizeof(large), .later = 7 };
	struct dirtypages_kernel is = { .size = sizeof(is) };

	CHECK_IS(dirtypages_kernel_query(&is), 0);
	CHECK_IS(is.size, sizeof(is));
	CHECK(!!(is.backends & 1 << DIRTYPAGES_FILE) == has_file());
	CHECK(is.backends & 1 << DIRTYPAGES_PAGEMAP);
	CHECK(is.flags & DIRTYPAGES_PRESENT);
	CHECK(!!(is.can & DIRTYPAGES_CAN_TRACK) == !!(is.flags & DIRTYPAGES_WRITTEN));
	CHECK(is.can & DIRTYPAGES_CAN_RANGE);
	CHECK(!!(is.can & DIRTYPAGES_CAN_ACKNOWLEDGE) ==
	      (has_file() && is.can & DIRTYPAGES_CAN_TRACK));
	/* A later program: members that this library does not know are zero. */
	CHECK_IS(dirtypages_kernel_query(&large.known), 0);
	CHECK_IS(large.known.size, sizeof(is));
	CHECK_IS(large.known.flags, is.flags);
	CHECK_IS(large.later, 0);
	is.size = 31;
	CHECK_IS(dirtypages_kernel_query(&is), -EINVAL);
}

static int file_of(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);
	size_t len = strlen(text);

	CHECK(fd != -1);
	CHECK_IS(write(fd, text, len), len);
	CHECK_IS(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int parse(struct dirtypages_listing *listing, const char *text)
{
	int fd = file_of(text), error;

	error = dirtypages_listing_parse(listing, fd);
	close(fd);
	return error;
}

static void check_bad(struct dirtypages_listing *listing, const char *line,
		      const char *problem)
{
	char text[200];

	snprintf(text, sizeof(text), "1000-2000 apdx---\n%s", line);
	CHECK_IS(parse(listing, text), -EPROTO);
	CHECK_IS(dirtypages_listing_count(listing), 1);
	CHECK(!strcmp(dirtypages_listing_problem(listing), problem));
}

static void check_none(void)
{
	size_t line;

	CHECK_IS(dirtypages_listing_count(NULL), 0);
	CHECK(!dirtypages_listing_ranges(NULL));
	CHECK_IS(dirtypages_listing_unknown(NULL), 0);
	CHECK_IS(dirtypages_listing_columns(NULL), 0);
	CHECK(!dirtypages_listing_problem(NULL));
	CHECK(!dirtypages_listing_fault(NULL, &line));
	dirtypages_listing_free(NULL);
}

void check_listing(void)
{
	const uint32_t d = DIRTYPAGES_WRITTEN;
	const struct dirtypages_range *ranges;
	struct dirtypages_listing *listing;
	size_t line;

	check_none();
	CHECK_IS(dirtypages_listing_new(&listing), 0);
	CHECK_IS(dirtypages_listing_count(listing), 0);
	CHECK_IS(parse(listing, "1000-3000 apdx---\n"
				"8000-9000 fs-----Z later fields\n"
				"ffffffffff601000-ffffffffff602000 ap?-?-?\n"), 0);
	CHECK_IS(dirtypages_listing_count(listing), 3);
	CHECK_IS(dirtypages_listing_columns(listing), 8);
	CHECK_IS(dirtypages_listing_unknown(listing),
		 d | DIRTYPAGES_HUGE | DIRTYPAGES_LAZY);
	CHECK(!dirtypages_listing_problem(listing));
	CHECK(!dirtypages_listing_fault(listing, &line));
	ranges = dirtypages_listing_ranges(listing);
	CHECK_IS(ranges[0].start, 0x1000);
	CHECK_IS(ranges[0].end, 0x3000);
	CHECK_IS(ranges[0].flags, DIRTYPAGES_ANONYMOUS | DIRTYPAGES_PRESENT | d |
				  DIRTYPAGES_EXCLUSIVE);
	CHECK(!strcmp(ranges[1].text, "fs-----Z"));
	CHECK(ranges[2].start == 0xffffffffff601000);
	CHECK(ranges[2].unknown & d && !(ranges[2].flags & d));

	CHECK_IS(dirtypages_listing_add(listing, 1, 2, "ap-----"), -EINVAL);
	CHECK_IS(dirtypages_listing_add(listing, -4096, -8192, "ap-----"), -EINVAL);
	CHECK_IS(dirtypages_listing_add(listing, -8192, -4096, "ap d"), -EINVAL);
	CHECK_IS(dirtypages_listing_add(listing, -8192, -4096, ""), -EINVAL);
	CHECK_IS(dirtypages_listing_add(listing, -8192, -4096, "ap-----"), 0);
	CHECK_IS(dirtypages_listing_count(listing), 4);

	dirtypages_listing_select(listing, DIRTYPAGES_PRESENT, DIRTYPAGES_HUGE,
				  0x2000, 0xffffffffff602000);
	CHECK_IS(dirtypages_listing_count(listing), 2);
	CHECK_IS(dirtypages_listing_ranges(listing)[0].start, 0x2000);
	CHECK_IS(dirtypages_listing_ranges(listing)[0].end, 0x3000);
	CHECK_IS(dirtypages_listing_forget(listing, d), 0);
	CHECK(!strcmp(dirtypages_listing_ranges(listing)[0].text, "ap?x---"));
	CHECK(!(dirtypages_listing_ranges(listing)[0].flags & d));
	CHECK(dirtypages_listing_unknown(listing) & d);
	dirtypages_listing_truncate(listing, 7);
	CHECK_IS(dirtypages_listing_count(listing), 2);
	dirtypages_listing_truncate(listing, 0);
	CHECK_IS(dirtypages_listing_count(listing), 0);

	/* Each reading replaces the last one. */
	CHECK_IS(parse(listing, "1000-2001 apdx---\n"), 0);
	CHECK_IS(dirtypages_listing_count(listing), 1);
	CHECK_IS(dirtypages_listing_unknown(listing), 0);
	CHECK(dirtypages_listing_fault(listing, &line));
	CHECK_IS(line, 0);
	CHECK_IS(parse(listing, "1000-2000 apdx---\n2000-3000 papdx--\n"), 0);
	CHECK(dirtypages_listing_fault(listing, &line));
	CHECK_IS(line, 1);
	check_bad(listing, "1000-2000\n", "not 'START-END FLAGS'");
	check_bad(listing, "-2000 ap\n", "not 'START-END FLAGS'");
	check_bad(listing, "00000000000001000-2000 ap\n", "not 'START-END FLAGS'");
	check_bad(listing, "3000-3000 ap\n", "END is not above START");
	check_bad(listing, "1000-2000 ap\n",
		  "START is below the end of the previous line");
	check_bad(listing, "3000-4000 ap", "missing newline at the end");
	CHECK_IS(dirtypages_listing_parse(listing, -1), -EBADF);
	dirtypages_listing_free(listing);
}

static int sum_text(const char *text, uint64_t *bytes)
{
	int fd = file_of(text), error;

	error = dirtypages_sum_text(fd, DIRTYPAGES_EXCLUSIVE, DIRTYPAGES_SWAPPED, bytes);
	close(fd);
	return error;
}

void check_text(void)
{
	static const char *const bad[] = {
		"1000-2000 apdx---", "1000\n", "1000-2000\n", "x-2000 ap\n", "\n",
		"2000-1000 apdx---\n", "00000000000001000-2000 apdx---\n", "1",
		"1000-1000 apdx---\n", " 1000-2000 apdx---\n",
	};
	uint64_t bytes;
	char *text;

	CHECK_IS(sum_text("", &bytes), 0);
	CHECK_IS(bytes, 0);
	CHECK_IS(sum_text("1000-3000 apdx---\n"
			  "3000-4000 apd----\n"
			  "4000-5000 as-x---\n"
			  "aBcd000-ABCF000 fp-x---+ x\n", &bytes), 0);
	CHECK_IS(bytes, 4 * 0x1000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_IS(sum_text(bad[i], &bytes), -EPROTO);
	CHECK_IS(dirtypages_sum_text(-1, 0, 0, &bytes), -EBADF);
	/* Lines may lie across the buffers. */
	text = malloc(1000 * 40);
	CHECK(text);
	for (int i = 0; i < 1000; i++)
		sprintf(text + i * 36, "7f0000%06x-7f0000%06x %s\n", i * 4096,
			(i + 1) * 4096, "apdx-----");
	CHECK_IS(sum_text(text, &bytes), 0);
	CHECK_IS(bytes, 1000 * 4096);
	free(text);
}

void check_maps(void)
{
	static const char text[] =
		"00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/a b\n"
		"00e03000-00e24000 rw-p 00000000 00:00 0           [heap]\n"
		"7f0000000000-7f0000001000 rw-p 00000000 00:00 0\x20\n"
		"7f0000002000-7f0000003000 rw-p 00000000 00:01 9   /dev/zero\n"
		"7ffc00000000-7ffc00002000 r-xp 00000000 00:00 0   [vdso]";
	const struct dirtypages_mapping *m;
	struct dirtypages_maps *maps;

	CHECK_IS(dirtypages_maps_count(NULL), 0);
	CHECK_IS(dirtypages_maps_first(NULL, 0), 0);
	CHECK(!dirtypages_maps_find(NULL, 0));
	dirtypages_maps_free(NULL);
	CHECK_IS(dirtypages_maps_parse(&maps, text, sizeof(text) - 1), 0);
	CHECK_IS(dirtypages_maps_count(maps), 5);
	CHECK(!dirtypages_maps_get(maps, 5));
	m = dirtypages_maps_get(maps, 0);
	CHECK_IS(m->start, 0x400000);
	CHECK_IS(m->end, 0x452000);
	CHECK_IS(m->offset, 0x1000);
	CHECK_IS(m->inode, 173521);
	CHECK_IS(m->major, 8);
	CHECK_IS(m->minor, 2);
	CHECK(!strcmp(m->perms, "r-xp"));
	CHECK(!strcmp(m->name, "/usr/bin/a b"));
	CHECK(!*dirtypages_maps_get(maps, 2)->name);
	for (size_t i = 0; i < 5; i++)
		CHECK_IS(dirtypages_mapping_is_anonymous(dirtypages_maps_get(maps, i)),
			 i >= 1 && i <= 3);
	CHECK_IS(dirtypages_maps_first(maps, 0), 0);
	CHECK_IS(dirtypages_maps_first(maps, 0x452000), 1);
	CHECK_IS(dirtypages_maps_first(maps, -1), 5);
	CHECK(dirtypages_maps_find(maps, 0x451fff) == m);
	CHECK(!dirtypages_maps_find(maps, 0x452000));
	dirtypages_maps_free(maps);
	CHECK_IS(dirtypages_maps_parse(&maps, "", 0), 0);
	CHECK_IS(dirtypages_maps_count(maps), 0);
	dirtypages_maps_free(maps);
	CHECK_IS(dirtypages_maps_parse(&maps, "1000-2000 rw-p\n", 15), -EPROTO);
	CHECK_IS(dirtypages_maps_parse(&maps, "1000-2000\0rw-p", 14), -EPROTO);
	CHECK(!maps);
}

void check_made_maps(void)
{
	struct dirtypages_maps *maps;

	CHECK_IS(dirtypages_maps_new(&maps), 0);
	CHECK_IS(dirtypages_maps_count(maps), 0);
	for (uint64_t i = 1; i <= 100; i++)
		CHECK_IS(dirtypages_maps_add(maps, i << 13, (i << 13) + 4096, "rw-p",
					     i << 12, 8, 1, i, "/some file"), 0);
	CHECK_IS(dirtypages_maps_add(maps, 100 << 13, -1, "rw-p", 0, 0, 0, 0, ""), -EINVAL);
	CHECK_IS(dirtypages_maps_add(maps, 1 << 30, 1 << 30, "rw-p", 0, 0, 0, 0, ""), -EINVAL);
	CHECK_IS(dirtypages_maps_add(maps, 1 << 29, 1 << 30, "rw-ps", 0, 0, 0, 0, ""), -EINVAL);
	CHECK_IS(dirtypages_maps_count(maps), 100);
	CHECK_IS(dirtypages_maps_find(maps, 7 << 13)->inode, 7);
	CHECK(!strcmp(dirtypages_maps_find(maps, 7 << 13)->name, "/some file"));
	dirtypages_maps_free(maps);
	/* Mappings may also be added to parsed ones. */
	CHECK_IS(dirtypages_maps_parse(&maps, "1000-2000 rw-p 0 0:0 0 a", 24), 0);
	CHECK_IS(dirtypages_maps_add(maps, 0x2000, 0x3000, "r--p", 0, 0, 0, 0, "b"), 0);
	CHECK(!strcmp(dirtypages_maps_get(maps, 0)->name, "a"));
	CHECK(!strcmp(dirtypages_maps_get(maps, 1)->name, "b"));
	CHECK(!strcmp(dirtypages_maps_get(maps, 1)->perms, "r--p"));
	dirtypages_maps_free(maps);
}

void check_tracker(void)
{
	struct dirtypages_tracker *tracker, *second;
	struct dirtypages_process *own;
	uint64_t start_time;
	char path[80];
	pid_t child;

	CHECK_IS(dirtypages_process_open(&own, 0), 0);
	start_time = dirtypages_process_start_time(own);
	dirtypages_process_close(own);
	snprintf(path, sizeof(path), "/run/lock/dirty_pages.%d.%" PRIu64, getpid(),
		 start_time);
	CHECK_IS(dirtypages_track(&tracker, getpid(), start_time), 0);
	CHECK(!strcmp(dirtypages_tracker_note(tracker), ""));
	CHECK_IS(dirtypages_track(&second, getpid(), start_time), -EBUSY);
	CHECK(!second);
	CHECK_IS(dirtypages_tracker_set_note(tracker, "check of the library\n"), 0);
	dirtypages_untrack(tracker);
	CHECK(!access(path, F_OK));
	CHECK_IS(dirtypages_track(&tracker, getpid(), start_time), 0);
	CHECK(!strcmp(dirtypages_tracker_note(tracker), "check of the library\n"));
	CHECK_IS(dirtypages_tracker_set_note(tracker, ""), 0);
	dirtypages_untrack(tracker);
	CHECK(access(path, F_OK));
	CHECK_IS(dirtypages_track(&tracker, getpid(), start_time), 0);
	CHECK(!unlink(path));
	CHECK_IS(dirtypages_tracker_set_note(tracker, "lost"), -ENOENT);
	CHECK_IS(dirtypages_track(&second, getpid(), start_time), 0);
	CHECK_IS(dirtypages_tracker_set_note(tracker, "lost"), -ESTALE);
	dirtypages_untrack(tracker);
	CHECK(!access(path, F_OK));
	dirtypages_untrack(second);
	CHECK(access(path, F_OK));
	dirtypages_untrack(NULL);

	/* A child cannot give the right back, and does not keep it. */
	CHECK_IS(dirtypages_track(&tracker, getpid(), start_time), 0);
	child = new_child();
	if (!child) {
		dirtypages_untrack(tracker);
		_exit(0);
	}
	CHECK_IS(waitpid(child, NULL, 0), child);
	CHECK(!access(path, F_OK));
	CHECK_IS(dirtypages_track(&second, getpid(), start_time), -EBUSY);
	CHECK_IS(dirtypages_tracker_set_note(tracker, "continues\n"), 0);
	child = new_child();
	if (!child) {
		pause();
		_exit(0);
	}
	dirtypages_untrack(tracker);
	CHECK_IS(dirtypages_track(&second, getpid(), start_time), 0);
	CHECK_IS(dirtypages_tracker_set_note(second, ""), 0);
	dirtypages_untrack(second);
	CHECK(!kill(child, SIGKILL));
	CHECK_IS(waitpid(child, NULL, 0), child);
}
