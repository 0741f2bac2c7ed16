/* Claims about exact counts: every successful trial must have the exact count; noise does not change it. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* Which event must have which count, and where. */
struct count_rule {
	const struct sm_scenario *scenario;
	sm_name variant; /* NULL: all */
	const char *at;  /* NULL: everywhere */
	const char *event;
	double per_op;
	unsigned slack; /* allowed deviation, in events a trial */
};

struct count_tally {
	unsigned trials;                  /* successful trials */
	unsigned counted, matched, fewer; /* fewer: with less than expected */
	double total, operations;         /* of all workers, over the trials with a count */
	double off_count, off_expected;   /* of the first trial that does not match */
	unsigned off_trial;
	const char *state; /* of a trial without a count */
};

static bool is_in_scope(const struct sm_analysis *a, const struct count_rule *rule, size_t sample)
{
	size_t c = a->results->samples[sample].case_index;
	const struct sm_case_row *row = &a->results->cases[c];
	size_t group = a->case_view[c].group;

	return a->view[sample].ended_ok && a->group[group].scenario == rule->scenario &&
	       (!rule->variant || row->variant == rule->variant) &&
	       sm_analysis_matches(a, group, NULL, rule->at, row->variant, NULL);
}

static void tally_trial(const struct sm_analysis *a, const struct count_rule *rule,
			const struct sm_counter_row *counter, size_t s, struct count_tally *tally)
{
	const struct sm_sample *sample = &a->results->samples[s];
	unsigned workers = a->results->cases[sample->case_index].workers;
	double operations = (double)sample->ops * workers;
	double expected = rule->per_op * operations;

	/* A multiplexed value is extrapolated, so it cannot be compared with an exact count. */
	if (counter->state != SM_COUNTED) {
		tally->state = sm_count_state_name(counter->state);
		return;
	}
	tally->counted++;
	tally->total += (double)counter->raw;
	tally->operations += operations;
	/* Allows half an event for rounding, for counts per operation such as 1/512. */
	if (fabs((double)counter->raw - expected) < rule->slack + 0.5) {
		tally->matched++;
		return;
	}
	tally->fewer += (double)counter->raw < expected;
	if (tally->counted - tally->matched == 1) {
		tally->off_count = (double)counter->raw;
		tally->off_expected = expected;
		tally->off_trial = sample->trial;
	}
}

static struct count_tally tally_up(const struct sm_analysis *a, const struct count_rule *rule)
{
	struct count_tally tally = { 0 };

	sm_name event = sm_event_key(rule->event);

	for (size_t s = 0; s < a->results->sample_count; s++)
		tally.trials += is_in_scope(a, rule, s);
	for (size_t i = 0; i < a->results->counter_count; i++) {
		const struct sm_counter_row *counter = &a->results->counters[i];

		if (counter->key != event)
			continue;
		long s = sm_analysis_sample_of(a, counter->trial);

		if (s >= 0 && is_in_scope(a, rule, (size_t)s))
			tally_trial(a, rule, counter, (size_t)s, &tally);
	}
	return tally;
}

/* Why the run could not count an event, where its manifest says so, or NULL. */
static const char *reason_of_event(const struct sm_analysis *a, const char *event)
{
	const json_t *events = json_object_get(a->results->manifest, "events");
	const json_t *entry;
	size_t i;

	json_array_foreach (events, i, entry) {
		const char *name = json_string_value(json_object_get(entry, "name"));
		const char *reason = json_string_value(json_object_get(entry, "reason"));

		if (name && reason && *reason && sm_event_key(name) == sm_event_key(event))
			return reason;
	}
	return NULL;
}

/* Whether what is too much may be the kernel's own doing: NUMA balancing unmaps pages now and then, and the next access
 * to one is a minor fault.  It takes no fault away. */
static bool may_be_balancing(const struct sm_analysis *a, const struct count_rule *rule,
			     const struct count_tally *tally)
{
	const json_t *machine = json_object_get(a->results->manifest, "environment");

	return tally->matched < tally->counted && tally->fewer == 0 &&
	       sm_event_key(rule->event) == sm_event_key("minor-faults") &&
	       json_integer_value(json_object_get(machine, "numa_balancing")) > 0;
}

static enum sm_verdict verdict_of(const struct sm_analysis *a, const struct count_rule *rule,
				  const struct count_tally *tally)
{
	if (tally->counted == 0)
		return SM_NOT_TESTABLE;
	if (tally->matched < tally->counted)
		return may_be_balancing(a, rule, tally) ? SM_INCONCLUSIVE : SM_REFUTED;
	return tally->counted < tally->trials ? SM_INCONCLUSIVE : SM_SUPPORTED;
}

/* Why the counts of some trials decide nothing, or "-". */
static const char *why_undecided(struct sm_analysis *a, const struct count_rule *rule, const struct count_tally *tally)
{
	const char *detail = reason_of_event(a, rule->event);

	if (tally->trials == 0)
		return "no successful trial";
	if (may_be_balancing(a, rule, tally))
		return "the kernel's NUMA balancing takes minor faults of its own: sysctl kernel.numa_balancing=0, or "
		       "run with --tune";
	if (tally->counted == tally->trials)
		return sm_none;
	if (!tally->state)
		return sm_results_string(a->results,
					 "%s was not among the events of %u of %u trials; name it "
					 "with --events",
					 rule->event, tally->trials - tally->counted, tally->trials);
	return sm_results_string(a->results, "%s reads %s in %u of %u trials%s%s", rule->event, tally->state,
				 tally->trials - tally->counted, tally->trials, detail ? ": " : "",
				 detail ? detail : "");
}

static const char *plural(unsigned count)
{
	return count == 1 ? "" : "s";
}

static void add_evidence(const struct count_rule *rule, const struct count_tally *tally, struct sm_words *words)
{
	const char *variant = rule->variant ? rule->variant : "every variant";

	if (words->used > 0)
		sm_words_add(words, "; ");
	if (tally->counted == 0) {
		sm_words_add(words, "%s of %s not counted", rule->event, variant);
		return;
	}
	if (tally->matched < tally->counted) {
		sm_words_add(words,
			     "%s: %.0f %s where %s%.10g %s expected (trial %u), and so in %u of "
			     "%u trials",
			     variant, tally->off_count, rule->event, rule->slack > 0 ? "" : "exactly ",
			     tally->off_expected, rule->slack > 0 ? "or nearly so are" : "are", tally->off_trial,
			     tally->counted - tally->matched, tally->counted);
		return;
	}
	sm_words_add(words, "%s: %.0f %s in %.0f operations, %.6g an operation in %s%u trial%s", variant, tally->total,
		     rule->event, tally->operations, rule->per_op, tally->counted > 1 ? "each of " : "", tally->counted,
		     plural(tally->counted));
	if (rule->slack > 0)
		sm_words_add(words, " (give or take %u event%s a trial)", rule->slack, plural(rule->slack));
}

void sm_analysis_count_claim(struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim)
{
	struct count_rule rule = { scenario,           sm_name_of(claim->left), claim->at,
				   claim->count.event, claim->count.per_op,     claim->count.slack };
	struct sm_claim_row *row = sm_analysis_add_claim(a, scenario, claim);
	struct count_tally tally = tally_up(a, &rule);
	struct sm_words words = { .used = 0 };

	row->verdict = verdict_of(a, &rule, &tally);
	if (tally.trials == 0) {
		row->reason = sm_analysis_why_no_trial(a, scenario, claim);
		return;
	}
	row->reason = why_undecided(a, &rule, &tally);
	add_evidence(&rule, &tally, &words);
	if (claim->caveat)
		sm_words_add(&words, "; %s", claim->caveat);
	row->evidence = sm_results_string(a->results, "%s", words.text);
}

/* The worse of two verdicts on exact counts: refuted is the worst, then inconclusive. */
static enum sm_verdict worse(enum sm_verdict one, enum sm_verdict other)
{
	static const int badness[] = { [SM_VERDICT_NONE] = 0,
				       [SM_SUPPORTED] = 1,
				       [SM_NOT_TESTABLE] = 2,
				       [SM_INCONCLUSIVE] = 3,
				       [SM_REFUTED] = 4 };

	return badness[one] >= badness[other] ? one : other;
}

void sm_analysis_expected(struct sm_analysis *a, const struct sm_scenario *scenario)
{
	struct sm_words sentence = { .used = 0 }, evidence = { .used = 0 };
	struct sm_claim claim = { .source = "exact count" };
	enum sm_verdict verdict = SM_VERDICT_NONE;
	const char *reason = sm_none;

	for (unsigned i = 0; i < SM_EXPECTED_MAX && scenario->expected[i].event; i++) {
		const struct sm_expected *expected = &scenario->expected[i];
		struct count_rule rule = { .scenario = scenario,
					   .variant = sm_name_of(expected->variant),
					   .event = expected->event,
					   .per_op = expected->per_op };
		struct count_tally tally = tally_up(a, &rule);

		if (tally.trials == 0)
			continue; /* skipped, or not in this run: the claims say so */
		sm_words_add(&sentence, "%s%.6g %s an operation%s%s", sentence.used > 0 ? ", " : "", rule.per_op,
			     rule.event, rule.variant ? " in " : "", rule.variant ? rule.variant : "");
		add_evidence(&rule, &tally, &evidence);
		verdict = worse(verdict, verdict_of(a, &rule, &tally));
		if (reason == sm_none)
			reason = why_undecided(a, &rule, &tally);
	}
	if (verdict == SM_VERDICT_NONE)
		return;
	claim.id = sm_results_string(a->results, "%s.expected", scenario->name);
	claim.text = sm_results_string(a->results, "Exactly %s.", sentence.text);
	struct sm_claim_row *row = sm_analysis_add_claim(a, scenario, &claim);

	row->expected = true;
	row->verdict = verdict;
	row->evidence = sm_results_string(a->results, "%s", evidence.text);
	row->reason = reason;
}
