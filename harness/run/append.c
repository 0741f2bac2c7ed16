/* A trial's result as the rows of its files. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* Share of a slice that an involuntary switch may cost before the slice counts as disturbed.  A kernel
 * thread's few microseconds do not spoil tens of milliseconds; of a millisecond they are more. */
#define AWAY_MAX 0.01

/* Texts that a case row points to. */
struct texts {
	char params[160], pages[16], numa[24];
};

static void case_row(const struct sm_planned_case *planned, enum sm_placement relation,
		     struct sm_case_row *row, struct texts *texts)
{
	const struct sm_case *c = &planned->c;
	const struct sm_scenario *scenario = c->scenario;
	bool region = sm_case_has_region(c);

	sm_case_params(c, ' ', texts->params, sizeof(texts->params));
	*row = (struct sm_case_row){
		.id = planned->id,
		.group = planned->group_id,
		.scenario = scenario->name,
		.variant = sm_case_variant(c)->name,
		.params = texts->params,
		.placement = sm_placement_name(c->placement),
		.relation = relation == SM_PLACE_UNSET ? "-" : sm_placement_name(relation),
		.backing = region ? sm_backing_name(c->memory.backing) : "none",
		.pages = region ? sm_pages_name(c->memory.pages, texts->pages) : "none",
		.prefault = region ? sm_prefault_name(c->memory.prefault) : "none",
		.numa = region ? sm_numa_name(c->memory, texts->numa) : "none",
		.unit = scenario->metric.unit,
		.metric = scenario->metric.name,
		.transfers_per_op = scenario->transfers_per_op,
		.bytes_per_op = scenario->bytes_per_op ? (double)scenario->bytes_per_op(c) : 0,
		.workers = c->workers,
	};
}

static const char *slice_reason(const struct sm_trial_slice *slice, bool shared_pu,
				unsigned workers)
{
	if (slice->pin_lost)
		return "pin lost";
	/* Workers that share a PU are switched all the time: there it is no disturbance.  Nor is it where
	 * a long slice lost next to nothing by it. */
	if (slice->involuntary > 0 && !shared_pu && slice->away_share > AWAY_MAX)
		return "involuntary switch";
	if (workers > 2 && !slice->pairs_agree)
		return "probes disagree";
	return "-";
}

static struct sm_slice_row *slice_rows(unsigned trial, const struct sm_trial_result *result,
				       unsigned workers)
{
	struct sm_slice_row *rows = calloc(result->slice_count + 1, sizeof(*rows));

	for (unsigned i = 0; rows && i < result->slice_count; i++) {
		const struct sm_trial_slice *slice = &result->slice[i];

		rows[i] = (struct sm_slice_row){
			.trial = trial,
			.slice = i,
			.ops = slice->ops,
			.ns = slice->ns,
			.skew_ns = slice->start_skew_ns,
			.probe_before_ns = slice->probe_before_ns,
			.probe_after_ns = slice->probe_after_ns,
			.klass = "-",
			.reason = slice_reason(slice, result->shared_pu, workers),
		};
	}
	return rows;
}

static size_t counter_rows(const struct sm_event_set *events, unsigned trial,
			   const struct sm_trial_result *result, unsigned workers,
			   struct sm_counter_row rows[SM_EVENTS_MAX])
{
	size_t count = events && result->status == SM_OK ? events->count : 0;

	for (size_t i = 0; i < count; i++) {
		const struct sm_count *one = &result->count[i];
		bool valued = one->state == SM_COUNTED || one->state == SM_SCALED;

		rows[i] = (struct sm_counter_row){
			.trial = trial,
			.event = events->event[i].name,
			.fstr = events->event[i].fstr,
			.raw = one->raw,
			.value = valued ? one->value : NAN,
			.per_op = valued && result->ops
					  ? one->value / ((double)result->ops * workers)
					  : NAN,
			.enabled_ns = one->enabled_ns,
			.running_ns = one->running_ns,
			.scope = sm_count_scope_name(events->event[i].scope),
			.state = sm_count_state_name(one->state),
		};
	}
	return count;
}

static size_t metric_rows(const struct sm_scenario *scenario, unsigned trial,
			  const struct sm_trial_result *result,
			  struct sm_metric_row rows[SM_MORE_MAX])
{
	size_t count = 0;

	while (result->status == SM_OK && count < SM_MORE_MAX && scenario->more[count].name) {
		rows[count] =
			(struct sm_metric_row){ trial, scenario->more[count].name,
						scenario->more[count].unit, result->more[count] };
		count++;
	}
	return count;
}

int session_append(struct session *session, unsigned trial, const struct sm_step *step,
		   const struct sm_trial_result *result, struct sm_error *err)
{
	const struct sm_planned_case *planned = &session->plan.cases[step->case_index];
	unsigned workers = planned->c.workers;
	struct sm_counter_row counters[SM_EVENTS_MAX];
	struct sm_metric_row metrics[SM_MORE_MAX];
	struct sm_case_row row;
	struct texts texts;
	struct sm_sample sample = {
		.trial = trial,
		.block = step->block,
		.order = step->order,
		.pus = result->pus,
		.pages_got = result->pages_got[0] ? result->pages_got : "none",
		.klass = "-",
		.slices = result->slice_count,
		.ops = result->ops,
		.elapsed_ns = result->elapsed_ns,
		.value = NAN,
		.cpu_ns_per_op = result->ops ? (double)result->cpu_ns / (double)result->ops : NAN,
		.minflt = result->minflt,
		.majflt = result->majflt,
		.nvcsw = result->nvcsw,
		.nivcsw = result->nivcsw,
		.migrations = result->migrations,
		.steal_ns = result->steal_ns,
		.wall_ns = result->wall_ns,
		.reason = result->reason,
		.status = result->status,
	};
	struct sm_slice_row *slices = slice_rows(trial, result, workers);
	struct sm_trial_rows rows = { .c = &row,
				      .sample = &sample,
				      .slices = slices,
				      .counters = counters,
				      .metrics = metrics,
				      .slice_count = result->slice_count };
	int rc;

	if (!slices)
		return sm_fail(err, ENOMEM, "no memory for the slices of trial %u", trial);
	case_row(planned, result->relation, &row, &texts);
	rows.counter_count = counter_rows(session->events, trial, result, workers, counters);
	rows.metric_count = metric_rows(planned->c.scenario, trial, result, metrics);
	rc = sm_store_append(session->store, &rows, err);
	free(slices);
	return rc;
}
