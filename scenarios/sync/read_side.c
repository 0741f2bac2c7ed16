/* Question: how should many processes read what one process writes now and then?
 * Method:   every worker reads a record of eight words and checks that they belong together; worker 0 also writes
 *           the record, once per `writes` reads.  An operation is a read.  In `.all` all workers read; in `.1` only
 *           worker 0 does and the others are idle, so that both are compared in one pair class.
 * Not shown: several writers.
 * Cost of the loop: eight loads and comparisons, and the cost of the protection. */
#include <math.h>
#include <sched.h>

#include "../subject/locks.h"
#include "../subject/snapshot.h"

enum way { MUTEX, RWLOCK, SEQLOCK, DOUBLE_BUFFER, COPY_SWAP };
enum { PARAM_WRITES, PARAM_READERS };
enum { TALLY_READS, TALLY_TORN, TALLY_RETRIES };
#define ALONE 0x100u /* in `arg`: only worker 0 reads */

struct shared {
	alignas(SM_LINE_PAIR) struct record plain; /* guarded by the mutex or the read-write lock */
	struct lock_shared mutex, rwlock;
	struct seqlock seqlock;
	struct double_buffer double_buffer;
	struct copy_swap copy_swap;
};

struct state {
	struct lock_own own;
	uint64_t stamp;
};

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return sizeof(struct shared);
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct shared *shared = trial->region;
	struct state *state = trial->state;
	int rc = lock_open(LOCK_mutex, &shared->mutex, &state->own, err);

	return rc < 0 ? rc : lock_open(LOCK_rwlock, &shared->rwlock, &state->own, err);
}

static ALWAYS_INLINE bool put(struct shared *shared, enum way way, uint64_t stamp)
{
	switch (way) {
	case SEQLOCK: seqlock_write(&shared->seqlock, stamp); return true;
	case DOUBLE_BUFFER: double_buffer_write(&shared->double_buffer, stamp); return true;
	case COPY_SWAP: copy_swap_write(&shared->copy_swap, stamp); return true;
	case MUTEX:
		if (pthread_mutex_lock(&shared->mutex.mutex))
			return false;
		record_store(&shared->plain, stamp);
		return pthread_mutex_unlock(&shared->mutex.mutex) == 0;
	case RWLOCK:
		if (pthread_rwlock_wrlock(&shared->rwlock.rwlock))
			return false;
		record_store(&shared->plain, stamp);
		return pthread_rwlock_unlock(&shared->rwlock.rwlock) == 0;
	}
	return false;
}

/* One try; false: a write came in between. */
static ALWAYS_INLINE bool take(struct shared *shared, enum way way, uint64_t out[SNAPSHOT_WORDS])
{
	switch (way) {
	case SEQLOCK: return seqlock_read(&shared->seqlock, out);
	case DOUBLE_BUFFER: return double_buffer_read(&shared->double_buffer, out);
	case COPY_SWAP: return copy_swap_read(&shared->copy_swap, out);
	case MUTEX:
		if (pthread_mutex_lock(&shared->mutex.mutex))
			return false;
		record_load(&shared->plain, out);
		return pthread_mutex_unlock(&shared->mutex.mutex) == 0;
	case RWLOCK:
		if (pthread_rwlock_rdlock(&shared->rwlock.rwlock))
			return false;
		record_load(&shared->plain, out);
		return pthread_rwlock_unlock(&shared->rwlock.rwlock) == 0;
	}
	return false;
}

static ALWAYS_INLINE uint64_t reads(struct sm_worker *worker, enum way way)
{
	uint64_t between = worker->index == 0 ? worker->c->param[PARAM_WRITES] : 0;
	uint64_t words[SNAPSHOT_WORDS], torn = 0, retries = 0, due = between;
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	uint64_t i = 0, end;

	while ((end = i + sm_next_part(worker, i)) > i)
		for (; i < end; i++) {
			if (between > 0 && --due == 0) {
				due = between;
				if (!put(shared, way, ++state->stamp))
					return i;
			}
			for (unsigned turns = 0; !take(shared, way, words); retries++) {
				if (worker->c->shared_pu) /* the writer may need this PU to finish its write */
					sched_yield();
				if (!sm_spin(&turns, worker->abort))
					return i;
			}
			torn += record_is_torn(words);
		}
	worker->outcome->tally[TALLY_READS] += i;
	worker->outcome->tally[TALLY_TORN] += torn;
	worker->outcome->tally[TALLY_RETRIES] += retries;
	return i;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t arg = sm_case_variant(worker->c)->arg;

	if (arg & ALONE && worker->index > 0)
		return worker->op_count;
	switch ((enum way)(arg & 0xff)) {
	case MUTEX: return reads(worker, MUTEX);
	case RWLOCK: return reads(worker, RWLOCK);
	case SEQLOCK: return reads(worker, SEQLOCK);
	case DOUBLE_BUFFER: return reads(worker, DOUBLE_BUFFER);
	default: return reads(worker, COPY_SWAP);
	}
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	bool alone = sm_case_variant(trial->c)->arg & ALONE;

	for (unsigned i = 0; i < (alone ? 1 : trial->c->workers); i++)
		if (trial->outcome[i]->tally[TALLY_READS] != trial->outcome[i]->ops)
			return sm_fail(err, EILSEQ, "worker %u read %lu records in %lu operations", i,
				       trial->outcome[i]->tally[TALLY_READS], trial->outcome[i]->ops);
	if (sm_trial_tally(trial, TALLY_TORN))
		return sm_fail(err, EILSEQ, "%lu records were read torn", sm_trial_tally(trial, TALLY_TORN));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	uint64_t reads = sm_trial_tally(trial, TALLY_READS);

	value[0] = reads ? (double)sm_trial_tally(trial, TALLY_RETRIES) / (double)reads : (double)NAN;
}

#define READERS(name_, words, way)                                                                                     \
	{ .name = name_ ".1", .summary = words ", one reads", .arg = way | ALONE },                                    \
	{                                                                                                              \
		.name = name_ ".all", .summary = words ", all read", .arg = way                                        \
	}
static const struct sm_variant variants[] = {
	READERS("mutex", "a mutex", MUTEX),
	READERS("rwlock", "a read-write lock", RWLOCK),
	READERS("seqlock", "a seqlock", SEQLOCK),
	READERS("double_buffer", "a double buffer, each half a seqlock", DOUBLE_BUFFER),
	READERS("copy_swap", "the latest of 64 copies, read again where the writer came round", COPY_SWAP),
	{ 0 },
};

/* Readers that share a PU take turns anyway, and threads of one core always slow each other down. */
#define AT    "writes=0 readers=2 placement=near cores=different"
#define NEEDS "two cores"
static const struct sm_claim claims[] = {
	{ .id = "S6",
	  .text = "Readers of a seqlock scale: with nobody writing, a read takes no longer with two than with one, "
		  "within 10 %",
	  .source = "textbooks: readers write nothing",
	  SM_RATIO("seqlock.all", "seqlock.1", .max = 1.1),
	  .at = AT,
	  .needs = NEEDS },
	{ .id = "S6.rwlock",
	  .text = "Readers of a read-write lock do not: a read takes at least 1.5 times as long with two as with one",
	  .source = "every reader writes to the lock's line",
	  SM_RATIO("rwlock.all", "rwlock.1", .min = 1.5),
	  .at = AT,
	  .needs = NEEDS },
	{ 0 },
};

const struct sm_scenario sm_scenario_read_side = {
	.name = "read_side",
	.family = "sync",
	.question = "How should many read what one writes now and then?",
	.summary = "Reading a record of eight words that is written at some rate.",
	.why = "A reader that writes, and be it a count of readers, takes the lock's line "
	       "away from all others: that is why a read-write lock does not scale for short "
	       "reads. A seqlock, a double buffer and a copy let readers only read, and look "
	       "whether the writer came in between; then they read again.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "writes",
		      .unit = "reads",
		      .summary = "reads of the writer between its writes; 0: it never writes",
		      .quick = SM_VALUES(0),
		      .standard = SM_VALUES(0, 1000, 10),
		      .max = 1 << 30 },
		    { .name = "readers",
		      .unit = "1",
		      .summary = "processes, the writer among them; in .all all of them read",
		      .quick = SM_VALUES(2),
		      .standard = SM_SWEEP((2), SM_TIMES_PUS(1)),
		      .full = SM_SWEEP((2), SM_DOUBLING, SM_TIMES_PUS(1), SM_TIMES_PUS(2)),
		      .min = 2,
		      .max = 4096 } },
	.workers_param = "readers",
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_CROSS_NODE },
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.ends = SM_FIRST_DONE,
	.metric = { "time per read of each process", "ns/op" },
	.more = { { "retries per read", "1" } },
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
};
