// SPDX-License-Identifier: GPL-2.0
/*
 * The comparison of entries with a pattern, checked by plain loops. The cases of
 * task_dirty_walk_kunit.c compare the fast walk with the plain one.
 */
#include <kunit/test.h>
#include <linux/prandom.h>

/* Room for the last start, and twice the largest length */
#define WORDS	(16 + 2 * 70)

static unsigned int below(struct rnd_state *rnd, unsigned int limit)
{
	return prandom_u32_state(rnd) % limit;
}

/* Change each bit of each of the eight entries. */
static void eight_entries_are_compared_in_all_bits(struct kunit *test)
{
	const unsigned long masks[] = {
		~0UL, 0xfffUL, ~0xfffUL, 1UL, 1UL << (BITS_PER_LONG - 1),
	};
	unsigned long words[8];
	struct rnd_state rnd;
	int m, i, bit, round;
	struct pattern a;

	prandom_seed_state(&rnd, 3);
	for (m = 0; m < ARRAY_SIZE(masks); m++) {
		for (round = 0; round < 4; round++) {
			unsigned long word = round == 0 ? 0 : round == 1 ? ~0UL :
				prandom_u32_state(&rnd) * 0x100000001ULL;

			a.mask = masks[m];
			a.bits = word & a.mask;
			memset_l(words, word, 8);
			KUNIT_EXPECT_TRUE(test, block_matches(words, &a));
			for (i = 0; i < 8; i++) {
				for (bit = 0; bit < BITS_PER_LONG; bit++) {
					words[i] ^= 1UL << bit;
					KUNIT_EXPECT_EQ(test, block_matches(words, &a),
							!(a.mask >> bit & 1));
					words[i] ^= 1UL << bit;
				}
			}
		}
	}
}

static void skip_matching_agrees_with_a_plain_loop(struct kunit *test)
{
	unsigned long *words = kunit_kcalloc(test, WORDS, sizeof(*words),
					     GFP_KERNEL);
	int start, length, round, i;
	const unsigned long *p, *end, *plain;
	struct rnd_state rnd;
	struct pattern a;

	KUNIT_ASSERT_NOT_NULL(test, words);
	prandom_seed_state(&rnd, 3);
	for (start = 0; start < 16; start++) {
		for (length = 1; length <= 70; length++) {
			for (round = 0; round < 8; round++) {
				unsigned long word = prandom_u32_state(&rnd);

				a.mask = below(&rnd, 2) ? ~0UL : prandom_u32_state(&rnd);
				a.bits = word & a.mask;
				p = words + start;
				end = p + length;
				/* Words after the end match, to detect overruns. */
				for (i = 0; i < WORDS; i++)
					words[i] = word ^ (prandom_u32_state(&rnd) &
							   ~a.mask);
				for (i = below(&rnd, 3); i > 0; i--)
					words[start + below(&rnd, length)] ^=
						1UL << below(&rnd, 32);
				for (plain = p + 1; plain != end; plain++)
					if ((*plain & a.mask) != a.bits)
						break;
				KUNIT_ASSERT_PTR_EQ(test, skip_matching(p, end, &a),
						    plain);
			}
			/* The specialised case for empty entries */
			memset(words, 0, WORDS * sizeof(*words));
			i = start + below(&rnd, 2 * length);
			words[i] = 1UL << below(&rnd, BITS_PER_LONG);
			plain = i > start && i < start + length ? words + i : end;
			KUNIT_ASSERT_PTR_EQ(test, skip_matching(p, end, &hole), plain);
		}
	}
}

/* If the mask lacked a bit of the offset, the walk would decode each swap entry. */
static void location_in_swap_is_ignored(struct kunit *test)
{
	pte_t first = swp_entry_to_pte(swp_entry(0, 1)), pte;
	pte_t top = swp_entry_to_pte(swp_entry(1, ~0UL));
	unsigned long offset = swp_offset(softleaf_from_pte(top));
	int bit;

	KUNIT_ASSERT_GT(test, offset, 1UL << 16);
	for (bit = 1; bit < fls_long(offset); bit++) {
		pte = swp_entry_to_pte(swp_entry(0, 1 | 1UL << bit));
		KUNIT_EXPECT_EQ(test, ENTRY_WORD(&pte) & ~swp_location,
				ENTRY_WORD(&first) & ~swp_location);
	}
	pte = pte_swp_mkexclusive(first);
	KUNIT_EXPECT_NE(test, ENTRY_WORD(&pte) & ~swp_location,
			ENTRY_WORD(&first) & ~swp_location);
}

/* The acknowledgment finds each page by this mask, in plugged-in memory too. */
static void frames_have_all_their_bits(struct kunit *test)
{
#ifdef CONFIG_MEMORY_HOTPLUG
	unsigned long highest = (1UL << (MAX_PHYSMEM_BITS - PAGE_SHIFT)) - 1;
#else
	unsigned long highest = max_pfn - 1;
#endif
	int bit;

	/* A bit may be reserved, for example for encryption. */
	highest = pte_pfn(pfn_pte(highest, vm_get_page_prot(VM_READ)));
	/* With PAE, the mask is narrower than entries, and only the listing uses it. */
	highest = min(highest, ULONG_MAX >> PAGE_SHIFT);
	KUNIT_EXPECT_GE(test, highest, min(max_pfn - 1, ULONG_MAX >> PAGE_SHIFT));
	for (bit = 0; bit < fls_long(highest); bit++)
		if (highest & 1UL << bit)
			KUNIT_EXPECT_EQ(test, 1UL << bit,
					dirty_frame_of(pfn_pte(1UL << bit, __pgprot(0))));
}

static struct kunit_case dirty_fast_cases[] = {
	KUNIT_CASE(eight_entries_are_compared_in_all_bits),
	KUNIT_CASE(skip_matching_agrees_with_a_plain_loop),
	KUNIT_CASE(location_in_swap_is_ignored),
	KUNIT_CASE(frames_have_all_their_bits),
	{}
};

static struct kunit_suite dirty_fast_suite = {
	.name = "dirty_pages_fast",
	.test_cases = dirty_fast_cases,
};

kunit_test_suite(dirty_fast_suite);
