/* Adds blocks: for comparisons that lost blocks, or for gates that are open.
 *
 * A block counts in a pair class in which all compared cases have pure slices.  Where core distance changes, some
 * blocks count in one class and some in another, and the leading class may have too few for a confidence interval.
 * Such groups get more blocks after the plan's.  The decision uses only the number of blocks that count, never their
 * values, so the intervals keep their level.
 *
 * A run for gates looks at values: it adds blocks where a gate is open.  Its manifest says so ("looked"), and the
 * analysis then uses tests and intervals that are valid for any number of looks (docs/adr/0027). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "shmeter/analysis.h"
#include "shmeter/clock.h"

/* Rounds in which a group gets more blocks: at most as many as its plan had. */
#define ROUNDS 3
/* Time after which a run for gates without a budget adds no block. */
#define LOOK_UNTIL_NS 30e9
/* Part of the budget within which the last block must end: the rest is for the analysis. */
#define PART_MEASURED 0.95

/* Number of blocks that the worst comparison of a group lacks; 0 where it has enough or there is none. */
static unsigned lacking(const struct sm_results *results, const char *group)
{
	unsigned most = 0;

	for (size_t i = 0; i < results->pair_count; i++) {
		const struct sm_pair_row *pair = &results->pairs[i];

		if (!pair->leading || pair->set_aside || strcmp(pair->group, group) != 0 ||
		    pair->blocks_used >= SM_BLOCKS_MIN)
			continue;
		/* a pair with a skipped side never has a block */
		if (pair->blocks_used + pair->blocks_dropped > 0 && SM_BLOCKS_MIN - pair->blocks_used > most)
			most = SM_BLOCKS_MIN - pair->blocks_used;
	}
	return most;
}

static unsigned next_trial(const struct sm_results *results)
{
	unsigned next = 0;

	for (size_t i = 0; i < results->sample_count; i++)
		if (results->samples[i].trial >= next)
			next = results->samples[i].trial + 1;
	return next;
}

static unsigned next_block(const struct sm_results *results, const char *group)
{
	unsigned next = 0;

	for (size_t i = 0; i < results->sample_count; i++) {
		const struct sm_sample *s = &results->samples[i];

		if (s->ended != SM_SKIPPED && !s->derived && s->block >= next &&
		    strcmp(results->cases[s->case_index].group, group) == 0)
			next = s->block + 1;
	}
	return next;
}

/* Runs one more block of a group; `*trial` is the number of the next trial. */
static int run_block(struct session *session, struct sm_random *random, unsigned group_index, unsigned block,
		     unsigned *trial, struct sm_error *err)
{
	const struct sm_planned_group *group = &session->plan.groups[group_index];
	unsigned *live = calloc(group->count, sizeof(*live)), count = 0;
	int rc = 0;

	if (!live)
		return sm_fail(err, ENOMEM, "no memory for a block");
	for (unsigned i = 0; i < group->count; i++)
		if (!session->plan.cases[group->first + i].skipped)
			live[count++] = group->first + i;
	sm_random_shuffle(random, live, count, sizeof(*live));
	for (unsigned i = 0; rc == 0 && i < count; i++) {
		struct sm_step step = { .case_index = live[i], .block = block, .order = i };

		if (session_stopped(session))
			rc = sm_fail(err, EINTR, "stopped by a signal");
		else
			rc = session_measure_step(session, (*trial)++, &step, err);
	}
	free(live);
	return rc;
}

static const char *group_id(const struct session *session, size_t group)
{
	return session->plan.cases[session->plan.groups[group].first].group_id;
}

/* Whether one more block of a group ends within the budget. */
static bool has_time(const struct session *session, const struct sm_planned_group *group)
{
	double budget_ns = (double)session->plan_options.budget_ns;
	double end_ns = (double)session_spent_ns(session);

	if (budget_ns == 0 && session->options->gates)
		budget_ns = LOOK_UNTIL_NS;

	for (unsigned i = 0; i < group->count; i++)
		if (!session->plan.cases[group->first + i].skipped)
			end_ns += (double)session->plan.cases[group->first + i].trial_ns;
	return budget_ns == 0 || end_ns <= PART_MEASURED * budget_ns;
}

/* Runs as many more blocks of a group as it lacks, while there is time and it has fewer than `most`. */
static int add_blocks(struct session *session, struct sm_random *random, unsigned g, unsigned lacks, unsigned most,
		      unsigned *trial, unsigned *added, struct sm_error *err)
{
	const struct sm_planned_group *group = &session->plan.groups[g];
	const char *id = group_id(session, g);
	unsigned block = next_block(session->results, id);
	int rc = 0;

	for (; rc == 0 && lacks > 0 && block < most && has_time(session, group); lacks--) {
		session_progress(session, session->options->gates ? "deciding" : "topping up", g,
				 session->plan.group_count, id, 0);
		rc = run_block(session, random, g, block++, trial, err);
		*added += rc == 0;
	}
	return rc;
}

static int one_round(struct session *session, const struct sm_scenario *const *scenarios, size_t count, unsigned *added,
		     struct sm_error *err)
{
	struct sm_random random;
	unsigned trial, *lacks = calloc(session->plan.group_count + 1, sizeof(*lacks));
	int rc = lacks ? sm_analyse(session->results, scenarios, count, err)
		       : sm_fail(err, ENOMEM, "no memory for the groups");

	*added = 0;
	for (size_t g = 0; rc == 0 && g < session->plan.group_count; g++)
		lacks[g] = lacking(session->results, group_id(session, g));
	trial = rc == 0 ? next_trial(session->results) : 0;
	sm_random_seed(&random, session->plan.seed + trial);
	/* groups that lack least first: then more groups are complete when the budget ends */
	for (unsigned lack = 1; rc == 0 && lack <= SM_BLOCKS_MIN; lack++)
		for (unsigned g = 0; rc == 0 && g < session->plan.group_count; g++)
			if (lacks[g] == lack)
				rc = add_blocks(session, &random, g, lack, 2 * session->plan.groups[g].blocks, &trial,
						added, err);
	free(lacks);
	return rc;
}

/* One look: two more blocks for each group in which a gate is open. */
static int one_look(struct session *session, const struct sm_scenario *const *scenarios, size_t count, unsigned *added,
		    struct sm_error *err)
{
	struct sm_random random;
	size_t open_count = 0;
	sm_name *open = calloc(session->plan.group_count + 1, sizeof(*open));
	unsigned trial = next_trial(session->results);
	int rc = open ? sm_gates_open(session->options->gates, session->results, scenarios, count, open, &open_count,
				      err)
		      : sm_fail(err, ENOMEM, "no memory for the groups");

	*added = 0;
	sm_random_seed(&random, session->plan.seed + trial);
	for (unsigned g = 0; rc == 0 && g < session->plan.group_count; g++)
		for (size_t i = 0; rc == 0 && i < open_count; i++)
			if (open[i] == sm_name_of(group_id(session, g)))
				rc = add_blocks(session, &random, g, SM_LOOK_BLOCKS, SM_LOOKED_MOST, &trial, added,
						err);
	free(open);
	return rc;
}

static int look_at_gates(struct session *session, const struct sm_scenario *const *scenarios, size_t count,
			 struct sm_error *err)
{
	unsigned added = 1;
	int rc = 0;

	while (rc == 0 && added > 0) {
		rc = one_look(session, scenarios, count, &added, err);
		session->topped_up += added;
	}
	return rc;
}

int session_top_up(struct session *session, const struct sm_scenario *const *scenarios, size_t count,
		   struct sm_error *err)
{
	unsigned added = 1;
	int rc = 0;

	if (session->options->gates && !session->over_budget)
		return look_at_gates(session, scenarios, count, err);
	/* A user who asks for a number of blocks gets that number. */
	if (session->plan_options.repeat_blocks || session->over_budget)
		return 0;
	for (unsigned round = 0; rc == 0 && added > 0 && round < ROUNDS; round++) {
		rc = one_round(session, scenarios, count, &added, err);
		session->topped_up += added;
	}
	return rc;
}
