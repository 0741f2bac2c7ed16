/* The columns of each file of a run (documented in results/README.md). */
#include "table.h"

#define TABLE(name, csv, columns)                                                                  \
	const struct table name = { csv, columns, sizeof(columns) / sizeof(columns[0]) }

#define C(field) offsetof(struct sample_view, c.field)
#define S(field) offsetof(struct sample_view, s.field)
static const struct column samples[] = {
	{ "run", COLUMN_TEXT, offsetof(struct sample_view, run), true },
	{ "trial", COLUMN_UINT, S(trial), false },
	{ "scenario", COLUMN_TEXT, C(scenario), false },
	{ "variant", COLUMN_TEXT, C(variant), false },
	{ "params", COLUMN_TEXT, C(params), false },
	{ "placement", COLUMN_TEXT, C(placement), false },
	{ "relation", COLUMN_TEXT, C(relation), false },
	{ "pair_class", COLUMN_TEXT, S(klass), false },
	{ "pus", COLUMN_TEXT, S(pus), false },
	{ "workers", COLUMN_UINT, C(workers), false },
	{ "backing", COLUMN_TEXT, C(backing), false },
	{ "pages", COLUMN_TEXT, C(pages), false },
	{ "pages_got", COLUMN_TEXT, S(pages_got), false },
	{ "prefault", COLUMN_TEXT, C(prefault), false },
	{ "numa", COLUMN_TEXT, C(numa), false },
	{ "block", COLUMN_UINT, S(block), false },
	{ "order", COLUMN_UINT, S(order), false },
	{ "slices", COLUMN_UINT, S(slices), false },
	{ "slices_pure", COLUMN_UINT, S(slices_pure), false },
	{ "ops", COLUMN_U64, S(ops), false },
	{ "elapsed_ns", COLUMN_U64, S(elapsed_ns), false },
	{ "value", COLUMN_REAL, S(value), false },
	{ "unit", COLUMN_TEXT, C(unit), false },
	{ "metric", COLUMN_TEXT, C(metric), false },
	{ "transfers_per_op", COLUMN_REAL, C(transfers_per_op), false },
	{ "bytes_per_op", COLUMN_REAL, C(bytes_per_op), false },
	{ "cpu_ns_per_op", COLUMN_REAL, S(cpu_ns_per_op), false },
	{ "minflt", COLUMN_UINT, S(minflt), false },
	{ "majflt", COLUMN_UINT, S(majflt), false },
	{ "nvcsw", COLUMN_UINT, S(nvcsw), false },
	{ "nivcsw", COLUMN_UINT, S(nivcsw), false },
	{ "migrations", COLUMN_UINT, S(migrations), false },
	{ "steal_ns", COLUMN_U64, S(steal_ns), false },
	{ "wall_ns", COLUMN_U64, S(wall_ns), false },
	{ "group", COLUMN_TEXT, C(group), false },
	{ "case", COLUMN_TEXT, C(id), false },
	{ "reason", COLUMN_TEXT, S(reason), false },
	{ "status", COLUMN_STATUS, S(status), false },
};
TABLE(table_samples, "samples.csv", samples);
#undef C
#undef S

#define S(field) offsetof(struct slice_view, s.field)
static const struct column slices[] = {
	{ "trial", COLUMN_UINT, S(trial), false },
	{ "slice", COLUMN_UINT, S(slice), false },
	{ "ops", COLUMN_U64, S(ops), false },
	{ "ns", COLUMN_U64, S(ns), false },
	{ "ns_per_op", COLUMN_REAL, offsetof(struct slice_view, ns_per_op), true },
	{ "skew_ns", COLUMN_U64, S(skew_ns), false },
	{ "probe_before_ns", COLUMN_REAL, S(probe_before_ns), false },
	{ "probe_after_ns", COLUMN_REAL, S(probe_after_ns), false },
	{ "pair_class", COLUMN_TEXT, S(klass), false },
	{ "reason", COLUMN_TEXT, S(reason), false },
	{ "status", COLUMN_TEXT, offsetof(struct slice_view, status), false },
};
TABLE(table_slices, "slices.csv", slices);
#undef S

#define S(field) offsetof(struct sm_counter_row, field)
static const struct column counters[] = {
	{ "trial", COLUMN_UINT, S(trial), false },
	{ "event", COLUMN_TEXT, S(event), false },
	{ "fstr", COLUMN_TEXT, S(fstr), false },
	{ "raw", COLUMN_U64, S(raw), false },
	{ "scaled", COLUMN_REAL, S(value), false },
	{ "per_op", COLUMN_REAL, S(per_op), false },
	{ "enabled_ns", COLUMN_U64, S(enabled_ns), false },
	{ "running_ns", COLUMN_U64, S(running_ns), false },
	{ "scope", COLUMN_TEXT, S(scope), false },
	{ "state", COLUMN_TEXT, S(state), false },
};
TABLE(table_counters, "counters.csv", counters);
#undef S

#define S(field) offsetof(struct sm_metric_row, field)
static const struct column metrics[] = {
	{ "trial", COLUMN_UINT, S(trial), false },
	{ "metric", COLUMN_TEXT, S(metric), false },
	{ "value", COLUMN_REAL, S(value), false },
	{ "unit", COLUMN_TEXT, S(unit), false },
};
TABLE(table_metrics, "metrics.csv", metrics);
#undef S

#define C(field) offsetof(struct summary_view, c.field)
#define S(field) offsetof(struct summary_view, s.field)
static const struct column summary[] = {
	{ "scenario", COLUMN_TEXT, C(scenario), false },
	{ "variant", COLUMN_TEXT, C(variant), false },
	{ "params", COLUMN_TEXT, C(params), false },
	{ "placement", COLUMN_TEXT, C(placement), false },
	{ "relation", COLUMN_TEXT, C(relation), false },
	{ "pair_class", COLUMN_TEXT, S(klass), false },
	{ "n", COLUMN_SIZE, S(value.count), false },
	{ "median", COLUMN_REAL, S(value.estimate), false },
	{ "low", COLUMN_REAL, S(value.low), false },
	{ "high", COLUMN_REAL, S(value.high), false },
	{ "confidence", COLUMN_REAL, S(value.confidence), false },
	{ "mad", COLUMN_REAL, S(mad), false },
	{ "unit", COLUMN_TEXT, C(unit), false },
	{ "metric", COLUMN_TEXT, C(metric), false },
	{ "cpu_ns_per_op", COLUMN_REAL, S(cpu_ns_per_op), false },
	{ "switches_per_op", COLUMN_REAL, S(switches_per_op), false },
	{ "q50_ns", COLUMN_REAL, S(q50_ns), false },
	{ "q99_ns", COLUMN_REAL, S(q99_ns), false },
	{ "q999_ns", COLUMN_REAL, S(q999_ns), false },
	{ "ok", COLUMN_UINT, S(ok), false },
	{ "skipped", COLUMN_UINT, S(skipped), false },
	{ "failed", COLUMN_UINT, S(failed), false },
	{ "disturbed", COLUMN_UINT, S(disturbed), false },
	{ "case", COLUMN_TEXT, C(id), false },
	{ "reason", COLUMN_TEXT, S(reason), false },
};
TABLE(table_summary, "summary.csv", summary);
#undef C
#undef S

#define S(field) offsetof(struct sm_pair_row, field)
static const struct column pairs[] = {
	{ "scenario", COLUMN_TEXT, S(scenario), false },
	{ "params", COLUMN_TEXT, S(params), false },
	{ "placement", COLUMN_TEXT, S(placement), false },
	{ "relation", COLUMN_TEXT, S(relation), false },
	{ "metric", COLUMN_TEXT, S(metric), false },
	{ "left", COLUMN_TEXT, S(left), false },
	{ "right", COLUMN_TEXT, S(right), false },
	{ "pair_class", COLUMN_TEXT, S(klass), false },
	{ "leading", COLUMN_FLAG, S(leading), false },
	{ "ratio", COLUMN_REAL, S(ratio.estimate), false },
	{ "ratio_low", COLUMN_REAL, S(ratio.low), false },
	{ "ratio_high", COLUMN_REAL, S(ratio.high), false },
	{ "confidence", COLUMN_REAL, S(ratio.confidence), false },
	{ "n", COLUMN_SIZE, S(ratio.count), false },
	{ "mde", COLUMN_REAL, S(mde), false },
	{ "blocks_used", COLUMN_UINT, S(blocks_used), false },
	{ "blocks_dropped", COLUMN_UINT, S(blocks_dropped), false },
	{ "claim", COLUMN_TEXT, S(claim), false },
	{ "threshold_min", COLUMN_REAL, S(threshold_min), false },
	{ "threshold_max", COLUMN_REAL, S(threshold_max), false },
	{ "group", COLUMN_TEXT, S(group), false },
	{ "reason", COLUMN_TEXT, S(reason), false },
	{ "verdict", COLUMN_VERDICT, S(verdict), false },
};
TABLE(table_pairs, "pairs.csv", pairs);
#undef S

#define S(field) offsetof(struct sm_crossing_row, field)
static const struct column crossings[] = {
	{ "scenario", COLUMN_TEXT, S(scenario), false },
	{ "metric", COLUMN_TEXT, S(metric), false },
	{ "placement", COLUMN_TEXT, S(placement), false },
	{ "param", COLUMN_TEXT, S(param), false },
	{ "left", COLUMN_TEXT, S(left), false },
	{ "right", COLUMN_TEXT, S(right), false },
	{ "crossing", COLUMN_REAL, S(at), false },
	{ "low", COLUMN_REAL, S(low), false },
	{ "high", COLUMN_REAL, S(high), false },
	{ "overtakes", COLUMN_FLAG, S(overtakes), false },
	{ "reason", COLUMN_TEXT, S(reason), false },
};
TABLE(table_crossings, "crossings.csv", crossings);
#undef S

#define S(field) offsetof(struct sm_claim_row, field)
static const struct column claims[] = {
	{ "claim", COLUMN_TEXT, S(claim), false },
	{ "scenario", COLUMN_TEXT, S(scenario), false },
	{ "sentence", COLUMN_TEXT, S(sentence), false },
	{ "source", COLUMN_TEXT, S(source), false },
	{ "question", COLUMN_TEXT, S(question), false },
	{ "verdict", COLUMN_VERDICT, S(verdict), false },
	{ "evidence", COLUMN_TEXT, S(evidence), false },
	{ "reason", COLUMN_TEXT, S(reason), false },
};
TABLE(table_claims, "claims.csv", claims);
