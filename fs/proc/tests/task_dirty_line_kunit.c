// SPDX-License-Identifier: GPL-2.0
/*
 * The grammar of the lines that are written back, tested with examples, and
 * against another parser written in a different way.
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/string.h>

/* The end of the address space for these tests; fits in 32 bits */
#define PARSE_LIMIT	0xc0000000ULL

/* Without its newline */
struct line_example {
	const char *text;
	int ret;
	u64 start;
	u64 end;
};

static void expect_parsed(struct kunit *test, const struct line_example *line)
{
	u64 start = 0, end = 0;
	char text[64];

	snprintf(text, sizeof(text), "%s\n", line->text);
	KUNIT_EXPECT_EQ_MSG(test, dirty_parse_line(text, PARSE_LIMIT, &start, &end),
			    line->ret, "%s", line->text);
	if (line->ret < 0)
		return;
	KUNIT_EXPECT_EQ_MSG(test, start, line->start, "%s", line->text);
	KUNIT_EXPECT_EQ_MSG(test, end, line->end, "%s", line->text);
}

static void lines_that_are_accepted(struct kunit *test)
{
	static const struct line_example lines[] = {
		{ "10000-20000", 1, 0x10000, 0x20000 },
		{ "0-10000", 1, 0, 0x10000 },
		{ "00010000-00020000 apdx---", 1, 0x10000, 0x20000 },
		{ "00010000-00020000 fsd----", 1, 0x10000, 0x20000 },
		{ "abcd0000-ABDD0000", 1, 0xabcd0000, 0xabdd0000 },
		{ "0000000000010000-0000000000020000", 1, 0x10000, 0x20000 },
		{ "10000-c0000000", 1, 0x10000, PARSE_LIMIT },
		{ "10000-20000 d", 1, 0x10000, 0x20000 },
		{ "10000-20000 ------d", 1, 0x10000, 0x20000 },
		{ "10000-20000 abcdefghijklmnopqrstuvwxyz-", 1, 0x10000, 0x20000 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		expect_parsed(test, &lines[i]);
}

/* A whole listing can be written back. */
static void lines_without_d_do_nothing(struct kunit *test)
{
	static const struct line_example lines[] = {
		{ "00010000-00020000 ap-x---", 0, 0x10000, 0x20000 },
		{ "10000-20000 -", 0, 0x10000, 0x20000 },
		{ "10000-20000 abcefghijklmnopqrstuvwxyz", 0, 0x10000, 0x20000 },
		{ "d0000-e0000 ap-x---", 0, 0xd0000, 0xe0000 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		expect_parsed(test, &lines[i]);
}

static void lines_that_are_rejected(struct kunit *test)
{
	static const char *const lines[] = {
		/* empty or incomplete */
		"", " ", "-", "10000", "10000-", "-20000",
		"10000-20000 ",
		/* not in the grammar */
		" 10000-20000", "10000 -20000", "10000- 20000",
		"10000 20000", "10000--20000", "10000-20000-30000",
		"0x10000-0x20000", "+10000-20000", "g0000-h0000",
		"10000-20000\r", "10000-20000 d\r", "10000-20000\t",
		"10000-20000\td", "10000\t-20000", "\t10000-20000",
		"10000-20000  d", "10000-20000 d ", "10000-20000 d d",
		"10000-20000 D", "10000-20000 d1", "10000-20000 d\xc3\xa9",
		"10000-20000 d,x", "10000-20000d", "# 10000-20000",
		/* too many digits, even if they are zeroes */
		"00000000000010000-20000", "10000-00000000000020000",
		"10000000000010000-10000000000020000",
		/* not a range of whole pages in the address space */
		"10000-10000", "20000-10000", "10001-20000",
		"10000-20001", "10000-1ffff", "10000-10001",
		"10000-c0010000", "c0000000-c0010000",
		"10000-ffffffffffff0000",
		"fffffffffffe0000-ffffffffffff0000",
		"10000-ffffffffffffffff",
	};
	struct line_example line = { .ret = -EINVAL };
	char text[40];
	int i;

	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		line.text = lines[i];
		expect_parsed(test, &line);
	}

	/* Wrong only by a page or by a part of one */
	line.text = text;
	snprintf(text, sizeof(text), "10000-%llx", PARSE_LIMIT + PAGE_SIZE);
	expect_parsed(test, &line);
	snprintf(text, sizeof(text), "%lx-%lx", PAGE_SIZE, 3 * PAGE_SIZE / 2);
	expect_parsed(test, &line);
	snprintf(text, sizeof(text), "%lx-%lx", PAGE_SIZE / 2, PAGE_SIZE);
	expect_parsed(test, &line);
}

/* A zero byte is not skipped either. */
static void lines_with_a_zero_byte_are_rejected(struct kunit *test)
{
	static const char in_flags[] = "10000-20000 d\0x\n";
	static const char in_address[] = "10000-2\0000\n";
	static const char at_end[] = "10000-20000\0\n";
	u64 start, end;

	KUNIT_EXPECT_EQ(test, dirty_parse_line(in_flags, PARSE_LIMIT, &start, &end),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, dirty_parse_line(in_address, PARSE_LIMIT, &start, &end),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, dirty_parse_line(at_end, PARSE_LIMIT, &start, &end),
			-EINVAL);
}

/* Parse a line without its newline, in another way: with string functions. */
static int parse_string(const char *p, u64 *start, u64 *end)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz-";
	size_t first = strspn(p, hex), second = strspn(p + first + 1, hex);
	const char *rest = p + first + 1 + second;
	char digits[17] = "";

	if (first < 1 || first > 16 || p[first] != '-' || second < 1 ||
	    second > 16)
		return -EINVAL;
	memcpy(digits, p, first);
	if (kstrtou64(digits, 16, start))
		return -EINVAL;
	memset(digits, 0, sizeof(digits));
	memcpy(digits, p + first + 1, second);
	if (kstrtou64(digits, 16, end))
		return -EINVAL;
	if (*start % PAGE_SIZE || *end % PAGE_SIZE || *end <= *start ||
	    *end > PARSE_LIMIT)
		return -EINVAL;
	if (!*rest)
		return 1;
	if (rest[0] != ' ' || !rest[1] || rest[1 + strspn(rest + 1, letters)])
		return -EINVAL;
	return strchr(rest, 'd') ? 1 : 0;
}

/* Compare the parsers on @text, which has room for a newline but none yet. */
static int expect_same(struct kunit *test, char *text)
{
	u64 start = 0, end = 0, other_start = 0, other_end = 0;
	size_t length = strlen(text);
	/* Bytes after the terminator are not read, but must exist. */
	int other = length ? parse_string(text, &other_start, &other_end) :
			     -EINVAL;
	int ret;

	text[length] = '\n';
	text[length + 1] = '\0';
	ret = dirty_parse_line(text, PARSE_LIMIT, &start, &end);
	KUNIT_EXPECT_EQ_MSG(test, ret, other, "%s", text);
	if (ret >= 0) {
		KUNIT_EXPECT_EQ_MSG(test, start, other_start, "%s", text);
		KUNIT_EXPECT_EQ_MSG(test, end, other_end, "%s", text);
	}
	text[length] = '\0';
	return ret;
}

/* Put any byte at any place of a good line, and try any part of it. */
static void lines_with_one_byte_changed(struct kunit *test)
{
	static const char line[] = "00010000-00030000 apdx---";
	char text[sizeof(line) + 3];
	int place, byte, taken = 0;

	for (place = 0; place < strlen(line); place++) {
		for (byte = 1; byte < 256; byte++) {
			memset(text, 0, sizeof(text));
			strscpy(text, line);
			text[place] = byte;
			if (byte != '\n')
				taken += expect_same(test, text) >= 0;
		}
		memset(text, 0, sizeof(text));
		memcpy(text, line, place);
		expect_same(test, text);
		memset(text, 0, sizeof(text));
		strscpy(text, line + place);
		expect_same(test, text);
	}
	KUNIT_EXPECT_GT(test, taken, 25 * 7);
}

/* Random lines from the parts of good lines, most of them nearly right */
static void lines_at_random(struct kunit *test)
{
	static const char *const parts[] = {
		"0", "1", "a", "0000", "0000", "0000", "F0000", "10000", "20000",
		"-", "-", "-", " ", " d", " apdx---", " ap-x---", "\t", "\r", "x",
		"0000000000000000",
	};
	struct rnd_state rnd;
	int i, n, taken = 0;
	char text[160];

	prandom_seed_state(&rnd, 2);
	for (i = 0; i < 50000; i++) {
		memset(text, 0, sizeof(text));
		for (n = prandom_u32_state(&rnd) % 7; n >= 0; n--)
			strcat(text, parts[prandom_u32_state(&rnd) %
					   ARRAY_SIZE(parts)]);
		taken += expect_same(test, text) >= 0;
	}
	KUNIT_EXPECT_GT(test, taken, 100);
}

static struct kunit_case dirty_line_cases[] = {
	KUNIT_CASE(lines_that_are_accepted),
	KUNIT_CASE(lines_without_d_do_nothing),
	KUNIT_CASE(lines_that_are_rejected),
	KUNIT_CASE(lines_with_a_zero_byte_are_rejected),
	KUNIT_CASE(lines_with_one_byte_changed),
	KUNIT_CASE(lines_at_random),
	{}
};

static struct kunit_suite dirty_line_suite = {
	.name = "dirty_pages_line",
	.test_cases = dirty_line_cases,
};

kunit_test_suite(dirty_line_suite);
