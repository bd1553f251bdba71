// SPDX-License-Identifier: GPL-2.0
/*
 * The page walk with FOLL_DIRTY, through get_dirty_page(), in a private mapping
 * of a file, and for entries that do not last in a real process. Clean pages must
 * be reported without being touched.
 */
#include <kunit/test.h>
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/uaccess.h>

#define FILE_PAGES	8

/**
 * struct gup_fixture - data that the cases share
 * @file: a file of FILE_PAGES pages, all present in memory
 * @mm: this thread's address space
 * @anon: address of an anonymous mapping of the same size, with no page present
 */
struct gup_fixture {
	struct file *file;
	struct mm_struct *mm;
	unsigned long anon;
};

static void undo_file(void *data)
{
	fput(data);
}

static unsigned long map(struct kunit *test, struct file *file,
			 unsigned long prot, unsigned long flags)
{
	unsigned long addr;

	addr = kunit_vm_mmap(test, file, 0, FILE_PAGES * PAGE_SIZE, prot, flags,
			     0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	return addr;
}

static unsigned long map_private(struct kunit *test, struct file *file)
{
	return map(test, file, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static unsigned long at(unsigned long addr, unsigned int page)
{
	return addr + page * PAGE_SIZE;
}

static void read_page(struct kunit *test, unsigned long addr)
{
	char byte;

	KUNIT_EXPECT_EQ(test, copy_from_user(&byte, (void __user *)addr, 1), 0);
}

static void write_page(struct kunit *test, unsigned long addr)
{
	char byte = 1;

	KUNIT_EXPECT_EQ(test, copy_to_user((void __user *)addr, &byte, 1), 0);
}

static int gup_test_init(struct kunit *test)
{
	struct gup_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct page *page;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->file = shmem_file_setup("dirty_pages_kunit", FILE_PAGES * PAGE_SIZE,
				   EMPTY_VMA_FLAGS);
	KUNIT_ASSERT_FALSE(test, IS_ERR(f->file));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, undo_file,
							f->file), 0);
	for (i = 0; i < FILE_PAGES; i++) {
		page = shmem_read_mapping_page(f->file->f_mapping, i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(page));
		put_page(page);
	}
	f->anon = map(test, NULL, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS);
	f->mm = current->mm;
	return 0;
}

/* Call get_dirty_page(), and drop the reference that it returned. */
static struct page *ask(struct kunit *test, unsigned long addr)
{
	struct gup_fixture *f = test->priv;
	struct page *page;
	int locked = 1;

	mmap_read_lock(f->mm);
	page = get_dirty_page(f->mm, addr, &locked);
	if (locked)
		mmap_read_unlock(f->mm);
	if (!IS_ERR_OR_NULL(page)) {
		KUNIT_EXPECT_GT(test, page_count(page), 1);
		put_page(page);
	}
	return page;
}

/* Expect a clean page, and that nothing was faulted in to find out. */
static void expect_clean(struct kunit *test, unsigned long addr)
{
	struct gup_fixture *f = test->priv;
	unsigned long rss = get_mm_rss(f->mm);
	unsigned long tables = mm_pgtables_bytes(f->mm);

	KUNIT_EXPECT_PTR_EQ(test, ask(test, addr), NULL);
	KUNIT_EXPECT_EQ(test, get_mm_rss(f->mm), rss);
	KUNIT_EXPECT_EQ(test, mm_pgtables_bytes(f->mm), tables);
}

static void expect_error(struct kunit *test, unsigned long addr, int error)
{
	KUNIT_EXPECT_EQ(test, PTR_ERR(ask(test, addr)), error);
}

/* Expect the private copy, not the page of the file. */
static void expect_copy(struct kunit *test, unsigned long addr)
{
	struct page *page = ask(test, addr);

	KUNIT_EXPECT_FALSE(test, IS_ERR_OR_NULL(page));
	if (!IS_ERR_OR_NULL(page))
		KUNIT_EXPECT_TRUE(test, PageAnon(page));
}

static void pages_of_a_file_are_dirty_once_written(struct kunit *test)
{
	struct gup_fixture *f = test->priv;
	unsigned long addr = map_private(test, f->file);
	unsigned int i;

	/* No page table yet, and then an empty one */
	for (i = 0; i < FILE_PAGES; i++)
		expect_clean(test, at(addr, i));
	read_page(test, at(addr, 1));
	write_page(test, at(addr, 2));
	read_page(test, at(addr, 3));
	write_page(test, at(addr, 3));
	for (i = 0; i < FILE_PAGES; i++) {
		if (i == 2 || i == 3)
			expect_copy(test, at(addr, i));
		else
			expect_clean(test, at(addr, i));
	}
}

static void anonymous_pages_are_dirty_once_written(struct kunit *test)
{
	struct gup_fixture *f = test->priv;

	expect_clean(test, f->anon);
	read_page(test, at(f->anon, 1));
	expect_clean(test, at(f->anon, 1));
	write_page(test, at(f->anon, 2));
	expect_copy(test, at(f->anon, 2));
	/* A write replaces the zero page. */
	write_page(test, at(f->anon, 1));
	expect_copy(test, at(f->anon, 1));
	expect_clean(test, f->anon);
}

/* The scenarios of 2010: a page beyond the end is clean, not an error. */
static void pages_beyond_the_end_of_a_file_are_clean(struct kunit *test)
{
	struct gup_fixture *f = test->priv;
	unsigned long addr = map_private(test, f->file);
	char byte = 1;

	write_page(test, at(addr, 5));
	write_page(test, at(addr, 2));
	read_page(test, at(addr, 6));
	KUNIT_ASSERT_EQ(test, vfs_truncate(&f->file->f_path, 4 * PAGE_SIZE), 0);
	expect_copy(test, at(addr, 2));
	expect_clean(test, at(addr, 5));
	expect_clean(test, at(addr, 6));
	expect_clean(test, at(addr, 7));
	/* Touching it is an error. */
	KUNIT_EXPECT_NE(test, copy_to_user((void __user *)at(addr, 5), &byte, 1),
			0);

	KUNIT_ASSERT_EQ(test, vfs_truncate(&f->file->f_path,
					   FILE_PAGES * PAGE_SIZE), 0);
	expect_clean(test, at(addr, 5));
	read_page(test, at(addr, 5));
	expect_clean(test, at(addr, 5));
	write_page(test, at(addr, 5));
	expect_copy(test, at(addr, 5));
}

static void shared_mappings_are_refused(struct kunit *test)
{
	struct gup_fixture *f = test->priv;
	unsigned long addr = map(test, f->file, PROT_READ | PROT_WRITE,
				 MAP_SHARED);

	expect_error(test, addr, -EINVAL);
	write_page(test, at(addr, 1));
	expect_error(test, at(addr, 1), -EINVAL);
}

/* Pages without write access may be written with FOLL_FORCE, as by ptrace. */
static void pages_without_access_may_be_dirty(struct kunit *test)
{
	struct gup_fixture *f = test->priv;
	unsigned long none, code;
	char byte = 1;

	none = map(test, NULL, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
	code = map(test, f->file, PROT_READ, MAP_PRIVATE);
	read_page(test, code);
	KUNIT_EXPECT_EQ(test, access_remote_vm(f->mm, at(none, 1), &byte, 1,
					       FOLL_WRITE | FOLL_FORCE), 1);
	KUNIT_EXPECT_EQ(test, access_remote_vm(f->mm, at(code, 1), &byte, 1,
					       FOLL_WRITE | FOLL_FORCE), 1);
	expect_clean(test, none);
	expect_copy(test, at(none, 1));
	expect_clean(test, code);
	expect_copy(test, at(code, 1));
	expect_clean(test, at(code, 2));
}

/* Set an entry by hand, at the address of a page that was never touched. */
static void put_entry(struct kunit *test, unsigned long addr, pte_t entry)
{
	struct gup_fixture *f = test->priv;
	spinlock_t *ptl;
	pte_t *pte;

	pte = pte_offset_map_lock(f->mm, pmd_off(f->mm, addr), addr, &ptl);
	KUNIT_ASSERT_NOT_NULL(test, pte);
	set_pte_at(f->mm, addr, pte, entry);
	pte_unmap_unlock(pte, ptl);
}

/* Make the entry empty again. */
static void clear_entry(struct kunit *test, unsigned long addr)
{
	struct gup_fixture *f = test->priv;
	spinlock_t *ptl;
	pte_t *pte;

	pte = pte_offset_map_lock(f->mm, pmd_off(f->mm, addr), addr, &ptl);
	KUNIT_ASSERT_NOT_NULL(test, pte);
	pte_clear(f->mm, addr, pte);
	pte_unmap_unlock(pte, ptl);
}

static bool entry_is(struct kunit *test, unsigned long addr, pte_t entry)
{
	struct gup_fixture *f = test->priv;
	spinlock_t *ptl;
	pte_t *pte;
	bool same;

	pte = pte_offset_map_lock(f->mm, pmd_off(f->mm, addr), addr, &ptl);
	KUNIT_ASSERT_NOT_NULL(test, pte);
	same = pte_same(ptep_get(pte), entry);
	pte_unmap_unlock(pte, ptl);
	return same;
}

/* From KSM or UFFDIO_ZEROPAGE: the file may have other contents. */
static void the_zero_page_is_dirty_over_a_file_only(struct kunit *test)
{
	struct gup_fixture *f = test->priv;
	unsigned long addr = map_private(test, f->file);
	pte_t zero = pte_mkspecial(pfn_pte(zero_pfn(addr), vm_get_page_prot(VM_READ)));

	write_page(test, addr);
	write_page(test, f->anon);
	put_entry(test, at(addr, 1), zero);
	put_entry(test, at(f->anon, 1), zero);
	KUNIT_EXPECT_PTR_EQ(test, ask(test, at(addr, 1)), ZERO_PAGE(addr));
	expect_clean(test, at(f->anon, 1));
	clear_entry(test, at(addr, 1));
	clear_entry(test, at(f->anon, 1));
	expect_clean(test, at(addr, 1));
}

/* Touching a marker would replace it by a page, or fail at a guard marker. */
static void marker_is_clean_and_stays(struct kunit *test, pte_marker type)
{
	struct gup_fixture *f = test->priv;
	unsigned long addr = map_private(test, f->file);
	pte_t marker = make_pte_marker(type);

	write_page(test, addr);
	write_page(test, f->anon);
	put_entry(test, at(addr, 1), marker);
	put_entry(test, at(f->anon, 1), marker);
	expect_clean(test, at(addr, 1));
	expect_clean(test, at(f->anon, 1));
	KUNIT_EXPECT_TRUE(test, entry_is(test, at(addr, 1), marker));
	KUNIT_EXPECT_TRUE(test, entry_is(test, at(f->anon, 1), marker));
	clear_entry(test, at(addr, 1));
	clear_entry(test, at(f->anon, 1));
}

static void markers_are_clean_and_stay(struct kunit *test)
{
	marker_is_clean_and_stays(test, PTE_MARKER_UFFD_WP);
	marker_is_clean_and_stays(test, PTE_MARKER_GUARD);
}

/* Lost contents are neither clean nor available. */
static void lost_pages_have_their_own_error(struct kunit *test)
{
	struct gup_fixture *f = test->priv;

	write_page(test, f->anon);
	put_entry(test, at(f->anon, 1), make_pte_marker(PTE_MARKER_POISONED));
	expect_error(test, at(f->anon, 1), -EHWPOISON);
	clear_entry(test, at(f->anon, 1));
#ifdef CONFIG_MEMORY_FAILURE
	put_entry(test, at(f->anon, 1), swp_entry_to_pte(swp_entry(SWP_HWPOISON, 1)));
	expect_error(test, at(f->anon, 1), -EHWPOISON);
	clear_entry(test, at(f->anon, 1));
#endif
}

static void addresses_outside_of_mappings_are_errors(struct kunit *test)
{
	struct gup_fixture *f = test->priv;

	expect_error(test, 0, -EFAULT);
	expect_error(test, f->mm->task_size - PAGE_SIZE, -EFAULT);
}

/* PAGE_TABLE_CHECK warns of such an entry, unless it is a plain store. */
static void change_entry(struct kunit *test, unsigned long addr, bool soft_dirty)
{
	struct gup_fixture *f = test->priv;
	spinlock_t *ptl;
	pte_t *ptep, pte;

	ptep = pte_offset_map_lock(f->mm, pmd_off(f->mm, addr), addr, &ptl);
	KUNIT_ASSERT_NOT_NULL(test, ptep);
	pte = ptep_get(ptep);
	pte = soft_dirty ? pte_mksoft_dirty(pte) : pte_clear_soft_dirty(pte);
	WRITE_ONCE(*ptep, pte);
	pte_unmap_unlock(ptep, ptl);
}

/* The kernel is not known to create such an entry. */
static void entries_that_hide_writes_are_found(struct kunit *test)
{
	struct gup_fixture *f = test->priv;
	struct verify *v;

	if (!pgtable_supports_soft_dirty())
		kunit_skip(test, "no soft-dirty bits in this kernel");
	v = kvzalloc(sizeof(*v), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, v);
	write_page(test, at(f->anon, 2));
	write_page(test, at(f->anon, 3));
	change_entry(test, at(f->anon, 3), false);
	v->mm = f->mm;
	v->start = f->anon;
	v->end = at(f->anon, FILE_PAGES);
	mmap_read_lock(f->mm);
	ask_entries(v);
	mmap_read_unlock(f->mm);
	KUNIT_EXPECT_EQ(test, bitmap_weight(v->unseen, CHUNK_PAGES), 1);
	KUNIT_EXPECT_TRUE(test, test_bit(3, v->unseen));
	change_entry(test, at(f->anon, 3), true);
	kvfree(v);
}

static struct kunit_case dirty_gup_cases[] = {
	KUNIT_CASE(pages_of_a_file_are_dirty_once_written),
	KUNIT_CASE(anonymous_pages_are_dirty_once_written),
	KUNIT_CASE(pages_beyond_the_end_of_a_file_are_clean),
	KUNIT_CASE(shared_mappings_are_refused),
	KUNIT_CASE(pages_without_access_may_be_dirty),
	KUNIT_CASE(the_zero_page_is_dirty_over_a_file_only),
	KUNIT_CASE(markers_are_clean_and_stay),
	KUNIT_CASE(lost_pages_have_their_own_error),
	KUNIT_CASE(addresses_outside_of_mappings_are_errors),
	KUNIT_CASE(entries_that_hide_writes_are_found),
	{}
};

static struct kunit_suite dirty_gup_suite = {
	.name = "dirty_pages_gup",
	.init = gup_test_init,
	.test_cases = dirty_gup_cases,
};

kunit_test_suite(dirty_gup_suite);
