/* The state of a running trial, and the functions of the parent's side that are not in trial.c. */
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
	struct sm_case c; /* with shared_pu and pus set from the seats */
	struct sm_seats seats;
	struct sm_region region;
	struct sm_trial trial;
	struct control *control;
	struct sm_team team;
	bool set_up;
	struct sm_death_watch watch; /* state before the workers start */
	struct sm_noise_mark before; /* state before the trial */
	const struct sm_outcome **outcome;
};

/* Seats the workers of `c` (the caller frees `seats`) and sets shared_pu and pus of `c`. */
int trial_seat(const struct sm_trial_context *context, struct sm_case *c, struct sm_seats *seats, struct sm_error *err);
/* recall.c: sm_topology_seat() without a list of PUs, which remembers what it found. */
int trial_recall(struct sm_seatings *known, const struct sm_topology *topology, enum sm_placement placement,
		 unsigned workers, struct sm_seats *out, struct sm_error *err);
/* Writes the seats' PUs and nodes, by the kernel's numbers, into the result. */
int trial_name_seats(const struct sm_topology *topology, const struct sm_seats *seats, struct sm_trial_result *result,
		     struct sm_error *err);

/* sm_trial_run() in this process. */
int trial_play(const struct sm_trial_context *context, const struct sm_trial_request *request,
	       struct sm_trial_result *result, struct sm_error *err);

/* Sets how the trial ended, and why ("-" for ok). */
void trial_end_with(struct hold *hold, enum sm_status status, const char *reason);
/* Collects what the workers of a successful team left in the control area into the result, then calls the scenario's
 * verify() and measure().  Sets the result's status where something was wrong. */
int trial_collect(struct hold *hold, struct sm_error *err);

#endif
