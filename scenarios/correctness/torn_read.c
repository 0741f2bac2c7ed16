/* Question: can a reader see half of a write?
 * Method:   one process keeps writing a record of eight words, all with the same number.  The other reads records
 *           and checks that their words belong to one write: without protection, with a seqlock, under a mutex, from
 *           a double buffer with and without a second check, and from the latest of 64 copies (snapshot.h).
 * Not shown: how fast each way is (read_side); tearing within one word, which aligned words do not have.
 * Cost of the loop: eight stores, or eight loads and comparisons, and the cost of the protection. */
#include <errno.h>
#include <sched.h>

#include "../subject/cond.h"
#include "../subject/snapshot.h"
#include "shmeter/scenario.h"

enum way { PLAIN, SEQLOCK, MUTEX, DOUBLE_BUFFER_PLAIN, DOUBLE_BUFFER, COPY_SWAP };
enum { TALLY_DONE, TALLY_TORN, TALLY_RETRIES };

struct shared {
	alignas(SM_LINE_PAIR) struct record plain; /* of the mutex, too */
	alignas(SM_LINE_PAIR) pthread_mutex_t mutex;
	pthread_cond_t unused;
	struct seqlock seqlock;
	struct double_buffer double_buffer;
	struct copy_swap copy_swap;
};

struct state {
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

	return cond_init(&shared->mutex, &shared->unused, NULL, err);
}

static inline __attribute__((always_inline)) bool put(struct shared *shared, enum way way, uint64_t stamp)
{
	switch (way) {
	case PLAIN: record_store(&shared->plain, stamp); break;
	case SEQLOCK: seqlock_write(&shared->seqlock, stamp); break;
	case DOUBLE_BUFFER_PLAIN:
	case DOUBLE_BUFFER: double_buffer_write(&shared->double_buffer, stamp); break;
	case COPY_SWAP: copy_swap_write(&shared->copy_swap, stamp); break;
	case MUTEX:
		if (pthread_mutex_lock(&shared->mutex))
			return false;
		record_store(&shared->plain, stamp);
		pthread_mutex_unlock(&shared->mutex);
		break;
	}
	return true;
}

/* Reads the half that is not being written, without a second check: two writes later the writer is back in this
 * half. */
static inline void double_buffer_read_plain(const struct double_buffer *buffer, uint64_t out[SNAPSHOT_WORDS])
{
	/* acquire: the words of that write; pairs with the last store of double_buffer_write(). */
	uint64_t current = atomic_load_explicit(&buffer->current, memory_order_acquire);

	record_load(&buffer->half[current].record, out);
}

/* One try; false: a write came in between. */
static inline __attribute__((always_inline)) bool take(struct shared *shared, enum way way,
						       uint64_t out[SNAPSHOT_WORDS])
{
	switch (way) {
	case PLAIN: record_load(&shared->plain, out); return true;
	case SEQLOCK: return seqlock_read(&shared->seqlock, out);
	case DOUBLE_BUFFER_PLAIN: double_buffer_read_plain(&shared->double_buffer, out); return true;
	case DOUBLE_BUFFER: return double_buffer_read(&shared->double_buffer, out);
	case COPY_SWAP: return copy_swap_read(&shared->copy_swap, out);
	case MUTEX:
		if (pthread_mutex_lock(&shared->mutex))
			return false;
		record_load(&shared->plain, out);
		pthread_mutex_unlock(&shared->mutex);
		return true;
	}
	return false;
}

static inline __attribute__((always_inline)) uint64_t records(struct sm_worker *worker, enum way way)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	uint64_t n = worker->op_count, words[SNAPSHOT_WORDS], torn = 0, retries = 0, i = 0;

	if (worker->index == 0) {
		while (i < n && put(shared, way, ++state->stamp))
			i++;
	} else {
		for (; i < n; i++) {
			for (unsigned turns = 0; !take(shared, way, words); retries++) {
				if (worker->c->shared_pu) /* the writer may need this PU to finish its write */
					sched_yield();
				if (!sm_spin(&turns, worker->abort))
					return i;
			}
			torn += record_is_torn(words);
		}
	}
	worker->outcome->tally[TALLY_DONE] += i;
	worker->outcome->tally[TALLY_TORN] += torn;
	worker->outcome->tally[TALLY_RETRIES] += retries;
	return i;
}

static uint64_t run(struct sm_worker *worker)
{
	switch ((enum way)sm_case_variant(worker->c)->arg) {
	case PLAIN: return records(worker, PLAIN);
	case SEQLOCK: return records(worker, SEQLOCK);
	case MUTEX: return records(worker, MUTEX);
	case DOUBLE_BUFFER_PLAIN: return records(worker, DOUBLE_BUFFER_PLAIN);
	case DOUBLE_BUFFER: return records(worker, DOUBLE_BUFFER);
	default: return records(worker, COPY_SWAP);
	}
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (sm_trial_tally(trial, TALLY_DONE) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu records in %lu operations", sm_trial_tally(trial, TALLY_DONE),
			       sm_trial_ops(trial));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct sm_outcome *reader = trial->outcome[1];

	value[0] = (double)reader->tally[TALLY_TORN];
	value[1] = (double)reader->ops;
	value[2] = (double)reader->tally[TALLY_RETRIES] / (double)reader->ops;
}

static const struct sm_variant variants[] = {
	{ .name = "plain", .summary = "eight words, read and written one by one", .arg = PLAIN },
	{ .name = "seqlock", .summary = "a count before and after: read again where it changed", .arg = SEQLOCK },
	{ .name = "mutex", .summary = "a process-shared robust mutex", .arg = MUTEX },
	{ .name = "double_buffer_plain",
	  .summary = "two records, written in turn, and no second look",
	  .arg = DOUBLE_BUFFER_PLAIN },
	{ .name = "double_buffer",
	  .summary = "two records, written in turn, each a seqlock: read again where it changed",
	  .arg = DOUBLE_BUFFER },
	{ .name = "copy_swap",
	  .summary = "64 copies, written in turn: read again where the writer came round",
	  .arg = COPY_SWAP },
	{ 0 },
};

/* That no read is torn means something only if the same loop detects torn reads in the unprotected variant. */
#define NEVER(id_, variant, words, torn)                                                                               \
	{                                                                                                              \
		.id = id_, .text = words " is never read torn", SM_METRIC(variant, "torn reads", .max = 0),            \
		.source = "textbooks on shared memory", .control = torn                                                \
	}
#define TORN(id_, variant, words)                                                                                      \
	{                                                                                                              \
		.id = id_, .text = words " is read torn", .source = "textbooks on shared memory",                      \
		SM_METRIC(variant, "torn reads", .min = 1, .max = 1e18, .once = true),                                 \
		.at = "placement=near cores=different", .needs = "two cores"                                           \
	}
static const struct sm_claim claims[] = {
	TORN("K2", "plain", "A record of several words that is read without care"),
	NEVER("K2.seqlock", "seqlock", "A record behind a seqlock", "K2"),
	NEVER("K2.mutex", "mutex", "A record under a mutex", "K2"),
	TORN("K2.double_buffer_plain", "double_buffer_plain",
	     "A double-buffered record whose reader does not look again"),
	NEVER("K2.double_buffer", "double_buffer", "A double-buffered record whose reader looks again and retries",
	      "K2.double_buffer_plain"),
	NEVER("K2.copy_swap", "copy_swap", "The latest of 64 copies whose reader looks again and retries", "K2"),
	{ 0 },
};

const struct sm_scenario sm_scenario_torn_read = {
	.name = "torn_read",
	.family = "correctness",
	.question = "Can a reader see half of a write?",
	.summary = "A record of eight words, written and read at once.",
	.why = "A record of several words is written word by word. A reader in between sees some "
	       "new and some old ones unless it is kept out, notices and tries again, or is given a "
	       "copy that nobody writes any more. Of two copies that are written in turn, the "
	       "reader's is written again by the write after next: a double buffer alone makes a "
	       "torn read rarer, and the second look makes it impossible. More copies give the "
	       "reader more time; it still has to look.",
	.claims = claims,
	.variants = variants,
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_CROSS_NODE },
	.metric = { "time per record of each process", "ns/op" },
	.more = { { "torn reads", "1" }, { "reads", "1" }, { "retries per read", "1" } },
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
};
