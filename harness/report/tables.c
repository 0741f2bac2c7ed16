/* Tables of the summaries, a scenario each. */
#include <math.h>
#include <string.h>

#include "shmeter/encode.h"
#include "shmeter/text.h"
#include "words.h"

struct printer {
	const struct sm_results *results;
	const struct sm_report_options *options;
	FILE *out;
};

/* The ratio of a case to its group's baseline, from the pair that has the case on either side. */
static void ratio_text(const struct sm_results *r, const struct sm_case_row *c, char *out, size_t size)
{
	snprintf(out, size, "-");
	for (size_t i = 0; i < r->pair_count; i++) {
		const struct sm_pair_row *pair = &r->pairs[i];

		if (!pair->leading || strcmp(pair->group, c->group) != 0 || strcmp(pair->left, c->variant) != 0 ||
		    !isfinite(pair->ratio.estimate))
			continue;
		if (isfinite(pair->ratio.low))
			snprintf(out, size, "%.3g x %s (%.3g to %.3g)", pair->ratio.estimate, pair->right,
				 pair->ratio.low, pair->ratio.high);
		else
			snprintf(out, size, "%.3g x %s", pair->ratio.estimate, pair->right);
		return;
	}
}

/* Rates and halves that follow from the value: messages, bytes, one way. */
static void derived_text(const struct sm_case_row *c, double value, char *out, size_t size)
{
	char one[SM_TEXT_MAX];
	size_t used = 0;

	out[0] = '\0';
	if (c->derived || !isfinite(value) || value <= 0)
		return;
	if (c->transfers_per_op > 1)
		used += (size_t)snprintf(out + used, size - used, "one way %s, ",
					 sm_format_ns(one, value / c->transfers_per_op));
	used += (size_t)snprintf(out + used, size - used, "%s", sm_format_rate(one, 1e9 / value));
	if (c->bytes_per_op > 0)
		snprintf(out + used, size - used, ", %.3g GB/s", c->bytes_per_op / value);
}

static void print_case(const struct printer *p, const struct sm_summary_row *summary)
{
	const struct sm_case_row *c = &p->results->cases[summary->case_index];
	char point[192], value[96], ratio[96], derived[96], cpu[SM_TEXT_MAX], holds[64];
	unsigned bad =
		summary->skipped + summary->failed + summary->disturbed + summary->unsettled + summary->saturated;

	words_point(c->params, sm_placement_name(c->placement), point, sizeof(point));
	words_interval(&summary->value, c->unit, value, sizeof(value));
	ratio_text(p->results, c, ratio, sizeof(ratio));
	derived_text(c, summary->value.estimate, derived, sizeof(derived));
	if (summary->value.count == 0) {
		sm_print_line(p->out, "  %-16s %-34s %s", c->variant, point, summary->reason);
		return;
	}
	if (c->derived)
		sm_print_encoded(p->out, SM_TO_TERMINAL, "  %-16s %-34s %-34s %-34s n %zu", c->variant, point, value,
				 ratio, summary->value.count);
	else
		sm_print_encoded(p->out, SM_TO_TERMINAL,
				 "  %-16s %-34s %-34s %-34s %s; cpu %s, %.3g switches, class %s, n %zu", c->variant,
				 point, value, ratio, derived, sm_format_ns(cpu, summary->cpu_ns_per_op),
				 summary->switches_per_op, summary->klass, summary->value.count);
	if (*words_in_flight(p->results, c, holds, sizeof(holds)))
		fprintf(p->out, ", %s", holds);
	if (bad)
		fprintf(p->out, " (%u skipped, %u failed, %u disturbed, %u unsettled, %u saturated)", summary->skipped,
			summary->failed, summary->disturbed, summary->unsettled, summary->saturated);
	fputc('\n', p->out);
}

/* One metric of a scenario: the cases that have it. */
static void print_metric(const struct printer *p, const struct sm_case_row *of)
{
	fputs(p->options->color ? "\n\033[1m" : "\n", p->out);
	sm_put_encoded(p->out, SM_TO_TERMINAL, of->scenario);
	fputs(p->options->color ? "\033[0m" : "", p->out);
	sm_print_line(p->out, ": %s", of->metric);
	for (size_t i = 0; i < p->results->summary_count; i++) {
		const struct sm_summary_row *summary = &p->results->summaries[i];
		const struct sm_case_row *c = &p->results->cases[summary->case_index];

		if (strcmp(c->scenario, of->scenario) == 0 && strcmp(c->metric, of->metric) == 0)
			print_case(p, summary);
	}
}

static void print_scenario(const char *scenario, void *context)
{
	const struct printer *p = context;
	const struct sm_results *r = p->results;

	for (size_t i = 0; i < r->case_count; i++) {
		bool seen = strcmp(r->cases[i].scenario, scenario) != 0;

		for (size_t j = 0; j < i && !seen; j++)
			seen = strcmp(r->cases[j].scenario, scenario) == 0 &&
			       strcmp(r->cases[j].metric, r->cases[i].metric) == 0;
		if (!seen)
			print_metric(p, &r->cases[i]);
	}
}

void sm_report_tables(const struct sm_results *results, const struct sm_report_options *options, FILE *out)
{
	struct printer p = { results, options, out };

	words_scenarios(results, print_scenario, &p);
}
