/* What people see of a run: findings, tables, figures, the page. */
#ifndef SHMETER_REPORT_H
#define SHMETER_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "shmeter/error.h"
#include "shmeter/history.h"
#include "shmeter/results.h"

struct sm_scenario;

struct sm_report_options {
	bool color;        /* ANSI colours on `out` */
	bool term;         /* figures drawn in the terminal by gnuplot's dumb terminal */
	const char *plots; /* folder with the *.gp templates */
	unsigned width;    /* columns of the terminal; 0: 100 */
	/* For the page: what the scenarios ask and why; NULL: the page goes without. */
	const struct sm_scenario *const *scenarios;
	size_t scenario_count;
};

/* Findings in words: headline questions first, each with verdict, ratio, interval, class, n and
 * evidence; then the other claims; then what this run cannot say and why; whether the cores moved. */
void sm_report_findings(const struct sm_results *results, const struct sm_report_options *options,
			FILE *out);
/* Tables of the summaries, a scenario each. */
void sm_report_tables(const struct sm_results *results, const struct sm_report_options *options,
		      FILE *out);
/* Writes plots/<figure>.dat, .gp, .svg and .png into the run folder.  Without gnuplot the .dat and .gp
 * are written all the same, `*drawn` is 0 and -ENOENT says what to install. */
SM_MUST_USE int sm_report_figures(const struct sm_results *results,
				  const struct sm_report_options *options, unsigned *drawn,
				  struct sm_error *err);
/* Writes report.html: self-contained, figures inline as far as they are drawn and the page stays light. */
SM_MUST_USE int sm_report_page(const struct sm_results *results,
			       const struct sm_report_options *options, struct sm_error *err);
/* Draws a case over its runs into `folder` (NAME.dat, .gp, .svg, .png) with the template in `plots`. */
SM_MUST_USE int sm_report_history(const struct sm_history_series *series, const char *plots, const char *folder,
				  struct sm_error *err);

#endif
