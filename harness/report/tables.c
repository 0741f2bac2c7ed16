/* Tables of the results: the variants of a point, best first; for a scenario with many points one cell per point. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "ranking.h"
#include "shmeter/memory.h"
#include "shmeter/text.h"
#include "words.h"

/* Up to this number of points each has its own table; more points share one. */
#define POINTS_APART 2
/* Rows of the shared table, and the largest number of points. */
#define ROWS_MAX   40
#define POINTS_MAX 1024
/* Parameters, and the placement. */
#define LABELS_MAX 5

struct printer {
	const struct sm_results *results;
	const struct sm_report_options *options;
	FILE *out;
	unsigned width;
	bool explained; /* ranks and marks have been explained once */
};

/* The points of one scenario: a case of each, and which labels differ between them. */
struct points {
	const struct sm_case_row *at[POINTS_MAX];
	unsigned count;
	bool differs[LABELS_MAX];
};

/* The rows or columns of a table: each has a label on one or more lines. */
struct axis {
	unsigned count, labels;
	char (*name)[GRID_CELL];  /* of the labels */
	char (*label)[GRID_CELL]; /* [item * labels + label] */
};

static struct axis axis_open(unsigned count, unsigned labels)
{
	struct axis axis = { .count = count, .labels = labels };

	axis.name = sm_zeroed_memory((size_t)labels + 1, sizeof(*axis.name));
	axis.label = sm_zeroed_memory((size_t)count * labels + 1, sizeof(*axis.label));
	return axis;
}

static void axis_close(struct axis *axis)
{
	free(axis->name);
	free(axis->label);
}

/* One word of "message=64 capacity=65536" as name and value; false: there is none. */
static bool param_at(const char *params, unsigned index, char name[GRID_CELL], char value[GRID_CELL])
{
	size_t word, sign;

	while (index-- > 0 && *params)
		params += strcspn(params, " "), params += strspn(params, " ");
	word = strcspn(params, " ");
	sign = strcspn(params, "=");
	if (sign >= word)
		return false;
	snprintf(name, GRID_CELL, "%.*s", (int)sign, params);
	snprintf(value, GRID_CELL, "%.*s", (int)(word - sign - 1), params + sign + 1);
	return true;
}

/* The last label is the placement. */
static void label_of(const struct sm_case_row *c, unsigned index, char name[GRID_CELL], char value[GRID_CELL])
{
	name[0] = value[0] = '\0';
	if (index + 1 < LABELS_MAX) {
		param_at(c->params, index, name, value);
		return;
	}
	snprintf(name, GRID_CELL, "placement");
	snprintf(value, GRID_CELL, "%s", sm_placement_name(c->placement));
}

static bool is_of(const struct sm_case_row *c, sm_name scenario)
{
	return !c->derived && c->scenario == scenario;
}

static void find_points(const struct sm_results *r, sm_name scenario, struct points *points)
{
	char name[GRID_CELL], value[GRID_CELL], first[GRID_CELL];

	memset(points, 0, sizeof(*points));
	for (size_t i = 0; i < r->case_count && points->count < POINTS_MAX; i++) {
		bool seen = !is_of(&r->cases[i], scenario);

		for (unsigned p = 0; p < points->count && !seen; p++)
			seen = points->at[p]->group == r->cases[i].group;
		if (!seen)
			points->at[points->count++] = &r->cases[i];
	}
	for (unsigned p = 1; p < points->count; p++)
		for (unsigned k = 0; k < LABELS_MAX; k++) {
			label_of(points->at[0], k, name, first);
			label_of(points->at[p], k, name, value);
			points->differs[k] |= sm_name_of(first) != sm_name_of(value);
		}
}

/* Variants of a point without a value; the findings give the reason. */
static void print_absent(const struct printer *p, sm_name group)
{
	const struct sm_results *r = p->results;
	char text[1024];
	size_t used = (size_t)snprintf(text, sizeof(text), "no figure (see below):"), before = used;

	for (size_t i = 0; i < r->summary_count && used < sizeof(text) - 80; i++) {
		const struct sm_case_row *c = &r->cases[r->summaries[i].case_index];

		if (c->group == group && r->summaries[i].value.count == 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %.60s", used > before ? "," : "",
						 c->variant);
	}
	if (used > before)
		sm_wrap(p->out, "  ", 4, p->width, text);
}

/* "n 8, class 83ns": the number of blocks behind a value, and their pair class. */
static void print_point(const struct printer *p, const struct ranking *ranking, const struct sm_case_row *c)
{
	size_t least = SIZE_MAX, most = 0;
	const char *klass = NULL;
	char point[256], text[400];

	for (size_t i = 0; i < ranking->count; i++) {
		const struct sm_summary_row *s = ranking->row[i].summary;

		least = s->value.count < least ? s->value.count : least;
		most = s->value.count > most ? s->value.count : most;
		klass = klass && klass != s->klass ? "differing" : s->klass;
	}
	words_point(c->params, sm_placement_name(c->placement), point, sizeof(point));
	if (most == 0)
		snprintf(text, sizeof(text), "%s", point);
	else if (least < most)
		snprintf(text, sizeof(text), "%s; n = %zu to %zu, class %s", point, least, most, klass);
	else
		snprintf(text, sizeof(text), "%s; n = %zu, class %s", point, most, klass);
	sm_wrap(p->out, "  ", 4, p->width, text);
}

/* A table with a cell for each item of `down` and each of `across`.  `text` writes a cell, in its long or its short
 * form. Columns that do not fit are printed below, or left out. */
static void cross(const struct printer *p, const struct axis *down, const struct axis *across, bool leave_out,
		  void (*text)(unsigned down, unsigned across, bool longer, char out[GRID_CELL], void *context),
		  void *context)
{
	unsigned rows = down->count > ROWS_MAX && !p->options->all_points ? ROWS_MAX : down->count;

	for (int longer = 1; longer >= 0; longer--) {
		struct grid grid =
			grid_open(across->labels + rows, down->labels + across->count, across->labels, down->labels);
		unsigned last = across->labels - 1;

		for (unsigned column = 1; leave_out && column < across->count && column < GRID_COLUMNS - down->labels;
		     column++)
			grid.drop[down->labels + column] = (uint8_t)column;
		for (unsigned k = 0; k < across->labels && down->labels == 1; k++)
			snprintf(grid_cell(&grid, k, 0), GRID_CELL, "%s", across->name[k]);
		for (unsigned k = 0; k < down->labels && (down->labels > 1 || across->labels == 1); k++)
			snprintf(grid_cell(&grid, last, k), GRID_CELL, "%s", down->name[k]);
		for (unsigned column = 0; column < across->count; column++)
			for (unsigned k = 0; k < across->labels; k++)
				snprintf(grid_cell(&grid, k, down->labels + column), GRID_CELL, "%s",
					 across->label[column * across->labels + k]);
		for (unsigned row = 0; row < rows; row++) {
			for (unsigned k = 0; k < down->labels; k++)
				snprintf(grid_cell(&grid, across->labels + row, k), GRID_CELL, "%s",
					 down->label[row * down->labels + k]);
			for (unsigned column = 0; column < across->count; column++)
				text(row, column, longer, grid_cell(&grid, across->labels + row, down->labels + column),
				     context);
		}
		bool fits = !longer || grid_width(&grid, 2) <= p->width;

		if (fits)
			grid_print(&grid, 2, p->width, p->out);
		grid_close(&grid);
		if (fits)
			break;
	}
	if (rows < down->count)
		fprintf(p->out, "  ... %u more: summary.csv, report.html, or -v\n", down->count - rows);
}

/* The further metrics of a point. */
struct facts {
	const struct sm_results *results;
	const struct sm_case_row **of; /* measured cases: those of the ranking first, then those without a time */
	unsigned cases;
	const struct sm_case_row **metric; /* for each metric, one case that has it */
	unsigned metrics;
	bool turned; /* metrics are rows */
};

/* Whether a value of this unit is printed with a scaled unit. */
static bool says_unit(const struct sm_case_row *c)
{
	return c->unit_kind == SM_UNIT_NS || c->unit_kind == SM_UNIT_BYTES || c->unit_kind == SM_UNIT_RATE;
}

static void write_fact(char out[GRID_CELL], double value, const struct sm_case_row *c)
{
	char text[SM_TEXT_MAX];

	if (c->unit_kind == SM_UNIT_RATE)
		snprintf(out, GRID_CELL, "%s", sm_format_rate(text, value));
	else if (c->unit_kind == SM_UNIT_BYTES)
		snprintf(out, GRID_CELL, "%s", sm_format_bytes(text, value));
	else
		words_value(out, GRID_CELL, value, says_unit(c) ? c->unit : "1");
}

static void fact_text(unsigned down, unsigned across, bool longer, char out[GRID_CELL], void *context)
{
	const struct facts *f = context;
	const struct sm_case_row *metric = f->metric[f->turned ? down : across];
	sm_name of = f->of[f->turned ? across : down]->id;

	(void)longer;
	for (size_t i = 0; i < f->results->summary_count; i++) {
		const struct sm_summary_row *s = &f->results->summaries[i];
		const struct sm_case_row *c = &f->results->cases[s->case_index];

		if (c->derived && c->of == of && c->metric == metric->metric && isfinite(s->value.estimate))
			write_fact(out, s->value.estimate, c);
	}
}

/* The unit after the name, unless the values have units. */
static void metric_label(const struct sm_case_row *c, char out[GRID_CELL])
{
	if (says_unit(c) || c->unit_kind == SM_UNIT_NONE)
		snprintf(out, GRID_CELL, "%.90s", c->metric);
	else
		snprintf(out, GRID_CELL, "%.60s (%.28s)", c->metric, c->unit);
}

/* Whether a measured case has a further metric with a value. */
static bool has_fact(const struct sm_results *r, sm_name of)
{
	for (size_t i = 0; i < r->summary_count; i++) {
		const struct sm_case_row *c = &r->cases[r->summaries[i].case_index];

		if (c->derived && c->of == of && isfinite(r->summaries[i].value.estimate))
			return true;
	}
	return false;
}

/* A count holds where the time does not, because the trials were disturbed: such a case is listed, too. */
static void collect_cases(const struct ranking *ranking, sm_name group, struct facts *f)
{
	const struct sm_results *r = f->results;

	for (size_t i = 0; i < ranking->count; i++)
		f->of[f->cases++] = ranking->row[i].c;
	for (size_t i = 0; i < r->case_count; i++) {
		const struct sm_case_row *c = &r->cases[i];
		bool seen = c->derived || c->group != group;

		for (unsigned k = 0; k < f->cases && !seen; k++)
			seen = f->of[k]->id == c->id;
		if (!seen && has_fact(r, c->id))
			f->of[f->cases++] = c;
	}
}

static void print_facts(const struct printer *p, const struct ranking *ranking, sm_name group)
{
	const struct sm_results *r = p->results;
	struct facts f = { .results = r,
			   .of = sm_zeroed_memory(r->case_count + 1, sizeof(*f.of)),
			   .metric = sm_zeroed_memory(r->case_count + 1, sizeof(*f.metric)) };
	struct axis variants, metrics;

	collect_cases(ranking, group, &f);
	for (size_t i = 0; i < r->case_count; i++) {
		const struct sm_case_row *c = &r->cases[i];
		bool seen = !c->derived || c->of_group != group;

		for (unsigned m = 0; m < f.metrics && !seen; m++)
			seen = f.metric[m]->metric == c->metric;
		if (!seen)
			f.metric[f.metrics++] = c;
	}
	metrics = axis_open(f.metrics, 1);
	for (unsigned m = 0; m < f.metrics; m++)
		metric_label(f.metric[m], metrics.label[m]);
	variants = axis_open(f.cases, 1);
	snprintf(variants.name[0], GRID_CELL, "variant");
	for (unsigned i = 0; i < f.cases; i++)
		snprintf(variants.label[i], GRID_CELL, "%.60s", f.of[i]->variant);
	f.turned = f.metrics > f.cases;
	if (f.metrics > 0 && f.cases > 0)
		cross(p, f.turned ? &metrics : &variants, f.turned ? &variants : &metrics,
		      !f.turned && !p->options->all_points, fact_text, &f);
	axis_close(&variants);
	axis_close(&metrics);
	free((void *)f.of);
	free((void *)f.metric);
}

static void explain(struct printer *p)
{
	if (p->explained)
		return;
	p->explained = true;
	sm_wrap(p->out, "  ", 2, p->width,
		"Best first. \"=\" marks ties: the intervals overlap or, where the two were compared block by block, the "
		"interval of their ratio includes 1. \"x NAME\" and \"ratio\": the time over that of NAME, or of the row with "
		"ratio 1. \"-\": no interval, so no rank. CPU: CPU time of all processes for an operation of each.");
}

static void print_apart(struct printer *p, const struct points *points)
{
	for (unsigned i = 0; i < points->count; i++) {
		sm_name group = points->at[i]->group;
		struct ranking ranking = ranking_open(p->results, group);

		print_point(p, &ranking, points->at[i]);
		ranking_print(&ranking, p->width, p->out);
		print_absent(p, group);
		print_facts(p, &ranking, group);
		ranking_close(&ranking);
	}
}

/* All points of a scenario in one table. */
struct together {
	struct ranking *ranking; /* one per point */
	sm_name *variant;        /* in the order of their rows or columns */
	unsigned variants;
	bool turned; /* points are rows */
};

static void point_text(unsigned down, unsigned across, bool longer, char out[GRID_CELL], void *context)
{
	const struct together *t = context;
	const struct ranking *ranking = &t->ranking[t->turned ? down : across];
	sm_name variant = t->variant[t->turned ? across : down];
	char range[64];
	size_t used;

	for (size_t i = 0; i < ranking->count; i++) {
		const struct ranked *row = &ranking->row[i];

		if (row->c->variant != variant)
			continue;
		words_value(out, GRID_CELL, row->figure.estimate, row->c->unit);
		used = strlen(out);
		if (longer && isfinite(row->figure.low))
			used += (size_t)snprintf(out + used, GRID_CELL - used, " (%s)",
						 words_range(range, sizeof(range), &row->figure, row->c->unit));
		if (t->variants > 1)
			snprintf(out + used, GRID_CELL - used, "%s", row->rank == 1 ? "*" : " ");
	}
}

/* Variants in the order of the first point that has all of them, or the most. */
static void collect_variants(const struct points *points, struct together *t)
{
	for (unsigned i = 0; i < points->count; i++)
		for (size_t k = 0; k < t->ranking[i].count; k++) {
			sm_name variant = t->ranking[i].row[k].c->variant;
			bool seen = false;

			for (unsigned v = 0; v < t->variants && !seen; v++)
				seen = t->variant[v] == variant;
			if (!seen)
				t->variant[t->variants++] = variant;
		}
}

static struct axis label_points(const struct points *points)
{
	unsigned labels = 0, at = 0;
	struct axis axis;
	char unused[GRID_CELL];

	for (unsigned k = 0; k < LABELS_MAX; k++)
		labels += points->differs[k];
	axis = axis_open(points->count, labels ? labels : 1);
	for (unsigned k = 0; k < LABELS_MAX; k++) {
		if (!points->differs[k])
			continue;
		label_of(points->at[0], k, axis.name[at], unused);
		for (unsigned i = 0; i < points->count; i++)
			label_of(points->at[i], k, unused, axis.label[i * axis.labels + at]);
		at++;
	}
	return axis;
}

static void print_together(struct printer *p, const struct points *points)
{
	struct together t = { sm_zeroed_memory(points->count, sizeof(*t.ranking)),
			      sm_zeroed_memory(p->results->case_count + 1, sizeof(*t.variant)), 0, false };
	struct axis variants, axis = label_points(points);
	char text[512] = "", name[GRID_CELL], value[GRID_CELL];
	size_t used = 0;

	for (unsigned i = 0; i < points->count; i++)
		t.ranking[i] = ranking_open(p->results, points->at[i]->group);
	collect_variants(points, &t);
	t.turned = points->count > t.variants && t.variants > 0;
	variants = axis_open(t.variants, 1);
	snprintf(variants.name[0], GRID_CELL, "%s", t.turned || axis.labels == 1 ? "" : "variant");
	for (unsigned v = 0; v < t.variants; v++)
		snprintf(variants.label[v], GRID_CELL, "%.60s", t.variant[v]);
	for (unsigned k = 0; k < LABELS_MAX; k++) {
		label_of(points->at[0], k, name, value);
		if (!points->differs[k] && *name && used < sizeof(text) / 2)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s%s", used ? ", " : "",
						 k + 1 < LABELS_MAX ? name : "", k + 1 < LABELS_MAX ? "=" : "", value);
	}
	snprintf(text + used, sizeof(text) - used, "%smedians%s", used ? "; " : "",
		 t.variants > 1 ? ", * for the best of each point and its ties" : "");
	sm_wrap(p->out, "  ", 4, p->width, text);
	if (t.variants > 0)
		cross(p, t.turned ? &axis : &variants, t.turned ? &variants : &axis, false, point_text, &t);
	else
		print_absent(p, points->at[0]->group);
	for (unsigned i = 0; i < points->count; i++)
		ranking_close(&t.ranking[i]);
	axis_close(&variants);
	axis_close(&axis);
	free(t.ranking);
	free((void *)t.variant);
}

static bool has_time(const struct sm_results *r, sm_name scenario)
{
	for (size_t i = 0; i < r->summary_count; i++)
		if (is_of(&r->cases[r->summaries[i].case_index], scenario) && r->summaries[i].value.count > 0)
			return true;
	return false;
}

static void print_scenario(sm_name scenario, void *context)
{
	struct printer *p = context;
	const struct sm_results *r = p->results;
	struct points *points;
	const char *metric = NULL;

	for (size_t i = 0; i < r->case_count && !metric; i++)
		if (is_of(&r->cases[i], scenario))
			metric = r->cases[i].metric;
	if (!metric || words_is_calibration(p->options, scenario))
		return;
	points = sm_memory(sizeof(*points));
	find_points(r, scenario, points);
	words_heading(p->options, p->out, scenario, metric);
	if (points->count > POINTS_APART && !p->options->all_points && has_time(r, scenario)) {
		print_together(p, points);
	} else {
		explain(p);
		print_apart(p, points);
	}
	free(points);
}

void sm_report_tables(const struct sm_results *results, const struct sm_report_options *options, FILE *out)
{
	struct printer p = { results, options, out, words_width(options), false };

	words_scenarios(results, print_scenario, &p);
}
