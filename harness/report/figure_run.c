/* The data of the figures that are about the whole run. */
#include <math.h>
#include <string.h>

#include "figures.h"
#include "words.h"

void figures_put_field(FILE *out, const char *text)
{
	fputc('"', out);
	sm_put_encoded(out, SM_TO_GNUPLOT_DATA, text);
	fputs("\" ", out);
}

void figures_labels(struct figure *f, size_t longest)
{
	unsigned labels = 7 * (unsigned)longest + 20, used = (unsigned)strlen(f->variables);

	f->width = labels + 420 > 900 ? labels + 420 : 900;
	snprintf(f->variables + used, sizeof(f->variables) - used, "left = %.4f\n", (double)labels / f->width);
}

/* y label ratio low high verdict(1..4) */
size_t figures_ratios(const struct sm_results *r, struct figure *figure, FILE *out)
{
	size_t count = 0, longest = 0;

	for (size_t i = r->pair_count; i-- > 0;) {
		const struct sm_pair_row *pair = &r->pairs[i];
		char label[320], point[160];

		if (!pair->leading || !isfinite(pair->ratio.estimate) || !isfinite(pair->ratio.low) ||
		    (pair->claim == sm_none && !pair->control))
			continue;
		words_point(pair->params, pair->placement, point, sizeof(point));
		snprintf(label, sizeof(label), "%s  %s / %s  (%s)", pair->claim, pair->left, pair->right, point);
		longest = strlen(label) > longest ? strlen(label) : longest;
		fprintf(out, "%zu ", ++count);
		figures_put_field(out, label);
		fprintf(out, "%.6g %.6g %.6g %d\n", pair->ratio.estimate, pair->ratio.low, pair->ratio.high,
			(int)pair->verdict);
	}
	figures_labels(figure, longest);
	return count;
}

static double faults_per_op(const struct sm_results *r, unsigned case_index)
{
	sm_name faults = sm_name_of("minor-faults");

	for (size_t s = 0; s < r->sample_count; s++)
		for (size_t i = 0; r->samples[s].case_index == case_index && i < r->counter_count; i++)
			if (r->counters[i].trial == r->samples[s].trial && r->counters[i].event == faults &&
			    isfinite(r->counters[i].per_op))
				return r->counters[i].per_op;
	return NAN;
}

/* y label ns faults: the cost of a page, and the page faults per page. */
size_t figures_faults(const struct sm_results *r, struct figure *f, FILE *out)
{
	sm_name touch = sm_name_of("first_touch"), prefault = sm_name_of("prefault");
	size_t count = 0, longest = 0;

	for (size_t i = r->summary_count; i-- > 0;) {
		const struct sm_summary_row *s = &r->summaries[i];
		const struct sm_case_row *c = &r->cases[s->case_index];
		double faults;
		char label[256];

		if ((c->scenario != touch && c->scenario != prefault) || !isfinite(s->value.estimate))
			continue;
		faults = faults_per_op(r, s->case_index);
		if (!isfinite(faults))
			continue;
		snprintf(label, sizeof(label), "%s %s (%s)", c->scenario, c->variant, c->params);
		longest = strlen(label) > longest ? strlen(label) : longest;
		fprintf(out, "%zu ", ++count);
		figures_put_field(out, label);
		fprintf(out, "%.6g %.6g\n", s->value.estimate, faults);
	}
	f->height = 180 + 24 * (unsigned)count;
	figures_labels(f, longest);
	return count;
}

/* trial value-over-case-median class-number steal% */
size_t figures_runchart(const struct sm_results *r, struct figure *f, FILE *out)
{
	size_t count = 0;

	(void)f;
	for (size_t i = 0; i < r->sample_count; i++) {
		const struct sm_sample *s = &r->samples[i];
		struct sm_class_words klass = sm_class_words(s->found.klass);
		double median = NAN;

		for (size_t j = 0; j < r->summary_count; j++)
			if (r->summaries[j].case_index == s->case_index)
				median = r->summaries[j].value.estimate;
		if (s->derived || s->found.status != SM_OK || !isfinite(s->found.value) || !isfinite(median) ||
		    median <= 0)
			continue;
		fprintf(out, "%u %.6g %d %.6g\n", s->trial, s->found.value / median,
			klass.alone   ? 0
			: klass.turns ? 1
				      : 2,
			s->wall_ns ? 100.0 * (double)s->steal_ns / (double)s->wall_ns : 0.0);
		count++;
	}
	return count;
}

/* Whether a trial had one worker.  Slices are sorted by trial, so the search starts where the last one ended. */
static bool was_alone(const struct sm_results *r, unsigned trial, size_t *from)
{
	for (size_t n = 0; n < r->sample_count; n++) {
		size_t i = (*from + n) % r->sample_count;

		if (r->samples[i].trial != trial)
			continue;
		*from = i;
		return r->cases[r->samples[i].case_index].workers < 2;
	}
	return false;
}

/* A histogram of the probes on a logarithmic scale: 24 bins per decade. */
size_t figures_probes(const struct sm_results *r, struct figure *f, FILE *out)
{
	enum { BINS = 24 * 8 };
	unsigned bin[BINS] = { 0 };
	size_t count = 0, sample = 0;

	(void)f;
	for (size_t i = 0; i < r->slice_count; i++) {
		double ns = r->slices[i].probe_before_ns;

		/* the probe of a single worker is not a round trip */
		if (!isfinite(ns) || ns < 1 || was_alone(r, r->slices[i].trial, &sample))
			continue;
		int at = (int)(24 * log10(ns));

		bin[at < BINS ? at : BINS - 1]++;
		count++;
	}
	for (int i = 0; i < BINS; i++)
		if (bin[i])
			fprintf(out, "%.6g %u\n", pow(10, (i + 0.5) / 24), bin[i]);
	return count;
}
