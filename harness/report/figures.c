/* Drawing the figures: .dat and .gp beside each other, so that `gnuplot NAME.gp` redraws them. */
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

/* gnuplot's single quotes double themselves. */
static void put_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

void figures_script(FILE *out, const struct figure *f, const char *machine, const char *template_text)
{
	fprintf(out, "# gnuplot %s.gp draws %s.svg and %s.png from %s.dat\n", f->name, f->name,
		f->name, f->name);
	fprintf(out, "datafile = '%s.dat'\nheading = ", f->name);
	put_quoted(out, f->title);
	fprintf(out, "\nmachine = ");
	put_quoted(out, machine);
	fprintf(out, "\n%s", f->variables);
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

char *figures_template(const char *folder, const char *kind, struct sm_error *err)
{
	char path[4200], *text = NULL;
	FILE *file;
	size_t got;

	snprintf(path, sizeof(path), "%s/%s.gp", folder, kind);
	file = fopen(path, "re");
	if (!file) {
		sm_fail(err, errno,
			"the figure template %s cannot be read: %s; it belongs to the program's "
			"installation",
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

static int draw(const struct sm_results *results, const struct sm_report_options *options,
		struct figure *figure, bool *drawn, struct sm_error *err)
{
	struct job job = { results, figure, NULL, 0 };
	char folder[4200], path[4400], script[128];
	char *text = figures_template(options->plots, figure->kind, err);
	int rc;

	*drawn = false;
	if (!text)
		return -EIO;
	job.template_text = text;
	snprintf(folder, sizeof(folder), "%s/plots", results->out);
	snprintf(path, sizeof(path), "%s/%s.dat", folder, figure->name);
	rc = sm_store_write_file(path, write_data, &job, err);
	if (rc == 0 && job.points == 0) {
		unlink(path);
		free(text);
		return 0;
	}
	snprintf(path, sizeof(path), "%s/%s.gp", folder, figure->name);
	if (rc == 0)
		rc = sm_store_write_file(path, write_script, &job, err);
	snprintf(script, sizeof(script), "%s.gp", figure->name);
	if (rc == 0)
		rc = gnuplot_run(folder, script, err);
	snprintf(path, sizeof(path), "%s/%s.svg", folder, figure->name);
	if (rc == 0)
		rc = figures_tidy(path, err);
	*drawn = rc == 0;
	free(text);
	return rc;
}

/* The ratios once more, in characters. */
static int draw_in_terminal(const struct sm_results *results,
			    const struct sm_report_options *options, struct sm_error *err)
{
	char path[4300], folder[4200];
	FILE *out;
	int rc;

	snprintf(folder, sizeof(folder), "%s/plots", results->out);
	snprintf(path, sizeof(path), "%s/.terminal.gp", folder);
	out = fopen(path, "we");
	if (!out)
		return sm_fail(err, errno, "cannot write %s: %s", path, strerror(errno));
	fprintf(out, "terminal_only = 1\nset terminal dumb size %u,40\nload 'ratios.gp'\n",
		options->width ? options->width : 100);
	fclose(out);
	fflush(stdout);
	rc = gnuplot_run(folder, ".terminal.gp", err);
	unlink(path);
	return rc;
}

int sm_report_figures(const struct sm_results *results, const struct sm_report_options *options,
		      unsigned *drawn, struct sm_error *err)
{
	struct figure *figures = calloc(FIGURES_MAX, sizeof(*figures));
	struct sm_error why = { 0 };
	char folder[4200];
	unsigned count;
	int rc = 0;

	*drawn = 0;
	if (!figures)
		return sm_fail(err, ENOMEM, "no memory for the figures");
	snprintf(folder, sizeof(folder), "%s/plots", results->out);
	if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
		free(figures);
		return sm_fail(err, errno, "cannot make %s: %s", folder, strerror(errno));
	}
	count = figures_plan(results, figures);
	/* One figure that cannot be drawn does not stop the others: the first reason is kept. */
	for (unsigned i = 0; i < count; i++) {
		bool one = false;
		int one_rc = draw(results, options, &figures[i], &one, rc ? &why : err);

		rc = rc ? rc : one_rc;
		*drawn += one;
	}
	free(figures);
	if (rc == 0 && options->term && *drawn > 0)
		rc = draw_in_terminal(results, options, err);
	return rc;
}
