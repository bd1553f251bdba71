/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Acknowledgments beside fork() and mremap(), which hold the mmap lock for
 * writing. A process has two addresses, between which it moves pages. A
 * tracker lists them, acknowledges the list and copies its pages, over and
 * over. After a fork the model follows the child, with a tracker of its own.
 *
 * No lost write: when the tracker lists, the image has the contents of each
 * page that is not in the list. The first list has all pages, later ones those
 * that are "d".
 *
 * There are no stale translations here, since every holder of the lock flushes
 * before it unlocks; acknowledge.pml has those.
 *
 *	here			in the kernel
 *	cleared			MMF_SOFT_DIRTY_CLEARED of mm->flags
 *	tracker()		a reader of the file, then dirty_ack_write()
 *	program()		threads of the process: page faults, mremap()
 *				with move_page_tables(), and fork(): mm_init()
 *				copies flags, then dup_mmap() copies entries
 *
 * A macro beside each rule removes the rule. Then a write is lost;
 * acknowledge.pml shows how to see the counter-example.
 */

/*
 * A soft-dirty bit was cleared in this address space, by an acknowledgment or
 * by clear_refs. The flag stays set.
 */
bool cleared;

/* The mmap lock, for writing and for reading */
bool locked;
bool is_read;

/* The entries, and whether the image has the contents of their pages */
#define EMPTY	0
#define CLEAN	1
#define DIRTY	2
byte pte[2];
bool saved[2];

/* From now on this is the child. */
bool forked;

inline mmap_write_lock()
{
	atomic { !locked && !is_read -> locked = true }
}

inline mmap_write_unlock()
{
	locked = false
}

#ifdef NO_LOCK
#define mmap_read_lock()	skip
#define mmap_read_unlock()	skip
#else
#define mmap_read_lock()	atomic { !locked -> is_read = true }
#define mmap_read_unlock()	is_read = false
#endif

/*
 * A page table moves as a whole, without reading its entries, as long as nothing
 * was cleared. Entries that are moved one by one get the bit.
 */
inline mremap(from, to)
{
	mmap_write_lock();
	d_step {
		if
#ifndef NO_FLAG
		:: cleared && pte[from] != EMPTY -> pte[to] = DIRTY
#endif
		:: else -> pte[to] = pte[from]
		fi;
		pte[from] = EMPTY;
		saved[from] = false;
		saved[to] = false
	};
	mmap_write_unlock()
}

/*
 * The child gets the entries under the lock. mm_init() copies the flags earlier:
 * entries may have been cleared since.
 */
inline fork()
{
#ifdef FLAG_COPIED_EARLY
	copied = cleared;
#endif
	mmap_write_lock();
#ifndef FLAG_COPIED_EARLY
	copied = cleared;
#endif
	d_step {
		cleared = copied;
		copied = false;
		saved[0] = false;
		saved[1] = false;
		forked = true
	};
	mmap_write_unlock()
}

/* A write fault, or the first touch of a page, which is born with the bit */
inline fault(addr)
{
	atomic { !locked -> pte[addr] = DIRTY; saved[addr] = false }
}

proctype program()
{
	bool copied;

	do
	:: fault(0)
	:: fault(1)
	:: mremap(0, 1)
	:: mremap(1, 0)
	:: fork()
	od
}

inline list()
{
	for (addr : 0 .. 1) {
		atomic { !locked ->
			listed[addr] = pte[addr] == DIRTY ||
				       (pte[addr] == CLEAN && is_first);
			assert(pte[addr] == EMPTY || listed[addr] ||
			       saved[addr]) }
	}
	is_first = false
}

/* The flag is set before any bit is cleared. */
inline acknowledge(addr)
{
	mmap_read_lock();
#ifndef FLAG_SET_LATE
	cleared = true;
#endif
	d_step { if :: pte[addr] != EMPTY -> pte[addr] = CLEAN :: else fi };
	mmap_read_unlock();
#ifdef FLAG_SET_LATE
	cleared = true
#endif
}

inline copy(addr)
{
	atomic { !locked ->
		if :: pte[addr] != EMPTY -> saved[addr] = true :: else fi;
		listed[addr] = false }
}

proctype tracker()
{
	bool listed[2], is_first = true;
	byte addr;

restart:
	{
		do
		::
			list();
			for (addr : 0 .. 1) {
				if
				:: listed[addr] -> acknowledge(addr)
				:: else
				fi
			}
			for (addr : 0 .. 1) {
				if
				:: listed[addr] -> copy(addr)
				:: else
				fi
			}
			addr = 0
		od
	} unless {
		/* The child's tracker begins. */
		atomic { forked ->
			forked = false;
			is_first = true;
			listed[0] = false;
			listed[1] = false;
			addr = 0;
			goto restart }
	}
}

init
{
	atomic {
		run program();
		run tracker()
	}
}
