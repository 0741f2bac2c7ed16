/* What each process of a trial of a lock does: takes it, dies with it, recovers it, or watches that it goes on. */
#include "lock_ends.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "shmeter/clock.h"
#include "shmeter/spin.h"
#include "shmeter/stats.h"

#define NAP_NS  1000000u
#define HOLD_NS 50000u /* of a turn that sleeps with the lock: long enough for others to come and wait */
#define TURNS   256u   /* of spinning inside or outside, at most */

struct view {
	struct lock_control *control;
	struct lock_end *self;
	const struct shmeter_lock *called;
	struct shmeter_owner owner;
	struct sm_random random;
	bool killing; /* somebody is killed in this life: takers hold the lock most of the time */
};

static void nap(uint64_t ns)
{
	nanosleep(&(struct timespec){ .tv_nsec = (long)ns }, NULL);
}

static int enter(struct view *view, const struct lock_work *work, uint32_t index)
{
	view->control = work->rig->control;
	view->self = &view->control->end[index];
	view->killing = atomic_load(&view->control->dies) != 0;
	sm_random_seed(&view->random, work->seed + index);
	view->called = lock_rig_enter(work->rig, index, &view->owner, &view->self->err);
	if (!view->called)
		return -view->self->err.code;
	atomic_store(&view->self->entered, 1);
	return 0;
}

/* So that turns meet in many ways; now and then another process runs meanwhile. */
static void dawdle(struct view *view, bool inside)
{
	uint64_t turns = sm_random_below(&view->random, TURNS);

	if (inside && (turns == 0 || (view->killing && turns % 4 == 0)))
		nap(HOLD_NS);
	else if (turns == 1)
		sched_yield();
	for (; turns > 0; turns--)
		sm_relax();
}

/* One who is about to be killed may be there: that it was not yet dead it would find itself. */
static void note_holder(struct view *view, uint32_t seen, uint32_t expected)
{
	if (seen != expected && (seen == 0 || seen != atomic_load(&view->control->dies)))
		atomic_fetch_add(&view->control->overlaps, 1);
}

/* Takes the lock, adds to the count under it, and gives it back.  `dies`: it does not.  False: it did not get it. */
static bool take_once(struct view *view, bool dies)
{
	struct lock_control *control = view->control;
	uint32_t me = view->owner.index + 1;
	uint64_t count;
	int code = view->called->lock(&view->owner);

	if (code && !(code == EOWNERDEAD && view->killing)) {
		sm_fail(&view->self->err, EIO, "lock() returned %d (%s)", code, strerror(code));
		return false;
	}
	note_holder(view, atomic_exchange(&control->holder, me), 0);
	count = control->count;
	dawdle(view, true);
	if (dies)
		raise(SIGALRM);
	control->count = count + 1;
	atomic_fetch_add(&view->self->added, 1);
	note_holder(view, atomic_exchange(&control->holder, 0), me);
	view->called->unlock(&view->owner);
	atomic_fetch_add_explicit(&view->self->taken, 1, memory_order_release);
	return true;
}

static int leave(struct view *view)
{
	atomic_store(&view->self->returned_ns, sm_clock_ns());
	return 0;
}

static int work_as_taker(struct view *view, const struct lock_trial *trial)
{
	const struct lock_end *before = view->self - 1, *healer = &view->control->end[LOCK_HEALER];

	while (trial->in_turn && view->owner.index > 0 && !atomic_load(&before->returned_ns))
		nap(NAP_NS);
	for (uint64_t i = 0; i < trial->count; i++) {
		if (!trial->in_turn && atomic_load_explicit(&view->control->enough, memory_order_relaxed))
			break;
		if (!take_once(view, false))
			return 1;
		if (view->killing && atomic_load_explicit(&healer->recovered, memory_order_relaxed))
			nap(HOLD_NS); /* a lock need not be fair, and the healer's time is limited */
		else if (!trial->in_turn)
			dawdle(view, false);
	}
	return leave(view);
}

static bool all_returned(const struct lock_control *control, unsigned takers)
{
	for (unsigned i = 0; i < takers; i++)
		if (!atomic_load(&control->end[i].returned_ns))
			return false;
	return true;
}

/* All that moves. */
static uint64_t progress(const struct lock_control *control, unsigned takers)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < takers; i++)
		sum += atomic_load(&control->end[i].taken) + atomic_load(&control->end[i].entered) +
		       (atomic_load(&control->end[i].returned_ns) != 0);
	return sum;
}

/* Time in which this process did not run either does not count. */
static int work_as_watcher(struct lock_control *control, const struct lock_trial *trial)
{
	uint64_t began = sm_clock_ns(), moved = began, looked = began, seen = 0;

	while (!all_returned(control, trial->takers)) {
		uint64_t now = sm_clock_ns(), sum = progress(control, trial->takers);

		if (sum != seen || now - looked > LOCK_STALL_NS / 5)
			moved = now;
		seen = sum;
		looked = now;
		if (now - began > trial->budget_ns)
			atomic_store(&control->enough, 1);
		if (now - moved > LOCK_STALL_NS) {
			atomic_store(&control->stalled, 1);
			return 1; /* who waits in lock() is killed */
		}
		nap(NAP_NS);
	}
	return 0;
}

int lock_ends_main(void *argument, unsigned index)
{
	const struct lock_work *work = argument;
	struct view view;

	if (index == work->trial->takers)
		return work_as_watcher(work->rig->control, work->trial);
	return enter(&view, work, index) < 0 ? 1 : work_as_taker(&view, work->trial);
}

int lock_ends_victim(void *argument, unsigned index)
{
	const struct lock_work *work = argument;
	struct view view;
	uint64_t last;

	(void)index;
	if (enter(&view, work, LOCK_VICTIM) < 0)
		return 1;
	for (unsigned i = 0; i < LOCK_VICTIM; i++)
		while (!atomic_load(&view.control->end[i].taken)) /* or the team is ended */
			nap(NAP_NS);
	last = 1 + sm_random_below(&view.random, 16);
	if (work->death == LOCK_DEATH_ANYWHERE) { /* SIGALRM kills, wherever the process then is */
		struct itimerval timer = { .it_value = { 0, (suseconds_t)(work->delay_ns / 1000u + 1) } };

		setitimer(ITIMER_REAL, &timer, NULL);
		last = UINT64_MAX;
	}
	for (uint64_t i = 1; i <= last; i++) {
		if (!take_once(&view, work->death == LOCK_DEATH_INSIDE && i == last))
			return 1;
		dawdle(&view, false);
	}
	raise(SIGALRM);
	return 1;
}

int lock_ends_healer(void *argument, unsigned index)
{
	const struct lock_work *work = argument;
	struct view view;
	int code;

	(void)index;
	if (enter(&view, work, LOCK_HEALER) < 0)
		return 1;
	code = view.called->recover(&view.owner, LOCK_VICTIM);
	if (code)
		sm_fail(&view.self->err, EIO, "recover() returned %d (%s)", code, strerror(code));
	if (code)
		return 1;
	atomic_store(&view.self->recovered, 1);
	return take_once(&view, false) ? leave(&view) : 1;
}
