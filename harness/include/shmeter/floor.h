/* The machine's noise floor: by how much runs of one and the same build differ, kept by fingerprint. */
#ifndef SHMETER_FLOOR_H
#define SHMETER_FLOOR_H

#include <jansson.h>

#include "shmeter/error.h"

/* 95 % of the couples of parts of a self-test are within these factors (> 1). */
struct sm_floor {
	double time;  /* of one case's time, between parts at different moments */
	double ratio; /* of a ratio within a part */
};

/* Keeps it in `$SHMETER_STATE_DIR/noise.json` (see ledger.h for the folder), written beside and renamed. */
SM_MUST_USE int sm_floor_save(const char *fingerprint, const struct sm_floor *floor, struct sm_error *err);
/* As a JSON object {"time", "ratio", "measured_utc"} for a manifest; NULL where none is known. */
json_t *sm_floor_load(const char *fingerprint);

#endif
