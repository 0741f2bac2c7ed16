/* The noise floor on disk. */
#include "shmeter/floor.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "shmeter/ledger.h"
#include "shmeter/store.h"

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

int sm_floor_save(const char *fingerprint, const struct sm_floor *floor, struct sm_error *err)
{
	char path[4200], text[32];
	json_t *all = load_all(path);
	time_t now = time(NULL);
	struct tm tm;
	int rc;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_set_new(
		all, fingerprint,
		json_pack("{s:f, s:f, s:s}", "time", floor->time, "ratio", floor->ratio, "measured_utc", text));
	rc = sm_store_write_file(path, write_all, all, err);
	json_decref(all);
	return rc;
}

json_t *sm_floor_load(const char *fingerprint)
{
	char path[4200];
	json_t *all = load_all(path), *one = json_incref(json_object_get(all, fingerprint));

	json_decref(all);
	if (json_is_object(one))
		return one;
	json_decref(one);
	return NULL;
}
