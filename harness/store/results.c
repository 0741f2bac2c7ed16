/* A run in memory: rows and the strings they point to. */
#include "shmeter/results.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Interned strings: an open-addressing table that doubles at three quarters. */
struct strings {
	char **slot;
	size_t count, room;
};

static void *or_abort(void *memory)
{
	if (!memory)
		abort(); /* a run is small: without memory for it nothing sensible is left to do */
	return memory;
}

void sm_results_init(struct sm_results *results)
{
	memset(results, 0, sizeof(*results));
	results->strings = or_abort(calloc(1, sizeof(struct strings)));
}

void sm_results_free(struct sm_results *results)
{
	struct strings *strings = results->strings;

	for (size_t i = 0; strings && i < strings->room; i++)
		free(strings->slot[i]);
	if (strings)
		free(strings->slot);
	free(strings);
	free(results->folder);
	json_decref(results->manifest);
	free(results->cases);
	free(results->samples);
	free(results->slices);
	free(results->counters);
	free(results->metrics);
	free(results->summaries);
	free(results->pairs);
	free(results->crossings);
	free(results->claims);
	memset(results, 0, sizeof(*results));
}

static size_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return (size_t)h;
}

static char **find_slot(const struct strings *strings, const char *text)
{
	size_t i = hash(text) & (strings->room - 1);

	while (strings->slot[i] && strcmp(strings->slot[i], text) != 0)
		i = (i + 1) & (strings->room - 1);
	return &strings->slot[i];
}

static void grow_strings(struct strings *strings)
{
	struct strings bigger = { .room = strings->room ? 2 * strings->room : 256 };

	bigger.slot = or_abort(calloc(bigger.room, sizeof(*bigger.slot)));
	for (size_t i = 0; i < strings->room; i++)
		if (strings->slot[i])
			*find_slot(&bigger, strings->slot[i]) = strings->slot[i];
	bigger.count = strings->count;
	free(strings->slot);
	*strings = bigger;
}

/* The slot for a text; its content is to be filled where it is NULL. */
static char **slot_for(struct strings *strings, const char *text)
{
	char **slot;

	if (4 * (strings->count + 1) > 3 * strings->room)
		grow_strings(strings);
	slot = find_slot(strings, text);
	strings->count += !*slot;
	return slot;
}

const char *sm_results_copy(struct sm_results *results, const char *text)
{
	char **slot = slot_for(results->strings, text);

	if (!*slot)
		*slot = or_abort(strdup(text));
	return *slot;
}

const char *sm_results_string(struct sm_results *results, const char *format, ...)
{
	va_list arguments;
	char *text, **slot;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		abort();
	va_end(arguments);
	slot = slot_for(results->strings, text);
	if (*slot)
		free(text);
	else
		*slot = text;
	return *slot;
}

/* Room for one more; returns the new row, zeroed. */
static void *add(void **rows, size_t *count, size_t *room, size_t size)
{
	if (*count == *room) {
		*room = *room ? 2 * *room : 64;
		*rows = or_abort(realloc(*rows, *room * size));
	}
	return memset((char *)*rows + (*count)++ * size, 0, size);
}

#define ADD(results, rows, count, room)                                                            \
	add((void **)&(results)->rows, &(results)->count, &(results)->room,                        \
	    sizeof(*(results)->rows))

struct sm_case_row *sm_results_add_case(struct sm_results *results)
{
	return ADD(results, cases, case_count, case_room);
}

struct sm_sample *sm_results_add_sample(struct sm_results *results)
{
	return ADD(results, samples, sample_count, sample_room);
}

struct sm_slice_row *sm_results_add_slice(struct sm_results *results)
{
	return ADD(results, slices, slice_count, slice_room);
}

struct sm_counter_row *sm_results_add_counter(struct sm_results *results)
{
	return ADD(results, counters, counter_count, counter_room);
}

struct sm_metric_row *sm_results_add_metric(struct sm_results *results)
{
	return ADD(results, metrics, metric_count, metric_room);
}

struct sm_summary_row *sm_results_add_summary(struct sm_results *results)
{
	return ADD(results, summaries, summary_count, summary_room);
}

struct sm_pair_row *sm_results_add_pair(struct sm_results *results)
{
	return ADD(results, pairs, pair_count, pair_room);
}

struct sm_crossing_row *sm_results_add_crossing(struct sm_results *results)
{
	return ADD(results, crossings, crossing_count, crossing_room);
}

struct sm_claim_row *sm_results_add_claim(struct sm_results *results)
{
	return ADD(results, claims, claim_count, claim_room);
}

long sm_results_find_case(const struct sm_results *results, const char *id)
{
	/* ids are interned: nearly always the pointers tell */
	for (size_t i = 0; i < results->case_count; i++)
		if (results->cases[i].id == id)
			return (long)i;
	for (size_t i = 0; i < results->case_count; i++)
		if (strcmp(results->cases[i].id, id) == 0)
			return (long)i;
	return -1;
}

static const char *const status_names[SM_STATUS_COUNT] = {
	"none", "ok", "skipped", "verify_failed", "worker_died", "timed_out", "disturbed",
};

const char *sm_status_name(enum sm_status status)
{
	return status < SM_STATUS_COUNT ? status_names[status] : "none";
}

enum sm_status sm_status_parse(const char *name)
{
	for (int i = 0; i < SM_STATUS_COUNT; i++)
		if (strcmp(status_names[i], name) == 0)
			return (enum sm_status)i;
	return SM_STATUS_NONE;
}

/* The derived case of a metric of a case, made where it is new. */
static unsigned derived_case(struct sm_results *results, unsigned of,
			     const struct sm_metric_row *metric)
{
	const char *id = sm_results_string(results, "%s#%s", results->cases[of].id, metric->metric);
	long index = sm_results_find_case(results, id);
	struct sm_case_row *c;

	if (index >= 0)
		return (unsigned)index;
	c = sm_results_add_case(results);
	*c = results->cases[of];
	c->id = id;
	c->group = sm_results_string(results, "%s#%s", c->group, metric->metric);
	c->metric = metric->metric;
	c->unit = metric->unit;
	c->transfers_per_op = c->bytes_per_op = 0;
	c->derived = true;
	return (unsigned)results->case_count - 1;
}

/* Metrics in the order of their samples' cases, so that derived cases stand as the others do. */
struct by_case {
	size_t sample;
	unsigned case_index;
	const struct sm_metric_row *metric;
};

static int in_case_order(const void *a, const void *b)
{
	const struct by_case *left = a, *right = b;

	if (left->case_index != right->case_index)
		return left->case_index < right->case_index ? -1 : 1;
	return (left->metric > right->metric) - (left->metric < right->metric);
}

/* Whether a trial ended well, whatever the analysis made of its timing since. */
static bool ended_well(const struct sm_sample *sample)
{
	return sample->status == SM_OK || sample->status == SM_DISTURBED;
}

/* Fills `out` with the metrics of trials that ended well; returns how many. */
static size_t sort_metrics(const struct sm_results *results, struct by_case *out)
{
	size_t trials = 0, count = 0;
	size_t *sample_of; /* by trial, from 1; 0: none */

	for (size_t i = 0; i < results->sample_count; i++)
		if (results->samples[i].trial >= trials)
			trials = (size_t)results->samples[i].trial + 1;
	sample_of = or_abort(calloc(trials + 1, sizeof(*sample_of)));
	for (size_t i = 0; i < results->sample_count; i++)
		sample_of[results->samples[i].trial] = i + 1;
	for (size_t i = 0; i < results->metric_count; i++) {
		const struct sm_metric_row *metric = &results->metrics[i];
		size_t of = metric->trial < trials ? sample_of[metric->trial] : 0;

		if (of-- > 0 && ended_well(&results->samples[of]))
			out[count++] =
				(struct by_case){ of, results->samples[of].case_index, metric };
	}
	free(sample_of);
	qsort(out, count, sizeof(*out), in_case_order);
	return count;
}

void sm_results_derive(struct sm_results *results)
{
	struct by_case *list = or_abort(calloc(results->metric_count + 1, sizeof(*list)));
	size_t count = sort_metrics(results, list);

	for (size_t i = 0; i < count; i++) {
		unsigned index = derived_case(results, list[i].case_index, list[i].metric);
		struct sm_sample *sample = sm_results_add_sample(results);

		*sample = results->samples[list[i].sample];
		sample->case_index = index;
		sample->derived = true;
		sample->klass = "any";
		sample->status = SM_OK;
		sample->reason = "-";
		sample->value = list[i].metric->value;
		sample->slices = sample->slices_pure = 0;
	}
	free(list);
}
