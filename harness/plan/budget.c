/* Reduces a plan to fit a time limit. */
#include "shmeter/plan.h"

/* Slices are cheap compared with the start and warm-up of a trial, and with too few slices too few are of one pair
 * class, which loses the whole block.  So slices are first cut to the number of the quick profile, then blocks to the
 * fewest that give a confidence interval, and only if that does not fit, slices again. */
#define SLICES_KEPT  20
#define SLICES_LEAST 8
#define BLOCKS_LEAST 6
/* Parts of the time limit that the plan may use.  In the first two cuts the rest is for blocks that replace disturbed
 * ones.  In the last cut the rest is for trials that take longer than estimated: too few slices lose more than a few
 * more blocks gain. */
#define PART_WITH_TOP_UP 0.8
#define PART_AT_MOST     0.9

static double group_ns(const struct sm_plan *plan, const struct sm_planned_group *group)
{
	double sum = 0;

	for (unsigned i = 0; i < group->count; i++)
		if (!plan->cases[group->first + i].skipped)
			sum += (double)plan->cases[group->first + i].trial_ns;
	return sum;
}

static double estimate(const struct sm_plan *plan)
{
	double sum = 0;

	for (size_t g = 0; g < plan->group_count; g++)
		sum += plan->groups[g].blocks * group_ns(plan, &plan->groups[g]);
	return sum;
}

/* Reduces a number of slices or blocks: keeps `share` of what is above `least`. */
static unsigned keep(unsigned now, unsigned least, double share)
{
	return now > least ? least + (unsigned)((now - least) * share) : now;
}

/* The share of `spare`, the time that could be cut, that may stay for the plan to take `room`. */
static double share_kept(double estimate, double spare, double room)
{
	double excess = estimate - room;

	return excess <= 0 ? 1 : excess < spare ? 1 - excess / spare : 0;
}

/* How many slices of a trial may be cut.  A rate over only a few milliseconds would not be representative. */
static unsigned spare_slices(const struct sm_planned_case *planned, unsigned least)
{
	if (planned->c.workers == 1)
		least *= SM_ALONE_FACTOR;
	return planned->skipped || planned->c.scenario->achieved || planned->slices <= least ? 0
											     : planned->slices - least;
}

static void cut_slices(struct sm_plan *plan, unsigned least, double room)
{
	double spare = 0, share;

	for (size_t i = 0; i < plan->case_count; i++)
		spare += (double)spare_slices(&plan->cases[i], least) * (double)plan->cases[i].slice_ns *
			 plan->groups[plan->cases[i].group].blocks;
	share = share_kept(estimate(plan), spare, room);
	for (size_t i = 0; i < plan->case_count; i++) {
		struct sm_planned_case *planned = &plan->cases[i];
		unsigned above = spare_slices(planned, least);
		unsigned cut = above - keep(above, 0, share);

		planned->slices -= cut;
		planned->trial_ns -= cut * planned->slice_ns;
	}
}

static void cut_blocks(struct sm_plan *plan, double room)
{
	double spare = 0, share;

	for (size_t g = 0; g < plan->group_count; g++)
		if (plan->groups[g].blocks > BLOCKS_LEAST)
			spare += (plan->groups[g].blocks - BLOCKS_LEAST) * group_ns(plan, &plan->groups[g]);
	share = share_kept(estimate(plan), spare, room);
	for (size_t g = 0; g < plan->group_count; g++)
		plan->groups[g].blocks = keep(plan->groups[g].blocks, BLOCKS_LEAST, share);
}

void sm_plan_fit(struct sm_plan *plan, const struct sm_plan_options *options, uint64_t room_ns)
{
	double room = (double)room_ns;

	if (!options->slices)
		cut_slices(plan, SLICES_KEPT, room * PART_WITH_TOP_UP);
	cut_blocks(plan, room * PART_WITH_TOP_UP);
	if (!options->slices)
		cut_slices(plan, SLICES_LEAST, room * PART_AT_MOST);
}
