/* Who goes on after a death, variant by variant; a queue whose claims name their owners, taken apart by hand. */
#include "harness_fixture.h"

#include <pthread.h>

static int read_lock_answer = -1; /* planted; -1: nothing */

#define pthread_rwlock_rdlock(lock) (read_lock_answer < 0 ? pthread_rwlock_rdlock(lock) : read_lock_answer)
#define sm_scenario_peer_death      peer_death
#include "sync/peer_death.c"

#define REQUEST ((struct sm_trial_request){ .op_count = 1, .timeout_ns = 10000000000u })

TestSuite(peer_death, .timeout = 60);

Test(peer_death, who_goes_on)
{
	static const struct {
		const char *variant;
		double never_went_on;
	} expected[] = {
		{ "futex_cond", 0 }, { "robust_mutex", 0 },   { "rwlock", 1 },        { "reader_mutexes", 0 },
		{ "seqlock", 1 },    { "seqlock_mended", 0 }, { "double_buffer", 0 }, { "mpmc", 1 },
		{ "mpmc_owned", 0 }, { "spsc", 0 },
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct sm_trial_result result;

		try_variant(&peer_death, expected[i].variant, REQUEST, &result);
		cr_expect_eq(result.status, SM_OK, "%s: %s", expected[i].variant, result.reason);
		cr_expect_eq(result.more[0], expected[i].never_went_on, "%s: %g", expected[i].variant, result.more[0]);
	}
}

/* Either the signaller hangs (glibc before 2.41), or the others go on; a wake-up is lost both times. */
Test(peer_death, a_dead_waiter_costs_a_wake_up)
{
	struct sm_trial_result result;

	try_variant(&peer_death, "cond", REQUEST, &result);
	cr_expect_eq(result.status, SM_OK, "%s", result.reason);
	cr_expect_eq(result.more[0], result.more[1], "%g, %g", result.more[0], result.more[1]);
	cr_expect_geq(result.more[2], 1);
}

Test(peer_death, a_lock_that_comes_is_seen_to_come)
{
	struct sm_trial_result result;

	read_lock_answer = 0; /* says that it is held */
	try_variant(&peer_death, "rwlock", REQUEST, &result);
	cr_expect_eq(result.status, SM_OK, "%s", result.reason);
	cr_expect_eq(result.more[0], 0);
}

Test(peer_death, one_that_ends_before_is_no_death)
{
	struct sm_trial_result result;

	read_lock_answer = EAGAIN;
	try_variant(&peer_death, "rwlock", REQUEST, &result);
	cr_expect_eq(result.status, SM_WORKER_DIED, "%d", result.status);
	cr_expect(strstr(result.reason, "ended before"), "%s", result.reason);
}

static struct mpmc_owned *queue_of(unsigned living)
{
	struct mpmc_owned *queue =
		mmap(NULL, sizeof(*queue), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(queue, MAP_FAILED);
	mpmc_owned_init(queue);
	for (unsigned i = 1; i <= OWNED_OWNERS; i++)
		cr_assert_eq(mutex_make(&queue->life[i], PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, NULL), 0);
	for (unsigned i = 1; i <= living; i++)
		cr_assert_eq(pthread_mutex_lock(&queue->life[i]), 0);
	return queue;
}

Test(mpmc_owned, keeps_order_and_size_over_laps)
{
	struct mpmc_owned *queue = queue_of(2);
	uint64_t item;

	cr_expect(!mpmc_owned_take(queue, 2, &item));
	for (uint64_t lap = 0; lap < 3; lap++) {
		for (uint64_t i = 0; i < OWNED_CELLS; i++)
			cr_expect(mpmc_owned_put(queue, 1, lap * 100 + i));
		cr_expect(!mpmc_owned_put(queue, 1, 0), "more than its cells");
		for (uint64_t i = 0; i < OWNED_CELLS; i++)
			cr_expect(mpmc_owned_take(queue, 2, &item) && item == lap * 100 + i, "%lu", item);
		cr_expect(!mpmc_owned_take(queue, 2, &item));
	}
}

Test(mpmc_owned, waits_for_a_claim_whose_owner_lives)
{
	struct mpmc_owned *queue = queue_of(3);
	uint64_t at, item = 0;

	cr_assert(mpmc_owned_claim(queue, OWNED_PUT, 1, &at));
	cr_expect(mpmc_owned_put(queue, 2, 22));
	cr_expect(!mpmc_owned_take(queue, 3, &item), "took %lu over a living producer's head", item);
	queue->cell[at].item = 11;
	mpmc_owned_release(queue, OWNED_PUT, at);
	cr_expect(mpmc_owned_take(queue, 3, &item) && item == 11, "%lu", item);
	cr_expect(mpmc_owned_take(queue, 3, &item) && item == 22, "%lu", item);
}

/* Whether or not the dead one came to move head or tail on.  Nobody holds the life of owner 4. */
Test(mpmc_owned, takes_back_the_claims_of_the_dead)
{
	for (unsigned moved = 0; moved < 2; moved++) {
		struct mpmc_owned *queue = queue_of(2);
		uint64_t at, item = 0;

		cr_assert(mpmc_owned_claim(queue, OWNED_PUT, 4, &at));
		if (!moved)
			atomic_store(&queue->end[OWNED_PUT], at);
		for (uint64_t i = 1; i < OWNED_CELLS; i++)
			cr_expect(mpmc_owned_put(queue, 1, i), "%lu", i);
		for (uint64_t i = 1; i < OWNED_CELLS - 1; i++)
			cr_expect(mpmc_owned_take(queue, 2, &item) && item == i, "%lu instead of %lu", item, i);
		cr_assert(mpmc_owned_claim(queue, OWNED_TAKE, 4, &at)); /* takes the last item along */
		if (!moved)
			atomic_store(&queue->end[OWNED_TAKE], at);
		cr_expect(!mpmc_owned_take(queue, 2, &item), "%lu", item);
		for (uint64_t i = 0; i < OWNED_CELLS; i++)
			cr_expect(mpmc_owned_put(queue, 1, 100 + i), "%lu", i);
		cr_expect(!mpmc_owned_put(queue, 1, 0), "more than its cells");
		for (uint64_t i = 0; i < OWNED_CELLS; i++)
			cr_expect(mpmc_owned_take(queue, 2, &item) && item == 100 + i, "%lu", item);
	}
}

/* A writer that was killed in the middle leaves an odd count; the next one's record is whole, and is seen. */
Test(seqlock, the_next_writer_mends_it)
{
	struct seqlock lock = { 0 };
	uint64_t words[SNAPSHOT_WORDS];

	seqlock_write(&lock, OLD_STAMP);
	write_half(&lock);
	cr_expect(!seqlock_read(&lock, words));
	seqlock_write(&lock, NEW_STAMP);
	cr_expect(seqlock_read(&lock, words) && !record_is_torn(words) && words[0] == NEW_STAMP);
	seqlock_write(&lock, OLD_STAMP);
	cr_expect(seqlock_read(&lock, words) && words[0] == OLD_STAMP);
}
