/* A whole run, phase by phase. */
#include "shmeter/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "shmeter/analysis.h"
#include "shmeter/clock.h"
#include "shmeter/text.h"

/* Longest text of a list of events. */
#define EVENTS_TEXT_MAX (SM_EVENTS_MAX * SM_EVENT_TEXT_MAX)

/* The default events, and those that the chosen scenarios add. */
static void default_events(const struct sm_plan_options *options, const struct sm_scenario *const *scenarios,
			   size_t count, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "%s", sm_events_default);

	for (size_t i = 0; i < count && used < size; i++) {
		const char *events = scenarios[i]->events;

		if (events && sm_plan_chooses(options, scenarios[i]) && !strstr(out, events))
			used += (size_t)snprintf(out + used, size - used, ",%s", events);
	}
}

static int prepare_events(struct session *session, const char *list, struct sm_error *err)
{
	session->events = calloc(1, sizeof(*session->events));
	if (!session->events)
		return sm_fail(err, ENOMEM, "no memory for the events");
	session->context.events = session->events;
	return sm_events_prepare(session->events, &sm_os_linux, list, err);
}

/* Restores the events that the interrupted run counted; none where it did not count. */
static int restore_events(struct session *session, struct sm_error *err)
{
	char list[EVENTS_TEXT_MAX];

	resume_events(session->manifest, list, sizeof(list));
	return *list ? prepare_events(session, list, err) : 0;
}

static int open_machine(struct session *session, const struct sm_scenario *const *scenarios, size_t count,
			struct sm_error *err)
{
	const struct sm_run_options *options = session->options;
	char events[EVENTS_TEXT_MAX];
	int rc = sm_topology_open(&session->topology, NULL, err);

	if (rc < 0)
		return rc;
	/* a case has the policy that it names, not the one of who started the run */
	(void)sm_topology_forget_policy(true);
	session->context = (struct sm_trial_context){
		.os = &sm_os_linux,
		.topology = session->topology,
		.file_folder = options->file_folder ? options->file_folder : options->folder,
		.stop = options->stop,
		.seatings = &session->seatings,
	};
	sm_noise_mark(session->context.os, &session->noise_before);
	if (options->no_counters || options->resume) /* a resumed run counts what its manifest says */
		return 0;
	default_events(&options->plan, scenarios, count, events, sizeof(events));
	return prepare_events(session, options->events ? options->events : events, err);
}

/* Rejects the topology of another machine: hwloc would bind nothing with it, and report success. */
static int check_binding(const struct session *session, struct sm_error *err)
{
	if (sm_topology_is_here(session->topology))
		return 0;
	return sm_fail(err, ENODEV,
		       "the topology comes from HWLOC_SYNTHETIC, HWLOC_XMLFILE or HWLOC_FSROOT and has PUs that this "
		       "process may not run on: it can be planned with (--dry-run), not measured on");
}

/* Restricts the run to one kind of core, where the options say so. */
static int keep_kind(struct session *session, const char *kind, struct sm_error *err)
{
	return kind && *kind ? sm_topology_keep_kind(session->topology, kind, err) : 0;
}

/* A node that gives no memory is a mistake in the command, not a reason to skip cases; so is a listed PU that does not
 * exist. */
static int check_node(const struct session *session, struct sm_error *err)
{
	const struct sm_memory *memory = &session->plan_options.memory;
	struct sm_error why = { 0 };

	if (memory->numa != SM_BIND || sm_topology_gives_memory(session->topology, memory->node, &why) == 0)
		return 0;
	return sm_fail(err, EINVAL, "--numa bind:%u: %s", memory->node, why.text);
}

static int check_list(const struct session *session, struct sm_error *err)
{
	const struct sm_plan_options *options = &session->plan_options;
	struct sm_seats seats;
	int rc;

	if (options->placement != SM_PLACE_LIST)
		return 0;
	rc = sm_topology_seat(session->topology, SM_PLACE_LIST, options->pu_list, options->pu_list_count,
			      options->pu_list_count, &seats, err);
	if (rc == 0)
		sm_seats_free(&seats);
	return rc;
}

/* Takes the options of a new run.  The default budget applies only where the user gives neither a time nor blocks. */
static void take_options(struct session *session)
{
	struct sm_plan_options *plan = &session->plan_options;

	*plan = session->options->plan;
	plan->topology = session->topology;
	if (plan->profile == SM_STANDARD && plan->budget_ns == 0 && plan->repeat_blocks == 0)
		plan->budget_ns = SM_STANDARD_BUDGET_NS;
}

/* Calibrates and schedules the plan and writes it to the manifest.  It does not change after this. */
static int lay_out(struct session *session, struct sm_error *err)
{
	int rc = session_calibrate(session, err);

	if (rc < 0)
		return rc;
	session_fit_budget(session);
	sm_plan_schedule(&session->plan, &session->plan_options);
	manifest_add_plan(session);
	return sm_store_write_manifest(session->options->folder, session->manifest, err);
}

/* Does everything before the first trial of a new run. */
static int begin(struct session *session, const struct sm_scenario *const *scenarios, size_t count,
		 struct sm_error *err)
{
	struct sm_results *results = session->results;
	int rc = check_binding(session, err);

	take_options(session);
	if (rc == 0)
		rc = keep_kind(session, session->plan_options.kind, err);
	if (rc == 0)
		rc = sm_plan_expand(&session->plan, &session->plan_options, scenarios, count, err);
	if (rc == 0)
		rc = check_list(session, err);
	if (rc == 0)
		rc = check_node(session, err);
	if (rc == 0)
		rc = manifest_make(session, err);
	/* Make the folder first, so that an unwritable one is reported before the calibration. */
	if (rc == 0)
		rc = sm_store_create(&session->store, session->options->folder, session->manifest, err);
	if (rc < 0)
		return rc;
	manifest_add_folder(session);
	results->folder = strdup(session->options->folder);
	results->out = strdup(session->options->folder);
	if (!results->folder || !results->out)
		return sm_fail(err, ENOMEM, "no memory for the run folder");
	if (session->options->tune)
		rc = session_tune(session, err);
	if (rc == 0)
		rc = lay_out(session, err);
	return rc == 0 ? resume_take_rows(session, err) : rc;
}

/* Does everything before the first missing trial of an interrupted run.  Changes its folder only after checking all of
 * it. */
static int go_on(struct session *session, const struct sm_scenario *const *scenarios, size_t count,
		 struct sm_error *err)
{
	const struct sm_run_options *options = session->options;
	struct sm_results *results = session->results;
	bool planned;
	int rc = sm_store_reopen(&session->store, options->folder, results, err);

	if (rc < 0)
		return rc;
	session->manifest = results->manifest;
	planned = json_object_get(session->manifest, "plan") != NULL; /* not where it was stopped while calibrating */
	rc = keep_kind(session,
		       json_string_value(json_object_get(json_object_get(session->manifest, "options"), "kind")), err);
	if (rc == 0)
		rc = resume_compare(session, err);
	if (rc == 0)
		rc = check_binding(session, err);
	if (rc == 0)
		rc = sm_run_restore_options(session->manifest, options->folder, &session->plan_options, err);
	session->plan_options.topology = session->topology;
	if (rc == 0)
		rc = restore_events(session, err);
	if (rc == 0)
		rc = sm_plan_expand(&session->plan, &session->plan_options, scenarios, count, err);
	if (rc == 0 && planned)
		rc = manifest_restore_plan(session, err);
	if (rc == 0)
		rc = resume_take_rows(session, err);
	if (rc == 0)
		rc = sm_store_go_on(session->store, err);
	if (rc == 0 && options->tune)
		rc = session_tune(session, err);
	if (rc < 0 || planned)
		return rc;
	rc = lay_out(session, err);
	return rc == 0 ? resume_take_rows(session, err) : rc;
}

static void end(struct session *session)
{
	if (session->options->resume)
		sm_run_free_options(&session->plan_options);
	sm_store_close(session->store);
	sm_plan_free(&session->plan);
	sm_kept_drop(&session->kept);
	sm_seatings_free(&session->seatings);
	sm_topology_close(session->topology);
	free(session->events);
	free(session->done);
}

/* Runs the trials.  However the measuring ends, writes and analyses the results so far. */
static int measure_and_close(struct session *session, const struct sm_scenario *const *scenarios, size_t count,
			     struct sm_error *err)
{
	struct sm_error later = { 0 };
	int rc = session_measure(session, err), rc_close;

	if (rc == 0)
		rc = session_top_up(session, scenarios, count, err);
	session_progress(session, "analysing", 0, 1, "", 0);
	rc_close = manifest_finish(session, rc == 0 ? "complete" : "interrupted", &later);
	if (rc_close == 0)
		rc_close = sm_analyse(session->results, scenarios, count, &later);
	if (rc_close == 0)
		rc_close = sm_store_write_analysis(session->results, &later);
	if (rc == 0 && rc_close < 0) {
		*err = later;
		rc = rc_close;
	}
	return rc;
}

int sm_run(const struct sm_run_options *options, const struct sm_scenario *const *scenarios, size_t scenario_count,
	   struct sm_results *results, struct sm_error *err)
{
	struct session session = { .options = options, .start_ns = sm_clock_ns(), .results = results };
	int rc = open_machine(&session, scenarios, scenario_count, err);

	if (rc == 0)
		rc = options->resume ? go_on(&session, scenarios, scenario_count, err)
				     : begin(&session, scenarios, scenario_count, err);
	if (rc == 0)
		rc = measure_and_close(&session, scenarios, scenario_count, err);
	end(&session);
	return rc;
}

int sm_run_describe(const struct sm_run_options *options, const struct sm_scenario *const *scenarios,
		    size_t scenario_count, FILE *out, unsigned width, struct sm_error *err)
{
	struct session session = { .options = options, .start_ns = sm_clock_ns() };
	int rc = open_machine(&session, scenarios, scenario_count, err);

	take_options(&session);
	if (rc == 0)
		rc = keep_kind(&session, session.plan_options.kind, err);
	if (rc == 0)
		rc = sm_plan_expand(&session.plan, &session.plan_options, scenarios, scenario_count, err);
	if (rc == 0)
		rc = check_list(&session, err);
	if (rc == 0)
		rc = check_node(&session, err);
	if (rc == 0)
		rc = session_describe(&session, out, width, err);
	end(&session);
	return rc;
}
