/* A finished run in the file formats of other tools (docs/export.md).
 *
 * Only trials with status ok are exported.  Where a format has one figure or one list for a case, only trials with a
 * value in the case's leading pair class (summary.csv) count, so classes never mix.  The median of what is exported is
 * therefore the median in summary.csv, and a further metric has its figure there.  Trials that are left out are
 * counted.  Names are the ids of the cases, escaped by the grammar of the format. */
#ifndef SHMETER_EXPORT_H
#define SHMETER_EXPORT_H

#include <stddef.h>
#include <stdio.h>

#include "shmeter/error.h"
#include "shmeter/results.h"

/* The names of all formats, in the order of sm_export_formats(). */
#define SM_EXPORT_NAMES                                                                                                \
	"gbench-json go-bench hyperfine-json bencher-bmf github-action-json prometheus openmetrics "                   \
	"openmetrics-backfill hdr-text csv"

struct sm_export_view; /* the data to export; private to the harness */

struct sm_export_format {
	const char *name, *summary;
	/* Writes the whole document.  0, or a negative errno with the sentence. */
	int (*write)(const struct sm_export_view *view, FILE *out, struct sm_error *err);
};

/* The table of formats, `*count` entries; static. */
const struct sm_export_format *sm_export_formats(size_t *count);

/* How many trials of a run were exported. */
struct sm_export_tally {
	size_t trials;      /* exported */
	char left_out[256]; /* the other trials: "2 skipped, 1 disturbed"; "" for none */
};

/* Writes loaded results (sm_store_load()) to `out`; `tally` may be NULL.  `like` (analysed; may be NULL) is another
 * run: go-bench names a pair class as that run does if it has the same one, because each run names its classes anew.
 * -EINVAL for an unknown format or a run that is not analysed yet; -ENODEV where every trial was skipped; -ENODATA where
 * none is ok or the run has no data for the format; -EBADMSG where a file of the run is damaged.  After an error `out`
 * may hold part of the document: write to memory first. */
SM_MUST_USE int sm_export(const struct sm_results *results, const char *format, const struct sm_results *like,
			  FILE *out, struct sm_export_tally *tally, struct sm_error *err);

#endif
