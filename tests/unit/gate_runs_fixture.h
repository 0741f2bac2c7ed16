/* Made-up earlier runs of a gate on `pack`, and the run that is held against them. */
#ifndef GATE_RUNS_FIXTURE_H
#define GATE_RUNS_FIXTURE_H

#include "gate_fixture.h"

#define RUNS_MAX 8

static const char time_gate[] = "[t]\ncase = pack/packed\nbaseline = yes\nmax = 1.05\n";

static struct sm_results before[RUNS_MAX];
static size_t runs;

static inline void begin(const char *text)
{
	load(text, 0);
	runs = 0;
}

static inline void add_run(double packed, double padded)
{
	add_pack_point("op=add", packed, padded, 10, 16);
	json_object_set_new(run.manifest, "identity", json_pack("{s:s, s:s}", "type", "a", "host", "h1"));
}

/* The run made so far becomes a baseline, and a new one is begun. */
static inline void put_aside(void)
{
	char folder[16];

	snprintf(folder, sizeof(folder), "base-%zu", runs + 1);
	run.folder = strdup(folder);
	before[runs++] = run;
	set_up();
}

static inline void begin_again(void)
{
	sm_results_free(&run);
	set_up();
}

static inline void add_earlier(double packed, double padded)
{
	add_run(packed, padded);
	put_aside();
}

static inline void add_five(double scale, double percent)
{
	static const double unit[] = { -1, 0.5, 1, -1.25, 0.75 }; /* their standard deviation is 1.04 */

	for (size_t i = 0; i < 5; i++)
		add_earlier(scale * exp(unit[i] * percent / 100), 10);
}

static inline void expect_verdict(enum sm_verdict verdict, const char *reason)
{
	judge_against(before, runs);
	cr_expect_eq(rows[0].verdict, verdict, "%s: %s: %s", sm_gate_word(rows[0].verdict), rows[0].evidence,
		     rows[0].reason);
	expect_text(rows[0].reason, reason);
}

static inline void end(void)
{
	for (size_t i = 0; i < runs; i++)
		sm_results_free(&before[i]);
	sm_gates_free(&gates);
}

#endif
