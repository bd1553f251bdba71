// SPDX-License-Identifier: GPL-2.0
/*
 * The flags of page-table entries, the fast walk compared with the plain one, and
 * runs across batches.
 *
 * Entries and pages are made by hand as far as possible, as few of these states
 * last in a real process. The last cases walk a real address space.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/prandom.h>
#include <linux/uaccess.h>

/* Kinds of pages that an entry may map */
enum page_kind {
	KIND_EXCLUSIVE,		/* anonymous, marked as this process's own */
	KIND_SINGLE,		/* anonymous, mapped once, without the mark */
	KIND_SHARED,		/* anonymous, mapped twice */
	KIND_MERGED,		/* merged by KSM */
	KIND_LAZY,		/* anonymous, lazily freed */
	KIND_LOCKED,		/* like single, but locked */
	KIND_CACHED,		/* like single, but in a swap cache */
	KIND_OF_FILE,
	KINDS,
};

static const unsigned long page_kind_flags[KINDS] = {
	[KIND_EXCLUSIVE]	= DIRTY_PRESENT | DIRTY_EXCLUSIVE,
	[KIND_SINGLE]		= DIRTY_PRESENT | DIRTY_EXCLUSIVE,
	[KIND_SHARED]		= DIRTY_PRESENT,
	[KIND_MERGED]		= DIRTY_PRESENT | DIRTY_KSM,
	[KIND_LAZY]		= DIRTY_PRESENT | DIRTY_EXCLUSIVE | DIRTY_LAZYFREE,
	[KIND_LOCKED]		= DIRTY_PRESENT,
	[KIND_CACHED]		= DIRTY_PRESENT,
	[KIND_OF_FILE]		= 0,
};

/* Any address will do: it is only used in computations. */
#define TEST_ADDR	(16 * PMD_SIZE)

static const struct vm_operations_struct no_vm_ops;

/**
 * struct walk_fixture - data that the cases share
 * @pages: a page of each kind
 * @anon: an anonymous mapping
 * @file: a private mapping of a file
 * @table: page-table entries, aligned as in a page table
 * @rnd: the source of random numbers
 */
struct walk_fixture {
	struct page *pages[KINDS];
	struct vm_area_struct *anon;
	struct vm_area_struct *file;
	pte_t *table;
	struct rnd_state rnd;
};

static unsigned int below(struct walk_fixture *f, unsigned int limit)
{
	return prandom_u32_state(&f->rnd) % limit;
}

static bool coin(struct walk_fixture *f)
{
	return below(f, 2);
}

/* Without swap, the page of KIND_CACHED is like that of KIND_SINGLE. */
static bool is_possible(enum page_kind kind)
{
	if (kind == KIND_MERGED)
		return IS_ENABLED(CONFIG_KSM);
	return kind != KIND_CACHED || IS_ENABLED(CONFIG_SWAP);
}

static void undo_page(void *data)
{
	struct page *page = data;

	if (PageLocked(page))
		unlock_page(page);
	page->mapping = NULL;
	page->private = 0;
	atomic_set(&page->_mapcount, -1);
	clear_bit(PG_anon_exclusive, dirty_page_word(page));
	clear_bit(PG_swapcache, dirty_page_word(page));
	clear_bit(PG_swapbacked, dirty_page_word(page));
	__free_page(page);
}

static struct page *make_page(struct kunit *test, enum page_kind kind)
{
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	if (kind == KIND_LOCKED)
		lock_page(page);
	atomic_set(&page->_mapcount, kind == KIND_SHARED ? 1 : 0);
	if (kind == KIND_MERGED)
		page->mapping = (void *)FOLIO_MAPPING_KSM;
	else if (kind != KIND_OF_FILE)
		page->mapping = (void *)FOLIO_MAPPING_ANON;
	if (kind == KIND_EXCLUSIVE)
		set_bit(PG_anon_exclusive, dirty_page_word(page));
	if (kind != KIND_LAZY)
		set_bit(PG_swapbacked, dirty_page_word(page));
	if (kind == KIND_CACHED && IS_ENABLED(CONFIG_SWAP)) {
		set_bit(PG_swapcache, dirty_page_word(page));
		page->private = swp_entry(MAX_SWAPFILES - 1, 1).val;
	}
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, undo_page, page),
			0);
	return page;
}

static void undo_table(void *data)
{
	free_page((unsigned long)data);
}

static int walk_test_init(struct kunit *test)
{
	struct walk_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	enum page_kind kind;

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	prandom_seed_state(&f->rnd, 3);
	for (kind = 0; kind < KINDS; kind++)
		f->pages[kind] = make_page(test, kind);
	f->table = (pte_t *)get_zeroed_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->table);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, undo_table,
							f->table), 0);
	f->anon = kunit_kzalloc(test, sizeof(*f->anon), GFP_KERNEL);
	f->file = kunit_kzalloc(test, sizeof(*f->file), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->anon);
	KUNIT_ASSERT_NOT_NULL(test, f->file);
	vm_flags_init(f->anon, VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE);
	vm_flags_init(f->file, VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE);
	f->file->vm_ops = &no_vm_ops;
	return 0;
}

/* A read-only, clean and old entry, without soft-dirty */
static pte_t map_pfn(unsigned long pfn)
{
	pte_t pte = pfn_pte(pfn, vm_get_page_prot(VM_READ));

	return pte_clear_soft_dirty(pte_mkold(pte_mkclean(pte)));
}

static pte_t map_page(struct page *page)
{
	return map_pfn(page_to_pfn(page));
}

static pte_t map_writable(struct page *page)
{
	pte_t pte = pte_mkdirty(pte_mkwrite_novma(map_page(page)));

	/* On some architectures pte_mkdirty() sets both bits. */
	return pte_clear_soft_dirty(pte);
}

static pte_t map_zero_page(void)
{
	return pte_mkspecial(map_pfn(zero_pfn(TEST_ADDR)));
}

static pte_t swapped(unsigned int type, unsigned long offset)
{
	return swp_entry_to_pte(swp_entry(type, offset));
}

static unsigned long flags_of(struct vm_area_struct *vma, pte_t pte)
{
	return dirty_pte_flags(vma, TEST_ADDR, pte);
}

/* Return an entry of a new table, which most kernels fill with zeroes. */
static pte_t new_pte(void)
{
	pte_t pte = { 0 };

	if (!pte_none(pte))
		pte_clear(&init_mm, TEST_ADDR, &pte);
	return pte;
}

static void empty_entries_are_clean(struct kunit *test)
{
	struct walk_fixture *f = test->priv;
	pte_t pte = new_pte();

	KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte), 0);
	/* An entry that was cleared may differ from one that was never set. */
	pte_clear(&init_mm, TEST_ADDR, &pte);
	KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte), 0);
	KUNIT_EXPECT_EQ(test, flags_of(f->file, pte), 0);
}

static void markers_are_clean(struct kunit *test)
{
	struct walk_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, swap_pte_flags(make_pte_marker(PTE_MARKER_UFFD_WP)),
			0);
	KUNIT_EXPECT_EQ(test, flags_of(f->anon,
				       make_pte_marker(PTE_MARKER_GUARD)), 0);
	KUNIT_EXPECT_EQ(test, flags_of(f->file,
				       make_pte_marker(PTE_MARKER_GUARD)), 0);
	KUNIT_EXPECT_EQ(test, flags_of(f->anon,
				       make_pte_marker(PTE_MARKER_POISONED)), 0);
}

static void swap_entries_show_exclusive(struct kunit *test)
{
	struct walk_fixture *f = test->priv;
	unsigned int type;
	pte_t pte;

	for (type = 0; type < 3; type++) {
		pte = swapped(type, 1000 + type);
		KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte), DIRTY_SWAPPED);
		KUNIT_EXPECT_EQ(test, flags_of(f->file, pte), DIRTY_SWAPPED);
		pte = pte_swp_mkexclusive(pte);
		KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte),
				DIRTY_SWAPPED | DIRTY_EXCLUSIVE);
	}
}

static void entries_show_soft_dirty(struct kunit *test)
{
	struct walk_fixture *f = test->priv;
	pte_t pte = swapped(0, 1);

	if (!pgtable_supports_soft_dirty())
		kunit_skip(test, "no soft-dirty bits in this kernel");

	KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte_swp_mksoft_dirty(pte)),
			DIRTY_SWAPPED | DIRTY_WRITTEN);
	pte = pte_swp_mksoft_dirty(pte_swp_mkexclusive(pte));
	KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte),
			DIRTY_SWAPPED | DIRTY_EXCLUSIVE | DIRTY_WRITTEN);
	pte = pte_swp_mksoft_dirty(make_pte_marker(PTE_MARKER_UFFD_WP));
	KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte), 0);

	pte = pte_mksoft_dirty(map_page(f->pages[KIND_SHARED]));
	KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte),
			DIRTY_PRESENT | DIRTY_WRITTEN);
	pte = pte_mksoft_dirty(map_page(f->pages[KIND_OF_FILE]));
	KUNIT_EXPECT_EQ(test, flags_of(f->file, pte), 0);
}

static void present_entries_show_the_kind_of_page(struct kunit *test)
{
	struct walk_fixture *f = test->priv;
	enum page_kind kind;

	for (kind = 0; kind < KINDS; kind++) {
		unsigned long flags = page_kind_flags[kind];
		pte_t pte = map_page(f->pages[kind]);

		if (!is_possible(kind))
			continue;
		KUNIT_EXPECT_EQ_MSG(test, flags_of(f->anon, pte), flags,
				    "kind %d", kind);
		KUNIT_EXPECT_EQ_MSG(test, flags_of(f->file, pte_mkyoung(pte)),
				    flags, "kind %d", kind);
		/* As in a mapping without access, or for a NUMA hint */
		pte = pfn_pte(page_to_pfn(f->pages[kind]), PAGE_NONE);
		pte = pte_clear_soft_dirty(pte);
		KUNIT_EXPECT_EQ_MSG(test, flags_of(f->anon, pte), flags,
				    "kind %d", kind);
		/* As where userfaultfd tracks accesses */
		KUNIT_EXPECT_EQ_MSG(test, flags_of(f->anon, pte_mkuffd(pte)), flags,
				    "kind %d", kind);
	}
	/*
	 * Written after MADV_FREE, according to the entry or the page flags.
	 * A writable page counts as written even without the bit.
	 */
	KUNIT_EXPECT_EQ(test, flags_of(f->anon, map_writable(f->pages[KIND_LAZY])),
			DIRTY_PRESENT | DIRTY_EXCLUSIVE | DIRTY_WRITTEN);
	set_bit(PG_dirty, dirty_page_word(f->pages[KIND_LAZY]));
	KUNIT_EXPECT_EQ(test, flags_of(f->anon, map_page(f->pages[KIND_LAZY])),
			DIRTY_PRESENT | DIRTY_EXCLUSIVE);
	clear_bit(PG_dirty, dirty_page_word(f->pages[KIND_LAZY]));
}

static void zero_page_counts_over_a_file_only(struct kunit *test)
{
	struct walk_fixture *f = test->priv;
	unsigned long merged = IS_ENABLED(CONFIG_KSM) ? DIRTY_KSM : 0;
	pte_t pte = map_zero_page();

	KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte), 0);
	KUNIT_EXPECT_EQ(test, flags_of(f->file, pte),
			DIRTY_PRESENT | DIRTY_WRITTEN);
	KUNIT_EXPECT_EQ(test, flags_of(f->file, pte_mkdirty(pte)),
			DIRTY_PRESENT | DIRTY_WRITTEN | merged);
	/* A file with an owner that maps the zero page for holes */
	vm_flags_init(f->file, f->file->vm_flags | VM_MIXEDMAP);
	KUNIT_EXPECT_EQ(test, flags_of(f->file, pte), 0);
}

static void migrating_pages_are_in_memory(struct kunit *test)
{
	struct walk_fixture *f = test->priv;
	enum page_kind kind;

	if (!IS_ENABLED(CONFIG_MIGRATION))
		kunit_skip(test, "no migration in this kernel");

	for (kind = 0; kind < KINDS; kind++) {
		struct page *page = f->pages[kind];
		const unsigned long pfn = page_to_pfn(page);
		unsigned long flags = page_kind_flags[kind];
		unsigned long x = 0;
		bool locked;
		pte_t pte;

		if (!is_possible(kind))
			continue;
		locked = trylock_page(page);
		/* Only the entry says whether the page is shared. */
		flags &= ~DIRTY_EXCLUSIVE;
		if (flags && kind != KIND_MERGED)
			x = DIRTY_EXCLUSIVE;
		pte = swp_entry_to_pte(make_readable_migration_entry(pfn));
		KUNIT_EXPECT_EQ_MSG(test, flags_of(f->anon, pte), flags,
				    "kind %d", kind);
		pte = swp_entry_to_pte(make_readable_exclusive_migration_entry(pfn));
		KUNIT_EXPECT_EQ_MSG(test, flags_of(f->anon, pte), flags | x,
				    "kind %d", kind);
		/* Like a writable page; KSM pages are never writable. */
		pte = swp_entry_to_pte(make_writable_migration_entry(pfn));
		KUNIT_EXPECT_EQ_MSG(test, flags_of(f->anon, pte),
				    flags | x | (x ? DIRTY_WRITTEN : 0),
				    "kind %d", kind);
		if (x || (flags && pgtable_supports_soft_dirty()))
			x |= DIRTY_WRITTEN;
		pte = pte_swp_mksoft_dirty(pte);
		KUNIT_EXPECT_EQ_MSG(test, flags_of(f->anon, pte), flags | x,
				    "kind %d", kind);
		if (locked)
			unlock_page(page);
	}
}

static void lost_pages_are_errors(struct kunit *test)
{
	struct walk_fixture *f = test->priv;
	swp_entry_t entry;

	if (!IS_ENABLED(CONFIG_MEMORY_FAILURE))
		kunit_skip(test, "no memory failure in this kernel");

	entry = make_hwpoison_entry(f->pages[KIND_LOCKED]);
	KUNIT_EXPECT_EQ(test, flags_of(f->anon, swp_entry_to_pte(entry)),
			DIRTY_ERROR | DIRTY_WRITTEN);
}

/* Soft-dirty misses the writes of a device. */
static void device_pages_are_always_written(struct kunit *test)
{
	struct walk_fixture *f = test->priv;
	unsigned long pfn;
	pte_t pte;

	if (!IS_ENABLED(CONFIG_DEVICE_PRIVATE))
		kunit_skip(test, "no device memory in this kernel");

	pfn = page_to_pfn(f->pages[KIND_EXCLUSIVE]);
	pte = swp_entry_to_pte(make_writable_device_private_entry(pfn));
	KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte),
			DIRTY_SWAPPED | DIRTY_EXCLUSIVE | DIRTY_WRITTEN);
	pte = swp_entry_to_pte(make_device_exclusive_entry(pfn));
	KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte),
			DIRTY_PRESENT | DIRTY_EXCLUSIVE | DIRTY_WRITTEN);
	pfn = page_to_pfn(f->pages[KIND_SHARED]);
	pte = swp_entry_to_pte(make_readable_device_private_entry(pfn));
	KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte),
			DIRTY_SWAPPED | DIRTY_WRITTEN);
	pfn = page_to_pfn(f->pages[KIND_OF_FILE]);
	pte = swp_entry_to_pte(make_readable_device_private_entry(pfn));
	KUNIT_EXPECT_EQ(test, flags_of(f->anon, pte), 0);
}

/* Return a random entry, in a state that a normal mapping can have. */
static pte_t random_entry(struct walk_fixture *f)
{
	enum page_kind kind = below(f, KINDS);
	struct page *page = f->pages[kind];
	unsigned long pfn = page_to_pfn(page);
	pte_t pte = { 0 };

	switch (below(f, 12)) {
	case 0:
		return new_pte();
	case 1:
		pte_clear(&init_mm, TEST_ADDR, &pte);
		return pte;
	case 2:
		return make_pte_marker(coin(f) ? PTE_MARKER_UFFD_WP :
						 PTE_MARKER_GUARD);
	case 3:
		return map_zero_page();
	case 4:
		pte = pfn_pte(pfn, PAGE_NONE);
		pte = coin(f) ? pte_mkuffd(pte) : pte;
		break;
	case 5:
	case 6:
	case 7:
		pte = swapped(below(f, 3), 1 + below(f, 100000));
		if (coin(f))
			pte = pte_swp_mkexclusive(pte);
		return coin(f) ? pte_swp_mksoft_dirty(pte) : pte;
	case 8:
		if (IS_ENABLED(CONFIG_MIGRATION)) {
			pfn = page_to_pfn(f->pages[KIND_LOCKED]);
			pte = swp_entry_to_pte(coin(f) ?
					       make_readable_migration_entry(pfn) :
					       make_writable_migration_entry(pfn));
			return coin(f) ? pte_swp_mksoft_dirty(pte) : pte;
		}
		fallthrough;
	case 9:
		pte = map_page(page);
		break;
	default:
		/* No other kind is ever mapped writable. */
		page = f->pages[KIND_EXCLUSIVE];
		pte = coin(f) ? map_writable(page) :
			pte_clear_soft_dirty(pte_mkwrite_novma(map_page(page)));
		break;
	}
	if (coin(f))
		pte = pte_mkyoung(pte);
	return coin(f) ? pte_mksoft_dirty(pte) : pte_clear_soft_dirty(pte);
}

/* Make neighbours often alike, except for swap offset and accessed bit. */
static void fill_table(struct walk_fixture *f)
{
	unsigned int i, change = 1 + below(f, 60);
	pte_t pte = random_entry(f);

	for (i = 0; i < PTRS_PER_PTE; i++) {
		if (!below(f, change))
			pte = random_entry(f);
		if (softleaf_is_swap(softleaf_from_pte(pte))) {
			bool x = pte_swp_exclusive(pte);
			bool d = pte_swp_soft_dirty(pte);

			pte = swapped(swp_type(softleaf_from_pte(pte)),
				      1 + below(f, 100000));
			pte = x ? pte_swp_mkexclusive(pte) : pte;
			pte = d ? pte_swp_mksoft_dirty(pte) : pte;
		} else if (pte_present(pte) && !pte_special(pte)) {
			pte = coin(f) ? pte_mkyoung(pte) : pte_mkold(pte);
		}
		f->table[i] = pte;
	}
}

/**
 * struct listing - the runs of several consecutive batches
 * @runs: one more than there are entries, as a run may be open at the start
 * @n: the number of runs
 */
struct listing {
	struct dirty_run runs[MAX_PTRS_PER_PTE + 1];
	unsigned int n;
};

static void make_room(struct dirty_walk *w, struct listing *l,
		      unsigned long room)
{
	w->runs.free = l->runs + l->n;
	w->runs.end = min(w->runs.free + room, l->runs + ARRAY_SIZE(l->runs));
}

static void expect_same_listing(struct kunit *test, const struct listing *l,
				const struct listing *reference)
{
	unsigned int i;

	KUNIT_ASSERT_EQ(test, l->n, reference->n);
	for (i = 0; i < l->n; i++) {
		KUNIT_ASSERT_EQ(test, l->runs[i].start, reference->runs[i].start);
		KUNIT_ASSERT_EQ(test, l->runs[i].end, reference->runs[i].end);
		KUNIT_ASSERT_EQ(test, l->runs[i].flags, reference->runs[i].flags);
	}
}

/* Expect the same result of both walks over part of the table. */
static void expect_walks_agree(struct kunit *test, struct dirty_walk *w,
			       struct vm_area_struct *vma, unsigned int start,
			       unsigned int end, unsigned long room)
{
	struct walk_fixture *f = test->priv;
	struct listing *l[2];
	struct dirty_walk walk[2] = { *w, *w };
	pte_t *stop[2];
	int i;

	for (i = 0; i < 2; i++) {
		l[i] = kunit_kzalloc(test, sizeof(*l[i]), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, l[i]);
		make_room(&walk[i], l[i], room);
		stop[i] = (i ? walk_ptes_plainly : dirty_walk_ptes)
			(&walk[i], vma, f->table + start, f->table + end,
			 TEST_ADDR + start * PAGE_SIZE);
		l[i]->n = walk[i].runs.free - l[i]->runs;
	}
	KUNIT_EXPECT_PTR_EQ(test, stop[0], stop[1]);
	KUNIT_EXPECT_EQ(test, walk[0].runs.flags, walk[1].runs.flags);
	if (walk[0].runs.flags)
		KUNIT_EXPECT_EQ(test, walk[0].runs.start, walk[1].runs.start);
	expect_same_listing(test, l[0], l[1]);
	for (i = 0; i < 2; i++)
		kunit_kfree(test, l[i]);
}

static void fast_walk_agrees_with_the_plain_one(struct kunit *test)
{
	struct walk_fixture *f = test->priv;
	unsigned int round, start, end;

	if (!DIRTY_ENTRIES_ARE_WORDS)
		kunit_skip(test, "entries of this kernel are not compared as words");

	for (round = 0; round < 1000; round++) {
		struct vm_area_struct *vma = coin(f) ? f->anon : f->file;
		struct dirty_walk w = {
			.vma_flags = vma == f->file ? DIRTY_FILE : 0,
			.normal = true,
		};

		if (coin(f))
			w.vma_flags |= DIRTY_WRITTEN;
		if (coin(f)) {
			w.runs.start = TEST_ADDR - PAGE_SIZE;
			w.runs.flags = w.vma_flags | DIRTY_SWAPPED;
		}
		fill_table(f);
		start = coin(f) ? 0 : below(f, PTRS_PER_PTE - 1);
		end = coin(f) ? PTRS_PER_PTE :
			start + 1 + below(f, PTRS_PER_PTE - start);
		expect_walks_agree(test, &w, vma, start, end, PTRS_PER_PTE + 1);
		expect_walks_agree(test, &w, vma, start, end, below(f, 20));
	}
}

/* A swap entry may have only its offset and the exclusive mark set. */
static void empty_entries_are_not_like_swap_entries(struct kunit *test)
{
	struct walk_fixture *f = test->priv;
	struct dirty_walk w = { .normal = true };
	unsigned int type, i, marked;

	if (!DIRTY_ENTRIES_ARE_WORDS)
		kunit_skip(test, "entries of this kernel are not compared as words");

	for (type = 0; type < 3; type++) {
		marked = below(f, PTRS_PER_PTE);
		for (i = 0; i < PTRS_PER_PTE; i++) {
			f->table[i] = swapped(type, 1 + i);
			if (i >= marked)
				f->table[i] = pte_swp_mkexclusive(f->table[i]);
			if (i >= 40 && i < 80)
				f->table[i] = new_pte();
			else if (i >= 100 && i < 140)
				pte_clear(&init_mm, TEST_ADDR, &f->table[i]);
		}
		expect_walks_agree(test, &w, f->anon, 0, PTRS_PER_PTE, 10);
	}
}

/* Make one listing, with this much room at a time. */
static void list_table(struct kunit *test, struct listing *l,
		       unsigned long room, bool plain)
{
	struct walk_fixture *f = test->priv;
	struct dirty_walk w = { .normal = true };
	pte_t *pte = f->table, *end = pte + PTRS_PER_PTE;
	unsigned int batches = 0;

	l->n = 0;
	do {
		make_room(&w, l, room);
		pte = (plain ? walk_ptes_plainly : dirty_walk_ptes)
			(&w, f->anon, pte, end,
			 TEST_ADDR + (pte - f->table) * PAGE_SIZE);
		l->n = w.runs.free - l->runs;
		KUNIT_ASSERT_LE(test, ++batches, PTRS_PER_PTE + 1);
	} while (pte != end);
	make_room(&w, l, 1);
	KUNIT_ASSERT_TRUE(test, dirty_set_flags(&w.runs, TEST_ADDR + PMD_SIZE, 0));
	l->n = w.runs.free - l->runs;
}

static void runs_are_the_same_with_any_room(struct kunit *test)
{
	struct walk_fixture *f = test->priv;
	struct listing *reference, *l;
	unsigned int room, round;

	if (!DIRTY_ENTRIES_ARE_WORDS)
		kunit_skip(test, "entries of this kernel are not compared as words");

	reference = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, reference);
	KUNIT_ASSERT_NOT_NULL(test, l);
	for (round = 0; round < 10; round++) {
		fill_table(f);
		list_table(test, reference, PTRS_PER_PTE + 1, true);
		for (room = 1; room <= reference->n + 1; room++) {
			list_table(test, l, room, false);
			expect_same_listing(test, l, reference);
			list_table(test, l, room, true);
			expect_same_listing(test, l, reference);
		}
	}
}

/* A real mapping, with pages that are written, read, or not touched */
#define REAL_PAGES	96

enum touch { UNTOUCHED_PAGE, READ_PAGE, WRITTEN_PAGE };

static enum touch touch_of(unsigned int page)
{
	/* Single pages, runs of several lengths, and adjacent runs */
	return page < 48 ? (page * page / 7) % 3 : page / 9 % 3;
}

/* The address space is this thread's own, and has no other mapping. */
static unsigned long make_mapping(struct kunit *test)
{
	unsigned long addr;
	unsigned int i;
	char byte = 1;

	addr = kunit_vm_mmap(test, NULL, 0, REAL_PAGES * PAGE_SIZE,
			     PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	for (i = 0; i < REAL_PAGES; i++) {
		void __user *p = (void __user *)(addr + i * PAGE_SIZE);

		if (touch_of(i) == WRITTEN_PAGE)
			KUNIT_ASSERT_EQ(test, copy_to_user(p, &byte, 1), 0);
		else if (touch_of(i) == READ_PAGE)
			KUNIT_ASSERT_EQ(test, copy_from_user(&byte, p, 1), 0);
	}
	return addr;
}

/* Make a listing, and return the number of batches. */
static unsigned int list_mm(struct kunit *test, struct listing *l,
			    unsigned long room, long budget, bool plain)
{
	struct dirty_walk w = {
		.end = ULONG_MAX & PAGE_MASK,
		.plain = plain,
	};
	unsigned int batches = 0;
	bool done;

	l->n = 0;
	do {
		make_room(&w, l, room);
		w.budget = budget;
		mmap_read_lock(current->mm);
		done = dirty_walk_batch(current->mm, &w);
		mmap_read_unlock(current->mm);
		l->n = w.runs.free - l->runs;
		KUNIT_ASSERT_LE(test, ++batches, 10 * REAL_PAGES);
	} while (!done);
	return batches;
}

static bool lists(const struct listing *l, unsigned long addr)
{
	unsigned int i;

	for (i = 0; i < l->n; i++)
		if (addr >= l->runs[i].start && addr < l->runs[i].end)
			return true;
	return false;
}

static void listing_of_a_real_mapping(struct kunit *test)
{
	struct listing *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	unsigned long addr;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, l);
	addr = make_mapping(test);
	list_mm(test, l, PTRS_PER_PTE, 1000, false);
	KUNIT_EXPECT_GT(test, l->n, 10);
	for (i = 0; i < l->n; i++)
		KUNIT_EXPECT_EQ(test, l->runs[i].flags,
				DIRTY_PRESENT | DIRTY_EXCLUSIVE | DIRTY_WRITTEN);
	for (i = 0; i < REAL_PAGES; i++)
		KUNIT_EXPECT_EQ_MSG(test, lists(l, addr + i * PAGE_SIZE),
				    touch_of(i) == WRITTEN_PAGE, "page %u", i);
}

static void listing_is_the_same_with_any_batch(struct kunit *test)
{
	struct listing *reference = kunit_kzalloc(test, sizeof(*reference),
						  GFP_KERNEL);
	struct listing *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	unsigned long room;
	long budget;

	KUNIT_ASSERT_NOT_NULL(test, reference);
	KUNIT_ASSERT_NOT_NULL(test, l);
	make_mapping(test);
	list_mm(test, reference, PTRS_PER_PTE, 1000, true);
	KUNIT_EXPECT_GT(test, reference->n, 10);
	for (room = 1; room <= reference->n + 1; room++) {
		for (budget = 1; budget <= REAL_PAGES + 2; budget++) {
			unsigned int batches = list_mm(test, l, room, budget, false);

			expect_same_listing(test, l, reference);
			/* No batch exceeds its room or budget. */
			KUNIT_EXPECT_GE(test, batches,
					max_t(unsigned long, reference->n / room,
					      REAL_PAGES / budget));
		}
	}
}

/* Exchange an entry; page tables may be in high memory. */
static pte_t exchange_pte(struct kunit *test, struct mm_struct *mm,
			  unsigned long addr, pte_t pte)
{
	pte_t *place = pte_offset_map(pmd_off(mm, addr), addr);
	pte_t before;

	KUNIT_ASSERT_NOT_NULL(test, place);
	before = *place;
	*place = pte;
	pte_unmap(place);
	return before;
}

/*
 * Raw frames of a mapping are not listed, even if they are writable and dirty and
 * look anonymous. Without special entries, vm_pgoff identifies them.
 */
static void raw_frames_are_clean(struct kunit *test)
{
	struct listing *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	struct walk_fixture *f = test->priv;
	struct page *page = f->pages[KIND_EXCLUSIVE];
	unsigned long addr = make_mapping(test), usual;
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	pte_t real;

	KUNIT_ASSERT_NOT_NULL(test, l);
	mmap_write_lock(mm);
	vma = vma_lookup(mm, addr);
	usual = vma->vm_pgoff;
	vm_flags_set(vma, VM_PFNMAP);
	vma->vm_pgoff = page_to_pfn(page);
	mmap_write_unlock(mm);

	real = exchange_pte(test, mm, addr, pte_mkspecial(map_writable(page)));
	list_mm(test, l, PTRS_PER_PTE, 1000, false);
	KUNIT_EXPECT_FALSE(test, lists(l, addr));
	list_mm(test, l, PTRS_PER_PTE, 1000, true);
	KUNIT_EXPECT_FALSE(test, lists(l, addr));
	KUNIT_EXPECT_GT(test, l->n, 10);
	exchange_pte(test, mm, addr, real);

	mmap_write_lock(mm);
	vma->vm_pgoff = usual;
	vm_flags_clear(vma, VM_PFNMAP);
	mmap_write_unlock(mm);
}

/* get_dirty_page() agrees for each page, and does not change clean ones. */
static void get_dirty_page_agrees_with_the_listing(struct kunit *test)
{
	struct listing *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	struct mm_struct *mm;
	unsigned long addr, rss;
	unsigned int i;
	int locked;

	if (!IS_ENABLED(CONFIG_PROC_DIRTY_PAGES_DEBUG)) {
		kunit_skip(test, "no get_dirty_page() in this kernel");
		return;
	}

	KUNIT_ASSERT_NOT_NULL(test, l);
	addr = make_mapping(test);
	mm = current->mm;
	list_mm(test, l, PTRS_PER_PTE, 1000, false);
	rss = get_mm_rss(mm);
	for (i = 0; i < REAL_PAGES; i++) {
		unsigned long at = addr + i * PAGE_SIZE;
		struct page *page;

		locked = 1;
		mmap_read_lock(mm);
		page = get_dirty_page(mm, at, &locked);
		if (locked)
			mmap_read_unlock(mm);
		KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(page), "page %u: %ld", i,
				       PTR_ERR(page));
		KUNIT_EXPECT_EQ_MSG(test, !!page, touch_of(i) == WRITTEN_PAGE,
				    "page %u", i);
		KUNIT_EXPECT_EQ_MSG(test, !!page, lists(l, at), "page %u", i);
		if (page)
			put_page(page);
	}
	KUNIT_EXPECT_EQ(test, get_mm_rss(mm), rss);

	/* There is no page after the mapping. */
	locked = 1;
	mmap_read_lock(mm);
	KUNIT_EXPECT_EQ(test, PTR_ERR(get_dirty_page(mm, addr + REAL_PAGES * PAGE_SIZE,
						     &locked)), -EFAULT);
	if (locked)
		mmap_read_unlock(mm);
}

static struct kunit_case dirty_walk_cases[] = {
	KUNIT_CASE(empty_entries_are_clean),
	KUNIT_CASE(markers_are_clean),
	KUNIT_CASE(swap_entries_show_exclusive),
	KUNIT_CASE(entries_show_soft_dirty),
	KUNIT_CASE(present_entries_show_the_kind_of_page),
	KUNIT_CASE(zero_page_counts_over_a_file_only),
	KUNIT_CASE(migrating_pages_are_in_memory),
	KUNIT_CASE(lost_pages_are_errors),
	KUNIT_CASE(device_pages_are_always_written),
	KUNIT_CASE(fast_walk_agrees_with_the_plain_one),
	KUNIT_CASE(empty_entries_are_not_like_swap_entries),
	KUNIT_CASE(runs_are_the_same_with_any_room),
	KUNIT_CASE(listing_of_a_real_mapping),
	KUNIT_CASE(listing_is_the_same_with_any_batch),
	KUNIT_CASE(raw_frames_are_clean),
	KUNIT_CASE(get_dirty_page_agrees_with_the_listing),
	{}
};

static struct kunit_suite dirty_walk_suite = {
	.name = "dirty_pages_walk",
	.init = walk_test_init,
	.test_cases = dirty_walk_cases,
};

kunit_test_suite(dirty_walk_suite);
