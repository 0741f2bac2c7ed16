/* Runs as units: how far one run lies from earlier runs of the same build. */
#include <math.h>

#include "shmeter/stats.h"

/* Share of all pairs of runs that differ by less than the noise floor. */
#define FLOOR_SHARE 0.95

struct sm_run_levels sm_run_levels(const double *level, size_t count)
{
	struct sm_run_levels runs = { .count = count, .mean = NAN, .scatter = NAN };
	double sum = 0, squares = 0;

	for (size_t i = 0; i < count; i++)
		sum += level[i];
	if (count > 0)
		runs.mean = sum / (double)count;
	for (size_t i = 0; i < count; i++)
		squares += (level[i] - runs.mean) * (level[i] - runs.mean);
	if (count > 1)
		runs.scatter = sqrt(squares / (double)(count - 1));
	return runs;
}

/* The standard deviation of (a further run - mean), in units of the scatter. */
static double widening(size_t count)
{
	return sqrt(1 + 1 / (double)count);
}

double sm_run_levels_beyond(const struct sm_run_levels *runs, double level, double bound)
{
	double far = level - runs->mean, unit = runs->scatter * widening(runs->count);

	if (runs->count < 2 || !(far > bound))
		return 1;
	far -= fmin(0, bound);
	return unit > 0 ? sm_student_tail(far / unit, (double)(runs->count - 1)) : 0; /* 0: runs that never differ */
}

double sm_run_levels_margin(const struct sm_run_levels *runs, double tail)
{
	if (runs->count < 2)
		return NAN;
	return sm_student_quantile(tail, (double)(runs->count - 1)) * runs->scatter * widening(runs->count);
}

size_t sm_run_levels_needed(double scatter, double difference, double tail, double power, size_t most)
{
	for (size_t count = 2; count <= most; count++) {
		struct sm_run_levels runs = { .count = count, .scatter = scatter };

		if (sm_run_levels_margin(&runs, tail) + sm_run_levels_margin(&runs, 1 - power) <= difference)
			return count;
	}
	return 0;
}

double sm_run_levels_floor(double scatter)
{
	return sm_normal_quantile(1 - (1 - FLOOR_SHARE) / 2) * sqrt(2) * scatter;
}
