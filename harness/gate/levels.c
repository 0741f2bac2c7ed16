/* The level of a run: one value for all its blocks. */
#include <math.h>

#include "gate_parts.h"

/* The standard error of a median of normal values is sqrt(pi / 2) times that of their mean. */
#define MEDIAN_ERROR 1.2533
/* MAD times this is the standard deviation of normal values. */
#define MAD_TO_SD 1.4826

double gate_level(double *value, size_t count, double *error)
{
	*error = MEDIAN_ERROR * MAD_TO_SD * sm_mad(value, count) / sqrt((double)count);
	return sm_median(value, count);
}

/* Why a run has no level in this class; NULL: it has one, and its values are in `room`. */
static const char *why_none(const struct sm_digest *run, const struct side *side, sm_name klass, double *room,
			    size_t *count, struct sm_results *results)
{
	const char *why;

	if (!side->one)
		return "a baseline run has no such case";
	why = gate_disturbed(run, (size_t)(side->one - run->cases), side->beside != NULL, "a baseline run", results);
	*count = gate_values(side, klass, room);
	if (!why && *count < SM_BLOCKS_MIN)
		why = sm_results_string(results, "a baseline run has %zu blocks in a class like %s, under %d", *count,
					klass, SM_BLOCKS_MIN);
	return why;
}

struct gate_levels gate_levels(const struct sm_baselines *runs, const struct side *side, sm_name klass, double *room,
			       struct sm_results *results)
{
	struct gate_levels out = { .left_out = NULL };
	double level[SM_BASELINE_RUNS_MAX] = { 0 }, errors = 0;
	size_t found = 0;

	for (size_t i = 0; i < runs->count; i++) {
		size_t count = 0;
		double error;
		const char *why = why_none(runs->run[i], &side[i], klass, room, &count, results);

		if (why) {
			out.left_out = out.left++ == 0 ? why : out.left_out;
			continue;
		}
		level[found++] = gate_level(room, count, &error);
		errors += error;
		out.blocks += count;
	}
	out.runs = sm_run_levels(level, found);
	/* runs that agree better than their blocks allow agree by chance */
	if (found > 1)
		out.runs.scatter = fmax(out.runs.scatter, errors / (double)found);
	return out;
}
