/* Heat maps: of the pairs of PUs that a scenario visited, or of another matrix. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "figures.h"
#include "shmeter/matrix.h"

/* Matplotlib's viridis at nine points: its luminance increases evenly, also for colour-blind readers. */
static const struct {
	double red, green, blue;
} viridis[] = {
	{ 68, 1, 84 },    { 71, 44, 122 }, { 59, 81, 139 },  { 44, 113, 142 }, { 33, 144, 141 },
	{ 39, 173, 129 }, { 92, 200, 99 }, { 170, 220, 50 }, { 253, 231, 37 },
};
#define ANCHORS 9u
_Static_assert(sizeof(viridis) / sizeof(viridis[0]) == ANCHORS, "viridis has nine points");

/* Above this relative luminance black has more contrast than white (WCAG 2: (L + 0.05) ratios). */
#define LUMINANCE_OF_BLACK_TEXT 0.179
/* Up to this number of rows each pair shows its value and each row its name. */
#define LABELLED_MAX 64u
/* The scale covers at least this ratio, so that noise alone does not use the whole colour range. */
#define SPAN_MIN 2.0

static unsigned colour_at(double share)
{
	double at = fmin(fmax(share, 0), 1) * (ANCHORS - 1);
	unsigned i = at < ANCHORS - 1 ? (unsigned)at : ANCHORS - 2;
	double rest = at - i;

	return (unsigned)lround(viridis[i].red + rest * (viridis[i + 1].red - viridis[i].red)) << 16 |
	       (unsigned)lround(viridis[i].green + rest * (viridis[i + 1].green - viridis[i].green)) << 8 |
	       (unsigned)lround(viridis[i].blue + rest * (viridis[i + 1].blue - viridis[i].blue));
}

static double linear(unsigned channel)
{
	double share = channel / 255.0;

	return share <= 0.04045 ? share / 12.92 : pow((share + 0.055) / 1.055, 2.4);
}

static unsigned text_colour_on(unsigned rgb)
{
	double luminance = 0.2126 * linear(rgb >> 16) + 0.7152 * linear(rgb >> 8 & 0xff) + 0.0722 * linear(rgb & 0xff);

	return luminance > LUMINANCE_OF_BLACK_TEXT ? 0x000000 : 0xffffff;
}

/* Index 0: to from ns colour text-colour "label".  Returns how many. */
static size_t put_cells(const struct sm_matrix *m, double low, double high, FILE *out)
{
	size_t count = 0;

	for (unsigned from = 0; from < m->count; from++)
		for (unsigned to = 0; to < m->count; to++) {
			double ns = m->ns[(size_t)from * m->count + to];
			unsigned rgb = colour_at(log(ns / low) / log(high / low));

			if (!isfinite(ns))
				continue;
			fprintf(out, "%u %u %.6g %u %u \"%.*f\"\n", to, from, ns, rgb, text_colour_on(rgb),
				ns < 9.95 ? 1 : 0, ns);
			count++;
		}
	fputs("\n\n", out);
	return count;
}

/* Index 1: the pairs without a value, as: to from. */
static unsigned put_missing(const struct sm_matrix *m, FILE *out)
{
	unsigned count = 0;

	for (unsigned from = 0; from < m->count; from++)
		for (unsigned to = 0; to < m->count; to++)
			if ((from != to || m->diagonal) && !isfinite(m->ns[(size_t)from * m->count + to])) {
				fprintf(out, "%u %u\n", to, from);
				count++;
			}
	fputs(count ? "\n\n" : "-9 -9\n\n\n", out);
	return count;
}

/* Indices 2 to 4: a closed outline around each group of several adjacent PUs or nodes.  Returns how many. */
static unsigned put_outlines(const struct sm_matrix *m, size_t field, FILE *out)
{
	unsigned groups = 0;

	for (unsigned first = 0, next; first < m->count; first = next) {
		const char *base = (const char *)m->end;
		int group = *(const int *)(const void *)(base + first * sizeof(*m->end) + field);
		double low = first - 0.5, high;

		for (next = first + 1;
		     next < m->count && *(const int *)(const void *)(base + next * sizeof(*m->end) + field) == group;)
			next++;
		if (group < 0 || next - first < 2)
			continue;
		high = next - 0.5;
		fprintf(out, "%g %g\n%g %g\n%g %g\n%g %g\n%g %g\n\n", low, low, high, low, high, high, low, high, low,
			low);
		groups++;
	}
	fputs(groups ? "\n" : "-9 -9\n\n\n", out);
	return groups;
}

/* Index 5: position and label of each row and column. */
static void put_names(const struct sm_matrix *m, FILE *out)
{
	/* above the limit only some rows have their name */
	unsigned every = (m->count + LABELLED_MAX - 1) / LABELLED_MAX;

	for (unsigned i = 0; i < m->count; i += every)
		fprintf(out, "%u \"%s\"\n", i, m->end[i].label);
}

static void set_size(struct figure *f, unsigned count)
{
	unsigned cell = count <= 4 ? 90 : count <= 16 ? 44 : count <= 40 ? 31 : 28;
	unsigned plot = count <= LABELLED_MAX ? cell * count : 1600;

	f->width = plot + 260 > 640 ? plot + 260 : 640;
	f->height = plot + 210;
}

static void add_variables(struct figure *f, const struct sm_matrix *m, double low, double high, unsigned missing,
			  const unsigned groups[3])
{
	char palette[320];
	size_t used = 0;

	for (unsigned i = 0; i < ANCHORS; i++)
		used += (size_t)snprintf(palette + used, sizeof(palette) - used, "%s%u '#%06x'", i ? ", " : "", i,
					 colour_at(i / (double)(ANCHORS - 1)));
	snprintf(f->variables, sizeof(f->variables),
		 "pus = %u\nlow = %.6g\nhigh = %.6g\nmissing = %u\ncores = %u\nl3s = %u\npackages = %u\n"
		 "labelled = %d\nrow = '%s'\ncolumn = '%s'\nvalue = '%s'\nset palette defined (%s)\n",
		 m->count, low, high, missing, groups[0], groups[1], groups[2], m->count <= LABELLED_MAX, m->row,
		 m->column, m->value, palette);
}

size_t figures_put_matrix(const struct sm_matrix *m, struct figure *f, FILE *out)
{
	double low = INFINITY, high = 0;
	unsigned groups[3], missing;
	size_t count;

	for (size_t i = 0; i < (size_t)m->count * m->count; i++)
		if (isfinite(m->ns[i])) {
			low = fmin(low, m->ns[i]);
			high = fmax(high, m->ns[i]);
		}
	high = fmax(high, low * SPAN_MIN);
	count = put_cells(m, low, high, out);
	missing = put_missing(m, out);
	groups[0] = put_outlines(m, offsetof(struct sm_matrix_end, core), out);
	groups[1] = put_outlines(m, offsetof(struct sm_matrix_end, l3), out);
	groups[2] = put_outlines(m, offsetof(struct sm_matrix_end, package), out);
	put_names(m, out);
	set_size(f, m->count);
	add_variables(f, m, low, high, missing, groups);
	return count;
}

size_t figures_matrix(const struct sm_results *r, struct figure *f, FILE *out)
{
	struct sm_matrix matrix;
	size_t count;

	if (sm_matrix_of(&matrix, r, f->scenario, NULL) < 0)
		return 0;
	count = figures_put_matrix(&matrix, f, out);
	sm_matrix_free(&matrix);
	return count;
}

size_t figures_node_matrix(const struct sm_results *r, struct figure *f, FILE *out)
{
	struct sm_matrix matrix;
	size_t count = 0;

	if (sm_node_matrix_of(&matrix, r, &r->cases[f->placement_of], NULL) < 0)
		return 0;
	if (matrix.count > 1)
		count = figures_put_matrix(&matrix, f, out);
	sm_matrix_free(&matrix);
	return count;
}
