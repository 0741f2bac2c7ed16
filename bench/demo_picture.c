/* The picture of a demonstration: a bar for each variant and point, drawn by gnuplot as text or pixels. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo_picture.h"
#include "program.h"
#include "shmeter/encode.h"
#include "shmeter/store.h"
#include "shmeter/text.h"

#define PICTURE_ROWS  18 /* bars: with the axis they fit on a screen of 24 rows */
#define PICTURE_WIDTH 78u

/* A bar of the picture. */
struct bar {
	const struct sm_case_row *c; /* whose value it is: of the metric, once there is an analysis */
	double value;
	double *values;
	size_t count;
};

/* A further metric of a trial; NaN where it is not known. */
static double metric_of(const struct sm_results *run, unsigned trial, const char *metric)
{
	for (size_t i = run->metric_count; i-- > 0;)
		if (run->metrics[i].trial == trial && strcmp(run->metrics[i].metric, metric) == 0)
			return run->metrics[i].value;
	return NAN;
}

/* Makes the bars from the measured samples: there is no analysis during a run. */
static size_t gather(const struct sm_results *run, const struct demo *demo, struct bar *bars, size_t room)
{
	size_t count = 0;

	for (size_t c = 0; c < run->case_count && count < room; c++) {
		const struct sm_case_row *row = &run->cases[c];
		struct bar *bar = &bars[count];

		if (row->control || row->derived)
			continue;
		*bar = (struct bar){ .c = row, .values = calloc(run->sample_count + 1, sizeof(double)) };
		for (size_t i = 0; bar->values && i < run->sample_count; i++) {
			const struct sm_sample *sample = &run->samples[i];

			if (sample->case_index != c || sample->ended != SM_OK)
				continue;
			double value = demo->metric  ? metric_of(run, sample->trial, demo->metric)
				       : sample->ops ? (double)sample->elapsed_ns / (double)sample->ops
						     : (double)NAN;

			if (isfinite(value))
				bar->values[bar->count++] = value;
		}
		bar->value = sm_median(bar->values, bar->count);
		free(bar->values);
		bar->values = NULL;
		if (bar->count > 0)
			count++;
	}
	return count;
}

/* Makes the bars from the analysis, so that they agree with the text: it may have set trials aside. */
static size_t gather_figures(const struct sm_results *run, const struct demo *demo, struct bar *bars, size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i < run->summary_count && count < room; i++) {
		const struct sm_summary_row *row = &run->summaries[i];
		const struct sm_case_row *c = &run->cases[row->case_index];
		bool shown = demo->metric ? c->derived && strcmp(c->metric, demo->metric) == 0 : !c->derived;

		if (shown && !c->control && isfinite(row->value.estimate))
			bars[count++] = (struct bar){ .c = c, .value = row->value.estimate };
	}
	return count;
}

struct picture {
	const struct demo *demo;
	bool sixel;
	const struct bar *bars;
	size_t count;
};

/* Puts the variant and the parameters in which the bars differ: others would take the room of the bars. */
static void put_label(FILE *out, const struct picture *picture, const struct bar *bar)
{
	const char *params = bar->c->params;

	sm_put_encoded(out, SM_TO_GNUPLOT_DATA, bar->c->variant);
	for (size_t length; *params; params += length + (params[length] == ' ')) {
		bool everywhere = true;

		length = strcspn(params, " ");
		for (size_t i = 0; i < picture->count; i++)
			everywhere &= sm_has_word(picture->bars[i].c->params, params, length);
		if (!everywhere)
			sm_print_encoded(out, SM_TO_GNUPLOT_DATA, " %.*s", (int)length, params);
	}
}

/* The value as people write it. */
static const char *amount(char out[SM_TEXT_MAX], const struct demo *demo, const struct bar *bar)
{
	enum sm_unit_kind kind = bar->c->unit_kind;

	if (demo->metric && !bar->c->derived) /* during the run: the unit is the time's */
		kind = SM_UNIT_NONE;
	switch (kind) {
	case SM_UNIT_NS: return sm_format_ns(out, bar->value);
	case SM_UNIT_BYTES: return sm_format_bytes(out, bar->value);
	case SM_UNIT_RATE: return sm_format_rate(out, bar->value);
	case SM_UNIT_NONE:
	case SM_UNIT_OTHER: break;
	}
	return sm_format_count(out, bar->value);
}

/* The picture's data: row, label, value, the value in words. */
static int write_bars(FILE *out, void *context)
{
	const struct picture *picture = context;
	char text[SM_TEXT_MAX];

	for (size_t i = 0; i < picture->count; i++) {
		const struct bar *bar = &picture->bars[i];

		fprintf(out, "%zu \"", picture->count - i);
		put_label(out, picture, bar);
		fprintf(out, "\" %.6g \"%s\"\n", bar->value, amount(text, picture->demo, bar));
	}
	return ferror(out) ? -EIO : 0;
}

static int write_script(FILE *out, void *context)
{
	const struct picture *picture = context;
	const struct demo *demo = picture->demo;
	double largest = 0;

	for (size_t i = 0; i < picture->count; i++)
		largest = fmax(largest, picture->bars[i].value);
	if (picture->sixel)
		fprintf(out, "set terminal sixelgd size 800,%zu font 'sans,11'\n", 120 + 24 * picture->count);
	else
		fprintf(out, "set terminal dumb noenhanced size %u,%zu\n", PICTURE_WIDTH, picture->count + 3);
	fprintf(out,
		"set output 'demo.txt'\ndatafile = 'demo.dat'\nbars = %zu\nlargest = %.6g\nthick = %s\nx_label = '",
		picture->count, largest > 0 ? largest : 1, picture->sixel ? "0.25" : "0");
	sm_put_encoded(out, SM_TO_GNUPLOT, demo->metric ? demo->metric : picture->bars[0].c->metric);
	fputs("'\nload '", out);
	sm_put_encoded(out, SM_TO_GNUPLOT, plots_folder());
	fputs("/demo.gp'\n", out);
	return ferror(out) ? -EIO : 0;
}

int demo_picture(struct sm_gnuplot *gnuplot, const struct demo *demo, const struct sm_results *run, const char *folder,
		 bool sixel, struct sm_error *err)
{
	struct bar bars[PICTURE_ROWS];
	struct picture picture = { .demo = demo, .sixel = sixel, .bars = bars };
	char path[4200];
	int rc;

	picture.count =
		run->analysis ? gather_figures(run, demo, bars, PICTURE_ROWS) : gather(run, demo, bars, PICTURE_ROWS);
	if (picture.count == 0)
		return 0;
	snprintf(path, sizeof(path), "%s/demo.dat", folder);
	rc = sm_store_write_file(path, write_bars, &picture, err);
	snprintf(path, sizeof(path), "%s/demo.gp", folder);
	if (rc == 0)
		rc = sm_store_write_file(path, write_script, &picture, err);
	if (rc == 0)
		rc = sm_gnuplot_run(gnuplot, folder, "demo.gp", err);
	return rc < 0 ? rc : (int)picture.count;
}
