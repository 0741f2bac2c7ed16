/* Question: does the instrument find a delay that is known beforehand?
 * Method:   one operation waits until the clock has advanced by a computed time.  The ratio of a 10 us and a 2 us
 *           delay must come out as 5, and each delay as its own value.
 * Not shown: delays shorter than one clock reading.
 * Cost of the loop: at most one reading of the clock (about 25 ns) beyond the delay. */
#include <errno.h>

#include "shmeter/scenario.h"

enum { TALLY_DELAYS, TALLY_SHORT };

static uint64_t run(struct sm_worker *worker)
{
	uint64_t delay_ns = sm_case_variant(worker->c)->arg, start = sm_clock_ns(), due = start;
	uint64_t turns = 0, n = worker->op_count;

	/* Each delay ends a fixed time after the previous deadline, so readings that overshoot do not add up. */
	for (; turns < n; turns++) {
		due += delay_ns;
		while (sm_clock_ns() < due)
			;
	}
	worker->outcome->tally[TALLY_DELAYS] += turns;
	worker->outcome->tally[TALLY_SHORT] += sm_clock_ns() - start < turns * delay_ns;
	return turns;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (sm_trial_tally(trial, TALLY_SHORT))
		return sm_fail(err, EILSEQ, "%lu slices were shorter than their delays",
			       sm_trial_tally(trial, TALLY_SHORT));
	if (sm_trial_tally(trial, TALLY_DELAYS) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu delays for %lu operations", sm_trial_tally(trial, TALLY_DELAYS),
			       sm_trial_ops(trial));
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "delay_2us", .summary = "2 microseconds", .arg = 2000 },
	{ .name = "delay_10us", .summary = "10 microseconds", .arg = 10000 },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "I1",
	  .text = "A computed delay is found: 10 us take 5 times as long as 2 us, within 2 %",
	  .source = "computed",
	  SM_RATIO("delay_10us", "delay_2us", .min = 4.9, .max = 5.1) },
	{ 0 },
};

const struct sm_scenario sm_scenario_known_delay = {
	.name = "known_delay",
	.family = "calibration",
	.question = "Does the instrument find a delay that is known?",
	.summary = "Two computed delays; their ratio is known.",
	.why = "A wait whose length was set beforehand. An instrument that reads something "
	       "else here would be wrong everywhere.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per delay", "ns/op" },
	.run = run,
	.verify = verify,
};
