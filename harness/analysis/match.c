/* Which groups a claim's `at` selects, and how a group is named in a report. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "shmeter/plan.h"
#include "shmeter/topology.h"

unsigned sm_analysis_pus(const struct sm_results *results)
{
	return (unsigned)json_integer_value(json_object_get(json_object_get(results->manifest, "environment"), "pus"));
}

/* The PUs of the machine that was measured, in topology order: [{"pu": 0, "core": 0, ...}]; NULL: not known. */
static const json_t *places_of(const struct sm_results *results)
{
	return json_object_get(json_object_get(results->manifest, "environment"), "pu_places");
}

static json_int_t core_at(const json_t *places, size_t index)
{
	return json_integer_value(json_object_get(json_array_get(places, index), "core"));
}

unsigned sm_analysis_cores(const struct sm_results *results)
{
	const json_t *places = places_of(results);
	unsigned cores = 0;

	/* hwloc's order keeps the threads of a core together */
	for (size_t i = 0; i < json_array_size(places); i++)
		cores += i == 0 || core_at(places, i) != core_at(places, i - 1);
	return cores;
}

/* The core of the first PU in a list ("2 4 6"), and the rest of the list; -1: none, or not known. */
static json_int_t next_core(const json_t *places, const char *pus, const char **rest)
{
	char *end;
	json_int_t pu = (json_int_t)strtoul(pus, &end, 10);

	*rest = end;
	for (size_t i = 0; end != pus && i < json_array_size(places); i++)
		if (json_integer_value(json_object_get(json_array_get(places, i), "pu")) == pu)
			return core_at(places, i);
	return -1;
}

/* Whether two of the listed PUs share a core.  Of a list that is cut ("0 2 ...") only the listed PUs count. */
static bool share_a_core(const json_t *places, const char *pus)
{
	json_int_t one, other;

	while ((one = next_core(places, pus, &pus)) >= 0)
		for (const char *rest = pus; (other = next_core(places, rest, &rest)) >= 0;)
			if (one == other)
				return true;
	return false;
}

static const char *pus_of(const struct sm_analysis *a, size_t c)
{
	for (size_t i = 0; i < a->case_view[c].count; i++) {
		const char *pus = a->results->samples[a->sample_order[a->case_view[c].first + i]].pus;

		if (pus != sm_none)
			return pus;
	}
	return "";
}

/* Whether each worker of a case had a core of its own.  `near` does not guarantee it: on one core the workers take
 * turns, and a team with more workers than cores also uses second hardware threads.  A case that was never seated may
 * match. */
static bool on_different_cores(const struct sm_analysis *a, size_t c)
{
	const struct sm_case_row *row = &a->results->cases[c];
	enum sm_placement relation = row->relation;
	unsigned cores = sm_analysis_cores(a->results);

	if (relation == SM_PLACE_UNSET)
		return true;
	return relation != SM_PLACE_SAME_CORE && relation != SM_PLACE_SMT && relation != SM_PLACE_SOLO &&
	       (cores == 0 || row->workers <= cores) && !share_a_core(places_of(a->results), pus_of(a, c));
}

/* On a machine with one PU the workers of every placement take turns on it, which is a different placement. */
static bool is_placed(const struct sm_case_row *row, sm_name wanted)
{
	return sm_name_of(sm_placement_name(row->relation)) == wanted ||
	       (sm_name_of(sm_placement_name(row->placement)) == wanted && row->relation != SM_PLACE_SAME_CORE);
}

/* What the manifest tells of a NUMA node; NULL: nothing. */
static const json_t *node_at(const struct sm_results *results, double os_index)
{
	const json_t *nodes = json_object_get(json_object_get(results->manifest, "environment"), "node_places");

	for (size_t i = 0; i < json_array_size(nodes); i++)
		if (json_number_value(json_object_get(json_array_get(nodes, i), "node")) == os_index)
			return json_array_get(nodes, i);
	return NULL;
}

/* The nodes that a case's parameters name; false: it has no such parameters, or nothing is known of the nodes. */
static bool nodes_of(const struct sm_analysis *a, size_t c, const json_t *out[2])
{
	const struct sm_scenario *scenario = a->group[a->case_view[c].group].scenario;

	for (unsigned i = 0; i < 2; i++) {
		const char *name = scenario ? scenario->node_params[i] : NULL;

		out[i] = name ? node_at(a->results, sm_param_value(a->results->cases[c].params, name)) : NULL;
		if (!out[i])
			return false;
	}
	return true;
}

static bool on_nodes_with_pus(const struct sm_analysis *a, size_t c)
{
	const json_t *nodes[2];

	return nodes_of(a, c, nodes) && json_is_true(json_object_get(nodes[0], "has_pus")) &&
	       json_is_true(json_object_get(nodes[1], "has_pus"));
}

/* How the two nodes of a case relate: "nodes of one package", "HBM", ...; "" where there are none or it is not known. */
static const char *node_relation(const struct sm_analysis *a, size_t c)
{
	const json_t *nodes[2];
	const char *tier;
	json_int_t package[2];

	if (!nodes_of(a, c, nodes))
		return "";
	tier = json_string_value(json_object_get(nodes[1], "tier"));
	if (!json_is_true(json_object_get(nodes[1], "has_pus")))
		return sm_results_string(a->results, "the second of memory only%s%s", tier ? ": " : "",
					 tier ? tier : "");
	for (unsigned i = 0; i < 2; i++)
		package[i] = json_is_integer(json_object_get(nodes[i], "package"))
				     ? json_integer_value(json_object_get(nodes[i], "package"))
				     : -1;
	return package[0] < 0 || package[1] < 0 ? "" : package[0] == package[1] ? "in one package" : "in two packages";
}

/* Whether one case meets one condition. */
static bool case_has(const struct sm_analysis *a, size_t c, const struct sm_condition *condition)
{
	const struct sm_case_row *row = &a->results->cases[c];
	unsigned pus = sm_analysis_pus(a->results);
	char workers[32];

	switch (condition->of) {
	case SM_OF_PLACEMENT: return is_placed(row, condition->value);
	case SM_OF_CORES: return condition->value == sm_name_of("different") && on_different_cores(a, c);
	case SM_OF_NODES: return condition->value == sm_name_of("with-pus") && on_nodes_with_pus(a, c);
	case SM_OF_BACKING: return row->backing == condition->value;
	case SM_OF_PAGES: return row->pages == condition->value;
	case SM_OF_PREFAULT: return row->prefault == condition->value;
	case SM_OF_NUMA: return row->numa == condition->value;
	case SM_OF_WORKERS:
		snprintf(workers, sizeof(workers), "workers=%u", row->workers);
		return sm_condition_holds(condition, workers, pus);
	case SM_OF_PARAM: break;
	}
	return sm_condition_holds(condition, row->params, pus);
}

/* Only the compared variants count for a group, and one of them is enough: the other may use other memory. */
static bool group_has(const struct sm_analysis *a, size_t group, const struct sm_condition *condition, const char *left,
		      const char *right)
{
	long side[2] = { sm_analysis_case_of(a, group, left), right ? sm_analysis_case_of(a, group, right) : -1 };
	unsigned sides = 0, met = 0;

	for (unsigned i = 0; i < 2; i++) {
		if (side[i] < 0)
			continue;
		sides++;
		met += case_has(a, (size_t)side[i], condition);
	}
	if (sides == 0)
		return case_has(a, a->group[group].first_case, condition);
	/* both must meet a condition on the number of workers or their cores */
	return condition->of == SM_OF_WORKERS || condition->of == SM_OF_CORES ? met == sides : met > 0;
}

bool sm_analysis_matches(const struct sm_analysis *a, size_t group, const char *metric, const char *at,
			 const char *left, const char *right)
{
	const struct sm_case_row *row = &a->results->cases[a->group[group].first_case];
	struct sm_condition condition;

	if (row->derived ? sm_name_of(metric) != row->metric : metric != NULL)
		return false;
	while (sm_condition_next(&at, &condition))
		if (!group_has(a, group, &condition, left, right))
			return false;
	return true;
}

void sm_analysis_point(const struct sm_analysis *a, size_t group, enum sm_point_detail detail, char *out, size_t size)
{
	const struct sm_case_row *row = &a->results->cases[a->group[group].first_case];
	bool has_params = row->params != sm_none;
	const char *params = has_params ? row->params : "", *comma = has_params ? ", " : "";
	const char *relation = node_relation(a, a->group[group].first_case);

	if (*relation) {
		snprintf(out, size, "%s, %s", params, relation);
		return;
	}

	if (detail == SM_POINT_MEMORY)
		snprintf(out, size, "%s%s%s, %s %s %s", params, comma, sm_placement_name(row->placement), row->backing,
			 row->pages, row->prefault);
	else if (detail == SM_POINT_PLACEMENT || !has_params)
		snprintf(out, size, "%s%s%s", params, comma, sm_placement_name(row->placement));
	else
		snprintf(out, size, "%s", params);
}

void sm_words_add(struct sm_words *words, const char *format, ...)
{
	size_t room = sizeof(words->text) - words->used;
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(words->text + words->used, room, format, arguments);

	va_end(arguments);
	if (length > 0)
		words->used += (size_t)length < room ? (size_t)length : room - 1;
}

void sm_words_add_interval(struct sm_words *words, const struct sm_interval *interval)
{
	if (isnan(interval->low) || isnan(interval->high))
		sm_words_add(words, "no interval: too few blocks");
	else
		sm_words_add(words, "95 %% interval %.4g to %.4g", interval->low, interval->high);
}
