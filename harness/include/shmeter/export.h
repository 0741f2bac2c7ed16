/* A finished run in the file formats of other tools (docs/export.md).
 *
 * Only trials with status ok enter, and of these, where a format has one figure or one list for a case,
 * only those that have a value in the pair class that speaks for the case (summary.csv): never a mixture
 * of classes.  So the median of what is exported is the median of summary.csv.  What is left out is
 * counted.  Names are the ids of the cases, escaped by the grammar of the format. */
#ifndef SHMETER_EXPORT_H
#define SHMETER_EXPORT_H

#include <stddef.h>
#include <stdio.h>

#include "shmeter/error.h"
#include "shmeter/results.h"

/* The names of all formats, in the order of sm_export_formats(). */
#define SM_EXPORT_NAMES                                                                                                \
	"gbench-json go-bench hyperfine-json bencher-bmf github-action-json openmetrics hdr-text "                     \
	"csv"

struct sm_export_view; /* what there is to export; private to the harness */

struct sm_export_format {
	const char *name, *summary;
	/* Writes the whole document.  0, or a negative errno with the sentence. */
	int (*write)(const struct sm_export_view *view, FILE *out, struct sm_error *err);
};

/* The table of formats; `*count` of them. */
const struct sm_export_format *sm_export_formats(size_t *count);

/* What became of the trials of a run. */
struct sm_export_tally {
	size_t trials;      /* that entered */
	char left_out[256]; /* "2 skipped, 1 disturbed": the others; "" for none */
};

/* Writes loaded results (sm_store_load()) to `out`; `tally` may be NULL.  -EINVAL for an unknown format or
 * a run that was not analysed yet, -ENODEV where every trial was skipped, -ENODATA where none is ok or the
 * run holds nothing of what the format is about, -EBADMSG where a file of the run is damaged.  After an
 * error `out` may hold a part: write to memory first. */
SM_MUST_USE int sm_export(const struct sm_results *results, const char *format, FILE *out,
			  struct sm_export_tally *tally, struct sm_error *err);

#endif
