/* The ways of scenarios/subject/snapshot.h to read a record whole as a model: do their orders suffice?
 *
 * Memory as in ring.pml: the writer's stores wait in a buffer that empties in any order; a release, store or fence,
 * waits until it is empty.  Loads need not happen in program order either: the reader does them in any order that its
 * acquires allow, except that two loads of one variable keep theirs and that a place is read after its number.
 * One try to read, at any time, stands for all.
 *
 * The seqlock; with -DDOUBLE_BUFFER or -DCOPY_SWAP those.
 * Plants: -DNO_FENCE a write without its release fence, -DRELAXED one whose end is no release, -DNO_ACQUIRE_FENCE a
 * second look that is not held back, -DNO_ACQUIRE words that do not wait for the first look (where no number is needed
 * to find them), -DUNRETRIED a reader that takes whatever it read: for the copies the ABA.  -DACCEPTED fails where a
 * read is accepted, which shows that some are. */

#define WRITES 4

/* Two records of two words; the seqlock uses the first, copies take turns. */
#define WORD(k, i) (2 * (k) + (i))
#define COUNT(k) (4 + (k))
#define BEGUN 4
#define LATEST 6 /* `current` with the number of its write, and `written` */
#define VARIABLES 7

byte memory[VARIABLES];
bool waits[VARIABLES]; /* a store that is not out yet */
byte value[VARIABLES];
byte waiting;

#ifdef NO_ACQUIRE
#define WORDS_MAY true
#else
#define WORDS_MAY did[0]
#endif
#ifdef NO_ACQUIRE_FENCE
#define LOOK_MAY true
#else
#define LOOK_MAY (did[1] && did[2])
#endif

inline store(v, x) {
	atomic {
		!waits[v];
		value[v] = x;
		waits[v] = true;
		waiting++
	}
}

inline release_fence() {
#ifndef NO_FENCE
	waiting == 0
#else
	skip
#endif
}

inline store_release(v, x) {
#ifndef RELAXED
	waiting == 0;
#endif
	store(v, x)
}

inline seqlock_write(k, stamp, count) {
	store(COUNT(k), count + 1);
	release_fence();
	store(WORD(k, 0), stamp);
	store(WORD(k, 1), stamp);
	store_release(COUNT(k), count + 2)
}

proctype buffer()
{
	byte v;
end:
	do
	:: atomic {
		waiting > 0 ->
		if
		:: waits[0] -> v = 0
		:: waits[1] -> v = 1
		:: waits[2] -> v = 2
		:: waits[3] -> v = 3
		:: waits[4] -> v = 4
		:: waits[5] -> v = 5
		:: waits[6] -> v = 6
		fi;
		memory[v] = value[v];
		waits[v] = false;
		waiting--
	}
	od
}

proctype writer()
{
	byte i = 1;

	do
	:: i <= WRITES ->
#if defined(COPY_SWAP)
		store(BEGUN, i);
		release_fence();
		store(WORD(i % 2, 0), i);
		store(WORD(i % 2, 1), i);
		store_release(LATEST, i);
#elif defined(DOUBLE_BUFFER)
		seqlock_write(i % 2, i, (i - 1) / 2 * 2);
		store_release(LATEST, i);
#else
		seqlock_write(0, i, (i - 1) * 2);
#endif
		i++
	:: else -> break
	od
}

proctype reader()
{
	byte k = 0, number = 0, first, second, a, b;
	bool did[4], accepted;

#ifdef DOUBLE_BUFFER
	number = memory[LATEST];
	k = number % 2;
#endif
	do
#ifdef COPY_SWAP
	:: d_step { !did[0] -> first = memory[LATEST]; k = first % 2; did[0] = true }
	:: d_step { did[0] && !did[3] && LOOK_MAY -> second = memory[BEGUN]; did[3] = true }
#else
	:: d_step { !did[0] -> first = memory[COUNT(k)]; did[0] = true }
	:: d_step { did[0] && !did[3] && LOOK_MAY -> second = memory[COUNT(k)]; did[3] = true }
#endif
	:: d_step { !did[1] && WORDS_MAY -> a = memory[WORD(k, 0)]; did[1] = true }
	:: d_step { !did[2] && WORDS_MAY -> b = memory[WORD(k, 1)]; did[2] = true }
	:: did[1] && did[2] && did[3] -> break
	od;
#if defined(UNRETRIED)
	accepted = true;
#elif defined(COPY_SWAP)
	accepted = second >= first && second - first < 2;
#else
	accepted = first % 2 == 0 && second == first;
#endif
	if
	:: accepted ->
		assert(a == b);
#ifdef COPY_SWAP
		assert(a == first);
#elif defined(DOUBLE_BUFFER)
		assert(a >= number);
#elif !defined(UNRETRIED)
		assert(a == first / 2);
#endif
#ifdef ACCEPTED
		assert(a < 2);
#endif
	:: else
	fi
}

init
{
	atomic {
		run buffer();
		run writer();
		run reader()
	}
}
