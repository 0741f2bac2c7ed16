/* Noise floors: by how much runs of the same build differ on a machine.  They are stored for the host and for its
 * type. */
#ifndef SHMETER_FLOOR_H
#define SHMETER_FLOOR_H

#include <jansson.h>

#include "shmeter/environment.h"
#include "shmeter/error.h"
#include "shmeter/gate.h"

/* 95 % of all pairs of parts of a self-test's A/A control differ by less than these factors (> 1). */
struct sm_floor {
	double time;   /* of the time of one case, between parts at different moments */
	double ratio;  /* of a ratio within a part */
	json_t *cases; /* floors of cases, from sm_floor_of_cases(); NULL: none was measured */
};

/* The noise floors of the cases of several runs of one build: a JSON object {id: {"time", "ratio": {variant: },
 * "runs", "measured_utc"}}.  95 % of all pairs of runs differ by less than these factors, by the scatter of the runs'
 * levels.  `ratio` is that to the other variants of the case's group.  A case with too few runs that count has
 * null.  -ENOMEM.  The caller decrefs it. */
SM_MUST_USE int sm_floor_of_cases(const struct sm_baselines *runs, json_t **out, struct sm_error *err);

/* Stores the floor in `$SHMETER_STATE_DIR/noise.json` (ledger.h describes the folder), as that of the host and as the
 * latest of its type.  Floors of other cases that are stored stay.  Writes a temporary file, then renames it. */
SM_MUST_USE int sm_floor_save(const struct sm_identity *machine, const struct sm_floor *floor, struct sm_error *err);
/* Loads the floor as a JSON object {"time", "ratio", "measured_utc", "cases", "of"} for a manifest: that of the host ("of" is
 * "host"), else the latest that was measured on a machine of its type ("type"), as where several hosts share the folder
 * or the host was given another id; NULL where none is stored.  The caller decrefs it. */
json_t *sm_floor_load(const struct sm_identity *machine);

#endif
