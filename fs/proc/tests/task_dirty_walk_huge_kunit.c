// SPDX-License-Identifier: GPL-2.0
/*
 * The flags of huge entries, and the fast walk compared with the plain one.
 * Between the huge entries are page tables, holes, and huge pages that relatives
 * map in part.
 *
 * Entries and pages are made by hand, in page tables of this thread's own address
 * space. Only the walk sees them.
 */

/* Huge entries of the mapping, and those of them that point to a page table */
#define SLOTS		24
#define TABLES		(BIT(4) | BIT(5) | BIT(11) | BIT(23))

/* A huge page of which a relative also maps some pages */
#define KIND_MIXED	KINDS

/**
 * struct huge_fixture - data that the cases share
 * @small: the fixture of the cases for small pages
 * @pages: a huge page of each kind
 * @zero: the huge zero page
 * @mm: this thread's address space
 * @vma: an anonymous mapping in it that was never written to
 * @start: the first address in it that is aligned for a huge page
 */
struct huge_fixture {
	struct walk_fixture *small;
	struct folio *pages[KINDS + 1];
	struct folio *zero;
	struct mm_struct *mm;
	struct vm_area_struct *vma;
	unsigned long start;
};

/**
 * struct long_listing - like struct listing, for more than one page table
 * @n: the number of runs
 * @runs: the runs
 */
struct long_listing {
	unsigned int n;
	struct dirty_run runs[16 * MAX_PTRS_PER_PTE];
};

/* Does a relative also map page @i of a huge page of KIND_MIXED? */
static bool is_mapped_twice(unsigned int i)
{
	return i % 7 < 3 || (i >= 100 && i < 200);
}

static void undo_huge_page(void *data)
{
	struct folio *folio = data;
	int i;

	if (folio_test_locked(folio))
		folio_unlock(folio);
	folio->mapping = NULL;
	folio->private = NULL;
	clear_bit(PG_swapcache, dirty_page_word(&folio->page));
	atomic_set(&folio->_entire_mapcount, -1);
	atomic_set(&folio->_large_mapcount, -1);
	for (i = 0; i < HPAGE_PMD_NR; i++)
		atomic_set(&folio_page(folio, i)->_mapcount, -1);
	clear_bit(PG_anon_exclusive, dirty_page_word(&folio->page));
	folio_clear_swapbacked(folio);
	folio_put(folio);
}

static struct folio *make_huge_page(struct kunit *test, int kind)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, HPAGE_PMD_ORDER);
	int i, parts = 0;

	KUNIT_ASSERT_NOT_NULL(test, folio);
	if (kind == KIND_LOCKED)
		folio_lock(folio);
	for (i = 0; kind == KIND_MIXED && i < HPAGE_PMD_NR; i++) {
		if (!is_mapped_twice(i))
			continue;
		atomic_set(&folio_page(folio, i)->_mapcount, 0);
		parts++;
	}
	atomic_set(&folio->_entire_mapcount, kind == KIND_SHARED ? 1 : 0);
	atomic_set(&folio->_large_mapcount,
		   atomic_read(&folio->_entire_mapcount) + parts);
	if (kind != KIND_OF_FILE)
		folio->mapping = (void *)FOLIO_MAPPING_ANON;
	if (kind == KIND_EXCLUSIVE)
		set_bit(PG_anon_exclusive, dirty_page_word(&folio->page));
	if (kind != KIND_LAZY)
		folio_set_swapbacked(folio);
	if (kind == KIND_CACHED && IS_ENABLED(CONFIG_SWAP)) {
		set_bit(PG_swapcache, dirty_page_word(&folio->page));
		folio->swap = swp_entry(MAX_SWAPFILES - 1, HPAGE_PMD_NR);
	}
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, undo_huge_page,
							folio), 0);
	return folio;
}

static unsigned long address_of(struct huge_fixture *h, unsigned int slot)
{
	return h->start + slot * PMD_SIZE;
}

static pmd_t *slot_of(struct huge_fixture *h, unsigned int slot)
{
	return pmd_off(h->mm, address_of(h, slot));
}

static bool is_table(unsigned int slot)
{
	return TABLES >> slot & 1;
}

static void make_tables(struct kunit *test, struct huge_fixture *h)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		unsigned long addr = address_of(h, i);
		p4d_t *p4d = p4d_alloc(h->mm, pgd_offset(h->mm, addr), addr);
		pud_t *pud = p4d ? pud_alloc(h->mm, p4d, addr) : NULL;
		pmd_t *pmd = pud ? pmd_alloc(h->mm, pud, addr) : NULL;

		KUNIT_ASSERT_NOT_NULL(test, pmd);
		if (is_table(i))
			KUNIT_ASSERT_EQ(test, pte_alloc(h->mm, pmd), 0);
	}
}

static int huge_test_init(struct kunit *test)
{
	struct huge_fixture *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);
	unsigned long addr;
	int kind;

	KUNIT_ASSERT_NOT_NULL(test, h);
	walk_test_init(test);
	h->small = test->priv;
	test->priv = h;
	for (kind = 0; kind < ARRAY_SIZE(h->pages); kind++)
		h->pages[kind] = make_huge_page(test, kind);

	addr = kunit_vm_mmap(test, NULL, 0, (SLOTS + 1) * PMD_SIZE,
			     PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	h->mm = current->mm;
	h->start = ALIGN(addr, PMD_SIZE);
	/* The first page, behind all slots, gives the mapping its anon_vma. */
	KUNIT_ASSERT_EQ(test, put_user(1, (char __user *)addr +
					  (SLOTS + 1) * PMD_SIZE - PAGE_SIZE), 0);
	h->zero = mm_get_huge_zero_folio(h->mm);
	KUNIT_ASSERT_NOT_NULL(test, h->zero);

	mmap_write_lock(h->mm);
	h->vma = vma_lookup(h->mm, addr);
	make_tables(test, h);
	mmap_write_unlock(h->mm);
	return 0;
}

/* Return an empty entry, which on s390 is not zero. */
static pmd_t no_pmd(void)
{
	pmd_t pmd;

	pmd_clear(&pmd);
	return pmd;
}

/* A read-only, clean and old entry, without soft-dirty */
static pmd_t map_huge(struct folio *folio)
{
	pmd_t pmd = pmd_mkhuge(pfn_pmd(folio_pfn(folio), vm_get_page_prot(VM_READ)));

	return pmd_clear_soft_dirty(pmd_mkold(pmd_mkclean(pmd)));
}

static pmd_t map_huge_zero(struct huge_fixture *h)
{
	return pmd_mkspecial(map_huge(h->zero));
}

static pmd_t map_huge_writable(struct folio *folio)
{
	pmd_t pmd = pmd_mkdirty(pmd_mkwrite_novma(map_huge(folio)));

	return pmd_clear_soft_dirty(pmd);
}

static unsigned long look_at_huge(struct huge_fixture *h, pmd_t pmd,
				  struct folio **mixed)
{
	const struct dirty_walk w = { .normal = true };

	return huge_pmd_flags(&w, h->vma, h->start, pmd, mixed);
}

static unsigned long huge_flags_of(struct huge_fixture *h, pmd_t pmd)
{
	struct folio *mixed;

	return look_at_huge(h, pmd, &mixed);
}

static void huge_entries_show_the_kind_of_page(struct kunit *test)
{
	struct huge_fixture *h = test->priv;
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		unsigned long flags = page_kind_flags[kind];
		pmd_t pmd = map_huge(h->pages[kind]);

		/* KSM merges no huge pages. */
		if (kind == KIND_MERGED || !is_possible(kind))
			continue;
		if (flags)
			flags |= DIRTY_HUGE;
		KUNIT_EXPECT_EQ_MSG(test, huge_flags_of(h, pmd), flags,
				    "kind %d", kind);
		KUNIT_EXPECT_EQ_MSG(test, huge_flags_of(h, pmd_mkyoung(pmd)),
				    flags, "kind %d", kind);
		if (pgtable_supports_soft_dirty())
			KUNIT_EXPECT_EQ_MSG(test, huge_flags_of(h, pmd_mksoft_dirty(pmd)),
					    flags ? flags | DIRTY_WRITTEN : 0,
					    "kind %d", kind);
	}
	/* Written after MADV_FREE: a writable page counts as written. */
	KUNIT_EXPECT_EQ(test, huge_flags_of(h, map_huge_writable(h->pages[KIND_LAZY])),
			DIRTY_PRESENT | DIRTY_EXCLUSIVE | DIRTY_HUGE | DIRTY_WRITTEN);
}

static void huge_zero_page_and_holes_are_clean(struct kunit *test)
{
	struct huge_fixture *h = test->priv;
	pmd_t pmd = map_huge_zero(h);

	KUNIT_EXPECT_EQ(test, huge_flags_of(h, no_pmd()), 0);
	KUNIT_EXPECT_EQ(test, huge_flags_of(h, pmd), 0);
	KUNIT_EXPECT_EQ(test, huge_flags_of(h, pmd_mkdirty(pmd)), 0);
	KUNIT_EXPECT_EQ(test, huge_flags_of(h, pmd_mksoft_dirty(pmd)), 0);
}

static void migrating_huge_pages_are_in_memory(struct kunit *test)
{
	struct huge_fixture *h = test->priv;
	int kind;

	if (!thp_migration_supported())
		kunit_skip(test, "huge pages of this kernel do not migrate");

	for (kind = 0; kind < KINDS; kind++) {
		unsigned long pfn = folio_pfn(h->pages[kind]);
		const swp_entry_t entries[] = {
			make_readable_migration_entry(pfn),
			make_readable_exclusive_migration_entry(pfn),
			make_writable_migration_entry(pfn),
		};
		bool locked;
		int i;

		if (kind == KIND_MERGED)
			continue;
		locked = folio_trylock(h->pages[kind]);
		for (i = 0; i < ARRAY_SIZE(entries); i++) {
			unsigned long flags = page_kind_flags[kind];
			pmd_t pmd = swp_entry_to_pmd(entries[i]);

			flags &= ~DIRTY_EXCLUSIVE;
			if (flags)
				flags |= DIRTY_HUGE | (i ? DIRTY_EXCLUSIVE : 0) |
					 (i == 2 ? DIRTY_WRITTEN : 0);
			KUNIT_EXPECT_EQ_MSG(test, huge_flags_of(h, pmd), flags,
					    "kind %d, entry %d", kind, i);
			if (flags && pgtable_supports_soft_dirty())
				flags |= DIRTY_WRITTEN;
			pmd = pmd_swp_mksoft_dirty(pmd);
			KUNIT_EXPECT_EQ_MSG(test, huge_flags_of(h, pmd), flags,
					    "kind %d, entry %d", kind, i);
		}
		if (locked)
			folio_unlock(h->pages[kind]);
	}
}

/* Some kernels keep no huge pages on devices: they do not know such an entry. */
static void huge_device_pages_are_always_written(struct kunit *test)
{
	struct huge_fixture *h = test->priv;
	struct folio *mixed;
	int kind;

	if (!IS_ENABLED(CONFIG_DEVICE_PRIVATE))
		kunit_skip(test, "no device memory in this kernel");

	for (kind = 0; kind < KINDS; kind++) {
		struct folio *folio = h->pages[kind];
		unsigned long flags = page_kind_flags[kind];
		pmd_t pmd;

		if (kind == KIND_MERGED || kind == KIND_LAZY || !is_possible(kind))
			continue;
		pmd = swp_entry_to_pmd(make_readable_device_private_entry(folio_pfn(folio)));
		if (flags && pmd_is_device_private_entry(pmd))
			flags = (flags & ~DIRTY_PRESENT) | DIRTY_SWAPPED |
				DIRTY_WRITTEN | DIRTY_HUGE;
		else
			flags = 0;
		KUNIT_EXPECT_EQ_MSG(test, huge_flags_of(h, pmd), flags,
				    "kind %d", kind);
		pmd = pmd_swp_mksoft_dirty(pmd);
		KUNIT_EXPECT_EQ_MSG(test, look_at_huge(h, pmd, &mixed), flags,
				    "kind %d", kind);
		KUNIT_EXPECT_EQ_MSG(test, !!mixed,
				    flags && (kind == KIND_LOCKED || kind == KIND_CACHED),
				    "kind %d", kind);
	}
}

/* Return true if @there, after @here in the table, gets the same flags. */
static bool is_skipped(struct huge_fixture *h, pmd_t here, pmd_t there)
{
	pmd_t pmds[] = { here, there };

	return dirty_skip_pmds(pmds, pmds + 2, huge_flags_of(h, here)) == pmds + 2;
}

/* The page frame is ignored only if entries are writable and dirty. */
static void huge_entries_may_differ_in_the_page(struct kunit *test)
{
	struct huge_fixture *h = test->priv;
	pmd_t here = map_huge_writable(h->pages[KIND_EXCLUSIVE]);
	pmd_t there = map_huge_writable(h->pages[KIND_SINGLE]);

	if (!DIRTY_ENTRIES_ARE_WORDS)
		kunit_skip(test, "entries of this kernel are not compared as words");

	KUNIT_EXPECT_TRUE(test, is_skipped(h, here, there));
	there = pmd_mksoft_dirty(there);
	KUNIT_EXPECT_EQ(test, is_skipped(h, here, there),
			!pgtable_supports_soft_dirty());
	there = pmd_clear_soft_dirty(pmd_mkclean(there));
	KUNIT_EXPECT_FALSE(test, is_skipped(h, here, there));
	there = pmd_wrprotect(map_huge_writable(h->pages[KIND_SINGLE]));
	KUNIT_EXPECT_FALSE(test, is_skipped(h, here, there));
	KUNIT_EXPECT_FALSE(test, is_skipped(h, here, no_pmd()));

	here = map_huge(h->pages[KIND_EXCLUSIVE]);
	there = map_huge(h->pages[KIND_SHARED]);
	KUNIT_EXPECT_TRUE(test, is_skipped(h, here, here));
	KUNIT_EXPECT_FALSE(test, is_skipped(h, here, there));
}

static pmd_t random_huge_entry(struct huge_fixture *h)
{
	struct walk_fixture *f = h->small;
	int kind = below(f, KINDS + 1);
	struct folio *folio = h->pages[kind == KIND_MERGED ? 0 : kind];
	unsigned long pfn = folio_pfn(folio);
	pmd_t pmd;

	switch (below(f, 9)) {
	case 0:
		return no_pmd();
	case 1:
		return map_huge_zero(h);
	case 2:
		if (!thp_migration_supported())
			return no_pmd();
		pfn = folio_pfn(h->pages[KIND_LOCKED]);
		pmd = swp_entry_to_pmd(coin(f) ?
				       make_readable_migration_entry(pfn) :
				       make_writable_migration_entry(pfn));
		return coin(f) ? pmd_swp_mksoft_dirty(pmd) : pmd;
	case 3:
	case 4:
		pmd = map_huge(folio);
		break;
	default:
		/* No other kind is ever mapped writable. */
		folio = h->pages[KIND_EXCLUSIVE];
		pmd = coin(f) ? map_huge_writable(folio) :
			pmd_mkwrite_novma(map_huge(folio));
		break;
	}
	if (coin(f))
		pmd = pmd_mkyoung(pmd);
	return coin(f) ? pmd_mksoft_dirty(pmd) : pmd_clear_soft_dirty(pmd);
}

static void fill_slots(struct kunit *test)
{
	struct huge_fixture *h = test->priv;
	unsigned int i, change = 1 + below(h->small, 5);
	pmd_t pmd = random_huge_entry(h);
	pte_t *table;

	for (i = 0; i < SLOTS; i++) {
		if (!below(h->small, change))
			pmd = random_huge_entry(h);
		if (!is_table(i)) {
			*slot_of(h, i) = pmd;
			continue;
		}
		fill_table(h->small);
		table = pte_offset_map(slot_of(h, i), address_of(h, i));
		KUNIT_ASSERT_NOT_NULL(test, table);
		memcpy(table, h->small->table, PTRS_PER_PTE * sizeof(pte_t));
		pte_unmap(table);
	}
}

/* Remove the entries made by hand, before other code sees them. */
static void empty_slots(struct kunit *test)
{
	struct huge_fixture *h = test->priv;
	unsigned int i, j;
	spinlock_t *ptl;
	pte_t *table;

	for (i = 0; i < SLOTS; i++) {
		if (!is_table(i)) {
			pmd_clear(slot_of(h, i));
			continue;
		}
		table = pte_offset_map_lock(h->mm, slot_of(h, i), address_of(h, i),
					    &ptl);
		KUNIT_ASSERT_NOT_NULL(test, table);
		for (j = 0; j < PTRS_PER_PTE; j++)
			pte_clear(h->mm, address_of(h, i) + j * PAGE_SIZE, table + j);
		pte_unmap_unlock(table, ptl);
	}
}

static void list_slots(struct kunit *test, struct long_listing *l,
		       unsigned long room, long budget, bool plain)
{
	struct huge_fixture *h = test->priv;
	struct dirty_walk w = {
		.next = h->start,
		.end = address_of(h, SLOTS),
		.plain = plain,
	};
	struct dirty_run *limit = l->runs + ARRAY_SIZE(l->runs);
	unsigned long before;
	bool done;

	l->n = 0;
	do {
		w.runs.free = l->runs + l->n;
		w.runs.end = min(w.runs.free + room, limit);
		w.budget = budget;
		before = w.next;
		mmap_read_lock(h->mm);
		done = dirty_walk_batch(h->mm, &w);
		mmap_read_unlock(h->mm);
		l->n = w.runs.free - l->runs;
		/* Each batch makes progress, or has filled the room. */
	} while (!done && w.runs.free != limit &&
		 (w.next != before || w.runs.free == w.runs.end));
	KUNIT_EXPECT_TRUE(test, done);
}

static void expect_same_runs(struct kunit *test, const struct long_listing *l,
			     const struct long_listing *reference)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, l->n, reference->n);
	for (i = 0; i < l->n && i < reference->n; i++) {
		if (l->runs[i].start == reference->runs[i].start &&
		    l->runs[i].end == reference->runs[i].end &&
		    l->runs[i].flags == reference->runs[i].flags)
			continue;
		KUNIT_FAIL(test, "run %u is %lx-%lx %lx instead of %lx-%lx %lx", i,
			   l->runs[i].start, l->runs[i].end, l->runs[i].flags,
			   reference->runs[i].start, reference->runs[i].end,
			   reference->runs[i].flags);
		return;
	}
}

static void make_listings(struct kunit *test, struct long_listing **l,
			  struct long_listing **reference)
{
	*l = kunit_kzalloc(test, sizeof(**l), GFP_KERNEL);
	*reference = kunit_kzalloc(test, sizeof(**l), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, *l);
	KUNIT_ASSERT_NOT_NULL(test, *reference);
}

static void huge_walk_agrees_with_the_plain_one(struct kunit *test)
{
	static const unsigned long rooms[] = { 1, 2, 3, 7, 100, 100000 };
	static const long budgets[] = { 1, 2, 3, 5, 8, 600, 100000 };
	struct long_listing *l, *reference;
	unsigned int round, room, budget, most = 0;

	make_listings(test, &l, &reference);
	for (round = 0; round < 30; round++) {
		fill_slots(test);
		room = round % ARRAY_SIZE(rooms);
		budget = round % ARRAY_SIZE(budgets);
		list_slots(test, reference, 100000, 100000, true);
		list_slots(test, l, 100000, 100000, false);
		expect_same_runs(test, l, reference);
		list_slots(test, l, rooms[room], budgets[budget], false);
		expect_same_runs(test, l, reference);
		list_slots(test, l, rooms[room], budgets[budget], true);
		expect_same_runs(test, l, reference);
		most = max(most, reference->n);
	}
	empty_slots(test);
	KUNIT_EXPECT_GT(test, most, PTRS_PER_PTE / 2);
	KUNIT_EXPECT_LT(test, most, ARRAY_SIZE(l->runs));
}

/* Compare runs of several kinds with the expected ones. */
static void runs_of_huge_pages(struct kunit *test)
{
	const unsigned long own = DIRTY_PRESENT | DIRTY_EXCLUSIVE | DIRTY_HUGE |
				  DIRTY_WRITTEN;
	struct huge_fixture *h = test->priv;
	struct long_listing *l, *reference;
	unsigned int i;

	make_listings(test, &l, &reference);
	/* 0-2 writable, 3 clean, 6-7 written in two ways, 8-9 not exclusive */
	for (i = 0; i < 3; i++)
		*slot_of(h, i) = map_huge_writable(h->pages[i ? KIND_EXCLUSIVE :
							    KIND_SINGLE]);
	*slot_of(h, 3) = map_huge_zero(h);
	*slot_of(h, 6) = map_huge_writable(h->pages[KIND_EXCLUSIVE]);
	*slot_of(h, 7) = pmd_mksoft_dirty(map_huge(h->pages[KIND_EXCLUSIVE]));
	*slot_of(h, 8) = map_huge(h->pages[KIND_SHARED]);
	*slot_of(h, 9) = pmd_mkyoung(map_huge(h->pages[KIND_SHARED]));

	reference->runs[0] = (struct dirty_run){ address_of(h, 0),
						 address_of(h, 3), own };
	reference->runs[1] = (struct dirty_run){ address_of(h, 6),
						 address_of(h, 8), own };
	reference->runs[2] = (struct dirty_run){ address_of(h, 8),
		address_of(h, 10), DIRTY_PRESENT | DIRTY_HUGE };
	if (!pgtable_supports_soft_dirty())
		reference->runs[2].flags |= DIRTY_WRITTEN;
	reference->n = 3;
	for (i = 1; i < 6; i++) {
		list_slots(test, l, i, 100000, false);
		expect_same_runs(test, l, reference);
		list_slots(test, l, i, i, false);
		expect_same_runs(test, l, reference);
	}
	empty_slots(test);
}

/* Each page has its own flags, wherever the room ends. */
static void parts_of_huge_pages_may_be_exclusive(struct kunit *test)
{
	struct huge_fixture *h = test->priv;
	struct folio *folio = h->pages[KIND_MIXED], *mixed;
	struct long_listing *l, *reference;
	unsigned long flags, last = 0;
	unsigned int i, room;

	make_listings(test, &l, &reference);
	look_at_huge(h, map_huge(folio), &mixed);
	KUNIT_EXPECT_PTR_EQ(test, mixed, folio);
	look_at_huge(h, map_huge(h->pages[KIND_SINGLE]), &mixed);
	KUNIT_EXPECT_NULL(test, mixed);
	if (is_possible(KIND_CACHED)) {
		look_at_huge(h, map_huge(h->pages[KIND_CACHED]), &mixed);
		KUNIT_EXPECT_PTR_EQ(test, mixed, h->pages[KIND_CACHED]);
	}
	*slot_of(h, 1) = map_huge(folio);
	for (i = 0; i < HPAGE_PMD_NR; i++) {
		unsigned long addr = address_of(h, 1) + i * PAGE_SIZE;

		flags = DIRTY_PRESENT | DIRTY_HUGE;
		if (!pgtable_supports_soft_dirty())
			flags |= DIRTY_WRITTEN;
		if (!is_mapped_twice(i))
			flags |= DIRTY_EXCLUSIVE;
		if (flags != last)
			reference->runs[reference->n++].start = addr;
		reference->runs[reference->n - 1].end = addr + PAGE_SIZE;
		reference->runs[reference->n - 1].flags = flags;
		last = flags;
	}
	KUNIT_EXPECT_GT(test, reference->n, HPAGE_PMD_NR / 6);
	for (room = 1; room < 10; room++) {
		list_slots(test, l, room, 100000, false);
		expect_same_runs(test, l, reference);
		list_slots(test, l, room, 1, true);
		expect_same_runs(test, l, reference);
	}
	empty_slots(test);
}

/* A hold of the lock examines no more huge entries than its budget. */
static void huge_entries_count_for_the_batch(struct kunit *test)
{
	struct huge_fixture *h = test->priv;
	struct dirty_run runs[8];
	unsigned int i, plain;
	long budget;

	for (i = 12; i < 23; i++)
		*slot_of(h, i) = map_huge_writable(h->pages[KIND_EXCLUSIVE]);
	for (budget = 1; budget < 11; budget++) {
		for (plain = 0; plain < 2; plain++) {
			struct dirty_walk w = {
				.runs.free = runs,
				.runs.end = runs + ARRAY_SIZE(runs),
				.next = address_of(h, 12),
				.end = address_of(h, 23),
				.plain = plain,
				.budget = budget,
			};

			mmap_read_lock(h->mm);
			KUNIT_EXPECT_FALSE(test, dirty_walk_batch(h->mm, &w));
			mmap_read_unlock(h->mm);
			KUNIT_EXPECT_EQ(test, w.next, address_of(h, 12 + budget));
			KUNIT_EXPECT_PTR_EQ(test, w.runs.free, &runs[0]);
			KUNIT_EXPECT_EQ(test, w.runs.start, address_of(h, 12));
		}
	}
	empty_slots(test);
}

/* A walk may begin and end within a huge page. */
static void huge_pages_may_be_walked_in_parts(struct kunit *test)
{
	struct huge_fixture *h = test->priv;
	unsigned long end = address_of(h, 2) + 5 * PAGE_SIZE;
	struct dirty_run runs[2];
	unsigned int kind;

	for (kind = KIND_EXCLUSIVE; kind <= KIND_MIXED; kind += KIND_MIXED) {
		struct dirty_walk w = {
			.runs.free = runs,
			.runs.end = runs + ARRAY_SIZE(runs),
			.next = address_of(h, 1) + PMD_SIZE - 3 * PAGE_SIZE,
			.end = end,
			.budget = 10000,
		};
		unsigned long start = w.next;

		*slot_of(h, 1) = map_huge(h->pages[KIND_SHARED]);
		*slot_of(h, 2) = map_huge(h->pages[kind]);
		mmap_read_lock(h->mm);
		dirty_walk_batch(h->mm, &w);
		mmap_read_unlock(h->mm);
		KUNIT_EXPECT_EQ(test, runs[0].start, start);
		/* The first three pages of the mixed one are also shared. */
		KUNIT_EXPECT_EQ(test, runs[0].end, address_of(h, 2) +
				(kind == KIND_MIXED ? 3 * PAGE_SIZE : 0));
		KUNIT_EXPECT_EQ(test, runs[1].end, end);
	}
	empty_slots(test);
}

/* Before the lock is taken, an entry may become huge, empty, or a page table. */
static void entries_that_changed_are_retried(struct kunit *test)
{
	struct huge_fixture *h = test->priv;
	struct dirty_run run;
	struct dirty_walk w = {
		.runs.free = &run,
		.runs.end = &run + 1,
		.normal = true,
		.budget = 10000,
	};
	unsigned int i;

	*slot_of(h, 1) = map_huge_writable(h->pages[KIND_EXCLUSIVE]);
	mmap_read_lock(h->mm);
	/* A huge entry and a hole instead of a table, then a table */
	for (i = 1; i < 3; i++) {
		w.next = address_of(h, i);
		KUNIT_EXPECT_EQ(test, walk_pte_table(&w, h->vma, slot_of(h, i), w.next,
						     w.next + PMD_SIZE), 0);
		KUNIT_EXPECT_EQ(test, w.next, address_of(h, i));
	}
	w.next = address_of(h, 4);
	KUNIT_EXPECT_EQ(test, walk_pmds(&w, h->vma, slot_of(h, 4), w.next,
					w.next + PMD_SIZE), 0);
	KUNIT_EXPECT_EQ(test, w.next, address_of(h, 4));
	mmap_read_unlock(h->mm);
	KUNIT_EXPECT_EQ(test, w.budget, 10000);
	KUNIT_EXPECT_EQ(test, w.runs.flags, 0);
	KUNIT_EXPECT_PTR_EQ(test, w.runs.free, &run);
	empty_slots(test);
}

static struct kunit_case dirty_walk_huge_cases[] = {
	KUNIT_CASE(huge_entries_show_the_kind_of_page),
	KUNIT_CASE(huge_zero_page_and_holes_are_clean),
	KUNIT_CASE(migrating_huge_pages_are_in_memory),
	KUNIT_CASE(huge_device_pages_are_always_written),
	KUNIT_CASE(huge_entries_may_differ_in_the_page),
	KUNIT_CASE(huge_walk_agrees_with_the_plain_one),
	KUNIT_CASE(runs_of_huge_pages),
	KUNIT_CASE(parts_of_huge_pages_may_be_exclusive),
	KUNIT_CASE(huge_entries_count_for_the_batch),
	KUNIT_CASE(huge_pages_may_be_walked_in_parts),
	KUNIT_CASE(entries_that_changed_are_retried),
	{}
};

static struct kunit_suite dirty_walk_huge_suite = {
	.name = "dirty_pages_walk_huge",
	.init = huge_test_init,
	.test_cases = dirty_walk_huge_cases,
};

kunit_test_suite(dirty_walk_huge_suite);
