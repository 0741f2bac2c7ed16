/* How a figure is drawn: data, a template, gnuplot. */
#ifndef SHMETER_REPORT_FIGURES_H
#define SHMETER_REPORT_FIGURES_H

#include <stdio.h>

#include "shmeter/encode.h"
#include "shmeter/gnuplot.h"
#include "shmeter/report.h"

#define FIGURES_MAX SM_FIGURES_MAX

enum figure_kind {
	FIGURE_FOREST,
	FIGURE_FAULTS,
	FIGURE_RUNCHART,
	FIGURE_PROBES,
	FIGURE_SWEEP,
	FIGURE_CURVE, /* time over bandwidth */
	FIGURE_PERCENTILES,
	FIGURE_FIRST_PASS,
	FIGURE_DOTS,
	FIGURE_MATRIX,
	FIGURE_NODES, /* a matrix of NUMA nodes */
	FIGURE_SURFACE,
	FIGURE_HISTORY,
	FIGURE_KINDS
};

/* A figure to be drawn. */
struct figure {
	char name[96]; /* file stem below plots/ */
	enum figure_kind kind;
	sm_name scenario; /* NULL: for the whole run */
	sm_name metric;   /* of the scenario */
	char title[256];
	char variables[8192];   /* gnuplot assignments, one per line */
	unsigned width, height; /* pixels */
	/* Writes the data; returns the number of points.  Without points there is no figure. */
	size_t (*data)(const struct sm_results *results, struct figure *figure, FILE *out);
	unsigned placement_of; /* index of the case whose placement the sweep shows */
};

/* Fills `out` with the figures that this run can have; returns how many. */
unsigned figures_plan(const struct sm_results *results, struct figure out[FIGURES_MAX]);

/* Makes a text a file name: everything but letters, digits and - becomes _. */
void figures_file_name(char *name);

/* figure_names.c */
/* Makes the names of all figures valid and distinct file names: some were cut, or differ only in special characters. */
void figures_settle_names(struct figure *figures, unsigned count);
/* File stem of the sweep of a case's metric: "false_sharing", "wakeup-sleeper_s_delay". */
void figures_stem(const struct sm_case_row *c, char *out, size_t size);

/* What all cases of a scenario and metric have in common: parameters such as "capacity=65536", and the placement. */
#define FIGURE_WORDS 16u
struct figure_common {
	sm_name word[FIGURE_WORDS];
	unsigned count;
	bool placement;
};
void figures_common(const struct sm_results *r, const struct sm_case_row *c, struct figure_common *out);
/* The same after a metric in a title: ", capacity=65536, near"; "" where there is nothing.  Returns `out`. */
const char *figures_common_text(const struct sm_case_row *c, const struct figure_common *common, char *out,
				size_t size);
/* A case's label: the variant, and what differs from other cases: "pipe  (message=64)". */
void figures_label(const struct sm_case_row *c, const struct figure_common *common, char *out, size_t size);

/* figure_axis.c: adds to the figure's variables how the axis of a metric's values is drawn, where `smallest` and `largest`
 * are of all values and limits: value_log and value_zero (nothing is above 0), scale, value_format, value_unit. */
void figures_axis(struct figure *figure, const struct sm_case_row *c, double smallest, double largest);

/* Width and left margin of a figure whose row labels have at most `longest` characters. */
void figures_labels(struct figure *figure, size_t longest);
/* figure_run.c: the data of the figures about the whole run, as `data` above. */
size_t figures_ratios(const struct sm_results *r, struct figure *figure, FILE *out);
size_t figures_faults(const struct sm_results *r, struct figure *figure, FILE *out);
size_t figures_runchart(const struct sm_results *r, struct figure *figure, FILE *out);
size_t figures_probes(const struct sm_results *r, struct figure *figure, FILE *out);
/* figure_matrix.c: the heat map of a scenario's pairs of PUs. */
size_t figures_matrix(const struct sm_results *r, struct figure *figure, FILE *out);
/* The heat map of NUMA nodes of a case's scenario and point. */
size_t figures_node_matrix(const struct sm_results *r, struct figure *figure, FILE *out);
/* The same for any matrix; returns the number of its values. */
struct sm_matrix;
size_t figures_put_matrix(const struct sm_matrix *m, struct figure *figure, FILE *out);
/* Text as a gnuplot data field: quoted, and a space. */
void figures_put_field(FILE *out, const char *text);

/* figure_curve.c: whether a case of a metric has a bandwidth beside it; the time over that bandwidth, as `data` above. */
bool figures_has_curve(const struct sm_results *r, const struct sm_case_row *c);
size_t figures_curve(const struct sm_results *r, struct figure *figure, FILE *out);

/* figure_files.c: the data of the figures about single operations, as `data` above. */
size_t figures_percentiles(const struct sm_results *r, struct figure *figure, FILE *out);
size_t figures_first_pass(const struct sm_results *r, struct figure *figure, FILE *out);

/* figures.c: writes the script of a figure whose data file is next to it.  The template of a kind, malloc'ed, or
 * NULL. */
void figures_script(FILE *out, const struct figure *f, const char *machine, const char *template_text);
char *figures_template(const char *folder, enum figure_kind kind, struct sm_error *err);
/* figure_svg.c: a whole file as text, malloc'ed; NULL if it cannot be read. */
char *figures_read(const char *path);
/* Converts gnuplot's hypertext labels in an SVG to <title> elements, which need no script. */
SM_MUST_USE int figures_tidy(const char *path, struct sm_error *err);

/* A parameter that a figure can be drawn over. */
struct sweep {
	const char *name, *label; /* label: of its axis */
	const char *noun;         /* in a sentence: "message size" */
	bool bytes, logarithmic;
	bool message; /* the size of a message */
	bool region;  /* the size of the memory that is accessed, which caches may hold */
};
/* figure_kinds.c: the parameter that a scenario's metric is drawn over; NULL: none. */
const struct sweep *figures_swept(const struct sm_results *r, sm_name scenario, sm_name metric);
/* The parameter of that name; NULL: no figure is drawn over it. */
const struct sweep *figures_sweep(sm_name param);

/* figures.c: runs the script of a figure; script and data are in `folder`.  Removes an earlier picture first.
 * Returns -EIO if there is no picture afterwards, otherwise the result of sm_gnuplot_run(). */
SM_MUST_USE int figures_draw(struct sm_gnuplot *gnuplot, const char *folder, const char *name, struct sm_error *err);

#endif
