// SPDX-License-Identifier: GPL-2.0
/*
 * The effect of an acknowledgment on an entry in each possible state. Entries are
 * made by hand, in a page table of this thread's own address space, as few of
 * these states would otherwise last.
 */
#include <kunit/test.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

#include "../../../mm/internal.h"

#define ACK_PAGES	40

/* The last swap device, which is never in use */
#define NO_DEVICE	(MAX_SWAPFILES - 1)

/**
 * struct ack_fixture - data that the cases share
 * @ack: the acknowledgments of the address space
 * @mm: the address space of this thread
 * @vma: a mapping of written pages, none of them huge
 * @addr: address of the page with the entry to test
 * @page: the real page at that address, exclusive and not held
 */
struct ack_fixture {
	struct dirty_ack *ack;
	struct mm_struct *mm;
	struct vm_area_struct *vma;
	unsigned long addr;
	struct page *page;
};

static void undo_ack(void *data)
{
	dirty_ack_free(data);
}

static pte_t *lock_entry(struct ack_fixture *f, spinlock_t **ptl)
{
	return pte_offset_map_lock(f->mm, pmd_off(f->mm, f->addr), f->addr, ptl);
}

/* Return an empty entry, which on s390 is not zero. */
static pte_t no_pte(void)
{
	pte_t pte = { 0 };

	pte_clear(&init_mm, 0, &pte);
	return pte;
}

/* Reset: nothing was examined, no drain is needed, nothing is to be flushed. */
static void start_anew(struct dirty_ack *a)
{
	a->drain = false;
	a->drained = true;
	a->visited.end = 0;
	a->changed.end = 0;
	a->budget = LONG_MAX;
}

static void write_page(struct kunit *test, unsigned long addr)
{
	char byte = 1;

	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)addr, &byte, 1), 0);
}

static void set_vma_flags(struct ack_fixture *f, vm_flags_t set,
			  vm_flags_t clear)
{
	mmap_write_lock(f->mm);
	vm_flags_mod(f->vma, set, clear);
	mmap_write_unlock(f->mm);
}

static void map_written(struct kunit *test, struct ack_fixture *f,
			unsigned long pages)
{
	unsigned long i;

	f->addr = kunit_vm_mmap(test, NULL, 0, pages * PAGE_SIZE,
				PROT_READ | PROT_WRITE,
				MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, f->addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(f->addr));
	f->mm = current->mm;
	for (i = 0; i < pages; i++)
		write_page(test, f->addr + i * PAGE_SIZE);
	/* The mappings do not change: only this thread uses them. */
	mmap_read_lock(f->mm);
	f->vma = vma_lookup(f->mm, f->addr);
	mmap_read_unlock(f->mm);
}

static int ack_entry_init(struct kunit *test)
{
	struct ack_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	spinlock_t *ptl;
	pte_t *pte;

	KUNIT_ASSERT_NOT_NULL(test, f);
	/* On some architectures, the CPU decides. */
	if (!pgtable_supports_soft_dirty())
		kunit_skip(test, "no soft-dirty bits in this kernel");
	test->priv = f;
	map_written(test, f, ACK_PAGES);
	f->ack = dirty_ack_alloc(f->mm, 0);
	KUNIT_ASSERT_NOT_NULL(test, f->ack);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, undo_ack, f->ack),
			0);
	start_anew(f->ack);
	pte = lock_entry(f, &ptl);
	KUNIT_ASSERT_NOT_NULL(test, pte);
	f->page = pte_page(ptep_get(pte));
	pte_unmap_unlock(pte, ptl);
	/* References from per-CPU batches would make the page look held. */
	lru_add_drain_all();
	return 0;
}

/*
 * Set any entry. PAGE_TABLE_CHECK warns of one that is writable without the
 * soft-dirty bit, so let it see the bit, and clear that by a plain store.
 */
static void set_any_pte(struct ack_fixture *f, pte_t *ptep, pte_t entry)
{
	if (pte_present(entry))
		set_pte_at(f->mm, f->addr, ptep, pte_mksoft_dirty(entry));
	else if (!pte_none(entry))
		set_pte_at(f->mm, f->addr, ptep, pte_swp_mksoft_dirty(entry));
	WRITE_ONCE(*ptep, entry);
}

/* Acknowledge @entry, and return its new value. Set *@stop by ack_ptes(). */
static pte_t after_ack(struct kunit *test, pte_t entry, int *stop)
{
	struct ack_fixture *f = test->priv;
	pte_t real, after, *pte;
	spinlock_t *ptl;

	/* Keep others from seeing the entry that is put in. */
	mmap_write_lock(f->mm);
	pte = lock_entry(f, &ptl);
	real = ptep_get_and_clear(f->mm, f->addr, pte);
	set_any_pte(f, pte, entry);
	pte_unmap_unlock(pte, ptl);
	f->ack->changed.end = 0;
	*stop = ack_ptes(f->ack, f->vma, pmd_off(f->mm, f->addr), f->addr, 1);
	pte = lock_entry(f, &ptl);
	after = ptep_get_and_clear(f->mm, f->addr, pte);
	set_pte_at(f->mm, f->addr, pte, real);
	pte_unmap_unlock(pte, ptl);
	mmap_write_unlock(f->mm);
	return after;
}

static pte_t after_clear(struct kunit *test, pte_t entry)
{
	int stop = 0;
	pte_t after = after_ack(test, entry, &stop);

	KUNIT_EXPECT_EQ(test, stop, 0);
	return after;
}

/* Will the TLBs be flushed for this page, and no other? */
static bool is_flushed(struct ack_fixture *f)
{
	const struct ack_span *changed = &f->ack->changed;

	return changed->start == f->addr && changed->vma == f->vma &&
	       changed->end == f->addr + PAGE_SIZE;
}

#define EXPECT_ENTRY(test, after, expected)				\
	KUNIT_EXPECT_EQ_MSG(test, pte_val(after), pte_val(expected),	\
			    "of this entry")

/* Expect that the entry does not change, and that nothing is to be flushed. */
static void expect_untouched(struct kunit *test, pte_t entry)
{
	struct ack_fixture *f = test->priv;

	EXPECT_ENTRY(test, after_clear(test, entry), entry);
	KUNIT_EXPECT_EQ(test, f->ack->changed.end, 0);
}

/* The other bits that a present entry may have, in every combination */
enum { BIT_WRITE = 1, BIT_DIRTY = 2, BIT_YOUNG = 4, BIT_UFFD = 8, BIT_COMBINATIONS = 16 };

static pte_t present_entry(struct page *page, unsigned int bits)
{
	pte_t pte = pfn_pte(page_to_pfn(page), vm_get_page_prot(VM_READ));

	pte = pte_mkold(pte_mkclean(pte));
	if (bits & BIT_WRITE)
		pte = pte_mkwrite_novma(pte);
	if (bits & BIT_DIRTY)
		pte = pte_mkdirty(pte);
	if (bits & BIT_YOUNG)
		pte = pte_mkyoung(pte);
	if ((bits & BIT_UFFD) && !(bits & BIT_WRITE))
		pte = pte_mkuffd(pte);
	return pte_clear_soft_dirty(pte);
}

/* Expect the same page, and no change except in these two bits. */
static void expect_present(struct kunit *test, pte_t after, pte_t before,
			   bool soft_dirty, bool write)
{
	KUNIT_EXPECT_TRUE(test, pte_present(after));
	KUNIT_EXPECT_EQ(test, !!pte_soft_dirty(after), soft_dirty);
	KUNIT_EXPECT_EQ(test, !!pte_write(after), write);
	KUNIT_EXPECT_EQ(test, pte_pfn(after), pte_pfn(before));
	KUNIT_EXPECT_EQ(test, !!pte_dirty(after), !!pte_dirty(before));
	KUNIT_EXPECT_EQ(test, !!pte_young(after), !!pte_young(before));
	KUNIT_EXPECT_EQ(test, !!pte_uffd(after), !!pte_uffd(before));
	KUNIT_EXPECT_EQ(test, !!pte_special(after), !!pte_special(before));
}

static void written_pages_are_protected(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	unsigned int bits;
	pte_t pte, after;

	for (bits = 0; bits < BIT_COMBINATIONS; bits++) {
		pte = pte_mksoft_dirty(present_entry(f->page, bits));
		after = after_clear(test, pte);
		expect_present(test, after, pte, false, false);
		KUNIT_EXPECT_TRUE(test, is_flushed(f));
	}
}

/* Tracking was off, or clear_refs left it so. The next write would be missed. */
static void writable_pages_are_protected_without_the_bit(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	unsigned int bits;
	pte_t pte, after;

	for (bits = 0; bits < BIT_COMBINATIONS; bits++) {
		pte = present_entry(f->page, bits);
		if (!pte_write(pte)) {
			expect_untouched(test, pte);
			continue;
		}
		after = after_clear(test, pte);
		expect_present(test, after, pte, false, false);
		KUNIT_EXPECT_TRUE(test, is_flushed(f));
	}
}

static void pages_without_access_are_acknowledged(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	pte_t pte = pfn_pte(page_to_pfn(f->page), PAGE_NONE);
	pte_t after;

	pte = pte_mksoft_dirty(pte_mkdirty(pte));
	after = after_clear(test, pte);
	expect_present(test, after, pte, false, false);
	KUNIT_EXPECT_EQ(test, pte_protnone(after), pte_protnone(pte));

	/* Where userfaultfd tracks accesses, the next one must still fault. */
	pte = pte_mkuffd(pte);
	after = after_clear(test, pte);
	expect_present(test, after, pte, false, false);
	KUNIT_EXPECT_EQ(test, pte_protnone(after), pte_protnone(pte));
}

/* Pages that are not listed, or always have "d", keep their entries. */
static void pages_that_are_not_anonymous_are_left_alone(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	struct ack_fixture *f = test->priv;
	unsigned long zero = zero_pfn(f->addr);
	unsigned int bits;
	pte_t pte;

	KUNIT_ASSERT_NOT_NULL(test, page);
	for (bits = 0; bits < BIT_COMBINATIONS; bits++) {
		/* A file page is never writable in a private mapping. */
		pte = present_entry(page, bits & ~BIT_WRITE);
		expect_untouched(test, pte);
		expect_untouched(test, pte_mksoft_dirty(pte));
	}
	pte = pte_mkspecial(pfn_pte(zero, vm_get_page_prot(VM_READ)));
	expect_untouched(test, pte_clear_soft_dirty(pte));
	expect_untouched(test, pte_mksoft_dirty(pte));
	/* As KSM maps it */
	expect_untouched(test, pte_mksoft_dirty(pte_mkdirty(pte)));
	__free_page(page);
}

/* Raw frames are left alone even if they look like anonymous pages. */
static void raw_frames_are_left_alone(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	unsigned int bits;
	pte_t pte;

	set_vma_flags(f, VM_MIXEDMAP, 0);
	for (bits = 0; bits < BIT_COMBINATIONS; bits++) {
		pte = pte_mkspecial(present_entry(f->page, bits));
		expect_untouched(test, pte);
		expect_untouched(test, pte_mksoft_dirty(pte));
	}
	set_vma_flags(f, 0, VM_MIXEDMAP);
}

static void pages_that_are_held_keep_the_bit(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	unsigned int bits;
	pte_t pte, after;

	get_page(f->page);
	for (bits = 0; bits < BIT_COMBINATIONS; bits++) {
		pte = pte_mksoft_dirty(present_entry(f->page, bits));
		EXPECT_ENTRY(test, after_clear(test, pte), pte);
		/* The holder may write to it unseen, so set the bit. */
		pte = present_entry(f->page, bits);
		after = after_clear(test, pte);
		expect_present(test, after, pte, true, pte_write(pte));
		KUNIT_EXPECT_TRUE(test, is_flushed(f));
	}
	put_page(f->page);
}

/* A per-CPU batch may hold it, so request one drain. */
static void the_first_held_page_requests_a_drain(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	pte_t pte = pte_mksoft_dirty(present_entry(f->page, BIT_WRITE));
	int stop = 0;

	get_page(f->page);
	f->ack->drained = false;
	EXPECT_ENTRY(test, after_ack(test, pte, &stop), pte);
	KUNIT_EXPECT_EQ(test, stop, 1);
	KUNIT_EXPECT_TRUE(test, f->ack->drain);
	put_page(f->page);
}

static void relatives_that_map_a_page_do_not_hold_it(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	pte_t pte = pte_mksoft_dirty(present_entry(f->page, BIT_DIRTY));

	/* As after a fork */
	get_page(f->page);
	atomic_inc(&f->page->_mapcount);
	expect_present(test, after_clear(test, pte), pte, false, false);
	/* With another reference */
	get_page(f->page);
	EXPECT_ENTRY(test, after_clear(test, pte), pte);
	put_page(f->page);
	atomic_dec(&f->page->_mapcount);
	put_page(f->page);
}

static pte_t swap_entry_pte(pgoff_t offset, unsigned int bits)
{
	pte_t pte = swp_entry_to_pte(swp_entry(NO_DEVICE, offset));

	if (bits & 1)
		pte = pte_swp_mkexclusive(pte);
	if (bits & 2)
		pte = pte_swp_mkuffd(pte);
	return pte;
}

#ifdef CONFIG_SWAP
/* The only folio in the swap cache, under all entries, or NULL */
static struct folio *in_swap_cache;

static struct folio *fake_cached_folio(softleaf_t entry)
{
	if (in_swap_cache)
		folio_get(in_swap_cache);
	return in_swap_cache;
}

static void pages_in_swap_lose_the_bit_only(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	unsigned int bits;
	pte_t pte;

	kunit_activate_static_stub(test, cached_folio, fake_cached_folio);
	for (bits = 0; bits < 4; bits++) {
		pte = swap_entry_pte(100 + bits, bits);
		expect_untouched(test, pte);
		EXPECT_ENTRY(test, after_clear(test, pte_swp_mksoft_dirty(pte)),
			     pte);
		/* A CPU may still write to the old page. */
		KUNIT_EXPECT_TRUE(test, is_flushed(f));
	}
}

static void pages_in_the_swap_cache_may_be_held(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);
	pte_t pte = swap_entry_pte(77, 1);

	KUNIT_ASSERT_NOT_NULL(test, folio);
	kunit_activate_static_stub(test, cached_folio, fake_cached_folio);
	folio_lock(folio);
	folio_set_swapbacked(folio);
	folio_set_swapcache(folio);
	folio_get(folio);
	in_swap_cache = folio;
	/* The reference from its allocation stands for another user. */
	EXPECT_ENTRY(test, after_clear(test, pte_swp_mksoft_dirty(pte)),
		     pte_swp_mksoft_dirty(pte));
	EXPECT_ENTRY(test, after_clear(test, pte), pte_swp_mksoft_dirty(pte));

	folio_put(folio);
	EXPECT_ENTRY(test, after_clear(test, pte_swp_mksoft_dirty(pte)), pte);
	KUNIT_EXPECT_TRUE(test, is_flushed(f));
	KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 1);

	in_swap_cache = NULL;
	folio_clear_swapcache(folio);
	folio_clear_swapbacked(folio);
	folio_unlock(folio);
	folio_put(folio);
}

#endif /* CONFIG_SWAP */

/*
 * Migration holds a reference to the page, and others may as well. The entry
 * keeps the bit, or gets it if another tracker has cleared it.
 */
static void pages_under_migration_keep_the_bit_or_get_it(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	unsigned long pfn = page_to_pfn(f->page);
	swp_entry_t writable = make_writable_migration_entry(pfn);
	const swp_entry_t entries[] = {
		make_readable_migration_entry(pfn),
		make_readable_exclusive_migration_entry(pfn),
		writable,
		make_migration_entry_dirty(make_migration_entry_young(writable)),
	};
	pte_t pte;
	int i;

	if (!IS_ENABLED(CONFIG_MIGRATION))
		kunit_skip(test, "no migration in this kernel");

	lock_page(f->page);
	for (i = 0; i < 2 * ARRAY_SIZE(entries); i++) {
		swp_entry_t entry = entries[i / 2];

		pte = swp_entry_to_pte(entry);
		if (i % 2)
			pte = pte_swp_mkuffd(pte);
		expect_untouched(test, pte_swp_mksoft_dirty(pte));
		EXPECT_ENTRY(test, after_clear(test, pte),
			     pte_swp_mksoft_dirty(pte));
	}
	unlock_page(f->page);
}

/* Those that are listed always have "d", regardless of the bit. */
static void devices_errors_and_markers_are_left_alone(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	const unsigned long __maybe_unused pfn = page_to_pfn(f->page);
	pte_t entries[] = {
		no_pte(),
		make_pte_marker(PTE_MARKER_UFFD_WP),
		make_pte_marker(PTE_MARKER_POISONED),
		make_pte_marker(PTE_MARKER_GUARD),
#ifdef CONFIG_DEVICE_PRIVATE
		swp_entry_to_pte(make_readable_device_private_entry(pfn)),
		swp_entry_to_pte(make_writable_device_private_entry(pfn)),
		swp_entry_to_pte(make_device_exclusive_entry(pfn)),
#endif
#ifdef CONFIG_MEMORY_FAILURE
		swp_entry_to_pte(swp_entry(SWP_HWPOISON, pfn)),
#endif
	};
	int i;

	lock_page(f->page);
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		expect_untouched(test, entries[i]);
		if (i >= 4)
			expect_untouched(test, pte_swp_mksoft_dirty(entries[i]));
	}
	unlock_page(f->page);
}

/* Write back a line. */
static void acknowledge(struct kunit *test, unsigned long start,
			unsigned long end)
{
	struct ack_fixture *f = test->priv;
	struct iov_iter from;
	struct kvec vec;
	char line[64];

	vec.iov_base = line;
	vec.iov_len = snprintf(line, sizeof(line), "%lx-%lx apdx---\n", start,
			       end);
	iov_iter_kvec(&from, ITER_SOURCE, &vec, 1, vec.iov_len);
	KUNIT_EXPECT_EQ(test, dirty_ack_write(f->ack, &from),
			(ssize_t)vec.iov_len);
}

#ifdef CONFIG_SWAP
/*
 * Reclaim sets the swap entry first and flushes later. Until the acknowledgment,
 * this thread can still write to the page through a stale TLB entry.
 */
static void a_write_behind_a_swap_entry_is_prevented(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	void __user *p = (void __user *)f->addr;
	unsigned long before, after;
	pte_t real, *pte;
	spinlock_t *ptl;
	char byte = 2;

	kunit_activate_static_stub(test, cached_folio, fake_cached_folio);
	migrate_disable();
	write_page(test, f->addr);
	pte = lock_entry(f, &ptl);
	real = ptep_get_and_clear(f->mm, f->addr, pte);
	set_pte_at(f->mm, f->addr, pte,
		   pte_swp_mksoft_dirty(swap_entry_pte(5, 1)));
	before = copy_to_user_nofault(p, &byte, 1);
	pte_unmap_unlock(pte, ptl);

	acknowledge(test, f->addr, f->addr + PAGE_SIZE);

	after = copy_to_user_nofault(p, &byte, 1);
	pte = lock_entry(f, &ptl);
	EXPECT_ENTRY(test, ptep_get(pte), swap_entry_pte(5, 1));
	set_pte_at(f->mm, f->addr, pte, real);
	pte_unmap_unlock(pte, ptl);
	migrate_enable();

	KUNIT_EXPECT_NE(test, after, 0);
	/* A CPU may drop the TLB entry at any time; an emulated one does not. */
	if (before)
		kunit_info(test, "this CPU had already dropped its TLB entry\n");
}

#endif /* CONFIG_SWAP */

static void give_all_the_bit(struct ack_fixture *f)
{
	unsigned long addr = f->addr;
	pte_t entry, *pte;
	spinlock_t *ptl;
	int i;

	mmap_write_lock(f->mm);
	for (i = 0; i < ACK_PAGES; i++, f->addr += PAGE_SIZE) {
		pte = lock_entry(f, &ptl);
		entry = ptep_get_and_clear(f->mm, f->addr, pte);
		set_pte_at(f->mm, f->addr, pte, pte_mksoft_dirty(entry));
		pte_unmap_unlock(pte, ptl);
	}
	f->addr = addr;
	flush_tlb_mm(f->mm);
	mmap_write_unlock(f->mm);
}

static bool has_bit(struct ack_fixture *f, unsigned int i)
{
	unsigned long addr = f->addr;
	spinlock_t *ptl;
	pte_t *pte;
	bool ret;

	f->addr += i * PAGE_SIZE;
	pte = lock_entry(f, &ptl);
	ret = pte_soft_dirty(ptep_get(pte));
	pte_unmap_unlock(pte, ptl);
	f->addr = addr;
	return ret;
}

/*
 * A line acknowledges only its own pages, in batches of any size, whether or not
 * the mapping has VM_SOFTDIRTY.
 */
static void a_line_takes_effect_with_any_batch(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	const unsigned int first = 3, last = ACK_PAGES - 5;
	u32 usual = dirty_pages_batch;
	unsigned int batch, i;

	for (batch = 1; batch <= ACK_PAGES + 2; batch++) {
		WRITE_ONCE(dirty_pages_batch, batch);
		give_all_the_bit(f);
		set_vma_flags(f, batch % 2 ? VM_SOFTDIRTY : 0,
			      batch % 2 ? 0 : VM_SOFTDIRTY);
		acknowledge(test, f->addr + first * PAGE_SIZE,
			    f->addr + last * PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, !!(f->vma->vm_flags & VM_SOFTDIRTY),
				batch % 2);
		for (i = 0; i < ACK_PAGES; i++)
			KUNIT_EXPECT_EQ_MSG(test, has_bit(f, i),
					    i < first || i >= last,
					    "page %u, batches of %u", i, batch);
	}
	WRITE_ONCE(dirty_pages_batch, usual);
}

/* A hold of the lock ends when its budget of entries is used up. */
static void a_hold_covers_no_more_than_its_batch(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	struct dirty_ack *a = f->ack;
	long budget;

	for (budget = 1; budget < ACK_PAGES; budget++) {
		start_anew(a);
		a->start = f->addr;
		a->next = f->addr;
		a->end = f->addr + ACK_PAGES * PAGE_SIZE;
		mmap_write_lock(f->mm);
		a->budget = budget;
		KUNIT_EXPECT_FALSE(test, ack_rest_of_line(a));
		mmap_write_unlock(f->mm);
		flush_tlb_mm(f->mm);
		KUNIT_EXPECT_EQ(test, a->next, f->addr + budget * PAGE_SIZE);
	}
	start_anew(a);
}

/* Acknowledge all pages in one hold of the lock, and do not end it. */
static void begin_all(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	struct dirty_ack *a = f->ack;

	KUNIT_ASSERT_EQ(test, begin_batch(a), 0);
	a->start = f->addr;
	a->next = f->addr;
	a->end = f->addr + ACK_PAGES * PAGE_SIZE;
	KUNIT_EXPECT_TRUE(test, ack_rest_of_line(a));
}

/* Another acknowledgment may have cleared the entries without a flush yet. */
static void clear_entries_are_flushed_beside_others(struct kunit *test)
{
	struct ack_fixture *f = test->priv;

	give_all_the_bit(f);
	begin_all(test);
	KUNIT_EXPECT_EQ(test, to_flush(f->ack)->start, f->addr);
	KUNIT_EXPECT_EQ(test, to_flush(f->ack)->end,
			f->addr + ACK_PAGES * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, end_batch(f->ack), 0);

	begin_all(test);
	KUNIT_EXPECT_EQ(test, to_flush(f->ack)->end, 0);
	inc_tlb_flush_pending(f->mm);
	KUNIT_EXPECT_EQ(test, to_flush(f->ack)->start, f->addr);
	KUNIT_EXPECT_EQ(test, to_flush(f->ack)->end,
			f->addr + ACK_PAGES * PAGE_SIZE);
	dec_tlb_flush_pending(f->mm);
	KUNIT_EXPECT_EQ(test, end_batch(f->ack), 0);
}

#ifdef CONFIG_MMU_NOTIFIER
/**
 * struct told - an MMU notifier, and the invalidations that it saw
 * @notifier: the notifier
 * @ack: the acknowledgments that invalidate
 * @first: the lowest address of all ranges
 * @last: the address after the highest
 * @widest: the size of the largest range
 * @begun: number of invalidations that began
 * @ended: number of invalidations that ended
 * @late: number that ended before the TLBs were flushed
 */
struct told {
	struct mmu_notifier notifier;
	struct dirty_ack *ack;
	unsigned long first;
	unsigned long last;
	unsigned long widest;
	int begun;
	int ended;
	int late;
};

static int told_start(struct mmu_notifier *notifier,
		      const struct mmu_notifier_range *range)
{
	struct told *told = container_of(notifier, struct told, notifier);

	if (range->event != MMU_NOTIFY_PROTECTION_PAGE)
		return 0;
	told->first = min(told->first, range->start);
	told->last = max(told->last, range->end);
	told->widest = max(told->widest, range->end - range->start);
	told->begun++;
	return 0;
}

static void told_end(struct mmu_notifier *notifier,
		     const struct mmu_notifier_range *range)
{
	struct told *told = container_of(notifier, struct told, notifier);

	if (range->event != MMU_NOTIFY_PROTECTION_PAGE)
		return;
	told->ended++;
	told->late += told->ack->changed.end != 0;
}

static const struct mmu_notifier_ops told_ops = {
	.invalidate_range_start	= told_start,
	.invalidate_range_end	= told_end,
};

/* Each hold has one invalidation, no larger than the batch, until the flush. */
static void notifiers_are_called_before_and_after(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	struct told told = {
		.notifier.ops = &told_ops, .ack = f->ack, .first = ULONG_MAX,
	};
	u32 usual = dirty_pages_batch;
	const unsigned int batch = 7;

	KUNIT_ASSERT_EQ(test, mmu_notifier_register(&told.notifier, f->mm), 0);
	give_all_the_bit(f);
	WRITE_ONCE(dirty_pages_batch, batch);
	acknowledge(test, f->addr, f->addr + ACK_PAGES * PAGE_SIZE);
	WRITE_ONCE(dirty_pages_batch, usual);
	mmu_notifier_unregister(&told.notifier, f->mm);

	KUNIT_EXPECT_EQ(test, told.begun, DIV_ROUND_UP(ACK_PAGES, batch));
	KUNIT_EXPECT_EQ(test, told.ended, told.begun);
	KUNIT_EXPECT_EQ(test, told.late, 0);
	KUNIT_EXPECT_EQ(test, told.first, f->addr);
	KUNIT_EXPECT_GE(test, told.last, f->addr + ACK_PAGES * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, told.widest, batch * PAGE_SIZE);
}
#endif

/*
 * In a private mapping an entry without the bit never becomes writable. In a
 * shared one it may, if the whole mapping counts as written.
 */
static void entries_stay_read_only_without_the_bit(struct kunit *test)
{
	struct ack_fixture *f = test->priv;
	pte_t cleared = present_entry(f->page, BIT_DIRTY);
	pte_t written = pte_mksoft_dirty(cleared);
	const vm_flags_t flags[] = { 0, VM_SOFTDIRTY, VM_SHARED,
				     VM_SHARED | VM_SOFTDIRTY };
	struct vm_area_struct vma = { .vm_mm = f->mm };
	int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		bool tracked = i != 3;

		vm_flags_init(&vma, flags[i]);
		KUNIT_EXPECT_EQ(test, pte_needs_soft_dirty_wp(&vma, cleared), tracked);
		KUNIT_EXPECT_FALSE(test, pte_needs_soft_dirty_wp(&vma, written));
	}
}

static struct kunit_case dirty_ack_entry_cases[] = {
	KUNIT_CASE(written_pages_are_protected),
	KUNIT_CASE(writable_pages_are_protected_without_the_bit),
	KUNIT_CASE(pages_without_access_are_acknowledged),
	KUNIT_CASE(pages_that_are_not_anonymous_are_left_alone),
	KUNIT_CASE(raw_frames_are_left_alone),
	KUNIT_CASE(pages_that_are_held_keep_the_bit),
	KUNIT_CASE(the_first_held_page_requests_a_drain),
	KUNIT_CASE(relatives_that_map_a_page_do_not_hold_it),
#ifdef CONFIG_SWAP
	KUNIT_CASE(pages_in_swap_lose_the_bit_only),
	KUNIT_CASE(pages_in_the_swap_cache_may_be_held),
	KUNIT_CASE(a_write_behind_a_swap_entry_is_prevented),
#endif
	KUNIT_CASE(pages_under_migration_keep_the_bit_or_get_it),
	KUNIT_CASE(devices_errors_and_markers_are_left_alone),
	KUNIT_CASE(a_line_takes_effect_with_any_batch),
	KUNIT_CASE(a_hold_covers_no_more_than_its_batch),
	KUNIT_CASE(clear_entries_are_flushed_beside_others),
#ifdef CONFIG_MMU_NOTIFIER
	KUNIT_CASE(notifiers_are_called_before_and_after),
#endif
	KUNIT_CASE(entries_stay_read_only_without_the_bit),
	{}
};

static struct kunit_suite dirty_ack_entry_suite = {
	.name = "dirty_pages_ack_entry",
	.init = ack_entry_init,
	.test_cases = dirty_ack_entry_cases,
};

kunit_test_suite(dirty_ack_entry_suite);
