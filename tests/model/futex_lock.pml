/* The three-state futex lock of scenarios/subject/locks.h as a model: does it exclude, and does it wake?
 *
 * Memory as in ring.pml: each process' plain stores wait in a buffer that empties in any order; an atomic
 * read-modify-write acts on memory at once, one that releases after the earlier stores are out.  The futex has no
 * timeout here: a lost wake-up is a state from which nothing goes on.
 *
 * -DRELAXED plants an unlock without release, -DNO_CONTENDED a waiter that does not say that it waits. */

#define WORKERS 3
#define ROUNDS 2

byte word;             /* 0 free, 1 taken, 2 taken and somebody may sleep */
byte counter;          /* plain, under the lock */
bool waits[WORKERS];   /* a store to the counter that is not out yet */
byte value[WORKERS];
bool asleep[WORKERS];
byte inside, done;

#ifdef NO_CONTENDED
#define CONTENDED 1
#else
#define CONTENDED 2
#endif

inline read_counter(t, out) {
	d_step {
		if
		:: waits[t] -> out = value[t]
		:: else -> out = counter
		fi
	}
}

/* What is stored becomes visible some time. */
proctype buffer(byte t)
{
end:
	do
	:: d_step { waits[t] -> counter = value[t]; waits[t] = false }
	od
}

inline wake_one() {
	atomic {
		if
		:: asleep[0] -> asleep[0] = false
		:: asleep[1] -> asleep[1] = false
		:: asleep[2] -> asleep[2] = false
		:: else
		fi
	}
}

proctype worker(byte t)
{
	byte round = 0, seen, c;

	do
	:: round < ROUNDS ->
		/* lock */
		atomic {
			seen = word;
			if
			:: seen == 0 -> word = 1
			:: else
			fi
		}
		if
		:: seen == 0
		:: else ->
			atomic { seen = word; word = CONTENDED }
			do
			:: seen == 0 -> break
			:: else ->
				/* FUTEX_WAIT looks and falls asleep in one step. */
				atomic {
					if
					:: word == CONTENDED -> asleep[t] = true
					:: else
					fi
				}
				!asleep[t];
				atomic { seen = word; word = CONTENDED }
			od
		fi;
		inside++;
		assert(inside == 1);
		read_counter(t, c);
		value[t] = c + 1;
		waits[t] = true;
		inside--;
		/* unlock */
#ifndef RELAXED
		!waits[t];
#endif
		atomic { seen = word; word = word - 1 }
		if
		:: seen == 1
		:: else ->
			word = 0;
			wake_one()
		fi;
		round++
	:: else -> break
	od;
	!waits[t];
	done++;
	if
	:: done == WORKERS -> assert(counter == WORKERS * ROUNDS)
	:: else
	fi
}

init
{
	atomic {
		run buffer(0);
		run buffer(1);
		run buffer(2);
		run worker(0);
		run worker(1);
		run worker(2)
	}
}
