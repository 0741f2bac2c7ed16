/* What a trial holds while it runs, and the parts of the parent's side that stand apart from trial.c. */
#ifndef SHMETER_TRIAL_HOLD_H
#define SHMETER_TRIAL_HOLD_H

#include "control.h"
#include "shmeter/death.h"
#include "shmeter/environment.h"
#include "shmeter/team.h"
#include "shmeter/trial.h"

struct hold {
	const struct sm_trial_context *context;
	const struct sm_trial_request *request;
	struct sm_trial_result *result;
	struct sm_case c; /* with what the seats say */
	struct sm_seats seats;
	struct sm_region region;
	struct sm_trial trial;
	struct control *control;
	struct sm_team team;
	bool set_up;
	struct sm_death_watch watch; /* before the workers */
	struct sm_noise_mark before; /* before the trial */
	const struct sm_outcome **outcome;
};

/* Seats the workers of `c` (caller frees `seats`) and writes into `c` what the seats say: shared_pu and pus. */
int trial_seat(const struct sm_trial_context *context, struct sm_case *c, struct sm_seats *seats, struct sm_error *err);
/* The seats' PUs and nodes by the operating system's numbers, into the result. */
int trial_name_seats(const struct sm_topology *topology, const struct sm_seats *seats, struct sm_trial_result *result,
		     struct sm_error *err);

/* How the trial ended, and why ("-": well). */
void trial_end_with(struct hold *hold, enum sm_status status, const char *reason);
/* What the workers of a team that ended well left in the control area, into the result: slices, counts, the rest; then
 * the scenario proves its work and measures.  Sets the result's status where something was wrong. */
int trial_collect(struct hold *hold, struct sm_error *err);

#endif
