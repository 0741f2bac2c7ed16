/* Question: does the instrument see a difference where there is none?
 * Method:   two workers add to one counter.  The same code runs under two variant names, and the two are compared
 *           like any other pair.  The report uses the comparison as the run's control: if it finds a difference, no
 *           verdict of the run is valid.
 * Not shown: differences caused by the address of the code, since both variants run the same code.
 * Cost of the loop: one lock-prefixed add and two instructions. */
#include <errno.h>

#include "shmeter/scenario.h"

static size_t one_line(const struct sm_case *c)
{
	(void)c;
	return SM_LINE_PAIR;
}

static uint64_t run(struct sm_worker *worker)
{
	_Atomic uint64_t *counter = worker->region;
	uint64_t i = 0, end;

	/* relaxed: the sum is read after the workers ended. */
	while ((end = i + sm_next_part(worker, i)) > i)
		for (; i < end; i++)
			atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	return i;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t sum = atomic_load((_Atomic uint64_t *)trial->region);

	if (sum != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "the counter is %lu after %lu additions", sum, sm_trial_ops(trial));
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "a", .summary = "the case" },
	{ .name = "b", .summary = "the same case" },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "A1",
	  .text = "The same code under two names takes the same time, within 10 %",
	  .source = "by construction",
	  SM_RATIO("b", "a", .min = 1 / 1.1, .max = 1.1) },
	{ 0 },
};

const struct sm_scenario sm_scenario_aa = {
	.name = "aa",
	.family = "calibration",
	.question = "Does the instrument see a difference where there is none?",
	.summary = "The control of every run: one case under two names.",
	.why = "Both names run the same code, so whatever differs is the machine's doing: "
	       "the yardstick for every other difference of this run.",
	.claims = claims,
	.variants = variants,
	.workers = 2,
	.placements = { SM_PLACE_NEAR },
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.ends = SM_FIRST_DONE,
	.metric = { "time per addition", "ns/op" },
	.region_bytes = one_line,
	.run = run,
	.verify = verify,
};
