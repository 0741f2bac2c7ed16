/* What each process of a trial does: sends, receives, or watches that the others go on. */
#include "ends.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "leaks.h"
#include "shmeter/clock.h"
#include "steps.h"

#define NAP_NS 1000000u

struct view {
	struct rig *rig;
	struct rig_control *control;
	struct rig_end *self;
	const struct shmeter_transport *called;
	struct shmeter_channel pair[2];
	uint64_t *message;
	size_t words;
};

unsigned ends_senders(const struct trial *trial)
{
	return trial->way == TRIAL_MANY ? RIG_SENDERS : 1;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
}

static int enter(struct view *view, struct rig *rig, unsigned end, int sends_on, int receives_on)
{
	atomic_store(&rig->control->end[end].pid, getpid());
	view->rig = rig;
	view->control = rig->control;
	view->self = &rig->control->end[end];
	view->words = rig->message / sizeof(uint64_t);
	view->message = aligned_alloc(64, (rig->message + 63) / 64 * 64);
	if (!view->message)
		return sm_fail(&view->self->err, ENOMEM, "no memory for a message");
	view->called = rig_enter(rig, end, sends_on, receives_on, view->pair, &view->self->err);
	if (view->called)
		atomic_store(&view->self->entered, 1);
	return view->called ? 0 : -view->self->err.code;
}

static bool gave_up(struct view *view)
{
	atomic_store(&view->self->early, atomic_load(&view->control->over) == 0);
	atomic_store(&view->self->gave_up, 1);
	return false;
}

static bool send_one(struct view *view, int channel, unsigned sender, uint64_t number)
{
	tally_write(view->message, view->words, sender, number);
	return view->called->send(&view->pair[channel], view->message, view->rig->message) || gave_up(view);
}

static bool receive_one(struct view *view, int channel, struct tally *tallies, unsigned senders)
{
	memset(view->message, 0, view->rig->message);
	if (!view->called->receive(&view->pair[channel], view->message, view->rig->message))
		return gave_up(view);
	tally_take(tallies, senders, view->message, view->words);
	return true;
}

static void pass(struct view *view, const struct trial *trial)
{
	uint64_t passed = atomic_fetch_add_explicit(&view->self->passed, 1, memory_order_release) + 1;

	if (trial->counts && (passed == COUNT_AT || passed == trial->count))
		atomic_store(&view->self->descriptors[passed == trial->count], leaks_descriptors());
}

/* Waits until the call `step` may begin.  Returns false where there are no more. */
static bool await_step(const struct view *view, const struct trial *trial, uint64_t step)
{
	while (trial->way == TRIAL_STEPS && atomic_load(&view->control->step) < step) {
		if (atomic_load(&view->control->over))
			return false;
		sched_yield();
	}
	return true;
}

static void step_done(const struct view *view, const struct trial *trial, uint64_t step)
{
	if (trial->way == TRIAL_STEPS)
		atomic_store(&view->control->stepped, (uint32_t)step);
}

/* The receiver has to know which message is the last before it comes, or it would wait for another. */
static void work_as_sender(struct view *view, const struct trial *trial, unsigned sender)
{
	bool turns = trial->way == TRIAL_TURNS, last = false;

	for (uint64_t i = 0; !last; i++) {
		last = i + 1 == trial->count || atomic_load_explicit(&view->control->enough, memory_order_relaxed);
		if (last)
			atomic_store(&view->control->total[sender], i + 1);
		if (!await_step(view, trial, 2 * i + 1) || !send_one(view, 0, sender, i))
			return;
		step_done(view, trial, 2 * i + 1);
		if (turns && !receive_one(view, 1, &view->control->tally[1], 1))
			return;
		pass(view, trial);
	}
}

/* Whether all have come: doubled messages stand for none. */
static bool is_complete(const struct rig_control *control, unsigned senders)
{
	uint64_t received = 0, total = 0;

	for (unsigned i = 0; i < senders; i++) {
		uint64_t of = atomic_load(&control->total[i]);

		if (of == UINT64_MAX)
			return false;
		total += of;
		received += control->tally[i].received - control->tally[i].doubled;
	}
	return received >= total;
}

static void work_as_receiver(struct view *view, const struct trial *trial, unsigned senders)
{
	bool turns = trial->way == TRIAL_TURNS;

	while (trial->way == TRIAL_FILL && !atomic_load(&view->control->begin))
		nap();
	for (uint64_t i = 0; turns ? i < trial->count : !is_complete(view->control, senders); i++) {
		if (!await_step(view, trial, 2 * i + 2) || !receive_one(view, 0, view->control->tally, senders))
			return;
		step_done(view, trial, 2 * i + 2);
		if (turns && !send_one(view, 1, 0, i))
			return;
		pass(view, trial);
	}
}

struct watch {
	struct rig_control *control;
	const struct trial *trial;
	unsigned ends;
	uint64_t began_ns, moved_ns, looked_ns, passed;
	uint64_t cpu_ns[RIG_ENDS]; /* when one moved last */
};

uint64_t ends_cpu_ns(const struct rig_end *end)
{
	struct timespec time;
	clockid_t clock;
	int pid = atomic_load(&end->pid);

	if (pid == 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
		return 0;
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Whether each end of the first `ends` that has not returned has spun for `ns` since one moved. */
static bool have_spun(const struct watch *watch, unsigned ends, uint64_t ns)
{
	for (unsigned i = 0; i < ends; i++) {
		const struct rig_end *end = &watch->control->end[i];

		if (atomic_load(&end->returned_ns))
			continue;
		if (!atomic_load(&end->entered) || ends_cpu_ns(end) < watch->cpu_ns[i] + ns)
			return false;
	}
	return true;
}

static bool all_returned(const struct watch *watch)
{
	for (unsigned i = 0; i < watch->ends; i++)
		if (!atomic_load(&watch->control->end[i].returned_ns))
			return false;
	return true;
}

/* For how long nobody has moved; time in which this process did not run either does not count. */
static uint64_t stood_ns(struct watch *watch)
{
	uint64_t now = sm_clock_ns(), passed = 0;

	for (unsigned i = 0; i < watch->ends; i++)
		passed += atomic_load(&watch->control->end[i].passed) +
			  (atomic_load(&watch->control->end[i].returned_ns) != 0) +
			  atomic_load(&watch->control->end[i].entered);
	if (passed != watch->passed || now - watch->looked_ns > STALL_NS / 5) {
		watch->moved_ns = now;
		for (unsigned i = 0; i < watch->ends; i++)
			watch->cpu_ns[i] = ends_cpu_ns(&watch->control->end[i]);
	}
	watch->passed = passed;
	watch->looked_ns = now;
	return now - watch->moved_ns;
}

/* The channel is full, or takes without end: now the receiver begins. */
static void let_receive(struct watch *watch, uint64_t stood)
{
	uint64_t held = atomic_load(&watch->control->end[0].passed);
	bool enough =
		held * watch->trial->message >= watch->trial->capacity / watch->trial->message * watch->trial->message;
	bool returned = atomic_load(&watch->control->end[0].returned_ns) != 0;

	if (!returned && stood < (enough ? FULL_NS : STALL_NS / 2) && !(enough && have_spun(watch, 1, FULL_SPUN_NS)))
		return;
	atomic_store(&watch->control->held, held);
	atomic_store(&watch->control->enough, 1);
	watch->moved_ns = sm_clock_ns();
	atomic_store(&watch->control->begin, 1);
}

static bool any_early(const struct watch *watch)
{
	for (unsigned i = 0; i < watch->ends; i++)
		if (atomic_load(&watch->control->end[i].early))
			return true;
	return false;
}

static int work_as_watcher(struct rig *rig, const struct trial *trial)
{
	struct rig_control *control = rig->control;
	uint64_t now = sm_clock_ns();
	struct watch watch = { control, trial, ends_senders(trial) + 1, now, now, now, 0, { 0 } };

	if (trial->way == TRIAL_STEPS)
		steps_watch(rig, trial);
	while (!all_returned(&watch)) {
		uint64_t stood = stood_ns(&watch);

		nap();
		if (sm_clock_ns() - watch.began_ns > trial->budget_ns && trial->way != TRIAL_TURNS)
			atomic_store(&control->enough, 1);
		if (trial->way == TRIAL_FILL && !atomic_load(&control->begin))
			let_receive(&watch, stood);
		else if (stood > STALL_NS || have_spun(&watch, watch.ends, SPUN_NS) || any_early(&watch))
			break;
	}
	if (all_returned(&watch)) {
		atomic_store(&control->done, 1);
		return 0;
	}
	atomic_store(&control->stalled, !any_early(&watch));
	atomic_store(&control->over, 1);
	for (unsigned i = 0; i < watch.ends; i++)
		watch.cpu_ns[i] = ends_cpu_ns(&control->end[i]);
	for (now = sm_clock_ns(); !all_returned(&watch) && sm_clock_ns() - now < STALL_NS;) {
		nap();
		if (!all_returned(&watch) && have_spun(&watch, watch.ends, SPUN_NS))
			break;
	}
	atomic_store(&control->hung, !all_returned(&watch));
	return !all_returned(&watch);
}

static int leave(struct view *view)
{
	atomic_store(&view->self->returned_ns, sm_clock_ns());
	return 0;
}

/* As in a run, an end lives until the other has all messages: a library may still hold some in the sender. */
static int leave_together(struct view *view)
{
	int rc = leave(view);

	while (!atomic_load(&view->control->done) && !atomic_load(&view->control->over))
		nap();
	return rc;
}

int ends_main(void *argument, unsigned index)
{
	const struct work *work = argument;
	unsigned senders = ends_senders(work->trial);
	bool turns = work->trial->way == TRIAL_TURNS;
	struct view view;

	if (index == senders + 1)
		return work_as_watcher(work->rig, work->trial);
	if (index < senders) {
		if (enter(&view, work->rig, index, 0, turns ? 1 : -1) < 0)
			return 1;
		work_as_sender(&view, work->trial, index);
	} else {
		if (enter(&view, work->rig, index, turns ? 1 : -1, 0) < 0)
			return 1;
		work_as_receiver(&view, work->trial, senders);
	}
	return leave_together(&view);
}

/* A library may attach to a living peer alone. */
static void await_peer(struct rig_end *peer)
{
	for (uint64_t began = sm_clock_ns(); !atomic_load(&peer->entered) && sm_clock_ns() - began < ATTACH_NS;)
		nap();
}

int ends_alone(void *argument, unsigned index)
{
	const struct work *work = argument;
	unsigned end = work->receives ? 1 : 0;
	struct view view;

	(void)index;
	if (enter(&view, work->rig, end, work->receives ? -1 : 0, work->receives ? 0 : -1) < 0)
		return 1;
	if (work->delay_ns) { /* SIGALRM kills, wherever the process then is */
		struct itimerval timer = { .it_value = { (time_t)(work->delay_ns / 1000000000u),
							 (suseconds_t)(work->delay_ns % 1000000000u / 1000u + 1) } };

		await_peer(&work->rig->control->end[!end]);
		setitimer(ITIMER_REAL, &timer, NULL);
	}
	if (work->receives)
		work_as_receiver(&view, work->trial, 1);
	else
		work_as_sender(&view, work->trial, 0);
	return leave(&view);
}
