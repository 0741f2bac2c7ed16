/* Noise floors: of cases, from several runs; and on disk. */
#include "shmeter/floor.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gate_parts.h"
#include "shmeter/ledger.h"
#include "shmeter/store.h"

#define KEY_MAX 48

static json_t *now_utc(void)
{
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

/* The floor of a case, or of its ratio to another, as a factor; NULL: not known.  `count` is how many runs count. */
static json_t *floor_of(const struct sm_baselines *runs, sm_name id, sm_name beside, double *room,
			struct sm_results *strings, size_t *count)
{
	struct side side[SM_BASELINE_RUNS_MAX];
	struct gate_levels levels;
	sm_name klass;

	for (size_t i = 0; i < runs->count; i++)
		side[i] = gate_earlier_side(runs->run[i], id, beside, strings);
	klass = side[0].one ? gate_meet(&side[0], side, runs->count, room) : sm_none;
	if (klass == sm_none)
		return NULL;
	levels = gate_levels(side, runs->count, klass, room, strings);
	*count = levels.runs.count;
	return *count < GATE_RUNS_MIN ? NULL : json_real(exp(sm_run_levels_floor(levels.runs.scatter)));
}

/* JSON null: none is known. */
static json_t *floors_of(const struct sm_baselines *runs, const struct digest_case *c, double *room,
			 struct sm_results *strings)
{
	json_t *ratios = json_object();
	size_t count = 0;
	json_t *time = floor_of(runs, c->id, sm_none, room, strings, &count);
	size_t counted = count;

	for (size_t i = 0; i < runs->run[0]->count; i++) {
		const struct digest_case *other = &runs->run[0]->cases[i];

		if (other != c && other->group == c->group)
			json_object_set_new(ratios, other->variant,
					    floor_of(runs, c->id, other->id, room, strings, &count));
	}
	if (!time && json_object_size(ratios) == 0) {
		json_decref(ratios);
		return json_null();
	}
	/* a value of NULL sets nothing */
	return json_pack("{s:o*, s:o, s:i, s:o}", "time", time, "ratio", ratios, "runs", (int)counted, "measured_utc",
			 now_utc());
}

int sm_floor_of_cases(const struct sm_baselines *runs, json_t **out, struct sm_error *err)
{
	struct sm_results strings;
	size_t most = 0;
	double *room;

	*out = json_object();
	for (size_t i = 0; i < runs->count; i++)
		for (size_t c = 0; c < runs->run[i]->count; c++) {
			size_t blocks = gate_most_blocks(&(struct side){ .one = &runs->run[i]->cases[c] });

			most = blocks > most ? blocks : most;
		}
	room = malloc((most + 1) * sizeof(*room));
	if (!room)
		return sm_fail(err, ENOMEM, "no memory for %zu blocks", most);
	sm_results_init(&strings);
	for (size_t c = 0; runs->count > 0 && c < runs->run[0]->count; c++)
		if (runs->run[0]->cases[c].classes > 0)
			json_object_set_new(*out, runs->run[0]->cases[c].id,
					    floors_of(runs, &runs->run[0]->cases[c], room, &strings));
	sm_results_free(&strings);
	free(room);
	return 0;
}

static json_t *load_all(char path[4200])
{
	json_t *all;

	sm_state_path("noise.json", path, 4200);
	all = json_load_file(path, 0, NULL);
	if (!json_is_object(all)) { /* missing or unreadable: a new self-test takes a minute */
		json_decref(all);
		all = json_object();
	}
	return all;
}

static int write_all(FILE *out, void *all)
{
	return json_dumpf(all, out, JSON_INDENT(1)) < 0 || fputc('\n', out) == EOF ? -EIO : 0;
}

/* The key of a host; its type alone is the key of the type. */
static void key_of(const struct sm_identity *machine, char out[KEY_MAX])
{
	snprintf(out, KEY_MAX, "%s/%s", machine->type, machine->host);
}

/* What was not learned this time stays, such as a time beside other load. */
static void learn(json_t *known, json_t *learned)
{
	json_t *ratios = json_copy(json_object_get(known, "ratio"));

	json_object_update(known, learned);
	if (json_is_object(ratios)) {
		json_object_update(ratios, json_object_get(learned, "ratio"));
		json_object_set(known, "ratio", ratios);
	}
	json_decref(ratios);
}

int sm_floor_save(const struct sm_identity *machine, const struct sm_floor *floor, struct sm_error *err)
{
	char path[4200], key[KEY_MAX];
	json_t *all = load_all(path), *one, *cases, *learned;
	const char *id;
	int rc;

	key_of(machine, key);
	cases = json_deep_copy(json_object_get(json_object_get(all, key), "cases"));
	if (!json_is_object(cases)) { /* a file of an early version has none */
		json_decref(cases);
		cases = json_object();
	}
	json_object_foreach (floor->cases, id, learned) {
		json_t *known = json_object_get(cases, id);

		if (json_is_null(learned))
			continue; /* what is known stays */
		if (json_is_object(known))
			learn(known, learned);
		else
			json_object_set(cases, id, learned);
	}
	one = json_pack("{s:f, s:f, s:o, s:o}", "time", floor->time, "ratio", floor->ratio, "measured_utc", now_utc(),
			"cases", cases);
	json_object_set(all, key, one);
	json_object_set(all, machine->type, one);
	json_decref(one);
	rc = sm_store_write_file(path, write_all, all, err);
	json_decref(all);
	return rc;
}

json_t *sm_floor_load(const struct sm_identity *machine)
{
	char path[4200], key[KEY_MAX];
	json_t *all = load_all(path), *found, *one;
	bool of_host;

	key_of(machine, key);
	found = json_object_get(all, key);
	of_host = json_is_object(found);
	one = json_copy(of_host ? found : json_object_get(all, machine->type));
	json_decref(all);
	if (json_is_object(one)) {
		json_object_set_new(one, "of", json_string(of_host ? "host" : "type"));
		return one;
	}
	json_decref(one);
	return NULL;
}
