/* The slots of scenarios/subject/shm_slots.h as a model: do their orders suffice?
 *
 * Memory as in snapshot.pml: the producer's stores wait in a buffer that empties in any order; a release waits until it
 * is empty.  The consumer reads the words of a message in any order, and tells its count as soon as its orders allow.
 *
 * Plants: -DRELAXED a state that is published without release, -DNO_ACQUIRE words that do not wait for the state,
 * -DRELAXED_TAIL a count that is told before the words are read, -DNO_ROOM a producer that does not wait for room,
 * -DFLAG a state that says that there is a message, and not which. */

#define MESSAGES 5
#define SLOTS 2

/* Two slots of two words and a state. */
#define WORD(k, i) (3 * (k) + (i))
#define STATE(k) (3 * (k) + 2)
#define VARIABLES 6

byte memory[VARIABLES];
byte tail;             /* messages taken, as the producer may know it */
bool waits[VARIABLES]; /* a store that is not out yet */
byte value[VARIABLES];
byte waiting;

#ifdef NO_ACQUIRE
#define WORDS_MAY true
#else
#define WORDS_MAY seen
#endif
#ifdef RELAXED_TAIL
#define TAIL_MAY seen
#else
#define TAIL_MAY (read[0] && read[1])
#endif
#ifdef FLAG
#define IS_DUE(state, i) (state != 0)
#else
#define IS_DUE(state, i) (state == i + 1)
#endif

inline store(v, x) {
	atomic {
		!waits[v];
		value[v] = x;
		waits[v] = true;
		waiting++
	}
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
		fi;
		memory[v] = value[v];
		waits[v] = false;
		waiting--
	}
	od
}

proctype producer()
{
	byte i = 0;

	do
	:: i < MESSAGES ->
#ifndef NO_ROOM
		i - tail < SLOTS;
#endif
		store(WORD(i % SLOTS, 0), i + 1);
		store(WORD(i % SLOTS, 1), i + 1);
#ifndef RELAXED
		waiting == 0;
#endif
		store(STATE(i % SLOTS), i + 1);
		i++
	:: else -> break
	od
}

proctype consumer()
{
	byte i = 0, word[2];
	bool seen, told, read[2];

	do
	:: i < MESSAGES ->
		seen = false;
		told = false;
		read[0] = false;
		read[1] = false;
		do
		:: atomic { !seen && IS_DUE(memory[STATE(i % SLOTS)], i) -> seen = true }
		:: atomic { WORDS_MAY && !read[0] -> word[0] = memory[WORD(i % SLOTS, 0)]; read[0] = true }
		:: atomic { WORDS_MAY && !read[1] -> word[1] = memory[WORD(i % SLOTS, 1)]; read[1] = true }
		:: atomic { seen && TAIL_MAY && !told -> tail = i + 1; told = true }
		:: seen && told && read[0] && read[1] -> break
		od;
		assert(word[0] == i + 1 && word[1] == i + 1);
		i++
	:: else -> break
	od
}

init
{
	atomic {
		run buffer();
		run producer();
		run consumer()
	}
}
