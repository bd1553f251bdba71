// SPDX-License-Identifier: GPL-2.0
/* Listings with any size of buffer, of a range, and with signals. */
#include <kunit/test.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

/* Follows a buffer, to detect overruns */
#define UNTOUCHED	'#'

static unsigned long map_pages(struct kunit *test, int nr)
{
	unsigned long addr;

	addr = kunit_vm_mmap(test, NULL, 0, nr * PAGE_SIZE,
			     PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	return addr;
}

static void write_page(struct kunit *test, unsigned long addr)
{
	char byte = 1;

	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)addr, &byte, 1), 0);
}

/* Lines in a mapping with every other page written */
#define REAL_LINES	60

/* Put the listing of such a mapping into @text with snprintf(). */
static size_t make_listing(struct kunit *test, char *text, size_t room)
{
	unsigned long addr = map_pages(test, 2 * REAL_LINES);
	size_t length = 0;
	int i;

	for (i = 0; i < REAL_LINES; i++, addr += 2 * PAGE_SIZE) {
		write_page(test, addr);
		length += snprintf(text + length, room - length,
				   "%08lx-%08lx apdx---\n", addr,
				   addr + PAGE_SIZE);
	}
	return length;
}

/* Read the file with a buffer of only @size bytes. */
static size_t read_range(struct kunit *test, unsigned long start,
			 unsigned long end, char *buf, size_t size,
			 char *text, size_t room)
{
	struct dirty_reader r = { .mm = current->mm, .start = start, .end = end };
	struct seq_file m = { .buf = buf, .size = size, .private = &r };
	size_t length = 0;
	loff_t pos = 0;
	void *v;

	buf[size] = UNTOUCHED;
	for (v = dirty_start(&m, &pos); v; v = dirty_next(&m, v, &pos)) {
		m.count = 0;
		KUNIT_ASSERT_EQ(test, dirty_show(&m, v), 0);
		/* An exactly full buffer would count as an overflow. */
		KUNIT_ASSERT_LT(test, m.count, size);
		KUNIT_ASSERT_LE(test, length + m.count, room);
		KUNIT_ASSERT_EQ(test, buf[size], UNTOUCHED);
		memcpy(text + length, buf, m.count);
		length += m.count;
	}
	dirty_stop(&m, v);
	return length;
}

/* Runs and their text share the buffer, and must never overlap. */
static void text_is_the_same_with_any_buffer(struct kunit *test)
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
		KUNIT_ASSERT_EQ_MSG(test, read_range(test, 0, DIRTY_END, buf, size,
						     text, room), length, "with %zu bytes", size);
		KUNIT_ASSERT_MEMEQ_MSG(test, text, expected, length,
				       "with %zu bytes", size);
	}
}

/* Pages of a mapping for listing ranges; the last page is not written. */
#define RANGE_PAGES	12

/* Each range is one line, with the range's start and end. */
static void ranges_are_cut_at_their_ends(struct kunit *test)
{
	unsigned long addr = map_pages(test, RANGE_PAGES), start, end;
	char expected[DIRTY_LINE_MAX + 1], text[4 * DIRTY_LINE_MAX];
	const u32 batch = dirty_pages_batch;
	char buf[4 * DIRTY_LINE_MAX + 1];
	const unsigned long last = addr + (RANGE_PAGES - 1) * PAGE_SIZE;
	size_t length;

	for (start = addr; start < last; start += PAGE_SIZE)
		write_page(test, start);
	for (start = addr; start < last; start += PAGE_SIZE) {
		for (end = start + PAGE_SIZE; end <= last + PAGE_SIZE; end += PAGE_SIZE) {
			/* A run must continue across batches, but not beyond @end. */
			dirty_pages_batch = start & PAGE_SIZE ? 1 : batch;
			length = read_range(test, start, end, buf,
					    sizeof(buf) - 1, text, sizeof(text) - 1);
			dirty_pages_batch = batch;
			text[length] = '\0';
			snprintf(expected, sizeof(expected), "%08lx-%08lx apdx---\n",
				 start, min(end, last));
			KUNIT_EXPECT_STREQ(test, text, expected);
		}
	}
	KUNIT_EXPECT_EQ(test, read_range(test, last, last + PAGE_SIZE, buf,
					 sizeof(buf) - 1, text, sizeof(text)), 0);
	KUNIT_EXPECT_EQ(test, read_range(test, DIRTY_END, DIRTY_END, buf,
					 sizeof(buf) - 1, text, sizeof(text)), 0);
}

static int take_range(unsigned long arg, u64 size, u64 flags, u64 start, u64 end,
		      struct dirty_pages_range *range)
{
	struct dirty_pages_range given = {
		.size = size, .flags = flags, .start = start, .end = end,
	};
	struct dirty_pages_range __user *uarg = (void __user *)arg;

	if (copy_to_user(uarg, &given, sizeof(given)))
		return -ENOMEM;
	return get_range(range, uarg);
}

static void ranges_are_checked(struct kunit *test)
{
	const u64 size = sizeof(struct dirty_pages_range), page = PAGE_SIZE;
	unsigned long arg = map_pages(test, 2);
	char __user *behind = (char __user *)arg + size;
	struct dirty_pages_range r = {};

	KUNIT_EXPECT_EQ(test, take_range(arg, size, 0, page, 3 * page, &r), 0);
	KUNIT_EXPECT_EQ(test, r.start, page);
	KUNIT_EXPECT_EQ(test, r.end, 3 * page);
	KUNIT_EXPECT_EQ(test, take_range(arg, size - 1, 0, 0, page, &r), -EINVAL);
	KUNIT_EXPECT_EQ(test, take_range(arg, 0, 0, 0, page, &r), -EINVAL);
	KUNIT_EXPECT_EQ(test, take_range(arg, size, 1, 0, page, &r), -EINVAL);
	KUNIT_EXPECT_EQ(test, take_range(arg, size, 1ULL << 63, 0, page, &r), -EINVAL);
	KUNIT_EXPECT_EQ(test, take_range(arg, size, 0, 1, page, &r), -EINVAL);
	KUNIT_EXPECT_EQ(test, take_range(arg, size, 0, 0, page + 8, &r), -EINVAL);
	KUNIT_EXPECT_EQ(test, take_range(arg, size, 0, page, page, &r), -EINVAL);
	KUNIT_EXPECT_EQ(test, take_range(arg, size, 0, 2 * page, page, &r), -EINVAL);

	KUNIT_EXPECT_EQ(test, take_range(arg, PAGE_SIZE, 0, 0, page, &r), 0);
	KUNIT_EXPECT_EQ(test, take_range(arg, PAGE_SIZE + 1, 0, 0, page, &r), -E2BIG);
	KUNIT_ASSERT_EQ(test, put_user(1, behind), 0);
	KUNIT_EXPECT_EQ(test, take_range(arg, size, 0, 0, page, &r), 0);
	KUNIT_EXPECT_EQ(test, take_range(arg, size + 1, 0, 0, page, &r), -E2BIG);

	KUNIT_EXPECT_EQ(test, take_range(arg, size, 0, 0, -page, &r), 0);
	KUNIT_EXPECT_EQ(test, r.end, DIRTY_END);
	KUNIT_EXPECT_EQ(test, take_range(arg, size, 0, -2 * page, -page, &r), 0);
	KUNIT_EXPECT_LE(test, r.start, r.end);
	KUNIT_EXPECT_LE(test, r.end, DIRTY_END);
}

/*
 * Read at position 0 while a signal is pending. Return the number of batches
 * until the read is interrupted, or outputs text. Each batch examines one page.
 */
static unsigned long batches_of_read(struct kunit *test, struct seq_file *m, int *ret)
{
	unsigned long batches = 0;
	loff_t pos = 0;
	void *v;

	m->count = 0;
	*ret = 0;
	for (v = dirty_start(m, &pos); v; v = dirty_next(m, v, &pos)) {
		*ret = dirty_show(m, v);
		if (*ret || m->count)
			break;
		batches++;
		KUNIT_ASSERT_LT(test, batches, 1000);
	}
	dirty_stop(m, v);
	return batches;
}

#define LONG_RUN	20

static void periodic_signals_do_not_stop_a_listing(struct kunit *test)
{
	unsigned long addr = map_pages(test, LONG_RUN), page, batches, last = 0;
	struct dirty_reader r = {
		.mm = current->mm, .start = addr,
		.end = addr + LONG_RUN * PAGE_SIZE, .interruptible = true,
	};
	char buf[4 * DIRTY_LINE_MAX];
	struct seq_file m = { .buf = buf, .size = sizeof(buf), .private = &r };
	const u32 batch = dirty_pages_batch;
	int ret, reads = 0;

	for (page = addr; page < r.end; page += PAGE_SIZE)
		write_page(test, page);
	dirty_pages_batch = 1;
	set_thread_flag(TIF_SIGPENDING);
	/* The signal ends the first read at once, and each later one later. */
	do {
		batches = batches_of_read(test, &m, &ret);
		KUNIT_EXPECT_TRUE(test, !reads == !batches);
		KUNIT_EXPECT_TRUE(test, !last || batches == 2 * last || !ret);
		last = batches;
		reads++;
	} while (ret == -ERESTARTSYS && reads < 10);
	clear_thread_flag(TIF_SIGPENDING);
	dirty_pages_batch = batch;
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_GT(test, reads, 4);
	KUNIT_EXPECT_GT(test, m.count, 0);
	KUNIT_EXPECT_EQ(test, r.patience, 0);
}

/* A read that continues after text loses nothing when a signal ends it. */
static void a_signal_ends_a_read_that_loses_nothing(struct kunit *test)
{
	unsigned long addr = map_pages(test, 3);
	struct dirty_reader r = {
		.mm = current->mm, .start = addr, .end = addr + 3 * PAGE_SIZE,
		.interruptible = true, .patience = 1000,
	};
	char buf[4 * DIRTY_LINE_MAX], expected[DIRTY_LINE_MAX + 1];
	struct seq_file m = { .buf = buf, .size = sizeof(buf), .private = &r };
	const u32 batch = dirty_pages_batch;
	loff_t pos = 0;

	write_page(test, addr);
	write_page(test, addr + 2 * PAGE_SIZE);
	dirty_pages_batch = 1;
	KUNIT_EXPECT_PTR_EQ(test, dirty_start(&m, &pos), (void *)&r);
	set_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_EQ(test, dirty_show(&m, &r), 0);
	m.read_pos = 1;
	KUNIT_EXPECT_EQ(test, dirty_show(&m, &r), -ERESTARTSYS);
	m.read_pos = 0;
	m.count = 1;
	KUNIT_EXPECT_EQ(test, dirty_show(&m, &r), -ERESTARTSYS);
	m.count = 0;
	r.interruptible = false;
	KUNIT_EXPECT_EQ(test, dirty_show(&m, &r), 0);
	clear_thread_flag(TIF_SIGPENDING);
	dirty_pages_batch = batch;
	KUNIT_ASSERT_LT(test, m.count, sizeof(buf));
	buf[m.count] = '\0';
	snprintf(expected, sizeof(expected), "%08lx-%08lx apdx---\n", addr,
		 addr + PAGE_SIZE);
	KUNIT_EXPECT_STREQ(test, buf, expected);
}

static struct kunit_case dirty_file_cases[] = {
	KUNIT_CASE(text_is_the_same_with_any_buffer),
	KUNIT_CASE(ranges_are_cut_at_their_ends),
	KUNIT_CASE(ranges_are_checked),
	KUNIT_CASE(periodic_signals_do_not_stop_a_listing),
	KUNIT_CASE(a_signal_ends_a_read_that_loses_nothing),
	{}
};

static struct kunit_suite dirty_file_suite = {
	.name = "dirty_pages_file",
	.test_cases = dirty_file_cases,
};

kunit_test_suite(dirty_file_suite);
