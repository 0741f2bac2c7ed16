/* What people see of a run: findings, tables, figures, the page. */
#ifndef SHMETER_REPORT_H
#define SHMETER_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "shmeter/error.h"
#include "shmeter/history_series.h"
#include "shmeter/results.h"

struct sm_scenario;

/* Columns of what is printed where there is no terminal. */
#define SM_WIDTH_DEFAULT 80

struct sm_report_options {
	bool color;               /* ANSI colours on `out` */
	bool term;                /* figures drawn in the terminal by gnuplot's dumb terminal */
	const char *plots;        /* folder with the *.gp templates */
	unsigned width;           /* columns of the terminal; 0: SM_WIDTH_DEFAULT */
	bool all_points;          /* a table for each point of a scenario, however many there are */
	const volatile int *stop; /* raised: stop drawing at once; NULL: nothing does */
	unsigned limit_ms;        /* for one figure; 0: SM_GNUPLOT_LIMIT_MS */
	/* For the page: what the scenarios ask and why; NULL: the page goes without. */
	const struct sm_scenario *const *scenarios;
	size_t scenario_count;
};

#define SM_FIGURES_MAX 512
/* Which figures of a run this program has drawn itself: others may be anybody's, and no page shows them. */
struct sm_drawn {
	bool figure[SM_FIGURES_MAX]; /* by their order in the plan, which the page shares */
	unsigned count;
	char note[256]; /* what to know of how they were drawn; "" for nothing */
};

#define SM_LOST_TEXT_MAX 768
/* Whether most trials of a run that were begun could not be made, which is not a noisy run but a machine that does not let
 * it be measured: true, with the share and the reason that most of them give.  Cases that were left out before their first
 * trial do not count, and neither do trials that were made and are not believed. */
bool sm_report_lost(const struct sm_results *results, char out[SM_LOST_TEXT_MAX]);

/* What stands over everything else: that most trials were lost (sm_report_lost()), the machine, what was run. */
void sm_report_head(const struct sm_results *results, const struct sm_report_options *options, FILE *out);
/* What was measured, each scenario but those of the calibration: the variants of a point with figure, 95 % interval, ratio
 * to the first variant, CPU time and rate, best first, ties told.  A scenario with many points has one table with a cell
 * for each. */
void sm_report_tables(const struct sm_results *results, const struct sm_report_options *options, FILE *out);
/* Findings in words: headline questions first, each with verdict, ratio, interval, class, n and evidence; then the other
 * claims; then whether the run can be trusted, with control and calibration; then what it cannot say and why. */
void sm_report_findings(const struct sm_results *results, const struct sm_report_options *options, FILE *out);
/* Writes plots/<figure>.dat, .gp, .svg and .png into the run folder, which is made anew where it is missing and refused
 * (-ENOTDIR) where it is no folder but a link.  Without gnuplot the .dat and .gp are written all the same, nothing is
 * drawn and -ENOENT says what to install; -ETIMEDOUT where gnuplot hung, -EINTR where `stop` was raised: both draw no
 * more; -EIO where it failed over a figure, and the others are there. */
SM_MUST_USE int sm_report_figures(const struct sm_results *results, const struct sm_report_options *options,
				  struct sm_drawn *drawn, struct sm_error *err);
/* Writes report.html: self-contained, with the figures of `drawn` (NULL: none) inline as far as the page stays light. */
SM_MUST_USE int sm_report_page(const struct sm_results *results, const struct sm_report_options *options,
			       const struct sm_drawn *drawn, struct sm_error *err);
/* Draws a case over its runs into `folder` (NAME.dat, .gp, .svg, .png) with the template in options->plots.  Errors as
 * for sm_report_figures(). */
SM_MUST_USE int sm_report_history(const struct sm_history_series *series, const struct sm_report_options *options,
				  const char *folder, struct sm_error *err);

#endif
