// SPDX-License-Identifier: GPL-2.0
/* The text of a run compared with a plain snprintf(). */
#include <kunit/test.h>
#include <linux/prandom.h>

/* A character that no line has, to detect the end of the text */
#define UNTOUCHED	'#'

/* A template that fits no line, as at the start of a batch */
static const struct line_template no_line = { .start = ~0UL };

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

/* Expect the right text for this run. @line is the last line's template. */
static void expect_line(struct kunit *test, struct line_template *line,
			unsigned long start, unsigned long end,
			unsigned long flags)
{
	const struct dirty_run run = { .start = start, .end = end, .flags = flags };
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
	struct line_template line;
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
	struct line_template line;
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
	struct line_template line = no_line;
	unsigned long flags;

	for (flags = 0; flags < NR_FLAG_SETS; flags++)
		expect_line(test, &line, 0x7000000, 0x7001000, flags);
}

/* Step by pages over places where one, several or all digits change at once. */
static void text_is_right_where_digits_carry(struct kunit *test)
{
	static const u64 places[] = {
		0x10000, 0x100000, 0x1000000, 0x10000000, 0x100000000,
		0x1000000000, 0x200100000, 0x7fff00000000, 0x100000000000000,
	};
	struct line_template line = no_line;
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

/* Use ascending jumps of all sizes, so that the template is sometimes kept. */
static void text_of_random_runs(struct kunit *test)
{
	unsigned long addr = 0, end, limit = ~0UL >> 1 & PAGE_MASK;
	struct line_template line = no_line;
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
			    prandom_u32_state(&rnd) % NR_FLAG_SETS);
		addr = end;
	}
}

static struct kunit_case dirty_text_cases[] = {
	KUNIT_CASE(text_has_addresses_of_every_width),
	KUNIT_CASE(text_has_every_digit_at_every_place),
	KUNIT_CASE(text_has_all_flags),
	KUNIT_CASE(text_is_right_where_digits_carry),
	KUNIT_CASE(text_of_random_runs),
	{}
};

static struct kunit_suite dirty_text_suite = {
	.name = "dirty_pages_text",
	.test_cases = dirty_text_cases,
};

kunit_test_suite(dirty_text_suite);
