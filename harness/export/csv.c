/* One tidy table: one row per trial and measure; a measure is the sample, a counter or a metric. */
#include <math.h>
#include <stddef.h>

#include "../store/table.h"
#include "view.h"

struct long_view {
	const char *run;
	struct sm_case_row c;
	struct sm_sample s;
	const char *placement, *relation, *source, *measure, *unit, *state;
	double value;
};

#define C(field) offsetof(struct long_view, c.field)
#define S(field) offsetof(struct long_view, s.field)
#define L(field) offsetof(struct long_view, field)
static const struct column columns[] = {
	{ "run", COLUMN_TEXT, L(run), false, NULL },
	{ "trial", COLUMN_UINT, S(trial), false, NULL },
	{ "case", COLUMN_TEXT, C(id), false, NULL },
	{ "group", COLUMN_TEXT, C(group), false, NULL },
	{ "scenario", COLUMN_TEXT, C(scenario), false, NULL },
	{ "variant", COLUMN_TEXT, C(variant), false, NULL },
	{ "params", COLUMN_TEXT, C(params), false, NULL },
	{ "placement", COLUMN_TEXT, L(placement), false, NULL },
	{ "relation", COLUMN_TEXT, L(relation), false, NULL },
	{ "pair_class", COLUMN_TEXT, S(found.klass), false, NULL },
	{ "pus", COLUMN_TEXT, S(pus), false, NULL },
	{ "workers", COLUMN_UINT, C(workers), false, NULL },
	{ "backing", COLUMN_TEXT, C(backing), false, NULL },
	{ "pages", COLUMN_TEXT, C(pages), false, NULL },
	{ "pages_got", COLUMN_TEXT, S(pages_got), false, NULL },
	{ "prefault", COLUMN_TEXT, C(prefault), false, NULL },
	{ "numa", COLUMN_TEXT, C(numa), false, NULL },
	{ "block", COLUMN_UINT, S(block), false, NULL },
	{ "order", COLUMN_UINT, S(order), false, NULL },
	{ "slices", COLUMN_UINT, S(slices), false, NULL },
	{ "slices_pure", COLUMN_UINT, S(found.slices_pure), false, NULL },
	{ "ops", COLUMN_U64, S(ops), false, NULL },
	{ "metric", COLUMN_TEXT, C(metric), false, NULL },
	{ "transfers_per_op", COLUMN_REAL, C(transfers_per_op), false, NULL },
	{ "bytes_per_op", COLUMN_REAL, C(bytes_per_op), false, NULL },
	{ "source", COLUMN_TEXT, L(source), false, NULL },
	{ "measure", COLUMN_TEXT, L(measure), false, NULL },
	{ "value", COLUMN_REAL, L(value), false, NULL },
	{ "unit", COLUMN_TEXT, L(unit), false, NULL },
	{ "state", COLUMN_TEXT, L(state), false, NULL },
};
static const struct table table = { "-", columns, sizeof(columns) / sizeof(columns[0]) };

static void write_row(struct long_view *row, const char *measure, double value, const char *unit, const char *state,
		      FILE *out)
{
	row->measure = measure;
	row->value = value;
	row->unit = unit;
	row->state = state;
	table_write_row(&table, row, out);
}

static void write_sample(struct long_view *row, FILE *out)
{
	const struct sm_sample *s = &row->s;

	row->source = "sample";
	write_row(row, "time", s->found.value, row->c.unit, "ok", out);
	write_row(row, "cpu_time", sm_sample_cpu_ns_per_op(s), row->c.unit, "ok", out);
	write_row(row, "elapsed", (double)s->elapsed_ns, "ns", "ok", out);
	write_row(row, "wall", (double)s->wall_ns, "ns", "ok", out);
	write_row(row, "steal", (double)s->steal_ns, "ns", "ok", out);
	write_row(row, "minflt", (double)s->minflt, "1", "ok", out);
	write_row(row, "majflt", (double)s->majflt, "1", "ok", out);
	write_row(row, "nvcsw", (double)s->nvcsw, "1", "ok", out);
	write_row(row, "nivcsw", (double)s->nivcsw, "1", "ok", out);
	write_row(row, "migrations", (double)s->migrations, "1", "ok", out);
}

int export_csv(const struct sm_export_view *view, FILE *out, struct sm_error *err)
{
	(void)err;
	table_write_header(&table, out);
	for (size_t i = 0; i < view->case_count; i++)
		for (size_t t = 0; t < view->cases[i].ok; t++) {
			const struct export_trial *trial = &view->cases[i].trials[t];
			struct long_view row = { .run = view->run, .c = *view->cases[i].c, .s = *trial->sample };

			row.placement = sm_placement_name(row.c.placement);
			row.relation = sm_placement_name(row.c.relation);

			write_sample(&row, out);
			row.source = "counter";
			for (size_t c = 0; c < trial->counter_count; c++)
				write_row(&row, trial->counters[c]->event, trial->counters[c]->per_op,
					  export_counter_unit(trial->counters[c]),
					  sm_count_state_name(trial->counters[c]->state), out);
			row.source = "metric";
			for (size_t m = 0; m < trial->metric_count; m++)
				write_row(&row, trial->metrics[m]->metric, trial->metrics[m]->value,
					  trial->metrics[m]->unit,
					  isfinite(trial->metrics[m]->value) ? "ok" : "not_known", out);
		}
	return 0;
}
