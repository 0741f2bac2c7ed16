/* The worker process, from pinning to its last note. */
#include <alloca.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control.h"
#include "shmeter/stats.h"

/* Length of the traced part, in slices. */
#define TRACE_SLICES 4
/* Slices after which a trial that takes too long may end. */
#define SLICES_ENOUGH 8
/* A worker's stack begins up to this many steps of so many bytes lower: anywhere in a page, as aligned as ever. */
#define STACK_STEPS 256
#define STACK_STEP  16

/* The state of a worker. */
struct self {
	const struct worker_job *job;
	struct control *control;
	struct slot *slot;
	unsigned index, pu;
	uint32_t gate; /* number of the last gate passed */
	int waits;     /* descriptor of this worker's schedstat; -1: not available */
	struct sm_worker worker;
	struct sm_counters counters;
};

/* Pins the worker, populates the region and reads both back.  Fails where the result is not as asked: it would be
 * another case. */
static int settle(struct self *self)
{
	const struct worker_job *job = self->job;
	const struct sm_scenario *scenario = job->request->c->scenario;
	struct sm_error *err = &self->slot->error;

	if (sm_topology_pin(job->context->topology, self->pu, err) < 0)
		return WORKER_UNFIT;
	/* the other processes of a tour do not use the region */
	if (!job->region || scenario->own_prefault || self->index >= self->control->workers)
		return WORKER_DONE;
	if (sm_region_populate(job->region, err) < 0)
		return WORKER_UNFIT;
	/* What populating leaves in the cache is arbitrary, as is what warming leaves there. */
	if (scenario->warm_physical && job->request->c->memory.prefault != SM_LAZY &&
	    sm_region_cool(job->region, err) < 0)
		return WORKER_UNFIT;
	if (job->request->c->memory.prefault != SM_LAZY &&
	    sm_region_inspect(job->region, true, &self->slot->got, err) < 0)
		return WORKER_UNFIT;
	return WORKER_DONE;
}

/* Writes to every page of this worker's private copies, so that no timed slice has copy-on-write faults of the fork. */
static void touch_copies(struct self *self)
{
	volatile char *state = self->worker.state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; state && i < self->job->request->c->scenario->state_bytes; i += page)
		state[i] = state[i];
	if (self->worker.histogram)
		memset(self->worker.histogram, 0, sizeof(*self->worker.histogram));
	if (self->worker.series)
		memset(self->worker.series, 0, sizeof(*self->worker.series));
}

static void prepare(struct self *self)
{
	const struct worker_job *job = self->job;
	struct sm_worker *worker = &self->worker;

	worker->c = job->request->c;
	worker->index = self->index;
	worker->region = job->trial->region;
	worker->region_bytes = job->trial->region_bytes;
	worker->kept = job->trial->kept;
	worker->mapping = job->region;
	worker->state = job->trial->state;
	worker->seed = job->request->seed * 0x9e3779b97f4a7c15u + self->index + 1;
	worker->abort = &self->control->abort;
	worker->outcome = &self->slot->outcome;
	worker->histogram = self->control->histogram ? &self->control->histogram[self->index] : NULL;
	worker->series = self->control->series;
	touch_copies(self);
}

/* Passes the next gate, and probes the pairs there where `probe` is set.  The leader calls `lead` before it opens the
 * gate. */
static bool meet(struct self *self, struct probe_note *probe, void (*lead)(struct self *self, unsigned slice),
		 unsigned slice)
{
	uint32_t number = ++self->gate;

	if (self->index > 0) {
		gate_arrive(self->control, self->index, number);
		if (probe && self->index <= self->control->pairs && !probe_follow(self->control, self->index))
			return false;
		return gate_pass(self->control, number);
	}
	if (!gate_gather(self->control, number))
		return false;
	if (probe && !probe_lead(self->control, probe))
		return false;
	if (probe)
		probe_alone(self->control, probe);
	if (lead)
		lead(self, slice);
	gate_open(self->control, number);
	return true;
}

/* Whether operations take so much longer than in the calibration (for example, a ring that spun now sleeps) that the
 * trial ends early.  The decision uses only the clock, not the results of slices. */
static bool took_too_long(struct control *control, unsigned slice)
{
	if (slice == control->first)
		control->begin_ns = sm_clock_ns();
	return control->longest_ns > 0 && slice >= control->first + SLICES_ENOUGH &&
	       sm_clock_ns() - control->begin_ns > control->longest_ns;
}

/* The leader's decision before slice number `slice`. */
static void lead_slice(struct self *self, unsigned slice)
{
	struct control *control = self->control;

	if (control->warming && warm_over(control, slice)) {
		control->warming = false;
		control->first = slice;
	}
	if (self->job->request->calibrate && slice > 0)
		control->calibrated = calibrate_next(control, slice - 1, self->job->context->slice_ns);
	control->command = control->warming || (slice < control->first + control->slices && !control->calibrated &&
						!took_too_long(control, slice))
				   ? COMMAND_SLICE
				   : COMMAND_END;
	control->done_slices = slice;
}

/* The kernel's accounting of this worker so far. */
struct usage {
	struct rusage rusage;
	uint64_t waited_ns; /* time that it was runnable but waited for its PU; or WAIT_UNKNOWN */
};

/* Reads the second number of /proc/PID/schedstat.  A kernel without this accounting prints "0 0 0"; the third number,
 * how often the process ran, cannot be 0 for a running process (the kernel's Documentation/scheduler/sched-stats). */
static uint64_t waited_ns(const struct self *self)
{
	char text[96];
	ssize_t length = self->waits < 0 ? -1 : pread(self->waits, text, sizeof(text) - 1, 0);
	unsigned long long ran, waited, times;

	text[length > 0 ? length : 0] = '\0';
	return sscanf(text, "%llu %llu %llu", &ran, &waited, &times) == 3 && times > 0 ? waited : WAIT_UNKNOWN;
}

/* Reads the fault count last before a slice and first after it, so that it excludes faults of the other readings. */
static void usage_before(const struct self *self, struct usage *usage)
{
	usage->waited_ns = waited_ns(self);
	getrusage(RUSAGE_SELF, &usage->rusage);
}

static void usage_after(const struct self *self, struct usage *usage)
{
	getrusage(RUSAGE_SELF, &usage->rusage);
	usage->waited_ns = waited_ns(self);
}

static void note_usage(struct slice_note *note, const struct usage *from, const struct usage *to)
{
	const struct rusage *before = &from->rusage, *after = &to->rusage;

	note->minflt = (uint64_t)(after->ru_minflt - before->ru_minflt);
	note->majflt = (uint64_t)(after->ru_majflt - before->ru_majflt);
	note->nvcsw = (uint64_t)(after->ru_nvcsw - before->ru_nvcsw);
	note->nivcsw = (uint64_t)(after->ru_nivcsw - before->ru_nivcsw);
	note->waited_ns = from->waited_ns == WAIT_UNKNOWN || to->waited_ns == WAIT_UNKNOWN
				  ? WAIT_UNKNOWN
				  : to->waited_ns - from->waited_ns;
}

/* The injected slowdown: waits for this share of the time that the operations took. */
static void linger(struct sm_worker *worker, uint64_t start_ns, double share)
{
	uint64_t until = sm_clock_ns();

	until += (uint64_t)(share * (double)(until - start_ns));
	worker->time_ns += (uint64_t)(share * (double)worker->time_ns);
	while (sm_clock_ns() < until)
		;
}

/* Leaves the gate, then starts counting, so that waiting for the other workers is not part of the slice.  Enabling
 * counters takes some microseconds, which vary, so workers on PUs of their own synchronise once more; they spin for the
 * difference.  Workers that share a PU do not: they would have to sleep, and the scheduler starts them one after the
 * other anyway. */
static bool begin_counting(struct self *self, bool counted, struct usage *before)
{
	if (!meet(self, NULL, NULL, 0))
		return false;
	usage_before(self, before);
	if (counted)
		sm_counters_enable(&self->counters);
	return self->control->shared_pu || meet(self, NULL, NULL, 0);
}

/* Runs one slice.  Only run() is between the timestamps. */
static bool slice(struct self *self, unsigned number)
{
	struct slice_note *note = control_note(self->control, self->index, number);
	struct sm_worker *worker = &self->worker;
	struct usage before, after;
	uint64_t cpu_ns, start_ns, end_ns, ops;
	double inject = self->job->request->inject;
	bool counted = !self->control->warming;

	worker->op_count = self->control->op_count;
	worker->slice_ns = self->job->request->slice_ns;
	/* Workers that share a PU run one after the other: there the first to finish does not end the slice. */
	if (worker->c->scenario->ends != SM_EACH_ALL && !worker->c->shared_pu)
		worker->over = &self->control->over;
	worker->slice = number + 1;
	worker->time_ns = 0;
	/* discard the entries of the warm-up */
	if (worker->histogram && (!counted || number == self->control->first))
		memset(worker->histogram, 0, sizeof(*worker->histogram));
	if (!begin_counting(self, counted, &before))
		return false;
	cpu_ns = sm_clock_cpu_ns();
	start_ns = sm_clock_ns();
	ops = worker->c->scenario->run(worker);
	if (inject > 0)
		linger(worker, start_ns, inject);
	end_ns = sm_clock_ns();
	cpu_ns = sm_clock_cpu_ns() - cpu_ns;
	sm_counters_disable(&self->counters);
	usage_after(self, &after);
	note_usage(note, &before, &after);
	note->start_ns = start_ns;
	note->end_ns = end_ns;
	note->time_ns = worker->time_ns;
	note->cpu_ns = cpu_ns;
	note->ops = ops;
	note->pin_lost = sched_getcpu() != (int)self->pu;
	worker->outcome->ops += ops;
	return !worker->failed;
}

/* Faults in the code, the stack and the vDSO pages that a slice uses, before anything is counted: a fork does not copy
 * page tables of file mappings. */
static void rehearse(struct self *self)
{
	struct slice_note *note = control_note(self->control, self->index, 0);
	struct usage usage;

	usage_before(self, &usage);
	note_usage(note, &usage, &usage);
	note->start_ns = sm_clock_ns();
	note->cpu_ns = sm_clock_cpu_ns();
	note->pin_lost = sched_getcpu() != (int)self->pu;
	self->worker.op_count = 0;
	self->worker.c->scenario->run(&self->worker);
	/* Disable first: page faults of this call are then not counted once the next call enables the counters. */
	sm_counters_disable(&self->counters);
	sm_counters_enable(&self->counters);
	sm_counters_disable(&self->counters);
}

static bool trace(struct self *self)
{
	struct sm_worker *worker = &self->worker;

	if (!meet(self, NULL, NULL, 0))
		return false;
	worker->op_count = self->control->op_count * TRACE_SLICES;
	worker->over = NULL;
	worker->outcome->ops += worker->c->scenario->trace(worker);
	/* No worker exits before all are done: a peer may still read this one's memory. */
	return !worker->failed && meet(self, NULL, NULL, 0);
}

static bool work(struct self *self)
{
	const struct sm_scenario *scenario = self->worker.c->scenario;

	if (scenario->warm_up && scenario->warm_up(&self->worker) < 0)
		return false;
	self->waits = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	sm_counters_open(&self->counters, self->job->context->events, self->job->context->os);
	rehearse(self);
	for (unsigned number = 0;; number++) {
		if (!meet(self, &self->control->probe[number], lead_slice, number))
			return false;
		if (self->control->command == COMMAND_END)
			break;
		if (!slice(self, number))
			return false;
	}
	sm_counters_read(&self->counters, self->slot->count);
	return !self->control->histogram || !scenario->trace || trace(self);
}

/* The work of a process in a trial with a tour: workers 0 and 1 measure the slices while all others sleep. */
static bool work_and_tour(struct self *self)
{
	struct tour *tour = self->control->tour;

	tour_ready(tour, self->index);
	if (self->index == 0 && !tour_gather(tour, &self->control->abort))
		return false;
	if (self->index < self->control->workers && !work(self))
		return false;
	return tour_play(tour, &self->worker, self->index);
}

/* The worker's whole life, below what worker_main() puts on the stack. */
static __attribute__((noinline)) int live(struct worker_job *job, unsigned index)
{
	struct self self = {
		.job = job,
		.control = job->control,
		.slot = &job->control->slot[index],
		.index = index,
		.pu = job->control->tour ? tour_pu(job->control->tour, index) : job->seats->seat[index],
		.waits = -1,
	};
	int rc = settle(&self);

	if (rc != WORKER_DONE)
		return rc;
	prepare(&self);
	if (!(self.control->tour ? work_and_tour(&self) : work(&self))) {
		if (!self.worker.failed)
			return WORKER_ABORTED;
		self.slot->error = self.worker.error;
		return WORKER_FAILED;
	}
	if (job->region && index < job->control->workers && self.slot->got.pages.kind == SM_PAGES_UNSET)
		(void)!sm_region_inspect(job->region, false, &self.slot->got, NULL);
	return WORKER_DONE;
}

/* Where its stack begins may change a worker's speed (docs/adr/0026), so the trial's seed decides, and no two trials
 * begin at one place by habit. */
int worker_main(void *argument, unsigned index)
{
	struct worker_job *job = argument;
	struct sm_random random;
	volatile char *below;
	int rc;

	sm_random_seed(&random, job->request->seed * 0x9e3779b97f4a7c15u + index);
	below = alloca(STACK_STEP * (1 + sm_random_below(&random, STACK_STEPS)));
	below[0] = 0;
	rc = live(job, index);
	return rc + below[0]; /* it is in use until here, so it is not left out */
}
