/* Every lock between processes with random delays: not one addition under it is lost.
 * usage: stress_locks LOCK [unlocked|early|unwoken|none [SECONDS]]
 *   unlocked: one addition in four is done without the lock; early: the lock is given back before the protected write, which
 *   is what an unlock without release allows; unwoken: the futex lock is given back without its wake-up */
#define LOCKS_OWN
#include "crew.h"

#include "subject/locks.h"

#define PROCESSES 3u
/* Of each process in a round.  Locks that spin hand themselves on to processes that do not run: fewer. */
#define ADDITIONS       1000u
#define ADDITIONS_SPINS 100u

struct shared {
	struct crew crew;
	struct lock_shared lock;
	alignas(SM_LINE_PAIR) volatile uint64_t count; /* under the lock */
	struct {
		alignas(SM_LINE_PAIR) ck_spinlock_mcs_context_t node;
	} place[PROCESSES];
};

static struct shared *shared;
static struct lock_own own;
static enum lock_kind kind;
static unsigned additions;

static void give(void)
{
	if (planted("unwoken"))
		atomic_store(&shared->lock.word, 0);
	else
		lock_give(kind, &shared->lock, &own);
}

static void add(unsigned number)
{
	bool unlocked = planted("unlocked"), early = planted("early");
	uint64_t state = dawdle_seed(number);

	if (lock_attach(kind, &own, &shared->place[number].node) < 0)
		_exit(2);
	for (unsigned i = 0; i < additions; i++) {
		bool careless = unlocked && i % 4 == 0;
		uint64_t count;

		if (!careless && !lock_take(kind, &shared->lock, &own))
			_exit(3);
		count = shared->count;
		if (early)
			give();
		dawdle(&state); /* so that others come and wait */
		shared->count = count + 1;
		if (!careless && !early)
			give();
		dawdle(&state);
		crew_step(&shared->crew, number);
	}
}

static bool try_lock(void)
{
	bool good;

	memset(shared, 0, sizeof(*shared));
	memset(&own, 0, sizeof(own));
	if (lock_open(kind, &shared->lock, &own, NULL) < 0)
		exit(2);
	good = crew_run(&shared->crew, PROCESSES, add);
	lock_close(&own);
	if (good && shared->count != PROCESSES * additions) {
		printf("%s: additions are lost: %u were done, %lu are there\n", structure, PROCESSES * additions,
		       shared->count);
		return false;
	}
	return good;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {
#define LOCK(name, ...) #name,
#include "subject/locks.def"
	};
	static const unsigned traits_of[] = {
#define LOCK(name, summary, traits) traits,
#include "subject/locks.def"
	};
	double seconds = crew_arguments(argc, argv);

	kind = (enum lock_kind)crew_find(names, sizeof(names) / sizeof(names[0]));
	additions = traits_of[kind] & LOCK_SPINS ? ADDITIONS_SPINS : ADDITIONS;
	shared = crew_memory(sizeof(*shared));
	return crew_rounds(seconds, try_lock);
}
