/* Findings in words. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "shmeter/text.h"
#include "words.h"

#define WIDTH_DEFAULT 100

struct printer {
	const struct sm_results *results;
	const struct sm_report_options *options;
	FILE *out;
	unsigned width;
};

static const char *tint(const struct printer *p, enum sm_verdict verdict)
{
	static const char *const colour[] = { "", "\033[32m", "\033[31m", "\033[33m", "\033[2m" };

	return p->options->color ? colour[verdict] : "";
}

static const char *plain(const struct printer *p)
{
	return p->options->color ? "\033[0m" : "";
}

static void heading(const struct printer *p, const char *text)
{
	fprintf(p->out, "\n%s%s%s\n", p->options->color ? "\033[1m" : "", text, plain(p));
}

static void print_run(const struct printer *p)
{
	char machine[256], line[768];
	double wall = words_number(p->results, "wall_s");
	double timed = words_number(p->results, "timed_share");
	size_t trials = 0, cases = 0;

	for (size_t i = 0; i < p->results->sample_count; i++)
		trials += !p->results->samples[i].derived;
	for (size_t i = 0; i < p->results->case_count; i++)
		cases += !p->results->cases[i].derived;
	words_machine(p->results, machine, sizeof(machine));
	snprintf(line, sizeof(line),
		 "%s. Profile %s, seed %s, %zu trials of %zu cases in %.0f s, %.0f %% of them inside timed "
		 "sections.%s",
		 machine, words_text(p->results, "profile"), words_text(p->results, "seed"), trials, cases,
		 isfinite(wall) ? wall : 0.0, isfinite(timed) ? 100 * timed : 0.0,
		 strcmp(words_text(p->results, "status"), "complete") == 0
			 ? ""
			 : " The run was interrupted: this is what there is of it.");
	sm_wrap(p->out, "", 0, p->width, line);
}

static void print_claim(const struct printer *p, const struct sm_claim_row *claim)
{
	char first[96];

	snprintf(first, sizeof(first), "  %s%s%s ", tint(p, claim->verdict), sm_verdict_name(claim->verdict), plain(p));
	fputs(first, p->out);
	sm_wrap(p->out, "", 4, p->width > 20 ? p->width - 16 : p->width, claim->sentence);
	if (strcmp(claim->evidence, "-") != 0)
		sm_wrap(p->out, "    ", 4, p->width, claim->evidence);
	if (strcmp(claim->reason, "-") != 0)
		sm_wrap(p->out, "    Why: ", 4, p->width, claim->reason);
}

static void print_questions(const struct printer *p)
{
	const struct sm_results *r = p->results;

	for (size_t i = 0; i < r->claim_count; i++) {
		const char *question = r->claims[i].question;
		bool seen = strcmp(question, "-") == 0;

		for (size_t j = 0; j < i && !seen; j++)
			seen = strcmp(r->claims[j].question, question) == 0;
		if (seen)
			continue;
		heading(p, question);
		for (size_t j = i; j < r->claim_count; j++)
			if (strcmp(r->claims[j].question, question) == 0)
				print_claim(p, &r->claims[j]);
	}
}

static void print_other_claims(const struct printer *p)
{
	const struct sm_results *r = p->results;
	bool any = false;

	for (size_t i = 0; i < r->claim_count; i++) {
		/* Exact counts that came out as expected are in claims.csv; here only surprises. */
		if (strcmp(r->claims[i].question, "-") != 0 ||
		    (strstr(r->claims[i].claim, ".expected") && r->claims[i].verdict == SM_SUPPORTED))
			continue;
		if (!any)
			heading(p, "Other claims");
		any = true;
		print_claim(p, &r->claims[i]);
	}
}

/* A point of a sweep: where nothing decides, the end is open. */
static const char *size_text(char out[SM_TEXT_MAX], double value)
{
	if (!isfinite(value))
		return "open";
	snprintf(out, SM_TEXT_MAX, "%.3g", value);
	return value < 1024 ? out : sm_format_bytes(out, value);
}

static void print_crossings(const struct printer *p)
{
	const struct sm_results *r = p->results;
	bool any = false;

	for (size_t i = 0; i < r->crossing_count; i++) {
		const struct sm_crossing_row *c = &r->crossings[i];
		char text[512], at[SM_TEXT_MAX], low[SM_TEXT_MAX], high[SM_TEXT_MAX];

		/* No measured size tells the two apart: they are alike, and cross by chance. */
		if (!isfinite(c->low) && !isfinite(c->high))
			continue;
		if (!any)
			heading(p, "Where they cross");
		any = true;
		snprintf(text, sizeof(text), "%s, %s: %s %s %s from %s=%s on (95 %% interval %s to %s).", c->scenario,
			 c->placement, c->left, c->overtakes ? "is faster than" : "is slower than", c->right, c->param,
			 size_text(at, c->at), size_text(low, c->low), size_text(high, c->high));
		sm_wrap(p->out, "  ", 4, p->width, text);
	}
}

/* Samples that say the same reason stand together, with the variants they are about. */
static void print_reason(const struct printer *p, size_t first)
{
	const struct sm_results *r = p->results;
	const struct sm_sample *sample = &r->samples[first];
	char text[1400], name[160];
	size_t used, count = 0;

	used = (size_t)snprintf(text, sizeof(text), "%s: %s (", sm_status_name(sample->found.status),
				sample->found.reason);
	for (size_t i = first; i < r->sample_count; i++) {
		const struct sm_case_row *c = &r->cases[r->samples[i].case_index];

		if (r->samples[i].derived || r->samples[i].found.status != sample->found.status ||
		    strcmp(r->samples[i].found.reason, sample->found.reason) != 0)
			continue;
		count++;
		snprintf(name, sizeof(name), "%s/%s, ", c->scenario, c->variant);
		if (!strstr(text, name) && used < sizeof(text) - sizeof(name))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", name);
	}
	snprintf(text + used, sizeof(text) - used, "%zu trial%s)", count, count > 1 ? "s" : "");
	sm_wrap(p->out, "  ", 4, p->width, text);
}

static void print_missing(const struct printer *p)
{
	const struct sm_results *r = p->results;
	const char *note = words_text(r, "counters_note");
	bool any = false;

	for (size_t i = 0; i < r->sample_count; i++) {
		bool seen = r->samples[i].derived || r->samples[i].found.status == SM_OK;

		for (size_t j = 0; j < i && !seen; j++)
			seen = r->samples[j].found.status == r->samples[i].found.status &&
			       strcmp(r->samples[j].found.reason, r->samples[i].found.reason) == 0;
		if (seen)
			continue;
		if (!any)
			heading(p, "What this run cannot say");
		any = true;
		print_reason(p, i);
	}
	if (!*note)
		return;
	if (!any)
		heading(p, "What this run cannot say");
	sm_wrap(p->out, "  ", 4, p->width, note);
}

static void print_trust(const struct printer *p)
{
	const struct sm_results *r = p->results;
	double ratio = words_number(r, "analysis/aa/ratio"), low = words_number(r, "analysis/aa/low");
	double high = words_number(r, "analysis/aa/high");
	double steal = words_number(r, "analysis/steal_percent");
	const json_t *repeated = json_object_get(r->manifest, "calibration_failures");
	char text[1024], throttled[512];

	heading(p, "Can it be trusted?");
	snprintf(text, sizeof(text), "%s", words_text(r, "analysis/cores_moved/sentence"));
	text[0] = (char)toupper((unsigned char)text[0]);
	sm_wrap(p->out, "  ", 4, p->width, text);
	if (words_number(r, "analysis/pace_changed/neighbours") > 0) {
		snprintf(text, sizeof(text), "%s", words_text(r, "analysis/pace_changed/sentence"));
		text[0] = (char)toupper((unsigned char)text[0]);
		sm_wrap(p->out, "  ", 4, p->width, text);
	}
	if (isfinite(low))
		snprintf(text, sizeof(text),
			 "A/A control: the same code under two names reads %.3f (95 %% interval %.3f to "
			 "%.3f): %s.",
			 ratio, low, high, words_control(r));
	else
		snprintf(text, sizeof(text), "A/A control: it has no interval in this run.");
	sm_wrap(p->out, "  ", 4, p->width, text);
	if (isfinite(words_number(r, "counting_cost/ratio"))) {
		snprintf(text, sizeof(text),
			 "Counting: a page fault takes %.3f times as long while it is counted (95 %% "
			 "interval %.3f to %.3f).",
			 words_number(r, "counting_cost/ratio"), words_number(r, "counting_cost/low"),
			 words_number(r, "counting_cost/high"));
		sm_wrap(p->out, "  ", 4, p->width, text);
	}
	if (*words_text(r, "counting_cost/reason")) {
		snprintf(text, sizeof(text), "Counting: what it costs is not known: %s.",
			 words_text(r, "counting_cost/reason"));
		sm_wrap(p->out, "  ", 4, p->width, text);
	}
	for (size_t i = 0; i < json_array_size(repeated); i++) {
		const json_t *one = json_array_get(repeated, i);

		snprintf(text, sizeof(text), "The calibration of %s was repeated: %s.",
			 json_string_value(json_object_get(one, "case")),
			 json_string_value(json_object_get(one, "reason")));
		sm_wrap(p->out, "  ", 4, p->width, text);
	}
	if (isfinite(steal)) {
		snprintf(text, sizeof(text), "Steal: %.2f %% of the machine's time.", steal);
		sm_wrap(p->out, "  ", 4, p->width, text);
	}
	words_stood(r, throttled, sizeof(throttled));
	if (throttled[0]) {
		snprintf(text, sizeof(text), "Time passed and nobody ran: %s; left out.", throttled);
		sm_wrap(p->out, "  ", 4, p->width, text);
	}
	words_throttled(r, throttled, sizeof(throttled));
	if (throttled[0]) {
		snprintf(text, sizeof(text), "Throttled: %s.", throttled);
		sm_wrap(p->out, "  ", 4, p->width, text);
	}
}

void sm_report_findings(const struct sm_results *results, const struct sm_report_options *options, FILE *out)
{
	struct printer p = { results, options, out, options->width ? options->width : WIDTH_DEFAULT };
	char lost[SM_LOST_TEXT_MAX];

	if (sm_report_lost(results, lost))
		sm_wrap(out, "", 0, p.width, lost);
	print_run(&p);
	print_questions(&p);
	corners_print(results, options, out);
	print_other_claims(&p);
	print_crossings(&p);
	print_missing(&p);
	print_trust(&p);
}
