/* Block values of a run. */
#include "digest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/error.h"
#include "shmeter/memory.h"
#include "shmeter/store.h"

/* The distance of two classes of different runs: |ln| of the ratio of the probes in their names; infinite where they
 * are different classes. */
static double apart(sm_name one, sm_name other)
{
	const struct sm_class_words x = sm_class_words(one), y = sm_class_words(other);
	double distance = fabs(log(x.probe / y.probe));

	if (one == other)
		return 0;
	/* NaN for names without a number */
	return distance <= log(x.pace && y.pace ? DIGEST_SAME_PACE : DIGEST_SAME_CLASS) ? distance : (double)INFINITY;
}

bool sm_same_class(sm_name one, sm_name other)
{
	return isfinite(apart(one, other));
}

static double number(const json_t *manifest, const char *object, const char *key)
{
	const json_t *value = json_object_get(json_object_get(manifest, object), key);

	return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* Takes the blocks of a case in one class. */
static int take_class(const struct sm_analysis *a, size_t c, sm_name klass, struct digest_class *out,
		      struct sm_error *err)
{
	const struct sm_case_view *view = &a->case_view[c];

	out->name = klass;
	out->block = malloc((view->count + 1) * sizeof(*out->block));
	out->ln = malloc((view->count + 1) * sizeof(*out->ln));
	if (!out->block || !out->ln)
		return sm_fail(err, ENOMEM, "no memory for %zu blocks", view->count);
	for (size_t i = view->first; i < view->first + view->count; i++) {
		const struct sm_cell *cell = sm_analysis_cell(a, a->sample_order[i], klass);

		if (!cell || !(cell->value > 0))
			continue;
		out->block[out->count] = a->results->samples[a->sample_order[i]].block;
		out->ln[out->count++] = log(cell->value);
	}
	out->block = realloc(out->block, (out->count + 1) * sizeof(*out->block));
	out->ln = realloc(out->ln, (out->count + 1) * sizeof(*out->ln));
	return out->block && out->ln ? 0 : sm_fail(err, ENOMEM, "no memory for the blocks");
}

static int take_case(const struct sm_analysis *a, size_t c, struct digest_case *out, struct sm_error *err)
{
	const struct sm_group_view *group = &a->group[a->case_view[c].group];
	const struct sm_case_row *row = &a->results->cases[c];
	char where[512];
	int rc = 0;

	sm_analysis_point(a, a->case_view[c].group, SM_POINT_PLACEMENT, where, sizeof(where));
	out->id = row->id;
	out->name = sm_name_format("%s/%s", row->scenario, row->variant);
	out->group = row->group;
	out->variant = row->variant;
	out->control = row->control;
	out->per = sm_name_of(row->per);
	out->where = sm_name_of(where);
	out->steal_percent = group->steal_percent;
	out->throttled_percent = group->throttled_percent;
	for (unsigned k = 0; rc == 0 && !row->derived && k < group->classes; k++) {
		rc = take_class(a, c, group->klass[k].klass, &out->klass[out->classes], err);
		out->classes++;
	}
	return rc;
}

static sm_name identity(const json_t *manifest, const char *key)
{
	const char *text = json_string_value(json_object_get(json_object_get(manifest, "identity"), key));

	return text && *text ? sm_name_of(text) : sm_none;
}

static sm_name begun(const json_t *manifest)
{
	const char *start = json_string_value(json_object_get(manifest, "started_utc"));
	const char *seed = json_string_value(json_object_get(manifest, "seed"));

	/* hosts of a pool may begin in one second with a seed that is given */
	return start && seed ? sm_name_format("%s %s %s", start, seed, identity(manifest, "host")) : sm_none;
}

double digest_floor(const struct sm_digest *digest, const struct digest_case *c, sm_name against)
{
	const json_t *one = json_object_get(digest->floors, c->id);
	const json_t *floor = against == sm_none ? json_object_get(one, "time")
						 : json_object_get(json_object_get(one, "ratio"), against);
	double factor = json_number_value(floor); /* 0 where it is no number */

	return factor >= 1 ? factor : (double)NAN;
}

bool sm_digest_is_of(const struct sm_digest *digest, const json_t *manifest)
{
	return digest->begun != sm_none && digest->begun == begun(manifest);
}

static struct digest_machine machine_of(const json_t *manifest)
{
	return (struct digest_machine){ identity(manifest, "type"), identity(manifest, "host") };
}

static enum sm_likeness likeness(struct digest_machine one, struct digest_machine other)
{
	if (one.type == sm_none || one.type != other.type)
		return SM_OTHER_TYPE;
	return one.host != sm_none && one.host == other.host ? SM_SAME_HOST : SM_SAME_TYPE;
}

enum sm_likeness sm_digest_likeness(const struct sm_digest *one, const struct sm_digest *other)
{
	return likeness(one->machine, other->machine);
}

enum sm_likeness sm_digest_likeness_to(const struct sm_digest *one, const json_t *manifest)
{
	return likeness(one->machine, machine_of(manifest));
}

const char *sm_likeness_words(enum sm_likeness likeness)
{
	return likeness == SM_SAME_HOST   ? "of the same host"
	       : likeness == SM_SAME_TYPE ? "of another host of the same type"
					  : "of another type of machine";
}

int digest_of(struct sm_digest **out, const struct sm_analysis *a, struct sm_error *err)
{
	const json_t *manifest = a->results->manifest;
	struct sm_digest *digest = calloc(1, sizeof(*digest));
	int rc = 0;

	*out = digest;
	if (!digest)
		return sm_fail(err, ENOMEM, "no memory for a digest");
	digest->cases = calloc(a->results->case_count + 1, sizeof(*digest->cases));
	if (!digest->cases)
		return sm_fail(err, ENOMEM, "no memory for %zu cases", a->results->case_count);
	digest->machine = machine_of(manifest);
	digest->others_percent = number(manifest, "noise", "others_percent");
	digest->floor_time = number(manifest, "noise_floor", "time");
	digest->floor_ratio = number(manifest, "noise_floor", "ratio");
	digest->floors = json_incref(json_object_get(json_object_get(manifest, "noise_floor"), "cases"));
	digest->begun = begun(manifest);
	digest->folder = a->results->folder ? sm_name_of(a->results->folder) : sm_none;
	digest->control_moved = a->control.moved;
	for (size_t c = 0; rc == 0 && c < a->results->case_count; c++)
		rc = take_case(a, c, &digest->cases[digest->count++], err);
	return rc;
}

int sm_digest_make(struct sm_digest **out, struct sm_results *run, const struct sm_scenario *const *scenarios,
		   size_t scenario_count, struct sm_error *err)
{
	struct sm_analysis a = { .results = run, .scenarios = scenarios, .scenario_count = scenario_count };
	int rc = sm_analysis_open(&a, err);

	*out = NULL;
	if (rc == 0)
		rc = sm_analysis_slices(&a, err);
	if (rc == 0)
		rc = sm_analysis_control(&a, err);
	if (rc == 0)
		rc = digest_of(out, &a, err);
	sm_analysis_close(&a);
	if (rc < 0) {
		sm_digest_free(*out);
		*out = NULL;
	}
	return rc;
}

int sm_digest_load(struct sm_digest **out, const char *folder, const struct sm_scenario *const *scenarios,
		   size_t scenario_count, struct sm_error *err)
{
	struct sm_results run;
	int rc;

	*out = NULL;
	sm_results_init(&run);
	rc = sm_store_load(&run, folder, err);
	if (rc == 0)
		rc = sm_digest_make(out, &run, scenarios, scenario_count, err);
	sm_results_free(&run);
	return rc;
}

void sm_digest_free(struct sm_digest *digest)
{
	if (!digest)
		return;
	for (size_t c = 0; c < digest->count; c++) {
		struct digest_case *one = &digest->cases[c];

		for (unsigned k = 0; k < one->classes; k++) {
			free(one->klass[k].block);
			free(one->klass[k].ln);
		}
	}
	json_decref(digest->floors);
	free(digest->cases);
	free(digest);
}

long digest_case_of(const struct sm_digest *digest, sm_name id)
{
	for (size_t c = 0; c < digest->count; c++)
		if (digest->cases[c].id == id)
			return (long)c;
	return -1;
}

const struct digest_class *digest_class_named(const struct digest_case *c, sm_name klass)
{
	for (unsigned k = 0; k < c->classes; k++)
		if (c->klass[k].count > 0 && c->klass[k].name == klass)
			return &c->klass[k];
	return NULL;
}

const struct digest_class *digest_class_like(const struct digest_case *c, sm_name klass)
{
	const struct digest_class *found = NULL;
	double nearest = INFINITY;

	for (unsigned k = 0; k < c->classes; k++) {
		double distance = apart(c->klass[k].name, klass);

		if (c->klass[k].count > 0 && distance < nearest) {
			nearest = distance;
			found = &c->klass[k];
		}
	}
	return found;
}

size_t digest_values(const struct digest_class *one, const struct digest_class *against, double *out)
{
	size_t count = 0;

	if (!against) {
		memcpy(out, one->ln, one->count * sizeof(*out));
		return one->count;
	}
	for (size_t i = 0, j = 0; i < one->count && j < against->count;) {
		if (one->block[i] < against->block[j])
			i++;
		else if (one->block[i] > against->block[j])
			j++;
		else
			out[count++] = one->ln[i++] - against->ln[j++];
	}
	return count;
}
