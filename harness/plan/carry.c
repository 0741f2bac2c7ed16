/* Copies a scenario deeply.  The same code runs on both sides: in the child it collects what lies in the plug-in, and in the
 * parent it checks what the child collected, because the plug-in could write there. */
#include "carry.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check_private.h"

#define TEXT_MOST 4000
#define ALIGNMENT 16

static bool refuse(struct carry *carry, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(struct carry *carry, const char *format, ...)
{
	char text[SM_ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	sm_fail(carry->err, EBADMSG, "scenario %s: %s", carry->name, text);
	return false;
}

/* Where `bytes` bytes of the source can be read.  NULL: not in its memory. */
static const void *look(struct carry *carry, const void *at, size_t bytes)
{
	size_t offset = (uintptr_t)at - (uintptr_t)carry->base;

	if (!carry->from)
		return at;
	if (offset > carry->bytes || bytes > carry->bytes - offset) {
		refuse(carry, "its description points outside itself");
		return NULL;
	}
	return carry->from + offset;
}

/* Room for a part of the copy. */
static void *place(struct carry *carry, size_t bytes)
{
	size_t at = (carry->used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	if (at > carry->room || bytes > carry->room - at) {
		refuse(carry, "its texts and lists take more than %zu bytes", carry->room);
		return NULL;
	}
	carry->used = at + bytes;
	return carry->to + at;
}

/* Replaces a pointer to `bytes` bytes by one to a copy of them. */
static bool take(struct carry *carry, const void **pointer, size_t bytes)
{
	const void *from = look(carry, *pointer, bytes);
	void *to = from ? place(carry, bytes) : NULL;

	if (!to)
		return false;
	memcpy(to, from, bytes);
	*pointer = to;
	return true;
}

static bool take_text(struct carry *carry, const char **text, const char *what)
{
	const char *from = *text ? look(carry, *text, 1) : NULL;
	size_t most = TEXT_MOST + 1, length;

	if (!*text || !from)
		return !*text;
	if (carry->from && (size_t)(carry->from + carry->bytes - from) < most)
		most = (size_t)(carry->from + carry->bytes - from);
	length = strnlen(from, most);
	if (length == most)
		return refuse(carry, "the %s is longer than %d characters", what, TEXT_MOST);
	return take(carry, (const void **)text, length + 1);
}

/* Replaces a pointer to a list, whose entries begin with a pointer that is NULL in the last one.  Sets the number of
 * entries before that. */
static bool take_list(struct carry *carry, const void **list, size_t size, const char *what, unsigned *count)
{
	const char *at = *list, *entry;
	void *first;

	*count = 0;
	if (!at)
		return true;
	for (;; ++*count) {
		if (*count == SM_LIST_MAX)
			return refuse(carry, "the list of %s does not end, or has %d and more", what, SM_LIST_MAX);
		entry = look(carry, at + *count * size, size);
		if (!entry)
			return false;
		memcpy(&first, entry, sizeof(first));
		if (!first)
			return take(carry, list, (*count + 1) * size);
	}
}

static bool is_memory(const struct sm_memory *memory)
{
	bool sized = memory->pages.kind == SM_PAGES_MULTI || memory->pages.kind == SM_PAGES_HUGETLB;
	uint64_t bytes = memory->pages.bytes;

	if (sized && (bytes < 4096 || (bytes & (bytes - 1)) != 0))
		return false;
	return memory->backing < SM_BACKING_COUNT && memory->pages.kind <= SM_PAGES_HUGETLB &&
	       memory->prefault < SM_PREFAULT_COUNT && memory->numa < SM_NUMA_COUNT;
}

static bool take_variants(struct carry *carry, struct sm_scenario *s)
{
	struct sm_variant *variant;
	unsigned count;
	bool good = take_list(carry, (const void **)&s->variants, sizeof(*s->variants), "variants", &count);

	if (good && !s->variants)
		return refuse(carry, "it has no variant");
	variant = (struct sm_variant *)(uintptr_t)s->variants;
	for (unsigned i = 0; good && i < count; i++, variant++) {
		good = take_text(carry, &variant->name, "name of a variant") &&
		       take_text(carry, &variant->summary, "summary of a variant");
		if (good && !is_memory(&variant->memory))
			return refuse(carry, "variant \"%s\" asks for memory of an unknown kind or page size",
				      variant->name);
		if (good && variant->workers > CHECK_WORKERS_MAX)
			return refuse(carry, "variant \"%s\" has %u workers; at most %u are possible", variant->name,
				      variant->workers, CHECK_WORKERS_MAX);
		if (good && variant->plugged)
			return refuse(carry, "variant \"%s\" sets `plugged`, which is the harness'", variant->name);
	}
	return good;
}

static bool take_claim(struct carry *carry, struct sm_claim *claim)
{
	bool good = take_text(carry, &claim->id, "name of a claim") &&
		    take_text(carry, &claim->text, "text of a claim") &&
		    take_text(carry, &claim->source, "source of a claim") &&
		    take_text(carry, &claim->question, "question of a claim") &&
		    take_text(carry, &claim->at, "conditions of a claim") &&
		    take_text(carry, &claim->control, "control of a claim") &&
		    take_text(carry, &claim->needs, "needs of a claim") &&
		    take_text(carry, &claim->caveat, "caveat of a claim") &&
		    take_text(carry, &claim->left, "variant of a claim");

	if (!good)
		return false;
	switch (claim->kind) {
	case SM_CLAIM_RATIO:
	case SM_CLAIM_DIFFERENCE:
		return take_text(carry, &claim->versus.right, "variant of a claim") &&
		       take_text(carry, &claim->versus.metric, "metric of a claim") &&
		       take_text(carry, &claim->versus.holds, "metric of a claim");
	case SM_CLAIM_COUNT: return take_text(carry, &claim->count.event, "event of a claim");
	case SM_CLAIM_METRIC: return take_text(carry, &claim->metric.name, "metric of a claim");
	case SM_CLAIM_ORDER:
	case SM_CLAIM_UNSET: break;
	}
	return true; /* of no kind: the check says so */
}

static bool take_claims(struct carry *carry, struct sm_scenario *s)
{
	unsigned count;
	bool good = take_list(carry, (const void **)&s->claims, sizeof(*s->claims), "claims", &count);

	for (unsigned i = 0; good && i < count; i++)
		good = take_claim(carry, (struct sm_claim *)(uintptr_t)&s->claims[i]);
	return good;
}

static bool take_corners(struct carry *carry, struct sm_scenario *s)
{
	struct sm_corners *corners;
	bool good = true;

	if (!s->corners)
		return true;
	if (!take(carry, (const void **)&s->corners, sizeof(*s->corners)))
		return false;
	corners = (struct sm_corners *)(uintptr_t)s->corners;
	for (unsigned i = 0; good && i < 2; i++)
		good = take_text(carry, &corners->row[i], "name of a corner") &&
		       take_text(carry, &corners->column[i], "name of a corner") &&
		       take_text(carry, &corners->variant[i][0], "variant of a corner") &&
		       take_text(carry, &corners->variant[i][1], "variant of a corner");
	return good;
}

static bool take_values(struct carry *carry, struct sm_values *values, const char *param)
{
	unsigned entries = values->count - values->plain_count;

	if (values->count > CHECK_VALUES_MAX || values->plain_count > values->count ||
	    (values->plain_count && !values->plain) || (entries && !values->entry))
		return refuse(carry, "a list of values of parameter \"%s\" is not as SM_VALUES() makes it", param);
	values->plain = values->plain_count ? values->plain : NULL;
	values->entry = entries ? values->entry : NULL;
	return (!values->plain || take(carry, (const void **)&values->plain, values->plain_count * sizeof(uint64_t))) &&
	       (!entries || take(carry, (const void **)&values->entry, entries * sizeof(*values->entry)));
}

static bool take_params(struct carry *carry, struct sm_scenario *s)
{
	for (unsigned i = 0; i < SM_PARAMS_MAX && s->params[i].name; i++) {
		struct sm_param *param = &s->params[i];
		const char **label;
		unsigned count;

		if (!take_text(carry, &param->name, "name of a parameter") ||
		    !take_text(carry, &param->unit, "unit of a parameter") ||
		    !take_text(carry, &param->summary, "summary of a parameter") ||
		    !take_list(carry, (const void **)&param->labels, sizeof(*param->labels), "labels", &count) ||
		    !take_values(carry, &param->quick, param->name) ||
		    !take_values(carry, &param->standard, param->name) ||
		    !take_values(carry, &param->full, param->name))
			return false;
		label = (const char **)(uintptr_t)param->labels;
		for (unsigned k = 0; k < count; k++)
			if (!take_text(carry, &label[k], "label of a parameter"))
				return false;
		if (param->every_node > SM_NODES_WITH_MEMORY)
			return refuse(carry, "parameter \"%s\" takes nodes of an unknown kind", param->name);
	}
	return true;
}

static bool take_metrics(struct carry *carry, struct sm_scenario *s)
{
	bool good = take_text(carry, &s->metric.name, "name of the metric") &&
		    take_text(carry, &s->metric.unit, "unit of the metric");
	unsigned more = 0, expected = 0;

	while (more < SM_MORE_MAX && s->more[more].name)
		more++;
	while (expected < SM_EXPECTED_MAX && s->expected[expected].event)
		expected++;
	/* what stands behind the end of a list is not copied, so its pointers are not followed */
	memset(s->more + more, 0, (SM_MORE_MAX - more) * sizeof(s->more[0]));
	memset(s->expected + expected, 0, (SM_EXPECTED_MAX - expected) * sizeof(s->expected[0]));
	for (unsigned i = 0; good && i < more; i++)
		good = take_text(carry, &s->more[i].name, "name of a metric") &&
		       take_text(carry, &s->more[i].unit, "unit of a metric");
	for (unsigned i = 0; good && i < expected; i++)
		good = take_text(carry, &s->expected[i].variant, "variant of a count") &&
		       take_text(carry, &s->expected[i].event, "event of a count");
	return good && take_text(carry, &s->achieved, "metric of the achieved rate") &&
	       take_text(carry, &s->events, "list of events");
}

static bool take_texts(struct carry *carry, struct sm_scenario *s)
{
	return take_text(carry, &s->family, "family") && take_text(carry, &s->question, "question") &&
	       take_text(carry, &s->summary, "summary") && take_text(carry, &s->why, "why") &&
	       take_text(carry, &s->workers_param, "workers_param") &&
	       take_text(carry, &s->node_params[0], "first of node_params") &&
	       take_text(carry, &s->node_params[1], "second of node_params") &&
	       take_text(carry, &s->pair_params[0], "first of pair_params") &&
	       take_text(carry, &s->pair_params[1], "second of pair_params");
}

/* What the check of shmeter's own scenarios leaves to the compiler. */
static bool check_rest(struct carry *carry, const struct sm_scenario *s)
{
	if (s->plugs)
		return refuse(carry, "it takes transports or locks of plug-ins; only shmeter's own scenarios can");
	if (s->plugged)
		return refuse(carry, "it sets `plugged`, which is the harness'");
	if (!is_memory(&s->memory))
		return refuse(carry, "it asks for memory of an unknown kind or page size");
	if ((s->memory.numa == SM_BIND_FIRST || s->memory.numa == SM_BIND_SECOND) && !s->node_params[0])
		return refuse(carry, "it binds memory to a node of `node_params`, and names none there");
	if (s->workers > CHECK_WORKERS_MAX)
		return refuse(carry, "it has %u workers; at most %u are possible", s->workers, CHECK_WORKERS_MAX);
	if (s->subject > SM_COLD || s->ends > SM_FIRST_DONE_OR_CLOCK)
		return refuse(carry, "its `subject` or `ends` is none of scenario.h");
	return true;
}

struct sm_scenario *carry_scenario(struct carry *carry, const struct sm_scenario *source)
{
	const void *at = source;
	struct sm_scenario *s;

	carry->name = "without a name";
	if (!source) {
		refuse(carry, "the list has a NULL in it");
		return NULL;
	}
	if (!take(carry, &at, sizeof(*s)))
		return NULL;
	s = (struct sm_scenario *)(uintptr_t)at;
	if (!take_text(carry, &s->name, "name"))
		return NULL;
	if (s->name)
		carry->name = s->name;
	return take_texts(carry, s) && check_rest(carry, s) && take_variants(carry, s) && take_params(carry, s) &&
			       take_claims(carry, s) && take_corners(carry, s) && take_metrics(carry, s)
		       ? s
		       : NULL;
}
