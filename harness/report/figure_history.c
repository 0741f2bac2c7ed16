/* The figure of a case over its runs. */
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

	snprintf(machine, sizeof(machine), "machine %s, %zu runs", drawing->series->fingerprint,
		 drawing->series->count);
	figures_script(out, &drawing->figure, machine, drawing->template_text);
	return 0;
}

int sm_report_history(const struct sm_history_series *series, const char *plots, const char *folder,
		      struct sm_error *err)
{
	struct drawing drawing = { .series = series,
				   .figure = { .kind = "history", .width = 900, .height = 480 } };
	struct figure *f = &drawing.figure;
	char path[4400], script[160], unit[128];
	int rc;

	sm_store_histogram_name(series->id, f->name, sizeof(f->name));
	snprintf(f->title, sizeof(f->title), "%s over its runs", series->id);
	snprintf(f->variables, sizeof(f->variables), "y_label = '%s'\nruns = %zu\n",
		 figures_quoted(series->unit, unit), series->count);
	drawing.template_text = figures_template(plots, f->kind, err);
	if (!drawing.template_text)
		return -EIO;
	snprintf(path, sizeof(path), "%s/%s.dat", folder, f->name);
	rc = sm_store_write_file(path, write_points, &drawing, err);
	snprintf(path, sizeof(path), "%s/%s.gp", folder, f->name);
	if (rc == 0)
		rc = sm_store_write_file(path, write_plot, &drawing, err);
	snprintf(script, sizeof(script), "%s.gp", f->name);
	if (rc == 0)
		rc = gnuplot_run(folder, script, err);
	free(drawing.template_text);
	return rc;
}
