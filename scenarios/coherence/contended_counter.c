/* Question: how should processes count together?
 * Method:   all workers add to one number: by an atomic addition, a compare-and-swap loop, under a process-shared
 *           robust mutex, or under a Concurrency Kit spinlock.  In the sharded variant each worker adds to its own
 *           counter, and the counters are summed at the end.  Each slice works on another copy of the subject
 *           (replicas.h).
 * Not shown: what reading the sharded sum costs.
 * Cost of the loop: fetch_add: one lock add and a branch.  cas_loop: a load, then lock cmpxchg until it succeeds.
 *           mutex: lock and unlock of glibc, without a system call while the mutex is free.  spinlock: one lock xchg
 *           and a store.  sharded: one lock add on a line of its own. */
#include <ck_spinlock.h>
#include <errno.h>
#include <pthread.h>
#include <stdalign.h>

#include "../subject/line_events.h"
#include "../subject/replicas.h"
#include "shmeter/scenario.h"

enum way { FETCH_ADD, CAS_LOOP, MUTEX, SPINLOCK, SHARDED };
enum { PARAM_PROCESSES };

struct subject {
	alignas(SM_LINE_PAIR) _Atomic uint64_t atomic;
	alignas(SM_LINE_PAIR) pthread_mutex_t mutex;
	ck_spinlock_fas_t spinlock;
	uint64_t plain; /* guarded by one of the locks; next to them, as programs usually place it */
	struct {
		alignas(SM_LINE_PAIR) _Atomic uint64_t count;
	} shard[];
};

_Static_assert(offsetof(struct subject, plain) / 64 == offsetof(struct subject, mutex) / 64 &&
		       offsetof(struct subject, plain) / 64 == offsetof(struct subject, spinlock) / 64,
	       "locks and count lie in one line: .why says so");

static size_t copy_bytes(const struct sm_case *c)
{
	return sizeof(struct subject) + (size_t)c->workers * SM_LINE_PAIR;
}

static size_t region_bytes(const struct sm_case *c)
{
	return REPLICAS * replica_stride(copy_bytes(c));
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	if (sm_case_variant(c)->arg == SPINLOCK && c->shared_pu)
		return sm_fail(why, ENOTSUP,
			       "a spinning lock whose owner waits for the same PU only burns time slices: "
			       "use fewer processes than PUs, or the mutex");
	return 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	pthread_mutexattr_t attributes;
	int error = pthread_mutexattr_init(&attributes);

	if (!error)
		error = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	if (!error)
		error = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	for (unsigned copy = 0; !error && copy < REPLICAS; copy++) {
		struct subject *subject = replica_of(trial->region, copy_bytes(trial->c), copy);

		error = pthread_mutex_init(&subject->mutex, &attributes);
		ck_spinlock_fas_init(&subject->spinlock);
	}
	pthread_mutexattr_destroy(&attributes);
	return error ? sm_fail(err, error, "a process-shared robust mutex cannot be had") : 0;
}

/* relaxed throughout: only the counter is shared, and its sum is read after the workers ended. */
static void add_cas(_Atomic uint64_t *counter, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		uint64_t seen = atomic_load_explicit(counter, memory_order_relaxed);

		while (!atomic_compare_exchange_weak_explicit(counter, &seen, seen + 1, memory_order_relaxed,
							      memory_order_relaxed))
			;
	}
}

/* Returns how many additions were made: fewer than n if a peer died with the mutex, which ends the trial. */
static uint64_t add(enum way way, struct subject *subject, _Atomic uint64_t *own, uint64_t n)
{
	switch (way) {
	case FETCH_ADD:
		for (uint64_t i = 0; i < n; i++)
			atomic_fetch_add_explicit(&subject->atomic, 1, memory_order_relaxed);
		break;
	case CAS_LOOP: add_cas(&subject->atomic, n); break;
	case MUTEX:
		for (uint64_t i = 0; i < n; i++) {
			if (pthread_mutex_lock(&subject->mutex))
				return i;
			subject->plain++;
			pthread_mutex_unlock(&subject->mutex);
		}
		break;
	case SPINLOCK:
		for (uint64_t i = 0; i < n; i++) {
			ck_spinlock_fas_lock(&subject->spinlock);
			subject->plain++;
			ck_spinlock_fas_unlock(&subject->spinlock);
		}
		break;
	case SHARDED:
		for (uint64_t i = 0; i < n; i++)
			atomic_fetch_add_explicit(own, 1, memory_order_relaxed);
		break;
	}
	return n;
}

static uint64_t run(struct sm_worker *worker)
{
	struct replica_turn *turn = worker->state;
	struct subject *subject = replica_of(worker->region, copy_bytes(worker->c), turn->calls++);
	_Atomic uint64_t *own = &subject->shard[worker->index].count;
	enum way way = (enum way)sm_case_variant(worker->c)->arg;
	uint64_t done = 0, part, added;

	while ((part = sm_next_part(worker, done)) > 0) {
		done += added = add(way, subject, own, part);
		if (added < part) {
			sm_worker_fail(worker, EOWNERDEAD, "the mutex cannot be taken: its owner died with it");
			break;
		}
	}
	return done;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t sum = 0;

	for (unsigned copy = 0; copy < REPLICAS; copy++) {
		const struct subject *subject = replica_of(trial->region, copy_bytes(trial->c), copy);

		sum += atomic_load(&subject->atomic) + subject->plain;
		for (unsigned i = 0; i < trial->c->workers; i++)
			sum += atomic_load(&subject->shard[i].count);
	}
	if (sum != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%s: the sum is %lu after %lu additions", sm_case_variant(trial->c)->name,
			       sum, sm_trial_ops(trial));
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "fetch_add", .summary = "atomic addition", .arg = FETCH_ADD },
	{ .name = "cas_loop", .summary = "compare-and-swap until it holds", .arg = CAS_LOOP },
	{ .name = "mutex", .summary = "process-shared robust mutex", .arg = MUTEX },
	{ .name = "spinlock", .summary = "Concurrency Kit's fetch-and-store lock", .arg = SPINLOCK },
	{ .name = "sharded", .summary = "a counter for each process", .arg = SHARDED },
	{ 0 },
};

#define C6 "textbook order: sharding, fetch_add, a CAS loop, a mutex"
/* A single process has no contention. */
#define AT    "processes>=2 processes<=1xPU placement=near cores=different"
#define NEEDS "two cores"
#define BEATS(id_, loser, winner, words, question_)                                                                    \
	{                                                                                                              \
		.id = id_, .text = "Under contention " words, .source = C6, .question = question_,                     \
		SM_RATIO(loser, winner, .min = 1), .at = AT, .needs = NEEDS                                            \
	}

static const struct sm_claim claims[] = {
	BEATS("C6a", "fetch_add", "sharded", "sharding beats an atomic addition", NULL),
	BEATS("C6b", "cas_loop", "fetch_add", "an atomic addition beats a CAS loop", NULL),
	BEATS("C6c", "mutex", "cas_loop", "a CAS loop beats a mutex", NULL),
	BEATS("C6d", "mutex", "fetch_add", "an atomic addition beats a mutex", "Mutex or lock-free?"),
	{ 0 },
};

const struct sm_scenario sm_scenario_contended_counter = {
	.name = "contended_counter",
	.family = "coherence",
	.question = "How should processes count together?",
	.summary = "One number that all add to: atomic, locked, or sharded.",
	.why = "All additions to one word queue for its cache line, lock or no lock. The lock lies in "
	       "the line of its count here, so it adds no line, but steps: one atomic access or more to take "
	       "it, and a store or an atomic access to give it back, between any of which the line may be "
	       "taken away; and where it sleeps, system calls: look at the switches. Sharded counters give each "
	       "process a line and pay at the reading.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "processes",
		      .unit = "1",
		      .summary = "that add",
		      .quick = SM_SCALED(SM_VALUE(2), SM_FROM_PUS(8, 8), SM_FROM_PUS(64, 64)),
		      .standard = SM_SWEEP((2), SM_TIMES_PUS(1)),
		      .full = SM_SWEEP((1, 2, 4, 8, 16), SM_DOUBLING, SM_TIMES_PUS(1)),
		      .min = 1,
		      .max = 4096 } },
	.workers_param = "processes",
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_SMT, SM_PLACE_SHARED_L3, SM_PLACE_SAME_NODE,
			SM_PLACE_CROSS_NODE },
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.ends = SM_FIRST_DONE,
	.metric = { "time per addition of each process", "ns/op" },
	.events = LINE_EVENTS,
	.state_bytes = sizeof(struct replica_turn),
	.region_bytes = region_bytes,
	.supported = supported,
	.setup = setup,
	.run = run,
	.verify = verify,
};
