/* The cases of a scenario as a table, with their counters next to their time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "shmeter/counters.h"
#include "shmeter/text.h"
#include "words.h"

#define EVENTS_MAX 48

static void number_cell(FILE *out, const char *text)
{
	page_put(out, "td class=\"n\"", text);
}

static void put_case(const struct page *page, const struct sm_summary_row *s)
{
	const struct sm_case_row *c = &page->results->cases[s->case_index];
	unsigned bad = s->skipped + s->failed + s->disturbed + s->unsettled + s->saturated;
	char point[256], value[128], text[128];

	words_point(c->params, sm_placement_name(c->placement), point, sizeof(point));
	if (*words_in_flight(page->results, c, text, sizeof(text)))
		snprintf(point + strlen(point), sizeof(point) - strlen(point), ", %s", text);
	fputs("<tr>", page->out);
	page_put(page->out, "th scope=\"row\"", c->variant);
	page_put(page->out, "td", point);
	if (s->value.count == 0) {
		page_put(page->out, "td colspan=\"5\"", s->reason);
		fputs("</tr>\n", page->out);
		return;
	}
	words_interval(&s->value, c->unit, value, sizeof(value));
	number_cell(page->out, value);
	snprintf(text, sizeof(text), "%zu", s->value.count);
	number_cell(page->out, text);
	page_put(page->out, "td", s->klass);
	number_cell(page->out, isfinite(s->cpu_ns_per_op) ? sm_format_ns(text, s->cpu_ns_per_op) : "-");
	snprintf(text, sizeof(text), bad ? "%u ok" : "all %u ok", s->ok);
	if (bad)
		snprintf(text, sizeof(text), "%u ok, %u skipped, %u failed, %u disturbed, %u unsettled, %u saturated",
			 s->ok, s->skipped, s->failed, s->disturbed, s->unsettled, s->saturated);
	page_put(page->out, "td", text);
	fputs("</tr>\n", page->out);
}

static void put_metric(const struct page *page, const struct sm_case_row *of)
{
	char what[192];

	snprintf(what, sizeof(what), "%s: %s", of->scenario, of->metric);
	page_table_open(page->out, what);
	fputs("<caption><span>", page->out);
	page_text(page->out, of->metric);
	fputs("</span></caption>", page->out);
	page_table_head(page->out, "variant|at|#median (95 % interval)|#n|class|#CPU time per operation|trials");
	for (size_t i = 0; i < page->results->summary_count; i++) {
		const struct sm_summary_row *s = &page->results->summaries[i];
		const struct sm_case_row *c = &page->results->cases[s->case_index];

		if (c->scenario == of->scenario && c->metric == of->metric)
			put_case(page, s);
	}
	page_table_close(page->out);
}

void page_cases(struct page *page, sm_name scenario)
{
	const struct sm_results *r = page->results;

	for (size_t i = 0; i < r->case_count; i++) {
		bool seen = r->cases[i].scenario != scenario;

		for (size_t j = 0; j < i && !seen; j++)
			seen = r->cases[j].scenario == scenario && r->cases[j].metric == r->cases[i].metric;
		if (!seen)
			put_metric(page, &r->cases[i]);
	}
}

static void put_ratio(const struct page *page, const struct sm_pair_row *p)
{
	char point[192], text[128];

	words_point(p->params, p->placement, point, sizeof(point));
	fputs("<tr>", page->out);
	page_put(page->out, "td", p->claim);
	fputs("<th scope=\"row\">", page->out);
	page_printf(page->out, "%s: %s / %s", p->scenario, p->left, p->right);
	fputs("</th>", page->out);
	page_put(page->out, "td", point);
	if (isfinite(p->ratio.low))
		snprintf(text, sizeof(text), "%.3g (%.3g to %.3g)", p->ratio.estimate, p->ratio.low, p->ratio.high);
	else
		snprintf(text, sizeof(text), "%.3g (no interval)", p->ratio.estimate);
	number_cell(page->out, text);
	snprintf(text, sizeof(text), "%u", p->blocks_used);
	number_cell(page->out, text);
	page_put(page->out, "td", p->klass);
	snprintf(text, sizeof(text), "-");
	if (isfinite(p->left_dropped) && isfinite(p->right_dropped))
		snprintf(text, sizeof(text), "%.0f / %.0f %%", 100 * p->left_dropped, 100 * p->right_dropped);
	number_cell(page->out, text);
	if (isfinite(p->mde) && p->mde > 1)
		snprintf(text, sizeof(text), "%.3g %%", 100 * (p->mde - 1));
	else
		snprintf(text, sizeof(text), "-");
	number_cell(page->out, text);
	fputs("<td>", page->out);
	page_badge(page->out, p->verdict);
	fputs("</td></tr>\n", page->out);
}

void page_ratios(struct page *page)
{
	const struct sm_results *r = page->results;
	bool any = false;

	for (size_t i = 0; i < r->pair_count; i++) {
		const struct sm_pair_row *p = &r->pairs[i];

		if (!p->leading || p->claim == sm_none || !isfinite(p->ratio.estimate))
			continue;
		if (!any) {
			fputs("<details><summary>The same as a table</summary>\n", page->out);
			page_table_open(page->out, "ratios of the claims");
			page_table_head(page->out, "claim|left / right|at|#ratio (95 % interval)|#blocks|class|"
						   "#slices left out|#smallest detectable difference|verdict");
		}
		any = true;
		put_ratio(page, p);
	}
	if (any) {
		page_table_close(page->out);
		fputs("</details>\n", page->out);
	} else {
		fputs("<p>No comparison of this run belongs to a claim.</p>\n", page->out);
	}
}

/* Means of the events per operation, for the cases of one scenario. */
struct events {
	sm_name name[EVENTS_MAX];
	const char *fstr[EVENTS_MAX], *state[EVENTS_MAX];
	unsigned count;
	double *sum;      /* [case][EVENTS_MAX] */
	unsigned *trials; /* likewise */
	sm_name *pmus;    /* [case]: the PMUs that counted, on a machine with several; NULL: not known */
	bool any_pmu;
};

static unsigned event_index(struct events *e, const struct sm_counter_row *row)
{
	unsigned i = 0;

	while (i < e->count && e->name[i] != row->event)
		i++;
	if (i == e->count && i < EVENTS_MAX) {
		e->name[i] = row->event;
		e->fstr[i] = row->fstr;
		e->count++;
	}
	return i;
}

static void take_pmus(struct events *e, unsigned of, const char *fstr)
{
	const char *names = sm_event_pmus(fstr);
	sm_name pmus = sm_name_of(names);

	if (!*names)
		return;
	e->any_pmu = true;
	e->pmus[of] = e->pmus[of] && e->pmus[of] != pmus ? sm_name_of("several") : pmus;
}

static int gather(const struct sm_results *r, sm_name scenario, struct events *e)
{
	struct sm_trial_place *trials;
	size_t trial_count;

	memset(e, 0, sizeof(*e));
	e->sum = calloc((r->case_count + 1) * EVENTS_MAX, sizeof(*e->sum));
	e->trials = calloc((r->case_count + 1) * EVENTS_MAX, sizeof(*e->trials));
	e->pmus = calloc(r->case_count + 1, sizeof(*e->pmus));
	if (!e->sum || !e->trials || !e->pmus)
		return -1;
	trials = sm_results_trials(r, &trial_count);
	for (size_t i = 0; i < r->counter_count; i++) {
		const struct sm_counter_row *c = &r->counters[i];
		long sample = sm_results_sample_of(trials, trial_count, c->trial);
		unsigned event, of;

		if (sample < 0)
			continue;
		of = r->samples[sample].case_index;
		if (r->cases[of].scenario != scenario)
			continue;
		take_pmus(e, of, c->fstr);
		event = event_index(e, c);
		if (event >= EVENTS_MAX)
			continue;
		if (!isfinite(c->per_op)) {
			e->state[event] = e->state[event] ? e->state[event] : sm_count_state_name(c->state);
			continue;
		}
		e->sum[of * EVENTS_MAX + event] += c->per_op;
		e->trials[of * EVENTS_MAX + event]++;
	}
	free(trials);
	return 0;
}

static void drop(struct events *e)
{
	free(e->sum);
	free(e->trials);
	free(e->pmus);
}

static double mean_of(const struct events *e, size_t case_index, unsigned event)
{
	size_t at = case_index * EVENTS_MAX + event;

	return e->trials[at] ? e->sum[at] / e->trials[at] : NAN;
}

/* A value with a bar, whose length is the value's share of the largest in the column. */
static void bar_cell(FILE *out, const char *text, double value, double largest)
{
	fputs("<td class=\"n\">", out);
	page_text(out, text);
	if (isfinite(value) && largest > 0)
		fprintf(out, "<svg class=\"bar\"><rect width=\"%.0f%%\" height=\"5\"/></svg>", 100 * value / largest);
	fputs("</td>", out);
}

/* The largest value of a column: time (event -2), CPU time (-1), or an event. */
static double column(const struct sm_results *r, const struct events *e, const struct sm_summary_row *s, int which)
{
	(void)r;
	return which == -2   ? s->value.estimate
	       : which == -1 ? s->cpu_ns_per_op
			     : mean_of(e, s->case_index, (unsigned)which);
}

static bool is_here(const struct sm_results *r, const struct sm_summary_row *s, sm_name scenario)
{
	const struct sm_case_row *c = &r->cases[s->case_index];

	return !c->derived && c->scenario == scenario && s->value.count > 0;
}

static double largest_of(const struct sm_results *r, const struct events *e, sm_name scenario, int which)
{
	double largest = -1;

	for (size_t i = 0; i < r->summary_count; i++)
		if (is_here(r, &r->summaries[i], scenario)) {
			double value = column(r, e, &r->summaries[i], which);

			if (isfinite(value) && value > largest)
				largest = value;
		}
	return largest;
}

/* Rarer events occur by chance: a column of them is of no use. */
#define RARE 1e-4

/* Names the events without a column, and why. */
static void put_absent(const struct page *page, const struct events *e, const double *largest, bool zero)
{
	bool any = false;

	for (unsigned i = 0; i < e->count; i++) {
		if (zero ? largest[i] < 0 || largest[i] >= RARE : largest[i] >= 0 || !e->state[i])
			continue;
		fputs(any    ? ", "
		      : zero ? "<p class=\"note\">0, or under one in ten thousand operations, in every case: "
			     : "<p class=\"note\">No value here: ",
		      page->out);
		page_text(page->out, e->name[i]);
		if (!zero)
			page_printf(page->out, " (%s)", e->state[i]);
		any = true;
	}
	if (any)
		fputs(zero ? ".</p>\n" : ". <a href=\"#trust\">Why, and what helps</a>.</p>\n", page->out);
}

/* Explains, for this run's CPU, the events whose name does not say exactly what they count. */
static void put_meanings(const struct page *page, const struct events *e, const double *largest)
{
	for (unsigned i = 0; i < e->count; i++) {
		const char *meaning = sm_event_meaning(e->fstr[i]);

		if (!meaning || largest[i] < 0)
			continue;
		fputs("<p class=\"note\"><code>", page->out);
		page_text(page->out, e->name[i]);
		fputs("</code> here: ", page->out);
		page_printf(page->out, "%s (%s).", meaning, e->fstr[i]);
		fputs("</p>\n", page->out);
	}
}

/* task-clock has no column, because it is the CPU time, which is shown already. */
static bool has_column(const struct events *e, const double *largest, unsigned event)
{
	return largest[event] >= RARE && e->name[event] != sm_name_of("task-clock");
}

static void put_why_row(const struct page *page, const struct events *e, const double *largest, double time, double cpu,
			const struct sm_summary_row *s)
{
	const struct sm_case_row *c = &page->results->cases[s->case_index];
	char point[192], text[SM_TEXT_MAX];

	words_point(c->params, sm_placement_name(c->placement), point, sizeof(point));
	fputs("<tr>", page->out);
	page_put(page->out, "th scope=\"row\"", c->variant);
	page_put(page->out, "td", point);
	if (e->any_pmu)
		page_put(page->out, "td", e->pmus[s->case_index] ? e->pmus[s->case_index] : "-");
	bar_cell(page->out, sm_format_ns(text, s->value.estimate), s->value.estimate, time);
	bar_cell(page->out, isfinite(s->cpu_ns_per_op) ? sm_format_ns(text, s->cpu_ns_per_op) : "-", s->cpu_ns_per_op,
		 cpu);
	for (unsigned i = 0; i < e->count; i++) {
		double value = mean_of(e, s->case_index, i);

		if (!has_column(e, largest, i))
			continue;
		snprintf(text, sizeof(text), isfinite(value) ? "%.3g" : "-", value);
		bar_cell(page->out, text, value, largest[i]);
	}
	fputs("</tr>\n", page->out);
}

void page_why(struct page *page, sm_name scenario)
{
	const struct sm_results *r = page->results;
	const struct sm_scenario *registered = words_scenario(page->options, scenario);
	double largest[EVENTS_MAX], time, cpu;
	struct events e;
	char what[128];

	if (gather(r, scenario, &e) < 0)
		goto out_events;
	time = largest_of(r, &e, scenario, -2);
	cpu = largest_of(r, &e, scenario, -1);
	if (time < 0)
		goto out_events;
	for (unsigned i = 0; i < e.count; i++)
		largest[i] = largest_of(r, &e, scenario, (int)i);
	snprintf(what, sizeof(what), "%s: counters beside time", scenario);
	page_table_open(page->out, what);
	fputs("<caption><span>Per operation of each process; a bar is the share of its column&#39;s largest",
	      page->out);
	/* The counters run during all of run(): switching them would disturb the timed parts. */
	if (registered && registered->self_timed)
		fputs("; counters and CPU time include what is done around the timed part", page->out);
	fprintf(page->out,
		"</span></caption><thead><tr><th scope=\"col\">variant</th><th scope=\"col\">at</th>%s<th scope=\"col\" "
		"class=\"n\">time</th><th scope=\"col\" class=\"n\">CPU time, all processes</th>",
		e.any_pmu ? "<th scope=\"col\">counted by</th>" : "");
	for (unsigned i = 0; i < e.count; i++)
		if (has_column(&e, largest, i))
			page_put(page->out, "th scope=\"col\" class=\"n\"", e.name[i]);
	fputs("</tr></thead><tbody>\n", page->out);
	for (size_t i = 0; i < r->summary_count; i++)
		if (is_here(r, &r->summaries[i], scenario))
			put_why_row(page, &e, largest, time, cpu, &r->summaries[i]);
	page_table_close(page->out);
	put_meanings(page, &e, largest);
	put_absent(page, &e, largest, true);
	put_absent(page, &e, largest, false);
out_events:
	drop(&e);
}
