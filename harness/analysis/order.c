/* Claims that the times of pairs of PUs follow the topology: closer is faster. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "shmeter/matrix.h"
#include "shmeter/topology.h"

/* The pairs that a claim is about, by relation; each relation's times are sorted. */
struct related {
	double *value[SM_PLACE_COUNT]; /* all in one allocation */
	size_t count[SM_PLACE_COUNT];
	unsigned relations; /* number of relations with a pair */
	size_t pairs;
};

static bool is_about(const struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim,
		     unsigned case_index)
{
	const struct sm_case_row *c = &a->results->cases[case_index];
	size_t group = a->case_view[case_index].group;

	return a->group[group].scenario == scenario && c->variant == sm_name_of(claim->left) &&
	       c->relation != SM_PLACE_UNSET && sm_analysis_matches(a, group, NULL, claim->at, claim->left, NULL);
}

static int ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Whether both PUs are of the kind of core on which pairs run: kinds differ by themselves. */
static bool is_of_home_kind(const struct sm_results *results, const struct sm_pu_pair *pair)
{
	const json_t *environment = json_object_get(results->manifest, "environment"), *place;
	const json_t *home = json_object_get(environment, "home_kind");
	unsigned of_home = 0;
	size_t i;

	if (!home)
		return true;
	json_array_foreach (json_object_get(environment, "pu_places"), i, place) {
		unsigned pu = (unsigned)json_integer_value(json_object_get(place, "pu"));

		if (pu == pair->from || pu == pair->to)
			of_home += json_integer_value(json_object_get(place, "kind")) == json_integer_value(home);
	}
	return of_home == 2;
}

static int collect(const struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim,
		   struct related *out, struct sm_error *err)
{
	struct sm_pu_pair *pair;
	size_t count = sm_pu_pairs_of(a->results, sm_name_of(scenario->name), &pair), next = 0;
	double *room = calloc(count + 1, sizeof(*room));
	bool about = false;

	*out = (struct related){ .pairs = 0 };
	out->value[0] = room;
	for (int k = 0; room && k < SM_PLACE_COUNT; k++) {
		out->value[k] = room + next;
		for (size_t i = 0; i < count; i++) {
			if (i == 0 || pair[i].case_index != pair[i - 1].case_index)
				about = (int)a->results->cases[pair[i].case_index].relation == k &&
					is_about(a, scenario, claim, pair[i].case_index);
			if (about && is_of_home_kind(a->results, &pair[i]))
				out->value[k][out->count[k]++] = pair[i].ns;
		}
		qsort(out->value[k], out->count[k], sizeof(double), ascending);
		out->relations += out->count[k] > 0;
		next += out->count[k];
	}
	out->pairs = next;
	free(pair);
	return room ? 0 : sm_fail(err, ENOMEM, "no memory for %zu pairs", count);
}

/* How many couples of a near and a far pair there are in which the near one is faster. */
static size_t faster_couples(const struct related *related, int near, int far)
{
	size_t couples = 0;

	for (size_t i = 0, j = 0; j < related->count[far]; j++) {
		while (i < related->count[near] && related->value[near][i] < related->value[far][j])
			i++;
		couples += i;
	}
	return couples;
}

/* Among all couples of pairs with different relations, the share in which the closer one is faster. */
static double closer_is_faster(const struct related *related, size_t *couples)
{
	size_t faster = 0;

	*couples = 0;
	for (int near = 0; near < SM_PLACE_COUNT; near++)
		for (int far = near + 1; far < SM_PLACE_COUNT; far++) {
			*couples += related->count[near] * related->count[far];
			faster += faster_couples(related, near, far);
		}
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
	if (related.pairs == 0) {
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
