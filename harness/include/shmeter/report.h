/* What a run shows its reader: findings, tables, figures, the HTML page. */
#ifndef SHMETER_REPORT_H
#define SHMETER_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "shmeter/error.h"
#include "shmeter/history_series.h"
#include "shmeter/results.h"

struct sm_scenario;

/* Width of the output, in columns, where there is no terminal. */
#define SM_WIDTH_DEFAULT 80

struct sm_report_options {
	bool color;               /* ANSI colours on `out` */
	bool term;                /* figures drawn in the terminal by gnuplot's dumb terminal */
	const char *plots;        /* folder with the *.gp templates */
	unsigned width;           /* columns of the terminal; 0: SM_WIDTH_DEFAULT */
	bool all_points;          /* print a table for every point of a scenario */
	const volatile int *stop; /* non-zero: stop drawing at once; may be NULL */
	unsigned limit_ms;        /* for one figure; 0: SM_GNUPLOT_LIMIT_MS */
	/* For the page, which prints the scenarios' questions and explanations; NULL: it leaves them out. */
	const struct sm_scenario *const *scenarios;
	size_t scenario_count;
};

#define SM_FIGURES_MAX 512
/* Which figures of a run this program has drawn.  The page shows only these: other files in the folder may come from
 * anybody. */
struct sm_drawn {
	bool figure[SM_FIGURES_MAX]; /* indexed by order in the plan, as in the page */
	unsigned count;
	char note[256]; /* a remark on how they were drawn; "" for none */
};

#define SM_LOST_TEXT_MAX 768
/* Whether most trials that were started could not be completed.  Such a run is not noisy: the machine does not allow
 * the measurement.  If so, `out` has the share and the most frequent reason.  Cases skipped before their first trial do
 * not count as lost, and neither do trials that completed but were rejected. */
bool sm_report_lost(const struct sm_results *results, char out[SM_LOST_TEXT_MAX]);

/* Prints the head of a report: a warning where most trials were lost (sm_report_lost()), the machine, what was run. */
void sm_report_head(const struct sm_results *results, const struct sm_report_options *options, FILE *out);
/* Prints the results of each scenario except the calibration's: for each point the variants, best first, with value, 95
 * % confidence interval, ratio to the first variant, CPU time, rate and ties.  A scenario with many points gets one
 * table with a cell for each point. */
void sm_report_tables(const struct sm_results *results, const struct sm_report_options *options, FILE *out);
/* Prints the findings in words: headline questions first, each with verdict, ratio, confidence interval, pair class, n
 * and evidence; then the other claims; then whether the run can be trusted, with control and calibration; then what it
 * cannot show, and why. */
void sm_report_findings(const struct sm_results *results, const struct sm_report_options *options, FILE *out);
/* Writes plots/<figure>.dat, .gp, .svg and .png into the run folder.  Makes the folder where it is missing; -ENOTDIR
 * where it is a link or not a folder.  Without gnuplot it still writes .dat and .gp, and -ENOENT says what to install.
 * -ETIMEDOUT where gnuplot hung and -EINTR where `stop` was raised: no further figure is drawn.  -EIO where gnuplot
 * failed on a figure: the others are drawn. */
SM_MUST_USE int sm_report_figures(const struct sm_results *results, const struct sm_report_options *options,
				  struct sm_drawn *drawn, struct sm_error *err);
/* Writes report.html, a self-contained page.  It embeds the figures of `drawn` (NULL: none) up to a limit on its
 * size. */
SM_MUST_USE int sm_report_page(const struct sm_results *results, const struct sm_report_options *options,
			       const struct sm_drawn *drawn, struct sm_error *err);
/* Draws the history of a case into `folder` (NAME.dat, .gp, .svg, .png) with the template in options->plots.  Errors as
 * for sm_report_figures(). */
SM_MUST_USE int sm_report_history(const struct sm_history_series *series, const struct sm_report_options *options,
				  const char *folder, struct sm_error *err);

#endif
