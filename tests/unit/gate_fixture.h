/* Gates that are loaded from a text, and judged on the made-up run. */
#ifndef GATE_FIXTURE_H
#define GATE_FIXTURE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "made_up_run.h"
#include "shmeter/gate.h"

/* 2026-03-01, in days since 1970-01-01. */
#define TODAY 20513

static struct sm_gates gates;
static struct sm_gate_row rows[16];
static struct sm_error err;

static inline void load_for(const char *text, const struct sm_scenario *const *scenarios, size_t count, int expected)
{
	char path[] = "/tmp/shmeter-gates-XXXXXX";
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	err = (struct sm_error){ 0 };
	cr_expect_eq(sm_gates_load(&gates, path, TODAY, scenarios, count, &err), expected, "%s", err.text);
	unlink(path);
}

static inline void load(const char *text, int expected)
{
	load_for(text, known, 3, expected);
}

/* Judges the run against `count` earlier ones. */
static inline void judge_against(struct sm_results *before, size_t count)
{
	struct sm_baselines baselines = { .count = count };

	for (size_t i = 0; i < count; i++)
		cr_assert_eq(sm_digest_make(&baselines.run[i], &before[i], known, 3, &err), 0, "%s", err.text);
	cr_assert_eq(sm_gates_judge(&gates, &run, &baselines, known, 3, rows, &err), 0, "%s", err.text);
	sm_baselines_free(&baselines);
}

static inline void judge(struct sm_results *before)
{
	judge_against(before, before ? 1 : 0);
}

/* Eight trials that count so many faults an operation. */
static inline void add_touch(double faults_an_op)
{
	unsigned c = add_case("touch", "lazy", "-", 1);

	for (unsigned b = 0; b < 8; b++) {
		struct sm_sample *sample = add_sample(c, b);
		struct sm_counter_row *counter = sm_results_add_counter(&run);

		sample->ops = OPS;
		add_slice(sample->trial, 0, 10, NAN, NAN);
		*counter = (struct sm_counter_row){ .trial = sample->trial,
						    .event = "minor-faults",
						    .fstr = "-",
						    .raw = (uint64_t)llround(OPS * faults_an_op),
						    .scope = SM_SCOPE_USER,
						    .state = SM_COUNTED };
	}
}

/* Eight trials, of which one lost so much. */
static inline void add_lost(const char *variant, double lost)
{
	unsigned c = add_case("touch", variant, "-", 1);

	for (unsigned b = 0; b < 8; b++) {
		struct sm_metric_row *metric = sm_results_add_metric(&run);

		*metric = (struct sm_metric_row){ add_sample(c, b)->trial, "lost", "1", b == 3 ? lost : 0 };
	}
}

static inline void end_badly(size_t first, size_t count, enum sm_status status)
{
	for (size_t i = first; i < first + count; i++) {
		run.samples[i].ended = status;
		run.samples[i].reason = "so it was";
	}
}

#endif
