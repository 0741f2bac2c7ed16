/* Declarations that the parts of a run share. */
#ifndef SHMETER_RUN_SESSION_H
#define SHMETER_RUN_SESSION_H

#include <jansson.h>

#include "shmeter/counters.h"
#include "shmeter/environment.h"
#include "shmeter/run.h"
#include "shmeter/store.h"
#include "shmeter/trial.h"

/* Timer gaps: time in which something else had the PU. */
struct gaps {
	double lost_percent;
	uint64_t longest_ns;
};

struct session {
	const struct sm_run_options *options;
	struct sm_plan_options plan_options; /* when resuming, with the manifest's options */
	struct sm_trial_context context;
	struct sm_seatings seatings;
	struct sm_topology *topology;
	struct sm_event_set *events;
	struct sm_plan plan;
	struct sm_store *store;
	struct sm_results *results; /* the measurements so far; owned by the caller */
	json_t *manifest;           /* owned by `results` */
	bool *done; /* when resuming, by trial: already measured; the plan's steps, then the skipped cases */
	uint64_t start_ns, timed_ns;
	/* Duration of the run before a resume.  It counts, as do the slices before a resume in timed_ns. */
	uint64_t resumed_ns;
	struct sm_noise_mark noise_before;
	struct gaps gaps_before;
	struct sm_kept kept; /* while measuring */
	bool over_budget;
	unsigned topped_up; /* blocks that were added */
};

/* session.c */
void session_progress(const struct session *session, const char *phase, size_t done, size_t total, const char *what,
		      uint64_t left_ns);
bool session_stopped(const struct session *session);
/* Duration of the run, including the time before a resume. */
uint64_t session_spent_ns(const struct session *session);

/* The seed of a trial: from the run's seed, the id of the case and the block. */
uint64_t session_seed(const struct session *session, const char *id, unsigned block);
/* Records a failed calibration in the manifest. */
void session_note_failure(struct session *session, struct sm_planned_case *planned,
			  const struct sm_trial_result *result);

/* manifest.c: the content of manifest.json. */
int manifest_make(struct session *session, struct sm_error *err);
/* Adds what is known of the run folder once it is there: its file system. */
void manifest_add_folder(struct session *session);
int manifest_add_plan(struct session *session);
int manifest_finish(struct session *session, const char *status, struct sm_error *err);
/* Restores operation counts and blocks from the manifest of an interrupted run, and lays out the steps. */
int manifest_restore_plan(struct session *session, struct sm_error *err);
/* The options of a run in the form of the manifest; NULL: no memory. */
json_t *manifest_options(const struct sm_run_options *run, const struct sm_plan_options *plan);

/* resume.c: checks that build, machine and options are those of the interrupted run; -EINVAL says what differs. */
int resume_compare(const struct session *session, struct sm_error *err);
/* Checks that the measured trials belong to the plan, and marks them as done.  -EBADMSG names a trial that does not. */
int resume_take_rows(struct session *session, struct sm_error *err);
/* The events that the interrupted run counted, as --events takes them; "" where it did not count. */
void resume_events(const json_t *manifest, char *out, size_t size);

/* counting_cost.c: the cost of a page fault with the counters on and off, or the reason why it was not measured; NULL
 * without memory. */
json_t *counting_cost(const struct session *session);

/* measure.c */
int session_calibrate(struct session *session, struct sm_error *err);
void session_fit_budget(struct session *session);
int session_measure(struct session *session, struct sm_error *err);
int session_measure_step(struct session *session, unsigned trial, const struct sm_step *step, struct sm_error *err);
/* `tour`: of the result's visits; NULL: none. */
int session_append(struct session *session, unsigned trial, const struct sm_step *step,
		   const struct sm_trial_result *result, const struct sm_tour *tour, struct sm_error *err);
/* Calibrates one case, and its tour. */
int session_calibrate_case(struct session *session, struct sm_planned_case *planned, struct sm_error *err);

/* tour.c: the tours of the plan. */
/* Measures the rounds of a calibrated case, and what company changes.  A failure is a reason to have no tour. */
int session_check_tour(struct session *session, struct sm_planned_case *planned, uint64_t timeout_ns,
		       struct sm_error *err);
/* Decides how often the pairs are visited, and cuts the blocks of tours that would take too long.  Returns the time
 * that all rounds take together. */
uint64_t session_plan_tours(struct session *session);
/* Distributes the rounds over the blocks, and adds their time to that of the trials. */
void session_spread_tours(struct session *session);
/* Makes the schedule of a case, or one without pairs where the case has no tour; free with sm_tour_free(). */
int session_make_tour(const struct session *session, const struct sm_planned_case *planned, struct sm_tour *out,
		      struct sm_error *err);
/* The manifest's entry of a tour; NULL: none.  And back; -EBADMSG where it is not one that a build writes. */
json_t *session_tour_json(const struct sm_planned_case *planned);
int session_restore_tour(struct sm_planned_case *planned, const json_t *one);

/* describe.c: prints the plan without running it, sentences wrapped to `width` columns.  Measures the rounds of tours
 * where it can.  -ENODEV where nothing that was asked for can run. */
int session_describe(struct session *session, FILE *out, unsigned width, struct sm_error *err);

/* top_up.c: more blocks where too few count in one pair class. */
int session_top_up(struct session *session, const struct sm_scenario *const *scenarios, size_t count,
		   struct sm_error *err);

/* tune.c: reserves the huge pages that the plan's cases need; the guard restores the pool. */
int session_tune(struct session *session, struct sm_error *err);

#endif
