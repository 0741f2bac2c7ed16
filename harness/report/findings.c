/* The findings as sentences. */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "shmeter/text.h"
#include "words.h"

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
	words_heading(p->options, p->out, text, NULL);
}

/* Prints a sentence with an initial capital. */
static void say(const struct printer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct printer *p, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text[0] = (char)toupper((unsigned char)text[0]);
	sm_wrap(p->out, "  ", 4, p->width, text);
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
		 words_is_complete(p->results) ? "" : " The run was interrupted; these are its results so far.");
	sm_wrap(p->out, "", 0, p->width, line);
}

static void print_claim(const struct printer *p, const struct sm_claim_row *claim)
{
	char first[96];

	snprintf(first, sizeof(first), "  %s%s%s ", tint(p, claim->verdict), sm_verdict_name(claim->verdict), plain(p));
	fputs(first, p->out);
	sm_wrap(p->out, "", 4, p->width > 20 ? p->width - 16 : p->width, claim->sentence);
	if (claim->evidence != sm_none)
		sm_wrap(p->out, "    ", 4, p->width, claim->evidence);
	if (claim->reason != sm_none)
		sm_wrap(p->out, "    Why: ", 4, p->width, claim->reason);
}

/* Whether a claim is listed on its own.  Left out are claims that this run was not asked for, and those of the
 * calibration, which show whether the other claims can be trusted. */
static bool is_finding(const struct printer *p, const struct sm_claim_row *claim)
{
	return !claim->unmeasured && !words_is_calibration(p->options, claim->scenario);
}

static void print_questions(const struct printer *p)
{
	const struct sm_results *r = p->results;

	for (size_t i = 0; i < r->claim_count; i++) {
		sm_name question = r->claims[i].question;
		bool seen = question == sm_none || !is_finding(p, &r->claims[i]);

		for (size_t j = 0; j < i && !seen; j++)
			seen = r->claims[j].question == question && is_finding(p, &r->claims[j]);
		if (seen)
			continue;
		heading(p, question);
		for (size_t j = i; j < r->claim_count; j++)
			if (r->claims[j].question == question && is_finding(p, &r->claims[j]))
				print_claim(p, &r->claims[j]);
	}
}

/* Exact counts that match the expectation are only in claims.csv; the findings list the others. */
static bool is_as_expected(const struct sm_claim_row *claim)
{
	return claim->verdict == SM_SUPPORTED && claim->expected;
}

static void print_other_claims(const struct printer *p)
{
	const struct sm_results *r = p->results;
	bool any = false;

	for (size_t i = 0; i < r->claim_count; i++) {
		if (r->claims[i].question != sm_none || !is_finding(p, &r->claims[i]) || is_as_expected(&r->claims[i]))
			continue;
		if (!any)
			heading(p, "Other claims");
		any = true;
		print_claim(p, &r->claims[i]);
	}
}

static void print_unmeasured(const struct printer *p)
{
	size_t count = 0;

	for (size_t i = 0; i < p->results->claim_count; i++)
		count += p->results->claims[i].unmeasured;
	if (count == 0)
		return;
	fputc('\n', p->out);
	say(p,
	    "%zu more claim%s of these scenarios %s not measured in this run: claims.csv lists them, a longer profile, "
	    "--set or --placement measures them.",
	    count, count > 1 ? "s" : "", count > 1 ? "were" : "was");
}

/* A point of a sweep. */
static const char *size_text(char out[SM_TEXT_MAX], double value)
{
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

		if (!any)
			heading(p, "Where they cross");
		any = true;
		snprintf(text, sizeof(text), "%s, %s: %s %s %s from %s=%s on (95 %% interval %s to %s).", c->scenario,
			 c->placement, c->left, c->overtakes ? "is faster than" : "is slower than", c->right, c->param,
			 size_text(at, c->at), size_text(low, c->low), size_text(high, c->high));
		sm_wrap(p->out, "  ", 4, p->width, text);
	}
}

/* Whether one sentence covers two samples.  Samples that the analysis set aside have different numbers in their
 * reasons, and one of them represents all. */
static bool is_alike(const struct sm_sample *one, const struct sm_sample *other)
{
	return !other->derived && one->found.status == other->found.status &&
	       (one->found.status >= SM_DISTURBED || one->found.reason == other->found.reason);
}

/* The most names in the sentence about a reason. */
#define REASON_NAMES 64

static void print_reason(const struct printer *p, size_t first)
{
	const struct sm_results *r = p->results;
	const struct sm_sample *sample = &r->samples[first];
	sm_name told[REASON_NAMES], name;
	size_t used, count = 0, names = 0;
	bool differ = false, seen;
	char text[1400];

	for (size_t i = first; i < r->sample_count; i++)
		if (is_alike(sample, &r->samples[i]))
			differ |= sample->found.reason != r->samples[i].found.reason;
	used = (size_t)snprintf(text, sizeof(text), "%s: %s%s (", sm_status_name(sample->found.status),
				differ ? "for example, " : "", sample->found.reason);
	for (size_t i = first; i < r->sample_count; i++) {
		const struct sm_case_row *c = &r->cases[r->samples[i].case_index];

		if (!is_alike(sample, &r->samples[i]))
			continue;
		count++;
		name = sm_name_format("%s/%s", c->scenario, c->variant);
		seen = false;
		for (size_t j = 0; j < names && !seen; j++)
			seen = told[j] == name;
		if (seen || names == REASON_NAMES || used >= sizeof(text) - 160)
			continue;
		told[names++] = name;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%.150s, ", name);
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
			seen = is_alike(&r->samples[i], &r->samples[j]);
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

/* The scenarios of the calibration, and their claims. */
static void print_calibration(sm_name scenario, void *context)
{
	const struct printer *p = context;
	const struct sm_results *r = p->results;

	if (!words_is_calibration(p->options, scenario))
		return;
	for (size_t i = 0; i < r->claim_count; i++)
		if (r->claims[i].scenario == scenario && !r->claims[i].unmeasured && !is_as_expected(&r->claims[i]))
			print_claim(p, &r->claims[i]);
	for (size_t i = 0; i < r->summary_count; i++) {
		const struct sm_case_row *c = &r->cases[r->summaries[i].case_index];
		char value[160];

		if (c->control || c->derived || c->scenario != scenario || r->summaries[i].value.count == 0)
			continue;
		words_interval(&r->summaries[i].value, c->unit, value, sizeof(value));
		say(p, "calibration: %s of %s/%s: %s.", c->metric, scenario, c->variant, value);
	}
}

static void print_control(const struct printer *p)
{
	const struct sm_results *r = p->results;
	double low = words_number(r, "analysis/aa/low");
	char text[256];

	if (isfinite(low))
		say(p, "A/A control: the same code under two names reads %.3f (95 %% interval %.3f to %.3f): %s.%s",
		    words_number(r, "analysis/aa/ratio"), low, words_number(r, "analysis/aa/high"), words_control(r),
		    words_missed_drift(r, text));
	else
		say(p, "A/A control: it has no interval in this run.");
	if (words_intervals(r, text))
		say(p, "Chance: %s", text);
}

static void print_counting(const struct printer *p)
{
	const struct sm_results *r = p->results;

	if (isfinite(words_number(r, "counting_cost/ratio")))
		say(p,
		    "Counting: a page fault takes %.3f times as long while it is counted (95 %% interval %.3f to %.3f).",
		    words_number(r, "counting_cost/ratio"), words_number(r, "counting_cost/low"),
		    words_number(r, "counting_cost/high"));
	if (*words_text(r, "counting_cost/reason"))
		say(p, "Counting: what it costs is not known: %s.", words_text(r, "counting_cost/reason"));
}

/* Who else used the machine, and what stopped the run. */
static void print_others(const struct printer *p)
{
	const struct sm_results *r = p->results;
	double others = words_number(r, "noise/others_percent"), steal = words_number(r, "analysis/steal_percent");
	char text[512];

	if (isfinite(others))
		say(p, "Other processes used %.1f %% of the machine's time.", others);
	if (isfinite(steal))
		say(p, "Steal: %.2f %% of the machine's time.", steal);
	words_stood(r, text, sizeof(text));
	if (text[0])
		say(p, "Time passed and nobody ran: %s; left out.", text);
	words_throttled(r, text, sizeof(text));
	if (text[0])
		say(p, "Throttled: %s.", text);
}

static void print_tours(const struct printer *p)
{
	char text[800];

	(void)words_tours(p->results, text, sizeof(text));
	if (text[0])
		say(p, "Pairs of PUs were visited %s.", text);
}

static void print_trust(const struct printer *p)
{
	const struct sm_results *r = p->results;
	const json_t *repeated = json_object_get(r->manifest, "calibration_failures"), *one;
	size_t i;

	heading(p, "Can it be trusted?");
	print_control(p);
	print_others(p);
	say(p, "%s", words_text(r, "analysis/cores_moved/sentence"));
	if (words_number(r, "analysis/pace_changed/neighbours") > 0)
		say(p, "%s", words_text(r, "analysis/pace_changed/sentence"));
	print_counting(p);
	print_tours(p);
	json_array_foreach (repeated, i, one)
		say(p, "The calibration of %s was repeated: %s.", json_string_value(json_object_get(one, "case")),
		    json_string_value(json_object_get(one, "reason")));
	words_scenarios(r, print_calibration, (void *)(uintptr_t)p);
}

void sm_report_head(const struct sm_results *results, const struct sm_report_options *options, FILE *out)
{
	struct printer p = { results, options, out, words_width(options) };
	char lost[SM_LOST_TEXT_MAX];

	if (sm_report_lost(results, lost))
		sm_wrap(out, "", 0, p.width, lost);
	print_run(&p);
}

void sm_report_findings(const struct sm_results *results, const struct sm_report_options *options, FILE *out)
{
	struct printer p = { results, options, out, words_width(options) };

	print_questions(&p);
	corners_print(results, options, out);
	print_other_claims(&p);
	print_crossings(&p);
	print_unmeasured(&p);
	print_trust(&p);
	print_missing(&p);
}
