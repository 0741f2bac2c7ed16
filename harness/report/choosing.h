/* Shared by the answers to all questions. */
#ifndef SHMETER_REPORT_CHOOSING_H
#define SHMETER_REPORT_CHOOSING_H

#include <stdarg.h>

#include "ranking.h"
#include "shmeter/choose.h"

struct choosing {
	const struct sm_question *question;
	const struct sm_results *const *runs;
	size_t count;
	const struct sm_report_options *options;
	FILE *out;
	unsigned width;
};

/* Names in a sentence: "pipe, fifo". */
struct names {
	char text[1200];
	size_t used, count;
};
void names_add(struct names *names, const char *name);

/* Prints a sentence, wrapped and indented. */
void choosing_say(const struct choosing *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether a variant's processes burn a PU while they wait. */
bool choosing_spins(const struct choosing *c, const char *scenario, sm_name variant);
/* "transport_latency/pipe: 36.1 us (95 % interval 35.0 to 37.2 us, n = 8)".  Returns `out`. */
const char *choosing_figure(const struct ranked *row, char out[256]);
/* The variants of the ranking's group that have no value, and why.  The ranking must not be empty. */
void choosing_absent(const struct choosing *c, const struct ranking *ranking);
/* " of those with an interval" if the ranking has others; else "". */
const char *choosing_among(const struct ranking *ranking);
/* "Take X: ..." if X has an interval, the variants tied with it, those that cannot be compared, and those of the group
 * without a value.  The ranking must not be empty. */
void choosing_take(const struct choosing *c, const struct ranking *ranking, const char *what);
/* Ends the list of what would change the answer, in which there are `any` or none. */
void choosing_end_changes(const struct choosing *c, bool any);
/* A heading and the table. */
void choosing_table(const struct choosing *c, const struct ranking *ranking, const char *heading);
/* The row of a variant; NULL: it has no value. */
const struct ranked *choosing_row(const struct ranking *ranking, sm_name variant);
/* Replaces the values of a ranking by the median over trials of `of`, and ranks again.  `of` returns NaN for
 * unknown. */
void choosing_rank_by(struct ranking *ranking, const char *metric,
		      double (*of)(const struct sm_results *results, const struct sm_sample *sample));
/* Whether a case has all the words of `at` ("op=read") among its parameters. */
bool choosing_is_at(const struct sm_case_row *row, const char *at);
/* The run that has the scenario; the first run if none has it. */
const struct sm_results *choosing_run(const struct choosing *c, const char *scenario);
/* The run of a case. */
const struct sm_results *choosing_run_of(const struct choosing *c, const struct sm_case_row *row);
/* A case of the scenario at a placement (UNSET: any) that has all the words of `at` among its parameters
 * ("op=read"). If there are several: the first one or, with `param`, the one whose value of it is nearest to
 * `value`.  NULL: none. */
const struct sm_case_row *choosing_point(const struct choosing *c, const char *scenario, enum sm_placement placement,
					 const char *at, const char *param, double value);
/* Fails: the run does not have the point, or could not measure it.  The error names the points that it has. */
int choosing_lacks(const struct choosing *c, const char *scenario, const char *point, struct sm_error *err);

/* choose_transport.c, choose_pages.c, choose_lock.c */
int choosing_transport(const struct choosing *c, struct sm_error *err);
int choosing_pages(const struct choosing *c, struct sm_error *err);
int choosing_lock(const struct choosing *c, struct sm_error *err);

#endif
