/* The parent's side of a trial: make, fork, wait, collect, prove, put away. */
#include "shmeter/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "kept.h"
#include "shmeter/environment.h"
#include "shmeter/file_system.h"
#include "shmeter/team.h"

/* Slices that a calibration may take before the last count is used as it is. */
#define CALIBRATION_SLICES 64

/* The PUs of one node, as a list. */
static int seat_on_node(const struct sm_topology *topology, const struct sm_case *c, uint64_t node,
			struct sm_seats *seats, struct sm_error *err)
{
	unsigned count, found = 0;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);
	unsigned *list = calloc(count + 1, sizeof(*list));
	int rc;

	if (sm_topology_nodes(topology) < 2) {
		free(list);
		return sm_fail(
			err, ENODEV,
			"this machine, or what this process may use of it, has one NUMA node: "
			"there is nothing to compare it with");
	}
	if (!list)
		return sm_fail(err, ENOMEM, "no memory for %u PUs", count);
	for (unsigned i = 0; i < count; i++)
		if (pus[i].node == node)
			list[found++] = pus[i].os_index;
	rc = found > 0 ? sm_topology_seat(topology, SM_PLACE_LIST, list, found, c->workers, seats,
					  err)
		       : sm_fail(err, ENODEV,
				 "there is no NUMA node %lu with PUs: this machine, or what this "
				 "process may use of it, has %u",
				 node, sm_topology_nodes(topology));
	free(list);
	return rc;
}

/* The two PUs that parameters name. */
static int seat_pair(const struct sm_topology *topology, const struct sm_case *c,
		     struct sm_seats *seats, struct sm_error *err)
{
	const char *const *names = c->scenario->pair_params;
	unsigned list[2] = { (unsigned)sm_case_param(c, names[0]),
			     (unsigned)sm_case_param(c, names[1]) };

	return sm_topology_seat(topology, SM_PLACE_LIST, list, 2, c->workers, seats, err);
}

/* Resolves what only the harness knows: the seats. */
static int seat(const struct sm_trial_context *context, const struct sm_case *c,
		struct sm_seats *seats, struct sm_error *err)
{
	if (c->scenario->node_param)
		return seat_on_node(context->topology, c, sm_case_param(c, c->scenario->node_param),
				    seats, err);
	if (c->scenario->pair_params[0])
		return seat_pair(context->topology, c, seats, err);
	return sm_topology_seat(context->topology, c->placement, c->pu_list, c->pu_list_count,
				c->workers, seats, err);
}

static bool is_seat(const struct sm_seats *seats, unsigned pu)
{
	for (unsigned i = 0; i < seats->count; i++)
		if (seats->seat[i] == pu)
			return true;
	return false;
}

/* What the seats say of a case. */
static void note_seats(const struct sm_topology *topology, const struct sm_seats *seats,
		       struct sm_case *c)
{
	unsigned count;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);

	c->shared_pu = seats->shared_pu;
	c->pus = 0;
	for (unsigned i = 0; i < count; i++)
		c->pus += is_seat(seats, pus[i].os_index);
}

unsigned sm_trial_pus(const struct sm_trial_context *context, const struct sm_case *c)
{
	struct sm_case resolved = *c;
	struct sm_seats seats;

	if (seat(context, c, &seats, NULL) < 0)
		return 0;
	note_seats(context->topology, &seats, &resolved);
	sm_seats_free(&seats);
	return resolved.pus;
}

static size_t region_bytes(const struct sm_case *c)
{
	return c->scenario->region_bytes ? c->scenario->region_bytes(c) : 0;
}

int sm_trial_supported(const struct sm_trial_context *context, const struct sm_case *c,
		       struct sm_error *err)
{
	struct sm_case resolved = *c;
	struct sm_seats seats;
	int rc = seat(context, c, &seats, err);

	if (rc < 0)
		return rc;
	note_seats(context->topology, &seats, &resolved);
	sm_seats_free(&seats);
	if (c->scenario->writes_out) {
		rc = sm_file_system_writes_out(context->os, c->memory.backing, context->file_folder, err);
		if (rc < 0)
			return rc;
	}
	if (c->scenario->supported) {
		rc = c->scenario->supported(&resolved, err);
		if (rc < 0)
			return rc;
	}
	if (region_bytes(c) == 0)
		return 0;
	return sm_region_supported(context->os, context->topology, c->memory, region_bytes(c),
				   context->file_folder, err);
}

/* What a trial holds while it runs. */
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
	const struct sm_outcome **outcome;
};

static void end_with(struct hold *hold, enum sm_status status, const char *reason)
{
	hold->result->status = status;
	snprintf(hold->result->reason, sizeof(hold->result->reason), "%s", reason);
}

/* Frames of the node that the region's own will be of: this process may run on another than the worker that touches. */
static int warm_frames(const struct hold *hold, size_t bytes, struct sm_error *err)
{
	const struct sm_trial_context *context = hold->context;
	struct sm_memory memory = hold->c.memory;
	const struct sm_pu *pus;
	unsigned count;

	pus = sm_topology_pus(context->topology, &count);
	for (unsigned i = 0; memory.numa == SM_FIRST_TOUCH && i < count; i++)
		if (pus[i].os_index == hold->seats.seat[0] && sm_topology_nodes(context->topology) > 1) {
			memory.numa = SM_BIND;
			memory.node = pus[i].node;
		}
	return sm_region_warm_physical(context->os, context->topology, memory, bytes, context->file_folder, err);
}

static int create_region(struct hold *hold, size_t bytes, struct sm_error *err)
{
	const struct sm_trial_context *context = hold->context;
	const struct sm_case *c = &hold->c;
	int rc = c->scenario->warm_physical ? warm_frames(hold, bytes, err) : 0;

	if (rc < 0)
		return rc;
	return sm_region_create(&hold->region, context->os, context->topology, c->memory, bytes,
				context->file_folder, err);
}

static int make_region(struct hold *hold, size_t bytes, struct sm_error *err)
{
	int rc = 0;

	hold->trial.kept = kept_take(hold->context->kept, hold->request->c, &hold->region);
	hold->result->kept = hold->trial.kept;
	if (!hold->trial.kept) {
		rc = create_region(hold, bytes, err);
		/* the pages that it lacks may be in those that were kept */
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
			return sm_fail(err, ENOMEM, "no memory for the state of %s",
				       scenario->name);
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
	/* what a trial that went wrong left is not to be relied on */
	if (hold->result->status != SM_OK || !hold->trial.region ||
	    !kept_give(hold->context->kept, hold->context->os, hold->request->c, &hold->region))
		sm_region_destroy(&hold->region);
	control_free(hold->control);
	sm_team_free(&hold->team);
	sm_seats_free(&hold->seats);
}

/* Numbers by worker, as a column says them; cut with "..." where there are too many. */
static void name_numbers(const unsigned *number, unsigned count, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		if (used + 16 > size) {
			snprintf(out + used, size - used, " ...");
			return;
		}
		used += (size_t)snprintf(out + used, size - used, "%s%u", i ? " " : "", number[i]);
	}
}

static unsigned node_of(const struct sm_topology *topology, unsigned os_index)
{
	unsigned count;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);

	for (unsigned i = 0; i < count; i++)
		if (pus[i].os_index == os_index)
			return pus[i].node_os;
	return 0;
}

static int name_seats(struct hold *hold, struct sm_error *err)
{
	struct sm_trial_result *result = hold->result;
	const struct sm_seats *seats = &hold->seats;
	unsigned *node = calloc(seats->count + 1, sizeof(*node));

	if (!node)
		return sm_fail(err, ENOMEM, "no memory for %u workers", seats->count);
	for (unsigned i = 0; i < seats->count; i++)
		node[i] = node_of(hold->context->topology, seats->seat[i]);
	name_numbers(seats->seat, seats->count, result->pus, sizeof(result->pus));
	name_numbers(node, seats->count, result->nodes, sizeof(result->nodes));
	free(node);
	return 0;
}

/* The sentence for a worker that ended badly. */
static void blame(struct hold *hold, unsigned index)
{
	int status = hold->team.member[index].wait_status;
	const struct sm_error *said = &hold->control->slot[index].error;
	char text[SM_ERROR_TEXT_MAX];

	if (WIFSIGNALED(status)) {
		snprintf(text, sizeof(text), "worker %u was killed by signal %d (%s)", index,
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
		end_with(hold, SM_WORKER_DIED, text);
	} else if (WEXITSTATUS(status) == WORKER_UNFIT) {
		end_with(hold, SM_DISTURBED, said->text);
	} else {
		snprintf(text, sizeof(text), "worker %u gave up: %.400s", index,
			 said->code ? said->text : "it said no reason");
		end_with(hold, SM_WORKER_DIED, text);
	}
}

static struct sm_probes probes_at(const struct control *control, unsigned gate)
{
	struct sm_probes probes = { .count = control->probes };

	memcpy(probes.ns, control->probe[gate].pair_ns, probes.count * sizeof(*probes.ns));
	for (unsigned i = 0; i < control->probes; i++)
		if (!(probes.ns[i] > 0) || !isfinite(probes.ns[i])) /* the clock stood still */
			probes.count = 0;
	return probes;
}

/* Whether the request has the scenario end its slices by the clock. */
static bool ends_by_clock(const struct hold *hold)
{
	return hold->c.scenario->cuts_short && hold->request->slice_ns > 0;
}

/* Whether a worker may do less than it was asked for: where the clock ends a slice, or the first who is done. */
static bool may_do_less(const struct hold *hold)
{
	return ends_by_clock(hold) || (hold->c.scenario->ends_together && !hold->c.shared_pu);
}

/* Whether somebody did all that was asked for: without it only the clock ends a slice. */
static bool one_did_all(const struct hold *hold, unsigned number)
{
	if (ends_by_clock(hold))
		return true;
	for (unsigned i = 0; i < hold->control->workers; i++)
		if (control_note(hold->control, i, number)->ops == hold->control->op_count)
			return true;
	return false;
}

/* One slice of all workers, from their notes.  Returns false where a worker did too little. */
static bool collect_slice(struct hold *hold, unsigned number, struct sm_slice_facts *facts)
{
	struct sm_trial_result *result = hold->result;
	struct control *control = hold->control;
	struct sm_slice_row *out = &facts->row;
	uint64_t first = UINT64_MAX, last_start = 0, last = 0, done = 0, away, longest_away = 0,
		 measured = 0;
	char text[SM_ERROR_TEXT_MAX];

	memset(facts, 0, sizeof(*facts));
	out->slice = result->slice_count - 1;
	out->ops = control->op_count;
	for (unsigned i = 0; i < control->workers; i++) {
		const struct slice_note *note = control_note(control, i, number);

		if ((note->ops != control->op_count &&
		     !(may_do_less(hold) && note->ops < control->op_count &&
		       one_did_all(hold, number))) ||
		    note->end_ns < note->start_ns) {
			snprintf(text, sizeof(text),
				 "worker %u did %" PRIu64 " of %" PRIu64
				 " operations in slice %u%s",
				 i, note->ops, control->op_count, number,
				 note->end_ns < note->start_ns ? ", and the clock went backwards"
							       : "");
			end_with(hold, SM_VERIFY_FAILED, text);
			return false;
		}
		done += note->ops;
		first = note->start_ns < first ? note->start_ns : first;
		last_start = note->start_ns > last_start ? note->start_ns : last_start;
		last = note->end_ns > last ? note->end_ns : last;
		measured = note->time_ns > measured ? note->time_ns : measured;
		out->nvcsw += (unsigned)note->nvcsw;
		out->nivcsw += (unsigned)note->nivcsw;
		out->pin_lost |= note->pin_lost;
		out->cpu_ns += note->cpu_ns;
		away = note->end_ns - note->start_ns > note->cpu_ns
			       ? note->end_ns - note->start_ns - note->cpu_ns
			       : 0;
		longest_away = away > longest_away ? away : longest_away;
		result->minflt += note->minflt;
		result->majflt += note->majflt;
		result->nvcsw += note->nvcsw;
		result->nivcsw += note->nivcsw;
		result->migrations += note->pin_lost;
	}
	if (may_do_less(hold)) /* one at least: a slice took no less than it took */
		out->ops = done > control->workers ? (done + control->workers / 2) / control->workers : 1;
	out->ns = hold->c.scenario->self_timed ? measured : last - first;
	out->skew_ns = last_start - first;
	out->away_share = last > first ? (float)((double)longest_away / (double)(last - first)) : 0;
	facts->before = probes_at(control, number);
	facts->after = probes_at(control, number + 1);
	sm_slice_take_probes(facts);
	result->cpu_ns += out->cpu_ns;
	result->ops += out->ops;
	result->elapsed_ns += out->ns;
	result->timed_ns += last - first;
	result->last_slice_ns = last - first;
	return true;
}

/* A calibration keeps no slices: only how long the last one took, and all together. */
static void collect_calibration(struct hold *hold)
{
	for (unsigned number = 0; number < hold->control->done_slices; number++) {
		hold->result->last_slice_ns = control_makespan_ns(hold->control, number);
		hold->result->timed_ns += hold->result->last_slice_ns;
	}
}

static int collect_slices(struct hold *hold, struct sm_error *err)
{
	struct sm_trial_result *result = hold->result;
	struct control *control = hold->control;
	unsigned skip = control->first;

	result->op_count = control->op_count;
	result->warm_slices = control->first;
	result->warm_ns = control->warm_ns;
	result->flat = control->flat;
	if (hold->request->calibrate)
		collect_calibration(hold);
	if (hold->request->calibrate || control->done_slices <= skip)
		return 0;
	result->slice = calloc(control->done_slices - skip, sizeof(*result->slice));
	if (!result->slice)
		return sm_fail(err, ENOMEM, "no memory for %u slices", control->done_slices);
	for (unsigned number = skip; number < control->done_slices; number++)
		if (!collect_slice(hold, number, &result->slice[result->slice_count++]))
			return 0;
	return 0;
}

/* The worst state of the workers' counters speaks for the event; values add up. */
static void collect_counts(struct hold *hold)
{
	const struct sm_event_set *events = hold->context->events;

	for (unsigned e = 0; events && e < events->count; e++) {
		struct sm_count *sum = &hold->result->count[e];

		for (unsigned i = 0; i < hold->control->workers; i++) {
			const struct sm_count *one = &hold->control->slot[i].count[e];

			sum->state = one->state > sum->state ? one->state : sum->state;
			sum->raw += one->raw;
			sum->value += one->value;
			sum->enabled_ns += one->enabled_ns;
			sum->running_ns += one->running_ns;
		}
	}
}

static void collect_rest(struct hold *hold)
{
	const struct control *control = hold->control;
	struct sm_trial_result *result = hold->result;

	if (hold->trial.region) {
		struct sm_pages pages = control->slot[0].got.pages;

		for (unsigned i = 1; i < control->workers; i++)
			if (control->slot[i].got.pages.bytes != pages.bytes)
				pages.kind = SM_PAGES_UNSET;
		if (pages.kind == SM_PAGES_UNSET) {
			snprintf(result->pages_got, sizeof(result->pages_got), "mixed");
		} else {
			sm_pages_name(pages, result->pages_got);
			result->page_bytes_got = pages.bytes;
		}
	}
	if (control->series && control->series->count > 0 &&
	    (result->series = malloc(sizeof(*result->series))))
		memcpy(result->series, control->series, sizeof(*result->series));
	if (!control->histogram)
		return;
	result->histogram = calloc(1, sizeof(*result->histogram));
	for (unsigned i = 0; result->histogram && i < control->workers; i++)
		sm_histogram_merge(result->histogram, &control->histogram[i]);
}

static void prove(struct hold *hold)
{
	struct sm_error why = { 0 };

	for (unsigned i = 0; i < hold->control->workers; i++)
		hold->outcome[i] = &hold->control->slot[i].outcome;
	hold->trial.outcome = hold->outcome;
	hold->trial.histogram = hold->result->histogram;
	if (hold->c.scenario->verify(&hold->trial, &why) < 0)
		end_with(hold, SM_VERIFY_FAILED, why.text);
	else if (hold->c.scenario->measure)
		hold->c.scenario->measure(&hold->trial, hold->result->more);
}

/* What a limit on processes, descriptors or memory says. */
static bool is_shortage(int code)
{
	return code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE;
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
	rc = sm_team_start(&hold->team, hold->c.workers, hold->c.scenario->name, worker_main, &job,
			   &hold->control->abort, &why);
	if (rc < 0 && is_shortage(-rc)) { /* a smaller team may find what it needs */
		end_with(hold, SM_SKIPPED, why.text);
		return 0;
	}
	if (rc < 0)
		return sm_fail(err, -rc, "%s", why.text);
	switch (sm_team_wait(&hold->team, sm_clock_ns() + request->timeout_ns, hold->context->stop,
			     &first)) {
	case SM_TEAM_DONE: break;
	case SM_TEAM_DIED: blame(hold, first); return 0;
	case SM_TEAM_TIMED_OUT:
		end_with(hold, SM_TIMED_OUT, "the workers did not end before the trial's deadline");
		return 0;
	case SM_TEAM_INTERRUPTED: return sm_fail(err, EINTR, "stopped by a signal");
	}
	rc = collect_slices(hold, err);
	if (rc < 0)
		return rc;
	collect_counts(hold);
	collect_rest(hold);
	if (hold->result->status == SM_STATUS_NONE)
		prove(hold);
	if (hold->result->status == SM_STATUS_NONE)
		end_with(hold, SM_OK, "-");
	return 0;
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
					 .slices = slices,
					 .warm = request->calibrate || scenario->cold
							 ? 0
							 : warm_most(hold->context->slice_ns),
					 .shared_pu = hold->seats.shared_pu,
					 .cold = scenario->cold,
					 .self_timed = scenario->self_timed,
					 .histograms = scenario->histogram ||
						       (request->trace && scenario->trace),
					 .series = scenario->series },
		err);
	if (!hold->control)
		return -ENOMEM;
	hold->control->op_count = request->calibrate ? 1 : request->op_count;
	hold->control->longest_ns = request->longest_ns;
	return make(hold, err);
}

int sm_trial_run(const struct sm_trial_context *context, const struct sm_trial_request *request,
		 struct sm_trial_result *result, struct sm_error *err)
{
	struct hold hold = { .context = context, .request = request, .result = result };
	struct sm_noise_mark before, after;
	struct sm_error why = { 0 };
	int rc;

	memset(result, 0, sizeof(*result));
	result->started_ns = sm_clock_ns();
	result->throttled_ns = NAN;
	snprintf(result->pus, sizeof(result->pus), "-");
	snprintf(result->nodes, sizeof(result->nodes), "-");
	snprintf(result->pages_got, sizeof(result->pages_got), "none");
	hold.c = *request->c;
	hold.region.fd = hold.region.shmid = -1;
	rc = seat(context, &hold.c, &hold.seats, &why);
	if (rc < 0) {
		end_with(&hold, SM_SKIPPED, why.text);
		return 0;
	}
	note_seats(context->topology, &hold.seats, &hold.c);
	result->shared_pu = hold.c.shared_pu;
	result->relation = hold.seats.relation;
	sm_noise_mark(context->os, &before);
	rc = name_seats(&hold, &why);
	if (rc == 0)
		rc = prepare(&hold, &why);
	if (rc < 0) {
		/* the machine's doing, not the harness' */
		end_with(&hold, SM_SKIPPED, why.text);
		rc = 0;
	} else {
		rc = run_team(&hold, err);
	}
	put_away(&hold);
	sm_noise_mark(context->os, &after);
	result->wall_ns = sm_clock_ns() - result->started_ns;
	result->throttled_ns = after.throttled_ns - before.throttled_ns;
	result->overhead_ns = result->wall_ns - result->timed_ns;
	result->steal_ns = (after.steal_ticks - before.steal_ticks) *
			   (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
	return rc;
}

void sm_trial_result_free(struct sm_trial_result *result)
{
	free(result->slice);
	free(result->histogram);
	free(result->series);
	result->series = NULL;
	result->slice = NULL;
	result->histogram = NULL;
}
