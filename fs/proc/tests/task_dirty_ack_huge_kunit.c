// SPDX-License-Identifier: GPL-2.0
/*
 * The effect of an acknowledgment on a huge entry, tested with a huge page in a
 * mapping of this thread.
 */

/**
 * struct ack_huge_fixture - data that the cases share
 * @ack: the acknowledgments of the address space
 * @mm: the address space of this thread
 * @vma: a mapping that has a huge page
 * @addr: the address of the huge page
 * @folio: the huge page, exclusive and not held
 */
struct ack_huge_fixture {
	struct dirty_ack *ack;
	struct mm_struct *mm;
	struct vm_area_struct *vma;
	unsigned long addr;
	struct folio *folio;
};

static pmd_t *huge_entry(struct ack_huge_fixture *f)
{
	return pmd_off(f->mm, f->addr);
}

/* Huge pages may be off by default, or because the machine has little memory. */
static void map_huge_page(struct kunit *test, struct ack_huge_fixture *f)
{
	unsigned long usual = transparent_hugepage_flags;
	unsigned long addr;

	addr = kunit_vm_mmap(test, NULL, 0, 3 * HPAGE_PMD_SIZE,
			     PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	f->mm = current->mm;
	f->addr = ALIGN(addr, HPAGE_PMD_SIZE);
	KUNIT_ASSERT_EQ(test, do_madvise(f->mm, f->addr, HPAGE_PMD_SIZE,
					 MADV_HUGEPAGE), 0);
	/* Have small pages after it, even if huge pages are always on. */
	KUNIT_ASSERT_EQ(test, do_madvise(f->mm, f->addr + HPAGE_PMD_SIZE,
					 HPAGE_PMD_SIZE, MADV_NOHUGEPAGE), 0);
	set_bit(TRANSPARENT_HUGEPAGE_REQ_MADV_FLAG, &transparent_hugepage_flags);
	write_page(test, f->addr);
	transparent_hugepage_flags = usual;
	mmap_read_lock(f->mm);
	f->vma = vma_lookup(f->mm, f->addr);
	mmap_read_unlock(f->mm);
	KUNIT_ASSERT_TRUE(test, pmd_trans_huge(*huge_entry(f)));
	f->folio = pmd_folio(*huge_entry(f));
}

static int ack_huge_init(struct kunit *test)
{
	struct ack_huge_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	if (!pgtable_supports_soft_dirty())
		kunit_skip(test, "no soft-dirty bits in this kernel");
	if (!has_transparent_hugepage())
		kunit_skip(test, "this machine has no huge pages");
	test->priv = f;
	map_huge_page(test, f);
	f->ack = dirty_ack_alloc(f->mm, 0);
	KUNIT_ASSERT_NOT_NULL(test, f->ack);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, undo_ack, f->ack),
			0);
	start_anew(f->ack);
	lru_add_drain_all();
	return 0;
}

/* Set any entry, see set_any_pte(). */
static void set_any_pmd(struct ack_huge_fixture *f, pmd_t *pmdp, pmd_t entry)
{
	if (pmd_present(entry))
		set_pmd_at(f->mm, f->addr, pmdp, pmd_mksoft_dirty(entry));
	else
		set_pmd_at(f->mm, f->addr, pmdp, pmd_swp_mksoft_dirty(entry));
	WRITE_ONCE(*pmdp, entry);
}

/* Acknowledge @entry, and return its new value. Set *@ret by ack_huge_pmd(). */
static pmd_t after_huge_ack(struct kunit *test, pmd_t entry, int *ret)
{
	struct ack_huge_fixture *f = test->priv;
	pmd_t real, after, *pmd = huge_entry(f);
	spinlock_t *ptl;

	mmap_write_lock(f->mm);
	ptl = pmd_lock(f->mm, pmd);
	real = pmdp_huge_get_and_clear(f->mm, f->addr, pmd);
	if (!pmd_none(entry))
		set_any_pmd(f, pmd, entry);
	spin_unlock(ptl);

	f->ack->changed.end = 0;
	*ret = ack_huge_pmd(f->ack, f->vma, pmd, f->addr,
			    f->addr + HPAGE_PMD_SIZE);

	ptl = pmd_lock(f->mm, pmd);
	after = *pmd;
	if (!pmd_none(after))
		after = pmdp_huge_get_and_clear(f->mm, f->addr, pmd);
	set_pmd_at(f->mm, f->addr, pmd, real);
	spin_unlock(ptl);
	flush_tlb_range(f->vma, f->addr, f->addr + HPAGE_PMD_SIZE);
	mmap_write_unlock(f->mm);
	return after;
}

static pmd_t after_huge_clear(struct kunit *test, pmd_t entry)
{
	pmd_t after;
	int ret;

	after = after_huge_ack(test, entry, &ret);
	KUNIT_EXPECT_EQ(test, ret, 0);
	return after;
}

static bool is_huge_flushed(struct ack_huge_fixture *f)
{
	const struct ack_span *changed = &f->ack->changed;

	return changed->start == f->addr && changed->vma == f->vma &&
	       changed->end == f->addr + HPAGE_PMD_SIZE;
}

#define EXPECT_HUGE(test, after, expected)				\
	KUNIT_EXPECT_EQ_MSG(test, pmd_val(after), pmd_val(expected),	\
			    "of this huge entry")

static void expect_huge_untouched(struct kunit *test, pmd_t entry)
{
	struct ack_huge_fixture *f = test->priv;

	EXPECT_HUGE(test, after_huge_clear(test, entry), entry);
	KUNIT_EXPECT_EQ(test, f->ack->changed.end, 0);
}

static pmd_t present_huge(struct folio *folio, unsigned int bits)
{
	pmd_t pmd = pmd_mkhuge(pfn_pmd(folio_pfn(folio), vm_get_page_prot(VM_READ)));

	pmd = pmd_mkold(pmd_mkclean(pmd));
	if (bits & BIT_WRITE)
		pmd = pmd_mkwrite_novma(pmd);
	if (bits & BIT_DIRTY)
		pmd = pmd_mkdirty(pmd);
	if (bits & BIT_YOUNG)
		pmd = pmd_mkyoung(pmd);
	if ((bits & BIT_UFFD) && !(bits & BIT_WRITE))
		pmd = pmd_mkuffd(pmd);
	return pmd_clear_soft_dirty(pmd);
}

static void expect_huge(struct kunit *test, pmd_t after, pmd_t before,
			bool soft_dirty, bool write)
{
	KUNIT_EXPECT_TRUE(test, pmd_trans_huge(after));
	KUNIT_EXPECT_EQ(test, !!pmd_soft_dirty(after), soft_dirty);
	KUNIT_EXPECT_EQ(test, !!pmd_write(after), write);
	KUNIT_EXPECT_EQ(test, pmd_pfn(after), pmd_pfn(before));
	KUNIT_EXPECT_EQ(test, !!pmd_dirty(after), !!pmd_dirty(before));
	KUNIT_EXPECT_EQ(test, !!pmd_young(after), !!pmd_young(before));
	KUNIT_EXPECT_EQ(test, !!pmd_uffd(after), !!pmd_uffd(before));
}

static void huge_pages_are_protected(struct kunit *test)
{
	struct ack_huge_fixture *f = test->priv;
	unsigned int bits;
	pmd_t pmd;

	for (bits = 0; bits < BIT_COMBINATIONS; bits++) {
		pmd = pmd_mksoft_dirty(present_huge(f->folio, bits));
		expect_huge(test, after_huge_clear(test, pmd), pmd,
			    false, false);
		KUNIT_EXPECT_TRUE(test, is_huge_flushed(f));

		pmd = present_huge(f->folio, bits);
		if (!pmd_write(pmd)) {
			expect_huge_untouched(test, pmd);
			continue;
		}
		expect_huge(test, after_huge_clear(test, pmd), pmd,
			    false, false);
		KUNIT_EXPECT_TRUE(test, is_huge_flushed(f));
	}
}

static void huge_pages_that_are_held_keep_the_bit(struct kunit *test)
{
	struct ack_huge_fixture *f = test->priv;
	pmd_t pmd = present_huge(f->folio, BIT_WRITE | BIT_DIRTY);
	pmd_t soft_dirty = pmd_mksoft_dirty(pmd);
	int ret;

	folio_get(f->folio);
	EXPECT_HUGE(test, after_huge_clear(test, soft_dirty),
		    soft_dirty);
	expect_huge(test, after_huge_clear(test, pmd), pmd, true, true);
	/* Read-only, with the bit cleared by another tracker */
	pmd = present_huge(f->folio, BIT_DIRTY);
	expect_huge(test, after_huge_clear(test, pmd), pmd, true, false);
	/* Per-CPU batches hold no large folios, so no drain is requested. */
	f->ack->drained = false;
	EXPECT_HUGE(test, after_huge_ack(test, soft_dirty, &ret),
		    soft_dirty);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_FALSE(test, f->ack->drain);
	folio_put(f->folio);
}

static void the_huge_zero_page_is_left_alone(struct kunit *test)
{
	struct ack_huge_fixture *f = test->priv;
	struct folio *zero = mm_get_huge_zero_folio(f->mm);
	pmd_t pmd;

	KUNIT_ASSERT_NOT_NULL(test, zero);
	pmd = pmd_mkspecial(present_huge(zero, BIT_YOUNG));
	expect_huge_untouched(test, pmd);
	expect_huge_untouched(test, pmd_mksoft_dirty(pmd));
}

/* As with small pages */
static void huge_pages_under_migration_keep_the_bit_or_get_it(struct kunit *test)
{
	struct ack_huge_fixture *f = test->priv;
	unsigned long pfn = folio_pfn(f->folio);
	const swp_entry_t entries[] = {
		make_readable_migration_entry(pfn),
		make_readable_exclusive_migration_entry(pfn),
		make_writable_migration_entry(pfn),
	};
	pmd_t pmd;
	int i;

	if (!thp_migration_supported())
		kunit_skip(test, "huge pages of this kernel do not migrate");

	folio_lock(f->folio);
	for (i = 0; i < 2 * ARRAY_SIZE(entries); i++) {
		pmd = swp_entry_to_pmd(entries[i / 2]);
		if (i % 2)
			pmd = pmd_swp_mkuffd(pmd);
		EXPECT_HUGE(test, after_huge_clear(test, pmd),
			    pmd_swp_mksoft_dirty(pmd));
		expect_huge_untouched(test, pmd_swp_mksoft_dirty(pmd));
	}
	folio_unlock(f->folio);
}

/* They are always listed with "d". */
static void huge_pages_of_a_device_are_left_alone(struct kunit *test)
{
	struct ack_huge_fixture *f = test->priv;
	unsigned long pfn = folio_pfn(f->folio);
	pmd_t pmd;

	if (!IS_ENABLED(CONFIG_DEVICE_PRIVATE))
		kunit_skip(test, "no device memory in this kernel");

	pmd = swp_entry_to_pmd(make_writable_device_private_entry(pfn));
	if (!pmd_is_device_private_entry(pmd))
		return;
	expect_huge_untouched(test, pmd);
	expect_huge_untouched(test, pmd_swp_mksoft_dirty(pmd));
	pmd = swp_entry_to_pmd(make_readable_device_private_entry(pfn));
	expect_huge_untouched(test, pmd);
	expect_huge_untouched(test, pmd_swp_mksoft_dirty(pmd));
}

/* Acknowledging a part splits the page, and the rest keeps its bit. */
static void a_part_of_a_huge_page_is_never_widened(struct kunit *test)
{
	struct ack_huge_fixture *f = test->priv;
	const unsigned int first = 5, last = HPAGE_PMD_NR - 12;
	struct iov_iter from;
	struct kvec vec;
	char line[64];
	unsigned int i;
	spinlock_t *ptl;
	pte_t *table;
	pmd_t entry;

	mmap_write_lock(f->mm);
	ptl = pmd_lock(f->mm, huge_entry(f));
	entry = pmdp_huge_get_and_clear(f->mm, f->addr, huge_entry(f));
	set_pmd_at(f->mm, f->addr, huge_entry(f), pmd_mksoft_dirty(entry));
	spin_unlock(ptl);
	flush_tlb_range(f->vma, f->addr, f->addr + HPAGE_PMD_SIZE);
	mmap_write_unlock(f->mm);
	vec.iov_base = line;
	vec.iov_len = snprintf(line, sizeof(line), "%lx-%lx\n",
			       f->addr + first * PAGE_SIZE,
			       f->addr + last * PAGE_SIZE);
	iov_iter_kvec(&from, ITER_SOURCE, &vec, 1, vec.iov_len);
	KUNIT_EXPECT_EQ(test, dirty_ack_write(f->ack, &from),
			(ssize_t)vec.iov_len);

	KUNIT_ASSERT_FALSE(test, pmd_leaf(*huge_entry(f)));
	table = pte_offset_kernel(huge_entry(f), f->addr);
	for (i = 0; i < HPAGE_PMD_NR; i++) {
		bool named = i >= first && i < last;

		KUNIT_EXPECT_EQ_MSG(test, !!pte_soft_dirty(table[i]), !named,
				    "page %u", i);
		KUNIT_EXPECT_FALSE_MSG(test, named && pte_write(table[i]),
				       "page %u", i);
	}
}

/* The walk saw a page table here before. Do nothing with the huge entry. */
static void an_entry_that_became_huge_is_retried(struct kunit *test)
{
	struct ack_huge_fixture *f = test->priv;
	struct dirty_ack *a = f->ack;
	pmd_t before = *huge_entry(f);

	start_anew(a);
	a->next = f->addr;
	mmap_write_lock(f->mm);
	KUNIT_EXPECT_EQ(test, ack_pte_table(a, f->vma, huge_entry(f), f->addr,
					    f->addr + HPAGE_PMD_SIZE), -EAGAIN);
	mmap_write_unlock(f->mm);
	KUNIT_EXPECT_EQ(test, a->next, f->addr);
	KUNIT_EXPECT_EQ(test, a->visited.end, 0);
	EXPECT_HUGE(test, *huge_entry(f), before);
}

#ifdef CONFIG_MMU_NOTIFIER
/* notify_begin() saw a page table here, so it did not tell the end of the page. */
static void a_huge_page_is_notified_as_a_whole(struct kunit *test)
{
	static const struct mmu_notifier_ops none = { };
	struct ack_huge_fixture *f = test->priv;
	struct mmu_notifier notifier = { .ops = &none };
	pmd_t pmd = pmd_mksoft_dirty(present_huge(f->folio, BIT_WRITE | BIT_DIRTY));
	pmd_t after;
	int ret;

	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&notifier, f->mm), 0);
	f->ack->notified = true;
	f->ack->range.start = f->addr;
	f->ack->range.end = f->addr + HPAGE_PMD_SIZE - PAGE_SIZE;
	after = after_huge_ack(test, pmd, &ret);
	KUNIT_EXPECT_EQ(test, ret, -EAGAIN);
	EXPECT_HUGE(test, after, pmd);
	f->ack->range.end += PAGE_SIZE;
	after = after_huge_clear(test, pmd);
	KUNIT_EXPECT_FALSE(test, pmd_soft_dirty(after) || pmd_write(after));
	f->ack->notified = false;
	mmu_notifier_unregister(&notifier, f->mm);
}
#endif

static struct kunit_case dirty_ack_huge_cases[] = {
	KUNIT_CASE(huge_pages_are_protected),
	KUNIT_CASE(huge_pages_that_are_held_keep_the_bit),
	KUNIT_CASE(the_huge_zero_page_is_left_alone),
	KUNIT_CASE(huge_pages_under_migration_keep_the_bit_or_get_it),
	KUNIT_CASE(huge_pages_of_a_device_are_left_alone),
	KUNIT_CASE(an_entry_that_became_huge_is_retried),
#ifdef CONFIG_MMU_NOTIFIER
	KUNIT_CASE(a_huge_page_is_notified_as_a_whole),
#endif
	KUNIT_CASE(a_part_of_a_huge_page_is_never_widened),
	{}
};

static struct kunit_suite dirty_ack_huge_suite = {
	.name = "dirty_pages_ack_huge",
	.init = ack_huge_init,
	.test_cases = dirty_ack_huge_cases,
};

kunit_test_suite(dirty_ack_huge_suite);
