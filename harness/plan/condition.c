/* The conditions of a claim's or a gate's `at`. */
#include <string.h>

#include "shmeter/plan.h"

/* Keys of conditions that are not names of parameters. */
static const struct {
	const char *key;
	enum sm_condition_of of;
} keys[] = {
	{ "placement", SM_OF_PLACEMENT }, { "cores", SM_OF_CORES },       { "backing", SM_OF_BACKING },
	{ "pages", SM_OF_PAGES },         { "prefault", SM_OF_PREFAULT }, { "numa", SM_OF_NUMA },
	{ "nodes", SM_OF_NODES },         { "workers", SM_OF_WORKERS },   { "workers<", SM_OF_WORKERS },
	{ "workers>", SM_OF_WORKERS },
};

static enum sm_condition_of kind_of(const char *key, size_t length)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strlen(keys[i].key) == length && memcmp(keys[i].key, key, length) == 0)
			return keys[i].of;
	return SM_OF_PARAM;
}

bool sm_condition_next(const char **at, struct sm_condition *out)
{
	char value[128];
	const char *sign;

	if (!*at)
		return false;
	*at += strspn(*at, " ");
	*out = (struct sm_condition){ .word = *at, .length = strcspn(*at, " ") };
	if (out->length == 0)
		return false;
	*at += out->length;
	sign = memchr(out->word, '=', out->length);
	if (!sign)
		return true; /* not a condition: never met */
	out->of = kind_of(out->word, (size_t)(sign - out->word));
	if (out->of != SM_OF_PARAM && out->of != SM_OF_WORKERS) {
		snprintf(value, sizeof(value), "%.*s", (int)(*at - sign - 1), sign + 1);
		out->value = sm_name_of(value);
	}
	return true;
}

bool sm_at_asks(const char *at, enum sm_condition_of of, const char *value)
{
	sm_name wanted = sm_name_of(value);
	struct sm_condition one;

	while (sm_condition_next(&at, &one))
		if (one.of == of && one.value == wanted)
			return true;
	return false;
}

bool sm_condition_holds(const struct sm_condition *condition, const char *params, unsigned pus)
{
	return sm_at_holds(params, condition->word, condition->length, pus);
}
