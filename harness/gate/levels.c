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
static const char *why_none(const struct side *side, sm_name klass, double *room, size_t *count,
			    struct sm_results *results)
{
	if (!side->one)
		return sm_results_string(results, "baseline %s has no such case", side->folder);
	if (side->disturbed)
		return side->disturbed;
	*count = gate_values(side, klass, room);
	return *count >= SM_BLOCKS_MIN
		       ? NULL
		       : sm_results_string(results, "baseline %s has %zu blocks in a class like %s, under %d",
					   side->folder, *count, klass, SM_BLOCKS_MIN);
}

struct gate_levels gate_levels(const struct side *side, size_t runs, sm_name klass, double *room,
			       struct sm_results *results)
{
	struct gate_levels out = { .left_out = NULL };
	double level[SM_BASELINE_RUNS_MAX] = { 0 }, errors = 0;
	size_t found = 0;

	for (size_t i = 0; i < runs; i++) {
		size_t count = 0;
		double error;
		const char *why = why_none(&side[i], klass, room, &count, results);

		if (why) {
			out.left_out = out.left++ == 0 ? why : out.left_out;
			continue;
		}
		level[found++] = gate_level(room, count, &error);
		errors += error;
		out.blocks += count;
	}
	out.runs = sm_run_levels(level, found);
	out.median = sm_median(level, found);
	/* runs that agree better than their blocks allow agree by chance */
	if (found > 1)
		out.runs.scatter = fmax(out.runs.scatter, errors / (double)found);
	return out;
}
