/* Shared by the answers to engineers' questions: sentences, values, points of a run. */
#include "choosing.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/analysis.h"
#include "shmeter/memory.h"
#include "shmeter/text.h"
#include "words.h"

void names_add(struct names *names, const char *name)
{
	names->count++;
	if (names->used < sizeof(names->text) / 2)
		names->used += (size_t)snprintf(names->text + names->used, sizeof(names->text) - names->used, "%s%.60s",
						names->used ? ", " : "", name);
}

void choosing_say(const struct choosing *c, const char *format, ...)
{
	char text[1600];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	sm_wrap(c->out, "", 2, c->width, text);
}

bool choosing_spins(const struct choosing *c, const char *scenario, sm_name variant)
{
	const struct sm_scenario *known = words_scenario(c->options, sm_name_of(scenario));

	for (const struct sm_variant *v = known ? known->variants : NULL; v && v->name; v++)
		if (sm_name_of(v->name) == variant)
			return v->spins;
	for (size_t run = 0; run < c->count; run++) /* a plug-in's, which --from does not load */
		for (size_t i = 0; i < c->runs[run]->case_count; i++) {
			const struct sm_case_row *row = &c->runs[run]->cases[i];

			if (row->variant == variant && row->scenario == sm_name_of(scenario))
				return json_is_true(json_object_get(words_plugin(c->runs[run], row), "spins"));
		}
	return false;
}

/* " (plug-in FILE)" for a variant that is a plug-in's; else "". */
static const char *from_file(const struct choosing *c, const struct sm_case_row *row, char *out, size_t size)
{
	const char *file = json_string_value(json_object_get(words_plugin(choosing_run_of(c, row), row), "file"));

	out[0] = '\0';
	if (file)
		snprintf(out, size, " (plug-in %.600s)", file);
	return out;
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

const struct ranked *choosing_row(const struct ranking *ranking, sm_name variant)
{
	for (size_t i = 0; i < ranking->count; i++)
		if (ranking->row[i].c->variant == variant)
			return &ranking->row[i];
	return NULL;
}

/* Whether a summary is of a variant of the group that has no value. */
static bool is_absent(const struct sm_results *r, const struct sm_summary_row *s, sm_name group)
{
	return r->cases[s->case_index].group == group && s->value.count == 0;
}

void choosing_absent(const struct choosing *c, const struct ranking *ranking)
{
	const struct sm_results *r = ranking->results;
	sm_name group = ranking->row[0].c->group;

	for (size_t i = 0; i < r->summary_count; i++) {
		const char *reason = r->summaries[i].reason;
		struct names names = { .count = 0 };
		size_t first = i;

		if (!is_absent(r, &r->summaries[i], group))
			continue;
		for (size_t j = 0; j < r->summary_count; j++) {
			if (!is_absent(r, &r->summaries[j], group) || r->summaries[j].reason != reason)
				continue;
			first = names.count ? first : j;
			names_add(&names, r->cases[r->summaries[j].case_index].variant);
		}
		if (first == i)
			choosing_say(c, "Without a figure: %s (%.400s).", names.text, reason);
	}
}

const char *choosing_among(const struct ranking *ranking)
{
	return ranking->count > 0 && ranking->row[0].rank && !ranking->row[ranking->count - 1].rank
		       ? " of those with an interval"
		       : "";
}

void choosing_take(const struct choosing *c, const struct ranking *ranking, const char *what)
{
	const struct ranked *best = &ranking->row[0];
	struct names tied = { .count = 0 }, unranked = { .count = 0 }, lower = { .count = 0 };
	char figure[256], file[640];

	choosing_figure(best, figure);
	for (size_t i = 1; i < ranking->count; i++) {
		const struct ranked *row = &ranking->row[i];

		if (!row->rank)
			names_add(&unranked, row->c->variant);
		else if (row->rank == best->rank)
			names_add(&tied, row->c->variant);
		if (!row->rank && row->figure.estimate < best->figure.estimate)
			names_add(&lower, row->c->variant);
	}
	if (!best->rank)
		choosing_say(c,
			     "Which one to take is not known: without intervals there is no order. The lowest figure "
			     "is %s; more blocks give intervals.",
			     figure);
	else
		choosing_say(c, "Take %.60s%s. %s %s.", best->c->variant, from_file(c, best->c, file, sizeof(file)),
			     what, figure);
	if (tied.count)
		choosing_say(c, "Tied with it: %s.", tied.text);
	else if (best->rank && !unranked.count)
		choosing_say(c, ranking->count > 1 ? "Nothing is tied with it." : "There is no other one to choose.");
	if (best->rank && unranked.count)
		choosing_say(c, "Without an interval, so not compared: %s.", unranked.text);
	if (best->rank && lower.count)
		choosing_say(c, "%s: the figure is lower, so more blocks may change the answer.", lower.text);
	choosing_absent(c, ranking);
}

void choosing_end_changes(const struct choosing *c, bool any)
{
	choosing_say(c,
		     any ? "Points that were not measured may change it, too." : "No measured point does; others may.");
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
	sm_name name = sm_name_of(scenario);

	for (size_t run = 0; run < c->count; run++)
		for (size_t i = 0; i < c->runs[run]->case_count; i++)
			if (c->runs[run]->cases[i].scenario == name)
				return c->runs[run];
	return c->runs[0];
}

bool choosing_is_at(const struct sm_case_row *row, const char *at)
{
	struct sm_condition condition;

	while (sm_condition_next(&at, &condition))
		if (!sm_condition_holds(&condition, row->params, 0))
			return false;
	return true;
}

const struct sm_results *choosing_run_of(const struct choosing *c, const struct sm_case_row *row)
{
	for (size_t run = 0; run < c->count; run++)
		for (size_t i = 0; i < c->runs[run]->case_count; i++)
			if (&c->runs[run]->cases[i] == row)
				return c->runs[run];
	return c->runs[0];
}

const struct sm_case_row *choosing_point(const struct choosing *c, const char *scenario, enum sm_placement placement,
					 const char *at, const char *param, double value)
{
	const struct sm_case_row *found = NULL;
	sm_name name = sm_name_of(scenario);
	double off = INFINITY;

	for (size_t run = 0; run < c->count; run++)
		for (size_t i = 0; i < c->runs[run]->case_count; i++) {
			const struct sm_case_row *row = &c->runs[run]->cases[i];
			double far =
				param ? fabs(log(fmax(sm_param_value(row->params, param), 1) / fmax(value, 1))) : 0;

			if (row->derived || row->scenario != name ||
			    (placement != SM_PLACE_UNSET && row->placement != placement) || !choosing_is_at(row, at) ||
			    !(far < off))
				continue;
			off = far;
			found = row;
		}
	return found;
}

int choosing_lacks(const struct choosing *c, const char *scenario, const char *point, struct sm_error *err)
{
	const struct sm_results *r = choosing_run(c, scenario);
	sm_name name = sm_name_of(scenario);
	char has[400] = "";
	size_t used = 0;

	for (size_t i = 0; i < r->case_count && used < sizeof(has) / 2; i++) {
		const struct sm_case_row *row = &r->cases[i];
		bool seen = row->derived || row->scenario != name;

		for (size_t j = 0; j < i && !seen; j++)
			seen = r->cases[j].group == row->group;
		if (!seen)
			used += (size_t)snprintf(has + used, sizeof(has) - used, "%s%.80s, %s", used ? "; " : "",
						 row->params, sm_placement_name(row->placement));
	}
	return sm_fail(err, EINVAL, "the run has no figure of %s at %s; it has %s; without --from it is measured",
		       scenario, point, used ? has : "no such case");
}
