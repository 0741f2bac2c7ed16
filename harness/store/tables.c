/* The columns of each file of a run (documented in results/README.md). */
#include "table.h"

#define TABLE(name, csv, columns) const struct table name = { csv, columns, sizeof(columns) / sizeof(columns[0]) }

static const char *status_word(int value)
{
	return sm_status_name((enum sm_status)value);
}

static const char *verdict_word(int value)
{
	return sm_verdict_name((enum sm_verdict)value);
}

static const char *placement_word(int value)
{
	return sm_placement_name((enum sm_placement)value);
}

static const char *state_word(int value)
{
	return sm_count_state_name((enum sm_count_state)value);
}

static const char *scope_word(int value)
{
	return sm_count_scope_name((enum sm_count_scope)value);
}

static const char *purity_word(int value)
{
	return sm_purity_name((enum sm_purity)value);
}

static const struct words endings = { status_word, SM_OK, SM_STATUS_MEASURED };
static const struct words statuses = { status_word, SM_OK, SM_STATUS_COUNT };
static const struct words verdicts = { verdict_word, SM_VERDICT_NONE, SM_NOT_TESTABLE + 1 };
static const struct words placements = { placement_word, SM_PLACE_UNSET, SM_PLACE_COUNT };
static const struct words states = { state_word, SM_COUNTED, SM_COUNT_STATE_COUNT };
static const struct words scopes = { scope_word, SM_SCOPE_USER, SM_SCOPE_USER_KERNEL + 1 };
static const struct words purities = { purity_word, SM_PURE, SM_PURITY_COUNT };

#define C(field) offsetof(struct sample_view, c.field)
#define S(field) offsetof(struct sample_view, s.field)
static const struct column samples[] = {
	{ "run", COLUMN_TEXT, offsetof(struct sample_view, run), true, NULL },
	{ "trial", COLUMN_UINT, S(trial), false, NULL },
	{ "scenario", COLUMN_NAME, C(scenario), false, NULL },
	{ "variant", COLUMN_NAME, C(variant), false, NULL },
	{ "params", COLUMN_NAMES, C(params), false, NULL },
	{ "placement", COLUMN_WORD, C(placement), false, &placements },
	{ "relation", COLUMN_WORD, C(relation), false, &placements },
	{ "pus", COLUMN_NAMES, S(pus), false, NULL },
	{ "nodes", COLUMN_NAMES, S(nodes), false, NULL },
	{ "shared_pus", COLUMN_FLAG, S(shared_pus), false, NULL },
	{ "workers", COLUMN_UINT, C(workers), false, NULL },
	{ "backing", COLUMN_NAME, C(backing), false, NULL },
	{ "file_system", COLUMN_NAME, C(file_system), false, NULL },
	{ "pages", COLUMN_NAME, C(pages), false, NULL },
	{ "page_bytes", COLUMN_U64, C(page_bytes), false, NULL },
	{ "pages_got", COLUMN_NAME, S(pages_got), false, NULL },
	{ "page_bytes_got", COLUMN_U64, S(page_bytes_got), false, NULL },
	{ "prefault", COLUMN_NAME, C(prefault), false, NULL },
	{ "numa", COLUMN_NAMES, C(numa), false, NULL },
	{ "block", COLUMN_UINT, S(block), false, NULL },
	{ "order", COLUMN_UINT, S(order), false, NULL },
	{ "slices", COLUMN_UINT, S(slices), false, NULL },
	{ "warm_slices", COLUMN_UINT, S(warm_slices), false, NULL },
	{ "warm_ns", COLUMN_U64, S(warm_ns), false, NULL },
	{ "flat", COLUMN_FLAG, S(flat), false, NULL },
	{ "region_kept", COLUMN_FLAG, S(region_kept), false, NULL },
	{ "ops", COLUMN_U64, S(ops), false, NULL },
	{ "elapsed_ns", COLUMN_U64, S(elapsed_ns), false, NULL },
	{ "cpu_ns", COLUMN_U64, S(cpu_ns), false, NULL },
	{ "unit", COLUMN_NAMES, C(unit), false, NULL },
	{ "metric", COLUMN_NAMES, C(metric), false, NULL },
	{ "transfers_per_op", COLUMN_REAL, C(transfers_per_op), false, NULL },
	{ "bytes_per_op", COLUMN_REAL, C(bytes_per_op), false, NULL },
	{ "minflt", COLUMN_UINT, S(minflt), false, NULL },
	{ "majflt", COLUMN_UINT, S(majflt), false, NULL },
	{ "nvcsw", COLUMN_UINT, S(nvcsw), false, NULL },
	{ "nivcsw", COLUMN_UINT, S(nivcsw), false, NULL },
	{ "migrations", COLUMN_UINT, S(migrations), false, NULL },
	{ "steal_ns", COLUMN_U64, S(steal_ns), false, NULL },
	{ "throttled_ns", COLUMN_MAYBE, S(throttled_ns), false, NULL },
	{ "started_ns", COLUMN_U64, S(started_ns), false, NULL },
	{ "wall_ns", COLUMN_U64, S(wall_ns), false, NULL },
	{ "group", COLUMN_NAMES, C(group), false, NULL },
	{ "case", COLUMN_NAMES, C(id), false, NULL },
	{ "reason", COLUMN_TEXT, S(reason), false, NULL },
	{ "status", COLUMN_WORD, S(ended), false, &endings },
};
TABLE(table_samples, "samples.csv", samples);
#undef C
#undef S

#define S(field) offsetof(struct sm_slice_facts, field)
static const struct column slices[] = {
	{ "trial", COLUMN_UINT, S(row.trial), false, NULL },
	{ "slice", COLUMN_UINT, S(row.slice), false, NULL },
	{ "ops", COLUMN_U64, S(row.ops), false, NULL },
	{ "ns", COLUMN_U64, S(row.ns), false, NULL },
	{ "cpu_ns", COLUMN_U64, S(cpu_ns), false, NULL },
	{ "skew_ns", COLUMN_U64, S(skew_ns), false, NULL },
	{ "probe_before_ns", COLUMN_PROBES, S(before), false, NULL },
	{ "probe_after_ns", COLUMN_PROBES, S(after), false, NULL },
	{ "away_share", COLUMN_FLOAT, S(row.away_share), false, NULL },
	{ "nvcsw", COLUMN_UINT, S(nvcsw), false, NULL },
	{ "nivcsw", COLUMN_UINT, S(row.nivcsw), false, NULL },
	{ "pin_lost", COLUMN_FLAG, S(row.pin_lost), false, NULL },
};
TABLE(table_slices, "slices.csv", slices);
#undef S

#define S(field) offsetof(struct sm_counter_row, field)
static const struct column counters[] = {
	{ "trial", COLUMN_UINT, S(trial), false, NULL },
	{ "event", COLUMN_NAMES, S(event), false, NULL },
	{ "fstr", COLUMN_NAMES, S(fstr), false, NULL },
	{ "raw", COLUMN_U64, S(raw), false, NULL },
	{ "enabled_ns", COLUMN_U64, S(enabled_ns), false, NULL },
	{ "running_ns", COLUMN_U64, S(running_ns), false, NULL },
	{ "scope", COLUMN_WORD, S(scope), false, &scopes },
	{ "state", COLUMN_WORD, S(state), false, &states },
};
TABLE(table_counters, "counters.csv", counters);

static const struct column rates[] = {
	{ "trial", COLUMN_UINT, S(trial), false, NULL },    { "event", COLUMN_NAMES, S(event), false, NULL },
	{ "value", COLUMN_REAL, S(value), false, NULL },    { "per_op", COLUMN_REAL, S(per_op), false, NULL },
	{ "state", COLUMN_WORD, S(state), false, &states },
};
TABLE(table_rates, "rates.csv", rates);
#undef S

#define S(field) offsetof(struct sm_metric_row, field)
static const struct column metrics[] = {
	{ "trial", COLUMN_UINT, S(trial), false, NULL },
	{ "metric", COLUMN_NAMES, S(metric), false, NULL },
	{ "value", COLUMN_VALUE, S(value), false, NULL },
	{ "unit", COLUMN_NAMES, S(unit), false, NULL },
};
TABLE(table_metrics, "metrics.csv", metrics);
#undef S

#define S(field) offsetof(struct sm_bucket_row, field)
static const struct column buckets[] = {
	{ "trial", COLUMN_UINT, S(trial), false, NULL },
	{ "ns", COLUMN_U64, S(ns), false, NULL },
	{ "count", COLUMN_U64, S(count), false, NULL },
	{ "total", COLUMN_U64, S(total), false, NULL },
};
TABLE(table_buckets, "buckets.csv", buckets);
#undef S

#define S(field) offsetof(struct sm_visit_row, field)
static const struct column visits[] = {
	{ "trial", COLUMN_UINT, S(trial), false, NULL },     { "visit", COLUMN_UINT, S(visit), false, NULL },
	{ "visits", COLUMN_UINT, S(visits), false, NULL },   { "from", COLUMN_UINT, S(from), false, NULL },
	{ "to", COLUMN_UINT, S(to), false, NULL },           { "ns", COLUMN_REAL, S(ns), false, NULL },
	{ "low", COLUMN_REAL, S(low), false, NULL },         { "high", COLUMN_REAL, S(high), false, NULL },
	{ "company", COLUMN_UINT, S(company), false, NULL },
};
TABLE(table_visits, "visits.csv", visits);
#undef S

const struct table *const tables_measured[FILES] = {
	[FILE_SLICES] = &table_slices,   [FILE_COUNTERS] = &table_counters, [FILE_METRICS] = &table_metrics,
	[FILE_BUCKETS] = &table_buckets, [FILE_VISITS] = &table_visits,     [FILE_SAMPLES] = &table_samples,
};

#define C(field) offsetof(struct pu_pair_view, c.field)
#define S(field) offsetof(struct pu_pair_view, p.field)
static const struct column pu_pairs[] = {
	{ "scenario", COLUMN_TEXT, C(scenario), false, NULL },
	{ "variant", COLUMN_TEXT, C(variant), false, NULL },
	{ "from", COLUMN_UINT, S(from), false, NULL },
	{ "to", COLUMN_UINT, S(to), false, NULL },
	{ "relation", COLUMN_WORD, C(relation), false, &placements },
	{ "ns", COLUMN_REAL, S(ns), false, NULL },
	{ "low", COLUMN_REAL, S(low), false, NULL },
	{ "high", COLUMN_REAL, S(high), false, NULL },
	{ "visits", COLUMN_UINT, S(visits), false, NULL },
	{ "company", COLUMN_UINT, S(company), false, NULL },
};
TABLE(table_pu_pairs, "pu_pairs.csv", pu_pairs);
#undef C
#undef S

#define S(field) offsetof(struct value_view, field)
static const struct column values[] = {
	{ "trial", COLUMN_UINT, S(trial), false, NULL },
	{ "case", COLUMN_TEXT, S(id), false, NULL },
	{ "pair_class", COLUMN_TEXT, S(v.klass), false, NULL },
	{ "slices_pure", COLUMN_UINT, S(v.slices_pure), false, NULL },
	{ "value", COLUMN_REAL, S(v.value), false, NULL },
	{ "cpu_ns_per_op", COLUMN_REAL, S(cpu_ns_per_op), false, NULL },
	{ "reason", COLUMN_TEXT, S(v.reason), false, NULL },
	{ "status", COLUMN_WORD, S(v.status), false, &statuses },
};
TABLE(table_values, "values.csv", values);
#undef S

#define S(field) offsetof(struct purity_view, field)
static const struct column purity[] = {
	{ "trial", COLUMN_UINT, S(trial), false, NULL },         { "slice", COLUMN_UINT, S(slice), false, NULL },
	{ "ns_per_op", COLUMN_REAL, S(ns_per_op), false, NULL }, { "pair_class", COLUMN_TEXT, S(klass), false, NULL },
	{ "purity", COLUMN_WORD, S(purity), false, &purities },
};
TABLE(table_purity, "purity.csv", purity);
#undef S

#define C(field) offsetof(struct summary_view, c.field)
#define S(field) offsetof(struct summary_view, s.field)
static const struct column summary[] = {
	{ "scenario", COLUMN_TEXT, C(scenario), false, NULL },
	{ "variant", COLUMN_TEXT, C(variant), false, NULL },
	{ "params", COLUMN_TEXT, C(params), false, NULL },
	{ "placement", COLUMN_WORD, C(placement), false, &placements },
	{ "relation", COLUMN_WORD, C(relation), false, &placements },
	{ "pair_class", COLUMN_TEXT, S(klass), false, NULL },
	{ "n", COLUMN_SIZE, S(value.count), false, NULL },
	{ "median", COLUMN_REAL, S(value.estimate), false, NULL },
	{ "low", COLUMN_REAL, S(value.low), false, NULL },
	{ "high", COLUMN_REAL, S(value.high), false, NULL },
	{ "confidence", COLUMN_REAL, S(value.confidence), false, NULL },
	{ "mad", COLUMN_REAL, S(mad), false, NULL },
	{ "unit", COLUMN_TEXT, C(unit), false, NULL },
	{ "metric", COLUMN_TEXT, C(metric), false, NULL },
	{ "cpu_ns_per_op", COLUMN_REAL, S(cpu_ns_per_op), false, NULL },
	{ "switches_per_op", COLUMN_REAL, S(switches_per_op), false, NULL },
	{ "ok", COLUMN_UINT, S(ok), false, NULL },
	{ "skipped", COLUMN_UINT, S(skipped), false, NULL },
	{ "failed", COLUMN_UINT, S(failed), false, NULL },
	{ "disturbed", COLUMN_UINT, S(disturbed), false, NULL },
	{ "unsettled", COLUMN_UINT, S(unsettled), false, NULL },
	{ "saturated", COLUMN_UINT, S(saturated), false, NULL },
	{ "case", COLUMN_TEXT, C(id), false, NULL },
	{ "reason", COLUMN_TEXT, S(reason), false, NULL },
};
TABLE(table_summary, "summary.csv", summary);
#undef C
#undef S

#define S(field) offsetof(struct sm_pair_row, field)
static const struct column pairs[] = {
	{ "scenario", COLUMN_TEXT, S(scenario), false, NULL },
	{ "params", COLUMN_TEXT, S(params), false, NULL },
	{ "placement", COLUMN_TEXT, S(placement), false, NULL },
	{ "relation", COLUMN_TEXT, S(relation), false, NULL },
	{ "metric", COLUMN_TEXT, S(metric), false, NULL },
	{ "left", COLUMN_TEXT, S(left), false, NULL },
	{ "right", COLUMN_TEXT, S(right), false, NULL },
	{ "pair_class", COLUMN_TEXT, S(klass), false, NULL },
	{ "leading", COLUMN_FLAG, S(leading), false, NULL },
	{ "ratio", COLUMN_REAL, S(ratio.estimate), false, NULL },
	{ "ratio_low", COLUMN_REAL, S(ratio.low), false, NULL },
	{ "ratio_high", COLUMN_REAL, S(ratio.high), false, NULL },
	{ "confidence", COLUMN_REAL, S(ratio.confidence), false, NULL },
	{ "n", COLUMN_SIZE, S(ratio.count), false, NULL },
	{ "mde", COLUMN_REAL, S(mde), false, NULL },
	{ "blocks_used", COLUMN_UINT, S(blocks_used), false, NULL },
	{ "blocks_dropped", COLUMN_UINT, S(blocks_dropped), false, NULL },
	{ "left_dropped", COLUMN_REAL, S(left_dropped), false, NULL },
	{ "right_dropped", COLUMN_REAL, S(right_dropped), false, NULL },
	{ "left_lost", COLUMN_UINT, S(left_lost), false, NULL },
	{ "right_lost", COLUMN_UINT, S(right_lost), false, NULL },
	{ "claim", COLUMN_TEXT, S(claim), false, NULL },
	{ "threshold_min", COLUMN_REAL, S(threshold_min), false, NULL },
	{ "threshold_max", COLUMN_REAL, S(threshold_max), false, NULL },
	{ "group", COLUMN_TEXT, S(group), false, NULL },
	{ "reason", COLUMN_TEXT, S(reason), false, NULL },
	{ "verdict", COLUMN_WORD, S(verdict), false, &verdicts },
};
TABLE(table_pairs, "pairs.csv", pairs);
#undef S

#define S(field) offsetof(struct sm_crossing_row, field)
static const struct column crossings[] = {
	{ "scenario", COLUMN_TEXT, S(scenario), false, NULL },
	{ "metric", COLUMN_TEXT, S(metric), false, NULL },
	{ "placement", COLUMN_TEXT, S(placement), false, NULL },
	{ "param", COLUMN_TEXT, S(param), false, NULL },
	{ "left", COLUMN_TEXT, S(left), false, NULL },
	{ "right", COLUMN_TEXT, S(right), false, NULL },
	{ "crossing", COLUMN_REAL, S(at), false, NULL },
	{ "low", COLUMN_REAL, S(low), false, NULL },
	{ "high", COLUMN_REAL, S(high), false, NULL },
	{ "overtakes", COLUMN_FLAG, S(overtakes), false, NULL },
};
TABLE(table_crossings, "crossings.csv", crossings);
#undef S

#define S(field) offsetof(struct sm_claim_row, field)
static const struct column claims[] = {
	{ "claim", COLUMN_TEXT, S(claim), false, NULL },       { "scenario", COLUMN_TEXT, S(scenario), false, NULL },
	{ "sentence", COLUMN_TEXT, S(sentence), false, NULL }, { "source", COLUMN_TEXT, S(source), false, NULL },
	{ "question", COLUMN_TEXT, S(question), false, NULL }, { "verdict", COLUMN_WORD, S(verdict), false, &verdicts },
	{ "evidence", COLUMN_TEXT, S(evidence), false, NULL }, { "reason", COLUMN_TEXT, S(reason), false, NULL },
};
TABLE(table_claims, "claims.csv", claims);
