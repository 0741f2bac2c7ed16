/* Steps in made-up series, and the file. */
#include <criterion/criterion.h>
#include <math.h>
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
	unsigned series, points, steps, other;
	char id[512];
};

static int look(const struct sm_history_series *series, void *context, struct sm_error *err)
{
	struct seen *seen = context;

	(void)err;
	seen->series++;
	seen->points = (unsigned)series->count;
	snprintf(seen->id, sizeof(seen->id), "%s", series->id);
	for (size_t i = 0; i < series->count; i++) {
		seen->steps += series->point[i].step;
		seen->other += !series->point[i].same_class;
	}
	return 0;
}

static void put(const char *path, const char *started, const char *fingerprint, const char *klass, double median,
		bool expected)
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
	json_object_set_new(run.manifest, "identity", json_pack("{s:s}", "type", fingerprint));
	cr_assert_eq(sm_history_open(&history, path, true, &err), 0, "%s", err.text);
	cr_assert_eq(sm_history_add(history, &run, &added, &err), 0, "%s", err.text);
	cr_expect_eq(added, expected);
	sm_history_close(history);
}

Test(analysis, a_history_keeps_runs_once_and_machines_apart)
{
	char path[] = "/tmp/shmeter-history-XXXXXX", started[32];
	struct sm_history *history;
	struct sm_error err = { 0 };
	struct seen seen = { 0 };
	unsigned elsewhere;

	close(mkstemp(path));
	for (unsigned i = 0; i < 10; i++) {
		snprintf(started, sizeof(started), "2026-01-%02uT00:00:00Z", i + 1);
		put(path, started, "a", i == 4 ? "400ns" : i % 2 ? "80ns" : "85ns", i < 6 ? 100 : 120, true);
	}
	put(path, "2026-01-01T00:00:00Z", "a", "80ns", 100, false);
	put(path, "2025-01-01T00:00:00Z", "b", "80ns", 5, true);
	cr_assert_eq(sm_history_open(&history, path, false, &err), 0, "%s", err.text);
	cr_assert_eq(sm_history_each(history, "pack/*", NULL, look, &seen, &elsewhere, &err), 0, "%s", err.text);
	cr_expect_eq(seen.series, 1);
	cr_expect_eq(seen.points, 10);
	cr_expect_eq(seen.steps, 1);
	cr_expect_eq(seen.other, 1, "the run in another pair class");
	cr_expect_eq(elsewhere, 1);
	expect_text(seen.id, "DROP TABLE");
	sm_history_close(history);
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
