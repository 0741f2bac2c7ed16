/* Question: what happens to a counter that two processes increment?
 * Method:   both add 1 to the same word, the same number of times: by a plain load, addition and store, by an atomic
 *           addition, or under a mutex.  In the end the word is compared with the number of additions.
 * Not shown: how fast each way is (contended_counter).
 * Cost of the loop: the addition itself. */
#include <errno.h>
#include <stdalign.h>

#include "../subject/cond.h"
#include "shmeter/scenario.h"

enum way { PLAIN, ATOMIC, MUTEX };
enum { TALLY_ADDED };

struct shared {
	alignas(SM_LINE_PAIR) _Atomic uint64_t count;
	alignas(SM_LINE_PAIR) pthread_mutex_t mutex;
	pthread_cond_t unused;
};

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return sizeof(struct shared);
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct shared *shared = trial->region;

	return cond_init(&shared->mutex, &shared->unused, NULL, err);
}

/* What `count++` of a plain variable compiles to: each access is whole, but the addition takes two of them.  The
 * relaxed accesses keep the compiler from adding only once for all turns; they are plain moves on every machine. */
static inline void add_plain(_Atomic uint64_t *count)
{
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

static uint64_t run(struct sm_worker *worker)
{
	struct shared *shared = worker->region;
	uint64_t n = worker->op_count, done = 0;

	switch ((enum way)sm_case_variant(worker->c)->arg) {
	case PLAIN:
		for (; done < n; done++)
			add_plain(&shared->count);
		break;
	case ATOMIC:
		for (; done < n; done++)
			atomic_fetch_add_explicit(&shared->count, 1, memory_order_relaxed);
		break;
	case MUTEX:
		for (; done < n; done++) {
			if (pthread_mutex_lock(&shared->mutex)) /* a peer died with the mutex: the trial ends */
				break;
			add_plain(&shared->count);
			pthread_mutex_unlock(&shared->mutex);
		}
		break;
	}
	worker->outcome->tally[TALLY_ADDED] += done;
	return done;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct shared *shared = trial->region;
	uint64_t added = sm_trial_tally(trial, TALLY_ADDED), count = atomic_load(&shared->count);

	if (added != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu additions in %lu operations", added, sm_trial_ops(trial));
	if (count > added)
		return sm_fail(err, EILSEQ, "the counter is %lu after %lu additions", count, added);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct shared *shared = trial->region;
	double added = (double)sm_trial_tally(trial, TALLY_ADDED);

	value[0] = 100 * (added - (double)atomic_load(&shared->count)) / added;
	value[1] = added;
}

static const struct sm_variant variants[] = {
	{ .name = "plain", .summary = "count++ of a plain word", .arg = PLAIN },
	{ .name = "atomic", .summary = "an atomic addition", .arg = ATOMIC },
	{ .name = "mutex", .summary = "count++ under a mutex", .arg = MUTEX },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K1",
	  .text = "Two processes that increment a plain word lose updates: more than 1 % across two cores",
	  .source = "textbooks: load, add and store are three steps",
	  SM_METRIC("plain", "updates lost", .min = 1, .max = 100),
	  .at = "placement=near cores=different",
	  .needs = "two cores" },
	{ .id = "K1.atomic",
	  .text = "Atomic additions lose none",
	  .source = "C11, 7.17.7.5",
	  SM_METRIC("atomic", "updates lost", .max = 0),
	  .control = "K1" },
	{ .id = "K1.mutex",
	  .text = "Additions under a mutex lose none",
	  .source = "textbooks: mutual exclusion",
	  SM_METRIC("mutex", "updates lost", .max = 0),
	  .control = "K1" },
	{ 0 },
};

const struct sm_scenario sm_scenario_lost_update = {
	.name = "lost_update",
	.family = "correctness",
	.question = "What becomes of a counter that two processes increment?",
	.summary = "Additions to one word: plain, atomic, and under a mutex.",
	.why = "An increment is a load, an addition and a store. Two processes that load the same "
	       "value both store the same sum, and one update is gone. An atomic addition is all three "
	       "with nothing of another one's in between; a lock keeps the other one out.",
	.claims = claims,
	.variants = variants,
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_CROSS_NODE },
	.metric = { "time per addition of each process", "ns/op" },
	.more = { { "updates lost", "%" }, { "additions", "1" } },
	.region_bytes = region_bytes,
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
};
