/* Functions that every phase of a run uses. */
#include <stdio.h>

#include "session.h"
#include "shmeter/clock.h"

void session_progress(const struct session *session, const char *phase, size_t done, size_t total, const char *what,
		      uint64_t left_ns)
{
	struct sm_progress progress = {
		.phase = phase,
		.done = done,
		.total = total,
		.what = what,
		.elapsed_ns = sm_clock_ns() - session->start_ns,
		.left_ns = left_ns,
	};

	if (session->options->progress)
		session->options->progress(&progress, session->options->progress_context);
}

bool session_stopped(const struct session *session)
{
	return session->options->stop && *session->options->stop;
}

uint64_t session_spent_ns(const struct session *session)
{
	return session->resumed_ns + sm_clock_ns() - session->start_ns;
}

uint64_t session_seed(const struct session *session, const char *id, unsigned block)
{
	struct sm_random random;
	uint64_t hash = session->plan.seed ^ 0xcbf29ce484222325u; /* FNV-1a over the case's id */

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 0x100000001b3u;
	sm_random_seed(&random, hash + block);
	return sm_random_next(&random);
}

/* Even if the next attempt works. */
void session_note_failure(struct session *session, struct sm_planned_case *planned,
			  const struct sm_trial_result *result)
{
	json_t *list = json_object_get(session->manifest, "calibration_failures");

	planned->failure = sm_name_format("while calibrating: %.480s", result->reason);
	planned->failure_status = (int)result->status;
	if (!session->manifest) /* a plan that is only printed */
		return;
	if (!list) {
		list = json_array();
		json_object_set_new(session->manifest, "calibration_failures", list);
	}
	json_array_append_new(list, json_pack("{s:s, s:s}", "case", planned->id, "reason", result->reason));
}
