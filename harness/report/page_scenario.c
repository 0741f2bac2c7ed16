/* The section of one scenario: question, verdicts, figures, explanation, cases, and how to reproduce it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "words.h"

static bool ends_with_dot(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && text[length - 1] == '.';
}

static void put_claim(const struct page *page, const struct sm_claim_row *claim, bool elsewhere)
{
	char anchor[128];

	fputs("<li class=\"claim\">", page->out);
	page_badge(page->out, claim->verdict);
	fputs(" <strong>", page->out);
	page_text(page->out, claim->sentence);
	fputs(ends_with_dot(claim->sentence) ? "</strong> " : ".</strong> ", page->out);
	if (claim->evidence != sm_none) {
		fputs("<br>Found: ", page->out);
		page_text(page->out, claim->evidence);
		fputs(". ", page->out);
	}
	if (claim->reason != sm_none) {
		fputs("<br>Why no clear answer: ", page->out);
		page_text(page->out, claim->reason);
		fputs(". ", page->out);
	}
	fputs("<br><small>Claim ", page->out);
	page_text(page->out, claim->claim);
	if (elsewhere) {
		fprintf(page->out, ", of <a href=\"#s-%s\">", page_anchor(claim->scenario, anchor));
		page_text(page->out, claim->scenario);
		fputs("</a>", page->out);
	}
	fputs("; the belief comes from: ", page->out);
	page_text(page->out, claim->source);
	fputs("</small></li>\n", page->out);
}

void page_claims(struct page *page, sm_name scenario, sm_name question)
{
	const struct sm_results *r = page->results;
	bool any = false;

	for (size_t i = 0; i < r->claim_count; i++) {
		const struct sm_claim_row *claim = &r->claims[i];

		if ((scenario && claim->scenario != scenario) || (question && claim->question != question))
			continue;
		if (!any)
			fputs("<ul class=\"claims\">\n", page->out);
		any = true;
		put_claim(page, claim, !scenario);
	}
	if (any)
		fputs("</ul>\n", page->out);
}

/* The variants of this run, with their summaries. */
static void put_variants(const struct page *page, sm_name scenario, const struct sm_scenario *registered)
{
	const struct sm_results *r = page->results;

	fputs("<details><summary>What is compared</summary>\n<dl>\n", page->out);
	for (const struct sm_variant *v = registered->variants; v && v->name; v++) {
		sm_name variant = sm_name_of(v->name);
		bool here = false;

		for (size_t i = 0; i < r->case_count && !here; i++)
			here = r->cases[i].scenario == scenario && r->cases[i].variant == variant;
		if (!here || !v->summary)
			continue;
		page_put(page->out, "dt", v->name);
		page_put(page->out, "dd", v->summary);
	}
	fputs("</dl></details>\n", page->out);
}

static void put_figures(struct page *page, sm_name scenario)
{
	for (unsigned i = 0; i < page->figure_count; i++) {
		const struct figure *f = &page->figures[i];
		bool drawn_otherwise = false;

		if (f->scenario != scenario)
			continue;
		/* No dots if a curve shows the same values, which the table has, too. */
		for (unsigned j = 0; j < page->figure_count && f->kind == FIGURE_DOTS; j++)
			drawn_otherwise |=
				page->figures[j].scenario == scenario && page->figures[j].metric == f->metric &&
				page->figures[j].kind == FIGURE_SWEEP && page_has_data(page, &page->figures[j]);
		if (!drawn_otherwise)
			page_figure(page, f);
	}
}

static void put_ladders(struct page *page, sm_name scenario)
{
	struct ladder *ladder = calloc(LADDERS_MAX, sizeof(*ladder));
	unsigned count = ladder ? ladder_find(page, scenario, ladder) : 0;
	char anchor[128], text[256];

	for (unsigned i = 0; i < count; i++) {
		if (i == 0)
			snprintf(text, sizeof(text), "sizes-%s", page_anchor(scenario, anchor));
		else
			snprintf(text, sizeof(text), "sizes-%s-%u", page_anchor(scenario, anchor), i + 1);
		fprintf(page->out, "<h3 id=\"%s\">", text);
		page_printf(page->out, "From which %s on should you leave %s?", ladder[i].param->noun,
			    ladder[i].baseline);
		fputs("</h3>\n", page->out);
		ladder_words(page, &ladder[i]);
		ladder_table(page, &ladder[i]);
	}
	free(ladder);
}

/* Crossings, including those that no ladder shows: of pairs without the baseline, or downwards. */
static void put_crossings(struct page *page, sm_name scenario)
{
	const struct sm_results *r = page->results;
	bool any = false;

	for (size_t i = 0; i < r->crossing_count; i++) {
		const struct sm_crossing_row *c = &r->crossings[i];
		const struct sweep *of = figures_sweep(c->param);
		char at[32], low[32], high[32];

		if (c->scenario != scenario)
			continue;
		if (!any) {
			char anchor[128], id[160];

			snprintf(id, sizeof(id), "crossings-%s", page_anchor(scenario, anchor));
			page_heading(page->out, 3, id, "Where they cross");
			page_table_open(page->out, "crossings");
			page_table_head(page->out, "variant|above it|than|of|at|95 % interval");
		}
		any = true;
		fputs("<tr>", page->out);
		page_put(page->out, "th scope=\"row\"", c->left);
		page_put(page->out, "td", c->overtakes ? "is faster" : "is slower");
		page_put(page->out, "td", c->right);
		fputs("<td>", page->out);
		page_printf(page->out, "%s, %s", c->metric, c->placement);
		fputs("</td><td class=\"nw\">", page->out);
		page_printf(page->out, "%s %s", c->param, ladder_size_text(of, c->at, at));
		fputs("</td><td class=\"nw\">", page->out);
		page_printf(page->out, "%s to %s", ladder_size_text(of, c->low, low),
			    ladder_size_text(of, c->high, high));
		fputs("</td></tr>\n", page->out);
	}
	if (any)
		page_table_close(page->out);
}

static void sub_heading(const struct page *page, const char *scenario, const char *kind, const char *text)
{
	char anchor[128], id[192];

	snprintf(id, sizeof(id), "%s-%s", kind, page_anchor(scenario, anchor));
	page_heading(page->out, 3, id, text);
}

void page_scenario(sm_name scenario, void *context)
{
	struct page *page = context;
	const struct sm_scenario *registered = words_scenario(page->options, scenario);
	char anchor[128];

	page_anchor(scenario, anchor);
	fprintf(page->out, "<section aria-labelledby=\"s-%s\">\n<h2 id=\"s-%s\"><code>", anchor, anchor);
	page_text(page->out, scenario);
	fputs("</code></h2>\n", page->out);
	if (registered) {
		page_put(page->out, "p class=\"question\"", registered->question);
		page_put(page->out, "p", registered->summary);
		put_variants(page, scenario, registered);
	}
	page_claims(page, scenario, NULL);
	page_corners(page, scenario);
	page_trust_of(page, scenario);
	put_ladders(page, scenario);
	put_figures(page, scenario);
	sub_heading(page, scenario, "why", "Why: what was counted beside the time");
	if (registered && registered->why)
		page_put(page->out, "p", registered->why);
	page_why(page, scenario);
	put_crossings(page, scenario);
	sub_heading(page, scenario, "cases", "Every case");
	page_cases(page, scenario);
	sub_heading(page, scenario, "again", "Measure it again");
	page_command(page, scenario, page->out);
	fputs("<p class=\"note\">Rows with <code>", page->out);
	page_text(page->out, scenario);
	fputs("</code> in <a href=\"summary.csv\">summary.csv</a>, <a href=\"pairs.csv\">pairs.csv</a>, <a "
	      "href=\"claims.csv\">claims.csv</a>, <a href=\"samples.csv\">samples.csv</a>. <a "
	      "href=\"#top\">Up</a></p>\n</section>\n",
	      page->out);
}
