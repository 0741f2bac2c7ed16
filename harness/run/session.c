/* Functions that every phase of a run uses. */
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
