/* The parent's side of a trial: set up, fork, wait, collect, verify, tear down. */
#include "shmeter/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hold.h"
#include "kept.h"
#include "shmeter/cgroup.h"
#include "shmeter/environment.h"
#include "shmeter/file_system.h"
#include "shmeter/text.h"

/* Most slices of a calibration; after them the last count is used. */
#define CALIBRATION_SLICES 64
/* Processes in addition to a trial's workers: one that warms memory, and a child of a worker. */
#define SPARE_PROCESSES 2
/* Page tables take 8 bytes for each base page of memory in each process that maps it. */
#define TABLE_ENTRY 8
/* Private memory of a process: its stack, its copies of the parent's data, its notes. */
#define PROCESS_BYTES (2u << 20)

static size_t region_bytes(const struct sm_case *c)
{
	return c->scenario->region_bytes ? c->scenario->region_bytes(c) : 0;
}

/* The most processes of a trial: its workers, or one on each PU of a tour. */
static unsigned team_of(const struct sm_case *c)
{
	unsigned both = 0;

	if (!c->pairs)
		return c->workers;
	for (unsigned i = 0; i < c->pairs->to_count; i++)
		for (unsigned j = 0; j < c->pairs->from_count; j++)
			both += c->pairs->to[i] == c->pairs->from[j];
	return c->pairs->from_count + c->pairs->to_count - both;
}

/* Whether the memory that a trial touches is available.  A memory cgroup charges pages when they are touched, and the
 * kernel kills a process that touches more than the limit.  Explicit huge pages are charged separately. */
static int memory_supported(const struct sm_os *os, const struct sm_case *c, struct sm_error *err)
{
	uint64_t region = c->memory.pages.kind == SM_PAGES_HUGETLB ? 0 : region_bytes(c);
	uint64_t own = c->scenario->own_bytes ? c->scenario->own_bytes(c) : 0;
	uint64_t tables = (region + own) / sm_os_page_bytes(os) * TABLE_ENTRY * (c->workers + 1);

	return sm_memory_supported(os, region + own + tables + (team_of(c) + 1) * PROCESS_BYTES, err);
}

/* Whether the limits allow the workers, and the children that the workers of some scenarios have. */
static int processes_supported(const struct sm_os *os, unsigned workers, struct sm_error *err)
{
	struct sm_room room;
	uint64_t need = workers + SPARE_PROCESSES;

	sm_pids_room(os, &room);
	if (room.left >= need)
		return 0;
	return sm_fail(err, EAGAIN,
		       "the cgroup of this process may have %" PRIu64 " more processes of %" PRIu64 ", and %" PRIu64
		       " are needed: raise %.256s (a container's --pids-limit), or run fewer with --set",
		       room.left, room.limit, need, room.file);
}

int sm_trial_supported(const struct sm_trial_context *context, const struct sm_case *c, struct sm_error *err)
{
	struct sm_case resolved = *c;
	struct sm_seats seats;
	int rc = trial_seat(context, &resolved, &seats, err);

	if (rc < 0)
		return rc;
	/* where memory lies is the subject: first touch promises nothing on a node without memory */
	if (c->scenario->node_params[0] && c->memory.numa == SM_FIRST_TOUCH)
		rc = sm_topology_gives_memory(context->topology, sm_topology_pu(context->topology, seats.seat[0])->node,
					      err);
	sm_seats_free(&seats);
	if (rc < 0)
		return rc;
	if (c->scenario->writes_out) {
		rc = sm_file_system_writes_out(context->os, c->memory.backing, context->file_folder, err);
		if (rc < 0)
			return rc;
	}
	/* the stage is one more (apart.c) */
	rc = processes_supported(context->os, team_of(c) + (c->scenario->plugged != NULL), err);
	if (rc == 0)
		rc = memory_supported(context->os, c, err);
	if (rc < 0)
		return rc;
	if (c->scenario->supported) {
		rc = c->scenario->supported(&resolved, err);
		if (rc < 0)
			return rc;
	}
	if (region_bytes(c) == 0)
		return 0;
	return sm_region_supported(context->os, context->topology, c->memory, region_bytes(c), context->file_folder,
				   err);
}

/* Warms page frames of the region's node: this process may run on another node than the worker that touches the
 * region. */
static int warm_frames(const struct hold *hold, size_t bytes, struct sm_error *err)
{
	const struct sm_trial_context *context = hold->context;
	struct sm_memory memory = hold->c.memory;
	unsigned node = sm_topology_pu(context->topology, hold->seats.seat[0])->node;

	if (memory.numa == SM_FIRST_TOUCH && sm_topology_memory_node_count(context->topology) > 1 &&
	    sm_topology_gives_memory(context->topology, node, NULL) == 0) {
		memory.numa = SM_BIND;
		memory.node = node;
	}
	return sm_region_warm_physical(context->os, context->topology, memory, bytes, context->file_folder,
				       context->stop, err);
}

static int create_region(struct hold *hold, size_t bytes, struct sm_error *err)
{
	const struct sm_trial_context *context = hold->context;
	const struct sm_case *c = &hold->c;
	int rc = memory_supported(context->os, c, err);

	if (rc == 0 && c->scenario->warm_physical)
		rc = warm_frames(hold, bytes, err);
	if (rc < 0)
		return rc;
	return sm_region_create(&hold->region, context->os, context->topology, c->memory, bytes, context->file_folder,
				err);
}

static int make_region(struct hold *hold, size_t bytes, struct sm_error *err)
{
	int rc = 0;

	hold->trial.kept = kept_take(hold->context->kept, hold->request->c, &hold->region);
	hold->result->kept = hold->trial.kept;
	if (!hold->trial.kept) {
		kept_make_room(hold->context->kept, hold->request->c);
		rc = create_region(hold, bytes, err);
		/* kept regions may hold the pages that it lacks */
		if (rc < 0 && sm_kept_drop(hold->context->kept))
			rc = create_region(hold, bytes, err);
	}
	if (rc == 0) {
		hold->trial.region = hold->region.address;
		hold->trial.region_bytes = bytes;
	}
	return rc;
}

static int make(struct hold *hold, struct sm_error *err)
{
	const struct sm_case *c = &hold->c;
	const struct sm_scenario *scenario = c->scenario;
	size_t bytes = region_bytes(c);

	hold->trial.c = c;
	hold->trial.seed = hold->request->seed;
	hold->trial.file_folder = hold->context->file_folder ? hold->context->file_folder : ".";
	if (bytes > 0) {
		int rc = make_region(hold, bytes, err);

		if (rc < 0)
			return rc;
	}
	if (scenario->state_bytes > 0) {
		hold->trial.state = calloc(1, scenario->state_bytes);
		if (!hold->trial.state)
			return sm_fail(err, ENOMEM, "no memory for the state of %s", scenario->name);
	}
	hold->set_up = true;
	return scenario->setup ? scenario->setup(&hold->trial, err) : 0;
}

static void put_away(struct hold *hold)
{
	if (hold->set_up && hold->c.scenario->teardown)
		hold->c.scenario->teardown(&hold->trial);
	free(hold->trial.state);
	free(hold->outcome);
	/* do not keep a region that a failed trial left */
	if (hold->result->status != SM_OK || !hold->trial.region ||
	    !kept_give(hold->context->kept, hold->context->os, hold->request->c, &hold->region))
		sm_region_destroy(&hold->region);
	tour_free(hold->control ? hold->control->tour : NULL);
	control_free(hold->control);
	sm_team_free(&hold->team);
	sm_seats_free(&hold->seats);
}

/* Writes the reason for a worker that failed. */
static void blame(struct hold *hold, unsigned index)
{
	int status = hold->team.member[index].wait_status;
	const struct sm_error *said = &hold->control->slot[index].error;
	char text[SM_ERROR_TEXT_MAX], how[SM_ERROR_TEXT_MAX - 32];

	if (WIFSIGNALED(status)) {
		/* Do this first: shared pages outlive the process that touched them, and in a full cgroup the kernel
		 * may kill this process next. */
		sm_region_empty(&hold->region);
		hold->result->memory_lacked =
			sm_death_words(hold->context->os, &hold->watch, WTERMSIG(status), how, sizeof(how));
		snprintf(text, sizeof(text), "worker %u %s", index, how);
		trial_end_with(hold, SM_WORKER_DIED, text);
	} else if (WEXITSTATUS(status) == SM_MEMBER_LEFT) {
		snprintf(text, sizeof(text), "worker %u ended early", index);
		trial_end_with(hold, SM_WORKER_DIED, text);
	} else if (WEXITSTATUS(status) == WORKER_UNFIT) {
		trial_end_with(hold, SM_DISTURBED, said->text);
	} else {
		snprintf(text, sizeof(text), "worker %u gave up: %.400s", index,
			 said->code ? said->text : "no reason given");
		trial_end_with(hold, SM_WORKER_DIED, text);
	}
}

/* Whether an error means a limit on processes, descriptors or memory. */
static bool is_shortage(int code)
{
	return code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE;
}

/* Whether the trial stood still for a while, even if the clock of its slices does not show it. */
static bool stood_still(struct hold *hold)
{
	char how[256], text[SM_ERROR_TEXT_MAX], took[SM_TEXT_MAX];
	struct sm_noise_mark now;

	sm_noise_mark(hold->context->os, &now);
	if (!sm_clocks_disagree(&hold->before, &now, how, sizeof(how))) {
		if (hold->team.stopped)
			snprintf(how, sizeof(how), "a worker was stopped (SIGSTOP, or a debugger)");
		else if (hold->team.stood_ns)
			snprintf(how, sizeof(how),
				 "no process of it ran for %s (a paused container, a host that stood still)",
				 sm_format_ns(took, (double)hold->team.stood_ns));
		else
			return false;
	}
	snprintf(text, sizeof(text), SM_STOOD_STILL "%s", how);
	trial_end_with(hold, SM_DISTURBED, text);
	return true;
}

/* The processes of this trial. */
static unsigned team_in(const struct hold *hold)
{
	return hold->request->part.tour ? hold->request->part.tour->pu_count : hold->c.workers;
}

static int run_team(struct hold *hold, struct sm_error *err)
{
	const struct sm_trial_request *request = hold->request;
	struct worker_job job = {
		.context = hold->context,
		.request = request,
		.seats = &hold->seats,
		.region = hold->trial.region ? &hold->region : NULL,
		.trial = &hold->trial,
		.control = hold->control,
	};
	struct sm_trial_request resolved = *request;
	struct sm_error why = { 0 };
	unsigned first;
	int rc;

	resolved.c = &hold->c;
	job.request = &resolved;
	sm_death_watch(hold->context->os,
		       hold->c.memory.pages.kind == SM_PAGES_HUGETLB ? hold->c.memory.pages.bytes : 0, &hold->watch);
	rc = sm_team_start(&hold->team, team_in(hold), hold->c.scenario->name, worker_main, &job, &hold->control->abort,
			   &why);
	if (rc < 0 && is_shortage(-rc)) { /* a smaller team may fit within the limit */
		trial_end_with(hold, SM_SKIPPED, why.text);
		return 0;
	}
	if (rc < 0)
		return sm_fail(err, -rc, "%s", why.text);
	switch (sm_team_wait(&hold->team, sm_clock_ns() + request->timeout_ns, hold->context->stop, &first)) {
	case SM_TEAM_DONE: break;
	case SM_TEAM_DIED: blame(hold, first); return 0;
	case SM_TEAM_TIMED_OUT:
		trial_end_with(hold, SM_TIMED_OUT, "the workers did not end before the trial's deadline");
		return 0;
	case SM_TEAM_INTERRUPTED: return sm_fail(err, EINTR, "stopped by a signal");
	}
	if (stood_still(hold))
		return 0;
	return trial_collect(hold, err);
}

static int prepare(struct hold *hold, struct sm_error *err)
{
	const struct sm_trial_request *request = hold->request;
	const struct sm_scenario *scenario = request->c->scenario;
	unsigned slices = request->calibrate ? CALIBRATION_SLICES : request->slices;

	hold->outcome = calloc(hold->c.workers, sizeof(*hold->outcome));
	if (!hold->outcome)
		return sm_fail(err, ENOMEM, "no memory for %u workers", hold->c.workers);
	hold->control = control_make(
		&(struct control_needs){ .workers = hold->c.workers,
					 .team = team_in(hold),
					 .slices = slices,
					 .warm = request->calibrate || scenario->subject == SM_COLD
							 ? 0
							 : warm_most(hold->context->slice_ns, scenario->warm_ns),
					 .warm_least_ns = scenario->warm_ns,
					 .shared_pu = hold->seats.shared_pu,
					 .cold = scenario->subject == SM_COLD,
					 .self_timed = scenario->self_timed,
					 .histograms = scenario->histogram || (request->trace && scenario->trace),
					 .series = scenario->series },
		err);
	if (!hold->control)
		return -ENOMEM;
	hold->control->op_count = request->calibrate ? 1 : request->op_count;
	hold->control->longest_ns = request->longest_ns;
	if (request->part.tour) {
		hold->control->tour = tour_make(&hold->c, &request->part, hold->seats.seat, err);
		if (!hold->control->tour)
			return -ENOMEM;
	}
	return make(hold, err);
}

int trial_play(const struct sm_trial_context *context, const struct sm_trial_request *request,
	       struct sm_trial_result *result, struct sm_error *err)
{
	struct hold hold = { .context = context, .request = request, .result = result };
	struct sm_noise_mark after;
	struct sm_error why = { 0 };
	int rc;

	memset(result, 0, sizeof(*result));
	result->started_ns = sm_clock_ns();
	result->throttled_ns = result->alone_ns = result->company_ns = NAN;
	snprintf(result->pus, sizeof(result->pus), "-");
	snprintf(result->nodes, sizeof(result->nodes), "-");
	snprintf(result->pages_got, sizeof(result->pages_got), "none");
	hold.c = *request->c;
	hold.region.fd = hold.region.shmid = -1;
	rc = trial_seat(context, &hold.c, &hold.seats, &why);
	if (rc < 0) {
		trial_end_with(&hold, SM_SKIPPED, why.text);
		return 0;
	}
	result->shared_pu = hold.c.shared_pu;
	result->relation = hold.seats.relation;
	sm_noise_mark(context->os, &hold.before);
	rc = trial_name_seats(context->topology, &hold.seats, result, &why);
	if (rc == 0)
		rc = prepare(&hold, &why);
	if (rc == -EINTR) {
		rc = sm_fail(err, EINTR, "%s", why.text);
	} else if (rc < 0) {
		/* the machine is the cause, not the harness */
		trial_end_with(&hold, SM_SKIPPED, why.text);
		rc = 0;
	} else {
		rc = run_team(&hold, err);
	}
	put_away(&hold);
	sm_noise_mark(context->os, &after);
	result->wall_ns = sm_clock_ns() - result->started_ns;
	result->throttled_ns = after.throttled_ns - hold.before.throttled_ns;
	result->overhead_ns = result->wall_ns - result->timed_ns;
	result->steal_ns =
		(after.steal_ticks - hold.before.steal_ticks) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
	return rc;
}

void sm_trial_result_free(struct sm_trial_result *result)
{
	free(result->slice);
	free(result->histogram);
	free(result->series);
	free(result->visit);
	result->visit = NULL;
	result->series = NULL;
	result->slice = NULL;
	result->histogram = NULL;
}
