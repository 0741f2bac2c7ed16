/* The machine's noise floor: by how much runs of the same build differ.  It is stored for the host and for its type. */
#ifndef SHMETER_FLOOR_H
#define SHMETER_FLOOR_H

#include <jansson.h>

#include "shmeter/environment.h"
#include "shmeter/error.h"

/* 95 % of all pairs of parts of a self-test differ by less than these factors (> 1). */
struct sm_floor {
	double time;  /* of the time of one case, between parts at different moments */
	double ratio; /* of a ratio within a part */
};

/* Stores the floor in `$SHMETER_STATE_DIR/noise.json` (ledger.h describes the folder), as that of the host and as the
 * latest of its type.  Writes a temporary file, then renames it. */
SM_MUST_USE int sm_floor_save(const struct sm_identity *machine, const struct sm_floor *floor, struct sm_error *err);
/* Loads the floor as a JSON object {"time", "ratio", "measured_utc", "of"} for a manifest: that of the host ("of" is
 * "host"), else the latest that was measured on a machine of its type ("type"), as where several hosts share the folder
 * or the host was given another id; NULL where none is stored.  The caller decrefs it. */
json_t *sm_floor_load(const struct sm_identity *machine);

#endif
