/* Checks the conditions of a claim's `at`: some run must be able to meet each. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check_private.h"
#include "plan_private.h"

#define WORD_MAX       128
#define CONDITIONS_MAX 16

/* One condition, taken apart: "workers<=4xPU". */
struct condition {
	enum sm_condition_of of;
	char name[WORD_MAX];
	char compare;      /* '<' for <=, '>' for >=, or '=' */
	const char *value; /* in `name`, after its end */
	double number;     /* of a bound; NaN: a word */
	bool in_pus;       /* the number is a multiple of the PUs */
};

static const char *sign_of(const struct condition *one)
{
	return one->compare == '=' ? "=" : one->compare == '<' ? "<=" : ">=";
}

static int unmet(const struct check_subject *on, const struct condition *one, const char *why)
{
	return check_wrong(on, "at: %s%s%s: %s", one->name, sign_of(one), one->value, why);
}

/* Parses "8" or "4xPU". */
static void parse_bound(struct condition *one)
{
	const char *rest;

	if (!sm_parse_number(one->value, &one->number, &rest) || (*rest && strcmp(rest, "xPU") != 0))
		one->number = (double)NAN;
	one->in_pus = !isnan(one->number) && *rest;
}

static int parse_condition(const struct check_subject *on, const struct sm_condition *word, struct condition *one)
{
	char *sign;

	if (word->length >= WORD_MAX)
		return check_wrong(on, "at: \"%.40s...\" is longer than a condition can be", word->word);
	snprintf(one->name, sizeof(one->name), "%.*s", (int)word->length, word->word);
	sign = strchr(one->name, '=');
	if (!sign || sign == one->name)
		return check_wrong(on, "at: \"%s\" is not a condition: write name=value, name<=value or name>=value",
				   one->name);
	one->of = word->of;
	one->value = sign + 1;
	one->compare = sign[-1] == '<' || sign[-1] == '>' ? sign[-1] : '=';
	sign[one->compare == '=' ? 0 : -1] = '\0';
	parse_bound(one);
	return 0;
}

/* Whether a doubling at entry `i` of a list comes to a number: a power of two times the value that it continues. */
static bool doubles_to(const struct sm_param *param, const struct sm_values *values, unsigned i, double number)
{
	bool begins = true; /* all values before it may need more PUs: it begins with 1 */

	if (param->max && number > (double)param->max)
		return false;
	while (begins && i-- > 0) {
		struct sm_swept before = sm_values_at(values, i);
		double from = before.kind == SM_VALUE_TIMES_LLC ? 1 : (double)before.number;
		int exponent;

		if (from > 0 && number > from && frexp(number / from, &exponent) == 0.5)
			return true;
		begins = before.from_pus > 1;
	}
	return begins && number >= 1 && frexp(number, &(int){ 0 }) == 0.5;
}

/* Whether an entry of a list is, on some machine, a number of at least or at most the condition's. */
static bool is_in_bound(const struct sm_param *param, struct sm_swept value, const struct condition *one)
{
	double number = (double)value.number;
	bool limitless = value.kind != SM_VALUE_PLAIN && (!param->max || one->number <= (double)param->max);

	switch (value.kind) {
	case SM_VALUE_DOUBLING: return false; /* its neighbours are further out */
	case SM_VALUE_PLAIN:
		return one->compare == '>' ? number >= one->number
					   : number <= one->number || (one->in_pus && one->number > 0);
	case SM_VALUE_TIMES_PUS:
		if (one->in_pus)
			return one->compare == '>' ? number >= one->number : number <= one->number;
		return one->compare == '>' ? limitless : number <= one->number;
	case SM_VALUE_TIMES_LLC: return one->compare == '>' ? limitless : one->number > 0;
	}
	return false;
}

static bool is_value(const struct sm_param *param, const struct sm_values *values, unsigned i,
		     const struct condition *one)
{
	char text[SM_TEXT_MAX];

	if (sm_values_at(values, i).kind == SM_VALUE_DOUBLING) {
		double most = (double)sm_values_at(values, i + 1).number;

		return one->in_pus ? one->number > 0 && one->number <= most : doubles_to(param, values, i, one->number);
	}
	sm_value_text(param, sm_values_at(values, i), text);
	text[strcspn(text, " ")] = '\0'; /* "2 (from 3 PUs)" */
	return sm_values_at(values, i).kind != SM_VALUE_TIMES_LLC && strcmp(text, one->value) == 0;
}

/* Fails with the values that the parameter takes. */
static int no_value(const struct check_subject *on, const struct sm_param *param, const char *value)
{
	const struct sm_values *all[] = { &param->quick, &param->standard, &param->full };
	char text[3 * CHECK_VALUES_MAX][SM_TEXT_MAX];
	struct check_names names = { .one = "value", .many = param->name };

	for (unsigned i = 0; i < 3; i++)
		for (unsigned v = 0; v < all[i]->count; v++) {
			struct sm_swept swept = sm_values_at(all[i], v);
			char *out = text[names.count];
			size_t length;

			if (swept.kind == SM_VALUE_DOUBLING || swept.kind == SM_VALUE_TIMES_LLC)
				continue; /* no condition can name it */
			sm_value_text(param, swept, out);
			length = strcspn(out, " ");
			if (!check_has(&names, out, length))
				check_add_name(&names, out, length);
		}
	return check_expect(on, names, value);
}

/* Checks that the parameter takes such a value in one of the profiles, so that some run can judge the claim. */
static int check_param_condition(const struct check_subject *on, const struct sm_param *param,
				 const struct condition *one)
{
	const struct sm_values *all[] = { &param->quick, &param->standard, &param->full };

	if (one->compare != '=' && param->labels)
		return unmet(on, one, "values with labels have no order");
	if (param->every_pu)
		return unmet(on, one, "it chooses PUs, and no case has it");
	if ((one->compare != '=' || plan_is_every(param)) && isnan(one->number))
		return unmet(on, one, "a number, or one with xPU, is expected");
	if (plan_is_every(param))
		return one->in_pus ? unmet(on, one, "the values are not numbers of PUs") : 0;
	for (unsigned i = 0; i < 3; i++)
		for (unsigned v = 0; v < all[i]->count; v++)
			if (one->compare == '=' ? is_value(param, all[i], v, one)
						: is_in_bound(param, sm_values_at(all[i], v), one))
				return 0;
	return one->compare == '=' ? no_value(on, param, one->value) : unmet(on, one, "no profile has such a value");
}

/* Whether an entry of a list meets the condition on some machine; `doubled`: the number that a doubling comes to. */
static bool meets(const struct sm_param *param, const struct sm_values *values, unsigned i, double doubled,
		  const struct condition *one)
{
	struct sm_swept value = sm_values_at(values, i);

	if (value.kind != SM_VALUE_DOUBLING)
		return one->compare == '=' ? is_value(param, values, i, one) : is_in_bound(param, value, one);
	if (one->compare == '=')
		return one->in_pus || one->number == doubled;
	value = (struct sm_swept){ .kind = SM_VALUE_PLAIN, .number = (uint64_t)doubled };
	return is_in_bound(param, value, one);
}

/* The conditions of `at`. */
struct conditions {
	struct condition one[CONDITIONS_MAX];
	unsigned count;
};

static bool meets_all(const struct sm_param *param, const struct sm_values *values, unsigned i, double doubled,
		      const struct conditions *all)
{
	for (unsigned k = 0; k < all->count; k++)
		if (strcmp(all->one[k].name, param->name) == 0 && !meets(param, values, i, doubled, &all->one[k]))
			return false;
	return true;
}

/* Whether on some machine an entry of the list meets all conditions on the parameter. */
static bool has_entry(const struct sm_param *param, const struct sm_values *values, unsigned i,
		      const struct conditions *all)
{
	if (sm_values_at(values, i).kind != SM_VALUE_DOUBLING)
		return meets_all(param, values, i, 0, all);
	for (unsigned from = 0; from <= i; from++) { /* at last from 1 */
		double number = from == i ? 1 : (double)sm_values_at(values, from).number;

		for (unsigned e = 0; number > 0 && e < 53; e++, number *= 2)
			if (doubles_to(param, values, i, number) && meets_all(param, values, i, number, all))
				return true;
	}
	return false;
}

/* Checks that one value meets all conditions on a parameter that has several. */
static int check_together(const struct check_subject *on, const struct sm_param *param, const struct conditions *all)
{
	const struct sm_values *lists[] = { &param->quick, &param->standard, &param->full };
	unsigned own = 0;

	for (unsigned k = 0; k < all->count; k++)
		own += strcmp(all->one[k].name, param->name) == 0;
	if (own < 2 || plan_is_every(param))
		return 0;
	for (unsigned l = 0; l < 3; l++)
		for (unsigned i = 0; i < lists[l]->count; i++)
			if (has_entry(param, lists[l], i, all))
				return 0;
	return check_wrong(on, "at: no profile has a value of \"%s\" that meets all its conditions", param->name);
}

/* Whether no number can meet both: one must be at least, the other at most. */
static bool excludes(const struct condition *least, const struct condition *most)
{
	return strcmp(least->name, most->name) == 0 && least->in_pus == most->in_pus && least->compare != '<' &&
	       most->compare != '>' && least->number > most->number;
}

/* Whether a number of workers from `least` to `most` meets a condition, with as many PUs as that takes. */
static bool can_be(const struct condition *one, double least, double most)
{
	if (one->in_pus && one->number > 0)
		return one->compare == '<' || one->number <= most;
	return one->compare == '<' ? least <= one->number
				   : one->number <= most && (one->compare == '>' || one->number >= least);
}

/* The bounds of the parameters whose sum is the number of workers. */
static void bound_sum(const struct sm_scenario *s, double *least, double *most)
{
	struct check_names sum = { .count = 0 };

	*least = *most = 0;
	check_add_list(&sum, s->workers_param, "+");
	for (unsigned i = 0; i < sum.count; i++)
		for (unsigned p = 0; p < plan_params(s); p++) {
			const struct sm_param *param = &s->params[p];

			if (strlen(param->name) != sum.name[i].length ||
			    strncmp(param->name, sum.name[i].text, sum.name[i].length) != 0)
				continue;
			*least += (double)param->min;
			*most += param->max ? (double)param->max : (double)INFINITY;
		}
}

/* Checks that the claim's variants, each of which must meet it, can have such a number of workers. */
static int check_workers(const struct check_subject *on, const struct condition *one)
{
	const struct sm_scenario *s = on->scenario;
	const char *right = sm_claim_compares(on->claim) ? on->claim->versus.right : on->claim->left;
	double least, most;

	if (isnan(one->number))
		return unmet(on, one, "a number, or one with xPU, is expected");
	if (one->compare != '>' && one->number <= 0)
		return unmet(on, one, "there is always a worker");
	bound_sum(s, &least, &most);
	for (const struct sm_variant *v = s->variants; v->name; v++) {
		if (strcmp(v->name, on->claim->left) != 0 && strcmp(v->name, right) != 0)
			continue;
		if (!s->workers_param)
			least = most = v->workers ? v->workers : s->workers;
		if (!can_be(one, least, most))
			return unmet(on, one, "the claim's variants never have such a number of workers");
	}
	return 0;
}

static bool is_memory(enum sm_condition_of of)
{
	return of == SM_OF_BACKING || of == SM_OF_PAGES || of == SM_OF_PREFAULT || of == SM_OF_NUMA;
}

static int check_memory_word(const struct check_subject *on, const struct condition *one)
{
	struct sm_error why = { 0 };
	struct sm_memory memory = { 0 };
	char pages[16], numa[24];
	const char *written = one->value;
	int rc = 0;

	if (!on->scenario->region_bytes)
		return unmet(on, one, "the scenario has no region");
	switch (one->of) {
	case SM_OF_BACKING: rc = sm_backing_parse(one->value, &memory.backing, &why); break;
	case SM_OF_PREFAULT: rc = sm_prefault_parse(one->value, &memory.prefault, &why); break;
	case SM_OF_PAGES:
		rc = sm_pages_parse(&sm_os_linux, one->value, &memory.pages, &why);
		written = rc == 0 ? sm_pages_name(memory.pages, pages) : written;
		break;
	default:
		rc = sm_numa_parse(one->value, &memory, &why);
		written = rc == 0 ? sm_numa_name(memory, numa) : written;
	}
	if (rc < 0)
		return check_wrong(on, "at: %s", why.text);
	return strcmp(written, one->value) == 0
		       ? 0
		       : check_wrong(on, "at: %s=%s: runs write it %s", one->name, one->value, written);
}

bool check_is_reserved(const char *name)
{
	char text[WORD_MAX];
	const char *at = text;
	struct sm_condition word;

	snprintf(text, sizeof(text), "%.100s=", name);
	return sm_condition_next(&at, &word) && word.of != SM_OF_PARAM;
}

/* Checks one condition of `at`, for example "processes<=1xPU". */
static int check_condition(const struct check_subject *on, const struct condition *one)
{
	const struct sm_scenario *s = on->scenario;

	if (one->compare != '=' && one->of != SM_OF_WORKERS && check_is_reserved(one->name))
		return unmet(on, one, "words have no order: write =");
	switch (one->of) {
	case SM_OF_WORKERS: return check_workers(on, one);
	case SM_OF_PLACEMENT: return check_expect(on, check_placements_of(s), one->value);
	case SM_OF_NODES:
		if (!s->node_params[0])
			return unmet(on, one, "the scenario has no node_params");
		return strcmp(one->value, "with-pus") == 0 ? 0 : unmet(on, one, "only \"with-pus\" is known");
	case SM_OF_CORES:
		return strcmp(one->value, "different") == 0 ? 0 : unmet(on, one, "only \"different\" is known");
	case SM_OF_BACKING:
	case SM_OF_PAGES:
	case SM_OF_PREFAULT:
	case SM_OF_NUMA: return check_memory_word(on, one);
	case SM_OF_PARAM: break;
	}
	for (unsigned p = 0; p < plan_params(s); p++)
		if (strcmp(s->params[p].name, one->name) == 0)
			return check_param_condition(on, &s->params[p], one);
	return check_expect(on, check_params_of(s), one->name);
}

/* Checks a condition against another one of the claim. */
static int check_both(const struct check_subject *on, const struct condition *one, const struct condition *other)
{
	bool elsewhere = other->of == SM_OF_PLACEMENT && strcmp(other->value, "near") != 0;

	/* one side of a comparison may have one kind of memory, and the other side the other */
	if (!is_memory(one->of) && one->compare == '=' && other->compare == '=' && strcmp(one->name, other->name) == 0)
		return check_wrong(on, "at: %s= is there twice", one->name);
	if (excludes(one, other))
		return check_wrong(on, "at: %s%s%s and %s%s%s exclude each other", one->name, sign_of(one), one->value,
				   other->name, sign_of(other), other->value);
	if (elsewhere && one->of == SM_OF_PARAM && one->compare == '=' && one->in_pus)
		return unmet(on, one, "multiples of the PUs are run only at placement=near");
	return 0;
}

int check_at(const struct check_subject *on)
{
	const struct sm_scenario *s = on->scenario;
	struct conditions all = { .count = 0 };
	const char *at = on->claim->at;
	struct sm_condition word;
	int rc = 0;

	while (rc == 0 && sm_condition_next(&at, &word)) {
		struct condition *one = &all.one[all.count];

		if (all.count == CONDITIONS_MAX)
			return check_wrong(on, "at: it has more than %d conditions", CONDITIONS_MAX);
		rc = parse_condition(on, &word, one);
		if (rc == 0)
			rc = check_condition(on, one);
		all.count++;
	}
	for (unsigned i = 0; rc == 0 && i < all.count; i++)
		for (unsigned k = 0; rc == 0 && k < all.count; k++)
			rc = k == i ? 0 : check_both(on, &all.one[i], &all.one[k]);
	for (unsigned p = 0; rc == 0 && p < plan_params(s); p++)
		rc = check_together(on, &s->params[p], &all);
	return rc;
}
