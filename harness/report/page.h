/* report.html: the parts of the page. */
#ifndef SHMETER_REPORT_PAGE_H
#define SHMETER_REPORT_PAGE_H

#include <stdio.h>

#include "figures.h"
#include "shmeter/report.h"
#include "shmeter/scenario.h"

struct page {
	const struct sm_results *results;
	const struct sm_report_options *options;
	const struct sm_drawn *drawn; /* NULL: none */
	FILE *out;
	struct figure *figures; /* the figures that this run can have, drawn or not; in the order of `drawn` */
	unsigned figure_count, figures_with_data, figures_put, figures_missing;
	size_t figure_bytes, figure_bytes_max; /* of the inline figures: so far, and at most */
};

/* page_style.css and page_script.js, put into the program when it is built. */
extern const char page_style[];
extern const char page_script[];

/* page_html.c: escaped text and small elements. */
void page_text(FILE *out, const char *text);
/* Escaped printf. */
void page_printf(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* <tag>text</tag>, escaped; `tag` may hold attributes. */
void page_put(FILE *out, const char *tag, const char *text);
/* <hN id="id">text</hN>, N: level */
void page_heading(FILE *out, unsigned level, const char *id, const char *text);
/* A verdict as a symbol and a word. */
void page_badge(FILE *out, enum sm_verdict verdict);
/* Opens a scrollable box, which the keyboard can scroll, too; the caller closes table and box. */
void page_table_open(FILE *out, const char *what);
void page_table_close(FILE *out);
/* A table's head: column names separated by "|"; a leading "#" marks a column of numbers. */
void page_table_head(FILE *out, const char *columns);
/* A text as an anchor: letters, digits, _ and - are kept. */
const char *page_anchor(const char *text, char out[128]);
/* " argument", quoted for the reader's shell unless it is a plain word. */
void page_argument(FILE *out, const char *text);
/* " --option value", for the reader's shell; nothing for an empty value. */
void page_option(FILE *out, const char *option, const char *value);
/* page_command.c: the command that measures a scenario again as this run did. */
void page_command(const struct page *page, const char *scenario, FILE *out);

/* page_figure.c */
/* The figure's SVG inline with a note on what to look for, or a link if the page would become too large.  Nothing if
 * the figure was not drawn. */
/* Whether the run gave the figure points to draw. */
bool page_has_data(const struct page *page, const struct figure *figure);
void page_figure(struct page *page, const struct figure *figure);
/* The figures of a kind; there is one figure of each kind that covers the whole run. */
void page_figure_of(struct page *page, enum figure_kind kind);

/* page_machine.c */
void page_machine(struct page *page);
void page_measured(struct page *page);
/* page_plugins.c */
/* A --plugin for each file whose code a scenario measured. */
void page_plugin_options(const struct page *page, sm_name scenario, FILE *out);
/* The plug-ins of the run: files and what is theirs.  Nothing without plug-ins. */
void page_plugins(const struct page *page);
/* page_trust.c */
void page_trust(struct page *page);
/* The same for one scenario. */
void page_trust_of(struct page *page, sm_name scenario);

/* page_sizes.c: from which size on a variant beats the baseline. */
#define LADDER_SIZES 32
#define LADDER_ROWS  64 /* the variants but the baseline: as many as a figure has lines */
#define LADDERS_MAX  4

enum ladder_step { STEP_NONE, STEP_FASTER, STEP_SLOWER, STEP_OPEN };
struct ladder_row {
	sm_name variant;
	const struct sm_crossing_row *crossing; /* above it the variant is faster; NULL: none */
	struct sm_interval ratio[LADDER_SIZES]; /* variant / baseline */
	enum ladder_step step[LADDER_SIZES];
	enum ladder_end { END_NEVER, END_ALWAYS, END_FROM, END_PARTLY, END_SLOWER, END_OPEN } end;
	unsigned from; /* END_FROM: the first size from which on it is faster */
	double busy;   /* CPU time over time and workers at the largest size; NaN: unknown */
};
struct ladder {
	sm_name scenario, metric, placement, baseline, klass;
	const struct sweep *param;
	sm_name rest; /* the other parameters */
	double size[LADDER_SIZES];
	unsigned sizes, rows, blocks_least, blocks_most;
	struct ladder_row row[LADDER_ROWS];
};
/* The ladders of a scenario; returns how many.  A ladder shows the sizes from which on variants beat the baseline. */
unsigned ladder_find(const struct page *page, sm_name scenario, struct ladder out[LADDERS_MAX]);
/* The ladder as a list of sentences. */
void ladder_words(const struct page *page, const struct ladder *ladder);
void ladder_table(const struct page *page, const struct ladder *ladder);
/* "4 KiB", "8": a size of the swept parameter, NULL: unknown parameter. */
const char *ladder_size_text(const struct sweep *param, double size, char out[32]);

/* page_tables.c: a table of a scenario's cases, with explanations. */
void page_cases(struct page *page, sm_name scenario);
void page_why(struct page *page, sm_name scenario);
/* The comparisons that decide the claims. */
void page_ratios(struct page *page);

/* corners.c */
/* The scenario's table of four variants, if it has one and this run has all four. */
void page_corners(struct page *page, sm_name scenario);

/* page_scenario.c */
void page_scenario(sm_name scenario, void *page);
/* The claims of one scenario, or (scenario NULL) the claims that answer one headline question. */
void page_claims(struct page *page, sm_name scenario, sm_name question);

#endif
