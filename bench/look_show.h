/* Shows a look at running processes. */
#ifndef SHMETER_LOOK_SHOW_H
#define SHMETER_LOOK_SHOW_H

#include "options.h"
#include "shmeter/look_figures.h"

/* What `look` knows of a run on this machine. */
struct look_run {
	struct sm_results results;
	const char *folder; /* NULL: no run is used, and `note` says why */
	char note[512];     /* one sentence; "" where a run is used */
};

/* Figures of an object; none without a run. */
unsigned look_figures(const struct sm_look *look, size_t object, const struct look_run *run,
		      struct sm_look_figure out[SM_LOOK_FIGURES_MAX]);
/* The objects by size, the largest first: `count` numbers, which the caller frees. */
size_t *look_by_size(const struct sm_look *look);

/* look_text.c */
void look_print(const struct sm_look *look, const struct look_run *run, const struct look_options *options);
/* look_json.c: one object and a line end; in one line with --every. */
void look_print_json(const struct sm_look *look, const struct look_run *run, const struct look_options *options);

#endif
