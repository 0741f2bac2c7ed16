/* Finding the points where a series changes its level for good. */
#ifndef SHMETER_STEPS_H
#define SHMETER_STEPS_H

#include <stdbool.h>
#include <stddef.h>

/* Marks steps in a series of values (ln of medians): step[i] is set where a new level begins that lasts two values or
 * more; level[i] is the median of the level that value i belongs to.  Returns whether the series drifts: a straight
 * line fits it at least as well as the steps would (mean distance, for each parameter one value less).  Then no step
 * is marked, and level[] is the line.
 *
 * Binary segmentation (Scott and Knott 1974; Vostrikova 1981) with medians: a series is cut where the medians of its
 * two sides differ most, in standard errors, and each side is then a series of its own.  The medians must differ by
 * more than sm_step_limit() standard errors and by more than SM_STEP_MIN.  Each of the two values on either side of
 * the cut must also lie nearer to the median of its own side than to the other's, so that a single outlier makes no
 * step.  The standard deviation comes from the differences of neighbours, without the one across the cut; from 20
 * values on the largest tenth of the rest is left out, for a step elsewhere or an outlier.  It is unsure in a short
 * series, so the limit depends on the length. */
#define SM_STEP_MIN  0.01
#define SM_STEP_RUNS 6 /* a shorter series has no step */
bool sm_steps_find(const double *value, size_t count, bool *step, double *level);
/* The limit for a series of this length, in standard errors: one series of normal noise in 500 has a larger step. */
double sm_step_limit(size_t count);
/* The largest step of the series that lasts and exceeds SM_STEP_MIN, in standard errors; 0: none does. */
double sm_step_largest(const double *value, size_t count);

#endif
