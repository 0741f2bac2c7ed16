/* A run in memory: rows and the strings they point to. */
#include "shmeter/results.h"
#include "shmeter/error.h"
#include "shmeter/memory.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The scenario that is the A/A control of every run. */
#define CONTROL "aa"

void sm_results_init(struct sm_results *results)
{
	memset(results, 0, sizeof(*results));
	results->strings = sm_zeroed_memory(1, sizeof(*results->strings));
}

void sm_results_free(struct sm_results *results)
{
	if (results->strings)
		sm_strings_free(results->strings);
	free(results->strings);
	free(results->folder);
	free(results->out);
	json_decref(results->manifest);
	json_decref(results->analysis);
	free(results->cases);
	free(results->samples);
	free(results->slices);
	free(results->counters);
	free(results->metrics);
	free(results->buckets);
	free(results->visits);
	free(results->summaries);
	free(results->pairs);
	free(results->crossings);
	free(results->claims);
	memset(results, 0, sizeof(*results));
}

const char *sm_results_copy(struct sm_results *results, const char *text)
{
	return sm_strings_copy(results->strings, text);
}

const char *sm_results_string(struct sm_results *results, const char *format, ...)
{
	va_list arguments;
	const char *text;

	va_start(arguments, format);
	text = sm_strings_format(results->strings, format, arguments);
	va_end(arguments);
	return text;
}

/* Adds a zeroed row to a growing array and returns it. */
static void *add(void **rows, size_t *count, size_t *room, size_t size)
{
	if (*count == *room) {
		*room = *room ? 2 * *room : 64;
		*rows = realloc(*rows, *room * size);
		if (!*rows)
			sm_no_memory(); /* a run is small: without memory for it the program cannot go on */
	}
	return memset((char *)*rows + (*count)++ * size, 0, size);
}

#define ADD(results, rows, count, room)                                                                                \
	add((void **)&(results)->rows, &(results)->count, &(results)->room, sizeof(*(results)->rows))

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

struct sm_bucket_row *sm_results_add_bucket(struct sm_results *results)
{
	return ADD(results, buckets, bucket_count, bucket_room);
}

struct sm_visit_row *sm_results_add_visit(struct sm_results *results)
{
	return ADD(results, visits, visit_count, visit_room);
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
	sm_name wanted = sm_name_of(id);

	for (size_t i = 0; i < results->case_count; i++)
		if (results->cases[i].id == wanted)
			return (long)i;
	return -1;
}

enum sm_unit_kind sm_unit_kind_of(const char *unit)
{
	const char *per = strchr(unit, '/');

	return strcmp(unit, "1") == 0          ? SM_UNIT_NONE
	       : strcmp(unit, "B") == 0        ? SM_UNIT_BYTES
	       : strncmp(unit, "ns", 2) == 0   ? SM_UNIT_NS
	       : per && strcmp(per, "/s") == 0 ? SM_UNIT_RATE
					       : SM_UNIT_OTHER;
}

struct sm_class_words sm_class_words(sm_name klass)
{
	double probe = strtod(klass, NULL);

	return (struct sm_class_words){
		.probe = probe > 0 ? probe : (double)NAN,
		.pace = strstr(klass, "cyc-") != NULL,
		.alone = strstr(klass, "solo") != NULL,
		.turns = strcmp(klass, "shared-pu") == 0,
	};
}

/* Makes handles of the names of a case, and sets the types that follow from the words of its metric. */
static void name_case(struct sm_case_row *row)
{
	static const char time[] = "time ", time_per[] = "time per ";
	sm_name *const names[] = { &row->id,     &row->group,       &row->scenario, &row->variant,
				   &row->params, &row->backing,     &row->pages,    &row->prefault,
				   &row->numa,   &row->file_system, &row->unit,     &row->metric };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		*names[i] = sm_name_of(*names[i]);
	if (!row->derived) {
		row->of = row->id;
		row->of_group = row->group;
	}
	row->unit_kind = row->unit ? sm_unit_kind_of(row->unit) : SM_UNIT_OTHER;
	row->per = row->metric && strncmp(row->metric, time_per, sizeof(time_per) - 1) == 0
			   ? row->metric + sizeof(time) - 1
			   : "per operation";
	row->control = row->scenario == sm_name_of(CONTROL);
}

static const char *const status_names[SM_STATUS_COUNT] = {
	"none", "ok", "skipped", "verify_failed", "worker_died", "timed_out", "disturbed", "unsettled", "saturated",
};

const char *sm_status_name(enum sm_status status)
{
	return status < SM_STATUS_COUNT ? status_names[status] : "none";
}

const char *sm_purity_name(enum sm_purity purity)
{
	static const char *const names[SM_PURITY_COUNT] = {
		[SM_PURE] = "pure",
		[SM_PIN_LOST] = "pin lost",
		[SM_INVOLUNTARY_SWITCH] = "involuntary switch",
		[SM_PROBES_DISAGREE] = "probes disagree",
		[SM_CLASS_CHANGED] = "class changed",
		[SM_PROBE_MISSING] = "probe missing",
		[SM_PACE_UNEVEN] = "pace uneven",
		[SM_PROBE_INTERRUPTED] = "probe interrupted",
		[SM_NO_TIME] = "no time passed",
		[SM_STOOD] = "stood still",
	};

	return purity < SM_PURITY_COUNT ? names[purity] : "-";
}

static double slowest(const struct sm_probes *probes)
{
	double slowest = NAN;

	for (unsigned i = 0; i < probes->count; i++)
		slowest = fmax(slowest, probes->ns[i]);
	return slowest;
}

void sm_slice_take_probes(struct sm_slice_facts *slice)
{
	struct sm_slice_row *row = &slice->row;

	row->probe_before_ns = slowest(&slice->before);
	row->probe_after_ns = slowest(&slice->after);
	row->probe_step = NAN;
	for (unsigned i = 0; i < slice->before.count && i < slice->after.count; i++) {
		double one = slice->before.ns[i], other = slice->after.ns[i];
		double step = fmax(one, other) / fmin(one, other);

		row->probe_step = fmaxf(row->probe_step, (float)step);
	}
	if (slice->cpu_ns > 0 && slice->row.ns > 0) {
		double tenths = 10.0 * (double)slice->cpu_ns / (double)slice->row.ns;

		slice->row.cpu_tenths = tenths < 1 ? 1 : tenths < UINT8_MAX ? (uint8_t)tenths : UINT8_MAX;
	}
}

double sm_sample_cpu_ns_per_op(const struct sm_sample *sample)
{
	return sample->ops ? (double)sample->cpu_ns / (double)sample->ops : (double)NAN;
}

static void name_all(sm_name *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		*names[i] = sm_name_of(*names[i]);
}

#define NAME_ALL(...)                                                                                                  \
	name_all((sm_name *const[]){ __VA_ARGS__ }, sizeof((sm_name *const[]){ __VA_ARGS__ }) / sizeof(sm_name *))

void sm_results_name(struct sm_results *results)
{
	for (size_t i = 0; i < results->case_count; i++)
		name_case(&results->cases[i]);
	for (size_t i = 0; i < results->sample_count; i++) {
		struct sm_sample *s = &results->samples[i];

		NAME_ALL(&s->pus, &s->reason, &s->found.klass, &s->found.reason);
		s->stood = strncmp(s->reason, SM_STOOD_STILL, sizeof(SM_STOOD_STILL) - 1) == 0;
	}
	for (size_t i = 0; i < results->counter_count; i++) {
		struct sm_counter_row *c = &results->counters[i];

		c->event = sm_name_of(c->event);
		c->key = sm_event_key(c->event);
	}
	for (size_t i = 0; i < results->metric_count; i++)
		NAME_ALL(&results->metrics[i].metric, &results->metrics[i].unit);
	for (size_t i = 0; i < results->summary_count; i++)
		NAME_ALL(&results->summaries[i].klass, &results->summaries[i].reason);
	for (size_t i = 0; i < results->pair_count; i++) {
		struct sm_pair_row *p = &results->pairs[i];

		NAME_ALL(&p->group, &p->scenario, &p->params, &p->placement, &p->relation, &p->metric, &p->left,
			 &p->right, &p->klass, &p->claim, &p->reason);
	}
	for (size_t i = 0; i < results->crossing_count; i++) {
		struct sm_crossing_row *c = &results->crossings[i];

		NAME_ALL(&c->scenario, &c->metric, &c->placement, &c->param, &c->left, &c->right);
	}
	for (size_t i = 0; i < results->claim_count; i++) {
		struct sm_claim_row *c = &results->claims[i];

		NAME_ALL(&c->claim, &c->scenario, &c->question, &c->evidence, &c->reason);
	}
}

/* The derived case for a metric of a case; makes it where it is new. */
static unsigned derived_case(struct sm_results *results, unsigned of, const struct sm_metric_row *metric)
{
	sm_name id = sm_name_format("%s#%s", results->cases[of].id, metric->metric);
	long index = sm_results_find_case(results, id);
	struct sm_case_row *c;

	if (index >= 0)
		return (unsigned)index;
	c = sm_results_add_case(results);
	*c = results->cases[of];
	c->id = id;
	c->group = sm_name_format("%s#%s", c->group, metric->metric);
	c->metric = metric->metric;
	c->unit = metric->unit;
	c->transfers_per_op = c->bytes_per_op = 0;
	c->derived = true;
	name_case(c);
	return (unsigned)results->case_count - 1;
}

/* Sorts metrics by the case of their sample, so that derived cases have the order of the others. */
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

/* Fills `out` with the metrics of successful trials; returns how many. */
static size_t sort_metrics(const struct sm_results *results, const struct sm_trial_place *trials, size_t trial_count,
			   struct by_case *out)
{
	size_t count = 0;

	for (size_t i = 0; i < results->metric_count; i++) {
		const struct sm_metric_row *metric = &results->metrics[i];
		long of = sm_results_sample_of(trials, trial_count, metric->trial);

		if (of >= 0 && results->samples[of].ended == SM_OK)
			out[count++] = (struct by_case){ (size_t)of, results->samples[of].case_index, metric };
	}
	qsort(out, count, sizeof(*out), in_case_order);
	return count;
}

static void derive(struct sm_results *results, const struct sm_trial_place *trials, size_t trial_count)
{
	struct by_case *list = sm_zeroed_memory(results->metric_count + 1, sizeof(*list));
	size_t count = sort_metrics(results, trials, trial_count, list);
	sm_name any = sm_name_of("any");

	for (size_t i = 0; i < count; i++) {
		unsigned index = derived_case(results, list[i].case_index, list[i].metric);
		struct sm_sample *sample = sm_results_add_sample(results);

		*sample = results->samples[list[i].sample];
		sample->case_index = index;
		sample->derived = true;
		sample->slices = 0;
		sample->found = (struct sm_value){
			.klass = any, .value = list[i].metric->value, .reason = sm_none, .status = SM_OK
		};
	}
	free(list);
}

/* Sets the values of counters that counted; a multiplexed one is extrapolated. */
static void value_counters(struct sm_results *results, const struct sm_trial_place *trials, size_t trial_count)
{
	for (size_t i = 0; i < results->counter_count; i++) {
		struct sm_counter_row *row = &results->counters[i];
		long of = sm_results_sample_of(trials, trial_count, row->trial);
		double operations = 0;

		row->value = row->state == SM_COUNTED ? (double)row->raw
			     : row->state == SM_SCALED && row->running_ns > 0
				     ? (double)row->raw * ((double)row->enabled_ns / (double)row->running_ns)
				     : (double)NAN;
		if (of >= 0)
			operations = (double)results->samples[of].ops *
				     results->cases[results->samples[of].case_index].workers;
		row->per_op = operations > 0 ? row->value / operations : (double)NAN;
	}
}

struct ranked {
	size_t rank, index;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;

	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	return (left->index > right->index) - (left->index < right->index);
}

static size_t plan_rank(const json_t *plan, const char *id)
{
	size_t i, count = json_array_size(plan);

	for (i = 0; i < count; i++) {
		const char *one = json_string_value(json_object_get(json_array_get(plan, i), "id"));

		if (one && strcmp(one, id) == 0)
			break;
	}
	return i;
}

/* Puts the measured cases into the order of the plan, not of their first trial, so that tables and figures have the
 * same order for every seed. */
static void order_cases(struct sm_results *results)
{
	const json_t *plan = json_object_get(json_object_get(results->manifest, "plan"), "cases");
	struct ranked *ranked = sm_zeroed_memory(results->case_count + 1, sizeof(*ranked));
	struct sm_case_row *cases = sm_zeroed_memory(results->case_count + 1, sizeof(*cases));
	unsigned *place = sm_zeroed_memory(results->case_count + 1, sizeof(*place));
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < results->case_count; i++)
		if (!results->cases[i].derived)
			ranked[count++] = (struct ranked){ plan_rank(plan, results->cases[i].id), i };
	qsort(ranked, count, sizeof(*ranked), by_rank);
	for (size_t i = 0; i < count; i++) {
		cases[i] = results->cases[ranked[i].index];
		place[ranked[i].index] = (unsigned)i;
	}
	for (size_t i = 0; i < results->sample_count; i++) {
		struct sm_sample sample = results->samples[i];

		if (sample.derived)
			continue;
		sample.case_index = place[sample.case_index];
		results->samples[kept++] = sample;
	}
	results->sample_count = kept;
	free(results->cases);
	results->cases = cases;
	results->case_room = results->case_count + 1;
	results->case_count = count;
	free(ranked);
	free(place);
}

int sm_results_prepare(struct sm_results *results, struct sm_error *err)
{
	struct sm_trial_place *trials;
	size_t trial_count;

	for (size_t i = 0; i < results->sample_count; i++)
		if (results->samples[i].case_index >= results->case_count)
			return sm_fail(err, EBADMSG,
				       "trial %u names a case that the run does not have; the run "
				       "folder is damaged",
				       results->samples[i].trial);
	results->summary_count = results->pair_count = 0;
	results->crossing_count = results->claim_count = 0;
	order_cases(results);
	sm_results_name(results);
	for (size_t i = 0; i < results->sample_count; i++) {
		struct sm_sample *sample = &results->samples[i];

		sample->behind = false;
		sample->found = (struct sm_value){
			.klass = sm_none,
			.value = (double)NAN,
			.reason = sample->reason,
			.status = sample->ended,
		};
	}
	for (size_t i = 0; i < results->slice_count; i++) {
		results->slices[i].klass = sm_none;
		results->slices[i].purity = SM_PURE;
	}
	trials = sm_results_trials(results, &trial_count);
	value_counters(results, trials, trial_count);
	derive(results, trials, trial_count);
	free(trials);
	return 0;
}

struct sm_sample *sm_results_take(struct sm_results *results, const struct sm_case_row *c,
				  const struct sm_sample *sample)
{
	long index = sm_results_find_case(results, c->id);
	struct sm_case_row *row;
	struct sm_sample *taken;

	if (index < 0) {
		index = (long)results->case_count;
		row = sm_results_add_case(results);
		*row = *c;
		name_case(row);
	}
	/* A skipped trial has no seats: a later trial may know the relation. */
	row = &results->cases[index];
	if (row->relation == SM_PLACE_UNSET)
		row->relation = c->relation;
	taken = sm_results_add_sample(results);
	*taken = *sample;
	taken->case_index = (unsigned)index;
	return taken;
}
