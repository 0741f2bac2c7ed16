/* Question: what does an empty counted loop cost inside a slice?
 * Method:   one worker counts; an empty asm keeps the compiler from folding the loop away.
 * Not shown: anything about memory.  The result is the noise floor: no smaller value of the suite is meaningful.
 * Cost of the loop: two instructions per operation (add, compare and branch fused). */
#include <errno.h>

#include "shmeter/scenario.h"

enum { TALLY_TURNS };

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
	{ .name = "loop", .summary = "count to the number of operations" },
	{ 0 },
};

const struct sm_scenario sm_scenario_null_loop = {
	.name = "null_loop",
	.family = "calibration",
	.question = "What does the harness' empty loop cost?",
	.summary = "The floor of every other figure.",
	.why = "The loop that is around every operation, with nothing in it.",
	.variants = variants,
	.workers = 1,
	.metric = { "time per turn", "ns/op" },
	.run = run,
	.verify = verify,
};
