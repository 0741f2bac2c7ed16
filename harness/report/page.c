/* report.html: one file with everything. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "shmeter/store.h"
#include "shmeter/text.h"
#include "words.h"

static const char style[] =
	":root{color-scheme:light dark;--ink:#1c1c1c;--paper:#fff;--line:#ccc;--soft:#f3f3f3}"
	"@media(prefers-color-scheme:dark){:root{--ink:#eee;--paper:#161616;--line:#444;--soft:#242424}}"
	"body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:70rem;"
	"margin:0 auto;padding:1rem}h1,h2,h3{line-height:1.2}table{border-collapse:collapse}"
	"th,td{border:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}"
	".wide{overflow-x:auto}figure{margin:1rem 0;background:#fff;border:1px solid var(--line);"
	"overflow-x:auto}figure svg{max-width:100%;height:auto;min-width:24rem}"
	".strip{display:flex;flex-wrap:wrap;gap:.5rem;padding:0;list-style:none}"
	".strip li{border:1px solid var(--line);border-left-width:.5rem;padding:.25rem .75rem;"
	"background:var(--soft)}.supported{border-left-color:#009e73!important}"
	".refuted{border-left-color:#d55e00!important}.inconclusive{border-left-color:#e69f00!important}"
	".not_testable{border-left-color:#888!important}pre{white-space:pre-wrap;background:var(--soft);"
	"padding:.75rem}";

static void put_text(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		case '"': fputs("&quot;", out); break;
		default: fputc(*text, out);
		}
}

/* An element with escaped text. */
static void put(FILE *out, const char *tag, const char *text)
{
	fprintf(out, "<%s>", tag);
	put_text(out, text);
	fprintf(out, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

/* A figure inline, from its <svg on: an XML declaration has no place inside HTML. */
static void put_figure(const struct sm_results *r, const char *name, const char *what, FILE *out)
{
	char path[4400], *text = NULL, *svg;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/plots/%s.svg", r->folder, name);
	file = fopen(path, "re");
	if (!file)
		return;
	if (getdelim(&text, &size, '\0', file) > 0 && (svg = strstr(text, "<svg"))) {
		/* ids are unique in a page: gnuplot gives every file the same ones */
		fprintf(out, "<figure role=\"img\" aria-label=\"");
		put_text(out, what);
		fputs("\">", out);
		for (char *at = svg; *at; at++) {
			static const char *const marks[] = { "id=\"",   "id='",  "href=\"#",
							     "href='#", "url(#", "url('#" };
			size_t length = 0;

			for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]) && !length; i++)
				if (strncmp(at, marks[i], strlen(marks[i])) == 0)
					length = strlen(marks[i]);
			if (length) {
				fwrite(at, 1, length, out);
				fprintf(out, "%s_", name);
				at += length - 1;
			} else {
				fputc(*at, out);
			}
		}
		fputs("</figure>\n", out);
	}
	free(text);
	fclose(file);
}

static void put_strip(const struct sm_results *r, FILE *out)
{
	fputs("<ul class=\"strip\">\n", out);
	for (size_t i = 0; i < r->claim_count; i++) {
		const char *verdict = sm_verdict_name(r->claims[i].verdict);

		fprintf(out, "<li class=\"%s\">", verdict);
		put_text(out, r->claims[i].claim);
		fprintf(out, " %s</li>\n", verdict);
	}
	fputs("</ul>\n", out);
}

static void put_claims(const struct sm_results *r, const char *scenario, FILE *out)
{
	for (size_t i = 0; i < r->claim_count; i++) {
		const struct sm_claim_row *claim = &r->claims[i];
		char line[64];

		if (strcmp(claim->scenario, scenario) != 0)
			continue;
		fputs("<p><strong>", out);
		snprintf(line, sizeof(line), "%.20s %s", claim->claim,
			 sm_verdict_name(claim->verdict));
		put_text(out, line);
		fputs("</strong>: ", out);
		put_text(out, claim->sentence);
		fputs(". ", out);
		if (strcmp(claim->evidence, "-") != 0)
			put_text(out, claim->evidence);
		fputs(" ", out);
		if (strcmp(claim->reason, "-") != 0)
			put_text(out, claim->reason);
		fputs(" <small>Source: ", out);
		put_text(out, claim->source);
		fputs("</small></p>\n", out);
	}
}

static void put_table(const struct sm_results *r, const char *scenario, FILE *out)
{
	fputs("<div class=\"wide\"><table><thead><tr><th>variant</th><th>point</th><th>metric</th><th>median (95 % "
	      "interval)</th><th>CPU time per operation</th><th>switches per operation</th><th>class</th><th>n</th><th>trials</th></tr>"
	      "</thead><tbody>\n",
	      out);
	for (size_t i = 0; i < r->summary_count; i++) {
		const struct sm_summary_row *s = &r->summaries[i];
		const struct sm_case_row *c = &r->cases[s->case_index];
		char point[192], value[96], cpu[SM_TEXT_MAX] = "-", switches[32] = "-", n[32],
					    trials[96];

		if (strcmp(c->scenario, scenario) != 0)
			continue;
		words_point(c->params, c->placement, point, sizeof(point));
		words_interval(&s->value, c->unit, value, sizeof(value));
		if (isfinite(s->cpu_ns_per_op))
			sm_format_ns(cpu, s->cpu_ns_per_op);
		if (isfinite(s->switches_per_op))
			snprintf(switches, sizeof(switches), "%.3g", s->switches_per_op);
		snprintf(n, sizeof(n), "%zu", s->value.count);
		snprintf(trials, sizeof(trials), "%u ok, %u skipped, %u failed, %u disturbed",
			 s->ok, s->skipped, s->failed, s->disturbed);
		fputs("<tr>", out);
		put(out, "td", c->variant);
		put(out, "td", point);
		put(out, "td", c->metric);
		put(out, "td", s->value.count ? value : s->reason);
		put(out, "td", cpu);
		put(out, "td", switches);
		put(out, "td", s->klass);
		put(out, "td", n);
		put(out, "td", trials);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

struct section {
	const struct sm_results *results;
	FILE *out;
};

static void put_scenario(const char *scenario, void *context)
{
	const struct section *section = context;
	const struct sm_results *r = section->results;
	char name[128];

	fputs("<section>", section->out);
	put(section->out, "h2", scenario);
	put_claims(section->results, scenario, section->out);
	put_figure(section->results, scenario, scenario, section->out);
	snprintf(name, sizeof(name), "%s_rate", scenario);
	put_figure(section->results, name, "payload rate", section->out);
	for (size_t i = 0; i < r->case_count; i++) {
		const struct sm_case_row *c = &r->cases[i];
		bool seen = !c->derived || strcmp(c->scenario, scenario) != 0;

		for (size_t j = 0; j < i && !seen; j++)
			seen = strcmp(r->cases[j].scenario, scenario) == 0 &&
			       strcmp(r->cases[j].metric, c->metric) == 0;
		if (seen)
			continue;
		figures_stem(c, name, sizeof(name));
		put_figure(r, name, c->metric, section->out);
	}
	snprintf(name, sizeof(name), "%s_percentiles", scenario);
	put_figure(r, name, "distribution of single operations", section->out);
	snprintf(name, sizeof(name), "%s_cases", scenario);
	put_figure(r, name, "every case with its interval", section->out);
	put_table(section->results, scenario, section->out);
	fputs("<p>Again: <code>shmeter run ", section->out);
	put_text(section->out, scenario);
	fputs("</code></p></section>\n", section->out);
}

static void put_downloads(FILE *out)
{
	static const char *const files[] = { "manifest.json", "samples.csv",   "slices.csv",
					     "counters.csv",  "metrics.csv",   "summary.csv",
					     "pairs.csv",     "crossings.csv", "claims.csv" };

	put(out, "h2", "Data");
	fputs("<ul>\n", out);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		fprintf(out, "<li><a href=\"%s\">%s</a></li>\n", files[i], files[i]);
	fputs("</ul>\n", out);
}

static int write_page(FILE *out, void *context)
{
	const struct section *in = context;
	struct section section = { in->results, out };
	struct sm_report_options plain = { .width = 100 };
	char machine[256], *findings = NULL;
	size_t size = 0;
	FILE *text = open_memstream(&findings, &size);

	if (!text)
		return -ENOMEM;
	sm_report_findings(in->results, &plain, text);
	fclose(text);
	words_machine(in->results, machine, sizeof(machine));
	fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>shmeter: ",
	      out);
	put_text(out, machine);
	fprintf(out, "</title><style>%s</style></head><body><main>\n", style);
	put(out, "h1", "What sharing memory costs here");
	put(out, "p", machine);
	put_strip(in->results, out);
	put_figure(in->results, "ratios", "ratios of the claims with their intervals", out);
	put(out, "h2", "Findings");
	put(out, "pre", findings);
	put(out, "h2", "Can it be trusted?");
	put_figure(in->results, "run", "every trial in its order", out);
	put_figure(in->results, "pair_classes", "round trips of the probes", out);
	put_figure(in->results, "faults", "a page's time and the faults behind it", out);
	words_scenarios(in->results, put_scenario, &section);
	put_downloads(out);
	fputs("</main></body></html>\n", out);
	free(findings);
	return 0;
}

int sm_report_page(const struct sm_results *results, const struct sm_report_options *options,
		   struct sm_error *err)
{
	struct section section = { results, NULL };
	char path[4200];

	(void)options;
	snprintf(path, sizeof(path), "%s/report.html", results->folder);
	return sm_store_write_file(path, write_page, &section, err);
}
