/* Compares a case with an earlier run: two independent samples of block values. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate_parts.h"

static void say(const struct sm_digest *run, size_t c, long reference, double min, double max,
		struct sm_results *results, struct finding *out)
{
	const struct digest_case *one = &run->cases[c];
	struct sm_words words = { .used = 0 };

	gate_say_case(&words, run, c, reference);
	sm_words_add(&words, " takes %.4g times as long %s as in the baseline (", out->ratio.estimate, one->per);
	sm_words_add_interval(&words, &out->ratio);
	sm_words_add(&words, ", class %s, %u blocks against %u, %s)", out->klass, out->used, out->baseline_used,
		     one->where);
	gate_say_bounds(&words, min, max);
	out->evidence = sm_results_string(results, "%s", words.text);
}

static void shift(double min, double max, double *x, size_t nx, double *y, size_t ny, struct finding *out)
{
	struct sm_interval logs = sm_shift_interval(x, nx, y, ny, SM_CONFIDENCE);

	out->ratio = logs;
	out->ratio.estimate = exp(logs.estimate);
	out->ratio.low = exp(logs.low);
	out->ratio.high = exp(logs.high);
	out->used = (unsigned)nx;
	out->baseline_used = (unsigned)ny;
	if (nx < SM_BLOCKS_MIN || ny < SM_BLOCKS_MIN) {
		out->ratio.low = out->ratio.high = NAN;
		return;
	}
	if (max > 0)
		out->p = sm_shift_test(x, nx, y, ny, log(max));
	if (min > 0)
		out->p = fmin(out->p, sm_shift_test(y, ny, x, nx, -log(min)));
	if (max > 0 && min > 0)
		out->p = fmin(1, 2 * out->p);
	out->mde = sm_minimum_detectable_shift_ratio(x, nx, y, ny, out->level);
	out->scatter = 1.4826 * sm_mad(x, nx);
	out->baseline_scatter = 1.4826 * sm_mad(y, ny);
}

int gate_baseline(const struct sm_digest *run, size_t c, long reference, const struct sm_digest *baseline, double min,
		  double max, struct sm_results *results, struct finding *out, struct sm_error *err)
{
	sm_name id = run->cases[c].id, beside = reference < 0 ? sm_none : run->cases[reference].id;
	const struct side now = gate_side(run, id, beside);
	struct side before = gate_earlier_side(baseline, id, beside, results);
	const char *disturbed = before.disturbed;
	double *x, *y;
	size_t nx, ny;

	out->evidence = sm_results_string(results, "%s: no comparison", run->cases[c].name);
	before.disturbed = NULL; /* there is no other: show its figures all the same */
	x = malloc((gate_most_blocks(&now) + gate_most_blocks(&before) + 1) * sizeof(*x));
	if (!x)
		return sm_fail(err, ENOMEM, "no memory for the blocks");
	out->klass = gate_meet(&now, &before, 1, x);
	if (out->klass == sm_none) {
		out->klass = NULL;
		out->distrust = gate_why_apart(&now, &before, 1, results);
	} else {
		nx = gate_values(&now, out->klass, x);
		y = x + nx;
		ny = gate_values(&before, out->klass, y);
		shift(min, max, x, nx, y, ny, out);
		out->distrust = gate_disturbed(run, c, reference >= 0, "this run", results);
		if (!out->distrust)
			out->distrust = disturbed;
		say(run, c, reference, min, max, results, out);
	}
	free(x);
	return 0;
}
