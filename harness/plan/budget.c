/* What a plan loses where its time is limited. */
#include "shmeter/plan.h"

/* Slices are cheap beside what a trial takes to start and warm up, and of too few too few are of one pair class, so that the
 * whole block is lost.  They are cut to what the quick profile has, then blocks are cut to the interval's least, and only
 * where that does not fit either, slices again. */
#define SLICES_KEPT  20
#define SLICES_LEAST 8
#define BLOCKS_LEAST 6
/* Parts of the room.  Of the first cuts the rest is for blocks that are lost to disturbances and topped up; of the last
 * for trials that take longer than they were thought to, as too few slices lose more than a few more blocks bring. */
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

/* What is left of a number of slices or blocks above `least`, where `share` of all that is above it may stay. */
static unsigned keep(unsigned now, unsigned least, double share)
{
	return now > least ? least + (unsigned)((now - least) * share) : now;
}

/* The share that may stay of what could be cut, `spare`, for the plan to take `room`. */
static double share_kept(double estimate, double spare, double room)
{
	double excess = estimate - room;

	return excess <= 0 ? 1 : excess < spare ? 1 - excess / spare : 0;
}

/* A trial's slices that may be cut.  A rate over a few milliseconds would be that of a moment. */
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
