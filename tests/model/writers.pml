/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page of a process, and everything in the kernel that may write to it,
 * independent of acknowledgments. Included by acknowledge.pml.
 *
 *	here			in the kernel
 *	cpu()			page walks of the hardware, and writes by
 *				threads of the process; only a flush removes a
 *				translation
 *	entry_changes()		do_wp_page(), change_prot_numa(),
 *				do_numa_page(), try_to_unmap_one(),
 *				do_swap_page()
 *	pinner()		gup_fast_pte_range() or follow_page_pte(), then
 *				a device or a kernel thread that writes
 */

/* The entry: it is present unless SWAPPED is set, and WRITE implies present. */
#define SOFT_DIRTY	1
#define WRITE		2
#define SWAPPED		4
byte pte;

/* The page-table lock. Page walks and GUP-fast do without. */
bool ptl;

/* Does the CPU have a translation that allows to write? */
bool tlb[2];

/* References to the page beyond those of mappings and the swap cache */
byte references;

/* The copies of the two acknowledgers, compared with the page */
#define NONE	0
#define EQUAL	1
#define DIFFERS	2
byte copy[2];

inline write_to_page()
{
	d_step {
		if :: copy[0] == EQUAL -> copy[0] = DIFFERS :: else fi;
		if :: copy[1] == EQUAL -> copy[1] = DIFFERS :: else fi
	}
}

proctype cpu(bit me)
{
	do
	:: atomic { pte & WRITE -> tlb[me] = true }
	:: atomic { tlb[me] -> write_to_page() }
	od
}

/*
 * Only a write fault makes an entry without the bit writable, and FOLL_FORCE
 * does not write by such an entry: pte_needs_soft_dirty_wp(). NO_WP is a
 * kernel that stops tracking, as for a mapping with VM_SOFTDIRTY.
 */
#ifdef NO_WP
#define may_be_writable(pte)	(!((pte) & SWAPPED))
#else
#define may_be_writable(pte)	(!((pte) & SWAPPED) && ((pte) & SOFT_DIRTY))
#endif

/* Other code flushes sooner or later; here it never does, which allows more. */
proctype entry_changes()
{
	do
	/* A write fault sets the bit by pte_mkdirty(). */
	:: atomic { !ptl && !(pte & SWAPPED) -> pte = SOFT_DIRTY | WRITE }
	/* NUMA hinting removes the permission, and restores it. */
	:: atomic { !ptl && (pte & WRITE) -> pte = pte & ~WRITE }
	:: atomic { !ptl && may_be_writable(pte) -> pte = pte | WRITE }
	/* Reclaim, and a fault that finds the page in the swap cache */
	:: atomic { !ptl && !(pte & SWAPPED) ->
		pte = SWAPPED | (pte & SOFT_DIRTY) }
	:: atomic { !ptl && (pte & SWAPPED) -> pte = pte & ~SWAPPED }
	od
}

proctype pinner(bool holds)
{
	byte saw;

	if :: holds -> goto holding :: else fi;
again:
	if
	/* GUP-fast: try_grab_folio_fast() is a full barrier. */
	:: atomic { pte & WRITE -> saw = pte };
		references++;
		if
		:: atomic { pte == saw -> saw = 0 }
		:: atomic { pte != saw -> saw = 0; references--; goto again }
		fi
	/* GUP takes the reference under the PTL. */
	:: atomic { !ptl && may_be_writable(pte) -> references++ }
	fi;
holding:
	do
	:: write_to_page()
	:: atomic { references--; goto again }
	od
}
