/* Finds where a series changes its level for good. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/memory.h"
#include "shmeter/stats.h"
#include "shmeter/steps.h"

/* Fewest values on each side of a step. */
#define SIDE_MIN 2

static double median_of(const double *value, size_t count, double *room)
{
	memcpy(room, value, count * sizeof(*room));
	return sm_median(room, count);
}

/* The standard deviation of one value, from the differences of neighbours. */
static double deviation(const double *value, size_t count, double *room)
{
	for (size_t i = 0; i + 1 < count; i++)
		room[i] = value[i + 1] - value[i];
	return count < 2 ? 0 : 1.4826 * sm_mad(room, count - 1) / sqrt(2);
}

/* Whether the values next to a cut belong to the levels on their sides.  Two values of which one is an outlier do not
 * make a level. */
static bool lasts(const double *value, size_t cut, double before, double after)
{
	for (size_t i = 0; i < SIDE_MIN; i++)
		if (fabs(value[cut + i] - after) >= fabs(value[cut + i] - before) ||
		    fabs(value[cut - 1 - i] - before) >= fabs(value[cut - 1 - i] - after))
			return false;
	return true;
}

/* The cut of value[0..count) with the largest step, or 0. */
static size_t best_cut(const double *value, size_t count, double sigma, double *room)
{
	double most = 0;
	size_t cut = 0;

	for (size_t k = SIDE_MIN; k + SIDE_MIN <= count; k++) {
		double before = median_of(value, k, room), after = median_of(value + k, count - k, room);
		double error = sqrt(acos(-1.0) / 2) * sigma * sqrt(1 / (double)k + 1 / (double)(count - k));
		double size = fabs(after - before);
		double weight = size * sqrt((double)k * (double)(count - k));

		if (size > SM_STEP_MIN && size > SM_STEP_SIGMAS * error && lasts(value, k, before, after) &&
		    weight > most) {
			most = weight;
			cut = k;
		}
	}
	return cut;
}

static void part(const double *value, size_t count, double sigma, bool *step, double *level, double *room)
{
	size_t cut = best_cut(value, count, sigma, room);

	if (cut == 0) {
		double middle = median_of(value, count, room);

		for (size_t i = 0; i < count; i++)
			level[i] = middle;
		return;
	}
	step[cut] = true;
	part(value, cut, sigma, step, level, room);
	part(value + cut, count - cut, sigma, step + cut, level + cut, room);
}

void sm_steps_find(const double *value, size_t count, bool *step, double *level)
{
	double *room = sm_memory(count * sizeof(*room));

	memset(step, 0, count * sizeof(*step));
	if (count > 0)
		part(value, count, deviation(value, count, room), step, level, room);
	free(room);
}
