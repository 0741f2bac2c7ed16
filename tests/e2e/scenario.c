/* A scenario in a plug-in for the tests, right or with one mistake: -DMISTAKE_name. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmeter/scenario.h"
#ifdef MISTAKE_ages
#include "hold.h" /* of the harness, which a plug-in that lies does not need */
#endif

#ifndef NAME
#define NAME "step_by_step"
#endif
#ifndef FAMILY
#define FAMILY "mine"
#endif

static int steps[] = { 1, 2 }; /* two addresses, which differ in each process */

static size_t region_bytes(const struct sm_case *c)
{
#ifdef MISTAKE_region_crash
	abort();
#endif
#ifdef MISTAKE_region_huge
	return SIZE_MAX;
#endif
#ifdef MISTAKE_region_hangs
	for (;;)
		pause();
#endif
	return (size_t)c->workers * SM_LINE_PAIR;
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	return 8 * sm_case_param(c, "words");
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	return sm_case_param(c, "words") == 3 ? sm_fail(why, ENOTSUP, "three words do not go together") : 0;
}

#ifdef MISTAKE_scribbles
/* Writes to all memory that it shares with another process. */
static void scribble(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[4400], rights[5];

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3 && strcmp(rights, "rw-s") == 0)
			memset((char *)from, 0xff, to - from);
	_exit(0);
}
#endif

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	int *pipes = trial->state;

#ifdef MISTAKE_setup_crash
	abort();
#endif
#ifdef MISTAKE_setup_exits
	exit(0);
#endif
#ifdef MISTAKE_setup_hangs
	for (;;)
		pause();
#endif
#ifdef MISTAKE_setup_fails
	return sm_fail(err, ENOSPC, "the place is taken");
#endif
#ifdef MISTAKE_leaves /* a file, unless teardown() is called */
	fclose(fopen("left", "w"));
#endif
	printf("printed by setup\n");
	fflush(stdout);
	return pipe(pipes) == 0 ? 0 : sm_fail(err, errno, "no pipe");
}

static uint64_t run(struct sm_worker *worker)
{
	volatile uint64_t *word = (volatile uint64_t *)worker->region + worker->index * (SM_LINE_PAIR / 8);
	const int *step = (const int *)(uintptr_t)sm_case_variant(worker->c)->arg;
	uint64_t n = worker->op_count, words = worker->c->param[0];

#ifdef MISTAKE_run_crash
	abort();
#endif
#ifdef MISTAKE_run_hangs
	while (n)
		pause();
#endif
	for (uint64_t i = 0; i < n; i++)
		for (uint64_t w = 0; w < words; w++)
			*word += (uint64_t)*step;
#ifdef MISTAKE_run_cheats
	*word -= n > 0;
#endif
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	int step = *(const int *)(uintptr_t)sm_case_variant(trial->c)->arg, *pipes = trial->state;

#ifdef MISTAKE_verify_exits
	exit(0);
#endif
#ifdef MISTAKE_scribbles
	scribble();
#endif
#ifdef MISTAKE_verify_hangs
	for (;;)
		pause();
#endif
	if (write(pipes[1], "x", 1) != 1)
		return sm_fail(err, errno, "the state of setup() is not here");
	for (unsigned i = 0; i < trial->c->workers; i++)
		if (((uint64_t *)trial->region)[i * (SM_LINE_PAIR / 8)] !=
		    trial->outcome[i]->ops * (uint64_t)step * trial->c->param[0])
			return sm_fail(err, EILSEQ, "worker %u did less than it says", i);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	(void)trial;
#ifdef MISTAKE_measure_crash
	abort();
#endif
	value[0] = 42;
}

static void teardown(struct sm_trial *trial)
{
	int *pipes = trial->state;

#ifdef MISTAKE_teardown_crash
	abort();
#endif
#ifdef MISTAKE_ages
	((struct hold *)(void *)((char *)trial - offsetof(struct hold, trial)))->result->last_slice_ns =
		1000000000000000000u;
#endif
#ifdef MISTAKE_leaves
	unlink("left");
#endif
	close(pipes[0]);
	close(pipes[1]);
}

static const struct sm_variant variants[] = {
	{ .name = "one", .summary = "a step of one", .arg = (uintptr_t)&steps[0] },
	{ .name = "two", .summary = "a step of two", .arg = (uintptr_t)&steps[1] },
#ifndef MISTAKE_no_end
	{ 0 },
#endif
};

static const struct sm_claim claims[] = {
	{ .id = "MINE1",
	  .text = "a step of two is not ten times as slow",
	  .source = "arithmetic",
	  .at = "words=1",
#ifdef MISTAKE_claim_variant
	  SM_RATIO("two", "three", .max = 10) },
#else
	  SM_RATIO("two", "one", .max = 10) },
#endif
	{ .id =
#ifdef MISTAKE_claim_taken
		  "T1",
#else
		  "MINE2",
#endif
	  .text = "the answer is 42",
	  .source = "a book",
#ifdef MISTAKE_claim_kind
	  .kind = (enum sm_claim_kind)77,
	  .left = "two" },
#else
	  SM_METRIC("two", "answer", .min = 42, .max = 42) },
#endif
	{ 0 },
};

static const struct sm_scenario scenario = {
	.name = NAME,
	.family = FAMILY,
	.question = "Does a scenario of a plug-in work?",
#ifdef MISTAKE_long_text
#define TEN(text) text text text text text text text text text text
	.summary = TEN(TEN(TEN("12345"))) ".",
#else
	.summary = "Each process adds to a number of its own.",
#endif
	.why = "The larger step is no more work.",
	.variants = variants,
	.claims = claims,
	.params = { { .name = "words",
		      .unit = "1",
		      .summary = "additions in an operation",
		      .quick = SM_VALUES(1, 3),
		      .full = SM_SWEEP((1, 2), SM_TIMES_PUS(4)),
		      .min = 1,
#ifdef MISTAKE_workers
		      .max = UINT64_MAX } },
	.workers_param = "words",
#else
		      .max = 4096 } },
#endif
#ifdef MISTAKE_bad_memory
	.memory = { .backing = (enum sm_backing)99 },
#endif
#ifndef MISTAKE_workers
	.workers = 2,
#endif
	.placements = { SM_PLACE_NEAR },
	.metric = { "time per addition", "ns/op" },
	.more = { { "answer", "1" } },
	.state_bytes = 2 * sizeof(int),
	.region_bytes = region_bytes,
	.bytes_per_op = bytes_per_op,
	.supported = supported,
	.setup = setup,
	.run = run,
#ifndef MISTAKE_no_verify
	.verify = verify,
#endif
	.measure = measure,
	.teardown = teardown,
#ifdef MISTAKE_plugs
	.plugs = (const struct sm_plug *)variants,
#endif
};

#ifdef MISTAKE_contract
#undef SM_CONTRACT
#define SM_CONTRACT 7u
#endif
#ifdef MISTAKE_null
SM_PLUGIN(NULL);
#else
SM_PLUGIN(&scenario);
#endif
