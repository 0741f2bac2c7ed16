/* Operations that start and kill processes, done in a child of the worker.  The kernel lets a process that is woken or killed
 * go before the one that did it, if both share a PU.  So a child does that: the worker only waits, and no switch disturbs
 * its slice. */
#ifndef SHMETER_SUBJECT_STAGE_H
#define SHMETER_SUBJECT_STAGE_H

#include "child.h"
#include "shmeter/scenario.h"

/* In shared memory: what the child tells the worker. */
struct stage {
	uint64_t done, time_ns;
	bool failed;
	struct sm_error error;
};

/* One operation; returns its nanoseconds, or 0 where the trial ends. */
typedef uint64_t stage_operation(struct sm_worker *worker);

struct stage_order {
	struct sm_worker *worker;
	struct stage *stage;
	stage_operation *one;
};

static inline int stage_do(void *argument)
{
	const struct stage_order *order = argument;
	struct stage *stage = order->stage;
	uint64_t took;

	while (stage->done < order->worker->op_count && (took = order->one(order->worker)) > 0) {
		stage->time_ns += took;
		stage->done++;
	}
	stage->failed = order->worker->failed;
	stage->error = order->worker->error;
	return 0;
}

/* run() of such a scenario, which is self_timed. */
static inline uint64_t stage_run(struct sm_worker *worker, struct stage *stage, stage_operation *one)
{
	struct stage_order order = { .worker = worker, .stage = stage, .one = one };

	memset(stage, 0, sizeof(*stage));
	if (in_child(stage_do, &order) != 0)
		sm_worker_fail(worker, ECHILD, "the process that starts and kills others was killed itself; see dmesg");
	else if (stage->failed)
		sm_worker_fail(worker, stage->error.code, "%s", stage->error.text);
	worker->time_ns += stage->time_ns;
	return stage->done;
}

#endif
