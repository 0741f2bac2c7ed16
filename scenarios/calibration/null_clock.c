/* Question: what does one reading of the clock cost?
 * Method:   one worker reads the clock once per operation and checks that it never goes backwards.
 * Not shown: the cost of a clock reading within other work, which it can overlap with.
 * Cost of the loop: the reading (vDSO: about 15 to 60 ns) and three instructions. */
#include <errno.h>

#include "shmeter/scenario.h"

enum { TALLY_READINGS, TALLY_BACKWARDS };

static uint64_t run(struct sm_worker *worker)
{
	uint64_t last = 0, backwards = 0, turns = 0;

	for (uint64_t n = worker->op_count; turns < n; turns++) {
		uint64_t now = sm_clock_ns();

		backwards += now < last;
		last = now;
	}
	worker->outcome->tally[TALLY_READINGS] += turns;
	worker->outcome->tally[TALLY_BACKWARDS] += backwards;
	return turns;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (sm_trial_tally(trial, TALLY_BACKWARDS))
		return sm_fail(err, EILSEQ, "the clock stepped backwards %lu times",
			       sm_trial_tally(trial, TALLY_BACKWARDS));
	if (sm_trial_tally(trial, TALLY_READINGS) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu readings for %lu operations", sm_trial_tally(trial, TALLY_READINGS),
			       sm_trial_ops(trial));
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "read", .summary = "read CLOCK_MONOTONIC_RAW" },
	{ 0 },
};

const struct sm_scenario sm_scenario_null_clock = {
	.name = "null_clock",
	.family = "calibration",
	.question = "What does a reading of the clock cost?",
	.summary = "Slices are at least a thousand times longer than this.",
	.why = "Readings of the clock with nothing between them: what a stamp costs, and so "
	       "what a slice has to be long beside.",
	.variants = variants,
	.workers = 1,
	.metric = { "time per reading", "ns/op" },
	.run = run,
	.verify = verify,
};
