/* An engineer's question, answered with the figures of a run: what the answers share. */
#include "shmeter/choose.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "choosing.h"
#include "shmeter/analysis.h"
#include "shmeter/memory.h"
#include "shmeter/text.h"
#include "words.h"

void choosing_say(const struct choosing *c, const char *format, ...)
{
	char text[1600];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	sm_wrap(c->out, "", 2, c->width, text);
}

bool choosing_spins(const struct choosing *c, const char *scenario, const char *variant)
{
	for (size_t i = 0; i < c->options->scenario_count; i++) {
		const struct sm_scenario *known = c->options->scenarios[i];

		if (strcmp(known->name, scenario) != 0)
			continue;
		for (const struct sm_variant *v = known->variants; v->name; v++)
			if (strcmp(v->name, variant) == 0)
				return v->spins;
	}
	return false;
}

const char *choosing_figure(const struct ranked *row, char out[256])
{
	char value[64], range[136];

	words_value(value, sizeof(value), row->figure.estimate, row->c->unit);
	if (isfinite(row->figure.low))
		snprintf(out, 256, "%s/%.60s: %s (95 %% interval %s, n = %zu)", row->c->scenario, row->c->variant,
			 value, words_range(range, sizeof(range), &row->figure, row->c->unit), row->figure.count);
	else
		snprintf(out, 256, "%s/%.60s: %s (no interval, n = %zu)", row->c->scenario, row->c->variant, value,
			 row->figure.count);
	return out;
}

const struct ranked *choosing_row(const struct ranking *ranking, const char *variant)
{
	for (size_t i = 0; i < ranking->count; i++)
		if (strcmp(ranking->row[i].c->variant, variant) == 0)
			return &ranking->row[i];
	return NULL;
}

void choosing_take(const struct choosing *c, const struct ranking *ranking, const char *what)
{
	char figure[256], ties[1200];
	size_t used = 0;

	choosing_say(c, "Take %.60s. %s %s.", ranking->row[0].c->variant, what,
		     choosing_figure(&ranking->row[0], figure));
	for (size_t i = 1; i < ranking->count && used < sizeof(ties) / 2; i++)
		if (!ranking_is_better(ranking, &ranking->row[0], &ranking->row[i]))
			used += (size_t)snprintf(ties + used, sizeof(ties) - used, "%s%.60s", used ? ", " : "",
						 ranking->row[i].c->variant);
	if (used)
		choosing_say(c, "Tied with it: %s.", ties);
	else
		choosing_say(c, ranking->count > 1 ? "Nothing is tied with it." : "There is no other one to choose.");
}

void choosing_table(const struct choosing *c, const struct ranking *ranking, const char *heading)
{
	char point[256];

	if (ranking->count == 0)
		return;
	words_point(ranking->row[0].c->params, sm_placement_name(ranking->row[0].c->placement), point, sizeof(point));
	words_heading(c->options, c->out, heading, ranking->row[0].c->scenario);
	sm_wrap(c->out, "  ", 4, c->width, point);
	ranking_print(ranking, c->width, c->out);
}

void choosing_rank_by(struct ranking *ranking, const char *metric,
		      double (*of)(const struct sm_results *results, const struct sm_sample *sample))
{
	const struct sm_results *r = ranking->results;
	double *value = sm_zeroed_memory(r->sample_count + 1, sizeof(*value));
	size_t kept = 0;

	for (size_t i = 0; i < ranking->count; i++) {
		struct ranked *row = &ranking->row[i];
		size_t count = 0;

		for (size_t s = 0; s < r->sample_count; s++) {
			const struct sm_sample *sample = &r->samples[s];

			if (&r->cases[sample->case_index] != row->c || sample->found.status != SM_OK)
				continue;
			value[count] = of(r, sample);
			count += isfinite(value[count]);
		}
		row->figure = sm_median_interval(value, count, SM_CONFIDENCE);
		if (count > 0)
			ranking->row[kept++] = *row;
	}
	free(value);
	ranking->count = kept;
	ranking->metric = metric;
	ranking->paired = false;
	ranking_order(ranking);
}

const struct sm_results *choosing_run(const struct choosing *c, const char *scenario)
{
	for (size_t run = 0; run < c->count; run++)
		for (size_t i = 0; i < c->runs[run]->case_count; i++)
			if (strcmp(c->runs[run]->cases[i].scenario, scenario) == 0)
				return c->runs[run];
	return c->runs[0];
}

bool choosing_is_at(const struct sm_case_row *row, const char *at)
{
	while (*at) {
		size_t length = strcspn(at, " ");

		if (!sm_has_word(row->params, at, length))
			return false;
		at += length + strspn(at + length, " ");
	}
	return true;
}

const struct sm_case_row *choosing_point(const struct choosing *chosen, const char *scenario,
					 enum sm_placement placement, const char *at, const char *param, double value)
{
	const struct sm_results *results = choosing_run(chosen, scenario);
	const struct sm_case_row *found = NULL;
	double off = INFINITY;

	for (size_t i = 0; i < results->summary_count; i++) {
		const struct sm_case_row *c = &results->cases[results->summaries[i].case_index];
		double far = param ? fabs(log(fmax(sm_param_value(c->params, param), 1) / fmax(value, 1))) : 0;

		if (c->derived || strcmp(c->scenario, scenario) != 0 ||
		    (placement != SM_PLACE_UNSET && c->placement != placement) || !choosing_is_at(c, at) ||
		    !(far < off))
			continue;
		off = far;
		found = c;
	}
	return found;
}

int choosing_lacks(const struct choosing *c, const char *scenario, const char *point, struct sm_error *err)
{
	const struct sm_results *r = choosing_run(c, scenario);
	char has[400] = "";
	size_t used = 0;

	for (size_t i = 0; i < r->case_count && used < sizeof(has) / 2; i++) {
		const struct sm_case_row *row = &r->cases[i];
		bool seen = row->derived || strcmp(row->scenario, scenario) != 0;

		for (size_t j = 0; j < i && !seen; j++)
			seen = strcmp(r->cases[j].group, row->group) == 0;
		if (!seen)
			used += (size_t)snprintf(has + used, sizeof(has) - used, "%s%.80s, %s", used ? "; " : "",
						 row->params, sm_placement_name(row->placement));
	}
	return sm_fail(err, EINVAL, "the run has no figure of %s at %s; it has %s; without --from it is measured",
		       scenario, point, used ? has : "no such case");
}

static int check_transport(const struct sm_question *q, struct sm_error *err)
{
	if (q->message == 0)
		return sm_fail(err, EINVAL, "--message needs a size of a byte at least, such as 4k");
	if (q->cpu_budget > 0 && !(q->rate > 0))
		return sm_fail(
			err, EINVAL,
			"--cpu-budget needs --rate: what of a PU is used depends on how many messages there are");
	return 0;
}

int sm_choose_check(const struct sm_question *q, struct sm_error *err)
{
	bool transport = q->rate > 0 || q->cpu_budget > 0 || q->may_spin || q->tail;

	if (q->choice == SM_CHOOSE_NOTHING)
		return sm_fail(err, EINVAL,
			       "say what to choose: --message SIZE (a transport), --memory SIZE (pages) or --lock");
	if (transport && q->choice != SM_CHOOSE_TRANSPORT)
		return sm_fail(err, EINVAL, "--rate, --cpu-budget, --may-spin and --p99 go with --message");
	if ((q->processes || q->section_ns > 0) && q->choice != SM_CHOOSE_LOCK)
		return sm_fail(err, EINVAL, "--processes and --critical-section go with --lock");
	if (q->stream && q->choice != SM_CHOOSE_PAGES)
		return sm_fail(err, EINVAL, "--access goes with --memory");
	return q->choice == SM_CHOOSE_TRANSPORT ? check_transport(q, err) : 0;
}

static void ask(struct sm_choose_plan *needs, struct sm_plan_options *plan, const char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		needs->pattern[i] = patterns[i];
	plan->patterns = needs->pattern;
	plan->pattern_count = count;
	plan->set_count = 0;
}

static void set(struct sm_choose_plan *needs, struct sm_plan_options *plan, const char *name, uint64_t value)
{
	char *text = needs->value[plan->set_count];

	snprintf(text, SM_TEXT_MAX, "%lu", value);
	plan->set[plan->set_count].name = name;
	plan->set[plan->set_count++].text = text;
}

/* The largest power of two that is not over what is asked for, nor over half of what there is. */
static uint64_t fitting(uint64_t bytes, uint64_t available)
{
	uint64_t fits = 1;

	while (fits <= bytes / 2 && fits <= available / 4)
		fits *= 2;
	return fits;
}

static bool plan_pages(const struct sm_question *q, unsigned run, struct sm_choose_plan *needs,
		       struct sm_plan_options *plan)
{
	static const char *const random[] = { "page_size_random" }, *const stream[] = { "page_size_stream" },
				 *const populate[] = { "first_touch", "prefault" };

	ask(needs, plan, run == 1 ? populate : q->stream ? stream : random, run == 1 ? 2 : 1);
	if (run == 0)
		set(needs, plan, "bytes", fitting(q->memory, q->available));
	return run < 2;
}

static bool plan_lock(const struct sm_question *q, unsigned run, struct sm_choose_plan *needs,
		      struct sm_plan_options *plan)
{
	static const char *const all[] = { "lock_throughput" }, *const mutex[] = { "lock_throughput/mutex" },
				 *const alone[] = { "lock_uncontended" };

	if (q->processes == 1) {
		ask(needs, plan, alone, 1);
		return run == 0;
	}
	if (q->section_ns > 0 && run == 0) {
		ask(needs, plan, mutex, 1);
		set(needs, plan, "processes", 1);
		plan->set[plan->set_count].name = "inside";
		plan->set[plan->set_count++].text = "0,1000";
		return true;
	}
	ask(needs, plan, all, 1);
	set(needs, plan, "processes", q->processes ? q->processes : 2);
	if (q->section_ns > 0)
		set(needs, plan, "inside", q->step_ns > 0 ? (uint64_t)llround(q->section_ns / q->step_ns) : 0);
	return run == (q->section_ns > 0);
}

bool sm_choose_plan(const struct sm_question *q, unsigned run, struct sm_choose_plan *needs,
		    struct sm_plan_options *plan)
{
	static const char *const transports[] = { "transport_latency", "transport_throughput", "transport_open_loop" };

	if (q->placement != SM_PLACE_UNSET)
		plan->placement = q->placement;
	if (q->choice == SM_CHOOSE_PAGES)
		return plan_pages(q, run, needs, plan);
	if (q->choice == SM_CHOOSE_LOCK)
		return plan_lock(q, run, needs, plan);
	ask(needs, plan, transports, q->rate > 0 && q->message >= 24 ? 3 : 2);
	set(needs, plan, "message", q->message);
	return run == 0;
}

int sm_choose_answer(const struct sm_question *question, const struct sm_results *const *runs, size_t count,
		     const struct sm_report_options *options, FILE *out, struct sm_error *err)
{
	struct choosing c = { question, runs, count, options, out, words_width(options) };
	char lost[SM_LOST_TEXT_MAX];

	for (size_t i = 0; i < count; i++)
		if (sm_report_lost(runs[i], lost))
			return sm_fail(err, ENODEV, "%s", lost);
	for (size_t i = 0; i < count; i++) {
		sm_report_head(runs[i], options, out);
		if (words_true(runs[i], "analysis/aa/moved"))
			choosing_say(
				&c, "Do not rely on this: the A/A control moved, so the run cannot tell a cause from a "
				    "drift; run it again.");
	}
	fputc('\n', out);
	return question->choice == SM_CHOOSE_TRANSPORT ? choosing_transport(&c, err)
	       : question->choice == SM_CHOOSE_PAGES   ? choosing_pages(&c, err)
						       : choosing_lock(&c, err);
}
