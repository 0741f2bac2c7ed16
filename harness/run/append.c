/* Turns the result of a trial into rows of the run's files. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "session.h"
#include "shmeter/file_system.h"

static const char *copy(struct session *session, const char *text)
{
	return sm_results_copy(session->results, text);
}

static void case_row(struct session *session, const struct sm_planned_case *planned, enum sm_placement relation,
		     struct sm_case_row *row)
{
	const struct sm_case *c = &planned->c;
	const struct sm_scenario *scenario = c->scenario;
	bool region = sm_case_has_region(c);
	char params[160], pages[16], numa[24], file_system[SM_FILE_SYSTEM_MAX] = "-";

	/* A scenario whose memory is a file, and which has no region, makes the file itself. */
	if ((region ? c->memory.backing : scenario->memory.backing) == SM_FILE &&
	    sm_file_system_name(session->context.os, session->context.file_folder, file_system, sizeof(file_system),
				NULL) < 0)
		snprintf(file_system, sizeof(file_system), "-");
	sm_case_params(c, ' ', params, sizeof(params));
	*row = (struct sm_case_row){
		.id = planned->id,
		.group = planned->group_id,
		.scenario = sm_name_of(scenario->name),
		.variant = sm_name_of(sm_case_variant(c)->name),
		.params = sm_name_of(params),
		.placement = c->placement,
		.relation = relation,
		.backing = sm_name_of(region ? sm_backing_name(c->memory.backing) : "none"),
		.pages = sm_name_of(region ? sm_pages_name(c->memory.pages, pages) : "none"),
		.page_bytes = region ? c->memory.pages.bytes : 0,
		.prefault = sm_name_of(region ? sm_prefault_name(c->memory.prefault) : "none"),
		.numa = sm_name_of(region ? sm_numa_name(c->memory, numa) : "none"),
		.file_system = sm_name_of(file_system),
		.unit = sm_name_of(scenario->metric.unit),
		.metric = sm_name_of(scenario->metric.name),
		.transfers_per_op = scenario->transfers_per_op,
		.bytes_per_op = scenario->bytes_per_op ? (double)scenario->bytes_per_op(c) : 0,
		.workers = c->workers,
	};
}

static size_t counter_rows(struct session *session, unsigned trial, const struct sm_trial_result *result,
			   struct sm_counter_row rows[SM_EVENTS_MAX])
{
	const struct sm_event_set *events = session->events;
	size_t count = events && result->status == SM_OK ? events->count : 0;

	for (size_t i = 0; i < count; i++) {
		const struct sm_count *one = &result->count[i];
		char identity[2 * SM_EVENT_TEXT_MAX];

		sm_event_identity(events, (unsigned)i, one->pmus, identity, sizeof(identity));
		rows[i] = (struct sm_counter_row){
			.trial = trial,
			.event = sm_name_of(events->event[i].name),
			.fstr = copy(session, identity),
			.raw = one->raw,
			.enabled_ns = one->enabled_ns,
			.running_ns = one->running_ns,
			.scope = events->event[i].scope,
			.state = one->state,
		};
	}
	return count;
}

/* The buckets of a trial's distribution; the caller frees them.  NULL: no memory. */
static struct sm_bucket_row *bucket_rows(unsigned trial, const struct sm_trial_result *result, size_t *count)
{
	const struct sm_histogram *h = result->status == SM_OK ? result->histogram : NULL;
	struct sm_bucket_row *rows;
	size_t used = 0;

	for (unsigned i = 0; h && i < SM_HISTOGRAM_BUCKETS; i++)
		used += h->bucket[i] > 0;
	rows = calloc(used + 1, sizeof(*rows));
	*count = used;
	used = 0;
	for (unsigned i = 0; rows && h && i < SM_HISTOGRAM_BUCKETS; i++)
		if (h->bucket[i] > 0)
			rows[used++] =
				(struct sm_bucket_row){ trial, sm_histogram_value(h, i), h->bucket[i], h->count };
	return rows;
}

/* The visits of a trial, rounded as in the file; the caller frees them.  NULL: no memory. */
static struct sm_visit_row *visit_rows(unsigned trial, const struct sm_trial_result *result, const struct sm_tour *tour,
				       size_t *count)
{
	struct sm_visit_row *rows = calloc(result->visit_count + 1, sizeof(*rows));

	*count = 0;
	for (size_t i = 0; rows && tour && result->status == SM_OK && i < result->visit_count; i++) {
		const struct sm_visit *visit = &result->visit[i];
		const struct sm_tour_pair *pair = &tour->pair[visit->pair];

		if (isfinite(visit->ns))
			rows[(*count)++] = (struct sm_visit_row){
				.trial = trial,
				.from = tour->pu[pair->from],
				.to = tour->pu[pair->to],
				.company = visit->company,
				.ns = sm_store_round_time(visit->ns),
				.low = sm_store_round_time(visit->low),
				.high = sm_store_round_time(visit->high),
			};
	}
	for (size_t i = 0; i < *count; i++) {
		rows[i].visit = (unsigned)i;
		rows[i].visits = (unsigned)*count;
	}
	return rows;
}

static size_t metric_rows(const struct sm_scenario *scenario, unsigned trial, const struct sm_trial_result *result,
			  struct sm_metric_row rows[SM_MORE_MAX])
{
	size_t count = 0;

	while (result->status == SM_OK && count < SM_MORE_MAX && scenario->more[count].name) {
		const struct sm_metric *metric = &scenario->more[count];

		rows[count] = (struct sm_metric_row){ trial, sm_name_of(metric->name), sm_name_of(metric->unit),
						      sm_store_round(result->more[count]) };
		count++;
	}
	return count;
}

/* Keeps the rows for the analysis at the end of the run, rounded, so that it gives the same results as `report`. */
static void keep(struct session *session, const struct sm_trial_rows *rows)
{
	struct sm_results *results = session->results;

	sm_results_take(results, rows->c, rows->sample);
	for (size_t i = 0; i < rows->slice_count; i++)
		*sm_results_add_slice(results) = rows->slices[i].row;
	for (size_t i = 0; i < rows->counter_count; i++)
		*sm_results_add_counter(results) = rows->counters[i];
	for (size_t i = 0; i < rows->metric_count; i++)
		*sm_results_add_metric(results) = rows->metrics[i];
	for (size_t i = 0; i < rows->bucket_count; i++)
		*sm_results_add_bucket(results) = rows->buckets[i];
	for (size_t i = 0; i < rows->visit_count; i++)
		*sm_results_add_visit(results) = rows->visits[i];
}

int session_append(struct session *session, unsigned trial, const struct sm_step *step,
		   const struct sm_trial_result *result, const struct sm_tour *tour, struct sm_error *err)
{
	const struct sm_planned_case *planned = &session->plan.cases[step->case_index];
	struct sm_counter_row counters[SM_EVENTS_MAX];
	struct sm_metric_row metrics[SM_MORE_MAX];
	struct sm_case_row row;
	struct sm_sample sample = {
		.trial = trial,
		.block = step->block,
		.order = step->order,
		.pus = copy(session, result->pus),
		.nodes = copy(session, result->nodes),
		.shared_pus = result->shared_pu,
		.pages_got = copy(session, result->pages_got),
		.page_bytes_got = result->page_bytes_got,
		.slices = result->slice_count,
		.warm_slices = result->warm_slices,
		.warm_ns = result->warm_ns,
		.flat = result->flat,
		.region_kept = result->kept,
		.ops = result->ops,
		.elapsed_ns = result->elapsed_ns,
		.cpu_ns = result->cpu_ns,
		.minflt = (unsigned)result->minflt,
		.majflt = (unsigned)result->majflt,
		.nvcsw = (unsigned)result->nvcsw,
		.nivcsw = (unsigned)result->nivcsw,
		.migrations = (unsigned)result->migrations,
		.steal_ns = result->steal_ns,
		.throttled_ns = sm_store_round(result->throttled_ns),
		.started_ns = result->started_ns > session->start_ns
				      ? session->resumed_ns + result->started_ns - session->start_ns
				      : 0,
		.wall_ns = result->wall_ns,
		.reason = copy(session, result->reason),
		.ended = result->status,
	};
	struct sm_trial_rows rows = { .c = &row,
				      .sample = &sample,
				      .slices = result->slice,
				      .counters = counters,
				      .metrics = metrics,
				      .slice_count = result->slice_count };
	struct sm_bucket_row *buckets = bucket_rows(trial, result, &rows.bucket_count);
	struct sm_visit_row *visits = visit_rows(trial, result, tour, &rows.visit_count);
	int rc;

	for (unsigned i = 0; i < result->slice_count; i++) {
		result->slice[i].row.trial = trial;
		sm_store_round_slice(&result->slice[i]);
	}
	case_row(session, planned, result->relation, &row);
	rows.counter_count = counter_rows(session, trial, result, counters);
	rows.metric_count = metric_rows(planned->c.scenario, trial, result, metrics);
	rows.buckets = buckets;
	rows.visits = visits;
	rc = buckets && visits ? sm_store_append(session->store, &rows, err)
			       : sm_fail(err, ENOMEM, "no memory for the rows of a trial");
	if (rc == 0)
		keep(session, &rows);
	free(buckets);
	free(visits);
	return rc;
}
