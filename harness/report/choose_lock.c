/* Chooses a lock for a number of processes and an amount of work under the lock. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "choosing.h"
#include "shmeter/text.h"
#include "words.h"

static const char contended[] = "lock_throughput", uncontended[] = "lock_uncontended";

static const struct sm_summary_row *summary_at(const struct sm_results *results, sm_name variant, sm_name params)
{
	sm_name scenario = sm_name_of(contended);

	for (size_t i = 0; i < results->summary_count; i++) {
		const struct sm_case_row *c = &results->cases[results->summaries[i].case_index];

		if (!c->derived && c->scenario == scenario && c->variant == variant && c->params == params &&
		    results->summaries[i].value.count > 0)
			return &results->summaries[i];
	}
	return NULL;
}

/* The case of one process with the most work under the lock, and the same without work. */
static bool find_step(const struct sm_results *results, const struct sm_summary_row **with,
		      const struct sm_summary_row **without)
{
	sm_name scenario = sm_name_of(contended), alone = sm_name_of("processes=1 inside=0 outside=0");
	double most = 0;

	for (size_t i = 0; i < results->summary_count; i++) {
		const struct sm_case_row *c = &results->cases[results->summaries[i].case_index];
		double inside = sm_param_value(c->params, "inside");
		const struct sm_summary_row *plain;

		if (c->derived || c->scenario != scenario || !(inside > most) ||
		    !choosing_is_at(c, "processes=1 outside=0") || results->summaries[i].value.count == 0)
			continue;
		plain = summary_at(results, c->variant, alone);
		if (!plain)
			continue;
		most = inside;
		*with = &results->summaries[i];
		*without = plain;
	}
	return most > 0;
}

double sm_choose_step(const struct sm_results *results)
{
	const struct sm_summary_row *with, *without;
	double inside;

	if (!find_step(results, &with, &without))
		return 0;
	inside = sm_param_value(results->cases[with->case_index].params, "inside");
	return fmax((with->value.estimate - without->value.estimate) / inside, 0);
}

static void say_section(const struct choosing *c, const struct sm_case_row *point)
{
	double steps = sm_param_value(point->params, "inside"), step = c->question->step_ns;
	char asked[SM_TEXT_MAX], got[SM_TEXT_MAX], one[SM_TEXT_MAX], values[2][64];
	const struct sm_summary_row *with, *without;

	if (!(c->question->section_ns > 0))
		return;
	for (size_t run = 0; run < c->count; run++)
		if (find_step(c->runs[run], &with, &without)) {
			const struct sm_case_row *of = &c->runs[run]->cases[with->case_index];

			choosing_say(
				c,
				"A critical section of %s is %.0f multiplications, %s by these figures: one takes %s, as "
				"%s/%s with processes=1 takes %s with inside=%.0f and %s with inside=0.",
				sm_format_ns(asked, c->question->section_ns), steps, sm_format_ns(got, steps * step),
				sm_format_ns(one, step), contended, of->variant,
				words_value(values[0], sizeof(values[0]), with->value.estimate, of->unit),
				sm_param_value(of->params, "inside"),
				words_value(values[1], sizeof(values[1]), without->value.estimate, of->unit));
			return;
		}
}

/* A spinning process burns a PU, so this names the best lock that does not spin, if it is another one. */
static void say_sleeper(const struct choosing *c, const struct ranking *ranking)
{
	const struct ranked *best = &ranking->row[0];
	char figure[256];

	if (!choosing_spins(c, best->c->scenario, best->c->variant))
		return;
	choosing_say(c, "%.60s spins: who waits for it burns a PU.", best->c->variant);
	for (size_t i = 1; i < ranking->count; i++)
		if (!choosing_spins(c, best->c->scenario, ranking->row[i].c->variant)) {
			const struct ranked *sleeper = &ranking->row[i];

			choosing_say(c, "Of those that sleep the %s is %s%s.", sleeper->rank ? "best" : "lowest median",
				     choosing_figure(sleeper, figure),
				     !sleeper->rank                              ? ""
				     : ranking_is_better(ranking, best, sleeper) ? ", significantly slower"
										 : ", a tie");
			return;
		}
}

/* Names another number of processes in the run for which the chosen lock is not among the best. */
static void say_changes(const struct choosing *c, const struct ranking *chosen)
{
	const struct sm_results *r = chosen->results;
	const struct ranked *pick = &chosen->row[0];
	bool any = false;

	words_heading(c->options, c->out, "What would change the answer, by this run's figures", NULL);
	for (size_t i = 0; i < r->case_count; i++) {
		const struct sm_case_row *row = &r->cases[i];
		bool seen = row->derived || row->scenario != pick->c->scenario || row->group == pick->c->group;
		char best[256], mine[256], point[256];

		for (size_t j = 0; j < i && !seen; j++)
			seen = r->cases[j].group == row->group;
		if (seen)
			continue;
		struct ranking other = ranking_open(r, row->group);
		const struct ranked *same = choosing_row(&other, pick->c->variant);

		words_point(row->params, sm_placement_name(row->placement), point, sizeof(point));
		if (same && ranking_is_better(&other, &other.row[0], same)) {
			any = true;
			choosing_say(c, "- At %s it would be another: %s, against %s.", point,
				     choosing_figure(&other.row[0], best), choosing_figure(same, mine));
		}
		ranking_close(&other);
	}
	choosing_end_changes(c, any);
}

int choosing_lock(const struct choosing *c, struct sm_error *err)
{
	const struct sm_question *q = c->question;
	unsigned processes = q->processes ? q->processes : 2;
	enum sm_placement placement = q->placement == SM_PLACE_UNSET ? SM_PLACE_NEAR : q->placement;
	const char *scenario = processes == 1 ? uncontended : contended;
	char at[64] = "", where[96];

	if (processes > 1)
		snprintf(at, sizeof(at), "processes=%u outside=0", processes);
	const struct sm_case_row *point = choosing_point(c, scenario, placement, at, processes == 1 ? NULL : "inside",
							 q->step_ns > 0 ? q->section_ns / q->step_ns : 0);

	if (!point) {
		snprintf(where, sizeof(where), "%s%s%s", at, *at ? ", " : "", sm_placement_name(placement));
		return choosing_lacks(c, scenario, where, err);
	}
	if (processes > 1 && q->section_ns > 0 && !(q->step_ns > 0))
		return sm_fail(
			err, EINVAL,
			"the run does not say how long the work under a lock takes: it needs %s with processes=1 "
			"and two values of inside; without --from it is measured",
			contended);
	struct ranking ranking = ranking_open(choosing_run_of(c, point), point->group);

	if (ranking.count == 0) {
		ranking_close(&ranking);
		return sm_fail(err, ENODEV, "no lock could be measured: `shmeter run %s` says why", scenario);
	}
	choosing_say(c, "A lock that %u process%s:", processes, processes == 1 ? " takes alone" : "es want at once");
	if (processes > 1)
		say_section(c, point);
	choosing_take(c, &ranking,
		      processes == 1 ? "Taking it and giving it back takes" : "An acquisition of each process takes");
	say_sleeper(c, &ranking);
	choosing_table(c, &ranking, "Locks");
	say_changes(c, &ranking);
	ranking_close(&ranking);
	return 0;
}
