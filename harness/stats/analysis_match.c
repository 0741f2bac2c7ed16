/* Which groups a claim's `at` names, and how a group is named to people. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "analysis_parts.h"
#include "shmeter/plan.h"
#include "shmeter/topology.h"

static bool equals(const char *text, const char *value, size_t length)
{
	return strlen(text) == length && strncmp(text, value, length) == 0;
}

unsigned sm_analysis_pus(const struct sm_results *results)
{
	return (unsigned)json_integer_value(
		json_object_get(json_object_get(results->manifest, "environment"), "pus"));
}

/* `near` is a wish: on one core its workers take turns.  A case that was never seated may have been meant. */
static bool on_different_cores(const struct sm_case_row *row)
{
	enum sm_placement relation = sm_placement_parse(row->relation);

	return strcmp(row->relation, "-") == 0 ||
	       (relation != SM_PLACE_UNSET && relation != SM_PLACE_SAME_CORE &&
		relation != SM_PLACE_SMT);
}

/* On a machine of one PU whatever was asked for is got as taking turns on it, which is another thing. */
static bool is_placed(const struct sm_case_row *row, const char *value, size_t length)
{
	return equals(row->relation, value, length) ||
	       (equals(row->placement, value, length) &&
		sm_placement_parse(row->relation) != SM_PLACE_SAME_CORE);
}

/* Whether one case meets one condition ("message=64", "workers<=1xPU"). */
static bool case_has(const struct sm_results *results, const struct sm_case_row *row,
		     const char *word, size_t length)
{
	const char *sign = memchr(word, '=', length);
	char workers[32];

	if (!sign)
		return false;
	size_t name = (size_t)(sign - word), rest = length - name - 1;
	const char *value = sign + 1;

	if (equals("placement", word, name))
		return is_placed(row, value, rest);
	if (equals("cores", word, name))
		return equals("different", value, rest) && on_different_cores(row);
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

/* Only the compared variants speak for their group: another may bring its own memory. */
static bool group_has(const struct sm_analysis *a, size_t group, const char *word, size_t length,
		      const char *left, const char *right)
{
	long side[2] = { sm_analysis_case_of(a, group, left),
			 right ? sm_analysis_case_of(a, group, right) : -1 };
	bool any = false;

	for (unsigned i = 0; i < 2; i++) {
		if (side[i] < 0)
			continue;
		any = true;
		if (case_has(a->results, &a->results->cases[side[i]], word, length))
			return true;
	}
	return !any &&
	       case_has(a->results, &a->results->cases[a->group[group].first_case], word, length);
}

bool sm_analysis_matches(const struct sm_analysis *a, size_t group, const char *metric,
			 const char *at, const char *left, const char *right)
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

void sm_analysis_point(const struct sm_analysis *a, size_t group, enum sm_point_detail detail,
		       char *out, size_t size)
{
	const struct sm_case_row *row = &a->results->cases[a->group[group].first_case];
	bool has_params = strcmp(row->params, "-") != 0;
	const char *params = has_params ? row->params : "", *comma = has_params ? ", " : "";

	if (detail == SM_POINT_MEMORY)
		snprintf(out, size, "%s%s%s, %s %s %s", params, comma, row->placement, row->backing,
			 row->pages, row->prefault);
	else if (detail == SM_POINT_PLACEMENT || !has_params)
		snprintf(out, size, "%s%s%s", params, comma, row->placement);
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
