/* What the pages and locks of shared memory that was looked at cost here, by the figures of a run on this machine. */
#ifndef SHMETER_LOOK_FIGURES_H
#define SHMETER_LOOK_FIGURES_H

#include "shmeter/look.h"
#include "shmeter/report.h"

#define SM_LOOK_FIGURES_MAX 6
/* A run's size stands for an object that is at most this many times larger or smaller. */
#define SM_LOOK_NEAR 4.0

struct sm_look_figure {
	char sentence[640];
	sm_name scenario; /* sm_none: the run has no figure, and the sentence says so */
	sm_name variant,
		against; /* the ratio is of their times, variant over against; `against` sm_none: a time alone */
	struct sm_interval value; /* ratio, or ns */
	const char *per;          /* what a time is of: "page", "round trip"; NULL: a ratio */
	double measured_bytes;    /* size that the run measured; NaN: it has none */
};

/* Whether the figures of an analysed run may be used: not where its A/A control moved.  `out` says why not. */
bool sm_look_run_serves(const struct sm_results *run, char out[256]);
/* Writes what the run says about an object: for its base pages the ratio to each larger page that fits, for its huge pages
 * that to base pages (page_size_random); for base pages what a first pass through a new mapping takes for each page, and in all where the
 * size is near the measured one (attach_existing); where threads wait at a futex, the time of a hand-over
 * (lock_handoff/mutex).
 * Only ratios that have an interval and are not distrusted.  `base` is the size of base pages, `folder` names the run.
 * Returns how many, at most SM_LOOK_FIGURES_MAX. */
unsigned sm_look_figures(const struct sm_look *look, size_t object, uint64_t base, const struct sm_results *run,
			 const char *folder, struct sm_look_figure out[SM_LOOK_FIGURES_MAX]);

#endif
