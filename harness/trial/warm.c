/* Decides when the warm-up is over.
 *
 * What makes the first slices slow is not known beforehand: page tables must return to the caches (a walk over 1 GiB
 * takes 20 to 40 slices), queues fill, and the idle governor adapts to sleepers.  So the times of the slices decide. */
#include "control.h"

/* Compares the last WARM_WINDOW slices with as many before them, by Mann and Whitney's U (1947): the number of pairs in
 * which the earlier slice is longer.  Where nothing drifts, at most WARM_RANKS of the 64 pairs lie on one side with a
 * probability of 8.3 % (both sides together), so slices that are flat from the start need a warm-up of about 17.
 *
 * Ranks are robust: a change of pair class makes slices two to four times as long.  It disturbs the ranks only while it
 * is near the middle of the 16 slices, but it would disturb a mean in all of them.  The window has eight slices because
 * six leave a tenth of a walk's drift undetected and ten detect no more of it. */
#define WARM_RANKS 15

_Static_assert(2 * WARM_WINDOW == SM_WARM_SLICES, "what a run is planned with");

/* Whether these times, in their order, show no drift; see warm.c. */
static bool is_flat(const double time[2 * WARM_WINDOW])
{
	unsigned twice_u = 0; /* ties count one half */

	for (unsigned i = 0; i < WARM_WINDOW; i++)
		for (unsigned j = WARM_WINDOW; j < 2 * WARM_WINDOW; j++)
			twice_u += time[i] > time[j] ? 2 : time[i] == time[j];
	return twice_u > 2 * WARM_RANKS && twice_u < 2 * (WARM_WINDOW * WARM_WINDOW - WARM_RANKS);
}

/* Time per operation; 0 where there were no operations. */
static double pace_of(struct control *control, unsigned slice)
{
	uint64_t ops = 0, measured = 0;

	for (unsigned i = 0; i < control->workers; i++) {
		const struct slice_note *note = control_note(control, i, slice);

		ops += note->ops;
		measured = note->time_ns > measured ? note->time_ns : measured;
	}
	if (!control->self_timed)
		measured = control_makespan_ns(control, slice);
	return ops ? (double)measured / (double)ops : 0;
}

unsigned warm_most(uint64_t slice_ns, uint64_t least_ns)
{
	unsigned most = 2 * WARM_WINDOW * slice_ns > SM_WARM_NS_MAX ? 1 : WARM_SLICES_MAX;

	/* twice as many as should fill that time: slices may be shorter than they were meant to be */
	return most + (unsigned)(2 * least_ns / slice_ns);
}

bool warm_over(struct control *control, unsigned slices)
{
	double time[2 * WARM_WINDOW];

	if (slices == 0) {
		control->warm_begin_ns = sm_clock_ns();
		return false;
	}
	control->warm_ns = sm_clock_ns() - control->warm_begin_ns;
	if (slices >= 2 * WARM_WINDOW) {
		for (unsigned i = 0; i < 2 * WARM_WINDOW; i++)
			time[i] = pace_of(control, slices - 2 * WARM_WINDOW + i);
		control->flat = is_flat(time);
	}
	if (slices >= control->warm)
		return true;
	return control->warm_ns >= control->warm_least_ns &&
	       (control->flat || control->warm_ns > control->warm_least_ns + SM_WARM_NS_MAX);
}
