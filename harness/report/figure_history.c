/* The figure of a case over several runs. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "shmeter/store.h"

struct drawing {
	const struct sm_history_series *series;
	struct figure figure;
	char *template_text;
};

static void put_number(FILE *out, double value)
{
	if (isfinite(value))
		fprintf(out, " %.6g", value);
	else
		fputs(" NaN", out);
}

static int write_points(FILE *out, void *context)
{
	const struct sm_history_series *series = ((struct drawing *)context)->series;

	for (size_t i = 0; i < series->count; i++) {
		const struct sm_history_point *p = &series->point[i];

		fprintf(out, "%zu %.6g", i + 1, p->median);
		put_number(out, isfinite(p->low) ? p->low : p->median);
		put_number(out, isfinite(p->high) ? p->high : p->median);
		put_number(out, p->level);
		fprintf(out, " %d %d\n", p->step, !p->same_class);
	}
	return 0;
}

static int write_plot(FILE *out, void *context)
{
	const struct drawing *drawing = context;
	char machine[128];

	snprintf(machine, sizeof(machine), "%s, %zu runs", drawing->series->machine, drawing->series->count);
	figures_script(out, &drawing->figure, machine, drawing->template_text);
	return 0;
}

/* The id as a file name; a long one is cut and ends in a hash of the id. */
static void name_file(const char *id, char *out, size_t size)
{
	uint32_t hash = 0x811c9dc5u; /* FNV-1a */

	for (const char *c = id; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x01000193u;
	sm_store_histogram_name(id, out, size);
	if (strlen(id) >= size)
		snprintf(out + size - 10, 10, "-%08x", hash);
	figures_file_name(out);
}

int sm_report_history(const struct sm_history_series *series, const struct sm_report_options *options,
		      const char *folder, struct sm_error *err)
{
	struct drawing drawing = { .series = series,
				   .figure = { .kind = FIGURE_HISTORY, .width = 900, .height = 480 } };
	struct sm_gnuplot gnuplot = { .stop = options->stop, .limit_ms = options->limit_ms };
	struct figure *f = &drawing.figure;
	char path[4400], unit[128];
	int rc = sm_gnuplot_find(&gnuplot, err);

	if (rc < 0)
		return rc;
	name_file(series->id, f->name, sizeof(f->name));
	snprintf(f->title, sizeof(f->title), "%s over its runs", series->id);
	snprintf(f->variables, sizeof(f->variables), "y_label = '%s'\nruns = %zu\n",
		 sm_encode(SM_TO_GNUPLOT, series->unit, unit, sizeof(unit)), series->count);
	drawing.template_text = figures_template(options->plots, f->kind, err);
	if (!drawing.template_text)
		return -EIO;
	snprintf(path, sizeof(path), "%s/%s.dat", folder, f->name);
	rc = sm_store_write_file(path, write_points, &drawing, err);
	snprintf(path, sizeof(path), "%s/%s.gp", folder, f->name);
	if (rc == 0)
		rc = sm_store_write_file(path, write_plot, &drawing, err);
	if (rc == 0)
		rc = figures_draw(&gnuplot, folder, f->name, err);
	free(drawing.template_text);
	return rc;
}
