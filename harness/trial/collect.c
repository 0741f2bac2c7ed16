/* Collects what the workers of a trial left in its control area: slices, counts, results to verify. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hold.h"
#include "shmeter/stats.h"

void trial_end_with(struct hold *hold, enum sm_status status, const char *reason)
{
	hold->result->status = status;
	snprintf(hold->result->reason, sizeof(hold->result->reason), "%s", reason);
}

static struct sm_probes probes_at(const struct control *control, unsigned gate)
{
	struct sm_probes probes = { .count = control->probes };

	memcpy(probes.ns, control->probe[gate].pair_ns, probes.count * sizeof(*probes.ns));
	for (unsigned i = 0; i < control->probes; i++)
		if (!(probes.ns[i] > 0) || !isfinite(probes.ns[i])) /* the clock stood still */
			probes.count = 0;
	return probes;
}

/* Whether the scenario ends the slices of this request by the clock. */
static bool ends_by_clock(const struct hold *hold)
{
	return hold->c.scenario->ends == SM_FIRST_DONE_OR_CLOCK && hold->request->slice_ns > 0;
}

/* Whether a worker may do fewer operations than asked: where the clock or the first worker to finish ends a slice. */
static bool may_do_less(const struct hold *hold)
{
	return ends_by_clock(hold) || (hold->c.scenario->ends != SM_EACH_ALL && !hold->c.shared_pu);
}

/* Whether a worker did all operations that were asked for.  If not, only the clock may have ended the slice. */
static bool one_did_all(const struct hold *hold, unsigned number)
{
	if (ends_by_clock(hold))
		return true;
	for (unsigned i = 0; i < hold->control->workers; i++)
		if (control_note(hold->control, i, number)->ops == hold->control->op_count)
			return true;
	return false;
}

/* How long a worker was kept off its PU.  Time without CPU may also be a voluntary sleep, so the time that it waited
 * for the PU is the better number where it is known. */
static uint64_t away_ns(const struct slice_note *note)
{
	uint64_t took = note->end_ns - note->start_ns;
	uint64_t off = took > note->cpu_ns ? took - note->cpu_ns : 0;

	return note->waited_ns < off ? note->waited_ns : off;
}

/* Combines the notes of all workers on one slice.  Returns false where a worker did too few operations. */
static bool collect_slice(struct hold *hold, unsigned number, struct sm_slice_facts *facts)
{
	struct sm_trial_result *result = hold->result;
	struct control *control = hold->control;
	struct sm_slice_row *out = &facts->row;
	uint64_t first = UINT64_MAX, last_start = 0, last = 0, done = 0, away, longest_away = 0, measured = 0;
	char text[SM_ERROR_TEXT_MAX];

	memset(facts, 0, sizeof(*facts));
	out->slice = result->slice_count - 1;
	out->ops = control->op_count;
	for (unsigned i = 0; i < control->workers; i++) {
		const struct slice_note *note = control_note(control, i, number);

		if ((note->ops != control->op_count &&
		     !(may_do_less(hold) && note->ops < control->op_count && one_did_all(hold, number))) ||
		    note->end_ns < note->start_ns) {
			snprintf(text, sizeof(text),
				 "worker %u did %" PRIu64 " of %" PRIu64 " operations in slice %u%s", i, note->ops,
				 control->op_count, number,
				 note->end_ns < note->start_ns ? ", and the clock went backwards" : "");
			trial_end_with(hold, SM_VERIFY_FAILED, text);
			return false;
		}
		done += note->ops;
		first = note->start_ns < first ? note->start_ns : first;
		last_start = note->start_ns > last_start ? note->start_ns : last_start;
		last = note->end_ns > last ? note->end_ns : last;
		measured = note->time_ns > measured ? note->time_ns : measured;
		facts->nvcsw += (unsigned)note->nvcsw;
		out->nivcsw += (unsigned)note->nivcsw;
		out->pin_lost |= note->pin_lost;
		facts->cpu_ns += note->cpu_ns;
		away = away_ns(note);
		longest_away = away > longest_away ? away : longest_away;
		result->minflt += note->minflt;
		result->majflt += note->majflt;
		result->nvcsw += note->nvcsw;
		result->nivcsw += note->nivcsw;
		result->migrations += note->pin_lost;
	}
	if (may_do_less(hold)) /* at least 1, so that there is a time per operation */
		out->ops = done > control->workers ? (done + control->workers / 2) / control->workers : 1;
	out->ns = hold->c.scenario->self_timed ? measured : last - first;
	facts->skew_ns = last_start - first;
	out->away_share = last > first ? (float)((double)longest_away / (double)(last - first)) : 0;
	facts->before = probes_at(control, number);
	facts->after = probes_at(control, number + 1);
	sm_slice_take_probes(facts);
	result->cpu_ns += facts->cpu_ns;
	result->ops += out->ops;
	result->elapsed_ns += out->ns;
	result->timed_ns += last - first;
	result->last_slice_ns = last - first;
	return true;
}

/* A calibration keeps no slices, only the time of the last one and the time of all together. */
static void collect_calibration(struct hold *hold)
{
	for (unsigned number = 0; number < hold->control->done_slices; number++) {
		hold->result->last_slice_ns = control_makespan_ns(hold->control, number);
		hold->result->timed_ns += hold->result->last_slice_ns;
	}
}

static int collect_slices(struct hold *hold, struct sm_error *err)
{
	struct sm_trial_result *result = hold->result;
	struct control *control = hold->control;
	unsigned skip = control->first;

	result->op_count = control->op_count;
	result->warm_slices = control->first;
	result->warm_ns = control->warm_ns;
	result->flat = control->flat;
	if (hold->request->calibrate)
		collect_calibration(hold);
	if (hold->request->calibrate || control->done_slices <= skip)
		return 0;
	result->slice = calloc(control->done_slices - skip, sizeof(*result->slice));
	if (!result->slice)
		return sm_fail(err, ENOMEM, "no memory for %u slices", control->done_slices);
	for (unsigned number = skip; number < control->done_slices; number++)
		if (!collect_slice(hold, number, &result->slice[result->slice_count++]))
			return 0;
	return 0;
}

/* The event gets the worst state of the workers' counters; values are added up. */
static void collect_counts(struct hold *hold)
{
	const struct sm_event_set *events = hold->context->events;

	for (unsigned e = 0; events && e < events->count; e++) {
		struct sm_count *sum = &hold->result->count[e];

		for (unsigned i = 0; i < hold->control->workers; i++) {
			const struct sm_count *one = &hold->control->slot[i].count[e];

			sum->state = one->state > sum->state ? one->state : sum->state;
			sum->raw += one->raw;
			sum->value += one->value;
			sum->enabled_ns += one->enabled_ns;
			sum->running_ns += one->running_ns;
			sum->pmus |= one->pmus;
		}
	}
}

static void collect_rest(struct hold *hold)
{
	const struct control *control = hold->control;
	struct sm_trial_result *result = hold->result;

	if (hold->trial.region) {
		struct sm_pages pages = control->slot[0].got.pages;

		for (unsigned i = 1; i < control->workers; i++)
			if (control->slot[i].got.pages.bytes != pages.bytes)
				pages.kind = SM_PAGES_UNSET;
		if (control->slot[0].got.unknown) {
			snprintf(result->pages_got, sizeof(result->pages_got), "unknown");
		} else if (pages.kind == SM_PAGES_UNSET) {
			snprintf(result->pages_got, sizeof(result->pages_got), "mixed");
		} else {
			sm_pages_name(pages, result->pages_got);
			result->page_bytes_got = pages.bytes;
		}
	}
	if (control->series && control->series->count > 0 && (result->series = malloc(sizeof(*result->series))))
		memcpy(result->series, control->series, sizeof(*result->series));
	if (!control->histogram)
		return;
	result->histogram = calloc(1, sizeof(*result->histogram));
	for (unsigned i = 0; result->histogram && i < control->workers; i++)
		sm_histogram_merge(result->histogram, &control->histogram[i]);
}

static int by_time(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The order statistics of a visit's samples. */
static struct sm_visit visit_of(struct visit_note *note, uint64_t trips)
{
	struct sm_visit visit = { note->pair, note->company, (double)NAN, (double)NAN, (double)NAN };
	const double ops = (double)trips;

	qsort(note->ns, SM_VISIT_SAMPLES, sizeof(*note->ns), by_time);
	if (note->lost || note->ns[0] == 0)
		return visit;
	visit.low = note->ns[0] / ops;
	visit.ns = (note->ns[(SM_VISIT_SAMPLES - 1) / 2] + note->ns[SM_VISIT_SAMPLES / 2]) / 2.0 / ops;
	visit.high = note->ns[SM_VISIT_SAMPLES - 1] / ops;
	return visit;
}

/* The median duration of the rounds with one pair, and of those with more. */
static int collect_rounds(struct hold *hold, struct sm_error *err)
{
	const struct tour *tour = hold->control->tour;
	double *took_ns = calloc(tour->round + 1, sizeof(*took_ns));
	size_t alone = 0, company = 0;

	if (!took_ns)
		return sm_fail(err, ENOMEM, "no memory for %zu rounds", tour->round);
	for (size_t r = 0; r < tour->round; r++)
		if (tour_pairs(tour, r) == 1)
			took_ns[alone++] = tour->took_ns[r];
		else
			took_ns[tour->round - ++company] = tour->took_ns[r];
	hold->result->alone_ns = sm_median(took_ns, alone);
	hold->result->company_ns = sm_median(took_ns + alone, company);
	free(took_ns);
	return 0;
}

static int collect_tour(struct hold *hold, struct sm_error *err)
{
	struct sm_trial_result *result = hold->result;
	struct tour *tour = hold->control->tour;

	if (!tour)
		return 0;
	result->visit = calloc(tour->visits + 1, sizeof(*result->visit));
	if (!result->visit)
		return sm_fail(err, ENOMEM, "no memory for %zu visits", tour->visits);
	for (size_t i = 0; i < tour->visits; i++)
		result->visit[result->visit_count++] = visit_of(&tour->visit[i], tour->part.trips);
	result->rounds = tour->round;
	result->tour_ns = tour->end_ns - tour->begin_ns;
	return collect_rounds(hold, err);
}

/* Whether a trial with a tour has the time of no pair. */
static bool visited_none(const struct hold *hold)
{
	const struct sm_trial_result *result = hold->result;
	size_t i = 0;

	while (i < result->visit_count && !isfinite(result->visit[i].ns))
		i++;
	return hold->control->tour && i == result->visit_count;
}

static void prove(struct hold *hold)
{
	struct sm_error why = { 0 };

	for (unsigned i = 0; i < hold->control->workers; i++)
		hold->outcome[i] = &hold->control->slot[i].outcome;
	hold->trial.outcome = hold->outcome;
	hold->trial.histogram = hold->result->histogram;
	if (hold->c.scenario->verify(&hold->trial, &why) < 0)
		trial_end_with(hold, SM_VERIFY_FAILED, why.text);
	else if (hold->c.scenario->measure)
		hold->c.scenario->measure(&hold->trial, hold->result->more);
}

int trial_collect(struct hold *hold, struct sm_error *err)
{
	int rc = collect_slices(hold, err);

	if (rc < 0)
		return rc;
	rc = collect_tour(hold, err);
	if (rc < 0)
		return rc;
	collect_counts(hold);
	collect_rest(hold);
	if (hold->result->status == SM_STATUS_NONE)
		prove(hold);
	if (hold->result->status == SM_STATUS_NONE && visited_none(hold))
		trial_end_with(hold, SM_DISTURBED, "no pair of PUs was visited: its processes were not on their PUs");
	if (hold->result->status == SM_STATUS_NONE)
		trial_end_with(hold, SM_OK, "-");
	return 0;
}
