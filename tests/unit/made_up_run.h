/* Made-up runs whose right answer is known: scenarios, and helpers that add their rows.  Included
 * once by a test program, whose suite is `analysis`. */
#ifndef MADE_UP_RUN_H
#define MADE_UP_RUN_H

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "shmeter/analysis.h"

#define NEAR   92.0 /* round trips of the two made-up classes, ns */
#define FAR    410.0
#define SLICES 20
#define OPS    1000u

static const struct sm_claim pack_claims[] = {
	{ .id = "C1",
	  .text = "Packed counters cost at least 1.5 times as much.",
	  .source = "a popular belief",
	  .question = "Padded or not?",
	  SM_RATIO("packed", "padded", .min = 1.5) },
	{ .id = "C2",
	  .text = "64 bytes are enough.",
	  .source = "a popular belief",
	  SM_RATIO("wide", "padded", .min = 1 / 1.05, .max = 1.05),
	  .at = "op=add placement=near",
	  .needs = "two lines" },
	{ 0 },
};

static const struct sm_variant pack_variants[] = {
	{ .name = "packed" }, { .name = "padded" }, { .name = "wide" }, { 0 }
};

static const char *const pack_ops[] = { "add", "store", "one", "none", NULL };

static const struct sm_scenario pack = { .name = "pack",
					 .params = { { .name = "op", .labels = pack_ops },
						     { .name = "size", .min = 1, .max = 64 },
						     { .name = "processes", .min = 1, .max = 64 } },
					 .claims = pack_claims,
					 .variants = pack_variants };

static const struct sm_variant aa_variants[] = { { .name = "a" }, { .name = "b" }, { 0 } };
static const struct sm_scenario aa = { .name = "aa", .variants = aa_variants };

static const struct sm_claim touch_claims[] = {
	{ .id = "P1", .text = "One fault a page.", SM_EXACT_COUNT("lazy", "minor-faults", 1) },
	{ .id = "V1", .text = "Nothing is lost.", SM_METRIC("lazy", "lost", .max = 0) },
	{ .id = "V2",
	  .text = "Something is lost at least once.",
	  SM_METRIC("ready", "lost", .min = 1, .max = 1e9, .once = true) },
	{ 0 },
};
static const struct sm_variant touch_variants[] = { { .name = "lazy" }, { .name = "ready" }, { 0 } };
static const struct sm_scenario touch = { .name = "touch",
					  .claims = touch_claims,
					  .variants = touch_variants,
					  .expected = { { "lazy", "minor-faults", 1 },
							{ "ready", "minor-faults", 0 } } };

static const struct sm_scenario *const known[] = { &aa, &pack, &touch };

/* A made-up run. */
static struct sm_results run;
static struct sm_random noise;
static unsigned next_trial;

static inline void set_up(void)
{
	sm_results_init(&run);
	if (!run.manifest)
		run.manifest = json_object();
	json_object_set_new(run.manifest, "environment", json_pack("{s:i}", "pus", 2));
	sm_random_seed(&noise, 1);
	next_trial = 0;
}

static inline void tear_down(void)
{
	sm_results_free(&run);
}

TestSuite(analysis, .init = set_up, .fini = tear_down);

static inline void analyse(void)
{
	struct sm_error err = { 0 };

	cr_assert_eq(sm_analyse(&run, known, 3, &err), 0, "%s", err.text);
}

static inline unsigned add_case(const char *scenario, const char *variant, const char *params, unsigned workers)
{
	struct sm_case_row *row = sm_results_add_case(&run);

	row->id = sm_results_string(&run, "%s/%s?%s@near", scenario, variant, params);
	row->group = sm_results_string(&run, "%s?%s@near", scenario, params);
	row->scenario = scenario;
	row->variant = variant;
	row->params = params;
	row->placement = workers > 1 ? SM_PLACE_NEAR : SM_PLACE_SOLO;
	row->relation = workers > 1 ? SM_PLACE_SHARED_L3 : SM_PLACE_SOLO;
	row->backing = row->pages = row->prefault = row->numa = "none";
	row->file_system = "-";
	row->unit = "ns/op";
	row->metric = "time per operation";
	row->workers = workers;
	return (unsigned)(run.case_count - 1);
}

/* A factor within plus and minus half a per cent. */
static inline double jitter(void)
{
	return 1 + ((double)sm_random_below(&noise, 1001) - 500) * 1e-5;
}

/* A factor with this standard deviation of its logarithm. */
static inline double scattered(double deviation)
{
	double uniform = ((double)(sm_random_next(&noise) >> 11) + 0.5) * 0x1p-53;

	return exp(deviation * sm_normal_quantile(uniform));
}

static inline struct sm_sample *add_sample(unsigned c, unsigned block)
{
	struct sm_sample *sample = sm_results_add_sample(&run);

	sample->trial = next_trial++;
	sample->case_index = c;
	sample->block = block;
	sample->pus = "0 1";
	sample->pages_got = "none";
	sample->nodes = "0 0";
	sample->throttled_ns = NAN;
	sample->wall_ns = 30000000;
	sample->reason = "-";
	sample->ended = SM_OK;
	return sample;
}

static inline struct sm_slice_row *add_slice(unsigned trial, unsigned number, double ns_per_op, double before,
					     double after)
{
	struct sm_slice_row *slice = sm_results_add_slice(&run);

	slice->trial = trial;
	slice->slice = number;
	slice->ops = OPS;
	slice->ns = (uint64_t)llround(ns_per_op * OPS);
	slice->probe_before_ns = before;
	slice->probe_after_ns = after;
	slice->probe_step = NAN;
	slice->klass = "-";
	return slice;
}

/* A slice in which a worker was off its PU. */
static inline void interrupt(struct sm_slice_row *slice)
{
	slice->nivcsw = 1;
	slice->away_share = 0.5f;
}

/* A trial whose first `near` slices are in the near class and the rest in the far one. */
static inline struct sm_sample *add_trial(unsigned c, unsigned block, unsigned near, double near_ns, double far_ns)
{
	unsigned trial = add_sample(c, block)->trial;
	uint64_t ops = 0;

	for (unsigned i = 0; i < SLICES; i++, ops += OPS) {
		double probe = (i < near ? NEAR : FAR) * jitter();

		add_slice(trial, i, (i < near ? near_ns : far_ns) * jitter(), probe, probe * jitter());
	}
	run.samples[run.sample_count - 1].ops = ops;
	run.samples[run.sample_count - 1].cpu_ns = 7 * ops;
	run.samples[run.sample_count - 1].slices = SLICES;
	return &run.samples[run.sample_count - 1];
}

/* A run of one point of `pack`: three variants, all slices far. */
static inline void add_pack_point(const char *params, double packed, double padded, double wide, unsigned blocks)
{
	unsigned first = add_case("pack", "packed", params, 2);

	add_case("pack", "padded", params, 2);
	add_case("pack", "wide", params, 2);
	for (unsigned b = 0; b < blocks; b++) {
		add_trial(first, b, 0, 0, packed);
		add_trial(first + 1, b, 0, 0, padded);
		add_trial(first + 2, b, 0, 0, wide);
	}
}

static inline const struct sm_pair_row *pair_of(const char *left, const char *right, const char *klass)
{
	for (size_t i = 0; i < run.pair_count; i++) {
		const struct sm_pair_row *row = &run.pairs[i];

		if (strcmp(row->left, left) == 0 && strcmp(row->right, right) == 0 &&
		    (!klass || strcmp(row->klass, klass) == 0))
			return row;
	}
	return NULL;
}

static inline const struct sm_claim_row *claim_of(const char *id)
{
	for (size_t i = 0; i < run.claim_count; i++)
		if (strcmp(run.claims[i].claim, id) == 0)
			return &run.claims[i];
	cr_assert_fail("no claim %s", id);
	return NULL;
}

#define expect_text(text, part) cr_expect(strstr((text), (part)) != NULL, "\"%s\" lacks \"%s\"", (text), (part))

/* A control of `blocks` blocks, of which the first `against` differ the other way. */
static inline void add_control_of(double factor, unsigned blocks, unsigned against)
{
	unsigned a = add_case("aa", "a", "-", 2), b = add_case("aa", "b", "-", 2);

	for (unsigned block = 0; block < blocks; block++) {
		add_trial(a, block, 0, 0, 10);
		add_trial(b, block, 0, 0, block < against ? 10 / factor : 10 * factor);
	}
}

static inline void add_control(double factor)
{
	add_control_of(factor, 8, 0);
}

#endif
