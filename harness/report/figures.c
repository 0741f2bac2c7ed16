/* Draws the figures: the .dat and .gp files stay next to each other, so that `gnuplot NAME.gp` draws them again. */
#include "figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shmeter/store.h"
#include "words.h"

struct job {
	const struct sm_results *results;
	struct figure *figure;
	const char *template_text;
	size_t points;
};

static int write_data(FILE *out, void *context)
{
	struct job *job = context;

	job->points = job->figure->data(job->results, job->figure, out);
	return 0;
}

static void put_string(FILE *out, const char *name, const char *text)
{
	fprintf(out, "%s = '", name);
	sm_put_encoded(out, SM_TO_GNUPLOT, text);
	fputs("'\n", out);
}

void figures_script(FILE *out, const struct figure *f, const char *machine, const char *template_text)
{
	fprintf(out, "# gnuplot %s.gp draws %s.svg and %s.png from %s.dat\n", f->name, f->name, f->name, f->name);
	fprintf(out, "datafile = '%s.dat'\n", f->name);
	put_string(out, "heading", f->title);
	put_string(out, "machine", machine);
	fputs(f->variables, out);
	fprintf(out,
		"set encoding utf8\n"
		"if (!exists('terminal_only')) set terminal svg size %u,%u dynamic font 'sans-serif,13' "
		"background 'white' noenhanced\n"
		"if (!exists('terminal_only')) set output '%s.svg'\n",
		f->width, f->height, f->name);
	fputs(template_text, out);
	fprintf(out,
		"if (!exists('terminal_only')) set output\n"
		"if (!exists('terminal_only')) set terminal pngcairo size %u,%u font 'sans,11' fontscale 0.8 background "
		"'white' noenhanced\n"
		"if (!exists('terminal_only')) set output '%s.png'\n"
		"if (!exists('terminal_only')) replot\n",
		f->width, f->height, f->name);
}

static int write_script(FILE *out, void *context)
{
	const struct job *job = context;
	char machine[256];

	words_machine(job->results, machine, sizeof(machine));
	figures_script(out, job->figure, machine, job->template_text);
	return 0;
}

char *figures_template(const char *folder, enum figure_kind kind, struct sm_error *err)
{
	static const char *const names[FIGURE_KINDS] = {
		[FIGURE_FOREST] = "forest",         [FIGURE_FAULTS] = "faults",   [FIGURE_RUNCHART] = "runchart",
		[FIGURE_PROBES] = "probes",         [FIGURE_SWEEP] = "sweep",     [FIGURE_PERCENTILES] = "percentiles",
		[FIGURE_FIRST_PASS] = "first_pass", [FIGURE_DOTS] = "dots",       [FIGURE_MATRIX] = "matrix",
		[FIGURE_NODES] = "matrix",          [FIGURE_SURFACE] = "surface", [FIGURE_HISTORY] = "history",
		[FIGURE_CURVE] = "curve",
	};
	char path[4200], *text = NULL;
	FILE *file;
	size_t got;

	snprintf(path, sizeof(path), "%s/%s.gp", folder, names[kind]);
	file = fopen(path, "re");
	if (!file) {
		sm_fail(err, errno,
			"the figure template %s cannot be read: %s; install the whole package, or pass --no-plots",
			path, strerror(errno));
		return NULL;
	}
	text = calloc(1, 65536);
	got = text ? fread(text, 1, 65535, file) : 0;
	fclose(file);
	if (got == 0)
		sm_fail(err, EIO, "the figure template %s is empty", path);
	return text;
}

int figures_draw(struct sm_gnuplot *gnuplot, const char *folder, const char *name, struct sm_error *err)
{
	char path[4400], script[128];
	struct stat status;
	int rc;

	/* gnuplot would write through a link, and an old file would look like a success */
	snprintf(path, sizeof(path), "%s/%s.png", folder, name);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s.svg", folder, name);
	unlink(path);
	snprintf(script, sizeof(script), "%s.gp", name);
	rc = sm_gnuplot_run(gnuplot, folder, script, err);
	if (rc < 0)
		return rc;
	if (lstat(path, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size == 0)
		return sm_fail(err, EIO,
			       "gnuplot succeeded but drew nothing: %s is not there; see what `gnuplot %s` does in "
			       "that folder",
			       path, script);
	return figures_tidy(path, err);
}

/* The state of drawing, and whether to draw more figures. */
struct drawing {
	const struct sm_results *results;
	const struct sm_report_options *options;
	struct sm_gnuplot gnuplot;
	char folder[4200];
	bool over; /* gnuplot is missing, hung, or was stopped */
};

/* Writes data and script, and draws; `*drawn` is set if there is a picture then. */
static int draw(struct drawing *drawing, struct figure *figure, bool *drawn, struct sm_error *err)
{
	struct job job = { drawing->results, figure, NULL, 0 };
	char path[4400];
	char *text = figures_template(drawing->options->plots, figure->kind, err);
	int rc;

	if (!text)
		return -EIO;
	job.template_text = text;
	snprintf(path, sizeof(path), "%s/%s.dat", drawing->folder, figure->name);
	rc = sm_store_write_file(path, write_data, &job, err);
	if (rc == 0 && job.points == 0) {
		unlink(path);
		free(text);
		return 0;
	}
	snprintf(path, sizeof(path), "%s/%s.gp", drawing->folder, figure->name);
	if (rc == 0)
		rc = sm_store_write_file(path, write_script, &job, err);
	free(text);
	if (rc < 0 || drawing->over)
		return rc;
	rc = figures_draw(&drawing->gnuplot, drawing->folder, figure->name, err);
	drawing->over = rc == -ETIMEDOUT || rc == -EINTR;
	*drawn = rc == 0;
	return rc;
}

static int write_for_terminal(FILE *out, void *context)
{
	fprintf(out, "terminal_only = 1\nset terminal dumb noenhanced size %u,40\nload 'ratios.gp'\n",
		*(const unsigned *)context);
	return 0;
}

/* Draws the ratios once more, as text. */
static int draw_in_terminal(struct drawing *drawing, struct sm_error *err)
{
	unsigned width = drawing->options->width ? drawing->options->width : 100;
	char path[4300];
	int rc;

	snprintf(path, sizeof(path), "%s/.terminal.gp", drawing->folder);
	rc = sm_store_write_file(path, write_for_terminal, &width, err);
	if (rc < 0)
		return rc;
	fflush(stdout);
	rc = sm_gnuplot_run(&drawing->gnuplot, drawing->folder, ".terminal.gp", err);
	unlink(path);
	return rc;
}

/* Makes the folder of the figures if it is missing.  Refuses a link, which would lead out of the run's folder. */
static int make_folder(const char *folder, struct sm_error *err)
{
	struct stat status;

	if (mkdir(folder, 0777) != 0 && errno != EEXIST)
		return sm_fail(err, errno, "cannot make %s: %s", folder, strerror(errno));
	if (lstat(folder, &status) < 0 || !S_ISDIR(status.st_mode))
		return sm_fail(err, ENOTDIR, "%s is no folder: remove it, and no figure is drawn until then", folder);
	return 0;
}

int sm_report_figures(const struct sm_results *results, const struct sm_report_options *options, struct sm_drawn *drawn,
		      struct sm_error *err)
{
	struct figure *figures = calloc(FIGURES_MAX, sizeof(*figures));
	struct drawing drawing = { .results = results, .options = options };
	struct sm_error why = { 0 };
	unsigned count;
	int rc;

	memset(drawn, 0, sizeof(*drawn));
	if (!figures)
		return sm_fail(err, ENOMEM, "no memory for the figures");
	drawing.gnuplot.stop = options->stop;
	drawing.gnuplot.limit_ms = options->limit_ms;
	snprintf(drawing.folder, sizeof(drawing.folder), "%s/plots", results->out);
	rc = make_folder(drawing.folder, err);
	if (rc < 0) {
		free(figures);
		return rc;
	}
	rc = sm_gnuplot_find(&drawing.gnuplot, err);
	drawing.over = rc < 0;
	count = figures_plan(results, figures);
	/* A figure that cannot be drawn does not stop the others; the first error is kept. */
	for (unsigned i = 0; i < count; i++) {
		int one_rc = draw(&drawing, &figures[i], &drawn->figure[i], rc ? &why : err);

		rc = rc ? rc : one_rc;
		drawn->count += drawn->figure[i];
	}
	free(figures);
	if (rc == 0 && options->term && drawn->count > 0)
		rc = draw_in_terminal(&drawing, err);
	memcpy(drawn->note, drawing.gnuplot.note, sizeof(drawn->note));
	return rc;
}
