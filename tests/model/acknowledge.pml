/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The acknowledgment of a page. Two processes acknowledge and copy the page,
 * over and over, each by its own descriptor of /proc/<pid>/dirty_pages, while
 * it is written to (writers.pml).
 *
 * "No lost write": whenever the page-table lock (PTL) is free and the entry is
 * not listed as "d", the page has the contents of each copy that answers for
 * it. A copy answers if an acknowledgment came before it, until another
 * acknowledgment clears the bit of the entry. From then on the copy after that
 * one answers.
 *
 * The page is anonymous and exclusive. The model does not have its contents:
 * it only notes for each copy whether they differ from it. The mmap lock is
 * left out: everything here runs with the lock held for reading, or without it.
 * fork.pml has fork() and mremap(), which hold it for writing.
 *
 * acknowledger() is dirty_ack_write(), with one hold of the mmap lock and a
 * batch of one entry. listing() is a read of the file at any moment.
 *
 * A macro beside each rule removes the rule. Then a write is lost. These commands
 * show the shortest path to it:
 *
 *	spin -DNO_FLUSH -a acknowledge.pml && gcc -DSAFETY -DBFS -o pan pan.c
 *	./pan; spin -DNO_FLUSH -t -p -g -l acknowledge.pml
 */
#include "writers.pml"

/* mm->tlb_flush_pending */
byte tlb_flush_pending;

/* It has read the entry, and the other acknowledger has not cleared it since. */
bool answers[2];

/*
 * The store buffer of the CPU that holds the PTL. Unlocking releases the
 * earlier stores, so it waits until the buffer is empty, and one buffer is
 * enough. Others that change the entry load nothing between their store and
 * the unlock: their stores need no buffer.
 */
byte stored;
bool is_stored;

proctype store_buffer()
{
	do
	:: atomic { is_stored -> pte = stored; is_stored = false; stored = 0 }
	od
}

inline set_pte(value)
{
	d_step { stored = value; is_stored = true }
}

/* The listing also says "d" of a writable entry without the bit. */
#define is_listed(pte)	(((pte) & (SOFT_DIRTY | WRITE)) != 0)

/*
 * The entry has lost the bit: only this acknowledgment answers for the page
 * now. A swap entry and a read-only one need the flush as well: reclaim and
 * NUMA hinting change the entry first and flush later. An entry with its bit
 * given back needs none.
 */
inline cleared(old)
{
	d_step {
		answers[1 - me] = false;
		copy[1 - me] = NONE;
#ifndef COPY_FIRST
		copy[me] = NONE;
#endif
#if defined(NO_FLUSH_OF_SWAPPED)
		flush = !(old & SWAPPED)
#elif defined(NO_FLUSH_OF_READ_ONLY)
		flush = (old & WRITE) || (old & SWAPPED)
#else
		flush = true
#endif
	}
}

/*
 * Change the entry, then read the references, with smp_mb() in between.
 * GUP-fast takes its reference, then reads the entry again. At least one of the
 * two sees the other. A batch does the same with many entries and one smp_mb().
 *
 * ptep_modify_prot_start() and _commit() are one store here. The empty entry
 * between them allows nothing that the old or the new one does not allow.
 *
 * Check the references even if the entry is clean: clear_refs may have cleared it
 * without a check.
 */
inline acknowledge_present(old)
{
#ifdef REFERENCES_FIRST
	held = references > 0;
#endif
	if
	:: is_listed(old) ->
		set_pte(old & ~(SOFT_DIRTY | WRITE));
#ifndef NO_BARRIER
		!is_stored	/* smp_mb() */
#endif
	:: else
	fi;
#if defined(CLEAN_NOT_ASKED)
	held = is_listed(old) && references > 0;
#elif !defined(REFERENCES_FIRST)
	held = references > 0;
#endif
	if
#ifndef NOT_GIVEN_BACK
	:: held -> set_pte(old | SOFT_DIRTY)
#else
	:: held -> skip
#endif
	:: !held && is_listed(old) -> cleared(old)
	:: else
	fi
}

/* Nobody gets a new reference by a swap entry, so the order does not matter. */
inline acknowledge_swapped(old)
{
	held = references > 0;
	if
	:: held -> set_pte(old | SOFT_DIRTY)
	:: !held && is_listed(old) -> set_pte(old & ~SOFT_DIRTY); cleared(old)
	:: else
	fi
}

#ifdef NO_PENDING
#define inc_tlb_flush_pending()	skip
#define dec_tlb_flush_pending()	skip
#else
#define inc_tlb_flush_pending()	tlb_flush_pending++
#define dec_tlb_flush_pending()	tlb_flush_pending--
#endif

/*
 * Flush an entry that this hold has cleared. If mm_tlb_flush_nested(), flush
 * each entry that it has read: another hold may have cleared the entry and not
 * yet flushed.
 */
inline end_hold()
{
#ifndef NO_NESTED_FLUSH
	flush = flush || tlb_flush_pending > 1;
#endif
#ifdef FLUSH_AFTER_HOLD
	dec_tlb_flush_pending();
#endif
	if
#ifndef NO_FLUSH
	:: flush -> tlb[0] = false; tlb[1] = false
#endif
	:: else
	fi;
#ifndef FLUSH_AFTER_HOLD
	dec_tlb_flush_pending();
#endif
	flush = false
}

/* A copy may be outdated as soon as it has begun. */
inline copy_page()
{
	d_step {
#ifdef COPY_FIRST
		answers[me] = true;
#endif
		if :: answers[me] -> copy[me] = EQUAL :: else fi
	}
}

proctype acknowledger(bit me)
{
	byte old;
	bool held, flush;

	do
	::
#ifdef COPY_FIRST
		copy_page();
#endif
#ifndef PENDING_LATE
		inc_tlb_flush_pending();
#endif
		atomic { !ptl -> ptl = true; old = pte; answers[me] = true };
		if
		:: old & SWAPPED -> acknowledge_swapped(old)
		:: else -> acknowledge_present(old)
		fi;
		atomic { !is_stored -> ptl = false; old = 0; held = false };
#ifdef PENDING_LATE
		inc_tlb_flush_pending();
#endif
		end_hold();
		/* write() returns. */
#ifndef COPY_FIRST
		copy_page()
#endif
	od
}

proctype listing()
{
	do
	:: atomic { !ptl && !is_listed(pte) ->
		assert(copy[0] != DIFFERS && copy[1] != DIFFERS) }
	od
}

/*
 * The page was just written, or clear_refs has cleared its entry while
 * somebody held the page. clear_refs must not leave a writable entry without
 * the bit (WRITABLE_LEFT): reclaim may make it a swap entry without the bit,
 * and flush later.
 */
init
{
	atomic {
		if
		:: pte = SOFT_DIRTY | WRITE
		:: pte = 0; references = 1
#ifdef WRITABLE_LEFT
		:: pte = WRITE
#endif
		fi;
		run store_buffer();
		run acknowledger(0);
		run acknowledger(1);
		run cpu(0);
		run cpu(1);
		run entry_changes();
		run pinner(references);
		run listing()
	}
}
