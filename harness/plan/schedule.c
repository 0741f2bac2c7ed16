/* The order of the trials: Latin squares inside a group, and the blocks of all groups shuffled over the run. */
#include <stdlib.h>

#include "shmeter/memory.h"
#include "shmeter/plan.h"

void sm_plan_latin_rows(struct sm_random *random, unsigned n, unsigned blocks, unsigned *rows)
{
	unsigned *label = sm_memory(n * sizeof(*label)), *order = sm_memory(n * sizeof(*order));

	for (unsigned i = 0; i < n; i++)
		label[i] = order[i] = i;
	for (unsigned block = 0; block < blocks; block++) {
		if (block % n == 0) { /* a new square */
			sm_random_shuffle(random, label, n, sizeof(*label));
			sm_random_shuffle(random, order, n, sizeof(*order));
		}
		/* Williams (1949): the row 0, 1, n-1, 2, n-2, ... shifted; each treatment is once in each position and,
		 * for even n, follows each other treatment once. */
		for (unsigned i = 0; i < n; i++) {
			unsigned zigzag = i % 2 ? (i + 1) / 2 : (n - i / 2) % n;

			rows[block * n + i] = label[(zigzag + order[block % n]) % n];
		}
	}
	free(label);
	free(order);
}

/* A block of a group, to be shuffled. */
struct unit {
	unsigned group, block;
};

static unsigned live_cases(const struct sm_plan *plan, const struct sm_planned_group *group, unsigned *live)
{
	unsigned count = 0;

	for (unsigned i = 0; i < group->count; i++)
		if (!plan->cases[group->first + i].skipped)
			live[count++] = group->first + i;
	return count;
}

static void schedule_units(struct sm_plan *plan, const struct unit *units, size_t count, unsigned **rows,
			   unsigned *live)
{
	for (size_t u = 0; u < count; u++) {
		const struct sm_planned_group *group = &plan->groups[units[u].group];
		unsigned n = live_cases(plan, group, live);

		for (unsigned i = 0; i < n; i++) {
			unsigned pick = live[rows[units[u].group][units[u].block * n + i]];

			plan->estimate_ns += plan->cases[pick].trial_ns;
			plan->steps[plan->step_count++] = (struct sm_step){
				.case_index = pick,
				.block = units[u].block,
				.order = i,
			};
		}
	}
}

void sm_plan_schedule(struct sm_plan *plan, const struct sm_plan_options *options)
{
	struct sm_random random;
	size_t units_max = 0, steps_max = 0, unit_count = 0;

	for (size_t g = 0; g < plan->group_count; g++) {
		units_max += plan->groups[g].blocks;
		steps_max += (size_t)plan->groups[g].blocks * plan->groups[g].count;
	}
	struct unit *units = sm_zeroed_memory(units_max + 1, sizeof(*units));
	unsigned **rows = sm_zeroed_memory(plan->group_count + 1, sizeof(*rows));
	unsigned *live = sm_zeroed_memory(plan->case_count + 1, sizeof(*live));

	free(plan->steps);
	plan->steps = sm_zeroed_memory(steps_max + 1, sizeof(*plan->steps));
	plan->step_count = 0;
	plan->estimate_ns = 0;
	sm_random_seed(&random, options->seed);
	for (size_t g = 0; g < plan->group_count; g++) {
		unsigned n = live_cases(plan, &plan->groups[g], live);

		rows[g] = sm_zeroed_memory((size_t)n * plan->groups[g].blocks + 1, sizeof(**rows));
		if (n == 0)
			continue;
		sm_plan_latin_rows(&random, n, plan->groups[g].blocks, rows[g]);
		for (unsigned b = 0; b < plan->groups[g].blocks; b++)
			units[unit_count++] = (struct unit){ (unsigned)g, b };
	}
	sm_random_shuffle(&random, units, unit_count, sizeof(*units));
	schedule_units(plan, units, unit_count, rows, live);
	for (size_t g = 0; g < plan->group_count; g++)
		free(rows[g]);
	free(rows);
	free(live);
	free(units);
}
