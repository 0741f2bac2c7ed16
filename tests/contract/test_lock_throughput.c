/* What lock_throughput says of its workers, played slice by slice in one process: a worker that has not begun, and a
 * lock that cannot be taken. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "registry.h"

#define WORKERS 2

/* A trial without its harness. */
struct play {
	const struct sm_scenario *scenario;
	struct sm_case c;
	struct sm_trial trial;
	struct sm_worker worker[WORKERS];
	struct sm_outcome outcome[WORKERS];
	const struct sm_outcome *outcomes[WORKERS];
	struct sm_histogram *histogram;
	_Atomic uint32_t abort;
};

static void *zeroed(size_t bytes)
{
	size_t whole = (bytes + SM_LINE_PAIR - 1) / SM_LINE_PAIR * SM_LINE_PAIR;
	void *at = aligned_alloc(SM_LINE_PAIR, whole);

	cr_assert_not_null(at);
	return memset(at, 0, whole);
}

static void begin(struct play *play, const char *variant)
{
	struct sm_error err = { 0 };

	*play = (struct play){ .histogram = zeroed(sizeof(struct sm_histogram)) };
	for (size_t i = 0; i < sm_scenario_count; i++)
		if (strcmp(sm_scenarios[i]->name, "lock_throughput") == 0)
			play->scenario = sm_scenarios[i];
	play->c = (struct sm_case){ .scenario = play->scenario, .param = { WORKERS }, .workers = WORKERS };
	while (strcmp(sm_case_variant(&play->c)->name, variant) != 0)
		play->c.variant++;
	play->trial = (struct sm_trial){ .c = &play->c,
					 .region_bytes = play->scenario->region_bytes(&play->c),
					 .state = zeroed(play->scenario->state_bytes),
					 .outcome = play->outcomes };
	play->trial.region = zeroed(play->trial.region_bytes);
	cr_assert_eq(play->scenario->setup(&play->trial, &err), 0, "%s", err.text);
	for (unsigned i = 0; i < WORKERS; i++) {
		play->outcomes[i] = &play->outcome[i];
		play->worker[i] = (struct sm_worker){ .c = &play->c,
						      .index = i,
						      .region = play->trial.region,
						      .region_bytes = play->trial.region_bytes,
						      .state = zeroed(play->scenario->state_bytes),
						      .abort = &play->abort,
						      .outcome = &play->outcome[i],
						      .histogram = play->histogram };
		memcpy(play->worker[i].state, play->trial.state, play->scenario->state_bytes);
		cr_assert_eq(play->scenario->warm_up(&play->worker[i]), 0);
	}
}

static uint64_t run(struct play *play, unsigned worker, uint64_t ops)
{
	play->worker[worker].op_count = ops;
	return play->scenario->run(&play->worker[worker]);
}

static double fairness(const struct play *play)
{
	double value[SM_MORE_MAX];

	play->scenario->measure(&play->trial, value);
	return value[0];
}

/* The rehearsal and the warm-up. */
static void warm_up(struct play *play)
{
	run(play, 0, 0);
	run(play, 1, 0);
	run(play, 0, 8);
	run(play, 1, 8);
	cr_expect(isnan(fairness(play)), "the warm-up was judged: %g", fairness(play));
}

/* Whether a case is tried whose workers sit on so many PUs. */
static bool is_tried(const char *variant, unsigned workers, unsigned pus)
{
	struct sm_error why = { 0 };
	struct play play;

	begin(&play, variant);
	play.scenario->teardown(&play.trial);
	play.c.workers = workers;
	play.c.pus = pus;
	play.c.shared_pu = workers > pus;
	int rc = play.scenario->supported(&play.c, &why);

	if (rc < 0) {
		cr_expect_eq(rc, -ENOTSUP);
		cr_expect(strstr(why.text, "ask for fewer"), "%s", why.text);
	}
	return rc == 0;
}

Test(lock_throughput, a_queue_of_spinners_whose_round_takes_seconds_is_not_tried)
{
	cr_expect(is_tried("ticket", 256, 64));
	cr_expect(is_tried("mcs", 16, 1));
	cr_expect(is_tried("mcs", 2048, 2048));
	cr_expect_not(is_tried("ticket", 2048, 512));
	cr_expect_not(is_tried("mcs", 256, 1));
	cr_expect(is_tried("mutex", 2048, 512));
	cr_expect(is_tried("tas", 256, 1), "it has no queue");
}

Test(lock_throughput, who_has_not_begun_a_slice_has_nothing_of_it)
{
	struct play play;

	begin(&play, "mutex");
	warm_up(&play);
	run(&play, 0, 8);
	cr_expect_float_eq(fairness(&play), 0.5, 1e-6, "one of two got all: %g", fairness(&play));
	run(&play, 1, 8);
	run(&play, 1, 4);
	cr_expect_float_eq(fairness(&play), 0.5, 1e-6, "and the other way round: %g", fairness(&play));
	play.scenario->teardown(&play.trial);
}

/* The set of semaphores is gone: the worker says so, in a slice and in the traced stretch. */
Test(lock_throughput, a_lock_that_cannot_be_taken_fails_the_worker)
{
	struct play play;

	begin(&play, "sysv_sem");
	warm_up(&play);
	cr_expect_eq(run(&play, 0, 8), 8);
	cr_expect_not(play.worker[0].failed);
	play.scenario->teardown(&play.trial);
	run(&play, 1, 8);
	cr_expect(play.worker[1].failed, "nothing was said");
	cr_expect(strstr(play.worker[1].error.text, "cannot be taken"), "%s", play.worker[1].error.text);
	play.scenario->trace(&play.worker[0]);
	cr_expect(play.worker[0].failed, "nothing was said of the traced stretch");
}

/* A slice in which nobody got anything is no slice to judge. */
Test(lock_throughput, nothing_for_all_is_not_judged)
{
	struct play play;

	begin(&play, "sysv_sem");
	warm_up(&play);
	play.scenario->teardown(&play.trial);
	run(&play, 0, 8);
	cr_expect(isnan(fairness(&play)), "%g", fairness(&play));
}
