/* Replaces the size of the base page in names, texts and counts of a scenario. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/intern.h"
#include "shmeter/memory.h"
#include "shmeter/scenario.h"
#include "shmeter/text.h"

/* A size in the two ways in which a scenario has it. */
struct size {
	uint64_t bytes;
	char name[16];           /* "16k" */
	char words[SM_TEXT_MAX]; /* "16 KiB" */
	bool used;
};

static const char written_name[] = "4k", written_words[] = "4 KiB";

static void *copy_of(const void *from, size_t count, size_t size)
{
	void *to = sm_memory(count * size);

	memcpy(to, from, count * size);
	return to;
}

/* "shared_4k": "shared_16k"; other names stay as they are. */
static void adapt_name(const char **name, struct size *size)
{
	size_t length = *name ? strlen(*name) : 0, end = sizeof(written_name) - 1;
	char text[256];

	if (length < end || strcmp(*name + length - end, written_name) != 0 ||
	    (length > end && (*name)[length - end - 1] != '_'))
		return;
	snprintf(text, sizeof(text), "%.*s%s", (int)(length - end), *name, size->name);
	*name = sm_name_of(text);
	size->used = true;
}

/* Every "4 KiB" of a text, but not that of "64 KiB". */
static void adapt_text(const char **text, struct size *size)
{
	const char *at = *text, *found;
	char *out, *end;
	size_t most;

	if (!at || !strstr(at, written_words))
		return;
	most = strlen(at) * 2 + 1; /* a size is at most twice as long as it was: "64 KiB" */
	out = end = sm_memory(most);
	while ((found = strstr(at, written_words))) {
		bool whole = found == *text || !isdigit((unsigned char)found[-1]);

		end += snprintf(end, most - (size_t)(end - out), "%.*s%s", (int)(found - at), at,
				whole ? size->words : written_words);
		size->used |= whole;
		at = found + sizeof(written_words) - 1;
	}
	snprintf(end, most - (size_t)(end - out), "%s", at);
	*text = sm_name_of(out);
	free(out);
}

static void adapt_metric(struct sm_metric *metric, struct size *size)
{
	adapt_text(&metric->name, size);
}

static void adapt_variants(struct sm_scenario *scenario, struct size *size)
{
	struct sm_variant *variant;
	size_t count = 0;

	while (scenario->variants[count++].name)
		;
	scenario->variants = variant = copy_of(scenario->variants, count, sizeof(*variant));
	for (; variant->name; variant++) {
		struct sm_pages *pages = &variant->memory.pages;

		adapt_name(&variant->name, size);
		adapt_text(&variant->summary, size);
		if (pages->kind == SM_PAGES_BASE && pages->bytes == SM_PAGES_WRITTEN) {
			pages->bytes = size->bytes;
			size->used = true;
		}
	}
}

static void adapt_claim(struct sm_claim *claim, struct size *size)
{
	double factor = claim->by_page ? (double)size->bytes / SM_PAGES_WRITTEN : 1;

	adapt_text(&claim->text, size);
	adapt_text(&claim->source, size);
	adapt_text(&claim->question, size);
	adapt_text(&claim->caveat, size);
	adapt_name(&claim->left, size);
	if (claim->kind == SM_CLAIM_RATIO || claim->kind == SM_CLAIM_DIFFERENCE) {
		adapt_name(&claim->versus.right, size);
		adapt_text(&claim->versus.metric, size);
	} else if (claim->kind == SM_CLAIM_COUNT) {
		claim->count.per_op *= factor;
	} else if (claim->kind == SM_CLAIM_METRIC) {
		claim->metric.min *= factor;
		claim->metric.max *= factor;
	}
	size->used |= claim->by_page;
}

static void adapt_claims(struct sm_scenario *scenario, struct size *size)
{
	struct sm_claim *claim;
	size_t count = 0;

	if (!scenario->claims)
		return;
	while (scenario->claims[count++].id)
		;
	scenario->claims = claim = copy_of(scenario->claims, count, sizeof(*claim));
	for (; claim->id; claim++)
		adapt_claim(claim, size);
}

static void adapt_rest(struct sm_scenario *scenario, struct size *size)
{
	adapt_text(&scenario->question, size);
	adapt_text(&scenario->summary, size);
	adapt_text(&scenario->why, size);
	adapt_metric(&scenario->metric, size);
	for (unsigned i = 0; i < SM_MORE_MAX; i++)
		adapt_metric(&scenario->more[i], size);
	for (unsigned i = 0; i < SM_EXPECTED_MAX; i++) {
		struct sm_expected *expected = &scenario->expected[i];

		adapt_name(&expected->variant, size);
		if (expected->by_page) {
			expected->per_op *= (double)size->bytes / SM_PAGES_WRITTEN;
			size->used = true;
		}
	}
	/* Where the operations are the pages of a region, one of less than a page has none. */
	for (unsigned i = 0; scenario->fixed_ops && i < SM_PARAMS_MAX && scenario->params[i].name; i++) {
		struct sm_param *param = &scenario->params[i];

		if (strcmp(param->name, "bytes") == 0 && param->min > 0 && param->min < size->bytes) {
			param->min = size->bytes;
			size->used = true;
		}
	}
}

const struct sm_scenario *sm_scenario_with_pages(const struct sm_scenario *scenario, uint64_t page_bytes)
{
	struct size size = { .bytes = page_bytes };
	struct sm_scenario *adapted;

	if (page_bytes == SM_PAGES_WRITTEN)
		return scenario;
	sm_pages_name((struct sm_pages){ SM_PAGES_BASE, page_bytes }, size.name);
	sm_format_bytes(size.words, (double)page_bytes);
	adapted = copy_of(scenario, 1, sizeof(*adapted));
	adapt_variants(adapted, &size);
	adapt_claims(adapted, &size);
	adapt_rest(adapted, &size);
	if (size.used)
		return adapted;
	free((void *)(uintptr_t)adapted->variants);
	free((void *)(uintptr_t)adapted->claims);
	free(adapted);
	return scenario;
}
