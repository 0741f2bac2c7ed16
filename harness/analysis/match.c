/* Which groups a claim's `at` names, and how a group is named to people. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "shmeter/plan.h"
#include "shmeter/topology.h"

static bool equals(const char *text, const char *value, size_t length)
{
	return strlen(text) == length && strncmp(text, value, length) == 0;
}

unsigned sm_analysis_pus(const struct sm_results *results)
{
	return (unsigned)json_integer_value(json_object_get(json_object_get(results->manifest, "environment"), "pus"));
}

/* The PUs by topology, as the machine that was measured had them: [{"pu": 0, "core": 0, ...}]; NULL: not known. */
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

/* The core of the first PU in a list ("2 4 6"), and where the list goes on; -1: none, or not known. */
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

/* Whether two of the PUs listed are of one core.  A list that is cut ("0 2 ...") tells of those that it has. */
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

		if (strcmp(pus, "-") != 0)
			return pus;
	}
	return "";
}

/* Whether each worker of a case had a core of its own.  `near` is a wish: on one core its workers take turns, and a team
 * that is larger than the cores are many uses second threads.  A case that was never seated may have been meant. */
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

/* On a machine of one PU whatever was asked for is got as taking turns on it, which is another thing. */
static bool is_placed(const struct sm_case_row *row, const char *value, size_t length)
{
	return equals(sm_placement_name(row->relation), value, length) ||
	       (equals(sm_placement_name(row->placement), value, length) && row->relation != SM_PLACE_SAME_CORE);
}

/* Whether one case meets one condition ("message=64", "workers<=1xPU"). */
static bool case_has(const struct sm_analysis *a, size_t c, const char *word, size_t length)
{
	const struct sm_results *results = a->results;
	const struct sm_case_row *row = &results->cases[c];
	const char *sign = memchr(word, '=', length);
	char workers[32];

	if (!sign)
		return false;
	size_t name = (size_t)(sign - word), rest = length - name - 1;
	const char *value = sign + 1;

	if (equals("placement", word, name))
		return is_placed(row, value, rest);
	if (equals("cores", word, name))
		return equals("different", value, rest) && on_different_cores(a, c);
	if (equals("backing", word, name))
		return equals(row->backing, value, rest);
	if (equals("pages", word, name))
		return equals(row->pages, value, rest);
	if (equals("prefault", word, name))
		return equals(row->prefault, value, rest);
	if (equals("numa", word, name))
		return equals(row->numa, value, rest);
	snprintf(workers, sizeof(workers), "workers=%u", row->workers);
	return sm_at_holds(row->params, word, length, sm_analysis_pus(results)) ||
	       sm_at_holds(workers, word, length, sm_analysis_pus(results));
}

/* Whether a condition is about how many workers there are and where: it has to be met by both sides. */
static bool is_about_workers(const char *word)
{
	return strncmp(word, "workers", 7) == 0 || strncmp(word, "cores=", 6) == 0;
}

/* Only the compared variants speak for their group, and one of them is enough: another may bring its own memory. */
static bool group_has(const struct sm_analysis *a, size_t group, const char *word, size_t length, const char *left,
		      const char *right)
{
	long side[2] = { sm_analysis_case_of(a, group, left), right ? sm_analysis_case_of(a, group, right) : -1 };
	unsigned sides = 0, met = 0;

	for (unsigned i = 0; i < 2; i++) {
		if (side[i] < 0)
			continue;
		sides++;
		met += case_has(a, (size_t)side[i], word, length);
	}
	if (sides == 0)
		return case_has(a, a->group[group].first_case, word, length);
	return is_about_workers(word) ? met == sides : met > 0;
}

bool sm_analysis_matches(const struct sm_analysis *a, size_t group, const char *metric, const char *at,
			 const char *left, const char *right)
{
	const struct sm_case_row *row = &a->results->cases[a->group[group].first_case];

	if (row->derived ? !metric || strcmp(metric, row->metric) != 0 : metric != NULL)
		return false;
	if (!at)
		return true;
	at += strspn(at, " ");
	while (*at) {
		size_t length = strcspn(at, " ");

		if (!group_has(a, group, at, length, left, right))
			return false;
		at += length + strspn(at + length, " ");
	}
	return true;
}

void sm_analysis_point(const struct sm_analysis *a, size_t group, enum sm_point_detail detail, char *out, size_t size)
{
	const struct sm_case_row *row = &a->results->cases[a->group[group].first_case];
	bool has_params = strcmp(row->params, "-") != 0;
	const char *params = has_params ? row->params : "", *comma = has_params ? ", " : "";

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
