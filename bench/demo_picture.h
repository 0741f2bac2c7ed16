/* The picture of a demonstration. */
#ifndef SHMETER_DEMO_PICTURE_H
#define SHMETER_DEMO_PICTURE_H

#include <stdbool.h>

#include "demos.h"
#include "shmeter/gnuplot.h"
#include "shmeter/results.h"

/* Draws what `run` has so far, or the figures of its analysis where there is one, into demo.txt of `folder`.  Returns
 * the number of bars, 0 where there is nothing to draw, or the error of a file or of gnuplot. */
SM_MUST_USE int demo_picture(struct sm_gnuplot *gnuplot, const struct demo *demo, const struct sm_results *run,
			     const char *folder, bool sixel, struct sm_error *err);

#endif
