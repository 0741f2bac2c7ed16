/* A trial with a tour, on the PUs that are here: every pair is visited as often as the rounds say, and what goes wrong in a
 * visit ends the trial in words and leaves nothing. */
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness_fixture.h"
#include "shmeter/clock.h"

enum behaviour { WELL, CRASH, HANG, TOO_FEW };

static uint64_t run(struct sm_worker *worker)
{
	atomic_fetch_add((_Atomic uint64_t *)worker->region, worker->op_count);
	return worker->op_count;
}

static bool await(const _Atomic uint64_t *word, uint64_t value, const _Atomic uint32_t *abort)
{
	for (unsigned turns = 0; atomic_load(word) != value;)
		if (!sm_spin(&turns, abort))
			return false;
	return true;
}

/* Ping-pong on one word; role 1 of the pair that begins on the second PU may go wrong. */
static uint64_t visit(const struct sm_worker *worker, void *lines, unsigned role, uint64_t trips)
{
	_Atomic uint64_t *word = lines;
	enum behaviour behaviour = (enum behaviour)sm_case_variant(worker->c)->arg;
	uint64_t value = atomic_load(word) & ~(uint64_t)1;

	if (role == 1 && worker->index == 0 && behaviour == CRASH) {
		signal(SIGSEGV, SIG_DFL); /* AddressSanitizer has a handler */
		kill(getpid(), SIGSEGV);
	}
	for (unsigned turns = 0; role == 1 && worker->index == 0 && behaviour == HANG;)
		if (!sm_spin(&turns, worker->abort))
			return 0;
	for (uint64_t done = 0; done < trips; done++, value += 2) {
		if (role == 0)
			atomic_store(word, value + 1);
		if (!await(word, value + (role == 0 ? 2 : 1), worker->abort))
			return done;
		if (role == 1)
			atomic_store(word, value + 2);
	}
	return role == 1 && behaviour == TOO_FEW ? trips - 1 : trips;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t count = *(uint64_t *)trial->region;

	return count == sm_trial_ops(trial) ? 0 : sm_fail(err, EILSEQ, "%lu operations", count);
}

static size_t one_page(const struct sm_case *c)
{
	(void)c;
	return 4096;
}

static const struct sm_variant variants[] = { { .name = "well", .arg = WELL },
					      { .name = "crash", .arg = CRASH },
					      { .name = "hang", .arg = HANG },
					      { .name = "too_few", .arg = TOO_FEW },
					      { 0 } };
static const struct sm_scenario fake = {
	.name = "fake",
	.family = "tests",
	.question = "?",
	.variants = variants,
	.params = { { .name = "from", .every_pu = true }, { .name = "to", .every_pu = true } },
	.pair_params = { "from", "to" },
	.workers = 2,
	.metric = { "time", "ns/op" },
	.region_bytes = one_page,
	.run = run,
	.visit = visit,
	.visit_bytes = SM_LINE_PAIR,
	.verify = verify,
};

/* The first two PUs of a topology, and the tour over them. */
struct two {
	struct sm_trial_context context;
	unsigned pu[2];
	struct sm_pair_sets sets;
	struct sm_tour tour;
	enum sm_placement relation;
};

static void open_two(struct two *two)
{
	unsigned count;
	const struct sm_pu *pu;
	struct sm_error err = { 0 };

	context_open(&two->context);
	pu = sm_topology_pus(two->context.topology, &count);
	if (count < 2)
		cr_skip_test("this takes two PUs");
	two->pu[0] = pu[0].os_index;
	two->pu[1] = pu[1].os_index;
	two->relation = sm_pu_relation(&pu[0], &pu[1]);
	two->sets = (struct sm_pair_sets){ two->pu, two->pu, 2, 2, false };
	cr_assert_eq(
		sm_tour_make(&two->tour, two->context.topology, &two->sets, two->relation, SM_TOUR_COMPANY, 1, &err), 0,
		"%s", err.text);
	cr_assert_eq(two->tour.pair_count, 2);
}

/* Runs a trial with this many rounds; the caller frees the result. */
static int try_tour(const struct two *two, enum behaviour behaviour, size_t rounds, struct sm_trial_result *result,
		    struct sm_error *err)
{
	struct sm_case c = { .scenario = &fake,
			     .variant = behaviour,
			     .placement = two->relation,
			     .pairs = &two->sets,
			     .workers = 2,
			     .memory = { SM_MEMFD, { SM_PAGES_BASE, 4096 }, SM_MADVISE, SM_FIRST_TOUCH, 0 } };
	struct sm_trial_request request = {
		.c = &c,
		.op_count = 1000,
		.slices = 4,
		.seed = 1,
		.timeout_ns = 3000000000,
		.part = { .tour = &two->tour, .first = 1, .rounds = rounds, .trips = 100 },
	};
	struct left before = look();
	int rc = sm_trial_run(&two->context, &request, result, err);

	assert_nothing_left(&before);
	return rc;
}

TestSuite(tour, .timeout = 30);

Test(tour, visits_its_rounds_in_their_order)
{
	struct two two;
	struct sm_trial_result result;
	struct sm_error err = { 0 };

	open_two(&two);
	cr_assert_eq(try_tour(&two, WELL, 5, &result, &err), 0, "%s", err.text);
	cr_assert_eq(result.status, SM_OK, "%s", result.reason);
	cr_expect_eq(result.slice_count, 4, "the slices of the pair that stands for the relation");
	cr_expect_eq(result.rounds, 5);
	cr_assert_eq(result.visit_count, 5);
	for (size_t i = 0; i < result.visit_count; i++) {
		const struct sm_visit *visit = &result.visit[i];

		cr_expect_eq(visit->pair, (1 + i) % 2, "visit %zu is of pair %u", i, visit->pair);
		cr_expect_eq(visit->company, 1);
		cr_expect(visit->low > 0 && visit->low <= visit->ns && visit->ns <= visit->high, "%g %g %g", visit->low,
			  visit->ns, visit->high);
	}
	cr_expect(result.alone_ns > 0 && isnan(result.company_ns));
	cr_expect(result.tour_ns >= 5 * SM_VISIT_SAMPLES * 100, "%lu", result.tour_ns);
	sm_trial_result_free(&result);
	sm_tour_free(&two.tour);
}

/* The slices alone are no measurement of pairs. */
Test(tour, without_a_visit_is_not_ok)
{
	struct two two;
	struct sm_trial_result result;
	struct sm_error err = { 0 };

	open_two(&two);
	cr_assert_eq(try_tour(&two, WELL, 0, &result, &err), 0, "%s", err.text);
	cr_expect_eq(result.status, SM_DISTURBED, "%d: %s", result.status, result.reason);
	cr_expect(strstr(result.reason, "no pair of PUs was visited"), "%s", result.reason);
	sm_trial_result_free(&result);
	sm_tour_free(&two.tour);
}

static void expect(enum behaviour behaviour, enum sm_status status, const char *words)
{
	struct two two;
	struct sm_trial_result result;
	struct sm_error err = { 0 };

	open_two(&two);
	cr_assert_eq(try_tour(&two, behaviour, 4, &result, &err), 0, "%s", err.text);
	cr_expect_eq(result.status, status, "%s: %d: %s", variants[behaviour].name, result.status, result.reason);
	cr_expect(strstr(result.reason, words), "\"%s\" is not in \"%s\"", words, result.reason);
	cr_expect_eq(result.visit_count, 0);
	sm_trial_result_free(&result);
	sm_tour_free(&two.tour);
}

Test(tour, a_crash_in_a_visit_is_told)
{
	expect(CRASH, SM_WORKER_DIED, "was killed by signal 11");
}
Test(tour, a_hang_in_a_visit_times_out)
{
	expect(HANG, SM_TIMED_OUT, "deadline");
}
Test(tour, a_visit_that_did_too_little_is_seen)
{
	expect(TOO_FEW, SM_WORKER_DIED, "a visit had 15 of 16 operations");
}

/* A signal ends the tour, however many rounds are left. */
static volatile int stop;

static void raise_stop(int number)
{
	stop = number;
}

Test(tour, a_signal_ends_it)
{
	struct two two;
	struct sm_trial_result result;
	struct sm_error err = { 0 };
	uint64_t start_ns = sm_clock_ns();

	open_two(&two);
	two.context.stop = &stop;
	signal(SIGALRM, raise_stop);
	ualarm(300000, 0);
	cr_expect_eq(try_tour(&two, WELL, 10000000, &result, &err), -EINTR, "%s", result.reason);
	cr_expect_lt(sm_clock_ns() - start_ns, 2500000000u, "well before its deadline");
	sm_trial_result_free(&result);
	sm_tour_free(&two.tour);
}

/* The bound on its duration ends a tour with the rounds that were played. */
Test(tour, its_time_ends_it)
{
	struct two two;
	struct sm_trial_result result;
	struct sm_error err = { 0 };

	open_two(&two);
	struct sm_case c = { .scenario = &fake,
			     .placement = two.relation,
			     .pairs = &two.sets,
			     .workers = 2,
			     .memory = { SM_MEMFD, { SM_PAGES_BASE, 4096 }, SM_MADVISE, SM_FIRST_TOUCH, 0 } };
	struct sm_trial_request request = {
		.c = &c,
		.op_count = 1000,
		.slices = 3,
		.timeout_ns = 5000000000,
		.part = { .tour = &two.tour, .rounds = 1000000, .trips = 100, .longest_ns = 50000000 }
	};

	cr_assert_eq(sm_trial_run(&two.context, &request, &result, &err), 0, "%s", err.text);
	cr_expect_eq(result.status, SM_OK, "%s", result.reason);
	cr_expect(result.rounds > 0 && result.rounds < 1000000 && result.visit_count == result.rounds);
	sm_trial_result_free(&result);
	sm_tour_free(&two.tour);
}
