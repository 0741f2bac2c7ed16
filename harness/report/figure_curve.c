/* The data of a time over the bandwidth that others used meanwhile: one line for each variant and each value of the
 * parameters other than `load`, from the lowest load to the highest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "shmeter/scenario.h"
#include "shmeter/text.h"

#define LINES_MAX 64

/* One line: a variant at one point, but for the load. */
struct line {
	sm_name variant, rest;
};

struct point {
	double load, bandwidth, value, low, high;
};

static sm_name bandwidth_of(const struct sm_case_row *c)
{
	return sm_name_format("%s#" SM_BANDWIDTH, c->id);
}

bool figures_has_curve(const struct sm_results *r, const struct sm_case_row *c)
{
	sm_name id = bandwidth_of(c);

	for (size_t i = 0; i < r->case_count; i++)
		if (r->cases[i].id == id)
			return true;
	return false;
}

/* NaN: not measured. */
static double bandwidth(const struct sm_results *r, const struct sm_case_row *c)
{
	sm_name id = bandwidth_of(c);

	for (size_t i = 0; i < r->summary_count; i++)
		if (r->cases[r->summaries[i].case_index].id == id && isfinite(r->summaries[i].value.estimate))
			return r->summaries[i].value.estimate / 1e9;
	return (double)NAN;
}

static bool is_shown(const struct sm_results *r, const struct figure *f, const struct sm_case_row *c)
{
	return c->scenario == f->scenario && c->metric == f->metric &&
	       c->placement == r->cases[f->placement_of].placement;
}

static unsigned lines_of(const struct sm_results *r, const struct figure *f, struct line out[LINES_MAX])
{
	unsigned count = 0;

	for (size_t i = 0; i < r->case_count && count < LINES_MAX; i++) {
		const struct sm_case_row *c = &r->cases[i];
		struct line line = { c->variant, sm_params_but(c->params, "load") };
		bool seen = !is_shown(r, f, c);

		for (unsigned j = 0; j < count && !seen; j++)
			seen = out[j].variant == line.variant && out[j].rest == line.rest;
		if (!seen)
			out[count++] = line;
	}
	return count;
}

static int by_load(const void *a, const void *b)
{
	const struct point *left = a, *right = b;

	return (left->load > right->load) - (left->load < right->load);
}

static size_t points_of(const struct sm_results *r, const struct figure *f, const struct line *line, struct point *out)
{
	size_t count = 0;

	for (size_t i = 0; i < r->summary_count; i++) {
		const struct sm_summary_row *s = &r->summaries[i];
		const struct sm_case_row *c = &r->cases[s->case_index];
		struct point point = { sm_param_value(c->params, "load"), bandwidth(r, c), s->value.estimate,
				       s->value.low, s->value.high };

		if (!is_shown(r, f, c) || c->variant != line->variant ||
		    sm_params_but(c->params, "load") != line->rest || !isfinite(point.value) ||
		    !isfinite(point.bandwidth))
			continue;
		if (!isfinite(point.low))
			point.low = point.high = point.value;
		out[count++] = point;
	}
	qsort(out, count, sizeof(*out), by_load);
	return count;
}

size_t figures_curve(const struct sm_results *r, struct figure *f, FILE *out)
{
	struct point *points = calloc(r->summary_count + 1, sizeof(*points));
	struct line lines[LINES_MAX];
	unsigned count = points ? lines_of(r, f, lines) : 0, drawn = 0;
	size_t total = 0;
	bool differ = false;
	char name[256];

	for (unsigned i = 1; i < count; i++)
		differ |= lines[i].rest != lines[0].rest;
	for (unsigned i = 0; i < count; i++) {
		size_t used = points_of(r, f, &lines[i], points);

		if (used == 0)
			continue;
		snprintf(name, sizeof(name), "%s%s%s", lines[i].variant, differ ? ", " : "",
			 differ ? lines[i].rest : "");
		figures_put_field(out, name);
		fputc('\n', out);
		for (size_t p = 0; p < used; p++)
			fprintf(out, "%.6g %.6g %.6g %.6g %.6g\n", points[p].bandwidth, points[p].value, points[p].low,
				points[p].high, points[p].load);
		fputs("\n\n", out);
		total += used;
		drawn++;
	}
	free(points);
	snprintf(f->variables, sizeof(f->variables), "variants = %u\ny_label = '%s'\n", drawn,
		 sm_encode(SM_TO_GNUPLOT, f->metric, name, sizeof(name)));
	return total;
}
