/* Finds where a series changes its level for good. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/memory.h"
#include "shmeter/stats.h"
#include "shmeter/steps.h"

/* Fewest values on each side of a step. */
#define SIDE_MIN 2
/* Fewest values of which the largest differences of neighbours are left out, a tenth of them: a lone outlier makes
 * two. */
#define TRIMMED_FROM 20

static double median_of(const double *value, size_t count, double *room)
{
	memcpy(room, value, count * sizeof(*room));
	return sm_median(room, count);
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

/* median[k]: of the first k values, or of the last k. */
static void running_medians(const double *value, size_t count, bool last, double *median, double *sorted)
{
	for (size_t k = 0; k < count; k++) {
		double one = value[last ? count - 1 - k : k];
		size_t at = k;

		for (; at > 0 && sorted[at - 1] > one; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = one;
		median[k + 1] = sm_quantile_sorted(sorted, k + 1, 0.5);
	}
}

/* What the differences of neighbours say about the scatter. */
struct scatter {
	double sum, largest_sum; /* of all; of the `dropped` + 1 largest */
	double limit;            /* the least of these */
	size_t count, dropped;
};

static struct scatter scatter_of(const double *value, size_t count, double *room)
{
	struct scatter s = { .count = count - 1, .dropped = count < TRIMMED_FROM ? 0 : count / 10 };

	for (size_t i = 0; i < s.count; i++) {
		room[i] = fabs(value[i + 1] - value[i]);
		s.sum += room[i];
	}
	sm_median(room, s.count); /* sorts */
	s.limit = room[s.count - 1 - s.dropped];
	for (size_t i = 0; i <= s.dropped; i++)
		s.largest_sum += room[s.count - 1 - i];
	return s;
}

/* The standard deviation of one value, from all differences but the one across the cut and the largest of the rest. */
static double deviation(const struct scatter *s, double across)
{
	double left_out = across >= s->limit ? s->largest_sum : s->largest_sum - s->limit + across;

	return (s->sum - left_out) / (double)(s->count - 1 - s->dropped) * sqrt(acos(-1.0)) / 2;
}

/* A step, in standard errors; at: 0 where there is none. */
struct cut {
	size_t at;
	double sigmas;
};

static struct cut largest(const double *value, size_t count)
{
	double *room = sm_memory(3 * (count + 1) * sizeof(*room)), *first = room + count + 1, *last = first + count + 1;
	struct scatter scatter = scatter_of(value, count, room);
	struct cut found = { 0 };

	running_medians(value, count, false, first, room);
	running_medians(value, count, true, last, room);
	for (size_t k = SIDE_MIN; k + SIDE_MIN <= count; k++) {
		double before = first[k], after = last[count - k], size = fabs(after - before);
		double sigma = fmax(0, deviation(&scatter, fabs(value[k] - value[k - 1])));
		/* sqrt(pi / 2) makes it the error of a median */
		double error = sqrt(acos(-1.0) / 2 * (double)count / ((double)k * (double)(count - k))) * sigma;

		if (size > SM_STEP_MIN && size / error > found.sigmas && lasts(value, k, before, after))
			found = (struct cut){ k, size / error };
	}
	free(room);
	return found;
}

/* The 0.998 quantile of sm_step_largest() over 200,000 seeded series of normal noise, rounded up to 0.05; the
 * quantiles at 90, 120 and 200 values are those at 60 within 0.05.  `TABLES=200000 test_steps` prints them. */
static const struct {
	size_t count;
	double sigmas;
} limits[] = {
	{ 6, 7.9 },   { 7, 6.9 },  { 8, 6.3 },  { 9, 5.75 },  { 10, 5.5 },  { 12, 5.05 }, { 16, 4.6 },
	{ 19, 4.45 }, { 20, 5.6 }, { 24, 5.2 }, { 30, 5.25 }, { 40, 5.05 }, { 60, 4.9 },
};
#define LIMITS (sizeof(limits) / sizeof(limits[0]))

double sm_step_limit(size_t count)
{
	size_t i = 0;

	if (count < SM_STEP_RUNS)
		return INFINITY;
	while (i + 1 < LIMITS && limits[i + 1].count <= count)
		i++;
	if (i + 1 == LIMITS)
		return limits[i].sigmas;
	return limits[i].sigmas + (limits[i + 1].sigmas - limits[i].sigmas) * (double)(count - limits[i].count) /
					  (double)(limits[i + 1].count - limits[i].count);
}

double sm_step_largest(const double *value, size_t count)
{
	return count < 2 * SIDE_MIN ? 0 : largest(value, count).sigmas;
}

static void part(const double *value, size_t count, bool *step, double *level, double *room)
{
	struct cut cut = { 0 };

	if (count >= SM_STEP_RUNS)
		cut = largest(value, count);
	if (cut.at == 0 || cut.sigmas <= sm_step_limit(count)) {
		double middle = median_of(value, count, room);

		for (size_t i = 0; i < count; i++)
			level[i] = middle;
		return;
	}
	step[cut.at] = true;
	part(value, cut.at, step, level, room);
	part(value + cut.at, count - cut.at, step + cut.at, level + cut.at, room);
}

/* The mean distance of the values from what was fitted to them with so many parameters. */
static double misfit(const double *value, const double *fitted, size_t count, size_t parameters)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += fabs(value[i] - fitted[i]);
	return parameters < count ? sum / (double)(count - parameters) : (double)INFINITY;
}

/* The slope by least squares, the height by a median. */
static void fit_line(const double *value, size_t count, double *line, double *room)
{
	double middle = (double)(count - 1) / 2, top = 0, bottom = 0;

	for (size_t i = 0; i < count; i++) {
		top += ((double)i - middle) * value[i];
		bottom += ((double)i - middle) * ((double)i - middle);
	}
	for (size_t i = 0; i < count; i++)
		room[i] = value[i] - top / bottom * (double)i;
	double start = median_of(room, count, line);

	for (size_t i = 0; i < count; i++)
		line[i] = start + top / bottom * (double)i;
}

bool sm_steps_find(const double *value, size_t count, bool *step, double *level)
{
	double *room = sm_memory((2 * count + 1) * sizeof(*room)), *line = room + count;
	size_t steps = 0;
	bool drifts;

	memset(step, 0, count * sizeof(*step));
	part(value, count, step, level, room);
	for (size_t i = 0; i < count; i++)
		steps += step[i];
	if (steps > 0)
		fit_line(value, count, line, room);
	/* a step has a place, and the level after it */
	drifts = steps > 0 && misfit(value, line, count, 2) <= misfit(value, level, count, 2 * steps + 1);
	if (drifts) {
		memset(step, 0, count * sizeof(*step));
		memcpy(level, line, count * sizeof(*level));
	}
	free(room);
	return drifts;
}
