// SPDX-License-Identifier: GPL-2.0
/*
 * The text of a listing against that of a plain snprintf().
 */
#include <kunit/test.h>
#include <linux/mman.h>
#include <linux/prandom.h>
#include <linux/uaccess.h>

/* What no line has, to see how far one was written */
#define UNTOUCHED	'#'

/* A template that no line fits, as at the start of a batch */
static const struct dirty_line no_line = { .start = ~0UL };

static void spell_flags(char *text, unsigned long flags)
{
	static const struct {
		unsigned long flag;
		char letter;
	} columns[] = {
		{ DIRTY_WRITTEN, 'd' },
		{ DIRTY_EXCLUSIVE, 'x' },
		{ DIRTY_HUGE, 'h' },
		{ DIRTY_KSM, 'k' },
		{ DIRTY_LAZYFREE, 'l' },
	};
	int i;

	*text++ = flags & DIRTY_FILE ? 'f' : 'a';
	if (flags & DIRTY_PRESENT)
		*text++ = 'p';
	else if (flags & DIRTY_SWAPPED)
		*text++ = 's';
	else
		*text++ = 'e';
	for (i = 0; i < ARRAY_SIZE(columns); i++)
		*text++ = flags & columns[i].flag ? columns[i].letter : '-';
	*text = '\0';
}

/* Is the text of this run right, with @line as the last one left it? */
static void expect_line(struct kunit *test, struct dirty_line *line,
			unsigned long start, unsigned long end,
			unsigned long flags)
{
	const struct dirty_run run = { .start = start, .end_flags = end | flags };
	char text[2 * DIRTY_LINE_MAX], expected[DIRTY_LINE_MAX + 1];
	char spelt[8];
	int length;
	char *p;

	spell_flags(spelt, flags);
	length = snprintf(expected, sizeof(expected), "%08lx-%08lx %s\n",
			  start, end, spelt);
	memset(text, UNTOUCHED, sizeof(text));
	p = put_run(text, &run, line);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(text + DIRTY_LINE_MAX, UNTOUCHED,
					     sizeof(text) - DIRTY_LINE_MAX),
			    NULL);
	KUNIT_ASSERT_EQ(test, p - text, length);
	*p = '\0';
	KUNIT_ASSERT_STREQ(test, text, expected);
}

static unsigned long highest_of(int digits)
{
	return (~0UL >> (BITS_PER_LONG - 4 * digits)) & PAGE_MASK;
}

static unsigned long lowest_of(int digits)
{
	return digits > 8 ? 1UL << (4 * digits - 4) : 0;
}

static void text_has_addresses_of_every_width(struct kunit *test)
{
	const int widest = BITS_PER_LONG / 4;
	struct dirty_line line;
	int upper, lower;

	for (lower = 8; lower <= widest; lower++) {
		for (upper = lower; upper <= widest; upper++) {
			line = no_line;
			expect_line(test, &line, lowest_of(lower),
				    highest_of(upper), DIRTY_PRESENT);
			line = no_line;
			expect_line(test, &line, highest_of(lower) - PAGE_SIZE,
				    highest_of(upper), DIRTY_PRESENT);
			line = no_line;
			expect_line(test, &line, lowest_of(lower),
				    lowest_of(upper) + PAGE_SIZE, DIRTY_PRESENT);
		}
	}
}

static void text_has_every_digit_at_every_place(struct kunit *test)
{
	struct dirty_line line;
	unsigned long addr;
	int shift, digit;

	for (shift = PAGE_SHIFT; shift < BITS_PER_LONG; shift += 4) {
		for (digit = 1; digit < 16; digit++) {
			addr = (unsigned long)digit << shift & PAGE_MASK;
			if (!addr || addr + PAGE_SIZE < addr)
				continue;
			line = no_line;
			expect_line(test, &line, addr, addr + PAGE_SIZE,
				    DIRTY_PRESENT);
		}
	}
}

static void text_has_all_flags(struct kunit *test)
{
	struct dirty_line line = no_line;
	unsigned long flags;

	for (flags = 0; flags < DIRTY_FLAGS; flags++)
		expect_line(test, &line, 0x7000000, 0x7001000, flags);
}

/* Page by page over places where one, several or all digits change at once */
static void text_is_right_where_digits_carry(struct kunit *test)
{
	static const u64 places[] = {
		0x10000, 0x100000, 0x1000000, 0x10000000, 0x100000000,
		0x1000000000, 0x200100000, 0x7fff00000000, 0x100000000000000,
	};
	struct dirty_line line = no_line;
	unsigned long addr, place;
	int i, length;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		place = places[i];
		if (place != places[i])
			continue;
		for (length = 1; length <= 0x101; length += 0x40) {
			addr = place - min(place, 0x108 * PAGE_SIZE);
			for (; addr < place + 0x108 * PAGE_SIZE; addr += PAGE_SIZE)
				expect_line(test, &line, addr,
					    addr + length * PAGE_SIZE,
					    DIRTY_PRESENT | DIRTY_WRITTEN);
		}
	}
}

/* Ascending by jumps of all sizes, so that the template is kept now and then */
static void text_of_random_runs(struct kunit *test)
{
	unsigned long addr = 0, end, limit = ~0UL >> 1 & PAGE_MASK;
	struct dirty_line line = no_line;
	struct rnd_state rnd;
	int i, shift;

	prandom_seed_state(&rnd, 1);
	for (i = 0; i < 20000; i++) {
		shift = prandom_u32_state(&rnd) % (BITS_PER_LONG - 24);
		addr += (unsigned long)(prandom_u32_state(&rnd) & 0xff) <<
			(PAGE_SHIFT + min(shift, i % 8 ? 4 : shift));
		end = addr + ((prandom_u32_state(&rnd) & 0x1ff) + 1) * PAGE_SIZE;
		if (addr >= limit || end >= limit || end < addr) {
			addr = 0;
			continue;
		}
		expect_line(test, &line, addr, end,
			    prandom_u32_state(&rnd) % DIRTY_FLAGS);
		addr = end;
	}
}

/* Every other page of a mapping is written, and each is a line. */
#define REAL_LINES	60

/* Returns the listing of that mapping, made by snprintf(), in @text. */
static size_t make_listing(struct kunit *test, char *text, size_t room)
{
	unsigned long addr;
	size_t length = 0;
	char byte = 1;
	int i;

	addr = kunit_vm_mmap(test, NULL, 0, 2 * REAL_LINES * PAGE_SIZE,
			     PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	for (i = 0; i < REAL_LINES; i++, addr += 2 * PAGE_SIZE) {
		KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)addr, &byte, 1),
				0);
		length += snprintf(text + length, room - length,
				   "%08lx-%08lx apdx---\n", addr,
				   addr + PAGE_SIZE);
	}
	return length;
}

/* The file is read with a buffer of @size bytes, as if that were all. */
static size_t read_listing(struct kunit *test, char *buf, size_t size,
			   char *text, size_t room)
{
	struct dirty_reader r = { .mm = current->mm };
	struct seq_file m = { .buf = buf, .size = size, .private = &r };
	size_t length = 0;
	loff_t pos = 0;
	void *v;

	buf[size] = UNTOUCHED;
	for (v = dirty_start(&m, &pos); v; v = dirty_next(&m, v, &pos)) {
		m.count = 0;
		KUNIT_ASSERT_EQ(test, dirty_show(&m, v), 0);
		/* Full to the brim would look like too full. */
		KUNIT_ASSERT_LT(test, m.count, size);
		KUNIT_ASSERT_LE(test, length + m.count, room);
		KUNIT_ASSERT_EQ(test, buf[size], UNTOUCHED);
		memcpy(text + length, buf, m.count);
		length += m.count;
	}
	dirty_stop(&m, v);
	return length;
}

/* Runs and their text share it: one must never reach the other. */
static void text_is_the_same_whatever_the_buffer(struct kunit *test)
{
	const size_t room = REAL_LINES * DIRTY_LINE_MAX;
	char *expected = kunit_kzalloc(test, room + 1, GFP_KERNEL);
	char *text = kunit_kzalloc(test, room + 1, GFP_KERNEL);
	char *buf = kunit_kzalloc(test, SZ_4K + 1, GFP_KERNEL);
	size_t size, length;

	KUNIT_ASSERT_NOT_NULL(test, expected);
	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	length = make_listing(test, expected, room + 1);
	for (size = DIRTY_LINE_MAX + 1; size <= SZ_4K; size += size < 256 ? 1 : 61) {
		KUNIT_ASSERT_EQ_MSG(test, read_listing(test, buf, size, text, room),
				    length, "with %zu bytes", size);
		KUNIT_ASSERT_MEMEQ_MSG(test, text, expected, length,
				       "with %zu bytes", size);
	}
}

static struct kunit_case dirty_text_cases[] = {
	KUNIT_CASE(text_has_addresses_of_every_width),
	KUNIT_CASE(text_has_every_digit_at_every_place),
	KUNIT_CASE(text_has_all_flags),
	KUNIT_CASE(text_is_right_where_digits_carry),
	KUNIT_CASE(text_of_random_runs),
	KUNIT_CASE(text_is_the_same_whatever_the_buffer),
	{}
};

static struct kunit_suite dirty_text_suite = {
	.name = "dirty_pages_text",
	.test_cases = dirty_text_cases,
};

kunit_test_suite(dirty_text_suite);
