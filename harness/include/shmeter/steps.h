/* Where a series changes its level for good. */
#ifndef SHMETER_STEPS_H
#define SHMETER_STEPS_H

#include <stdbool.h>
#include <stddef.h>

/* Marks steps in a series of values (ln of medians): step[i] is set where a level begins that lasts two values or
 * more, and level[i] to the median of its stretch.
 *
 * Binary segmentation (Scott and Knott 1974; Vostrikova 1981) with medians: a stretch is cut where the medians of its
 * two sides differ most, if they do so by more than SM_STEP_SIGMAS times their standard error and by more than
 * SM_STEP_MIN, and if each of the two values on either side of the cut lies nearer to its own side's median than to the
 * other's, which a single outlier does not do.  The standard deviation is 1.4826 MAD of the differences of neighbours
 * over sqrt(2), which a step hardly moves.  Of 2,000 seeded series of 30 normal values 4 have a step that is not there
 * (test_history). */
#define SM_STEP_SIGMAS 5.0
#define SM_STEP_MIN    0.01
void sm_steps_find(const double *value, size_t count, bool *step, double *level);

#endif
