/* Texts that several parts of the report use. */
#ifndef SHMETER_REPORT_WORDS_H
#define SHMETER_REPORT_WORDS_H

#include <stdio.h>

#include "shmeter/report.h"

/* "AMD EPYC, 2 PUs, Linux 6.18.44, virtual": one line about the machine, from the manifest. */
void words_machine(const struct sm_results *results, char *out, size_t size);
/* A text of the manifest by a path such as "analysis/cores_moved/sentence"; "" if there is none. */
const char *words_text(const struct sm_results *results, const char *path);
/* The same for a number; NaN if there is none. */
double words_number(const struct sm_results *results, const char *path);
/* Whether the manifest has a true value at the path. */
bool words_true(const struct sm_results *results, const char *path);
/* Whether the run was completed. */
bool words_is_complete(const struct sm_results *results);
/* The limits of the container, and whether the CPU limit stopped processes: "a CPU limit of 0.5 PUs kept the
 * processes off the PUs for 24.1 % of the machine's time, in 120 periods".  "" if there is no CPU limit and no time
 * was lost. */
void words_throttled(const struct sm_results *results, char *out, size_t size);
/* Trials and slices during which no process ran for some time: "2 trials (it stood still: the machine was suspended
 * for 3 s) and 1 slice"; "" for none. */
void words_stood(const struct sm_results *results, char *out, size_t size);
/* How the tours of the run visited pairs of PUs, and what company changes: "2 of 6 cases had up to 12 pairs at a time
 * (...)"; "" if there were none.  Returns whether all pairs may be compared: those of one case may not be in company
 * while those of another are alone. */
bool words_tours(const struct sm_results *results, char *out, size_t size);
/* The limits alone: "memory 512 MiB, 0.5 PUs, 100 processes"; "" if there are none. */
void words_limits(const struct sm_results *results, char *out, size_t size);
/* The settings of the kernel that change times, one by one from 0: `*name` is what it is called (NULL: no more), `out` what
 * the run read of it; "" where it could read nothing or there is nothing to say. */
void words_setting(const struct sm_results *results, unsigned number, const char **name, char *out, size_t size);
/* The result of the A/A control, as the end of a sentence: "it did not move", or that it did. */
const char *words_control(const struct sm_results *results);
/* " A drift of under 2.1 % could go unnoticed."; "" if that is not known, or the control moved.  Returns `out`. */
const char *words_missed_drift(const struct sm_results *results, char out[256]);
/* "of 120 intervals at 95 %, about 3 would exclude 1 by chance if nothing differed; 87 do."; false: the run has none. */
bool words_intervals(const struct sm_results *results, char out[256]);
/* "4.49 us", "0.93" (of unit "1"), "64 B".  Returns `out`. */
const char *words_value(char *out, size_t size, double value, const char *unit);
/* The bounds of an interval: "4.41 to 4.60 us", "976 ns to 1.02 us".  Returns `out`. */
const char *words_range(char *out, size_t size, const struct sm_interval *interval, const char *unit);
/* "4.49 us (4.41 to 4.60 us)"; for a unit that is not a time "0.93 (0.91 to 0.94)". */
void words_interval(const struct sm_interval *interval, const char *unit, char *out, size_t size);
/* Distinct scenarios in the order of the cases: calls `each` for every one. */
void words_scenarios(const struct sm_results *results, void (*each)(sm_name scenario, void *context), void *context);
/* params and placement as one text: "op=store processes=2, near". */
void words_point(sm_name params, const char *placement, char *out, size_t size);

/* The median of a case's metric SM_IN_FLIGHT: "holds 1024 messages"; "" if it has none.  Returns `out`. */
const char *words_in_flight(const struct sm_results *results, const struct sm_case_row *c, char *out, size_t size);

/* The width to print, in columns. */
unsigned words_width(const struct sm_report_options *options);
/* Prints an empty line and "SCENARIO: what", or only the scenario if `what` is NULL. */
void words_heading(const struct sm_report_options *options, FILE *out, const char *of, const char *what);
/* What the run recorded of the plug-in that the case measured: {"file": its path, "spins": whether it waits by spinning
 * only}.  NULL: it measured shmeter's own code. */
const json_t *words_plugin(const struct sm_results *results, const struct sm_case_row *row);
/* The registered scenario of a name; NULL if this build has none. */
const struct sm_scenario *words_scenario(const struct sm_report_options *options, sm_name name);
/* Whether a scenario measures the instrument, not the subject of a question. */
bool words_is_calibration(const struct sm_report_options *options, sm_name scenario);

/* corners.c */
/* The table of four variants of every scenario that has one (struct sm_corners), if this run has all four. */
void corners_print(const struct sm_results *results, const struct sm_report_options *options, FILE *out);

#endif
