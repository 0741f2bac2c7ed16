/* The machine's noise floor: by how much runs of the same build differ.  It is stored by machine fingerprint. */
#ifndef SHMETER_FLOOR_H
#define SHMETER_FLOOR_H

#include <jansson.h>

#include "shmeter/error.h"

/* 95 % of all pairs of parts of a self-test differ by less than these factors (> 1). */
struct sm_floor {
	double time;  /* of the time of one case, between parts at different moments */
	double ratio; /* of a ratio within a part */
};

/* Stores the floor in `$SHMETER_STATE_DIR/noise.json` (ledger.h describes the folder).  Writes a temporary file, then
 * renames it. */
SM_MUST_USE int sm_floor_save(const char *fingerprint, const struct sm_floor *floor, struct sm_error *err);
/* Loads the floor as a JSON object {"time", "ratio", "measured_utc"} for a manifest; NULL where none is stored.  The
 * caller decrefs it. */
json_t *sm_floor_load(const char *fingerprint);

#endif
