/* Claims that the times of pairs of PUs follow the topology: closer is faster. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "shmeter/topology.h"

/* The cases that a claim is about, by relation. */
struct related {
	double *value[SM_PLACE_COUNT]; /* all in one allocation */
	size_t count[SM_PLACE_COUNT];
	unsigned relations; /* number of relations with a case */
	size_t cases;
};

static bool is_about(const struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim,
		     const struct sm_summary_row *summary)
{
	const struct sm_case_row *c = &a->results->cases[summary->case_index];
	size_t group = a->case_view[summary->case_index].group;

	return a->group[group].scenario == scenario && c->variant == sm_name_of(claim->left) &&
	       isfinite(summary->value.estimate) && c->relation != SM_PLACE_UNSET &&
	       sm_analysis_matches(a, group, NULL, claim->at, claim->left, NULL);
}

static int collect(const struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim,
		   struct related *out, struct sm_error *err)
{
	double *room = calloc((a->results->summary_count + 1) * SM_PLACE_COUNT, sizeof(*room));

	*out = (struct related){ .cases = 0 };
	if (!room)
		return sm_fail(err, ENOMEM, "no memory for %zu cases", a->results->summary_count);
	for (int k = 0; k < SM_PLACE_COUNT; k++)
		out->value[k] = room + (size_t)k * (a->results->summary_count + 1);
	for (size_t i = 0; i < a->results->summary_count; i++) {
		const struct sm_summary_row *summary = &a->results->summaries[i];

		if (!is_about(a, scenario, claim, summary))
			continue;
		const struct sm_case_row *c = &a->results->cases[summary->case_index];
		enum sm_placement k = c->relation;
		double transfers = c->transfers_per_op > 0 ? c->transfers_per_op : 1;

		out->relations += out->count[k] == 0;
		out->value[k][out->count[k]++] = summary->value.estimate / transfers;
		out->cases++;
	}
	return 0;
}

/* Among all couples of cases with different relations, the share in which the closer one is faster. */
static double closer_is_faster(const struct related *related, size_t *couples)
{
	size_t faster = 0;

	*couples = 0;
	for (int near = 0; near < SM_PLACE_COUNT; near++)
		for (int far = near + 1; far < SM_PLACE_COUNT; far++)
			for (size_t i = 0; i < related->count[near]; i++)
				for (size_t j = 0; j < related->count[far]; j++, ++*couples)
					faster += related->value[near][i] < related->value[far][j];
	return (double)faster / (double)*couples;
}

/* "smt 8.1 ns (16 pairs), shared-l3 24 ns (224 pairs)". */
static void add_relations(const struct related *related, struct sm_words *words)
{
	const char *comma = "";

	for (int k = 0; k < SM_PLACE_COUNT; k++) {
		if (related->count[k] == 0)
			continue;
		sm_words_add(words, "%s%s %.3g ns (%zu pair%s)", comma, sm_placement_name((enum sm_placement)k),
			     sm_median(related->value[k], related->count[k]), related->count[k],
			     related->count[k] == 1 ? "" : "s");
		comma = ", ";
	}
}

int sm_analysis_order_claim(struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim,
			    struct sm_error *err)
{
	struct sm_claim_row *row = sm_analysis_add_claim(a, scenario, claim);
	struct sm_words words = { .used = 0 };
	struct related related;
	size_t couples;
	int rc = collect(a, scenario, claim, &related, err);

	if (rc < 0)
		return rc;
	if (related.cases == 0) {
		row->verdict = SM_NOT_TESTABLE;
		row->reason = sm_analysis_why_no_trial(a, scenario, claim);
	} else if (related.relations == 1) {
		add_relations(&related, &words);
		row->verdict = SM_NOT_TESTABLE;
		row->reason =
			sm_results_string(a->results,
					  "all pairs relate alike here: %s; it needs PUs that relate in two ways at "
					  "least, such as hardware threads beside other cores, or two sockets",
					  words.text);
	} else {
		double share = closer_is_faster(&related, &couples);

		add_relations(&related, &words);
		sm_words_add(&words, "; the closer pair is the faster one in %.4g %% of %zu couples", 100 * share,
			     couples);
		row->verdict = share >= claim->closer_is_faster ? SM_SUPPORTED : SM_REFUTED;
		row->evidence = sm_results_string(a->results, "%s", words.text);
	}
	free(related.value[0]);
	return 0;
}
