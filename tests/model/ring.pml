/* The sleeping ring of scenarios/subject/shm_ring_futex.h as a model: do its orderings suffice?
 *
 * x86 hides a missing release or fence, so spin looks instead.  Memory here is weaker than x86: each
 * thread's stores wait in a buffer that empties in any order (one waiting store a variable).  A release
 * store waits until the thread's earlier stores are out; a seq_cst fence until all are.  Loads happen in
 * program order, which is what the acquire loads of the code ask for.  A sleep has no timeout here: a lost
 * wake-up is a state from which nothing goes on, which spin reports as an invalid end state.
 *
 * -DRELAXED plants a publication without release, -DNO_FENCE a wake-up without its fence. */

#define MESSAGES 4
#define CAPACITY 2

#define DATA 0 /* and 1 */
#define HEAD 2
#define TAIL 3
#define CONSUMER_SLEEPS 4
#define PRODUCER_SLEEPS 5
#define VARIABLES 6

#define PRODUCER 0
#define CONSUMER 1

byte memory[VARIABLES];
bool waits[12]; /* thread x variable: a store that is not out yet */
byte value[12];
byte waiting[2]; /* stores that wait, by thread */

#define AT(t, v) ((t) * VARIABLES + (v))

inline store(t, v, x) {
	atomic {
		!waits[AT(t, v)];
		value[AT(t, v)] = x;
		waits[AT(t, v)] = true;
		waiting[t]++
	}
}

inline load(t, v, out) {
	d_step {
		if
		:: waits[AT(t, v)] -> out = value[AT(t, v)]
		:: else -> out = memory[v]
		fi
	}
}

inline fence(t) {
	waiting[t] == 0
}

inline publish(t, v, x) {
#ifndef RELAXED
	waiting[t] == 0;
#endif
	store(t, v, x)
}

/* ring_wake() */
inline wake(t, sleeps, seen) {
#ifndef NO_FENCE
	fence(t);
#endif
	load(t, sleeps, seen);
	if
	:: seen -> store(t, sleeps, 0)
	:: else
	fi
}

/* The kernel looks at memory itself. */
inline futex_sleep(sleeps) {
	memory[sleeps] == 0
}

proctype buffer(byte t)
{
	byte v;
end:
	do
	:: atomic {
		waiting[t] > 0 ->
		if
		:: waits[AT(t, 0)] -> v = 0
		:: waits[AT(t, 1)] -> v = 1
		:: waits[AT(t, 2)] -> v = 2
		:: waits[AT(t, 3)] -> v = 3
		:: waits[AT(t, 4)] -> v = 4
		:: waits[AT(t, 5)] -> v = 5
		fi;
		memory[v] = value[AT(t, v)];
		waits[AT(t, v)] = false;
		waiting[t]--
	}
	od
}

proctype producer()
{
	byte i = 0, tail, seen;

	do
	:: i < MESSAGES ->
		do
		:: load(PRODUCER, TAIL, tail);
			if
			:: i - tail < CAPACITY -> break
			:: else
			fi;
			store(PRODUCER, PRODUCER_SLEEPS, 1);
			fence(PRODUCER);
			load(PRODUCER, TAIL, tail);
			if
			:: i - tail < CAPACITY -> store(PRODUCER, PRODUCER_SLEEPS, 0); break
			:: else -> futex_sleep(PRODUCER_SLEEPS)
			fi
		od;
		store(PRODUCER, DATA + i % CAPACITY, i + 1);
		publish(PRODUCER, HEAD, i + 1);
		wake(PRODUCER, CONSUMER_SLEEPS, seen);
		i++
	:: else -> break
	od
}

proctype consumer()
{
	byte i = 0, head, seen, message;

	do
	:: i < MESSAGES ->
		do
		:: load(CONSUMER, HEAD, head);
			if
			:: head > i -> break
			:: else
			fi;
			store(CONSUMER, CONSUMER_SLEEPS, 1);
			fence(CONSUMER);
			load(CONSUMER, HEAD, head);
			if
			:: head > i -> store(CONSUMER, CONSUMER_SLEEPS, 0); break
			:: else -> futex_sleep(CONSUMER_SLEEPS)
			fi
		od;
		load(CONSUMER, DATA + i % CAPACITY, message);
		assert(message == i + 1);
		publish(CONSUMER, TAIL, i + 1);
		wake(CONSUMER, PRODUCER_SLEEPS, seen);
		i++
	:: else -> break
	od
}

init
{
	atomic {
		run buffer(PRODUCER);
		run buffer(CONSUMER);
		run producer();
		run consumer()
	}
}
