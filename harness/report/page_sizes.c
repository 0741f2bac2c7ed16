/* From which size on a variant beats the baseline: "when should I leave pipes?" */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "shmeter/text.h"
#include "words.h"

/* A variant whose workers use at least this share of their time keeps the PUs busy even without work. */
#define BUSY_SHARE 0.85

const char *ladder_size_text(const struct sweep *param, double size, char out[32])
{
	if (param && param->bytes)
		sm_format_bytes(out, size < 1024 ? round(size) : size);
	else
		snprintf(out, 32, "%.3g", size);
	return out;
}

/* The baseline of the comparisons: the scenario's first variant. */
static sm_name baseline_of(const struct page *page, sm_name scenario)
{
	const struct sm_scenario *registered = words_scenario(page->options, scenario);

	if (registered && registered->variants)
		return sm_name_of(registered->variants[0].name);
	for (size_t i = 0; i < page->results->case_count; i++)
		if (page->results->cases[i].scenario == scenario)
			return page->results->cases[i].variant;
	return sm_none;
}

static bool is_on(const struct ladder *l, const struct sm_pair_row *p)
{
	return p->leading && isfinite(p->ratio.estimate) && p->scenario == l->scenario && p->metric == l->metric &&
	       p->placement == l->placement && (p->left == l->baseline || p->right == l->baseline) &&
	       sm_params_but(p->params, l->param->name) == l->rest;
}

static unsigned size_index(struct ladder *l, double size)
{
	unsigned i = 0;

	while (i < l->sizes && l->size[i] != size)
		i++;
	if (i == l->sizes && l->sizes < LADDER_SIZES)
		l->size[l->sizes++] = size;
	return i;
}

static struct ladder_row *row_of(struct ladder *l, sm_name variant)
{
	for (unsigned i = 0; i < l->rows; i++)
		if (l->row[i].variant == variant)
			return &l->row[i];
	if (l->rows == LADDER_ROWS)
		return NULL;
	l->row[l->rows] = (struct ladder_row){ .variant = variant, .busy = NAN };
	return &l->row[l->rows++];
}

static void add_pair(struct ladder *l, const struct sm_pair_row *p)
{
	bool turned = p->left == l->baseline;
	struct ladder_row *row = row_of(l, turned ? p->right : p->left);
	unsigned at = size_index(l, sm_param_value(p->params, l->param->name));
	struct sm_interval ratio = p->ratio;

	if (!row || at >= LADDER_SIZES)
		return;
	if (turned) {
		ratio.estimate = 1 / p->ratio.estimate;
		ratio.low = 1 / p->ratio.high;
		ratio.high = 1 / p->ratio.low;
	}
	row->ratio[at] = ratio;
	row->step[at] = isfinite(ratio.high) && ratio.high < 1 ? STEP_FASTER
			: isfinite(ratio.low) && ratio.low > 1 ? STEP_SLOWER
							       : STEP_OPEN;
	l->klass = p->klass;
	if (isfinite(ratio.low) && (l->blocks_least == 0 || p->blocks_used < l->blocks_least))
		l->blocks_least = p->blocks_used;
	if (p->blocks_used > l->blocks_most)
		l->blocks_most = p->blocks_used;
}

/* Sorts the sizes, because the pairs are in the order of the plan. */
static void sort_sizes(struct ladder *l)
{
	for (unsigned i = 1; i < l->sizes; i++)
		for (unsigned j = i; j > 0 && l->size[j - 1] > l->size[j]; j--) {
			double size = l->size[j];

			l->size[j] = l->size[j - 1];
			l->size[j - 1] = size;
			for (unsigned v = 0; v < l->rows; v++) {
				struct sm_interval ratio = l->row[v].ratio[j];
				enum ladder_step step = l->row[v].step[j];

				l->row[v].ratio[j] = l->row[v].ratio[j - 1];
				l->row[v].ratio[j - 1] = ratio;
				l->row[v].step[j] = l->row[v].step[j - 1];
				l->row[v].step[j - 1] = step;
			}
		}
}

static void judge_row(const struct page *page, const struct ladder *l, struct ladder_row *row)
{
	unsigned count[4] = { 0 }, from = l->sizes;
	const struct sm_results *r = page->results;

	for (unsigned i = 0; i < l->sizes; i++)
		count[row->step[i]]++;
	/* the sizes at the end at which the variant is faster; sizes at which it could not run are skipped */
	while (from > 0 && (row->step[from - 1] == STEP_FASTER || row->step[from - 1] == STEP_NONE))
		from--;
	while (from < l->sizes && row->step[from] == STEP_NONE)
		from++;
	row->from = from;
	if (count[STEP_FASTER] && count[STEP_FASTER] + count[STEP_NONE] == l->sizes)
		row->end = END_ALWAYS;
	else if (from < l->sizes && row->step[from] == STEP_FASTER)
		row->end = END_FROM;
	else if (count[STEP_FASTER])
		row->end = END_PARTLY;
	else
		row->end = count[STEP_OPEN] ? END_OPEN : count[STEP_SLOWER] ? END_SLOWER : END_NEVER;
	for (size_t i = 0; i < r->crossing_count; i++) {
		const struct sm_crossing_row *c = &r->crossings[i];

		if (c->scenario == l->scenario && c->metric == l->metric && c->placement == l->placement &&
		    figures_sweep(c->param) == l->param && c->left == row->variant && c->right == l->baseline &&
		    c->overtakes && (!row->crossing || c->at > row->crossing->at))
			row->crossing = c;
	}
	for (size_t i = 0; i < r->summary_count; i++) {
		const struct sm_summary_row *s = &r->summaries[i];
		const struct sm_case_row *c = &r->cases[s->case_index];

		if (c->scenario == l->scenario && !c->derived && c->variant == row->variant &&
		    sm_name_of(sm_placement_name(c->placement)) == l->placement && s->value.estimate > 0 &&
		    c->workers > 0)
			row->busy = s->cpu_ns_per_op / s->value.estimate / c->workers;
	}
}

static bool known_already(const struct ladder *out, unsigned count, const struct ladder *l)
{
	for (unsigned i = 0; i < count; i++)
		if (out[i].metric == l->metric && out[i].placement == l->placement && out[i].rest == l->rest)
			return true;
	return false;
}

/* Whether the pair compares times, not a further metric: "faster" only applies to times. */
static bool is_time(const struct sm_results *r, const struct sm_pair_row *p)
{
	for (size_t i = 0; i < r->case_count; i++)
		if (r->cases[i].scenario == p->scenario && r->cases[i].metric == p->metric)
			return !r->cases[i].derived;
	return false;
}

unsigned ladder_find(const struct page *page, sm_name scenario, struct ladder out[LADDERS_MAX])
{
	const struct sm_results *r = page->results;
	sm_name baseline = baseline_of(page, scenario);
	unsigned count = 0;

	for (size_t i = 0; i < r->pair_count && count < LADDERS_MAX; i++) {
		const struct sm_pair_row *p = &r->pairs[i];
		struct ladder *l = &out[count];

		if (p->scenario != scenario || !is_time(r, p))
			continue;
		memset(l, 0, sizeof(*l));
		l->scenario = p->scenario;
		l->metric = p->metric;
		l->placement = p->placement;
		l->baseline = baseline;
		l->param = figures_swept(r, scenario, p->metric);
		if (!l->param || !isfinite(sm_param_value(p->params, l->param->name)))
			continue;
		l->rest = sm_params_but(p->params, l->param->name);
		if (known_already(out, count, l) || !is_on(l, p))
			continue;
		for (size_t j = i; j < r->pair_count; j++)
			if (is_on(l, &r->pairs[j]))
				add_pair(l, &r->pairs[j]);
		sort_sizes(l);
		for (unsigned v = 0; v < l->rows; v++)
			judge_row(page, l, &l->row[v]);
		count += l->sizes > 1;
	}
	return count;
}

/* "7.2 to 12.6 times" */
static void put_times(const struct ladder *l, const struct ladder_row *row, FILE *out)
{
	double least = INFINITY, most = 0;

	for (unsigned i = 0; i < l->sizes; i++)
		if (row->step[i] != STEP_NONE) {
			double times = row->ratio[i].estimate;

			times = row->end == END_ALWAYS ? 1 / times : times;
			least = fmin(least, times);
			most = fmax(most, times);
		}
	if (least / most > 0.95)
		page_printf(out, " (%.3g times)", least);
	else
		page_printf(out, " (%.3g to %.3g times)", least, most);
}

static void put_name(FILE *out, const char *name, bool first)
{
	fputs(first ? "<b>" : ", <b>", out);
	page_text(out, name);
	fputs("</b>", out);
}

static void put_group(const struct ladder *l, enum ladder_end end, const char *first, FILE *out)
{
	bool any = false;

	for (unsigned v = 0; v < l->rows; v++) {
		const struct ladder_row *row = &l->row[v];

		if (row->end != end)
			continue;
		if (!any)
			fprintf(out, "<li>%s: ", first);
		put_name(out, row->variant, !any);
		any = true;
		if (end == END_ALWAYS || end == END_SLOWER)
			put_times(l, row, out);
	}
	if (any)
		fputs(".</li>\n", out);
}

/* Whether the crossing of the two lines is known, at or below the size from which on the variant is faster by its
 * intervals. */
static bool crosses(const struct ladder *l, const struct ladder_row *row)
{
	return row->crossing && row->crossing->at <= l->size[row->from];
}

/* Variants that are faster from some size on, grouped by that size; those with a known crossing are listed one by
 * one. */
static void put_from(const struct ladder *l, FILE *out)
{
	char at[32], low[32], high[32], before[32];

	for (unsigned v = 0; v < l->rows; v++) {
		const struct ladder_row *row = &l->row[v];

		if (row->end != END_FROM || !crosses(l, row))
			continue;
		fputs("<li>Faster from about ", out);
		page_printf(out, "%s on (95 %% interval %s to %s): ", ladder_size_text(l->param, row->crossing->at, at),
			    ladder_size_text(l->param, row->crossing->low, low),
			    ladder_size_text(l->param, row->crossing->high, high));
		put_name(out, row->variant, true);
		page_printf(out, "; by the interval of each size from %s on.",
			    ladder_size_text(l->param, l->size[row->from], at));
		fputs("</li>\n", out);
	}
	for (unsigned i = 1; i < l->sizes; i++) {
		bool any = false;

		for (unsigned v = 0; v < l->rows; v++) {
			const struct ladder_row *row = &l->row[v];

			if (row->end != END_FROM || row->from != i || crosses(l, row))
				continue;
			if (!any)
				fprintf(out,
					"<li>Faster by the interval of each size from %s on (not so, or not known, at %s, the next smaller "
					"size measured): ",
					ladder_size_text(l->param, l->size[i], at),
					ladder_size_text(l->param, l->size[i - 1], before));
			put_name(out, row->variant, !any);
			any = true;
		}
		if (any)
			fputs(".</li>\n", out);
	}
}

/* The first sentence: a summary. */
static void put_answer(const struct ladder *l, FILE *out)
{
	unsigned always = 0, from = l->sizes;
	char low[32], high[32];

	for (unsigned v = 0; v < l->rows; v++) {
		always += l->row[v].end == END_ALWAYS;
		if (l->row[v].end == END_FROM && l->row[v].from < from)
			from = l->row[v].from;
	}
	fputs("<p><strong>", out);
	if (always)
		page_printf(
			out,
			"At no size measured, %s to %s, is %s the fastest: %u of %u others beat it at each of them.",
			ladder_size_text(l->param, l->size[0], low),
			ladder_size_text(l->param, l->size[l->sizes - 1], high), l->baseline, always, l->rows);
	else if (from < l->sizes)
		page_printf(out, "At %s at the latest something else is faster than %s.",
			    ladder_size_text(l->param, l->size[from], low), l->baseline);
	else
		page_printf(out, "This run shows no size from which on anything else is faster than %s.", l->baseline);
	fputs("</strong></p>\n", out);
}

/* The next longer profile than the run's; NULL: there is none. */
static const char *longer_profile(const struct sm_results *results)
{
	sm_name profile = sm_name_of(words_text(results, "profile"));

	return profile == sm_name_of("quick") ? "standard" : profile == sm_name_of("standard") ? "full" : NULL;
}

static void put_sureness(const struct page *page, const struct ladder *l)
{
	const char *longer = longer_profile(page->results);
	double low = words_number(page->results, "analysis/aa/low");
	double high = words_number(page->results, "analysis/aa/high");

	fputs("<p><strong>How sure?</strong> ", page->out);
	page_printf(
		page->out,
		"\"Faster\" and \"slower\" are said only where the whole 95 %% interval of the ratio lies on one "
		"side of 1, as up to 5 in 100 do by chance, over %u%s%.0u blocks a size (pair class %s). Measured: %s, workers placed %s%s%s.",
		l->blocks_least, l->blocks_most > l->blocks_least ? " to " : "",
		l->blocks_most > l->blocks_least ? l->blocks_most : 0, l->klass, l->metric, l->placement,
		l->rest == sm_none ? "" : ", ", l->rest == sm_none ? "" : l->rest);
	if (isfinite(low))
		page_printf(page->out, " The A/A control of this run %s: %.3f to %.3f.",
			    words_true(page->results, "analysis/aa/moved") ? "moved, so nothing here is sure"
									   : "did not move",
			    low, high);
	if (l->sizes < 4)
		page_printf(page->out, " Only %u sizes were measured: between them nothing is known.", l->sizes);
	if (l->sizes < 4 && longer) {
		fputs(" A longer profile has more: <code>", page->out);
		page_printf(page->out, "shmeter run %s --profile %s", l->scenario, longer);
		page_plugin_options(page, l->scenario, page->out);
		fputs("</code>.", page->out);
	}
	fputs("</p>\n", page->out);
}

/* A spinning variant costs a core, which is said next to the answer. */
static void put_busy(const struct page *page, const struct ladder *l)
{
	bool any = false;

	for (unsigned v = 0; v < l->rows; v++) {
		const struct ladder_row *row = &l->row[v];

		if (row->busy < BUSY_SHARE || isnan(row->busy) ||
		    (row->end != END_ALWAYS && row->end != END_FROM && row->end != END_PARTLY))
			continue;
		fputs(any ? ", "
			  : "<p><strong>What it costs:</strong> these kept their cores busy for over 85 % of "
			    "the time, waiting included: ",
		      page->out);
		page_text(page->out, row->variant);
		any = true;
	}
	if (any)
		fputs(".</p>\n", page->out);
}

void ladder_words(const struct page *page, const struct ladder *l)
{
	put_answer(l, page->out);
	fputs("<ul>\n", page->out);
	put_group(l, END_ALWAYS, "Faster at every size measured", page->out);
	put_from(l, page->out);
	put_group(l, END_PARTLY, "Faster at some sizes only, not at the largest (see the table)", page->out);
	put_group(l, END_OPEN, "This run cannot tell, or not at every size", page->out);
	put_group(l, END_SLOWER, "Slower at every size measured", page->out);
	fputs("</ul>\n", page->out);
	put_busy(page, l);
	put_sureness(page, l);
}

static void put_cell(FILE *out, const struct ladder_row *row, unsigned i)
{
	static const char *const shape[] = { "◇ not measured", "● faster", "▲ slower", "■ cannot tell" };
	static const char *const class[] = { "not_testable", "supported", "refuted", "inconclusive" };
	const struct sm_interval *ratio = &row->ratio[i];

	fprintf(out, "<td class=\"n step %s\">%s", class[row->step[i]], shape[row->step[i]]);
	if (row->step[i] != STEP_NONE) {
		page_printf(out, " %.3g", ratio->estimate);
		fputs("<br><small>", out);
		if (isfinite(ratio->low))
			page_printf(out, "%.3g to %.3g, n %zu", ratio->low, ratio->high, ratio->count);
		else
			page_printf(out, "no interval, n %zu", ratio->count);
		fputs("</small>", out);
	}
	fputs("</td>", out);
}

void ladder_table(const struct page *page, const struct ladder *l)
{
	char text[128], size[32];

	snprintf(text, sizeof(text), "%s over %s, by %s", l->metric, l->baseline, l->param->name);
	page_table_open(page->out, text);
	fputs("<caption><span>", page->out);
	page_printf(page->out,
		    "%s of each variant / that of %s, by %s; under 1 the variant is faster; small: 95 %% "
		    "interval, n blocks",
		    l->metric, l->baseline, l->param->noun);
	fputs("</span></caption><thead><tr><th scope=\"col\">variant</th>", page->out);
	for (unsigned i = 0; i < l->sizes; i++) {
		fputs("<th scope=\"col\" class=\"n\">", page->out);
		page_text(page->out, ladder_size_text(l->param, l->size[i], size));
		fputs("</th>", page->out);
	}
	fputs("</tr></thead><tbody>\n", page->out);
	for (unsigned v = 0; v < l->rows; v++) {
		fputs("<tr>", page->out);
		page_put(page->out, "th scope=\"row\"", l->row[v].variant);
		for (unsigned i = 0; i < l->sizes; i++)
			put_cell(page->out, &l->row[v], i);
		fputs("</tr>\n", page->out);
	}
	page_table_close(page->out);
}
