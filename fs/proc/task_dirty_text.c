// SPDX-License-Identifier: GPL-2.0
/*
 * The text of /proc/<pid>/dirty_pages, both ways: a run becomes a line of a
 * listing, and a line that is written back becomes a range.
 */
#include <linux/bitops.h>
#include <linux/hex.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "task_dirty.h"

/* As in maps, at least eight digits */
static char *put_address(char *p, unsigned long addr)
{
	int digits = max(DIV_ROUND_UP(fls_long(addr), 4), 8);

	while (digits--)
		*p++ = hex_asc_lo(addr >> (4 * digits));
	return p;
}

static char *put_flags(char *p, unsigned long flags)
{
	*p++ = flags & DIRTY_FILE ? 'f' : 'a';
	*p++ = flags & DIRTY_PRESENT ? 'p' : flags & DIRTY_SWAPPED ? 's' : 'e';
	*p++ = flags & DIRTY_WRITTEN ? 'd' : '-';
	*p++ = flags & DIRTY_EXCLUSIVE ? 'x' : '-';
	*p++ = flags & DIRTY_HUGE ? 'h' : '-';
	*p++ = flags & DIRTY_KSM ? 'k' : '-';
	*p++ = flags & DIRTY_LAZYFREE ? 'l' : '-';
	return p;
}

/*
 * The two digits of each byte. hex_byte_pack(): +14 % for a listing with a line for
 * every other page, to which all figures here refer.
 */
static char two_digits[256][2] __ro_after_init;

/*
 * For each combination of flags, its text and the newline, to be stored as one
 * word. Letter by letter: +57 %.
 */
#define NR_FLAG_SETS	(2 * DIRTY_LAZYFREE)
static u64 flags_text[NR_FLAG_SETS] __ro_after_init;

static int __init dirty_text_init(void)
{
	char text[sizeof(u64) + 1] = "-------\n";
	unsigned long flags;
	int byte;

	for (byte = 0; byte < 256; byte++)
		hex_byte_pack(two_digits[byte], byte);
	for (flags = 0; flags < NR_FLAG_SETS; flags++) {
		put_flags(text, flags);
		memcpy(&flags_text[flags], text, sizeof(u64));
	}
	return 0;
}
fs_initcall(dirty_text_init);

/* The digits of an address that differ from line to line within 1 MiB */
#define LOW_DIGITS	0xff000UL

/**
 * struct line_template - the text of the previous line, to be patched for the next
 * @start: start of the run without LOW_DIGITS
 * @end: end of the run without LOW_DIGITS
 * @start_digits: offset in @text of LOW_DIGITS of the start
 * @end_digits: offset in @text of LOW_DIGITS of the end
 * @length: length of the line
 * @text: the line without its flags
 *
 * Digit by digit, without a template: +170 %.
 */
struct line_template {
	unsigned long start;
	unsigned long end;
	unsigned long start_digits;
	unsigned long end_digits;
	unsigned long length;
	u64 text[5];
};

static noinline struct line_template make_template(const struct dirty_run *run)
{
	struct line_template line = {
		.start = run->start & ~LOW_DIGITS,
		.end = run->end & ~LOW_DIGITS,
	};
	char *text = (char *)line.text;
	char *p;

	p = put_address(text, run->start);
	line.start_digits = p - text - 5;
	*p++ = '-';
	p = put_address(p, run->end);
	line.end_digits = p - text - 5;
	*p++ = ' ';
	line.length = p - text + sizeof(flags_text[0]);
	return line;
}

/*
 * Write the line of a run at @p, and return its end. Up to DIRTY_LINE_MAX bytes
 * are written, even if the line is shorter.
 */
static __always_inline char *put_run(char *p, const struct dirty_run *run,
				     struct line_template *line)
{
	unsigned long start = run->start, end = run->end;
	u64 flags = flags_text[run->flags];

	if (unlikely(((start ^ line->start) | (end ^ line->end)) & ~LOW_DIGITS))
		*line = make_template(run);
	put_unaligned(line->text[0], (u64 *)p);
	put_unaligned(line->text[1], (u64 *)(p + 8));
	put_unaligned(line->text[2], (u64 *)(p + 16));
	put_unaligned(line->text[3], (u64 *)(p + 24));
	put_unaligned(line->text[4], (u64 *)(p + 32));
	memcpy(p + line->start_digits, two_digits[(start & LOW_DIGITS) >> 12], 2);
	memcpy(p + line->end_digits, two_digits[(end & LOW_DIGITS) >> 12], 2);
	p += line->length;
	put_unaligned(flags, (u64 *)(p - sizeof(flags)));
	return p;
}

/**
 * dirty_format_runs() - write runs as text
 * @p: where to write; DIRTY_LINE_MAX bytes for each run
 * @run: the first run
 * @end: the end of the runs
 *
 * The text may overlap the runs as long as it never reaches a run before its turn.
 *
 * Return: the end of the text.
 */
char *dirty_format_runs(char *p, const struct dirty_run *run,
			const struct dirty_run *end)
{
	struct line_template line = { .start = ~0UL };

	for (; run != end; run++)
		p = put_run(p, run, &line);
	return p;
}

/* Parse 1 to 16 hexadecimal digits. Return their end, or NULL if there is none. */
static const char *scan_address(const char *p, u64 *addr)
{
	const char *start = p;
	int digit;

	*addr = 0;
	while (p - start < 16 && (digit = hex_to_bin(*p)) >= 0) {
		*addr = *addr << 4 | digit;
		p++;
	}
	return p == start ? NULL : p;
}

/**
 * dirty_parse_line() - parse a line that is written to the file
 * @p: the line, which ends in a newline
 * @limit: the highest valid end of a range
 * @start: set to the start of the range
 * @end: set to its end
 *
 * A line without flags counts as one with "d".
 *
 * Return: 1 if the flags contain "d", 0 if they do not, or -EINVAL.
 */
int dirty_parse_line(const char *p, u64 limit, u64 *start, u64 *end)
{
	bool written = true;

	p = scan_address(p, start);
	if (!p || *p++ != '-')
		return -EINVAL;
	p = scan_address(p, end);
	if (!p)
		return -EINVAL;
	if (*p == ' ') {
		const char *flags = ++p;

		while ((*p >= 'a' && *p <= 'z') || *p == '-')
			p++;
		if (p == flags)
			return -EINVAL;
		written = memchr(flags, 'd', p - flags);
	}
	if (*p != '\n' || *start >= *end || *end > limit ||
	    !PAGE_ALIGNED(*start | *end))
		return -EINVAL;
	return written;
}

#ifdef CONFIG_PROC_DIRTY_PAGES_KUNIT_TEST
#include "tests/task_dirty_text_kunit.c"
#include "tests/task_dirty_line_kunit.c"
#endif
