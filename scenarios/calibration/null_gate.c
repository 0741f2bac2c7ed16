/* Question: how far apart do workers leave the gate, and what does an empty slice cost?
 * Method:   two workers run slices that hold a single turn of a loop.  The time of a slice is the start skew of the
 *           gate plus two clock readings.  slices.csv has the skew alone.
 * Not shown: the skew of workers that share a PU, which depends on the scheduler.
 * Cost of the loop: a few instructions. */
#include <errno.h>

#include "shmeter/scenario.h"

enum { TALLY_TURNS };

static uint64_t one_turn(const struct sm_case *c)
{
	(void)c;
	return 1;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t turns = 0;

	for (uint64_t n = worker->op_count; turns < n; turns++)
		__asm__ volatile("");
	worker->outcome->tally[TALLY_TURNS] += turns;
	return turns;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (sm_trial_tally(trial, TALLY_TURNS) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu turns for %lu operations", sm_trial_tally(trial, TALLY_TURNS),
			       sm_trial_ops(trial));
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "gate", .summary = "leave the gate, stamp twice" },
	{ 0 },
};

const struct sm_scenario sm_scenario_null_gate = {
	.name = "null_gate",
	.family = "calibration",
	.question = "How far apart do workers leave the gate?",
	.summary = "The start skew of every slice of two workers.",
	.why = "Nothing but the gate: how far apart the workers start when it opens. A slice "
	       "has to be long beside that, too.",
	.variants = variants,
	.workers = 2,
	.placements = { SM_PLACE_NEAR },
	.metric = { "time of an empty slice", "ns/op" },
	.slices = 40,
	.fixed_ops = one_turn,
	.run = run,
	.verify = verify,
};
