/* Sets aside successful trials whose times must not be used: those of a case that still drifts, and those of an open
 * loop that did not reach its offered rate. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

void sm_analysis_put_aside(struct sm_analysis *a, size_t s, enum sm_status status, const char *reason)
{
	struct sm_value *found = &a->results->samples[s].found;

	found->status = status;
	found->reason = reason;
	found->value = NAN;
	a->view[s].cells = 0;
}

/* Writes the times of a trial's pure slices in its class, in order; returns how many. */
static size_t times_of(const struct sm_analysis *a, size_t s, double *times)
{
	const struct sm_sample_view *view = &a->view[s];
	sm_name klass = a->results->samples[s].found.klass;
	size_t count = 0;

	for (size_t i = view->first; i < view->first + view->count; i++) {
		const struct sm_slice_row *slice = &a->results->slices[a->slice_order[i]];

		if (slice->purity == SM_PURE && slice->klass == klass)
			times[count++] = (double)slice->ns / (double)slice->ops;
	}
	return count;
}

/* Compares the last third of each of a case's trials with its first.  `times` and `work` have room for the slices of a
 * trial, `log_ratios` for the trials. */
static struct sm_trend trend_of(const struct sm_analysis *a, size_t c, double *times, double *work, double *log_ratios)
{
	const struct sm_case_view *view = &a->case_view[c];
	size_t count = 0;

	for (size_t i = view->first; i < view->first + view->count; i++) {
		size_t s = a->sample_order[i];

		if (a->results->samples[s].found.status != SM_OK || a->view[s].cells == 0)
			continue;
		double drift = sm_trend_of_trial(times, times_of(a, s, times), work);

		if (isfinite(drift))
			log_ratios[count++] = drift;
	}
	return sm_trend_judge(log_ratios, count);
}

/* The share of the slices of a case's trials that do not count. */
static double share_dropped(const struct sm_analysis *a, size_t c)
{
	const struct sm_case_view *view = &a->case_view[c];
	size_t slices = 0, dropped = 0;

	for (size_t i = view->first; i < view->first + view->count; i++) {
		const struct sm_sample_view *sample = &a->view[a->sample_order[i]];

		for (size_t k = 0; sample->ended_ok && k < sample->count; k++, slices++)
			dropped += a->results->slices[a->slice_order[sample->first + k]].purity != SM_PURE;
	}
	return slices ? (double)dropped / (double)slices : (double)NAN;
}

/* Judges a case over all its trials: dropping only the trials that drift would select by outcome. */
static void judge_case(struct sm_analysis *a, size_t c, double *times, double *work, double *log_ratios)
{
	const struct sm_case_view *view = &a->case_view[c];
	struct sm_trend trend;
	const char *reason;

	a->case_view[c].dropped = NAN;
	if (a->results->cases[c].derived)
		return;
	trend = trend_of(a, c, times, work, log_ratios);
	a->case_view[c].trend = trend;
	a->case_view[c].dropped = share_dropped(a, c);
	if (trend.verdict != SM_TREND_UNSETTLED)
		return;
	reason = sm_results_string(
		a->results,
		"not settled: the last third of a trial takes %.3g times as long as the first (%.3g %% "
		"interval %.3g to %.3g)",
		trend.ratio.estimate, 100 * trend.ratio.confidence, trend.ratio.low, trend.ratio.high);
	for (size_t i = view->first; i < view->first + view->count; i++)
		if (a->results->samples[a->sample_order[i]].found.status == SM_OK)
			sm_analysis_put_aside(a, a->sample_order[i], SM_UNSETTLED, reason);
}

/* The latency of an open loop belongs to its offered rate: a trial that did not reach that rate has none. */
static void judge_rates(struct sm_analysis *a)
{
	for (size_t i = 0; i < a->results->metric_count; i++) {
		const struct sm_metric_row *metric = &a->results->metrics[i];
		long s = sm_analysis_sample_of(a, metric->trial);

		if (s < 0 || !(metric->value < SM_ACHIEVED_MIN))
			continue;
		size_t c = a->results->samples[s].case_index;
		const struct sm_scenario *scenario = a->group[a->case_view[c].group].scenario;

		if (!scenario || !scenario->achieved || sm_name_of(scenario->achieved) != metric->metric)
			continue;
		a->results->samples[s].behind = true;
		if (a->results->samples[s].found.status == SM_OK)
			sm_analysis_put_aside(a, (size_t)s, SM_SATURATED,
					      sm_results_string(a->results,
								"saturated: %.1f %% of the offered rate was achieved, "
								"and %.0f %% are needed for a latency",
								100 * metric->value, 100 * SM_ACHIEVED_MIN));
	}
}

bool sm_analysis_is_timed(const struct sm_case_row *row)
{
	return row->unit_kind == SM_UNIT_NS || row->unit_kind == SM_UNIT_RATE;
}

/* A metric that is a time is not used where its trial's time is not.  Rates of a saturated open loop are kept: they are
 * what it achieved.  Rates of a case that drifts are not used.  Counts and sizes are kept. */
static void judge_metrics(struct sm_analysis *a)
{
	for (size_t i = 0; i < a->results->sample_count; i++) {
		const struct sm_sample *sample = &a->results->samples[i];
		const struct sm_case_row *row = &a->results->cases[sample->case_index];
		long s = sample->derived ? sm_analysis_sample_of(a, sample->trial) : -1;

		if (s < 0)
			continue;
		const struct sm_value *found = &a->results->samples[s].found;

		if (sm_analysis_is_timed(row) && (found->status == SM_UNSETTLED ||
						  (found->status == SM_SATURATED && row->unit_kind != SM_UNIT_RATE)))
			sm_analysis_put_aside(a, i, found->status, found->reason);
	}
}

int sm_analysis_settle(struct sm_analysis *a, struct sm_error *err)
{
	size_t longest = 0, most = 0;
	double *times;

	for (size_t s = 0; s < a->results->sample_count; s++)
		longest = a->view[s].count > longest ? a->view[s].count : longest;
	for (size_t c = 0; c < a->results->case_count; c++)
		most = a->case_view[c].count > most ? a->case_view[c].count : most;
	times = malloc((2 * longest + most + 1) * sizeof(*times));
	if (!times)
		return sm_fail(err, ENOMEM, "no memory for %zu slices", longest);
	judge_rates(a);
	for (size_t c = 0; c < a->results->case_count; c++)
		judge_case(a, c, times, times + longest, times + 2 * longest);
	judge_metrics(a);
	free(times);
	return 0;
}

const char *sm_analysis_set_aside(const struct sm_analysis *a, size_t left, size_t right)
{
	const size_t side[2] = { left, right };

	for (unsigned k = 0; k < 2; k++) {
		const struct sm_case_view *view = &a->case_view[side[k]];

		for (size_t i = view->first; i < view->first + view->count; i++) {
			const struct sm_value *found = &a->results->samples[a->sample_order[i]].found;

			if (found->status == SM_UNSETTLED || found->status == SM_SATURATED)
				return sm_results_string(a->results, "%s is %s", a->results->cases[side[k]].variant,
							 found->reason);
		}
	}
	return NULL;
}
