/* The noise floor on disk. */
#include "shmeter/floor.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "shmeter/ledger.h"
#include "shmeter/store.h"

#define KEY_MAX 48

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

int sm_floor_save(const struct sm_identity *machine, const struct sm_floor *floor, struct sm_error *err)
{
	char path[4200], text[32], key[KEY_MAX];
	json_t *all = load_all(path), *one;
	time_t now = time(NULL);
	struct tm tm;
	int rc;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	one = json_pack("{s:f, s:f, s:s}", "time", floor->time, "ratio", floor->ratio, "measured_utc", text);
	key_of(machine, key);
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
