/* Selects the figures of a run, and writes the data of a scenario's figures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "figures.h"
#include "shmeter/matrix.h"
#include "shmeter/store.h"
#include "shmeter/text.h"
#include "words.h"

/* Lines of a sweep: more than shmeter's own transports and three dozen of plug-ins, which come last. */
#define VARIANTS_MAX 64
/* Pixels of a line's name in the key, and of all that is above and below the key. */
#define KEY_ROW  16u
#define KEY_REST 130u
/* Pixels of a row of dots, and of all that is above and below the rows: letters are larger in the SVG than in the PNG. */
#define DOTS_ROW  24u
#define DOTS_REST 180u
/* A figure with more rows is no picture that anybody reads, and too tall for gnuplot's PNG. */
#define ROWS_MAX 1000u

static bool is_of(const struct sm_case_row *c, sm_name scenario, sm_name metric)
{
	return c->scenario == scenario && c->metric == metric;
}

static const struct sweep sweeps[] = {
	{ "message", "message (bytes)", "message size", .bytes = true, .logarithmic = true, .message = true },
	{ "bytes", "bytes", "size", .bytes = true, .logarithmic = true, .region = true },
	{ "work", "work between two operations (multiplications)", "work", .logarithmic = true },
	{ "processes", "processes", "number of processes", .logarithmic = true },
	{ "load", "offered load (% of the highest rate)", "load", .logarithmic = false },
	{ "asleep", "time asleep (us)", "asleep", .logarithmic = true },
};
#define SWEEPS (sizeof(sweeps) / sizeof(sweeps[0]))

/* The swept parameter of a scenario: the first known name with at least two numeric values. */
const struct sweep *figures_swept(const struct sm_results *r, sm_name scenario, sm_name metric)
{
	for (size_t s = 0; s < SWEEPS; s++) {
		double first = NAN;

		for (size_t i = 0; i < r->case_count; i++) {
			double value = sm_param_value(r->cases[i].params, sweeps[s].name);

			if (!is_of(&r->cases[i], scenario, metric) || !isfinite(value))
				continue;
			if (isfinite(first) && value != first)
				return &sweeps[s];
			first = value;
		}
	}
	return NULL;
}

const struct sweep *figures_sweep(sm_name param)
{
	for (size_t s = 0; s < SWEEPS; s++)
		if (sm_name_of(sweeps[s].name) == param)
			return &sweeps[s];
	return NULL;
}

static unsigned variants_of(const struct sm_results *r, sm_name scenario, sm_name metric, sm_name out[VARIANTS_MAX])
{
	unsigned count = 0;

	for (size_t i = 0; i < r->summary_count; i++) {
		const struct sm_case_row *c = &r->cases[r->summaries[i].case_index];
		bool seen = !isfinite(r->summaries[i].value.estimate);

		if (!is_of(c, scenario, metric))
			continue;
		for (unsigned j = 0; j < count && !seen; j++)
			seen = out[j] == c->variant;
		if (!seen && count < VARIANTS_MAX)
			out[count++] = c->variant;
	}
	return count;
}

struct point {
	double x, value, low, high;
};

static int by_x(const void *a, const void *b)
{
	const struct point *left = a, *right = b;

	return (left->x > right->x) - (left->x < right->x);
}

/* The points of one variant along the swept parameter, in order; all other parameters and the placement are those of
 * the figure's case. */
static size_t sweep_points(const struct sm_results *r, const struct figure *f, sm_name variant,
			   const struct sweep *param, bool bytes_rate, struct point *out)
{
	const struct sm_case_row *of = &r->cases[f->placement_of];
	sm_name rest = sm_params_but(of->params, param->name);
	size_t count = 0;

	for (size_t i = 0; i < r->summary_count; i++) {
		const struct sm_summary_row *s = &r->summaries[i];
		const struct sm_case_row *c = &r->cases[s->case_index];
		double x = sm_param_value(c->params, param->name), scale = 1;

		if (!is_of(c, f->scenario, f->metric) || c->variant != variant || c->placement != of->placement ||
		    !isfinite(x) || !isfinite(s->value.estimate) || sm_params_but(c->params, param->name) != rest)
			continue;
		if (bytes_rate) /* 1 byte per ns is 1 GB/s */
			scale = c->bytes_per_op;
		out[count].x = x;
		out[count].value = bytes_rate ? scale / s->value.estimate : s->value.estimate;
		out[count].low = bytes_rate ? scale / s->value.high : s->value.low;
		out[count].high = bytes_rate ? scale / s->value.low : s->value.high;
		if (!isfinite(out[count].low))
			out[count].low = out[count].high = out[count].value;
		count++;
	}
	qsort(out, count, sizeof(*out), by_x);
	return count;
}

static unsigned number_of(const sm_name *variants, unsigned count, sm_name name)
{
	unsigned i = 0;

	while (i < count && variants[i] != name)
		i++;
	return i;
}

/* Marks of the crossings: x, y on the line of the first variant, low, high, the number of the
 * other line. */
static unsigned put_crossings(const struct sm_results *r, const struct figure *f, const struct sweep *param,
			      const struct point *base, size_t base_count, const sm_name *variants, unsigned count,
			      FILE *out)
{
	sm_name placement = sm_name_of(sm_placement_name(r->cases[f->placement_of].placement));
	unsigned crossings = 0;

	for (size_t i = 0; i < r->crossing_count; i++) {
		const struct sm_crossing_row *c = &r->crossings[i];

		if (c->scenario != f->scenario || c->metric != f->metric || c->placement != placement ||
		    figures_sweep(c->param) != param)
			continue;
		for (size_t j = 0; j + 1 < base_count; j++) {
			double share = log(c->at / base[j].x) / log(base[j + 1].x / base[j].x);

			if (share < 0 || share > 1)
				continue;
			fprintf(out, "%.6g %.6g %.6g %.6g %u\n", c->at,
				base[j].value * pow(base[j + 1].value / base[j].value, share), c->low, c->high,
				number_of(variants, count, c->left));
			crossings++;
			break;
		}
	}
	return crossings;
}

/* One mark on the axis, if the machine has that size. */
static unsigned put_mark(char *out, size_t size, unsigned count, const char *name, json_int_t bytes,
			 const double range[2])
{
	size_t used = strlen(out);

	if ((double)bytes < range[0] || (double)bytes > range[1])
		return count;
	snprintf(out + used, size - used, "mark%u = %" JSON_INTEGER_FORMAT "\nmark%u_name = '%s'\n", count + 1, bytes,
		 count + 1, name);
	return count + 1;
}

/* Marks the cache sizes and the reach of the TLB on an axis of region sizes. */
static void put_marks(const struct sm_results *r, const double range[2], char *out, size_t size)
{
	const json_t *machine = json_object_get(r->manifest, "environment");
	json_int_t entries = json_integer_value(json_object_get(machine, "tlb_entries"));
	json_int_t page = json_integer_value(json_object_get(machine, "page_bytes"));
	const json_t *cache;
	unsigned count = 0;
	char name[32];
	size_t i;

	out[0] = '\0';
	json_array_foreach (json_object_get(machine, "caches"), i, cache) {
		snprintf(name, sizeof(name), "L%d", (int)json_integer_value(json_object_get(cache, "level")));
		count = put_mark(out, size, count, name, json_integer_value(json_object_get(cache, "bytes")), range);
	}
	snprintf(name, sizeof(name), "TLB %dk", (int)(page / 1024));
	if (entries > 0)
		count = put_mark(out, size, count, name, entries * page, range);
	i = strlen(out);
	snprintf(out + i, size - i, "marks = %u\n", count);
}

static bool is_plugged(const struct sm_results *r, const struct figure *f, sm_name variant)
{
	for (size_t i = 0; i < r->case_count; i++)
		if (r->cases[i].variant == variant && is_of(&r->cases[i], f->scenario, f->metric))
			return words_plugin(r, &r->cases[i]) != NULL;
	return false;
}

/* Writes the variants' names for the labels under the pointer, because a gnuplot script cannot ask the data for them; the
 * order of the lines at their right end, for the key; and which lines are of plug-ins. */
static void put_lines(const struct sm_results *r, const sm_name *variants, const double *end, unsigned count,
		      struct figure *f)
{
	char name[128];
	size_t used = (size_t)snprintf(f->variables, sizeof(f->variables),
				       "array names[%u]\narray order[%u]\narray plugged[%u]\n", count + 1, count + 1,
				       count + 1);

	for (unsigned v = 0; v < count && used < sizeof(f->variables); v++) {
		unsigned above = 0;

		for (unsigned o = 0; o < count; o++)
			above += end[o] > end[v] || (!(end[o] < end[v]) && o < v);
		used += (size_t)snprintf(f->variables + used, sizeof(f->variables) - used,
					 "names[%u] = '%s'\norder[%u] = %u\nplugged[%u] = %d\n", v + 1,
					 sm_encode(SM_TO_GNUPLOT, variants[v], name, sizeof(name)), above + 1, v, v + 1,
					 is_plugged(r, f, variants[v]));
	}
}

static size_t sweep_data_of(const struct sm_results *r, struct figure *f, FILE *out, bool bytes_rate)
{
	const struct sweep *param = figures_swept(r, f->scenario, f->metric);
	sm_name variants[VARIANTS_MAX];
	unsigned count = variants_of(r, f->scenario, f->metric, variants);
	struct point *first = calloc(r->summary_count + 1, sizeof(*first));
	struct point *points = calloc(r->summary_count + 1, sizeof(*points));
	size_t total = 0, firsts = 0, used;
	unsigned crossings = 0;
	double range[2] = { INFINITY, 0 }, end[VARIANTS_MAX] = { 0 }, smallest = INFINITY, largest = -INFINITY;
	const struct sm_case_row payload = { .unit = sm_name_of("GB/s"), .unit_kind = SM_UNIT_OTHER };
	char label[128];

	if (!first || !points || !param)
		count = 0;
	for (unsigned v = 0; v < count; v++) {
		used = sweep_points(r, f, variants[v], param, bytes_rate, points);
		figures_put_field(out, variants[v]);
		fputc('\n', out);
		for (size_t i = 0; i < used; i++) {
			fprintf(out, "%.6g %.6g %.6g %.6g\n", points[i].x, points[i].value, points[i].low,
				points[i].high);
			smallest = fmin(smallest, points[i].low);
			largest = fmax(largest, points[i].high);
		}
		if (used > 0) {
			range[0] = fmin(range[0], points[0].x);
			range[1] = fmax(range[1], points[used - 1].x);
			end[v] = points[used - 1].value;
		}
		fputs("\n\n", out);
		total += used;
	}
	/* The last index: where a line crosses the line of the first variant. */
	if (count > 0)
		firsts = sweep_points(r, f, variants[0], param, bytes_rate, first);
	if (firsts > 0)
		crossings = put_crossings(r, f, param, first, firsts, variants, count, out);
	free(first);
	free(points);
	if (f->height < KEY_REST + KEY_ROW * count)
		f->height = KEY_REST + KEY_ROW * count;
	put_lines(r, variants, end, count, f);
	used = strlen(f->variables);
	snprintf(f->variables + used, sizeof(f->variables) - used,
		 "variants = %u\ncrossings = %u\nx_label = '%s'\ny_label = '%s'\nx_bytes = %d\n"
		 "x_log = %d\n%s",
		 count, crossings, param ? param->label : "",
		 bytes_rate ? "GB/s of payload"
			    : sm_encode(SM_TO_GNUPLOT, r->cases[f->placement_of].metric, label, sizeof(label)),
		 param && param->bytes, param && param->logarithmic, range[0] == 0 ? "x_zero = 1\n" : "");
	if (param && param->region)
		put_marks(r, range, f->variables + strlen(f->variables), sizeof(f->variables) - strlen(f->variables));
	figures_axis(f, bytes_rate ? &payload : &r->cases[f->placement_of], smallest, largest);
	if (!bytes_rate && r->cases[f->placement_of].unit_kind == SM_UNIT_NS)
		strncat(f->variables, "y_time = 1\n", sizeof(f->variables) - strlen(f->variables) - 1);
	return total;
}

static size_t sweep_data(const struct sm_results *r, struct figure *f, FILE *out)
{
	return sweep_data_of(r, f, out, false);
}

static size_t rate_data(const struct sm_results *r, struct figure *f, FILE *out)
{
	return sweep_data_of(r, f, out, true);
}

/* bytes stride GB/s: one block per stride, each in order of size. */
static size_t surface_data(const struct sm_results *r, struct figure *f, FILE *out)
{
	double last = 0, stride;
	size_t count = 0;

	for (;; last = stride) {
		stride = INFINITY;
		for (size_t i = 0; i < r->case_count; i++) {
			double value = sm_param_value(r->cases[i].params, "stride");

			if (is_of(&r->cases[i], f->scenario, f->metric) && value > last)
				stride = fmin(stride, value);
		}
		if (!isfinite(stride))
			break;
		/* Cases are in the order of the plan: sizes in increasing order. */
		for (size_t i = 0; i < r->summary_count; i++) {
			const struct sm_summary_row *s = &r->summaries[i];
			const struct sm_case_row *c = &r->cases[s->case_index];

			if (!is_of(c, f->scenario, f->metric) || !isfinite(s->value.estimate) ||
			    sm_param_value(c->params, "stride") != stride)
				continue;
			fprintf(out, "%.6g %.6g %.6g\n", sm_param_value(c->params, "bytes"), stride,
				c->bytes_per_op / s->value.estimate);
			count++;
		}
		fputc('\n', out);
	}
	snprintf(f->variables, sizeof(f->variables), "z_label = 'GB/s of what is loaded'\n");
	return count;
}

/* y label value low high group: all cases of a scenario, with gaps between the groups. */
static size_t dots_data(const struct sm_results *r, struct figure *f, FILE *out)
{
	size_t count = 0;
	unsigned row = 0, group = 0;
	sm_name last = NULL;
	double smallest = INFINITY, largest = -INFINITY;
	char metric[128], unit[128];
	struct figure_common common;
	size_t longest = 0;

	figures_common(r, &r->cases[f->placement_of], &common);
	for (size_t i = r->summary_count; i-- > 0;) {
		const struct sm_summary_row *s = &r->summaries[i];
		const struct sm_case_row *c = &r->cases[s->case_index];
		double low = isfinite(s->value.low) ? s->value.low : s->value.estimate;
		double high = isfinite(s->value.high) ? s->value.high : s->value.estimate;
		char label[320];

		if (!is_of(c, f->scenario, f->metric) || !isfinite(s->value.estimate))
			continue;
		if (last != c->group && count > 0) {
			row++; /* a gap between groups */
			group++;
		}
		last = c->group;
		figures_label(c, &common, label, sizeof(label));
		longest = strlen(label) > longest ? strlen(label) : longest;
		fprintf(out, "%u ", ++row);
		figures_put_field(out, label);
		fprintf(out, "%.6g %.6g %.6g %u\n", s->value.estimate, low, high, group % 4);
		smallest = fmin(smallest, low);
		largest = fmax(largest, high);
		count++;
	}
	if (count)
		snprintf(f->variables, sizeof(f->variables), "x_label = '%s'\nunit = '%s'\n",
			 sm_encode(SM_TO_GNUPLOT, r->cases[f->placement_of].metric, metric, sizeof(metric)),
			 sm_encode(SM_TO_GNUPLOT, r->cases[f->placement_of].unit, unit, sizeof(unit)));
	figures_axis(f, &r->cases[f->placement_of], smallest, largest);
	f->height = DOTS_REST + DOTS_ROW * row;
	figures_labels(f, longest);
	return row > ROWS_MAX ? 0 : count;
}

static struct figure *add(struct figure out[FIGURES_MAX], unsigned *count, enum figure_kind kind,
			  const struct sm_case_row *of,
			  size_t (*data)(const struct sm_results *, struct figure *, FILE *))
{
	struct figure *f = &out[*count < FIGURES_MAX ? (*count)++ : FIGURES_MAX - 1];

	memset(f, 0, sizeof(*f));
	f->kind = kind;
	f->scenario = of ? of->scenario : NULL;
	f->metric = of ? of->metric : NULL;
	f->data = data;
	f->width = 900, f->height = 540;
	return f;
}

/* A figure for each group of the scenario that has a first pass. */
static void plan_first_pass(const struct sm_results *r, const struct sm_case_row *of, struct figure *out,
			    unsigned *count)
{
	sm_name last = NULL;

	for (size_t i = 0; i < r->case_count && !of->derived; i++) {
		const struct sm_case_row *c = &r->cases[i];
		char stem[384], path[4800], point[192];
		struct figure *f;

		if (!is_of(c, of->scenario, of->metric) || c->group == last)
			continue;
		sm_store_histogram_name(c->id, stem, sizeof(stem));
		snprintf(path, sizeof(path), "%s/series/%s.csv", r->folder, stem);
		if (access(path, R_OK) < 0)
			continue;
		last = c->group;
		f = add(out, count, FIGURE_FIRST_PASS, c, figures_first_pass);
		f->placement_of = (unsigned)i;
		words_point(c->params, sm_placement_name(c->placement), point, sizeof(point));
		snprintf(f->name, sizeof(f->name), "%s_first_pass_%zu", c->scenario, i);
		snprintf(f->title, sizeof(f->title), "%s: the first pass, access by access, %s", c->scenario, point);
	}
}

/* A heat map for each point at which the scenario measures the memory of nodes. */
static void plan_node_matrices(const struct sm_results *r, const struct sm_case_row *of, struct figure *out,
			       unsigned *count)
{
	size_t matrices;
	unsigned *first = sm_node_matrices_of(r, of->scenario, &matrices);

	for (size_t i = 0; i < matrices; i++) {
		const struct sm_case_row *c = &r->cases[first[i]];
		sm_name point = sm_node_matrix_point(c);
		struct figure *f = add(out, count, FIGURE_NODES, c, figures_node_matrix);

		f->placement_of = first[i];
		sm_node_matrix_name(c, f->name, sizeof(f->name));
		snprintf(f->title, sizeof(f->title), "%s: %s, by node%s%s", c->scenario,
			 c->bytes_per_op > 0 ? "payload rate" : c->metric, point == sm_none ? "" : ", ",
			 point == sm_none ? "" : point);
	}
	free(first);
}

static void plan_dots(const struct sm_results *r, unsigned first, const char *stem, struct figure *out, unsigned *count)
{
	const struct sm_case_row *c = &r->cases[first];
	struct figure *f = add(out, count, FIGURE_DOTS, c, dots_data);
	struct figure_common common;
	char text[192];

	figures_common(r, c, &common);
	f->placement_of = first;
	snprintf(f->name, sizeof(f->name), "%s_cases", stem);
	snprintf(f->title, sizeof(f->title), "%s: %s%s (median, 95 %% interval)", c->scenario, c->metric,
		 figures_common_text(c, &common, text, sizeof(text)));
}

/* The figures of one metric of a scenario; `first` is its first case. */
static void plan_metric(const struct sm_results *r, unsigned first, struct figure *out, unsigned *count)
{
	const struct sm_case_row *c = &r->cases[first];
	const struct sweep *swept = figures_swept(r, c->scenario, c->metric);
	sm_name rest = swept ? sm_params_but(c->params, swept->name) : sm_none;
	bool sweeps_something = swept != NULL;
	char stem[80], point[192];
	struct figure *f;

	figures_stem(c, stem, sizeof(stem));
	if (!c->derived && sm_matrix_has(r, c->scenario)) {
		f = add(out, count, FIGURE_MATRIX, c, figures_matrix);
		snprintf(f->name, sizeof(f->name), "%s", stem);
		snprintf(f->title, sizeof(f->title), "%s: one way between PUs, ns", c->scenario);
	}
	if (!c->derived)
		plan_node_matrices(r, c, out, count);
	if (isfinite(sm_param_value(c->params, "stride"))) {
		f = add(out, count, FIGURE_SURFACE, c, surface_data);
		f->height = 620;
		snprintf(f->name, sizeof(f->name), "%s_surface", stem);
		snprintf(f->title, sizeof(f->title), "%s: speed over size and stride", c->scenario);
		sweeps_something = false;
	}
	if (sweeps_something) {
		f = add(out, count, FIGURE_SWEEP, c, sweep_data);
		f->placement_of = first;
		snprintf(f->name, sizeof(f->name), "%s", stem);
		snprintf(f->title, sizeof(f->title), "%s: %s, %s%s%s (median, 95 %% interval)", c->scenario, c->metric,
			 rest == sm_none ? "" : rest, rest == sm_none ? "" : ", ", sm_placement_name(c->placement));
	}
	if (sweeps_something && c->bytes_per_op > 0) {
		f = add(out, count, FIGURE_SWEEP, c, rate_data);
		f->placement_of = first;
		snprintf(f->name, sizeof(f->name), "%s_rate", stem);
		snprintf(f->title, sizeof(f->title), "%s: payload rate, %s (median, 95 %% interval)", c->scenario,
			 sm_placement_name(c->placement));
	}
	if (sweeps_something && figures_has_curve(r, c)) {
		f = add(out, count, FIGURE_CURVE, c, figures_curve);
		f->placement_of = first;
		snprintf(f->name, sizeof(f->name), "%s_curve", stem);
		snprintf(f->title, sizeof(f->title), "%s: %s over bandwidth, %s", c->scenario, c->metric,
			 sm_placement_name(c->placement));
	}
	if (!c->derived) {
		f = add(out, count, FIGURE_PERCENTILES, c, figures_percentiles);
		f->placement_of = first;
		f->height = 640;
		snprintf(f->name, sizeof(f->name), "%s_percentiles", stem);
		words_point(c->params, sm_placement_name(c->placement), point, sizeof(point));
		snprintf(f->title, sizeof(f->title), "%s: distribution of single operations, %s", c->scenario, point);
	}
	plan_first_pass(r, c, out, count);
	plan_dots(r, first, stem, out, count);
}

static void title_faults(const struct sm_results *r, struct figure *f)
{
	double bytes = words_number(r, "environment/page_bytes");
	char size[SM_TEXT_MAX];

	if (bytes > 0)
		snprintf(f->title, sizeof(f->title), "A page's time and the faults behind it (base pages of %s)",
			 sm_format_bytes(size, bytes));
	else
		snprintf(f->title, sizeof(f->title), "A page's time and the faults behind it");
}

unsigned figures_plan(const struct sm_results *r, struct figure out[FIGURES_MAX])
{
	unsigned count = 0;
	struct figure *f = add(out, &count, FIGURE_FOREST, NULL, figures_ratios);

	snprintf(f->name, sizeof(f->name), "ratios");
	snprintf(f->title, sizeof(f->title), "Ratios of the claims (median of blocks, 95 %% interval)");
	for (size_t i = 0, rows = 0; i < r->pair_count; i++) {
		rows += r->pairs[i].leading && r->pairs[i].claim != sm_none;
		f->height = 186 + 24 * (unsigned)rows;
	}
	f = add(out, &count, FIGURE_FAULTS, NULL, figures_faults);
	snprintf(f->name, sizeof(f->name), "faults");
	title_faults(r, f);
	f = add(out, &count, FIGURE_RUNCHART, NULL, figures_runchart);
	snprintf(f->name, sizeof(f->name), "run");
	snprintf(f->title, sizeof(f->title), "Every trial in its order, over its case's median");
	f = add(out, &count, FIGURE_PROBES, NULL, figures_probes);
	snprintf(f->name, sizeof(f->name), "pair_classes");
	snprintf(f->title, sizeof(f->title), "Round trips of the probes between slices");
	for (size_t i = 0; i < r->case_count; i++) {
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = is_of(&r->cases[j], r->cases[i].scenario, r->cases[i].metric);
		if (!seen)
			plan_metric(r, (unsigned)i, out, &count);
	}
	figures_settle_names(out, count);
	return count;
}
