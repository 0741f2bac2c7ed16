/* Finds how many operations a slice needs to take about as long as asked. */
#include "control.h"

/* A count fits when the slice takes this share of the target time.  The range is wide, because a change of pair class
 * between slices may change the cost of an operation by a factor of two to four. */
#define HOLDS_MIN      0.6
#define HOLDS_MAX      1.7
#define TIMES_IT_HOLDS 2

uint64_t control_makespan_ns(struct control *control, unsigned slice)
{
	uint64_t first = UINT64_MAX, last = 0;

	for (unsigned i = 0; i < control->workers; i++) {
		const struct slice_note *note = control_note(control, i, slice);

		first = note->start_ns < first ? note->start_ns : first;
		last = note->end_ns > last ? note->end_ns : last;
	}
	return last > first ? last - first : 1;
}

bool calibrate_next(struct control *control, unsigned slice, uint64_t aim_ns)
{
	double share = (double)control_makespan_ns(control, slice) / (double)aim_ns;
	uint64_t count = control->op_count;

	if ((share >= HOLDS_MIN && share <= HOLDS_MAX) || (count == 1 && share > 1.0))
		return ++control->held >= TIMES_IT_HOLDS;
	control->held = 0;
	if (share < 0.01) /* too short to extrapolate from */
		control->op_count = count * 10;
	else
		control->op_count = (uint64_t)((double)count / share);
	if (control->op_count == 0)
		control->op_count = 1;
	return false;
}
