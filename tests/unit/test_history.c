/* Steps in made-up series, and the file. */
#include <criterion/criterion.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "made_up_run.h"
#include "shmeter/history.h"
#include "shmeter/steps.h"

#define RUNS 30

/* Normal by Box and Muller. */
static double normal(void)
{
	double u = ((double)sm_random_below(&noise, 1000000) + 1) / 1000001;
	double v = (double)sm_random_below(&noise, 1000000) / 1000000;

	return sqrt(-2 * log(u)) * cos(2 * acos(-1.0) * v);
}

static unsigned count_steps(const double *value, size_t count, bool *step)
{
	double level[RUNS];
	unsigned steps = 0;

	sm_steps_find(value, count, step, level);
	for (size_t i = 0; i < count; i++)
		steps += step[i];
	return steps;
}

static void fill(double *value, double sigma)
{
	for (unsigned i = 0; i < RUNS; i++)
		value[i] = log(100) + sigma * normal();
}

Test(analysis, a_step_is_marked_where_it_begins)
{
	double value[RUNS];
	bool step[RUNS];

	for (unsigned at = 2; at + 2 <= RUNS; at++) {
		fill(value, 0.01);
		for (unsigned i = at; i < RUNS; i++)
			value[i] += 0.15;
		cr_expect_eq(count_steps(value, RUNS, step), 1, "at %u", at);
		cr_expect(step[at], "at %u", at);
	}
}

Test(analysis, a_lone_outlier_is_no_step)
{
	double value[RUNS];
	bool step[RUNS];

	for (unsigned at = 0; at < RUNS; at++) {
		fill(value, 0.01);
		value[at] += 0.5;
		cr_expect_eq(count_steps(value, RUNS, step), 0, "at %u", at);
	}
}

Test(analysis, two_steps_are_two)
{
	double value[RUNS];
	bool step[RUNS];

	fill(value, 0.005);
	for (unsigned i = 10; i < 20; i++)
		value[i] += 0.2;
	cr_expect_eq(count_steps(value, RUNS, step), 2);
	for (unsigned i = 0; i < RUNS; i++)
		cr_expect_eq(step[i], i == 10 || i == 20, "at %u", i);
}

Test(analysis, noise_has_few_steps)
{
	double value[RUNS];
	bool step[RUNS];
	unsigned wrong = 0;

	for (unsigned r = 0; r < 2000; r++) {
		fill(value, 0.02);
		wrong += count_steps(value, RUNS, step) > 0;
	}
	printf("%u of 2000 series of noise have a step\n", wrong);
	cr_expect(wrong <= 100, "%u of 2000", wrong);
}

Test(analysis, short_and_constant_series_have_none)
{
	double value[RUNS] = { 0 };
	bool step[RUNS];

	for (size_t n = 0; n <= 3; n++)
		cr_expect_eq(count_steps(value, n, step), 0);
	cr_expect_eq(count_steps(value, RUNS, step), 0);
}

struct seen {
	unsigned series, points, steps, other, drifts;
	char id[512];
};

static int look(const struct sm_history_series *series, void *context, struct sm_error *err)
{
	struct seen *seen = context;

	(void)err;
	seen->series++;
	seen->drifts += series->drifts;
	seen->points = (unsigned)series->count;
	snprintf(seen->id, sizeof(seen->id), "%s", series->id);
	for (size_t i = 0; i < series->count; i++) {
		seen->steps += series->point[i].step;
		seen->other += !series->point[i].same_class;
	}
	return 0;
}

static void put_of(const char *path, const char *started, const char *type, const char *host, const char *klass,
		   double median, bool expected)
{
	struct sm_history *history;
	struct sm_error err = { 0 };
	bool added;

	tear_down();
	set_up();
	add_case("pack", "o'packed; DROP TABLE run; --", "op=add", 2);
	*sm_results_add_summary(&run) =
		(struct sm_summary_row){ .klass = klass,
					 .value = { .estimate = median, .low = NAN, .high = NAN, .count = 8 } };
	run.folder = strdup("some/where");
	json_object_set_new(run.manifest, "started_utc", json_string(started));
	json_object_set_new(run.manifest, "identity", json_pack("{s:s, s:s*}", "type", type, "host", host));
	cr_assert_eq(sm_history_open(&history, path, true, &err), 0, "%s", err.text);
	cr_assert_eq(sm_history_add(history, &run, &added, &err), 0, "%s", err.text);
	cr_expect_eq(added, expected);
	sm_history_close(history);
}

static void put(const char *path, const char *started, const char *type, const char *klass, double median,
		bool expected)
{
	put_of(path, started, type, "h1", klass, median, expected);
}

/* What the history has of the latest run's machine. */
static struct seen look_at(const char *path, bool same_type, struct sm_history_machine *machine)
{
	struct sm_history *history;
	struct sm_error err = { 0 };
	struct seen seen = { 0 };

	cr_assert_eq(sm_history_open(&history, path, false, &err), 0, "%s", err.text);
	cr_assert_eq(sm_history_machine(history, same_type, machine, &err), 0, "%s", err.text);
	cr_assert_eq(sm_history_each(history, "pack/*", machine, look, &seen, &err), 0, "%s", err.text);
	sm_history_close(history);
	return seen;
}

Test(analysis, a_history_keeps_runs_once_and_machines_apart)
{
	char path[] = "/tmp/shmeter-history-XXXXXX", started[32];
	struct sm_history_machine machine;
	struct seen seen;

	close(mkstemp(path));
	for (unsigned i = 0; i < 10; i++) {
		snprintf(started, sizeof(started), "2026-01-%02uT00:00:00Z", i + 1);
		put(path, started, "a", i == 4 ? "400ns" : i % 2 ? "80ns" : "85ns", i < 6 ? 100 : 120, true);
	}
	put(path, "2026-01-01T00:00:00Z", "a", "80ns", 100, false);
	put(path, "2025-01-01T00:00:00Z", "b", "80ns", 5, true);
	seen = look_at(path, false, &machine);
	cr_expect_eq(seen.series, 1);
	cr_expect_eq(seen.points, 10);
	cr_expect_eq(seen.steps, 1);
	cr_expect_eq(seen.other, 1, "the run in another pair class");
	cr_expect_eq(machine.other_types, 1);
	cr_expect_eq(machine.other_hosts + machine.no_host, 0);
	expect_text(seen.id, "DROP TABLE");
	unlink(path);
}

Test(analysis, a_history_tells_a_drift_from_steps)
{
	char path[] = "/tmp/shmeter-history-XXXXXX", started[32];
	struct sm_history_machine machine;
	struct seen seen;

	close(mkstemp(path));
	for (unsigned i = 0; i < 12; i++) {
		snprintf(started, sizeof(started), "2026-01-%02uT00:00:00Z", i + 1);
		put(path, started, "a", "80ns", 100 + 3 * i + i * 5 % 3, true);
	}
	seen = look_at(path, false, &machine);
	cr_expect_eq(seen.drifts, 1);
	cr_expect_eq(seen.steps, 0);
	unlink(path);
}

/* Hosts of one type are apart, unless the type is asked for; other types always are. */
Test(analysis, a_history_is_of_a_host_unless_the_type_is_asked_for)
{
	char path[] = "/tmp/shmeter-history-XXXXXX";
	struct sm_history_machine machine;

	close(mkstemp(path));
	put_of(path, "2026-01-01T00:00:00Z", "a", "h1", "80ns", 100, true);
	put_of(path, "2026-01-02T00:00:00Z", "a", "h2", "80ns", 100, true);
	put_of(path, "2026-01-03T00:00:00Z", "a", NULL, "80ns", 100, true);
	put_of(path, "2026-01-04T00:00:00Z", "b", "h1", "80ns", 100, true);
	put_of(path, "2026-01-05T00:00:00Z", "a", "h1", "80ns", 100, true);
	cr_expect_eq(look_at(path, false, &machine).points, 2);
	cr_expect_str_eq(machine.host, "h1");
	cr_expect_eq(machine.other_hosts, 1);
	cr_expect_eq(machine.no_host, 1);
	cr_expect_eq(machine.other_types, 1);
	cr_expect_eq(look_at(path, true, &machine).points, 4);
	cr_expect_eq(machine.other_hosts + machine.no_host, 0);
	cr_expect_eq(machine.other_types, 1);
	unlink(path);
}

static int exec(const char *path, const char *sql)
{
	sqlite3 *db;
	int code = sqlite3_open(path, &db);

	if (code == SQLITE_OK)
		code = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
	return code;
}

/* As version 1 made it: its runs stay, and belong to their type until their folders are added again. */
Test(analysis, a_history_of_version_1_is_taken_over)
{
	char path[] = "/tmp/shmeter-history-XXXXXX";
	struct sm_history_machine machine;

	close(mkstemp(path));
	cr_assert_eq(
		exec(path,
		     "CREATE TABLE run (id INTEGER PRIMARY KEY, name TEXT NOT NULL, started TEXT NOT NULL, seed TEXT NOT"
		     " NULL, host TEXT, fingerprint TEXT NOT NULL, version TEXT, profile TEXT, control_moved INTEGER,"
		     " UNIQUE (name, started, seed));"
		     "CREATE TABLE summary (run INTEGER NOT NULL REFERENCES run (id), case_id TEXT NOT NULL, pair_class"
		     " TEXT, median REAL, low REAL, high REAL, n INTEGER, unit TEXT, PRIMARY KEY (run, case_id)) WITHOUT"
		     " ROWID;"
		     "CREATE INDEX summary_case ON summary (case_id);"
		     "PRAGMA application_id = 1936223589; PRAGMA user_version = 1;"
		     "INSERT INTO run VALUES (1, 'where', '2026-01-01T00:00:00Z', '', 'vm', 'a', '', '', 0);"
		     "INSERT INTO summary VALUES (1, 'pack/x', '80ns', 100, NULL, NULL, 8, 'ns/op');"),
		SQLITE_OK);
	cr_expect_eq(look_at(path, false, &machine).points, 1, "only runs without a host: of their type");
	cr_expect_str_eq(machine.host, "");
	put_of(path, "2026-01-02T00:00:00Z", "a", "h1", "80ns", 100, true);
	cr_expect_eq(look_at(path, false, &machine).points, 1);
	cr_expect_eq(machine.no_host, 1);
	put_of(path, "2026-01-01T00:00:00Z", "a", "h1", "80ns", 100, false);
	look_at(path, false, &machine);
	cr_expect_eq(machine.no_host, 0, "added again, it has a host");
	cr_expect_eq(look_at(path, false, &machine).series, 2);
	unlink(path);
}

Test(analysis, a_history_of_a_later_version_is_refused)
{
	char path[] = "/tmp/shmeter-history-XXXXXX";
	struct sm_history *history;
	struct sm_error err = { 0 };

	close(mkstemp(path));
	cr_assert_eq(exec(path, "CREATE TABLE run (x); PRAGMA application_id = 1936223589; PRAGMA user_version = 9;"),
		     SQLITE_OK);
	cr_expect_eq(sm_history_open(&history, path, false, &err), -EBADMSG, "%s", err.text);
	expect_text(err.text, "version 9");
	unlink(path);
}

Test(analysis, another_file_is_no_history)
{
	char path[] = "/tmp/shmeter-history-XXXXXX";
	int fd = mkstemp(path);
	struct sm_history *history;
	struct sm_error err = { 0 };

	cr_assert(write(fd, "this is some text and surely no database of anybody", 52) == 52);
	close(fd);
	cr_expect_eq(sm_history_open(&history, path, false, &err), -EBADMSG, "%s", err.text);
	expect_text(err.text, "no history");
	unlink(path);
	cr_expect_eq(sm_history_open(&history, path, false, &err), -ENOENT);
	expect_text(err.text, "history add");
}
