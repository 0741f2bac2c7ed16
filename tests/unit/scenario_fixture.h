/* A made-up scenario for the tests of the check, in which each test changes one thing. */
#ifndef SHMETER_TESTS_SCENARIO_FIXTURE_H
#define SHMETER_TESTS_SCENARIO_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shmeter/scenario_check.h"

/* A scenario that may be changed. */
struct made_up {
	struct sm_scenario scenario;
	struct sm_variant variants[4];
	struct sm_claim claims[4];
	struct sm_corners corners;
};

static inline uint64_t run(struct sm_worker *worker)
{
	return worker->op_count;
}

static inline int verify(const struct sm_trial *trial, struct sm_error *err)
{
	(void)trial, (void)err;
	return 0;
}

static inline void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	(void)trial;
	value[0] = 1;
}

static const char *const ops[] = { "load", "store", NULL };

static const struct sm_param params[] = {
	{ .name = "message",
	  .unit = "B",
	  .summary = "size",
	  .min = 1,
	  .max = 4096,
	  .quick = SM_VALUES(64),
	  .full = SM_SWEEP((64), SM_DOUBLING, SM_TIMES_PUS(4)) },
	{ .name = "op", .unit = "1", .summary = "what is done", .labels = ops, .quick = SM_VALUES(0, 1) },
};
static inline void make(struct made_up *m)
{
	*m = (struct made_up){
		.variants = { { .name = "futex", .summary = "sleeps" },
			      { .name = "mutex", .summary = "sleeps, too" },
			      { .name = "spin", .summary = "burns a core" } },
		.claims = { { .id = "X1",
			      .text = "Sleeping takes twice as long",
			      .source = "textbooks",
			      SM_RATIO("futex", "spin", .min = 2),
			      .at = "message=64 op=load placement=near workers<=1xPU" },
			    { .id = "X2",
			      .text = "Nothing is lost",
			      .source = "textbooks",
			      SM_METRIC("mutex", "lost", .max = 0),
			      .control = "X1" },
			    { .id = "X3",
			      .text = "No page is faulted in",
			      .source = "textbooks",
			      SM_EXACT_COUNT("spin", "minor-faults", 0) } },
		.corners = { .row = { "spin", "sleep" },
			     .column = { "one", "two" },
			     .variant = { { "futex", "mutex" }, { "spin", "spin" } } },
		.scenario = { .name = "made_up",
			      .family = "tests",
			      .question = "Is it found?",
			      .summary = "It is not run.",
			      .why = "Nothing is measured.",
			      .workers = 2,
			      .placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE },
			      .metric = { "time per operation", "ns/op" },
			      .more = { { "lost", "1" } },
			      .expected = { { .variant = "spin", .event = "minor-faults" } },
			      .run = run,
			      .verify = verify,
			      .measure = measure },
	};
	memcpy(m->scenario.params, params, sizeof(params));
	m->scenario.variants = m->variants;
	m->scenario.claims = m->claims;
	m->scenario.corners = &m->corners;
}

static inline void expect_refused(const struct made_up *m, const char *sentence)
{
	const struct sm_scenario *const one[] = { &m->scenario };
	char wanted[SM_ERROR_TEXT_MAX];
	struct sm_error err = { 0 };

	snprintf(wanted, sizeof(wanted), "internal error: scenario made_up: %s", sentence);
	cr_expect_eq(sm_scenario_check(one, NULL, 1, &err), -EBADMSG, "not refused: %s", sentence);
	cr_expect_str_eq(err.text, wanted);
}

static inline void expect_accepted(const struct made_up *m)
{
	struct sm_error err = { 0 };

	cr_expect_eq(sm_scenario_check(&(const struct sm_scenario *){ &m->scenario }, NULL, 1, &err), 0, "%s",
		     err.text);
}

/* A scenario with one change in it. */
#define REFUSED(change, sentence)                                                                                      \
	do {                                                                                                           \
		struct made_up m;                                                                                      \
		make(&m);                                                                                              \
		change;                                                                                                \
		expect_refused(&m, sentence);                                                                          \
	} while (0)

#define ACCEPTED(change)                                                                                               \
	do {                                                                                                           \
		struct made_up m;                                                                                      \
		make(&m);                                                                                              \
		change;                                                                                                \
		expect_accepted(&m);                                                                                   \
	} while (0)

#endif
